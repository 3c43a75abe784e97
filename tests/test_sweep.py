"""The sweep through its door, the timer: what it finds, what it leaves alone, and what it says where it is blind."""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from diagnostics.codec import failed_run_from_json
from sandbox.delivering import Tick, deliveries_of, post
from sandbox.playing import APP, let_pass, look_for_missed
from sandbox.world import Scenario, load_scenario, parse_scenario
from tests.hosted import Hosted

pytestmark = pytest.mark.slow

_SCENARIOS = APP.parent / "sandbox" / "scenarios"
_LOST = "sweep-run-without-its-event"
_WAITS = "sweep-run-waits-for-its-image"
_SERVED = "sweep-deployment-whose-endpoint-lacks-the-role"
_REFUSED = '\nFailed to pull image "halvorsenimages.azurecr.io/turbines/train:4.2": 401 Unauthorized'
_RUN = "brisk_heron_7k2m"
_JOBS = {"host": "management.azure.com", "path": ".*/workspaces/halvorsen-ml/jobs"}

Tell = Callable[..., "Night"]


class Night(Hosted):
    """One story with a hosted app, whose sweep is let run at minutes around the failure."""

    @property
    def worker(self) -> Any:
        return importlib.import_module("responders.app")

    def at(self, minutes: int) -> datetime:
        return self.scenario.failed_at + timedelta(minutes=minutes)

    def look(self, *minutes: int, **states: str) -> list[str]:
        """Let the timer fire; return the runs that were handed on by the last of the looks."""
        handed: list[str] = []
        for minute in minutes:
            look_for_missed(self.host, self.sandbox, Tick(timedelta(minutes=minute), states))
            handed = [failed_run_from_json(message).run_id for message in self.host.waiting("failed-runs")]
            self.host.drain()
        return handed

    def deliver(self, run: str = _RUN) -> None:
        """Deliver the event of a run that failed."""
        event = next(deliveries_of(self.scenario)) if run == _RUN else _event_of(self.scenario, run)
        assert post(self.host.webhook_url("on_run_status_changed"), event) == 202
        self.host.drain()

    def told(self) -> list[str]:
        """Return the texts of the messages, once what was held back for a moment has come as well."""
        let_pass(self.host, timedelta(minutes=2))
        return [json.dumps(message.payload) for message in self.sandbox.messages]

    def asked(self, part: str) -> int:
        """Return how many calls went to a path with ``part`` in it."""
        return sum(part in call.path for call in self.sandbox.calls)


def _event_of(scenario: Scenario, run: str) -> Any:
    changed = {**scenario.event, "deliveries": [{"run": run, "status": "Failed"}]}
    story = Scenario(id=scenario.id, source=None, world=scenario.world, run=scenario.run, event=changed)
    return next(deliveries_of(story))


@pytest.fixture
def tell(tmp_path: Path) -> Iterator[Tell]:
    """Return how to begin a story: by its file, with parts of its world changed."""
    with ExitStack() as stack:

        def begin(name: str, *, channels: tuple[str, ...] = ("slack",), settings: Any = None, **parts: Any) -> Night:
            found = load_scenario(_SCENARIOS / f"{name}.yaml")
            data = {
                "id": name,
                "world": {**found.world, **parts.pop("world", {})},
                "run": {**found.run, **parts.pop("run", {})},
                "event": {"schema": "eventgrid", "status": "Failed"},
                **parts,
            }
            return stack.enter_context(Night(parse_scenario(data), tmp_path, channels, **(settings or {})))

        yield begin


def _failed(name: str, minute: int, **more: Any) -> dict[str, Any]:
    """Return a further run that failed on the missing role, ``minute`` of the hour."""
    found = load_scenario(_SCENARIOS / f"{_LOST}.yaml").run
    return {**found, "id": name, "created": f"2026-12-03T14:{minute:02}:00Z", **more}


def _alerts(caplog: pytest.LogCaptureFixture, part: str = "") -> list[str]:
    said = [record.getMessage() for record in caplog.records if "ALERT" in record.getMessage()]
    return [words for words in said if part in words]


# --- failed runs whose event never came ----------------------------------------------------------------------


def test_a_run_without_its_event_is_told_of_once(tell: Tell) -> None:
    """The first look only begins; a run is left to its event for a while; what was handled is not found again."""
    night = tell(_LOST)
    assert night.look(-60) == []
    assert night.look(5) == [], "its event may still come"
    assert night.look(30) == [_RUN]
    assert night.look(45, 60) == []
    assert len(night.told()) == 1


