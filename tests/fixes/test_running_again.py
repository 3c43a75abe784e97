"""The failed job once more: what somebody asked for is submitted once, and nothing that the first run left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from azure.identity import ManagedIdentityCredential

from diagnostics.azure.arm import ArmClient, connections
from diagnostics.azure.clouds import cloud_named
from responders.fixes.running_again import INCIDENT_TAG, RUN_TAG, NotRunAgain, RunAgain, run_again
from sandbox.merge import merged
from sandbox.playing import variables
from sandbox.server import Sandbox
from sandbox.world import Scenario, load_scenario

FOLDER = Path(__file__).parents[2] / "sandbox" / "scenarios"
FIXER = "7f3b9a52-0000-4000-8000-0000000000f1"
WORKSPACE = (
    "/subscriptions/14ff9242-5d9a-4c87-8a21-293993ff22dd/resourceGroups/rg-turbines"
    "/providers/Microsoft.MachineLearningServices/workspaces/halvorsen-ml"
)
CLOUD = cloud_named("AzureCloud")
BASE = load_scenario(FOLDER / "missing-pull-role.yaml")
RUN = str(BASE.run["id"])
STORE = "azureml://datastores/workspaceartifactstore"
DATA = {"uri": "azureml://datastores/blade/paths/2026/", "mode": "ReadOnlyMount", "jobInputType": "uri_folder"}

# As the service shows a job that ended (shape of 2024-04-01 as recorded): what was asked for, and what was added.
COMMAND: dict[str, Any] = {
    "description": "nightly",
    "displayName": "Blades",
    "componentId": None,
    "tags": {"team": "turbines", "_aml_system_ComputeTargetStatus": "{}"},
    "properties": {
        "mlflow.source.git.commit": "ca5e",
        "ours": "1",
        "_azureml.ClusterName": "gpu-train",
        "ProcessInfoFile": "azureml-logs/process_info.json",
        "StartTimeUtc": "2026-12-03 14:20:00",
    },
    "services": {
        "Tracking": {"jobServiceType": "Tracking", "endpoint": "azureml://x", "port": None},
        "Studio": {"jobServiceType": "Studio", "endpoint": f"https://ml.azure.com/runs/{RUN}"},
        "shell": {
            "jobServiceType": "SSH",
            "endpoint": "wss://old",
            "port": 22,
            "status": "Stopped",
            "properties": {"sshPublicKeys": "ssh-ed25519 AAAA"},
            "nodes": {"nodesValueType": "All"},
        },
    },
    "identity": {"identityType": "Managed", "clientId": "11111111-0000-4000-8000-000000000001", "objectId": None},
    "notificationSetting": {"emailOn": ["JobFailed"], "emails": ["dana@contoso.example"], "webhooks": None},
    "codeId": f"{WORKSPACE}/codes/c1/versions/1",
    "command": "python train.py --data ${{inputs.data}} --rate ${{inputs.rate}} '{not a binding}'",
    "inputs": {"data": DATA, "rate": {"value": "0.1", "jobInputType": "literal"}},
    "outputs": {
        "default": {
            "uri": f"{STORE}/ExperimentRun/dcid.{RUN}",
            "mode": "ReadWriteMount",
            "jobOutputType": "uri_folder",
        },
        "model": {"uri": f"{STORE}/azureml/{RUN}/model/", "mode": "Upload", "jobOutputType": "mlflow_model"},
        "table": {"uri": "azureml://datastores/blade/paths/out/", "mode": "Upload", "jobOutputType": "uri_folder"},
    },
    "distribution": {"processCountPerInstance": 2, "distributionType": "PyTorch"},
    "environmentVariables": {"A": "b"},
    "limits": {"timeout": "PT1H", "jobLimitsType": "Command"},
    "resources": {"instanceCount": 2, "instanceType": None, "properties": {"x": {"y": "z"}}, "shmSize": "4g"},
    "parameters": {"rate": "0.1"},
    "queueSettings": {"jobTier": "Spot"},
}
STEP = {
    "type": "command",
    "componentId": f"{WORKSPACE}/components/train/versions/3",
    "computeId": f"{WORKSPACE}/computes/gpu-train",
    "inputs": {"data": {"job_input_type": "literal", "value": "${{parent.inputs.data}}"}},
    "outputs": {},
    "something_newer_than_any_sdk": {"keep": [1, None]},
    "_source": "YAML.COMPONENT",
}
PIPELINE: dict[str, Any] = {
    "jobType": "Pipeline",
    "inputs": {"data": DATA},
    "jobs": {"train": STEP, "loop": {"type": "do_while", "body": "${{parent.jobs.train}}", "mapping": {"a": ["b"]}}},
    "settings": {"default_compute": f"{WORKSPACE}/computes/gpu-train", "force_rerun": False, "_source": "YAML.JOB"},
}


def world(job: Mapping[str, Any], role: str | None = "AzureML Data Scientist", **run: Any) -> Scenario:
    """Return the story with a job of that definition, and a fixer that holds a role on the workspace."""
    stated: Any = merged(dict(BASE.run), run)
    stated["job"] = job
    granted = [{"scope": WORKSPACE, "role": role, "principal_id": FIXER}] if role else []
    assignments = [*BASE.world["role_assignments"], *granted]
    return replace(BASE, world={**BASE.world, "role_assignments": assignments}, run=stated)


@contextmanager
def simulated(scenario: Scenario, *faults: dict[str, Any]) -> Iterator[Sandbox]:
    """Run a sandbox that this process is pointed at; afterwards nothing was asked that is not simulated."""
    stated = [{"call": {"path": ".*/jobs/.*", "method": "PUT"}, **fault} for fault in faults]
    with Sandbox(replace(scenario, faults=tuple(stated))) as azure, variables(azure.environment):
        yield azure
    assert azure.refused == []
    assert azure.violations == []


def submit(run_id: str = RUN, incident_id: str = "f1-1") -> RunAgain | NotRunAgain:
    """Submit the job again as the fixer."""
    with ManagedIdentityCredential(client_id=FIXER) as credential:
        return run_again(WORKSPACE, run_id, incident_id=incident_id, credential=credential, cloud=CLOUD)


def again(run_id: str = RUN) -> RunAgain:
    """Return the answer that names the new job."""
    name = f"{run_id}-again"
    return RunAgain(name, f"https://ml.azure.com/runs/{name}?wsid={WORKSPACE}")


def refused(answer: RunAgain | NotRunAgain) -> str:
    """Return why a job was not submitted, and will not be."""
    assert isinstance(answer, NotRunAgain)
    assert not answer.passing
    return answer.why


def test_a_command_job_is_submitted_as_it_was_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    """Code, environment, compute, identity, inputs, notifications ... to the letter; a link to the incident beside."""
    with simulated(world(COMMAND)) as azure:
        assert submit() == again()
        (write,) = azure.writes
    assert (write.path, write.caller, write.created) == (f"{WORKSPACE}/jobs/{RUN}-again", FIXER, True)
    untouched = (
        "command",
        "codeId",
        "identity",
        "notificationSetting",
        "inputs",
        "distribution",
        "limits",
        "resources",
    )
    asked = write.body
    for name in (*untouched, "environmentVariables", "queueSettings", "displayName", "description"):
        assert asked[name] == COMMAND[name]
    assert asked["computeId"] == f"{WORKSPACE}/computes/gpu-train"
    assert asked["environmentId"].startswith(f"{WORKSPACE}/environments/")
    assert (asked["jobType"], asked["experimentName"]) == ("Command", BASE.run["experiment"])
    assert asked["tags"] == {"team": "turbines", INCIDENT_TAG: "f1-1", RUN_TAG: RUN}
    assert capfd.readouterr() == ("", "")


def test_what_the_first_run_left_behind_is_not_submitted() -> None:
    """Neither its state, nor its addresses, nor the places that the service chose for its outputs."""
    with simulated(world(COMMAND)) as azure:
        submit()
        asked = azure.writes[0].body
    assert not {"status", "parameters", "componentId", "isArchived"} & set(asked)
    assert asked["properties"] == {"mlflow.source.git.commit": "ca5e", "ours": "1"}
    assert asked["services"] == {
        "shell": {
            "jobServiceType": "SSH",
            "port": 22,
            "properties": {"sshPublicKeys": "ssh-ed25519 AAAA"},
            "nodes": {"nodesValueType": "All"},
        }
    }
    assert asked["outputs"] == {
        "model": {"mode": "Upload", "jobOutputType": "mlflow_model"},
        "table": COMMAND["outputs"]["table"],
    }


def test_a_pipeline_is_submitted_with_every_step_as_it_is() -> None:
    """Also what no SDK knows; with the token that the service starts the steps with."""
    with simulated(world(PIPELINE, type="azureml.PipelineRun")) as azure:
        assert submit() == again()
        (write,) = azure.writes
    for name in ("jobs", "settings", "inputs"):
        assert write.body[name] == PIPELINE[name]
    assert write.body["tags"] == {INCIDENT_TAG: "f1-1", RUN_TAG: RUN}


@pytest.mark.parametrize(("job", "kind"), [(COMMAND, None), (PIPELINE, "azureml.PipelineRun")])
def test_whatever_happens_there_is_one_job(job: Mapping[str, Any], kind: str | None) -> None:
    """A repeated call, and four at once, find or make the same job; also where another incident asks."""
    with simulated(world(job, **({"type": kind} if kind else {}))) as azure:
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: submit(), range(4)))
        assert answers == [again()] * 4
        assert submit(incident_id="f2-1") == again()
        assert sum(write.created for write in azure.writes) == 1
        assert {write.path for write in azure.writes} == {f"{WORKSPACE}/jobs/{RUN}-again"}


@pytest.mark.parametrize(
    "fault",
    [
        {"cut": True, "done_first": True, "times": 1},
        {"status": 500, "done_first": True, "times": 1},
        {"status": 409, "done_first": True},
        {"status": 400, "code": "UserError", "done_first": True},
    ],
)
def test_an_answer_that_is_lost_makes_no_second_job(fault: dict[str, Any]) -> None:
    """The write had been made: it is found by its name and its tag."""
    with simulated(world(COMMAND), fault) as azure:
        assert submit() == again()
        assert sum(write.created for write in azure.writes) == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 429, "retry_after": 60}, "429"),
        ({"status": 503}, "503"),
        ({"status": 409, "code": "Conflict"}, "409"),
        ({"cut": True}, "no answer"),
    ],
)
def test_what_passes_is_worth_another_try(fault: dict[str, Any], said: str) -> None:
    """And the next try submits the one job."""
    with simulated(world(COMMAND), {**fault, "times": 3}) as azure:
        answer = submit()
        assert isinstance(answer, NotRunAgain)
        assert answer.passing
        assert said in answer.why
        while isinstance(answer, NotRunAgain):
            assert answer.passing
            answer = submit()
        assert answer == again()
        assert sum(write.created for write in azure.writes) == 1


@pytest.mark.parametrize("role", [None, "Reader"])
def test_a_missing_right_is_named(role: str | None) -> None:
    """With who needs it, and a role that holds it; nothing is written."""
    with simulated(world(COMMAND, role)) as azure:
        why = refused(submit())
        assert azure.writes == []
    assert "fixer identity needs Microsoft.MachineLearningServices/workspaces/jobs/" in why
    assert "AzureML Data Scientist" in why


def test_what_the_service_refuses_is_said_in_its_words() -> None:
    """For good: the same would be refused again."""
    fault = {"status": 400, "code": "ValidationError", "message": "The compute is gone."}
    with simulated(world(COMMAND), fault):
        assert refused(submit()) == "HTTP 400, ValidationError: The compute is gone."


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"jobType": "Sweep"}, "only command jobs and pipeline jobs are submitted again; this is a job of type Sweep"),
        ({"jobType": "AutoML"}, "type AutoML"),
        ({"jobType": "Spark"}, "type Spark"),
        ({"jobType": "Base\x1b[31m"}, "type Base"),
        ({"status": "Completed"}, "the job is not failed but Completed"),
        ({"status": "Canceled"}, "the job is not failed but Canceled"),
        ({"tags": {RUN_TAG: "older"}}, "this job was itself submitted again"),
        ({"identity": {"identityType": "UserIdentity"}}, "as the person who submits it"),
        ({"identity": None, "computeId": None}, "as the person who submits it"),
    ],
)
def test_what_is_not_submitted_is_said_with_its_reason(changes: dict[str, Any], why: str) -> None:
    """Nothing is written."""
    with simulated(world({**COMMAND, **changes})) as azure:
        assert why in refused(submit())
        assert azure.writes == []


@pytest.mark.parametrize(
    "changes",
    [
        {"jobs": {"train": {**STEP, "identity": {"type": "user_identity"}}}},
        {"jobs": {"train": {**STEP, "computeId": None}}, "settings": {"default_compute": "serverless"}},
        {"identity": {"identityType": "UserIdentity"}},
    ],
)
def test_a_pipeline_with_a_step_that_runs_as_its_submitter_is_not_submitted(changes: dict[str, Any]) -> None:
    """Its step would run as the app."""
    with simulated(world({**PIPELINE, **changes}, type="azureml.PipelineRun")) as azure:
        assert "as the person who submits it" in refused(submit())
        assert azure.writes == []


def test_a_job_on_serverless_compute_with_an_identity_of_its_own_is_submitted() -> None:
    """It runs as that identity whoever submits it."""
    with simulated(world({**COMMAND, "computeId": None})) as azure:
        assert submit() == again()
        assert len(azure.writes) == 1


def test_a_pipeline_that_still_runs_is_waited_for() -> None:
    """It fails when its last step has ended."""
    with simulated(world({**PIPELINE, "status": "Running"}, type="azureml.PipelineRun")) as azure:
        assert submit() == NotRunAgain("the job is not failed but Running", passing=True)
        assert azure.writes == []


def test_a_step_of_a_pipeline_is_not_submitted_by_itself() -> None:
    """The service shows no definition of it."""
    with simulated(
        world(PIPELINE, type="azureml.PipelineRun", children=[{"id": "step_1", "experiment": "x"}])
    ) as azure:
        assert "only the whole pipeline" in refused(submit("step_1"))
        assert azure.writes == []


def test_a_job_that_is_gone_and_a_name_that_is_taken() -> None:
    """Nothing of others is touched."""
    with simulated(world(COMMAND)) as azure:
        assert refused(submit("gone_1")) == "the job is not there any more"
        assert azure.writes == []
    others = [{"id": f"{RUN}-again", "experiment": "x"}]
    scenario = world(COMMAND)
    with simulated(replace(scenario, world={**scenario.world, "other_runs": others})) as azure:
        assert refused(submit()) == f"another job is called {RUN}-again: submit it by hand"
        assert azure.writes == []


@pytest.mark.parametrize("run_id", ["", "../../x", "a/b", "a?b", "a%2fb", "a b", "-a", "x" * 256, "ü"])
def test_a_hostile_id_reaches_no_address(run_id: str) -> None:
    """It is refused before anything is asked."""
    with simulated(world(COMMAND)) as azure:
        assert refused(submit(run_id)) == "the run's id is no name of a job"
        assert azure.calls == []


def test_a_long_name_is_cut_and_stays_one_of_its_own() -> None:
    """Names have at most 255 characters; two that begin alike make two jobs."""
    names = []
    for last in "ab":
        run_id = "r" * 249 + last
        with simulated(world(COMMAND, id=run_id)) as azure:
            answer = submit(run_id)
            assert isinstance(answer, RunAgain)
            names.append(answer.job_name)
            assert azure.writes[0].path.endswith(f"/jobs/{answer.job_name}")
    assert len(set(names)) == 2
    assert [len(name) for name in names] == [255, 255]


def test_without_an_identity_it_is_worth_another_try() -> None:
    """An identity that is not there yet may come; no secret is in what is said."""
    with simulated(world(COMMAND)) as azure, variables({**azure.environment, "IDENTITY_HEADER": "wrong"}):
        answer = submit()
        assert isinstance(answer, NotRunAgain)
        assert answer.passing
        assert azure.sentinel not in answer.why
        assert azure.writes == []


def test_the_new_job_is_there_to_be_read() -> None:
    """It waits for its compute, and names the incident."""
    with simulated(world(COMMAND)):
        submit()
        with ManagedIdentityCredential(client_id=FIXER) as credential:
            job = ArmClient(CLOUD, credential, connections()).get(
                f"{WORKSPACE}/jobs/{RUN}-again", api_version="2024-10-01"
            )
    assert job["properties"]["status"] == "NotStarted"
    assert job["properties"]["tags"][INCIDENT_TAG] == "f1-1"
