"""The probes of images against failing registries and keys: whatever goes wrong becomes words."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from azure_wire import (
    CUT,
    GARBAGE,
    MANAGER,
    REGISTRY,
    SERVER,
    Begin,
    BentSandbox,
    Read,
    arm_error,
    json_answer,
)
from diagnostic_samples import subject, value

from diagnostics.image_facts import (
    EncryptionKey,
    Quarantine,
)
from diagnostics.model import Known, Unknown
from diagnostics.probing import all_probes
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


# --- the encryption key --------------------------------------------------------------------------------------


def key(begin: Begin, read: Read, **world: Any) -> EncryptionKey:
    """Return what is read of the key in a world with an encrypted registry."""
    begin(world={"registries": [ENCRYPTED], "key_vaults": VAULTS, **world})
    found: EncryptionKey = value(read("encryption-key")["encryption-key"], EncryptionKey)
    return found


def test_without_a_key_of_one_s_own_there_is_nothing_to_look_up(azure: BentSandbox, read: Read) -> None:
    """Microsoft's own key needs no call."""
    assert value(read("encryption-key")["encryption-key"], EncryptionKey).key_id == ""
    assert azure.asked("KeyVault") == 0


def test_a_key_that_is_there_is_usable(begin: Begin, read: Read) -> None:
    """Key and identity exist, and the vault's own host is never contacted."""
    found = key(begin, read)
    assert (found.key, found.identity, found.broken) == ("usable", "usable", ())
    assert found.identity_name == "prosereg-key"


def test_a_disabled_key_is_told(begin: Begin, read: Read) -> None:
    """The key's own attribute says so."""
    found = key(begin, read, key_vaults=[{"name": VAULT, "keys": [{"name": "registry-key", "enabled": False}]}])
    assert found.broken == ("the key is disabled",)


@pytest.mark.parametrize(
    ("used", "broken"),
    [("/v1", ("the key is disabled",)), ("/v2", ()), ("/v3", ("the key is gone",)), ("", ())],
)
def test_the_version_that_the_registry_names_decides(
    begin: Begin, read: Read, used: str, broken: tuple[str, ...]
) -> None:
    """A registry pinned to a version cannot use another one; without a version it follows the newest."""
    versions = [{"version": "v1", "enabled": False}, {"version": "v2"}]
    named = {"keyIdentifier": f"https://{VAULT}.vault.azure.net/keys/registry-key{used}", "identity": "c-1"}
    found = key(
        begin,
        read,
        registries=[{**ENCRYPTED, "encryption": {"status": "enabled", "keyVaultProperties": named}}],
        key_vaults=[{"name": VAULT, "keys": [{"name": "registry-key", "versions": versions}]}],
    )
    assert found.broken == broken


@pytest.mark.parametrize(
    "key_id",
    [
        f"https://{VAULT}.managedhsm.azure.net/keys/registry-key/0123",
        f"https://{VAULT}.vault.azure.cn/keys/registry-key",
        f"https://{VAULT}.other.vault.azure.net/keys/registry-key",
        f"https://{VAULT}.vault.azure.net/secrets/registry-key",
        f"https://{VAULT}.vault.azure.net/keys/registry-key/0123/more",
    ],
)
def test_a_key_that_is_no_vault_s_is_not_looked_up_among_vaults(begin: Begin, read: Read, key_id: str) -> None:
    """A managed HSM, another cloud's vault or no key at all: a vault of the same name says nothing of it."""
    named = {"keyIdentifier": key_id, "identity": "c-1"}
    registries = [{**ENCRYPTED, "encryption": {"status": "enabled", "keyVaultProperties": named}}]
    begin(world={"registries": registries, "key_vaults": []})
    fact = read("encryption-key")["encryption-key"]
    assert isinstance(fact, Unknown)
    assert "not that of a key vault" in fact.reason


def test_a_key_that_is_gone_is_told(begin: Begin, read: Read) -> None:
    """The vault is there without it."""
    assert key(begin, read, key_vaults=[{"name": VAULT, "keys": [{"name": "other"}]}]).broken == ("the key is gone",)


