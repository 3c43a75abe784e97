"""One story for every tracker, over the wire: what becomes of a ticket when the cause happens, ends, comes back."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from ticket_desks import EVERY, Desk, Hands, Start, desks
from ticket_samples import KEY, NOW, incident, notice

from responders.blocks import Block, Kind, Text
from responders.notices import FixSummary, NoticeKind
from responders.sending import Refused, TryLater, Unreachable
from responders.ticketing import Reason, Reconciled, Step, TicketMemory, TicketRules, reconcile_ticket
from responders.tickets import TicketState, discover

pytestmark = pytest.mark.slow

OPENED, REPEATED, RESOLVED, REOPENED = (
    NoticeKind.OPENED,
    NoticeKind.REPEATED,
    NoticeKind.RESOLVED,
    NoticeKind.REOPENED,
)
RULES = TicketRules(reopen_within=timedelta(days=14), comment_every=timedelta(hours=24))


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Give a function that opens a desk."""
    with desks(monkeypatch) as begin:
        yield begin


@pytest.fixture(params=EVERY, ids=[hands.name for hands in EVERY])
def hands(request: pytest.FixtureRequest) -> Hands:
    """Give each tracker in turn."""
    found: Hands = request.param
    return found


def tell(
    desk: Desk,
    kind: NoticeKind = OPENED,
    *,
    count: int = 1,
    memory: TicketMemory | None = None,
    rules: TicketRules = RULES,
    **changes: Any,
) -> Reconciled:
    """Bring the ticket up to date with a run that failed just now, by default without any memory."""
    said = notice(kind, count=count, after=desk.clock.now - NOW, **changes)
    return reconcile_ticket(
        desk.queue(), said, memory or TicketMemory(), rules, begin_create=desk.begun.append, now=desk.clock.now
    )


def tell_of_fix(desk: Desk, serial: int, words: str) -> Reconciled:
    """Tell what became of a fix."""
    told = replace(notice().report, blocks=(Block(Kind.FIX, (Text(words),)),))
    about = incident(last_at=desk.clock.now, fix=FixSummary(serial=serial, state="verified", changed_at=desk.clock.now))
    return tell(desk, NoticeKind.FIX, incident=about, report=told)


def settle(desk: Desk) -> None:
    """Let pass what a search may lag behind."""
    desk.clock.pass_by(seconds=desk.queue().lag.total_seconds())


def test_every_tracker_of_the_folder_has_its_story() -> None:
    """A tracker that is added without hands here would be tested by nobody."""
    assert {tracker.name for tracker in discover()} == {hands.name for hands in EVERY}


def test_open(start: Start, hands: Hands) -> None:
    """The first run opens a ticket, the next ones are told in it, at most once a day and never twice."""
    desk = start(hands)
    first = tell(desk)
    assert (first.decision.step, first.wrote) == (Step.CREATE, True)
    settle(desk)
    again = tell(desk, REPEATED, count=2)
    assert again.decision.reason is Reason.TOLD_LATELY
    desk.clock.pass_by(days=1)
    told = tell(desk, REPEATED, count=30)
    assert (told.decision.step, told.decision.reason, told.wrote) == (Step.COMMENT, Reason.STILL_OPEN, True)
    repeated = tell(desk, REPEATED, count=30)
    assert (repeated.decision.reason, repeated.wrote) == (Reason.TOLD_ALREADY, False)
    assert first.ticket is not None
    (ref,) = hands.tickets(desk)
    assert ref == first.ticket.ref
    (comment,) = hands.comments(desk, ref)
    assert "30 runs since 2026-11-23 12:00 UTC." in comment
    assert "It happened again." in comment
    assert (desk.sandbox.refused, desk.sandbox.violations) == ([], [])


def test_closed_lately(start: Start, hands: Hands) -> None:
    """A ticket that was closed some days ago is opened again, with a comment that says why, in any number of tries."""
    desk = start(hands)
    ticket = tell(desk).ticket
    assert ticket is not None
    desk.clock.pass_by(days=1)
    hands.close(desk, ticket.ref)
    settle(desk)
    assert desk.queue().find(KEY, now=desk.clock.now).state is TicketState.CLOSED  # type: ignore[union-attr]
    desk.clock.pass_by(days=13)
    done = tell(desk, REOPENED, count=2)
    assert (done.decision.step, done.decision.reason) == (Step.REOPEN, Reason.CLOSED_LATELY)
    assert done.ticket is not None
    assert done.ticket.state is TicketState.OPEN
    settle(desk)
    assert tell(desk, REOPENED, count=2).wrote is False
    assert hands.tickets(desk) == [ticket.ref]
    assert hands.state(desk, ticket.ref) == "open"
    (comment,) = [said for said in hands.comments(desk, ticket.ref) if "pullmedic" in said]
    assert "It is back. This ticket is opened again." in comment


