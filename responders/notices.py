"""What a channel is asked to show: a report, and which incident it speaks of.

A notice has a ``key`` that stays the same for each rendition of the same message: a channel that can edit replaces what
it sent under that key, one that can search finds it again though our store has lost it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from responders.blocks import Report

__all__ = ["Action", "ActionKind", "FixSummary", "IncidentSummary", "Notice", "NoticeKind"]


class NoticeKind(StrEnum):
    """What a notice is about."""

    OPENED = "opened"
    REPEATED = "repeated"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    FIX = "fix"
    DIGEST = "digest"
    UNDELIVERABLE = "undeliverable"
    TEST = "test"


class ActionKind(StrEnum):
    """What a person can answer to a notice, where a channel brings answers back."""

    SNOOZE = "snooze"
    RIGHT = "right"
    WRONG = "wrong"
    APPROVE = "approve"
    REJECT = "reject"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Action:
    """A button: what it does, and its words.

    ``offer`` names what a decision on a fix is about (:attr:`responders.fixes.values.Plan.digest`); ``question`` is
    asked before it is taken.
    """

    kind: ActionKind
    title: str
    offer: str = ""
    question: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixSummary:
    """A fix as a machine reads it. ``serial`` rises with each change of it, ``changed_at`` is when it last did (UTC).

    ``state`` is a value of :class:`responders.fixes.record.FixState`, ``reason`` of
    :class:`responders.fixes.values.NotFixed` or empty. ``registry`` and ``assignment`` are resource ids, ``principal``
    is an object id, ``repository`` (or the beginning of several's names) what the role's condition names; each is empty
    where there is none.
    """

    serial: int
    state: str
    changed_at: datetime
    reason: str = ""
    registry: str = ""
    principal: str = ""
    role: str = ""
    repository: str = ""
    assignment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentSummary:
    """An incident as a machine reads it: typed facts alone, no prose. Times are UTC.

    ``id`` names it for people (``python -m responders incidents show ID``); ``fingerprint`` is the same for each time
    that the same cause with the same fix target comes back. ``workspaces`` are resource ids, ``runs`` the newest ids.
    ``correlation_id`` is that of the run that opened it. ``fix`` is what becomes of its repair, ``None`` where none was
    thought of.
    """

    id: str
    fingerprint: str
    state: str
    cause: str
    status: str
    target: str
    workspaces: tuple[str, ...]
    count: int
    opened_at: datetime
    last_at: datetime
    resolved_at: datetime | None = None
    runs: tuple[str, ...] = ()
    correlation_id: str = ""
    fix: FixSummary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message to be shown or replaced.

    ``key`` is at most 64 characters of letters, digits and ``-``. ``possible_repeat`` marks a message that may have
    arrived before, because the answer to the first try was lost; it is said in the message. ``reply`` is what a channel
    that edits adds for everybody to notice, empty where the edit is enough.
    """

    kind: NoticeKind
    key: str
    report: Report
    incident: IncidentSummary | None = None
    actions: tuple[Action, ...] = ()
    possible_repeat: bool = False
    reply: str = ""
