"""An event in either schema: it is a run that a queue takes and reads back, is dropped, or is malformed; nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from drawing import Draw

from diagnostics.codec import completed_run_from_json, failed_run_from_json, to_json
from diagnostics.intake import RUN_STATUS_CHANGED, Dropped, Event, MalformedEvent, ended_run
from diagnostics.model import FailedRun

WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-ml"
    "/providers/Microsoft.MachineLearningServices/workspaces/ws-vision-1"
)
DATA = {"runId": "calm_net_7xk2", "runStatus": "Failed", "experimentName": "n", "runTags": {"a": "b"}, "createdBy": "x"}
KEYS = (*DATA, "RUNSTATUS", "runType", "experimentId", "runProperties")
MOST = 48 * 1024
"""Bytes of a message, which base64 makes 64 KiB of: more does a queue not take."""

TIMES = (
    None,
    datetime(2026, 11, 20, 12, tzinfo=UTC),
    datetime(2026, 11, 20, 12),  # noqa: DTZ001 - an event's time may come without a zone
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-14))),
)
SEEDS = (
    b"\x00" + json.dumps(DATA).encode(),
    b"\x00" + json.dumps({**DATA, "runStatus": "Completed"}).encode(),
    b"\x00" + json.dumps({**DATA, "runTags": {f"{n}\x01" * 50: "\x01" * 256 for n in range(20)}}).encode(),
    b"\x01\x02\x03\x04",
    b"\x03" + bytes(range(1, 120)),
)
TOKENS = (*(json.dumps(key).encode() for key in KEYS), b"Failed", b"Completed", b"\\ud800", b"\\u0001", b"null")


def fuzz(data: bytes) -> None:
    """Hold intake to its promise."""
    draw = Draw(data)
    form = draw.byte()
    time = TIMES[form // 4 % len(TIMES)]
    body: Any
    if form % 2:
        body = {**DATA, **found} if isinstance(found := draw.json(KEYS), dict) else found
        source, subject = draw.pick((WORKSPACE, draw.text())), draw.text()
    else:
        try:
            body = json.loads(draw.rest())
        except (ValueError, RecursionError):
            return
        source, subject = WORKSPACE, "experiments/x/runs/y"
    event = Event(id=draw.text(), type=RUN_STATUS_CHANGED, source=source, subject=subject, time=time, data=body)
    try:
        run = ended_run(event)
    except MalformedEvent as error:
        assert str(error).isprintable()
        return
    if isinstance(run, Dropped):
        assert run.reason.isprintable()
        return
    message = to_json(run)
    assert len(message.encode()) <= MOST
    again = failed_run_from_json(message) if isinstance(run, FailedRun) else completed_run_from_json(message)
    assert to_json(again) == message
    assert run.run_id.isprintable()
    assert "/" not in run.run_id
