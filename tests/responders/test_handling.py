"""One failed run after another: read once, counted to its incident once, and its news given again where they may be lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
from crashing_worker import Killed, Reaper
from responder_samples import NOW, WORKSPACE, evidence, excerpt, run

from diagnostics.azure.errors import NotFound, Throttled
from diagnostics.model import CompletedRun, Evidence, FailedRun, ImageReference, RunDetails, Symptom
from responders.handling import Handler, Silence, TryAgain
from responders.incidents import UNDELIVERABLE, Incidents, IncidentState
from responders.resolving import Resolver
from responders.rules import Pacing
from responders.settings import load_settings
from responders.store import RunOutcome, Store, open_store
from responders.subjects import Subject

PIPELINE = "quiet_pipe"
LIMIT = "toomanyrequests: You have reached your pull rate limit as '{}'"
IMAGE = ImageReference(registry="docker.io", repository="library/python", tag="3.12")


def limited(client: str) -> Symptom:
    """Return Docker Hub's own words about one account: a cause, and a fix target, of its own for each."""
    return Symptom(
        id="rate-limited",
        signature="docker-hub-limit",
        emitter="Docker Hub",
        excerpt=excerpt(LIMIT.format(client), first_line=41),
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
            details=RunDetails(run_id=failed.run_id, root_run_id=PIPELINE, compute="cpu-4"),
            symptoms=(limited(account),) if account else (),
            image=IMAGE,
        )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give an empty store."""
    with closing(open_store(load_settings({"PULLMEDIC_STORE": f"sqlite:///{tmp_path}/s.sqlite"}).store)) as opened:
        yield opened


def handler(store: Store, azure: Azure) -> Handler:
    """Return a handler with one store."""
    incidents = Incidents(store, now=lambda: NOW)
    return Handler(
        settings=load_settings({}), store=store, incidents=incidents, investigate=azure.investigate, now=lambda: NOW
    )


def failed(name: str) -> FailedRun:
    """Return a run of the pipeline."""
    return run(run_id=name, failed_at=NOW - timedelta(minutes=5))


# --- single runs ------------------------------------------------------------------------------------------


def test_a_run_is_read_once_and_its_news_are_given_again(store: Store) -> None:
    """The second delivery finds it done and reads nothing; whoever carried the news away may have died."""
    azure = Azure(a="ada")
    handling = handler(store, azure)
    first = handling.handle(failed("a"))
    again = handling.handle(failed("a"))
    assert azure.read == ["a"]
    assert again.said == Silence.HANDLED_BEFORE
    assert again.news == first.news
    (incident,) = handling.incidents.all_ones()
    assert first.news == (Subject("incident", incident.id), Subject.pipeline(WORKSPACE, PIPELINE))


def test_the_record_says_what_became_of_a_run(store: Store) -> None:
    """It opened an incident, counted to one, or disturbs nobody and why."""
    handling = handler(store, Azure(a="ada", b="ada", c=None))
    for name in ("a", "b", "c"):
        handling.handle(failed(name))
    found = {name: store.get_record(WORKSPACE, name) for name in ("a", "b", "c")}
    assert [record and record.outcome for record in found.values()] == [
        RunOutcome.OPENED,
        RunOutcome.COUNTED,
        RunOutcome.SILENT,
    ]
    assert found["c"] is not None
    assert found["c"].reason == Silence.NOT_REGISTRY


def test_a_run_that_failed_on_something_else_opens_nothing(store: Store) -> None:
    """By default nobody is disturbed."""
    handling = handler(store, Azure(a=None))
    handling.handle(failed("a"))
    assert handling.incidents.all_ones() == ()


def test_a_passing_reason_is_tried_again_and_a_lasting_one_is_told(store: Store) -> None:
    """No permission and no such run end where a person sees it, at once; many of one kind are one thing."""
    handling = handler(store, Azure(a=Throttled("429"), b=NotFound("HTTP 404"), c=NotFound("HTTP 404")))
    with pytest.raises(TryAgain):
        handling.handle(failed("a"))
    assert handling.incidents.all_ones() == ()
    first, second = handling.handle(failed("b")), handling.handle(failed("c"))
    assert first.news == second.news
    (incident,) = handling.incidents.all_ones()
    assert (incident.verdict, len(handling.incidents.occurrences(incident.id))) == (UNDELIVERABLE, 2)
    assert "HTTP 404" in incident.headline


def test_a_run_in_other_hands_is_left_there(store: Store) -> None:
    """The queue delivers it again."""
    store.claim(f"run/{WORKSPACE.lower()}/a", "somebody", now=NOW, lease=timedelta(minutes=2))
    with pytest.raises(TryAgain):
        handler(store, Azure(a="ada")).handle(failed("a"))


def _killed(_run: FailedRun) -> Evidence:
    raise Killed


def test_with_the_longest_deadline_a_run_whose_worker_died_is_handled_by_its_last_try(store: Store) -> None:
    """The lease of a worker that died ends while the queue still tries, and no reading outlasts a function."""
    host = json.loads((Path(__file__).parents[2] / "host.json").read_text())
    queues, timeout = host["extensions"]["queues"], time.fromisoformat(host["functionTimeout"])
    wait = timedelta(seconds=time.fromisoformat(queues["visibilityTimeout"]).second)
    settings = load_settings({"PULLMEDIC_DEADLINE_SECONDS": "60"})
    assert settings.problems == ()
    assert settings.deadline < timedelta(minutes=timeout.minute)
    handling = replace(handler(store, Azure(a="ada")), settings=settings)
    with pytest.raises(Killed):
        replace(handling, investigate=_killed).handle(failed("a"))
    clock = [NOW]
    trying, handled = replace(handling, now=lambda: clock[0]), []
    for number in range(queues["maxDequeueCount"]):
        clock[0] = NOW + number * wait
        with suppress(TryAgain):
            handled.append(trying.handle(failed("a")))
    assert [subject.kind for subject in handled[0].news] == ["incident", "pipeline"]


def test_a_run_that_another_delivery_of_it_has_handled_is_not_given_up(store: Store) -> None:
    """The message that was tried in vain says the same news again, whether or not the other one came to its end."""
    azure = Azure(a="ada", b=None)
    handling = handler(store, azure)
    first = handling.handle(failed("a"))
    assert handling.give_up(failed("a")).news == first.news
    with pytest.raises(Killed):
        replace(handling, store=Reaper(at=1).around(store, ("complete",))).handle(failed("b"))
    late = replace(handling, now=lambda: NOW + timedelta(minutes=3))
    assert [subject.kind for subject in late.give_up(failed("b")).news] == ["pipeline"]
    assert UNDELIVERABLE not in {incident.verdict for incident in handling.incidents.all_ones()}


def test_a_run_that_another_worker_is_at_is_given_up_only_later(store: Store) -> None:
    """Nobody is told that there is no diagnosis while one is being made; where its worker died they are."""
    handling = handler(store, Azure(a="ada"))
    with pytest.raises(Killed):
        replace(handling, investigate=_killed).handle(failed("a"))
    with pytest.raises(TryAgain):
        handling.give_up(failed("a"))
    assert handling.incidents.all_ones() == ()
    replace(handling, now=lambda: NOW + timedelta(minutes=2)).give_up(failed("a"))
    (incident,) = handling.incidents.all_ones()
    assert incident.verdict == UNDELIVERABLE


def test_a_run_that_was_given_up_is_diagnosed_where_its_event_comes_again(store: Store) -> None:
    """Giving up holds nothing back."""
    handling = handler(store, Azure(a="ada"))
    handling.give_up(failed("a"))
    handling.handle(failed("a"))
    assert UNDELIVERABLE in {incident.verdict for incident in handling.incidents.all_ones()}
    assert len(handling.incidents.all_ones()) == 2


def test_an_incident_knows_its_runs_and_a_run_its_incidents(store: Store) -> None:
    """So that *why RUN* finds an answer."""
    handling = handler(store, Azure(a="ada", b="ada"))
    for name in ("a", "b", "a"):
        handling.handle(failed(name))
    (incident,) = handling.incidents.open_ones(WORKSPACE.upper())
    assert [occurrence.run_id for occurrence in handling.incidents.occurrences(incident.id)] == ["a", "b"]
    assert [occurrence.incident_id for occurrence in handling.incidents.of_run("b")] == [incident.id]
    assert [bool(o.reason) for o in handling.incidents.occurrences(incident.id)] == [False, True]


def test_what_people_say_of_a_diagnosis_counts_once_each(store: Store) -> None:
    """The last word of each."""
    incidents = Incidents(store, now=lambda: NOW)
    for who, right in (("ada", True), ("bob", True), ("ada", False)):
        incidents.record_feedback("f-1", who, right=right)
    said = incidents.feedback("f-1")
    assert (said.right, said.wrong) == (1, 1)


# --- what is over -----------------------------------------------------------------------------------------


def resolver(handling: Handler, run: RunDetails, **changes: Any) -> Resolver:
    """Return a resolver for which every completed run is ``details``."""
    values: dict[str, Any] = {
        "store": handling.store,
        "incidents": handling.incidents,
        "pacing": Pacing(),
        "details": lambda _run: run,
        "read_again": lambda stored: stored,
        "now": lambda: NOW,
    }
    return Resolver(**values | changes)


def completed(**changes: Any) -> RunDetails:
    """Return what run history says of a run that completed after the failure, on the same image and compute."""
    values: dict[str, Any] = {
        "run_id": "z",
        "root_run_id": "z",
        "compute": "CPU-4",
        "image": "python:3.12",
        "started_at": NOW - timedelta(minutes=2),
    }
    return RunDetails(**values | changes)


COMPLETED = CompletedRun(workspace_id=WORKSPACE, run_id="z", completed_at=NOW)


def test_a_later_run_on_the_same_image_and_compute_resolves(store: Store) -> None:
    """However the reference is written; the reason names the run."""
    handling = handler(store, Azure(a="ada"))
    handling.handle(failed("a"))
    handled = resolver(handling, completed()).on_completed(COMPLETED)
    (incident,) = handling.incidents.all_ones()
    assert handled.news == (Subject("incident", incident.id),)
    assert incident.state is IncidentState.RESOLVED
    assert "run z" in incident.resolution
    assert handling.incidents.open_ones(WORKSPACE) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"image": "python:3.13"},
        {"image": None},
        {"compute": "gpu-1"},
        {"started_at": NOW - timedelta(minutes=9)},
        {"started_at": None},
    ],
)
def test_a_run_that_proves_nothing_resolves_nothing(store: Store, changes: dict[str, Any]) -> None:
    """Another image or compute, or one that was under way when the other failed."""
    handling = handler(store, Azure(a="ada"))
    handling.handle(failed("a"))
    assert resolver(handling, completed(**changes)).on_completed(COMPLETED).news == ()
    assert [incident.state for incident in handling.incidents.all_ones()] == [IncidentState.OPEN]


def test_where_nothing_is_open_a_completed_run_costs_no_read(store: Store) -> None:
    """Most runs complete in workspaces where nothing is wrong."""
    handling = handler(store, Azure())

    def never(_run: CompletedRun) -> RunDetails:
        raise AssertionError

    resolver(handling, completed(), details=never).on_completed(COMPLETED)


def test_facts_that_no_longer_hold_resolve_and_those_that_do_are_looked_at_more_rarely(store: Store) -> None:
    """The same evidence with its facts read anew decides; nothing resolves on what nobody could see."""
    handling = handler(store, Azure(a="ada"))
    handling.handle(failed("a"))
    reads = []

    def still_so(stored: Evidence) -> Evidence:
        reads.append(stored.run.run_id)
        return stored

    clock = [NOW]
    checking = resolver(handling, completed(), read_again=still_so, now=lambda: clock[0])
    for minutes in range(0, 120, 5):
        clock[0] = NOW + timedelta(minutes=minutes)
        handling.incidents._now = checking.now
        assert checking.sweep() == ()
    assert len(reads) == 3  # after 10, 20 and 40 minutes more


def test_what_nobody_saw_for_a_month_is_over(store: Store) -> None:
    """It says that nothing else is known."""
    handling = handler(store, Azure(a="ada"))
    handling.handle(failed("a"))
    (subject,) = resolver(handling, completed(), now=lambda: NOW + timedelta(days=31)).sweep()
    incident = handling.incidents.get(subject.id)
    assert incident is not None
    assert "30 days" in incident.resolution
