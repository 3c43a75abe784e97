"""``make bench``: figures as ratios within one run, each beside its aim. Nothing here is a test."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from diagnostics.classification import classify
from diagnostics.logs import RangeAnswer, read_ranged
from sandbox.delivering import deliveries_of, post
from sandbox.playing import APP, environment, fresh_host, variables
from sandbox.server import Sandbox
from sandbox.world import Scenario, load_scenario

_ROUNDS = 9
_LATENCY_MS = 100
_CHAIN = ("run details (beside the workspace)", "registry and compute", "role assignments, or the manifest", "the post")
"""The longest chain of calls that truly depend on each other in a warm worker, which knows where a region's run history
is, the built-in roles, and has a token for Azure and one for the repository."""

_NAIVE = (
    "import azure.functions, azure.eventgrid, azure.identity, azure.mgmt.containerregistry,"
    " azure.mgmt.authorization, azure.ai.ml, requests"
)
_MEASURE = (
    "import time; a = time.perf_counter(); {}; b = time.perf_counter();"
    "print(b - a, next(int(l.split()[1]) / 1024 for l in open('/proc/self/status') if l.startswith('VmHWM')))"
)
"""The kernel's own peak of this process image; ``ru_maxrss`` would still count the parent that it was forked from."""


def main() -> None:
    """Print every figure beside its aim."""
    print(f"{'figure':<74} {'measured':>16}   aim")
    for figures in (_imports(), _logs(), _event_to_message()):
        for name, measured, aim in figures:
            print(f"{name:<74} {measured:>16}   {aim}", flush=True)


def _imports() -> Iterator[tuple[str, str, str]]:
    """Compare fresh processes, in turn, so that a machine that drifts hits all alike."""
    statements = {"bare": "import azure.functions", "app": "import function_app", "naive": _NAIVE}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in statements}
    for _ in range(_ROUNDS):
        for name, statement in statements.items():
            found[name].append(_fresh(statement))
    seconds = {name: statistics.median(s for s, _ in each) for name, each in found.items()}
    memory = {name: statistics.median(m for _, m in each) for name, each in found.items()}
    for name, words in (("app", "function_app"), ("naive", "all packages at once")):
        aim = ("<= 1.30 times", "<= 15 MiB") if name == "app" else ("(for comparison)", "(for comparison)")
        yield f"import of {words} against bare azure.functions", f"{seconds[name] / seconds['bare']:.2f} times", aim[0]
        yield f"memory of {words} above bare azure.functions", f"{memory[name] - memory['bare']:+.1f} MiB", aim[1]


def _fresh(statement: str) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _MEASURE.format(statement)],
        capture_output=True,
        text=True,
        check=True,
        cwd=APP.parent,
    )
    seconds, memory = done.stdout.split()[-2:]
    return float(seconds), float(memory)


def _logs() -> Iterator[tuple[str, str, str]]:
    small, large = _log_of(10 * 1024**2), _log_of(1024**3)
    timed: dict[str, list[float]] = {"small": [], "large": []}
    for _ in range(_ROUNDS):
        timed["small"].append(_timed(lambda: classify(read_ranged("10 MiB", small))))
        timed["large"].append(_timed(lambda: classify(read_ranged("1 GiB", large))))
    ratio = statistics.median(timed["large"]) / statistics.median(timed["small"])
    yield "reading and classifying a log of 1 GiB against one of 10 MiB", f"{ratio:.2f} times", "<= 1.20 times"


def _log_of(size: int) -> Callable[..., RangeAnswer]:
    """Return a log of ``size`` bytes that is made where it is read."""
    line = b"2026-11-02T07:14:55Z INFO lifecycler: pulled layer 4f1e of contoso.azurecr.io/vision/train, going on\n"

    def fetch(*, first: int | None, last: int | None, suffix: int | None) -> RangeAnswer:
        begin = size - suffix if suffix is not None else (first or 0)
        end = size - 1 if last is None else min(last, size - 1)
        whole = line * ((end - begin + 1) // len(line) + 2)
        start = begin % len(line)
        return RangeAnswer(total=size, data=whole[start : start + end - begin + 1])

    return fetch


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _event_to_message() -> Iterator[tuple[str, str, str]]:
    name = "missing-pull-role"
    plain = load_scenario(APP.parent / "sandbox" / "scenarios" / f"{name}.yaml")
    slow = {"call": {"host": ".*", "path": ".*"}, "latency_ms": _LATENCY_MS}
    scenario = Scenario(
        id=plain.id, source=plain.source, world=plain.world, run=plain.run, event=plain.event, faults=(slow,)
    )
    with _warm(scenario) as deliver:
        figures = [deliver() for _ in range(5)]
    seconds = statistics.median(figure for figure, _ in figures)
    calls = figures[-1][1]
    chain = len(_CHAIN) * _LATENCY_MS / 1000
    yield (
        f"event to posted message, {_LATENCY_MS} ms on every call, against the longest chain ({len(_CHAIN)} calls)",
        f"{seconds / chain:.2f} times",
        "<= 1.30 times",
    )
    yield f"  the chain: {'; '.join(_CHAIN)[:60]}...", f"{chain * 1000:.0f} ms", ""
    yield "  number of calls", str(calls), ""


@contextmanager
def _warm(scenario: Scenario) -> Iterator[Callable[[], tuple[float, int]]]:
    """Yield what delivers the event to a worker that has diagnosed before; each time with an empty store."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(scenario) as sandbox,
        variables(environment(sandbox, Path(folder) / "store.sqlite")),
        fresh_host() as host,
    ):
        count = iter(range(1000))

        def deliver() -> tuple[float, int]:
            _forget(Path(folder) / f"store-{next(count)}.sqlite")
            sandbox.reset()
            started = time.perf_counter()
            post(host.webhook_url("on_run_status_changed"), next(deliveries_of(scenario)))
            host.drain()
            assert len(sandbox.messages) == 1, json.dumps([i.error for i in host.invocations])
            return time.perf_counter() - started, len(sandbox.calls)

        deliver()
        yield deliver


def _forget(path: Path) -> None:
    """Give the worker an empty store, so that the same run is diagnosed once more."""
    from responders import app  # noqa: PLC0415
    from responders.settings import SqliteStore  # noqa: PLC0415
    from responders.store import open_store  # noqa: PLC0415

    app._handler().store = open_store(SqliteStore(path))


if __name__ == "__main__":
    main()