def test_a_run_whose_event_came_is_left_alone(tell: Tell) -> None:
    """A record of it is all that the sweep asks for: nothing of the run is read again."""
    night = tell(_LOST)
    night.look(-60)
    night.deliver()
    read = night.asked("/details")
    assert night.look(30) == []
    assert night.asked("/details") == read
    assert len(night.told()) == 1


def test_an_event_that_comes_after_the_sweep_changes_nothing(tell: Tell) -> None:
    """One run, one message, whoever told of it first."""
    night = tell(_LOST)
    night.look(-60, 30)
    night.deliver()
    assert len(night.told()) == 1


def test_what_failed_before_the_first_look_is_history(tell: Tell) -> None:
    """A new installation does not tell of last week; an older failure is read once, to know its end, and never again."""
    night = tell(_LOST)
    assert night.look(30) == []
    assert night.look(45) == []
    assert night.asked("old_failure_9z8y/details") == 1
    assert night.told() == []


def test_a_run_is_found_again_where_the_finder_died(tell: Tell) -> None:
    """Between finding and handing over nothing is recorded, so the next look finds it again."""
    night = tell(_LOST)
    night.look(-60)
    night.worker.clock = lambda: night.at(30)
    assert len(night.worker.find_missed_runs().failed) == 1, "and its worker dies with it"
    assert night.look(45) == [_RUN]
    assert len(night.told()) == 1


def test_one_worker_looks_in_each_slot_of_time(tell: Tell) -> None:
    """A second timer in the same slot asks Azure for nothing."""
    night = tell(_LOST)
    night.look(-60)
    asked = len(night.sandbox.calls)
    night.look(-60, -59)
    assert len(night.sandbox.calls) == asked


def test_a_list_of_jobs_is_read_over_its_pages(tell: Tell) -> None:
    """The run that failed is the oldest of a hundred and fifty."""
    others = [
        {
            "id": f"calm_{number:03}",
            "status": "Completed",
            "workspace": "halvorsen-ml",
            "created": f"2026-12-03T14:{number % 60:02}:30Z",
        }
        for number in range(150)
    ]
    night = tell(_LOST, world={"other_runs": others}, run={"created": "2026-12-03T13:00:00Z"})
    night.look(-60)
    assert night.look(30) == [_RUN]
    assert night.asked("skiptoken") == 2


def test_a_job_that_has_been_there_for_too_long_is_not_looked_at(tell: Tell) -> None:
    """An image fails soon after its run began: the look back is by the time at which a job was made."""
    night = tell(_LOST, run={"created": "2026-11-20T09:00:00Z"}, settings={"PULLMEDIC_SWEEP_LOOK_BACK_HOURS": "24"})
    assert night.look(-60, 30) == []


def test_a_run_found_by_the_sweep_is_counted_as_such(tell: Tell, caplog: pytest.LogCaptureFixture) -> None:
    """Once, however often it is found, so that a broken subscription shows."""
    night = tell(_LOST)
    night.look(-60)
    night.worker.clock = lambda: night.at(30)
    with caplog.at_level(logging.INFO):
        night.worker.find_missed_runs()
        night.look(45)
    counted = [it.getMessage() for it in caplog.records if "pullmedic.missed " in it.getMessage()]
    assert len(counted) == 1
    assert "found_by=sweep kind=failed-runs" in counted[0]


def test_it_says_once_that_events_do_not_arrive(tell: Tell, caplog: pytest.LogCaptureFixture) -> None:
    """Three runs in a row without an event: the subscription is broken, and what to check stands beside it."""
    others = [
        _failed("keen_lynx_2b", 6),
        _failed("keen_lynx_3c", 7),
        _failed("keen_lynx_9z", 50, ended="2026-12-03T14:55:00Z"),
    ]
    night = tell(_LOST, world={"other_runs": others})
    night.look(-60, 30, 45, keen_lynx_9z="Running")
    (alert,) = _alerts(caplog, "events do not arrive")
    assert "halvorsen-ml" in alert
    assert "on_run_status_changed" in alert
    night.sandbox.azure.states["keen_lynx_9z"] = "Failed"
    night.deliver("keen_lynx_9z")
    night.look(75, 90)
    assert len(_alerts(caplog, "events do not arrive")) == 1
    assert any("events arrive again" in record.getMessage() for record in caplog.records)


# --- where it is blind -------------------------------------------------------------------------------------------


