"""The identity that pulls has no role that grants the pull."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import grant_command
from diagnostics.causes._pulling import AUTH_SYMPTOMS, RIGHT_FACTS, grant_remedies, mode_unsure, set_aside
from diagnostics.describing import edited_words, grant_words, mode_words
from diagnostics.model import PullStep, Remedy
from diagnostics.permissions import Right
from diagnostics.pull_right import PullRight, pull_right, right_unread
from diagnostics.pull_roles import role_name
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]


class PullRoleMissing:
    """Decided by actions and not-actions of every assignment that reaches the identity, never by a role's name."""

    id = "pull-role-missing"
    title = "The identity that pulls has no role on the registry that grants the pull"
    step = PullStep.PERMISSION
    rank = 10
    masked = True
    explains = AUTH_SYMPTOMS
    needs = RIGHT_FACTS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where no assignment grants the pull in the registry's mode."""
        if (aside := set_aside(case, self.title)) is not None:
            return aside
        right = pull_right(case)
        if right is None:
            return _unread(case)
        said, unsure = self._by_right(case, right), mode_unsure(case)
        other = pull_right(case, abac=not right.registry.abac) if unsure else None
        if other is None or self._by_right(case, other).proof is said.proof:
            return said
        return unread(_headline(case), right.target, *unsure, remedies=_remedies(right))

    def _by_right(self, case: Case, right: PullRight) -> Judgement:
        if right.then is Right.GRANTED:
            return contradicted(f"the right was there: {_words_of_right(right)}")
        if right.narrowed:
            return contradicted("a repository role is there, and its condition leaves this repository out")
        if right.registry.abac and right.edited:
            return contradicted("a repository role was there, under a condition that was changed since")
        if right.ignored:
            return contradicted("a role is there, but of a kind that the registry's mode ignores")
        if doubts := _doubts(right):
            return unread(_headline(case), right.target, *doubts, remedies=_remedies(right))
        return proven(_headline(case), right.target, *_reasons(right), remedies=_remedies(right))


def _unread(case: Case) -> Judgement | None:
    puller = case.puller
    if puller is not None and puller.principal_id is None and case.registry is not None:
        return unread(PullRoleMissing.title, case.registry_words, puller.reason)
    principal = case.captured("identity") or (puller.principal_id if puller else None) or "the identity"
    target = f"{principal} on {case.registry_words}"
    return unread(_headline(case), target, *right_unread(case), remedies=_blind_remedy(case))


def _blind_remedy(case: Case) -> tuple[Remedy, ...]:
    role = role_name(abac=bool(case.registry and case.registry.abac))
    who = case.captured("identity") or case.compute_words
    if case.registry and case.puller and case.puller.principal_id:
        command = grant_command(case.registry, case.puller.principal_id)
    else:
        command = ""
    look = f"Look at the roles that {who} has on {case.registry_words}; where none grants the pull, grant {role}"
    return (Remedy(title=look, command=command),)


def _headline(case: Case) -> str:
    return f"{case.compute_words} may not pull from {case.registry_words}: its identity has no pull role"


def _reasons(right: PullRight) -> tuple[str, ...]:
    held = "; ".join(grant_words(grant, right.principal_id) for grant in right.before) or "none at all"
    wanted = "the repository data actions" if right.registry.abac else "the action registries/pull/read"
    reasons = [
        f"no role assignment that reaches {right.principal_id} grants {wanted}: {held}",
        f"{right.registry.name} works in the mode {mode_words(right.registry)}",
    ]
    if right.since:
        reasons.append(f"fixed since: the right was granted on {right.since:%Y-%m-%d %H:%M} UTC, after the failure")
    return tuple(reasons)


def _words_of_right(right: PullRight) -> str:
    granting = next((g for g in right.grants if right.by([g]) is Right.GRANTED), None)
    return grant_words(granting, right.principal_id) if granting else "by several roles together"


def _doubts(right: PullRight) -> tuple[str, ...]:
    if right.undated:
        return ("a role that grants the pull carries no time, so it may have come after the failure",)
    if right.edited:
        return (edited_words(right.edited[0]),)
    if right.then is Right.UNDECIDED:
        return ("only a role with a condition or with a wildcard in a custom role could grant the pull",)
    return right.unseen


def _remedies(right: PullRight) -> tuple[Remedy, ...]:
    return grant_remedies(right, "It takes effect within ten minutes; then run again.")


CAUSE = PullRoleMissing()
