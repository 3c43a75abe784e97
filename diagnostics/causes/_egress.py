"""Whether the compute's own network lets a call out to a host, by its rules, routes, firewall or managed network."""

from __future__ import annotations

from dataclasses import dataclass

from diagnostics.azure.clouds import cloud_of_registry
from diagnostics.case import Case
from diagnostics.causes._destinations import Destination, covers_port, either, names_host
from diagnostics.causes._egress_remedies import firewall_remedy, managed_remedy, route_remedy, security_remedy
from diagnostics.causes._ways import Place, place_of
from diagnostics.model import Remedy
from diagnostics.network_facts import (
    ComputeNetwork,
    Firewall,
    FirewallRule,
    Firewalls,
    NetworkRule,
    NetworkRules,
    OutboundRule,
    OutboundRules,
    Route,
    Routes,
    last,
)
from diagnostics.references import registry_name

__all__ = ["EGRESS_FACTS", "Egress", "egress_to", "firewall_for"]

EGRESS_FACTS = (
    *("registry", "compute", "workspace", "outbound-rules"),
    *("compute-network", "network-rules", "routes", "firewalls"),
)
"""The facts that tell what a compute's network lets out."""

_ADDED_BY_AZURE = ("mcr.microsoft.com", ".data.mcr.microsoft.com")
"""What every managed network lets out (*Workspace managed virtual network isolation*, "List of required rules")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """What the network does with a call: ``blocked`` and ``open`` say why, ``unknown`` what kept us from telling.

    ``target`` names the rule set that blocks, ``remedies`` how to open it for the host.
    """

    blocked: str = ""
    open: str = ""
    unknown: tuple[str, ...] = ()
    target: str = ""
    remedies: tuple[Remedy, ...] = ()


def egress_to(case: Case, destination: Destination) -> Egress:
    """Return what the compute's network does with a call to ``destination``; the first thing that blocks decides."""
    place = place_of(case)
    if place is Place.NOWHERE:
        return Egress(open=f"{case.compute_words} is in Azure's own network, where nothing limits the way out")
    if place is Place.MANAGED:
        return _managed(case, destination)
    if place is Place.UNKNOWN:
        lost = case.unread("compute", "workspace")
        return Egress(unknown=lost or (f"the network of {case.compute_words} is not known",))
    return _in_subnet(case, destination)


def _in_subnet(case: Case, destination: Destination) -> Egress:
    security = _security(case, destination)
    if security.blocked:
        return security
    routed = _routed(case, destination)
    if routed.blocked or not security.unknown:
        return routed
    return Egress(unknown=(*security.unknown, *routed.unknown))


# --- security rules -----------------------------------------------------------------------------------------


def _security(case: Case, destination: Destination) -> Egress:
    rules = case.value("network-rules", NetworkRules)
    if rules is None:
        return Egress(unknown=case.unread("network-rules"))
    doubtful: list[NetworkRule] = []
    for rule in rules.rules:
        held = _held(rule, destination)
        if held is None:
            doubtful.append(rule)
        elif held and (other := next((one for one in doubtful if one.allow is not rule.allow), None)):
            return _doubted(other.name, rules.group, destination)
        elif held:
            return _by_rule(rules, rule, destination)
    if denying := next((rule for rule in doubtful if not rule.allow), None):
        return _doubted(denying.name, rules.group, destination)
    return Egress(open="no security rule on the compute's subnet denies it")


def _doubted(name: str, holder: str | None, destination: Destination) -> Egress:
    return Egress(unknown=(f"whether {name} of {last(holder or '')} holds the addresses of {destination.host}",))


def _held(rule: NetworkRule, destination: Destination) -> bool | None:
    if rule.protocol.lower() not in {"*", "tcp"} or not covers_port(rule.ports):
        return False
    held = either(destination.within(place) for place in rule.destinations)
    return None if held and not rule.exact else held


def _by_rule(rules: NetworkRules, rule: NetworkRule, destination: Destination) -> Egress:
    group = rules.group or ""
    if rule.allow:
        return Egress(open=f"the rule {rule.name} of {last(group)} lets it out")
    where = ", ".join(rule.destinations)
    return Egress(
        blocked=f"the rule {rule.name} (priority {rule.priority}) of {last(group)} denies what goes out to {where}",
        target=f"{rule.name} of {group.lower()}",
        remedies=(security_remedy(rules, rule, destination),),
    )


# --- routes and firewalls -----------------------------------------------------------------------------------


def _routed(case: Case, destination: Destination) -> Egress:
    routes = case.value("routes", Routes)
    if routes is None:
        return Egress(unknown=case.unread("routes"))
    if destination.private:
        return Egress(open="what goes to a private address of the network or its peers takes no such route")
    route, doubt = _route_of(routes, destination)
    if doubt:
        return _doubted(doubt.name, routes.table, destination)
    if route is None and (unseen := _learned(case)):
        return Egress(unknown=(unseen,))
    if route is None or route.next_hop.lower() == "internet":
        return Egress(open="no route of the compute's subnet leads it astray")
    if route.next_hop.lower() == "none":
        return Egress(
            blocked=f"the route {route.name} of {last(routes.table or '')} drops what goes out to {route.prefix}",
            target=f"{route.name} of {(routes.table or '').lower()}",
            remedies=(route_remedy(routes.table or "", route),),
        )
    return _through_firewall(case, route, destination)


