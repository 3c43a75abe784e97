"""The run history, the logs behind it, and where secrets stand."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox_client import ACR_RESOURCE, GROUP, WORKSPACE, Client, Start

from sandbox import SENTINEL_PREFIX

LIFECYCLER = "system_logs/lifecycler/lifecycler.log"
HUGE = "user_logs/huge.txt"
GIB = 1024**3


def log_url(client: Client, name: str) -> str:
    """Find the signed address of a log."""
    return str(client.history("/details").json()["logFiles"][name])


def test_discovery_needs_no_token(shared: Client) -> None:
    """Discovery answers anybody, and names the host of the history."""
    found = shared.get("https://northeurope.api.azureml.ms/discovery").json()
    assert found["api"] == found["history"] == "https://northeurope.api.azureml.ms"


def test_details(shared: Client) -> None:
    """The details hold the error's envelope, the definition, the times and the logs."""
    found = shared.history("/details").json()
    assert found["error"]["error"]["message"] == "the image could not be pulled"
    assert found["error"]["componentName"] == "CommonRuntime"
    assert found["runDefinition"]["environment"]["docker"]["baseImage"] == "prosereg.azurecr.io/team/train:3"
    assert found["startTimeUtc"] < found["endTimeUtc"]
    assert (found["parentRunId"], found["rootRunId"]) == (None, "brave_run_1")
    assert LIFECYCLER in found["logFiles"]


def test_a_run_may_lack_image_error_and_compute(start: Start) -> None:
    """What a run does not have is null."""
    found = start(run={"image": None, "error": None, "compute": None}).history("/details").json()
    docker = found["runDefinition"]["environment"]["docker"]
    assert (docker["baseImage"], found["error"], found["compute"], found["target"]) == (
        None,
        None,
        None,
        None,
    )


def test_images_that_the_service_built(start: Start) -> None:
    """The name of a built image shows among the run's properties."""
    found = start(run={"image": "prosereg.azurecr.io/azureml/azureml_0a1b"}).history("/details").json()
    assert found["properties"]["AzureML.DerivedImageName"] == "azureml/azureml_0a1b"


def test_children_come_in_pages(start: Start) -> None:
    """Children are listed page by page; each knows its parent and its root."""
    client = start(run={"children": [{"id": f"child{it}", "image": None} for it in range(5)]})
    first = client.history("/children", params={"$top": "3"}).json()
    second = client.get(first["nextLink"], headers={"Authorization": f"Bearer {client.token()}"}).json()
    assert [it["runId"] for it in first["value"] + second["value"]] == [f"child{it}" for it in range(5)]
    assert (second["nextLink"], second["continuationToken"]) == (None, None)
    child = client.history("/details", "child4").json()
    assert (child["parentRunId"], child["rootRunId"]) == ("brave_run_1", "brave_run_1")


def test_run_and_run_data(shared: Client) -> None:
    """A run's metadata comes alone, and with its definition from ``rundata``."""
    assert shared.history().json()["runType"] == "azureml.StepRun"
    url = f"https://northeurope.api.azureml.ms/history/v1.0{WORKSPACE}/rundata"
    headers = {"Authorization": f"Bearer {shared.token()}"}
    found = shared.call("POST", url, json={"runId": "brave_run_1"}, headers=headers).json()
    assert (found["runMetadata"]["runId"], found["runDefinition"]["target"]) == ("brave_run_1", "cluster")


@pytest.mark.parametrize(("path", "status"), [("none", 404), ("brave_run_1", 200)])
def test_unknown_runs(shared: Client, path: str, status: int) -> None:
    """A run that does not exist is 404 in the service's own envelope."""
    answer = shared.history("/details", path)
    assert answer.status_code == status
    if status == 404:
        assert answer.json()["statusCode"] == 404


def test_other_workspaces_do_not_know_the_run(shared: Client) -> None:
    """A run is found in its own workspace only."""
    url = f"https://northeurope.api.azureml.ms/history/v1.0{GROUP}"
    other = f"{url}/providers/Microsoft.MachineLearningServices/workspaces/other/runs/brave_run_1/details"
    assert shared.get(other, headers={"Authorization": f"Bearer {shared.token()}"}).status_code == 404


@pytest.mark.parametrize("resource", [None, ACR_RESOURCE])
def test_history_wants_a_management_token(shared: Client, resource: str | None) -> None:
    """Without a token, or with another audience's, the history is 401."""
    headers = {"Authorization": f"Bearer {shared.token(resource)}"} if resource else {}
    url = f"https://northeurope.api.azureml.ms/history/v1.0{WORKSPACE}/runs/brave_run_1/details"
    assert shared.get(url, headers=headers).status_code == 401


