"""The image was pushed moments before the run, and the compute's replica may not have had it yet."""

from __future__ import annotations

from datetime import datetime, timedelta

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.causes._serving import at, made_at, plain_region, replica_of_compute
from diagnostics.facts import Manifest, ManifestOutcome, Registry, Replica, Replicas
from diagnostics.image_facts import Layers
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("manifest", "registry", "replicas", "compute", "tags", "artifact")
_DECIDING = ("registry", "replicas", "compute", "manifest")

CATCHING_UP = timedelta(minutes=15)
"""How long a replica is taken to lag at most. A yardstick of ours, stated in the message: Azure promises
eventual consistency and publishes no time (*Geo-replication in Azure Container Registry*)."""


class ReplicaBehind:
    """A push goes to one replica and spreads; a pull from another region may ask for what is not there yet."""

    id = "replica-behind"
    title = "The replica that serves the compute's region did not have the image yet"
    step = PullStep.TAG
    rank = 20
    masked = False
    explains = frozenset({"tag-not-found", "region-mismatch", "corrupt-layer"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the image is there now, was pushed shortly before, and came from elsewhere."""
        registry, replicas = case.registry, case.value("replicas", Replicas)
        target = f"{case.image} on {case.registry_words}"
        if case.symptom == "corrupt-layer" and case.primary is not None and case.primary.signature != "blob-unknown":
            return contradicted("the text speaks of what was fetched, not of a blob that the registry did not have")
        if registry is not None and replicas is not None and len(replicas.replicas) < 2:
            return contradicted(f"{registry.name} is in one region only")
        manifest, layers = case.value("manifest", Manifest), case.value("layers", Layers)
        if registry is None or replicas is None or manifest is None or case.compute is None:
            return unread(self.title, target, *case.unread(*_DECIDING))
        if manifest.outcome != ManifestOutcome.FOUND:
            return contradicted(f"{registry.name} does not have the image now either: {manifest.said}")
        if layers is not None and layers.missing:
            return contradicted(f"{registry.name} does not have all of the image's layers now either")
        pushed = made_at(case)
        if pushed is None:
            missing = case.unread("tags", "artifact") or ("when the image was pushed",)
            return unread(self.title, target, *missing)
        return _by_time(case, registry, pushed)


def _by_time(case: Case, registry: Registry, pushed: datetime) -> Judgement:
    image = f"{case.image.repository}:{case.image.reference}" if case.image else "the image"
    lag = case.failed_at - pushed
    if lag < timedelta(0):
        return contradicted(f"{image} was pushed on {at(pushed)}, after the failure")
    if lag > CATCHING_UP:
        return contradicted(f"{image} was pushed {_words(lag)} before the failure, time enough to reach every region")
    replica, remedies = replica_of_compute(case), _remedies(registry, case)
    soon = f"{image} was pushed {_words(lag)} before the failure"
    if replica is None or not replica.ready:
        other = f"{soon}; which replica serves {case.compute_words} is not known, since none in its own region does"
        return unread(ReplicaBehind.title, f"{case.image} on {registry.id.lower()}", other, remedies=remedies)
    if plain_region(replica.region) == plain_region(registry.region):
        return compatible(ReplicaBehind.title, f"{soon}; through which region is not known", remedies=remedies)
    return _proven(case, registry, replica, f"{image} was pushed on {at(pushed)}, {_words(lag)} before the failure")


def _proven(case: Case, registry: Registry, replica: Replica, pushed: str) -> Judgement:
    where = f"in {replica.region}"
    state = f", which is {replica.status.lower()}" if replica.status and replica.status.lower() != "ready" else ""
    return proven(
        f"The replica of {registry.name} {where} did not have the image yet when {case.compute_words} asked for it",
        f"{case.image} on {registry.id.lower()}",
        f"{pushed}; replicas are taken to catch up within {_words(CATCHING_UP)}",
        f"{registry.name} is in {registry.region}; {case.compute_words} is served by the replica {where}{state}",
        "the registry has the image now",
        remedies=_remedies(registry, case),
    )


def _words(lag: timedelta) -> str:
    minutes = int(lag.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes" if minutes != 1 else "1 minute"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _remedies(registry: Registry, case: Case) -> tuple[Remedy, ...]:
    wait = Remedy(
        title="Run again: the replica has had the time to catch up",
        detail=(
            f"Portal: {registry.name} > Geo-replications shows each replica's state. To keep it from coming back, "
            "start runs when the registry's webhook tells that the push has reached the compute's region."
        ),
        command=az("acr", "replication", "list", "--registry", registry.name, "--output", "table"),
    )
    region = plain_region(case.compute.region) if case.compute else "of the compute"
    return (wait, Remedy(title=f"Or have the pipeline wait for the push's webhook of the region {region}"))


CAUSE = ReplicaBehind()
