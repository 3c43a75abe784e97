"""A deny assignment takes the right to pull away, whatever roles are held."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.causes._credentials import login_unseen
from diagnostics.causes._pulling import AUTH_SYMPTOMS, set_aside
from diagnostics.credential_facts import Denial, DenyAssignments, Reaches
from diagnostics.facts import Registry
from diagnostics.model import PullStep, Remedy
from diagnostics.permissions import denies_pull, wanted_actions
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("compute", "registry", "deny-assignments", "pull-identities", "workspace-connections")


class DenyAssignment:
    """Source: *Understand Azure deny assignments*: they go before role assignments; not-actions are spared."""

    id = "deny-assignment"
    title = "A deny assignment takes the right to pull away"
    step = PullStep.PERMISSION
    rank = 2
    masked = True
    explains = AUTH_SYMPTOMS
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where one that reaches the identity denies what the pull asks for in the registry's mode."""
        if (aside := set_aside(case, self.title)) is not None:
            return aside
        registry, denied = case.registry, case.value("deny-assignments", DenyAssignments)
        if registry is None or denied is None or case.puller is None:
            return unread(self.title, case.registry_words, *case.unread(*_NEEDS))
        taking = [it for it in denied.denials if denies_pull(it.permissions, abac=registry.abac)]
        if not taking:
            return contradicted("no deny assignment takes the pull away")
        there = [it for it in taking if it.created_at is None or it.created_at <= case.failed_at]
        if not there:
            return contradicted("the deny assignments that take the pull away were made after the failure")
        sure = [it for it in there if it.reaches != Reaches.UNCLEAR and not it.conditional and it.created_at]
        unseen = login_unseen(case)
        if sure and not unseen:
            return _proven(case, registry, denied.principal_id, sure)
        first = (sure or there)[0]
        doubts = unseen if sure else (_doubt(first),)
        return unread(self.title, _target(first, registry), *doubts, remedies=_remedies(first, registry))


def _target(denial: Denial, registry: Registry) -> str:
    return f"{denial.name} on {registry.id.lower()}"


def _doubt(denial: Denial) -> str:
    if denial.conditional:
        return f"whether the condition of the deny assignment {denial.name} covers this pull"
    if denial.reaches == Reaches.UNCLEAR:
        return f"whether a group that the deny assignment {denial.name} names, or spares, holds the identity"
    return f"since when the deny assignment {denial.name} has been there"


def _proven(case: Case, registry: Registry, principal: str, denials: list[Denial]) -> Judgement:
    first = denials[0]
    wanted = wanted_actions(abac=registry.abac)[0]
    reasons = [
        f"{it.name} at {it.scope}, since {it.created_at:%Y-%m-%d %H:%M} UTC, denies {wanted} "
        f"and reaches {principal} {it.reaches}"
        for it in denials
    ]
    reasons.append("a deny assignment goes before every role assignment, so granting a role changes nothing")
    headline = f"{case.compute_words} may not pull from {registry.name}: the deny assignment {first.name} forbids it"
    return proven(headline, _target(first, registry), *reasons, remedies=_remedies(first, registry))


def _remedies(denial: Denial, registry: Registry) -> tuple[Remedy, ...]:
    whose = (
        "Azure made it for a managed application, a deployment stack or a blueprint: change it there."
        if denial.system
        else "Whoever made it can exclude the identity."
    )
    return (
        Remedy(
            title=f"Have the identity excluded from the deny assignment {denial.name}",
            detail=(
                f"Portal: {registry.name} > Access control (IAM) > Deny assignments > {denial.name}. It cannot be "
                f"edited there. {whose} For a deployment stack: its denySettings, excludedPrincipals. Or use a "
                "registry outside of its scope."
            ),
            command=az(
                "rest",
                "--method",
                "get",
                "--url",
                f"{denial.scope.rstrip('/')}/providers/Microsoft.Authorization/denyAssignments?api-version=2022-04-01",
            ),
        ),
    )


CAUSE = DenyAssignment()
