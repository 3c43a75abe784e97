"""One cause is one message, whatever is delivered twice, killed, throttled or lost on the way."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fix_samples as fixes
import pytest
import responder_samples as samples
from crashing_worker import Reaper, Worker, later
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.model import CompletedRun, Evidence, FailedRun, ImageReference, RunDetails, Symptom
from responders.declarations import Secret
from responders.deliveries import Abilities, Act, Delivery, Held, Shown, Wait, Wanted, due
from responders.fixes.record import FixState
from responders.fixes.seen import FixSeen, Pending
from responders.incidents import Incident, IncidentState
from responders.notices import NoticeKind
from responders.rules import Pacing
from responders.sending import call
from responders.settings import load_settings
from responders.store import open_store
from responders.subjects import Subject
from sandbox import Sandbox, parse_scenario
from sandbox.places import settings_of
from sandbox.services import jira

LIMIT = "toomanyrequests: You have reached your pull rate limit as '{}'"
NOW = datetime.now(UTC)  # the simulated Slack has the machine's clock
Begin = Callable[..., "Stage"]


def evidence(run: FailedRun, account: str, root: str = "", **changes: Any) -> Evidence:
    """Return the evidence that the pull of ``account`` was limited; each account is a fix target of its own."""
    symptom = Symptom(
        id="rate-limited",
        signature="docker-hub-limit",
        emitter="Docker Hub",
        excerpt=samples.excerpt(LIMIT.format(account), first_line=41),
        line=41,
        names=("docker-hub-limit",),
        decisive=True,
        captured={"client": account},
    )
    values: dict[str, Any] = {
        "run": run,
        "details": RunDetails(run_id=run.run_id, root_run_id=root or run.run_id, compute="cpu-4"),
        "symptoms": (symptom,),
        "image": ImageReference(registry="docker.io", repository="library/python", tag="3.12"),
        "taken_at": NOW,
    }
    return samples.evidence(**values | changes)


class Stage:
    """A worker, its store and a simulated Slack, with the account that each run is limited for."""

    def __init__(self, sandbox: Sandbox, store: Path, channels: tuple[str, ...], **options: Any) -> None:
        self.sandbox = sandbox
        self.accounts: dict[str, str] = {}
        self.roots: dict[str, str] = {}
        self.read: list[str] = []
        slack = sandbox.slack_workspace
        settings = {
            "webhook": {"PULLMEDIC_SLACK_WEBHOOK_URL": sandbox.slack_webhook_url},
            "fallback": {"PULLMEDIC_FALLBACK_TEAMS_WEBHOOK_URL": sandbox.teams_webhook_url},
            "tickets": {
                "PULLMEDIC_GITHUB_REPOSITORY": "halvorsen/ml-platform",
                "PULLMEDIC_GITHUB_TOKEN": sandbox.sentinel,
            },
            "jira": settings_of(sandbox)["jira"],
            "bot": {
                "PULLMEDIC_SLACK_BOT_TOKEN": slack.token,
                "PULLMEDIC_SLACK_BOT_CHANNEL_ID": "C0000000001",
            },
            "signed": {"PULLMEDIC_SLACK_BOT_SIGNING_SECRET": slack.signing_secret},
        }
        wanted = {name: value for channel in channels for name, value in settings[channel].items()}
        loaded = load_settings({"PULLMEDIC_STORE": f"sqlite:///{store}", **wanted})
        assert loaded.problems == ()
        self.worker = Worker(
            store=open_store(loaded.store),
            settings=loaded,
            investigate=self.investigate,
            details=self.details,
            clock=NOW + timedelta(minutes=1),
            **options,
        )

    def investigate(self, run: FailedRun) -> Evidence:
        """Read what is known of a run; by default all are limited for one account."""
        self.read.append(run.run_id)
        return evidence(run, self.accounts.get(run.run_id, "ada"), self.roots.get(run.run_id, ""))

    def details(self, run: CompletedRun) -> RunDetails:
        """Read the document of a completed run, which began a minute before: the image and compute are everybody's."""
        return RunDetails(
            run_id=run.run_id,
            root_run_id=run.run_id,
            compute="cpu-4",
            image="python:3.12",
            started_at=run.completed_at - timedelta(minutes=1),
        )

    @property
    def webhook(self) -> list[str]:
        """The messages that the webhook got, as text."""
        return [json.dumps(m.payload) for m in self.sandbox.messages if m.channel == "slack"]

    @property
    def bot(self) -> list[Any]:
        """What stands in the bot's channel, without replies in threads."""
        return [posted for posted in self.sandbox.slack_workspace.messages() if not posted.thread_ts]

    @property
    def issues(self) -> list[Any]:
        """The issues that there are at GitHub."""
        address = "https://api.github.com/repos/halvorsen/ml-platform/issues?state=all&per_page=100"
        headers = {"Authorization": Secret(f"Bearer {self.sandbox.sentinel}")}
        found: list[Any] = call("GET", Secret(address), now=NOW, headers=headers).json()
        return found

    @property
    def only(self) -> Incident:
        """The one incident that there is."""
        (incident,) = self.worker.incidents.all_ones()
        return incident


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Begin]:
    """Give a function that sets a stage, and takes down the one before."""
    with ExitStack() as stack:
        count = iter(range(10_000))

        def start(
            *channels: str, faults: tuple[dict[str, Any], ...] = (), one_clock: bool = False, **options: Any
        ) -> Stage:
            stack.close()
            scenario = parse_scenario({"world": {"cloud": "AzureCloud"}, "faults": list(faults)})
            stages: list[Stage] = []

            def now() -> float:
                return stages[0].worker.clock.timestamp() if one_clock and stages else time.time()

            sandbox = stack.enter_context(Sandbox(scenario, now=now))
            for name, value in sandbox.environment.items():
                monkeypatch.setenv(name, value)
            stage = Stage(sandbox, tmp_path / f"{next(count)}.sqlite", channels, **options)
            stages.append(stage)
            stack.callback(stage.worker.store.close)
            return stage

        yield start


