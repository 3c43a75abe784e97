"""A failure is followed by one id through event, spans, log, message, ticket and audit; no secret goes with it."""

from __future__ import annotations

import ast
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from measuring import measured

from diagnostics.instruments import ATTRIBUTES, INSTRUMENTS, SPANS
from diagnostics.work import CORRELATION, INCIDENT, RUN
from sandbox import SENTINEL_PREFIX, Sandbox, playing
from sandbox.delivering import deliveries_of
from sandbox.playing import APP, Outcome, play
from sandbox.world import Scenario, load_scenario
from tests.fixes.fix_story import story
from tests.stories import FOLDER

_SECRET = f"{SENTINEL_PREFIX}41d0be55aa90cc17"
_ROOT = APP.parent
_TRACKER = "github"


def _missing_role() -> Scenario:
    return load_scenario(FOLDER / "missing-pull-role.yaml")


def _event_id(scenario: Scenario) -> str:
    (delivery, *_) = deliveries_of(scenario)
    return str(delivery.body[0]["id"])


def _shown(outcome: Outcome, channel: str) -> str:
    if channel == _TRACKER:
        return "\n".join(call.body for call in outcome.calls if call.host == "api.github.com" and call.method == "POST")
    return "\n".join(json.dumps(message.payload) for message in outcome.messages if message.channel == channel)


def test_one_id_from_the_event_to_message_ticket_span_and_log() -> None:
    """Whoever has the id from any of them finds all the others."""
    scenario = _missing_role()
    event_id = _event_id(scenario)
    with measured() as seen:
        outcome = play(scenario, channels=("slack", _TRACKER))
    for channel in ("slack", _TRACKER):
        assert event_id in _shown(outcome, channel)
    assert {span.attributes[CORRELATION] for span in seen.spans if span.attributes} == {event_id}
    of_work = [record for record in seen.logs if RUN in record.attributes]
    assert {record.attributes[CORRELATION] for record in of_work} == {event_id}
    said = [str(record.body) for record in of_work]
    for beginning in ("event taken", "run brisk_heron_7k2m: pull-role-missing", "metric pullmedic.time_to_message"):
        assert any(line.startswith(beginning) for line in said), beginning


def test_each_stage_is_a_span_and_each_probe_a_child_of_the_reading() -> None:
    """Probes run in threads of their own and belong to the reading all the same; an outcome stands with each."""
    with measured() as seen:
        play(_missing_role(), channels=("slack", "github"))
    names = {span.name for span in seen.spans}
    assert {"intake", "diagnose", "evidence", "probe", "judge", "notify", "ticket"} <= names <= SPANS.keys()
    (evidence,) = seen.named("evidence")
    (diagnose,) = seen.named("diagnose")
    probes = seen.named("probe")
    assert evidence.parent is not None
    assert evidence.parent.span_id == diagnose.context.span_id
    assert len(probes) > 8
    assert {probe.parent.span_id for probe in probes if probe.parent} == {evidence.context.span_id}
    assert all(probe.attributes and probe.attributes["pullmedic.outcome"] == "known" for probe in probes)
    assert {name for span in seen.spans for name in span.attributes or {}} <= ATTRIBUTES.keys()


def test_what_happens_is_counted() -> None:
    """By cause, by destination, by service; and how long people waited."""
    with measured() as seen:
        play(_missing_role(), channels=("slack",))
        metrics = seen.metrics()
    cause = {"verdict": "pull-role-missing", "status": "confirmed", "outcome": "opened"}
    assert metrics["pullmedic.failures"] == [(cause, 1)]
    assert metrics["pullmedic.notified"] == [({"destination": "slack", "kind": "opened", "repeat": "false"}, 1)]
    ((where, seconds),) = metrics["pullmedic.time_to_message"]
    assert where == {"destination": "slack"}
    assert 0 < seconds < 60
    services = {point["service"] for point, _ in metrics["pullmedic.azure_calls"]}
    assert services == {"resource-manager", "machine-learning", "registry"}
    for name, points in metrics.items():
        known = INSTRUMENTS[name.removeprefix("pullmedic.")]
        assert all(set(dimensions) <= set(known.dimensions) for dimensions, _ in points), name


def test_a_fact_that_cannot_be_read_is_counted_and_its_span_says_so() -> None:
    """By probe and obstacle."""
    fault: dict[str, Any] = {
        "call": {"host": "management.azure.com", "path": ".*/roleAssignments.*"},
        "status": 403,
        "code": "AuthorizationFailed",
        "message": "no",
    }
    with measured() as seen:
        play(_with(_missing_role(), fault), channels=("slack",))
        counted = seen.metrics()["pullmedic.unknown_facts"]
    assert {"probe": "role-grants", "reason": "NotPermitted"} in [dict(point) for point, _ in counted]
    unknown = [span for span in seen.named("probe") if (span.attributes or {})["pullmedic.outcome"] == "unknown"]
    assert "role-grants" in {str((span.attributes or {})["pullmedic.probe"]) for span in unknown}


