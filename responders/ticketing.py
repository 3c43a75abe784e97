"""What becomes of a ticket: one open ticket for each key, decided in one place for all trackers.

:func:`decide` is pure; :func:`reconcile_ticket` finds, decides and writes once. The key of a ticket is one for each
*fingerprint*, not for each incident: so the next incident of the same cause meets the ticket of the last one.

| the ticket is    | the cause happens (again)                                | it is resolved           |
|------------------|----------------------------------------------------------|--------------------------|
| not there        | create                                                   | nothing                  |
| open             | comment, at most every ``comment_every``; coming back is | close, or comment where  |
|                  | told at once                                             | the place does not close |
| closed lately    | reopen                                                   | nothing                  |
| closed long ago  | create, pointing to the old one                          | nothing                  |
| declined         | nothing, ever                                            | nothing                  |

What becomes of a fix is a comment in an open ticket, at once, and nothing anywhere else.

Query and create together are no transaction at any tracker: whoever calls holds the destination's lock in the store
meanwhile, and records an attempt before, so that a create whose answer was lost is looked for before the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from responders.notices import Notice, NoticeKind
from responders.sending import TryLater
from responders.tickets import Ticket, TicketQueue, TicketState

__all__ = ["Decision", "Reason", "Reconciled", "Step", "TicketMemory", "TicketRules", "decide", "reconcile_ticket"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRules:
    """How a place treats its tickets; each name says what it does.

    ``reopen_within``: a ticket that was closed at most that long ago is opened again, an older one gets a successor;
    zero: none is ever opened again. ``comment_every``: the least time between two comments on recurrence; zero: each
    recurrence is told. ``close_on_resolution``: close the ticket when its incident is resolved, or only comment.
    """

    reopen_within: timedelta = timedelta(days=14)
    comment_every: timedelta = timedelta(hours=24)
    close_on_resolution: bool = False


class Step(StrEnum):
    """The one thing that is done."""

    CREATE = "create"
    COMMENT = "comment"
    REOPEN = "reopen"
    CLOSE = "close"
    NOTHING = "nothing"


class Reason(StrEnum):
    """The named reason of a decision; it stands in the delivery's record and in the log."""

    NO_TICKET = "no ticket carries this key"
    STILL_OPEN = "the ticket is open: the recurrence is told in it"
    FIX_CHANGED = "the ticket is open: what became of the fix is told in it"
    CAME_BACK = "the ticket is open: that the cause came back is told in it"
    CLOSED_LATELY = "the ticket was closed lately"
    CLOSED_LONG_AGO = "the ticket was closed long ago: a new one points to it"
    CANNOT_REOPEN = "nobody can open the ticket again: a new one points to it"
    RESOLVED = "the incident is resolved"
    DECLINED = "people declined the ticket: it stays closed, and no other one is opened"
    NOT_OPEN = "there is no open ticket in which the fix could be told of"
    NOTHING_TO_CLOSE = "there is no open ticket to close"
    TOLD_LATELY = "the ticket was written to less than comment_every ago"
    TOLD_ALREADY = "the ticket tells this already"
    CLOSED_SINCE = "the ticket was closed after the last run that failed"
    GONE = "the ticket was deleted, and no run failed since"
    NO_INCIDENT = "tickets are for incidents"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do, and why."""

    step: Step
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketMemory:
    """What the store remembers about a ticket at one destination; the empty one where it remembers nothing.

    ``ref`` is the ticket's. ``told_at`` is the time of the last write that succeeded (not of an attempt), kept when a
    later call writes nothing. ``create_attempted_at`` is when the last create began, as long as its end was never
    recorded: with it set and no ticket found, another create waits until the tracker's search has caught up.
    """

    ref: str = ""
    told_at: datetime | None = None
    create_attempted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What was done. ``ticket`` is to be remembered; ``wrote`` tells whether the tracker was written to now."""

    ticket: Ticket | None
    decision: Decision
    wrote: bool


_HAPPENING = frozenset({NoticeKind.OPENED, NoticeKind.REPEATED, NoticeKind.REOPENED, NoticeKind.TEST})


def decide(
    ticket: Ticket | None, notice: Notice, rules: TicketRules, *, told_at: datetime | None, now: datetime
) -> Decision:
    """Return what to do about ``notice`` with the ticket that was found, if any. Pure.

    ``told_at`` is the last time that we wrote to the ticket, as far as the store knows.
    """
    if notice.kind is NoticeKind.RESOLVED:
        return _resolved(ticket, rules)
    if notice.kind is NoticeKind.FIX:
        return _fix_changed(ticket)
    if notice.kind not in _HAPPENING:
        return Decision(step=Step.NOTHING, reason=Reason.NO_INCIDENT)
    if ticket is None:
        # Who deletes a ticket wants none; only what happens afterwards opens another.
        gone = told_at is not None and _last_at(notice, now) <= told_at
        return Decision(step=Step.NOTHING if gone else Step.CREATE, reason=Reason.GONE if gone else Reason.NO_TICKET)
    match ticket.state:
        case TicketState.DECLINED:
            return Decision(step=Step.NOTHING, reason=Reason.DECLINED)
        case TicketState.OPEN:
            return _happening_in_open(ticket, notice, rules, told_at, now)
        case TicketState.CLOSED:
            return _happening_after_close(ticket, notice, rules, now)


