"""Any message of a queue: read as what it is, or refused by the one error that sends it to its poison queue."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from drawing import Draw

from diagnostics.codec import EvidenceUnreadable, completed_run_from_json, failed_run_from_json, to_json
from diagnostics.model import CompletedRun, FailedRun
from responders.slack_requests import (
    Interaction,
    InteractionKind,
    Malformed,
    interaction_from_json,
    interaction_to_json,
)
from responders.subjects import Subject

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = FailedRun(event_id="e", workspace_id="/w", run_id="r", failed_at=AT, tags={"a": "b"})
DONE = CompletedRun(workspace_id="/w", run_id="r", completed_at=AT)
ASKED = Interaction(
    kind=InteractionKind.APPROVE,
    key="k",
    user_id="U1",
    user_name="dana",
    channel="C1",
    at=AT,
    subject="inc-1",
    offer="0123456789abcdef",
    response_url="https://hooks.slack.com/actions/T0/1/x",
)
MESSAGES = (to_json(RUN), to_json(DONE), interaction_to_json(ASKED), Subject.pipeline("/w", "r").to_json())
KEYS = tuple(dict.fromkeys(key for message in MESSAGES for key in json.loads(message)))
SEEDS = (*(b"\x00" + message.encode() for message in MESSAGES), b"\x00" + b"[" * 49_000, b"\x01" + bytes(range(80)))
TOKENS = (*(json.dumps(key).encode() for key in KEYS), b"0001-01-01T00:00:00+14:00", b"9" * 400, b"null", b"\\ud800")


def fuzz(data: bytes) -> None:
    """Hold every reader of a queue to its promise."""
    draw = Draw(data)
    if draw.byte() % 2:
        base, found = json.loads(draw.pick(MESSAGES)), draw.json(KEYS)
        text = json.dumps({**base, **found} if isinstance(found, dict) else found)
    else:
        text = draw.rest().decode("utf-8", "replace")
    for read in (failed_run_from_json, completed_run_from_json):
        try:
            run = read(text)
        except EvidenceUnreadable:
            continue
        assert read(to_json(run)) == run
    try:
        asked = interaction_from_json(text)
    except Malformed as error:
        assert "cannot be read" in str(error)
    else:
        assert interaction_from_json(interaction_to_json(asked)) == asked
    try:
        subject = Subject.from_json(text)
    except ValueError:
        return
    assert Subject.from_json(subject.to_json()) == subject
    if subject.kind == "pipeline":
        try:
            assert len(subject.place) == 2
        except ValueError:
            return
