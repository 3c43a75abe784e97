"""hooks.slack.com: incoming webhooks, with the limits of Block Kit and the errors of "Sending messages using
incoming webhooks".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.azure import Azure
from sandbox.records import Message
from sandbox.services import Service
from sandbox.wire import Answer, Reply, Request, Tree, text_answer

__all__ = ["build", "webhook_url"]

HOST = "hooks.slack.com"
CHANNELS = {"B0000000001": "slack", "B0000000002": "slack-fallback"}
_BLOCKS = 50
_TOTAL = 13_200
_TEXT = 40_000
_USUAL = {
    400: "invalid_payload",
    403: "action_prohibited",
    404: "no_service",
    410: "channel_is_archived",
    429: "rate_limited",
}


def webhook_url(azure: Azure, channel: str) -> str:
    """Return the address of a channel's webhook; its last segment is the secret."""
    name = next(key for key, value in CHANNELS.items() if value == channel)
    return f"https://{HOST}/services/T0000000000/{name}/{azure.sentinel}"


def build(azure: Azure) -> Service:
    """Return the service."""
    return _Slack(azure)


class _Slack:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    def knows(self, host: str) -> bool:
        return host == HOST

    def answer(self, request: Request) -> Reply | None:
        parts = request.path.strip("/").split("/")
        if request.method != "POST" or len(parts) != 4 or parts[0] != "services":
            return None
        channel = CHANNELS.get(parts[2])
        if channel is None or parts[3] != self._azure.sentinel:
            return self.error(request, 404, "no_service", None)
        try:
            payload = _payload(request)
        except ValueError:
            return self.error(request, 400, "invalid_payload", None)
        if problem := next(_problems(payload), None):
            return self.error(request, 400, problem, None)
        self._azure.recorder.add(Message(channel, payload))
        return text_answer(200, "ok", "text/html")

    def error(self, _request: Request, status: int, code: str | None, message: str | None) -> Answer:
        return text_answer(status, code or message or _USUAL.get(status, "server_error"), "text/html")


def _payload(request: Request) -> Tree:
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return json.loads(request.form.get("payload", "")) if form else request.json()


def _problems(payload: Tree) -> Iterator[str]:
    if not isinstance(payload, Mapping):
        yield "invalid_payload"
        return
    blocks, text = payload.get("blocks") or [], payload.get("text") or ""
    if not blocks and not text and not payload.get("attachments"):
        yield "no_text"
    if len(text) > _TEXT:
        yield "msg_too_long"
    if not isinstance(blocks, list) or len(blocks) > _BLOCKS or not all(_fits(block) for block in blocks):
        yield "invalid_blocks"
    elif len(json.dumps(blocks, ensure_ascii=False)) > _TOTAL:
        yield "msg_blocks_too_long"


def _long(element: Tree, limit: int) -> bool:
    text = element.get("text") if isinstance(element, Mapping) else None
    return not isinstance(text, str) or not 0 < len(text) <= limit


def _fits(block: Tree) -> bool:
    if not isinstance(block, Mapping):
        return False
    check = {
        "section": _section,
        "header": _header,
        "context": _context,
        "actions": _actions,
        "markdown": _markdown,
    }
    known = ("divider", "image", "rich_text", "input", "video", "table")
    kind = str(block.get("type"))
    return len(str(block.get("block_id", ""))) <= 255 and (check[kind](block) if kind in check else kind in known)


def _section(block: Mapping[str, Any]) -> bool:
    fields = block.get("fields") or []
    if not block.get("text") and not fields:
        return False
    if block.get("text") and _long(block["text"], 3000):
        return False
    return len(fields) <= 10 and not any(_long(it, 2000) for it in fields)


def _header(block: Mapping[str, Any]) -> bool:
    text = block.get("text")
    return isinstance(text, Mapping) and text.get("type") == "plain_text" and not _long(text, 150)


def _context(block: Mapping[str, Any]) -> bool:
    elements = block.get("elements") or []
    texts = [it for it in elements if isinstance(it, Mapping) and it.get("type") != "image"]
    return 0 < len(elements) <= 10 and not any(_long(it, 3000) for it in texts)


def _actions(block: Mapping[str, Any]) -> bool:
    elements = block.get("elements") or []
    buttons = [it for it in elements if isinstance(it, Mapping) and it.get("type") == "button"]
    return 0 < len(elements) <= 25 and all(_button(it) for it in buttons)


def _button(it: Mapping[str, Any]) -> bool:
    limits = {"value": 2000, "url": 3000, "action_id": 255}
    return not _long(it.get("text"), 75) and all(len(str(it.get(key, ""))) <= top for key, top in limits.items())


def _markdown(block: Mapping[str, Any]) -> bool:
    return not _long(block, 12_000)
