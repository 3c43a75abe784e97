"""Events as Event Grid delivers them: both schemas, the handshake, and each delivery of a scenario in its order."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sandbox.world import Scenario

__all__ = ["Delivery", "Tick", "deliveries_of", "handshake", "post", "steps_of", "workspace_id"]

EVENT_TYPE = "Microsoft.MachineLearningServices.RunStatusChanged"
_NAMESPACE = uuid.UUID("4a8a6c0a-0c1f-5d0e-9a53-6f1f5a0f7a11")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One POST of Event Grid: an array of one event in its own schema, one object in CloudEvents."""

    run: str
    body: Any
    content_type: str


@dataclass(frozen=True, slots=True)
class Tick:
    """The sweep's timer fires ``after`` the failure (before it, where negative); first ``states`` have become so."""

    after: timedelta
    states: Mapping[str, str]


def steps_of(scenario: Scenario) -> Iterator[Delivery | Tick]:
    """Yield what happens in a scenario, in order: events that are delivered, and the sweep's timer."""
    events = deliveries_of(scenario)
    for stated in scenario.event.get("deliveries") or [{}]:
        if stated.get("sweep"):
            yield Tick(timedelta(minutes=stated.get("minutes") or 0), stated.get("states") or {})
        else:
            yield next(events)


def deliveries_of(scenario: Scenario) -> Iterator[Delivery]:
    """Yield a scenario's deliveries in order; without any stated there is one, for its run."""
    runs = {run["id"]: run for run, _ in scenario.runs()}
    listed = scenario.event.get("deliveries") or [{"run": scenario.run.get("id")}]
    for number, stated in enumerate(listed):
        if stated.get("sweep"):
            continue
        run = runs.get(stated.get("run"), scenario.run)
        yield _delivery(scenario, run, stated, number)


def handshake(url: str) -> str:
    """Validate a subscription the way Event Grid does; return the code that came back."""
    code = str(uuid.uuid4()).upper()
    data = {"validationCode": code, "validationUrl": "https://example.org/validate"}
    event = {"id": str(uuid.uuid4()), "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": data}
    status, body = _post(url, json.dumps([event]).encode(), "SubscriptionValidation", "application/json")
    return str(json.loads(body)["validationResponse"]) if status == 200 else ""


def post(url: str, delivery: Delivery) -> int:
    """Deliver an event; return the HTTP status, which tells Event Grid whether to try again."""
    body = json.dumps(delivery.body).encode()
    return _post(url, body, "Notification", delivery.content_type)[0]


def _delivery(scenario: Scenario, run: Mapping[str, Any], stated: Mapping[str, Any], number: int) -> Delivery:
    event = scenario.event
    schema = stated.get("schema") or event.get("schema") or "eventgrid"
    run_id = str(run.get("id") or "")
    experiment = str(uuid.uuid5(_NAMESPACE, str(run.get("experiment"))))
    identity = stated.get("event_id") or str(uuid.uuid5(_NAMESPACE, f"{scenario.id}/{run_id}/{number}"))
    common = {
        "id": identity,
        "subject": f"experiments/{experiment}/runs/{run_id}",
        "data": _data(event, run, stated, experiment),
    }
    kind = event.get("event_type") or EVENT_TYPE
    source, time = workspace_id(scenario, run), scenario.failed_at.isoformat().replace("+00:00", "Z")
    if schema == "cloudevents":
        body = {**common, "specversion": "1.0", "type": kind, "source": source, "time": time}
        return Delivery(run_id, body, "application/cloudevents+json")
    grid = {**common, "eventType": kind, "topic": source, "eventTime": time, "dataVersion": "", "metadataVersion": "1"}
    return Delivery(run_id, [grid], "application/json")


def _data(
    event: Mapping[str, Any], run: Mapping[str, Any], stated: Mapping[str, Any], experiment: str
) -> dict[str, Any]:
    status = stated.get("status") or (event["status"] if "status" in event else run.get("status") or "Failed")
    data = {
        "experimentId": experiment,
        "experimentName": run.get("experiment"),
        "runId": run.get("id"),
        "runType": run.get("type"),
        "runTags": {},
        "runProperties": {"azureml.runsource": run.get("type"), "runSource": "SDK"},
        "runStatus": status,
    }
    given = event.get("data")
    return {**data, **given} if isinstance(given, Mapping) else data


def workspace_id(scenario: Scenario, run: Mapping[str, Any]) -> str:
    """Return the resource id of a run's workspace, empty where the world has none of that name."""
    for workspace in scenario.world.get("workspaces") or ():
        if workspace["name"] == run.get("workspace"):
            return _resource_id(workspace)
    return ""


def _resource_id(workspace: Mapping[str, Any]) -> str:
    group = f"/subscriptions/{workspace['subscription']}/resourceGroups/{workspace['resource_group']}"
    return f"{group}/providers/Microsoft.MachineLearningServices/workspaces/{workspace['name']}"


def _post(url: str, body: bytes, kind: str, content_type: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        headers = {"Content-Type": content_type, "aeg-event-type": kind}
        connection.request("POST", f"{parts.path}?{parts.query}", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
