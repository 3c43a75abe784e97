"""The probes of images and of their registry's state: what they read, and that whatever goes wrong becomes words."""

from __future__ import annotations

from typing import Any

import pytest
from azure_wire import (
    GARBAGE,
    MANAGER,
    REGISTRY,
    SERVER,
    Begin,
    BentSandbox,
    Read,
    Request,
    json_answer,
)
from diagnostic_samples import subject, symptom, value

from diagnostics.azure.oci_registry import OciRegistry
from diagnostics.facts import Manifest, ManifestOutcome, Replicas, Tags
from diagnostics.image_facts import (
    Artifact,
    EncryptionKey,
    Layers,
    NodeDisk,
    RegistryHealth,
    RegistryLoad,
    Usages,
)
from diagnostics.model import Known, Unknown, Vantage
from diagnostics.reach import Reach
from sandbox.wire import Reply

GIB = 1024**3
VAULT = "prosekeys"
KEY = f"https://{VAULT}.vault.azure.net/keys/registry-key/0123"
IDENTITY = REGISTRY.replace("ContainerRegistry/registries", "ManagedIdentity/userAssignedIdentities") + "-key"
ENCRYPTED: dict[str, Any] = {
    "name": "prosereg",
    "identity": {"type": "UserAssigned", "user_assigned": [{"id": IDENTITY}]},
    "encryption": {"status": "enabled", "keyVaultProperties": {"keyIdentifier": KEY, "identity": "c-1"}},
}
VAULTS = [{"name": VAULT, "keys": [{"name": "registry-key"}]}]
SIZES = {"compute": {"vm_size": "Standard_NC6", "os_disk_gb": 120, "ephemeral_disk_gb": 340}}


def image(name: str = "7", **tag: Any) -> dict[str, Any]:
    """Return a world in which the image has these attributes."""
    described = {"name": name, "created": "2026-09-01T10:00:00Z", **tag}
    return {"images": [{"registry": "prosereg", "repository": "team/train", "tags": [described]}]}


# --- what they read ------------------------------------------------------------------------------------------


def test_the_state_of_a_healthy_registry_is_read(azure: BentSandbox, read: Read) -> None:
    """Every probe of this family gives its own shape, and asks nothing that is not simulated."""
    names = ["artifact", "layers", "usage", "registry-health", "registry-load", "encryption-key", "node-disk"]
    facts = read(*names)
    kinds = [Artifact, Layers, Usages, RegistryHealth, RegistryLoad, EncryptionKey, NodeDisk]
    for name, kind in zip(names, kinds, strict=True):
        assert str(value(facts[name], kind))
    assert azure.refused == []
    assert azure.violations == []


def test_what_a_registry_s_own_network_shows_is_marked_so(azure: BentSandbox, read: Read) -> None:
    """The data plane was seen from here; health, usage and keys hold for everybody."""
    facts = read("artifact", "layers", "registry-load", "usage", "registry-health", "encryption-key", "node-disk")
    here = {name for name, it in facts.items() if isinstance(it, Known) and it.vantage is Vantage.RESPONDER_NETWORK}
    assert here == {"artifact", "layers", "registry-load"}


def test_attributes_tell_platform_and_times(azure: BentSandbox, read: Read) -> None:
    """A single image's manifest does not say its platform; its attributes do."""
    found = value(read("artifact")["artifact"], Artifact)
    assert (found.found, found.platform, found.locked, found.quarantined) == (True, "linux/amd64", "", False)
    assert found.created_at is not None
    assert azure.asked("/acr/v1/team/train/_tags/7") == 1
    assert azure.asked("/acr/v1/team/train/_manifests/sha256") == 1


def test_a_disabled_reading_is_told_with_what_it_is_disabled_on(begin: Begin, read: Read) -> None:
    """The tag's own attribute is seen, and the registry's 405 makes the manifest known as not to be read."""
    begin(world=image(readEnabled=False))
    facts = read("artifact", "manifest")
    assert value(facts["artifact"], Artifact).locked == "tag"
    assert value(facts["manifest"], Manifest).outcome == ManifestOutcome.DISALLOWED


