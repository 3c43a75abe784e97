"""The identity holds a role that would do in the other mode, and the registry's mode ignores it."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._pulling import AUTH_SYMPTOMS, RIGHT_FACTS, UNDATED, grant_remedies, in_abac_mode, set_aside
from diagnostics.describing import grant_words, mode_words
from diagnostics.model import PullStep
from diagnostics.permissions import Right
from diagnostics.pull_right import PullRight
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]

_ADVICE = "Where wanted, add a condition on the repository. Granting AcrPull again changes nothing in this mode."


class PullRoleIgnoredInAbacMode:
    """Source: *Microsoft Entra attribute-based access control for repository permissions* (2025-12-11): in that mode
    AcrPull, AcrPush, Reader, Contributor and Owner give no access to repositories.
    """

    id = "pull-role-ignored-in-abac-mode"
    title = "The identity holds a pull role that the registry's permission mode ignores"
    step = PullStep.PERMISSION
    rank = 5
    masked = True
    explains = AUTH_SYMPTOMS
    needs = RIGHT_FACTS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the mode is ABAC, a registry-wide role is held and no repository role is."""
        if case.registry is not None and not case.registry.abac and not case.registry_changed:
            return contradicted(f"{case.registry.name} works in the mode {mode_words(case.registry)}")
        if (aside := set_aside(case, self.title)) is not None:
            return aside
        return in_abac_mode(case, self.title, self._by_right)

    def _by_right(self, case: Case, right: PullRight) -> Judgement:
        if right.then is Right.GRANTED:
            return contradicted("a role with the repository data actions was there")
        if right.narrowed:
            return contradicted("a repository role is there, and its condition leaves this repository out")
        if right.edited:
            return contradicted("a repository role was there, under a condition that was changed since")
        if not right.ignored and right.undated:
            return unread(self.title, right.target, UNDATED)
        if not right.ignored:
            return contradicted("no role was held that would do in the other mode either")
        if right.then is Right.UNDECIDED or right.undated:
            return unread(self.title, right.target, "a repository role with a condition may cover the image")
        if right.unseen:
            return unread(self.title, right.target, *right.unseen)
        return _proven(case, right)


def _proven(case: Case, right: PullRight) -> Judgement:
    roles = " and ".join(sorted({grant.role for grant in right.ignored}))
    reasons = [
        f"{right.registry.name} works in the mode {mode_words(right.registry)}",
        *(f"ignored there: {grant_words(grant, right.principal_id)}" for grant in right.ignored),
        "no role with the repository data actions reaches the identity",
    ]
    if right.since:
        reasons.append(f"fixed since: a repository role was granted on {right.since:%Y-%m-%d %H:%M} UTC")
    headline = (
        f"{case.compute_words} may not pull from {right.registry.name}: "
        f"its {roles} role does not count in the registry's ABAC mode"
    )
    return proven(headline, right.target, *reasons, remedies=grant_remedies(right, _ADVICE))


CAUSE = PullRoleIgnoredInAbacMode()
