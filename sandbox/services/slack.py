"""hooks.slack.com and slack.com: incoming webhooks, the Web API of one app, and the addresses for answers.

Limits of Block Kit and errors as in "Sending messages using incoming webhooks" and in the reference of each Web API
method, which answers 200 to almost everything and says in the body what went wrong.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.azure import Azure
from sandbox.records import Message
from sandbox.services import Service
from sandbox.wire import Answer, Reply, Request, Tree, json_answer, text_answer

__all__ = ["Posted", "Slack", "build", "webhook_url"]

HOST = "hooks.slack.com"
API_HOST = "slack.com"
CHANNELS = {"B0000000001": "slack", "B0000000002": "slack-fallback"}
TEAM, BOT, BOT_USER, APP = "T0000000000", "B0000000009", "U0000000009", "A0000000009"
_BLOCKS = 50
_TOTAL = 13_200
_TEXT = 40_000
_METADATA = 16_000
_PAGE = 100
_USES, _VALID_S = 5, 30 * 60
_USUAL = {
    400: "invalid_payload",
    403: "action_prohibited",
    404: "no_service",
    410: "channel_is_archived",
    429: "rate_limited",
}
_USUAL_API = {429: "ratelimited", 500: "internal_error", 503: "service_unavailable"}
_SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": "channels:history",
    "auth.test": None,
}


def webhook_url(azure: Azure, channel: str) -> str:
    """Return the address of a channel's webhook; its last segment is the secret."""
    name = next(key for key, value in CHANNELS.items() if value == channel)
    return f"https://{HOST}/services/T0000000000/{name}/{azure.sentinel}"


