"""Runs the checks, all at once under one deadline; one that fails hides no other."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from diagnostics.azure.errors import from_azure_core
from responders.health import Check, Result, State
from responders.health.deployment import Deployment

__all__ = ["DEADLINE", "Examination", "Section", "examine"]

DEADLINE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Section:
    """What one check found, and when it looked."""

    check: Check
    results: tuple[Result, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Examination:
    """What every check found."""

    sections: tuple[Section, ...]

    def count(self, *states: State) -> int:
        """Return how many results are in one of these states."""
        return sum(result.state in states for result in self.results)

    @property
    def results(self) -> tuple[Result, ...]:
        """The results of all sections."""
        return tuple(result for section in self.sections for result in section.results)


def examine(deployment: Deployment, checks: Iterable[Check], *, deadline: timedelta = DEADLINE) -> Examination:
    """Let every check look, and return what they found by the deadline; an overrun is *not visible*."""
    chosen = tuple(checks)
    pool = ThreadPoolExecutor(max_workers=max(1, len(chosen)), thread_name_prefix="pullmedic-health")
    futures = {check.name: pool.submit(_look, check, deployment) for check in chosen}
    wait(futures.values(), timeout=deadline.total_seconds())
    pool.shutdown(wait=False, cancel_futures=True)
    now = deployment.now()
    return Examination(tuple(Section(check, _found(check, futures[check.name], deadline), now) for check in chosen))


def _found(check: Check, future: Future[tuple[Result, ...]], deadline: timedelta) -> tuple[Result, ...]:
    if future.done() and not future.cancelled():
        return future.result()
    return (_unseen(check, f"nothing was answered within {deadline.total_seconds():.0f} s"),)


def _unseen(check: Check, why: str) -> Result:
    return Result(what="this check", state=State.NOT_VISIBLE, details=(why,), vital=check.vital)


def _look(check: Check, deployment: Deployment) -> tuple[Result, ...]:
    try:
        return tuple(check.look(deployment))
    except Exception as error:  # noqa: BLE001 - one failing check hides no other
        return (_unseen(check, str(from_azure_core(error))),)
