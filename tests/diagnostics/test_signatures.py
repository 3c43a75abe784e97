"""Every signature against its own samples, and the folder of symptoms against the published lists."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
import re2 as untyped_re2

from diagnostics.judging import all_causes
from diagnostics.signatures import CAPTURES, PROOF, Signature, SymptomRule, Weight, expand, rules

re2: Any = untyped_re2  # google-re2 has no types

PUBLISHED = {
    "unauthorized",
    "forbidden",
    "admin-user-disabled",
    "identity-misconfigured",
    "tag-not-found",
    "repository-not-found",
    "registry-not-found",
    "invalid-reference",
    "network-firewall",
    "network-timeout",
    "dns",
    "tls",
    "region-mismatch",
    "rate-limited",
    "registry-unavailable",
    "storage-limit",
    "image-build-failed",
    "disk-full",
    "architecture-mismatch",
    "corrupt-layer",
    "artifact-locked",
    "deprecated-image",
    "pull-too-slow",
    "insufficient-evidence",
    "not-registry",
}

CAUSES = {cause.id for cause in all_causes()}

SIGNATURES = [pytest.param(s, id=f"{rule.id}/{s.id}") for rule in rules() for s in rule.signatures]


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_signature_keeps_to_its_samples(signature: Signature) -> None:
    """A signature matches every text it says it accepts and none that it says it rejects."""
    pattern = re2.compile(signature.expression)
    assert [text for text in signature.accepts if not pattern.search(text)] == []
    assert [text for text in signature.rejects if pattern.search(text)] == []


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_signature_ignores_case(signature: Signature) -> None:
    """What a component shouts or mumbles is still recognised."""
    pattern = re2.compile(signature.expression)
    assert pattern.search(signature.accepts[0].upper())
    assert pattern.search(signature.accepts[0].lower())


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_signature_is_well_formed(signature: Signature) -> None:
    """A signature has several samples, groups from the vocabulary only, and causes that exist."""
    groups = set(re2.compile(signature.expression).groupindex)
    assert len(signature.accepts) >= 2
    assert len(signature.rejects) >= 2
    assert groups <= {*CAPTURES, PROOF}
    assert set(signature.names) <= CAUSES


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_refusal_alone_is_never_decisive(signature: Signature) -> None:
    """A 401 or 403, whose reasons are many, never confirms a cause by itself."""
    bare = ["HTTP 401 Unauthorized", "403 Forbidden", "unauthorized: authentication required", "denied"]
    pattern = re2.compile(signature.expression)
    assert not (signature.decisive and any(pattern.search(text) for text in bare))


def test_no_two_signatures_share_an_id() -> None:
    """An id names one signature, so that a stored symptom can be traced to the pattern that found it."""
    ids = Counter(signature.id for rule in rules() for signature in rule.signatures)
    assert [name for name, times in ids.items() if times > 1] == []


def test_every_published_symptom_has_its_file() -> None:
    """The folder holds every symptom that was ever published; a new one is a new file."""
    assert PUBLISHED - {rule.id for rule in rules()} == set()


def test_only_not_registry_claims_places() -> None:
    """Foreign signatures stand in one file, and everything in that file is foreign."""
    assert {rule.id for rule in rules() for s in rule.signatures if s.foreign} == {"not-registry"}
    assert all(s.foreign for rule in rules() if rule.id == "not-registry" for s in rule.signatures)


def test_wrappers_name_no_cause() -> None:
    """A text that only says that an image failed to come never names why."""
    told = [s.id for rule in rules() for s in rule.signatures if s.weight >= Weight.WRAPPER and s.names]
    assert told == []


def test_a_blank_stands_for_any_white_space() -> None:
    """A pattern matches across a wrapped line, and an optional blank may be absent."""
    assert re2.search(expand("pull access denied"), "pull\n    access denied")
    assert re2.search(expand("rate ?limit"), "ratelimit")


def test_a_named_value_becomes_a_group() -> None:
    """A name of the vocabulary captures the value of its shape."""
    match = re2.search(expand("manifest for %image% not found"), "manifest for contoso.azurecr.io/a:9 not found")
    assert match.group("image") == "contoso.azurecr.io/a:9"


def test_an_unknown_name_is_refused() -> None:
    """A misspelt name in a pattern fails at once instead of matching nothing."""
    with pytest.raises(KeyError):
        expand("manifest for %imgae%")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.id)
def test_a_rule_has_a_title_and_signatures(rule: SymptomRule) -> None:
    """Every symptom can be named to a person and can be found."""
    assert re.fullmatch(r"[A-Z5][^\n]*", rule.title)
    assert rule.signatures