def build(azure: Azure) -> Service:
    """Return the service."""
    return Slack(azure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A message as it stands in a channel now; ``thread_ts`` is set for a reply, ``edits`` counts updates."""

    channel: str
    ts: str
    text: str
    blocks: tuple[Any, ...] = ()
    metadata: Mapping[str, Any] | None = None
    thread_ts: str = ""
    bot_id: str = BOT
    edits: int = 0

    def shown(self, *, metadata: bool = True) -> dict[str, Any]:
        """Return the message as the Web API shows it."""
        body: dict[str, Any] = {"type": "message", "user": BOT_USER, "bot_id": self.bot_id, "app_id": APP}
        body |= {"ts": self.ts, "text": self.text, "team": TEAM, "blocks": list(self.blocks)}
        body |= {"thread_ts": self.thread_ts} if self.thread_ts else {}
        return body | ({"metadata": self.metadata} if metadata and self.metadata else {})


@dataclass(slots=True)
class _Address:
    """An address for answers: since when it is there, and how often it was used."""

    since: float
    uses: int = 0


@dataclass(slots=True)
class Slack:
    """One workspace of Slack with one app. Safe to use from several threads.

    ``channels`` maps a channel's id to the error that posting there gives, empty for none. ``scopes`` are the app's;
    ``pace_s`` is the least time between two messages of a channel, 0 for no limit; ``edit_window_s`` how long a message
    may be edited; ``now`` is the clock.
    """

    azure: Azure
    channels: dict[str, str] = field(default_factory=lambda: {"C0000000001": "", "C0000000002": ""})
    scopes: set[str] = field(default_factory=lambda: {"chat:write", "channels:history", "groups:history", "commands"})
    pace_s: float = 0
    edit_window_s: float | None = None
    now: Callable[[], float] = time.time
    _posted: list[Posted] = field(default_factory=list)
    _addresses: dict[str, _Address] = field(default_factory=dict)
    _last: float = 0
    _triggers: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def token(self) -> str:
        """The app's bot token."""
        return f"xoxb-0000000000-{self.azure.sentinel}"

    @property
    def signing_secret(self) -> str:
        """The secret that requests to the app are signed with."""
        return f"signing{self.azure.sentinel}"

    def messages(self, channel: str = "C0000000001") -> tuple[Posted, ...]:
        """Return what stands in a channel now, replies among it, oldest first."""
        with self._lock:
            return tuple(it for it in self._posted if it.channel == channel)

    def delete(self, ts: str) -> None:
        """Delete a message, as a person can."""
        with self._lock:
            self._posted = [it for it in self._posted if it.ts != ts]

    def write(self, channel: str, text: str, **members: Any) -> Posted:
        """Let somebody else write a message, of a bot of their own unless ``bot_id`` says otherwise."""
        with self._lock:
            made = Posted(channel=channel, ts=self._stamp(), text=text, **{"bot_id": "B0000000777", **members})
            self._posted.append(made)
            return made

    def response_url(self, kind: str = "actions") -> str:
        """Return a new address for answers: five uses within half an hour."""
        with self._lock:
            name = f"{len(self._addresses) + 1:013d}"
            self._addresses[name] = _Address(self.now())
            return f"https://{HOST}/{kind}/{TEAM}/{name}/{self.azure.sentinel}"

    def trigger_id(self, user: str) -> str:
        """Return the name of one press or command, which no other has."""
        with self._lock:
            self._triggers += 1
            return f"{self._triggers:012d}.{user}.{self.azure.sentinel}"

    def knows(self, host: str) -> bool:
        """See :class:`sandbox.services.Service`."""
        return host in (HOST, API_HOST)

    def answer(self, request: Request) -> Reply | None:
        """See :class:`sandbox.services.Service`."""
        parts = request.path.strip("/").split("/")
        if request.host == API_HOST:
            return self._method(request, parts[1]) if len(parts) == 2 and parts[0] == "api" else None
        if request.method != "POST" or len(parts) != 4:
            return None
        if parts[0] in ("actions", "commands"):
            return self._respond(request, parts[2], parts[3])
        return self._webhook(request, parts) if parts[0] == "services" else None

    def error(self, request: Request, status: int, code: str | None, message: str | None) -> Answer:
        """See :class:`sandbox.services.Service`."""
        if request.host == API_HOST:
            return json_answer(status, {"ok": False, "error": code or message or _USUAL_API.get(status, "fatal_error")})
        return text_answer(status, code or message or _USUAL.get(status, "server_error"), "text/html")

    def _webhook(self, request: Request, parts: list[str]) -> Answer:
        channel = CHANNELS.get(parts[2])
        if channel is None or parts[3] != self.azure.sentinel:
            return self.error(request, 404, "no_service", None)
        try:
            payload = _payload(request)
        except ValueError:
            return self.error(request, 400, "invalid_payload", None)
        if problem := next(_problems(payload), None):
            return self.error(request, 400, problem, None)
        self.azure.recorder.add(Message(channel, payload))
        return text_answer(200, "ok", "text/html")

    def _respond(self, request: Request, name: str, secret: str) -> Answer:
        with self._lock:
            address = self._addresses.get(name)
            if address is None or secret != self.azure.sentinel:
                return json_answer(404, {"ok": False, "error": "no_service"})
            if self.now() - address.since > _VALID_S:
                return json_answer(404, {"ok": False, "error": "expired_url"})
            address.uses += 1
            if address.uses > _USES:
                return json_answer(404, {"ok": False, "error": "used_url"})
        try:
            payload = request.json()
        except ValueError:
            return self.error(request, 400, "invalid_payload", None)
        if problem := next(_problems(payload), None):
            return self.error(request, 400, problem, None)
        self.azure.recorder.add(Message("slack-answer", payload))
        return text_answer(200, "ok", "text/html")

    def _method(self, request: Request, method: str) -> Answer | None:
        if method not in _SCOPES or request.method not in ("GET", "POST"):
            return None
        try:
            asked = _arguments(request)
        except ValueError:
            return _failed("invalid_json")
        if request.bearer is None:
            return _failed("not_authed")
        if request.bearer != self.token:
            return _failed("invalid_auth")
        needed = _SCOPES[method]
        if needed is not None and needed not in self.scopes:
            return _failed("missing_scope", needed=needed, provided=",".join(sorted(self.scopes)))
        with self._lock:
            methods = {
                "chat.postMessage": self._post,
                "chat.update": self._update,
                "conversations.history": self._history,
                "auth.test": _introduce,
            }
            scopes = ("X-OAuth-Scopes", ",".join(sorted(self.scopes)))
            return methods[method](asked).plus(scopes)

    def _post(self, asked: Mapping[str, Any]) -> Answer:
        channel = str(asked.get("channel"))
        problem = self._closed(channel) or _refused(asked)
        if problem:
            return _failed(problem)
        now, newest = self.now(), max((float(it.ts) for it in self.messages(channel)), default=0.0)
        if self.pace_s and now - newest < self.pace_s:
            return _failed("ratelimited", status=429).retry_after(max(1, round(self.pace_s)))
        thread = str(asked.get("thread_ts") or "")
        made = Posted(channel=channel, ts=self._stamp(), thread_ts=thread, **_content(asked))
        self._posted.append(made)
        self.azure.recorder.add(Message("slack-bot-thread" if thread else "slack-bot", dict(asked)))
        return json_answer(200, {"ok": True, "channel": channel, "ts": made.ts, "message": made.shown()})

    def _update(self, asked: Mapping[str, Any]) -> Answer:
        channel, ts = str(asked.get("channel")), str(asked.get("ts"))
        found = next((it for it in self.messages(channel) if it.ts == ts), None)
        problem = self._closed(channel) or self._fixed(found) or _refused(asked)
        if problem or found is None:
            return _failed(problem or "message_not_found")
        content = _content(asked)
        kept = {} if "metadata" in asked else {"metadata": found.metadata}
        after = replace(found, **{**content, **kept}, edits=found.edits + 1)
        self._posted[self._posted.index(found)] = after
        self.azure.recorder.add(Message("slack-bot-edit", dict(asked)))
        shown = {"ok": True, "channel": channel, "ts": ts, "text": after.text, "message": after.shown()}
        return json_answer(200, shown)

    def _history(self, asked: Mapping[str, Any]) -> Answer:
        channel = str(asked.get("channel"))
        if problem := self._closed(channel, reading=True):
            return _failed(problem)
        oldest = float(asked.get("oldest") or 0)
        wanted = [it for it in self.messages(channel) if not it.thread_ts and float(it.ts) > oldest][::-1]
        skipped = int(base64.b64decode(str(asked.get("cursor") or "")) or 0)
        limit = min(int(asked.get("limit") or _PAGE), 999)
        page, more = wanted[skipped : skipped + limit], len(wanted) > skipped + limit
        everything = str(asked.get("include_all_metadata")).lower() in ("true", "1")
        cursor = base64.b64encode(str(skipped + limit).encode()).decode() if more else ""
        body = {
            "ok": True,
            "messages": [it.shown(metadata=everything) for it in page],
            "has_more": more,
            "response_metadata": {"next_cursor": cursor},
        }
        return json_answer(200, body)

    def _closed(self, channel: str, *, reading: bool = False) -> str:
        if channel not in self.channels:
            return "channel_not_found"
        problem = self.channels[channel]
        return "" if reading and problem == "is_archived" else problem

    def _fixed(self, found: Posted | None) -> str:
        if found is None:
            return "message_not_found"
        if found.bot_id != BOT:
            return "cant_update_message"
        closed = self.edit_window_s is not None and self.now() - float(found.ts) > self.edit_window_s
        return "edit_window_closed" if closed else ""

    def _stamp(self) -> str:
        """Return the name of a message: its time, a microsecond after the one before at least."""
        self._last = max(self.now(), self._last + 0.000_001)
        return f"{self._last:.6f}"


def _introduce(_asked: Mapping[str, Any]) -> Answer:
    body = {"ok": True, "url": "https://proseware.slack.com/", "team": "Proseware", "user": "pullmedic"}
    return json_answer(
        200, {**body, "team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT, "is_enterprise_install": False}
    )


def _failed(code: str, *, status: int = 200, **more: str) -> Answer:
    return json_answer(status, {"ok": False, "error": code, **more})


def _arguments(request: Request) -> dict[str, Any]:
    """Return a method's arguments: of the query, and of a JSON body or a form."""
    if not request.body:
        return dict(request.query)
    if request.headers.get("content-type", "").startswith("application/json"):
        body = request.json()
        if not isinstance(body, dict):
            raise ValueError
        return {**request.query, **body}
    return {**request.query, **request.form}


def _content(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a message is made of. Text without blocks takes earlier blocks away (chat.update, ``blocks``)."""
    text, blocks = str(asked.get("text") or ""), tuple(asked.get("blocks") or ())
    return {"text": text, "blocks": blocks, "metadata": asked.get("metadata")}


def _refused(asked: Mapping[str, Any]) -> str:
    metadata = asked.get("metadata")
    if metadata is not None:
        shaped = isinstance(metadata, dict) and isinstance(metadata.get("event_payload"), dict)
        if not shaped or not isinstance(metadata.get("event_type"), str):
            return "invalid_metadata_format"
        if len(json.dumps(metadata)) > _METADATA:
            return "metadata_too_large"
    return next(_problems(asked), "")


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
    if not 0 < len(elements) <= 25 or not all(isinstance(it, Mapping) for it in elements):
        return False
    check = {"button": _button, "static_select": _select}
    names = [it["action_id"] for it in elements if "action_id" in it]
    return len(set(names)) == len(names) and all(check.get(str(it.get("type")), bool)(it) for it in elements)


def _button(it: Mapping[str, Any]) -> bool:
    limits = {"value": 2000, "url": 3000, "action_id": 255}
    fits = all(len(str(it.get(key, ""))) <= top for key, top in limits.items())
    styled = it.get("style", "primary") in ("primary", "danger")
    return not _long(it.get("text"), 75) and fits and styled and _dialog(it.get("confirm"))


def _dialog(it: Tree) -> bool:
    """Slack, "Confirmation dialog object"."""
    if it is None:
        return True
    limits = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
    if not isinstance(it, Mapping) or it.get("style", "primary") not in ("primary", "danger"):
        return False
    return all(isinstance(it.get(name), Mapping) and not _long(it[name], top) for name, top in limits.items())


def _select(it: Mapping[str, Any]) -> bool:
    options = it.get("options") or []
    if not 0 < len(options) <= 100 or _long(it.get("placeholder"), 150) or len(str(it.get("action_id", ""))) > 255:
        return False
    return all(not _long(option.get("text"), 75) and 0 < len(str(option.get("value", ""))) <= 150 for option in options)


def _markdown(block: Mapping[str, Any]) -> bool:
    return not _long(block, 12_000)
