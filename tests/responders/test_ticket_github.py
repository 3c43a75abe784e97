"""GitHub issues: limits for any report, text that does nothing, and what only GitHub does."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from ticket_desks import GitHubHands, Start, desks
from ticket_reading import outside_of_html_blocks, read_html
from ticket_samples import HOSTILE, KEY, KEYS, NOTICES, NOW, notice

from responders.channels import Options
from responders.declarations import Secret
from responders.notices import Notice, NoticeKind
from responders.sending import Refused, TryLater
from responders.tickets import Ticket, TicketState, github
from responders.tickets._content import Effect, mark_of

OLD = Ticket(ref="3", title="#3", state=TicketState.CLOSED, url="https://github.com/o/r/issues/3")
_LIVE = re.compile(r"[@#$]|://|www\.|:[a-z+-]+:", re.IGNORECASE)


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Give a function that opens a desk."""
    with desks(monkeypatch) as begin:
        yield begin


@pytest.mark.slow
@given(NOTICES)
def test_no_notice_whatever_breaks_a_limit_or_leaves_its_block(said: Notice) -> None:
    """Any Unicode of any length gives an issue that GitHub takes, in which nobody else's text is obeyed."""
    request = github.new_issue(said, previous=OLD)
    assert 0 < len(request["title"]) <= 256
    assert "\n" not in request["title"]
    assert all(0 < len(label) <= 50 and "," not in label for label in request["labels"])
    for text in (request["body"], github.comment_body(said), github.comment_body(said, Effect.CLOSE)):
        assert len(text.encode("utf-16-le")) // 2 <= 65_536
        assert outside_of_html_blocks(text) == []
        read = read_html(text)
        assert [piece for piece in read.prose if _LIVE.search(piece)] == []
        assert set(read.links) <= {said.report.run_url, said.report.page_url, OLD.url}
        assert read.comments == [mark_of(said)]


def test_words_of_others_stay_words() -> None:
    """Mentions, references, links, pictures and markup of a hostile name are shown as they were written."""
    said = notice(possible_repeat=True)
    body = github.body(replace(said, report=replace(said.report, headline=HOSTILE)))
    read = read_html(body)
    assert HOSTILE in re.sub(r"\s+", " ", "".join(read.text))
    assert "<code>@halvorsen/admins</code> <code>#12</code> <code>GH-3</code> <code>www.evil.example</code>" in body
    assert "This may be a repeat" in body
    assert read.links == [said.report.run_url]


@given(KEYS)
def test_a_label_is_made_of_the_key_alone(key: str) -> None:
    """Fifty characters at most, none of which a query or a list of labels would obey; keys differ, labels differ."""
    label = github.label_of(key)
    assert re.fullmatch(r"pullmedic:[A-Za-z0-9-]{1,40}", label)
    assert label == github.label_of(key)
    assert label != github.label_of(f"{key[:-1]}{'y' if key[-1] == 'x' else 'x'}")


@pytest.mark.parametrize("key", ["", "a" * 65, "a,b", "a b", "a&state=open", "a\n", "ä", "../x"])
def test_what_is_no_key_makes_no_query(key: str) -> None:
    """A key is checked before anything is made of it."""
    with pytest.raises(ValueError, match="64 characters"):
        github.label_of(key)


def test_the_issue_has_the_readers_order_and_says_what_was_cut() -> None:
    """Headline, next step with its command, the earlier ticket, then the rest; and nothing is announced without need."""
    body = github.body(notice(), OLD)
    parts = ("pull from acr1", "Next step", "az role assignment", OLD.url, "Incident", "Run", "Why", "Open the run")
    places = [body.index(part) for part in parts]
    assert places == sorted(places)
    assert "Cut for length" not in body
    assert f'<a href="{OLD.url}">#3</a>' in body


def test_issues_are_listed_and_never_searched(start: Start) -> None:
    """The search index lags behind; a list by label does not."""
    desk = start(GitHubHands())
    desk.queue().find(KEY, now=NOW)
    queries = [parse_qs(urlsplit(call.path).query) for call in desk.sandbox.calls]
    assert [query.get("labels") for query in queries] == [[github.label_of(KEY)], None]
    assert all(query["state"] == ["all"] for query in queries)
    assert {urlsplit(call.path).path for call in desk.sandbox.calls} == {"/repos/halvorsen/ml-platform/issues"}


