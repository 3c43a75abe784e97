"""The base image could not be pulled while the environment's image was built."""

from __future__ import annotations

from diagnostics.build_facts import BuildFault, BuildLog
from diagnostics.case import Case
from diagnostics.causes._building import build_log, is_base_image, not_named
from diagnostics.facts import Manifest, ManifestOutcome
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, proven, unread

__all__ = ["CAUSE"]

_LIMITED = "Import it into the workspace's registry, or pull it through a cache rule with a credential."
_TAG = "Name a tag or digest in FROM that its registry has."
_RIGHT = "Whoever builds (ACR Tasks, or the image build compute's identity) needs the right to pull it."
_ADVICE = {
    "docker-hub-limit": _LIMITED,
    "rate-limited": _LIMITED,
    "tag-absent": _TAG,
    "tag-not-found": _TAG,
    "repository-absent": "Correct the repository in FROM: its registry does not know it.",
    "repository-not-found": "Correct the repository in FROM, or let the build log in: some say so to strangers.",
    "unauthorized": _RIGHT,
    "forbidden": _RIGHT,
}
_INNER = {ManifestOutcome.TAG_UNKNOWN: "tag-absent", ManifestOutcome.REPOSITORY_UNKNOWN: "repository-absent"}


class BuildBaseImageFailed:
    """The build's log shows that it stopped at its ``FROM``; that image's pull is judged in its own right beside it."""

    id = "build-base-image-failed"
    title = "The base image could not be pulled while the environment's image was built"
    step = PullStep.BUILD
    rank = 30
    masked = False
    explains = frozenset(
        {
            "image-build-failed",
            "unauthorized",
            "forbidden",
            "tag-not-found",
            "repository-not-found",
            "registry-not-found",
            "rate-limited",
            "network-firewall",
            "network-timeout",
            "dns",
            "tls",
            "registry-unavailable",
            "architecture-mismatch",
            "deprecated-image",
            "corrupt-layer",
            "artifact-locked",
        }
    )
    needs = ("build-log",)

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the build's log stops at the base image, with the inner cause named."""
        if not case.while_building:
            return None
        log = build_log(case)
        if log is None:
            return unread(self.title, "a base image", *case.unread("build-log"), remedies=_remedies("", ""))
        if log.fault != BuildFault.BASE_IMAGE:
            return not_named(log, self.title, "a base image", _remedies("", ""))
        return _proven(case, log)


def _proven(case: Case, log: BuildLog) -> Judgement:
    base, inner = log.subject or "of the environment", _inner(case)
    reasons = [*log.quotes, f"the inner cause: {inner}"]
    manifest = case.value("manifest", Manifest)
    if manifest is not None and is_base_image(case) and manifest.outcome in _INNER:
        reasons.append(f"{case.registry_words}, asked for {case.image}, answers: {manifest.said}")
    return proven(
        f"The base image {base} could not be pulled while the environment's image was built: {inner}",
        base,
        *reasons,
        remedies=_remedies(log.subject, inner),
    )


def _inner(case: Case) -> str:
    """Return the cause of the base image's own pull as far as facts or the text name it, else what the text says."""
    manifest = case.value("manifest", Manifest)
    if manifest is not None and is_base_image(case) and manifest.outcome in _INNER:
        return _INNER[manifest.outcome]
    named = [name for symptom in case.evidence.symptoms for name in symptom.names if not name.startswith("build-")]
    said = [symptom.id for symptom in case.evidence.symptoms if symptom.id != "image-build-failed"]
    return next(iter((*named, *said)), "the log does not say why")


def _remedies(base: str, inner: str) -> tuple[Remedy, ...]:
    title = f"See to it that the build can pull its base image{f' {base}' if base else ''}"
    return (Remedy(title=title, detail=_ADVICE.get(inner, "The base image's own registry and the way to it decide.")),)


CAUSE = BuildBaseImageFailed()
