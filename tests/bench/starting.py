"""Cold start: what importing the app costs, and the first diagnosis in a fresh worker against a warm one."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sandbox.playing import APP
from tests.bench.figures import Figure, at_most
from tests.bench.storms import storm
from tests.bench.working import LATENCY_MS, Stage, Worker, slowed, stage

__all__ = ["figures"]

_ROUNDS = 9
_WORKERS = 5
_PACKAGE = APP.parent / "build" / "pullmedic"
_SITE = ".python_packages/lib/site-packages"
_FIRST_DIAGNOSIS = (
    "import responders.handling, diagnostics.investigating, responders.delivering, responders.stores.azure_tables,"
    " azure.identity, azure.mgmt.containerregistry, azure.mgmt.authorization, requests"
)
_NAIVE = (
    "import azure.functions, azure.eventgrid, azure.identity, azure.mgmt.containerregistry,"
    " azure.mgmt.authorization, azure.ai.ml, requests"
)
_MEASURE = (
    "import time; a = time.perf_counter(); {}; b = time.perf_counter();"
    "print(b - a, next(int(l.split()[1]) / 1024 for l in open('/proc/self/status') if l.startswith('VmHWM')))"
)
"""The kernel's own peak of this process image; ``ru_maxrss`` would still count the parent that it was forked from."""


def figures() -> Iterator[Figure]:
    """Yield the figures of the cold start."""
    yield from _imports()
    yield from _package()
    yield from _first_and_warm()


def _imports() -> Iterator[Figure]:
    """Compare fresh processes, in turn, so that a machine that drifts hits all alike."""
    statements = {"bare": "import azure.functions", "app": "import function_app", "naive": _NAIVE}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in statements}
    for _ in range(_ROUNDS):
        for name, statement in statements.items():
            found[name].append(_fresh(statement))
    seconds = {name: statistics.median(s for s, _ in each) for name, each in found.items()}
    memory = {name: statistics.median(m for _, m in each) for name, each in found.items()}
    yield at_most("import of function_app against bare azure.functions", seconds["app"] / seconds["bare"], 1.2)
    yield at_most("memory of function_app above bare azure.functions", memory["app"] - memory["bare"], 10, "MiB")
    naive = f"{seconds['naive'] / seconds['bare']:.2f} times, {memory['naive'] - memory['bare']:+.0f} MiB"
    yield Figure(name="for comparison: all packages imported at once", measured=naive)


def _fresh(statement: str, *options: str, before: str = "") -> tuple[float, float]:
    """Return the seconds and the peak memory, in MiB, of a statement in a process of its own; ``before`` is not timed."""
    done = subprocess.run(
        [sys.executable, *options, "-W", "ignore", "-c", before + _MEASURE.format(statement)],
        capture_output=True,
        text=True,
        check=True,
        cwd=APP.parent,
    )
    seconds, memory = done.stdout.split()[-2:]
    return float(seconds), float(memory)


def _package() -> Iterator[Figure]:
    """Compare the package as it is deployed with the same one without bytecode; nothing is written to either."""
    loads = {"import of function_app": "import function_app", "imports of a first diagnosis": _FIRST_DIAGNOSIS}
    name = "{} from the package against one without bytecode"
    if not any(_PACKAGE.glob("__pycache__/*.cpython-313.pyc")) or sys.version_info[:2] != (3, 13):
        yield Figure(name=name.format("imports"), measured="not built", aim="(make package, on Python 3.13)")
        return
    found: dict[tuple[str, Path], list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        bare = Path(scratch) / "bare"
        shutil.copytree(_PACKAGE, bare, ignore=shutil.ignore_patterns("__pycache__"))
        for what, statement in loads.items():
            for _ in range(_ROUNDS):
                for folder in (_PACKAGE, bare):
                    found.setdefault((what, folder), []).append(_alone(folder, statement))
    for what in loads:
        ratio = statistics.median(found[what, _PACKAGE]) / statistics.median(found[what, bare])
        yield at_most(name.format(what), ratio, 0.6)


def _alone(folder: Path, statement: str) -> float:
    """Return the seconds of the imports, with the package and the standard library alone on the path."""
    path = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(folder / _SITE)!r}];"
    return _fresh(statement, "-I", "-S", "-B", before=path)[0]


def _first_and_warm() -> Iterator[Figure]:
    """Each fresh worker diagnoses two runs, of a workspace that an earlier worker knew; every run is a new cause."""
    told = f"{LATENCY_MS} ms on every remote call"
    ways = {True: "warmed up while the host starts (PULLMEDIC_WARM_UP)", False: "not warmed up"}
    with stage(slowed(storm(1 + 4 * _WORKERS, causes=1 + 4 * _WORKERS, registries=1))) as it:
        events = iter(it.events)
        with it.worker() as earlier:
            earlier.ask("let_pass", minutes=-5)  # what it posted is long ago for the others
            earlier.ask("deliver", events=[next(events)])
        taken: dict[bool, list[tuple[float, float]]] = {way: [] for way in ways}
        for number in range(_WORKERS):
            for way, pairs in taken.items():
                pairs.append(_of_fresh(it, f"store-{number}-{way}", [next(events), next(events)], warmed=way))
    for way, pairs in taken.items():
        first, warm = (statistics.median(each) for each in zip(*pairs, strict=True))
        name = f"first diagnosis in a fresh worker against a warm one, {told}; {ways[way]}"
        yield at_most(name, first / warm, 1.5) if way else Figure(name=name, measured=f"{first / warm:.2f} times")


def _of_fresh(it: Stage, store: str, events: list[Mapping[str, Any]], *, warmed: bool) -> tuple[float, float]:
    """Return the seconds from the hand-over of each of two runs to its message."""
    it.copy_store("store", store)
    with it.worker(store=store) as worker:
        if warmed:
            worker.ask("warm_up")
        first, warm = (_told(it, worker, event) for event in events)
    return first, warm


def _told(it: Stage, worker: Worker, event: Mapping[str, Any]) -> float:
    before = len(it.sandbox.messages)
    seconds = worker.ask("deliver", events=[event]).seconds
    assert len(it.sandbox.messages) == before + 1
    worker.ask("let_pass", minutes=2)
    return seconds
