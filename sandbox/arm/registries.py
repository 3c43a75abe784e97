"""Microsoft.ContainerRegistry: registries and what hangs on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.access import stable_guid
from sandbox.arm import Found, Handler, Route, not_found, ok, page, route, system_data
from sandbox.azure import Azure, entries, table
from sandbox.wire import Answer, Request

__all__ = ["routes"]

_TYPE = "Microsoft.ContainerRegistry/registries"
_ANY = "/subscriptions/{subscription}/providers/Microsoft.ContainerRegistry"
_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerRegistry"
_ONE = f"{_GROUP}/registries/{{name}}"
_GIB = 1024**3
# "Container registry service tiers" (container-registry-skus): included or maximal storage, webhooks.
_LIMITS = {"Basic": (10 * _GIB, 2), "Standard": (100 * _GIB, 10), "Premium": (500 * _GIB, 500)}


def routes(azure: Azure) -> list[Route]:
    """Return the routes of this provider."""
    it = _Registries(azure)
    return [
        route("GET", f"{_ANY}/registries", it.all),
        route("POST", f"{_ANY}/checkNameAvailability", it.check_name),
        route("GET", f"{_GROUP}/registries", it.all),
        route("GET", _ONE, it.one),
        route("GET", f"{_ONE}/replications", it.replications),
        route("GET", f"{_ONE}/replications/{{child}}", it.replication),
        route("GET", f"{_ONE}/listUsages", it.usages),
        route("GET", f"{_ONE}/privateEndpointConnections", it.connections),
        route("GET", f"{_ONE}/privateEndpointConnections/{{child}}", it.connection),
        route("GET", f"{_ONE}/cacheRules", it.listed("cache_rules", _cache_rule)),
        route("GET", f"{_ONE}/credentialSets", it.listed("credential_sets", _credential_set)),
        route("GET", f"{_ONE}/credentialSets/{{child}}", it.named("credential_sets", _credential_set)),
        route("GET", f"{_ONE}/tokens", it.listed("tokens", _token)),
        route("GET", f"{_ONE}/tokens/{{child}}", it.named("tokens", _token)),
        route("GET", f"{_ONE}/scopeMaps", it.listed("scope_maps", _scope_map)),
        route("GET", f"{_ONE}/scopeMaps/{{child}}", it.named("scope_maps", _scope_map)),
        route("GET", f"{_ONE}/webhooks", it.none),
    ]


class _Registries:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    def _visible(self) -> list[Mapping[str, Any]]:
        gone = {it.lower() for it in entries(self._azure.world, "arm_not_found")}
        return [it for it in self._azure.registries() if it["id"].lower() not in gone]

    def _find(self, found: Found) -> Mapping[str, Any] | None:
        scope = f"/subscriptions/{found['subscription']}/resourcegroups/{found['group']}/"
        wanted = f"{scope}providers/{_TYPE}/{found['name']}".lower()
        return next((it for it in self._visible() if it["id"].lower() == wanted), None)

    def all(self, request: Request, found: Found) -> Answer:
        scope = f"/subscriptions/{found['subscription']}/".lower()
        if "group" in found:
            scope += f"resourcegroups/{found['group']}/".lower()
        version = request.query["api-version"]
        return page(request, [document(it, version) for it in self._visible() if it["id"].lower().startswith(scope)])

    def one(self, request: Request, found: Found) -> Answer:
        registry, version = self._find(found), request.query["api-version"]
        if registry is None:
            return not_found(request.path)
        return ok(document(registry, version)).plus(("api-supported-versions", version))

    def check_name(self, request: Request, _found: Found) -> Answer:
        name = str(request.json().get("name", "")).lower()
        if not self._taken(name):
            return ok({"nameAvailable": True})
        message = f"The registry {name} is already in use."
        return ok({"nameAvailable": False, "reason": "AlreadyExists", "message": message})

    def _taken(self, name: str) -> bool:
        for stated in entries(self._azure.world, "name_availability"):
            if stated["name"].lower().removesuffix(self._azure.hosts.registry_suffix) == name:
                return not stated.get("available")
        if any(it["name"].lower() == name for it in self._visible()):
            return True
        host = f"{name}{self._azure.hosts.registry_suffix}"
        answers = {it["host"].lower(): it.get("answer") or "" for it in entries(self._azure.world, "public_dns")}
        return answers.get(host, "").lower().startswith("resolves")

    def _children(self, found: Found, kind: str) -> list[dict[str, Any]] | None:
        registry = self._find(found)
        if registry is None:
            return None
        return replications(registry) if kind == "replications" else connections(registry)

    def _listed(self, request: Request, found: Found, kind: str) -> Answer:
        children = self._children(found, kind)
        return not_found(request.path.rpartition("/")[0]) if children is None else page(request, children)

    def _child(self, request: Request, found: Found, kind: str) -> Answer:
        children = self._children(found, kind) or []
        named = [it for it in children if it["name"].lower() == found["child"].lower()]
        return ok(named[0]) if named else not_found(request.path)

    def replications(self, request: Request, found: Found) -> Answer:
        return self._listed(request, found, "replications")

    def replication(self, request: Request, found: Found) -> Answer:
        return self._child(request, found, "replications")

    def connections(self, request: Request, found: Found) -> Answer:
        return self._listed(request, found, "privateEndpointConnections")

    def connection(self, request: Request, found: Found) -> Answer:
        return self._child(request, found, "privateEndpointConnections")

    def usages(self, request: Request, found: Found) -> Answer:
        registry = self._find(found)
        return not_found(request.path.rpartition("/")[0]) if registry is None else ok({"value": usages(registry)})

    def listed(self, key: str, shape: _Shape) -> Handler:
        """Return the handler of a list of what a registry states under ``key``."""

        def answer(request: Request, found: Found) -> Answer:
            registry = self._find(found)
            if registry is None:
                return not_found(request.path.rpartition("/")[0])
            return page(request, [shape(registry, it) for it in entries(registry, key)])

        return answer

    def named(self, key: str, shape: _Shape) -> Handler:
        """Return the handler of one of these, by its name."""

        def answer(request: Request, found: Found) -> Answer:
            registry = self._find(found)
            stated = (
                [it for it in entries(registry, key) if it["name"].lower() == found["child"].lower()]
                if registry
                else []
            )
            return ok(shape(registry, stated[0])) if registry and stated else not_found(request.path)

        return answer

    def none(self, request: Request, found: Found) -> Answer:
        """Kinds of which no world has any: an empty list where the registry exists."""
        return not_found(request.path.rpartition("/")[0]) if self._find(found) is None else page(request, [])


_Shape = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]


def _child(registry: Mapping[str, Any], kind: str, stated: Mapping[str, Any], properties: Any) -> dict[str, Any]:
    """Return a resource below a registry (SDK models of 2025-11-01, not recorded)."""
    where = f"{registry['id']}/{kind}/{stated['name']}"
    shown = {"provisioningState": "Succeeded", **properties}
    return {"type": f"{_TYPE}/{kind}", "id": where, "name": stated["name"], "properties": shown}


def _cache_rule(registry: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    stored = stated.get("credential_set")
    properties = {
        "sourceRepository": stated["source"],
        "targetRepository": stated["target"],
        "credentialSetResourceId": f"{registry['id']}/credentialSets/{stored}" if stored else None,
    }
    return _child(registry, "cacheRules", stated, properties)


def _credential_set(registry: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    health = {"status": stated.get("health") or "Healthy"}
    if stated.get("error"):
        health |= {"errorCode": stated.get("error_code") or "CREDENTIALS_FETCH", "errorMessage": stated["error"]}
    vault = "https://example-vault.vault.azure.net/secrets"
    credential = {
        "name": "Credential1",
        "usernameSecretIdentifier": f"{vault}/user",
        "passwordSecretIdentifier": f"{vault}/password",
        "credentialHealth": health,
    }
    return _child(registry, "credentialSets", stated, {"loginServer": "docker.io", "authCredentials": [credential]})


def _token(registry: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    passwords = [
        {"name": f"password{number}", **({"expiry": end} if end else {})}
        for number, end in enumerate(stated.get("expires") or (), start=1)
    ]
    properties = {
        "scopeMapId": f"{registry['id']}/scopeMaps/{stated.get('scope_map') or '_repositories_pull'}",
        "status": stated.get("status") or "enabled",
        "credentials": {"passwords": passwords},
    }
    return _child(registry, "tokens", stated, properties)


def _scope_map(registry: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    return _child(registry, "scopeMaps", stated, {"type": "UserDefined", "actions": list(stated.get("actions") or ())})


def _sku(registry: Mapping[str, Any]) -> str:
    return registry.get("sku") or "Basic"


def _created(registry: Mapping[str, Any]) -> str:
    return registry.get("created") or "2025-01-01T00:00:00.0000000Z"


def document(registry: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Return a registry as one api-version shows it; whole groups of properties came with later versions
    (recorded).
    """
    body: dict[str, Any] = {
        "sku": {"name": _sku(registry), "tier": _sku(registry)},
        "type": _TYPE,
        "id": registry["id"],
        "name": registry["name"],
        "location": registry.get("region") or "westeurope",
        "tags": dict(registry.get("tags") or {}),
    }
    if identity := _identity(registry):
        body["identity"] = identity
    if version < "2019":
        return body | {"properties": _oldest(registry)}
    return body | {
        "systemData": system_data(_created(registry), changed=registry.get("changed") or ""),
        "properties": _properties(registry, version),
    }


