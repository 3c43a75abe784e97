"""What the causes about building an image have in common: the build's log, the registry as a build meets it."""

from __future__ import annotations

from collections.abc import Callable

from diagnostics.azure.arm import resource_part
from diagnostics.build_facts import BuildFault, BuildLog
from diagnostics.case import Case
from diagnostics.causes._commands import az, bicep_text
from diagnostics.facts import Registry
from diagnostics.model import ImageReference, Remedy
from diagnostics.references import MalformedReference, parse
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = [
    "build_compute_remedy",
    "build_log",
    "by_log",
    "closed_to_tasks",
    "is_base_image",
    "not_named",
]

NO_LOG = "neither the run nor its error names a build log"


def build_log(case: Case) -> BuildLog | None:
    """Return what the build's log says; ``None`` where it could not be read."""
    return case.value("build-log", BuildLog)


def is_base_image(case: Case) -> bool:
    """Return whether the image at hand is the base that a build could not pull, not the one that it was to make."""
    log = build_log(case)
    base = parsed(log.subject) if log is not None and log.fault == BuildFault.BASE_IMAGE else None
    return base is not None and base == case.image


def parsed(written: str) -> ImageReference | None:
    """Return a reference where the text is one."""
    try:
        return parse(written) if written else None
    except MalformedReference:
        return None


def closed_to_tasks(registry: Registry) -> str | None:
    """Return why ACR Tasks cannot reach the registry by its own rules, or ``None``.

    The bypass for trusted services covers tasks with a system identity only, and no tasks at all where the registry
    says so (*Manage network bypass policy for ACR Tasks*).
    """
    if not registry.public_access:
        return f"the public access of {registry.name} is off"
    if registry.denies_by_default and not (registry.trusted_services and registry.trusted_services_for_tasks):
        return f"{registry.name} denies by default and lets ACR Tasks pass no rule"
    return None


def by_log(
    case: Case,
    cause: str,
    fault: str,
    title: str,
    tell: Callable[[BuildLog | None], tuple[str, str, tuple[Remedy, ...]]],
) -> Judgement | None:
    """Judge a cause that a build's own log decides; ``tell`` gives headline, fix target and remedies."""
    if not case.while_building:
        return None
    log, primary = build_log(case), case.primary
    headline, target, remedies = tell(log if log and log.fault == fault else None)
    quotes = log.quotes if log and log.fault == fault else ()
    if cause in case.decisive and primary is not None:
        place = f"{primary.excerpt.file}, line {primary.line}"
        said = f"{primary.emitter} says so itself ({place}): {primary.text.strip()[:300]}"
        return proven(headline, target, *(quotes or (said,)), remedies=remedies)
    if log is None:
        return unread(title, target, *case.unread("build-log"), remedies=remedies)
    if log.fault == fault:
        return proven(headline, target, *quotes, remedies=remedies)
    return not_named(log, title, target, remedies)


def not_named(log: BuildLog, title: str, target: str, remedies: tuple[Remedy, ...]) -> Judgement:
    """Return what follows from a log that was looked for and does not show this fault."""
    if log.fault and log.fault != BuildFault.STEP:
        return contradicted(f"the build stopped at something else: {log.fault} ({log.file}, line {log.said_line})")
    missing = f"why the build failed: {log.file} does not show it" if log.file else f"the build's log: {NO_LOG}"
    return unread(title, target, missing, remedies=remedies)


def build_compute_remedy(case: Case, registry: str) -> Remedy:
    """Return how to have images built where there is a way to the registry."""
    workspace_id = case.evidence.run.workspace_id
    name, group = workspace_id.rsplit("/", 1)[-1], resource_part(workspace_id, "resourceGroups") or ""
    command = az("ml", "workspace", "update", "--name", name, "--resource-group", group, "--image-build-compute")
    return Remedy(
        title=f"Set the workspace's imageBuildCompute to a compute that has a way to {registry}",
        detail=(
            "A CPU cluster in the registry's network, or one whose outbound address stays and is allowed, with an "
            "identity that may push. An address rule for ACR Tasks does not last: its agents' addresses change. "
            "Put the cluster's name in place of BUILD_CLUSTER."
        ),
        command=f"{command} BUILD_CLUSTER",
        bicep=(
            f"// in the resource of {_printable(name)}, Microsoft.MachineLearningServices/workspaces@2025-12-01\n"
            f"properties: {{\n  imageBuildCompute: {bicep_text('BUILD_CLUSTER')}\n}}"
        ),
    )


def _printable(name: str) -> str:
    return "".join(character for character in name if character.isprintable())
