"""The causes about which image: registry, repository, tag, and the reference as it was written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from diagnostic_samples import (
    AFTER,
    BEFORE,
    FAILED,
    IMAGE,
    REGISTRY,
    SERVER,
    evidence,
    healthy,
    judged,
    lookup,
    manifest,
    no_registry,
    registry,
    symptom,
    tags,
)

from diagnostics.case import Case
from diagnostics.facts import ManifestOutcome, NameAvailability, TagDetail, Tags
from diagnostics.judging import all_causes, judge
from diagnostics.model import Status, Unknown
from diagnostics.verdicts import Judgement, Proof

TAG, REPOSITORY = ManifestOutcome.TAG_UNKNOWN, ManifestOutcome.REPOSITORY_UNKNOWN
FREE = NameAvailability(name="prosereg", available=True)
TAKEN = NameAvailability(name="prosereg", available=False, reason="AlreadyExists")
BUILDING = "azureml-logs/20_image_build_log.txt"


def tag(outcome: str = TAG, shown: str = "tag-not-found", image: str = IMAGE, **changes: Any) -> Judgement:
    """Judge the tag against the registry's answer."""
    return judged("tag-absent", symptom(shown), facts=healthy(manifest=manifest(outcome), **changes), image=image)


def silent(cause: str, shown: Any, **changes: Any) -> bool:
    """Return whether a cause has nothing to say."""
    found = next(candidate for candidate in all_causes() if candidate.id == cause)
    return found.judge(Case(evidence(shown, **changes))) is None


# --- tag-absent ---------------------------------------------------------------------------------------------


def test_the_registry_s_own_answer_is_the_proof() -> None:
    """The registry says that it does not know the tag, and what there is instead is shown, nearest first."""
    said = tag(tags=tags("70", "17", "latest"), image=f"{SERVER}/team/train:7")
    assert said.proof is Proof.PROVEN
    assert said.target == IMAGE
    assert said.headline == "prosereg has no tag 7 in team/train"
    assert "MANIFEST_UNKNOWN" in said.reasons[0]
    assert any(reason.startswith("newest tags there: 70 (2026-09-05)") for reason in said.reasons)
    assert said.remedies[0].title.startswith("Use a tag that is there, such as")


def test_near_spellings_are_shown() -> None:
    """A slip of the keyboard is answered with the tag that was meant."""
    said = tag(tags=tags("v2026.10", "v2026.9", "nightly"), image=f"{SERVER}/team/train:v2026-10")
    assert "v2026.10" in said.remedies[0].title


def test_a_tag_unlike_all_others_gets_no_advice_to_use_another() -> None:
    """Nothing near is nothing suggested."""
    assert "such as" not in tag(tags=tags("nightly")).remedies[0].title


def test_a_tag_that_was_never_written_is_said_to_be_implied() -> None:
    """Who wrote no tag asked for latest without knowing it."""
    said = tag(image=f"{SERVER}/team/train")
    assert any("latest was implied" in reason for reason in said.reasons)
    assert "latest" in said.headline


def test_a_digest_is_called_a_digest() -> None:
    """A digest that is gone is no missing tag, and no tag is near it."""
    said = tag(image=f"{SERVER}/team/train@sha256:{'a' * 64}")
    assert "no digest sha256:" in said.headline
    assert not any("nearest" in reason for reason in said.reasons)


@pytest.mark.parametrize("found", [Unknown(reason="HTTP 429"), Tags(newest=(), complete=True)])
def test_without_a_list_of_tags_the_proof_stands(found: Any) -> None:
    """The list is for the reader; the answer about the tag decides."""
    assert tag(tags=found).proof is Proof.PROVEN


def test_quarantine_makes_not_found_mean_nothing() -> None:
    """A quarantined tag reads as not found to everybody, us included."""
    said = tag(registry=lookup(registry(quarantine=True)))
    assert said.proof is Proof.UNREAD
    assert "quarantine" in said.unchecked[0]


def test_an_unknown_repository_is_not_a_missing_tag() -> None:
    """The larger thing that is missing is the cause."""
    assert tag(REPOSITORY).proof is Proof.CONTRADICTED


def test_a_tag_that_is_there_contradicts() -> None:
    """It is there, and was made before the failure."""
    assert tag(ManifestOutcome.FOUND).proof is Proof.CONTRADICTED


def test_a_tag_made_after_the_failure_was_missing_then() -> None:
    """Fixed since: the tag came too late."""
    said = tag(ManifestOutcome.FOUND, tags=tags("7", created_at=AFTER))
    assert said.proof is Proof.PROVEN
    assert "2026-10-05 09:50" in said.reasons[0]
    assert said.remedies[0].title.startswith("Run again")