def failed(name: str, minutes: float = 0) -> FailedRun:
    """Return a failed run."""
    return later(samples.run(run_id=name, failed_at=NOW), minutes)


# --- one incident -----------------------------------------------------------------------------------------


def test_a_second_run_of_a_cause_edits_the_message_and_sends_none(begin: Begin) -> None:
    """Where messages can be edited there is one, and it counts."""
    stage = begin("bot")
    stage.worker.deliver(failed("a"), failed("b", 0.5))
    assert len(stage.bot) == 1
    stage.worker.let_pass(timedelta(minutes=2))
    (message,) = stage.bot
    assert "(2 runs)" in message.text
    assert message.edits == 1


def test_an_event_delivered_three_times_is_one_run(begin: Begin) -> None:
    """Delivery is at least once; the count is exact."""
    stage = begin("bot", "webhook")
    for _ in range(3):
        stage.worker.deliver(failed("a"), failed("b"))
    stage.worker.let_pass(timedelta(minutes=3))
    assert len(stage.worker.incidents.occurrences(stage.only.id)) == 2
    assert stage.read == ["a", "b"]
    assert len(stage.webhook) == len(stage.bot) == 1


def test_two_fix_targets_are_two_messages(begin: Begin) -> None:
    """What must be changed in two places is told twice."""
    stage = begin("webhook")
    stage.accounts = {"b": "bob"}
    stage.worker.deliver(failed("a"), failed("b"))
    assert len(stage.webhook) == 2


def test_a_webhook_hears_again_at_ten_at_a_hundred_and_hourly(begin: Begin) -> None:
    """What cannot be edited is repeated at a measured pace, and points back to its first message."""
    stage = begin("webhook")
    for number in range(9):
        stage.worker.deliver(failed(f"r{number}"))
        stage.worker.let_pass(timedelta(minutes=2))
    assert len(stage.webhook) == 1
    stage.worker.deliver(failed("r9"))
    stage.worker.let_pass(timedelta(minutes=2))
    assert len(stage.webhook) == 2
    assert "(10 runs)" in stage.webhook[1]
    assert "First told of here at" in stage.webhook[1]
    stage.worker.deliver(failed("r10"))
    stage.worker.let_pass(timedelta(minutes=50))
    assert len(stage.webhook) == 2
    stage.worker.let_pass(timedelta(minutes=15))
    assert len(stage.webhook) == 3
    assert "(11 runs)" in stage.webhook[2]


def test_a_resolution_edits_or_is_a_message_of_its_own(begin: Begin) -> None:
    """It says why, and where it was told of first."""
    stage = begin("bot", "webhook")
    stage.worker.deliver(failed("a"))
    stage.worker.incidents.resolve(
        stage.only.id, "run c on the same image and compute completed", at=stage.worker.clock
    )
    stage.worker.news.append((_subject(stage), 0))
    stage.worker.drain()
    assert [message.text.startswith("Resolved:") for message in stage.bot] == [True]
    assert len(stage.webhook) == 2
    assert "Resolved:" in stage.webhook[1]
    assert "run c on the same image and compute completed" in stage.webhook[1]


def test_what_comes_back_soon_is_reopened_and_late_is_a_new_incident(begin: Begin) -> None:
    """Within the stated time it is the same incident; after it another one, with a message of its own."""
    stage = begin("bot")
    stage.worker.deliver(failed("a"))
    first = stage.only
    stage.worker.incidents.resolve(first.id, "fixed", at=stage.worker.clock)
    stage.worker.let_pass(timedelta(days=1), step=timedelta(days=1))
    stage.worker.deliver(failed("b", 24 * 60))
    assert stage.only.id == first.id
    assert stage.only.reopened == 1
    assert len(stage.bot) == 1
    stage.worker.incidents.resolve(first.id, "fixed", at=stage.worker.clock)
    stage.worker.let_pass(timedelta(days=9), step=timedelta(days=1))
    stage.worker.deliver(failed("c", 10 * 24 * 60))
    assert stage.only.serial == 2
    assert stage.worker.incidents.get(first.id) is not None
    assert len(stage.bot) == 2


def test_a_failure_from_before_the_resolution_reopens_nothing(begin: Begin) -> None:
    """Its event was late."""
    stage = begin("webhook")
    stage.worker.deliver(failed("a", -5))
    stage.worker.incidents.resolve(stage.only.id, "fixed", at=stage.worker.clock)
    stage.worker.deliver(failed("b", -3))
    assert stage.only.state is IncidentState.RESOLVED
    assert len(stage.worker.incidents.occurrences(stage.only.id)) == 2


def _subject(stage: Stage) -> Subject:
    return Subject("incident", stage.only.id)


# --- holding back -----------------------------------------------------------------------------------------


def test_what_is_snoozed_is_told_when_the_time_is_over(begin: Begin) -> None:
    """Nothing is dropped: an incident that still stands is told of afterwards, and the reason is kept."""
    until = NOW + timedelta(hours=2)
    wait = Wait(held=Held.SNOOZED, until=until, why="by ada")
    stage = begin("webhook", held=lambda _incident, at: wait if at < until else None)
    stage.worker.deliver(failed("a"))
    assert stage.webhook == []
    (delivery,) = stage.worker.delivering().deliveries(stage.only.id)
    assert (delivery.held, delivery.held_why) == ("snoozed", "by ada")
    stage.worker.let_pass(timedelta(hours=3), step=timedelta(minutes=10))
    assert len(stage.webhook) == 1


