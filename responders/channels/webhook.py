"""A signed webhook: JSON for whatever receives it, signed as Standard Webhooks 1.0 asks.

``webhook-id`` is the same for each try at a notice, so a receiver drops what it has seen; ``webhook-signature`` is an
HMAC-SHA256 over id, time and body, so it knows who sent it and that it is not an old one. The body is documented in
docs/other-channels.md. Source: the Standard Webhooks specification, "Verifying webhook authenticity".
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from responders import channels
from responders.blocks import Block, Code, Line, Pair, Text
from responders.channels import Channel, Conversation, Options, Payload, Sent, address_problem, host_matches
from responders.channels._facts import SCHEMA, iso, json_cost, link, message_id, occurred_at, page, short, summary
from responders.declarations import Field, Secret
from responders.fitting import LineLimits, announcement, fit, shorten
from responders.notices import Notice, NoticeKind
from responders.sending import call, encode
from responders.wording import cut, one_line

__all__ = ["CHANNEL", "MAX_BYTES", "headers", "render"]

URL = "url"
SECRET = "secret"  # noqa: S105 - the field's name

MAX_BYTES = 20_000
"""What the specification recommends at most."""

_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)
_TEXT = 1_500
_NEXT_STEP_LINES = 5
_LIMITS = LineLimits(text=_TEXT, label=200, value=_TEXT, code=3_000, caption=400)
_MANDATORY = LineLimits(text=_TEXT, label=200, value=600, code=1_500, caption=300)
_ANNOUNCEMENT = 900
_RESERVED = "x" * _ANNOUNCEMENT

_TYPES = {
    NoticeKind.OPENED: "incident.opened",
    NoticeKind.REPEATED: "incident.repeated",
    NoticeKind.RESOLVED: "incident.resolved",
    NoticeKind.REOPENED: "incident.reopened",
    NoticeKind.FIX: "incident.fix",
    NoticeKind.DIGEST: "digest",
    NoticeKind.UNDELIVERABLE: "run.undeliverable",
    NoticeKind.TEST: "test",
}


def render(notice: Notice, *, now: datetime) -> Payload:
    """Return the body: at most 20,000 bytes of JSON for any notice, every cut announced in ``data.report.cut``."""
    report = notice.report
    step = Block(report.next_step.kind, report.next_step.lines[:_NEXT_STEP_LINES])
    first = shorten(step, _MANDATORY, json_cost)
    headline = cut(one_line(report.headline) or "-", _TEXT, json_cost)

    def around(blocks: Sequence[Block], said: str) -> dict[str, Any]:
        return {
            "type": _TYPES[notice.kind],
            "timestamp": iso(occurred_at(notice, now)),
            "schema": SCHEMA,
            "data": {
                "key": notice.key,
                "possible_repeat": notice.possible_repeat,
                "incident": summary(notice.incident) if notice.incident else None,
                "report": {
                    "headline": headline.text,
                    "verdict": short(report.verdict),
                    "status": short(report.status) if report.status else None,
                    "next_step": [_line(line) for line in first.block.lines],
                    "blocks": [_block(block) for block in blocks],
                    "run_url": link(report.run_url),
                    **page(report),
                    "evidence": short(report.stored_as),
                    "cut": said,
                },
            },
        }

    fitted = fit(report.blocks, _LIMITS, json_cost, lambda blocks: len(encode(around(blocks, _RESERVED))) <= MAX_BYTES)
    losses = [
        *(["the headline is shortened"] if headline.was_cut else []),
        *(["the next step is shortened"] if first.lines_cut or len(report.next_step.lines) > len(step.lines) else []),
        *fitted.losses,
    ]
    return around(fitted.blocks, cut(one_line(announcement(losses, report)), _ANNOUNCEMENT, json_cost).text)


def headers(identity: str, body: bytes, *, secret: Secret, now: datetime) -> dict[str, Secret]:
    """Return the three headers that the specification asks for, with a signature for each of the secrets.

    Two secrets, separated by a space, are for the time in which the receiver changes from one to the other.
    """
    sent_at = str(int(now.timestamp()))
    said = f"{identity}.{sent_at}.".encode() + body
    signatures = [_signature(key, said) for key in _keys(secret)]
    return {
        "webhook-id": Secret(identity),
        "webhook-timestamp": Secret(sent_at),
        "webhook-signature": Secret(" ".join(signatures)),
    }


def _signature(key: bytes, said: bytes) -> str:
    return "v1," + base64.b64encode(hmac.new(key, said, sha256).digest()).decode()


def _keys(secret: Secret) -> list[bytes]:
    """Return the bytes of each secret. Raises ``ValueError`` where one is not of the specification's form."""
    return [_key(text) for text in secret.reveal().split()]


def _key(text: str) -> bytes:
    if not text.startswith(_PREFIX):
        raise ValueError
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError from None
    if len(key) not in _KEY_BYTES:
        raise ValueError
    return key


def _block(block: Block) -> dict[str, Any]:
    return {"title": block.title, "lines": [_line(line) for line in block.lines]}


def _line(line: Line) -> dict[str, str]:
    match line:
        case Text(text):
            return {"text": text}
        case Pair(label, value):
            return {"label": label, "value": value}
        case Code(text, caption):
            return {"code": text, "caption": caption}


class _Conversation:
    """A :class:`responders.channels.Conversation` that can only post; its receiver drops what it has seen."""

    edits = False
    finds = False

    def __init__(self, options: Options) -> None:
        self._url = options.secret(URL)
        self._secret = options.secret(SECRET)

    def send(self, notice: Notice, *, now: datetime) -> Sent:
        """See :class:`responders.channels.Conversation`."""
        body = encode(render(notice, now=now))
        signed = headers(message_id(notice), body, secret=self._secret, now=now)
        call("POST", self._url, body, now=now, headers=signed)
        return Sent()

    def edit(self, ref: str, notice: Notice, *, now: datetime) -> Sent:
        """Send a new message: what was posted stays posted."""
        del ref
        return self.send(notice, now=now)

    def find(self, key: str, *, since: datetime, now: datetime) -> str | None:
        """Return ``None``: a webhook cannot read."""
        del key, since, now
        return None


def _problems(options: Options) -> Mapping[str, str]:
    found: dict[str, str] = {}
    if problem := _address_problem(options.secret(URL).reveal()):
        found[URL] = problem
    try:
        usable = bool(_keys(options.secret(SECRET)))
    except ValueError:
        usable = False
    if not usable:
        found[SECRET] = (
            "it is not whsec_ with 24 to 64 random bytes in base64 behind it: make one by "
            "`echo whsec_$(openssl rand -base64 32)`"
        )
    return found


def _address_problem(address: str) -> str | None:
    """Any https host may be named here; one whose service has a channel of its own is a mistake."""
    problem = address_problem(address)
    if problem:
        return problem
    host = (urlsplit(address).hostname or "").rstrip(".")
    other = next((c for c in channels.discover() if any(host_matches(host, pattern) for pattern in c.hosts)), None)
    return f"this is an address of {other.title}: it belongs into {other.settings()[0].name}" if other else None


def _connect(options: Options) -> Conversation:
    return _Conversation(options)


CHANNEL = Channel(
    name="webhook",
    title="a signed webhook",
    fields=(
        Field(name=URL, purpose="Address that gets each notice as signed JSON.", secret=True),
        Field(name=SECRET, purpose="Secret that the posts are signed with: whsec_ and base64.", secret=True),
    ),
    problems=_problems,
    connect=_connect,
)
