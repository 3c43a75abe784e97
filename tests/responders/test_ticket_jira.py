"""Jira issues: limits for any report, documents in which text is only text, and a search that lags behind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from ticket_desks import JiraHands, Start, desks
from ticket_samples import HOSTILE, KEY, KEYS, NOTICES, NOW, notice

from responders.channels import Options
from responders.declarations import Secret
from responders.notices import Notice, NoticeKind
from responders.sending import Refused, TryLater
from responders.tickets import Ticket, TicketState, jira
from responders.tickets._content import Effect, mark_of

OLD = Ticket(ref="10003", title="OPS-3", state=TicketState.CLOSED, url="https://halvorsen.atlassian.net/browse/OPS-3")
HANDS = JiraHands()


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Give a function that opens a desk."""
    with desks(monkeypatch) as begin:
        yield begin


def nodes(node: Any) -> Iterator[Any]:
    """Yield every node of a document."""
    yield node
    for child in node.get("content", []):
        yield from nodes(child)


@pytest.mark.slow
@given(NOTICES)
def test_no_notice_whatever_breaks_a_limit_or_the_document(said: Notice) -> None:
    """Any Unicode of any length gives an issue that Jira takes, without a mention, with our links alone."""
    fields = jira.new_issue(said, project="OPS", issue_type="Task", previous=OLD, labels=("ml",))["fields"]
    assert 0 < len(fields["summary"].encode("utf-16-le")) // 2 <= 255
    assert "\n" not in fields["summary"]
    assert fields["labels"] == [f"pullmedic-{said.key}", "ml"]
    for document in (fields["description"], jira.comment_document(said), jira.comment_document(said, Effect.CLOSE)):
        assert len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-16-le")) // 2 <= 32_767
        every = list(nodes(document))
        assert {node["type"] for node in every} <= {"doc", "paragraph", "heading", "codeBlock", "text"}
        assert all(node["text"] for node in every if node["type"] == "text")
        assert all(node["content"] for node in every if node["type"] != "text")
        marks = [mark for node in every for mark in node.get("marks", [])]
        links = {mark["attrs"]["href"] for mark in marks if mark["type"] == "link"}
        assert links <= {said.report.run_url, said.report.page_url, OLD.url}
        assert {mark["type"] for mark in marks} <= {"link", "strong", "em"}
        assert document["content"][-1]["content"][0]["text"] == mark_of(said)
        assert jira._mark_at_end(document)["key"] == said.key


@given(KEYS)
def test_a_query_holds_two_literals(key: str) -> None:
    """Nothing but project and key stands between the quotes."""
    query = jira.query_of("OPS", key)
    assert re.fullmatch(r'project = "OPS" AND labels = "([^"]*)" ORDER BY updated DESC', query)
    assert f'"pullmedic-{key}"' in query


@pytest.mark.parametrize("text", ['x" OR project = "SECRET', 'a\\" OR 1', "\\", '"'])
def test_a_quote_does_not_end_a_literal(text: str) -> None:
    """Were a name to hold a quote or a backslash, it would stay within its literal."""
    literal = jira._quoted(text)
    assert re.fullmatch(r'"(?:[^"\\]|\\.)*"', literal)
    assert re.sub(r"\\(.)", r"\1", literal[1:-1]) == text


@pytest.mark.parametrize("key", ["", 'a"b', "a b", "a" * 65, "a\n", '" OR labels != "'])
def test_what_is_no_key_makes_no_query(key: str) -> None:
    """A key is checked before a query or a label is made of it."""
    with pytest.raises(ValueError, match="64 characters"):
        jira.query_of("OPS", key)


def test_words_of_others_are_text_nodes() -> None:
    """A hostile name is one text node as it was written, without marks of its own."""
    document = jira.document(notice(report=replace(notice().report, headline=HOSTILE)))
    first = document["content"][0]["content"]
    assert first == [{"type": "text", "text": HOSTILE, "marks": [{"type": "strong"}]}]


@pytest.mark.parametrize("broken", [None, "text", {}, {"content": []}, {"content": [{"content": [{"type": "rule"}]}]}])
def test_a_description_that_people_rewrote_has_no_mark(broken: object) -> None:
    """Whatever stands there, reading it is no error."""
    assert jira._mark_at_end(broken) == {}


def test_what_was_just_created_is_not_in_the_search_yet(start: Start) -> None:
    """The lag is real here: only by its reference is the issue found at once; the search follows."""
    desk = start(HANDS)
    made = desk.queue().create(notice(), now=NOW)
    assert desk.queue().find(KEY, now=NOW) is None
    known = desk.queue().find(KEY, ref=made.ref, now=NOW)
    assert known is not None
    assert (known.ref, known.title, known.url, known.tells) == (made.ref, made.title, made.url, made.tells)
    assert desk.queue().find(KEY, now=desk.clock.pass_by(seconds=21)) == known


def test_a_state_that_the_search_missed_is_read_again(start: Start) -> None:
    """Declined a second ago, the search still says open: what is decided on is the issue itself."""
    desk = start(HANDS)
    made = desk.queue().create(notice(), now=NOW)
    desk.clock.pass_by(minutes=1)
    HANDS.decline(desk, made.ref)
    found = desk.queue().find(KEY, now=desk.clock.now)
    assert found is not None
    assert found.state is TicketState.DECLINED


