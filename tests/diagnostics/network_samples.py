"""Samples of network facts: a cluster in a network of its owner's, with a private endpoint that all is well with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from diagnostic_samples import GROUP, SERVER, compute, healthy, lookup, registry, symptom

from diagnostics.facts import PrivateEndpointConnection
from diagnostics.model import LogExcerpt, Symptom
from diagnostics.network_facts import (
    ComputeNetwork,
    Firewall,
    FirewallRule,
    Firewalls,
    NetworkRules,
    OutboundAddresses,
    OutboundRules,
    Peering,
    PrivateEndpoint,
    PrivateEndpoints,
    PrivateZone,
    PrivateZones,
    Route,
    Routes,
    ZoneLink,
    ZoneRecord,
)

NETWORKS = f"{GROUP}/providers/Microsoft.Network"
TRAIN = f"{NETWORKS}/virtualNetworks/vnet-train"
HUB = f"{NETWORKS}/virtualNetworks/vnet-hub"
SUBNET = f"{TRAIN}/subnets/nodes"
ENDPOINT = f"{NETWORKS}/privateEndpoints/pe-prosereg"
ZONE = f"{NETWORKS}/privateDnsZones/privatelink.azurecr.io"
TABLE_ID = f"{NETWORKS}/routeTables/rt-nodes"
FIREWALL_ID = f"{NETWORKS}/azureFirewalls/fw-hub"
OPEN = {"public_access": True, "default_action": "Allow"}
LOGIN = f'Get "https://{SERVER}/v2/": '


def network(**changes: Any) -> ComputeNetwork:
    """Return the cluster's network, Azure's DNS, no peers."""
    values: dict[str, Any] = {"vnet": TRAIN, "subnet": SUBNET, "prefixes": ("10.20.0.0/16",)}
    return ComputeNetwork(**values | changes)


def peer(vnet: str = HUB, **changes: Any) -> Peering:
    """Return a connected peering."""
    values: dict[str, Any] = {"vnet": vnet, "open": True}
    return Peering(**values | changes)


def endpoint(status: str = "Approved", vnet: str | None = TRAIN, name: str = "pe-prosereg") -> PrivateEndpoint:
    """Return an endpoint of the registry, in the cluster's network."""
    return PrivateEndpoint(connection=name, status=status, endpoint_id=ENDPOINT, vnet=vnet)


def zones(*links: str, records: tuple[str, ...] = ("prosereg",), policy: str = "Default") -> PrivateZones:
    """Return one zone, linked to networks, with records of the registry."""
    zone = PrivateZone(
        id=ZONE,
        links=tuple(ZoneLink(vnet=link, policy=policy) for link in links),
        records=tuple(ZoneRecord(name=name, addresses=("10.20.4.5",)) for name in records),
    )
    return PrivateZones(name="privatelink.azurecr.io", zones=(zone,), searched=("1",))


def world(*endpoints: PrivateEndpoint, settings: dict[str, Any] | None = None, **facts: Any) -> dict[str, Any]:
    """Return the facts of a cluster in its network and of a closed registry with these endpoints."""
    connections = tuple(
        PrivateEndpointConnection(name=one.connection, status=one.status, endpoint_id=one.endpoint_id)
        for one in endpoints
    )
    closed = {"public_access": False, "default_action": "Deny", "private_endpoints": connections, **(settings or {})}
    values: dict[str, Any] = {
        "compute": compute(subnet=SUBNET),
        "registry": lookup(registry(**closed)),
        "private_endpoints": PrivateEndpoints(endpoints=endpoints),
        "compute_network": network(),
        "network_rules": NetworkRules(group=None),
        "routes": Routes(table=None),
        "firewalls": Firewalls(),
        "outbound_rules": OutboundRules(mode="Disabled"),
        "outbound_addresses": OutboundAddresses(),
        "private_zones": zones(TRAIN, records=("prosereg", "prosereg.northeurope.data")),
    }
    return healthy(**values | facts)


def refusal(seen: str = "203.0.113.9") -> Symptom:
    """Return the registry's own refusal of an address."""
    text = f"{LOGIN}denied: client with IP '{seen}' is not allowed access. Refer https://aka.ms/acr/firewall"
    captured = {"address": seen}
    return symptom("network-firewall", text, signature="address-refused", emitter="ACR", captured=captured)


def denied() -> Symptom:
    """Return a refusal that says nothing more."""
    return symptom("network-firewall", f"{LOGIN}denied:", signature="bare-denied", emitter="ACR")


def timeout(address: str | None = None, host: str = SERVER) -> Symptom:
    """Return a silent login, with the address that was called where the text shows it."""
    said = f"dial tcp {address}:443: i/o timeout" if address else "net/http: request canceled while waiting"
    captured = {"address": address} if address else {}
    return symptom("network-timeout", f'Get "https://{host}/v2/": {said}', captured=captured)


def no_such_host(host: str = SERVER, resolver: str = "168.63.129.16") -> Symptom:
    """Return a name that does not exist."""
    signature = "data-endpoint-lookup" if ".data." in host else "no-such-host"
    return symptom("dns", f"dial tcp: lookup {host} on {resolver}:53: no such host", signature=signature)


def layers(host: str, said: str = "dial tcp 203.0.113.77:443: i/o timeout") -> Symptom:
    """Return a layer that its host did not hand out, the host on the line before."""
    first = "error pulling image configuration:"
    second = f'Get "https://{host}/a//docker/registry/v2/blobs/sha256/0c": {said}'
    excerpt = LogExcerpt(file="error", first_line=12, lines=(first, second))
    found = symptom("network-firewall", signature="layer-host-unreachable", names=("data-endpoint-blocked",))
    return Symptom(
        id=found.id,
        signature=found.signature,
        emitter=found.emitter,
        excerpt=excerpt,
        line=12,
        names=found.names,
    )


def by_service() -> Symptom:
    """Return a refusal that a service of Azure ML's own reports."""
    text = "Failed to communicate with the workspace's container registry prosereg"
    emitter = "Azure ML control plane, ACR control plane"
    return symptom("network-firewall", text, signature="registry-behind-network", emitter=emitter)


def route(prefix: str = "0.0.0.0/0", hop: str = "VirtualAppliance", address: str | None = "10.9.0.4") -> Route:
    """Return a route, to the firewall unless stated otherwise."""
    return Route(name="default", prefix=prefix, next_hop=hop, address=address if hop == "VirtualAppliance" else None)


def through(*rules: FirewallRule, routes: tuple[Route, ...] = (), authority: str | None = None) -> dict[str, Any]:
    """Return the facts of a way out through a firewall with these rules."""
    firewall = Firewall(id=FIREWALL_ID, address="10.9.0.4", policy=f"{NETWORKS}/firewallPolicies/p", rules=rules)
    return {
        "compute_network": network(route_table=TABLE_ID),
        "routes": Routes(table=TABLE_ID, routes=routes or (route(),)),
        "firewalls": Firewalls(firewalls=(replace(firewall, authority=authority),)),
    }


def lets(*hosts: str, **changes: Any) -> FirewallRule:
    """Return a rule that lets hosts through."""
    return FirewallRule(name="out", allow=True, hosts=hosts, **changes)
