"""The Azure firewalls that the compute's routes lead to, with their rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import Nonsense, NotPermitted
from diagnostics.model import Fact
from diagnostics.network_facts import ComputeNetwork, Firewall, FirewallRule, Firewalls, Routes
from diagnostics.probes._network import API, strings, tables, vnet_of
from diagnostics.probes._shapes import member, properties_of, text
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_MOST_POLICIES = 3
_ANYWHERE = frozenset({"*", "0.0.0.0/0"})
_GROUPED = ("fqdnTags", "webCategories", "targetUrls", "destinationIpGroups", "destinationFqdnTags")


class FirewallsProbe:
    """Finds the firewall by its private address in the compute's network and the peers that are open.

    An address is unique among networks that are peered and nowhere else (*Virtual network peering*): of the firewalls
    of a subscription only those count whose subnet lies in one of them. Where several hold an address none is taken.
    Its rules are its own (classic) or its policy's, those of the parent policies included.
    """

    name = "firewalls"
    title = "the firewall on the compute's way out"
    value_type: type = Firewalls
    needs: tuple[str, ...] = ("compute-network", "routes")
    actions: tuple[str, ...] = (
        "Microsoft.Network/azureFirewalls/read",
        "Microsoft.Network/firewallPolicies/read",
        "Microsoft.Network/firewallPolicies/ruleCollectionGroups/read",
    )

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return :class:`Firewalls`; without a route to an appliance there is nothing to look for."""
        network: ComputeNetwork = facts["compute-network"]
        routes: Routes = facts["routes"]
        wanted = list(dict.fromkeys(route.address for route in routes.routes if route.address))
        if not wanted:
            return control_plane(Firewalls(), "the route table", reach)
        near = [network.vnet or "", *(peering.vnet for peering in network.peerings if peering.open)]
        found = {firewall.address: firewall for firewall in _search(wanted, near, reach)}
        value = Firewalls(
            firewalls=tuple(found[address] for address in wanted if address in found),
            strangers=tuple(address for address in wanted if address not in found),
        )
        return control_plane(value, "the firewalls", reach)


def _search(wanted: list[str], near: list[str], reach: Reach) -> Iterator[Firewall]:
    """Yield the firewall of each address that is held by exactly one in the networks that are ``near``."""
    seen = list(_near(near, reach))
    for address in wanted:
        holding = [resource for resource, addresses in seen if address in addresses]
        if len(holding) == 1:
            properties = properties_of(holding[0], "a firewall")
            yield _firewall(text(holding[0], "id") or "", address, properties, reach)


def _near(networks: list[str], reach: Reach) -> Iterator[tuple[Mapping[str, Any], set[str]]]:
    """Yield the firewalls that stand in ``networks``, each with its addresses there."""
    places = {network.lower() for network in networks}
    subscriptions = dict.fromkeys((resource_part(network, "subscriptions") or "").lower() for network in networks)
    for place, subscription in enumerate(found for found in subscriptions if found):
        where = f"/subscriptions/{subscription}/providers/Microsoft.Network/azureFirewalls"
        try:
            resources = list(reach.arm.pages(where, api_version=API))
        except NotPermitted:
            if place == 0:
                raise
            continue  # a peer's subscription that is closed to us: its firewall stays a stranger
        for resource in resources:
            yield resource, set(_addresses(properties_of(resource, "a firewall"), places))


def _addresses(properties: Mapping[str, Any], places: set[str]) -> Iterator[str]:
    for entry in tables(properties, "ipConfigurations"):
        if vnet_of(text(entry, "properties", "subnet", "id") or "").lower() in places:
            yield from strings(member(entry, "properties"), "privateIPAddress")


def _firewall(firewall_id: str, address: str, properties: Mapping[str, Any], reach: Reach) -> Firewall:
    policy = text(properties, "firewallPolicy", "id")
    rules = [*_classic(properties)]
    authority = None
    for policy_id, shown in _policies(policy, reach):
        authority = authority or text(shown, "transportSecurity", "certificateAuthority", "name")
        for group in reach.arm.pages(f"{policy_id}/ruleCollectionGroups", api_version=API):
            rules += _grouped(properties_of(group, "a rule collection group"))
    return Firewall(id=firewall_id, address=address, policy=policy, rules=tuple(rules), authority=authority)


def _policies(policy: str | None, reach: Reach) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for _ in range(_MOST_POLICIES):
        if policy is None:
            return
        shown = properties_of(reach.arm.get(policy, api_version=API), "the firewall's policy")
        yield policy, shown
        policy = text(shown, "basePolicy", "id")
    if policy is not None:
        raise Nonsense(f"the firewall's policy inherits from more than {_MOST_POLICIES - 1} others")


def _classic(properties: Mapping[str, Any]) -> Iterator[FirewallRule]:
    for members in ("applicationRuleCollections", "networkRuleCollections"):
        for collection in tables(properties, members):
            held = properties_of(collection, "a rule collection")
            allow = (text(held, "action", "type") or "").lower() == "allow"
            yield from (_rule(entry, allow=allow) for entry in tables(held, "rules"))


def _grouped(group: Mapping[str, Any]) -> Iterator[FirewallRule]:
    for collection in tables(group, "ruleCollections"):
        if (text(collection, "ruleCollectionType") or "").lower() == "firewallpolicyfilterrulecollection":
            allow = (text(collection, "action", "type") or "").lower() == "allow"
            yield from (_rule(entry, allow=allow) for entry in tables(collection, "rules"))


def _rule(entry: Mapping[str, Any], *, allow: bool) -> FirewallRule:
    sources = set(strings(entry, "sourceAddresses", "sourceIpGroups"))
    protocols = [str(one.get("port") or "") for one in tables(entry, "protocols")]
    return FirewallRule(
        name=text(entry, "name") or "a rule",
        allow=allow,
        hosts=strings(entry, "targetFqdns", "destinationFqdns"),
        addresses=strings(entry, "destinationAddresses"),
        ports=tuple(port for port in protocols if port) or strings(entry, "destinationPorts"),
        vague=any(entry.get(name) for name in _GROUPED),
        limited=not sources <= _ANYWHERE,
        opens_tls=entry.get("terminateTLS") is True,
    )


PROBE = FirewallsProbe()
