"""The causes about where, how much and when: replicas, rates, quotas, outages, keys, disks; and the note on regions."""

from __future__ import annotations

from typing import Any

import pytest
from diagnostic_samples import (
    AFTER,
    BEFORE,
    compute,
    evidence,
    healthy,
    judged,
    lookup,
    no_registry,
    registry,
    replicas,
    symptom,
)

from diagnostics.facts import Replica, Replicas
from diagnostics.image_facts import RegistryLoad
from diagnostics.judging import judge
from diagnostics.model import Status, Unknown
from diagnostics.verdicts import Judgement, Proof

GIB = 1024**3
LOST = Unknown(reason="HTTP 403, AuthorizationFailed")
KEY = "https://prosekeys.vault.azure.net/keys/registry-key/0123"


def lost(said: Judgement) -> bool:
    """Return whether the cause is open and says what it did not see."""
    return said.proof is Proof.UNREAD and any("HTTP 403" in words for words in said.unchecked)


# --- replica-unavailable -------------------------------------------------------------------------------------


def replica(shown: str = "registry-unavailable", **state: Any) -> Judgement:
    """Judge the replica in the compute's region, in this state."""
    found = Replicas(replicas=(Replica(region="northeurope"), Replica(region="West Europe", **state)))
    facts = healthy(replicas=found, compute=compute(region="westeurope"))
    return judged("replica-unavailable", symptom(shown), facts=facts)


def test_a_replica_that_is_switched_off_is_proven_with_the_switch() -> None:
    """Portal, command and Bicep name the endpoint that has to be on."""
    said = replica(enabled=False)
    assert said.proof is Proof.PROVEN
    assert "switched off" in said.headline
    assert "--region-endpoint-enabled true" in said.remedies[0].command
    assert "regionEndpointEnabled: true" in said.remedies[0].bicep
    assert any("still served from northeurope" in reason for reason in said.reasons)


@pytest.mark.parametrize(
    "state", [{"provisioning_state": "Failed"}, {"status": "Failed"}, {"provisioning_state": "Creating"}]
)
def test_a_replica_that_is_not_ready_is_proven(state: dict[str, Any]) -> None:
    """Its own state says so."""
    assert replica(**state).proof is Proof.PROVEN


def test_a_replica_that_broke_after_the_failure_did_not_cause_it() -> None:
    """The state has a time."""
    assert replica(status="Failed", status_at=AFTER).proof is Proof.UNREAD
    assert replica(status="Failed", status_at=BEFORE).proof is Proof.PROVEN


def test_a_ready_replica_or_none_contradicts() -> None:
    """One that serves, even while it catches up, is not unavailable; where there is none, none can be."""
    assert replica(status="Syncing").proof is Proof.CONTRADICTED
    facts = healthy(compute=compute(region="uksouth"))
    assert judged("replica-unavailable", symptom("registry-unavailable"), facts=facts).proof is Proof.CONTRADICTED


@pytest.mark.parametrize("missing", ["replicas", "registry", "compute"])
def test_a_replica_that_nobody_saw_is_open(missing: str) -> None:
    """What was not seen is said."""
    assert lost(judged("replica-unavailable", symptom("registry-unavailable"), facts=healthy(**{missing: LOST})))


def test_a_disabled_replica_is_the_thing_to_change_not_the_region() -> None:
    """There is a replica in the compute's region, so the distance is its consequence."""
    found = Replicas(replicas=(Replica(region="northeurope"), Replica(region="westeurope", enabled=False)))
    facts = healthy(replicas=found, compute=compute(region="westeurope"))
    diagnosis = judge(evidence(symptom("region-mismatch"), facts=facts))
    assert diagnosis.verdict == "replica-unavailable"
    assert not any(finding.cause == "region-mismatch" for finding in diagnosis.also)


# --- registry-throttled and docker-hub-limit -----------------------------------------------------------------

BUSY = RegistryLoad(host="prosereg.azurecr.io", status=429, said="HTTP 429, TOOMANYREQUESTS", retry_after=52)
CALM = RegistryLoad(host="prosereg.azurecr.io", status=200, said="HTTP 200")
OWN = "GET https://prosereg.azurecr.io/v2/team/train/blobs/sha256:0: 429 Too Many Requests"
HUB = "toomanyrequests: You have reached your unauthenticated pull rate limit."


def limited(text: str = "toomanyrequests: slow down", **changes: Any) -> Any:
    """Return what a text about a rate says."""
    return symptom("rate-limited", text, **{"signature": "too-many-requests", **changes})


def throttled(shown: Any, **changes: Any) -> Judgement:
    """Judge whether the registry throttles."""
    return judged("registry-throttled", shown, facts=healthy(**{"registry_load": BUSY, **changes}))


@pytest.mark.parametrize(("sku", "rate"), [("Basic", "10,000"), ("Standard", "5,000"), ("Premium", "20,000")])
def test_a_registry_that_answers_us_429_is_proven_with_its_published_rate(sku: str, rate: str) -> None:
    """Its limits count for all of its callers together, and its SKU decides them."""
    said = throttled(limited(), registry=lookup(registry(sku=sku)))
    assert said.proof is Proof.PROVEN
    assert f"({sku})" in said.headline
    assert any(rate in reason for reason in said.reasons)
    assert any("52 s" in reason for reason in said.reasons)
    assert any("--sku Premium" in remedy.command for remedy in said.remedies) == (sku != "Premium")


