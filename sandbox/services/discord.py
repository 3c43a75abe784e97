"""discord.com: incoming webhooks, which stand for all that is reached through Apprise.

Limits and errors from Discord's documentation ("Execute Webhook", "Rate Limits"): 2,000 characters, 204 without a body.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.azure import Azure
from sandbox.records import Message
from sandbox.services import Service
from sandbox.wire import Answer, Reply, Request, Tree, empty, json_answer

__all__ = ["apprise_url", "build"]

HOST = "discord.com"
CHANNELS = {"1000000000000000001": "discord", "1000000000000000002": "discord-fallback"}
LIMIT = 2000
_USUAL = {
    400: (50006, "Cannot send an empty message"),
    401: (50027, "Invalid Webhook Token"),
    404: (10015, "Unknown Webhook"),
    429: (0, "You are being rate limited."),
}


def apprise_url(azure: Azure, channel: str) -> str:
    """Return the Apprise address of a channel's webhook; its last segment is the secret."""
    name = next(key for key, value in CHANNELS.items() if value == channel)
    return f"discord://{name}/{azure.sentinel}"


def build(azure: Azure) -> Service:
    """Return the service."""
    return _Discord(azure)


class _Discord:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    def knows(self, host: str) -> bool:
        return host == HOST

    def answer(self, request: Request) -> Reply | None:
        parts = request.path.strip("/").split("/")
        if request.method != "POST" or len(parts) != 4 or parts[:2] != ["api", "webhooks"]:
            return None
        channel = CHANNELS.get(parts[2])
        if channel is None or parts[3] != self._azure.sentinel:
            return self.error(request, 404, None, None)
        try:
            payload = request.json()
        except ValueError:
            return self.error(request, 400, "50109", "The request body contains invalid JSON.")
        if problem := _problem(payload):
            return self.error(request, 400, "50035", problem)
        self._azure.recorder.add(Message(channel, payload))
        return empty(204)

    def error(self, _request: Request, status: int, code: str | None, message: str | None) -> Answer:
        usual = _USUAL.get(status, (0, "Internal Server Error"))
        number = int(code) if code and code.isdigit() else usual[0]
        return json_answer(status, {"message": message or usual[1], "code": number})


def _problem(payload: Tree) -> str:
    content = payload.get("content") if isinstance(payload, Mapping) else None
    if not isinstance(content, str) or not content.strip():
        return "Cannot send an empty message"
    return "" if len(content) <= LIMIT else f"Must be {LIMIT} or fewer in length."
