"""What is read about a build: its log wherever it lies, the compute that builds, the subscription's offer."""

from __future__ import annotations

import re
from typing import Any

import pytest
from azure_wire import (
    CUT,
    GARBAGE,
    LOG,
    MANAGER,
    REGISTRY,
    SUBSCRIPTION_ID,
    Begin,
    BentSandbox,
    Read,
    arm_error,
    json_answer,
)
from diagnostic_samples import run, value

from diagnostics.build_facts import BuildCompute, BuildFault, BuildLog, SubscriptionOffer
from diagnostics.build_search import build_log_fact
from diagnostics.investigating import investigate
from diagnostics.judging import judge
from diagnostics.logs import excerpts_of_text
from diagnostics.model import Evidence, Known, Unknown, UnreadLog, Vantage
from diagnostics.probing import all_probes
from diagnostics.reach import Reach
from sandbox.wire import Reply

BLOBS = "acrtaskprodnorthe042.blob.core.windows.net"
TASK_LINK = f"Image build failed. Build log: https://{BLOBS}/container-0/logs/cb9u/rawtext.log"
BUILD_RUN = "Image build failed. Additional logs: https://ml.azure.com/experiments/id/prepare_image/runs/imgbldrun_1a2b"
OUTPUT = """Logging into Docker registry: prosereg.azurecr.io
Step 1/3 : FROM mcr.microsoft.com/azureml/base:1
Step 2/3 : RUN pip install -r requirements.txt
ERROR: No matching distribution found for tailspin==3
The command '/bin/sh -c pip install' returned a non-zero code: 1
Run ID: cb9u failed after 9s."""

WRONG: dict[str, tuple[Reply, str]] = {
    "401": (arm_error(401, "InvalidAuthenticationToken"), "401"),
    "403": (arm_error(403, "AuthorizationFailed"), "403"),
    "429": (arm_error(429, "TooManyRequests"), "429"),
    "500": (arm_error(500, "InternalServerError"), "500"),
    "garbage": (GARBAGE, ""),
    "a list": (json_answer(200, ["nonsense"]), ""),
    "a cut": (CUT, "no answer|did not answer"),
}


def build_run(**logs: Any) -> list[dict[str, Any]]:
    """Return the run that builds the image, with its logs."""
    failed = {"code": "UserError", "message": "ExecutionFailed: exit code 1"}
    return [{"id": "imgbldrun_1a2b", "workspace": "proseware-ml", "error": failed, "logs": logs}]


def story(message: str, **world: Any) -> dict[str, Any]:
    """Return changes to the story: a run that failed with ``message`` while its image was built."""
    error = {"code": "ImageBuildFailure", "message": message}
    return {"run": {"error": error, "logs": {LOG: "preparing\n"}}, "world": world}


def read_about(reach: Reach) -> Evidence:
    """Investigate the failed run."""
    return investigate(run(), reach)


def build_log(evidence: Evidence) -> BuildLog:
    """Return what the build's log says, where it was read."""
    fact = evidence.facts["build-log"]
    assert isinstance(fact, Known), fact
    assert fact.vantage is Vantage.LOG
    found: BuildLog = fact.value
    return found


# --- the log ------------------------------------------------------------------------------------------------


def test_the_log_of_acr_tasks_is_asked_of_the_registry(begin: Begin, reach: Reach) -> None:
    """The link in the text is not followed: the registry itself gives a signed one for the run that it names."""
    azure = begin(**story(TASK_LINK, task_runs=[{"id": "cb9u", "registry": "prosereg", "log": OUTPUT}]))
    evidence = read_about(reach)
    log = build_log(evidence)
    assert (log.file, log.fault, log.subject) == ("log of ACR Tasks run cb9u", BuildFault.DEPENDENCY, "tailspin==3")
    assert judge(evidence).verdict == "build-dependency-failed"
    assert azure.asked("/runs/cb9u/listLogSasUrl") == 1
    assert azure.asked("/container-0/") == 0
    assert azure.refused == []
    assert azure.violations == []


@pytest.mark.parametrize("status", [403, 404, 409, 503])
def test_a_refused_log_is_a_fact_of_its_own(begin: Begin, reach: Reach, status: int) -> None:
    """Nothing is made up in its place: the log is listed as unread, and the fact is unknown with that reason."""
    begin(
        **story(
            TASK_LINK,
            task_runs=[{"id": "cb9u", "registry": "prosereg", "log": OUTPUT}],
            responder={"may_not_read": [{"call": {"host": BLOBS}, "answer": {"status": status}}]},
        )
    )
    evidence = read_about(reach)
    fact = evidence.facts["build-log"]
    assert isinstance(fact, Unknown)
    assert str(status) in fact.reason
    assert [log.file for log in evidence.unread_logs] == ["log of ACR Tasks run cb9u"]
    assert judge(evidence).status is None
    assert any(str(status) in words for words in judge(evidence).settle)


