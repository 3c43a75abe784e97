"""The repository is there, the tag or digest is not."""

from __future__ import annotations

from difflib import get_close_matches

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.facts import Manifest, ManifestOutcome, Tags
from diagnostics.model import ImageReference, PullStep, Remedy
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("manifest", "registry", "tags")
_SHOWN = 5


class TagAbsent:
    """Decided by the registry's own ``MANIFEST_UNKNOWN``, unless quarantine is on, which hides tags from everybody."""

    id = "tag-absent"
    title = "The repository does not have the tag"
    step = PullStep.TAG
    rank = 10
    masked = True
    explains = frozenset({"tag-not-found", "unauthorized", "identity-misconfigured", "insufficient-evidence"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the tag is unknown now, or was made only after the failure."""
        if case.while_building:
            return None  # what was being built is not there yet, and says nothing
        manifest, image = case.value("manifest", Manifest), case.image
        if manifest is None or image is None:
            return unread(self.title, str(image or ""), *case.unread("manifest"))
        if manifest.outcome == ManifestOutcome.REPOSITORY_UNKNOWN:
            return contradicted("the whole repository is unknown, not only the tag")
        if manifest.outcome == ManifestOutcome.FOUND:
            return _found(case, image)
        if case.registry is not None and case.registry.quarantine:
            hidden = f"{case.registry.name} has its quarantine on: a quarantined tag reads as not found to everybody"
            return unread(self.title, str(image), hidden)
        return _absent(case, image, manifest)


def _found(case: Case, image: ImageReference) -> Judgement:
    tags = case.value("tags", Tags)
    made = next((tag.created_at for tag in tags.newest if tag.name == image.tag), None) if tags else None
    if made is None or made <= case.failed_at or case.symptom != "tag-not-found":
        return contradicted(f"{image.reference} is there")
    when = f"{made:%Y-%m-%d %H:%M} UTC"
    return proven(
        f"{image.repository}:{image.reference} was not there yet when the run failed",
        str(image),
        f"the tag was made on {when}, after the failure: fixed since",
        remedies=(Remedy(title="Run again: the tag has been pushed since"),),
    )


def _absent(case: Case, image: ImageReference, manifest: Manifest) -> Judgement:
    tags = case.value("tags", Tags)
    reasons = [f"{case.registry_words}, asked for {image.repository}, answers: {manifest.said}"]
    if image.tag_implied:
        reasons.append("no tag was written, so latest was implied")
    reasons += _tag_words(image, tags)
    kind = "digest" if image.digest else "tag"
    return proven(
        f"{case.registry_words} has no {kind} {image.reference} in {image.repository}",
        str(image),
        *reasons,
        remedies=_remedies(case, image, tags),
    )


def _tag_words(image: ImageReference, tags: Tags | None) -> list[str]:
    if tags is None or not tags.newest:
        return []
    newest = ", ".join(
        f"{tag.name} ({tag.created_at:%Y-%m-%d})" if tag.created_at else tag.name for tag in tags.newest[:_SHOWN]
    )
    words = [f"newest tags there: {newest}"]
    near = _nearest(image, tags)
    return [f"nearest tags there: {', '.join(near)}", *words] if near else words


def _nearest(image: ImageReference, tags: Tags | None) -> list[str]:
    names = [tag.name for tag in tags.newest] if tags else []
    return get_close_matches(image.tag or "", names, n=3, cutoff=0.5) if image.tag else []


def _remedies(case: Case, image: ImageReference, tags: Tags | None) -> tuple[Remedy, ...]:
    registry = case.registry.name if case.registry else image.registry
    near = _nearest(image, tags)
    use = f"Use a tag that is there, such as {near[0]}" if near else "Use a tag that is there"
    return (
        Remedy(
            title=f"{use}, or push {image.repository}:{image.tag or image.reference}",
            detail=f"Portal: {registry} > Repositories > {image.repository} shows the tags.",
            command=az(
                "acr",
                "repository",
                "show-tags",
                "--name",
                registry,
                "--repository",
                image.repository,
                "--orderby",
                "time_desc",
                "--top",
                "10",
            ),
        ),
    )


CAUSE = TagAbsent()
