"""The repository is there, the tag or digest is not."""

from __future__ import annotations

from difflib import get_close_matches

from diagnostics.case import Case
from diagnostics.causes._building import is_base_image
from diagnostics.causes._caching import fetched_words, not_fetched
from diagnostics.causes._commands import az
from diagnostics.facts import Manifest, ManifestOutcome, Replicas, Tags
from diagnostics.model import ImageReference, PullStep, Remedy
from diagnostics.references import registry_name
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("manifest", "registry", "tags", "cache-rules")
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
    masked_needs = ("manifest", "registry", "tags")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the tag is unknown now, or was made only after the failure."""
        if case.while_building and not is_base_image(case):
            return None  # what was being built is not there yet, and says nothing
        manifest, image = case.value("manifest", Manifest), case.image
        if manifest is None or image is None:
            return unread(self.title, str(image or ""), *case.unread("manifest"))
        if manifest.outcome == ManifestOutcome.REPOSITORY_UNKNOWN:
            return contradicted("the whole repository is unknown, not only the tag")
        if manifest.outcome == ManifestOutcome.DISALLOWED:
            return contradicted(f"{image.reference} is there, and may not be read")
        if manifest.outcome == ManifestOutcome.FOUND:
            return _found(case, image)
        if doubts := (*_hidden(case, image), *_behind(case), *not_fetched(case)):
            return unread(self.title, str(image), *doubts)
        return _absent(case, image, manifest)


def _hidden(case: Case, image: ImageReference) -> tuple[str, ...]:
    """Say that a quarantine hides the tag, or that nobody saw whether one does; only Azure's registries have it."""
    if case.registry is not None and case.registry.quarantine:
        return (f"{case.registry.name} has its quarantine on: a quarantined tag reads as not found to everybody",)
    if case.registry is not None or registry_name(image.registry) is None:
        return ()
    return case.unread("registry") or (
        f"whether a quarantine hides it: {image.registry} is none that Resource Manager lists for us",
    )


def _behind(case: Case) -> tuple[str, ...]:
    """Return that a replica is still catching up: the one that answered us may lack what another has."""
    replicas = case.value("replicas", Replicas)
    late = [it.region for it in replicas.replicas if (it.status or "Ready").lower() != "ready"] if replicas else []
    return tuple(
        f"the replica in {one} is not up to date, and which replica answered us is not known" for one in late[:1]
    )


def _found(case: Case, image: ImageReference) -> Judgement:
    tags = case.value("tags", Tags)
    made = next((tag.created_at for tag in tags.newest if tag.name == image.tag), None) if tags else None
    if tags is None and case.symptom == "tag-not-found":
        now = f"since when {image.reference}, which is there now, has been there"
        return unread(TagAbsent.title, str(image), now, *case.unread("tags"))
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
    reasons += [*fetched_words(case), *_tag_words(image, tags)]
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
    words = [f"{'newest tags' if tags.dated else 'tags'} there: {newest}"]
    near = _nearest(image, tags)
    return [f"nearest tags there: {', '.join(near)}", *words] if near else words


def _nearest(image: ImageReference, tags: Tags | None) -> list[str]:
    names = [tag.name for tag in tags.newest] if tags else []
    return get_close_matches(image.tag or "", names, n=3, cutoff=0.5) if image.tag else []


def _remedies(case: Case, image: ImageReference, tags: Tags | None) -> tuple[Remedy, ...]:
    near = _nearest(image, tags)
    use = f"Use a tag that is there, such as {near[0]}" if near else "Use a tag that is there"
    title = f"{use}, or push {image.repository}:{image.tag or image.reference}"
    if case.registry is None:
        return (Remedy(title=title),)
    registry = case.registry.name
    shown = ("--name", registry, "--repository", image.repository, "--orderby", "time_desc", "--top", "10")
    where = f"Portal: {registry} > Repositories > {image.repository} shows the tags."
    return (
        Remedy(title=title, detail=where, command=az("acr", "repository", "show-tags", *shown)),
        _restored(registry, image),
    )


def _restored(registry: str, image: ImageReference) -> Remedy:
    """Source: *Recover deleted artifacts with soft delete policy* (preview): seven days unless set otherwise."""
    what = "manifest" if image.digest else "tag"
    command = "list-deleted" if image.digest else "list-deleted-tags"
    options = ("--registry", registry, "--name", image.repository)
    return Remedy(
        title=f"If the {what} was there before, see whether it was deleted: soft delete lets it be restored",
        detail=(
            "Purge tasks and the retention of untagged manifests delete on a schedule. What soft delete keeps "
            "comes back with az acr manifest restore."
        ),
        command=az("acr", "manifest", command, *options),
    )


CAUSE = TagAbsent()
