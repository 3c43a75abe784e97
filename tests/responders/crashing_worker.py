"""A worker with its queues and its clock, which can be killed at any boundary between two steps.

Everything that outlives a worker is real: the store, the simulated services. What dies with it is made anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from diagnostics.model import CompletedRun, Evidence, FailedRun, RunDetails
from responders.deliveries import Delivery, Wait
from responders.delivering import Delivering, Directed
from responders.directing import Directing
from responders.fixes.seen import FixSeen, Pending
from responders.handling import Handler
from responders.incidents import Incident, Incidents
from responders.places import Place
from responders.resolving import Resolver
from responders.rules import Pacing
from responders.settings import Settings
from responders.store import Store
from responders.subjects import Subject
from responders.telling import Wording
from responders.wakeups import Wakeups

_WRITES = ("claim", "complete", "release", "put_record", "put_document", "insert", "replace", "remove")
_SENDS = ("send", "edit", "find", "create", "comment", "reopen", "close")
_MOST_TRIES = 5


class Killed(BaseException):
    """The worker is gone; nothing of it runs any more."""


@dataclass
class Reaper:
    """Counts boundaries, one before and one after each step, and kills at the one that is asked for."""

    at: int = 0
    passed: int = 0

    def boundary(self) -> None:
        """Die here, if it is here."""
        self.passed += 1
        if self.passed == self.at:
            raise Killed

    def around(self, made: Any, names: tuple[str, ...]) -> Any:
        """Return ``made`` with a boundary before and after each method of ``names``."""
        return _Watched(made, names, self)


class _Watched:
    def __init__(self, made: Any, names: tuple[str, ...], reaper: Reaper) -> None:
        self._made = made
        self._names = names
        self._reaper = reaper

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._made, name)
        if name not in self._names:
            return found

        def watched(*args: Any, **kwargs: Any) -> Any:
            self._reaper.boundary()
            result = found(*args, **kwargs)
            self._reaper.boundary()
            return result

        return watched


@dataclass(frozen=True, slots=True)
class _Place:
    """A place whose conversation is watched."""

    place: Place
    reaper: Reaper

    def __getattr__(self, name: str) -> Any:
        return getattr(self.place, name)

    def open(self, delivery: Delivery, attempted_at: datetime | None) -> Any:
        """Return the conversation, watched."""
        return self.reaper.around(self.place.open(delivery, attempted_at), _SENDS)


@dataclass
class Worker:
    """Handles deliveries as the function app does: queues of failed and completed runs, a queue of news, wake-ups, each
    at least once.
    """

    store: Store
    settings: Settings
    investigate: Callable[[FailedRun], Evidence]
    clock: datetime
    details: Callable[[CompletedRun], RunDetails] = lambda run: RunDetails(run_id=run.run_id, root_run_id=run.run_id)
    pacing: Pacing = field(default_factory=Pacing)
    reaper: Reaper = field(default_factory=Reaper)
    held: Callable[[Incident, datetime], Wait | None] = lambda _incident, _at: None
    fix_of: Callable[[Incident], FixSeen | Pending | None] = lambda _incident: None
    runs: deque[tuple[FailedRun, int]] = field(default_factory=deque)
    completed: deque[tuple[CompletedRun, int]] = field(default_factory=deque)
    news: deque[tuple[Subject, int]] = field(default_factory=deque)
    lost: list[object] = field(default_factory=list)
    deaths: int = 0

    def deliver(self, *runs: FailedRun) -> None:
        """Deliver runs as Event Grid does, and work off what comes of it."""
        self.runs.extend((run, 0) for run in runs)
        self.drain()

    def complete(self, run: CompletedRun) -> None:
        """Deliver a completed run, and work off what comes of it."""
        self.completed.append((run, 0))
        self.drain()

    def drain(self) -> None:
        """Work until every queue is empty; a worker that dies is followed by another, after its leases ended."""
        while self.runs or self.completed or self.news:
            try:
                self._one()
            except Killed:
                self.deaths += 1
                self.clock += timedelta(minutes=3)

    def let_pass(self, time: timedelta, *, step: timedelta = timedelta(seconds=30)) -> None:
        """Let time pass; what asked to be woken is."""
        end = self.clock + time
        while self.clock < end:
            self.clock = min(self.clock + step, end)
            self.news.extend((subject, 0) for subject in self._wakeups().due())
            self.drain()

    @property
    def incidents(self) -> Incidents:
        """The incidents, read without any boundary."""
        return Incidents(self.store, now=lambda: self.clock, reopen_within=self.pacing.reopen_within)

    def delivering(self) -> Delivering:
        """Return what tells people, of the worker that lives now."""
        store = self._store()
        return Delivering(
            store=store,
            incidents=self._incidents(store),
            wording=Wording(document=store.get_document),
            direct=self._direct,
            wakeups=self._wakeups(),
            pacing=self.pacing,
            now=self.now,
            fix_of=self.fix_of,
        )

    def now(self) -> datetime:
        """Return the time."""
        return self.clock

    def _one(self) -> None:
        if self.news:
            self._attempt(self.news, self._tell)
        elif self.completed:
            self._attempt(self.completed, lambda run: list(self._resolver().on_completed(run).news))
        else:
            self._attempt(self.runs, lambda run: list(self._handler().handle(run).news))

    def _tell(self, subject: Subject) -> list[Subject]:
        self.delivering().bring_up_to_date(subject)
        return []

    def _attempt(self, queue: deque[Any], work: Callable[[Any], list[Subject]]) -> None:
        """Take a message; it is gone only after the work is done and what came of it is in its queue."""
        message, tries = queue[0]
        try:
            news = work(message)
            self.reaper.boundary()
            self.news.extend((subject, 0) for subject in news)
            self.reaper.boundary()
        except Exception as error:  # noqa: BLE001 - what a function raises sends its message back
            queue.popleft()
            if tries + 1 >= _MOST_TRIES:
                self.lost.append(error)
            else:
                self.clock += timedelta(seconds=30)
                queue.append((message, tries + 1))
            return
        if queue is self.news:
            queue.remove((message, tries))
        else:
            queue.popleft()

    def _handler(self) -> Handler:
        store = self._store()
        return Handler(
            settings=self.settings,
            store=store,
            incidents=self._incidents(store),
            investigate=self.investigate,
            now=self.now,
        )

    def _resolver(self) -> Resolver:
        store = self._store()
        return Resolver(
            store=store,
            incidents=self._incidents(store),
            pacing=self.pacing,
            details=self.details,
            read_again=lambda evidence: evidence,
            now=self.now,
        )

    def _incidents(self, store: Store) -> Incidents:
        def expect_news(incident_id: str) -> None:
            self._wakeups().put(Subject("incident", incident_id), self.clock + timedelta(minutes=1))

        within = self.pacing.reopen_within
        return Incidents(store, now=self.now, reopen_within=within, expect_news=expect_news)

    def _store(self) -> Store:
        watched: Store = self.reaper.around(self.store, _WRITES)
        return watched

    def _wakeups(self) -> Wakeups:
        return Wakeups(self._store(), now=self.now)

    def _direct(self, incident: Incident, at: datetime) -> Directed:
        directed = Directing(settings=lambda: replace(self.settings, pacing=self.pacing)).direct(incident, at)
        return replace(
            directed,
            places=self._watched(directed.places),
            trackers=self._watched(directed.trackers),
            fallbacks=self._watched(directed.fallbacks),
            held=self.held(incident, at),
        )

    def _watched(self, places: tuple[Place, ...]) -> tuple[Any, ...]:
        return tuple(_Place(place, self.reaper) for place in places)


def later(run: FailedRun, minutes: float, **changes: Any) -> FailedRun:
    """Return another run like ``run`` that failed some minutes after it."""
    return replace(run, failed_at=run.failed_at + timedelta(minutes=minutes), **changes)
