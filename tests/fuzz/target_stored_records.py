"""What lies in the store, as it was written or as somebody spoilt it: read back the same, or refused by name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from drawing import Draw

from diagnostics.classification import classify
from diagnostics.codec import EvidenceUnreadable, diagnosis_from_json, evidence_from_json, to_json
from diagnostics.judging import judge
from diagnostics.logs import excerpts_of_text
from diagnostics.model import EVIDENCE_SCHEMA, Evidence, FailedRun
from diagnostics.probing import fact_types
from responders.store import MOST_UNITS, RecordTooLarge
from responders.stores.entities import kept_body, kept_name, name_from
from responders.stores.keys import document_key, safe_key

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = FailedRun(event_id="e", workspace_id="/w", run_id="r", failed_at=AT, tags={"a": "b"})
SYMPTOMS = classify(
    excerpts_of_text("x.log", "toomanyrequests: You have reached your pull rate limit. docker.io/library/python:3\n")
)
EVIDENCE = Evidence(schema=EVIDENCE_SCHEMA, run=RUN, taken_at=AT, symptoms=SYMPTOMS)
WHOLE = json.loads(to_json(EVIDENCE))
KEYS = (*WHOLE, *WHOLE["run"], "known", "unknown", "value", "source", "time", "reason", "vantage", *fact_types())
SEEDS = (
    b"\x00" + to_json(EVIDENCE).encode(),
    b"\x00" + to_json(judge(EVIDENCE)).encode(),
    b"\x01" + bytes(range(120)),
    b"\x02" + bytes(range(60)),
    b"\x00" + b"[" * 5000,
)
TOKENS = (
    *(json.dumps(key).encode() for key in KEYS),
    b"1" * 400,
    b"\\ud800",
    b"-0001-01-01",
    b"0001-01-01T00:00:00+14:00",
)


def fuzz(data: bytes) -> None:
    """Hold what reads the store to its promise."""
    draw = Draw(data)
    form = draw.byte() % 3
    if form == 2:
        _names(draw)
        return
    if form == 1:
        found = draw.json(KEYS, 6)
        text = json.dumps({**WHOLE, **found} if isinstance(found, dict) else found)
    else:
        text = draw.rest().decode("utf-8", "replace")
    evidence = _read(lambda: evidence_from_json(text, fact_types()))
    if evidence is not None:
        kept = to_json(evidence)
        assert evidence_from_json(kept, fact_types()) == evidence
        assert to_json(judge(evidence)) == to_json(judge(evidence_from_json(kept, fact_types())))
    diagnosis = _read(lambda: diagnosis_from_json(text))
    if diagnosis is not None:
        assert diagnosis_from_json(to_json(diagnosis)) == diagnosis


def _read(read: Any) -> Any:
    try:
        return read()
    except EvidenceUnreadable as error:
        assert str(error)
        return None


def _names(draw: Draw) -> None:
    """No name that anybody chose leads out of its folder, and each has a key of its own."""
    one, other = draw.text(), draw.text()
    for key in (safe_key(one), *document_key(one, other, "evidence").removesuffix(".json").split("/")):
        assert key not in ("", ".", "..")
        assert not set(key) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~")
    assert (safe_key(one) == safe_key(other)) == (one == other)
    assert len(document_key(one, other, one)) <= 1_024
    try:
        assert name_from(kept_name(one)) == one
        kept = kept_body(json.dumps({"a": one}, ensure_ascii=False))
        assert len(kept.encode("utf-16-le")) // 2 <= MOST_UNITS
        assert json.loads(kept) == {"a": one}
    except RecordTooLarge:
        assert len(one) > 1_000
