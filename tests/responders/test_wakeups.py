"""Asking to be called again, over a queue: one message for one wish, however far behind whoever reads them is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from responders.store import Store
from responders.stores.sqlite import SqliteStoreFile
from responders.subjects import Subject
from responders.wakeups import Wakeups

MINUTE = timedelta(minutes=1)
SUBJECT = Subject("incident", "f2b19d672b3017bf-1")


class Day:
    """A day that passes when told to, and the queue that is filled in it, delays left out."""

    def __init__(self, store: Store) -> None:
        self.now = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
        self.queue: deque[str] = deque()
        self.wakeups = Wakeups(store, now=lambda: self.now, queue=self)

    def put(self, text: str, *, delay: timedelta) -> None:
        """As a queue does."""
        assert delay >= timedelta()
        self.queue.append(text)

    def asks(self, after: timedelta) -> None:
        """Ask for the subject."""
        self.wakeups.put(SUBJECT, self.now + after)


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    """A morning."""
    store = SqliteStoreFile(tmp_path / "store.db")
    yield Day(store)
    store.close()


def test_what_comes_up_earlier_anyway_is_asked_for_once(day: Day) -> None:
    """One message, at the earlier time."""
    day.asks(MINUTE)
    day.asks(5 * MINUTE)
    assert len(day.queue) == 1


def test_what_is_due_and_not_looked_at_yet_gets_no_second_message(day: Day) -> None:
    """Its own is still in the queue; once that was taken, asking again sends the next."""
    day.asks(MINUTE)
    day.now += 10 * MINUTE
    day.asks(MINUTE)
    assert len(day.queue) == 1
    day.queue.clear()
    assert day.wakeups.clear(SUBJECT)
    day.asks(MINUTE)
    assert len(day.queue) == 1


def test_who_falls_behind_does_not_keep_the_queue_long(day: Day) -> None:
    """Each message asks again, later than it is read: the ones too many go, and one remains."""
    for after in range(50, 0, -10):
        day.asks(after * MINUTE)
    assert len(day.queue) == 5
    for _ in range(20):
        message = day.queue.popleft()
        day.now += 60 * MINUTE
        if not day.wakeups.superseded(message):
            day.wakeups.clear(SUBJECT)
            day.asks(MINUTE)
    assert len(day.queue) == 1


def test_a_wish_whose_message_was_lost_is_found_when_it_is_overdue(day: Day) -> None:
    """By who looks for what is overdue; asking once more does not put that off."""
    day.asks(MINUTE)
    day.queue.clear()
    day.now += 10 * MINUTE
    day.asks(MINUTE)
    assert list(day.wakeups.due(grace=5 * MINUTE)) == [SUBJECT]


def test_whose_look_was_cut_off_gets_it_again(day: Day) -> None:
    """The wish was taken back and nothing asked for: its message, delivered again, still counts, and so does news."""
    day.asks(MINUTE)
    day.now += 2 * MINUTE
    assert day.wakeups.clear(SUBJECT)
    assert not day.wakeups.superseded(day.queue[0])
    day.asks(MINUTE)
    assert day.wakeups.superseded(day.queue[0])
    assert not day.wakeups.superseded(day.queue[1])
    assert not day.wakeups.superseded(SUBJECT.to_json())
