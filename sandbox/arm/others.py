"""Small parts of further providers: resource health, the activity log, user-assigned
identities, key vaults.

Shapes are those of the REST references (Resource Health 2023-07-01, Activity Logs 2015-04-01, Managed
Identity 2023-01-31, Key Vault 2023-07-01).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sandbox.access import stable_guid
from sandbox.arm import Found, Route, not_found, ok, page, route
from sandbox.azure import Azure, entries, table
from sandbox.wire import Answer, Request

__all__ = ["routes"]

_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}/providers"
_VAULTS = "Microsoft.KeyVault/vaults"
_IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
_GONE = ("deleted", "absent", "purged")


def routes(azure: Azure) -> list[Route]:
    """Return the routes of these providers."""
    it = _Others(azure)
    events = "/subscriptions/{subscription}/providers/Microsoft.Insights/eventtypes/management/values"
    health = "{scope*}/providers/Microsoft.ResourceHealth/availabilityStatuses/current"
    return [
        route("GET", health, it.health),
        route("GET", events, it.events),
        route("GET", f"{_GROUP}/{_IDENTITIES}/{{name}}", it.identity),
        route("GET", "{scope*}/providers/Microsoft.ManagedIdentity/identities/default", it.system_identity),
        route("GET", f"/subscriptions/{{subscription}}/providers/{_VAULTS}", it.vaults),
        route("GET", "/subscriptions/{subscription}/providers/Microsoft.KeyVault/deletedVaults", it.deleted_vaults),
        route("POST", "/subscriptions/{subscription}/providers/Microsoft.KeyVault/checkNameAvailability", it.free),
        route("GET", f"{_GROUP}/{_VAULTS}/{{name}}", it.vault),
        route("GET", f"{_GROUP}/{_VAULTS}/{{name}}/keys/{{key}}", it.key),
        route("GET", f"{_GROUP}/{_VAULTS}/{{name}}/keys/{{key}}/versions/{{version}}", it.key_version),
    ]


class _Others:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    def health(self, request: Request, found: Found) -> Answer:
        wanted = found["scope"].lower()
        registry = next((it for it in self._azure.registries() if it["id"].lower() == wanted), None)
        if registry is None:
            return not_found(found["scope"])
        properties = {
            "availabilityState": registry.get("resource_health") or "Available",
            "summary": "",
            "reasonType": "",
            "occurredTime": self._azure.scenario.failed_at.isoformat(),
        }
        kind = "Microsoft.ResourceHealth/AvailabilityStatuses"
        return ok({"id": request.path, "name": "current", "type": kind, "properties": properties})

    def events(self, request: Request, _found: Found) -> Answer:
        asked = request.query.get("$filter") or ""
        since, until = (re.search(rf"eventTimestamp {it} '([^']+)'", asked) for it in ("ge", "le"))
        about = re.search(r"(?:resourceUri|resourceId) eq '([^']+)'", asked)
        group = re.search(r"resourceGroupName eq '([^']+)'", asked)
        kept = [
            _event(it)
            for it in entries(self._azure.world, "activity_log")
            if (not since or _moment(it["time"]) >= _moment(since[1]))
            and (not until or _moment(it["time"]) <= _moment(until[1]))
            and (not about or (it.get("resource") or "").lower() == about[1].lower())
            and (not group or f"/resourcegroups/{group[1]}/".lower() in f"{it.get('resource')}/".lower())
        ]
        return page(request, kept)

    def _identities(self) -> Iterator[tuple[str, str | None, str | None]]:
        """Yield (id, principal id, client id) of every identity that still exists."""
        for registry in self._azure.registries():
            for it in entries(table(registry, "identity"), "user_assigned"):
                if (it.get("state") or "present").lower() not in _GONE:
                    yield it["id"], stable_guid("principal", it["id"]), stable_guid("client", it["id"])
        workspaces = [self._azure.workspace_id(it) for it in entries(self._azure.world, "workspaces")]
        groups = {it.split("/providers/")[0] for it in workspaces}
        for carrier in (*entries(self._azure.world, "computes"), *entries(self._azure.world, "workspaces")):
            for it in entries(table(carrier, "identity"), "user_assigned"):
                for group in groups:
                    where = f"{group}/providers/{_IDENTITIES}/{it['name']}"
                    yield (
                        where,
                        it.get("principal_id"),
                        it.get("client_id") or stable_guid("client", it["name"]),
                    )

    def identity(self, request: Request, _found: Found) -> Answer:
        named = [it for it in self._identities() if it[0].lower() == request.path.lower()]
        if not named:
            return not_found(request.path)
        where, principal, client = named[0]
        properties = {"tenantId": self._azure.tenant, "principalId": principal, "clientId": client}
        name = where.rpartition("/")[2]
        return ok(
            {
                "id": where,
                "name": name,
                "type": _IDENTITIES,
                "location": "westeurope",
                "properties": properties,
            }
        )

    def system_identity(self, request: Request, found: Found) -> Answer:
        """Return a compute's or an online endpoint's system-assigned identity with its client id (2023-01-31)."""
        parent, _, name = found["scope"].lower().rpartition("/")
        carriers = entries(self._azure.world, "computes")
        if parent.endswith("/onlineendpoints"):
            carriers = [at for it in entries(self._azure.world, "workspaces") for at in entries(it, "online_endpoints")]
        stated: Mapping[str, Any] = next((it for it in carriers if it["name"].lower() == name), {})
        identity = table(stated, "identity")
        if not (principal := identity.get("principal_id")):
            return not_found(request.path)
        client = identity.get("app_id") or stable_guid("client", stated["name"])
        properties = {"tenantId": self._azure.tenant, "principalId": principal, "clientId": client}
        kind = "Microsoft.ManagedIdentity/identities"
        return ok({"id": request.path, "name": "default", "type": kind, "properties": properties})

    def _vaults(self) -> dict[str, Mapping[str, Any]]:
        present = (
            it for it in entries(self._azure.world, "key_vaults") if (it.get("state") or "").lower() not in _GONE
        )
        return {it["name"].lower(): it for it in present}

    def vaults(self, request: Request, found: Found) -> Answer:
        workspace = self._azure.workspace_named(None)
        group = workspace["resource_group"] if workspace else "none"
        prefix = f"/subscriptions/{found['subscription']}/resourceGroups/{group}/providers/{_VAULTS}"
        return page(request, [_vault(f"{prefix}/{it['name']}", it) for it in self._vaults().values()])

    def _known_vaults(self) -> dict[str, str]:
        """Every vault's name and state in lower case; a purged or absent one is not known at all."""
        stated = entries(self._azure.world, "key_vaults")
        states = {it["name"].lower(): (it.get("state") or "present").lower() for it in stated}
        return {name: state for name, state in states.items() if state not in ("purged", "absent")}

    def deleted_vaults(self, request: Request, found: Found) -> Answer:
        names = [name for name, state in self._known_vaults().items() if state in _GONE]
        prefix = f"/subscriptions/{found['subscription']}/providers/Microsoft.KeyVault/locations/westeurope"
        return page(request, [{"id": f"{prefix}/deletedVaults/{it}", "name": it, "properties": {}} for it in names])

    def free(self, request: Request, _found: Found) -> Answer:
        taken = str(request.json().get("name", "")).lower() in self._known_vaults()
        return ok({"nameAvailable": not taken, **({"reason": "AlreadyExists"} if taken else {})})

    def vault(self, request: Request, found: Found) -> Answer:
        stated = self._vaults().get(found["name"].lower())
        return not_found(request.path) if stated is None else ok(_vault(request.path, stated))

    def key(self, request: Request, found: Found) -> Answer:
        key = self._key(found)
        return not_found(request.path) if key is None else _key_document(request.path, found["name"], key, key)

    def key_version(self, request: Request, found: Found) -> Answer:
        """A key whose versions are not stated has every one, in the state of the key."""
        key = self._key(found) or {}
        versions = {it["version"]: it for it in entries(key, "versions")}
        stated = versions.get(found["version"]) if versions else key
        return _key_document(request.path, found["name"], key, stated) if stated else not_found(request.path)

    def _key(self, found: Found) -> Mapping[str, Any] | None:
        stated = self._vaults().get(found["name"].lower()) or {}
        return next((it for it in entries(stated, "keys") if it["name"].lower() == found["key"].lower()), None)


