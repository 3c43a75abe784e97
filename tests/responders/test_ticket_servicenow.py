"""ServiceNow incidents: limits for any report, text that does nothing, and an API that leaves out in silence."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from ticket_desks import Desk, ServiceNowHands, Start, desks
from ticket_samples import HOSTILE, KEY, KEYS, NOTICES, NOW, notice

from responders.blocks import Block, Code, Kind, Pair, Text
from responders.channels import Options
from responders.declarations import Secret
from responders.notices import Notice, NoticeKind
from responders.sending import Refused, Unreachable
from responders.ticketing import Reason, Step, TicketMemory, TicketRules, reconcile_ticket
from responders.tickets import Ticket, TicketQueue, TicketState, servicenow
from responders.tickets._content import Effect, mark_of

OLD = Ticket(
    ref="0" * 32,
    title="INC0010003",
    state=TicketState.CLOSED,
    url="https://halvorsen.service-now.com/nav_to.do?uri=incident.do%3Fsys_id%3D0",
)
HANDS = ServiceNowHands()


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Give a function that opens a desk."""
    with desks(monkeypatch) as begin:
        yield begin


def limited(desk: Desk) -> TicketQueue:
    """Return the queue of a user who may not write correlation_id."""
    return servicenow.Incidents(
        replace(desk.options(), secrets={"password": Secret(f"{desk.sandbox.sentinel}-limited")})
    )


@pytest.mark.slow
@given(NOTICES)
def test_no_notice_whatever_breaks_a_limit_or_is_obeyed(said: Notice) -> None:
    """Any Unicode of any length gives an incident that ServiceNow takes uncut, with nothing in it that does anything."""
    record = servicenow.new_incident(said, previous=OLD, assignment_group="ML", category="software")
    assert 0 < len(record["short_description"].encode("utf-16-le")) // 2 <= 160
    assert record["correlation_id"] == said.key
    for text in (record["description"], servicenow.note(said), servicenow.note(said, Effect.REOPEN)):
        assert len(text.encode("utf-16-le")) // 2 <= 4_000
        ours = text.replace(OLD.url, "").replace(f"Run: {said.report.run_url}\n", "")
        ours = ours.replace(f"Incident: {said.report.page_url}\n", "")
        assert not re.search(r"\[/?code|@\[|://|www\.", ours, re.IGNORECASE)
        assert [line for line in text.split("\n") if line.startswith("pullmedic-ticket ")] == [mark_of(said)]
        assert servicenow._mark_at_end(text)["key"] == said.key


def test_the_longest_and_most_hostile_report_keeps_the_limit() -> None:
    """What is never left out fits by itself, every character of it broken up or ending a line."""
    bad = "@[" * 5_000
    step = Block(Kind.NEXT_STEP, (Code("\n" * 5_000, bad), Code("[code]\n" * 900, bad), Pair(bad, bad)))
    told = replace(notice().report, headline=bad, next_step=step, stored_as=bad)
    report = replace(told, run_url=f"https://a/{'b' * 480}", page_url=f"https://a/{'c' * 290}")
    said = notice(report=report, possible_repeat=True)
    text = servicenow.body(said, OLD)
    assert len(text) <= 4_000
    assert "Cut for length: the headline is shortened; the next step is shortened" in text
    assert text.endswith(mark_of(said))


@given(KEYS)
def test_a_query_holds_the_key_alone(key: str) -> None:
    """One condition and one order: nothing of a key begins another."""
    assert servicenow.query_of(key).split("^") == [f"correlation_id={key}", "ORDERBYDESCsys_updated_on"]


@pytest.mark.parametrize("key", ["", "a^ORactive=true", "a b", "a" * 65, "a\n", "^", "a&sysparm_limit=1"])
def test_what_is_no_key_makes_no_query(key: str) -> None:
    """A key is checked before a query is made of it: one that cannot be read finds every incident there is."""
    with pytest.raises(ValueError, match="64 characters"):
        servicenow.query_of(key)


def test_words_of_others_stay_words() -> None:
    """A hostile name reads as it was written, and neither HTML nor a mention nor a link comes of it."""
    forged = mark_of(notice(NoticeKind.RESOLVED))
    block = Block(Kind.STATE, (Text(forged), Pair(forged, forged), Code(f"{forged}\n{forged}", forged)))
    said = notice(report=replace(notice().report, headline=HOSTILE, blocks=(block,)))
    text = servicenow.note(said)
    assert HOSTILE in text.replace("\N{ZERO WIDTH SPACE}", "")
    assert [line for line in text.splitlines() if line == forged] == []


