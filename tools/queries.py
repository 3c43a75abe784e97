"""What the workbook shows and what the alerts ask, as tables: ``infra/workbook.json`` and ``infra/alerts.json``.

Each query is one of Application Insights' tables (classic names, as seen from the component). A metric of ours is named
by :mod:`diagnostics.instruments`, a line of the log by its beginning; a test holds both against the code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from diagnostics.instruments import INSTRUMENTS, PREFIX
from diagnostics.model import INSUFFICIENT_EVIDENCE, NOT_REGISTRY

__all__ = ["ALERTS", "TABLES", "TILES", "Alert", "Tile", "alerts", "alerts_table", "workbook"]

TABLES: Mapping[str, str] = {
    "customMetrics": "(timestamp: datetime, name: string, value: real, valueCount: int, valueSum: real, valueMin: real,"
    " valueMax: real, customDimensions: dynamic, operation_Id: string, cloud_RoleName: string)",
    "traces": "(timestamp: datetime, message: string, severityLevel: int, customDimensions: dynamic,"
    " operation_Id: string, operation_Name: string, cloud_RoleName: string)",
    "requests": "(timestamp: datetime, id: string, name: string, success: string, resultCode: string, duration: real,"
    " customDimensions: dynamic, operation_Id: string, operation_Name: string, cloud_RoleName: string)",
    "dependencies": "(timestamp: datetime, id: string, name: string, target: string, type: string, success: string,"
    " resultCode: string, duration: real, customDimensions: dynamic, operation_Id: string, cloud_RoleName: string)",
    "exceptions": "(timestamp: datetime, type: string, outerMessage: string, severityLevel: int,"
    " customDimensions: dynamic, operation_Id: string, operation_Name: string, cloud_RoleName: string)",
}
"""The columns that queries may use, with their types (*Application Insights telemetry data model*, classic schema)."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of the workbook; ``shows`` is how a query's answer is drawn."""

    title: str
    about: str
    query: str
    shows: str = "table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A rule that is asked every ``every``, over ``window`` (ISO 8601), and fires where its query gives a row.

    ``severity`` is Azure Monitor's, 0 (critical) to 4. ``do`` says what whoever is called does.
    """

    name: str
    title: str
    about: str
    do: str
    query: str
    severity: int = 1
    every: str = "PT15M"
    window: str = "PT30M"


def _metric(name: str, *dimensions: str) -> str:
    """Return the beginning of a query: a counter of ours, its dimensions as columns."""
    if unknown := set(dimensions) - set(INSTRUMENTS[name].dimensions):
        raise LookupError(f"{name} has no dimension {', '.join(sorted(unknown))}")
    columns = "".join(f"\n| extend {it} = tostring(customDimensions['{it}'])" for it in dimensions)
    return f"customMetrics\n| where name == '{PREFIX}{name}'{columns}"


_QUIET = f"verdict !in ('{NOT_REGISTRY}', '{INSUFFICIENT_EVIDENCE}')"
_SECONDS = (
    f"traces\n| where message startswith 'metric {PREFIX}time_to_message '\n"
    f"| parse message with 'metric {PREFIX}time_to_message value=' seconds:real ' destination=' destination"
)

TILES: tuple[Tile, ...] = (
    Tile(
        "Failures by cause",
        "Every failed run that was judged. `not-registry` failed on something else, and nobody was told.",
        _metric("failures", "verdict", "status", "outcome")
        + "\n| summarize runs = sum(valueSum) by verdict, status\n| order by runs desc",
    ),
    Tile(
        "Registry failures over time",
        "Runs that could not have their image, by cause.",
        _metric("failures", "verdict")
        + f"\n| where {_QUIET}\n| summarize runs = sum(valueSum) by verdict, bin(timestamp, 1h)",
        "timechart",
    ),
    Tile(
        "From failure to message",
        "Seconds from the failure to the first message about it. Event Grid's own delay is in it.",
        _SECONDS + "\n| summarize p50 = percentile(seconds, 50), p95 = percentile(seconds, 95), messages = count()"
        " by destination",
    ),
    Tile(
        "Repeat offenders",
        "Incidents by how many runs counted to them: what comes back most is worth an end.",
        f"traces\n| extend incident = tostring(customDimensions['{PREFIX}incident_id'])\n| where isnotempty(incident)\n"
        f"| summarize runs = dcount(tostring(customDimensions['{PREFIX}run_id'])), lines = count(),\n"
        "    newest = max(timestamp) by incident\n| order by runs desc, lines desc\n| take 20",
    ),
    Tile(
        "What could not be read",
        "Facts that stayed unknown, by probe and obstacle: `NotPermitted` is a right that is missing.",
        _metric("unknown_facts", "probe", "reason")
        + "\n| summarize facts = sum(valueSum) by probe, reason\n| order by facts desc",
    ),
    Tile(
        "Share of failures without a proven cause",
        "Of the runs that failed on their image: not `confirmed`, in percent.",
        _metric("failures", "verdict", "status") + f"\n| where verdict != '{NOT_REGISTRY}'\n"
        "| summarize unproven = sumif(valueSum, status != 'confirmed'), runs = sum(valueSum) by bin(timestamp, 1d)\n"
        "| extend percent = round(100.0 * unproven / runs, 1)\n| project timestamp, percent",
        "timechart",
    ),
    Tile(
        "What people said",
        "Answers to *Right diagnosis* and *Wrong diagnosis*.",
        _metric("feedback", "said") + "\n| summarize answers = sum(valueSum) by said",
        "piechart",
    ),
    Tile(
        "Fixes",
        "The states that fixes reached.",
        _metric("fix", "state") + "\n| summarize fixes = sum(valueSum) by state\n| order by fixes desc",
    ),
    Tile(
        "Held back, by reason",
        "Messages that nobody got, each for a named reason.",
        _metric("held", "reason", "destination")
        + "\n| summarize messages = sum(valueSum) by reason, destination\n| order by messages desc",
    ),
    Tile(
        "Not delivered",
        "Lines that begin with ALERT: what was given up, and why.",
        "traces\n| where message startswith 'ALERT '\n"
        f"| project timestamp, message, correlation = tostring(customDimensions['{PREFIX}correlation_id'])\n"
        "| order by timestamp desc\n| take 100",
    ),
    Tile(
        "Self-tests",
        "The daily failure that never was, by result and by the station at which it ended.",
        _metric("self_test", "result", "station") + "\n| summarize tests = sum(valueSum) by result, station",
    ),
    Tile(
        "Calls to Azure",
        "By service and status: 429 is a rate that was reached, 403 a right that is missing.",
        _metric("azure_calls", "service", "status")
        + "\n| summarize calls = sum(valueSum) by service, status\n| order by calls desc",
    ),
)

ALERTS: tuple[Alert, ...] = (
    Alert(
        name="undeliverable",
        title="A message could not be delivered",
        about="A destination did not take a message, and it was given up.",
        do="The line names the destination and the reason. Mend its address or secret, then `python -m responders"
        " send-test`.",
        query="traces\n| where message startswith 'ALERT undeliverable'",
    ),
    Alert(
        name="poison",
        title="A message ended in a poison queue",
        about="Every try at a queue message failed: a run was not diagnosed, or a notice, an answer, a step of a fix"
        " was given up.",
        do="The line names the queue and the reason. A run that was not diagnosed is told of in the channel; put its"
        " message back once the reason is gone.",
        query="traces\n| where message startswith 'ALERT a message of ' or message startswith 'no diagnosis for '",
    ),
    Alert(
        name="nothing-delivered",
        title="Runs failed and nobody was told",
        about="New incidents were opened, and for an hour no destination took any message.",
        do="Look at *Held back, by reason*: a silence or quiet hours may explain it. Else the queue `notices` stands"
        " still, or routes lead nowhere: `python -m responders route` shows where each incident goes.",
        query="customMetrics\n"
        f"| where name in ('{PREFIX}failures', '{PREFIX}notified')\n"
        "| summarize\n"
        f"    opened = sumif(valueSum, name == '{PREFIX}failures' and customDimensions['outcome'] == 'opened'),\n"
        f"    told = sumif(valueSum, name == '{PREFIX}notified')\n"
        "| where opened > 0 and told == 0",
        window="PT1H",
    ),
    Alert(
        name="self-test",
        title="A self-test failed",
        about="The failure that never was did not come through: a real one would not either.",
        do="`station` says how far it came; docs/self-test.md has what each station proves.",
        query=_metric("self_test", "result", "station") + "\n| where result == 'failed'",
    ),
    Alert(
        name="not-looked-at",
        title="Something could not be looked at, or no run was seen",
        about="Any other line that begins with ALERT: the sweep has no right, a self-test cannot be noted.",
        do="The line says what to do.",
        query="traces\n| where message startswith 'ALERT '\n"
        "| where not(message startswith 'ALERT undeliverable' or message startswith 'ALERT a message of ')",
        severity=2,
    ),
    Alert(
        name="no-sweep",
        title="The app does not run",
        about="The timer of every five minutes did not end well for half an hour.",
        do="Look at the app's *Failures*, and whether it starts: its storage, its identity, a setting, the package.",
        query=_metric("swept") + "\n| summarize sweeps = count()\n| where sweeps == 0",
        severity=0,
    ),
    Alert(
        name="failing",
        title="Functions fail again and again",
        about="More than twenty failed calls within half an hour: tries that are repeated, and will end in a poison"
        " queue.",
        do="`exceptions` names them. A service that does not answer passes; a right or a setting does not.",
        query="requests\n| where tobool(success) == false\n| summarize failed = count()\n| where failed > 20",
    ),
)


def workbook() -> str:
    """Return the workbook as Azure stores it."""
    picker = {
        "type": 9,
        "name": "time",
        "content": {
            "version": "KqlParameterItem/1.0",
            "parameters": [
                {
                    "id": "7d0c1e52-4f6d-4a4e-9f55-2c64e1f0a001",
                    "version": "KqlParameterItem/1.0",
                    "name": "TimeRange",
                    "label": "Time",
                    "type": 4,
                    "isRequired": True,
                    "value": {"durationMs": 604_800_000},
                    "typeSettings": {
                        "selectableValues": [{"durationMs": days * 86_400_000} for days in (1, 7, 30)],
                        "allowCustom": True,
                    },
                }
            ],
            "style": "pills",
            "queryType": 0,
            "resourceType": "microsoft.insights/components",
        },
    }
    document = {
        "version": "Notebook/1.0",
        "items": [picker, *(_item(place, tile) for place, tile in enumerate(TILES, start=1))],
        "fallbackResourceIds": [],
        "$schema": "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json",
    }
    return json.dumps(document, indent=2) + "\n"


def alerts() -> str:
    """Return what ``infra/modules/alerts.bicep`` makes a rule of each."""
    rules = [
        {
            "name": it.name,
            "title": it.title,
            "description": f"{it.about} {it.do}",
            "severity": it.severity,
            "every": it.every,
            "window": it.window,
            "query": it.query,
        }
        for it in ALERTS
    ]
    return json.dumps(rules, indent=2) + "\n"


def alerts_table() -> str:
    """Return the alerts for people: what each says, and what to do."""
    lines = ["| Alert | What happened | What to do |", "|---|---|---|"]
    lines += [f"| `{it.name}` {it.title} | {it.about} | {it.do} |" for it in ALERTS]
    return "\n".join(lines)


def _item(place: int, tile: Tile) -> dict[str, object]:
    return {
        "type": 3,
        "name": f"tile-{place}",
        "customWidth": "50",
        "content": {
            "version": "KqlItem/1.0",
            "title": tile.title,
            "noDataMessage": tile.about,
            "query": tile.query,
            "size": 1,
            "timeContextFromParameter": "TimeRange",
            "queryType": 0,
            "resourceType": "microsoft.insights/components",
            "visualization": tile.shows,
        },
    }