def _learned(case: Case) -> str | None:
    """Say where a gateway may have given the subnet routes that stand in no table, such as one for everything.

    Source: *Virtual network traffic routing*, "Border gateway protocol"; of equals a route of one's own goes first.
    """
    network = case.value("compute-network", ComputeNetwork)
    if network is not None and any(peering.gateway for peering in network.peerings):
        return f"{last(network.vnet or '')} uses a gateway of a peer, whose own routes are not to be seen"
    return None


def _route_of(routes: Routes, destination: Destination) -> tuple[Route | None, Route | None]:
    """Return the most specific route for the destination, and one that could be more specific still.

    Source: *Virtual network traffic routing*: the longest prefix wins; a service tag stands for its ranges.
    """
    holding = [route for route in routes.routes if destination.within(route.prefix)]
    doubtful = [route for route in routes.routes if destination.within(route.prefix) is None]
    best = max(holding, key=lambda route: _length(route.prefix), default=None)
    doubt = next((route for route in doubtful if best is None or _leads_to(route) != _leads_to(best)), None)
    return best, doubt


def _leads_to(route: Route) -> tuple[str, str | None]:
    return route.next_hop.lower(), route.address


def _length(prefix: str) -> int:
    _, _, bits = prefix.partition("/")
    return int(bits) if bits.isdecimal() else 16


def firewall_for(case: Case, destination: Destination) -> Firewall | None:
    """Return the Azure firewall that the call is routed through, where that is known."""
    routes, firewalls = case.value("routes", Routes), case.value("firewalls", Firewalls)
    if routes is None or firewalls is None:
        return None
    route, doubt = _route_of(routes, destination)
    address = route.address if route and not doubt else None
    return next((firewall for firewall in firewalls.firewalls if firewall.address == address), None)


def _through_firewall(case: Case, route: Route, destination: Destination) -> Egress:
    if case.value("firewalls", Firewalls) is None:
        return Egress(unknown=case.unread("firewalls"))
    firewall = firewall_for(case, destination)
    if firewall is None:
        hop = " ".join(part for part in (route.next_hop, route.address) if part)
        return Egress(unknown=(f"the route {route.name} leads to {hop}, whose rules were not seen",))
    allowed = either(_lets_through(rule, destination) for rule in firewall.rules if rule.allow)
    denied = either(_lets_through(rule, destination) for rule in firewall.rules if not rule.allow)
    if allowed is False:
        host = destination.host
        return Egress(
            blocked=f"the firewall {last(firewall.id)}, where {route.name} leads, has no rule that lets {host} through",
            target=f"{host} through {firewall.id.lower()}",
            remedies=(firewall_remedy(firewall, host, cloud_of_registry(_registry_host(case, host))),),
        )
    if allowed is None or denied is not False:
        return Egress(unknown=(f"which rule of the firewall {last(firewall.id)} holds {destination.host}",))
    return Egress(open=f"the firewall {last(firewall.id)} lets {destination.host} through")


def _registry_host(case: Case, host: str) -> str:
    return case.registry.login_server if case.registry else host


def _lets_through(rule: FirewallRule, destination: Destination) -> bool | None:
    """Return whether the rule speaks of the destination."""
    if not covers_port(rule.ports):
        return False
    named = names_host(rule.hosts, destination.host) or either(destination.within(place) for place in rule.addresses)
    if named is not False:
        return None if rule.limited else named
    return None if rule.vague else False


# --- managed networks ---------------------------------------------------------------------------------------


def _managed(case: Case, destination: Destination) -> Egress:
    rules = case.value("outbound-rules", OutboundRules)
    if rules is None:
        return Egress(unknown=case.unread("outbound-rules"))
    if rules.mode.lower() != "allowonlyapprovedoutbound":
        return Egress(open=f"the managed network lets everything out ({rules.mode})")
    if destination.host.endswith(_ADDED_BY_AZURE):
        return Egress(open=f"every managed network lets {destination.host} out")
    held = [(rule, _approves(case, rule, destination)) for rule in rules.rules]
    speaking = [rule for rule, approves in held if approves]
    active = next((rule for rule in speaking if (rule.status or "Active").lower() == "active"), None)
    if active:
        return Egress(open=f"the outbound rule {active.name} ({active.kind}) approves it")
    if speaking:
        return Egress(unknown=(f"since when the outbound rule {speaking[0].name} is {speaking[0].status}",))
    if doubtful := next((rule for rule, approves in held if approves is None), None):
        return _doubted(doubtful.name, case.evidence.run.workspace_id, destination)
    workspace = case.evidence.run.workspace_id
    return Egress(
        blocked=f"the managed network lets out only what is approved, and no outbound rule approves {destination.host}",
        target=f"{destination.host} from {workspace.lower()}",
        remedies=managed_remedy(workspace, destination.host, case.registry),
    )


def _approves(case: Case, rule: OutboundRule, destination: Destination) -> bool | None:
    kind = rule.kind.lower()
    if kind == "fqdn":
        return names_host((rule.destination,), destination.host)
    if kind == "servicetag":
        return destination.within(rule.destination) if covers_port(rule.ports) else False
    registry = case.registry
    if registry is None and rule.destination.lower().endswith(f"/registries/{registry_name(destination.host)}"):
        return True  # its name is unique in Azure, whatever its settings are
    if registry is None or rule.destination.lower() != registry.id.lower():
        return False
    label, _, suffix = registry.login_server.partition(".")
    own = names_host((registry.login_server, f"{label}.*.data.{suffix}"), destination.host)
    return own or destination.host in registry.data_endpoints
