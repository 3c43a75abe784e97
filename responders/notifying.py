"""One report to every configured channel; one that fails hides no other, and nothing is dropped in silence."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from diagnostics.redaction import redact
from responders.blocks import Report
from responders.channels import Destination, Payload
from responders.declarations import Secret
from responders.sending import Later, Receipt, Refused, SendError, post_json
from responders.text import render_text

__all__ = ["Delivery", "Notification", "Outcome", "Post", "notify"]

_LOG = logging.getLogger(__name__)


class Post(Protocol):
    """Protocol: what posts, by default :func:`responders.sending.post_json`."""

    def __call__(
        self, url: Secret, payload: Payload, *, now: datetime, accepted: Callable[[int, str], bool]
    ) -> Receipt:
        """Post once; raise a :class:`SendError` where it was not taken."""


class Outcome(StrEnum):
    """What became of a report, over all channels."""

    POSTED = "posted"
    LOGGED = "logged: no channel is configured"
    LATER = "later: a channel asks for another try"
    FALLBACK = "posted to the fallback: every channel refused"
    REFUSED = "refused by every channel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a report on one channel.

    Exactly one of ``receipt`` and ``error`` is there. ``after`` is the wait that the service asks for,
    ``None`` where another try is of no use. ``minimal`` tells that the full form was refused and the short
    one was sent.
    """

    channel: str
    receipt: Receipt | None = None
    error: str = ""
    after: timedelta | None = None
    minimal: bool = False


@dataclass(frozen=True, slots=True)
class Notification:
    """The outcome with every delivery behind it.

    A caller that tries again passes ``delivered_to`` on, so that nobody gets the same message twice.
    """

    outcome: Outcome
    deliveries: tuple[Delivery, ...] = ()

    @property
    def delivered_to(self) -> tuple[str, ...]:
        """Names of the channels that took the report."""
        return tuple(d.channel for d in self.deliveries if d.receipt is not None)

    @property
    def try_after(self) -> timedelta | None:
        """The longest wait that a channel asks for, ``None`` where no further try is due."""
        return max((d.after for d in self.deliveries if d.after is not None), default=None)


def notify(
    report: Report,
    destinations: Iterable[Destination],
    *,
    now: datetime,
    fallbacks: Iterable[Destination] = (),
    already: Collection[str] = (),
    post: Post = post_json,
) -> Notification:
    """Send ``report`` to every destination whose channel is not in ``already``. Never raises, never sleeps.

    Without any destination the whole report is logged. Where every channel refuses for good the fallbacks get
    it, and where these refuse, too, it is logged as an error.
    """
    wanted = tuple(destinations)
    if not wanted:
        _LOG.warning("No channel is configured; the diagnosis is logged only.\n%s", redact(render_text(report)))
        return Notification(Outcome.LOGGED)
    deliveries = tuple(_deliver(report, d, now, post) for d in wanted if d.channel.name not in already)
    notification = Notification(_outcome(deliveries, some_before=bool(already)), deliveries)
    if notification.outcome is not Outcome.REFUSED:
        return notification
    return _fall_back(report, fallbacks, notification, now, post)


def _outcome(deliveries: tuple[Delivery, ...], *, some_before: bool) -> Outcome:
    if any(delivery.after is not None for delivery in deliveries):
        return Outcome.LATER
    if some_before or any(delivery.receipt for delivery in deliveries):
        return Outcome.POSTED
    return Outcome.REFUSED


def _fall_back(
    report: Report, fallbacks: Iterable[Destination], refused: Notification, now: datetime, post: Post
) -> Notification:
    second = tuple(_deliver(report, destination, now, post) for destination in fallbacks)
    marked = tuple(replace(delivery, channel=f"fallback {delivery.channel}") for delivery in second)
    outcome = Outcome.FALLBACK if any(d.receipt for d in second) else _outcome(marked, some_before=False)
    if outcome is Outcome.REFUSED:
        _LOG.error("No channel took the diagnosis; it follows.\n%s", redact(render_text(report)))
    return Notification(outcome, (*refused.deliveries, *marked))


def _deliver(report: Report, destination: Destination, now: datetime, post: Post) -> Delivery:
    """Return what became of the report here. The one place where a responder's own fault is caught."""
    name = destination.channel.name
    try:
        delivery = _post_full_or_minimal(report, destination, now, post)
    except SendError as error:
        _LOG.warning("%s did not take the report: %s", name, error)
        return Delivery(channel=name, error=str(error), after=error.after if isinstance(error, Later) else None)
    except Exception as error:  # noqa: BLE001  (one responder's fault must not hide another)
        # Its message could hold anything, an address among it: the places are enough to find the fault.
        _LOG.error("%s failed with %s at %s", name, type(error).__name__, _places(error))
        return Delivery(channel=name, error=f"a fault of the responder ({type(error).__name__})")
    _LOG.info("%s took the report%s", name, " in its minimal form" if delivery.minimal else "")
    return delivery


def _post_full_or_minimal(report: Report, destination: Destination, now: datetime, post: Post) -> Delivery:
    channel, address = destination.channel, destination.address
    try:
        receipt = post(address, channel.render(report), now=now, accepted=channel.accepted)
        return Delivery(channel=channel.name, receipt=receipt)
    except Refused as refused:
        if not channel.form_refused(refused.word):
            raise
        _LOG.warning("%s refused the form (%s); the minimal message is sent", channel.name, refused.word)
    receipt = post(address, channel.minimal(report), now=now, accepted=channel.accepted)
    return Delivery(channel=channel.name, receipt=receipt, minimal=True)


def _places(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return " > ".join(f"{frame.name}:{frame.lineno}" for frame in frames)
