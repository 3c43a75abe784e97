"""The causes about a registry that is full, not well, or without its key, and about full disks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from diagnostic_samples import (
    AFTER,
    BEFORE,
    FAILED,
    healthy,
    judged,
    lookup,
    manifest,
    registry,
    symptom,
)

from diagnostics.image_facts import EncryptionKey, NodeDisk, RegistryHealth, RegistryLoad, Usage, Usages
from diagnostics.model import Unknown
from diagnostics.verdicts import Judgement, Proof

GIB = 1024**3
LOST = Unknown(reason="HTTP 403, AuthorizationFailed")
KEY = "https://prosekeys.vault.azure.net/keys/registry-key/0123"


def lost(said: Judgement) -> bool:
    """Return whether the cause is open and says what it did not see."""
    return said.proof is Proof.UNREAD and any("HTTP 403" in words for words in said.unchecked)


# --- storage-quota-exceeded ----------------------------------------------------------------------------------


def quota(used: int, limit: int = 100, shown: str = "storage-limit", **changes: Any) -> Judgement:
    """Judge a registry that holds ``used`` of ``limit`` GiB."""
    size = Usages(usages=(Usage(name="Size", used=used * GIB, limit=limit * GIB if limit > 0 else limit),))
    names = changes.pop("names", ())
    return judged("storage-quota-exceeded", symptom(shown, names=names), facts=healthy(**{"usage": size, **changes}))


def test_a_counter_at_its_limit_is_proven() -> None:
    """The registry's own number, with the SKU."""
    said = quota(100)
    assert said.proof is Proof.PROVEN
    assert "100.0 GiB of the 100.0 GiB" in said.reasons[0]
    assert "--dry-run" in said.remedies[0].command


@pytest.mark.parametrize(
    ("used", "limit", "shown", "proof"),
    [
        (97, 100, "storage-limit", Proof.UNREAD),
        (97, 100, "artifact-locked", Proof.CONTRADICTED),
        (20, 100, "storage-limit", Proof.CONTRADICTED),
        (20, -1, "storage-limit", Proof.CONTRADICTED),
        (100, 100, "artifact-locked", Proof.PROVEN),
    ],
)
def test_how_full_it_is_decides(used: int, limit: int, shown: str, proof: Proof) -> None:
    """Nearly full may have been full, for usage is counted with a delay; room contradicts."""
    assert quota(used, limit, shown).proof is proof


def test_a_limit_that_the_text_names_may_have_been_relieved_since() -> None:
    """Somebody purged: compatible, and no more."""
    assert quota(20, names=("storage-quota-exceeded",)).proof is Proof.COMPATIBLE


@pytest.mark.parametrize("missing", ["usage", "registry"])
def test_usage_that_nobody_saw_is_open(missing: str) -> None:
    """What was not seen is said."""
    changes: dict[str, Any] = {missing: LOST}
    said = quota(100, **changes)
    assert said.proof is Proof.UNREAD
    assert lost(said) or missing == "registry"


# --- registry-outage -----------------------------------------------------------------------------------------

CALM = RegistryLoad(host="prosereg.azurecr.io", status=200, said="HTTP 200")
FAILING = RegistryLoad(host="prosereg.azurecr.io", status=503, said="HTTP 503, UNAVAILABLE")
WELL = RegistryHealth(state="Available", since=BEFORE)


def outage(shown: str = "registry-unavailable", **changes: Any) -> Judgement:
    """Judge whether the registry is well."""
    facts = healthy(**{"registry_health": WELL, "registry_load": CALM, **changes})
    return judged("registry-outage", symptom(shown), facts=facts)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        (
            {"registry_health": RegistryHealth(state="Unavailable", since=BEFORE, summary="storage")},
            "Unavailable since",
        ),
        ({"registry_health": RegistryHealth(state="Degraded")}, "Degraded"),
        ({"registry_load": FAILING}, "HTTP 503"),
        ({"registry": lookup(registry(provisioning_state="Failed"))}, "Failed"),
    ],
)
def test_azure_s_word_or_a_5xx_to_us_too_is_proven(changes: dict[str, Any], word: str) -> None:
    """Each of the three is enough."""
    said = outage(**changes)
    assert said.proof is Proof.PROVEN
    assert any(word in reason for reason in said.reasons)


def test_an_outage_since_the_failure_is_not_its_cause() -> None:
    """Resource Health dates its state."""
    assert outage(registry_health=RegistryHealth(state="Unavailable", since=AFTER)).proof is Proof.UNREAD


def test_a_registry_that_is_well_again_leaves_it_open() -> None:
    """A 5xx that has passed cannot be seen; a time-out on a healthy registry speaks for something else."""
    assert outage().proof is Proof.UNREAD
    assert outage("network-timeout").proof is Proof.COMPATIBLE


def test_a_broken_key_is_the_thing_to_change() -> None:
    """The 5xx follows from it."""
    broken = EncryptionKey(key_id=KEY, key="disabled", identity="usable")
    assert outage(registry_load=FAILING, encryption_key=broken).proof is Proof.CONTRADICTED