@pytest.mark.parametrize("state", ["deleted", "purged"])
def test_a_vault_that_is_gone_is_told(begin: Begin, read: Read, state: str) -> None:
    """It stands among the deleted ones, or its name is free again."""
    found = key(begin, read, key_vaults=[{"name": VAULT, "state": state}])
    assert found.vault_gone
    assert found.broken == ("the key vault is deleted",)


@pytest.mark.parametrize(("attributes", "state"), [({"exp": 1}, "expired"), ({"nbf": 2**33}, "not-yet-valid")])
def test_a_key_out_of_its_time_is_told(begin: Begin, read: Read, attributes: dict[str, int], state: str) -> None:
    """Keys have a beginning and an end."""
    azure = begin(world={"registries": [ENCRYPTED], "key_vaults": VAULTS})
    azure.bend(MANAGER, "/keys/registry-key", json_answer(200, {"properties": {"attributes": attributes}}))
    assert value(read("encryption-key")["encryption-key"], EncryptionKey).key == state


def test_a_deleted_identity_is_told(begin: Begin, read: Read) -> None:
    """The registry still names it; the resource is gone."""
    gone = {"type": "UserAssigned", "user_assigned": [{"id": IDENTITY, "state": "deleted"}]}
    found = key(begin, read, registries=[{**ENCRYPTED, "identity": gone}])
    assert found.broken == ("the identity prosereg-key is gone",)


def test_what_is_broken_is_told_though_the_other_half_is_unread(begin: Begin, read: Read) -> None:
    """A disabled key is a fact even where identities may not be read."""
    disabled = [{"name": VAULT, "keys": [{"name": "registry-key", "enabled": False}]}]
    azure = begin(world={"registries": [ENCRYPTED], "key_vaults": disabled})
    azure.bend(MANAGER, "/userAssignedIdentities/", arm_error(403))
    assert value(read("encryption-key")["encryption-key"], EncryptionKey).broken == ("the key is disabled",)


@pytest.mark.parametrize("place", ["/KeyVault/vaults$", "/keys/registry-key", "/userAssignedIdentities/"])
def test_a_half_that_may_not_be_read_leaves_the_whole_unknown(begin: Begin, read: Read, place: str) -> None:
    """Where one half is whole and the other unread nothing is known."""
    azure = begin(world={"registries": [ENCRYPTED], "key_vaults": VAULTS})
    azure.bend(MANAGER, place.replace("/KeyVault", r"/Microsoft\.KeyVault"), arm_error(403, "AuthorizationFailed"))
    fact = read("encryption-key")["encryption-key"]
    assert isinstance(fact, Unknown)
    assert "403" in fact.reason


def test_a_vault_that_we_cannot_see_is_not_taken_for_deleted(begin: Begin, read: Read) -> None:
    """Its name is taken and it is in no list: it may be in a subscription of somebody else's."""
    azure = begin(world={"registries": [ENCRYPTED], "key_vaults": VAULTS})
    azure.bend(MANAGER, r"/Microsoft\.KeyVault/vaults$", json_answer(200, {"value": []}))
    fact = read("encryption-key")["encryption-key"]
    assert isinstance(fact, Unknown)
    assert "no subscription that we can list" in fact.reason


# --- what goes wrong -----------------------------------------------------------------------------------------

