"""What no event tells of: one file a kind of thing that is looked for, each with a ``KIND``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Protocol

from diagnostics.intake import FOUND_BY_SWEEP
from diagnostics.listing import Jobs, jobs_of
from diagnostics.model import FailedRun
from diagnostics.reach import Reach
from responders.entities import Records
from responders.settings_sweep import Sweep
from responders.store import Store

__all__ = ["FOUND_BY_SWEEP", "Kind", "Look", "Missed", "Over", "kinds"]


_FOUND = "-found"


@dataclass(frozen=True, slots=True)
class Over:
    """Something that was noted under ``name`` and is over.

    ``told_as`` is the run's id under which it was told of, empty where it never was; ``reason`` says why its incident
    is resolved, and is empty where it is not. Runs whose ids begin with ``family`` are over with it.
    """

    name: str
    told_as: str
    reason: str
    family: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """What one kind found in one workspace.

    ``cut`` says in words what was left for another time, or is empty. ``unheard`` tells whether several runs in a row
    came without an event, ``None`` where that cannot be told.
    """

    runs: tuple[FailedRun, ...] = ()
    over: tuple[Over, ...] = ()
    cut: str = ""
    unheard: bool | None = None


@dataclass(kw_only=True)
class Look:
    """One look at one workspace at ``now``: what every kind is handed, and shares with the others.

    Nothing from before ``since`` is told: an older failure is none that an event could still tell of.
    """

    workspace_id: str
    reach: Reach
    store: Store
    settings: Sweep
    now: datetime
    since: datetime
    _notes: Records[Note] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Open the notes that kinds keep between two looks."""
        self._notes = Records(self.store, Note, lambda: self.now)

    @cached_property
    def jobs(self) -> Jobs:
        """The workspace's jobs as far as we look back. Raises :class:`ReadFailed`."""
        return jobs_of(self.reach, self.workspace_id, self.now - self.settings.look_back)

    def run(self, run_id: str) -> FailedRun:
        """Return a run of the workspace as far as it has to be known to be asked about."""
        return FailedRun(event_id="", workspace_id=self.workspace_id, run_id=run_id, failed_at=self.now)

    def notes(self, kind: str) -> dict[str, Note]:
        """Return what a kind noted of things, by their name."""
        return dict(self._notes.each(self._partition(kind)))

    def note(self, kind: str, name: str, note: Note) -> None:
        """Keep a note of a thing until the next look."""
        self._notes.put(self._partition(kind), name, note)

    def note_first(self, kind: str, name: str, note: Note) -> bool:
        """Keep a note of a thing where there is none; tell whether this was the first."""
        return self._notes.add(self._partition(kind), name, note)

    def found_first(self, kind: str, run_id: str) -> bool:
        """Note that a run was found; tell whether it was for the first time."""
        return self.note_first(f"{kind}{_FOUND}", run_id, Note(since=self.now))

    def found_before(self, kind: str) -> frozenset[str]:
        """Return the ids of the runs that were found by earlier looks."""
        return frozenset(self.notes(f"{kind}{_FOUND}"))

    def forget(self, kind: str, name: str) -> None:
        """Drop the note of a thing."""
        self._notes.forget(self._partition(kind), name)

    def _partition(self, kind: str) -> str:
        return f"missing/{kind}/{self.workspace_id.lower()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is known of a thing between two looks: since when, how often it was looked into, and when last."""

    since: datetime
    looks: int = 0
    looked_at: datetime | None = None
    told_as: str = ""
    schema: int = 1


class Kind(Protocol):
    """Protocol: one kind of thing that no event tells of. ``title`` is what it is in words, in the plural."""

    name: str
    title: str

    def look(self, look: Look) -> Missed:
        """Return what is to be told now. Raises :class:`ReadFailed` where Azure does not say, ``StoreError``."""
        ...


def kinds() -> tuple[Kind, ...]:
    """Return every kind, in the order of their files' names."""
    from diagnostics.discovery import members  # noqa: PLC0415 - the folder's files import this module
    from responders import missing  # noqa: PLC0415

    return members(missing, "KIND")
