"""The proof that a Teams flow posted a card: what goes out with the message, and how it is checked on its way back.

A flow answers 202 before it posts. One that can call back (docs/teams.md) sends, as its last action, the object that
came with the message: the notice's key, when it was sent, and a signature over both. Who does not know the secret can
make none, and who saw one (in a flow's run history) can confirm that one message alone, for a day.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from responders.declarations import Secret

__all__ = ["LONGEST_CALLBACK", "SHORTEST_SECRET", "Delivered", "Unproven", "sign", "verify"]

SHORTEST_SECRET = 16
"""Characters of a secret, at least."""

LONGEST_CALLBACK = 250
"""Bytes that :func:`sign`'s object adds to a message's JSON, at most."""

_PURPOSE = "pullmedic.teams.delivered.1"
_KEY = re.compile(r"[A-Za-z0-9-]{1,64}")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_LONGEST_BODY = 4096
_LATEST = timedelta(days=1)
_AHEAD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The flow posted the card of the notice ``key``, which was sent at ``sent_at`` (UTC, whole seconds)."""

    key: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Unproven:
    """Why a request proves nothing; ``problem`` shows neither the secret nor what was sent."""

    problem: str


def sign(key: str, *, secret: Secret, now: datetime) -> dict[str, str]:
    """Return what the flow sends back for the notice ``key``, sent at ``now``."""
    sent_at = str(int(now.timestamp()))
    return {"key": key, "sent_at": sent_at, "signature": _signature(key, sent_at, secret)}


def verify(body: bytes, headers: Mapping[str, str], secret: Secret, now: datetime) -> Delivered | Unproven:
    """Tell whether ``body`` is what :func:`sign` made with ``secret`` at most a day ago. Pure; never raises.

    ``headers`` may be of any case. Several destinations may each have a secret: the one that proves the request tells
    which it is.
    """
    if len(secret.reveal()) < SHORTEST_SECRET:
        return Unproven("no secret is set that could prove it")
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        return Unproven("its content type is not application/json")
    said = _read(body)
    if said is None:
        return Unproven("it is not the object that came with the message")
    key, sent_at, signature = said
    if not hmac.compare_digest(signature, _signature(key, sent_at, secret)):
        return Unproven("its signature is not of this secret")
    return _in_time(key, datetime.fromtimestamp(int(sent_at), UTC), now)


def _in_time(key: str, sent_at: datetime, now: datetime) -> Delivered | Unproven:
    if not -_AHEAD <= now - sent_at <= _LATEST:
        return Unproven("it is of another day")
    return Delivered(key, sent_at)


def _read(body: bytes) -> tuple[str, str, str] | None:
    """Return key, time and signature where each has its form."""
    if len(body) > _LONGEST_BODY:
        return None
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    key, sent_at, signature = (str(said.get(name)) for name in ("key", "sent_at", "signature"))
    usable = _KEY.fullmatch(key) and re.fullmatch(r"[0-9]{1,11}", sent_at) and _SIGNATURE.fullmatch(signature)
    return (key, sent_at, signature) if usable else None


def _signature(key: str, sent_at: str, secret: Secret) -> str:
    said = f"{_PURPOSE}.{key}.{sent_at}".encode()
    return hmac.new(secret.reveal().encode("utf-8", "surrogatepass"), said, sha256).hexdigest()
