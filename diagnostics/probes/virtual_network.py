"""The virtual network of the compute's subnet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.azure.errors import Nonsense, ReadFailed
from diagnostics.facts import Compute
from diagnostics.model import Fact
from diagnostics.network_facts import ComputeNetwork, Peering
from diagnostics.probes._network import API, strings, tables, vnet_of
from diagnostics.probes._shapes import member, properties_of, text
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_AZURE_DNS = "168.63.129.16"
"""Azure's own resolver: naming it as a server changes nothing (*What is IP address 168.63.129.16?*)."""


class VirtualNetworkProbe:
    """Reads the network in one call: its subnets name their group, routes and gateway (api-version 2024-05-01)."""

    name = "compute-network"
    title = "the compute's virtual network"
    value_type: type = ComputeNetwork
    needs: tuple[str, ...] = ("compute",)
    actions: tuple[str, ...] = ("Microsoft.Network/virtualNetworks/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return a :class:`ComputeNetwork`; a compute in no network costs no call."""
        compute: Compute = facts["compute"]
        if not compute.found:
            raise ReadFailed("there is no compute whose network could be read")
        if not compute.subnet:
            return control_plane(ComputeNetwork(vnet=None), "the compute's settings", reach)
        vnet = vnet_of(compute.subnet)
        resource = reach.arm.get(vnet, api_version=API)
        return control_plane(_network(vnet, compute.subnet, resource), "the compute's virtual network", reach)


def _network(vnet: str, subnet: str, resource: Mapping[str, Any]) -> ComputeNetwork:
    properties = properties_of(resource, "the virtual network")
    own = _subnet(properties, subnet)
    servers = strings(member(properties, "dhcpOptions"), "dnsServers")
    return ComputeNetwork(
        vnet=vnet,
        subnet=subnet,
        dns_servers=tuple(server for server in servers if server != _AZURE_DNS),
        prefixes=strings(member(properties, "addressSpace"), "addressPrefixes"),
        peerings=tuple(_peering(entry) for entry in tables(properties, "virtualNetworkPeerings")),
        network_security_group=text(own, "networkSecurityGroup", "id"),
        route_table=text(own, "routeTable", "id"),
        nat_gateway=text(own, "natGateway", "id"),
        endpoint_policies=tuple(text(entry, "id") or "" for entry in tables(own, "serviceEndpointPolicies")),
    )


def _subnet(properties: Mapping[str, Any], subnet: str) -> Mapping[str, Any]:
    wanted = subnet.rstrip("/").rsplit("/", 1)[-1].lower()
    for entry in tables(properties, "subnets"):
        if (text(entry, "name") or "").lower() == wanted:
            return properties_of(entry, "the compute's subnet")
    raise Nonsense("the virtual network does not list the compute's subnet")


def _peering(entry: Mapping[str, Any]) -> Peering:
    properties = properties_of(entry, "a peering")
    connected = (text(properties, "peeringState") or "").lower() == "connected"
    return Peering(
        vnet=text(properties, "remoteVirtualNetwork", "id") or "",
        open=connected and properties.get("allowVirtualNetworkAccess") is not False,
        gateway=properties.get("useRemoteGateways") is True,
    )


PROBE = VirtualNetworkProbe()