def test_a_reason_for_silence_is_in_the_log_and_in_a_metric(begin: Begin, caplog: pytest.LogCaptureFixture) -> None:
    """Suppression is never silent itself."""
    caplog.set_level(logging.INFO)
    stage = begin("webhook", held=lambda _incident, _at: Wait(held=Held.SILENCED, why="rule maintenance"))
    stage.worker.deliver(failed("a"))
    assert "silenced rule maintenance" in caplog.text
    assert "metric pullmedic.held value=1 destination=slack reason=silenced" in caplog.text


# --- faults -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [{"status": 401}, {"status": 403}, {"body": "<html>Bad gateway</html>"}])
def test_an_edit_that_is_refused_for_a_while_leads_to_no_second_message(begin: Begin, fault: dict[str, Any]) -> None:
    """Only a message that is gone is written anew; a token that is refused today may be good tomorrow."""
    stage = begin("bot", faults=({"call": {"host": "slack.com", "path": "/api/chat.update"}, **fault, "times": 2},))
    stage.worker.deliver(failed("a"), failed("b", 0.5))
    stage.worker.let_pass(timedelta(minutes=30))
    (message,) = stage.bot
    assert "(2 runs)" in message.text


def test_an_outage_of_an_hour_costs_the_hour_alone(begin: Begin) -> None:
    """The message arrives within minutes of its end, once, and nothing is diagnosed again."""
    fault = {"call": {"host": "hooks.slack.com"}, "status": 503, "times": 12}
    stage = begin("webhook", "bot", faults=(fault,))
    stage.worker.deliver(failed("a"))
    assert len(stage.bot) == 1
    stage.worker.let_pass(timedelta(hours=3))
    assert len(stage.webhook) == 1
    assert stage.read == ["a"]
    assert stage.worker.lost == []


def test_throttling_is_waited_for_as_long_as_it_asks(begin: Begin) -> None:
    """Not before, and nobody sleeps."""
    fault = {"call": {"host": "hooks.slack.com"}, "status": 429, "retry_after": 1200, "times": 1}
    stage = begin("webhook", faults=(fault,))
    stage.worker.deliver(failed("a"))
    stage.worker.let_pass(timedelta(minutes=19))
    assert stage.webhook == []
    stage.worker.let_pass(timedelta(minutes=2))
    assert len(stage.webhook) == 1


@pytest.mark.slow
def test_a_day_of_refusal_ends_in_the_fallback_and_says_so(begin: Begin, caplog: pytest.LogCaptureFixture) -> None:
    """What stays undeliverable is seen elsewhere, and an alert is raised."""
    stage = begin("webhook", "fallback", faults=({"call": {"host": "hooks.slack.com"}, "status": 500},))
    stage.worker.deliver(failed("a"))
    stage.worker.let_pass(timedelta(hours=26), step=timedelta(minutes=10))
    (told,) = [m for m in stage.sandbox.messages if m.channel == "teams"]
    assert "slack did not get this message" in json.dumps(told.payload)
    assert "ALERT undeliverable: slack" in caplog.text
    (refused,) = [it for it in stage.worker.delivering().deliveries(stage.only.id) if it.destination == "slack"]
    tries = sum(call.host == "hooks.slack.com" for call in stage.sandbox.calls)
    assert tries > 140
    assert (refused.failures, refused.repeats) == (tries, 0)
    assert refused.error == "it did not take the message for a day; its last word: answered 500"


def test_a_refusal_goes_to_the_fallback_at_once(begin: Begin) -> None:
    """A channel that is gone does not take it tomorrow."""
    stage = begin("webhook", "fallback", faults=({"call": {"host": "hooks.slack.com"}, "status": 404},))
    stage.worker.deliver(failed("a"))
    assert [m.channel for m in stage.sandbox.messages] == ["teams"]


def test_a_digest_that_is_refused_for_good_is_told_cause_by_cause_elsewhere(begin: Begin) -> None:
    """A place that is gone before its digest is due costs nobody the causes that the digest was to hold."""
    stage = begin("webhook", "fallback", pacing=Pacing(digest_above=2))
    stage.accounts = {name: f"account{name}" for name in "abcd"}
    stage.worker.deliver(*(failed(name) for name in "abcd"))
    assert len(stage.webhook) == 2
    stage.sandbox.fails({"call": {"host": "hooks.slack.com"}, "status": 404})
    stage.worker.let_pass(timedelta(minutes=30))
    folded = [it.id for it in stage.worker.incidents.all_ones() if "given-up" in _held(stage, it.id)]
    told = [json.dumps(message.payload) for message in stage.sandbox.messages if message.channel == "teams"]
    assert len(folded) == 2
    assert all(any(name in text and "slack did not get this message" in text for text in told) for name in folded)


def test_a_follow_up_that_is_refused_for_good_is_told_elsewhere(begin: Begin) -> None:
    """A pipeline's further cause reaches the fallback, though its message was to be shared with others."""
    stage = begin("webhook", "fallback")
    _pipeline(stage, a="ada", b="bob", c="cyd", pipe="ada")
    stage.worker.deliver(failed("a"), failed("b"), failed("c"))
    stage.sandbox.fails({"call": {"host": "hooks.slack.com"}, "status": 404})
    stage.worker.deliver(failed("pipe"))
    stage.worker.let_pass(timedelta(minutes=5))
    told = [json.dumps(message.payload) for message in stage.sandbox.messages if message.channel == "teams"]
    assert sorted("bob" in text for text in told) == sorted("cyd" in text for text in told) == [False, True]


