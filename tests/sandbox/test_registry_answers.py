"""The registries' data plane as the sandbox answers for it."""

from __future__ import annotations

import pytest
from sandbox_client import ACR_RESOURCE, ARM_RESOURCE, REGISTRY, SERVER, Client, Start

PULL = "repository:team/train:pull"
READ = "repository:team/train:metadata_read"
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
READER = "b93aa761-3e63-49ed-ac28-beffa264f7ac"


def test_challenge_without_a_scope(shared: Client) -> None:
    """``/v2/`` challenges with realm and service alone, and a null detail."""
    answer = shared.get(f"https://{SERVER}/v2/")
    challenge = f'Bearer realm="https://{SERVER}/oauth2/token",service="{SERVER}"'
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, challenge)
    assert answer.json()["errors"][0]["detail"] is None


def test_anonymous_token_shows_insufficient_scope(shared: Client) -> None:
    """Anybody gets a token; that it allows nothing shows on the next call, again as 401."""
    form = {"grant_type": "password", "service": SERVER, "scope": PULL, "refresh_token": ""}
    token = shared.call("POST", f"https://{SERVER}/oauth2/token", data=form).json()
    assert list(token) == ["access_token"]
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    answer = shared.get(f"https://{SERVER}/v2/team/train/manifests/1", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].endswith(',error="insufficient_scope"')


def test_anonymous_pull(start: Start) -> None:
    """With anonymous pull on, a token for nobody reads."""
    client = start(world={"registries": [{"name": "prosereg", "anonymousPullEnabled": True}]})
    asked = {"service": SERVER, "scope": PULL}
    token = client.get(f"https://{SERVER}/oauth2/token", params=asked).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get(f"https://{SERVER}/v2/team/train/manifests/1", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("policy", "resource", "status"),
    [
        ("enabled", ACR_RESOURCE, 200),
        ("enabled", ARM_RESOURCE, 200),
        ("disabled", ACR_RESOURCE, 200),
        ("disabled", ARM_RESOURCE, 401),
        ("enabled", "https://graph.microsoft.com", 401),
    ],
)
def test_exchange_looks_at_the_audience(start: Start, policy: str, resource: str, status: int) -> None:
    """The registries' audience always counts, Resource Manager's only while the policy allows it."""
    change = {"name": "prosereg", "policies": {"azureADAuthenticationAsArmPolicy": policy}}
    assert start(world={"registries": [change]}).refresh_token(resource).status_code == status


def test_exchange_refuses_who_has_no_right(start: Start) -> None:
    """An identity without any right on the registry gets no refresh token."""
    plane = {"login_server": SERVER, "may_read_tags": False}
    assert start(world={"responder": {"data_plane": [plane]}}).refresh_token().status_code == 401


def test_manifest_by_tag_and_digest(shared: Client) -> None:
    """A manifest's layers add up to the stated size, and GET and HEAD agree by tag and by digest."""
    answer = shared.registry("/v2/team/train/manifests/1", PULL, Accept=OCI)
    assert sum(it["size"] for it in answer.json()["layers"]) == int(2.5 * 1024**3)
    digest = answer.headers["Docker-Content-Digest"]
    head = shared.registry(f"/v2/team/train/manifests/{digest}", PULL, method="HEAD", Accept=OCI)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(answer.content))
    config = shared.registry(f"/v2/team/train/blobs/{answer.json()['config']['digest']}", PULL)
    assert config.json()["architecture"] == "amd64"


def test_index_leads_to_its_platforms(shared: Client) -> None:
    """An index lists a manifest for every platform, each to be had by its digest."""
    listed = shared.registry("/v2/team/train/manifests/2", PULL, Accept=INDEX).json()["manifests"]
    assert [it["platform"].get("variant") for it in listed] == [None, "v8"]
    child = shared.registry(f"/v2/team/train/manifests/{listed[1]['digest']}", PULL, Accept=OCI)
    assert child.json()["mediaType"] == OCI


