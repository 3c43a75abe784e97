"""Requests for an incident's page: a page or a refusal, and a decision only by a form of the page and who may decide."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from drawing import Draw

from responders.blocks import Block, Kind, Report, Text
from responders.declarations import Secret
from responders.fixes.audit import AuditEntry
from responders.fixes.record import Decision, Fix, FixState
from responders.fixes.seen import FixSeen, Pending
from responders.fixes.values import Approvers, FixMode, Plan
from responders.incidents import Incident, IncidentState
from responders.pages.serving import Request, Rules, serve
from responders.pages.tokens import Bound, issue
from responders.store import ClaimResult

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = Secret("0123456789abcdef0123456789abcdef0123456789abcdef")
PERSON = "0f1e0f1e-0f1e-0f1e-0f1e-0f1e0f1e0f1e"
GROUP = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-0000-4000-8000-000000000001"
PAGE = "https://app.example"
ENVIRON = {
    "WEBSITE_AUTH_ENABLED": "True",
    "WEBSITE_INSTANCE_ID": "x",
    "WEBSITE_AUTH_OPENID_ISSUER": f"https://login.microsoftonline.com/{TENANT}/v2.0",
}
PLAN = Plan(
    incident_id="inc-1",
    cause="pull-role-missing",
    workspace_id="/w",
    run_id="r",
    registry_id="/r",
    registry_name="acr1",
    principal_id=PERSON,
    principal_words="<script>alert(1)</script>",
    role_name="AcrPull",
    role_id="7f951dda-4ed3-4680-a7ca-43fe172d538d",
)
FIX = Fix(incident_id="inc-1", mode=FixMode.APPROVE, state=FixState.WAITING, planned_at=NOW, changed_at=NOW, plan=PLAN)
INCIDENT = Incident(
    id="inc-1", fingerprint="inc", serial=1, state=IncidentState.OPEN, verdict="pull-role-missing", status="confirmed",
    symptom="unauthorized", target="t", headline="<script>alert(1)</script>", workspace_id="/w", workspaces=("/w",),
    run_id="r", root_run_id="r", evidence_key="e", opened_at=NOW, failed_at=NOW, last_at=NOW,
)  # fmt: skip
CLAIMS = [
    {"typ": "http://schemas.microsoft.com/identity/claims/objectidentifier", "val": PERSON},
    {"typ": "http://schemas.microsoft.com/identity/claims/tenantid", "val": TENANT},
    {"typ": "name", "val": "Kim"},
    {"typ": "groups", "val": GROUP},
]
PRINCIPAL = {"auth_typ": "aad", "claims": CLAIMS, "name_typ": "name", "role_typ": "roles"}
KEYS = (*PRINCIPAL, "typ", "val")
SEEDS = (
    b"\x00",
    b"\x00" + bytes(range(60)),
    b"\x01" + bytes(range(90)),
    b"\x03" + bytes(range(5, 95)),
    b"\x07action=approve",
)
TOKENS = (b"action=", b"&token=", b"&digest=", b"&confirmed=yes", b"undo", b"%0d%0aSet-Cookie:x")


class _Desk:
    """A desk of one incident that writes down what is asked of it."""

    def __init__(self) -> None:
        self.decided: list[Decision] = []
        self.refused: list[str] = []
        self.fixed = FIX
        self.claimed: set[str] = set()

    rules = Rules(environ=ENVIRON, approvers=Approvers(groups=frozenset({GROUP})), page_url=PAGE, page_key=KEY)

    def now(self) -> datetime:
        return NOW

    def incident(self, incident_id: str) -> Incident | None:
        return INCIDENT if incident_id == "inc-1" else None

    def fix(self, incident_id: str) -> Fix | None:
        return self.fixed

    def seen(self, incident: Incident) -> FixSeen | Pending | None:
        return None

    def report(self, incident: Incident, seen: FixSeen | None) -> Report:
        line = Text("<script>alert(1)</script>")
        return Report(headline=line.text, next_step=Block(Kind.NEXT_STEP, (line,)), verdict="pull-role-missing")

    def history(self, incident_id: str) -> Sequence[AuditEntry] | None:
        return ()

    def may_approve(self, fix: Fix) -> bool:
        return fix.may_be_decided

    def approve(self, incident_id: str, digest: str, by: Decision) -> str:
        self.decided.append(by)
        self.fixed = replace(FIX, state=FixState.APPROVED, decision=by)
        return "approved"

    def reject(self, incident_id: str, digest: str, by: Decision) -> str:
        self.decided.append(by)
        self.fixed = replace(FIX, state=FixState.REJECTED, decision=by)
        return "rejected"

    def ask_undo(self, incident_id: str, by: Decision) -> str:
        self.decided.append(by)
        return "undone"

    def refuse(self, incident_id: str, by: Decision, why: str) -> None:
        self.refused.append(why)

    def advance(self, incident_id: str) -> None:
        pass

    def claim(self, key: str) -> ClaimResult:
        taken = key in self.claimed
        self.claimed.add(key)
        return ClaimResult.DONE if taken else ClaimResult.ACQUIRED

    def complete(self, key: str) -> None:
        pass

    def release(self, key: str) -> None:
        pass


def fuzz(data: bytes) -> None:
    """Hold the page to its promise."""
    draw = Draw(data)
    form = draw.byte()
    token = issue(Bound(incident_id="inc-1", digest=PLAN.digest, action="approve", person_id=PERSON), key=KEY, now=NOW)
    fields = {"action": "approve", "digest": PLAN.digest, "token": token, "confirmed": "yes"}
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": PAGE,
        "X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(PRINCIPAL).encode()).decode(),
    }
    honest = True
    if form & 1:
        fields[draw.pick((*fields, "reason"))] = draw.text()
        honest = False
    if form & 2:
        found = draw.json(KEYS)
        told = {**PRINCIPAL, **found} if isinstance(found, dict) else found
        headers["X-MS-CLIENT-PRINCIPAL"] = base64.b64encode(json.dumps(told).encode()).decode()
        honest = False
    if form & 8:
        headers[draw.pick(("Origin", "Sec-Fetch-Site", "Content-Type", "Cookie", "Referer"))] = draw.text()
        honest = False
    body = urlencode(fields, errors="replace").encode()
    if form & 4:
        body, honest = draw.rest(), False
    desk = _Desk()
    incident = draw.text() if form & 16 else "inc-1"
    for method in ("GET", "HEAD"):
        said = serve(Request(method=method, incident_id=incident, headers=headers), desk)
        _sound(said.status, said.headers, said.body)
        assert not desk.decided
    said = serve(Request(method="POST", incident_id=incident, headers=headers, body=body), desk)
    _sound(said.status, said.headers, said.body)
    assert (said.status == 303) == bool(desk.decided)
    assert not (honest and incident == "inc-1") or said.status == 303
    for decision in desk.decided:
        assert decision.by_id == PERSON
        assert token in body.decode()
    again = serve(Request(method="POST", incident_id=incident, headers=headers, body=body), desk)
    assert again.status != 303
    assert len(desk.decided) <= 1
    late = _Desk()
    late.now = lambda: NOW + timedelta(minutes=16)  # type: ignore[method-assign]
    assert serve(Request(method="POST", incident_id=incident, headers=headers, body=body), late).status != 303


def _sound(status: int, headers: Mapping[str, str], body: str) -> None:
    assert status in (200, 303, 400, 401, 403, 404, 409)
    assert "<script>" not in body
    for name, value in headers.items():
        assert name.isascii()
        assert value.isascii()
        assert value.isprintable()
