"""What the incoming webhooks of chat services share: post the full form, and where it is refused the minimal one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from responders.channels import Options, Payload, Sent, webhook_problem
from responders.declarations import Field
from responders.notices import Notice
from responders.sending import Refused, call

__all__ = ["URL", "Webhook", "WebhookConversation", "webhook_field"]

URL = "webhook_url"
"""The one field of a webhook's destination."""

_LOG = logging.getLogger(__name__)


def webhook_field(title: str) -> Field:
    """Return the field that holds a webhook's address, which is a credential."""
    return Field(name=URL, purpose=f"{title} that gets the diagnoses.", secret=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """What one service's webhooks look like.

    ``render`` and ``minimal`` are pure and keep the service's limits for any notice; ``accepted`` tells a success by
    status and body; ``form_refused`` tells by the service's word that the payload's form is at fault. ``retired`` maps
    hosts that no longer serve to a sentence for the person who still uses one.
    """

    name: str
    hosts: tuple[str, ...]
    render: Callable[[Notice], Payload]
    minimal: Callable[[Notice], Payload]
    accepted: Callable[[int, str], bool]
    form_refused: Callable[[str], bool]
    retired: Mapping[str, str]

    def problems(self, options: Options) -> Mapping[str, str]:
        """Say why the address is none of this service; empty where it is one."""
        problem = webhook_problem(
            options.secret(URL).reveal(), hosts=self.hosts, retired=self.retired, more_hosts=options.more_hosts
        )
        return {URL: problem} if problem else {}

    def connect(self, options: Options) -> WebhookConversation:
        """Return a conversation that posts to the address."""
        return WebhookConversation(self, options)


class WebhookConversation:
    """A :class:`responders.channels.Conversation` that can only post: each notice is a message of its own."""

    edits = False
    finds = False

    def __init__(self, webhook: Webhook, options: Options) -> None:
        self._webhook = webhook
        self._url = options.secret(URL)

    def send(self, notice: Notice, *, now: datetime) -> Sent:
        """See :class:`responders.channels.Conversation`."""
        webhook = self._webhook
        try:
            call("POST", self._url, webhook.render(notice), now=now, accepted=webhook.accepted)
        except Refused as refused:
            if not webhook.form_refused(refused.word):
                raise
            _LOG.warning("%s refused the form (%s); the minimal message is sent", webhook.name, refused.word)
        else:
            return Sent()
        call("POST", self._url, webhook.minimal(notice), now=now, accepted=webhook.accepted)
        return Sent(minimal=True)

    def edit(self, ref: str, notice: Notice, *, now: datetime) -> Sent:
        """Send a new message: an incoming webhook cannot edit."""
        del ref
        return self.send(notice, now=now)

    def find(self, key: str, *, since: datetime, now: datetime) -> str | None:
        """Return ``None``: an incoming webhook cannot read."""
        del key, since, now
        return None
