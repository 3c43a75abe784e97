"""The causes about the way, the distance and the time: public access, addresses, regions, size."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from diagnostic_samples import (
    AFTER,
    FAILED,
    REGISTRY,
    compute,
    details,
    evidence,
    healthy,
    judged,
    lookup,
    manifest,
    registry,
    replicas,
    symptom,
    workspace,
)

from diagnostics.causes.pull_too_slow import LARGE, ORDINARY_RATE
from diagnostics.facts import Manifest, ManifestOutcome, PrivateEndpointConnection, Registry, Replica, Replicas
from diagnostics.judging import judge
from diagnostics.model import Known, Status, Unknown, Vantage
from diagnostics.verdicts import Judgement, Proof

GIB = 1024**3
SUBNET = "/subscriptions/s/virtualNetworks/v/subnets/nodes"


def endpoint(status: str) -> tuple[PrivateEndpointConnection, ...]:
    """Return one private endpoint connection."""
    return (PrivateEndpointConnection(name="pe-prosereg", status=status),)


# --- public-access-disabled ---------------------------------------------------------------------------------


def public(changes: dict[str, Any] | None = None, **facts: Any) -> Judgement:
    """Judge the registry's public access, off unless stated otherwise."""
    world = healthy(registry=lookup(registry(**{"public_access": False, **(changes or {})})), **facts)
    return judged("public-access-disabled", symptom("network-firewall"), facts=world)


def test_no_public_access_and_no_private_endpoint_is_proven() -> None:
    """Nothing leads in at all."""
    said = public()
    assert said.proof is Proof.PROVEN
    assert said.target == f"public access of {REGISTRY.lower()}"
    assert "leaves the default at Deny" in said.remedies[1].detail
    assert "publicNetworkAccess: 'Enabled'" in said.remedies[1].bicep


@pytest.mark.parametrize("status", ["Approved", "Pending", "Rejected", "Disconnected"])
def test_a_private_endpoint_of_any_state_may_be_the_compute_s_way(status: str) -> None:
    """A compute in a network may go privately, so the endpoint is the thing to look at first."""
    said = public({"private_endpoints": endpoint(status)}, compute=compute(subnet=SUBNET))
    assert said.proof is Proof.UNREAD
    assert status in said.unchecked[0]


def test_an_endpoint_cannot_serve_a_compute_in_no_network() -> None:
    """A cluster in no virtual network has no private way, whatever endpoints there are."""
    said = public({"private_endpoints": endpoint("Approved")})
    assert said.proof is Proof.PROVEN
    assert "no virtual network" in said.reasons[1]


@pytest.mark.parametrize(
    "facts",
    [
        {"workspace": workspace(isolation_mode="AllowOnlyApprovedOutbound")},
        {"compute": compute(kind="Kubernetes")},
        {"compute": Unknown(reason="refused")},
        {"workspace": Unknown(reason="refused")},
        {"compute": compute(found=False)},
    ],
)
def test_a_network_that_is_not_known_may_be_private(facts: dict[str, Any]) -> None:
    """A managed network, another kind of compute or an unread fact leaves the private way open."""
    assert public({"private_endpoints": endpoint("Approved")}, **facts).proof is Proof.UNREAD


def test_public_access_that_is_on_contradicts() -> None:
    """It is on, and has been."""
    assert public({"public_access": True}).proof is Proof.CONTRADICTED


def test_public_access_switched_on_since_does_not_contradict() -> None:
    """Settings that are newer than the failure say nothing of how it was then."""
    said = public({"public_access": True, "changed_at": AFTER})
    assert said.proof is Proof.UNREAD
    assert "2026-10-05 09:50" in said.unchecked[0]


def test_public_access_switched_off_since_is_not_confirmed() -> None:
    """A registry that was closed after the failure may have been open before."""
    said = public({"changed_at": AFTER})
    assert said.proof is Proof.UNREAD
    assert "off now, but prosereg was changed on 2026-10-05 09:50 UTC" in said.unchecked[0]
    assert said.remedies


