"""The published list of causes: whole, consistent, and with ways out that no hostile name can break out of."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from typing import Any

import pytest
from diagnostic_samples import (
    AFTER,
    compute,
    custom_grant,
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
    run,
    symptom,
    tags,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.case import Case
from diagnostics.catalogue import CATALOGUE, NamedOnly
from diagnostics.causes._commands import az, bicep_text, grant_bicep, grant_command
from diagnostics.facts import ManifestOutcome, NameAvailability
from diagnostics.judging import all_causes, judge
from diagnostics.model import INSUFFICIENT_EVIDENCE, NOT_REGISTRY, Remedy, Status
from diagnostics.probing import all_probes
from diagnostics.signatures import rules
from diagnostics.verdicts import Judgement, Proof

# fmt: off
PUBLISHED = (
    "pull-role-missing", "pull-role-ignored-in-abac-mode", "repository-condition-excludes-image",
    "deny-assignment", "role-propagating", "pull-identity-absent", "pull-identity-unusable",
    "admin-user-disabled", "credentials-stale", "connection-credential-wrong", "service-principal-refused",
    "no-credential-sent", "registry-in-other-tenant", "aad-token-audience-disabled", "registry-absent",
    "repository-absent", "tag-absent", "replica-behind", "reference-malformed", "artifact-unreadable",
    "platform-absent", "base-image-retired", "layer-corrupt", "public-access-disabled", "address-not-allowed",
    "private-endpoint-not-approved", "private-name-unresolved", "data-endpoint-blocked", "egress-blocked",
    "trusted-services-off", "tls-intercepted", "region-mismatch", "replica-unavailable", "registry-throttled",
    "docker-hub-limit", "storage-quota-exceeded", "registry-outage", "encryption-key-unreachable",
    "node-disk-full", "pull-too-slow", "build-dependency-failed", "build-base-image-failed",
    "build-blocked-by-firewall", "build-tasks-not-permitted", "build-compute-missing",
    "build-definition-broken",
)
# fmt: on
"""The ids that are part of the contract: messages, stored incidents and people's rules name them."""

HUB = "docker.io/library/python:3.11"
SYMPTOMS = {rule.id for rule in rules()} | {INSUFFICIENT_EVIDENCE, NOT_REGISTRY}
HOSTILE = "x'; rm -rf / #$(id)`id`\"\n&& ${a} \\ | y"


def test_every_published_cause_is_there_once() -> None:
    """The list is whole, and no id is judged twice."""
    assert Counter(cause.id for cause in all_causes()) == Counter(PUBLISHED)


def test_an_entry_is_kept_under_its_own_id() -> None:
    """The list's keys are its entries' ids."""
    assert all(name == entry.id for name, entry in CATALOGUE.items())
    assert set(CATALOGUE) == set(PUBLISHED)


@pytest.mark.parametrize("cause", PUBLISHED)
def test_a_cause_explains_symptoms_that_there_are(cause: str) -> None:
    """What a cause explains is a published symptom, and it explains at least one."""
    found = next(candidate for candidate in all_causes() if candidate.id == cause)
    assert found.explains
    assert found.explains <= SYMPTOMS
    assert NOT_REGISTRY not in found.explains
    assert found.title


@pytest.mark.parametrize("cause", PUBLISHED)
def test_a_cause_needs_facts_that_there_are(cause: str) -> None:
    """What a cause is judged by is read by some probe, whose own needs are there too."""
    found = next(candidate for candidate in all_causes() if candidate.id == cause)
    assert set(found.needs) <= set(all_probes())


def test_a_signature_names_only_published_causes() -> None:
    """A text cannot name a cause that nobody judges."""
    named = {name for rule in rules() for signature in rule.signatures for name in signature.names}
    assert named <= set(PUBLISHED)


@pytest.mark.parametrize("cause", sorted(CATALOGUE))
def test_a_named_cause_goes_by_the_text_alone(cause: str) -> None:
    """A cause without a live check is unread, says so, and has a way out."""
    said = NamedOnly(CATALOGUE[cause]).judge(Case(evidence(symptom())))
    assert said is not None
    assert said.proof is Proof.UNREAD
    assert said.unchecked
    assert said.remedies[0].title == CATALOGUE[cause].way_out


