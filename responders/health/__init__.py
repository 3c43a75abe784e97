"""Whether everything that the app needs is there: each right, setting and connection, and the command that adds it.

::

    Deployment ─▶ Check.look ─▶ Result ─▶ Examination ─▶ doctor (text, JSON, exit code)
     what is set    checks/                               health endpoint (status, counts; the whole to who may see it)

A check reads and never changes anything. It is one file in ``checks/``, found by scanning that folder; adding one is
adding a file with a ``CHECK``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from responders.health.deployment import Deployment

__all__ = ["OFTEN", "SELDOM", "Check", "Result", "State", "discover"]

OFTEN = timedelta(seconds=60)
"""How long an answer of a cheap check holds: one that asks Azure's control plane and other services nothing."""

SELDOM = timedelta(minutes=15)
"""How long the answer of any other check holds."""


class State(StrEnum):
    """What a look at one thing gave. ``NOT_VISIBLE``: we may not look, or nothing answered; never taken for *missing*.

    ``NOTE`` is worth knowing, and nothing has to be done.
    """

    OK = "ok"
    NOTE = "note"
    NOT_VISIBLE = "not visible"
    MISSING = "missing"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One thing that was looked at. ``scope`` is where: a resource id, a host, a setting's name.

    ``details`` say what was found and what is lost without it, a line each; ``commands`` repair it, in this order.
    ``vital`` marks that without which the app does nothing at all.
    """

    what: str
    state: State
    scope: str = ""
    details: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    vital: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One kind of look. ``place`` orders the sections; ``fresh_for`` is how long the health endpoint keeps its answer.

    ``look`` may raise :class:`diagnostics.azure.errors.ReadFailed` or any SDK's error: then nothing is visible, and
    ``vital`` tells whether the app does nothing at all without what it looks at.
    """

    name: str
    title: str
    place: int
    look: Callable[[Deployment], Iterable[Result]]
    fresh_for: timedelta = SELDOM
    vital: bool = False


@cache
def discover() -> tuple[Check, ...]:
    """Return every check, in the order of their sections."""
    from diagnostics.discovery import members  # noqa: PLC0415 - the folder imports this module
    from responders.health import checks  # noqa: PLC0415

    return tuple(sorted(members(checks, "CHECK"), key=lambda check: check.place))
