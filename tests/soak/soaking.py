"""One worker process under mixed traffic and changing faults, sampled all the while."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from pathlib import Path

from responders.incidents import Incidents
from sandbox.delivering import workspace_id
from sandbox.slack_person import Person, send
from sandbox.world import Scenario
from tests.kills.clock import Clock
from tests.kills.fleet import Fleet, fleet, store_of
from tests.kills.host import queues_of
from tests.soak.sampling import SERIES, Sample, Verdict, sample, verdict
from tests.soak.traffic import Step, faults, steps, world

__all__ = ["Soaked", "soak"]

_PACE = 10
_A_SECOND = 2
_SAMPLE_S = 5
_FAULT_S = 20
"""One party fails for so long, then all are well for as long."""

_RUSH = 0.05
"""The share of all that is sent which comes at once, at the beginning: connections that are kept reach their number
there, and not in an hour's rare coincidences, which would look like a leak."""

_PATIENCE = timedelta(minutes=20)
_RIGHT = "pullmedic_right"
_QUEUES = ("failed-runs", "completed-runs", "interactions")


@dataclass(slots=True)
class Soaked:
    """What was seen: samples, what was sent, under which faults, and what is ``wrong`` in the end."""

    samples: list[Sample] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    incidents: int = 0
    messages: int = 0

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Whether each series is flat."""
        return tuple(verdict(self.samples, series) for series in SERIES)


def soak(seconds: float, *, seed: int, storage: str, folder: Path, a_second: float = _A_SECOND) -> Soaked:
    """Send mixed traffic for so long, let it be worked off, and look at what is there."""
    clock, dice = Clock.starting(_PACE), random.Random(seed)  # noqa: S311 - traffic, no secrets
    at = (clock.now() - timedelta(minutes=1)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    scenario = world(max(20, int(seconds * a_second * (1 + _RUSH))), at)
    found = Soaked()
    with fleet(scenario, clock, storage, folder, workers=1, channels=("slack_bot", "github", "teams")) as it:
        stop = threading.Event()
        sampling = threading.Thread(target=_sample, args=(it, found, stop))
        sampling.start()
        try:
            ended = _send(it, scenario, dice, found, seconds, a_second)
        finally:
            stop.set()
            sampling.join()
        it.sandbox.fails(*scenario.faults)
        _let_pass(it)
        found.wrong += _wrong(it, scenario, ended, found)
    return found


def _sample(it: Fleet, found: Soaked, stop: threading.Event) -> None:
    began, pid = time.monotonic(), it.workers[0].pid
    while not stop.wait(_SAMPLE_S):
        found.samples.append(sample(pid, time.monotonic() - began))


def _send(
    it: Fleet, scenario: Scenario, dice: random.Random, found: Soaked, seconds: float, a_second: float
) -> set[str]:
    """Send until the time is over, at most so many ``a_second``; return the runs that were told of."""
    began, pause, told = time.monotonic(), threading.Event(), set[str]()
    person, turn, rush = Person(it.sandbox.slack_workspace), -1, int(seconds * a_second * _RUSH)
    ways = faults(dice)
    for number, step in enumerate(steps(scenario, dice)):
        passed = time.monotonic() - began
        if passed > seconds:
            break
        if int(passed / _FAULT_S) > turn:
            turn = int(passed / _FAULT_S)
            if turn % 2:
                name, way = next(ways)
                found.faults[name] += 1
                it.sandbox.fails(way, *scenario.faults)
            else:
                it.sandbox.fails(*scenario.faults)
                it.sandbox.reset()
        if step.event is not None:
            found.sent["events" if step.run not in told else "repeats"] += 1
            while not it.deliver(step.event, 0):
                it.watch()
                pause.wait(0.2)
            told.add(step.run)
        else:
            _ask(it, person, step, dice, found)
        pause.wait(max(0.0, began + (number - rush) / a_second - time.monotonic()))
    return told


def _ask(it: Fleet, person: Person, step: Step, dice: random.Random, found: Soaked) -> None:
    url = it.workers[0].slack
    shown = [one for one in it.sandbox.slack_workspace.messages() if _RIGHT in str(one.blocks)]
    if step.button and not shown:
        return
    request = person.presses(dice.choice(shown), _RIGHT) if step.button else person.types(step.command)
    status, _ = send(url, request)
    found.sent["buttons" if step.button else "commands"] += 1
    if status != 200:
        found.wrong.append(f"Slack got {status} for {step.command or 'a button'}")


def _let_pass(it: Fleet) -> None:
    """Wait while what waits in the queues grows less, however long that is: a slow machine loses nothing by it."""
    least, until, pause = None, it.clock.now() + _PATIENCE, threading.Event()
    while left := sum(number for name, number in queues_of(it.storage).items() if name in _QUEUES):
        it.watch()
        if least is None or left < least:
            least, until = left, it.clock.now() + _PATIENCE
        if it.clock.now() >= until:
            break
        pause.wait(1)
    pause.wait(it.clock.lasts(timedelta(minutes=1)))


def _wrong(it: Fleet, scenario: Scenario, told: set[str], found: Soaked) -> Iterator[str]:
    """Yield what was lost or came twice, and what should never be seen."""
    store = store_of(it.storage)
    incidents = Incidents(store, now=it.clock.now)
    every = incidents.all_ones()
    counted = {run.run_id for one in every for run in incidents.occurrences(one.id)}
    failed = [run for run, _ in scenario.runs() if run["id"] in told and run["status"] == "Failed"]
    lost = [
        run["id"]
        for run in failed
        if run["id"] not in counted and store.get_record(workspace_id(scenario, run), run["id"]) is None
    ]
    store.close()
    if lost:
        yield f"{len(lost)} of {len(failed)} failed runs are lost: {', '.join(lost[:20])}"
    posts = [one for one in it.sandbox.slack_workspace.messages() if not one.thread_ts]
    keys = Counter(str((one.metadata or {}).get("event_payload", {}).get("key")) for one in posts)
    found.incidents, found.messages = len(every), len(posts)
    yield from (f"{number} messages {key}" for key, number in keys.items() if number > 1)
    yield from (f"{queue}: {n} are left" for queue, n in queues_of(it.storage).items() if n and queue in _QUEUES)
    if it.sandbox.sentinel in it.log:
        yield "a secret stands in the log"
    if it.sandbox.violations:
        yield "a call that no careful client makes"