def test_a_build_s_way_is_another() -> None:
    """What stopped an image build is not judged as a compute's pull."""
    world = healthy(registry=lookup(registry(public_access=False)))
    shown = symptom("network-firewall", file="azureml-logs/20_image_build_log.txt")
    assert judged("public-access-disabled", shown, facts=world).proof is Proof.UNREAD


# --- address-not-allowed ------------------------------------------------------------------------------------


def address(seen: str | None, *rules: str, **changes: Any) -> Judgement:
    """Judge an address that the log shows against the rules of a registry that denies by default."""
    facts = changes.pop("facts", {})
    settings = {"default_action": "Deny", "ip_rules": rules, **changes}
    shown = symptom("network-firewall", captured={"address": seen} if seen else {})
    return judged("address-not-allowed", shown, facts=healthy(registry=lookup(registry(**settings)), **facts))


@pytest.mark.parametrize(
    ("seen", "rules"),
    [
        ("203.0.113.9", ()),
        ("203.0.113.9", ("203.0.113.8",)),
        ("203.0.113.9", ("203.0.112.0/24", "198.51.100.0/22")),
        ("2001:db8::9", ("203.0.113.0/24",)),
        ("2001:db8::9", ("2001:db9::/32",)),
        ("203.0.113.9", ("nonsense", "", "300.0.0.1", "203.0.113.9/99")),
    ],
)
def test_an_address_in_no_rule_is_proven(seen: str, rules: tuple[str, ...]) -> None:
    """Neither addresses nor ranges cover it; a rule that cannot be read covers nothing."""
    said = address(seen, *rules)
    assert said.proof is Proof.PROVEN
    assert said.target == f"{seen} on {REGISTRY.lower()}"
    assert seen in said.headline
    assert f"--ip-address {seen}" in said.remedies[0].command
    assert f"'{seen}'" in said.remedies[0].bicep


@pytest.mark.parametrize(
    ("seen", "rule"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9", "203.0.113.0/24"),
        ("203.0.113.9", "203.0.113.200/24"),
        ("203.0.113.9", "0.0.0.0/0"),
        ("2001:db8::9", "2001:db8::/32"),
    ],
)
def test_an_address_that_a_rule_covers_contradicts(seen: str, rule: str) -> None:
    """A rule for it, plain or as a range with or without host bits, lets it in."""
    said = address(seen, "nonsense", rule)
    assert said.proof is Proof.CONTRADICTED
    assert rule in said.against[0]


@pytest.mark.parametrize(("changed", "word"), [(AFTER, "since the failure"), (None, "does not say when")])
def test_a_rule_that_may_be_new_does_not_contradict(changed: Any, word: str) -> None:
    """A registry changed since, or without a date, may have got the rule after the failure."""
    said = address("203.0.113.9", "203.0.113.9", changed_at=changed)
    assert said.proof is Proof.UNREAD
    assert word in said.unchecked[0]


@pytest.mark.parametrize("seen", ["somewhere", "203.0.113.0/24", "1.2.3.4.5", "-1"])
def test_what_is_no_address_is_not_compared(seen: str) -> None:
    """A capture that is no address proves nothing."""
    assert address(seen, "203.0.113.0/24").proof is Proof.UNREAD


def test_without_the_address_it_is_open() -> None:
    """Our own address would say nothing, so none is put in its place."""
    said = address(None)
    assert said.proof is Proof.UNREAD
    assert "does not show the address" in said.unchecked[0]


@pytest.mark.parametrize("action", ["Allow", "allow", None])
def test_a_registry_that_lets_everybody_in_contradicts(action: str | None) -> None:
    """Rules count only where the default is to deny; a SKU without rules has none."""
    assert address("203.0.113.9", default_action=action).proof is Proof.CONTRADICTED