def test_without_the_right_to_ask_for_it_the_action_is_named(begin: Begin, reach: Reach) -> None:
    """Whoever reads the message knows which right would show more."""
    azure = begin(**story(TASK_LINK))
    azure.bend(MANAGER, "/listLogSasUrl", arm_error(403, "AuthorizationFailed", "The client may not."))
    (unread,) = read_about(reach).unread_logs
    assert "Microsoft.ContainerRegistry/registries/runs/listLogSasUrl/action" in unread.reason


@pytest.mark.parametrize("wrong", sorted(WRONG))
def test_whatever_the_registry_answers_becomes_words(begin: Begin, reach: Reach, wrong: str) -> None:
    """No answer about the log ends the investigation."""
    azure = begin(**story(TASK_LINK))
    reply, said = WRONG[wrong]
    azure.bend(MANAGER, "/listLogSasUrl", reply)
    (unread,) = read_about(reach).unread_logs
    assert re.search(said, unread.reason)
    assert azure.sentinel not in unread.reason


def test_a_registry_s_answer_may_lead_to_storage_only(begin: Begin, reach: Reach) -> None:
    """A link to anywhere else is not followed, even from Azure's own answer."""
    azure = begin(**story(TASK_LINK))
    azure.bend(MANAGER, "/listLogSasUrl", json_answer(200, {"logLink": "https://logs.example/rawtext.log"}))
    (unread,) = read_about(reach).unread_logs
    assert "not followed" in unread.reason
    assert "logs.example" not in azure.hosts


def test_a_workspace_without_registry_has_no_tasks_to_ask(begin: Begin, reach: Reach) -> None:
    """It is said, and nothing is asked."""
    workspaces = [{"name": "proseware-ml", "container_registry": None}]
    azure = begin(**story(TASK_LINK, workspaces=workspaces))
    (unread,) = read_about(reach).unread_logs
    assert "names no registry" in unread.reason
    assert azure.asked("/listLogSasUrl") == 0


@pytest.mark.parametrize("name", ["user_logs/std_log.txt", "azureml-logs/20_image_build_log.txt"])
def test_the_build_run_s_own_output_is_read(begin: Begin, reach: Reach, name: str) -> None:
    """What a build run printed is the build, wherever it printed it."""
    begin(**story(BUILD_RUN, other_runs=build_run(**{name: OUTPUT})))
    evidence = read_about(reach)
    assert build_log(evidence).file == f"build run imgbldrun_1a2b, {name}"
    assert judge(evidence).verdict == "build-dependency-failed"


def test_a_build_run_that_only_a_log_names_is_found(begin: Begin, reach: Reach) -> None:
    """The run's own build log may end with where the build goes on."""
    head = "======Starting Image Build on Serverless Compute======\nThe run ID for the image build is imgbldrun_1a2b"
    changes = story("Image build failed.", other_runs=build_run(**{"user_logs/std_log.txt": OUTPUT}))
    changes["run"]["logs"]["azureml-logs/20_image_build_log.txt"] = head
    begin(**changes)
    assert build_log(read_about(reach)).subject == "tailspin==3"


@pytest.mark.parametrize("logs", [{}, {"user_logs/std_log.txt": {"missing": "gone"}}])
def test_a_build_run_that_shows_nothing_leaves_the_cause_open(begin: Begin, reach: Reach, logs: Any) -> None:
    """Without its output nobody knows why the build failed, and nothing is confirmed."""
    begin(**story(BUILD_RUN, other_runs=build_run(**logs)))
    diagnosis = judge(read_about(reach))
    assert diagnosis.status is None
    assert diagnosis.symptom == "image-build-failed"


def test_a_build_run_that_history_does_not_know_is_said_to_be_so(begin: Begin, reach: Reach) -> None:
    """It may be another workspace's."""
    begin(**story(BUILD_RUN))
    (unread,) = read_about(reach).unread_logs
    assert (unread.file, "404" in unread.reason) == ("build run imgbldrun_1a2b", True)


def test_a_build_run_s_own_failure_is_read_too(begin: Begin, reach: Reach) -> None:
    """Its event may come by itself; its output is not taken for a user's program."""
    azure = begin(**story("x", other_runs=build_run(**{"user_logs/std_log.txt": OUTPUT})))
    evidence = investigate(run(run_id="imgbldrun_1a2b"), reach)
    assert build_log(evidence).fault == BuildFault.DEPENDENCY
    assert azure.asked("/runs/imgbldrun_1a2b/details") == 1