PLACES: dict[str, tuple[str, str]] = {
    "artifact": (SERVER, "/acr/v1/"),
    "layers": (SERVER, "/blobs/"),
    "usage": (MANAGER, "/listUsages"),
    "registry-health": (MANAGER, "/Microsoft.ResourceHealth/"),
    "registry-load": (SERVER, "/manifests/"),
    "encryption-key": (MANAGER, r"/Microsoft\.KeyVault/"),
    "node-disk": (MANAGER, "/vmSizes"),
}
WRONG: dict[str, Reply] = {
    "401": arm_error(401, "InvalidAuthenticationToken"),
    "403": arm_error(403, "AuthorizationFailed"),
    "429": arm_error(429, "TooManyRequests"),
    "500": arm_error(500, "InternalServerError"),
    "503": arm_error(503, "ServiceUnavailable"),
    "garbage": GARBAGE,
    "a list": json_answer(200, ["nonsense"]),
    "null": json_answer(200, None),
    "a cut": CUT,
}
ANSWERS = {
    ("registry-load", "429"),  # here they are what was asked for
    ("registry-load", "500"),
    ("registry-load", "503"),
    ("registry-load", "garbage"),  # it answers, whatever it says
    ("registry-load", "a list"),
    ("registry-load", "null"),
    ("layers", "garbage"),  # a body is of no concern to a question about the head
    ("layers", "a list"),
    ("layers", "null"),
}
TRIED = [(name, wrong) for name in sorted(PLACES) for wrong in sorted(WRONG) if (name, wrong) not in ANSWERS]


@pytest.mark.parametrize(("name", "wrong"), TRIED)
def test_whatever_goes_wrong_becomes_an_unknown_with_its_reason(
    begin: Begin, read: Read, name: str, wrong: str
) -> None:
    """No probe raises and none invents; a refusal names the right that is missing."""
    azure = begin(world={"registries": [ENCRYPTED], "key_vaults": VAULTS})
    azure.bend(*PLACES[name], WRONG[wrong])
    fact = read(name)[name]
    assert isinstance(fact, Unknown), fact
    assert fact.reason
    assert "\n" not in fact.reason
    assert azure.sentinel not in fact.reason
    if wrong in {"401", "403"}:
        assert fact.missing_action in all_probes()[name].actions
        assert wrong in fact.reason


@pytest.mark.parametrize("name", sorted(set(PLACES) - {"encryption-key"}))
def test_a_404_of_something_else_is_no_answer(azure: BentSandbox, read: Read, name: str) -> None:
    """Not found says something only in the registry's own words."""
    azure.bend(*PLACES[name], arm_error(404, "ResourceNotFound"))
    fact = read(name)[name]
    if name == "registry-load":
        assert isinstance(fact, Known)
    else:
        assert isinstance(fact, Unknown)
        assert re.search("404", fact.reason)


@pytest.mark.parametrize("name", sorted(set(PLACES) - {"node-disk"}))
def test_what_needs_a_registry_says_so_where_there_is_none(azure: BentSandbox, read: Read, name: str) -> None:
    """A host of no registry of ours is never contacted."""
    fact = read(name, about=subject("registry.example.com/team/train:7"))[name]
    assert isinstance(fact, Unknown)
    assert "registry.example.com" not in azure.hosts


@pytest.mark.parametrize("name", ["artifact", "layers", "registry-load"])
def test_without_a_reference_nobody_is_asked(azure: BentSandbox, read: Read, name: str) -> None:
    """A reference that does not parse leads to no request to the registry."""
    about = replace(subject(), image=None, image_text="Bad//Ref")
    assert isinstance(read(name, about=about)[name], Unknown)
    assert SERVER not in azure.hosts


# --- the quarantine ------------------------------------------------------------------------------------------


def test_where_nothing_can_be_hidden_the_quarantine_is_not_asked_about(azure: BentSandbox, read: Read) -> None:
    """The registry has its quarantine off, so no list of manifests is read."""
    assert not value(read("quarantine")["quarantine"], Quarantine).holds_back
    assert azure.asked("/_manifests") == 0


def test_a_list_that_is_refused_leaves_the_quarantine_unknown(begin: Begin, read: Read) -> None:
    """Whether the tag is hidden or missing is not seen then, and the words say why."""
    held = image("8", quarantine_state="Quarantined")
    on = {"registries": [{"name": "prosereg", "policies": {"quarantinePolicy": "enabled"}}], **held}
    begin(world=on)
    about = subject(f"{SERVER}/team/train:8")
    assert value(read("quarantine", about=about)["quarantine"], Quarantine).holds_back
    begin(world=on).bend(SERVER, "/_manifests", arm_error(401, "UNAUTHORIZED"))
    lost = read("quarantine", about=about)["quarantine"]
    assert isinstance(lost, Unknown)
    assert "401" in lost.reason
