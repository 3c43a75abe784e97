"""The settings of the sweep for what no event tells of (``docs/sweep.md``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar

from responders.declarations import Setting

__all__ = ["SETTINGS", "Sweep", "read_sweep"]

T = TypeVar("T")

SWEEP = Setting(
    name="PULLMEDIC_SWEEP",
    purpose="Whether a timer looks for what no event told of: failed runs, runs that wait for their image, failed "
    "endpoint deployments (`docs/sweep.md`).",
    default="true",
)
EVERY = Setting(
    name="PULLMEDIC_SWEEP_EVERY_MINUTES",
    purpose="Minutes between two looks at one workspace, from 5 to 1440.",
    default="15",
)
LOOK_BACK = Setting(
    name="PULLMEDIC_SWEEP_LOOK_BACK_HOURS",
    purpose="How many hours ago a run or deployment may have begun to be looked at, from 1 to 168.",
    default="72",
)
WAITING = Setting(
    name="PULLMEDIC_SWEEP_WAITING_MINUTES",
    purpose="Minutes for which a run may wait for its image before it is looked at, from 15 to 1440; `0` for never.",
    default="45",
)

SETTINGS = (SWEEP, EVERY, LOOK_BACK, WAITING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """How the sweep looks; ``waiting_after`` is ``None`` where runs that wait are left alone.

    ``grace`` is for how long a failed run is left to its event.
    """

    on: bool = True
    every: timedelta = timedelta(minutes=15)
    look_back: timedelta = timedelta(hours=72)
    waiting_after: timedelta | None = timedelta(minutes=45)
    grace: timedelta = timedelta(minutes=10)


class _Read(Protocol):
    def __call__(self, setting: Setting, parse: Callable[[str], T], default: T, complaint: str, /) -> T: ...


def read_sweep(read: _Read, truth: Callable[[str], bool]) -> Sweep:
    """Return what the environment says; ``read`` tells what is wrong and takes the default instead."""
    usual = Sweep()
    return Sweep(
        on=read(SWEEP, truth, usual.on, "it is not true or false; true is used"),
        every=read(EVERY, _minutes(5), usual.every, "it is not 5 to 1440 minutes; 15 is used"),
        look_back=read(LOOK_BACK, _hours, usual.look_back, "it is not 1 to 168 hours; 72 is used"),
        waiting_after=read(WAITING, _waiting, usual.waiting_after, "it is not 15 to 1440 minutes, or 0; 45 is used"),
    )


def _minutes(least: int) -> Callable[[str], timedelta]:
    def parse(text: str) -> timedelta:
        minutes = int(text)
        if not least <= minutes <= 1440:
            raise ValueError
        return timedelta(minutes=minutes)

    return parse


def _hours(text: str) -> timedelta:
    hours = int(text)
    if not 1 <= hours <= 168:
        raise ValueError
    return timedelta(hours=hours)


def _waiting(text: str) -> timedelta | None:
    return None if int(text) == 0 else _minutes(15)(text)
