"""A run of many events whose workers are killed at random moments, and what is there in the end."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from responders.deliveries import Delivery
from responders.entities import Records
from responders.incidents import UNDELIVERABLE, Incident, Incidents
from responders.store import Store
from sandbox.delivering import deliveries_of
from sandbox.world import Scenario
from tests.bench.storms import storm
from tests.kills.clock import Clock
from tests.kills.fleet import Fleet, fleet, store_of
from tests.kills.host import queues_of

__all__ = ["Tally", "kill_while_working"]

_PACE = 10
_SENDERS = 3
_CALLS = (60, 600)
"""After how many further calls of the workers one of them dies, at least and at most."""

_MOMENT_S = 0.3
_POLL_S = 0.05
_PATIENCE = timedelta(hours=2)
_PLACES = ("slack_bot", "github")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was counted in the end; ``wrong`` says what is not as it must be."""

    runs: int
    causes: int
    killed: int
    redelivered: int
    counted: int
    incidents: int
    messages: int
    tickets: int
    undiagnosed: int
    alerts: int
    seconds: float
    wrong: tuple[str, ...]


def kill_while_working(
    runs: int,
    causes: int,
    *,
    seed: int,
    storage: str,
    folder: Path,
    workers: int = 2,
    calls: tuple[int, int] = _CALLS,
) -> Tally:
    """Deliver ``runs`` failed runs of ``causes`` causes while workers die, by ``seed``; let time pass, and count.

    One of them dies after each so many ``calls`` to the simulated Azure, at least and at most, until every run was taken
    from its queue: by calls rather than by seconds, since machines differ in speed.
    """
    began = time.monotonic()
    clock = Clock.starting(_PACE)
    scenario = _at(storm(runs, causes=causes, registries=min(causes, 8)), clock.now())
    with fleet(scenario, clock, storage, folder, workers=workers, channels=_PLACES) as it:
        redelivered = _deliver_and_kill(it, scenario, random.Random(seed), calls)  # noqa: S311 - moments, no secrets
        _let_pass(it, storage)
        return _counted(it, scenario, causes, redelivered, began)


