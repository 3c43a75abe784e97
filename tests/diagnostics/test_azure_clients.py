"""The clients that know Azure's endpoints: where tokens may go, what answers mean, and what is never followed."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core import exceptions as core
from azure_wire import (
    CLOUD,
    CUT,
    GARBAGE,
    HISTORY,
    MANAGER,
    REGISTRY,
    SERVER,
    SUBSCRIPTION_ID,
    WORKSPACE,
    Answer,
    BentSandbox,
    Literal,
    arm_error,
    json_answer,
)

from diagnostics.azure import errors
from diagnostics.azure.arm import LIMITS, ArmClient, connections, resource_part
from diagnostics.azure.clouds import CLOUDS, cloud_named
from diagnostics.azure.credentials import open_credential
from diagnostics.azure.errors import NoCredential, Nonsense, ReadFailed, Unreachable, from_azure_core, from_status
from diagnostics.reach import Reach
from sandbox.wire import Reply, Request

API = "2025-12-01"
FOREIGN = (
    "https://evil.example/discovery",
    "http://management.azure.com/x",
    "https://management.azure.com.evil.example/x",
    "https://management.azure.com@evil.example/x",
    "https://evilapi.azureml.ms/x",
    "https://user:pass@evil.example/.api.azureml.ms",
    "https://prosereg.azurecr.io/x",
    "ftp://management.azure.com/x",
    "//management.azure.com/x",
    "https://evil.example\\.api.azureml.ms/x",
    "https://evil.example\\@northeurope.api.azureml.ms/x",
    "https://evil.example%2f.api.azureml.ms/x",
    "https://evil.example;.api.azureml.ms/x",
    "https://ada:secret@northeurope.api.azureml.ms/x",
    "https://management.azure.com:8443/x",
    "https://management.azure.com:443:443/x",
    "https://m\u0430nagement.azure.com/x",
    "https://management\uff0eazure.com/x",
    "https://.api.azureml.ms/x",
    "https://northeurope.api.\tazureml.ms/x",
    " https://management.azure.com/x",
    "https://management.azure.com/a\r\nHost: evil.example",
    "https://[x/",
    "nonsense",
    "",
)


# --- where the token goes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("url", FOREIGN)
def test_the_token_goes_to_no_other_host(azure: BentSandbox, reach: Reach, url: str) -> None:
    """Whatever an answer names as the next address, nothing is asked of a host that is not the cloud's."""
    with pytest.raises(ReadFailed, match="no Azure token is sent"):
        reach.arm.get_url(url)
    assert azure.hosts == []


@pytest.mark.parametrize("link", [url for url in FOREIGN if "evil" in url])
def test_a_next_page_elsewhere_is_not_followed(azure: BentSandbox, reach: Reach, link: str) -> None:
    """A list that continues on a foreign host fails, and its first page is still given."""
    azure.bend(MANAGER, "^/subscriptions$", json_answer(200, {"value": [{"a": 1}], "nextLink": link}))
    pages = reach.arm.pages("/subscriptions", api_version=API)
    assert next(pages) == {"a": 1}
    with pytest.raises(ReadFailed, match="no Azure token is sent"):
        next(pages)
    assert {call.host for call in azure.calls} <= {MANAGER, "127.0.0.1"}


@pytest.mark.parametrize("url", FOREIGN)
def test_a_discovery_url_elsewhere_is_not_asked(azure: BentSandbox, reach: Reach, url: str) -> None:
    """The workspace's discovery URL is believed only within the cloud."""
    with pytest.raises(ReadFailed):
        reach.history.details(url, WORKSPACE, "brave_run_1")
    assert azure.hosts == []


@pytest.mark.parametrize(
    "answer",
    [
        {"history": "https://evil.example"},
        {"api": "https://evil.example/.api.azureml.ms"},
        {"history": "https://evil.example\\.api.azureml.ms"},
        {"history": "https://evil.example\\@northeurope.api.azureml.ms"},
        {"history": "https://[x"},
        {"history": 5},
        {"history": "evil"},
        {},
    ],
)
def test_a_discovery_answer_that_names_another_host_fails(
    azure: BentSandbox, reach: Reach, answer: dict[str, Any]
) -> None:
    """The host of run history comes from the region's own answer, and is checked like any other."""
    azure.bend(HISTORY, "^/discovery", json_answer(200, answer))
    with pytest.raises(ReadFailed):
        reach.history.details(f"https://{HISTORY}/discovery", WORKSPACE, "brave_run_1")
    assert "evil.example" not in azure.hosts


