"""Facts shared by failures of one moment: runs that fail together read a registry once, not a thousand times.

Single flight: who comes while a fact is being read waits for that answer. A fact serves a run only if it was read after
the run failed and lately: what was true before a failure says nothing about it. What could not be read is not kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as Overrun
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from diagnostics.model import Fact, Known

if TYPE_CHECKING:
    from diagnostics.probing import Subject

__all__ = ["LIFETIME", "FactCache", "key_of"]

LIFETIME = timedelta(seconds=60)
_MOST = 2_000
_VOLATILE = re.compile(
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\d{4}-\d\d-\d\d[T ][\d:.]+Z?|[0-9a-f]{32}"
)


@dataclass(frozen=True, slots=True)
class _Entry:
    future: Future[Fact]
    began: datetime


class FactCache:
    """The facts of the last minute. Safe to use from several threads."""

    def __init__(self, lifetime: timedelta = LIFETIME) -> None:
        self._lifetime = lifetime
        self._entries: dict[str, _Entry] = {}
        self._lock = Lock()

    def fact(
        self, key: str, *, since: datetime, now: Callable[[], datetime], wait: float, read: Callable[[], Fact]
    ) -> Fact:
        """Return the fact of ``key`` as it was read after ``since``, by ``read`` where nobody did.

        Whatever ``read`` raises is raised to its caller alone; who waited then reads for itself. ``wait``: seconds.
        """
        at = now()
        with self._lock:
            entry = self._entries.get(key)
            usable = entry is not None and entry.began >= since and at - entry.began < self._lifetime
            mine = None if usable else _Entry(Future(), at)
            if mine is not None:
                self._entries.pop(key, None)
                self._entries[key] = mine
                self._drop_old(at)
        if mine is None and entry is not None:
            shared = _result(entry.future, wait)
            return shared if shared is not None else read()
        return self._read(key, mine, read) if mine is not None else read()

    def _drop_old(self, at: datetime) -> None:
        """Drop what serves nobody any more, and the oldest beyond the limit: entries stand in the order of reading."""
        while self._entries:
            oldest = next(iter(self._entries))
            expired = at - self._entries[oldest].began >= self._lifetime
            if not expired and len(self._entries) <= _MOST:
                return
            del self._entries[oldest]

    def _read(self, key: str, mine: _Entry, read: Callable[[], Fact]) -> Fact:
        try:
            fact = read()
        except BaseException:
            self._forget(key, mine)
            mine.future.cancel()
            raise
        if isinstance(fact, Known):
            mine.future.set_result(fact)
        else:
            self._forget(key, mine)
            mine.future.cancel()
        return fact

    def _forget(self, key: str, mine: _Entry) -> None:
        with self._lock:
            if self._entries.get(key) is mine:
                del self._entries[key]


def key_of(probe: str, subject: Subject) -> str:
    """Return what a probe's answer depends on: all that it is told of the run but the run's own name and time."""
    details = subject.details
    asked = (
        probe,
        subject.run.workspace_id.lower(),
        details.compute if details else None,
        details.compute_kind if details else None,
        details.registry_username if details else None,
        subject.image_text,
        tuple(
            (s.id, s.signature, tuple(sorted(s.captured.items())), _VOLATILE.sub("", s.text)) for s in subject.symptoms
        ),
    )
    return repr(asked)


def _result(future: Future[Fact], wait: float) -> Fact | None:
    """Return what another thread read, ``None`` where it could not, or not in time."""
    try:
        return future.result(timeout=wait)
    except (CancelledError, Overrun):
        return None
