"""The registry does not know the repository."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._building import is_base_image
from diagnostics.causes._caching import fetched_words, not_fetched
from diagnostics.causes._commands import az
from diagnostics.facts import Manifest, ManifestOutcome, Tags
from diagnostics.model import ImageReference, PullStep, Remedy
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("manifest", "registry", "cache-rules")


class RepositoryAbsent:
    """Decided by the registry's own ``NAME_UNKNOWN``; a refusal says nothing."""

    id = "repository-absent"
    title = "The registry does not know the repository"
    step = PullStep.REPOSITORY
    rank = 10
    masked = True
    explains = frozenset(
        {"repository-not-found", "tag-not-found", "unauthorized", "forbidden", "insufficient-evidence"}
    )
    needs = _NEEDS
    masked_needs = ("manifest", "registry")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the registry says that it does not know the repository."""
        if case.while_building and not is_base_image(case):
            return None  # what was being built is not there yet, and says nothing
        manifest, image = case.value("manifest", Manifest), case.image
        if manifest is None or image is None:
            return unread(self.title, str(image or ""), *case.unread("manifest"))
        if manifest.outcome != ManifestOutcome.REPOSITORY_UNKNOWN:
            return _known(case, image)
        if doubts := not_fetched(case):
            return unread(self.title, f"{image.registry}/{image.repository}", *doubts)
        reason = f"{case.registry_words}, asked for {image.repository}, answers: {manifest.said}"
        return proven(
            f"{case.registry_words} has no repository {image.repository}",
            f"{image.registry}/{image.repository}",
            reason,
            *fetched_words(case),
            remedies=_remedies(case, image.repository),
        )


def _known(case: Case, image: ImageReference) -> Judgement:
    """A repository of which every tag is newer than the failure was not there when the registry said so in the log.

    Unknown tags change nothing, so they are no need of this cause: they are read for the one that judges the tag.
    """
    tags = case.value("tags", Tags)
    times = [tag.created_at for tag in tags.newest] if tags is not None and tags.complete else []
    first = min((time for time in times if time is not None), default=None)
    if case.symptom != "repository-not-found" or first is None or None in times or first <= case.failed_at:
        return contradicted(f"{case.registry_words} knows the repository {image.repository}")
    return proven(
        f"{case.registry_words} had no repository {image.repository} yet when the run failed",
        f"{image.registry}/{image.repository}",
        f"its first tag was made on {first:%Y-%m-%d %H:%M} UTC, after the failure: fixed since",
        remedies=(Remedy(title="Run again: the repository has been pushed since"),),
    )


def _remedies(case: Case, repository: str) -> tuple[Remedy, ...]:
    title = f"Push the image to {repository}, or correct the repository in the environment's image"
    if case.registry is None:
        return (Remedy(title=title, detail=f"{case.registry_words} is no Azure registry: it has its own list."),)
    registry = case.registry.name
    return (
        Remedy(
            title=title,
            detail=f"Portal: {registry} > Repositories shows which there are.",
            command=az("acr", "repository", "list", "--name", registry, "--output", "table"),
        ),
    )


CAUSE = RepositoryAbsent()
