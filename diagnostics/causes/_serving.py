"""Which replica serves a compute, and words about the image that causes share."""

from __future__ import annotations

from datetime import datetime

from diagnostics.case import Case
from diagnostics.facts import Replica, Replicas, Tags
from diagnostics.image_facts import Artifact

__all__ = ["at", "made_at", "moved_since", "plain_region", "regions_of", "replica_of_compute", "serving_regions"]


def plain_region(region: str) -> str:
    """Return a region in one spelling: Azure writes ``westeurope`` and ``West Europe``."""
    return region.replace(" ", "").lower()


def replica_of_compute(case: Case) -> Replica | None:
    """Return the replica in the compute's region, serving or not; ``None`` where there is or is known none."""
    replicas = case.value("replicas", Replicas)
    if replicas is None or case.compute is None or not case.compute.region:
        return None
    here = plain_region(case.compute.region)
    return next((it for it in replicas.replicas if plain_region(it.region) == here), None)


def serving_regions(replicas: Replicas) -> list[str]:
    """Return the regions that requests are really routed to and answered from."""
    return sorted({plain_region(it.region) for it in replicas.replicas if it.ready})


def regions_of(replicas: Replicas) -> list[str]:
    """Return every region that the registry is in."""
    return sorted({plain_region(it.region) for it in replicas.replicas})


def made_at(case: Case) -> datetime | None:
    """Return when the image was pushed under the tag (or digest) that was asked for, if that is known."""
    tags, artifact = case.value("tags", Tags), case.value("artifact", Artifact)
    image = case.image
    tag = image.reference if image is not None and not image.digest else None
    listed = next((it.created_at for it in tags.newest if it.name == tag), None) if tags else None
    return listed or (artifact.created_at if artifact else None)


def moved_since(case: Case) -> datetime | None:
    """Return when something else was pushed under the same tag after the failure: what is there now was not then."""
    tags, image = case.value("tags", Tags), case.image
    if tags is None or image is None or image.digest:
        return None
    moved = next((it.moved_at or it.created_at for it in tags.newest if it.name == image.reference), None)
    return moved if moved is not None and moved > case.failed_at else None


def at(moment: datetime) -> str:
    """Return a time for a sentence."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
