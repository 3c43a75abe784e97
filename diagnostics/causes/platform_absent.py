"""The image has nothing for the compute's platform."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._building import is_base_image
from diagnostics.causes._commands import az
from diagnostics.causes._serving import at, moved_since
from diagnostics.facts import Manifest, ManifestOutcome
from diagnostics.image_facts import Artifact
from diagnostics.model import ImageReference, PullStep, Remedy
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_AMD64 = frozenset({"AmlCompute", "ComputeInstance", "Serverless", "BatchAI"})
"""Kinds of compute whose nodes are linux/amd64 in every VM size that Azure Machine Learning offers."""

_STATED = "no-manifest-for-platform"
"""The signature whose platform is the one that was wanted; other texts name that of the image."""

_WINDOWS = "windows"


class PlatformAbsent:
    """Without its platform in an index a pull fails; an image of another platform is pulled, and fails to start."""

    id = "platform-absent"
    title = "The image has no manifest for the compute's platform"
    step = PullStep.PLATFORM
    rank = 10
    masked = True
    explains = frozenset({"architecture-mismatch"})
    needs = ("manifest", "registry", "compute", "artifact")
    masked_needs = ("manifest", "registry", "compute")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where what the registry has is for other platforms than the one that is wanted."""
        image, manifest = case.image, case.value("manifest", Manifest)
        target = str(image or "")
        if case.while_building and not is_base_image(case) and case.symptom != "architecture-mismatch":
            return None  # what was being built is not there yet, and says nothing
        if image is None or manifest is None:
            return unread(self.title, target, *case.unread("manifest"), remedies=_remedies(image, "linux/amd64"))
        wanted = _wanted(case)
        if wanted is None:
            unknown = case.unread("compute") or (f"which platform {case.compute_words} has",)
            return unread(self.title, target, *unknown)
        if manifest.outcome != ManifestOutcome.FOUND:
            return contradicted(f"the registry does not have {image.reference} at all")
        return _compared(case, image, manifest, wanted)


def _wanted(case: Case) -> str | None:
    """Return the platform that the pull asked for: as the client itself says, else that of the kind of compute."""
    primary = case.primary
    stated = primary.captured.get("platform") if primary is not None and primary.signature == _STATED else None
    if stated and "/" in stated:
        return stated.lower()
    return "linux/amd64" if case.compute is not None and case.compute.kind in _AMD64 else None


def _compared(case: Case, image: ImageReference, manifest: Manifest, wanted: str) -> Judgement:
    artifact = case.value("artifact", Artifact)
    there = manifest.platforms or ((artifact.platform,) if artifact is not None and artifact.platform else ())
    if not there:
        missing = case.unread("artifact") or ("the image's platform: the registry does not state it",)
        return unread(PlatformAbsent.title, str(image), *missing, remedies=_remedies(image, wanted))
    moved = moved_since(case)
    if moved is not None:
        now = f"{image.reference} is for {', '.join(there)} now, and was pushed again on {at(moved)}, after the failure"
        return unread(PlatformAbsent.title, str(image), now)
    if not any(_fits(platform, wanted) for platform in there):
        return _proven(case, image, manifest, there, wanted)
    if case.symptom == "architecture-mismatch" and case.primary is not None and case.primary.signature != _STATED:
        return compatible(
            PlatformAbsent.title, f"{image.reference} is for {', '.join(there)}, which is the compute's platform"
        )
    return contradicted(f"{image.reference} has {wanted}")


def _fits(platform: str, wanted: str) -> bool:
    """Compare system and architecture; of the variant only where both state one."""
    have, want = platform.lower().split("/"), wanted.split("/")
    return have[:2] == want[:2] and (len(have) < 3 or len(want) < 3 or have[2] == want[2])


def _proven(case: Case, image: ImageReference, manifest: Manifest, there: tuple[str, ...], wanted: str) -> Judgement:
    listed = ", ".join(there)
    kind = "the index lists" if manifest.platforms else "the one image is for"
    then = (
        "so there is nothing to pull" if manifest.platforms else "so it is pulled and cannot start (exec format error)"
    )
    return proven(
        f"{image.repository}:{image.reference} is for {listed}, and {case.compute_words} needs {wanted}",
        str(image),
        f"{kind} {listed} only, {then}",
        f"{case.compute_words} needs {wanted}",
        remedies=_remedies(image, wanted),
    )


def _remedies(image: ImageReference | None, wanted: str) -> tuple[Remedy, ...]:
    built = f"{image.repository}:{image.tag or 'latest'}" if image else "NAME:TAG"
    registry = image.registry.split(".")[0] if image else "REGISTRY"
    how = (
        "On a computer with an ARM processor, such as a Mac, a build makes linux/arm64 unless told otherwise: "
        f"docker buildx build --platform {wanted} --push."
    )
    if wanted.startswith(_WINDOWS):
        return (Remedy(title=f"Build and push the image for {wanted}", detail=how),)
    command = az("acr", "build", "--registry", registry, "--image", built, "--platform", wanted, ".")
    return (Remedy(title=f"Build and push the image for {wanted}", detail=how, command=command),)


CAUSE = PlatformAbsent()