def test_a_missing_right_to_the_key_is_said(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """The API leaves the key out and says nothing: we do, and the store's reference still finds the incident."""
    desk = start(HANDS)
    with caplog.at_level(logging.WARNING):
        made = limited(desk).create(notice(), now=NOW)
    assert "ServiceNow left correlation_id out of INC0010001" in caplog.text
    assert desk.queue().find(KEY, now=NOW) is None
    known = desk.queue().find(KEY, ref=made.ref, now=NOW)
    assert known is not None
    assert known.ref == made.ref


def test_a_state_that_was_left_alone_is_said(start: Start) -> None:
    """A 200 that changed nothing is no success."""
    desk = start(HANDS)
    made = desk.queue().create(notice(), now=NOW)
    HANDS.set(desk, made.ref, state="7")
    with pytest.raises(Refused, match="INC0010001 kept its state 7"):
        desk.queue().reopen(made, notice(NoticeKind.REOPENED), now=NOW)


def test_a_closed_incident_gets_a_successor(start: Start) -> None:
    """Resolved is opened again; closed for good is followed by a new one that points to it, however lately it was."""
    desk = start(HANDS)
    made = desk.queue().create(notice(), now=NOW)
    desk.clock.pass_by(hours=1)
    HANDS.set(desk, made.ref, state="7")
    desk.clock.pass_by(hours=1)
    said = notice(NoticeKind.REOPENED, count=2, after=timedelta(hours=2))
    done = reconcile_ticket(
        desk.queue(), said, TicketMemory(), TicketRules(), begin_create=desk.begun.append, now=desk.clock.now
    )
    assert (done.decision.step, done.decision.reason) == (Step.CREATE, Reason.CANNOT_REOPEN)
    assert done.ticket is not None
    assert f"An earlier ticket about the same: {made.title} {made.url}" in HANDS.text(desk, done.ticket.ref)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"state": "2"}, TicketState.OPEN),
        ({"state": "3"}, TicketState.OPEN),
        ({"state": "6", "close_code": "Solution provided", "close_notes": "x"}, TicketState.CLOSED),
        ({"state": "6", "close_code": "Duplicate", "close_notes": "x"}, TicketState.DECLINED),
        ({"state": "6", "close_code": "No resolution provided", "close_notes": "x"}, TicketState.DECLINED),
        ({"state": "7"}, TicketState.CLOSED),
        ({"state": "8"}, TicketState.DECLINED),
    ],
)
def test_state_and_code_decide(start: Start, fields: dict[str, str], state: TicketState) -> None:
    """Canceled, and resolved without having been solved, are people's word that it stays so."""
    desk = start(HANDS)
    made = desk.queue().create(notice(), now=NOW)
    desk.clock.pass_by(days=1)
    HANDS.set(desk, made.ref, **fields)
    found = desk.queue().find(KEY, now=NOW)
    assert found is not None
    assert found.state is state
    assert found.closed_at == (None if state is TicketState.OPEN else desk.clock.now)
    assert found.reopenable is (fields["state"] != "7")


def test_an_instances_own_codes_are_set_by_name(start: Start) -> None:
    """A code that the instance does not have is refused by its data policy, with advice."""
    desk = start(HANDS)
    made = desk.queue().create(notice(), now=NOW)
    with pytest.raises(Refused, match=r"a close code that the instance does not have.*Resolution code"):
        desk.queue(close_code="Solved (Permanently)").close(made, notice(NoticeKind.RESOLVED), now=NOW)
    desk.queue(close_code="Resolved by caller").close(made, notice(NoticeKind.RESOLVED), now=NOW)
    found = desk.queue(declined_codes="resolved by caller").find(KEY, now=NOW)
    assert found is not None
    assert found.state is TicketState.DECLINED


def test_a_note_whose_answer_was_lost_is_not_written_again(start: Start) -> None:
    """All notes of an incident are one field, in which the event's mark is found."""
    desk = start(HANDS, {"call": {"method": "PATCH"}, "cut": True, "done_first": True, "times": 1})
    made = desk.queue().create(notice(), now=NOW)
    said = notice(NoticeKind.REPEATED, count=2)
    with pytest.raises(Unreachable):
        desk.queue().comment(made, said, now=NOW)
    assert desk.queue().comment(made, said, now=NOW) is False
    assert desk.queue().comment(made, notice(NoticeKind.REPEATED, count=3), now=NOW) is True
    assert len(HANDS.comments(desk, made.ref)) == 2


def test_an_oauth_token_stands_for_the_user(start: Start) -> None:
    """Where a token is set no password is needed, nor sent."""
    desk = start(HANDS)
    options = Options(values={"instance": "halvorsen"}, secrets={"oauth_token": Secret(desk.sandbox.sentinel)})
    assert servicenow.TRACKER.problems(options) == {}
    assert servicenow.TRACKER.connect(options).create(notice(), now=NOW).title == "INC0010001"


@pytest.mark.parametrize(
    ("values", "secrets", "wrong"),
    [
        ({"instance": "halvorsen", "user": "u"}, {"password": "p"}, set()),
        ({"instance": "Halvorsen.service-now.com", "user": "u"}, {"password": "p"}, set()),
        ({"instance": "evil.example", "user": "u"}, {"password": "p"}, {"instance"}),
        ({"instance": "x/y?z", "user": "u"}, {"password": "p"}, {"instance"}),
        ({"instance": "x"}, {}, {"user", "password"}),
        ({"instance": "x", "user": "a:b"}, {"password": "p"}, {"user"}),
        ({"instance": "x", "user": "u", "table": "incident/../sys_user"}, {"password": "p"}, {"table"}),
        ({"instance": "x"}, {"oauth_token": "a\nb"}, {"oauth_token"}),
    ],
)
def test_wrong_settings_are_named(values: dict[str, str], secrets: dict[str, str], wrong: set[str]) -> None:
    """What cannot work is said before anything is sent; the host is ServiceNow's own, whatever is written."""
    options = Options(values=values, secrets={name: Secret(value) for name, value in secrets.items()})
    assert set(servicenow.TRACKER.problems(options)) == wrong
