"""From a failed run to evidence: what is read, in which order, and what happens when it cannot be."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from threading import Event
from typing import Any

import pytest
from azure_wire import (
    CUT,
    GARBAGE,
    HISTORY,
    LOG,
    MANAGER,
    REFUSED,
    SERVER,
    Answer,
    Begin,
    BentSandbox,
    Literal,
    arm_error,
    json_answer,
)
from diagnostic_samples import FAILED, details, run, symptom

from diagnostics.azure.errors import NotFound, ReadFailed, Unreachable
from diagnostics.codec import evidence_from_json, to_json
from diagnostics.investigating import evidence_of_text, image_of, investigate
from diagnostics.judging import judge
from diagnostics.logs import excerpts_of_text
from diagnostics.model import INSUFFICIENT_EVIDENCE, NOT_REGISTRY, Evidence, Known, Status, Symptom, Unknown
from diagnostics.probing import fact_types
from diagnostics.reach import Reach
from diagnostics.run_document import ERROR, WARNINGS, error_excerpts, log_links, read_details
from sandbox.server import Sandbox
from sandbox.wire import Reply, Request

UNAUTHORIZED = f"{REFUSED}authentication required"
MISSING = 'manifest unknown: manifest tagged by "7" is not found'


def about(run_id: str = "brave_run_1", **changes: Any) -> Any:
    """Return the failed run as an event tells of it."""
    return run(run_id=run_id, **changes)


def child(name: str, message: str, **changes: Any) -> dict[str, Any]:
    """Return a failed step of a pipeline."""
    values = {
        "id": name,
        "experiment": "nightly",
        "type": "azureml.StepRun",
        "workspace": "proseware-ml",
        "compute": "cluster",
        "image": f"{SERVER}/team/train:7",
        "error": {"code": "UserError", "message": message},
        "logs": {},
    }
    return values | changes


def pipeline(*children: dict[str, Any], message: str = "A step failed.") -> dict[str, Any]:
    """Return a pipeline's run with its steps."""
    error = {"code": "UserError", "message": message}
    return {"type": "azureml.PipelineRun", "children": list(children), "error": error, "logs": {}}


# --- the whole way ------------------------------------------------------------------------------------------


def test_a_run_s_evidence_leads_to_its_diagnosis(azure: BentSandbox, reach: Reach) -> None:
    """Run, log, image and facts are read, and the verdict follows from them alone, now and from storage."""
    told = investigate(about(), reach)
    assert told.image_text == f"{SERVER}/team/train:7"
    assert told.details is not None
    assert told.details.compute == "cluster"
    assert told.symptoms[0].excerpt.file == LOG
    assert told.symptoms[0].line == 2
    assert told.run.submitted_by == told.details.submitted_by != ""
    diagnosis = judge(told)
    assert (diagnosis.verdict, diagnosis.status) == ("pull-role-missing", Status.CONFIRMED)
    assert to_json(judge(evidence_from_json(to_json(told), fact_types()))) == to_json(diagnosis)
    assert azure.refused == []
    assert azure.violations == []
    assert azure.sentinel not in to_json(told)


def test_only_facts_that_some_cause_needs_are_read(azure: BentSandbox, reach: Reach) -> None:
    """A bare 401 does not lead to a question about replicas."""
    assert "replicas" not in investigate(about(), reach).facts
    assert azure.asked("/replications") == 0


def test_no_fact_is_read_twice(azure: BentSandbox, reach: Reach) -> None:
    """The error's own text and the log's later one want the same facts, which are read once."""
    investigate(about(), reach)
    assert azure.asked("/workspaces/proseware-ml\\?") == 1
    assert azure.asked("/computes/cluster") == 1
    assert azure.asked("/manifests/7") == 1


def test_a_run_that_failed_on_something_else_costs_no_facts(begin: Begin, reach: Reach) -> None:
    """Where no text speaks of a registry nothing more is read."""
    azure = begin(run={"error": {"code": "UserError", "message": "ZeroDivisionError"}, "logs": {LOG: "all is well"}})
    told = investigate(about(), reach)
    assert told.facts == {}
    assert judge(told).verdict == NOT_REGISTRY
    assert azure.asked("/registries") == 0


def test_the_workspace_is_found_again_without_discovery(azure: BentSandbox, reach: Reach) -> None:
    """A worker remembers where a workspace's history is; the workspace is still read as a fact."""
    investigate(about(), reach)
    first = azure.asked("^/discovery")
    told = investigate(about(), reach)
    assert azure.asked("^/discovery") == first == 1
    assert isinstance(told.facts["workspace"], Known)


