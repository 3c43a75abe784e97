"""What claims to come from a Teams flow: proven by its own signature, and by nothing that differs from it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from drawing import Draw

from responders.declarations import Secret
from responders.teams_callback import Delivered, sign, verify

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = Secret("0123456789abcdef0123456789abcdef")
SIGNED = sign("inc-1-opened", secret=KEY, now=NOW)
JSON = {"Content-Type": "application/json"}
SEEDS = (
    b"\x00" + json.dumps(SIGNED).encode(),
    b"\x00" + json.dumps({**SIGNED, "sent_at": int(SIGNED["sent_at"])}).encode(),
    b"\x00" + json.dumps({**SIGNED, "key": "inc-2-opened"}).encode(),
    b"\x01" + bytes(range(60)),
)
TOKENS = (*(json.dumps(key).encode() for key in SIGNED), b"99999999999", b"-1", b"null", b"\xff", b"[" * 50)


def fuzz(data: bytes) -> None:
    """Hold the proof to its promise."""
    draw = Draw(data)
    if draw.byte() % 2:
        found = draw.json(tuple(SIGNED))
        body = json.dumps({**SIGNED, **found} if isinstance(found, dict) else found).encode()
    else:
        body = draw.rest()
    for after in (timedelta(0), timedelta(hours=23), timedelta(days=2)):
        proof = verify(body, JSON, KEY, NOW + after)
        if isinstance(proof, Delivered):
            said = json.loads(body)
            assert {name: str(said[name]) for name in SIGNED} == SIGNED
            assert after < timedelta(days=1)
        else:
            assert KEY.reveal() not in proof.problem
    assert not isinstance(verify(body, JSON, Secret("another secret of 32 characters!"), NOW), Delivered)
    assert not isinstance(verify(body, {}, KEY, NOW), Delivered)
