"""The image comes from a far region, and that made its transfer too slow."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.causes._serving import plain_region, regions_of, serving_regions
from diagnostics.facts import Compute, Registry, Replicas
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("compute", "registry", "replicas")
_UNDER_WAY = frozenset({"pull-too-slow", "region-mismatch"})


class RegionMismatch:
    """Different regions alone break nothing; only a transfer that the text shows to be slow makes them the cause."""

    id = "region-mismatch"
    title = "The registry is served from another region than the compute's, and the transfer was too slow"
    step = PullStep.DISTANCE
    rank = 10
    masked = False
    explains = frozenset({"region-mismatch", "pull-too-slow", "network-timeout"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where no replica is in the compute's region and the text shows a slow transfer."""
        registry, compute = case.registry, case.compute
        replicas = case.value("replicas", Replicas)
        if registry is None or compute is None or replicas is None or not compute.region:
            return unread(self.title, case.registry_words, *case.unread(*_NEEDS))
        served = serving_regions(replicas)
        if plain_region(compute.region) in regions_of(replicas):
            return contradicted(f"{registry.name} is in {compute.region}, the compute's own region")
        apart = f"{compute.name} is in {compute.region}, {registry.name} is served from {', '.join(served)} only"
        if case.symptom not in _UNDER_WAY:
            return compatible(
                self.title, apart, "the text shows no transfer under way, so the distance explains nothing"
            )
        return _proven(registry, compute, apart)


def _sku_words(registry: Registry) -> str:
    return "" if registry.sku == "Premium" else f" It needs the SKU Premium (now {registry.sku})."


def _proven(registry: Registry, compute: Compute, apart: str) -> Judgement:
    here = plain_region(compute.region)
    return proven(
        f"{registry.name} has no replica in {compute.region}, and the transfer to {compute.name} was too slow",
        f"{plain_region(compute.region)} of {registry.id.lower()}",
        apart,
        "the text shows a transfer under way that did not end in time",
        remedies=(
            Remedy(
                title=f"Add a replica of {registry.name} in {compute.region}",
                detail=f"Portal: {registry.name} > Geo-replications." + _sku_words(registry),
                command=az("acr", "replication", "create", "--registry", registry.name, "--location", here),
            ),
            Remedy(
                title=f"Or run on a compute in {registry.region}, or import the image to a registry in {compute.region}"
            ),
        ),
    )


CAUSE = RegionMismatch()