def test_a_redirect_is_not_followed(azure: BentSandbox, reach: Reach) -> None:
    """Resource Manager's redirect to elsewhere is an answer that is not understood."""
    azure.bend(MANAGER, "^/subscriptions$", Answer(307, (("Location", "https://evil.example/"),)))
    with pytest.raises(Nonsense, match="307"):
        list(reach.arm.pages("/subscriptions", api_version=API))
    assert "evil.example" not in azure.hosts


def test_run_history_remembers_where_a_region_lives(azure: BentSandbox, reach: Reach) -> None:
    """Discovery is asked once; every run after it is asked for directly."""
    for _ in range(3):
        reach.history.details(f"https://{HISTORY}/discovery", WORKSPACE, "brave_run_1")
    assert azure.asked("^/discovery") == 1


@pytest.mark.parametrize("run_id", ["a/../../b", "a?b", "a#b", "ä b"])
def test_a_run_s_id_stays_one_segment(azure: BentSandbox, reach: Reach, run_id: str) -> None:
    """An id with path signs is quoted, so that it is the id of no run and of nothing else."""
    with pytest.raises(ReadFailed):
        reach.history.details(f"https://{HISTORY}/discovery", WORKSPACE, run_id)
    assert azure.calls[-1].path.count("/runs/") == 1
    assert azure.calls[-1].path.endswith("/details")


def test_endless_pages_end(azure: BentSandbox, reach: Reach) -> None:
    """A list that points to itself is read for a bounded number of pages, and never passes for a whole one."""
    again = {"value": [{}], "nextLink": f"https://{MANAGER}/subscriptions?api-version={API}"}
    azure.bend(MANAGER, "^/subscriptions$", json_answer(200, again))
    pages = reach.arm.pages("/subscriptions", api_version=API)
    assert [next(pages) for _ in range(50)] == [{}] * 50
    with pytest.raises(Nonsense, match="more than 50 pages"):
        next(pages)


def test_endless_children_end(azure: BentSandbox, reach: Reach) -> None:
    """A list of children that never ends is read for ten pages."""
    azure.bend(HISTORY, "/children$", json_answer(200, {"value": [{}, 5, None], "continuationToken": "more"}))
    assert len(reach.history.children(f"https://{HISTORY}/discovery", WORKSPACE, "brave_run_1")) == 10


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": {}}, {"values": []}])
def test_a_list_without_its_value_is_nonsense(azure: BentSandbox, reach: Reach, body: dict[str, Any]) -> None:
    """A list is not taken for empty where it is missing."""
    azure.bend(MANAGER, "^/subscriptions$", json_answer(200, body))
    with pytest.raises(Nonsense):
        list(reach.arm.pages("/subscriptions", api_version=API))
    azure.bend(HISTORY, "/children$", json_answer(200, body))
    with pytest.raises(Nonsense):
        reach.history.children(f"https://{HISTORY}/discovery", WORKSPACE, "brave_run_1")


# --- what answers mean --------------------------------------------------------------------------------------

TREE = [
    (400, Nonsense),
    (401, errors.NotPermitted),
    (403, errors.NotPermitted),
    (404, errors.NotFound),
    (409, Nonsense),
    (418, Nonsense),
    (429, errors.Throttled),
    (500, errors.ServiceFailed),
    (503, errors.ServiceFailed),
    (504, errors.ServiceFailed),
]


@pytest.mark.parametrize(("status", "kind"), TREE)
def test_a_status_has_its_place_in_the_tree(
    azure: BentSandbox, reach: Reach, status: int, kind: type[ReadFailed]
) -> None:
    """The plain client and the SDKs sort one status alike, with Azure's code and words on one line."""
    azure.bend(MANAGER, "/registries/prosereg$", arm_error(status, "SomeCode", "Some words."))
    with pytest.raises(ReadFailed) as plain:
        reach.arm.get(REGISTRY, api_version=API)
    with pytest.raises(core.AzureError) as raised:
        reach.registries("s").registries.get("rg-train", "prosereg")
    for found in (plain.value, from_azure_core(raised.value)):
        assert type(found) is kind
        assert found.status == status
        assert f"HTTP {status}" in str(found)
        assert "Some words." in str(found)
        assert "\n" not in str(found)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "C", "message": "M"}},
        {"Error": {"Code": "C", "Message": "M"}},
        {"code": "C", "message": "M"},
    ],
)
def test_every_envelope_is_read(azure: BentSandbox, reach: Reach, body: dict[str, Any]) -> None:
    """Azure wraps its errors, or not, in several casings (recorded shapes)."""
    azure.bend(MANAGER, "^/subscriptions$", json_answer(403, body))
    with pytest.raises(errors.NotPermitted, match="HTTP 403, C: M"):
        reach.arm.get("/subscriptions", api_version=API)