def test_a_registry_opened_since_does_not_contradict() -> None:
    """The default may have been to deny when the run failed."""
    assert address("203.0.113.9", default_action="Allow", changed_at=AFTER).proof is Proof.UNREAD


def test_rules_do_not_count_where_public_access_is_off() -> None:
    """Then another cause is the one."""
    assert address("203.0.113.9", public_access=False).proof is Proof.CONTRADICTED


def test_a_private_endpoint_may_be_the_way_that_was_meant() -> None:
    """A compute in a network with an endpoint should perhaps not have come by that address."""
    said = address("203.0.113.9", private_endpoints=endpoint("Approved"), facts={"compute": compute(subnet=SUBNET)})
    assert said.proof is Proof.UNREAD


def test_a_trusted_service_may_have_been_the_client() -> None:
    """Where the bypass for trusted services is off, the client may have been one."""
    assert address("203.0.113.9", trusted_services=False).proof is Proof.UNREAD


def test_an_image_build_s_address_does_not_last() -> None:
    """A build's refusal is not answered with a rule for an address that changes."""
    shown = symptom("network-firewall", file="azureml-logs/20_image_build_log.txt", captured={"address": "203.0.113.9"})
    world = healthy(registry=lookup(registry(default_action="Deny")))
    assert judged("address-not-allowed", shown, facts=world).proof is Proof.UNREAD


# --- region-mismatch ----------------------------------------------------------------------------------------


def region(shown: str = "pull-too-slow", **facts: Any) -> Judgement:
    """Judge the distance; the registry is served from another region unless stated otherwise."""
    return judged("region-mismatch", symptom(shown), facts=healthy(**{"replicas": replicas("westus"), **facts}))


@pytest.mark.parametrize("shown", ["pull-too-slow", "region-mismatch"])
def test_a_far_registry_and_a_slow_transfer_are_proven(shown: str) -> None:
    """Only both together: no replica near, and a transfer under way that was too slow."""
    said = region(shown)
    assert said.proof is Proof.PROVEN
    assert said.target == f"northeurope of {REGISTRY.lower()}"
    assert "westus" in said.reasons[0]
    assert "--location northeurope" in said.remedies[0].command


@pytest.mark.parametrize("shown", ["network-timeout", "unauthorized"])
def test_distance_alone_breaks_nothing(shown: str) -> None:
    """Different regions without a slow transfer are no cause."""
    assert region(shown).proof is Proof.COMPATIBLE


@pytest.mark.parametrize("near", ["northeurope", "North Europe", "NORTHEUROPE"])
def test_a_replica_in_the_compute_s_region_contradicts(near: str) -> None:
    """Regions are compared whatever way Azure writes them."""
    assert region(replicas=replicas("westus", near)).proof is Proof.CONTRADICTED


def test_a_compute_without_a_region_cannot_be_far() -> None:
    """Serverless has no region of its own to compare."""
    assert region(compute=compute(kind="Serverless", region="")).proof is Proof.UNREAD


def test_a_replica_that_is_not_ready_is_another_cause() -> None:
    """A replica that is there and not ready does not make the registry far."""
    broken = Replicas(replicas=(Replica(region="northeurope", provisioning_state="Failed", enabled=False),))
    assert region(replicas=broken).proof is Proof.CONTRADICTED


# --- pull-too-slow ------------------------------------------------------------------------------------------


def slow(size: int | None, timeout: str | None = None, *, took: timedelta | None = None) -> Judgement:
    """Judge an image of ``size`` compressed bytes that was given the time that the log or the run shows."""
    started = FAILED - took if took is not None else None
    shown = symptom("pull-too-slow", captured={"timeout": timeout} if timeout else {})
    told = details(started_at=started, ended_at=FAILED)
    return judged("pull-too-slow", shown, facts=healthy(manifest=manifest(compressed_bytes=size)), details=told)


