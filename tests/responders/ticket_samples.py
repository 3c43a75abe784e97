"""Notices for tickets, and any notice at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import responder_samples as samples
from hypothesis import strategies as st

from responders.blocks import Block, Kind, Pair, Text
from responders.notices import IncidentSummary, Notice, NoticeKind
from responders.report import build_report

NOW = samples.NOW
KEY = "pm-3f9c2a77d1e04b5c"
HOSTILE = (
    "@halvorsen/admins #12 GH-3 www.evil.example https://evil.example/x?a=b <img src=x onerror=alert(1)> [a](http://b) "
    "**b** `c` :tada: <!-- --> ]]> a@b.example {code} [code]<script>[/code] @[6816f79cc0a8016401c5a33be04be441:Abel] "
    "[~accountid:5b10] ' OR 1=1 -- ^ORactive=true \" AND labels = x"
)


def incident(**changes: Any) -> IncidentSummary:
    """Return an incident of one run that failed at :data:`NOW`."""
    values: dict[str, Any] = {
        "id": "inc-3f9c-1",
        "fingerprint": "f1",
        "state": "open",
        "cause": "pull-role-missing",
        "status": "confirmed",
        "target": "acr1|0f1e",
        "workspaces": (samples.WORKSPACE,),
        "count": 1,
        "opened_at": NOW,
        "last_at": NOW,
        "runs": ("calm_net_7xk2",),
    }
    return IncidentSummary(**values | changes)


def notice(
    kind: NoticeKind = NoticeKind.OPENED, *, count: int = 1, after: timedelta = timedelta(0), **changes: Any
) -> Notice:
    """Return a notice of an incident of ``count`` runs, the last of which failed ``after`` the first."""
    report = build_report(samples.diagnosis(), samples.evidence(), stored_as="ws/run/evidence.json")
    state = Block(Kind.STATE, (Text(f"{count} runs since 2026-11-23 12:00 UTC."), Pair("Incident", "inc-3f9c-1")))
    values: dict[str, Any] = {
        "kind": kind,
        "key": KEY,
        "report": replace(report, blocks=(state, *report.blocks)),
        "incident": incident(count=count, last_at=NOW + after),
    }
    return Notice(**values | changes)


KEYS = st.from_regex(r"\A[A-Za-z0-9-]{1,64}\Z")
NOTICES = st.builds(
    Notice,
    kind=st.sampled_from(NoticeKind),
    key=KEYS,
    report=samples.REPORTS,
    incident=st.one_of(
        st.none(), st.builds(incident, id=samples.TEXTS, count=st.integers(0, 10**12), fingerprint=samples.TEXTS)
    ),
    possible_repeat=st.booleans(),
)