def _identity(registry: Mapping[str, Any]) -> dict[str, Any] | None:
    stated = table(registry, "identity")
    if not stated or stated.get("type") in (None, "None"):
        return None
    assigned = {
        it["id"]: {
            "principalId": stable_guid("principal", it["id"]),
            "clientId": stable_guid("client", it["id"]),
        }
        for it in entries(stated, "user_assigned")
    }
    return {"type": stated["type"], **({"userAssignedIdentities": assigned} if assigned else {})}


def _oldest(registry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "loginServer": registry["login_server"],
        "creationDate": _created(registry),
        "provisioningState": registry.get("provisioning_state") or "Succeeded",
        "adminUserEnabled": bool(registry.get("adminUserEnabled")),
    }


def _properties(registry: Mapping[str, Any], version: str) -> dict[str, Any]:
    shown = _oldest(registry)
    if _sku(registry) == "Premium":
        shown["networkRuleSet"] = _network_rules(registry, version)
    shown |= {
        "policies": _policies(registry, version),
        "encryption": _encryption(registry),
        "dataEndpointEnabled": bool(registry.get("dataEndpointEnabled")),
        "dataEndpointHostNames": _data_endpoints(registry),
        "privateEndpointConnections": connections(registry),
        "publicNetworkAccess": registry.get("publicNetworkAccess") or "Enabled",
        "networkRuleBypassOptions": registry.get("networkRuleBypassOptions") or "AzureServices",
        "zoneRedundancy": "Disabled",
        "anonymousPullEnabled": bool(registry.get("anonymousPullEnabled")),
    }
    return shown | _later(registry, version)