def test_a_locked_repository_is_looked_for_where_the_text_speaks_of_a_lock(azure: BentSandbox, read: Read) -> None:
    """The third place that can forbid reading costs a call, so it is asked only then."""
    locked = {"changeableAttributes": {"readEnabled": False}}
    azure.bend(SERVER, "^/acr/v1/team/train$", json_answer(200, locked))
    assert value(read("artifact")["artifact"], Artifact).locked == ""
    about = subject(symptoms=(symptom("artifact-locked"),))
    assert value(read("artifact", about=about)["artifact"], Artifact).locked == "repository"


def test_a_quarantined_tag_is_found_among_the_manifests(begin: Begin, read: Read) -> None:
    """The tag does not show; the list of manifests may still name it, with its state."""
    begin(world=image(quarantine_state="Quarantined"))
    facts = read("artifact", "manifest")
    found = value(facts["artifact"], Artifact)
    assert found.quarantined
    assert found.quarantine == "Quarantined"
    assert value(facts["manifest"], Manifest).outcome == ManifestOutcome.TAG_UNKNOWN


def test_an_unknown_tag_has_no_attributes(azure: BentSandbox, read: Read) -> None:
    """Absence is an answer here too."""
    found = value(read("artifact", about=subject(f"{SERVER}/team/train:9"))["artifact"], Artifact)
    assert not found.found
    assert "none of 9" in str(found)


def test_a_digest_is_asked_for_directly(azure: BentSandbox, read: Read) -> None:
    """Without a tag there is nothing to resolve first."""
    digest = f"sha256:{'0' * 64}"
    found = value(read("artifact", about=subject(f"{SERVER}/team/train@{digest}"))["artifact"], Artifact)
    assert not found.found
    assert azure.asked("/_tags/") == 0


def test_an_index_shows_its_platforms(begin: Begin, read: Read) -> None:
    """Each platform is named; attestations of a builder are none."""
    azure = begin(world=image(platforms=["linux/arm64", "linux/arm/v7"]))
    assert value(read("manifest")["manifest"], Manifest).platforms == ("linux/arm64", "linux/arm/v7")
    attested = {"digest": f"sha256:{'1' * 64}", "platform": {"os": "unknown", "architecture": "unknown"}}
    azure.bend(SERVER, "/manifests/7", json_answer(200, {"manifests": [attested]}))
    assert value(read("manifest")["manifest"], Manifest).platforms == ()


def test_each_blob_is_asked_for_by_its_head(azure: BentSandbox, read: Read) -> None:
    """Configuration and layers are compared with what the manifest says of them; none is fetched."""
    found = value(read("layers")["layers"], Layers)
    assert (found.missing, found.wrong_size) == ((), ())
    assert found.checked == azure.asked("/blobs/")
    assert {call.method for call in azure.calls if "/blobs/" in call.path} == {"HEAD"}


def test_a_blob_that_is_gone_or_of_another_size_is_named(azure: BentSandbox, read: Read) -> None:
    """A 404 in the registry's own words is a missing blob, another length under the same digest a wrong one."""
    azure.bend(SERVER, "/blobs/", json_answer(404, {"errors": [{"code": "BLOB_UNKNOWN"}]}))
    found = value(read("layers")["layers"], Layers)
    assert len(found.missing) == found.checked
    azure.bend(SERVER, "/blobs/", _two_bytes)
    assert value(read("layers")["layers"], Layers).wrong_size


def _two_bytes(request: Request) -> Reply:
    digest = request.path.rpartition("/")[2]
    reply: Reply = json_answer(200, {}, (("Docker-Content-Digest", digest),))
    return reply


def test_a_404_of_whatever_stands_in_between_is_no_missing_blob(azure: BentSandbox, read: Read) -> None:
    """Before a layer is called missing the registry says so in words."""
    azure.bend(SERVER, "/blobs/", json_answer(404, "not here"))
    assert isinstance(read("layers")["layers"], Unknown)