def test_accept_header_counts(shared: Client) -> None:
    """A client that does not accept an index is told so, with 404."""
    answer = shared.registry("/v2/team/train/manifests/2", PULL, Accept=OCI)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize(
    ("path", "scope", "status", "code"),
    [
        ("/v2/team/train/manifests/3", PULL, 404, "MANIFEST_UNKNOWN"),
        ("/v2/team/train/manifests/held", PULL, 404, "MANIFEST_UNKNOWN"),
        (f"/v2/team/train/manifests/sha256:{'c' * 64}", PULL, 405, "UNSUPPORTED"),
        ("/v2/team/train/manifests/locked", PULL, 405, "UNSUPPORTED"),
        ("/v2/team/other/manifests/1", "repository:team/other:pull", 404, "NAME_UNKNOWN"),
        ("/v2/far/away/manifests/1", "repository:far/away:pull", 404, "MANIFEST_UNKNOWN"),
        ("/acr/v1/team/train/_tags/3", READ, 404, "TAG_UNKNOWN"),
        ("/acr/v1/team/train/_manifests/sha256:0", READ, 404, "MANIFEST_UNKNOWN"),
    ],
)
def test_what_cannot_be_read(shared: Client, path: str, scope: str, status: int, code: str) -> None:
    """Absent, quarantined, locked and not yet replicated images are answered as the registry does."""
    answer = shared.registry(path, scope, Accept=OCI)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)


def test_a_replica_may_hold_more(start: Start) -> None:
    """What one replica lacks another may hold: the world says which one serves the responder."""
    plane = {"login_server": SERVER, "served_by": "westus"}
    client = start(world={"responder": {"data_plane": [plane]}})
    assert client.registry("/v2/far/away/manifests/1", "repository:far/away:pull").status_code == 200


def test_upper_case_names_are_not_routed(shared: Client) -> None:
    """An upper-case repository is plain text 404, before any challenge."""
    answer = shared.get(f"https://{SERVER}/acr/v1/Team/_tags/1")
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")


def test_tags_newest_first_in_pages(shared: Client) -> None:
    """Tags come by time, a page at a time, with a relative link; quarantined ones are not among them."""
    path, found = "/acr/v1/team%2Ftrain/_tags?n=2&orderby=timedesc", list[str]()
    while path:
        answer = shared.registry(path, READ)
        found += [it["name"] for it in answer.json()["tags"]]
        path = answer.links["next"]["url"] if answer.links else ""
        assert "api-version" not in path
    assert found == ["2", "1", "locked"]


def test_other_lists(shared: Client) -> None:
    """The distribution's own list, the repository's attributes, the manifests and the catalogue."""
    assert shared.registry("/v2/team/train/tags/list", READ).json() == {
        "name": "team/train",
        "tags": ["1", "2", "locked"],
    }
    assert shared.registry("/acr/v1/team/train", READ).json()["tagCount"] == 3
    digest = f"sha256:{'c' * 64}"
    held = shared.registry(f"/acr/v1/team/train/_manifests/{digest}", READ).json()["manifest"]
    assert held["changeableAttributes"]["quarantineState"] == "Quarantined"
    assert shared.registry("/acr/v1/_catalog", "registry:catalog:*").json() == {
        "repositories": ["far/away", "team/train"]
    }


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (None, 200),
        (
            "@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEqualsIgnoreCase 'TEAM/train'",
            200,
        ),
        (
            "@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringStartsWithIgnoreCase 'team/'",
            200,
        ),
        ("@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringStartsWith 'other/'", 401),
        ("@Request[something else]", 401),
    ],
)
def test_repository_permissions(start: Start, condition: str | None, status: int) -> None:
    """With repository permissions a reader role counts, as far as its condition reaches; AcrPull does not."""
    assignment = {
        "scope": REGISTRY,
        "role": "Container Registry Repository Reader",
        "principal_id": "55555555-0000-4000-8000-000000000001",
        "condition": condition,
    }
    client = start(
        world={
            "registries": [{"name": "prosereg", "roleAssignmentMode": "AbacRepositoryPermissions"}],
            "role_assignments": [assignment],
            "responder": {"data_plane": [{"login_server": SERVER, "may_read_tags": False}]},
        }
    )
    assert client.registry("/v2/team/train/manifests/1", PULL).status_code == status


def test_deny_assignments_win(start: Start) -> None:
    """A denied pull is refused whatever is assigned."""
    denial = {
        "id": "44444444-0000-4000-8000-000000000001",
        "principals": [{"id": "55555555-0000-4000-8000-000000000001"}],
    }
    client = start(world={"deny_assignments": [{**denial, "name": "keep out"}]})
    assert client.registry("/v2/team/train/manifests/1", PULL).status_code == 401


