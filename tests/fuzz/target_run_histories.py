"""Run history's document: details, quotable lines and links, or nonsense; redacted, bounded, storable."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from drawing import SECRET, SECRETS, Draw

from diagnostics.azure.errors import Nonsense
from diagnostics.codec import evidence_from_json, to_json
from diagnostics.logs import MOST_FILES, prioritise
from diagnostics.model import EVIDENCE_SCHEMA, Evidence, FailedRun
from diagnostics.redaction import redact
from diagnostics.run_document import error_excerpts, log_links, read_details

DOCUMENT = {
    "runId": "calm_net_7xk2",
    "status": "Failed",
    "startTimeUtc": "2026-11-20T12:00:00.1234567Z",
    "error": {
        "error": {"code": "UserError", "message": "denied", "details": [{"message": SECRETS[0]}], "innerError": {}}
    },
    "logFiles": {"system_logs/lifecycler/lifecycler.log": "https://a.blob.core.windows.net/c/l?sig=x"},
    "warnings": [{"message": "w"}],
    "runDefinition": {
        "environment": {"docker": {"baseImage": "acr1.azurecr.io/t:1", "baseImageRegistry": {"password": SECRET}}},
        "target": "cluster",
    },
    "properties": {"runSource": "SDK"},
}
KEYS = (
    *DOCUMENT,
    *(
        "message",
        "code",
        "details",
        "innerError",
        "environment",
        "docker",
        "baseImage",
        "baseImageRegistry",
        "username",
    ),
    *(
        "password",
        "rootRunId",
        "parentRunId",
        "endTimeUtc",
        "compute",
        "target",
        "targetType",
        "createdBy",
        "client_secret",
    ),
)
RUN = FailedRun(event_id="e", workspace_id="w", run_id="r", failed_at=datetime(2026, 11, 20, 12, tzinfo=UTC))
SEEDS = (
    b"\x00" + json.dumps(DOCUMENT).encode(),
    b"\x00" + json.dumps({**DOCUMENT, "startTimeUtc": "0001-01-01T00:00:00+14:00"}).encode(),
    b"\x01" + bytes(range(200)),
    b"\x01" + bytes(range(1, 250, 3)) * 3,
)
TOKENS = (*(json.dumps(key).encode() for key in KEYS), *(json.dumps(it).encode() for it in SECRETS), b"\\u001b[31m")


def fuzz(data: bytes) -> None:
    """Hold the reader of run history to its promise."""
    draw = Draw(data)
    try:
        found = draw.json(KEYS, 6) if draw.byte() % 2 else json.loads(draw.rest())
    except (ValueError, RecursionError):
        return
    if not isinstance(found, dict):
        return
    document = {**DOCUMENT, **found}
    names = log_links(document)
    assert len(prioritise(names)) <= MOST_FILES
    for excerpt in error_excerpts(document):
        for line in excerpt.lines:
            assert "\n" not in line
            assert "\x1b" not in line
            assert redact(line) == line
    try:
        details = read_details("calm_net_7xk2", document)
    except Nonsense:
        return
    kept = to_json(Evidence(schema=EVIDENCE_SCHEMA, run=RUN, taken_at=RUN.failed_at, details=details))
    assert to_json(evidence_from_json(kept, {})) == kept
    assert len(kept) < 2_000_000