def test_closed_long_ago(start: Start, hands: Hands) -> None:
    """A ticket that was closed long ago stays closed: a new one points to it, and is the one from then on."""
    desk = start(hands)
    old = tell(desk).ticket
    assert old is not None
    hands.close(desk, old.ref)
    desk.clock.pass_by(days=30)
    done = tell(desk, REOPENED, count=2)
    assert (done.decision.step, done.decision.reason) == (Step.CREATE, Reason.CLOSED_LONG_AGO)
    new = done.ticket
    assert new is not None
    assert sorted(hands.tickets(desk)) == sorted([old.ref, new.ref])
    assert (hands.state(desk, old.ref), hands.state(desk, new.ref)) == ("closed", "open")
    assert "An earlier ticket about the same:" in hands.text(desk, new.ref)
    assert old.title in hands.text(desk, new.ref)
    settle(desk)
    found = desk.queue().find(KEY, now=desk.clock.now)
    assert found is not None
    assert found.ref == new.ref


def test_declined(start: Start, hands: Hands) -> None:
    """What people declined stays as they left it, however often and however long the cause goes on."""
    desk = start(hands)
    ticket = tell(desk).ticket
    assert ticket is not None
    hands.decline(desk, ticket.ref)
    before = len(hands.comments(desk, ticket.ref))
    for kind in (REPEATED, RESOLVED, REOPENED):
        desk.clock.pass_by(days=40)
        done = tell(desk, kind, count=9)
        assert (done.decision.step, done.decision.reason, done.wrote) == (Step.NOTHING, Reason.DECLINED, False)
    assert hands.tickets(desk) == [ticket.ref]
    assert hands.state(desk, ticket.ref) == "closed"
    assert len(hands.comments(desk, ticket.ref)) == before


def test_fixed(start: Start, hands: Hands) -> None:
    """Each change of a fix that people are told of is one comment, however often it is told; a closed ticket has none."""
    desk = start(hands)
    ticket = tell(desk).ticket
    assert ticket is not None
    for serial, words in ((3, "Verified: the right counts"), (5, "Taken back, as kim asked")):
        desk.clock.pass_by(minutes=20)
        assert tell_of_fix(desk, serial, words).wrote
        settle(desk)
        assert not tell_of_fix(desk, serial, words).wrote
        told = [said for said in hands.comments(desk, ticket.ref) if words in said]
        assert len(told) == 1
        assert "News of the fix." in told[0]
    assert hands.state(desk, ticket.ref) == "open"


@pytest.mark.parametrize("close", [True, False], ids=["closes", "comments"])
def test_resolved(start: Start, hands: Hands, *, close: bool) -> None:
    """A resolved incident closes its ticket where the place says so, and is else told in it; both only once."""
    rules = TicketRules(close_on_resolution=close)
    desk = start(hands)
    ticket = tell(desk).ticket
    assert ticket is not None
    desk.clock.pass_by(hours=2)
    done = tell(desk, RESOLVED, count=3, rules=rules)
    assert done.decision.step is (Step.CLOSE if close else Step.COMMENT)
    settle(desk)
    assert tell(desk, RESOLVED, count=3, rules=rules).wrote is False
    assert hands.state(desk, ticket.ref) == ("closed" if close else "open")
    (comment,) = [said for said in hands.comments(desk, ticket.ref) if "pullmedic" in said]
    assert "It is resolved." in comment
    assert ("This ticket is closed." in comment) is close


def test_a_ticket_that_we_closed_is_opened_again(start: Start, hands: Hands) -> None:
    """Closing on resolution is no declining: the cause that comes back opens the same ticket."""
    rules = TicketRules(close_on_resolution=True)
    desk = start(hands)
    ticket = tell(desk).ticket
    assert ticket is not None
    settle(desk)
    assert tell(desk, RESOLVED, rules=rules).decision.step is Step.CLOSE
    desk.clock.pass_by(hours=5)
    assert tell(desk, REOPENED, count=2, rules=rules).decision.step is Step.REOPEN
    assert hands.state(desk, ticket.ref) == "open"
    assert hands.tickets(desk) == [ticket.ref]


def test_an_answer_that_was_lost_makes_no_second_ticket(start: Start, hands: Hands) -> None:
    """The tracker creates and then times out: the next tries wait until it can be found, and adopt it."""
    desk = start(hands, {"call": hands.create, "cut": True, "done_first": True, "times": 1})
    with pytest.raises(Unreachable) as lost:
        tell(desk)
    assert lost.value.sent
    attempted = TicketMemory(create_attempted_at=desk.begun[-1])
    for _ in range(30):
        try:
            adopted = tell(desk, memory=attempted)
        except TryLater as later:
            desk.clock.pass_by(seconds=later.after.total_seconds())
        else:
            break
    assert adopted.ticket is not None
    assert adopted.wrote is False
    assert hands.tickets(desk) == [adopted.ticket.ref]
    assert hands.comments(desk, adopted.ticket.ref) == []