@pytest.mark.parametrize(
    ("registry", "plane", "seen"),
    [
        ({"publicNetworkAccess": "Disabled"}, {}, "403"),
        ({"networkRuleSet": {"defaultAction": "Deny", "ipRules": ["203.0.113.0/24"]}}, {}, "403"),
        ({"networkRuleSet": {"defaultAction": "Deny", "ipRules": ["198.51.100.0/24"]}}, {}, "401"),
        ({"networkRuleSet": {"defaultAction": "Deny"}}, {"reachable_from_responder": True}, "401"),
        ({}, {"reachable_from_responder": False}, "cut"),
        ({}, {"answer": {"status": 429, "retry_after": 9, "calls": "everything"}}, "429"),
        ({}, {"answer": {"status": 429, "calls": "manifests"}}, "401"),
    ],
)
def test_the_way_to_a_registry(start: Start, registry: dict[str, object], plane: dict[str, object], seen: str) -> None:
    """The registry's rules, the stated answer and a cut connection, each where the world says so."""
    stated = {"login_server": SERVER, "reachable_from_responder": None, **plane}
    client = start(
        world={"registries": [{"name": "prosereg", **registry}], "responder": {"data_plane": [stated]}},
    )
    try:
        answer = client.get(f"https://{SERVER}/v2/")
    except OSError:
        assert (seen, client.azure.calls[-1].status) == ("cut", 0)
        return
    assert str(answer.status_code) == seen
    assert ("WWW-Authenticate" in answer.headers) is (seen == "401")
    if seen == "403":
        assert b"client with IP \\u0027198.51.100.7\\u0027 is not allowed access" in answer.content


def test_answer_for_manifests_alone(start: Start) -> None:
    """An answer for manifests leaves the token's endpoints alone and carries the pause."""
    plane = {"login_server": SERVER, "answer": {"status": 429, "retry_after": 9, "calls": "manifests"}}
    answer = start(world={"responder": {"data_plane": [plane]}}).registry("/v2/team/train/manifests/1", PULL)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "9")


def test_regional_name(shared: Client) -> None:
    """A regional endpoint is the same registry."""
    assert shared.get("https://prosereg.westus.geo.azurecr.io/v2/").status_code == 401


def test_public_registries(start: Start) -> None:
    """Docker Hub and the Microsoft registry answer where the world names them, each in its own way."""
    images = [
        {"registry": "docker.io", "repository": "library/python", "tags": [{"name": "3.11"}]},
        {"registry": "mcr.microsoft.com", "repository": "azureml/base", "tags": [{"name": "1"}]},
    ]
    client = start(world={"images": images})
    assert client.get("https://mcr.microsoft.com/v2/azureml/base/manifests/1").status_code == 200
    assert client.get("https://mcr.microsoft.com/v2/azureml/base/manifests/2").status_code == 404
    asked = {"service": "registry.docker.io", "scope": "repository:library/python:pull"}
    token = client.get("https://auth.docker.io/token", params=asked).json()["token"]
    hub, headers = "https://registry-1.docker.io/v2/library", {"Authorization": f"Bearer {token}"}
    assert client.get(f"{hub}/python/manifests/3.11", headers=headers).headers["ratelimit-limit"] == "100;w=21600"
    assert client.get(f"{hub}/python/manifests/2", headers=headers).status_code == 404
    assert client.get(f"{hub}/nothing/manifests/2", headers=headers).status_code == 401


def test_docker_hub_limit(start: Start) -> None:
    """Docker Hub's limit is said in its own words."""
    plane = {"login_server": "docker.io", "answer": {"status": 429, "calls": "manifests"}}
    client = start(world={"responder": {"data_plane": [plane]}})
    answer = client.get("https://registry-1.docker.io/v2/library/python/manifests/3")
    assert answer.status_code == 429
    assert "pull rate limit" in answer.json()["errors"][0]["message"]


def test_a_registry_of_somebody_else(start: Start) -> None:
    """A registry that only the data plane names is there, and lets nobody of this world in."""
    plane = {"login_server": "elsewhere.azurecr.io"}
    client = start(world={"responder": {"data_plane": [plane]}})
    assert client.get("https://elsewhere.azurecr.io/v2/").status_code == 401
    assert client.refresh_token(server="elsewhere.azurecr.io").status_code == 401
    assert client.azure.violations
