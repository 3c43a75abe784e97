"""Who asked and who answered: trusted services, inspected certificates; and what a rule's destination holds."""

from __future__ import annotations

from typing import Any

import pytest
from diagnostic_samples import AFTER, SERVER, compute, evidence, identity, judged, symptom, workspace
from hypothesis import given
from hypothesis import strategies as st
from network_samples import LOGIN, OPEN, by_service, lets, refusal, route, through, timeout, world

from diagnostics.causes._destinations import Destination, covers_port, names_host
from diagnostics.causes._said import _address, is_private
from diagnostics.judging import judge
from diagnostics.model import Status, Symptom, Unknown
from diagnostics.network_facts import OutboundAddresses
from diagnostics.verdicts import Judgement, Proof

LOST = Unknown(reason="HTTP 403, AuthorizationFailed", missing_action="Microsoft.Network/x/read")


# --- trusted-services-off -----------------------------------------------------------------------------------


def trusted(shown: Symptom, **facts: Any) -> Judgement:
    """Judge the bypass of a registry that denies by default, switched off unless stated otherwise."""
    settings = {"public_access": True, "trusted_services": False, **facts.pop("settings", {})}
    own = workspace(identities=(identity(),))
    return judged("trusted-services-off", shown, facts=world(settings=settings, **{"workspace": own, **facts}))


def test_a_service_that_was_refused_without_the_bypass_is_proven() -> None:
    """Azure ML's own service asked with a system-assigned identity."""
    said = trusted(by_service())
    assert said.proof is Proof.PROVEN
    assert "--allow-trusted-services true" in said.remedies[0].command
    assert "networkRuleBypassOptions" in said.remedies[0].bicep


def test_a_service_that_misses_a_right_was_not_refused_by_a_rule() -> None:
    """Azure ML names the right, so the bypass is not what it was refused for."""
    text = "The endpoint identity does not have pull permission on the registry"
    shown = symptom("forbidden", text, signature="endpoint-lacks-pull", emitter="Azure ML online endpoints")
    assert trusted(shown).proof is Proof.COMPATIBLE


@pytest.mark.parametrize(
    ("shown", "facts", "proof"),
    [
        (by_service(), {"settings": {"trusted_services": True}}, Proof.CONTRADICTED),
        (by_service(), {"settings": {"trusted_services": True, "changed_at": AFTER}}, Proof.UNREAD),
        (by_service(), {"settings": {"default_action": "Allow"}}, Proof.CONTRADICTED),
        (by_service(), {"workspace": workspace(identities=(identity(kind="user-assigned"),))}, Proof.COMPATIBLE),
        (by_service(), {"workspace": LOST}, Proof.UNREAD),
        (refusal(), {}, Proof.CONTRADICTED),
        (refusal(), {"compute": compute()}, Proof.UNREAD),
        (refusal(), {"outbound_addresses": LOST}, Proof.UNREAD),
        (refusal(), {"outbound_addresses": OutboundAddresses(addresses=("203.0.113.9",))}, Proof.CONTRADICTED),
        (timeout(), {}, Proof.CONTRADICTED),
    ],
)
def test_a_node_is_no_trusted_service(shown: Symptom, facts: dict[str, Any], proof: Proof) -> None:
    """Who asked decides; where the text does not show it, nothing is claimed."""
    assert trusted(shown, **facts).proof is proof


# --- tls-intercepted ----------------------------------------------------------------------------------------


def refused_certificate(issuer: str | None = None, host: str = SERVER) -> Symptom:
    """Return a refused certificate, with its issuer where the client names it."""
    text = f'Get "https://{host}/v2/": x509: certificate signed by unknown authority'
    if issuer is None:
        return symptom("tls", text, signature="certificate-refused")
    return symptom("tls", text, captured={"issuer": issuer}, names=("tls-intercepted",), decisive=True)


def tls(shown: Symptom, **facts: Any) -> Judgement:
    """Judge a refused certificate."""
    return judged("tls-intercepted", shown, facts=world(settings=OPEN, **facts))


INSPECTING = lets("*.azurecr.io", opens_tls=True)
INSPECTED = through(INSPECTING, authority="proseware-ca")
PAST_IT = through(INSPECTING, routes=(route(), route("20.0.0.0/8", "Internet")), authority="proseware-ca")


def test_a_private_issuer_in_the_log_is_proven() -> None:
    """Only the client knows who signed what it was shown."""
    said = tls(refused_certificate("Proseware Gateway CA"))
    assert said.proof is Proof.PROVEN
    assert said.target == f"Proseware Gateway CA for {SERVER}"