def _at(scenario: Scenario, failed_at: datetime) -> Scenario:
    moment = (failed_at - timedelta(minutes=1)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return replace(scenario, world={**scenario.world, "failed_at": moment})


def _deliver_and_kill(it: Fleet, scenario: Scenario, dice: random.Random, calls: tuple[int, int]) -> int:
    """Return how many deliveries were not acknowledged, and so came again."""
    events = [delivery.body[0] for delivery in deliveries_of(scenario)]
    again = Counter[str]()
    pause = threading.Event()

    def send(numbered: tuple[int, Mapping[str, Any]]) -> None:
        number, event = numbered
        while not it.deliver(event, number + again[event["id"]]) and not pause.is_set():
            again[event["id"]] += 1
            pause.wait(_POLL_S)

    with ThreadPoolExecutor(_SENDERS) as senders:
        sending = [senders.submit(send, numbered) for numbered in enumerate(events)]
        due = _calls(it) + dice.randint(*calls)
        try:
            while not all(sent.done() for sent in sending) or queues_of(it.storage)["failed-runs"]:
                it.watch()
                if _calls(it) >= due:
                    pause.wait(dice.uniform(0, _MOMENT_S))
                    it.kill(dice.randrange(len(it.workers)))
                    due = _calls(it) + dice.randint(*calls)
                pause.wait(_POLL_S)
        except BaseException:
            pause.set()  # nobody may be left to take what is sent
            raise
        for sent in sending:
            sent.result()
    return again.total()


def _calls(it: Fleet) -> int:
    return len(it.sandbox._recorder._entries)


def _let_pass(it: Fleet, storage: str) -> None:
    """Wait until the queues are empty and everybody was told, for as long as that may take."""
    until, store, pause = it.clock.now() + _PATIENCE, store_of(storage), threading.Event()
    while it.clock.now() < until and (any(queues_of(storage).values()) or any(_untold(it, store))):
        it.watch()
        pause.wait(1)
    store.close()


def _untold(it: Fleet, store: Store) -> Iterator[str]:
    """Yield what a message or a ticket does not say yet."""
    incidents = Incidents(store, now=it.clock.now)
    for incident in incidents.all_ones():
        shown = dict(Records(store, Delivery, it.clock.now).each(f"deliveries/{incident.id}"))
        number = len(incidents.occurrences(incident.id))
        message = next((one for name, one in shown.items() if "slack" in name), None)
        if message is None or message.shown is None or message.shown.count != number:
            yield f"{incident.id}: its message does not say {number} runs"
        if incident.verdict != UNDELIVERABLE and not any("github" in name and one.shown for name, one in shown.items()):
            yield f"{incident.id}: no ticket"


def _counted(it: Fleet, scenario: Scenario, causes: int, redelivered: int, began: float) -> Tally:
    store = store_of(it.storage)
    incidents = Incidents(store, now=it.clock.now)
    every = incidents.all_ones()
    held = {one.id: [run.run_id for run in incidents.occurrences(one.id)] for one in every}
    undiagnosed = [run for one in every if one.verdict == UNDELIVERABLE for run in held[one.id]]
    posts = [it for it in it.sandbox.slack_workspace.messages() if not it.thread_ts]
    tickets = _tickets(it)
    runs = [str(run["id"]) for run, _ in scenario.runs()]
    wrong = (
        *_wrong_counts(runs, causes, every, held),
        *_twice("message", (str((post.metadata or {}).get("event_payload", {}).get("key")) for post in posts)),
        *_twice("ticket", tickets),
        *_untold(it, store),
        *(f"{queue}: {number} are left" for queue, number in queues_of(it.storage).items() if number),
        *(["a call that no careful client makes"] if it.sandbox.violations else []),
    )
    store.close()
    return Tally(
        runs=len(runs),
        causes=causes,
        killed=it.killed,
        redelivered=redelivered,
        counted=len({run for one in every if one.verdict != UNDELIVERABLE for run in held[one.id]}),
        incidents=sum(one.verdict != UNDELIVERABLE for one in every),
        messages=len(posts),
        tickets=len(tickets),
        undiagnosed=len(undiagnosed),
        alerts=it.log.count("ALERT"),
        seconds=time.monotonic() - began,
        wrong=wrong,
    )


def _wrong_counts(
    runs: Sequence[str], causes: int, every: Sequence[Incident], held: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """Yield what is lost, counted twice or counted to another cause than its own, and to what."""
    times = Counter(run for one in every for run in held[one.id])
    told = {run for one in every if one.verdict == UNDELIVERABLE for run in held[one.id]}
    yield from (f"{run} is lost" for run in runs if not times[run])
    yield from (f"{run} is counted {number} times" for run, number in times.items() if number > 1)
    wanted: dict[int, set[str]] = defaultdict(set)
    for number, run in enumerate(runs):
        wanted[number % causes].add(run)
    groups = [set(held[one.id]) - told for one in every if one.verdict != UNDELIVERABLE]
    groups += [set()] * (causes - len(groups))
    for group in (group for group in wanted.values() if group - told not in groups):
        found = (f"{one.verdict} {one.status}: {len(group & set(held[one.id]))}" for one in every)
        yield f"{len(group)} runs of one cause are not one incident, but {', '.join(found)}"


def _tickets(it: Fleet) -> list[str]:
    """Return the key of each ticket that stands in the tracker."""
    service = next(one for one in it.sandbox._services if one.knows("api.github.com"))
    issues: list[dict[str, Any]] = getattr(service, "_issues")  # noqa: B009 - a service shows nobody its insides
    return [str(one["labels"][0]["name"]) for one in issues]


def _twice(what: str, keys: Iterator[str] | Sequence[str]) -> Iterator[str]:
    yield from (f"{number} of the {what} {key}" for key, number in Counter(keys).items() if number > 1)
