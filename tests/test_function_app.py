"""The app through the door that Event Grid uses: the webhook of a functions host, and the queues behind it."""

from __future__ import annotations

import http.client
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from responders.channels import discover
from sandbox.delivering import deliveries_of, handshake, post
from sandbox.places import settings_of
from sandbox.playing import APP, variables
from sandbox.server import Sandbox
from sandbox.world import Scenario, load_scenario
from tests.hosted import Hosted

_SCENARIOS = APP.parent / "sandbox" / "scenarios"
_TRIGGER = "on_run_status_changed"


class Stage(Hosted):
    """A sandbox with a hosted app in front of it, for one test."""

    @property
    def url(self) -> str:
        return self.host.webhook_url(_TRIGGER)

    def deliver(self) -> list[int]:
        return [post(self.url, delivery) for delivery in deliveries_of(self.scenario)]

    def texts(self) -> str:
        return json.dumps([message.payload for message in self.sandbox.messages])


@pytest.fixture
def missing_role() -> Scenario:
    """The first story of the demo."""
    return load_scenario(_SCENARIOS / "missing-pull-role.yaml")


@pytest.fixture
def stage(missing_role: Scenario, tmp_path: Path) -> Iterator[Stage]:
    """That story, served, with the app in front of it."""
    with Stage(missing_role, tmp_path) as made:
        yield made


def _raw(url: str, body: bytes, kind: str) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.request("POST", f"{parts.path}?{parts.query}", body, {"aeg-event-type": kind})
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_subscription_is_validated_and_a_failed_run_becomes_one_message(stage: Stage) -> None:
    """The whole way: handshake, event, queue, diagnosis, and the message that a person reads."""
    assert handshake(stage.url)
    assert stage.deliver() == [202]
    assert len(stage.host.waiting("failed-runs")) == 1
    stage.host.drain()
    assert len(stage.sandbox.messages) == 1
    assert "pull-role-missing" in stage.texts() or "no pull role" in stage.texts()


def test_the_trigger_itself_calls_nobody(stage: Stage) -> None:
    """Event Grid waits thirty seconds and then delivers again, so the trigger only hands over."""
    stage.deliver()
    assert stage.sandbox.calls == []


def test_the_same_run_delivered_again_stays_one_message(stage: Stage) -> None:
    """Delivery is at least once; what was told of is not told of again."""
    for _ in range(3):
        stage.deliver()
        stage.host.drain()
    assert len(stage.sandbox.messages) == 1
    assert all(call.error is None for call in stage.host.invocations)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"not json", "Notification", 400),
        (b"[]", "Notification", 202),
        (b"{}", "Unsubscribe", 202),
        (b"{}", "Whatever", 400),
        (b"[{}]", "SubscriptionValidation", 400),
    ],
)
def test_the_webhook_answers_as_the_host_does(stage: Stage, body: bytes, kind: str, status: int) -> None:
    """A body that cannot be read is refused at the door, and nothing is invoked for it."""
    assert _raw(stage.url, body, kind) == status
    assert stage.host.invocations == []


def test_an_unknown_function_is_not_found(stage: Stage) -> None:
    """An event for a function that is not there must not be taken."""
    assert _raw(stage.host.webhook_url("nobody"), b"[]", "Notification") == 404


def test_an_event_without_a_run_id_is_said_in_the_fallback_channel(missing_role: Scenario, tmp_path: Path) -> None:
    """What cannot be processed ends where a person sees it, with the reason."""
    with Stage(missing_role, tmp_path) as stage:
        delivery = next(deliveries_of(missing_role))
        broken: dict[str, Any] = {**delivery.body[0], "subject": "experiments/1", "data": {"runStatus": "Failed"}}
        assert _raw(stage.url, json.dumps([broken]).encode(), "Notification") == 202
        stage.host.drain()
        assert len(stage.sandbox.messages) == 1
        assert "no usable run id" in stage.texts()


def test_a_workspace_out_of_scope_is_left_alone(missing_role: Scenario, tmp_path: Path) -> None:
    """Runs of workspaces that the settings do not name are none of our business."""
    other = (
        "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/other"
        "/providers/Microsoft.MachineLearningServices/workspaces/other"
    )
    with Stage(missing_role, tmp_path, PULLMEDIC_WORKSPACES=other) as stage:
        assert stage.deliver() == [202]
        stage.host.drain()
        assert stage.sandbox.calls == []


