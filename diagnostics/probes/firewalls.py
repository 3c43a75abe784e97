"""The Azure firewalls that the compute's routes lead to, with their rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import NotPermitted
from diagnostics.model import Fact
from diagnostics.network_facts import ComputeNetwork, Firewall, FirewallRule, Firewalls, Routes
from diagnostics.probes._network import API, strings, tables
from diagnostics.probes._shapes import member, properties_of, text
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_MOST_PARENTS = 3
_ANYWHERE = frozenset({"*", "0.0.0.0/0"})
_GROUPED = ("fqdnTags", "webCategories", "targetUrls", "destinationIpGroups", "destinationFqdnTags")


class FirewallsProbe:
    """Finds the firewall by its private address in the subscriptions of the network, its peers and the workspace.

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

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return :class:`Firewalls`; without a route to an appliance there is nothing to look for."""
        network: ComputeNetwork = facts["compute-network"]
        routes: Routes = facts["routes"]
        wanted = list(dict.fromkeys(route.address for route in routes.routes if route.address))
        if not wanted:
            return control_plane(Firewalls(), "the route table", reach)
        places = [network.vnet or "", *(peering.vnet for peering in network.peerings), subject.run.workspace_id]
        found = {firewall.address: firewall for firewall in _search(wanted, places, reach)}
        value = Firewalls(
            firewalls=tuple(found[address] for address in wanted if address in found),
            strangers=tuple(address for address in wanted if address not in found),
        )
        return control_plane(value, "the firewalls", reach)


def _search(wanted: list[str], places: list[str], reach: Reach) -> Iterator[Firewall]:
    left = set(wanted)
    subscriptions = dict.fromkeys((resource_part(where, "subscriptions") or "").lower() for where in places)
    for place, subscription in enumerate(found for found in subscriptions if found):
        where = f"/subscriptions/{subscription}/providers/Microsoft.Network/azureFirewalls"
        try:
            resources = list(reach.arm.pages(where, api_version=API))
        except NotPermitted:
            if place == 0:
                raise
            continue  # a peer's subscription that is closed to us: its firewall stays a stranger
        for resource in resources:
            properties = properties_of(resource, "a firewall")
            for address in left & set(_addresses(properties)):
                left.discard(address)
                yield _firewall(text(resource, "id") or "", address, properties, reach)
        if not left:
            return


def _addresses(properties: Mapping[str, Any]) -> Iterator[str]:
    for entry in tables(properties, "ipConfigurations"):
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
    for _ in range(_MOST_PARENTS):
        if policy is None:
            return
        shown = properties_of(reach.arm.get(policy, api_version=API), "the firewall's policy")
        yield policy, shown
        policy = text(shown, "basePolicy", "id")


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