def test_a_destination_that_refuses_is_an_error_of_its_span_without_the_errors_text() -> None:
    """The type of the error is enough to look for; its text could hold an address."""
    fault = {"call": {"host": "hooks.slack.com"}, "status": 404, "code": "no_service"}
    with measured() as seen:
        play(_with(_missing_role(), fault), channels=("slack",))
    (notify, *_) = seen.named("notify")
    assert notify.status.status_code.name == "ERROR"
    assert (notify.attributes or {})["error.type"] == "Refused"
    assert not notify.events
    assert not notify.status.description


@pytest.mark.parametrize("host", ["", "hooks.slack.com", r".*\.api\.azureml\.ms"])
def test_nothing_that_is_exported_holds_a_secret_or_a_webhooks_address(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """Neither when all goes well nor when services answer with what they were sent."""
    monkeypatch.setattr(playing, "Sandbox", partial(Sandbox, sentinel=_SECRET))
    scenario = _missing_role()
    if host:
        echo = f"bad request to https://hooks.slack.com/services/T0/B0/{_SECRET}?sig={_SECRET}"
        scenario = _with(scenario, {"call": {"host": host}, "status": 500, "message": echo})
    with measured() as seen:
        play(scenario, channels=("slack", "teams", "github"))
        everything = seen.everything()
    assert len(seen.spans) > 2
    assert seen.logs
    assert _SECRET not in everything
    assert "hooks.slack.com/services/T" not in everything
    assert ".powerplatform.com" not in everything


def test_the_audit_of_a_fix_carries_the_id_of_the_event(tmp_path: Path) -> None:
    """From the plan over the approval to the write, by whomever each was done; steps are spans."""
    with measured() as seen, story(tmp_path) as told:
        event_id = _event_id(told.scenario)
        told.fail()
        told.let_pass(minutes=1)
        assert event_id in told.text
        told.press("pullmedic_approve")
        told.let_pass(minutes=2)
        entries = told.audit()
    assert {"plan", "approval", "request", "answer"} <= {entry.kind for entry in entries}
    assert {entry.details.get("correlation") for entry in entries} == {event_id}
    steps = {(span.attributes or {}).get("pullmedic.step") for span in seen.named("fix")}
    assert {"plan", "apply"} <= steps
    assert {(span.attributes or {}).get(CORRELATION) for span in seen.named("fix")} == {event_id}
    lines = [record for record in seen.logs if str(record.body).startswith("fix of ")]
    assert {record.attributes.get(INCIDENT) for record in lines if CORRELATION in record.attributes}


@pytest.mark.slow
def test_without_an_sdk_nothing_of_it_is_imported() -> None:
    """Neither at import nor by a story: what is not there costs nothing."""
    code = (
        "import sys\nimport function_app\nfirst = [m for m in sys.modules if m.startswith('opentelemetry')]\n"
        "from sandbox.playing import play\nfrom sandbox.world import load_scenario\nfrom tests.stories import FOLDER\n"
        "outcome = play(load_scenario(FOLDER / 'missing-pull-role.yaml'))\nassert outcome.messages\n"
        "then = [m for m in sys.modules if m.startswith(('opentelemetry.sdk', 'azure.monitor'))]\n"
        "print(first, then)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "[] []"


def test_every_counter_and_span_of_the_code_is_declared() -> None:
    """With the dimensions that it is counted with; what nobody counts is not declared."""
    calls = list(_calls())
    used = {"count": set[str](), "record": set[str](), "span": set[str]()}
    for name, first, keywords, where in calls:
        used[name] |= first
        if name == "span":
            assert first <= SPANS.keys(), where
            assert {f"pullmedic.{key}" for key in keywords} <= ATTRIBUTES.keys(), where
        else:
            assert first <= INSTRUMENTS.keys(), where
            assert all(set(keywords) <= set(INSTRUMENTS[it].dimensions) for it in first), where
    assert used["count"] | used["record"] == INSTRUMENTS.keys()
    assert used["span"] == SPANS.keys()


def _calls() -> list[tuple[str, set[str], list[str], str]]:
    """Return every call of ours: which function, its first argument's texts, its keywords, where."""
    found = []
    for path in sorted((*(_ROOT / "diagnostics").rglob("*.py"), *(_ROOT / "responders").rglob("*.py"))):
        text = path.read_text(encoding="utf-8")
        if "telemetry import" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            if node.func.id in {"count", "record", "span"}:
                texts = {it.value for it in ast.walk(node.args[0]) if isinstance(it, ast.Constant)}
                keywords = [it.arg for it in node.keywords if it.arg]
                where = f"{path.relative_to(_ROOT)}:{node.lineno}"
                found.append((node.func.id, {str(it) for it in texts}, keywords, where))
    return found


def _with(scenario: Scenario, fault: dict[str, Any]) -> Scenario:
    from dataclasses import replace  # noqa: PLC0415 - here alone

    return replace(scenario, faults=(fault,), expected={})


def test_a_line_about_no_work_has_no_ids(caplog: pytest.LogCaptureFixture) -> None:
    """An id that stayed from the work before would mislead."""
    say: Callable[..., None] = logging.getLogger("pullmedic").info
    with measured() as seen:
        play(_missing_role(), channels=("slack",))
        say("outside")
    (record,) = [record for record in seen.logs if record.body == "outside"]
    assert not {CORRELATION, INCIDENT, RUN} & set(record.attributes)