def test_a_registry_that_let_an_earlier_worker_in_is_logged_in_to_while_it_is_looked_up(
    azure: BentSandbox, reach: Reach
) -> None:
    """A new worker has its token before Resource Manager's answer is there."""
    investigate(about(), reach)
    asked = Event()

    def noted(request: Request) -> Reply:
        asked.set()
        return Sandbox._reply(azure, request)

    def late(request: Request) -> Reply:
        assert asked.wait(10)
        return Sandbox._reply(azure, request)

    azure.bend(SERVER, "/oauth2/exchange", noted)
    azure.bend(MANAGER, "/registries/prosereg", late)
    told = investigate(about(), Reach(cloud=reach.cloud, credential=reach.credential, places=reach.places))
    assert judge(told).status is Status.CONFIRMED
    assert azure.asked("/oauth2/exchange") == 2
    assert azure.violations == []


@pytest.mark.parametrize("path", ["/registries", "/oauth2/token"])
def test_no_token_is_sent_ahead_to_a_registry_that_never_let_us_in(azure: BentSandbox, reach: Reach, path: str) -> None:
    """Neither before Resource Manager named it, nor where it refused us."""
    refusal = json_answer(401, {"errors": [{"code": "UNAUTHORIZED"}]})
    azure.bend(MANAGER if path == "/registries" else SERVER, path, arm_error(500) if path == "/registries" else refusal)
    investigate(about(), reach)
    before = azure.asked("/oauth2/exchange")
    assert (before > 0) == (path != "/registries")
    azure.bend(MANAGER, "/registries", arm_error(500))
    investigate(about(), Reach(cloud=reach.cloud, credential=reach.credential, places=reach.places))
    assert azure.asked("/oauth2/exchange") == before


def test_what_is_remembered_of_a_foreign_host_sends_it_no_token(azure: BentSandbox, reach: Reach) -> None:
    """Whatever stands in the store, the login server has to be one of the cloud's registries."""
    for host in ("evil.example", "azurecr.io.evil.example"):
        reach.places[f"login server {host}"] = host
        assert reach.known_registry(host, "team/train") is None
    reach.places[f"login server {SERVER}"] = "evil.example"
    with pytest.raises(ReadFailed, match="none of this cloud's registries"):
        reach.known_registry(SERVER, "team/train")


# --- logs ---------------------------------------------------------------------------------------------------


def test_a_log_that_cannot_be_read_is_named_and_the_verdict_stands(begin: Begin, reach: Reach) -> None:
    """The error's own text is enough for a verdict; the unread log is told."""
    begin(run={"error": {"code": "UserError", "message": UNAUTHORIZED}, "logs": {LOG: {"missing": "never written"}}})
    told = investigate(about(), reach)
    assert [log.file for log in told.unread_logs] == [LOG]
    assert "404" in told.unread_logs[0].reason
    assert told.symptoms[0].excerpt.file == ERROR
    assert judge(told).verdict == "pull-role-missing"


@pytest.mark.parametrize("reply", [arm_error(403), arm_error(500), CUT, Answer(200, (), Literal(b"\x1f\x8b\x08gzip"))])
def test_whatever_a_log_s_storage_answers_is_told(azure: BentSandbox, reach: Reach, reply: Reply) -> None:
    """Refusals, cut connections and binary files are reasons, not errors."""
    investigate(about(), reach)
    store = next(call.host for call in azure.calls if call.host.endswith(".blob.core.windows.net"))
    azure.bend(store, "", reply)
    told = investigate(about(), reach)
    assert len(told.unread_logs) == 1
    assert told.unread_logs[0].reason
    assert azure.sentinel not in to_json(told)


def test_a_link_to_another_host_is_not_followed(azure: BentSandbox, reach: Reach) -> None:
    """A log's link that leads elsewhere is unread, with the reason."""
    document = {"runId": "brave_run_1", "status": "Failed", "logFiles": {LOG: "https://evil.example/x", "b": 5}}
    azure.bend(HISTORY, "/details$", json_answer(200, document))
    told = investigate(about(), reach)
    assert [log.file for log in told.unread_logs] == [LOG]
    assert "evil.example" not in azure.hosts