def test_the_registry_s_own_429_in_the_log_is_proof() -> None:
    """It names itself; a bare 429 may be anybody's."""
    assert throttled(limited(OWN, signature="acr-throttled"), registry_load=CALM).proof is Proof.PROVEN
    other = OWN.replace("prosereg", "elsewhere")
    assert throttled(limited(other, signature="acr-throttled"), registry_load=CALM).proof is Proof.UNREAD
    assert throttled(limited(), registry_load=CALM).proof is Proof.UNREAD


@pytest.mark.parametrize("signature", ["docker-hub-limit", "cache-rule-source"])
def test_another_registry_s_limit_contradicts(signature: str) -> None:
    """Docker Hub's words, or those of a cache about its source, are not about this registry."""
    assert throttled(limited(HUB, signature=signature)).proof is Proof.CONTRADICTED


def test_a_load_that_nobody_saw_is_open() -> None:
    """What was not seen is said; without the registry's settings its answer still proves it."""
    assert lost(throttled(limited(), registry_load=LOST))
    assert throttled(limited(), registry=LOST).proof is Proof.PROVEN


def hub(shown: Any, **changes: Any) -> Judgement:
    """Judge whether Docker Hub's limit is used up."""
    image = changes.pop("image", "docker.io/team/base:1")
    facts = healthy(**{"registry": no_registry(host="docker.io"), "registry_load": LOST, **changes})
    return judged("docker-hub-limit", shown, facts=facts, image=image)


def test_docker_hub_s_own_words_are_the_proof() -> None:
    """Nobody else knows its limit; the way out is an import, a cache rule or a credential."""
    shown = limited(HUB, signature="docker-hub-limit", names=("docker-hub-limit",), decisive=True)
    said = hub(shown, registry=no_registry(host="docker.io", attached_login_server="prosereg.azurecr.io"))
    assert said.proof is Proof.PROVEN
    assert any("nobody was logged in" in reason for reason in said.reasons)
    assert said.remedies[0].command.startswith("az acr import --name prosereg --source docker.io/team/base:1")


def test_an_account_that_used_its_pulls_up_is_named() -> None:
    """The limit is the account's, and so is what has to change."""
    shown = limited(
        "You have reached your pull rate limit as 'ci'",
        signature="docker-hub-limit",
        names=("docker-hub-limit",),
        decisive=True,
        captured={"client": "ci"},
    )
    said = hub(shown)
    assert said.target == "ci"
    assert any("for ci" in reason for reason in said.reasons)


def test_an_image_of_another_registry_contradicts() -> None:
    """A bare 429 for an image of ours is not Docker Hub's; in a build or a cache it may be."""
    ours = "prosereg.azurecr.io/team/train:7"
    assert hub(limited(), image=ours).proof is Proof.CONTRADICTED
    assert hub(limited(file="azureml-logs/20_image_build_log.txt"), image=ours).proof is Proof.UNREAD
    assert hub(limited(signature="cache-rule-source"), image=ours).proof is Proof.UNREAD


def test_what_docker_hub_answers_us_proves_nothing() -> None:
    """Its limits count by address, and ours is another."""
    busy = RegistryLoad(host="docker.io", status=429, said="HTTP 429")
    assert hub(limited(), registry_load=busy).proof is Proof.UNREAD
    assert lost(hub(limited()))


# --- region-differs ------------------------------------------------------------------------------------------


def notes(shown: str = "unauthorized", **changes: Any) -> tuple[str, ...]:
    """Return the notes of a diagnosis."""
    return judge(evidence(symptom(shown), facts=healthy(**changes))).notes


def test_different_regions_are_a_note() -> None:
    """They break nothing: the note says slower and billed, once."""
    found = notes(compute=compute(region="West US 2"))
    assert len(found) == 1
    assert found[0].startswith("region-differs: cluster is in westus2, prosereg is served from northeurope")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"compute": compute(region="")},
        {"compute": compute(region="westeurope"), "replicas": replicas("northeurope", "West Europe")},
        {"compute": compute(region="westeurope"), "replicas": LOST},
        {"registry": LOST, "compute": compute(region="westeurope")},
    ],
)
def test_what_is_near_or_not_known_is_no_note(changes: dict[str, Any]) -> None:
    """A replica nearby, or regions that nobody saw, are nothing to note."""
    assert notes(**changes) == ()


def test_a_registry_that_can_have_no_replica_needs_no_look() -> None:
    """Only Premium has replicas."""
    assert notes(compute=compute(region="westeurope"), registry=lookup(registry(sku="Basic")), replicas=LOST)


def test_the_note_is_silent_where_the_region_is_the_verdict() -> None:
    """It would say the same twice."""
    diagnosis = judge(evidence(symptom("pull-too-slow"), facts=healthy(replicas=replicas("westus"))))
    assert (diagnosis.verdict, diagnosis.status) == ("region-mismatch", Status.CONFIRMED)
    assert diagnosis.notes == ()
