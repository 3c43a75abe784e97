"""What is due for a fix: a pure function of its record, the policy in force, and what became of the incident."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from diagnostics.model import Status
from responders.fixes.policy import agreed, allowed
from responders.fixes.record import Fix, FixState
from responders.fixes.values import FIXABLE, NotFixed, Policy
from responders.incidents import Incident

__all__ = ["CHECKS", "PROPAGATION", "REPORTED_WITHIN", "Around", "Idle", "Step", "check_after", "next_step"]

PROPAGATION = timedelta(minutes=10)
"""How long a role assignment may take to count everywhere (*Troubleshoot Azure RBAC*, "Role assignment changes")."""

REPORTED_WITHIN = timedelta(minutes=15)
"""After this time people hear whether the right is there, whatever the answer is."""

CHECKS = (1, 2, 4, 7, 10, 13)
"""Minutes after the write at which the effective permission is read again."""

_RUN_AGAIN_WITHIN = timedelta(hours=1)
_PLAN_AGAIN = timedelta(minutes=30)
_PASSING = frozenset({NotFixed.NO_RIGHT, NotFixed.CEILING, NotFixed.NO_ANSWER, NotFixed.EXPIRED, NotFixed.EXCLUDED})
_OVER = frozenset({FixState.REJECTED, FixState.UNDONE, FixState.UNDO_FAILED, FixState.NOT_EFFECTIVE})
_CLOSED = frozenset({FixState.STALE, FixState.EXPIRED, FixState.FAILED})


class Step(StrEnum):
    """One thing to do; each is safe to begin again."""

    PLAN = "plan"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    APPLY = "apply"
    LOOK_FOR_IT = "look for it"
    VERIFY = "verify"
    LOOK_AGAIN = "look again"
    PROVE = "prove"
    RUN_AGAIN = "run again"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing is due, before ``until`` where a time will bring something."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a fix depends on beside its own record."""

    policy: Policy
    incident: Incident
    now: datetime


def next_step(fix: Fix | None, around: Around) -> Step | Idle:
    """Return what is due. An undo that was asked for is due in any mode: what was written may always be taken back."""
    if fix is None:
        return Step.PLAN if _wanted(around) else Idle()
    if fix.next_at is not None and around.now < fix.next_at:
        return Idle(fix.next_at)
    return _DUE.get(fix.state, _closed)(fix, around)


def check_after(fix: Fix, now: datetime) -> datetime | None:
    """Return when the effective permission is read next, ``None`` once the time to report has come."""
    if fix.applied_at is None:
        return None
    times = (fix.applied_at + timedelta(minutes=minutes) for minutes in CHECKS)
    later = next((time for time in times if time > now), None)
    last = fix.applied_at + REPORTED_WITHIN
    return later if later is not None else last if now < last else None


def _wanted(around: Around) -> bool:
    """Whether a plan is to be made: the mode is on, and the incident is open and of a cause that a role repairs."""
    return around.policy.on and around.incident.open and around.incident.verdict in FIXABLE


def _offer_again(fix: Fix, around: Around) -> Step | Idle:
    """A plan that was declined for a passing reason is made again; so is one that another mode made."""
    if not _wanted(around):
        return Idle()
    if fix.mode is not around.policy.mode or fix.reason == NotFixed.OFF:
        return Step.PLAN
    if fix.reason == NotFixed.NOT_CONFIRMED and around.incident.status == Status.CONFIRMED.value:
        return Step.PLAN
    passing = fix.state is FixState.DECLINED and fix.reason in _PASSING
    if not passing:
        return Idle()
    again = fix.changed_at + _PLAN_AGAIN
    return Step.PLAN if around.now >= again else Idle(again)


def _waiting(fix: Fix, around: Around) -> Step | Idle:
    if not _wanted(around) or fix.mode is not around.policy.mode:
        return Step.WITHDRAW
    if fix.expires_at is not None and around.now >= fix.expires_at:
        return Step.EXPIRE
    return Idle(fix.expires_at)


def _verified(fix: Fix, around: Around) -> Step | Idle:
    incident = around.incident
    applied = fix.applied_at or fix.changed_at
    if incident.resolved_by and not fix.proven_by_run:
        return Step.PROVE
    if incident.open and incident.last_at > applied + PROPAGATION:
        return Step.LOOK_AGAIN
    if not _to_be_run_again(fix, around) or around.now >= applied + _RUN_AGAIN_WITHIN:
        return Idle()
    return Step.RUN_AGAIN if around.now >= applied + PROPAGATION else Idle(applied + PROPAGATION)


def _to_be_run_again(fix: Fix, around: Around) -> bool:
    """Whether the failed job is to be submitted once more: agreed to now, repaired by us, and run by nobody since.

    An incident that the changed fact alone has resolved counts as not run: that fact is the fix.
    """
    policy, plan = around.policy, fix.plan
    done = fix.run_again or fix.proven_by_run
    if done or not (policy.run_again and policy.writes and fix.created) or plan is None:
        return False
    return allowed(policy, plan, tags={}, now=around.now) is None  # its tags were heeded before the write


def _closed(fix: Fix, around: Around) -> Step | Idle:
    """What was never written is offered anew once the incident fails again; what people decided stays decided."""
    if fix.state in _OVER or fix.state not in _CLOSED or not _wanted(around):
        return Idle()
    failed_again = around.incident.last_at > fix.changed_at
    again = fix.changed_at + _PLAN_AGAIN
    if fix.state is FixState.STALE or failed_again:
        return Step.PLAN if around.now >= again or fix.state is FixState.STALE else Idle(again)
    return Idle()


def _approved(fix: Fix, around: Around) -> Step | Idle:
    """What may have been written already is looked for first; all else can be taken back until the write."""
    asked = fix.requested_at is not None
    return Step.APPLY if asked or agreed(around.policy, fix.decision) else Step.WITHDRAW


_DUE: Mapping[FixState, Callable[[Fix, Around], Step | Idle]] = {
    FixState.UNDOING: lambda _fix, _around: Step.UNDO,
    FixState.DECLINED: _offer_again,
    FixState.PROPOSED: _offer_again,
    FixState.WAITING: _waiting,
    FixState.APPROVED: _approved,
    FixState.IN_DOUBT: lambda _fix, _around: Step.LOOK_FOR_IT,
    FixState.APPLIED: lambda _fix, _around: Step.VERIFY,
    FixState.VERIFIED: _verified,
}
