"""The compute has no managed identity, and the registry's admin user is off."""

from __future__ import annotations

from dataclasses import replace

from diagnostics.case import Case
from diagnostics.causes._admin import relies_on_admin_setting
from diagnostics.causes._credentials import connections_to, foreign_host, stored_connection
from diagnostics.causes._identities import giving_identity
from diagnostics.facts import Compute, Registry
from diagnostics.model import PullStep, Remedy
from diagnostics.pull_roles import role_name
from diagnostics.pullers import PullerKind
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("compute", "registry")


class PullIdentityAbsent:
    """Source: *Set up service authentication* (azure-ai-docs): without the admin user the compute's identity pulls."""

    id = "pull-identity-absent"
    title = "The compute has no managed identity to pull with, and the registry's admin user is off"
    step = PullStep.IDENTITY
    rank = 10
    masked = True
    explains = frozenset(
        {"unauthorized", "forbidden", "identity-misconfigured", "admin-user-disabled", "insufficient-evidence"}
    )
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where compute and registry are known, the one without identity, the other without admin."""
        compute, registry = case.compute, case.registry
        if needless := _needless(case):
            return contradicted(needless)
        now = _needless_now(case)
        if now and not case.registry_changed:
            return contradicted(now)
        if compute is None or registry is None or case.puller is None:
            return unread(self.title, case.compute_words, *case.unread(*_NEEDS))
        if compute.identities:
            return contradicted(f"{compute.name} has a {compute.identities[0].kind} identity")
        if relies_on_admin_setting(case):
            return compatible(self.title, "the run's definition asks for the admin user, not for an identity")
        if now:
            return unread(self.title, compute.name, f"{now} now, but {case.registry_changed}")
        if case.puller.kind is not PullerKind.NOBODY:
            return unread(self.title, compute.name, case.puller.reason)
        unseen = _unseen(case, registry)
        return unread(self.title, compute.name, *unseen) if unseen else _proven(case, compute, registry)


def _needless(case: Case) -> str | None:
    """Return what else logs in at the registry, or why nothing has to."""
    stored = stored_connection(case)
    if foreign_host(case):
        return f"{foreign_host(case)} is no Azure registry: no managed identity logs in there"
    return f"the workspace's connection {stored.name} logs in at {stored.host}" if stored else None


def _needless_now(case: Case) -> str | None:
    """Return what the registry's own settings make needless, as they were when we looked."""
    registry = case.registry
    if registry is not None and registry.admin_user_enabled and case.lookup and case.lookup.attached:
        return f"the admin user of {registry.name} is on"
    if registry is not None and registry.anonymous_pull:
        return f"{registry.name} lets anybody pull without a credential"
    return None


def _unseen(case: Case, registry: Registry) -> tuple[str, ...]:
    """Return what could log in and was not seen; the workspace's own registry needs no connection."""
    if case.registry_changed and not registry.admin_user_enabled and case.symptom != "admin-user-disabled":
        return (f"the admin user of {registry.name} is off now, but {case.registry_changed}",)
    if registry.admin_user_enabled:
        return (f"the admin user of {registry.name} is on; whether a workspace connection uses it was not checked",)
    if case.lookup is not None and not case.lookup.attached and connections_to(case) is None:
        return case.unread("workspace-connections")
    return ()


def _proven(case: Case, compute: Compute, registry: Registry) -> Judgement:
    headline = f"{compute.name} has no identity to pull with from {registry.name}"
    reasons = (
        f"{compute.name} ({compute.kind}) has no managed identity",
        f"the admin user of {registry.name} is off, so nothing else could log in",
    )
    return proven(headline, f"{compute.name} without identity", *reasons, remedies=_remedies(case, compute, registry))


def _remedies(case: Case, compute: Compute, registry: Registry) -> tuple[Remedy, ...]:
    role = role_name(abac=registry.abac)
    then = f"On the registry: Access control (IAM) > Add role assignment > {role} > that identity."
    note = f"{then} Leave the admin user off."
    remedy = giving_identity(case, compute, f"{role} on {registry.name}")
    return (replace(remedy, detail=f"{remedy.detail} {note}"),)


CAUSE = PullIdentityAbsent()
