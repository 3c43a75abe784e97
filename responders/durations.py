"""Durations as people write them (``90s``, ``10min``, ``2h``, ``7 days``), and those that grow from try to try."""

from __future__ import annotations

import re
from datetime import timedelta

__all__ = ["DURATION_PATTERN", "duration", "duration_text", "growing"]

DURATION_PATTERN = r"[0-9]{1,6} ?(s|seconds?|m|min|minutes?|h|hours?|d|days?)"
"""What :func:`duration` takes, for documents and schemas: one whole number and one unit."""

_SHAPE = re.compile(DURATION_PATTERN)
_MOST_DOUBLINGS = 10
"""Without a bound a day of tries overflows; with it a wait grows a thousandfold, further than any that is meant."""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text: str) -> timedelta:
    """Return the duration that ``text`` says; :class:`ValueError` where it says none."""
    written = text.strip().lower()
    found = _SHAPE.fullmatch(written)
    if found is None:
        raise ValueError("a duration is a whole number and a unit: 90s, 10min, 2h or 7d")
    number = int(written[: found.start(1)].strip())
    return timedelta(seconds=number * _SECONDS[found.group(1)[0]])


def duration_text(span: timedelta) -> str:
    """Return ``span`` in the largest unit that says it exactly."""
    seconds = int(span.total_seconds())
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    unit, size = next((unit, size) for unit, size in units if seconds % size == 0)
    return f"{seconds // size}{unit}"


def growing(first: timedelta, tries: int, *, longest: timedelta) -> timedelta:
    """Return how long to wait after so many ``tries`` in vain: twice as long each time, up to ``longest``."""
    return min(first * (1 << min(tries, _MOST_DOUBLINGS)), longest)