def reconcile_ticket(
    queue: TicketQueue,
    notice: Notice,
    memory: TicketMemory,
    rules: TicketRules,
    *,
    begin_create: Callable[[datetime], None],
    now: datetime,
) -> Reconciled:
    """Bring the ticket of ``notice.key`` up to date: find it, decide, write at most once.

    May be repeated after any failure and any number of times: a ticket that a lost answer created is found by its key
    and adopted, and a comment that is there already is not written twice. ``begin_create`` is called right before a
    create, and has to record ``now`` as ``create_attempted_at``, durably, or raise; forget that time once a call has
    returned. Raises a :class:`responders.sending.SendError`; :class:`TryLater` also where a create may not be repeated
    yet.
    """
    ticket = queue.find(notice.key, ref=memory.ref, now=now)
    decision = decide(ticket, notice, rules, told_at=memory.told_at, now=now)
    match decision.step:
        case Step.CREATE:
            _wait_for_search(queue, memory, now)
            begin_create(now)
            made = queue.create(notice, previous=ticket, now=now)
            return Reconciled(ticket=made, decision=decision, wrote=True)
        case Step.COMMENT if ticket is not None:
            wrote = queue.comment(ticket, notice, now=now)
            told = decision if wrote else Decision(step=Step.NOTHING, reason=Reason.TOLD_ALREADY)
            return Reconciled(ticket=ticket, decision=told, wrote=wrote)
        case Step.REOPEN if ticket is not None:
            queue.reopen(ticket, notice, now=now)
            reopened = replace(ticket, state=TicketState.OPEN, closed_at=None)
            return Reconciled(ticket=reopened, decision=decision, wrote=True)
        case Step.CLOSE if ticket is not None:
            queue.close(ticket, notice, now=now)
            closed = replace(ticket, state=TicketState.CLOSED, closed_at=now)
            return Reconciled(ticket=closed, decision=decision, wrote=True)
        case _:
            return Reconciled(ticket=ticket, decision=decision, wrote=False)


def _resolved(ticket: Ticket | None, rules: TicketRules) -> Decision:
    if ticket is None or ticket.state is not TicketState.OPEN:
        declined = ticket is not None and ticket.state is TicketState.DECLINED
        return Decision(step=Step.NOTHING, reason=Reason.DECLINED if declined else Reason.NOTHING_TO_CLOSE)
    step = Step.CLOSE if rules.close_on_resolution else Step.COMMENT
    return Decision(step=step, reason=Reason.RESOLVED)


def _fix_changed(ticket: Ticket | None) -> Decision:
    """What became of a fix is told in an open ticket at once; it opens none, and disturbs no closed one."""
    if ticket is not None and ticket.state is TicketState.OPEN:
        return Decision(step=Step.COMMENT, reason=Reason.FIX_CHANGED)
    declined = ticket is not None and ticket.state is TicketState.DECLINED
    return Decision(step=Step.NOTHING, reason=Reason.DECLINED if declined else Reason.NOT_OPEN)


def _happening_in_open(
    ticket: Ticket, notice: Notice, rules: TicketRules, told_at: datetime | None, now: datetime
) -> Decision:
    """The ticket's own first text counts as telling: one that was just created (or adopted) needs no comment yet."""
    if notice.kind is NoticeKind.REOPENED:
        return Decision(step=Step.COMMENT, reason=Reason.CAME_BACK)
    times = [time for time in (told_at, ticket.created_at) if time is not None]
    if times and now - max(times) < rules.comment_every:
        return Decision(step=Step.NOTHING, reason=Reason.TOLD_LATELY)
    return Decision(step=Step.COMMENT, reason=Reason.STILL_OPEN)


def _happening_after_close(ticket: Ticket, notice: Notice, rules: TicketRules, now: datetime) -> Decision:
    """A run that failed before people closed the ticket does not open it again, however late its notice comes."""
    closed = ticket.closed_at
    if closed is not None and _last_at(notice, now) <= closed:
        return Decision(step=Step.NOTHING, reason=Reason.CLOSED_SINCE)
    if not ticket.reopenable:
        return Decision(step=Step.CREATE, reason=Reason.CANNOT_REOPEN)
    # Where the tracker cannot say when, opening the old one again makes less noise than another one.
    if closed is None or (rules.reopen_within and now - closed <= rules.reopen_within):
        return Decision(step=Step.REOPEN, reason=Reason.CLOSED_LATELY)
    return Decision(step=Step.CREATE, reason=Reason.CLOSED_LONG_AGO)


def _last_at(notice: Notice, now: datetime) -> datetime:
    """Return when the last run of the incident failed; a notice without an incident speaks of now."""
    return notice.incident.last_at if notice.incident else now


def _wait_for_search(queue: TicketQueue, memory: TicketMemory, now: datetime) -> None:
    """Raise :class:`TryLater` while a create without an answer may have made a ticket that is not found yet."""
    if memory.create_attempted_at is None:
        return
    remaining = memory.create_attempted_at + queue.lag - now
    if remaining > timedelta(0):
        raise TryLater("a ticket may have been created without an answer: the tracker's search lags behind", remaining)