def test_a_component_s_own_statement_confirms() -> None:
    """Where only the component can know it, its words are the fact, and they are quoted."""
    text = "toomanyrequests: You have reached your unauthenticated pull rate limit."
    shown = symptom("rate-limited", text, names=("docker-hub-limit",), decisive=True, emitter="Docker Hub")
    diagnosis = judge(evidence(shown, image=HUB))
    assert (diagnosis.verdict, diagnosis.status) == ("docker-hub-limit", Status.CONFIRMED)
    assert diagnosis.headline is not None
    assert text in diagnosis.headline.reasons[0]
    assert "Docker Hub" in diagnosis.headline.reasons[0]


def test_a_text_that_only_names_a_cause_makes_it_likely() -> None:
    """Without the component's own authority a named cause is not confirmed."""
    diagnosis = judge(evidence(symptom("rate-limited", names=("docker-hub-limit",)), image=HUB))
    assert (diagnosis.verdict, diagnosis.status) == ("docker-hub-limit", Status.LIKELY)


def test_nothing_is_singled_out_while_an_unjudged_cause_could_be_behind_it() -> None:
    """A bare 401 against an all-healthy world stays open: eliminations stop at causes nobody checks."""
    diagnosis = judge(evidence(symptom(), facts=healthy()))
    assert diagnosis.verdict == INSUFFICIENT_EVIDENCE


CORE = (
    "address-not-allowed",
    "admin-user-disabled",
    "public-access-disabled",
    "pull-identity-absent",
    "pull-role-ignored-in-abac-mode",
    "pull-role-missing",
    "pull-too-slow",
    "reference-malformed",
    "region-mismatch",
    "registry-absent",
    "repository-absent",
    "tag-absent",
)
"""The causes whose remedies are looked at here; a cause that comes new brings its own test."""

# --- remedies -----------------------------------------------------------------------------------------------

NO_ROLES = grants()
TAG = ManifestOutcome.TAG_UNKNOWN
GIB = 1024**3


def proofs(name: str) -> dict[str, Judgement]:
    """Return each judged cause proven in a world where everything that a person may name is called ``name``."""
    reg = {"id": f"/subscriptions/s/resourceGroups/{name}/providers/r/{name}", "name": name}
    image = "prosereg.azurecr.io/team/train:7"
    worlds: dict[str, tuple[str, dict[str, Any]]] = {
        "pull-role-missing": ("unauthorized", {"registry": lookup(registry(**reg)), "role_grants": NO_ROLES}),
        "pull-role-ignored-in-abac-mode": (
            "unauthorized",
            {"registry": lookup(registry(abac=True, **reg)), "role_grants": grants(grant())},
        ),
        "pull-identity-absent": (
            "unauthorized",
            {"registry": lookup(registry(**reg)), "compute": compute(name=name, identities=())},
        ),
        "admin-user-disabled": (
            "admin-user-disabled",
            {"registry": lookup(registry(**reg)), "role_grants": NO_ROLES},
        ),
        "registry-absent": (
            "dns",
            {
                "registry": no_registry(host=name, resembling=(name,), attached_missing=name),
                "registry_name": NameAvailability(name=name, available=True),
            },
        ),
        "repository-absent": (
            "repository-not-found",
            {"registry": lookup(registry(**reg)), "manifest": manifest(ManifestOutcome.REPOSITORY_UNKNOWN)},
        ),
        "tag-absent": (
            "tag-not-found",
            {"registry": lookup(registry(**reg)), "manifest": manifest(TAG), "tags": tags(name, "70")},
        ),
        "public-access-disabled": (
            "network-firewall",
            {"registry": lookup(registry(public_access=False, **reg))},
        ),
        "address-not-allowed": (
            "network-firewall",
            {"registry": lookup(registry(default_action="Deny", ip_rules=(name,), **reg))},
        ),
        "region-mismatch": (
            "pull-too-slow",
            {
                "registry": lookup(registry(**reg)),
                "compute": compute(region=name),
                "replicas": replicas("westus"),
            },
        ),
        "pull-too-slow": ("pull-too-slow", {"manifest": manifest(compressed_bytes=90 * GIB, layers=4)}),
        "reference-malformed": ("invalid-reference", {}),
    }
    found = {}
    for cause, (kind, changes) in worlds.items():
        shown = symptom(kind, captured={"address": "203.0.113.9", "timeout": "30m"})
        written = f"https://{name}/team:7" if cause == "reference-malformed" else image
        found[cause] = judged(cause, shown, facts=healthy(**changes), image=written)
    return found


