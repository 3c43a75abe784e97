"""The image is there and may not be read: it is quarantined, or its reading is disabled."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._building import is_base_image
from diagnostics.causes._commands import az
from diagnostics.causes._serving import at
from diagnostics.facts import Manifest, ManifestOutcome, Registry
from diagnostics.image_facts import Artifact, Quarantine
from diagnostics.model import ImageReference, PullStep, Remedy
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]


class ArtifactUnreadable:
    """A quarantined tag reads as not found to everybody, a quarantined digest and a locked image as disallowed."""

    id = "artifact-unreadable"
    title = "The image is quarantined, or its reading is disabled"
    step = PullStep.TAG
    rank = 15
    masked = True
    explains = frozenset({"artifact-locked", "tag-not-found", "insufficient-evidence"})
    needs = ("manifest", "registry", "artifact", "quarantine")
    masked_needs = ("manifest", "registry", "quarantine")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the image's own attributes, or the registry's 405, show that it may not be read."""
        image, registry = case.image, case.registry
        if case.while_building and not is_base_image(case) and case.symptom != "artifact-locked":
            return None  # what was being built is not there yet, and says nothing
        if image is None or registry is None:
            return unread(self.title, str(image or ""), *case.unread("registry", "artifact"))
        artifact, manifest = case.value("artifact", Artifact), case.value("manifest", Manifest)
        if artifact is not None and (artifact.quarantined or artifact.locked):
            return _by_attributes(case, image, registry, artifact)
        held = case.value("quarantine", Quarantine)
        if held is not None and held.holds_back:
            return _in_quarantine(image, registry, held.state)
        if manifest is not None and manifest.outcome == ManifestOutcome.DISALLOWED:
            return _disallowed(image, registry, manifest, artifact)
        if registry.quarantine and (manifest is None or manifest.outcome == ManifestOutcome.TAG_UNKNOWN):
            hidden = (
                f"{registry.name} has its quarantine on: a quarantined tag reads as not found to everybody, us included"
            )
            return unread(self.title, str(image), hidden, *case.unread("artifact"), remedies=_release(registry, image))
        if manifest is None:
            return unread(self.title, str(image), *case.unread("manifest", "artifact"))
        return _readable(case, image, manifest, artifact)


def _by_attributes(case: Case, image: ImageReference, registry: Registry, artifact: Artifact) -> Judgement:
    if artifact.quarantined:
        return _in_quarantine(image, registry, artifact.quarantine)
    headline = f"Reading of {image.repository}:{image.reference} is disabled on {registry.name}"
    said = f"the {artifact.locked} has readEnabled set to false"
    changed = artifact.changed_at
    if changed is not None and changed > case.failed_at:
        later = f"{said} now; {image.reference} was last changed on {at(changed)}, after the failure"
        return unread(headline, str(image), later)
    return proven(headline, str(image), said, remedies=_unlock(registry, image, artifact.locked))


def _in_quarantine(image: ImageReference, registry: Registry, state: str | None) -> Judgement:
    headline = f"{image.repository}:{image.reference} is in quarantine on {registry.name}"
    said = f"its quarantine state is {state}: whoever may not see it is told that it is not found"
    return proven(headline, str(image), said, remedies=_release(registry, image))


def _disallowed(image: ImageReference, registry: Registry, manifest: Manifest, artifact: Artifact | None) -> Judgement:
    attributes = "" if artifact else "; which attribute forbids it could not be read"
    return proven(
        f"{image.repository}:{image.reference} is on {registry.name} and may not be read",
        str(image),
        f"{registry.name}, asked for {image.repository}, answers: {manifest.said}{attributes}",
        remedies=(*_unlock(registry, image, "tag"), *_release(registry, image)),
    )


def _readable(case: Case, image: ImageReference, manifest: Manifest, artifact: Artifact | None) -> Judgement:
    if manifest.outcome != ManifestOutcome.FOUND:
        return contradicted(f"{case.registry_words} has its quarantine off and does not have {image.reference}")
    if case.symptom == "artifact-locked" and case.named:
        changed = artifact.changed_at if artifact else None
        since = f", last changed on {at(changed)}" if changed else ""
        return compatible(ArtifactUnreadable.title, f"{image.reference} may be read now{since}")
    return contradicted(f"{image.reference} may be read")


def _release(registry: Registry, image: ImageReference) -> tuple[Remedy, ...]:
    return (
        Remedy(
            title=f"Have {image.repository}:{image.reference} scanned and released from quarantine",
            detail=(
                "Only an identity with the role AcrQuarantineWriter may set the state to Passed; the scanner that the "
                f"quarantine of {registry.name} waits for does it. Until then every pull reads not found."
            ),
            command=az("resource", "show", "--ids", registry.id, "--query", "properties.policies.quarantinePolicy"),
        ),
    )


def _unlock(registry: Registry, image: ImageReference, what: str) -> tuple[Remedy, ...]:
    separator = "@" if image.digest or what == "manifest" else ":"
    name = f"{image.repository}{separator}{image.reference}"
    chosen = ("--repository", image.repository) if what == "repository" else ("--image", name)
    if what == "manifest" and not image.digest:
        chosen = ("--image", f"{image.repository}:{image.reference}")
    command = az("acr", "repository", "update", "--name", registry.name, *chosen, "--read-enabled", "true")
    return (
        Remedy(
            title=f"Enable reading of the {what} again, if whoever disabled it agrees",
            detail=f"Somebody set it on purpose, often to take a broken image out of use on {registry.name}.",
            command=command,
        ),
    )


CAUSE = ArtifactUnreadable()
