"""A clock that several processes share and that runs faster than the day, so that leases end while a test runs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

__all__ = ["Clock"]


@dataclass(frozen=True, slots=True)
class Clock:
    """Began at ``began`` (Unix seconds) and has run ``pace`` times as fast as the day since then."""

    began: float
    pace: float

    @classmethod
    def starting(cls, pace: float) -> Self:
        """Return one that begins now."""
        return cls(time.time(), pace)

    def seconds(self) -> float:
        """Return its time in Unix seconds."""
        return self.began + (time.time() - self.began) * self.pace

    def now(self) -> datetime:
        """Return its time."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def lasts(self, time: timedelta) -> float:
        """Return in how many seconds of the day ``time`` has passed on it."""
        return time.total_seconds() / self.pace
