"""What the present work is about, for whoever writes a line or a span of it: carried by context, not by arguments.

One id goes with a failure from its event to the message, the ticket and the audit; whose work it is sets it here, at
the door. A thread pool does not carry context by itself: what is handed to one goes through :func:`carried`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

__all__ = ["CORRELATION", "INCIDENT", "RUN", "Work", "WorkFilter", "carried", "present_work", "working"]

P = ParamSpec("P")
T = TypeVar("T")

CORRELATION = "pullmedic.correlation_id"
INCIDENT = "pullmedic.incident_id"
RUN = "pullmedic.run_id"
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class Work:
    """The ids that name a piece of work; each is empty where there is none."""

    correlation_id: str = ""
    incident_id: str = ""
    run_id: str = ""

    def named(self) -> dict[str, str]:
        """Return what is known by the names that logs and spans give it."""
        ids = {CORRELATION: self.correlation_id, INCIDENT: self.incident_id, RUN: self.run_id}
        return {name: value for name, value in ids.items() if value}


_NOTHING = Work()
_work: ContextVar[Work] = ContextVar("work", default=_NOTHING)


def present_work() -> Work:
    """Return what the caller's work is about."""
    return _work.get()


@contextmanager
def working(*, correlation_id: str = "", incident_id: str = "", run_id: str = "") -> Iterator[None]:
    """Name the work that is done meanwhile; an empty id leaves the one that stands."""
    told = {"correlation_id": correlation_id, "incident_id": incident_id, "run_id": run_id}
    token = _work.set(replace(_work.get(), **{name: _plain(value) for name, value in told.items() if value}))
    try:
        yield
    finally:
        _work.reset(token)


def carried(call: Callable[P, T]) -> Callable[P, T]:
    """Return ``call`` with the caller's context around it, for one call in another thread."""
    context = copy_context()

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return context.run(call, *args, **kwargs)

    return run


class WorkFilter(logging.Filter):
    """Puts the ids of the work on each record, where OpenTelemetry takes them for the line's own attributes.

    To be added to handlers in front of the redactor, which then redacts them as it does all else. Lets all pass.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Name the work on ``record`` and return true."""
        vars(record).update(_work.get().named())
        return True


def _plain(text: str) -> str:
    """Return an id that others chose as one printable line of bounded length."""
    return "".join(c if c.isprintable() else "?" for c in text)[:_LONGEST]
