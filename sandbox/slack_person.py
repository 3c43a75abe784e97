"""A person in the simulated Slack: presses buttons and types commands, which Slack signs and sends to the app.

Shapes: Slack, "block_actions payload", "Implementing slash commands", "Verifying requests from Slack".
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from sandbox.services.slack import APP, TEAM, Posted, Slack

__all__ = ["Person", "Signed", "send", "signed"]

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Signed:
    """A request as Slack sends it."""

    headers: Mapping[str, str]
    body: bytes


def signed(secret: str, body: bytes, *, at: float, content_type: str = _FORM) -> Signed:
    """Return ``body`` with the headers by which the app can tell that Slack sent it at ``at`` (Unix seconds)."""
    stamp = str(int(at))
    digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": content_type,
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
    }
    return Signed(headers, body)


def send(url: str, request: Signed) -> tuple[int, str]:
    """Send a request to a function of a functions host; return status and body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request("POST", target, request.body, dict(request.headers))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@dataclass(slots=True)
class Person:
    """Somebody in the workspace. Each press and each command has a trigger of its own."""

    slack: Slack
    id: str = "U0000000123"
    name: str = "dana.weber"

    def presses(self, message: Posted, action_id: str, option: str = "") -> Signed:
        """Press the button, or choose the option with the words ``option``, that ``message`` has now."""
        return signed(self.slack.signing_secret, self.form(message, action_id, option), at=self.slack.now())

    def form(self, message: Posted, action_id: str, option: str = "") -> bytes:
        """Return the body of the request that a press leads to."""
        block, element = _element(message, action_id)
        action = {key: element[key] for key in ("action_id", "type", "text", "value", "url") if key in element}
        if option:
            chosen = next(it for it in element["options"] if it["text"]["text"] == option)
            action |= {"selected_option": chosen, "placeholder": element["placeholder"]}
        payload: dict[str, Any] = {
            "type": "block_actions",
            "user": {"id": self.id, "username": self.name, "name": self.name, "team_id": TEAM},
            "api_app_id": APP,
            "token": "legacy",
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": message.channel,
                "is_ephemeral": False,
            },
            "trigger_id": self.slack.trigger_id(self.id),
            "team": {"id": TEAM, "domain": "proseware"},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": message.channel, "name": "ml-platform"},
            "message": message.shown(),
            "state": {"values": {}},
            "response_url": self.slack.response_url("actions"),
            "actions": [{**action, "block_id": block.get("block_id", "b1"), "action_ts": f"{self.slack.now():.6f}"}],
        }
        return urlencode({"payload": json.dumps(payload)}).encode()

    def types(self, text: str, channel: str = "C0000000001", **members: str) -> Signed:
        """Type ``/pullmedic text``; ``members`` replace those of the form."""
        form = {
            "token": "legacy",
            "team_id": TEAM,
            "team_domain": "proseware",
            "channel_id": channel,
            "channel_name": "ml-platform",
            "user_id": self.id,
            "user_name": self.name,
            "command": "/pullmedic",
            "text": text,
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": self.slack.response_url("commands"),
            "trigger_id": self.slack.trigger_id(self.id),
        }
        body = urlencode({**form, **members}).encode()
        return signed(self.slack.signing_secret, body, at=self.slack.now())


def _element(message: Posted, action_id: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    for block in message.blocks:
        for element in block.get("elements") or () if block.get("type") == "actions" else ():
            if element.get("action_id") == action_id:
                return block, element
    raise KeyError(action_id)
