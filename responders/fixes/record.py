"""The life of one fix, as it is kept: from the plan to what became of it. One record an incident."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from responders.fixes.values import FixMode, Plan

__all__ = ["Decision", "Fix", "FixState", "Via"]


class FixState(StrEnum):
    """Where a fix stands. ``docs/fixes.md`` has the picture."""

    DECLINED = "declined"
    PROPOSED = "proposed"
    WAITING = "waiting for approval"
    APPROVED = "approved"
    APPLIED = "applied"
    VERIFIED = "verified"
    NOT_EFFECTIVE = "not effective"
    IN_DOUBT = "in doubt"
    REJECTED = "rejected"
    EXPIRED = "approval expired"
    STALE = "stale"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"
    UNDO_FAILED = "undo failed"


class Via(StrEnum):
    """By which way somebody decided."""

    SLACK = "Slack"
    PAGE = "the incident's page"
    COMMAND = "the command line"
    POLICY = "the policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What somebody decided. ``by_id`` is Slack's or Entra's id, ``by`` the name for people (somebody else's words).

    ``why`` is what they said for it, in their words, or empty.
    """

    by_id: str
    by: str
    via: Via
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """One fix. Times are UTC.

    ``plan`` is ``None`` where there is nothing to write: then ``why`` says what stands in the way, as it does for each
    state that is an end. ``reason`` is the named reason (:class:`responders.fixes.values.NotFixed`) or empty. ``tried``
    counts tries of the step that is due, ``next_at`` is when it is tried again. ``requested_at`` is set before the
    write and says that it may have happened; *in doubt* it may have, and Azure did not say so in all tries. ``created``
    is false where the assignment was there before us, which is never undone. ``serial`` counts changes that people are
    told of.
    """

    incident_id: str
    mode: FixMode
    state: FixState
    planned_at: datetime
    changed_at: datetime
    plan: Plan | None = None
    reason: str = ""
    why: str = ""
    expires_at: datetime | None = None
    decision: Decision | None = None
    tried: int = 0
    next_at: datetime | None = None
    error: str = ""
    requested_at: datetime | None = None
    assignment_id: str = ""
    created: bool = False
    applied_at: datetime | None = None
    correlation_id: str = ""
    verified_at: datetime | None = None
    proven_by_run: str = ""
    undo: Decision | None = None
    undone_at: datetime | None = None
    run_again: str = ""
    run_again_job: str = ""
    run_again_url: str = ""
    serial: int = 1
    schema: int = 1

    @property
    def may_be_decided(self) -> bool:
        """Whether an approval or a refusal is awaited."""
        return self.state is FixState.WAITING

    @property
    def may_be_undone(self) -> bool:
        """Whether something of ours is there, or may be, that can be taken back."""
        return self.created and self.state in _WRITTEN


_WRITTEN = frozenset(
    {
        FixState.APPLIED,
        FixState.VERIFIED,
        FixState.NOT_EFFECTIVE,
        FixState.IN_DOUBT,
        FixState.UNDO_FAILED,
    }
)
