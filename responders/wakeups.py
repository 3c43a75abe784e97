"""Asking to be called again: a record in the store, and where there is a queue a message that shows up at the time.

The record is what counts; the sweep finds those that are overdue, so a message that was lost costs minutes at most.
Without a queue (the embedded store) the sweep alone wakes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from responders.entities import Records
from responders.store import Store
from responders.subjects import Subject, wish_of

__all__ = ["DelayedQueue", "Wakeups"]


class DelayedQueue(Protocol):
    """Protocol: a queue whose messages may stay invisible for a while."""

    def put(self, text: str, *, delay: timedelta) -> None:
        """Add a message that is delivered after ``delay``. Raises ``StoreUnavailable``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wake:
    at: datetime
    kind: str
    id: str
    schema: int = 1


class Wakeups:
    """What is to be looked at again, and when; each subject once. Each queue has a partition of its own."""

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], datetime],
        queue: DelayedQueue | None = None,
        partition: str = "wakeups",
    ) -> None:
        self._records = Records(store, _Wake, now)
        self._now = now
        self._queue = queue
        self._partition = partition

    def put(self, subject: Subject, at: datetime) -> None:
        """Ask for ``subject`` at ``at``, unless it comes up before that anyway.

        What is due has a message in the queue, which whoever is behind has not come to yet: another one would only make
        the queue longer. Where that message was lost, :meth:`due` yields the subject.
        """
        key = _key(subject)
        known = self._records.get(self._partition, key)
        if known is not None and known.value.at <= at and (self._queue is not None or self._now() < known.value.at):
            return
        self._records.put(self._partition, key, _Wake(at=at, kind=subject.kind, id=subject.id))
        if self._queue is not None:
            self._queue.put(subject.to_json(wish=at), delay=max(at - self._now(), timedelta()))

    def superseded(self, message: str) -> bool:
        """Tell whether a queue's message is of a wish in whose place another stands, which has a message of its own.

        To look for it, too, would ask once more: who is behind would never get rid of a message too many. Where no wish
        stands there any more, the one who took it back may have died. Raises ``ValueError``, ``StoreError``.
        """
        wish = wish_of(message)
        if wish is None:
            return False
        subject = Subject.from_json(message)
        known = self._records.get(self._partition, _key(subject))
        return known is not None and known.value.at != wish

    def clear(self, subject: Subject) -> bool:
        """Take back a wish that has come up, for whoever looks now asks again; tell whether this call took it."""
        key = _key(subject)
        known = self._records.get(self._partition, key)
        return known is not None and known.value.at <= self._now() and self._records.drop(known)

    def due(self, *, grace: timedelta = timedelta()) -> Iterator[Subject]:
        """Yield what is due, with a queue only what is overdue by ``grace``: its message was lost."""
        late = self._now() - (grace if self._queue is not None else timedelta())
        for _, wake in self._records.each(self._partition):
            if wake.at <= late:
                yield Subject(wake.kind, wake.id)


def _key(subject: Subject) -> str:
    return f"{subject.kind}/{subject.id}"
