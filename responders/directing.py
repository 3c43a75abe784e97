"""Where an incident is told of, and whether now: routes, silences and snoozing put together for one incident."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from responders.deliveries import Held, Wait
from responders.delivering import Directed
from responders.incidents import UNDELIVERABLE, Incident
from responders.places import ChannelPlace, TicketPlace
from responders.routing import Routing, route
from responders.rules import RouteFacts, Silence
from responders.settings import Settings

__all__ = ["Directing", "facts_of"]


@dataclass(kw_only=True)
class Directing:
    """Directs incidents by the settings as they are now and by the silences that the store holds."""

    settings: Callable[[], Settings]
    silences: Callable[[datetime], Iterable[Silence]] = lambda _at: ()

    def direct(self, incident: Incident, at: datetime) -> Directed:
        """Return where ``incident`` is told of at that time."""
        settings = self.settings()
        fallbacks = tuple(ChannelPlace(one, settings.pacing) for one in settings.fallbacks)
        if incident.verdict == UNDELIVERABLE and fallbacks:
            return Directed(places=fallbacks, held=_snoozed(incident, at))
        silences = tuple(self.silences(at))
        routed = [route(settings, facts, at, silences) for facts in _facts_of_each(incident)]
        heard = [one for one in routed if not one.silenced_by] or routed
        destinations = {one.name: one for routing in heard for one in routing.destinations}
        trackers = {one.name: one for routing in heard for one in routing.trackers if incident.status}
        return Directed(
            places=tuple(ChannelPlace(one, settings.pacing) for one in destinations.values()),
            trackers=tuple(TicketPlace(one, settings.pacing) for one in trackers.values()),
            fallbacks=fallbacks,
            held=_snoozed(incident, at) or _silenced(heard),
            wanted=any(routing.wanted for routing in heard),
        )


def facts_of(incident: Incident) -> RouteFacts:
    """Return what routes and silences see of an incident."""
    return RouteFacts(
        workspace_id=incident.workspace_id,
        cause=incident.verdict,
        at=incident.failed_at,
        status=incident.status,
        experiment=incident.experiment or None,
        tags=incident.tags,
    )


def _snoozed(incident: Incident, at: datetime) -> Wait | None:
    if incident.snoozed_until is None or incident.snoozed_until <= at:
        return None
    return Wait(held=Held.SNOOZED, until=incident.snoozed_until, why=f"by {incident.snoozed_by}")


def _facts_of_each(incident: Incident) -> list[RouteFacts]:
    """Return what routes see of the incident in each of its workspaces: whose runs fail is to hear of it."""
    own = facts_of(incident)
    others = [one for one in incident.workspaces if one.lower() != incident.workspace_id.lower()]
    return [own, *(replace(own, workspace_id=one, experiment=None, tags={}) for one in others)]


def _silenced(heard: Sequence[Routing]) -> Wait | None:
    """Return the silence that holds everywhere; where one workspace is not silenced, its people hear."""
    first = heard[0]
    if not first.silenced_by:
        return None
    return Wait(held=Held.SILENCED, until=first.silenced_until, why=first.silenced_by)
