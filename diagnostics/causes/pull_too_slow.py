"""The image is too large for the time that the pull was given."""

from __future__ import annotations

from datetime import timedelta

from diagnostics.case import Case
from diagnostics.causes._transfer import needed_rate, time_given
from diagnostics.describing import size_words
from diagnostics.facts import Manifest
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, compatible, proven, unread

__all__ = ["CAUSE"]

ORDINARY_RATE = 8 * 1024 * 1024
"""Bytes a second that a pull may be expected to keep up, unpacking included. A yardstick of ours, stated in the
message, since Azure publishes none."""

LARGE = 20 * 1024**3
"""Compressed size that counts as too large where nothing says how long the pull was given."""


class PullTooSlow:
    """The text shows that time ran out while the image came; the registry's manifest shows whether size explains it."""

    id = "pull-too-slow"
    title = "The image is too large for the time that the pull was given"
    step = PullStep.TIME
    rank = 20
    masked = False
    explains = frozenset({"pull-too-slow", "region-mismatch"})
    needs = ("manifest", "registry", "replicas", "compute")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the size asks for more than an ordinary rate within the time given."""
        manifest = case.value("manifest", Manifest)
        if manifest is None or manifest.compressed_bytes is None:
            missing = case.unread("manifest") or ("the size of the image: the manifest does not state it",)
            return unread(self.title, str(case.image or ""), *missing, remedies=_remedies())
        given = time_given(case)
        size = manifest.compressed_bytes
        if given is None and size < LARGE:
            return compatible(self.title, f"the image has {size_words(size)}; how long the pull was given is not known")
        if given is not None and needed_rate(size, given) < ORDINARY_RATE:
            return compatible(self.title, _rate_words(size, given) + ", which an ordinary pull keeps up")
        return _proven(case, manifest, size, given)


def _proven(case: Case, manifest: Manifest, size: int, given: timedelta | None) -> Judgement:
    reasons = [f"{case.image} has {size_words(size)} compressed in {manifest.layers or 'its'} layer(s)"]
    if given is not None:
        reasons.append(
            _rate_words(size, given) + f"; more than {size_words(ORDINARY_RATE)} a second is not to be expected"
        )
    image = f"{case.image.repository}:{case.image.reference}" if case.image else "The image"
    headline = f"{image} is too large to be pulled in time: {size_words(size)} compressed"
    return proven(headline, str(case.image), *reasons, remedies=_remedies())


def _rate_words(size: int, given: timedelta) -> str:
    minutes = given.total_seconds() / 60
    return f"within the {minutes:.0f} minutes given it would take {size_words(needed_rate(size, given))} a second"


def _remedies() -> tuple[Remedy, ...]:
    return (
        Remedy(
            title="Make the image smaller",
            detail=(
                "Start from a smaller base, install only what training needs, and keep data and models out of the "
                "image: mount them instead."
            ),
        ),
        Remedy(
            title="Let the pull start earlier or nearer",
            detail=(
                "Keep one node of the cluster alive (minimum nodes 1), so that the image stays on it, and keep the "
                "registry, or a replica of it, in the compute's region."
            ),
        ),
    )


CAUSE = PullTooSlow()