@pytest.mark.parametrize(
    ("status", "throttled", "failing"), [(429, True, False), (503, False, True), (404, False, False)]
)
def test_a_429_or_a_5xx_is_the_answer_that_was_asked_for(
    azure: BentSandbox, read: Read, status: int, *, throttled: bool, failing: bool
) -> None:
    """Elsewhere these leave a fact unknown; of the registry's load they are the fact."""
    reply = json_answer(status, {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "no"}]}).retry_after(52)
    azure.bend(SERVER, "/manifests/", reply)
    load = value(read("registry-load")["registry-load"], RegistryLoad)
    assert (load.status, load.throttled, load.failing) == (status, throttled, failing)
    assert load.retry_after == 52
    assert ("52 s" in str(load)) == (throttled or failing)


def test_a_throttled_exchange_counts_too(azure: BentSandbox, read: Read) -> None:
    """The log-in has limits of its own, and a pull needs it."""
    azure.bend(SERVER, "/oauth2/exchange", json_answer(429, {"errors": [{"code": "TOOMANYREQUESTS"}]}))
    assert value(read("registry-load")["registry-load"], RegistryLoad).throttled


def test_usage_is_read_in_bytes(begin: Begin, read: Read) -> None:
    """The registry's own counters, by name, with their limits."""
    begin(world={"registries": [{"name": "prosereg", "usages": [_usage(100, 100)]}]})
    usages = value(read("usage")["usage"], Usages)
    size = usages.named("size")
    assert size is not None
    assert (size.used, size.limit, size.full) == (100 * GIB, 100 * GIB, True)
    assert usages.named("Webhooks") is not None


def _usage(current: int, limit: int) -> dict[str, Any]:
    return {"name": "Size", "unit": "GiB", "currentValue": current, "limit": limit}


def test_health_is_azure_s_own_word(begin: Begin, read: Read) -> None:
    """The state of the registry with its time."""
    begin(world={"registries": [{"name": "prosereg", "resource_health": "Degraded"}]})
    health = value(read("registry-health")["registry-health"], RegistryHealth)
    assert (health.state, health.well) == ("Degraded", False)
    assert health.since is not None


def test_replicas_tell_their_state(begin: Begin, read: Read) -> None:
    """A replica that is switched off, syncing or failed is told apart from one that serves."""
    stated = [
        {"location": "westeurope", "regionEndpointEnabled": False},
        {"location": "swedencentral", "displayStatus": "Syncing", "statusTimestamp": "2026-10-05T09:29:00Z"},
        {"location": "uksouth", "provisioningState": "Failed"},
    ]
    begin(world={"registries": [{"name": "prosereg", "sku": "Premium", "replications": stated}]})
    found = {it.region: it for it in value(read("replicas")["replicas"], Replicas).replicas}
    assert {region: it.ready for region, it in found.items()} == {
        "northeurope": True,
        "westeurope": False,
        "swedencentral": True,
        "uksouth": False,
    }
    assert found["swedencentral"].status == "Syncing"
    assert found["swedencentral"].status_at is not None


def test_the_disks_of_a_vm_size_come_from_azure_machine_learning(begin: Begin, read: Read) -> None:
    """The larger disk is the upper bound for an image."""
    begin(world={"computes": [{"name": "cluster", "region": "northeurope", **SIZES["compute"]}]})
    disk = value(read("node-disk")["node-disk"], NodeDisk)
    assert (disk.os_disk, disk.resource_disk, disk.largest) == (120 * GIB, 340 * GIB, 340 * GIB)
    assert "340 GiB" in str(disk)


def test_a_size_that_no_region_lists_is_unknown(azure: BentSandbox, read: Read) -> None:
    """What is not listed is said to be so."""
    azure.bend(MANAGER, "/vmSizes", json_answer(200, {"value": []}))
    fact = read("node-disk")["node-disk"]
    assert isinstance(fact, Unknown)
    assert "lists no VM size" in fact.reason


# --- other registries ----------------------------------------------------------------------------------------

