"""The public addresses that the compute's subnet goes out with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.model import Fact
from diagnostics.network_facts import ComputeNetwork, OutboundAddresses
from diagnostics.probes._network import API, tables
from diagnostics.probes._shapes import properties_of, text
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]


class OutboundAddressesProbe:
    """Reads the NAT gateway's public addresses (``natGateways``, ``publicIPAddresses``, api-version 2024-05-01)."""

    name = "outbound-addresses"
    title = "the public addresses of the compute's NAT gateway"
    value_type: type = OutboundAddresses
    needs: tuple[str, ...] = ("compute-network",)
    actions: tuple[str, ...] = (
        "Microsoft.Network/natGateways/read",
        "Microsoft.Network/publicIPAddresses/read",
        "Microsoft.Network/publicIPPrefixes/read",
    )

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return :class:`OutboundAddresses`; a subnet without a NAT gateway costs no call."""
        network: ComputeNetwork = facts["compute-network"]
        if network.nat_gateway is None:
            return control_plane(OutboundAddresses(), "the compute's virtual network", reach)
        gateway = properties_of(reach.arm.get(network.nat_gateway, api_version=API), "the NAT gateway")
        value = OutboundAddresses(
            addresses=_read(gateway, "publicIpAddresses", "ipAddress", reach),
            ranges=_read(gateway, "publicIpPrefixes", "ipPrefix", reach),
        )
        return control_plane(value, "the NAT gateway", reach)


def _read(gateway: Mapping[str, Any], members: str, name: str, reach: Reach) -> tuple[str, ...]:
    ids = [found for entry in tables(gateway, members) if (found := text(entry, "id"))]
    resources = [properties_of(reach.arm.get(one, api_version=API), "a public address") for one in ids]
    return tuple(found for properties in resources if (found := text(properties, name)))


PROBE = OutboundAddressesProbe()