@pytest.mark.parametrize("body", [{"error": "text"}, {"error": {}}, [], "x", None, {"error": {"code": None}}])
def test_an_envelope_without_words_leaves_the_status(azure: BentSandbox, reach: Reach, body: Any) -> None:
    """Where nothing is said the status alone is told."""
    azure.bend(MANAGER, "^/subscriptions$", json_answer(500, body))
    with pytest.raises(errors.ServiceFailed, match="HTTP 500"):
        reach.arm.get("/subscriptions", api_version=API)


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b"{", b"NaN", b""])
def test_a_body_that_is_no_object_is_nonsense(azure: BentSandbox, reach: Reach, deep: bytes) -> None:
    """No body, however deep or broken, is more than an answer that is not understood."""
    azure.bend(MANAGER, "^/subscriptions$", Answer(200, (("Content-Type", "application/json"),), Literal(deep)))
    with pytest.raises(Nonsense, match="200"):
        reach.arm.get("/subscriptions", api_version=API)


def test_secrets_in_an_error_do_not_get_out(azure: BentSandbox, reach: Reach) -> None:
    """What an error's words carry is redacted before anybody sees them."""
    words = "Failed for https://a.blob.core.windows.net/x?sv=2021&sig=abcDEF123%2Bxyz%3D&se=2026"
    azure.bend(MANAGER, "^/subscriptions$", arm_error(403, "C", words))
    with pytest.raises(errors.NotPermitted) as refused:
        reach.arm.get("/subscriptions", api_version=API)
    assert "abcDEF123" not in str(refused.value)


def test_azure_s_words_name_the_action() -> None:
    """The action is taken from Azure's own sentence, and nothing else is."""
    words = "does not have authorization to perform action 'Microsoft.X/y/read' over scope '/s'"
    assert from_status(403, words).action == "Microsoft.X/y/read"
    assert from_status(403, "perform action '<script>'").action is None
    assert len(str(from_status(500, "x" * 10_000))) <= 500


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (core.ClientAuthenticationError("nobody is logged in\nsecond line"), NoCredential),
        (core.ServiceRequestError("dns"), Unreachable),
        (core.ServiceResponseError("cut"), Unreachable),
        (core.DecodeError("x"), Nonsense),
        (ValueError("x"), Nonsense),
        (KeyError("x"), Nonsense),
        (TimeoutError(), Unreachable),
        (OSError("x"), Unreachable),
        (errors.Throttled("x"), errors.Throttled),
    ],
)
def test_an_exception_has_its_place_in_the_tree(raised: Exception, kind: type[ReadFailed]) -> None:
    """What SDKs raise is sorted, on one line."""
    found = from_azure_core(raised)
    assert type(found) is kind
    assert "\n" not in str(found)


def test_a_cut_connection_is_unreachable(azure: BentSandbox, reach: Reach) -> None:
    """No answer after all tries is told as no answer."""
    azure.bend(MANAGER, "^/subscriptions$", CUT)
    with pytest.raises(Unreachable):
        reach.arm.get("/subscriptions", api_version=API)


@pytest.mark.parametrize("waiting", ["3600", "86400", "3"])
def test_nobody_sleeps_for_a_long_retry_after(azure: BentSandbox, reach: Reach, waiting: str) -> None:
    """Who is told to wait for long is told so at once, by the plain client and by the SDKs."""
    azure.bend(MANAGER, "/registries/prosereg$", arm_error(429).retry_after(int(waiting)))
    with pytest.raises(errors.Throttled):
        reach.arm.get(REGISTRY, api_version=API)
    with pytest.raises(core.HttpResponseError):
        reach.registries("s").registries.get("rg-train", "prosereg")
    assert azure.asked("/registries/prosereg") == 2


def test_a_short_hiccup_is_tried_again(azure: BentSandbox, reach: Reach) -> None:
    """A failure that says nothing of waiting, or to wait for nothing, is tried as often as the limits say."""
    azure.bend(MANAGER, "^/subscriptions$", arm_error(503).retry_after(0))
    with pytest.raises(errors.ServiceFailed):
        reach.arm.get("/subscriptions", api_version=API)
    assert azure.asked("^/subscriptions") == LIMITS["retry_total"] + 1


# --- credentials, clouds, ids -------------------------------------------------------------------------------


