"""The rules about tickets, without any tracker: every event meets every ticket, and time decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ticket_samples import NOW, notice

from responders.notices import Notice, NoticeKind
from responders.sending import TryLater
from responders.ticketing import Reason, Step, TicketMemory, TicketRules, decide, reconcile_ticket
from responders.tickets import Ticket, TicketState

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RULES = TicketRules(reopen_within=14 * DAY, comment_every=DAY)
HAPPENING = (NoticeKind.OPENED, NoticeKind.REPEATED, NoticeKind.REOPENED)
LATER = NOW + 2 * HOUR


def ticket(state: TicketState = TicketState.OPEN, **changes: object) -> Ticket:
    """Return a ticket of last month."""
    values: dict[str, object] = {"ref": "7", "title": "#7", "state": state, "created_at": NOW - 30 * DAY}
    return Ticket(**values | changes)  # type: ignore[arg-type]


def closed(*, ago: timedelta, **changes: object) -> Ticket:
    """Return a ticket that was closed some time before :data:`LATER`."""
    return ticket(TicketState.CLOSED, closed_at=LATER - ago, **changes)


def judged(
    found: Ticket | None,
    kind: NoticeKind = NoticeKind.REPEATED,
    *,
    rules: TicketRules = RULES,
    told_at: datetime | None = None,
    failed: timedelta = 2 * HOUR,
) -> tuple[Step, Reason]:
    """Return what is decided at :data:`LATER` about a run that failed ``failed`` after :data:`NOW`."""
    decision = decide(found, notice(kind, after=failed), rules, told_at=told_at, now=LATER)
    return decision.step, decision.reason


@pytest.mark.parametrize("kind", HAPPENING)
def test_what_happens_without_a_ticket_gets_one(kind: NoticeKind) -> None:
    """Whatever was missed before, there is a ticket afterwards."""
    assert judged(None, kind) == (Step.CREATE, Reason.NO_TICKET)


@pytest.mark.parametrize("kind", HAPPENING)
def test_a_declined_ticket_stops_everything(kind: NoticeKind) -> None:
    """Neither opened again nor followed by another, with a reason that says so."""
    assert judged(ticket(TicketState.DECLINED, closed_at=NOW - 300 * DAY), kind) == (Step.NOTHING, Reason.DECLINED)


@pytest.mark.parametrize(
    ("told", "created", "expected"),
    [
        (None, 30 * DAY, (Step.COMMENT, Reason.STILL_OPEN)),
        (DAY, 30 * DAY, (Step.COMMENT, Reason.STILL_OPEN)),
        (DAY - HOUR, 30 * DAY, (Step.NOTHING, Reason.TOLD_LATELY)),
        (None, HOUR, (Step.NOTHING, Reason.TOLD_LATELY)),
        (30 * DAY, HOUR, (Step.NOTHING, Reason.TOLD_LATELY)),
    ],
)
def test_recurrence_is_told_in_the_open_ticket_at_a_pace(
    told: timedelta | None, created: timedelta, expected: tuple[Step, Reason]
) -> None:
    """The last write counts, the ticket's own beginning included, though our store may have lost all."""
    found = ticket(created_at=LATER - created)
    assert judged(found, told_at=None if told is None else LATER - told) == expected


def test_without_a_pace_every_recurrence_is_told() -> None:
    """Zero means each time, not never."""
    rules = TicketRules(comment_every=timedelta(0))
    assert judged(ticket(created_at=LATER), rules=rules, told_at=LATER) == (Step.COMMENT, Reason.STILL_OPEN)


