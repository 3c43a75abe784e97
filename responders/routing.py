"""Who hears of a failure, by the settings; pure. Each decision comes with the rules that made it, in words for people.

Routes are tried in their order. The first whose condition holds decides, unless it goes on. Who hears, which tickets
are opened and how urgent it is are decided each by itself: what no matching route says is taken from the defaults.
Verdicts without a cause (``insufficient-evidence``, ``not-registry``, ``undeliverable``) are taken only by a route that
names them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from diagnostics.model import INSUFFICIENT_EVIDENCE, NOT_REGISTRY
from responders.channels import Destination
from responders.rules import UNDELIVERABLE, WITHOUT_CAUSE, Route, RouteFacts, Severity, Silence
from responders.settings import Settings
from responders.tickets import TrackerDestination

__all__ = ["RouteFacts", "Routing", "route"]

Place = TypeVar("Place", bound=Destination | TrackerDestination)

_SEVERITIES = {
    INSUFFICIENT_EVIDENCE: Severity.WARNING,
    NOT_REGISTRY: Severity.INFO,
    UNDELIVERABLE: Severity.ERROR,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """Where a failure is told of, and why.

    ``wanted`` is false where a rule says that nobody is to hear; wanted and without a destination means the app's log.
    ``rules`` say in order which rule sends this where. ``silenced_by`` describes the silence that holds the message
    back until ``silenced_until``; the destinations are those that would hear.
    """

    destinations: tuple[Destination, ...] = ()
    trackers: tuple[TrackerDestination, ...] = ()
    severity: Severity = Severity.ERROR
    rules: tuple[str, ...] = ()
    wanted: bool = True
    silenced_by: str | None = None
    silenced_until: datetime | None = None


@dataclass(kw_only=True)
class _Decision:
    """What the routes so far have said; ``None`` where they have said nothing."""

    severity: Severity
    to: tuple[Destination, ...] | None = None
    tickets: tuple[TrackerDestination, ...] | None = None
    graded: bool = False
    rules: list[str] = field(default_factory=list)


def route(settings: Settings, facts: RouteFacts, now: datetime, silences: Iterable[Silence] = ()) -> Routing:
    """Return where ``facts`` are told of; ``silences`` are those of the store, beside the settings' own."""
    decision = _Decision(severity=_SEVERITIES.get(facts.cause, Severity.ERROR))
    for one in settings.routes:
        if _takes(one, facts, decision.severity):
            _apply(one, decision)
            if not one.goes_on:
                break
    to = _heard(settings, facts, decision)
    trackers = _tickets(settings, facts, decision)
    silence = _silence((*settings.silences, *silences), facts, decision.severity, now)
    return Routing(
        destinations=to or (),
        trackers=trackers,
        severity=decision.severity,
        rules=tuple(decision.rules),
        wanted=to is not None,
        silenced_by=_described(silence) if silence else None,
        silenced_until=silence.until if silence else None,
    )


def _takes(one: Route, facts: RouteFacts, severity: Severity) -> bool:
    if facts.cause in WITHOUT_CAUSE and facts.cause not in one.without_cause:
        return False
    return one.when.holds(facts, severity)


def _apply(one: Route, decision: _Decision) -> None:
    said = []
    if one.to is not None:
        decision.to = _united(decision.to, one.to)
        said.append(f"to {_names(one.to) or 'nobody'}")
    if one.tickets is not None:
        decision.tickets = _united(decision.tickets, one.tickets)
        said.append(f"tickets in {_names(one.tickets)}" if one.tickets else "no tickets")
    if one.severity is not None and not decision.graded:
        decision.severity, decision.graded = one.severity, True
        said.append(f"severity {one.severity}")
    wrong = "; something in it is wrong, so the default destinations hear, too" if one.wrong else ""
    further = "; further routes are asked" if one.goes_on else ""
    decision.rules.append(f"route {one.name} ({one.place}): {', '.join(said) or 'nothing'}{wrong}{further}")


def _heard(settings: Settings, facts: RouteFacts, decision: _Decision) -> tuple[Destination, ...] | None:
    """Return who hears, ``None`` where nobody is to."""
    if decision.to is not None:
        return decision.to or None
    to, why = _default(settings, facts.cause)
    where = "nobody" if to is None else _names(to) or "the app's log, since no destination is set up"
    decision.rules.append(f"{why}: to {where}")
    return to


def _default(settings: Settings, cause: str) -> tuple[tuple[Destination, ...] | None, str]:
    usual = settings.defaults.to or settings.destinations
    if cause == UNDELIVERABLE:
        return settings.fallbacks or usual, "a run without a diagnosis goes to the fallback, else to the defaults"
    if cause in (INSUFFICIENT_EVIDENCE, NOT_REGISTRY):
        asked = settings.defaults
        to = asked.insufficient_evidence if cause == INSUFFICIENT_EVIDENCE else asked.not_registry
        return (to or usual) if to is not None else None, f"no route names {cause}, so the defaults decide"
    return usual, "no route decides, so the default destinations hear"


def _tickets(settings: Settings, facts: RouteFacts, decision: _Decision) -> tuple[TrackerDestination, ...]:
    if decision.tickets is not None:
        return decision.tickets
    if facts.cause in WITHOUT_CAUSE or not settings.defaults.tickets:
        return ()
    decision.rules.append(f"no route decides about tickets: by default in {_names(settings.defaults.tickets)}")
    return settings.defaults.tickets


def _silence(silences: Iterable[Silence], facts: RouteFacts, severity: Severity, now: datetime) -> Silence | None:
    """Return the silence that lasts longest of those that hold."""
    held = [one for one in silences if one.active(now) and one.when.holds(facts, severity)]
    return max(held, key=lambda one: (one.until, one.id, one.place), default=None)


def _described(silence: Silence) -> str:
    by = f" by {silence.by}" if silence.by else ""
    return f"the silence {silence.id or silence.place}{by} until {silence.until.isoformat()}: {silence.reason}"


def _united(before: tuple[Place, ...] | None, more: tuple[Place, ...]) -> tuple[Place, ...]:
    by_name = {one.name: one for one in (*(before or ()), *more)}
    return tuple(by_name.values())


def _names(places: Iterable[Destination | TrackerDestination]) -> str:
    return ", ".join(place.name for place in places)
