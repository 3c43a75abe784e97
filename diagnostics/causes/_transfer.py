"""How long a pull was given, and what that asks of the line."""

from __future__ import annotations

import re
from datetime import timedelta

from diagnostics.case import Case

__all__ = ["needed_rate", "time_given"]

_PART = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,9})?) ?(ms|h|m|s)(?![a-z])")
_WORD = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,3})?) ?(hour|minute|second|hr|min|sec)s?")
_SECONDS = {"h": 3600, "m": 60, "s": 1, "ms": 0.001, "hour": 3600, "hr": 3600, "minute": 60, "min": 60}
_SHORTEST = timedelta(minutes=10)


def time_given(case: Case) -> timedelta | None:
    """Return the time that the pull was given: as the log states it, else the run's own time of ten minutes or more.

    A shorter run tells nothing: its clock does not start with the pull.
    """
    stated = _duration(case.captured("timeout") or "")
    if stated is not None:
        return stated
    details = case.evidence.details
    if details is None or details.started_at is None:
        return None
    took = case.failed_at - details.started_at
    return took if took >= _SHORTEST else None


def needed_rate(size: int, given: timedelta) -> float:
    """Return the bytes a second that ``size`` asks for within ``given``."""
    return size / max(given.total_seconds(), 1.0)


def _duration(text: str) -> timedelta | None:
    """Read ``1h0m0s``, ``30 minutes`` or bare seconds; anything else is ``None``."""
    written = text.strip().lower()
    parts = _WORD.findall(written) or _PART.findall(written)
    if parts:
        return timedelta(seconds=sum(float(number) * _SECONDS.get(unit, 1) for number, unit in parts))
    return timedelta(seconds=float(written)) if re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,3})?", written) else None