def _later(registry: Mapping[str, Any], version: str) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if version >= "2024-11":
        shown["metadataSearch"] = "Disabled"
        shown["roleAssignmentMode"] = registry.get("roleAssignmentMode") or "LegacyRegistryPermissions"
        shown["autoGeneratedDomainNameLabelScope"] = registry.get("autoGeneratedDomainNameLabelScope") or "Unsecure"
    if version >= "2025-06":
        shown["networkRuleBypassAllowedForTasks"] = bool(registry.get("networkRuleBypassAllowedForTasks"))
    if version >= "2026-09":
        shown |= {
            "regionalEndpoints": "Disabled",
            "regionalEndpointHostNames": [],
            "endpointProtocol": "IPv4",
            "writableCacheRepos": "Disabled",
        }
    return shown


def _network_rules(registry: Mapping[str, Any], version: str) -> dict[str, Any]:
    stated = table(registry, "networkRuleSet")
    shown: dict[str, Any] = {"defaultAction": stated.get("defaultAction") or "Allow"}
    if version >= "2026-09":
        shown["virtualNetworkRules"] = []
    return shown | {"ipRules": [{"action": "Allow", "value": it} for it in entries(stated, "ipRules")]}


def _policies(registry: Mapping[str, Any], version: str) -> dict[str, Any]:
    stated, updated = table(registry, "policies"), _created(registry).removesuffix("Z") + "+00:00"
    shown: dict[str, Any] = {
        "quarantinePolicy": {"status": stated.get("quarantinePolicy") or "disabled"},
        "trustPolicy": {"type": "Notary", "status": "disabled"},
        "retentionPolicy": {"days": 7, "lastUpdatedTime": updated, "status": "disabled"},
        "exportPolicy": {"status": "enabled"},
        "azureADAuthenticationAsArmPolicy": {"status": stated.get("azureADAuthenticationAsArmPolicy") or "enabled"},
    }
    if version.endswith("-preview"):
        shown["softDeletePolicy"] = {"retentionDays": 7, "lastUpdatedTime": updated, "status": "disabled"}
    return shown


