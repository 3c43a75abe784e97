"""From event to message: against the longest chain of calls, against one call after the other, and in processor time."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from sandbox.world import Scenario
from tests.bench.figures import Figure, at_most
from tests.bench.storms import storm
from tests.bench.working import LATENCY_MS, Done, Stage, Worker, slowed, stage

__all__ = ["CHAINS", "figures"]

_ROUNDS = 7

_AT_FIRST = ("run details (the workspace beside them)", "the registry (compute, connections, log files beside it)")
CHAINS = {
    "role": (*_AT_FIRST, "role assignments (manifest, tags and all further facts beside them)", "the post"),
    "tag": (*_AT_FIRST, "the tag (manifests, tags, roles and all further facts beside it)", "the post"),
}
"""The longest chain of calls that truly depend on each other in a warm worker, by what is missing: the worker knows
where a region's run history is and holds a token for Azure and one for the repository."""


def figures() -> Iterator[Figure]:
    """Yield the figures of latency."""
    told = f"event to posted message, {LATENCY_MS} ms on every call"
    for missing, chain in CHAINS.items():
        warm, calls = _warm(slowed(_stories(missing)))
        seconds = statistics.median(it.seconds for it in warm)
        longest = len(chain) * LATENCY_MS / 1000
        name = f"{told}, {missing} missing: against the longest chain ({len(chain)} of {calls} calls)"
        yield at_most(name, seconds / longest, 1.2)
        in_turn, _ = _warm(slowed(_stories(missing)), one_at_a_time=True)
        ratio = seconds / statistics.median(it.seconds for it in in_turn)
        yield at_most(f"{told}, {missing} missing: against the same diagnosis call after call", ratio, 1 / 3)
    quick, _ = _warm(_stories("role"))
    processor = statistics.median(it.processor for it in quick)
    yield Figure(name="processor time of a diagnosis with its message", measured=f"{processor * 1000:.0f} ms")
    for share, item in _profile():
        yield Figure(name=f"  of it {item}", measured=f"{share:.0%}")


def _stories(missing: str) -> Scenario:
    """Return runs of so many causes that each diagnosis here is one of a cause that is not known yet."""
    return storm(2 + _ROUNDS, causes=2 + _ROUNDS, registries=1, missing=[missing])


def _warm(scenario: Scenario, *, one_at_a_time: bool = False) -> tuple[list[Done], int]:
    """Return what each diagnosis took in a worker that made two before, and the number of calls of the last."""
    with stage(scenario) as it, it.worker() as worker:
        if one_at_a_time:
            worker.ask("one_at_a_time")
        done = [_told(it, worker, number) for number in range(2 + _ROUNDS)]
        return [each for each, _ in done[2:]], done[-1][1]


def _told(it: Stage, worker: Worker, number: int) -> tuple[Done, int]:
    """Return what the diagnosis of one run took, and how many calls it made."""
    it.sandbox.reset()
    done = worker.ask("deliver", events=[it.events[number]])
    calls = len(it.sandbox.calls)
    assert len(it.sandbox.messages) == 1
    worker.ask("let_pass", minutes=2)
    return done, calls


def _profile() -> list[tuple[float, str]]:
    """Return the shares of processor time by library, largest first."""
    with stage(_stories("role")) as it, it.worker() as worker:
        for number in range(2):
            _told(it, worker, number)
        worker.ask("profile")
        for number in range(2, 2 + _ROUNDS):
            _told(it, worker, number)
        said = worker.ask("profiled").said
    assert said is not None
    whole = sum(said.values())
    ranked = sorted(((spent / whole, item) for item, spent in said.items()), reverse=True)
    return ranked[:6]