@pytest.mark.slow
def test_killed_at_any_boundary_what_a_refused_digest_was_to_hold_reaches_the_fallback(begin: Begin) -> None:
    """Whoever dies while a refused digest is told cause by cause leaves none of them untold."""

    def fold(at: int = 0) -> tuple[Stage, int]:
        stage = begin("webhook", "fallback", pacing=Pacing(digest_above=1), reaper=Reaper(at=at))
        stage.accounts = {"b": "bob", "c": "cyd"}
        stage.worker.deliver(failed("a"), failed("b"), failed("c"))
        passed = stage.worker.reaper.passed
        stage.sandbox.fails({"call": {"host": "hooks.slack.com"}, "status": 404})
        stage.worker.let_pass(timedelta(minutes=30))
        return stage, passed

    undisturbed, passed = fold()
    assert undisturbed.worker.reaper.passed > passed + 50
    for place in range(passed + 1, undisturbed.worker.reaper.passed + 1):
        stage, _ = fold(at=place)
        assert stage.worker.deaths == 1, place
        assert stage.worker.lost == [], place
        told = [json.dumps(message.payload) for message in stage.sandbox.messages]
        for incident in stage.worker.incidents.all_ones():
            assert any(incident.id in text for text in told), place


def test_without_any_channel_the_log_has_the_message_once(begin: Begin, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is lost where nothing is set up yet."""
    stage = begin()
    stage.worker.deliver(failed("a"), failed("b"), failed("c"))
    stage.worker.let_pass(timedelta(minutes=5))
    assert caplog.text.count("The message is in this log only") == 1


def test_a_lost_answer_costs_no_repeat_where_the_message_can_be_found(begin: Begin) -> None:
    """The bot looks before it sends again."""
    fault = {
        "call": {"host": "slack.com", "path": "/api/chat.postMessage"},
        "cut": True,
        "done_first": True,
        "times": 1,
    }
    stage = begin("bot", faults=(fault,))
    stage.worker.deliver(failed("a"))
    stage.worker.let_pass(timedelta(minutes=20))
    assert len(stage.bot) == 1


def test_one_ticket_is_found_again_though_the_store_is_lost(begin: Begin, tmp_path: Path) -> None:
    """Its key stands inside it; its recurrence is told in it, its resolution too."""
    stage = begin("tickets")
    stage.worker.deliver(failed("a"))
    (issue,) = stage.issues
    stage.worker.store.close()
    stage.worker.store = open_store(load_settings({"PULLMEDIC_STORE": f"sqlite:///{tmp_path}/anew.sqlite"}).store)
    stage.worker.deliver(failed("b"))
    assert [one["number"] for one in stage.issues] == [issue["number"]]
    (delivery,) = stage.worker.delivering().deliveries(stage.only.id)
    assert delivery.title == f"#{issue['number']}"
    stage.worker.store.close()


def test_a_ticket_whose_answer_was_lost_is_adopted(begin: Begin) -> None:
    """The tracker created it and never said so: there is one."""
    call_ = {"host": "api.github.com", "path": "/repos/[^/]+/[^/]+/issues", "method": "POST"}
    stage = begin("tickets", faults=({"call": call_, "cut": True, "done_first": True, "times": 1},))
    stage.worker.deliver(failed("a"))
    stage.worker.let_pass(timedelta(minutes=30))
    assert len(stage.issues) == 1
    (delivery,) = stage.worker.delivering().deliveries(stage.only.id)
    assert delivery.ref


_TAKEN = (
    {"status": 504},
    {"status": 408},
    {"status": 503},
    {"body": "<html>Bad gateway</html>"},
    {"status": 200, "code": "fatal_error"},
    {"status": 200, "code": "internal_error"},
)


@pytest.mark.parametrize("fault", _TAKEN)
def test_what_slack_posted_and_failed_over_is_posted_once(begin: Begin, fault: dict[str, Any]) -> None:
    """An error of the service's own says nothing of what it did before: the bot looks, within the minute."""
    failing = {"call": {"host": "slack.com", "path": "/api/chat.postMessage"}, "done_first": True, "times": 1}
    stage = begin("bot", faults=({**failing, **fault},), one_clock=True)
    stage.worker.deliver(failed("a"))
    stage.worker.let_pass(timedelta(minutes=1))
    assert len(stage.bot) == 1
    (delivery,) = stage.worker.delivering().deliveries(stage.only.id)
    assert (delivery.ref, delivery.repeats) == (f"C0000000001:{stage.bot[0].ts}", 0)


@pytest.mark.parametrize("fault", [*_TAKEN, {"status": 429}])
def test_what_slack_failed_over_and_never_posted_is_posted_within_the_minute(
    begin: Begin, fault: dict[str, Any]
) -> None:
    """Looking first costs nobody the message."""
    failing = {"call": {"host": "slack.com", "path": "/api/chat.postMessage"}, "times": 1}
    stage = begin("bot", faults=({**failing, **fault},), one_clock=True)
    stage.worker.deliver(failed("a"))
    stage.worker.let_pass(timedelta(minutes=1))
    assert len(stage.bot) == 1


@pytest.mark.parametrize("fault", [{"status": 504}, {"status": 500}, {"body": "<html>Bad gateway</html>"}])
def test_an_issue_that_was_created_behind_a_gateways_error_is_adopted(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    """The tracker's search shows it minutes later, and until then no second one is created."""
    monkeypatch.setattr(jira, "INDEX_LAG_S", 200)
    creating = {"call": {"host": r".*\.atlassian\.net", "path": "/rest/api/3/issue", "method": "POST"}}
    stage = begin("jira", faults=({**creating, "done_first": True, "times": 1, **fault},), one_clock=True)
    stage.worker.deliver(failed("a"))
    stage.worker.let_pass(timedelta(minutes=30))
    created = [call for call in stage.sandbox.calls if call.method == "POST" and call.path == "/rest/api/3/issue"]
    assert len(created) == 1
    (delivery,) = stage.worker.delivering().deliveries(stage.only.id)
    assert delivery.ref


def test_a_webhook_that_fails_over_its_answer_is_tried_again_and_never_given_up_for_it(begin: Begin) -> None:
    """Where nobody can look, an error of the service counts as not delivered, as often as it comes."""
    fault = {"call": {"host": "hooks.slack.com"}, "status": 502, "times": 4}
    stage = begin("webhook", faults=(fault,))
    stage.worker.deliver(failed("a"))
    stage.worker.let_pass(timedelta(minutes=30))
    (message,) = stage.webhook
    assert "may be a repeat" not in message


# --- killed at every boundary -----------------------------------------------------------------------------


def _play(stage: Stage) -> None:
    """Two runs of a cause, each delivered three times, and time enough for all that follows."""
    for run in (failed("a"), failed("b", 0.2)) * 3:
        stage.worker.deliver(run)
    stage.worker.let_pass(timedelta(minutes=30))


@pytest.mark.slow
def test_killed_at_any_boundary_there_is_one_message_and_the_count_is_exact(begin: Begin) -> None:
    """Every step may be the worker's last: one message where it can be found or edited, one repeat at most elsewhere."""
    undisturbed = begin("bot", "webhook", "tickets")
    _play(undisturbed)
    boundaries = undisturbed.worker.reaper.passed
    assert boundaries > 100
    repeats = 0
    for place in range(1, boundaries + 1):
        stage = begin("bot", "webhook", "tickets", reaper=Reaper(at=place))
        _play(stage)
        assert stage.worker.deaths == 1, place
        assert len(stage.bot) == 1, place
        assert "(2 runs)" in stage.bot[0].text, place
        assert len(stage.worker.incidents.occurrences(stage.only.id)) == 2, place
        assert len(stage.issues) == 1, place
        _, *more = stage.webhook  # killed before it was sent, the one message says that it may be a repeat
        assert len(more) <= 1, place
        assert all("may be a repeat" in message for message in more), place
        assert stage.worker.lost == [], place
        told = {it.destination: it for it in stage.worker.delivering().deliveries(stage.only.id)}
        assert told["slack"].repeats >= len(more), place
        repeats += len(more)
    assert 1 <= repeats <= 5


@pytest.mark.slow
def test_killed_at_any_boundary_a_resolution_is_told(begin: Begin) -> None:
    """An incident that a completed run resolved is told to be over everywhere, though its news died with a worker."""

    def resolve(at: int = 0) -> tuple[Stage, int]:
        stage = begin("bot", "webhook", "tickets", reaper=Reaper(at=at))
        stage.worker.deliver(failed("a"))
        passed = stage.worker.reaper.passed
        stage.worker.clock = NOW + timedelta(minutes=10)
        stage.worker.complete(CompletedRun(workspace_id=samples.WORKSPACE, run_id="z", completed_at=stage.worker.clock))
        stage.worker.let_pass(timedelta(minutes=20))
        return stage, passed

    undisturbed, passed = resolve()
    assert undisturbed.worker.reaper.passed > passed + 30
    for place in range(passed + 1, undisturbed.worker.reaper.passed + 1):
        stage, _ = resolve(at=place)
        assert stage.worker.deaths == 1, place
        assert stage.only.state is IncidentState.RESOLVED, place
        assert [message.text.startswith("Resolved:") for message in stage.bot] == [True], place
        assert any("Resolved:" in text for text in stage.webhook), place
        assert [issue["comments"] for issue in stage.issues] == [1], place
        assert stage.worker.lost == [], place


@pytest.mark.slow
def test_killed_at_any_boundary_a_digest_tells_of_its_only_member(begin: Begin) -> None:
    """Whoever dies between folding a cause into a digest and waking the digest leaves no cause untold."""

    def fold(**options: Any) -> Stage:
        stage = begin("bot", "webhook", pacing=Pacing(digest_above=1), **options)
        stage.accounts = {"b": "bob"}
        stage.worker.deliver(failed("a"), failed("b"))
        stage.worker.let_pass(timedelta(minutes=20))
        return stage

    boundaries = fold().worker.reaper.passed
    assert boundaries > 100
    for place in range(1, boundaries + 1):
        stage = fold(reaper=Reaper(at=place))
        assert stage.worker.deaths == 1, place
        assert stage.worker.lost == [], place
        names = [incident.id for incident in stage.worker.incidents.all_ones()]
        for shown in (stage.webhook, [json.dumps(message.blocks) for message in stage.bot]):
            assert [any(name in text for text in shown) for name in names] == [True] * 2, place


# --- storms -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_thousand_runs_of_one_cause_are_one_message_edited_once_a_minute(begin: Begin) -> None:
    """Within a minute: one message, one edit after it, and an exact count."""
    stage = begin("bot", "webhook", "tickets")
    stage.worker.deliver(*(failed(f"r{number}", number / 1000) for number in range(1000)))
    assert len(stage.bot) == 1
    assert stage.bot[0].edits == 0
    stage.worker.let_pass(timedelta(minutes=5))
    (message,) = stage.bot
    assert message.edits == 1
    assert "(1000 runs)" in message.text
    assert len(stage.webhook) == 2
    assert "(1000 runs)" in stage.webhook[1]
    assert len(stage.issues) == 1


@pytest.mark.slow
def test_fifty_causes_at_once_are_twenty_messages_and_one_digest(begin: Begin) -> None:
    """Above the set number in ten minutes one digest holds the rest, named and counted."""
    stage = begin("bot", "webhook")
    stage.accounts = {f"r{number}": f"account{number}" for number in range(50)}
    stage.worker.deliver(*(failed(f"r{number}") for number in range(50)))
    stage.worker.let_pass(timedelta(minutes=15), step=timedelta(seconds=5))
    assert len(stage.bot) == len(stage.webhook) == 21
    assert sum("30 more causes failed" in posted.text for posted in stage.bot) == 1
    assert sum("30 more causes failed" in message for message in stage.webhook) == 1
    told = sum(f"account{number}'" in text for number in range(50) for text in stage.webhook)
    assert told >= 20


def test_messages_keep_the_pace_of_their_destination(begin: Begin) -> None:
    """Five at once, then one a second: the rest are woken for, not slept for."""
    stage = begin("webhook")
    stage.accounts = {f"r{number}": f"account{number}" for number in range(12)}
    stage.worker.deliver(*(failed(f"r{number}") for number in range(12)))
    assert len(stage.webhook) == 5
    stage.worker.let_pass(timedelta(seconds=20), step=timedelta(seconds=1))
    assert len(stage.webhook) == 12


# --- pipelines --------------------------------------------------------------------------------------------


def _pipeline(stage: Stage, **accounts: str) -> None:
    stage.accounts |= accounts
    stage.roots |= dict.fromkeys(accounts, "pipe")


@pytest.mark.parametrize("order", [("a", "b", "pipe"), ("pipe", "a", "b"), ("b", "pipe", "a")])
def test_two_causes_of_a_pipeline_share_the_message_where_it_can_be_edited(
    begin: Begin, order: tuple[str, ...]
) -> None:
    """Whatever the order of the events; on a webhook one follow-up comes when the pipeline has ended."""
    stage = begin("bot", "webhook")
    _pipeline(stage, a="ada", b="bob", pipe="ada")
    stage.worker.deliver(*(failed(name) for name in order))
    stage.worker.let_pass(timedelta(minutes=5))
    assert len(stage.bot) == 1
    whole = json.dumps(stage.bot[0].blocks)
    assert "ada" in whole
    assert "bob" in whole
    _, further = stage.webhook
    assert "The same pipeline failed for a further cause" in further
    assert len(stage.worker.incidents.all_ones()) == 2


def test_a_pipeline_whose_own_event_never_comes_is_followed_up_all_the_same(begin: Begin) -> None:
    """After an hour nobody waits for it any more."""
    stage = begin("webhook")
    _pipeline(stage, a="ada", b="bob", c="cyd")
    stage.worker.deliver(failed("a"), failed("b"), failed("c"))
    stage.worker.let_pass(timedelta(minutes=30))
    assert len(stage.webhook) == 1
    stage.worker.let_pass(timedelta(minutes=40))
    _, further = stage.webhook
    assert "2 further causes" in further
    assert "bob" in further
    assert "cyd" in further


@pytest.mark.slow
def test_two_hundred_steps_of_a_sweep_fold_into_one_message(begin: Begin) -> None:
    """The parent says nothing of its own, and is not counted beside its children."""
    stage = begin("bot", "webhook")
    names = [f"s{number}" for number in range(200)]
    _pipeline(stage, **dict.fromkeys(names, "ada"), pipe="ada")
    stage.worker.deliver(*(failed(name) for name in names), failed("pipe"))
    stage.worker.let_pass(timedelta(minutes=3))
    (message,) = stage.bot
    assert "(200 runs)" in message.text
    assert len(stage.webhook) == 2  # the first, and the one at a hundred


# --- better evidence --------------------------------------------------------------------------------------


def test_the_members_of_an_incident_may_lie_in_several_workspaces(begin: Begin) -> None:
    """Each is named, whichever was first."""
    stage = begin("bot")
    other = samples.WORKSPACE.replace("/workspaces/", "/workspaces/other-")
    stage.worker.deliver(failed("a"))
    incident = stage.only
    assert incident.workspaces == (samples.WORKSPACE,)
    diagnosed = evidence(replace(failed("b"), workspace_id=other), "ada")
    from diagnostics.judging import judge  # noqa: PLC0415

    diagnosis = replace(judge(diagnosed), fingerprint=incident.fingerprint)
    stage.worker.incidents.count(diagnosis, diagnosed, evidence_key="k")
    assert stage.only.workspaces == (samples.WORKSPACE, other)


def test_pacing_has_sound_defaults() -> None:
    """They are promised in the documents."""
    pacing = Pacing()
    assert (pacing.edit_every, pacing.repeat_at, pacing.repeat_every) == (
        timedelta(minutes=1),
        (10, 100),
        timedelta(hours=1),
    )


# --- fixes ------------------------------------------------------------------------------------------------


class Repair:
    """What becomes of an incident's fix, as the messages see it; each :meth:`becomes` is a change with its news."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.shown: FixSeen | Pending | None = Pending()
        self.serial = 0
        stage.worker.fix_of = lambda _incident: self.shown

    def becomes(self, *states: FixState, **changes: Any) -> None:
        """Bring the fix into each of the states, with the news of it delivered twice."""
        for state in states:
            self.serial += 1
            self.shown = fixes.seen(state, serial=self.serial, **changes)
            for _ in range(2):
                self.stage.worker.news.append((_subject(self.stage), 0))
            self.stage.worker.drain()

    @property
    def replies(self) -> list[str]:
        """What stands in threads of the bot's channel."""
        return [posted.text for posted in self.stage.sandbox.slack_workspace.messages() if posted.thread_ts]


def _buttons(message: Any) -> list[str]:
    elements = [it for block in message.blocks if block["type"] == "actions" for it in block["elements"]]
    return [it["action_id"].removeprefix("pullmedic_") for it in elements]


def test_diagnosis_and_offer_are_one_message_where_the_plan_comes_in_time(begin: Begin) -> None:
    """Nobody hears first of the failure and a moment later of the fix; the reason for the wait is named."""
    stage = begin("bot", "webhook", "signed")
    repair = Repair(stage)
    stage.worker.deliver(failed("a", 1))
    assert stage.bot == stage.webhook == []
    held = {it.destination: it.held for it in stage.worker.delivering().deliveries(stage.only.id)}
    assert held == {"slack": "until-a-fix-is-planned", "slack_bot": "until-a-fix-is-planned"}
    stage.worker.clock += timedelta(seconds=5)
    repair.becomes(FixState.WAITING)
    stage.worker.let_pass(timedelta(minutes=5))
    (message,) = stage.bot
    assert (message.edits, repair.replies) == (0, [])
    assert _buttons(message)[:3] == ["open_run", "approve", "reject"]
    (told,) = stage.webhook
    for whole in (told, json.dumps(message.blocks)):
        assert "Approve or reject the fix, by a button in Slack or on the incident's page: AcrPull on acr1" in whole


def test_a_plan_that_takes_long_is_edited_in_or_told_behind(begin: Begin) -> None:
    """After twenty seconds the diagnosis goes out by itself; the offer then notifies, since somebody has to decide."""
    stage = begin("bot", "webhook", "signed")
    repair = Repair(stage)
    stage.worker.deliver(failed("a", 1))
    stage.worker.let_pass(timedelta(seconds=19), step=timedelta(seconds=1))
    assert stage.bot == stage.webhook == []
    stage.worker.let_pass(timedelta(seconds=2), step=timedelta(seconds=1))
    assert (len(stage.bot), len(stage.webhook)) == (1, 1)
    assert "AcrPull" not in stage.webhook[0]
    repair.becomes(FixState.WAITING)
    (message,) = stage.bot
    assert message.edits == 1
    assert "approve" in _buttons(message)
    (reply,) = repair.replies
    assert reply.startswith("Fix waiting for approval: AcrPull on acr1")
    assert len(stage.webhook) == 2
    assert "First told of here at" in stage.webhook[1]


def test_each_outcome_is_told_once_and_what_lies_between_is_no_message(begin: Begin) -> None:
    """Approved, made and verified are one message; the bot's own is edited at each change, its buttons with it."""
    stage = begin("bot", "webhook", "tickets", "signed")
    repair = Repair(stage)
    stage.worker.deliver(failed("a"))
    repair.becomes(FixState.WAITING)
    repair.becomes(FixState.APPROVED, FixState.APPLIED)
    (message,) = stage.bot
    assert (message.edits, repair.replies, len(stage.webhook)) == (2, [], 1)
    assert not {"approve", "reject"} & set(_buttons(message))
    assert "approved by dana.weber (Slack)" in json.dumps(message.blocks)
    repair.becomes(FixState.VERIFIED)
    repair.becomes(FixState.VERIFIED, proven_by_run="brave_sun_1")
    stage.worker.let_pass(timedelta(minutes=3))
    (message,) = stage.bot
    assert message.edits == 4
    assert "undo" in _buttons(message)
    assert "run brave_sun_1 completed since" in json.dumps(message.blocks)
    (reply,) = repair.replies
    assert reply.startswith("Fix verified: AcrPull on acr1")
    _, verified = stage.webhook
    assert "Fix verified: AcrPull on acr1" in verified
    assert "Run the job again: the right is there." in verified
    repair.becomes(FixState.UNDOING, FixState.UNDONE)
    assert len(repair.replies) == 2
    assert len(stage.webhook) == 3
    assert "Taken back at 2026-11-23 12:20 UTC, as kim (the incident's page) asked" in stage.webhook[2]
    (issue,) = stage.issues
    assert issue["comments"] == 2


def test_a_message_about_a_fix_counts_no_runs(begin: Begin) -> None:
    """It does not say how many there are: the tenth run is told all the same."""
    stage = begin("webhook")
    repair = Repair(stage)
    repair.shown = None
    stage.worker.deliver(*(failed(f"r{number}") for number in range(10)))
    repair.becomes(FixState.REJECTED)
    stage.worker.let_pass(timedelta(minutes=2))
    assert ["(10 runs)" in text for text in stage.webhook] == [False, False, True]


def test_a_further_cause_of_a_pipeline_is_followed_up_though_its_fix_is_still_planned(begin: Begin) -> None:
    """What waits for a plan waits no longer than the pipeline's other causes."""
    stage = begin("webhook")
    _pipeline(stage, a="ada", b="bob")
    stage.worker.deliver(failed("a"))
    stage.worker.fix_of = lambda _incident: Pending()
    stage.worker.deliver(failed("b", 1), failed("pipe", 1))
    stage.worker.let_pass(timedelta(minutes=70))
    assert sum("further cause" in text for text in stage.webhook) == 1


def test_a_fix_that_fails_again_is_told_again_only_where_something_lay_between(begin: Begin) -> None:
    """An incident's second offer is news; the same state said twice in a row is none."""
    stage = begin("webhook")
    repair = Repair(stage)
    stage.worker.deliver(failed("a"))
    repair.becomes(FixState.WAITING, FixState.EXPIRED, FixState.WAITING)
    assert len(stage.webhook) == 1  # what was offered is offered still
    repair.becomes(FixState.APPROVED, FixState.STALE, FixState.WAITING, FixState.REJECTED)
    assert len(stage.webhook) == 4
    assert "Rejected by dana.weber (Slack)" in stage.webhook[3]


def test_what_becomes_of_a_fix_after_its_incident_is_told_too(begin: Begin) -> None:
    """A role can be taken back when nothing fails any more: the button stays, the outcome is told."""
    stage = begin("bot", "webhook", "signed")
    repair = Repair(stage)
    stage.worker.deliver(failed("a"))
    repair.becomes(FixState.VERIFIED)
    stage.worker.incidents.resolve(stage.only.id, "run c completed", at=stage.worker.clock)
    stage.worker.news.append((_subject(stage), 0))
    stage.worker.drain()
    (message,) = stage.bot
    assert message.text.startswith("Resolved:")
    assert _buttons(message) == ["open_run", "undo"]
    assert len(stage.webhook) == 2
    repair.becomes(FixState.UNDOING, FixState.UNDONE)
    assert len(stage.webhook) == 3
    assert "Fix taken back" in stage.webhook[2]
    assert "Nothing: run c completed" in stage.webhook[2]
    assert _buttons(stage.bot[0]) == ["open_run"]


def test_a_second_cause_of_a_pipeline_has_its_own_message_once_there_is_something_to_decide(begin: Begin) -> None:
    """In the first one's message there is no room for its buttons."""
    stage = begin("bot", "signed")
    _pipeline(stage, a="ada", b="bob")
    offers: dict[str, FixSeen] = {}
    stage.worker.fix_of = lambda incident: offers.get(incident.id)
    stage.worker.deliver(failed("a"), failed("b"))
    assert len(stage.bot) == 1
    second = next(it for it in stage.worker.incidents.all_ones() if it.run_id == "b")
    offers[second.id] = fixes.seen(FixState.WAITING)
    stage.worker.news.append((Subject("incident", second.id), 0))
    stage.worker.drain()
    assert [("approve" in _buttons(message)) for message in stage.bot] == [False, True]


def test_without_any_fix_the_messages_are_what_they_were(begin: Begin) -> None:
    """Off is off: neither a word nor a button nor a moment's wait."""
    stage = begin("bot", "webhook", "signed")
    stage.worker.deliver(failed("a"))
    (message,) = stage.bot
    assert _buttons(message) == ["open_run", "right", "wrong", "snooze"]
    assert "*Fix*" not in json.dumps(message.blocks) + stage.webhook[0]


def test_in_a_digest_a_fix_is_named_and_its_outcome_is_told_all_the_same(begin: Begin) -> None:
    """A storm folds offers together; who decided on one still hears what came of it."""
    stage = begin("webhook")
    stage.accounts = {f"r{number}": f"account{number}" for number in range(30)}
    waiting, verified = fixes.seen(FixState.WAITING), fixes.seen(FixState.VERIFIED, serial=2)
    ended: set[str] = set()
    stage.worker.fix_of = lambda incident: verified if incident.id in ended else waiting
    stage.worker.deliver(*(failed(f"r{number}") for number in range(30)))
    stage.worker.let_pass(timedelta(minutes=2), step=timedelta(seconds=5))
    assert len(stage.webhook) == 20
    folded = next(it for it in stage.worker.incidents.all_ones() if "in-digest" in _held(stage, it.id))
    ended.add(folded.id)
    stage.worker.news.append((Subject("incident", folded.id), 0))
    stage.worker.drain()
    stage.worker.let_pass(timedelta(minutes=1), step=timedelta(seconds=5))
    assert len(stage.webhook) == 21
    assert "Fix verified" in stage.webhook[20]
    stage.worker.let_pass(timedelta(minutes=12), step=timedelta(seconds=5))
    assert len(stage.webhook) == 22
    assert stage.webhook[21].count("(fix: waiting for approval)") == 9
    assert stage.webhook[21].count("(fix: verified)") == 1


def _held(stage: Stage, incident_id: str) -> list[str]:
    return [delivery.held for delivery in stage.worker.delivering().deliveries(incident_id)]


def _live(stage: Stage) -> None:
    """A fix from its offer to its verification, with the news of each step delivered twice."""
    repair = Repair(stage)
    repair.shown = None
    stage.worker.deliver(failed("a"))
    repair.becomes(FixState.WAITING, FixState.APPROVED, FixState.APPLIED, FixState.VERIFIED)
    stage.worker.let_pass(timedelta(minutes=30))


@pytest.mark.slow
def test_killed_at_any_boundary_a_fix_is_told_once(begin: Begin) -> None:
    """The bot's message shows the end of it, replies come at most once, a webhook repeats at most once and says so."""
    undisturbed = begin("bot", "webhook", "tickets")
    _live(undisturbed)
    for place in range(1, undisturbed.worker.reaper.passed + 1):
        stage = begin("bot", "webhook", "tickets", reaper=Reaper(at=place))
        _live(stage)
        assert stage.worker.deaths == 1, place
        (message,) = stage.bot
        assert "Verified: the right counts" in json.dumps(message.blocks), place
        replies = [posted.text for posted in stage.sandbox.slack_workspace.messages() if posted.thread_ts]
        assert sum(reply.startswith("Fix verified") for reply in replies) <= 1, place
        told = [text for text in stage.webhook if "Fix verified: AcrPull" in text]
        assert len(told) in (1, 2), place
        assert all("may be a repeat" in text for text in told[1:]), place
        assert len(stage.issues) == 1, place
        assert stage.worker.lost == [], place


_ACTS = st.lists(
    st.tuples(st.sampled_from([*FixState, None]), st.integers(0, 3), st.sampled_from([0, 5, 90])), max_size=25
)


@given(acts=_ACTS, edits=st.booleans())
def test_a_place_hears_of_each_change_at_most_once_and_never_of_the_same_state_twice(
    *, acts: list[tuple[FixState | None, int, int]], edits: bool
) -> None:
    """Whatever a fix goes through, and however often somebody looks: told once, and in the end what is shown is true."""
    delivery, now, serial = Delivery(destination="x"), NOW, 0
    abilities, said = Abilities(edits=edits, finds=False), []
    wanted = Wanted(count=1, open=True)
    for state, more, seconds in acts:
        now += timedelta(seconds=seconds)
        serial += state is not None
        aloud = fixes.seen(state).aloud if state is not None else wanted.fix_aloud
        named = state.value if state is not None else wanted.fix_state
        wanted = Wanted(count=wanted.count + more, open=True, fix=serial, fix_state=named, fix_aloud=aloud)
        for _ in range(3):
            todo = due(delivery, wanted, abilities, Pacing(), now)
            if not isinstance(todo, Act):
                continue
            said += [(wanted.fix, wanted.fix_state)] if todo.kind is NoticeKind.FIX and todo.aloud else []
            shown = Shown(count=wanted.count, open=True, fix=wanted.fix, fix_state=wanted.fix_state, at=now)
            delivery = delivery.sent("c:1" if edits else "", shown)
        assert not isinstance(due(delivery, wanted, abilities, Pacing(), now), Act)
        if edits and delivery.shown is not None:
            assert (delivery.shown.fix, delivery.shown.fix_state) == (wanted.fix, wanted.fix_state)
    assert len(said) == len(set(said))
    assert all(fixes.seen(FixState(name)).aloud for _, name in said)
