"""The replica in the compute's region is not ready, or no requests are routed to it."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az, bicep_text, of_registry
from diagnostics.causes._serving import at, plain_region, replica_of_compute, serving_regions
from diagnostics.facts import Registry, Replica, Replicas
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("replicas", "registry", "compute")


class ReplicaUnavailable:
    """Source: *Geo-replication in Azure Container Registry*: routing to a replica may be switched off for a time."""

    id = "replica-unavailable"
    title = "The replica that serves the compute's region is not ready or not enabled"
    step = PullStep.NETWORK
    rank = 30
    masked = False
    everywhere = True
    explains = frozenset({"registry-unavailable", "region-mismatch", "network-timeout", "pull-too-slow"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the replica in the compute's region failed, is being made, or is switched off."""
        registry, replicas = case.registry, case.value("replicas", Replicas)
        if registry is None or replicas is None or case.compute is None or not case.compute.region:
            return unread(self.title, case.registry_words, *case.unread(*_NEEDS))
        replica = replica_of_compute(case)
        if replica is None:
            return contradicted(f"{registry.name} has no replica in {case.compute.region} that could be unavailable")
        if replica.ready:
            return contradicted(f"the replica of {registry.name} in {replica.region} is ready")
        return _broken(case, registry, replica, replicas)


def _broken(case: Case, registry: Registry, replica: Replica, replicas: Replicas) -> Judgement:
    target = f"{plain_region(replica.region)} of {registry.id.lower()}"
    headline = (
        f"The replica of {registry.name} in {replica.region}, the region of {case.compute_words}, is {_state(replica)}"
    )
    if replica.status_at is not None and replica.status_at > case.failed_at:
        since = f"it has been so since {at(replica.status_at)} only, after the failure"
        return unread(headline, target, since, remedies=_remedies(registry, replica))
    others = [region for region in serving_regions(replicas) if region != plain_region(replica.region)]
    reasons = [f"the replica in {replica.region} is {_state(replica)}"]
    reasons += [f"since {at(replica.status_at)}"] if replica.status_at and replica.enabled else []
    reasons += [f"{registry.name} is still served from {', '.join(others)}"] if others else []
    return proven(headline, target, *reasons, remedies=_remedies(registry, replica))


def _state(replica: Replica) -> str:
    if not replica.enabled:
        return "switched off for requests"
    made = replica.provisioning_state or ""
    return f"not ready ({made if made.lower() not in ('', 'succeeded') else replica.status})"


def _remedies(registry: Registry, replica: Replica) -> tuple[Remedy, ...]:
    region = plain_region(replica.region)
    if replica.enabled:
        return (
            Remedy(
                title=f"Look at the replica's state and run again when {replica.region} is ready",
                detail=f"Portal: {registry.name} > Geo-replications > {replica.region}. A failed one is made anew.",
                command=az("acr", "replication", "show", "--registry", registry.name, "--name", region),
            ),
            Remedy(title="Or take the replica out of routing, so that another region serves meanwhile"),
        )
    options = ("--registry", registry.name, "--name", region, "--region-endpoint-enabled", "true")
    return (
        Remedy(
            title=f"Switch the endpoint of the replica in {replica.region} on again",
            detail=f"Portal: {registry.name} > Geo-replications > {replica.region} > Enable region endpoint.",
            command=az("acr", "replication", "update", *options),
            bicep=_bicep(registry, region),
        ),
    )


def _bicep(registry: Registry, region: str) -> str:
    return (
        f"{of_registry(registry)}"
        "resource replica 'Microsoft.ContainerRegistry/registries/replications@2025-11-01' = {\n"
        f"  name: {bicep_text(region)}\n  location: {bicep_text(region)}\n"
        "  properties: {\n    regionEndpointEnabled: true\n  }\n}"
    )


CAUSE = ReplicaUnavailable()
