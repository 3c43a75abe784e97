"""Notices of every kind, as the tests of several channels share them: the samples' diagnosis, told again and again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import fix_samples as fixes
import responder_samples as samples
from hypothesis import strategies as st

from responders.blocks import Block, Kind, Line, Pair, Report, Text
from responders.fixes.record import FixState
from responders.notices import FixSummary, IncidentSummary, Notice, NoticeKind
from responders.report import build_report, undeliverable_report

STORED = "ws-ml/calm_net_7xk2/evidence.json"


def incident(**changes: Any) -> IncidentSummary:
    """Return the incident that the samples' runs are of."""
    values: dict[str, Any] = {
        "id": "f1-1",
        "fingerprint": "f1",
        "state": "open",
        "cause": "pull-role-missing",
        "status": "confirmed",
        "target": "acr1|0f1e",
        "workspaces": (samples.WORKSPACE,),
        "count": 1,
        "opened_at": samples.NOW,
        "last_at": samples.NOW,
        "runs": ("calm_net_7xk2",),
    }
    return IncidentSummary(**values | changes)


def with_state(report: Report, *lines: Line) -> Report:
    """Return ``report`` with what its incident has come to, in the place where reports have it."""
    return replace(report, blocks=(Block(Kind.STATE, lines), *report.blocks))


def report() -> Report:
    """Return the report of the samples' diagnosis."""
    return build_report(samples.diagnosis(), samples.evidence(), stored_as=STORED)


def notice(kind: NoticeKind = NoticeKind.OPENED, **changes: Any) -> Notice:
    """Return a notice of ``kind``, with what its report and its incident say by then."""
    values: dict[str, Any] = {"kind": kind, "key": "f1-1-teams", **_BUILDERS[kind]()}
    return Notice(**values | changes)


def _opened() -> dict[str, Any]:
    return {"report": report(), "incident": incident()}


def _repeated() -> dict[str, Any]:
    said = Text("17 runs since 2026-11-23 12:00 UTC; first told of in the message of 12:00 UTC.")
    runs = tuple(f"calm_net_{number}" for number in range(17))
    later = incident(count=17, last_at=samples.NOW + timedelta(hours=2), runs=runs)
    return {"report": with_state(report(), said, Pair("Incident", "f1-1")), "incident": later}


def _resolved() -> dict[str, Any]:
    over = replace(
        report(),
        headline="Resolved: runs pull from acr1 again.",
        next_step=Block(Kind.NEXT_STEP, (Text("Nothing to do: the run brave_sun_1 started at 15:10 UTC."),)),
        status=None,
        blocks=(),
    )
    said = Text("17 runs failed from 12:00 to 14:00 UTC; first told of in the message of 12:00 UTC.")
    ended = incident(state="resolved", count=17, resolved_at=samples.NOW + timedelta(hours=3))
    return {"report": with_state(over, said, Pair("Incident", "f1-1")), "incident": ended}


def _reopened() -> dict[str, Any]:
    said = Text("Back after it was resolved at 15:10 UTC; first told of in the message of 12:00 UTC.")
    again = incident(count=18, last_at=samples.NOW + timedelta(hours=4))
    return {"report": with_state(report(), said, Pair("Incident", "f1-1")), "incident": again}


def without_links(text: str, report: Report) -> str:
    """Return ``text`` without our own addresses."""
    for title, url in (("run", report.run_url), ("incident", report.page_url)):
        text = text.replace(f"Open the {title}: {url.replace('@', '%40')}", "")
    return text


def fix_summary(words: str = "") -> FixSummary:
    """Return a fix as machines read it; every name in it is ``words`` where these are given."""
    facts = fixes.seen(FixState.VERIFIED).facts
    if not words:
        return facts
    return FixSummary(
        serial=facts.serial,
        state=words,
        changed_at=facts.changed_at,
        reason=words,
        registry=words,
        principal=words,
        role=words,
        repository=words,
        assignment=words,
    )


def _fix() -> dict[str, Any]:
    """Build what a place without edits gets: what became of the fix, as a message of its own."""
    seen = fixes.seen(FixState.VERIFIED)
    step = Block(Kind.NEXT_STEP, (Text(seen.next_step),))
    told = replace(
        report(),
        headline=seen.headline,
        next_step=step,
        status=None,
        blocks=(Block(Kind.FIX, seen.lines),),
        page_url=fixes.PAGE,
    )
    said = Text("First told of here at 2026-11-23 12:00 UTC.")
    return {"report": with_state(told, said, Pair("Incident", "f1-1")), "incident": incident(fix=fix_summary())}


def _digest() -> dict[str, Any]:
    said = Report(
        headline="3 incidents are open, 41 runs failed in the last hour.",
        next_step=Block(Kind.NEXT_STEP, (Text("Begin with f1-1: it stops 17 runs."),)),
        verdict="digest",
        blocks=(
            Block(
                Kind.STATE,
                (
                    Pair("f1-1, 17 runs", "cpu-4's identity may not pull from acr1"),
                    Pair("f2-1, 20 runs", "the tag 4.2 of turbines/train does not exist"),
                    Pair("f3-1, 4 runs", "acr2 refuses 20.1.2.3"),
                ),
            ),
        ),
    )
    return {"report": said, "incident": None}


def _undeliverable() -> dict[str, Any]:
    return {"report": undeliverable_report(samples.run(), "Azure did not answer in six tries"), "incident": None}


def _test() -> dict[str, Any]:
    said = Report(
        headline="This is a test of Pullmedic.",
        next_step=Block(Kind.NEXT_STEP, (Text("Nothing to do: messages arrive here."),)),
        verdict="test",
    )
    return {"report": said, "incident": None}


_BUILDERS = {
    NoticeKind.OPENED: _opened,
    NoticeKind.REPEATED: _repeated,
    NoticeKind.RESOLVED: _resolved,
    NoticeKind.REOPENED: _reopened,
    NoticeKind.FIX: _fix,
    NoticeKind.DIGEST: _digest,
    NoticeKind.UNDELIVERABLE: _undeliverable,
    NoticeKind.TEST: _test,
}

_KEYS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", min_size=1, max_size=64)
_TIMES = st.datetimes(timezones=st.just(samples.NOW.tzinfo))
_INCIDENTS = st.builds(
    IncidentSummary,
    id=samples.TEXTS,
    fingerprint=samples.TEXTS,
    state=samples.TEXTS,
    cause=samples.TEXTS,
    status=samples.TEXTS,
    target=samples.TEXTS,
    workspaces=st.lists(samples.TEXTS, max_size=40).map(tuple),
    count=st.integers(0, 10**6),
    opened_at=_TIMES,
    last_at=_TIMES,
    resolved_at=st.none() | _TIMES,
    runs=st.lists(samples.TEXTS, max_size=40).map(tuple),
    fix=st.none()
    | st.builds(
        FixSummary,
        serial=st.integers(1, 10**6),
        state=samples.TEXTS,
        changed_at=_TIMES,
        reason=samples.TEXTS,
        registry=samples.TEXTS,
        principal=samples.TEXTS,
        role=samples.TEXTS,
        repository=samples.TEXTS,
        assignment=samples.TEXTS,
    ),
)
NOTICES = st.builds(
    Notice,
    kind=st.sampled_from(NoticeKind),
    key=_KEYS,
    report=samples.REPORTS,
    incident=st.none() | _INCIDENTS,
    possible_repeat=st.booleans(),
)
"""Any notice at all: every word of it by somebody who means ill, but for its key."""
