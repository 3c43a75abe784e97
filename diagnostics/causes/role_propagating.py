"""The right to pull was granted moments before the run, and had not taken effect everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from diagnostics.case import Case
from diagnostics.causes._pulling import AUTH_SYMPTOMS, RIGHT_FACTS, set_aside
from diagnostics.describing import grant_words
from diagnostics.facts import Grant
from diagnostics.model import PullStep, Remedy
from diagnostics.permissions import Right
from diagnostics.pull_right import PullRight, grants_until, pull_right, right_unread
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE", "PROPAGATION", "fresh_grants"]

PROPAGATION = timedelta(minutes=10)
"""How long an assignment may take to be known everywhere (*Troubleshoot Azure RBAC*)."""


class RolePropagating:
    """Source: *Troubleshoot Azure RBAC*: up to 10 minutes for an assignment, and up to a day where a managed identity's
    membership in a group changed, because its tokens are kept that long.
    """

    id = "role-propagating"
    title = "The right to pull was granted moments before the run and had not taken effect"
    step = PullStep.PERMISSION
    rank = 3
    masked = False
    explains = AUTH_SYMPTOMS - {"insufficient-evidence"}
    needs = RIGHT_FACTS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where nothing older than ten minutes granted the pull when the run failed."""
        if (aside := set_aside(case, self.title)) is not None:
            return aside
        right = pull_right(case)
        if right is None:
            return unread(self.title, case.registry_words, *right_unread(case))
        if right.then is Right.ABSENT:
            return contradicted("no right to pull had been granted when the run failed")
        fresh = fresh_grants(right, case.failed_at)
        if fresh:
            return _proven(case, right, fresh)
        if right.then is Right.UNDECIDED:
            return unread(
                self.title, right.target, "whether a role with a condition or an unclear wildcard grants the pull"
            )
        if right.by(_direct(right, grants_until(right.grants, case.failed_at))) is Right.GRANTED:
            return contradicted("the right had been granted long before the run")
        return _through_group(right)


def fresh_grants(right: PullRight, failed_at: datetime) -> tuple[Grant, ...]:
    """Return the assignments that granted the pull in the ten minutes before ``failed_at``, where no older ones did."""
    there = grants_until(right.grants, failed_at)
    settled = grants_until(right.grants, failed_at - PROPAGATION)
    undated = tuple(grant for grant in right.grants if grant.created_at is None)
    if right.then is not Right.GRANTED or right.by((*settled, *undated)) is not Right.ABSENT:
        return ()
    return tuple(grant for grant in there if grant not in settled and right.by([grant]) is not Right.ABSENT)


def _direct(right: PullRight, grants: Iterable[Grant]) -> tuple[Grant, ...]:
    return tuple(grant for grant in grants if grant.principal_id.lower() == right.principal_id.lower())


def _proven(case: Case, right: PullRight, fresh: tuple[Grant, ...]) -> Judgement:
    if right.unseen:
        return unread(RolePropagating.title, right.target, *right.unseen, remedies=_remedies())
    reasons = [
        f"{grant_words(grant, right.principal_id)}: {_ago(grant, case.failed_at)} before the failure" for grant in fresh
    ]
    reasons.append("no older assignment grants the pull, and a new one takes up to ten minutes to be known everywhere")
    headline = (
        f"{case.compute_words} was granted the pull from {right.registry.name} only "
        f"{_ago(fresh[0], case.failed_at)} before the run failed"
    )
    return proven(headline, right.target, *reasons, remedies=_remedies())


def _ago(grant: Grant, failed_at: datetime) -> str:
    seconds = int((failed_at - grant.created_at).total_seconds()) if grant.created_at else 0
    return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"


def _through_group(right: PullRight) -> Judgement:
    group = next(grant for grant in right.grants if grant.principal_id.lower() != right.principal_id.lower())
    why = (
        f"since when the identity has been in the group {group.principal_id}: a membership takes up to a day to reach "
        "the tokens of a managed identity, and Resource Manager does not show it"
    )
    return unread(RolePropagating.title, right.target, why, remedies=_remedies())


def _remedies() -> tuple[Remedy, ...]:
    return (
        Remedy(
            title="Run again: nothing has to be changed",
            detail=(
                "A role assignment takes effect within ten minutes. Where code grants roles right before it submits "
                "runs, let it wait that long, or grant the role when the compute is made."
            ),
        ),
    )


CAUSE = RolePropagating()