@pytest.mark.parametrize("made", [None, BEFORE, FAILED])
def test_a_tag_whose_making_is_not_later_was_there(made: Any) -> None:
    """Without a later time there is no case against a tag that exists."""
    assert tag(ManifestOutcome.FOUND, tags=tags("7", created_at=made)).proof is Proof.CONTRADICTED


def test_a_tag_that_moved_since_was_there_before() -> None:
    """The time of making counts, not that of the last push."""
    moved = Tags(newest=(TagDetail(name="7", created_at=BEFORE, moved_at=AFTER),), complete=True)
    assert tag(ManifestOutcome.FOUND, tags=moved).proof is Proof.CONTRADICTED


def test_a_late_tag_explains_only_a_text_about_tags() -> None:
    """A 401 is not explained by a tag's age."""
    late = tags("7", created_at=AFTER)
    assert tag(ManifestOutcome.FOUND, "unauthorized", tags=late).proof is Proof.CONTRADICTED


@pytest.mark.parametrize("cause", ["tag-absent", "repository-absent"])
def test_what_was_being_built_is_not_there_yet(cause: str) -> None:
    """While an image is built its absence from the registry says nothing."""
    assert silent(cause, symptom("tag-not-found", file=BUILDING), facts=healthy(manifest=manifest(TAG)))


# --- repository-absent --------------------------------------------------------------------------------------


def test_an_unknown_repository_is_proven_by_the_registry() -> None:
    """The registry's NAME_UNKNOWN decides."""
    said = judged("repository-absent", symptom("repository-not-found"), facts=healthy(manifest=manifest(REPOSITORY)))
    assert said.proof is Proof.PROVEN
    assert said.target == f"{SERVER}/team/train"
    assert "NAME_UNKNOWN" in said.reasons[0]
    assert "az acr repository list" in said.remedies[0].command


@pytest.mark.parametrize("outcome", [TAG, ManifestOutcome.FOUND])
def test_a_repository_that_answers_for_itself_contradicts(outcome: str) -> None:
    """A registry that knows the repository rules the cause out."""
    said = judged("repository-absent", symptom("repository-not-found"), facts=healthy(manifest=manifest(outcome)))
    assert said.proof is Proof.CONTRADICTED


@pytest.mark.parametrize("cause", ["tag-absent", "repository-absent"])
def test_a_refusal_says_nothing_of_the_image(cause: str) -> None:
    """A registry that we may not ask leaves both open, with its words."""
    refused = Unknown(reason="the registry answered HTTP 401", missing_action="x/pull/read")
    said = judged(cause, symptom("tag-not-found"), facts=healthy(manifest=refused))
    assert said.proof is Proof.UNREAD
    assert "HTTP 401" in said.unchecked[0]


def test_a_missing_tag_behind_a_missing_repository_is_one_fault() -> None:
    """Only the repository is confirmed, as the headline."""
    told = evidence(symptom("repository-not-found"), facts=healthy(manifest=manifest(REPOSITORY)))
    diagnosis = judge(told)
    assert diagnosis.verdict == "repository-absent"
    assert diagnosis.also == ()


# --- registry-absent ----------------------------------------------------------------------------------------


def absent(**changes: Any) -> Judgement:
    """Judge the registry's absence."""
    values: dict[str, Any] = {"registry": no_registry(), "registry_name": FREE} | changes
    return judged("registry-absent", symptom("dns"), facts=healthy(**values))


def test_a_name_that_is_free_and_in_no_list_is_proven() -> None:
    """Both together show it: no list has the registry, and Azure would give its name away."""
    said = absent()
    assert said.proof is Proof.PROVEN
    assert said.target == SERVER
    assert "2 subscription(s)" in said.reasons[0]
    assert "free in Azure" in said.reasons[1]
    assert said.remedies


def test_a_name_that_is_taken_may_be_another_s() -> None:
    """Absent from our lists alone is not enough."""
    said = absent(registry_name=TAKEN)
    assert said.proof is Proof.COMPATIBLE
    assert "taken" in said.reasons[0]


def test_a_registry_that_is_there_contradicts() -> None:
    """It exists."""
    assert absent(registry=lookup()).proof is Proof.CONTRADICTED


def test_a_registry_like_it_is_suggested() -> None:
    """A name that is nearly right is shown."""
    said = absent(registry=no_registry(resembling=("prosreg.azurecr.io",)))
    assert said.remedies[0].title == "Check the spelling: prosreg.azurecr.io exists"