def _key_document(path: str, vault: str, key: Mapping[str, Any], state: Mapping[str, Any]) -> Answer:
    uri = f"https://{vault}.vault.azure.net/keys/{key['name']}"
    properties = {"attributes": {"enabled": state.get("enabled") is not False}, "keyUri": uri}
    return ok({"id": path, "name": key["name"], "type": f"{_VAULTS}/keys", "properties": properties})


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else datetime.fromisoformat(f"{text}+00:00")


def _vault(where: str, stated: Mapping[str, Any]) -> dict[str, Any]:
    properties = {"vaultUri": f"https://{stated['name']}.vault.azure.net/", "provisioningState": "Succeeded"}
    return {
        "id": where,
        "name": stated["name"],
        "type": _VAULTS,
        "location": "westeurope",
        "properties": properties,
    }


def _event(it: Mapping[str, Any]) -> dict[str, Any]:
    operation, resource = it.get("operation") or "", it.get("resource") or ""
    return {
        "eventTimestamp": it["time"],
        "operationName": {"value": operation, "localizedValue": operation},
        "resourceId": resource,
        "status": {"value": "Succeeded", "localizedValue": "Succeeded"},
        "caller": "owner@contoso.example",
        "correlationId": stable_guid("event", it["time"], operation, resource),
    }