@pytest.mark.slow
def test_run_history_that_does_not_answer_ends_in_a_visible_message(missing_role: Scenario, tmp_path: Path) -> None:
    """After five tries the run goes to the poison queue, and the fallback channel says which run and why."""
    down = {"call": {"host": ".*api.azureml.ms", "path": ".*details.*"}, "status": 503}
    scenario = _with_faults(missing_role, down)
    with Stage(scenario, tmp_path) as stage:
        fallback = stage.sandbox.slack_fallback_webhook_url
        with variables({"PULLMEDIC_FALLBACK_SLACK_WEBHOOK_URL": fallback, **_now()}):
            stage.deliver()
            stage.host.drain()
        tries = [call for call in stage.host.invocations if call.function == "diagnose_failed_run"]
        assert [call.dequeue_count for call in tries] == [1, 2, 3, 4, 5]
        assert [message.channel for message in stage.sandbox.messages] == ["slack-fallback"]
        assert "could not be read" in stage.texts()
        assert stage.host.waiting("failed-runs-poison") == []


def test_a_run_that_does_not_exist_is_said_at_once(missing_role: Scenario, tmp_path: Path) -> None:
    """What no further try can change is not tried five times."""
    gone = {"call": {"host": ".*api.azureml.ms", "path": ".*details.*"}, "status": 404, "code": "UserError"}
    with Stage(_with_faults(missing_role, gone), tmp_path) as stage:
        stage.deliver()
        stage.host.drain()
        assert len([c for c in stage.host.invocations if c.function == "diagnose_failed_run"]) == 1
        assert "No diagnosis for" in stage.texts()


def test_a_poison_message_that_nobody_can_read_is_said_too(stage: Stage) -> None:
    """Even a message that is no run at all must not vanish."""
    stage.host.put("failed-runs-poison", "\x00 no json")
    stage.host.drain()
    assert len(stage.sandbox.messages) == 1
    assert "could not be read" in stage.texts()


def test_a_poison_message_of_a_run_that_was_diagnosed_says_nothing(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """An event that was delivered twice, and once tried in vain, is no run without a diagnosis."""
    caplog.set_level(logging.INFO)
    stage.deliver()
    (message,) = stage.host.waiting("failed-runs")
    stage.host.drain()
    stage.host.put("failed-runs-poison", message)
    stage.host.drain()
    assert len(stage.sandbox.messages) == 1
    assert "no diagnosis for" not in caplog.text
    assert "poison message: handled-before" in caplog.text


def test_without_a_channel_the_diagnosis_is_logged_and_start_up_says_so(
    missing_role: Scenario, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A team that forgot the webhook finds the diagnosis in the log, and the reason at start-up."""
    with caplog.at_level(logging.INFO), Stage(missing_role, tmp_path, PULLMEDIC_SLACK_WEBHOOK_URL="") as stage:
        assert "No channel is configured" in caplog.text
        stage.deliver()
        stage.host.drain()
        assert stage.sandbox.messages == []
        assert "Grant AcrPull" in caplog.text


@pytest.mark.parametrize("place", [channel.name for channel in discover()])
def test_start_up_misses_no_channel_that_is_there(
    missing_role: Scenario, tmp_path: Path, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    """Whatever channel is set up, no log says that people are told nowhere."""
    with Sandbox(missing_role) as sandbox:
        named = settings_of(sandbox)[place]
    with Stage(missing_role, tmp_path, **{"PULLMEDIC_SLACK_WEBHOOK_URL": "", **named}):
        assert "No channel is configured" not in caplog.text


def test_a_misspelt_setting_is_said_in_the_log(
    missing_role: Scenario, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A name that nobody reads would otherwise be a setting that silently does nothing."""
    with Stage(missing_role, tmp_path, PULLMEDIC_SLACK_WEBHOOK_ULR="https://hooks.slack.com/services/x") as stage:
        stage.deliver()
    assert "PULLMEDIC_SLACK_WEBHOOK_ULR" in caplog.text


def test_importing_the_app_loads_no_sdk_and_no_http_library() -> None:
    """The import is the cold start: SDKs and HTTP libraries load with the first failed run."""
    code = (
        "import sys, function_app;"
        "print([n for n in sys.modules if n.split('.')[0] in ('requests', 'urllib3', 'http', 'msal', 'aiohttp')"
        " and n != 'http' and not n.startswith('http.')"
        " or n.startswith(('azure.ai', 'azure.mgmt', 'azure.identity', 'azure.core', 'azure.data'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=APP.parent, timeout=60
    )
    assert done.stdout.strip() == "[]"


def _with_faults(scenario: Scenario, *faults: dict[str, Any]) -> Scenario:
    return Scenario(
        id=scenario.id,
        source=scenario.source,
        world=scenario.world,
        run=scenario.run,
        event=scenario.event,
        faults=faults,
    )


def _now() -> dict[str, str]:
    """Return the environment as it stands, so that a test can add to it."""
    import os  # noqa: PLC0415

    return dict(os.environ)
