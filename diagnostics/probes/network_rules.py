"""The security rules on the compute's subnet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.model import Fact
from diagnostics.network_facts import ComputeNetwork, NetworkRule, NetworkRules
from diagnostics.probes._network import API, strings, tables
from diagnostics.probes._shapes import properties_of, text
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]


class NetworkRulesProbe:
    """Reads the network security group (``Microsoft.Network/networkSecurityGroups``, api-version 2024-05-01)."""

    name = "network-rules"
    title = "the security rules on the compute's subnet"
    value_type: type = NetworkRules
    needs: tuple[str, ...] = ("compute-network",)
    actions: tuple[str, ...] = ("Microsoft.Network/networkSecurityGroups/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return :class:`NetworkRules`; a subnet without a group costs no call."""
        network: ComputeNetwork = facts["compute-network"]
        group = network.network_security_group
        if group is None:
            return control_plane(NetworkRules(group=None), "the compute's virtual network", reach)
        properties = properties_of(reach.arm.get(group, api_version=API), "the network security group")
        outbound = (rule for entry in tables(properties, "securityRules") if (rule := _rule(entry)) is not None)
        rules = tuple(sorted(outbound, key=lambda rule: rule.priority))
        return control_plane(NetworkRules(group=group, rules=rules), "the network security group", reach)


def _rule(entry: Mapping[str, Any]) -> NetworkRule | None:
    """Return an outbound rule. The default rules, which let out, are a list of their own and need no reading."""
    properties = properties_of(entry, "a security rule")
    if (text(properties, "direction") or "").lower() != "outbound":
        return None
    priority = properties.get("priority")
    sources = set(strings(properties, "sourceAddressPrefix", "sourceAddressPrefixes"))
    grouped = any(properties.get(f"{end}ApplicationSecurityGroups") for end in ("source", "destination"))
    return NetworkRule(
        name=text(entry, "name") or "a rule",
        priority=priority if isinstance(priority, int) else 4096,
        allow=(text(properties, "access") or "").lower() == "allow",
        protocol=text(properties, "protocol") or "*",
        destinations=strings(properties, "destinationAddressPrefix", "destinationAddressPrefixes"),
        ports=strings(properties, "destinationPortRange", "destinationPortRanges"),
        exact=not grouped and sources <= {"*", "0.0.0.0/0", "VirtualNetwork"},
    )


PROBE = NetworkRulesProbe()
