"""ACR Tasks cannot reach the registry, and the workspace has no usable compute to build on."""

from __future__ import annotations

from diagnostics.build_facts import BuildCompute, Builder, BuildFault, BuildLog
from diagnostics.case import Case
from diagnostics.causes._building import build_compute_remedy, build_log, closed_to_tasks
from diagnostics.facts import Registry
from diagnostics.model import PullStep
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("registry", "build-compute")
_UNUSABLE = frozenset({"failed", "deleting", "canceled", "deleted"})


class BuildComputeMissing:
    """Unset alone is normal: then ACR Tasks builds. It is a fault only where the registry lets ACR Tasks not in."""

    id = "build-compute-missing"
    title = "The image cannot be built: ACR Tasks cannot reach the registry and no build compute is usable"
    step = PullStep.BUILD
    rank = 20
    masked = False
    explains = frozenset({"image-build-failed", "network-firewall", "network-timeout"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the compute is unset, gone or not usable and ACR Tasks is no way either."""
        if not case.while_building:
            return None
        compute, registry, log = case.value("build-compute", BuildCompute), case.registry, build_log(case)
        if log is not None and log.step:
            return contradicted(f"a build was at its steps ({log.file}, line {log.step_line})")
        if compute is None or registry is None:
            return unread(self.title, _target(case), *case.unread(*_NEEDS), *_elsewhere(case))
        if compute.name is None:
            return _unset(case, registry, log)
        return _set(case, registry, compute)


def _target(case: Case) -> str:
    return f"imageBuildCompute of {case.evidence.run.workspace_id.lower()}"


def _elsewhere(case: Case) -> tuple[str, ...]:
    if case.lookup is not None and case.registry is None:
        return (f"the registry that is built in: {case.lookup.host} is none that Resource Manager lists for us",)
    return ()


def _named(case: Case) -> bool:
    return BuildComputeMissing.id in case.named


def _unset(case: Case, registry: Registry, log: BuildLog | None) -> Judgement:
    title = BuildComputeMissing.title
    if log is not None and log.builder == Builder.TASKS and log.fault == BuildFault.LOGIN:
        return compatible(
            title, "no build compute is set, which is normal; ACR Tasks ran and says itself why it failed"
        )
    closed = closed_to_tasks(registry)
    if closed is None and (case.registry_changed or registry.denies_by_default or _named(case)):
        why = case.registry_changed or f"{registry.name} may let ACR Tasks in by its rules"
        return unread(title, _target(case), f"whether ACR Tasks could reach the registry: {why}")
    if closed is None:
        return contradicted(f"no build compute is set, and none is needed: ACR Tasks can reach {registry.name}")
    if case.registry_changed:
        return unread(title, _target(case), f"since when {closed}: {case.registry_changed}")
    return _proven(case, registry, "the workspace has no imageBuildCompute set, so ACR Tasks would build", closed)


def _set(case: Case, registry: Registry, compute: BuildCompute) -> Judgement:
    closed = closed_to_tasks(registry)
    unusable = _unusable(compute)
    if unusable and (closed or _named(case)):
        return _proven(case, registry, unusable, *([closed] if closed else []))
    if unusable:
        return compatible(BuildComputeMissing.title, unusable, "the text does not say that it was wanted")
    later = compute.created_at is not None and compute.created_at > case.failed_at
    if later or _named(case):
        when = f"it was created on {compute.created_at:%Y-%m-%d %H:%M} UTC" if later else "it may have been set since"
        missing = f"whether {compute.name} could be used when the run failed: it can now, but {when}"
        remedies = (build_compute_remedy(case, registry.name),)
        return unread(BuildComputeMissing.title, _target(case), missing, remedies=remedies)
    return contradicted(f"the image build compute {compute.name} is there and provisioned")


def _unusable(compute: BuildCompute) -> str | None:
    if not compute.found:
        return f"imageBuildCompute names {compute.name}, which is not among the workspace's computes"
    if (compute.provisioning_state or "").lower() in _UNUSABLE:
        return f"imageBuildCompute names {compute.name}, whose provisioning state is {compute.provisioning_state}"
    if compute.kind == "ComputeInstance":
        return f"imageBuildCompute names {compute.name}, a compute instance, on which only its own user may start runs"
    return None


def _proven(case: Case, registry: Registry, *reasons: str) -> Judgement:
    return proven(
        f"No compute can build images for {registry.name}: imageBuildCompute of the workspace is unset or not usable",
        _target(case),
        *reasons,
        remedies=(build_compute_remedy(case, registry.name),),
    )


CAUSE = BuildComputeMissing()
