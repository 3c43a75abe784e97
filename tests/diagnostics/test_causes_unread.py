"""Every judged cause against the loss of each fact that it needs: it falls back, and says what was not seen."""

from __future__ import annotations

from typing import Any

import pytest
from diagnostic_samples import (
    compute,
    evidence,
    grant,
    grants,
    healthy,
    judged,
    lookup,
    manifest,
    no_registry,
    registry,
    replicas,
    symptom,
    visible,
    workspace,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.codec import evidence_from_json, to_json
from diagnostics.facts import ManifestOutcome, NameAvailability, PrivateEndpointConnection
from diagnostics.judging import all_causes, judge
from diagnostics.model import Evidence, Known, Status, Unknown
from diagnostics.probing import all_probes, fact_types
from diagnostics.verdicts import Proof

GIB = 1024**3
LOST = "HTTP 403, AuthorizationFailed"
PRIVATE = (PrivateEndpointConnection(name="pe", status="Approved"),)

WORLDS: dict[str, tuple[str, dict[str, Any]]] = {
    "pull-role-missing": ("unauthorized", healthy(role_grants=grants())),
    "pull-role-ignored-in-abac-mode": ("unauthorized", healthy(registry=lookup(registry(abac=True)))),
    "pull-identity-absent": ("unauthorized", healthy(compute=compute(identities=()))),
    "admin-user-disabled": ("admin-user-disabled", healthy(role_grants=grants())),
    "registry-absent": (
        "dns",
        healthy(registry=no_registry(), registry_name=NameAvailability(name="prosereg", available=True)),
    ),
    "repository-absent": ("repository-not-found", healthy(manifest=manifest(ManifestOutcome.REPOSITORY_UNKNOWN))),
    "tag-absent": ("tag-not-found", healthy(manifest=manifest(ManifestOutcome.TAG_UNKNOWN))),
    "public-access-disabled": (
        "network-firewall",
        healthy(registry=lookup(registry(public_access=False, private_endpoints=PRIVATE))),
    ),
    "address-not-allowed": (
        "network-firewall",
        healthy(registry=lookup(registry(default_action="Deny", private_endpoints=PRIVATE))),
    ),
    "region-mismatch": ("pull-too-slow", healthy(replicas=replicas("westus"))),
    "pull-too-slow": ("pull-too-slow", healthy(manifest=manifest(compressed_bytes=90 * GIB))),
    "reference-malformed": ("dns", healthy(registry=no_registry(attached_login_server="prosereg-a1b2c3.azurecr.io"))),
}
"""For each cause of the core a world that proves it; a cause that comes new brings its own test."""

IRRELEVANT = {
    ("admin-user-disabled", "compute"),  # the log's own words rely on the admin user
    ("admin-user-disabled", "role-grants"),
    ("admin-user-disabled", "role-visibility"),
    ("repository-absent", "registry"),  # only for the words
    ("repository-absent", "tags"),
    ("tag-absent", "registry"),
    ("tag-absent", "tags"),
    ("pull-too-slow", "registry"),
    ("pull-too-slow", "replicas"),
    ("pull-too-slow", "compute"),
    ("region-mismatch", "workspace"),
}
"""Facts that a cause reads to say more, or to be less sure, and that do not decide it alone."""

LOSSES = [
    (cause.id, need)
    for cause in all_causes()
    if cause.id in WORLDS
    for need in cause.needs
    if (cause.id, need) not in IRRELEVANT and need in WORLDS[cause.id][1]
]


def proof(cause: str, facts: dict[str, Any]) -> Any:
    """Return what the cause says of the world that should prove it, with ``facts`` in place of its own."""
    kind, _ = WORLDS[cause]
    return judged(cause, symptom(kind, captured={"address": "203.0.113.9", "timeout": "30m"}), facts=facts)


@pytest.mark.parametrize("cause", sorted(WORLDS))
def test_the_world_of_a_cause_proves_it(cause: str) -> None:
    """The loss of a fact means something only where having it decides."""
    assert proof(cause, WORLDS[cause][1]).proof is Proof.PROVEN


@pytest.mark.parametrize(("cause", "lost"), LOSSES)
def test_a_lost_fact_leaves_the_cause_unproven_and_says_so(cause: str, lost: str) -> None:
    """Without a deciding fact nothing is proven, nothing is ruled out, and what was not seen is named with its reason."""
    said = proof(cause, {**WORLDS[cause][1], lost: Unknown(reason=LOST)})
    if cause == "reference-malformed":
        assert said.proof is Proof.CONTRADICTED  # by the grammar, which needs nothing from outside
        return
    assert said.proof is Proof.UNREAD
    if lost in {"compute", "workspace"} and said.headline and "private endpoint" in said.unchecked[0]:
        return  # a private way cannot be excluded then
    assert any(all_probes()[lost].title in words and LOST in words for words in said.unchecked)


@pytest.mark.parametrize("cause", sorted(WORLDS))
def test_without_any_fact_nothing_is_confirmed_or_ruled_out(cause: str) -> None:
    """A text alone confirms no judged cause, and contradicts none but a reference that can be read."""
    kind, _ = WORLDS[cause]
    diagnosis = judge(evidence(symptom(kind)))
    found = {finding.cause: finding.status for finding in diagnosis.findings}
    assert found[cause] is not Status.CONFIRMED
    if cause != "reference-malformed":
        assert found[cause] is not Status.RULED_OUT


@pytest.mark.parametrize("cause", sorted(WORLDS))
def test_a_named_cause_falls_back_to_likely(cause: str) -> None:
    """What the text names and nobody could check is likely, and the verdict says what was not checked."""
    kind, _ = WORLDS[cause]
    if cause == "reference-malformed":
        return
    diagnosis = judge(evidence(symptom(kind, names=(cause,))))
    assert (diagnosis.verdict, diagnosis.status) == (cause, Status.LIKELY)
    assert diagnosis.headline is not None
    assert diagnosis.headline.unchecked


FACTS: dict[str, list[Any]] = {
    "workspace": [workspace(), workspace(isolation_mode="AllowInternetOutbound")],
    "compute": [compute(), compute(identities=()), compute(found=False), compute(kind="Serverless", region="")],
    "registry": [
        lookup(),
        lookup(registry(abac=True)),
        lookup(registry(admin_user_enabled=True, default_action=None)),
        lookup(registry(public_access=False, private_endpoints=PRIVATE)),
        lookup(registry(default_action="Deny", ip_rules=("x", "203.0.113.0/24"), quarantine=True)),
        no_registry(),
    ],
    "registry-name": [NameAvailability(name="p", available=True), NameAvailability(name="p", available=False)],
    "role-grants": [grants(), grants(grant()), grants(grant(created_at=None, condition="x"))],
    "role-visibility": [visible(), visible(readable=False)],
    "manifest": [manifest(ManifestOutcome.TAG_UNKNOWN), manifest(compressed_bytes=1), manifest()],
    "tags": [healthy()["tags"]],
    "replicas": [replicas("northeurope"), replicas()],
}
SYMPTOM_IDS = sorted({kind for cause in all_causes() for kind in cause.explains})
EVIDENCE = st.builds(
    lambda kind, names, facts, image, captured: evidence(
        symptom(kind, names=tuple(names), captured=captured), facts=facts, image=image
    ),
    st.sampled_from(SYMPTOM_IDS),
    st.lists(st.sampled_from(sorted(WORLDS)), max_size=2),
    st.fixed_dictionaries(
        {},
        optional={name: st.sampled_from([*values, Unknown(reason=LOST)]) for name, values in FACTS.items()},
    ),
    st.sampled_from([None, "prosereg.azurecr.io/team/train:7", "Bad//Ref:", "prosereg.azurecr.io/team/train"]),
    st.sampled_from([{}, {"address": "203.0.113.9"}, {"address": "x", "timeout": "1h"}, {"identity": "nobody"}]),
)


@settings(deadline=None, max_examples=300)
@given(told=EVIDENCE)
def test_any_evidence_gives_a_diagnosis_that_holds_together(told: Evidence) -> None:
    """Whatever facts are known or lost: no exception, no verdict without its finding, no confirmation without reasons."""
    diagnosis = judge(told)
    assert to_json(judge(evidence_from_json(to_json(told), fact_types()))) == to_json(diagnosis)
    ids = [finding.cause for finding in diagnosis.findings]
    assert len(ids) == len(set(ids))
    assert (diagnosis.headline is not None) == (diagnosis.status is not None)
    if diagnosis.headline is not None:
        assert diagnosis.findings[0] is diagnosis.headline
    for finding in diagnosis.findings:
        assert finding.headline
        if finding.status is Status.CONFIRMED:
            assert finding.reasons
            assert finding.remedies
        if finding.status is Status.RULED_OUT:
            assert finding.against
    confirmed = {finding.cause for finding in diagnosis.findings if finding.status is Status.CONFIRMED}
    assert not {"pull-role-missing", "pull-role-ignored-in-abac-mode"} <= confirmed


def test_a_fact_of_the_wrong_shape_is_as_good_as_unknown() -> None:
    """A value that is not what the probe promises is not read."""
    wrong = {name: Known(value="?", source="", vantage=fact.vantage, time=fact.time) for name, fact in known_facts()}
    diagnosis = judge(evidence(symptom(), facts=wrong))
    assert all(finding.status is not Status.CONFIRMED for finding in diagnosis.findings)


def known_facts() -> list[tuple[str, Known[Any]]]:
    """Return the facts of the healthy world."""
    told = evidence(facts=healthy()).facts
    return [(name, fact) for name, fact in told.items() if isinstance(fact, Known)]