def test_a_base_image_is_asked_for_and_not_what_was_to_be_built(begin: Begin, reach: Reach) -> None:
    """Facts read for the image of the run's definition do not stand for the one that the log shows."""
    log = (
        "Logging in to registry: prosereg.azurecr.io\nStep 1/3 : FROM prosereg.azurecr.io/team/train:99\n"
        "manifest for prosereg.azurecr.io/team/train:99 not found: manifest unknown\nRun ID: cb9u failed after 2s."
    )
    changes = story(TASK_LINK, task_runs=[{"id": "cb9u", "registry": "prosereg", "log": log}])
    changes["run"]["image"] = "prosereg.azurecr.io/azureml/azureml_0a1b"
    begin(**changes)
    diagnosis = judge(read_about(reach))
    assert diagnosis.verdict == "build-base-image-failed"
    assert "tag-absent" in {finding.cause for finding in diagnosis.also}


def test_an_unread_log_makes_the_fact_unknown_only_where_no_other_says_why() -> None:
    """One of two logs that tells is enough."""
    now, refused = run().failed_at, UnreadLog(file="log of ACR Tasks run x", reason="HTTP 409")
    other = UnreadLog(file="system_logs/x.log", reason="HTTP 404")
    assert isinstance(build_log_fact((), (refused,), now), Unknown)
    assert isinstance(build_log_fact(excerpts_of_text("rawtext.log", OUTPUT), (refused,), now), Known)
    assert isinstance(build_log_fact((), (other,), now), Known)


# --- the probes ---------------------------------------------------------------------------------------------


def with_builder(name: str | None, *computes: dict[str, Any]) -> dict[str, Any]:
    """Return a world whose workspace builds on ``name``."""
    cluster = {"name": "cluster"}
    return {"workspaces": [{"name": "proseware-ml", "image_build_compute": name}], "computes": [cluster, *computes]}


def test_no_build_compute_is_read_without_a_call(begin: Begin, read: Read) -> None:
    """None being set stands in the workspace's settings."""
    azure = begin()
    assert value(read("build-compute")["build-compute"], BuildCompute) == BuildCompute(name=None)
    assert azure.asked("/computes/") == 0


def test_the_build_compute_is_read(begin: Begin, read: Read) -> None:
    """With its kind and its state."""
    builder = {"name": "builder", "kind": "AmlCompute", "provisioning_state": "Failed"}
    begin(world=with_builder("builder", builder))
    found = value(read("build-compute")["build-compute"], BuildCompute)
    assert (found.name, found.found, found.kind, found.provisioning_state) == ("builder", True, "AmlCompute", "Failed")


def test_a_build_compute_that_is_gone_is_an_answer(begin: Begin, read: Read) -> None:
    """Not found is a fact here."""
    begin(world=with_builder("builder"))
    assert value(read("build-compute")["build-compute"], BuildCompute) == BuildCompute(name="builder")


@pytest.mark.parametrize("home", [REGISTRY, None])
def test_the_offer_is_that_of_the_registry_s_subscription(begin: Begin, read: Read, home: str | None) -> None:
    """ACR Tasks runs where the registry is; without one, in the workspace's own subscription."""
    subscriptions = [{"id": SUBSCRIPTION_ID, "quota_id": "FreeTrial_2014-09-01"}]
    begin(world={"subscriptions": subscriptions, "workspaces": [{"name": "proseware-ml", "container_registry": home}]})
    found = value(read("subscription-offer")["subscription-offer"], SubscriptionOffer)
    assert (found.id, found.quota_id) == (SUBSCRIPTION_ID, "FreeTrial_2014-09-01")


def test_an_offer_that_azure_does_not_tell_is_none(azure: BentSandbox, read: Read) -> None:
    """A subscription without policies is no free one."""
    azure.bend(MANAGER, f"/subscriptions/{SUBSCRIPTION_ID}$", json_answer(200, {"subscriptionId": SUBSCRIPTION_ID}))
    assert value(read("subscription-offer")["subscription-offer"], SubscriptionOffer).quota_id is None


@pytest.mark.parametrize("wrong", sorted(WRONG))
@pytest.mark.parametrize(
    ("name", "path"),
    [("build-compute", "/computes/builder"), ("subscription-offer", f"/subscriptions/{SUBSCRIPTION_ID}$")],
)
def test_whatever_goes_wrong_becomes_an_unknown(begin: Begin, read: Read, name: str, path: str, wrong: str) -> None:
    """No probe raises and none invents."""
    azure = begin(world=with_builder("builder"))
    reply, said = WRONG[wrong]
    azure.bend(MANAGER, path, reply)
    fact = read(name)[name]
    assert isinstance(fact, Unknown), fact
    assert re.search(said, fact.reason)
    if wrong in {"401", "403"}:
        assert fact.missing_action in all_probes()[name].actions


def test_without_a_named_log_the_log_is_known_to_be_none(azure: BentSandbox, read: Read) -> None:
    """The investigation reads logs itself; a probe that finds none handed over says that the run names none."""
    assert value(read("build-log")["build-log"], BuildLog) == BuildLog()
    assert azure.calls == []