def test_a_create_that_never_arrived_is_made_once_the_search_has_caught_up(start: Start, hands: Hands) -> None:
    """Cut off before the tracker did anything, the ticket is created after the lag, not never and not at once."""
    desk = start(hands, {"call": hands.create, "cut": True, "times": 1})
    with pytest.raises(Unreachable):
        tell(desk)
    attempted = TicketMemory(create_attempted_at=desk.begun[-1])
    with pytest.raises(TryLater) as early:
        tell(desk, memory=attempted)
    assert early.value.after == desk.queue().lag
    assert hands.tickets(desk) == []
    desk.clock.pass_by(seconds=early.value.after.total_seconds())
    assert tell(desk, memory=attempted).decision.step is Step.CREATE
    assert len(hands.tickets(desk)) == 1


def test_a_ticket_that_the_store_knows_is_found_at_once(start: Start, hands: Hands) -> None:
    """By its reference it is read by itself, so that a search that lags behind opens no second one."""
    desk = start(hands)
    ticket = tell(desk).ticket
    assert ticket is not None
    found = desk.queue().find(KEY, ref=ticket.ref, now=desk.clock.now)
    assert found is not None
    assert (found.ref, found.state, found.title, found.url) == (ticket.ref, TicketState.OPEN, ticket.title, ticket.url)
    again = tell(desk, REPEATED, count=2, memory=TicketMemory(ref=ticket.ref, told_at=desk.clock.now))
    assert again.decision.reason is Reason.TOLD_LATELY


def test_another_keys_ticket_is_not_ours(start: Start, hands: Hands) -> None:
    """A key that begins like another one is another one."""
    desk = start(hands)
    tell(desk)
    tell(desk, key=f"{KEY}-2")
    settle(desk)
    assert len(hands.tickets(desk)) == 2
    both = [desk.queue().find(key, now=desk.clock.now) for key in (KEY, f"{KEY}-2")]
    assert len({ticket.ref for ticket in both if ticket}) == 2
    assert desk.queue().find(KEY[:-1], now=desk.clock.now) is None


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_says_what_to_do_and_shows_no_secret(start: Start, hands: Hands, status: int) -> None:
    """A wrong token, a missing right and a wrong name are refused for good, each with advice of our own."""
    call = {"host": hands.create["host"]}
    desk = start(hands, {"call": call, "status": status, "message": "no: Authorization: Bearer SandboxSecret0000"})
    with pytest.raises(Refused) as refused:
        tell(desk)
    assert refused.value.status == status
    assert len(refused.value.word.split("(")[0]) > 20
    assert "SandboxSecret" not in str(refused.value)


def test_429_is_put_off_for_as_long_as_the_tracker_says(start: Start, hands: Hands) -> None:
    """Too many requests are a matter of time."""
    desk = start(hands, {"call": {"host": hands.create["host"]}, "status": 429, "retry_after": 77})
    with pytest.raises(TryLater) as later:
        tell(desk)
    assert later.value.after == timedelta(seconds=77)


def test_an_answer_in_no_known_shape_is_put_off(start: Start, hands: Hands) -> None:
    """A gateway's own page in between is no answer, and no traceback."""
    desk = start(hands)
    queue = desk.queue()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("responders.sending.Receipt.json", lambda _: {"unexpected": [1]})
        with pytest.raises(TryLater, match="shape"):
            queue.find(KEY, now=desk.clock.now)


def test_the_credential_goes_to_the_trackers_host_alone(start: Start, hands: Hands) -> None:
    """Every connection of a whole life of a ticket is to the one host, or to the identity's own."""
    desk = start(hands)
    ticket = tell(desk).ticket
    assert ticket is not None
    desk.clock.pass_by(days=2)
    tell(desk, REPEATED, count=2)
    tell(desk, RESOLVED, count=2, rules=TicketRules(close_on_resolution=True))
    assert set(desk.sandbox.hosts) == {hands.create["host"]}  # the identity's own end point is no proxied one
    assert desk.sandbox.violations == []


def test_no_log_at_any_level_holds_a_credential(start: Start, hands: Hands, caplog: pytest.LogCaptureFixture) -> None:
    """A whole life of a ticket, its refusals included, is logged by nobody with a token or password."""
    desk = start(hands, {"call": dict(hands.create), "status": 500, "times": 1})
    with caplog.at_level(logging.DEBUG):
        with pytest.raises(TryLater):
            tell(desk)
        ticket = tell(desk).ticket
        assert ticket is not None
        settle(desk)
        tell(desk, RESOLVED, rules=TicketRules(close_on_resolution=True))
    assert desk.sandbox.sentinel not in caplog.text
    assert desk.sandbox.sentinel not in repr(desk.queue().__dict__)
    encoded = base64.b64encode(f"pullmedic:{desk.sandbox.sentinel}".encode()).decode()[12:-6]
    assert encoded not in caplog.text
