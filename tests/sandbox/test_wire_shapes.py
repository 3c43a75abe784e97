"""The sandbox's answers held against recordings of the real services.

The recordings are no part of the project. ``PULLMEDIC_WIRE`` names their folder: one JSON file an interaction, with
``request`` and ``response`` {status, headers, body}. Compared are status, keys and their nesting, null against absent,
the spelling of keys and which headers are there; never values.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from sandbox_client import (
    ACR_RESOURCE,
    CLUSTER_ID,
    GROUP,
    REGISTRY,
    SERVER,
    SUBSCRIPTION,
    WORKSPACE,
    Client,
    Start,
)

BASIC = REGISTRY.replace("prosereg", "plainreg")
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
AUTHORIZATION = "/providers/Microsoft.Authorization"
READ = "repository:team/train:metadata_read"
# Headers whose absence says nothing: ids, quotas, and what a recorder or a front end adds.
UNCOMPARED = (
    "api-supported-versions",
    "server",
    "transfer-encoding",
    "retry-after",
    "x-ms-original-request-ids",
    "x-ms-ratelimit-remaining-subscription-deletes",
    "x-ms-request-charge",
    "x-ms-response-type",
)


def folder() -> Path:
    """Where the recordings are; skips where there are none."""
    stated = os.environ.get("PULLMEDIC_WIRE")
    found = Path(stated) if stated else Path(__file__).resolve().parents[3] / "shared" / "wire"
    if not found.is_dir():
        pytest.skip(f"no recordings: {found} does not exist, and PULLMEDIC_WIRE names no other folder")
    return found


def recorded(number: str) -> dict[str, Any]:
    """Read the response of the recording with that number."""
    [path] = folder().glob(f"{number}-*.json")
    response: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["response"]
    return response


def whole(body: Any) -> Any:
    """Compare everything."""
    return body


@dataclass(frozen=True, slots=True)
class Case:
    """One interaction: the recording, how the sandbox is asked the same, and which differences are excused.

    ``excused`` maps a path of keys (list entries as ``[]``) to the reason why the sandbox and the recording differ.
    ``at`` picks the comparable part of both bodies.
    """

    number: str
    ask: Callable[[Client], requests.Response]
    excused: dict[str, str]
    at: Callable[[Any], Any] = whole


def arm(path: str, version: str, method: str = "GET", **options: Any) -> Callable[[Client], requests.Response]:
    """Ask Resource Manager."""
    return lambda client: client.arm(path, version, method, **options)


def anonymous(client: Client) -> requests.Response:
    """Ask for a token for nobody."""
    form = {"grant_type": "password", "service": SERVER, "scope": READ, "refresh_token": ""}
    return client.call("POST", f"https://{SERVER}/oauth2/token", data=form)


def insufficient(client: Client) -> requests.Response:
    """Call with a token that allows nothing."""
    headers = {"Authorization": f"Bearer {anonymous(client).json()['access_token']}"}
    return client.get(f"https://{SERVER}/acr/v1/team%2Ftrain", headers=headers)


def diagnosed(client: Client) -> requests.Response:
    """Ask for the result of a diagnosis."""
    body: dict[str, Any] = {"value": {"applicationInsights": {}}}
    location = client.arm(f"{WORKSPACE}/diagnose", "2022-05-01", "POST", json=body).headers["Location"]
    return client.get(location, headers={"Authorization": f"Bearer {client.token()}"})


def first(body: Any, index: int = 0) -> Any:
    """Pick an entry of a list; a single resource is itself."""
    return body["value"][index] if isinstance(body, dict) and "value" in body else body


def second(body: Any) -> Any:
    """Pick the second entry."""
    return first(body, 1)


ASSIGNED = {"$filter": f"assignedTo('{CLUSTER_ID}')"}
GONE = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/gonereg"
CASES = [
    Case(
        "001",
        arm(BASIC, "2023-07-01"),
        {"tags": "free text of the owner"},
        second,
    ),
    Case("002", arm(BASIC, "2017-10-01"), {}, first),
    Case("066", arm(BASIC, "2025-03-01-preview"), {}),
    Case("068", arm(BASIC, "2026-09-01-preview"), {}),
    Case("069", arm(REGISTRY, "2026-09-01-preview"), {}),
    Case("075", arm(REGISTRY, "2025-03-01-preview"), {}),
    Case("078", arm(f"{REGISTRY}/listUsages", "2023-01-01-preview"), {}),
    Case("080", arm(f"{REGISTRY}/replications", "2023-01-01-preview"), {}),
    Case(
        "081",
        arm(
            f"{SUBSCRIPTION}/providers/Microsoft.ContainerRegistry/checkNameAvailability",
            "2022-02-01-preview",
            "POST",
            json={"name": "prosereg", "type": "Microsoft.ContainerRegistry/registries"},
        ),
        {},
    ),
    Case("085", arm(f"{BASIC}/privateEndpointConnections", "2023-11-01-preview"), {}),
    Case("089", arm(f"{REGISTRY}/privateEndpointConnections", "2023-11-01-preview"), {}),
    Case(
        "021",
        arm(f"{REGISTRY}{AUTHORIZATION}/roleAssignments", "2022-04-01", params=ASSIGNED),
        {
            "value.[].properties.description": "one recorded assignment has a text of its author",
        },
    ),
    Case("022", arm(f"{REGISTRY}{AUTHORIZATION}/roleAssignments", "2018-09-01-preview"), {}),
    Case(
        "126",
        arm(
            f"{REGISTRY}{AUTHORIZATION}/roleAssignments",
            "2022-04-01",
            params={"$filter": "principalId eq 'x'"},
        ),
        {},
    ),
    Case("023", arm(f"{SUBSCRIPTION}{AUTHORIZATION}/roleDefinitions/{OWNER}", "2022-04-01"), {}),
    Case("024", arm(f"{SUBSCRIPTION}{AUTHORIZATION}/roleDefinitions", "2022-04-01"), {}),
    Case("124", arm(f"{GROUP}{AUTHORIZATION}/denyAssignments", "2022-04-01"), {}, first),
    Case("028", arm(f"{SUBSCRIPTION}/resourcegroups/none", "2021-01-01"), {}),
    Case("029", arm(GONE, "2025-11-01"), {}),
    Case(
        "037",
        arm(f"{GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.azurecr.io", "2018-09-01"),
        {},
    ),
    Case(
        "039",
        arm(f"{GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.azurecr.io/A", "2018-09-01"),
        {},
    ),
    Case(
        "045",
        arm(
            f"{GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.azurecr.io"
            "/virtualNetworkLinks/link-0-vnet-train",
            "2018-09-01",
        ),
        {},
    ),
    Case("111", arm(f"{WORKSPACE}/computes/bare", "2024-04-01"), {}, first),
    Case(
        "118",
        arm(WORKSPACE, "2024-04-01"),
        {
            "properties.containerRegistry": "the recorded workspace has no registry yet",
            "properties.managedNetwork": "the recorded workspace has no managed network",
            "tags": "free text of the owner",
        },
    ),
    Case(
        "113",
        arm(f"{WORKSPACE}/jobs/brave_run_1", "2024-04-01"),
        {
            "properties.tags": "free text of the submitter",
            "properties.properties": "free text of the service, kept small",
            "properties.services": "links to the studio are left out",
            "properties.outputs": "the runs of a world state no outputs",
        },
    ),
    Case("114", arm(f"{WORKSPACE}/environments/nightly-environment/versions/1", "2024-04-01"), {}),
    Case("115", arm(f"{WORKSPACE}/diagnose", "2022-05-01", "POST", json={"value": {}}), {}),
    Case("116", diagnosed, {}),
    Case(
        "119",
        lambda client: client.history("/details"),
        {
            "error": "the recorded text was cut; every member is compared with the full envelope",
            "componentName": "the recorded text was cut before it",
            "time": "the recorded text was cut before it",
            "correlation.operation": "null or a value, as the notes of the recording say",
        },
        lambda body: body.get("error") if "runId" in body else body,
    ),
    Case(
        "122",
        lambda client: client.history("/details", "none"),
        {
            "error.debugInfo": "the SDK's own model has it",
            "error.messageParameters": "values of the message",
            "error.messageFormat": "the sandbox's own errors have none",
            "error.innerError": "the sandbox's own errors have none",
            "status": "another call, which failed for another reason: the envelope is what is compared",
        },
    ),
    Case("090", lambda client: client.get(f"https://{SERVER}/v2/"), {}),
    Case("091", lambda client: client.refresh_token(), {}),
    Case("098", lambda client: client.refresh_token(ACR_RESOURCE), {}),
    Case("093", anonymous, {}),
    Case("099", anonymous, {}),
    Case("092", lambda client: client.get(f"https://{SERVER}/acr/v1/team%2Ftrain"), {}),
    Case("094", insufficient, {}),
    Case("097", lambda client: client.get(f"https://{SERVER}/acr/v1/_catalog"), {}),
    Case("100", lambda client: client.registry("/acr/v1/_catalog?n=1", "registry:catalog:*"), {}),
    Case("101", lambda client: client.registry("/acr/v1/_catalog", "registry:catalog:*"), {}),
    Case(
        "102",
        lambda client: client.registry("/acr/v1/team%2Ftrain/_manifests?n=1", READ),
        {
            "manifests.[].tags": "the recorded manifest has no tag",
        },
    ),
    Case("104", lambda client: client.registry("/acr/v1/not_real", "repository:not_real:metadata_read"), {}),
    Case("106", lambda client: client.registry("/acr/v1/team/train/_manifests/sha256:0", READ), {}),
    Case("107", lambda client: client.get(f"https://{SERVER}/acr/v1/Nonexistent/_tags/Nonexistent"), {}),
]


def shape(value: Any, where: str = "") -> set[str]:
    """Collect the paths of all keys of a body, with ``null`` told from a value; entries of lists are taken together."""
    if isinstance(value, dict):
        return {part for key, it in value.items() for part in shape(it, f"{where}.{key}" if where else key)} | {where}
    if isinstance(value, list):
        return {part for it in value for part in shape(it, f"{where}.[]")} | {f"{where}=list"}
    return {f"{where}={'null' if value is None else 'value'}"}


def unexcused(found: set[str], excused: dict[str, str]) -> set[str]:
    """Keep the paths that no excuse covers."""
    return {it for it in found if not any(it.partition("=")[0].startswith(path) for path in excused)}


def parsed(answer: requests.Response) -> Any:
    """Read a body as what it says it is."""
    return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer.text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)
def test_same_shape_as_recorded(shared: Client, case: Case) -> None:
    """The sandbox answers with the status, keys, nulls and headers that were recorded."""
    real, answer = recorded(case.number), case.ask(shared)
    if real["status"] is not None and "status" not in case.excused:
        assert answer.status_code == real["status"]
    wanted, found = shape(case.at(real["body"])), shape(case.at(parsed(answer)))
    empty_lists = {it.partition("=")[0] for it in wanted | found if it.endswith("=list")}
    inside = tuple(f"{it}.[]" for it in empty_lists if not any(x.startswith(f"{it}.[]") for x in wanted))
    inside += tuple(f"{it}.[]" for it in empty_lists if not any(x.startswith(f"{it}.[]") for x in found))
    differing = {it for it in unexcused(wanted ^ found, case.excused) if not it.startswith(inside or ("\0",))}
    assert differing == set()
    names = {name.lower() for name in real["headers"]} - set(UNCOMPARED)
    names = {name for name in names if "ratelimit" not in name}
    assert names <= {name.lower() for name in answer.headers}


def test_workspace_errors_of_authorization(start: Start) -> None:
    """A refused call has the recorded envelope, header and wording."""
    real = recorded("025")
    refusal = {"call": {"path": ".*/registries/prosereg"}, "answer": {"status": 403}}
    answer = start(world={"responder": {"may_not_read": [refusal]}}).arm(REGISTRY)
    assert (answer.status_code, shape(answer.json())) == (real["status"], shape(real["body"]))
    assert answer.headers["x-ms-failure-cause"] == real["headers"]["x-ms-failure-cause"]
    wording = real["body"]["error"]["message"].rpartition("over scope")[2].partition("'")[2].partition("'")[2]
    assert answer.json()["error"]["message"].endswith(wording)


def test_firewall(start: Start) -> None:
    """A refused address has the recorded body, escapes included, and no challenge."""
    real = recorded("109")
    answer = start(
        world={
            "registries": [{"name": "prosereg", "publicNetworkAccess": "Disabled"}],
            "responder": {
                "outbound_ip": "198.51.100.77",
                "data_plane": [{"login_server": SERVER, "reachable_from_responder": None}],
            },
        }
    ).get(f"https://{SERVER}/v2/")
    assert (answer.status_code, answer.json()) == (real["status"], real["body"])
    assert "WWW-Authenticate" not in answer.headers
    assert b"\\u0027" in answer.content


def test_throttled_exchange(start: Start) -> None:
    """An exchange may be answered 429, as was reported."""
    fault = {"call": {"host": SERVER, "path": "/oauth2/exchange"}, "status": 429}
    assert start(faults=[fault]).refresh_token().status_code == recorded("110")["status"]


def test_challenges_word_for_word(shared: Client) -> None:
    """Challenges have the recorded spelling: no blanks after commas, ``error`` last."""
    for number, answer in (
        ("094", insufficient(shared)),
        ("097", shared.get(f"https://{SERVER}/acr/v1/_catalog")),
    ):
        real = {name.lower(): value for name, value in recorded(number)["headers"].items()}["www-authenticate"]
        host = real.partition("https://")[2].partition("/")[0]
        wanted = real.replace(host, SERVER).replace("library/hello-world:metadata_write", "team/train:metadata_read")
        assert answer.headers["WWW-Authenticate"] == wanted


@pytest.mark.parametrize(("number", "header"), [("007", None), ("008", "bytes=0-453")])
def test_logs_have_the_recorded_headers(shared: Client, number: str, header: str | None) -> None:
    """A log's HEAD and ranged GET carry the recorded headers."""
    real = recorded(number)
    url = shared.history("/details").json()["logFiles"]["user_logs/long_line.txt"]
    answer = shared.call("GET" if header else "HEAD", url, headers={"Range": header} if header else {})
    assert answer.status_code == real["status"]
    assert {name.lower() for name in real["headers"]} <= {name.lower() for name in answer.headers}


def test_absent_log(shared: Client) -> None:
    """A log that is not there has the recorded error code."""
    url = shared.history("/details").json()["logFiles"]["user_logs/std_log.txt"]
    answer = shared.call("HEAD", url)
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (
        404,
        recorded("006")["headers"]["X-Ms-Error-Code"],
    )
