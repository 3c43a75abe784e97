"""The trackers, one file each, found by scanning this folder: a module with a ``TRACKER`` is a tracker.

A tracker knows its service's requests and limits, builds payloads purely, and owns no HTTP:
:func:`responders.sending.call` speaks for all of them. What to do with a ticket is decided in one place for all
(:mod:`responders.ticketing`), never by a tracker.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import Protocol

from responders.channels import Options
from responders.declarations import Field, Setting
from responders.notices import Notice

__all__ = ["Ticket", "TicketQueue", "TicketState", "Tracker", "TrackerDestination", "discover"]


class TicketState(StrEnum):
    """The state of a ticket, as far as it decides what happens next."""

    OPEN = "open"
    CLOSED = "closed"
    DECLINED = "declined"
    """People closed it as *won't fix* or the like: it is never opened again by us, nor is another one opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket at the tracker: ``ref`` names it to :class:`TicketQueue`, ``title`` to people (``#12``, ``OPS-7``).

    ``tells`` names the event that its first text tells (:func:`responders.tickets._content.event_of`), empty where
    that cannot be read any more. ``reopenable`` is false where the product lets nobody open it again. Times are UTC.
    """

    ref: str
    title: str
    state: TicketState
    url: str = ""
    created_at: datetime | None = None
    closed_at: datetime | None = None
    tells: str = ""
    reopenable: bool = True


class TicketQueue(Protocol):
    """Protocol: one project or table of a tracker. Made anew for each use.

    ``key`` is a notice's key: it stands inside the ticket, so that the ticket is found again though our store is lost.
    Every method makes at most a few calls, never sleeps, and raises a :class:`responders.sending.SendError`. Each
    writing method may be repeated with the same notice: what stands there already is not written twice.
    """

    lag: timedelta
    """How long :meth:`find` may miss a ticket after the request that created it was sent."""

    def find(self, key: str, *, ref: str = "", now: datetime) -> Ticket | None:
        """Return the ticket that carries ``key``: an open one (the oldest) if there is one, else the one changed last.

        ``ref`` is the ticket as the caller remembers it: it is read by itself, since a search may lag behind.
        """

    def create(self, notice: Notice, *, previous: Ticket | None = None, now: datetime) -> Ticket:
        """Open a ticket that carries ``notice.key`` and points to ``previous``, where there is one."""

    def comment(self, ticket: Ticket, notice: Notice, *, now: datetime) -> bool:
        """Add a short comment with the notice's headline and state; ``False`` where the ticket tells it already."""

    def reopen(self, ticket: Ticket, notice: Notice, *, now: datetime) -> None:
        """Open a closed ticket again, with a comment that says why."""

    def close(self, ticket: Ticket, notice: Notice, *, now: datetime) -> None:
        """Close the ticket, with a comment that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracker:
    """What one ticket system needs to be known for; ``fields``, ``problems`` and ``connect`` as for a channel.

    ``check`` as for a channel; without one a ticket is looked for that nobody ever opened.
    """

    name: str
    title: str
    fields: tuple[Field, ...]
    problems: Callable[[Options], Mapping[str, str]]
    connect: Callable[[Options], TicketQueue]
    check: Callable[[Options, datetime], str] | None = None

    def settings(self) -> tuple[Setting, ...]:
        """The environment variables that set up the tracker of this name."""
        return tuple(
            Setting(
                name=f"PULLMEDIC_{self.name.upper()}_{one.name.upper()}",
                purpose=one.purpose,
                default=one.default,
                secret=one.secret,
            )
            for one in self.fields
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerDestination:
    """A named place to open tickets in. ``close_on_resolution``: close there, or only comment."""

    name: str
    tracker: Tracker
    options: Options = field(repr=False)
    close_on_resolution: bool = False

    def open(self) -> TicketQueue:
        """Return the queue, ready to be used."""
        return self.tracker.connect(self.options)


@cache
def discover() -> tuple[Tracker, ...]:
    """Return every tracker of this folder, by name."""
    modules = (import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    trackers = (getattr(module, "TRACKER", None) for module in modules)
    return tuple(sorted((t for t in trackers if isinstance(t, Tracker)), key=lambda tracker: tracker.name))