def test_coming_back_is_told_at_once() -> None:
    """The last word in the ticket was that it is resolved: it must not stand there for a day."""
    assert judged(ticket(), NoticeKind.REOPENED, told_at=LATER) == (Step.COMMENT, Reason.CAME_BACK)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, (Step.NOTHING, Reason.NOT_OPEN)),
        (ticket(), (Step.COMMENT, Reason.FIX_CHANGED)),
        (ticket(TicketState.CLOSED, closed_at=NOW), (Step.NOTHING, Reason.NOT_OPEN)),
        (ticket(TicketState.DECLINED, closed_at=NOW), (Step.NOTHING, Reason.DECLINED)),
    ],
)
def test_what_becomes_of_a_fix_is_told_in_an_open_ticket_alone(
    found: Ticket | None, expected: tuple[Step, Reason]
) -> None:
    """At once, since somebody waits for it; it is no reason to open a ticket."""
    assert judged(found, NoticeKind.FIX, told_at=LATER) == expected


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (timedelta(0), (Step.NOTHING, Reason.CLOSED_SINCE)),
        (timedelta(seconds=1), (Step.REOPEN, Reason.CLOSED_LATELY)),
        (14 * DAY, (Step.REOPEN, Reason.CLOSED_LATELY)),
        (14 * DAY + timedelta(seconds=1), (Step.CREATE, Reason.CLOSED_LONG_AGO)),
    ],
)
@pytest.mark.parametrize("kind", HAPPENING)
def test_how_long_ago_a_ticket_was_closed_decides(
    ago: timedelta, expected: tuple[Step, Reason], kind: NoticeKind
) -> None:
    """Within reopen_within it is opened again, later it gets a successor; the limit itself still counts."""
    assert judged(closed(ago=ago), kind) == expected


def test_zero_opens_nothing_again() -> None:
    """``reopen_within`` of zero is never, not always."""
    rules = TicketRules(reopen_within=timedelta(0))
    assert judged(closed(ago=timedelta(seconds=1)), rules=rules) == (Step.CREATE, Reason.CLOSED_LONG_AGO)


@pytest.mark.parametrize("kind", HAPPENING)
def test_a_late_notice_of_an_old_run_reopens_nothing(kind: NoticeKind) -> None:
    """Somebody closed the ticket after that run had failed, and knew of it."""
    assert judged(closed(ago=HOUR), kind, failed=timedelta(0)) == (Step.NOTHING, Reason.CLOSED_SINCE)


def test_what_cannot_be_opened_again_gets_a_successor() -> None:
    """A product that keeps closed tickets closed is not asked in vain."""
    assert judged(closed(ago=HOUR, reopenable=False)) == (Step.CREATE, Reason.CANNOT_REOPEN)


def test_a_close_without_a_date_makes_the_least_noise() -> None:
    """Where the tracker does not say when, the old ticket is opened again."""
    assert judged(ticket(TicketState.CLOSED)) == (Step.REOPEN, Reason.CLOSED_LATELY)


def test_a_deleted_ticket_is_not_made_again_for_the_same_runs() -> None:
    """Only a run that failed after our last word opens another."""
    assert judged(None, told_at=LATER) == (Step.NOTHING, Reason.GONE)
    assert judged(None, told_at=LATER - timedelta(seconds=1)) == (Step.CREATE, Reason.NO_TICKET)


@pytest.mark.parametrize(
    ("found", "close", "expected"),
    [
        (ticket(), True, (Step.CLOSE, Reason.RESOLVED)),
        (ticket(), False, (Step.COMMENT, Reason.RESOLVED)),
        (None, True, (Step.NOTHING, Reason.NOTHING_TO_CLOSE)),
        (closed(ago=HOUR), True, (Step.NOTHING, Reason.NOTHING_TO_CLOSE)),
        (ticket(TicketState.DECLINED), True, (Step.NOTHING, Reason.DECLINED)),
    ],
)
def test_resolution(found: Ticket | None, close: bool, expected: tuple[Step, Reason]) -> None:  # noqa: FBT001
    """An open ticket is closed or told; any other is left as it is."""
    assert judged(found, NoticeKind.RESOLVED, rules=TicketRules(close_on_resolution=close), told_at=LATER) == expected


@pytest.mark.parametrize("kind", [NoticeKind.DIGEST, NoticeKind.UNDELIVERABLE])
def test_tickets_are_for_incidents(kind: NoticeKind) -> None:
    """A digest and a run without a diagnosis have no ticket."""
    assert judged(None, kind) == (Step.NOTHING, Reason.NO_INCIDENT)