def test_what_it_may_not_list_is_said_once_and_taken_back(tell: Tell, caplog: pytest.LogCaptureFixture) -> None:
    """With the right that is missing; the other kinds go on, and the run is found when the right is there."""
    night = tell(_LOST, faults=[{"call": _JOBS, "status": 403, "times": 2}])
    night.look(-60, -45)
    assert len(_alerts(caplog)) == 2, "failed runs, and runs that wait: both are in the list of jobs"
    assert all("Microsoft.MachineLearningServices/workspaces/jobs/read" in words for words in _alerts(caplog))
    assert night.asked("/onlineEndpoints") == 2
    assert night.look(30) == [_RUN]
    assert len(_alerts(caplog)) == 2
    assert any("sees failed runs" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("call", ["/subscriptions", "/subscriptions/[^/]+/providers/.*/workspaces"])
def test_a_scope_that_it_may_not_list_is_said_once(tell: Tell, caplog: pytest.LogCaptureFixture, call: str) -> None:
    """It names the setting that makes the listing needless."""
    night = tell(_LOST, faults=[{"call": {"host": "management.azure.com", "path": call}, "status": 403}])
    assert night.look(-60, 30) == []
    (alert, *further) = _alerts(caplog, "may not list")
    assert further == []
    assert "PULLMEDIC_WORKSPACES" in alert


@pytest.mark.parametrize("part", ["subscriptions", "workspaces"])
def test_an_empty_scope_is_said_once(tell: Tell, caplog: pytest.LogCaptureFixture, part: str) -> None:
    """An empty list may be a missing right in disguise: a sweep that sees nothing never looks as if all were well."""
    night = tell(_LOST, world={part: []}, run={"workspace": None})
    assert night.look(-60, 30) == []
    (alert,) = _alerts(caplog)
    assert f"sees no {part.removesuffix('s')}" in alert
    assert "PULLMEDIC_WORKSPACES" in alert


def test_a_missing_right_on_deployments_hides_no_failed_run(tell: Tell, caplog: pytest.LogCaptureFixture) -> None:
    """The block of rights is optional: whoever leaves it out reads once what is not seen."""
    call = {"host": "management.azure.com", "path": ".*/getLogs"}
    night = tell(_SERVED, faults=[{"call": call, "status": 403}])
    assert night.look(-60, blue="Updating") == []
    assert night.look(20, 40, blue="Failed") == []
    (alert,) = _alerts(caplog)
    assert "deployments/getLogs/action" in alert
    assert night.told() == []


def test_a_request_to_slow_down_is_heeded_and_costs_one_turn(tell: Tell, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is said to be missing, and the same slot is tried again with the next tick."""
    night = tell(_LOST, faults=[{"call": _JOBS, "status": 429, "retry_after": 60, "times": 1}])
    night.look(-60)
    assert _alerts(caplog) == []
    asked = night.asked("/jobs")
    night.look(-59)
    assert night.asked("/jobs") == asked + 1
    assert night.look(30) == [_RUN]


def test_what_was_found_before_the_request_to_slow_down_is_handed_on(tell: Tell) -> None:
    """A list that is throttled all day keeps no deployment back."""
    night = tell(_SERVED, faults=[{"call": _JOBS, "status": 429, "retry_after": 60}])
    night.look(-60, blue="Updating")
    (run,) = night.look(20, blue="Failed")
    assert run.startswith("blade-score.blue.")


def test_a_service_that_fails_is_asked_again_with_the_next_tick(tell: Tell, caplog: pytest.LogCaptureFixture) -> None:
    """An outage is no missing right."""
    night = tell(_LOST, faults=[{"call": _JOBS, "status": 503, "times": 6}])
    night.look(-60)
    assert _alerts(caplog) == []
    night.look(-59)
    assert night.look(30) == [_RUN]


# --- which workspaces ----------------------------------------------------------------------------------------


def test_named_workspaces_are_asked_and_no_others(tell: Tell) -> None:
    """No subscription is listed, and a person reads the name as Azure writes it, whatever the settings' case."""
    group = "/subscriptions/14ff9242-5d9a-4c87-8a21-293993ff22dd/resourceGroups/rg-turbines"
    named = f"{group}/providers/Microsoft.MachineLearningServices/workspaces/Halvorsen-ML"
    night = tell(_LOST, settings={"PULLMEDIC_WORKSPACES": named})
    night.look(-60)
    (waiting,) = night.look(30) or [""]
    assert waiting == _RUN
    assert night.asked("/subscriptions?") == 0
    assert "halvorsen-ml (resource group rg-turbines)" in night.told()[0]


def test_switched_off_it_asks_nothing(tell: Tell) -> None:
    """One setting."""
    night = tell(_LOST, settings={"PULLMEDIC_SWEEP": "false"})
    night.look(-60, 30)
    assert night.sandbox.calls == []


@pytest.mark.parametrize(
    ("cloud", "manager", "history", "registry"),
    [
        ("AzureUSGovernment", "management.usgovcloudapi.net", "usgovvirginia.api.ml.azure.us", "azurecr.us"),
        ("AzureChinaCloud", "management.chinacloudapi.cn", "usgovvirginia.api.ml.azure.cn", "azurecr.cn"),
    ],
)
def test_another_cloud_is_asked_at_its_own_hosts(
    tmp_path: Path, cloud: str, manager: str, history: str, registry: str
) -> None:
    """The setting that is for everything is for the sweep, too: no host and no audience is the public cloud's."""
    found = load_scenario(_SCENARIOS / "sweep-in-azure-government.yaml")
    parts = {"id": found.id, "world": found.world, "run": found.run, "event": {}}
    text = json.dumps(parts).replace("AzureUSGovernment", cloud).replace("azurecr.us", registry)
    with Night(parse_scenario(json.loads(text)), tmp_path) as night:
        night.look(-60)
        assert night.look(30) == [_RUN]
        (told,) = night.told()
        assert f"halvorsenimages.{registry}" in told
        local = {"127.0.0.1", "hooks.slack.com"}
        assert set(night.sandbox.hosts) - local == {manager, history, f"halvorsenimages.{registry}"}
        tokens = [call.path for call in night.sandbox.calls if "/msi/token" in call.path]
        assert any(f"resource=https://{manager}" in path for path in tokens)
        assert not any("management.azure.com" in path for path in tokens)
        assert night.sandbox.refused == []
        assert night.sandbox.violations == []


# --- runs that wait ------------------------------------------------------------------------------------------


def test_a_run_that_waits_is_told_of_and_resolved_when_it_starts(tell: Tell) -> None:
    """It has not failed, and the message says so; once it runs nothing is left to do."""
    night = tell(_WAITS)
    assert night.look(-20, 0) == []
    assert night.look(30) == [_RUN]
    (told,) = night.told()
    assert "has not failed yet; stuck in Preparing since 2026-12-03 14:02 UTC" in told
    night.look(60, **{_RUN: "Running"})
    assert "Resolved" in night.told()[-1]
    assert "it has started" in night.told()[-1]
    assert night.look(75, 90, **{_RUN: "Running"}) == []


def test_a_run_that_waited_and_fails_is_the_same_incident(tell: Tell) -> None:
    """Its failure updates what was told; a place where nothing can be edited hears no second time of it."""
    night = tell(_WAITS, run={"ended": "2026-12-03T15:20:00Z"}, channels=("slack", "slack_bot"))
    night.look(-20, 30)
    night.sandbox.azure.states[_RUN] = "Failed"
    night.worker.clock = lambda: night.at(60)
    night.deliver()
    night.told()
    (incident,) = night.worker._incidents().all_ones()
    assert not incident.waiting
    assert len(night.worker._incidents().occurrences(incident.id)) == 1
    assert len([it for it in night.sandbox.messages if it.channel == "slack"]) == 1
    assert "has not failed" not in json.dumps(night.sandbox.messages[-1].payload)


def test_a_run_that_waits_is_looked_into_at_growing_intervals(tell: Tell) -> None:
    """A look that proves nothing disturbs nobody, and costs less and less."""
    night = tell("sweep-run-that-prepares-long")
    looked = [minute for minute in range(-30, 480, 15) if night.look(minute)]
    assert looked == [15, 60, 150, 330]
    assert night.told() == []


def test_a_limit_that_a_log_states_is_no_reason_while_the_run_still_tries(tell: Tell) -> None:
    """A registry that refused one try may have let the next one through: a live fact has to prove it."""
    limited = load_scenario(_SCENARIOS / "docker-hub-pull-limit.yaml")
    night = tell("docker-hub-pull-limit", run={"status": "Preparing", "logs": _as_log(limited)})
    assert night.look(-20, 0) == []
    assert night.look(30) == [limited.run["id"]]
    assert night.told() == []


def _as_log(scenario: Scenario) -> dict[str, Any]:
    """Return a run's logs with its error among them: a run that goes on has no error."""
    said = (scenario.run.get("error") or {}).get("message") or ""
    return {**(scenario.run.get("logs") or {}), "system_logs/lifecycler/lifecycler.log": said}


def test_a_step_that_waits_is_found_though_its_pipeline_runs(tell: Tell) -> None:
    """Steps are in no list of jobs: a running pipeline is asked for them, and a step is over when it is seen running."""
    waits = load_scenario(_SCENARIOS / f"{_WAITS}.yaml").run
    step = {**waits, "id": "warm_step_1"}
    pipeline = {"type": "azureml.PipelineRun", "status": "Running", "children": [step], "logs": {}}
    night = tell(_WAITS, run=pipeline)
    assert night.look(-20, 0) == []
    assert night.look(30) == ["warm_step_1"]
    assert len(night.told()) == 1
    night.look(60, **{_RUN: "Completed", "warm_step_1": "Completed"})
    assert "Resolved" in night.told()[-1]


@pytest.mark.parametrize("minutes", ["0", "600"])
def test_how_long_a_run_may_wait_is_a_setting(tell: Tell, minutes: str) -> None:
    """And none has to be looked at."""
    night = tell(_WAITS, settings={"PULLMEDIC_SWEEP_WAITING_MINUTES": minutes})
    assert night.look(-20, 0, 30, 120) == []


# --- deployments ---------------------------------------------------------------------------------------------


def test_a_failed_deployment_is_told_of_and_resolved_when_it_succeeds(tell: Tell) -> None:
    """Once for each attempt, and over with the one that works."""
    night = tell(_SERVED)
    night.look(-60, blue="Updating")
    (run,) = night.look(20, blue="Failed")
    assert run.startswith("blade-score.blue.")
    assert night.look(35, blue="Failed") == []
    assert len(night.told()) == 1
    night.look(60, blue="Succeeded")
    assert "Resolved" in night.told()[-1]
    assert "the deployment blue of blade-score succeeded" in night.told()[-1]


def test_a_second_attempt_that_fails_is_the_same_incident(tell: Tell) -> None:
    """And what succeeds in the end resolves it with all its attempts."""
    night = tell(_SERVED)
    night.look(-60, blue="Updating")
    night.look(20, blue="Failed")
    deployment = night.scenario.world["workspaces"][0]["online_endpoints"][0]["deployments"][0]
    deployment["modified"] = "2026-12-03T14:45:00Z"
    assert night.look(35, blue="Failed") == ["blade-score.blue.20261203T144500Z"]
    assert len(night.told()) == 1
    night.look(60, blue="Succeeded")
    assert "Resolved" in night.told()[-1]


def test_a_deployment_whose_image_had_come_disturbs_nobody(tell: Tell) -> None:
    """Its log says that the pull succeeded: what its own code printed about registries is none of ours."""
    log = "UserContainerImagePull: Succeeded\nUserContainerStart: Failed" + _REFUSED
    night = tell(_SERVED, world=_with_log(log))
    night.look(-60, blue="Updating")
    assert len(night.look(20, blue="Failed")) == 1
    assert night.told() == []


def _with_log(log: str) -> dict[str, Any]:
    """Return the world of the failed deployment with another log of it."""
    world = load_scenario(_SCENARIOS / f"{_SERVED}.yaml").world
    workspace = world["workspaces"][0]
    endpoint = workspace["online_endpoints"][0]
    served = {**endpoint, "deployments": [{**endpoint["deployments"][0], "log": log}]}
    return {"workspaces": [{**workspace, "online_endpoints": [served]}]}


@pytest.mark.parametrize(
    ("named", "proven"),
    [("8d8cc0ae-1111-4d88-929a-132e3cde3a1a", True), ("0a0a0a0a-2222-4d88-929a-132e3cde3a1a", False)],
)
def test_an_identity_that_the_log_names_is_held_against_the_endpoints_own(
    tell: Tell, named: str, *, proven: bool
) -> None:
    """A log has the client id and the endpoint shows the principal id: Azure says whether they are one."""
    log = (
        "UserContainerImagePull: Failed\n"
        "FailedPullingImage: Unable to pull docker image\n"
        "\timageName: halvorsenimages.azurecr.io/turbines/train:4.2\n"
        f"\terror: AcrRefreshTokenRetrievalError: Unable to retrieve ACR refresh token using Compute Identity {named} , "
        "please check that it may pull\n"
        "\terr: POST https://halvorsenimages.azurecr.io/oauth2/exchange: status 401 Unauthorized\n"
    )
    night = tell(_SERVED, world=_with_log(log))
    night.look(-60, blue="Updating")
    night.look(20, blue="Failed")
    (told,) = night.told()
    assert ("Confirmed: blade-score may not pull" in told) is proven
    assert night.asked("identities/default") > 0
