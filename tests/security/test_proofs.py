"""Secrets and signatures are compared in constant time, at every door that takes one."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from responders.declarations import Secret
from responders.pages.tokens import Bound, Broken, Spoken, issue, read_said, say, verify
from responders.slack_requests import answer
from responders.teams_callback import Delivered, Unproven, sign
from responders.teams_callback import verify as verify_callback

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = Secret("0123456789abcdef0123456789abcdef")
BOUND = Bound(incident_id="inc-1", digest="0" * 16, action="approve", person_id="p")


def slack(signature: str = "") -> int:
    """Send a signed request of Slack, or one with another signature; return the status."""
    stamp, body = str(int(NOW.timestamp())), b"ssl_check=1"
    signed = "v0=" + hmac.new(KEY.reveal().encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature or signed,
    }
    return answer(headers, body, secret=KEY, now=NOW, enqueue=lambda _: None).status


def teams(signature: str = "") -> Delivered | Unproven:
    """Send a flow's callback, or one with another signature; return what it proves."""
    said = sign("inc-1-opened", secret=KEY, now=NOW)
    body = json.dumps({**said, "signature": signature or said["signature"]}).encode()
    return verify_callback(body, {"Content-Type": "application/json"}, KEY, NOW)


def form(signature: str = "") -> str:
    """Send a form's token, or one with another signature; return what it is called, or why it proves nothing."""
    token = issue(BOUND, key=KEY, now=NOW)
    token = token.rpartition(".")[0] + f".{signature}" if signature else token
    try:
        return verify(token, BOUND, key=KEY, now=NOW)
    except Broken as error:
        return str(error)


def cookie(signature: str = "") -> Spoken | None:
    """Send the cookie of an answer, or one with another signature; return what it says."""
    told = say(Spoken("done", good=True), "inc-1", "p", key=KEY, now=NOW)
    told = told.rpartition(".")[0] + f".{signature}" if signature else told
    return read_said(told, "inc-1", "p", key=KEY, now=NOW)


DOORS = {"Slack": slack, "Teams": teams, "the page's form": form, "the page's cookie": cookie}


@pytest.mark.parametrize("door", DOORS)
def test_a_signature_is_compared_in_constant_time(door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the honest nor the forged one is told apart by how long it takes: ``compare_digest`` decides both."""
    compared: list[bool] = []
    genuine: Callable[[str, str], bool] = hmac.compare_digest

    def compare(one: str, other: str) -> bool:
        compared.append(genuine(one, other))
        return compared[-1]

    monkeypatch.setattr(hmac, "compare_digest", compare)
    forged = ("v0=" if door == "Slack" else "") + "0" * 64
    honest, false = DOORS[door](), DOORS[door](forged)
    assert compared == [True, False]
    assert honest != false