def test_no_credential_is_one_line(azure: BentSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Nobody logged in is said in one line with the way out, and not by a report of eight tries."""
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoCredential, match="az login") as refused:
        open_credential(CLOUD)
    assert "\n" not in str(refused.value)


def test_a_credential_is_proven_when_it_is_opened(azure: BentSandbox) -> None:
    """An opened credential has got a token already."""
    open_credential(CLOUD)
    assert azure.asked("/msi/token") == 1


def test_a_client_without_a_token_says_so(azure: BentSandbox, monkeypatch: pytest.MonkeyPatch, reach: Reach) -> None:
    """A read without any token is no refusal by Azure, and nothing is asked of it."""
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    with pytest.raises(ReadFailed):
        ArmClient(CLOUD, reach.credential, connections()).get("/subscriptions", api_version=API)
    assert MANAGER not in azure.hosts


@pytest.mark.parametrize("name", sorted(CLOUDS))
def test_a_cloud_is_found_by_its_name_in_any_case(name: str) -> None:
    """Every cloud has hosts of its own under https."""
    cloud = cloud_named(f" {name.upper()} ")
    assert cloud.name == name
    assert cloud.resource_manager.startswith("https://")
    for suffix in (cloud.registry_suffix, cloud.machine_learning_suffix, cloud.blob_suffix, cloud.vault_suffix):
        assert suffix.startswith(".")


def test_an_unknown_cloud_is_answered_with_the_names() -> None:
    """A misspelt cloud lists those that there are."""
    with pytest.raises(ValueError, match="AzureChinaCloud"):
        cloud_named("AzureMoonCloud")


def test_parts_of_a_resource_id_are_found_in_any_case() -> None:
    """Azure writes the same kind in several casings."""
    assert resource_part(REGISTRY.upper(), "resourceGroups") == "RG-TRAIN"
    assert resource_part("/subscriptions", "subscriptions") is None
    assert resource_part("", "x") is None


def test_garbage_from_a_registry_is_no_exception(azure: BentSandbox, reach: Reach) -> None:
    """The plain page of a proxy is an answer without a body that could be read."""
    azure.bend(SERVER, "/manifests/", GARBAGE)
    answer = reach.registry(SERVER, "team/train").manifest("7")
    assert (answer.status, answer.body, answer.code) == (200, None, "")


# --- the SDKs' own clients ----------------------------------------------------------------------------------


EVIL = "evil.example"
ELSEWHERE = (
    f"https://{EVIL}/next",
    f"https://{EVIL}\\@{MANAGER}/next",
    f"http://{MANAGER}/next",
    f"https://{MANAGER}.{EVIL}/next",
)


def listed(reach: Reach, sdk: str) -> list[Any]:
    """List something by one of the management SDKs."""
    if sdk == "registries":
        return list(reach.registries(SUBSCRIPTION_ID).registries.list())
    return list(reach.roles(SUBSCRIPTION_ID).role_assignments.list_for_subscription())


def test_all_clients_share_their_connections(azure: BentSandbox, reach: Reach) -> None:
    """However many subscriptions are read by however many clients: what is asked in turn takes one connection."""
    for part in ("/registries", "/roleAssignments"):
        azure.bend(MANAGER, part, json_answer(200, {"value": []}))
    for number in range(5):
        subscription = f"{SUBSCRIPTION_ID[:-1]}{number}"
        list(reach.registries(subscription).registries.list())
        list(reach.roles(subscription).role_assignments.list_for_subscription())
        reach.arm.get("/subscriptions", api_version=API)
    assert azure.asked("/registries") == 5
    assert list(azure.hosts).count(MANAGER) == 1


@pytest.mark.parametrize("sdk", ["registries", "roleAssignments"])
@pytest.mark.parametrize("link", ELSEWHERE)
def test_no_sdk_follows_a_next_page_elsewhere(azure: BentSandbox, reach: Reach, sdk: str, link: str) -> None:
    """The SDKs put their token to whatever link a list names: a policy of ours stands in between."""
    heard: list[Request] = []

    def hear(request: Request) -> Reply:
        heard.append(request)
        return json_answer(200, {"value": []})

    azure.bend(MANAGER, f"/{sdk}", json_answer(200, {"value": [], "nextLink": link}))
    azure.bend(EVIL, "", hear)
    with pytest.raises((ReadFailed, core.ServiceRequestError), match=r"no Azure token is sent|non-https"):
        listed(reach, sdk)
    assert heard == []
    assert EVIL not in azure.hosts


@pytest.mark.parametrize("sdk", ["registries", "roleAssignments"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_sdk_follows_a_redirect_elsewhere(azure: BentSandbox, reach: Reach, sdk: str, status: int) -> None:
    """Neither with the token nor without it."""
    azure.bend(MANAGER, f"/{sdk}", Answer(status, (("Location", f"https://{EVIL}/"),)))
    with pytest.raises(ReadFailed, match="no Azure token is sent"):
        listed(reach, sdk)
    assert EVIL not in azure.hosts
