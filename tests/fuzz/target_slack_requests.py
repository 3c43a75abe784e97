"""What Slack sends, signed by it or by nobody: an answer, and in the queue only what is sound and reads back as it was."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from urllib.parse import urlencode

from drawing import Draw

from responders.declarations import Secret
from responders.slack_requests import ABOUT_FIX, answer, interaction_from_json, interaction_to_json, may_answer_to

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = "0123456789abcdef0123456789abcdef"
URL = "https://hooks.slack.com/actions/T0/1/x"
PRESS = {
    "type": "block_actions",
    "user": {"id": "U0123", "username": "dana"},
    "channel": {"id": "C0123"},
    "response_url": URL,
    "trigger_id": "1.2.a",
    "actions": [{"action_id": "pullmedic_approve", "value": "inc-1 0123456789abcdef"}],
}
SNOOZE = {**PRESS, "actions": [{"action_id": "pullmedic_snooze", "selected_option": {"value": "inc-1 3600"}}]}
COMMAND = {
    "command": "/pullmedic",
    "text": "why calm_net_7xk2",
    "user_id": "U0123",
    "user_name": "dana",
    "channel_id": "C0123",
    "response_url": URL,
    "trigger_id": "t",
}
KEYS = (*PRESS, "id", "username", "name", "action_id", "value", "selected_option")
WORDS = (
    "why",
    "status",
    "snooze",
    "help",
    " ",
    "inc-1",
    "2h",
    "9999w",
    "calm_net_7xk2",
    "`",
    "<@U1>",
    "\u202e",
    "..",
    "a/b",
)
SEEDS = (
    b"\x00" + urlencode({"payload": json.dumps(PRESS)}).encode(),
    b"\x00" + urlencode({"payload": json.dumps(SNOOZE)}).encode(),
    b"\x00" + urlencode(COMMAND).encode(),
    b"\x00ssl_check=1",
    b"\x01" + bytes(range(120)),
    b"\x02\x05\x03" + bytes(range(40)),
)
TOKENS = (*(json.dumps(key).encode() for key in KEYS), b"%00", b"&payload=", b"%5C@", URL.encode(), b"pullmedic_undo")


def fuzz(data: bytes) -> None:
    """Hold the door for Slack to its promise."""
    draw = Draw(data)
    form = draw.byte()
    if form % 3 == 1:
        found = draw.json(KEYS)
        body = urlencode({"payload": json.dumps({**PRESS, **found} if isinstance(found, dict) else found)}).encode()
    elif form % 3 == 2:
        words = {"text": draw.text(WORDS), "user_name": draw.text(), "response_url": draw.pick((URL, draw.text()))}
        body = urlencode({**COMMAND, **words}, errors="replace").encode()
    else:
        body = draw.rest()
    stamp = str(int(NOW.timestamp()))
    signature = "v0=" + hmac.new(KEY.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature,
    }
    queued: list[str] = []
    said = answer(headers, body, secret=Secret(KEY), now=NOW, enqueue=queued.append)
    assert said.status in (200, 400, 401, 413)
    assert len(queued) <= (said.status == 200)
    for message in queued:
        asked = interaction_from_json(message)
        assert interaction_to_json(asked) == message
        assert may_answer_to(asked.response_url)
        assert asked.kind not in ABOUT_FIX or len(asked.offer) == 16
        assert "/" not in asked.subject
    forged: list[str] = []
    for changed in (headers | {"X-Slack-Signature": "v0=" + "0" * 64}, {"Content-Type": headers["Content-Type"]}):
        assert answer(changed, body, secret=Secret(KEY), now=NOW, enqueue=forged.append).status in (401, 413)
    assert answer(headers, body, secret=Secret(""), now=NOW, enqueue=forged.append).status == 403
    assert not forged
