"""The private DNS zones that should lead to the registry's private endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import Nonsense, NotPermitted, ReadFailed
from diagnostics.facts import Compute, Registry, RegistryLookup
from diagnostics.listing import subscriptions
from diagnostics.model import Fact
from diagnostics.network_facts import PrivateZone, PrivateZones, ZoneLink, ZoneRecord
from diagnostics.probes._network import strings, tables, vnet_of
from diagnostics.probes._shapes import properties_of, text
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_API = "2024-06-01"
"""The first one that shows ``resolutionPolicy``."""
_MOST_OTHERS = 12


class PrivateZonesProbe:
    """Searches the subscriptions of compute, registry and endpoints, then others, for ``privatelink.<suffix>`` zones.

    A network can be linked to one zone of a name only (*Azure Private DNS, virtual network links*): where the linked
    one is found, the search ends.
    """

    name = "private-zones"
    title = "the private DNS zones of registries"
    value_type: type = PrivateZones
    needs: tuple[str, ...] = ("registry", "compute")
    actions: tuple[str, ...] = (
        "Microsoft.Network/privateDnsZones/read",
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks/read",
        "Microsoft.Network/privateDnsZones/A/read",
    )

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return :class:`PrivateZones`; without an endpoint or a network there is nothing to look for."""
        lookup: RegistryLookup = facts["registry"]
        compute: Compute = facts["compute"]
        if lookup.found is None:
            raise ReadFailed("there is no registry whose private zone could be read")
        label, _, suffix = lookup.found.login_server.partition(".")
        name = f"privatelink.{suffix}"
        if not lookup.found.private_endpoints or not compute.subnet:
            return control_plane(PrivateZones(name=name), "the registry's settings", reach)
        found = _search(name, label, vnet_of(compute.subnet), _near(lookup.found, compute.subnet), reach)
        return control_plane(found, "the private DNS zones", reach)


def _near(registry: Registry, subnet: str) -> list[str]:
    """Return the subscriptions that have a part in it, the compute's first."""
    ids = (subnet, registry.id, *(found.endpoint_id or "" for found in registry.private_endpoints))
    named = (resource_part(resource_id, "subscriptions") for resource_id in ids)
    return list(dict.fromkeys(found.lower() for found in named if found))


def _search(name: str, label: str, vnet: str, near: list[str], reach: Reach) -> PrivateZones:
    zones: list[PrivateZone] = []
    for place, subscription in enumerate(near, start=1):
        zones += _zones_of(subscription, name, label, reach)
        if _linked(zones, vnet):
            return PrivateZones(name=name, zones=tuple(zones), searched=tuple(near[:place]))
    searched = list(near)
    others, complete = _others(near, reach)
    for subscription in others:
        try:
            zones += _zones_of(subscription, name, label, reach)
        except NotPermitted:
            complete = False
            continue  # not searched, and so not named as searched
        searched.append(subscription)
        if _linked(zones, vnet):
            return PrivateZones(name=name, zones=tuple(zones), searched=tuple(searched))
    return PrivateZones(name=name, zones=tuple(zones), searched=tuple(searched), complete=complete)


def _linked(zones: list[PrivateZone], vnet: str) -> bool:
    return any(zone.link_to(vnet) for zone in zones)


def _others(near: list[str], reach: Reach) -> tuple[list[str], bool]:
    """Return the others that we may list, and whether these are all: zones often lie in a network team's own."""
    try:
        others = [found for found in subscriptions(reach) if found not in near]
    except NotPermitted:
        return [], False
    return others[:_MOST_OTHERS], len(others) <= _MOST_OTHERS


def _zones_of(subscription: str, name: str, label: str, reach: Reach) -> list[PrivateZone]:
    where = f"/subscriptions/{subscription}/providers/Microsoft.Network/privateDnsZones"
    listed = [zone for zone in reach.arm.pages(where, api_version=_API) if (text(zone, "name") or "").lower() == name]
    return [_zone(text(zone, "id"), label, reach) for zone in listed]


def _zone(zone_id: str | None, label: str, reach: Reach) -> PrivateZone:
    if zone_id is None:
        raise Nonsense("a private zone came without its id")
    links = reach.arm.pages(f"{zone_id}/virtualNetworkLinks", api_version=_API)
    return PrivateZone(
        id=zone_id,
        links=tuple(_link(entry) for entry in links),
        records=tuple(_records(reach.arm.pages(f"{zone_id}/A", api_version=_API), label)),
    )


def _link(entry: Mapping[str, Any]) -> ZoneLink:
    properties = properties_of(entry, "a link of a private zone")
    vnet = text(properties, "virtualNetwork", "id") or ""
    return ZoneLink(vnet=vnet, policy=text(properties, "resolutionPolicy") or "Default")


def _records(entries: Iterable[Mapping[str, Any]], label: str) -> Iterator[ZoneRecord]:
    """Yield the registry's own records (names come in lower case, recorded), and a wildcard."""
    for entry in entries:
        name = (text(entry, "name") or "").lower()
        if name in (label, "*") or name.startswith(f"{label}."):
            properties = properties_of(entry, "a record of a private zone")
            addresses = [strings(one, "ipv4Address") for one in tables(properties, "aRecords")]
            yield ZoneRecord(name=name, addresses=tuple(found for several in addresses for found in several))


PROBE = PrivateZonesProbe()