def test_the_user_s_own_logs_are_not_read(begin: Begin, reach: Reach) -> None:
    """What training printed says nothing of an image that came, and may hold anything."""
    logs = {
        "user_logs/std_log.txt": UNAUTHORIZED,
        "retry_001/user_logs/std_log.txt": UNAUTHORIZED,
        "azureml-logs/70_driver_log.txt": UNAUTHORIZED,
        "logs/azureml/stdoutlogs.txt": UNAUTHORIZED,
        "logs/user/stdout/10.0.0.4/process000.stdout.txt": UNAUTHORIZED,
        LOG: "the container was started",
    }
    azure = begin(run={"logs": logs})
    told = investigate(about(), reach)
    assert told.symptoms == ()
    assert azure.asked("user_logs|70_driver_log|stdoutlogs|logs/user") == 0


@pytest.mark.parametrize(
    "log",
    [
        (
            "toomanyrequests: You have reached your pull rate limit. https://www.docker.com/increase-rate-limit\n"
            "retrying\nSuccessfully pulled image docker.io/library/python:3.11\nstarting container"
        ),
        f"{UNAUTHORIZED}\nfalling back\nStatus: Downloaded newer image for {SERVER}/team/train:7",
    ],
)
def test_an_error_that_the_pull_overcame_is_no_diagnosis(begin: Begin, reach: Reach, log: str) -> None:
    """The image came at last, and the run failed on something else."""
    begin(run={"error": {"code": "UserError", "message": "The gate was not passed."}, "logs": {LOG: log}})
    assert judge(investigate(about(), reach)).verdict == NOT_REGISTRY


def test_a_run_s_warnings_are_quoted_apart_from_its_error(azure: BentSandbox, reach: Reach) -> None:
    """Whoever reads the diagnosis sees that it rests on a warning; one of what stopped nothing gives none."""
    failed = {"error": {"error": {"message": "AzureMLCompute job failed."}}, "runId": "r", "status": "Failed"}
    azure.bend(HISTORY, "/details$", json_answer(200, failed | {"warnings": [{"message": UNAUTHORIZED}]}))
    assert investigate(about(), reach).symptoms[0].excerpt.file == WARNINGS
    notice = {"message": "Environment 'AzureML-PyTorch-1.3-GPU' version 3 is archived"}
    azure.bend(HISTORY, "/details$", json_answer(200, failed | {"warnings": [notice]}))
    assert judge(investigate(about(), reach)).verdict == NOT_REGISTRY


def test_the_most_telling_logs_are_read_and_no_more_than_six(begin: Begin, reach: Reach) -> None:
    """A run of many logs costs a bounded number of reads."""
    logs = {f"system_logs/other/{number}.log": "nothing" for number in range(30)} | {LOG: UNAUTHORIZED}
    azure = begin(run={"logs": logs})
    told = investigate(about(), reach)
    assert told.symptoms[0].excerpt.file == LOG
    assert sum(call.host.endswith(".blob.core.windows.net") for call in azure.calls) == 6


# --- pipelines ----------------------------------------------------------------------------------------------


def test_a_pipeline_s_failure_is_its_first_child_s_that_speaks_of_an_image(begin: Begin, reach: Reach) -> None:
    """The parent's own text counts only where no child says more; children that failed alike are its runs."""
    begin(
        run=pipeline(
            child("step_0", "ValueError: bad input"),
            child("step_1", UNAUTHORIZED),
            child("step_2", UNAUTHORIZED),
            child("step_3", MISSING),
            child("step_4", UNAUTHORIZED, status="Completed"),
        )
    )
    told = investigate(about(run_type="azureml.PipelineRun"), reach)
    assert told.details is not None
    assert told.details.run_id == "step_1"
    assert told.pipeline_runs == ("step_1", "step_2")
    assert told.symptoms[0].id == "unauthorized"
    assert judge(told).verdict == "pull-role-missing"


def test_a_pipeline_without_a_telling_child_speaks_for_itself(begin: Begin, reach: Reach) -> None:
    """The parent's text is used, and the failed children are named."""
    begin(run=pipeline(child("step_1", "ValueError"), message=UNAUTHORIZED))
    told = investigate(about(), reach)
    assert told.details is not None
    assert told.details.run_id == "brave_run_1"
    assert told.pipeline_runs == ("step_1",)
    assert told.symptoms[0].id == "unauthorized"


def test_a_step_is_not_asked_for_children(azure: BentSandbox, reach: Reach) -> None:
    """A kind of run that has none costs no question."""
    investigate(about(run_type="azureml.StepRun"), reach)
    assert azure.asked("/children") == 0