@pytest.mark.parametrize("missing", ["registry_health", "registry_load"])
def test_health_that_nobody_saw_is_open(missing: str) -> None:
    """What was not seen is said."""
    changes: dict[str, Any] = {missing: LOST}
    assert lost(outage(**changes))


# --- encryption-key-unreachable ------------------------------------------------------------------------------

ENCRYPTED = lookup(registry(encryption_key=KEY))


def key(found: Any, **changes: Any) -> Judgement:
    """Judge the registry's encryption."""
    facts = healthy(**{"registry": ENCRYPTED, "encryption_key": found, **changes})
    return judged("encryption-key-unreachable", symptom("registry-unavailable"), facts=facts)


@pytest.mark.parametrize(
    ("state", "word", "command"),
    [
        ({"key": "disabled", "identity": "usable"}, "key is disabled", "set-attributes"),
        ({"key": "gone", "identity": "usable"}, "key is gone", "key recover"),
        ({"key": "gone", "vault_gone": True}, "vault is deleted", "keyvault recover"),
        ({"key": "expired", "identity": "usable"}, "expired", "key rotate"),
        ({"key": "usable", "identity": "gone", "identity_name": "id-key"}, "id-key is gone", "acr encryption show"),
    ],
)
def test_a_broken_key_or_identity_is_proven_with_its_repair(state: dict[str, Any], word: str, command: str) -> None:
    """Each state has its own way out."""
    said = key(EncryptionKey(key_id=KEY, **state))
    assert said.proof is Proof.PROVEN
    assert word in said.headline
    assert any(command in remedy.command for remedy in said.remedies)


@pytest.mark.parametrize(
    ("key_id", "words"),
    [(KEY, ["--name", "registry-key", "--version", "0123"]), (KEY.rpartition("/")[0], ["--name", "registry-key"])],
)
def test_the_version_that_is_disabled_is_the_one_to_enable(key_id: str, words: list[str]) -> None:
    """The Azure CLI enables the newest version unless it is told another."""
    command = key(EncryptionKey(key_id=key_id, key="disabled", identity="usable")).remedies[0].command.split()
    at = command.index("--name")
    assert command[at:] == [*words, "--enabled", "true"]


def test_a_key_that_is_there_may_still_be_out_of_reach() -> None:
    """The vault's firewall and policies are not read, so nothing is ruled out."""
    assert key(EncryptionKey(key_id=KEY, key="usable", identity="usable")).proof is Proof.UNREAD


def test_a_key_changed_after_the_failure_is_not_its_cause_yet() -> None:
    """It may have been enabled then."""
    changed = EncryptionKey(key_id=KEY, key="disabled", identity="usable", changed_at=FAILED + timedelta(minutes=1))
    assert key(changed).proof is Proof.UNREAD


def test_microsoft_s_own_key_contradicts() -> None:
    """Without a key of one's own there is none to lose."""
    assert key(EncryptionKey(key_id=""), registry=lookup()).proof is Proof.CONTRADICTED


def test_a_key_that_nobody_saw_is_open() -> None:
    """What was not seen is said."""
    assert lost(key(LOST))
    assert lost(key(LOST, registry=LOST))


# --- node-disk-full ------------------------------------------------------------------------------------------

DISK = NodeDisk(vm_size="Standard_NC6", os_disk=120 * GIB, resource_disk=64 * GIB)


def disk(size: int = 60, shown: Any = None, **changes: Any) -> Judgement:
    """Judge an image of ``size`` GiB against the node's disks."""
    facts = healthy(**{"manifest": manifest(compressed_bytes=size * GIB), "node_disk": DISK, **changes})
    return judged("node-disk-full", shown or symptom("disk-full", names=("node-disk-full",)), facts=facts)


def test_the_node_s_own_statement_is_the_proof() -> None:
    """Only it knows its disk; size and disks are told beside it, if known."""
    shown = symptom("disk-full", "write /x: no space left on device", names=("node-disk-full",), decisive=True)
    said = disk(shown=shown)
    assert said.proof is Proof.PROVEN
    assert any("60.0 GiB compressed" in reason for reason in said.reasons)
    assert disk(shown=shown, manifest=LOST, node_disk=LOST).proof is Proof.PROVEN


def test_an_image_larger_than_every_disk_is_proven() -> None:
    """The larger disk is the bound, and the compressed size the least that it takes."""
    assert disk(121).proof is Proof.PROVEN
    assert disk(119).proof is Proof.UNREAD


def test_a_build_s_disk_is_another() -> None:
    """What filled up while building is not the compute's disk."""
    shown = symptom(
        "disk-full", "no space left on device", names=("node-disk-full",), decisive=True, file="20_image_build_log.txt"
    )
    assert "while the image was built" in disk(shown=shown).headline


@pytest.mark.parametrize("missing", ["manifest", "node_disk", "compute"])
def test_a_disk_that_nobody_saw_is_open(missing: str) -> None:
    """What was not seen is said."""
    assert lost(disk(60, **{missing: LOST}))