@pytest.mark.parametrize(
    ("transition", "resolution", "state"),
    [
        ("31", "Done", TicketState.CLOSED),
        ("31", "Cannot Reproduce", TicketState.CLOSED),
        ("31", "Won't Do", TicketState.DECLINED),
        ("31", "Duplicate", TicketState.DECLINED),
        ("41", "Done", TicketState.DECLINED),
    ],
)
def test_resolution_and_status_decide(start: Start, transition: str, resolution: str, state: TicketState) -> None:
    """Either can say that people declined; in a team's own project there is only the status."""
    desk = start(HANDS)
    made = desk.queue().create(notice(), now=NOW)
    desk.clock.pass_by(days=1)
    HANDS.move(desk, made.ref, transition, resolution)
    found = desk.queue().find(KEY, ref=made.ref, now=desk.clock.now)
    assert found is not None
    assert (found.state, found.closed_at) == (state, NOW + timedelta(days=1))


def test_what_declines_can_be_named(start: Start) -> None:
    """A team's own resolutions are set by name."""
    desk = start(HANDS)
    made = desk.queue().create(notice(), now=NOW)
    HANDS.move(desk, made.ref, "31", "Cannot Reproduce")
    found = desk.queue(declined="Cannot reproduce").find(KEY, ref=made.ref, now=NOW)
    assert found is not None
    assert found.state is TicketState.DECLINED


def test_a_close_declines_nothing(start: Start) -> None:
    """Of two transitions to a status that is done, the one that declines is not taken; the way back goes to To Do."""
    desk = start(HANDS)
    queue = desk.queue()
    made = queue.create(notice(), now=NOW)
    queue.close(made, notice(NoticeKind.RESOLVED), now=NOW)
    fields = HANDS._ask(desk, "GET", f"/{made.ref}?fields=status,resolution")["fields"]
    assert (fields["status"]["name"], fields["resolution"]["name"]) == ("Done", "Done")
    queue.reopen(made, notice(NoticeKind.REOPENED, count=2), now=NOW)
    fields = HANDS._ask(desk, "GET", f"/{made.ref}?fields=status,resolution")["fields"]
    assert (fields["status"]["name"], fields["resolution"]) == ("To Do", None)


def test_transitions_can_be_named(start: Start) -> None:
    """By their own name or by the status that they lead to; one that is not there is said."""
    desk = start(HANDS)
    queue = desk.queue(reopen_transition="in progress", close_transition="No Such Thing")
    made = queue.create(notice(), now=NOW)
    HANDS.close(desk, made.ref)
    queue.reopen(made, notice(NoticeKind.REOPENED), now=NOW)
    assert HANDS._ask(desk, "GET", f"/{made.ref}?fields=status")["fields"]["status"]["name"] == "In Progress"
    with pytest.raises(Refused, match="no transition called No Such Thing"):
        queue.close(made, notice(NoticeKind.RESOLVED), now=NOW)


def test_half_a_close_is_finished_by_the_next_try(start: Start) -> None:
    """The comment is there, the transition was lost: the next try writes no second comment."""
    moving = {"path": ".*/transitions", "method": "POST"}
    desk = start(HANDS, {"call": moving, "status": 503, "times": 1})
    made = desk.queue().create(notice(), now=NOW)
    with pytest.raises(TryLater):
        desk.queue().close(made, notice(NoticeKind.RESOLVED), now=NOW)
    desk.queue().close(made, notice(NoticeKind.RESOLVED), now=NOW)
    assert HANDS.state(desk, made.ref) == "closed"
    assert len(HANDS.comments(desk, made.ref)) == 1


def test_a_field_that_jira_refuses_is_explained(start: Start) -> None:
    """What the project's screens lack is told with what to look at."""
    desk = start(HANDS)
    with pytest.raises(Refused, match=r"screen.*Specify a valid issue type"):
        desk.queue(issue_type="Epic").create(notice(), now=NOW)


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"site": "halvorsen", "email": "a@b.c", "project": "OPS"}, set()),
        ({"site": "Halvorsen.atlassian.net", "email": "a@b.c", "project": "OPS"}, set()),
        ({"site": "evil.example", "email": "a@b.c", "project": "OPS"}, {"site"}),
        ({"site": "x/y", "email": "a@b.c", "project": "OPS"}, {"site"}),
        ({"site": "", "email": "a@b.c", "project": "OPS"}, {"site"}),
        ({"site": "x", "email": "a", "project": "OPS"}, {"email"}),
        ({"site": "x", "email": "a:b@c", "project": "OPS"}, {"email"}),
        ({"site": "x", "email": "a@b", "project": 'OPS" OR 1'}, {"project"}),
        ({"site": "x", "email": "a@b", "project": "ops"}, {"project"}),
        ({"site": "x", "email": "a@b", "project": "OPS", "labels": "on call"}, {"labels"}),
    ],
)
def test_wrong_settings_are_named(values: dict[str, str], wrong: set[str]) -> None:
    """What cannot work is said before anything is sent; the host is Atlassian's own, whatever is written."""
    options = Options(values=values, secrets={"api_token": Secret("x")})
    assert set(jira.TRACKER.problems(options)) == wrong
    if not wrong:
        assert jira.Issues(options)._service.base == "https://halvorsen.atlassian.net/rest/api/3"
