"""The failure that never was: its event, what its log said, and the verdict that has to come of it.

The text is Docker Hub's own refusal, which only Docker Hub can make, so that the log alone decides: the verdict does
not hang on how a team's registries stand today. Reading the cloud is a station of its own.
"""

from __future__ import annotations

from datetime import datetime

from diagnostics.classification import classify
from diagnostics.intake import RUN_STATUS_CHANGED, Event
from diagnostics.model import EVIDENCE_SCHEMA, Evidence, Fact, FailedRun, LogExcerpt, RunDetails, Status
from diagnostics.references import parse

__all__ = ["EXPECTED", "INVENTED", "event_of", "evidence_of"]

EXPECTED = ("docker-hub-limit", Status.CONFIRMED)
"""The verdict, and how sure it has to be."""

INVENTED = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/drill"
    "/providers/Microsoft.MachineLearningServices/workspaces/drill"
)
"""A workspace that there is not, for where the settings name none."""

_EXPERIMENT = "pullmedic-drill"
_IMAGE = "docker.io/library/python:3.13"
_LOG = (
    "2026-11-02T07:14:55Z INFO pulling image docker.io/library/python:3.13",
    "2026-11-02T07:14:56Z ERROR toomanyrequests: You have reached your unauthenticated pull rate limit.",
)


def event_of(run_id: str, workspace_id: str, secret: str, at: datetime) -> Event:
    """Return the event that Event Grid would send of the run; its id is the drill's secret."""
    return Event(
        id=secret,
        type=RUN_STATUS_CHANGED,
        source=workspace_id,
        subject=f"experiments/{_EXPERIMENT}/runs/{run_id}",
        time=at,
        data={
            "experimentId": _EXPERIMENT,
            "experimentName": _EXPERIMENT,
            "runId": run_id,
            "runType": "azureml.StepRun",
            "runTags": {},
            "runProperties": {},
            "runStatus": "Failed",
        },
    )


def evidence_of(run: FailedRun, facts: dict[str, Fact], now: datetime) -> Evidence:
    """Return the evidence of the run: the recorded log as it is read today, and what was really read of Azure."""
    excerpt = LogExcerpt(file="system_logs/lifecycler/lifecycler.log", first_line=1, lines=_LOG)
    return Evidence(
        schema=EVIDENCE_SCHEMA,
        run=run,
        taken_at=now,
        details=RunDetails(run_id=run.run_id, root_run_id=run.run_id, status="Failed", image=_IMAGE, compute="drill"),
        image=parse(_IMAGE),
        image_text=_IMAGE,
        symptoms=classify([excerpt]),
        facts=facts,
    )
