"""The app under the real Python worker library: indexed, invoked and failing as Azure would see it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.py313

_ROOT = Path(__file__).resolve().parent.parent
_WORKSPACE = (
    "/subscriptions/3f0e8c1a-0b59-4d39-8f6e-6f0b7a1c2d3e/resourceGroups/rg-vision"
    "/providers/Microsoft.MachineLearningServices/workspaces/vision-ml"
)
_TYPE = "Microsoft.MachineLearningServices.RunStatusChanged"


def _drive(*invocations: dict[str, str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what the worker indexed, and the outcome of each invocation."""
    lines = "".join(json.dumps(invocation) + "\n" for invocation in invocations)
    done = subprocess.run(
        [sys.executable, str(_ROOT / "tests" / "worker_driver.py")],
        input=lines,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=_ROOT,
    )
    assert done.returncode == 0, done.stderr
    first, *rest = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return first, rest


def _event(body: dict[str, Any]) -> dict[str, str]:
    return {"function": "on_run_status_changed", "input": "event", "type": "json", "json": json.dumps(body)}


def _grid(**data: str) -> dict[str, Any]:
    return {
        "id": "8b1f",
        "topic": _WORKSPACE,
        "subject": "experiments/6d1c/runs/quiet_river_41",
        "eventType": _TYPE,
        "eventTime": "2026-11-02T07:14:55.1234567Z",
        "dataVersion": "",
        "metadataVersion": "1",
        "data": {"runId": "quiet_river_41", "runStatus": "Failed", **data},
    }


def test_the_worker_indexes_every_function_with_its_bindings() -> None:
    """An import that fails would remove every function, so the real worker must find them all."""
    indexed, _ = _drive()
    assert indexed["status"] == 1
    kinds = {
        name: sorted((b["type"], b.get("queueName", "")) for b in found) for name, found in indexed["functions"].items()
    }
    assert kinds == {
        "on_run_status_changed": [
            ("eventGridTrigger", ""),
            ("queue", "completed-runs"),
            ("queue", "failed-runs"),
            ("queue", "failed-runs-poison"),
        ],
        "diagnose_failed_run": [("queue", "fixes"), ("queue", "notices"), ("queueTrigger", "failed-runs")],
        "resolve_completed_run": [("queue", "fixes"), ("queue", "notices"), ("queueTrigger", "completed-runs")],
        "notify_people": [("queueTrigger", "notices")],
        "on_undeliverable_run": [("queue", "notices"), ("queueTrigger", "failed-runs-poison")],
        "on_lost_notice": [("queueTrigger", "notices-poison")],
        "on_lost_completion": [("queueTrigger", "completed-runs-poison")],
        "slack_requests": [("http", ""), ("httpTrigger", ""), ("queue", "interactions")],
        "teams_delivered": [("http", ""), ("httpTrigger", "")],
        "health": [("http", ""), ("httpTrigger", "")],
        "health_report": [("http", ""), ("httpTrigger", "")],
        "do_what_was_asked": [("queue", "fixes"), ("queue", "notices"), ("queueTrigger", "interactions")],
        "on_lost_interaction": [("queueTrigger", "interactions-poison")],
        "sweep": [("queue", "notices"), ("timerTrigger", "")],
        "self_test": [("queue", "failed-runs"), ("queue", "notices"), ("timerTrigger", "")],
        "find_missed_runs": [("queue", "failed-runs"), ("queue", "notices"), ("timerTrigger", "")],
        "incident_page": [("http", ""), ("httpTrigger", ""), ("queue", "fixes"), ("queue", "notices")],
        "advance_fix": [("queue", "notices"), ("queueTrigger", "fixes")],
        "on_lost_fix": [("queueTrigger", "fixes-poison")],
        "sweep_fixes": [("queue", "fixes"), ("timerTrigger", "")],
    }


def test_indexing_loads_no_sdk_and_no_http_library() -> None:
    """Importing the app is the cold start, so SDKs and HTTP libraries wait for the first failed run."""
    indexed, _ = _drive()
    assert indexed["heavy"] == []


def test_both_event_schemas_reach_the_queue() -> None:
    """The worker hands over another class for CloudEvents, and either becomes the same message."""
    grid = _grid()
    cloud = {
        "id": "8b1f",
        "source": _WORKSPACE,
        "type": _TYPE,
        "subject": grid["subject"],
        "time": grid["eventTime"],
        "specversion": "1.0",
        "data": {"RunId": "quiet_river_41", "RunStatus": "FAILED"},
    }
    _, (one, other) = _drive(_event(grid), _event(cloud))
    assert one["ok"]
    assert other["ok"]
    assert json.loads(one["outputs"]["failed"]) == json.loads(other["outputs"]["failed"])
    assert json.loads(one["outputs"]["failed"])["run_id"] == "quiet_river_41"


def test_a_run_that_did_not_end_writes_nothing() -> None:
    """A run that goes on must cost one invocation and no message."""
    _, (outcome,) = _drive(_event(_grid(runStatus="Running")))
    assert outcome == {"ok": True, "outputs": {}, "error": None}


def test_a_completed_run_goes_to_a_queue_of_its_own() -> None:
    """It may prove that an incident is over; nothing of it takes part in the diagnosing of others."""
    _, (outcome,) = _drive(_event(_grid(runStatus="Completed")))
    assert list(outcome["outputs"]) == ["completed"]
    assert json.loads(outcome["outputs"]["completed"])["run_id"] == "quiet_river_41"


def test_a_failed_run_without_an_id_goes_where_a_person_sees_it() -> None:
    """Event Grid would deliver a raised error thirty times; the event goes to the poison queue instead."""
    broken = _grid(runId="")
    broken["subject"] = "experiments/6d1c"
    _, (outcome,) = _drive(_event(broken))
    assert outcome["ok"]
    assert "no usable run id" in json.loads(outcome["outputs"]["undeliverable"])["undeliverable"]


def test_a_failure_is_reported_to_the_host() -> None:
    """A message that cannot be read must fail its invocation, so that the host counts and keeps it."""
    bad = {"function": "diagnose_failed_run", "input": "message", "type": "string", "json": "not a run"}
    _, (outcome,) = _drive(bad)
    assert outcome["ok"] is False
    assert "EvidenceUnreadable" in outcome["error"]
