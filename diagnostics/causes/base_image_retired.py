"""The image is retired by who published it, or of a schema that nobody supports any more."""

from __future__ import annotations

from diagnostics.azure.registry_data import SCHEMA_1
from diagnostics.case import Case
from diagnostics.causes._serving import at, moved_since
from diagnostics.facts import Manifest, ManifestOutcome
from diagnostics.model import ImageReference, PullStep, Remedy
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_GONE = frozenset({ManifestOutcome.TAG_UNKNOWN, ManifestOutcome.REPOSITORY_UNKNOWN})
_SCHEMA = "schema-unsupported"


class BaseImageRetired:
    """Decided by the registry: the manifest is of schema 1, or what the text calls retired is not there any more.

    Source: *Docker Engine 26 release notes* and *containerd 2.0*, which removed manifest version 2, schema 1.
    """

    id = "base-image-retired"
    title = "The base image is retired or of a schema that is no longer supported"
    step = PullStep.TAG
    rank = 30
    masked = False
    explains = frozenset({"deprecated-image"})
    needs = ("manifest", "registry", "tags")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the manifest is of the oldest schema, or what the text calls retired is gone."""
        image, manifest = case.image, case.value("manifest", Manifest)
        if image is None:
            return unread(self.title, "", "which image the text means", remedies=_remedies())
        if manifest is None:
            return unread(self.title, str(image), *case.unread("manifest"), remedies=_remedies())
        if manifest.outcome in _GONE:
            return _gone(case, image, manifest)
        if manifest.media_type in SCHEMA_1:
            return _proven(case, image, f"its manifest is of the type {manifest.media_type}, schema 1 of 2015")
        if moved := moved_since(case):
            return unread(
                self.title, str(image), f"{image.reference} was pushed again on {at(moved)}, after the failure"
            )
        if case.primary is not None and case.primary.signature == _SCHEMA:
            return contradicted(f"{image.reference} is of the type {manifest.media_type}, which every client supports")
        return compatible(
            self.title, f"{image.reference} is still there: whether it is supported its registry does not say"
        )


def _gone(case: Case, image: ImageReference, manifest: Manifest) -> Judgement:
    if case.primary is not None and case.primary.signature == _SCHEMA:
        return unread(BaseImageRetired.title, str(image), f"the registry does not have {image.reference} (any more)")
    return _proven(case, image, f"{case.registry_words}, asked for {image.repository}, answers: {manifest.said}")


def _proven(case: Case, image: ImageReference, reason: str) -> Judgement:
    said = f"the text says so: {case.primary.text.strip()[:200]}" if case.primary else ""
    return proven(
        f"{image} is retired: no present client can pull it",
        str(image),
        reason,
        *([said] if said else []),
        remedies=_remedies(),
    )


def _remedies() -> tuple[Remedy, ...]:
    return (
        Remedy(
            title="Move the environment to a supported base image",
            detail=(
                "Azure Machine Learning's own base images are listed under mcr.microsoft.com/azureml, with the "
                "dates of their support in the environments of the studio (Environments > Curated environments)."
            ),
        ),
        Remedy(
            title="Or rebuild the image with a present builder and push it again",
            detail="BuildKit writes a manifest of the present schema; nothing else in the image has to change.",
        ),
    )


CAUSE = BaseImageRetired()
