"""The private endpoint that the compute's way needs is not approved."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._advice import advised
from diagnostics.causes._commands import az, bicep_text
from diagnostics.causes._said import (
    RIGHT_REFUSED,
    far_address,
    is_private,
    name_unknown,
    refused_by_registry,
    refused_for_right,
    said_by_service,
)
from diagnostics.causes._ways import WAY_FACTS, Place, PrivateWay, private_way, public_way_open
from diagnostics.facts import Registry
from diagnostics.model import PullStep, Remedy
from diagnostics.network_facts import ComputeNetwork, PrivateEndpoint, PrivateEndpoints, PrivateZones
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_API = "2025-11-01"

_WAY_OUT = "Approve the connection under the registry's Networking, Private access"


class PrivateEndpointNotApproved:
    """Judged by the connection's state: a rejected one, too, is provisioned well (recorded)."""

    id = "private-endpoint-not-approved"
    title = "The private endpoint that the compute's way needs is not approved"
    step = PullStep.NETWORK
    rank = 10
    masked = False
    explains = frozenset({"dns", "network-firewall", "network-timeout", "forbidden", "insufficient-evidence"})
    needs = (*WAY_FACTS, "private-zones")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where every endpoint that serves the compute waits, was rejected or is cut off."""
        return advised(self._judged(case), _WAY_OUT)

    def _judged(self, case: Case) -> Judgement:
        registry = case.registry
        if registry is None:
            return unread(self.title, case.registry_words, *case.unread("registry"))
        if case.while_building:
            return unread(self.title, registry.id.lower(), "the build's way to the registry was not checked")
        broken = [found for found in registry.private_endpoints if found.status.lower() != "approved"]
        if not broken:
            return _none_broken(case, registry)
        way = private_way(case, registry)
        if way.approved:
            return contradicted(f"the compute has an approved private endpoint: {way.words}")
        if way.none:
            return contradicted(way.none)
        if refused_for_right(case):
            return compatible(self.title, RIGHT_REFUSED)
        return _judged(case, registry, way) if way.endpoints else _out_of_sight(case, registry, way)


def _none_broken(case: Case, registry: Registry) -> Judgement:
    if registry.private_endpoints and case.registry_changed:
        since = f"all are approved now, but {case.registry_changed}"
        return unread(PrivateEndpointNotApproved.title, registry.id.lower(), since)
    if registry.private_endpoints:
        return contradicted(f"every private endpoint connection of {registry.name} is approved")
    return contradicted(f"{registry.name} has no private endpoint connection at all")


def _judged(case: Case, registry: Registry, way: PrivateWay) -> Judgement:
    if case.symptom != "dns" and said_by_service(case):
        return compatible(PrivateEndpointNotApproved.title, "a service of Azure's asked, not a node in that network")
    if public_way_open(registry) and not refused_by_registry(case):
        return _beside_public_way(case, registry, way)
    return _proven(case, registry, way)


def _beside_public_way(case: Case, registry: Registry, way: PrivateWay) -> Judgement:
    """Where the public way may be open, only who was led to the endpoint is held up by its state."""
    address = far_address(case)
    if address is not None and is_private(address):
        return _proven(case, registry, way)
    if address is not None or case.symptom in {"forbidden", "insufficient-evidence"}:
        words = f"the public way of {registry.name} may be open, and nothing shows that another one was taken"
        return compatible(PrivateEndpointNotApproved.title, words)
    zones, network = case.value("private-zones", PrivateZones), case.value("compute-network", ComputeNetwork)
    if zones is None:
        return unread(PrivateEndpointNotApproved.title, registry.id.lower(), *case.unread("private-zones"))
    vnet = network.vnet if network else None
    zone = next((one for one in zones.zones if vnet and one.link_to(vnet)), None)
    if zone is not None and zone.has(registry.login_server.partition(".")[0]) is not name_unknown(case):
        return _proven(case, registry, way)
    return compatible(PrivateEndpointNotApproved.title, "no private zone that was seen leads the name to it")


def _out_of_sight(case: Case, registry: Registry, way: PrivateWay) -> Judgement:
    """Where no endpoint is approved and public access is off, no way leads in, wherever the endpoint stands."""
    seen = case.value("private-endpoints", PrivateEndpoints)
    if seen is None or case.unread("compute-network") or way.place is not Place.SUBNET or registry.public_access:
        return unread(PrivateEndpointNotApproved.title, registry.id.lower(), *way.unknown)
    candidates = [found for found in seen.endpoints if found.vnet is None] or list(seen.endpoints)
    if len(candidates) > 1 or any(found.approved for found in seen.endpoints):
        return unread(PrivateEndpointNotApproved.title, registry.id.lower(), *way.unknown)
    return _of_one(case, registry, candidates[0])


def _proven(case: Case, registry: Registry, way: PrivateWay) -> Judgement:
    """Of several endpoints in one's own networks any will do; of several out of sight only one's own."""
    if way.place is Place.MANAGED and len(way.endpoints) > 1:
        return _of_several(case, registry, way)
    return _of_one(case, registry, min(way.endpoints, key=_effort))


def _effort(endpoint: PrivateEndpoint) -> int:
    """Return how much there is to do: whoever asked still waits, was turned away, or has to ask anew."""
    order = ("pending", "rejected")
    return order.index(endpoint.status.lower()) if endpoint.status.lower() in order else len(order)


def _of_one(case: Case, registry: Registry, endpoint: PrivateEndpoint) -> Judgement:
    state = endpoint.status or "without a state"
    reasons = [f"the connection {endpoint} of {registry.name} lets no traffic through"]
    reasons.append(
        "the text fits: no record is made for an endpoint that is not approved"
        if name_unknown(case)
        else f"no other private endpoint of {registry.name} serves {case.compute_words}"
    )
    return proven(
        f"the private endpoint {endpoint.connection} of {registry.name} is not approved: {state}",
        f"{registry.id}/privateEndpointConnections/{endpoint.connection}".lower(),
        *reasons,
        remedies=(_remedy(registry, endpoint),),
    )


def _of_several(case: Case, registry: Registry, way: PrivateWay) -> Judgement:
    """Whichever is the managed network's own is not approved; to approve another's would let a stranger in."""
    return proven(
        f"the managed network's private endpoint to {registry.name} is not approved",
        f"{registry.id}/privateEndpointConnections".lower(),
        f"the managed network's way to {registry.name} is a private endpoint (its outbound rules)",
        f"none that could be the one for {case.compute_words} lets traffic through: {way.words}",
        remedies=(
            Remedy(
                title=f"Approve the managed network's own private endpoint connection of {registry.name}",
                detail=(
                    f"Portal: {registry.name} > Networking > Private access > the workspace's own of {way.words} > "
                    "Approve. Which one that is cannot be seen from here: the others may be strangers'."
                ),
            ),
        ),
    )


def _remedy(registry: Registry, endpoint: PrivateEndpoint) -> Remedy:
    if endpoint.status.lower() == "disconnected":
        return Remedy(
            title=f"Create the private endpoint {endpoint.connection} anew: a cut connection cannot be approved",
            detail=(
                f"Portal: {registry.name} > Networking > Private access > remove {endpoint.connection}, then Create a "
                "private endpoint connection in the compute's network. Its owner deleted or cut the old one."
            ),
        )
    connection = f"{registry.id}/privateEndpointConnections/{endpoint.connection}"
    return Remedy(
        title=f"Approve the private endpoint connection {endpoint.connection} of {registry.name}",
        detail=f"Portal: {registry.name} > Networking > Private access > {endpoint.connection} > Approve.",
        command=az(
            *("network", "private-endpoint-connection", "approve", "--id", connection),
            *("--description", "Approved for training"),
        ),
        bicep=_bicep(registry, endpoint),
    )


def _bicep(registry: Registry, endpoint: PrivateEndpoint) -> str:
    return f"""resource registry 'Microsoft.ContainerRegistry/registries@{_API}' existing = {{
  name: {bicep_text(registry.name)}
}}

resource approved 'Microsoft.ContainerRegistry/registries/privateEndpointConnections@{_API}' = {{
  parent: registry
  name: {bicep_text(endpoint.connection)}
  properties: {{
    privateLinkServiceConnectionState: {{ status: 'Approved', description: 'Approved for training' }}
  }}
}}"""


CAUSE = PrivateEndpointNotApproved()
