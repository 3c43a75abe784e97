"""What a message is brought to: a channel's destination or a tracker's, with one face for both.

A ticket is no message: it is found by its key, created, commented, reopened or closed, whichever its state asks for
(:mod:`responders.ticketing`). To whoever delivers it looks like a conversation that cannot edit and always finds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from responders.channels import Conversation, Destination, Sent
from responders.deliveries import Delivery
from responders.notices import Notice
from responders.rules import Pacing
from responders.ticketing import TicketMemory, TicketRules, reconcile_ticket
from responders.tickets import TrackerDestination

__all__ = ["ChannelPlace", "Place", "TicketPlace"]


class Place(Protocol):
    """Protocol: a named place to tell of an incident."""

    @property
    def name(self) -> str:
        """The name of its delivery."""

    @property
    def interval(self) -> timedelta | None:
        """The least time between two messages, ``None`` where nobody is disturbed by many."""

    @property
    def pacing(self) -> Pacing:
        """How often it hears of one thing."""

    def open(self, delivery: Delivery, attempted_at: datetime | None) -> Conversation:
        """Return the conversation; ``attempted_at`` is when a try began whose outcome nobody knows."""

    def key(self, incident_key: str, fingerprint: str) -> str:
        """Return the notice's key at this place."""


@dataclass(frozen=True, slots=True)
class ChannelPlace:
    """A channel's destination."""

    destination: Destination
    pacing: Pacing

    @property
    def name(self) -> str:
        """See :class:`Place`."""
        return self.destination.name

    @property
    def interval(self) -> timedelta | None:
        """See :class:`Place`."""
        return self.destination.channel.interval

    def open(self, delivery: Delivery, attempted_at: datetime | None) -> Conversation:
        """See :class:`Place`."""
        del delivery, attempted_at
        return self.destination.open()

    def key(self, incident_key: str, fingerprint: str) -> str:
        """Return the incident's: each time that a cause comes back it has a message of its own."""
        del fingerprint
        return incident_key


@dataclass(frozen=True, slots=True)
class TicketPlace:
    """A tracker's destination; a recurrence is told no oftener than the settings say."""

    destination: TrackerDestination
    usual: Pacing

    @property
    def name(self) -> str:
        """See :class:`Place`; channels and trackers may share a name."""
        return f"ticket {self.destination.name}"

    @property
    def interval(self) -> timedelta | None:
        """Return ``None``: a queue of tickets is not a channel."""
        return None

    @property
    def pacing(self) -> Pacing:
        """See :class:`Place`."""
        return replace(self.usual, repeat_at=(), repeat_every=self.usual.ticket_comment_every)

    def open(self, delivery: Delivery, attempted_at: datetime | None) -> Conversation:
        """See :class:`Place`."""
        rules = TicketRules(
            reopen_within=self.usual.ticket_reopen_within,
            comment_every=self.usual.ticket_comment_every,
            close_on_resolution=self.destination.close_on_resolution,
        )
        told_at = delivery.shown.at if delivery.shown is not None else None
        memory = TicketMemory(ref=delivery.ref, told_at=told_at, create_attempted_at=attempted_at)
        return _TicketConversation(self.destination, memory, rules)

    def key(self, incident_key: str, fingerprint: str) -> str:
        """Return the fingerprint's: a cause that comes back finds its ticket again."""
        del incident_key
        return f"pullmedic-{fingerprint}"


class _TicketConversation:
    """A :class:`responders.channels.Conversation` over a queue of tickets."""

    edits = False
    finds = True

    def __init__(self, destination: TrackerDestination, memory: TicketMemory, rules: TicketRules) -> None:
        self._destination = destination
        self._memory = memory
        self._rules = rules

    def send(self, notice: Notice, *, now: datetime) -> Sent:
        """Bring the ticket up to date; a ticket that a lost answer created is found by its key."""
        done = reconcile_ticket(
            self._destination.open(), notice, self._memory, self._rules, begin_create=_recorded, now=now
        )
        ticket = done.ticket
        if ticket is None:
            return Sent()
        return Sent(ref=ticket.ref, title=ticket.title, url=ticket.url)

    def edit(self, ref: str, notice: Notice, *, now: datetime) -> Sent:
        """See :meth:`send`."""
        del ref
        return self.send(notice, now=now)

    def find(self, key: str, *, since: datetime, now: datetime) -> str | None:
        """Return ``None``: :meth:`send` looks for the ticket itself before it creates one."""
        del key, since, now
        return None


_recorded: Callable[[datetime], None] = lambda _now: None  # noqa: E731
"""The attempt stands in the delivery before anything is sent, with its time."""
