"""The trackers: asked for a ticket that nobody ever opened, which proves host, credential and project at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from responders.health import Check, Result
from responders.health.asking import NEVER_SENT, ask
from responders.health.deployment import Deployment
from responders.tickets import TrackerDestination

__all__ = ["CHECK"]


def _look(at: Deployment) -> Iterator[Result]:
    yield from at.each(at.settings.trackers, lambda one: _at_place(at, one))


def _at_place(at: Deployment, place: TrackerDestination) -> Result:
    tracker = place.tracker
    what = place.name if place.name == tracker.name else f"{place.name} ({tracker.title})"
    check = tracker.check
    if check is not None:
        return ask(what, "", lambda: check(place.options, at.now()))
    return ask(what, "", lambda: _read(place, at.now()))


def _read(place: TrackerDestination, now: datetime) -> str:
    place.open().find(NEVER_SENT, now=now)
    return "the credential is taken, and tickets can be looked for; that it may open them shows with the first one"


CHECK = Check(name="trackers", title="Trackers", place=80, look=_look)