def test_logs_are_behind_a_signature(shared: Client) -> None:
    """A log is read with its signed address, and with nothing less."""
    url = log_url(shared, LIFECYCLER)
    assert shared.get(url).text == "first line\nsecond line"
    for wrong in (url.partition("?")[0], url.replace("sig=", "sig=x")):
        answer = shared.get(wrong)
        assert (answer.status_code, answer.headers["x-ms-error-code"]) == (403, "AuthenticationFailed")
        assert answer.text.startswith("<?xml")


def test_missing_log(shared: Client) -> None:
    """A missing log is listed, and is 404 when it is read."""
    answer = shared.get(log_url(shared, "user_logs/std_log.txt"))
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (404, "BlobNotFound")


@pytest.mark.parametrize(
    ("asked", "status", "content", "span"),
    [
        ("bytes=0-4", 206, b"first", "bytes 0-4/22"),
        ("bytes=17-", 206, b" line", "bytes 17-21/22"),
        ("bytes=-4", 206, b"line", "bytes 18-21/22"),
        ("bytes=18-99", 206, b"line", "bytes 18-21/22"),
        ("bytes=22-", 416, None, "bytes */22"),
    ],
)
@pytest.mark.parametrize("header", ["Range", "x-ms-range"])
def test_ranges(shared: Client, header: str, asked: str, status: int, content: bytes | None, span: str) -> None:
    """Ranges are honoured by either header, and one behind the end is 416."""
    answer = shared.get(log_url(shared, LIFECYCLER), headers={header: asked})
    assert (answer.status_code, answer.headers["Content-Range"]) == (status, span)
    assert content is None or answer.content == content


def test_generated_line(shared: Client) -> None:
    """A described line has its length and alphabet, and any range of it equals the whole's."""
    url = log_url(shared, "user_logs/long_line.txt")
    before, line, after = shared.get(url).text.split("\n")
    assert (before, after, len(line), set(line)) == ("start", "end", 200_000, set("abc"))
    part = shared.get(url, headers={"Range": "bytes=65530-131080"}).text
    assert part == f"start\n{line}\nend"[65530:131081]


def test_huge_log_by_range(shared: Client) -> None:
    """A log of a gibibyte is answered by range without being made: head, middle and tail."""
    url = log_url(shared, HUGE)
    assert shared.call("HEAD", url).headers["Content-Length"] == str(GIB)
    assert shared.get(url, headers={"Range": "bytes=0-5"}).text == "begin\n"
    middle = shared.get(url, headers={"Range": f"bytes={GIB // 2}-{GIB // 2 + 199_999}"}).text
    assert len(middle) == 200_000
    tail = shared.get(url, headers={"Range": "bytes=-40"}).text
    assert tail.endswith("\nthe end")


def test_log_that_may_not_be_read(start: Start) -> None:
    """``may_not_read`` with a log is answered by the storage, and leaves the other logs alone."""
    refusal = {"call": {"log": LIFECYCLER}, "answer": {"status": 403, "code": "AuthorizationFailure"}}
    client = start(world={"responder": {"may_not_read": [refusal]}}, run={"logs": {"other.txt": "x"}})
    answer = client.get(log_url(client, LIFECYCLER))
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (403, "AuthorizationFailure")
    assert client.get(log_url(client, "other.txt")).text == "x"


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for it in value.values() for text in _texts(it)]
    return [text for it in value for text in _texts(it)] if isinstance(value, list) else [str(value)]


def test_sentinel_stands_where_secrets_are(shared: Client) -> None:
    """Signatures, passwords, variables, parameters, tokens and webhooks all carry the sentinel."""
    sentinel, details = shared.azure.sentinel, shared.history("/details").json()
    assert sentinel.startswith(SENTINEL_PREFIX)
    environment = details["runDefinition"]["environment"]
    secrets = [
        environment["docker"]["baseImageRegistry"]["password"],
        environment["environmentVariables"]["EXAMPLE_API_KEY"],
        details["properties"]["azureml.parameters"],
        *details["logFiles"].values(),
        shared.token(),
        shared.refresh_token().json()["refresh_token"],
        shared.azure.slack_webhook_url,
        shared.azure.teams_webhook_url,
        shared.azure.environment["IDENTITY_HEADER"],
    ]
    assert all(sentinel in it for it in secrets)
    assert sum(sentinel in it for it in _texts(details)) == 3 + len(details["logFiles"])
