"""Notes: what is worth saying beside a verdict and never is one; each begins with its published id."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.facts import Replica, Replicas

__all__ = ["notes_of"]


def notes_of(case: Case, verdict: str) -> tuple[str, ...]:
    """Return what run history's document gave cause to note, then what the facts do."""
    details = case.evidence.details
    return (*(details.notes if details else ()), *_region_differs(case, verdict))


def _region_differs(case: Case, verdict: str) -> tuple[str, ...]:
    """Different regions break nothing: a pull from afar is slower, and the traffic between regions is billed."""
    registry, compute = case.registry, case.compute
    if registry is None or compute is None or not compute.region or verdict == "region-mismatch":
        return ()
    replicas = case.value("replicas", Replicas)
    if replicas is None and registry.sku.lower() == "premium":
        return ()  # only that SKU has replicas, and nobody looked for one
    served = replicas.replicas if replicas is not None else (Replica(region=registry.region),)
    regions = sorted({_plain(replica.region) for replica in served if replica.ready})
    if not regions or _plain(compute.region) in regions:
        return ()
    where = f"{compute.name} is in {_plain(compute.region)}, {registry.name} is served from {', '.join(regions)}"
    return (f"region-differs: {where}: that breaks nothing, but pulls are slower and the traffic is billed.",)


def _plain(region: str) -> str:
    """Azure writes a region as ``westeurope`` and as ``West Europe``."""
    return region.replace(" ", "").lower()