@pytest.mark.parametrize("reply", [arm_error(500), GARBAGE, json_answer(200, {"value": 5}), CUT])
def test_children_that_cannot_be_listed_do_not_stop_the_parent(begin: Begin, reach: Reach, reply: Reply) -> None:
    """The parent's own story is told."""
    azure = begin(run=pipeline(message=UNAUTHORIZED))
    azure.bend(HISTORY, "/children$", reply)
    assert investigate(about(), reach).symptoms[0].id == "unauthorized"


def test_a_child_that_cannot_be_read_does_not_hide_its_brother(begin: Begin, reach: Reach) -> None:
    """One unreadable child is left out."""
    azure = begin(run=pipeline(child("step_1", UNAUTHORIZED), child("step_2", MISSING)))
    azure.bend(HISTORY, "/runs/step_1/details$", arm_error(500))
    told = investigate(about(), reach)
    assert told.details is not None
    assert told.details.run_id == "step_2"


@pytest.mark.parametrize(
    "children",
    [
        [{"status": "Failed"}, {"runId": None, "status": "failed"}],
        [{"runId": "x", "status": None}, {"runId": "y"}, {}],
        [{"runId": ["x"], "status": "Failed", "endTimeUtc": {"a": 1}}],
        [None, 5, "text"],
    ],
)
def test_children_of_nonsense_are_passed_over(begin: Begin, reach: Reach, children: list[Any]) -> None:
    """Entries without a usable id or status are no children."""
    azure = begin(run=pipeline(message=UNAUTHORIZED))
    azure.bend(HISTORY, "/children$", json_answer(200, {"value": children}))
    assert investigate(about(), reach).symptoms[0].id == "unauthorized"


# --- what stops an investigation ----------------------------------------------------------------------------


def test_a_run_that_is_not_there_is_not_found(azure: BentSandbox, reach: Reach) -> None:
    """There is no evidence about a run that nobody knows."""
    with pytest.raises(NotFound):
        investigate(about("no_such_run"), reach)


def test_a_workspace_that_is_not_there_is_not_found(azure: BentSandbox, reach: Reach) -> None:
    """Nor about a workspace that is gone."""
    with pytest.raises(NotFound):
        investigate(about(workspace_id=run().workspace_id + "x"), reach)


@pytest.mark.parametrize("path", ["/details$", "^/discovery"])
@pytest.mark.parametrize(
    "reply",
    [
        GARBAGE,
        CUT,
        arm_error(500),
        arm_error(403),
        json_answer(200, []),
        json_answer(200, "text"),
        json_answer(200, None),
        json_answer(200, {}),
        json_answer(200, {"runId": 5, "status": ["Failed"], "history": 7}),
    ],
)
def test_run_history_s_nonsense_is_a_failed_read(azure: BentSandbox, reach: Reach, path: str, reply: Reply) -> None:
    """What is about no run at all is one kind of error, with one sentence."""
    azure.bend(HISTORY, path, reply)
    with pytest.raises(ReadFailed) as failed:
        investigate(about(), reach)
    assert "\n" not in str(failed.value)


WEIRD: list[Any] = [None, 5, True, "text", [], [5], {}, {"error": 5}, {"message": ["x"]}, {"details": [[], None, 5]}]


@pytest.mark.parametrize("weird", WEIRD)
@pytest.mark.parametrize(
    "name",
    ["error", "warnings", "logFiles", "runDefinition", "compute", "target", "createdBy", "startTimeUtc", "parentRunId"],
)
def test_any_member_may_be_of_any_type(name: str, weird: Any) -> None:
    """Wrong types are absent members, never exceptions."""
    document = {"runId": "r1", "status": "Failed", name: weird}
    assert read_details("r1", document).run_id == "r1"
    assert isinstance(error_excerpts(document), tuple)
    assert all(isinstance(link, str) for link in log_links(document).values())


def test_errors_that_nest_for_ever_are_read_to_a_depth() -> None:
    """Inner errors are followed only so far, and said once."""
    error: dict[str, Any] = {"message": "deepest"}
    for level in range(200):
        error = {"message": f"level {level % 3}", "innerError": error, "details": [error]}
    lines = error_excerpts({"error": {"error": error}})[0].lines
    assert sorted(lines) == ["level 0", "level 1", "level 2"]


