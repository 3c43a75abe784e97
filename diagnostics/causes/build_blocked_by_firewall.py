"""ACR Tasks was refused by the registry's own network rules."""

from __future__ import annotations

from diagnostics.build_facts import Builder, BuildFault, BuildLog
from diagnostics.case import Case
from diagnostics.causes._building import build_compute_remedy, build_log, closed_to_tasks
from diagnostics.causes._ways import covering_rule
from diagnostics.facts import Registry
from diagnostics.model import PullStep
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]


class BuildBlockedByFirewall:
    """The task's agent is refused at the log-in, before any step; its address changes, so no rule for it lasts."""

    id = "build-blocked-by-firewall"
    title = "The registry's own network rules refuse the image build"
    step = PullStep.BUILD
    rank = 10
    masked = False
    explains = frozenset({"image-build-failed", "network-firewall", "network-timeout", "insufficient-evidence"})
    needs = ("registry", "build-log")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the log shows ACR Tasks at the log-in and the registry lets its address not in."""
        if not case.while_building:
            return None
        registry, log = case.registry, build_log(case)
        if log is not None and log.step:
            return contradicted(f"the build had logged in and was at its steps ({log.file}, line {log.step_line})")
        target = f"builds on {registry.id.lower() if registry else case.registry_words}"
        if registry is None or log is None:
            return unread(self.title, target, *case.unread("registry", "build-log"), *_elsewhere(case))
        if log.builder in (Builder.COMPUTE, Builder.SERVERLESS):
            return contradicted(f"{log.builder} built the image, not ACR Tasks")
        if registry.public_access and not registry.denies_by_default:
            return _open_now(case, registry, target)
        if log.builder != Builder.TASKS or log.fault != BuildFault.LOGIN:
            return unread(self.title, target, "whether ACR Tasks was refused: no log of the build shows it")
        return _by_rules(case, registry, log)


def _elsewhere(case: Case) -> tuple[str, ...]:
    if case.lookup is not None and case.registry is None:
        return (f"the registry that is built in: {case.lookup.host} is none that Resource Manager lists for us",)
    return ()


def _open_now(case: Case, registry: Registry, target: str) -> Judgement:
    if case.registry_changed:
        title = BuildBlockedByFirewall.title
        return unread(title, target, f"every address is let in now, but {case.registry_changed}")
    return contradicted(f"{registry.name} lets every address in")


def _by_rules(case: Case, registry: Registry, log: BuildLog) -> Judgement:
    title, target = BuildBlockedByFirewall.title, f"builds on {registry.id.lower()}"
    address = case.captured("address") or log.address
    if not registry.public_access:
        return _proven(case, registry, log, f"the public access of {registry.name} is off")
    if not registry.ip_rules:
        return _proven(case, registry, log, f"{registry.name} denies by default and has no rule for any address")
    covering = covering_rule(registry, address) if address else None
    if covering is None:
        return unread(title, target, "the address that the registry saw, which the log does not show")
    if not covering:
        rules = ", ".join(registry.ip_rules)
        why = f"{registry.name} denies by default; {address}, the agent's address in the log, is in none of: {rules}"
        return _proven(case, registry, log, why)
    if registry.changed_at is not None and registry.changed_at <= case.failed_at:
        return contradicted(f"the rule {covering} lets {address} in")
    return unread(title, target, f"since when the rule {covering} covers {address}")


def _proven(case: Case, registry: Registry, log: BuildLog, why: str) -> Judgement:
    reasons = [*log.quotes, why]
    if closed_to_tasks(registry) and registry.public_access:
        reasons.append(f"{registry.name} does not let ACR Tasks pass as a trusted service either")
    return proven(
        f"ACR Tasks cannot build in {registry.name}: the registry's own network rules refuse it",
        f"builds on {registry.id.lower()}",
        *reasons,
        remedies=(build_compute_remedy(case, registry.name),),
    )


CAUSE = BuildBlockedByFirewall()
