"""One failed run after another: told of once, and of a pipeline every cause once, whatever the order of the events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from responder_samples import NOW, WORKSPACE, evidence, excerpt, run

from diagnostics.azure.errors import NotFound, Throttled
from diagnostics.model import Evidence, FailedRun, RunDetails, Symptom
from responders.handling import Handler, Silence, TryAgain
from responders.pipelines import other_causes
from responders.settings import load_settings
from responders.store import ClaimResult, RunOutcome, RunRecord, Store, open_store
from sandbox import Sandbox, parse_scenario

PIPELINE = "quiet_pipe"
LIMIT = "toomanyrequests: You have reached your pull rate limit as '{}'"


def limited(client: str, *lines: str) -> Symptom:
    """Return Docker Hub's own words about one account: a cause, and a fix target, of its own for each."""
    return Symptom(
        id="rate-limited",
        signature="docker-hub-limit",
        emitter="Docker Hub",
        excerpt=excerpt(*lines, LIMIT.format(client), first_line=41 - len(lines)),
        line=41,
        names=("docker-hub-limit",),
        decisive=True,
        captured={"client": client},
    )


class Azure:
    """What reading a run gives, by its id: the account that its pull was counted for, or an error."""

    def __init__(self, **accounts: str | Exception | None) -> None:
        self.accounts = accounts
        self.read: list[str] = []

    def investigate(self, failed: FailedRun) -> Evidence:
        """Return the evidence about a run of the pipeline."""
        self.read.append(failed.run_id)
        account = self.accounts[failed.run_id]
        if isinstance(account, Exception):
            raise account
        return evidence(
            run=failed,
            details=RunDetails(run_id=failed.run_id, root_run_id=PIPELINE),
            symptoms=(limited(account),) if account else (),
            image=None,
        )


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Give a simulated Slack that the process points at."""
    with Sandbox(parse_scenario({"world": {"cloud": "AzureCloud"}})) as sandbox:
        for name, value in sandbox.environment.items():
            monkeypatch.setenv(name, value)
        yield sandbox


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give an empty store."""
    with closing(open_store(load_settings({"PULLMEDIC_STORE": f"sqlite:///{tmp_path}/s.sqlite"}).store)) as opened:
        yield opened


def handler(slack: Sandbox, store: Store, azure: Azure) -> Handler:
    """Return a handler with one Slack channel."""
    settings = load_settings({"PULLMEDIC_SLACK_WEBHOOK_URL": slack.slack_webhook_url})
    return Handler(settings=settings, store=store, investigate=azure.investigate, now=lambda: NOW)


def failed(name: str) -> FailedRun:
    """Return a run of the pipeline; each failed a minute after the one before, by its name."""
    return run(run_id=name, failed_at=NOW + timedelta(minutes=ord(name[0])))


def texts(slack: Sandbox) -> list[str]:
    """Return each message that was posted as text."""
    return [json.dumps(message.payload) for message in slack.messages]


# --- a pipeline's causes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations(["a", "b", PIPELINE])))
def test_two_causes_are_two_messages_whatever_the_order(slack: Sandbox, store: Store, order: tuple[str, ...]) -> None:
    """The first is told at once, the other when the pipeline's own run has ended, and neither twice."""
    told = handler(slack, store, Azure(a="ada", b="bob", **{PIPELINE: "ada"}))
    for name in order:
        told.handle(failed(name))
    assert len(slack.messages) == 2
    assert sorted(account for account in ("ada", "bob") for text in texts(slack) if account in text) == ["ada", "bob"]


@pytest.mark.parametrize("order", list(permutations(["a", "b", "c", PIPELINE])))
def test_one_cause_is_one_message_whatever_the_order(slack: Sandbox, store: Store, order: tuple[str, ...]) -> None:
    """Children of one fingerprint, and the parent, say nothing new; a child of another kind disturbs nobody."""
    told = handler(slack, store, Azure(a="ada", b="ada", c=None, **{PIPELINE: "ada"}))
    for name in order:
        told.handle(failed(name))
    assert len(slack.messages) == 1


def test_nothing_more_is_told_before_the_pipeline_has_ended(slack: Sandbox, store: Store) -> None:
    """Until then more children may fail, and one message is to hold them all."""
    told = handler(slack, store, Azure(a="ada", b="bob", c="cyd", **{PIPELINE: "ada"}))
    told.handle(failed("a"))
    assert told.handle(failed("b")) == Silence.PIPELINE_TOLD
    assert told.handle(failed("c")) == Silence.PIPELINE_TOLD
    assert len(slack.messages) == 1
    assert told.handle(failed(PIPELINE)) == "further causes of the pipeline posted"
    first, further = texts(slack)
    assert "ada" in first
    assert "The same pipeline failed for 2 further causes" in further
    assert "bob" in further
    assert "Confirmed for c: " in further
    assert "ada" not in further


def test_the_same_events_again_tell_nothing_new(slack: Sandbox, store: Store) -> None:
    """Delivery is at least once."""
    told = handler(slack, store, Azure(a="ada", b="bob", **{PIPELINE: "ada"}))
    for name in ("a", "b", PIPELINE) * 3:
        told.handle(failed(name))
    assert len(slack.messages) == 2


def test_a_further_cause_after_the_end_is_told_when_it_comes(slack: Sandbox, store: Store) -> None:
    """An event that is late is no reason to drop what it says."""
    told = handler(slack, store, Azure(a="ada", b="bob", c="cyd", **{PIPELINE: "ada"}))
    for name in (PIPELINE, "a", "c", "b"):
        told.handle(failed(name))
    assert [name for text in texts(slack) for name in ("ada", "bob", "cyd") if name in text] == ["ada", "cyd", "bob"]


