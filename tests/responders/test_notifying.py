"""Notifying: every channel gets its chance, and nothing is dropped in silence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import responder_samples as samples

from responders.channels import Destination, Payload, discover
from responders.declarations import Secret
from responders.notifying import Outcome, notify
from responders.report import Report, build_report
from responders.sending import Receipt, Refused, SendError, TryLater, Unreachable

SENTINEL = "sentinel-T0-B0-wxyz"
NOW = samples.NOW
REPORT = build_report(samples.diagnosis(), samples.evidence())
SLACK, TEAMS = (Destination(channel, Secret(f"https://x/{channel.name}/{SENTINEL}")) for channel in discover())


class Posts:
    """A double of post_json: answers by channel, and keeps what was posted."""

    def __init__(self, **answers: list[Exception | None]) -> None:
        self.answers = answers
        self.posted: list[tuple[str, Mapping[str, Any]]] = []

    def __call__(
        self, url: Secret, payload: Payload, *, now: datetime, accepted: Callable[[int, str], bool]
    ) -> Receipt:
        name = url.reveal().split("/")[3]
        self.posted.append((name, payload))
        answers = self.answers.get(name)
        error = answers.pop(0) if answers else None
        if error:
            raise error
        return Receipt(status=200, body="ok")


def test_every_channel_gets_the_report() -> None:
    """One report goes to all that are configured."""
    posts = Posts()
    told = notify(REPORT, [SLACK, TEAMS], now=NOW, post=posts)
    assert told.outcome is Outcome.POSTED
    assert told.delivered_to == ("slack", "teams")
    assert [name for name, _ in posts.posted] == ["slack", "teams"]


def test_a_failing_channel_hides_no_other() -> None:
    """A refusal, or even a fault of our own, on one channel leaves the others untouched."""
    for error in (Refused(404, "channel_not_found"), RuntimeError(SENTINEL)):
        told = notify(REPORT, [SLACK, TEAMS], now=NOW, post=Posts(slack=[error]))
        assert told.outcome is Outcome.POSTED
        assert told.delivered_to == ("teams",)
        assert told.deliveries[0].error
        assert SENTINEL not in repr(told)


def test_a_wait_goes_back_to_the_caller_who_tries_the_rest_again() -> None:
    """A channel that asks for time is tried again later, and who had the message does not get it twice."""
    posts = Posts(slack=[TryLater("answered 429", timedelta(seconds=90))])
    told = notify(REPORT, [SLACK, TEAMS], now=NOW, post=posts)
    assert told.outcome is Outcome.LATER
    assert told.try_after == timedelta(seconds=90)
    again = notify(REPORT, [SLACK, TEAMS], now=NOW, already=told.delivered_to, post=posts)
    assert again.outcome is Outcome.POSTED
    assert again.try_after is None
    assert [name for name, _ in posts.posted] == ["slack", "teams", "slack"]


@pytest.mark.parametrize("word", ["invalid_blocks", "msg_blocks_too_long"])
def test_a_refused_form_is_sent_once_more_in_its_minimal_form(word: str) -> None:
    """Where Slack refuses the blocks the verdict and the next step still arrive."""
    posts = Posts(slack=[Refused(400, word)])
    told = notify(REPORT, [SLACK], now=NOW, post=posts)
    assert told.outcome is Outcome.POSTED
    assert told.deliveries[0].minimal
    (_, full), (_, minimal) = posts.posted
    assert "blocks" in full
    assert "blocks" not in minimal
    assert REPORT.headline in minimal["text"]


def test_a_minimal_form_that_is_refused_too_is_the_end() -> None:
    """There is one second try, not a third."""
    posts = Posts(slack=[Refused(400, "invalid_blocks"), Refused(400, "invalid_payload")])
    told = notify(REPORT, [SLACK], now=NOW, post=posts)
    assert told.outcome is Outcome.REFUSED
    assert len(posts.posted) == 2


def test_where_every_channel_refuses_the_fallback_hears_of_it() -> None:
    """A diagnosis that nobody takes goes to the fallback, and says so in its outcome."""
    posts = Posts(slack=[Refused(404, "no_service")])
    told = notify(REPORT, [SLACK], now=NOW, fallbacks=[TEAMS], post=posts)
    assert told.outcome is Outcome.FALLBACK
    assert told.delivered_to == ("fallback teams",)


def test_what_nobody_takes_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Where channels and fallbacks refuse, the whole report is logged as an error."""
    posts = Posts(slack=[Refused(404, "no_service")], teams=[Refused(400, "bad")])
    told = notify(REPORT, [SLACK], now=NOW, fallbacks=[TEAMS], post=posts)
    assert told.outcome is Outcome.REFUSED
    assert REPORT.headline in caplog.text
    assert any(record.levelno == logging.ERROR for record in caplog.records)


def test_without_a_channel_the_diagnosis_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """An app without channels is of use all the same: the log holds the diagnosis."""
    told = notify(REPORT, [], now=NOW)
    assert told.outcome is Outcome.LOGGED
    assert REPORT.headline in caplog.text
    assert "az role assignment create" in caplog.text


def test_no_log_shows_the_address_of_a_channel(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong, the log tells the channel's name and the kind of failure alone."""
    caplog.set_level(logging.DEBUG)
    errors: list[Exception] = [
        Unreachable("no answer"),
        ValueError(f"https://x/{SENTINEL}"),
        KeyError(SENTINEL),
    ]
    for error in errors:
        notify(REPORT, [SLACK], now=NOW, post=Posts(slack=[error]))
    assert SENTINEL not in caplog.text
    assert "slack failed with ValueError" in caplog.text


def test_a_renderer_that_fails_is_caught_at_its_channel() -> None:
    """A fault in one channel's rendering is told and hides no other channel."""

    def broken(report: Report) -> Payload:
        raise ZeroDivisionError

    faulty = Destination(replace(SLACK.channel, render=broken), SLACK.address)
    told = notify(REPORT, [faulty, TEAMS], now=NOW, post=Posts())
    assert told.delivered_to == ("teams",)
    assert "ZeroDivisionError" in told.deliveries[0].error


def test_errors_are_grouped_by_what_to_do() -> None:
    """The tree at the top of the module is the tree of the classes."""
    assert issubclass(TryLater, SendError)
    assert not issubclass(Refused, (TryLater, Unreachable))
