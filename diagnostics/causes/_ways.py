"""Which private way a compute has to a registry, as far as the facts tell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network

from diagnostics.case import Case
from diagnostics.causes._said import said_by_service
from diagnostics.facts import Registry
from diagnostics.network_facts import (
    ComputeNetwork,
    OutboundAddresses,
    OutboundRule,
    OutboundRules,
    PrivateEndpoint,
    PrivateEndpoints,
    Routes,
    last,
)

__all__ = [
    "WAY_FACTS",
    "Place",
    "PrivateWay",
    "client_is_node",
    "covering_rule",
    "perhaps_private",
    "place_of",
    "private_way",
    "private_zone",
    "public_way_open",
]

WAY_FACTS = ("registry", "compute", "workspace", "private-endpoints", "compute-network", "outbound-rules")
"""The facts that tell whether a private endpoint serves the compute."""

_OURS = frozenset({"AmlCompute", "ComputeInstance"})
_NODES = _OURS | {"Serverless"}


class Place(StrEnum):
    """Where the compute's nodes stand."""

    SUBNET = "a virtual network of its owner's"
    MANAGED = "the workspace's managed network"
    NOWHERE = "no virtual network"
    UNKNOWN = "a network that is not known"


def place_of(case: Case) -> Place:
    """Return where the compute stands; ``UNKNOWN`` as well for kinds whose network Azure ML does not know."""
    compute, workspace = case.compute, case.workspace
    if compute is None or not compute.found:
        return Place.UNKNOWN
    if compute.subnet:
        return Place.SUBNET
    if workspace is None or compute.kind not in _NODES:
        return Place.UNKNOWN
    if (workspace.isolation_mode or "Disabled").lower() != "disabled":
        return Place.MANAGED
    return Place.NOWHERE if compute.kind in _OURS else Place.UNKNOWN


def public_way_open(registry: Registry) -> bool:
    """Return whether some address may come in by the public way; which ones, its rules say."""
    return registry.public_access and not (registry.denies_by_default and not registry.ip_rules)


def private_zone(registry: Registry) -> str:
    """Return the name of the private zone that leads to a registry's endpoints; its suffix is the cloud's."""
    return f"privatelink.{registry.login_server.partition('.')[2]}"


def client_is_node(case: Case, address: str | None) -> bool:
    """Return whether a node of the compute asked the registry, and no service of Azure's.

    A node in its owner's network comes from there, and certainly where the address is that network's NAT gateway's.
    """
    if said_by_service(case):
        return False
    ours = case.value("outbound-addresses", OutboundAddresses)
    places = (*ours.addresses, *ours.ranges) if ours is not None else ()
    if address and any(_within(address, place) for place in places):
        return True
    return place_of(case) is Place.SUBNET and not case.unread("outbound-addresses")


def _within(address: str, place: str) -> bool:
    try:
        return ip_address(address) in ip_network(place, strict=False)
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateWay:
    """The private endpoints that serve the compute, of any state. ``unknown`` says what kept us from telling."""

    place: Place
    endpoints: tuple[PrivateEndpoint, ...] = ()
    unknown: tuple[str, ...] = ()
    none: str = ""

    @property
    def approved(self) -> tuple[PrivateEndpoint, ...]:
        """Those that let traffic through."""
        return tuple(endpoint for endpoint in self.endpoints if endpoint.approved)

    @property
    def words(self) -> str:
        """The endpoints in words."""
        return ", ".join(str(endpoint) for endpoint in self.endpoints)


def private_way(case: Case, registry: Registry) -> PrivateWay:
    """Return the compute's private way to ``registry``; ``none`` says why there is none, where that is certain."""
    place = place_of(case)
    if not registry.private_endpoints:
        return PrivateWay(place=place, none=f"{registry.name} has no private endpoint connection at all")
    if place is Place.NOWHERE:
        return PrivateWay(
            place=place, none=f"{case.compute_words} is in no virtual network, so no private endpoint serves it"
        )
    if place is Place.MANAGED:
        return _managed(case, registry)
    if place is Place.SUBNET:
        return _in_subnet(case, registry)
    states = ", ".join(f"{found.name} {found.status}" for found in registry.private_endpoints)
    unknown = f"{registry.name} has private endpoints ({states}); which network the compute is in is not known"
    return PrivateWay(place=place, unknown=(unknown, *case.unread("compute", "workspace")))


def perhaps_private(case: Case, registry: Registry) -> tuple[str, ...]:
    """Return what is not known of an approved endpoint that may serve the compute; empty where none may."""
    approved = any(found.status.lower() == "approved" for found in registry.private_endpoints)
    return private_way(case, registry).unknown if approved else ()


