"""Under load: ten thousand failed runs, several workers on one store, and how cost grows."""

from __future__ import annotations

import math
import os
import re
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from diagnostics.classification import classify
from diagnostics.fact_cache import LIFETIME
from diagnostics.logs import read_ranged
from sandbox.world import Scenario
from tests.bench.figures import Figure, at_most
from tests.bench.reading import log_of
from tests.bench.storms import storm
from tests.bench.working import Stage, Worker, stage
from tests.responders.azurite_server import find_azurite, running_azurite

__all__ = ["growth", "scale", "workers"]

_NO_DIGEST = "[incidents]\ndigest_above = 1000\n"
_BATCH = 250
_SAMPLES = 45
_READ_OF_REGISTRY = re.compile(r"/registries/(\w+)$")
_MOST_MINUTES = 400


def scale(runs: int = 10_000, causes: int = 100, registries: int = 20) -> Iterator[Figure]:
    """Deliver so many runs as fast as one worker takes them, and let time pass until everybody was told."""
    with _load(storm(runs, causes=causes, registries=registries, workspaces=5)) as it, it.worker() as worker:
        began = time.monotonic()
        memory = [
            worker.ask("deliver", events=batch).mebibytes for batch in _batches(it.events, max(1, runs // _SAMPLES))
        ]
        seconds = time.monotonic() - began
        reads = _reads_of_registries(it)
        _tell_all(it, worker, causes)
        said = worker.ask("incidents").said
        posts = _posts(it)
    assert said is not None
    name = f"{runs:,} failed runs of {causes} causes over {registries} registries"
    yield Figure(name=f"{name}: throughput of one worker", measured=f"{runs / seconds:.0f} a second")
    yield Figure(
        name=f"{name}: runs counted to an incident",
        measured=f"{said['runs']:,}",
        aim=f"{runs:,}",
        met=said["runs"] == runs,
    )
    yield Figure(name=f"{name}: messages", measured=str(posts), aim=str(causes), met=posts == causes)
    third = len(memory) // 3
    growth = statistics.median(memory[-third:]) / statistics.median(memory[third : 2 * third])
    yield at_most(
        f"{name}: memory in the last third against the second ({memory[-1]:.0f} MiB at the end)", growth, 1.05
    )
    each = max(reads.values()) / causes / math.ceil(seconds / LIFETIME.total_seconds())
    lifetime = f"{LIFETIME.total_seconds():.0f} s"
    yield at_most(f"{name}: reads of the registry most read, for each cause in {lifetime}", each, 1, "reads")


def workers(runs: int = 600, causes: int = 60, numbers: Sequence[int] = (1, 2, 4)) -> Iterator[Figure]:
    """Let 1, 2 and 4 worker processes share one store, Azurite's tables and blobs, and the work."""
    program = find_azurite(os.environ)
    if program is None:
        yield Figure(name="workers on one store", measured="Azurite is not here")
        return
    alone = 0.0
    for number in numbers:
        with ExitStack() as stack:
            it = stack.enter_context(_load(storm(runs, causes=causes, registries=12)))
            store = stack.enter_context(running_azurite(program, it.folder))
            started = [stack.enter_context(it.worker(storage=store)) for _ in range(number)]
            pool = stack.enter_context(ThreadPoolExecutor(number))
            shares = [it.events[index::number] for index in range(number)]
            began = time.monotonic()
            list(pool.map(lambda pair: pair[0].ask("deliver", events=list(pair[1])), zip(started, shares, strict=True)))
            seconds = time.monotonic() - began
            _tell_all(it, started[0], causes)
            said = started[0].ask("incidents").said
            posts = _posts(it)
        assert said is not None
        alone = alone or runs / seconds
        exact = said["runs"] == runs and posts == causes
        yield Figure(
            name=f"{number} workers on one store, {runs} runs of {causes} causes: throughput against one worker's; "
            f"{said['runs']} runs counted, {posts} messages",
            measured=f"{runs / seconds / alone:.2f} times",
            aim=f"{runs} and {causes}, exactly",
            met=exact,
        )


def growth() -> Iterator[Figure]:
    """Measure what a run costs in processor time while one size grows and all others stay."""
    yield from _grown("runs", {n: storm(n, causes=2, registries=2) for n in (100, 400, 1600)})
    yield from _grown("causes", {n: storm(480, causes=n, registries=4) for n in (15, 60, 240)})
    yield from _grown("workspaces", {n: storm(480, causes=48, registries=4, workspaces=n) for n in (1, 4, 16)})
    sizes = {mebibytes: log_of(mebibytes * 1024**2) for mebibytes in (1, 10, 100, 1024)}
    taken = {}
    for mebibytes, fetch in sizes.items():
        rounds = []
        for _ in range(5):
            began = time.process_time()
            classify(read_ranged("log", fetch))
            rounds.append(time.process_time() - began)
        taken[mebibytes] = statistics.median(rounds)
    yield from _series("MiB of log", taken)


def _grown(what: str, scenarios: Mapping[int, Scenario]) -> Iterator[Figure]:
    taken = {}
    for size, scenario in scenarios.items():
        with _load(scenario) as it, it.worker() as worker:
            worker.ask("deliver", events=list(it.events[:1]))
            done = [worker.ask("deliver", events=batch) for batch in _batches(it.events[1:], _BATCH)]
            taken[size] = sum(each.processor for each in done)
    yield from _series(what, taken)


def _series(what: str, taken: Mapping[int, float]) -> Iterator[Figure]:
    """State each size's cost with a bar; growth is no worse than linear if the exponent is at most about one."""
    longest = max(taken.values())
    for size, seconds in taken.items():
        bar = "\u2588" * max(1, round(30 * seconds / longest))
        yield Figure(name=f"processor time for {size:,} {what}: {bar}", measured=f"{seconds:.2f} s")
    sizes, costs = list(taken), list(taken.values())
    exponent = math.log(costs[-1] / costs[0]) / math.log(sizes[-1] / sizes[0])
    yield at_most(f"growth with {what}: exponent (1 is linear, 0 constant)", exponent, 1.05, "")


def _load(scenario: Scenario) -> Any:
    return stage(scenario, channel="slack_bot", settings=_NO_DIGEST)


def _batches(events: Sequence[Mapping[str, Any]], size: int) -> Iterator[list[Mapping[str, Any]]]:
    for first in range(0, len(events), size):
        yield list(events[first : first + size])


def _tell_all(it: Stage, worker: Worker, causes: int) -> None:
    """Let time pass until each cause was told of: a channel takes about one message a second."""
    for _ in range(_MOST_MINUTES):
        if _posts(it) >= causes:
            break
        worker.ask("let_pass", minutes=1)
    worker.ask("let_pass", minutes=2)


def _posts(it: Stage) -> int:
    return sum(call.path.endswith("/chat.postMessage") for call in it.sandbox.calls)


def _reads_of_registries(it: Stage) -> Counter[str]:
    """Count the reads of each registry's own resource."""
    found = (_READ_OF_REGISTRY.search(call.path.partition("?")[0]) for call in it.sandbox.calls)
    return Counter(match[1] for match in found if match)
