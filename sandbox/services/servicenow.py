"""halvorsen.service-now.com: the incident table, as the Table API has it.

Values are text; a field above its length is cut in silence, and one that the user may not write is left out in silence.
The password of ``pullmedic`` and the OAuth token are the sentinel; with ``-limited`` behind it, it is one of a user who
may not write ``correlation_id``. A closed incident keeps its state, whatever is asked.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.azure import Azure
from sandbox.services import Service
from sandbox.wire import Answer, Reply, Request, json_answer

__all__ = ["HOST", "USER", "build"]

HOST = "halvorsen.service-now.com"
USER = "pullmedic"
_PATH = re.compile(r"/api/now/table/(?P<table>[a-z_]+)(?:/(?P<id>[0-9a-f]{32}))?")
_QUERY = re.compile(r"correlation_id=((?:[^^]|\^\^)*)\^ORDERBYDESCsys_updated_on")
_LENGTHS = {"short_description": 160, "description": 4000, "correlation_id": 100, "close_notes": 4000}
_CODES = ("Solution provided", "Workaround provided", "Duplicate", "No resolution provided", "Resolved by caller")
_LIMITED = "-limited"
_USUAL = {
    400: ("Invalid table", None),
    401: ("User Not Authenticated", "Required to provide Auth information"),
    403: ("Operation Failed", "ACL Exception Insert Failed due to security constraints"),
    404: ("No Record found", "Record doesn't exist or ACL restricts the record retrieval"),
    429: ("Rate limit exceeded", None),
}


def build(azure: Azure) -> Service:
    """Return the service."""
    return _ServiceNow(azure)


class _ServiceNow:
    def __init__(self, azure: Azure) -> None:
        self._azure, self._lock = azure, threading.Lock()
        self._records: list[dict[str, str]] = []

    def knows(self, host: str) -> bool:
        return host == HOST

    def answer(self, request: Request) -> Reply | None:
        token = self._token(request)
        if token not in (self._azure.sentinel, self._azure.sentinel + _LIMITED):
            return self.error(request, 401, None, None)
        found = _PATH.fullmatch(request.path)
        if found is None or found["table"] != "incident":
            return self.error(request, 400, None, None)
        with self._lock:
            return self._answer(request, found["id"], limited=token.endswith(_LIMITED))

    def _token(self, request: Request) -> str:
        if request.bearer:
            return request.bearer
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        user, _, password = base64.b64decode(value or "").decode("utf-8", "replace").partition(":")
        return password if (kind, user) == ("Basic", USER) else ""

    def _answer(self, request: Request, sys_id: str | None, *, limited: bool) -> Reply | None:
        if sys_id is None:
            if request.method == "POST":
                return self._insert(request, limited=limited)
            return self._list(request) if request.method == "GET" else None
        record = next((one for one in self._records if one["sys_id"] == sys_id), None)
        if record is None:
            return self.error(request, 404, None, None)
        if request.method == "PATCH":
            return self._update(request, record, limited=limited)
        return json_answer(200, {"result": _shown(record, request)}) if request.method == "GET" else None

    def _list(self, request: Request) -> Answer:
        found = _QUERY.fullmatch(request.query.get("sysparm_query", ""))
        # A part that cannot be read is left out of an encoded query, which then finds more, not less.
        wanted = found[1].replace("^^", "^") if found else None
        mine = [one for one in self._records if wanted is None or one["correlation_id"] == wanted]
        mine.sort(key=lambda one: (one["sys_updated_on"], one["number"]), reverse=True)
        limit = int(request.query.get("sysparm_limit", "10000"))
        return json_answer(200, {"result": [_shown(one, request) for one in mine[:limit]]})

    def _insert(self, request: Request, *, limited: bool) -> Answer:
        number, now = len(self._records) + 1, self._now()
        record = {
            "sys_id": f"{number:032x}",
            "number": f"INC{10_000 + number:07d}",
            "state": "1",
            "close_code": "",
            "close_notes": "",
            "correlation_id": "",
            "resolved_at": "",
            "closed_at": "",
            "work_notes": "",
            "sys_created_on": now,
            "sys_updated_on": now,
        }
        self._write(record, request.json(), limited=limited)
        self._records.append(record)
        return json_answer(201, {"result": _shown(record, request)})

    def _update(self, request: Request, record: dict[str, str], *, limited: bool) -> Answer:
        sent = request.json()
        if sent.get("state") == "6" and (sent.get("close_code") not in _CODES or not sent.get("close_notes")):
            detail = "Data Policy Exception: the following fields are mandatory: Resolution code, Resolution notes"
            return self.error(request, 403, detail, None)
        self._write(record, sent, limited=limited)
        return json_answer(200, {"result": _shown(record, request)})

    def _write(self, record: dict[str, str], sent: Mapping[str, Any], *, limited: bool) -> None:
        written = {name: str(value)[: _LENGTHS.get(name, 4000)] for name, value in sent.items()}
        written = {name: value for name, value in written.items() if not (limited and name == "correlation_id")}
        note = written.pop("work_notes", "")
        if record["state"] == "7":
            written.pop("state", None)
        state = written.get("state", record["state"])
        if state != record["state"]:
            record["resolved_at"] = self._now() if state == "6" else ""
            record["closed_at"] = self._now() if state in ("7", "8") else ""
        record |= written
        record["sys_updated_on"] = self._now()
        if note:
            entry = f"{record['sys_updated_on']} - Pullmedic (Work notes)\n{note}\n\n"
            record["work_notes"] = entry + record["work_notes"]

    def _now(self) -> str:
        return datetime.fromtimestamp(self._azure.tokens.now(), UTC).strftime("%Y-%m-%d %H:%M:%S")

    def error(self, _request: Request, status: int, code: str | None, message: str | None) -> Answer:
        usual = _USUAL.get(status, ("Transaction failed", None))
        error = {"message": message or usual[0], "detail": code or usual[1]}
        return json_answer(status, {"error": error, "status": "failure"})


def _shown(record: Mapping[str, str], request: Request) -> dict[str, str]:
    """A journal's entries are shown only as display values; raw, the field is empty."""
    wanted = request.query.get("sysparm_fields", "")
    shown = {name: record.get(name, "") for name in (wanted.split(",") if wanted else record)}
    if request.query.get("sysparm_display_value", "false") != "true" and "work_notes" in shown:
        shown["work_notes"] = ""
    return shown