def test_a_follow_up_that_slack_takes_later_is_sent_once(slack: Sandbox, store: Store) -> None:
    """The queue tries again; what was told before is not told again, and nothing is read again."""
    azure = Azure(a="ada", b="bob", **{PIPELINE: "ada"})
    told = handler(slack, store, azure)
    told.handle(failed("a"))
    told.handle(failed("b"))
    busy = parse_scenario({"world": {"cloud": "AzureCloud"}, "faults": [{"call": {"host": "hooks.slack.com"}, "status": 429, "retry_after": 9, "times": 1}]})  # fmt: skip
    with Sandbox(busy, sentinel=slack.sentinel) as throttled, pytest.MonkeyPatch.context() as patch:
        for name, value in throttled.environment.items():
            patch.setenv(name, value)
        with pytest.raises(TryAgain):
            told.handle(failed(PIPELINE))
        told.handle(failed(PIPELINE))
        assert len(throttled.messages) == 1
    assert azure.read.count(PIPELINE) == 1
    told.handle(failed(PIPELINE))
    assert len(slack.messages) == 1


def test_the_records_say_what_became_of_each_run(slack: Sandbox, store: Store) -> None:
    """Told, silent because told before, or told in the follow-up."""
    told = handler(slack, store, Azure(a="ada", b="bob", c="ada", **{PIPELINE: "ada"}))
    for name in ("a", "b", "c", PIPELINE):
        told.handle(failed(name))
    found = {record.run_id: record for record in store.list_records(WORKSPACE, PIPELINE)}
    assert {name: record.outcome for name, record in found.items()} == {
        "a": RunOutcome.POSTED,
        "b": RunOutcome.POSTED,
        "c": RunOutcome.SILENT,
        PIPELINE: RunOutcome.SILENT,
    }
    assert found["b"].reason.startswith("further causes of the pipeline")
    assert found["b"].channels == ("slack",)


def test_a_cause_that_another_worker_is_telling_is_left_to_it(slack: Sandbox, store: Store) -> None:
    """Two workers at one pipeline do not say the same."""
    told = handler(slack, store, Azure(a="ada", b="bob", **{PIPELINE: "ada"}))
    told.handle(failed("a"))
    told.handle(failed("b"))
    (other,) = [record for record in store.list_records(WORKSPACE, PIPELINE) if record.run_id == "b"]
    key = f"pipeline/{WORKSPACE.lower()}/{PIPELINE}/{other.fingerprint}"
    assert store.claim(key, "somebody", now=NOW, lease=timedelta(minutes=2)) is ClaimResult.ACQUIRED
    told.handle(failed(PIPELINE))
    assert len(slack.messages) == 1


def record(name: str, fingerprint: str, **changes: Any) -> RunRecord:
    """Return the record of one run of the pipeline."""
    values: dict[str, Any] = {
        "workspace_id": WORKSPACE,
        "run_id": name,
        "root_run_id": PIPELINE,
        "outcome": RunOutcome.SILENT,
        "status": "confirmed",
        "fingerprint": fingerprint,
        "evidence_key": "k",
        "failed_at": NOW,
        "recorded_at": NOW,
    }
    return RunRecord(**values | changes)


def test_causes_stand_by_the_time_of_failure_and_by_a_child() -> None:
    """One a cause; where parent and child have the same, the child is named."""
    later = {"failed_at": NOW + timedelta(minutes=1)}
    records = [record(PIPELINE, "1"), record("c", "2", **later), record("b", "1"), record("a", "2", **later)]
    assert [found.run_id for found in other_causes(records)] == ["b", "c"]


def test_verdicts_without_a_cause_follow_nothing() -> None:
    """Not-registry and insufficient evidence name nothing to change."""
    assert other_causes([record(PIPELINE, "1", status=""), record("a", "2", status="")]) == ()
    assert other_causes([record("a", "1"), record("b", "2")]) == ()


# --- single runs --------------------------------------------------------------------------------------------


def test_a_run_is_told_of_once(slack: Sandbox, store: Store) -> None:
    """The second delivery finds it done, and reads nothing."""
    azure = Azure(**{PIPELINE: "ada"})
    told = handler(slack, store, azure)
    assert told.handle(failed(PIPELINE)) == "docker-hub-limit posted"
    assert told.handle(failed(PIPELINE)) == Silence.HANDLED_BEFORE
    assert azure.read == [PIPELINE]
    assert len(slack.messages) == 1


def test_a_run_that_failed_on_something_else_disturbs_nobody(slack: Sandbox, store: Store) -> None:
    """By default; its record says so."""
    told = handler(slack, store, Azure(**{PIPELINE: None}))
    assert told.handle(failed(PIPELINE)) == Silence.NOT_REGISTRY
    assert slack.messages == []


def test_a_passing_reason_is_tried_again_and_a_lasting_one_is_said(slack: Sandbox, store: Store) -> None:
    """No permission and no such run end in a visible message at once."""
    told = handler(slack, store, Azure(a=Throttled("429"), b=NotFound("HTTP 404")))
    with pytest.raises(TryAgain):
        told.handle(failed("a"))
    assert slack.messages == []
    assert "HTTP 404" in told.handle(failed("b"))
    assert len(slack.messages) == 1


def test_a_run_in_other_hands_is_left_there(slack: Sandbox, store: Store) -> None:
    """The queue delivers it again."""
    store.claim(f"run/{WORKSPACE.lower()}/a", "somebody", now=NOW, lease=timedelta(minutes=2))
    with pytest.raises(TryAgain):
        handler(slack, store, Azure(a="ada")).handle(failed("a"))
