"""Microsoft.Resources: subscriptions and resource groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.arm import Found, Route, error, ok, page, route, scope_groups
from sandbox.azure import Azure, entries
from sandbox.wire import Answer, Request

__all__ = ["routes"]


def routes(azure: Azure) -> list[Route]:
    """Return the routes of this provider."""
    it = _Subscriptions(azure)
    return [
        route("GET", "/subscriptions", it.all),
        route("GET", "/subscriptions/{subscription}", it.one),
        route("GET", "/subscriptions/{subscription}/resourceGroups", it.groups),
        route("GET", "/subscriptions/{subscription}/resourceGroups/{group}", it.group),
    ]


class _Subscriptions:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    def all(self, request: Request, _found: Found) -> Answer:
        return page(request, [self._document(it) for it in entries(self._azure.world, "subscriptions")])

    def one(self, _request: Request, found: Found) -> Answer:
        wanted = found["subscription"].lower()
        stated = [it for it in entries(self._azure.world, "subscriptions") if it["id"].lower() == wanted]
        return ok(self._document(stated[0]))

    def _document(self, stated: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": f"/subscriptions/{stated['id']}",
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
            "subscriptionId": stated["id"],
            "tenantId": stated.get("tenant") or self._azure.tenant,
            "displayName": stated.get("name") or stated["id"],
            "state": "Enabled",
            "subscriptionPolicies": {
                "locationPlacementId": "Public_2014-09-01",
                "quotaId": stated.get("quota_id") or "PayAsYouGo_2014-09-01",
                "spendingLimit": "Off",
            },
        }

    def groups(self, request: Request, found: Found) -> Answer:
        names = sorted(group for owner, group in scope_groups(self._azure) if owner == found["subscription"].lower())
        return page(request, [self._group(found["subscription"], name) for name in names])

    def group(self, _request: Request, found: Found) -> Answer:
        if (found["subscription"].lower(), found["group"].lower()) not in scope_groups(self._azure):
            return error(404, "ResourceGroupNotFound", f"Resource group '{found['group']}' could not be found.")
        return ok(self._group(found["subscription"], found["group"]))

    def _group(self, subscription: str, name: str) -> dict[str, Any]:
        return {
            "id": f"/subscriptions/{subscription}/resourceGroups/{name}",
            "name": name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": "westeurope",
            "properties": {"provisioningState": "Succeeded"},
        }
