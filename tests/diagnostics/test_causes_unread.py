"""Every cause against evidence of any kind, and against none: nothing is confirmed, ruled out or named without a reason."""

from __future__ import annotations

from typing import Any

import pytest
from diagnostic_samples import (
    compute,
    evidence,
    grant,
    grants,
    healthy,
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
from diagnostics.probing import fact_types

GIB = 1024**3
LOST = "HTTP 403, AuthorizationFailed"
PRIVATE = (PrivateEndpointConnection(name="pe", status="Approved"),)

CAUSES = {cause.id: cause for cause in all_causes()}
BY_TEXT = {
    ("docker-hub-limit", "rate-limited"),  # the text shows whose limit it was
    ("replica-behind", "corrupt-layer"),  # a digest that differs is no blob that is not there yet
    ("reference-malformed", "invalid-reference"),  # the reference as written follows the grammar
    ("tls-intercepted", "tls"),  # the text shows the certificate's issuer, or that there is none
    *(("service-principal-refused", kind) for kind in CAUSES["service-principal-refused"].explains),  # Entra's code
}
"""What the line that proves the symptom decides alone, so that no fact is missed."""

SEEN = [
    (cause.id, kind) for cause in CAUSES.values() for kind in sorted(cause.explains) if (cause.id, kind) not in BY_TEXT
]


def bare(kind: str, *named: str) -> Evidence:
    """Return the evidence of a text alone, in which nothing was read; of the admin user by a client that tried all."""
    return evidence(symptom(kind, names=named, signature="admin-off" if kind == "admin-user-disabled" else "s"))


@pytest.mark.parametrize(("cause", "kind"), SEEN)
def test_without_any_fact_nothing_is_confirmed_or_ruled_out(cause: str, kind: str) -> None:
    """A bare text confirms no cause, and contradicts none that facts decide."""
    found = {finding.cause: finding for finding in judge(bare(kind)).findings}
    if cause in found:
        assert found[cause].status is not Status.CONFIRMED
        assert found[cause].status is not Status.RULED_OUT


@pytest.mark.parametrize(("cause", "kind"), SEEN)
def test_a_named_cause_falls_back_to_likely(cause: str, kind: str) -> None:
    """What the text names and nobody could check is likely, and the verdict says what was not checked."""
    diagnosis = judge(bare(kind, cause))
    assert (diagnosis.verdict, diagnosis.status) == (cause, Status.LIKELY)
    assert diagnosis.headline is not None
    assert diagnosis.headline.unchecked
    assert diagnosis.headline.remedies


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
    st.lists(st.sampled_from(sorted(CAUSES)), max_size=2),
    st.fixed_dictionaries(
        {},
        optional={name: st.sampled_from([*values, Unknown(reason=LOST)]) for name, values in FACTS.items()},
    ),
    st.sampled_from([None, "prosereg.azurecr.io/team/train:7", "Bad//Ref:", "prosereg.azurecr.io/team/train"]),
    st.sampled_from([{}, {"address": "203.0.113.9"}, {"address": "x", "timeout": "1h"}, {"identity": "nobody"}]),
)


@settings(max_examples=300)
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