@pytest.mark.parametrize(
    ("size", "timeout"),
    [(LARGE, "10m"), (30 * GIB, "30m0s"), (30 * GIB, "30 minutes"), (16 * GIB, "1800"), (GIB, "60s"), (GIB, "1m0s")],
)
def test_a_size_that_asks_for_too_much_is_proven(size: int, timeout: str) -> None:
    """The size within the stated time asks for more than an ordinary rate, and the yardstick is stated."""
    said = slow(size, timeout)
    assert said.proof is Proof.PROVEN
    assert "GiB" in said.headline
    assert "8 MiB a second is not to be expected" in said.reasons[-1]


@pytest.mark.parametrize(
    ("size", "timeout"),
    [(GIB, "1h0m0s"), (GIB, "1 hour"), (4 * GIB, "30m"), (GIB, "2hr"), (GIB, "1h30m"), (40 * GIB, "2h")],
)
def test_a_size_that_an_ordinary_pull_keeps_up_proves_nothing(size: int, timeout: str) -> None:
    """The rate that it asks for is an ordinary one."""
    said = slow(size, timeout)
    assert said.proof is Proof.COMPATIBLE
    assert "ordinary" in said.reasons[0]


def test_exactly_the_ordinary_rate_is_too_much() -> None:
    """The yardstick itself counts as not kept up."""
    assert slow(ORDINARY_RATE * 600, "600").proof is Proof.PROVEN
    assert slow(ORDINARY_RATE * 600 - 600, "600").proof is Proof.COMPATIBLE


@pytest.mark.parametrize("timeout", ["soon", "1e3", "m", "10 parsecs", ""])
def test_a_time_that_cannot_be_read_is_no_time(timeout: str) -> None:
    """An unreadable time falls back to the size alone."""
    assert slow(LARGE - 1, timeout).proof is not Proof.PROVEN
    assert slow(LARGE, "soon").proof is Proof.PROVEN


def test_the_run_s_own_time_counts_from_ten_minutes_on() -> None:
    """A short run's clock does not start with the pull, so it tells nothing."""
    assert slow(30 * GIB - 1, took=timedelta(minutes=30)).proof is Proof.PROVEN
    assert slow(2 * GIB, took=timedelta(seconds=30)).proof is Proof.COMPATIBLE
    assert "not known" in slow(2 * GIB, took=timedelta(minutes=-3)).reasons[0]


def test_milliseconds_are_no_minutes() -> None:
    """``900ms`` is under a second."""
    assert slow(GIB, "900ms").proof is Proof.PROVEN


def test_without_a_size_it_is_open() -> None:
    """A manifest without sizes, or none at all, leaves it open."""
    assert slow(None).proof is Proof.UNREAD
    absent: Manifest = manifest(ManifestOutcome.TAG_UNKNOWN)
    assert judged("pull-too-slow", symptom("pull-too-slow"), facts=healthy(manifest=absent)).proof is Proof.UNREAD


def test_size_is_the_headline_and_distance_its_also() -> None:
    """Where both explain it, the size leads and the region is confirmed also."""
    world = healthy(manifest=manifest(compressed_bytes=60 * GIB), replicas=replicas("westus"))
    diagnosis = judge(evidence(symptom("pull-too-slow", captured={"timeout": "30m"}), facts=world))
    assert (diagnosis.verdict, diagnosis.status) == ("pull-too-slow", Status.CONFIRMED)
    assert [finding.cause for finding in diagnosis.also] == ["region-mismatch"]


def test_what_we_saw_ourselves_is_said_to_be_seen_from_here() -> None:
    """A fact that was read over the responder's own network is marked so in the checks."""
    seen = Known(value=manifest(), source="the registry", vantage=Vantage.RESPONDER_NETWORK, time=FAILED)
    checks = judge(evidence(symptom(), facts=healthy(manifest=seen))).checks
    assert [line for line in checks if "seen from the responder's network" in line] != []


def test_the_sample_registry_is_open() -> None:
    """The healthy world of these tests really is one, so that each change is what is tested."""
    plain: Registry = registry()
    assert plain.public_access
    assert not plain.denies_by_default