def test_a_workspace_that_points_to_a_deleted_registry_is_told_so() -> None:
    """The workspace's own registry is gone: attach one, and build again."""
    said = absent(registry=no_registry(attached_missing=REGISTRY))
    assert any(REGISTRY in reason for reason in said.reasons)
    assert any("Attach" in remedy.title for remedy in said.remedies)


@pytest.mark.parametrize("missing", ["registry", "registry_name"])
def test_without_either_fact_it_is_open(missing: str) -> None:
    """A list or a name check that failed leaves it open, and says which."""
    said = absent(**{missing: Unknown(reason="the registry's lists: HTTP 503")})
    assert said.proof is Proof.UNREAD
    assert "HTTP 503" in said.unchecked[0]


# --- reference-malformed ------------------------------------------------------------------------------------


def reference(written: str | None, shown: str = "invalid-reference", **changes: Any) -> Judgement:
    """Judge the reference as it was written."""
    return judged("reference-malformed", symptom(shown), facts=healthy(**changes), image=written)


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("prosereg.azurecr.io/Team/Train:7", "repository"),
        ("https://prosereg.azurecr.io/team/train:7", "registry"),
        ("prosereg.azurecr.io/team/train:7:8", "tag"),
        ("prosereg.azurecr.io/team/train:-7", "tag"),
        ("prosereg.azurecr.io/team train:7", ""),
        ("prosereg.azurecr.io//train:7", ""),
        ("prosereg.azurecr.io/team/train@sha256:12", "digest"),
    ],
)
def test_what_breaks_the_grammar_is_proven_with_the_part(written: str, word: str) -> None:
    """The reference itself is the proof, and the part that is wrong is named."""
    said = reference(written)
    assert said.proof is Proof.PROVEN
    assert said.target == written
    assert said.reasons[0] == f"written: {written}"
    assert word in said.headline


def test_a_doubled_host_that_no_registry_has_is_proven() -> None:
    """The login server written twice leads to a name that nobody has."""
    said = reference(f"{SERVER}/{SERVER}/team/train:7", "dns", registry=no_registry(attached_login_server=SERVER))
    assert said.proof is Proof.PROVEN


@pytest.mark.parametrize("host", ["prosereg.privatelink.azurecr.io", "prosereg.azurecr.us"])
def test_a_host_that_is_not_the_login_server_is_proven(host: str) -> None:
    """The private link's zone and another cloud's suffix are no login servers."""
    found = no_registry(host=host, attached_login_server=SERVER)
    said = reference(f"{host}/team/train:7", "dns", registry=found)
    assert said.proof is Proof.PROVEN
    assert SERVER in " ".join(said.reasons)


def test_a_missing_hash_of_the_domain_name_label_is_proven() -> None:
    """A registry with a domain name label answers under its hashed name only."""
    found = no_registry(attached_login_server="prosereg-a1b2c3d4.azurecr.io")
    said = reference(IMAGE, "dns", registry=found)
    assert said.proof is Proof.PROVEN
    assert "prosereg-a1b2c3d4.azurecr.io" in " ".join(said.reasons)


def test_a_host_that_a_registry_has_is_well_formed() -> None:
    """A reference whose registry was found is right in its host, in any case of letters."""
    assert reference(IMAGE).proof is Proof.CONTRADICTED
    assert reference(IMAGE.replace("prosereg", "ProseReg"), "dns").proof is Proof.CONTRADICTED


def test_a_reference_that_the_text_does_not_show_is_open_only_where_it_matters() -> None:
    """Without the reference as written the cause is open for a text that calls it malformed, else silent."""
    assert reference(None).proof is Proof.UNREAD
    assert silent("reference-malformed", symptom(), image=None)


def test_a_good_reference_without_the_registry_s_list_decides_nothing() -> None:
    """What follows the grammar may still name a wrong host that we could not look up."""
    unknown = Unknown(reason="refused")
    assert reference(IMAGE, registry=unknown).proof is Proof.COMPATIBLE


def test_a_malformed_reference_is_confirmed_before_all_that_follows_from_it() -> None:
    """The reference comes first on the way of a pull."""
    told = evidence(
        symptom("dns"),
        facts=healthy(registry=no_registry(host="prosereg.azurecr.us", attached_login_server=SERVER)),
        image="prosereg.azurecr.us/team/train:7",
    )
    diagnosis = judge(replace(told, taken_at=FAILED + timedelta(hours=1)))
    assert (diagnosis.verdict, diagnosis.status) == ("reference-malformed", Status.CONFIRMED)
