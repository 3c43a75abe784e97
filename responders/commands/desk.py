"""What the commands work with, all of it passed in: environment, clock, store, the person at the keyboard."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any, Protocol

from responders.commands.exits import CommandFailed, Exit
from responders.settings import FILE, Settings, SqliteStore
from responders.settings_source import open_source
from responders.silences import Silences, new_id
from responders.store import StoreError, open_store

__all__ = ["AuditView", "Desk", "IncidentsView", "StoreView", "add_settings", "ask_at_terminal", "open_view"]


class IncidentsView(Protocol):
    """Protocol: what the commands read of :class:`responders.incidents.Incidents`, and of what was delivered."""

    def get(self, incident_id: str) -> Any | None:
        """Return the incident."""

    def open_ones(self, workspace_id: str | None = None) -> Sequence[Any]:
        """Return the open incidents, newest first."""

    def all_ones(self, limit: int = ...) -> Sequence[Any]:
        """Return the newest incident of every fingerprint."""

    def occurrences(self, incident_id: str) -> Sequence[Any]:
        """Return the runs of an incident, by time of failure."""

    def feedback(self, incident_id: str) -> Any:
        """Return how many called the diagnosis right, and wrong."""

    def deliveries(self, incident_id: str) -> Sequence[Any]:
        """Return what was shown of an incident, by destination."""


class AuditView(Protocol):
    """Protocol: what the commands read of :class:`responders.fixes.audit.Audit`."""

    def plain(self) -> Iterator[dict[str, Any]]:
        """Yield every entry as it is stored."""

    def verify(self, known: Iterable[tuple[int, str]]) -> Any:
        """Check the record against itself, what was published, and numbers and hashes that are ``known``."""


class StoreView(Protocol):
    """Protocol: an open store, as the commands use it."""

    @property
    def silences(self) -> Silences:
        """The silences that people set."""

    @property
    def incidents(self) -> IncidentsView:
        """The incidents."""

    def fixing(self, settings: Settings) -> Any:
        """Return the :class:`responders.fixes.fixing.Fixing` of this store."""

    @property
    def audit(self) -> AuditView:
        """The record of what was done to repair a role."""

    def self_test(self, settings: Settings) -> Any:
        """Return the :class:`responders.drills.running.SelfTest` of this store."""

    def close(self) -> None:
        """Let go of the store."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The surroundings of a command.

    ``ask`` puts a question that is answered with yes or no, ``None`` where nobody is there to answer. ``view`` opens
    the store that the settings choose. ``make_id`` makes an id that nobody has, ``pause`` waits some seconds.
    """

    environ: Mapping[str, str]
    now: Callable[[], datetime]
    ask: Callable[[str], bool | None]
    view: Callable[[Settings, Callable[[], datetime]], StoreView]
    make_id: Callable[[], str] = new_id
    pause: Callable[[float], None] = time.sleep

    def settings(self, arguments: argparse.Namespace) -> Settings:
        """Return the settings in force, with ``--settings`` in place of the environment's file."""
        named = getattr(arguments, "settings", None)
        environ = {**self.environ, FILE.name: named} if named else self.environ
        return open_source(environ, now=self.now, quiet=True).current()

    @contextmanager
    def store(self, settings: Settings) -> Iterator[StoreView]:
        """Open the store for one command; what it cannot do ends the command with one line."""
        try:
            with closing(self.view(settings, self.now)) as opened:
                yield opened
        except StoreError as error:
            raise CommandFailed(f"the store cannot be used: {error}", Exit.STORE_UNREADABLE) from None


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Declare ``--settings``."""
    parser.add_argument(
        "--settings", metavar="FILE", help=f"a settings file, or the address of a blob; else ${FILE.name}"
    )


def ask_at_terminal(question: str) -> bool | None:
    """Ask whoever sits at the terminal; ``None`` where there is no terminal, or no answer."""
    if not sys.stdin.isatty():
        return None
    while True:
        try:
            answer = input(f"{question} [y/n] ").strip().lower()
        except EOFError:
            return None
        if answer in ("y", "yes", "n", "no"):
            return answer.startswith("y")


def open_view(settings: Settings, now: Callable[[], datetime]) -> StoreView:
    """Open the store that the settings choose. An embedded one that is not there is not made by looking into it."""
    if isinstance(settings.store, SqliteStore) and not settings.store.path.exists():
        raise CommandFailed(
            f"there is no store at {settings.store.path}: set PULLMEDIC_STORE, or AzureWebJobsStorage__accountName",
            Exit.STORE_UNREADABLE,
        )
    return _Opened(open_store(settings.store), now)


class _Opened:
    """A :class:`StoreView` on the real store."""

    def __init__(self, store: Any, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    @property
    def silences(self) -> Silences:
        return Silences(self._store, now=self._now)

    @property
    def incidents(self) -> IncidentsView:
        return _Incidents(self._store, self._now)

    def fixing(self, settings: Settings) -> Any:
        reach = import_module("responders.reaching").open_reach(settings)
        read_again = import_module("diagnostics.investigating").read_again
        incidents = import_module("responders.incidents").Incidents(self._store, now=self._now)
        return import_module("responders.fixes.opening").open_fixing(
            settings=lambda: settings,
            store=self._store,
            incidents=incidents,
            read_again=lambda evidence: read_again(evidence, reach, deadline=settings.deadline),
            now=self._now,
        )

    @property
    def audit(self) -> AuditView:
        return _Audit(self._store, self._now)

    def self_test(self, settings: Settings) -> Any:
        return import_module("responders.drills.running").SelfTest(
            settings=lambda: settings,
            store=self._store,
            reach=lambda: import_module("responders.reaching").open_reach(settings),
            build=import_module("responders.drills.build").build_id(),
            now=self._now,
        )

    def close(self) -> None:
        self._store.close()


class _Audit:
    """An :class:`AuditView` on the real store."""

    def __init__(self, store: Any, now: Callable[[], datetime]) -> None:
        self._publishing = import_module("responders.fixes.publishing")
        self._mark = import_module("responders.fixes.chain").Mark
        self._audit = import_module("responders.fixes.audit").Audit(store, now)
        self._store = store
        self._now = now

    def plain(self) -> Iterator[dict[str, Any]]:
        found: Iterator[dict[str, Any]] = self._audit.plain()
        return found

    def verify(self, known: Iterable[tuple[int, str]]) -> Any:
        given = [self._mark(number=number, hash=text, origin="--known") for number, text in known]
        published = self._publishing.published(self._store, self._now())
        return self._audit.verify([*self._publishing.marks(published), *given])


class _Incidents:
    """An :class:`IncidentsView` on the real store; imported when it is asked for, with the whole diagnosis."""

    def __init__(self, store: Any, now: Callable[[], datetime]) -> None:
        records = import_module("responders.entities").Records
        self._incidents = import_module("responders.incidents").Incidents(store, now=now)
        self._deliveries = records(store, import_module("responders.deliveries").Delivery, now)

    def get(self, incident_id: str) -> Any | None:
        return self._incidents.get(incident_id)

    def open_ones(self, workspace_id: str | None = None) -> Sequence[Any]:
        found: Sequence[Any] = self._incidents.open_ones(workspace_id)
        return found

    def all_ones(self, limit: int = 10_000) -> Sequence[Any]:
        found: Sequence[Any] = self._incidents.all_ones(limit)
        return found

    def occurrences(self, incident_id: str) -> Sequence[Any]:
        found: Sequence[Any] = self._incidents.occurrences(incident_id)
        return found

    def feedback(self, incident_id: str) -> Any:
        return self._incidents.feedback(incident_id)

    def deliveries(self, incident_id: str) -> Sequence[Any]:
        return [delivery for _, delivery in self._deliveries.each(f"deliveries/{incident_id}")]