class Drawer:
    """A tracker in memory that can lose answers: each write does its work and then may raise."""

    lag = timedelta(minutes=5)

    def __init__(self, losses: list[bool]) -> None:
        self.losses, self.tickets, self.said = iter(losses), dict[str, Ticket](), list[str]()
        self.made_at: dict[str, datetime] = {}

    def _end(self) -> None:
        if next(self.losses, False):
            raise TryLater("the answer was lost")

    def find(self, key: str, *, ref: str = "", now: datetime) -> Ticket | None:
        """Find only what the search has seen by now."""
        seen = [self.tickets[name] for name, at in self.made_at.items() if name == ref or now - at >= self.lag]
        opened = [one for one in seen if one.state is TicketState.OPEN]
        return next(iter(opened or seen[-1:]), None)

    def create(self, said: Notice, *, previous: Ticket | None = None, now: datetime) -> Ticket:
        """Create, and perhaps lose the answer."""
        ref = str(len(self.tickets) + 1)
        self.tickets[ref] = ticket(ref=ref, created_at=now)
        self.made_at[ref] = now
        self._end()
        return self.tickets[ref]

    def comment(self, found: Ticket, said: Notice, *, now: datetime) -> bool:
        """Write each event once."""
        event = f"{said.kind}-{said.incident.count if said.incident else 0}"
        fresh = event not in self.said
        self.said += [event] * fresh
        self._end()
        return fresh

    def reopen(self, found: Ticket, said: Notice, *, now: datetime) -> None:
        """Open again."""
        self.tickets[found.ref] = ticket(ref=found.ref, created_at=found.created_at)
        self._end()

    def close(self, found: Ticket, said: Notice, *, now: datetime) -> None:
        """Close."""
        self.tickets[found.ref] = ticket(TicketState.CLOSED, ref=found.ref, created_at=found.created_at, closed_at=now)
        self._end()


EVENTS = st.tuples(st.sampled_from((*HAPPENING, NoticeKind.RESOLVED)), st.integers(1, 40 * 24 * 60), st.integers(1, 5))


@given(st.lists(EVENTS, min_size=1, max_size=12), st.lists(st.booleans(), max_size=20), st.booleans())
def test_there_is_never_more_than_one_open_ticket(
    events: list[tuple[NoticeKind, int, int]],
    losses: list[bool],
    close: bool,  # noqa: FBT001
) -> None:
    """Whatever happens in whatever order, with any answer lost and any call repeated, as long as attempts are kept."""
    drawer, now, memory = Drawer(losses), NOW, TicketMemory()
    rules = TicketRules(close_on_resolution=close)

    def begin(at: datetime) -> None:
        nonlocal memory
        memory = replace(memory, create_attempted_at=at)

    for number, (kind, minutes, repeats) in enumerate(events):
        now += timedelta(minutes=minutes)
        said = notice(kind, count=number + 1, after=now - NOW)
        for _ in range(repeats):
            try:
                done = reconcile_ticket(drawer, said, memory, rules, begin_create=begin, now=now)
            except TryLater:
                now += timedelta(minutes=1)
                continue
            ref = done.ticket.ref if done.ticket else memory.ref
            memory = TicketMemory(ref=ref, told_at=now if done.wrote else memory.told_at)
        assert sum(one.state is TicketState.OPEN for one in drawer.tickets.values()) <= 1
    assert len(drawer.said) == len(set(drawer.said))


def test_an_attempt_of_a_create_holds_the_next_one_back_until_the_search_has_caught_up() -> None:
    """A ticket whose answer was lost is not seen yet: a second create in between would make a second ticket."""
    drawer = Drawer([True])
    begun: list[datetime] = []
    with pytest.raises(TryLater, match="lost"):
        reconcile_ticket(drawer, notice(), TicketMemory(), RULES, begin_create=begun.append, now=NOW)
    attempted = TicketMemory(create_attempted_at=begun[0])
    two, five = NOW + timedelta(minutes=2), NOW + timedelta(minutes=5)
    with pytest.raises(TryLater) as early:
        reconcile_ticket(drawer, notice(), attempted, RULES, begin_create=begun.append, now=two)
    assert early.value.after == timedelta(minutes=3)
    done = reconcile_ticket(drawer, notice(), attempted, RULES, begin_create=begun.append, now=five)
    assert begun == [NOW]
    assert (done.wrote, done.ticket) == (False, drawer.tickets["1"])


def test_a_create_whose_attempt_cannot_be_recorded_is_not_made() -> None:
    """Without the record a lost answer could not be told from a create that never was."""
    drawer = Drawer([])

    def store_is_down(at: datetime) -> None:
        raise OSError(at.isoformat())

    with pytest.raises(OSError, match="2026"):
        reconcile_ticket(drawer, notice(), TicketMemory(), RULES, begin_create=store_is_down, now=NOW)
    assert drawer.tickets == {}


def test_no_two_reasons_read_the_same() -> None:
    """A reason in a record tells which rule it was."""
    texts = [reason.value for reason in Reason]
    assert len(set(texts)) == len(texts)
