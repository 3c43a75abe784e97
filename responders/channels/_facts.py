"""What the channels that machines read have in common: an incident as plain JSON, and one id for each thing said."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from diagnostics.redaction import redact
from responders.blocks import Report
from responders.clouds import is_plain_link
from responders.notices import FixSummary, IncidentSummary, Notice, NoticeKind
from responders.wording import cut, one_line

__all__ = ["SCHEMA", "iso", "json_cost", "link", "message_id", "occurred_at", "page", "short", "summary"]

SCHEMA = 1
"""Version of what is sent; a field that changes its meaning raises it, a new one does not."""

_TEXT = 400
_LINK = 2_000
_NAMES = 10


def message_id(notice: Notice) -> str:
    """Return the same id for each try at the same notice, and another one for whatever else is said of its incident.

    Letters, digits, ``-`` and ``_`` alone, so that it can stand in a header and in what is signed.
    """
    incident = notice.incident
    said = f"{notice.key}_{notice.kind.value}_{incident.count if incident else 0}"
    fix = incident.fix if incident and notice.kind is NoticeKind.FIX else None
    return f"{said}_{fix.serial}" if fix is not None else said


def occurred_at(notice: Notice, now: datetime) -> datetime:
    """Return when what the notice tells of happened; ``now`` where it tells of no incident."""
    incident = notice.incident
    if incident is None:
        return now
    if notice.kind is NoticeKind.FIX and incident.fix is not None:
        return incident.fix.changed_at
    return incident.resolved_at or incident.last_at


def summary(incident: IncidentSummary) -> dict[str, Any]:
    """Return the incident's facts as JSON: times in UTC, the newest ten workspaces and runs, no secret, no prose.

    ``fix`` is there where the incident has one.
    """
    return {
        "id": short(incident.id),
        "fingerprint": short(incident.fingerprint),
        "state": short(incident.state),
        "cause": short(incident.cause),
        "status": short(incident.status),
        "target": short(incident.target),
        "workspaces": [short(name) for name in incident.workspaces[:_NAMES]],
        "count": incident.count,
        "opened_at": iso(incident.opened_at),
        "last_at": iso(incident.last_at),
        "resolved_at": iso(incident.resolved_at) if incident.resolved_at else None,
        "runs": [short(name) for name in incident.runs[:_NAMES]],
        **({"correlation_id": short(incident.correlation_id)} if incident.correlation_id else {}),
        **({"fix": _fix(incident.fix)} if incident.fix is not None else {}),
    }


def page(report: Report) -> dict[str, str]:
    """Return the address of the incident's own page as a member, where there is one."""
    address = link(report.page_url)
    return {"page_url": address} if address else {}


def short(text: str) -> str:
    """Return a name that somebody may have chosen: redacted, on one line, within 400 bytes of JSON."""
    return cut(one_line(redact(text[: 4 * _TEXT])), _TEXT, json_cost).text


def link(url: str) -> str:
    """Return an address that is plain and not too long, else nothing."""
    return url if len(url) <= _LINK and is_plain_link(url) else ""


def _fix(fix: FixSummary) -> dict[str, Any]:
    names = {name: short(value) for name, value in asdict(fix).items() if isinstance(value, str)}
    return {"serial": fix.serial, "changed_at": iso(fix.changed_at), **names}


def iso(time: datetime) -> str:
    """Return a time as RFC 3339 writes it, in UTC."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@lru_cache(maxsize=4096)
def json_cost(character: str) -> int:
    """Return the bytes that a character takes in the final JSON."""
    return len(json.dumps(character, ensure_ascii=False).encode("utf-8", "replace")) - 2