@pytest.mark.parametrize("cause", CORE)
def test_a_proven_cause_has_a_headline_a_target_reasons_and_a_way_out(cause: str) -> None:
    """A confirmed finding is never without what to do and how it is known."""
    said = proofs("prosereg")[cause]
    assert said.proof is Proof.PROVEN
    assert said.headline
    assert said.target
    assert said.reasons
    assert said.remedies
    assert all(remedy.title for remedy in said.remedies)


@pytest.mark.parametrize("cause", CORE)
@pytest.mark.parametrize("name", [HOSTILE, "$(reboot)", "a b", "-o", "';--", "a\nb", "ü"])
def test_no_name_becomes_more_than_one_word_of_a_command(cause: str, name: str) -> None:
    """Read by a shell's rules, a command has as many words with a hostile name as with a plain one."""
    plain, hostile = proofs("plain")[cause].remedies, proofs(name)[cause].remedies
    for before, after in zip(plain, hostile, strict=True):
        assert len(shlex.split(before.command)) == len(shlex.split(after.command))
        assert not after.command or shlex.split(after.command)[0] == "az"
        assert unquoted(after.command) == unquoted(before.command)


def unquoted(command: str) -> str:
    """Return the characters outside of quotes that mean something to a shell."""
    outside = re.sub(r"'[^']*'|\"'\"", "", command)
    return "".join(character for character in outside if character in "$`;&|<>(){}#\n\\*?!")


@pytest.mark.parametrize("cause", CORE)
def test_bicep_stays_what_it_is_whatever_the_names(cause: str) -> None:
    """A snippet has the same lines and the same expressions with a hostile name as with a plain one."""
    for before, after in zip(proofs("plain")[cause].remedies, proofs(HOSTILE)[cause].remedies, strict=True):
        assert skeleton(after.bicep) == skeleton(before.bicep)


def skeleton(snippet: str) -> str:
    """Return a Bicep snippet without its comments and with every string literal emptied, escapes understood."""
    lines = [line for line in snippet.split("\n") if not line.lstrip().startswith("//")]
    return re.sub(r"'(?:\\.|[^'\\])*'", "''", "\n".join(lines))


@settings(max_examples=300)
@given(words=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), max_size=4))
def test_every_word_of_a_command_survives_the_shell(words: list[str]) -> None:
    """A POSIX shell reads back exactly the words that were put in."""
    assert shlex.split(az(*words)) == ["az", *words]


@settings(max_examples=300)
@given(value=st.text())
def test_a_bicep_string_stays_one_string(value: str) -> None:
    """No text ends its literal, opens an expression or starts a new line."""
    literal = bicep_text(value)
    assert re.fullmatch(r"'(?:\\.|[^'\\])*'", literal)
    assert "\n" not in literal
    assert not re.search(r"(?<!\\)(?:\\\\)*\$\{", literal)


@pytest.mark.parametrize("abac", [False, True])
def test_the_grant_is_that_of_the_registry_s_mode(*, abac: bool) -> None:
    """In each mode the command and the snippet grant the role that this mode honours."""
    found = registry(abac=abac)
    role = "Container Registry Repository Reader" if abac else "AcrPull"
    assert role in shlex.split(grant_command(found, "p1"))
    guid = grant(role).role_id
    assert grant_bicep(found, "p1").count(guid) == 2


def test_nothing_is_to_be_granted_that_is_there_by_now() -> None:
    """A right that came after the failure needs no command, only another run."""
    late = grants(grant(created_at=AFTER))
    said = judged("pull-role-missing", symptom(), facts=healthy(role_grants=late))
    assert said.remedies == (Remedy(title="Run again: the right has been granted since"),)


def test_a_custom_role_is_named_as_somebody_called_it() -> None:
    """A role's name is shown, and decides nothing."""
    held = grants(custom_grant(actions=("Microsoft.Compute/*",)))
    said = judged("pull-role-missing", symptom(), facts=healthy(role_grants=held))
    assert any("Our puller" in reason for reason in said.reasons)


def test_the_run_s_workspace_is_quoted_too() -> None:
    """Names that come from the event are arguments as well."""
    odd = run(workspace_id="/subscriptions/s/resourceGroups/a'b/providers/x/workspaces/w;w")
    said = judged("pull-identity-absent", symptom(), facts=healthy(compute=compute(identities=())), run=odd)
    words = shlex.split(said.remedies[0].command)
    assert {"a'b", "w;w"} <= set(words)