HUB = {
    "images": [{"registry": "docker.io", "repository": "library/python", "tags": [{"name": "3.11"}]}],
    "responder": {"data_plane": [{"login_server": "docker.io", "reachable_from_responder": True}]},
}


def test_docker_hub_is_asked_only_if_the_allow_list_names_it(begin: Begin, read: Read, reach: Reach) -> None:
    """By default a name of Docker Hub leads to no request; allowed, its own token flow is followed, without ours."""
    azure = begin(world=HUB)
    fact = read("manifest", about=subject("python:3.11"))["manifest"]
    assert isinstance(fact, Unknown)
    assert "registry-1.docker.io" not in azure.hosts
    reach.allowed_registries = frozenset({"docker.io"})
    facts = read("manifest", "tags", about=subject("python:3.11"))
    assert value(facts["manifest"], Manifest).outcome == ManifestOutcome.FOUND
    assert [tag.name for tag in value(facts["tags"], Tags).newest] == ["3.11"]
    assert azure.violations == []


def test_microsoft_s_own_registry_is_asked_by_default(begin: Begin, read: Read) -> None:
    """Base images come from there, and anybody may ask."""
    begin(world={"images": [{"registry": "mcr.microsoft.com", "repository": "azureml/base", "tags": [{"name": "1"}]}]})
    there = read("manifest", about=subject("mcr.microsoft.com/azureml/base:1"))["manifest"]
    gone = read("manifest", about=subject("mcr.microsoft.com/azureml/gone:1"))["manifest"]
    assert value(there, Manifest).outcome == ManifestOutcome.FOUND
    assert value(gone, Manifest).outcome == ManifestOutcome.REPOSITORY_UNKNOWN


REALMS = [
    'Bearer realm="http://auth.docker.io/token",service="x"',
    'Bearer realm="https://auth.docker.io.evil.example/token",service="x"',
    'Bearer realm="https://user@auth.docker.io/token"',
    'Bearer realm="https://evil.example/?x=auth.docker.io"',
    'Bearer realm="https://[::1/token"',
    'Bearer realm="//auth.docker.io/token"',
    "Bearer service=x",
    'Basic realm="Registry"',
    "nonsense",
]


@pytest.mark.parametrize("challenge", REALMS)
def test_a_challenge_cannot_lead_us_elsewhere(begin: Begin, read: Read, reach: Reach, challenge: str) -> None:
    """Whatever a registry's challenge names, a token is fetched from its own issuer over https, or not at all."""
    azure = begin(world=HUB)
    reach.allowed_registries = frozenset({"docker.io"})
    azure.bend("registry-1.docker.io", "/v2/", json_answer(401, {}, (("WWW-Authenticate", challenge),)))
    fact = read("manifest", about=subject("python:3.11"))["manifest"]
    assert isinstance(fact, Unknown)
    assert not {"auth.docker.io", "evil.example", "auth.docker.io.evil.example"} & set(azure.hosts)


@pytest.mark.parametrize("reply", [GARBAGE, json_answer(200, {"token": 5}), json_answer(200, {"token": "a\r\nb"})])
def test_a_token_that_is_none_is_not_sent(begin: Begin, read: Read, reach: Reach, reply: Reply) -> None:
    """A page in place of a token, or one with line ends in it, ends the flow."""
    azure = begin(world=HUB)
    reach.allowed_registries = frozenset({"docker.io"})
    azure.bend("auth.docker.io", "/token", reply)
    assert isinstance(read("manifest", about=subject("python:3.11"))["manifest"], Unknown)


def test_a_client_of_another_registry_is_remembered(reach: Reach) -> None:
    """A worker keeps one client for each repository, and not without end."""
    first = reach.other_registry("mcr.microsoft.com", "azureml/base")
    assert isinstance(first, OciRegistry)
    assert reach.other_registry("mcr.microsoft.com", "azureml/base") is first
    for number in range(70):
        reach.other_registry("mcr.microsoft.com", f"azureml/base{number}")
    assert reach.other_registry("mcr.microsoft.com", "azureml/base") is not first