@pytest.mark.parametrize("issuer", ["DigiCert Global Root G2", "Microsoft Azure RSA TLS Issuing CA 07"])
def test_a_public_issuer_is_no_interception(issuer: str) -> None:
    """Then the client's own list of authorities is old."""
    assert tls(refused_certificate(issuer)).proof is Proof.CONTRADICTED


def test_a_team_s_own_registry_may_have_its_own_authority() -> None:
    """A private issuer means nothing where the host was never public."""
    assert tls(refused_certificate("Proseware CA", "registry.proseware.example")).proof is Proof.UNREAD


def test_a_firewall_that_opens_tls_is_proven_without_the_issuer() -> None:
    """The text says that the authority is unknown, the firewall on the way signs by itself."""
    said = tls(refused_certificate(), **INSPECTED)
    assert said.proof is Proof.PROVEN
    assert "proseware-ca" in said.headline
    assert "fw-hub" in said.reasons[0]


@pytest.mark.parametrize(
    ("shown", "facts", "proof"),
    [
        (refused_certificate(), through(lets("*.azurecr.io"), authority="proseware-ca"), Proof.UNREAD),
        (refused_certificate(), {}, Proof.UNREAD),
        (refused_certificate(), PAST_IT, Proof.UNREAD),
        (symptom("tls", f"{LOGIN}x509: certificate has expired"), INSPECTED, Proof.COMPATIBLE),
        (symptom("tls", f"{LOGIN}remote error: tls: handshake failure"), INSPECTED, Proof.COMPATIBLE),
    ],
)
def test_other_refusals_of_a_certificate_prove_nothing(shown: Symptom, facts: dict[str, Any], proof: Proof) -> None:
    """A rule that does not decrypt, no firewall, a route that may go past it, an expired certificate, a handshake."""
    assert tls(shown, **facts).proof is proof


def test_a_firewall_beside_the_issuer_is_a_further_reason() -> None:
    """It says where to exempt the registry."""
    said = tls(refused_certificate("proseware-ca"), **INSPECTED)
    assert len(said.reasons) == 2
    assert "Firewall Policies > p" in said.remedies[0].detail


# --- worlds that prove --------------------------------------------------------------------------------------

CASES: dict[str, tuple[Symptom, dict[str, Any]]] = {
    "trusted-services-off": (
        by_service(),
        world(
            settings={"public_access": True, "trusted_services": False},
            workspace=workspace(identities=(identity(),)),
        ),
    ),
    "tls-intercepted": (
        refused_certificate(),
        world(settings=OPEN, **INSPECTED),
    ),
}
"""For each cause a world that proves it."""


@pytest.mark.parametrize("cause", sorted(CASES))
def test_these_worlds_prove_their_cause(cause: str) -> None:
    """And it is the verdict, with nothing confirmed beside it."""
    shown, facts = CASES[cause]
    assert judged(cause, shown, facts=facts).proof is Proof.PROVEN
    diagnosis = judge(evidence(shown, facts=facts))
    assert (diagnosis.verdict, diagnosis.status) == (cause, Status.CONFIRMED)
    assert diagnosis.also == ()


def test_a_build_s_way_is_another() -> None:
    """What stopped an image build is not judged as a compute's pull."""
    shown = symptom("network-firewall", "denied", file="azureml-logs/20_image_build_log.txt")
    assert trusted(shown).proof is Proof.UNREAD


# --- destinations -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("10.1.2.3", True),
        ("172.31.0.1", True),
        ("192.168.9.9", True),
        ("100.64.0.1", True),
        ("fd00::1", True),
        ("203.0.113.9", False),
        ("20.50.1.1", False),
        ("2603:1020::1", False),
    ],
)
def test_private_addresses_are_those_of_private_networks(address: str, private: bool) -> None:  # noqa: FBT001
    """Python's own word for private counts in ranges that no network uses."""
    found = _address(address)
    assert found is not None
    assert is_private(found) is private


@given(st.text(max_size=40))
def test_no_place_of_a_rule_breaks_the_comparison(place: str) -> None:
    """Whatever stands in a rule, it holds, does not hold, or cannot be told."""
    assert Destination(host=SERVER).within(place) in (True, False, None)
    assert covers_port([place]) in (True, False)
    assert names_host([place], SERVER) in (True, False)


@given(st.integers(0, 65535), st.integers(0, 65535))
def test_a_range_of_ports_holds_what_lies_between(low: int, high: int) -> None:
    """Both ends count."""
    assert covers_port([f"{low}-{high}"]) is (low <= 443 <= high)