def test_an_error_s_code_is_shown_unless_it_says_nothing() -> None:
    """Codes of the whole world are left out; others stand before the message."""
    told = {"error": {"error": {"code": "ImageBuildFailure", "message": "m"}}}
    assert error_excerpts(told)[0].lines == ("ImageBuildFailure: m",)
    told["error"] = {"error": {"code": "UserError", "message": "m"}}
    assert error_excerpts(told)[0].lines == ("m",)


def test_warnings_follow_the_error_once() -> None:
    """What the error says already is not said again."""
    told = {"error": {"error": {"message": "m"}}, "warnings": [{"message": "w"}, {"message": "m"}, {"message": "w"}]}
    assert [(e.file, e.lines) for e in error_excerpts(told)] == [(ERROR, ("m",)), (WARNINGS, ("w",))]
    assert [e.file for e in error_excerpts({"warnings": [{"message": "w"}]})] == [WARNINGS]


def test_a_definition_s_password_is_never_read() -> None:
    """The registry's user name is, its password is not, and a reference with a secret is redacted."""
    docker = {
        "baseImage": "https://user:hunter2secret@prosereg.azurecr.io/a:1",
        "baseImageRegistry": {"username": "prosereg", "password": "hunter3secret"},
    }
    told = read_details("r", {"status": "Failed", "runDefinition": {"environment": {"docker": docker}}})
    assert told.registry_username == "prosereg"
    assert "hunter" not in repr(told)


# --- the deadline -------------------------------------------------------------------------------------------


def test_a_deadline_that_has_passed_leaves_the_run_s_own_words(azure: BentSandbox, reach: Reach) -> None:
    """What could not be read in time is unknown or unread, and the diagnosis still comes."""
    error = {"error": {"error": {"code": "UserError", "message": UNAUTHORIZED}}}
    links = {LOG: "https://logs.blob.core.windows.net/x?sig=1"}
    azure.bend(HISTORY, "/details$", json_answer(200, {"runId": "r", "status": "Failed", "logFiles": links, **error}))
    ticks = count(0.0, 1000.0)
    told = investigate(about(), reach, deadline=timedelta(seconds=5), monotonic=lambda: next(ticks))
    assert told.symptoms[0].id == "unauthorized"
    assert all(fact.reason for fact in told.facts.values() if isinstance(fact, Unknown))
    assert any("deadline" in fact.reason for fact in told.facts.values() if isinstance(fact, Unknown))
    assert judge(told).verdict in {INSUFFICIENT_EVIDENCE, "pull-role-missing"}


def test_a_deadline_is_never_an_exception_of_the_library(begin: Begin, reach: Reach) -> None:
    """With no time at all a pipeline's children are left out, and the parent's story is told or the read fails."""
    begin(run=pipeline(child("step_1", UNAUTHORIZED), message=UNAUTHORIZED))
    ticks = count(0.0, 1000.0)
    try:
        told = investigate(about(), reach, deadline=timedelta(0), monotonic=lambda: next(ticks))
    except Unreachable:
        return
    assert told.symptoms[0].id == "unauthorized"


# --- the image ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("captured", "defined", "image"),
    [
        ({"image": "a.azurecr.io/x:1"}, "b.azurecr.io/y:2", "a.azurecr.io/x:1"),
        ({"registry": "a.io", "repository": "x", "tag": "1"}, None, "a.io/x:1"),
        ({"registry": "a.io", "repository": "x", "digest": "sha256:0"}, None, "a.io/x@sha256:0"),
        ({"registry": "a.io", "repository": "x", "tag": "1", "digest": "sha256:0"}, None, "a.io/x:1"),
        ({"registry": "a.io", "repository": "x"}, None, "a.io/x"),
        ({"registry": "a.io"}, "b.io/y:2", "b.io/y:2"),
        ({}, None, None),
    ],
)
def test_the_image_is_the_failing_line_s_own(captured: dict[str, str], defined: str | None, image: str | None) -> None:
    """The line that failed goes before the lines around it, and those before the definition."""
    shown: Symptom = symptom(captured=captured)
    assert image_of([symptom(), shown], details(image=defined)) == image


def test_a_text_alone_is_evidence_without_facts() -> None:
    """The command line's log reading uses the same symptoms, image and clock."""
    told: Evidence = evidence_of_text(run(), excerpts_of_text("a.log", UNAUTHORIZED), lambda: FAILED)
    assert told.taken_at == FAILED
    assert told.facts == {}
    assert told.image is not None
    assert told.image.registry == SERVER
    assert MANAGER not in to_json(told)
