"""Microsoft.Network: virtual networks, routes, rules, firewalls, private endpoints and private DNS."""

from __future__ import annotations

from sandbox.arm import Found, Route, not_found, ok, page, route
from sandbox.azure import Azure
from sandbox.networks import network_resources
from sandbox.wire import Answer, Request

__all__ = ["routes"]

_KINDS = (
    "virtualNetworks",
    "routeTables",
    "networkSecurityGroups",
    "azureFirewalls",
    "firewallPolicies",
    "natGateways",
    "publicIPAddresses",
    "privateEndpoints",
    "privateDnsZones",
)
_CHILDREN = (
    ("virtualNetworks", "subnets"),
    ("virtualNetworks", "virtualNetworkPeerings"),
    ("firewallPolicies", "ruleCollectionGroups"),
    ("privateDnsZones", "A"),
    ("privateDnsZones", "virtualNetworkLinks"),
)
_ANY = "/subscriptions/{subscription}/providers/Microsoft.Network"
_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network"


def routes(azure: Azure) -> list[Route]:
    """Return the routes of this provider."""
    it = _Network(azure)
    made = []
    for kind in _KINDS:
        made += [route("GET", f"{_ANY}/{kind}", it.all), route("GET", f"{_GROUP}/{kind}", it.all)]
        made.append(route("GET", f"{_GROUP}/{kind}/{{name}}", it.one))
    for parent, kind in _CHILDREN:
        made.append(route("GET", f"{_GROUP}/{parent}/{{name}}/{kind}", it.children))
        made.append(route("GET", f"{_GROUP}/{parent}/{{name}}/{kind}/{{child}}", it.one))
    return made


class _Network:
    def __init__(self, azure: Azure) -> None:
        self._resources = network_resources(azure)

    def one(self, request: Request, _found: Found) -> Answer:
        resource = self._resources.get(request.path.rstrip("/").lower())
        if resource is None:
            return not_found(request.path)
        return ok(resource).plus(("ETag", resource["etag"])) if "etag" in resource else ok(resource)

    def all(self, request: Request, found: Found) -> Answer:
        """List one kind, in a resource group or in the whole subscription."""
        kind = request.path.rstrip("/").rpartition("/")[2].lower()
        scope = f"/subscriptions/{found['subscription']}/".lower()
        if "group" in found:
            scope += f"resourcegroups/{found['group']}/".lower()
        wanted = f"/providers/microsoft.network/{kind}/"
        kept = [
            it
            for where, it in self._resources.items()
            if where.startswith(scope) and wanted in where and "/" not in where.partition(wanted)[2]
        ]
        return page(request, kept)

    def children(self, request: Request, _found: Found) -> Answer:
        parent, _, _ = request.path.rstrip("/").rpartition("/")
        if parent.lower() not in self._resources:
            return not_found(parent)
        prefix = f"{request.path.rstrip('/').lower()}/"
        nested = self._resources[parent.lower()]["properties"].get("virtualNetworkPeerings", [])
        inside = [it for it in nested if it["id"].lower().startswith(prefix)]
        return page(request, inside + [it for where, it in self._resources.items() if where.startswith(prefix)])