def _encryption(registry: Mapping[str, Any]) -> dict[str, Any]:
    stated = table(registry, "encryption")
    shown: dict[str, Any] = {"status": stated.get("status") or "disabled"}
    if key := table(stated, "keyVaultProperties"):
        shown["keyVaultProperties"] = {"keyRotationEnabled": False, **key}
    return shown


def _data_endpoints(registry: Mapping[str, Any]) -> list[str]:
    if stated := entries(registry, "dataEndpointHostNames"):
        return stated
    if not registry.get("dataEndpointEnabled"):
        return []
    label, _, suffix = registry["login_server"].partition(".")
    locations = [it["location"] for it in replications(registry)] or [registry.get("region")]
    return [f"{label}.{location}.data.{suffix}" for location in locations]


def connections(registry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Private endpoint connections: without ``actionsRequired``, rejected ones listed too
    (recorded shape).
    """
    return [_connection(registry, it) for it in entries(registry, "privateEndpointConnections")]


def _connection(registry: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    group = registry["id"].split("/providers/")[0]
    vnet = stated.get("privateEndpointVnet") or group
    endpoint = f"{vnet.split('/providers/')[0]}/providers/Microsoft.Network/privateEndpoints/{stated['name']}"
    state = {"status": stated.get("status") or "Approved"}
    if stated.get("description") is not None:
        state["description"] = stated["description"]
    return {
        "type": f"{_TYPE}/privateEndpointConnections",
        "id": f"{registry['id']}/privateEndpointConnections/{stated['name']}",
        "name": stated["name"],
        "properties": {
            "privateEndpoint": {"id": endpoint},
            "privateLinkServiceConnectionState": state,
            "provisioningState": stated.get("provisioningState") or "Succeeded",
        },
    }


def replications(registry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Replications; the home region is itself one, named like the registry (recorded). Only
    Premium has any.
    """
    if _sku(registry) != "Premium":
        return []
    home = registry.get("region") or "westeurope"
    stated = {it["location"]: it for it in entries(registry, "replications")}
    rest = [(location, location, it) for location, it in stated.items() if location != home]
    return [_replication(registry, *it) for it in [(registry["name"], home, stated.get(home) or {}), *rest]]


def _replication(registry: Mapping[str, Any], name: str, location: str, it: Mapping[str, Any]) -> dict[str, Any]:
    status = {"displayStatus": it.get("displayStatus") or "Ready"}
    status["timestamp"] = it.get("statusTimestamp") or _created(registry)
    enabled = it.get("regionEndpointEnabled")
    return {
        "type": f"{_TYPE}/replications",
        "id": f"{registry['id']}/replications/{name}",
        "name": name,
        "location": location,
        "tags": {},
        "systemData": system_data(_created(registry)),
        "properties": {
            "provisioningState": it.get("provisioningState") or "Succeeded",
            "status": status,
            "regionEndpointEnabled": True if enabled is None else enabled,
            "zoneRedundancy": "Disabled",
        },
    }


def usages(registry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Usages in bytes and counts; a limit of -1 means none (recorded shape)."""
    size, webhooks = _LIMITS.get(_sku(registry), _LIMITS["Premium"])
    rules = entries(table(registry, "networkRuleSet"), "ipRules")
    known = {
        "Size": ("Bytes", 0, size),
        "Webhooks": ("Count", 0, webhooks),
        "Geo-replications": ("Count", len(replications(registry)), -1 if _sku(registry) == "Premium" else 0),
        "IPRules": ("Count", len(rules), 200 if _sku(registry) == "Premium" else 0),
        "PrivateEndpointConnections": ("Count", len(connections(registry)), 200),
        "ScopeMaps": ("Count", 0, 50000),
        "Tokens": ("Count", 0, 50000),
    }
    for stated in entries(registry, "usages"):
        scale = _GIB if stated.get("unit") == "GiB" else 1
        current, limit = (int((stated.get(key) or 0) * scale) for key in ("currentValue", "limit"))
        unit = "Bytes" if scale == _GIB else stated.get("unit") or "Count"
        known[stated["name"]] = (unit, current, limit)
    return [
        {"name": name, "limit": limit, "currentValue": current, "unit": unit}
        for name, (unit, current, limit) in known.items()
    ]
