"""The registry does not know the repository."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.facts import Manifest, ManifestOutcome
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("manifest", "registry")


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

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the registry says that it does not know the repository."""
        if case.while_building:
            return None  # what was being built is not there yet, and says nothing
        manifest, image = case.value("manifest", Manifest), case.image
        if manifest is None or image is None:
            return unread(self.title, str(image or ""), *case.unread("manifest"))
        if manifest.outcome != ManifestOutcome.REPOSITORY_UNKNOWN:
            return contradicted(f"{case.registry_words} knows the repository {image.repository}")
        reason = f"{case.registry_words}, asked for {image.repository}, answers: {manifest.said}"
        return proven(
            f"{case.registry_words} has no repository {image.repository}",
            f"{image.registry}/{image.repository}",
            reason,
            remedies=_remedies(case, image.repository),
        )


def _remedies(case: Case, repository: str) -> tuple[Remedy, ...]:
    registry = case.registry.name if case.registry else case.registry_words
    return (
        Remedy(
            title=f"Push the image to {repository}, or correct the repository in the environment's image",
            detail=f"Portal: {registry} > Repositories shows which there are.",
            command=az("acr", "repository", "list", "--name", registry, "--output", "table"),
        ),
    )


CAUSE = RepositoryAbsent()