def test_an_issue_without_its_label_is_found_by_its_mark(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody took it away: no second issue comes of it."""
    desk, hands = start(GitHubHands()), GitHubHands()
    made = desk.queue().create(notice(), now=NOW)
    hands._ask(desk, "PATCH", f"/{made.ref}", {"labels": []})
    found = desk.queue().find(KEY, now=NOW)
    assert found is not None
    assert found.ref == made.ref
    assert caplog.records == []


def test_labels_that_github_dropped_are_said(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """A reporter's token opens issues and sets no label: that is said in the log, and of strangers none is believed."""
    desk = start(GitHubHands())
    options = desk.options()
    reporter = replace(options, secrets={"token": Secret(f"{desk.sandbox.sentinel}-reporter")})
    with caplog.at_level(logging.WARNING):
        made = github.Issues(reporter).create(notice(), now=NOW)
    assert "GitHub dropped the labels of issue #1" in caplog.text
    assert desk.sandbox.sentinel not in caplog.text
    assert desk.queue().find(KEY, now=NOW) is None, "anybody may open an issue with our mark in it"
    known = desk.queue().find(KEY, ref=made.ref, now=NOW)
    assert known is not None
    assert known.ref == made.ref


def test_further_labels_are_set(start: Start) -> None:
    """A team's own labels go along."""
    desk = start(GitHubHands())
    desk.queue(labels="ml, on call").create(notice(), now=NOW)
    (issue,) = GitHubHands()._ask(desk, "GET", "?state=all")
    assert [label["name"] for label in issue["labels"]] == [github.label_of(KEY), "ml", "on call"]


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ({"status": 403, "code": "secondary-limit", "retry_after": 90}, 90),
        ({"status": 403, "code": "secondary-limit"}, 60),
        ({"status": 403, "code": "primary-limit"}, 1800),
        ({"status": 429, "code": "primary-limit"}, 1800),
        ({"status": 429}, 60),
    ],
)
def test_both_rate_limits_are_put_off(start: Start, fault: dict[str, object], seconds: int) -> None:
    """A 403 that speaks of a limit is no missing right; it waits as long as GitHub's headers say, else a minute."""
    desk = start(GitHubHands(), {"call": {"host": "api.github.com"}, **fault})
    with pytest.raises(TryLater) as later:
        desk.queue().find(KEY, now=NOW)
    assert later.value.after == timedelta(seconds=seconds)


@pytest.mark.parametrize(("status", "advice"), [(403, "Issues: read and write"), (410, "disabled"), (422, "title")])
def test_refusals_are_explained(start: Start, status: int, advice: str) -> None:
    """What GitHub says is told with what to do."""
    desk = start(GitHubHands(), {"call": {"method": "POST"}, "status": status, "message": "title is wrong"})
    with pytest.raises(Refused, match=advice):
        desk.queue().create(notice(), now=NOW)


def test_a_comment_is_written_once_however_often_it_is_tried(start: Start) -> None:
    """The mark of the event in an earlier comment, or in the issue itself, stops the repetition."""
    posting = {"path": ".*/comments", "method": "POST"}
    hands = GitHubHands()
    desk = start(hands, {"call": posting, "cut": True, "done_first": True, "times": 1})
    made = desk.queue().create(notice(), now=NOW)
    said = notice(NoticeKind.REPEATED, count=2)
    assert desk.queue().comment(made, notice(), now=NOW) is False
    with pytest.raises(Exception, match="no answer"):
        desk.queue().comment(made, said, now=NOW)
    assert desk.queue().comment(made, said, now=NOW) is False
    assert len(hands.comments(desk, made.ref)) == 1
    assert desk.queue().comment(made, notice(NoticeKind.REPEATED, count=3), now=NOW) is True


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("completed", TicketState.CLOSED),
        (None, TicketState.CLOSED),
        ("not_planned", TicketState.DECLINED),
        ("duplicate", TicketState.DECLINED),
    ],
)
def test_the_reason_of_the_close_decides(start: Start, reason: str | None, state: TicketState) -> None:
    """Not planned and duplicate are people's word that this issue is not to come back."""
    desk = start(GitHubHands())
    made = desk.queue().create(notice(), now=NOW)
    GitHubHands()._ask(desk, "PATCH", f"/{made.ref}", {"state": "closed", "state_reason": reason})
    found = desk.queue().find(KEY, ref=made.ref, now=NOW)
    assert found is not None
    assert (found.state, found.closed_at) == (state, NOW)


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("github.com", "https://api.github.com/repos/o/r"),
        ("acme.ghe.com", "https://api.acme.ghe.com/repos/o/r"),
        ("git.acme.example", "https://git.acme.example/api/v3/repos/o/r"),
    ],
)
def test_each_kind_of_github_has_its_address(host: str, base: str) -> None:
    """The token goes to the host that was set, and to no other."""
    queue = github.Issues(Options(values={"repository": "o/r", "host": host}, secrets={"token": Secret("t")}))
    assert queue._service.base == base


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"repository": "halvorsen/ml-platform"}, set()),
        ({"repository": "halvorsen"}, {"repository"}),
        ({"repository": "a/b/c"}, {"repository"}),
        ({"repository": "../x"}, {"repository"}),
        ({"repository": "a/b?c=d"}, {"repository"}),
        ({"repository": "a/b", "host": "github.com/evil"}, {"host"}),
        ({"repository": "a/b", "host": "u@github.com"}, {"host"}),
        ({"repository": "a/b", "host": "10.0.0.1"}, {"host"}),
        ({"repository": "a/b", "labels": "x" * 51}, {"labels"}),
    ],
)
def test_wrong_settings_are_named(values: dict[str, str], wrong: set[str]) -> None:
    """What cannot work is said before anything is sent."""
    assert set(github.TRACKER.problems(Options(values=values, secrets={"token": Secret("ghp_x")}))) == wrong


@pytest.mark.parametrize("token", ["", "a\nb", "ü", "@Microsoft.KeyVault(SecretUri=https://kv)"])
def test_a_wrong_token_is_named_and_not_shown(token: str) -> None:
    """Nothing of it is in the message."""
    problems = github.TRACKER.problems(Options(values={"repository": "a/b"}, secrets={"token": Secret(token)}))
    assert set(problems) == {"token"}
    assert not token or token not in problems["token"]
