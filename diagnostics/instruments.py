"""Every metric, span and attribute by name, with unit and meaning: what dashboards and alerts can rely on.

``docs/telemetry.md`` and the queries of ``infra/`` are made from these tables. Dimensions have few values, all of them
names of ours: verdicts, reasons, destinations as the settings call them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ATTRIBUTES", "INSTRUMENTS", "PREFIX", "SPANS", "Instrument", "Kind"]

PREFIX = "pullmedic."


class Kind(StrEnum):
    """How a metric adds up."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One metric; without ``told`` it is not written to the log, since it counts too often for that."""

    kind: Kind
    unit: str
    description: str
    dimensions: tuple[str, ...] = ()
    told: bool = True


def _counter(unit: str, description: str, *dimensions: str, told: bool = True) -> Instrument:
    return Instrument(Kind.COUNTER, f"{{{unit}}}", description, dimensions, told)


INSTRUMENTS: Mapping[str, Instrument] = {
    "failures": _counter(
        "run",
        "Failed runs that were judged, by verdict (a cause's name, or why there is none). `outcome` is `opened` or"
        " `counted` (to an incident that is open), or `silent`.",
        "verdict",
        "status",
        "outcome",
    ),
    "time_to_message": Instrument(
        Kind.HISTOGRAM,
        "s",
        "From the failure to the first message about it, by destination.",
        ("destination",),
    ),
    "unknown_facts": _counter(
        "fact", "Facts that could not be read, by probe and kind of obstacle.", "probe", "reason"
    ),
    "feedback": _counter(
        "answer", "What people said of a diagnosis: `right` or `wrong`. Who says it again counts again.", "said"
    ),
    "fix": _counter("fix", "States that fixes reached, by name.", "state"),
    "fix_applied": _counter("fix", "Role assignments that a fix wanted; `created` where it was not there.", "created"),
    "fix_declined": _counter("fix", "Fixes that were not offered, by named reason.", "reason"),
    "fix_refused": _counter("decision", "Decisions on a fix that were refused, by the way they came.", "via"),
    "held": _counter(
        "message",
        "Messages that were not sent, by named reason; `destination` where it was about one.",
        "reason",
        "destination",
    ),
    "notified": _counter("message", "Messages and tickets that a destination took.", "destination", "kind", "repeat"),
    "not_taken": _counter("try", "Tries that a destination did not take; most are tried again.", "destination"),
    "undeliverable": _counter("message", "Messages that were given up, by destination.", "destination"),
    "undiagnosed": _counter("run", "Failed runs that ended without a diagnosis, by what was in the way.", "kind"),
    "lost": _counter("message", "Queue messages that were given up after every try, by queue.", "queue"),
    "resolved": _counter("incident", "Incidents that ended, by a later `run` or by the `sweep`.", "by"),
    "missed": _counter("run", "Failures that no event told of and the sweep found.", "found_by", "kind"),
    "sweep_held": _counter("look", "Looks of the sweep that were put off, by reason.", "reason"),
    "sweep_alert": _counter("look", "What the sweep could not look at, said as an alert.", "about"),
    "swept": _counter("sweep", "Sweeps, one each five minutes: no sweep means that no function runs."),
    "self_test": _counter("test", "Self-tests that `passed` or `failed`, and at which station.", "result", "station"),
    "azure_calls": _counter(
        "call", "Calls to Azure, by service and HTTP status (`none`: no answer came).", "service", "status", told=False
    ),
}
"""Metrics by name, without their prefix. A self-test's own are the same with ``drill.`` in front."""

SPANS: Mapping[str, str] = {
    "intake": "An event is read and handed to its queue.",
    "diagnose": "A failed run is handled, from its queue message to what has news.",
    "evidence": "Run, logs and live facts are read.",
    "probe": "One fact is read.",
    "judge": "The evidence is judged.",
    "resolve": "A completed run is held against what is open.",
    "notify": "One destination is told.",
    "ticket": "One tracker is brought up to date.",
    "fix": "One step of a fix.",
}

ATTRIBUTES: Mapping[str, str] = {
    "pullmedic.correlation_id": "The id of the event that the work goes back to; see above.",
    "pullmedic.incident_id": "The incident.",
    "pullmedic.run_id": "The run.",
    "pullmedic.verdict": "The cause's name, or why there is none.",
    "pullmedic.status": "`confirmed` or `likely`.",
    "pullmedic.outcome": "What came of it, by name: `known`, `unknown`, `taken`, `not-taken`, a record's outcome.",
    "pullmedic.probe": "The fact that is read.",
    "pullmedic.destination": "The destination or tracker, as the settings call it.",
    "pullmedic.kind": "Which kind of message.",
    "pullmedic.step": "Which step of a fix.",
    "pullmedic.drill": "`true` where the work is a self-test's.",
    "error.type": "The type of the error that ended it, never its text.",
}
"""All that a span may hold. Log text, addresses and names of others are in none; each value is redacted and bounded."""