def _managed(case: Case, registry: Registry) -> PrivateWay:
    """A managed network's endpoints stand in a subscription of Azure's: its rules say whether there is one for us."""
    rules = case.value("outbound-rules", OutboundRules)
    if rules is None:
        return PrivateWay(place=Place.MANAGED, unknown=_whether(registry, case.unread("outbound-rules")))
    wanted = [rule for rule in rules.rules if rule.destination.lower() == registry.id.lower()]
    if not wanted:
        return PrivateWay(place=Place.MANAGED, none=f"the managed network has no private endpoint for {registry.name}")
    seen = case.value("private-endpoints", PrivateEndpoints)
    if seen is None:
        return PrivateWay(place=Place.MANAGED, unknown=_whether(registry, case.unread("private-endpoints")))
    elsewhere = tuple(endpoint for endpoint in seen.endpoints if endpoint.vnet is None)
    if not elsewhere:
        words = f"the managed network's rule {wanted[0].name} ({wanted[0].status}) has no connection on {registry.name}"
        return PrivateWay(place=Place.MANAGED, unknown=(words,))
    if (doubt := _whose(registry, wanted, elsewhere)) is not None:
        return PrivateWay(place=Place.MANAGED, unknown=(doubt,))
    return PrivateWay(place=Place.MANAGED, endpoints=elsewhere)


def _whose(registry: Registry, rules: list[OutboundRule], elsewhere: tuple[PrivateEndpoint, ...]) -> str | None:
    """Say why an approved endpoint may be another's: those of other workspaces and tenants are out of sight as well."""
    approved = [endpoint for endpoint in elsewhere if endpoint.approved]
    if not approved:
        return None
    if len(approved) < len(elsewhere):
        words = ", ".join(str(endpoint) for endpoint in elsewhere)
        return f"which endpoint of {registry.name} is the managed network's is not to be seen: {words}"
    if not any((rule.status or "Active").lower() == "active" for rule in rules):
        rule = f"the managed network's rule {rules[0].name} is {rules[0].status}"
        return f"{rule}, so {approved[0]} on {registry.name} may be another's"
    return None


def _in_subnet(case: Case, registry: Registry) -> PrivateWay:
    lost = case.unread("private-endpoints", "compute-network")
    seen = case.value("private-endpoints", PrivateEndpoints)
    network = case.value("compute-network", ComputeNetwork)
    if seen is None or network is None or network.vnet is None:
        return PrivateWay(place=Place.SUBNET, unknown=_whether(registry, lost))
    near = {network.vnet.lower(), *(peering.vnet.lower() for peering in network.peerings if peering.open)}
    serving = tuple(endpoint for endpoint in seen.endpoints if (endpoint.vnet or "").lower() in near)
    lost_ones = [endpoint for endpoint in seen.endpoints if endpoint.vnet is None]
    further = _leads_on(case, network)
    perhaps = [endpoint for endpoint in seen.endpoints if endpoint.vnet is None or further]
    if serving and (any(one.approved for one in serving) or not any(one.approved for one in perhaps)):
        return PrivateWay(place=Place.SUBNET, endpoints=serving)
    if lost_ones:
        words = f"{', '.join(str(found) for found in lost_ones)}: in which network is not to be seen"
        return PrivateWay(place=Place.SUBNET, unknown=(words,))
    if further:
        return PrivateWay(place=Place.SUBNET, unknown=(further,))
    where = ", ".join(last(endpoint.vnet or "") for endpoint in seen.endpoints)
    none = f"the private endpoints of {registry.name} stand in {where}, which {last(network.vnet)} is not peered with"
    return PrivateWay(place=Place.SUBNET, none=none)


def _leads_on(case: Case, network: ComputeNetwork) -> str | None:
    """Say how traffic could get further than a peering: peerings are not transitive, appliances and gateways are.

    Source: *Virtual network peering*, "Service chaining" and "Gateways and on-premises connectivity".
    """
    if any(peering.gateway for peering in network.peerings):
        return f"{last(network.vnet or '')} uses a gateway of a peer, through which further networks may be reached"
    routes = case.value("routes", Routes)
    appliances = [route for route in routes.routes if route.next_hop.lower().startswith("virtual")] if routes else []
    if appliances or (routes is None and network.route_table and network.peerings):
        return f"{last(network.vnet or '')} routes through an appliance or a gateway, which may lead to the endpoint"
    return None


def _whether(registry: Registry, lost: tuple[str, ...]) -> tuple[str, ...]:
    states = ", ".join(f"{found.name} {found.status}" for found in registry.private_endpoints)
    return (f"{registry.name} has private endpoints ({states}); whether one serves the compute was not seen", *lost)


def covering_rule(registry: Registry, address: str) -> str | None:
    """Return the rule that covers ``address``, an empty string for none, ``None`` where it is no address."""
    try:
        wanted = ip_address(address)
    except ValueError:
        return None
    for rule in registry.ip_rules:
        try:
            if wanted in ip_network(rule, strict=False):
                return rule
        except ValueError:
            continue
    return ""
