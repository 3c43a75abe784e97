"""The causes about the image itself: replicas that lag, locks and quarantine, platforms, schemas, layers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from diagnostic_samples import (
    AFTER,
    BEFORE,
    FAILED,
    compute,
    evidence,
    healthy,
    judged,
    lookup,
    manifest,
    no_registry,
    registry,
    replicas,
    symptom,
)

from diagnostics.case import Case
from diagnostics.facts import ManifestOutcome, Replica, Replicas, TagDetail, Tags
from diagnostics.image_facts import Artifact, Layers
from diagnostics.judging import all_causes, judge, needed_facts
from diagnostics.model import Status, Unknown
from diagnostics.verdicts import Judgement, Proof

LOST = Unknown(reason="HTTP 403, AuthorizationFailed")
JUST = FAILED - timedelta(minutes=2)
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
SCHEMA_2 = "application/vnd.docker.distribution.manifest.v2+json"
FOUND, TAG = ManifestOutcome.FOUND, ManifestOutcome.TAG_UNKNOWN


def tags_of(created: Any, moved: Any = None) -> Tags:
    """Return a repository whose tag 7 was made, and last pushed to, at these times."""
    return Tags(newest=(TagDetail(name="7", created_at=created, moved_at=moved or created),), complete=True)


def attributes(**changes: Any) -> Artifact:
    """Return what the registry keeps of the image."""
    values: dict[str, Any] = {"found": True, "reference": "7", "platform": "linux/amd64", "created_at": BEFORE}
    return Artifact(**values | changes)


# --- replica-behind ------------------------------------------------------------------------------------------

APART = {
    "compute": compute(region="westeurope"),
    "replicas": replicas("northeurope", "westeurope"),
    "tags": tags_of(JUST),
    "artifact": attributes(created_at=JUST),
}


def behind(shown: Any = None, **changes: Any) -> Judgement:
    """Judge whether the replica lagged, in a world in which it did."""
    said = shown or symptom("tag-not-found")
    return judged("replica-behind", said, facts=healthy(**{**APART, **changes}))


def test_a_push_moments_before_a_pull_from_another_region_is_proven() -> None:
    """There now, made two minutes before, and another region serves the compute."""
    said = behind()
    assert said.proof is Proof.PROVEN
    assert "2 minutes before" in said.reasons[0]
    assert "westeurope" in said.headline
    assert "az acr replication list" in said.remedies[0].command


@pytest.mark.parametrize(
    ("changes", "proof"),
    [
        ({"tags": tags_of(BEFORE)}, Proof.CONTRADICTED),
        ({"tags": tags_of(AFTER)}, Proof.CONTRADICTED),
        ({"replicas": replicas("northeurope")}, Proof.CONTRADICTED),
        ({"manifest": manifest(TAG)}, Proof.CONTRADICTED),
        ({"layers": Layers(checked=3, missing=("sha256:0",))}, Proof.CONTRADICTED),
        ({"compute": compute()}, Proof.COMPATIBLE),
        ({"replicas": replicas("northeurope", "uksouth")}, Proof.UNREAD),
        (
            {
                "replicas": Replicas(
                    replicas=(Replica(region="northeurope"), Replica(region="westeurope", enabled=False))
                )
            },
            Proof.UNREAD,
        ),
    ],
)
def test_what_does_not_fit_a_lag(changes: dict[str, Any], proof: Proof) -> None:
    """An old push, a later one, one region, an image that is nowhere, or a replica that is not known to serve."""
    assert behind(**changes).proof is proof


def test_a_moved_tag_was_there_before() -> None:
    """The time of making counts: a lagging replica would still have the older image under the tag."""
    assert behind(tags=tags_of(BEFORE, JUST)).proof is Proof.CONTRADICTED


def test_a_blob_that_a_replica_lacks_is_a_lag_too() -> None:
    """A pushed manifest may come before its layers; what was fetched and came out wrong is another matter."""
    assert behind(symptom("corrupt-layer", signature="blob-unknown")).proof is Proof.PROVEN
    assert behind(symptom("corrupt-layer", signature="verification-failed")).proof is Proof.CONTRADICTED


@pytest.mark.parametrize("lost", ["registry", "replicas", "compute", "manifest"])
def test_without_a_deciding_fact_a_lag_is_open(lost: str) -> None:
    """What was not seen is said."""
    said = behind(**{lost: LOST})
    assert said.proof is Proof.UNREAD
    assert any("HTTP 403" in words for words in said.unchecked)


def test_the_attributes_date_a_push_that_the_list_of_tags_does_not() -> None:
    """Either source gives the time; without both it is open."""
    assert behind(tags=LOST).proof is Proof.PROVEN
    said = behind(tags=LOST, artifact=LOST)
    assert said.proof is Proof.UNREAD
    assert len(said.unchecked) == 2


# --- artifact-unreadable -------------------------------------------------------------------------------------


def unreadable(shown: str = "artifact-locked", **changes: Any) -> Judgement:
    """Judge whether the image may be read."""
    return judged("artifact-unreadable", symptom(shown), facts=healthy(**changes))


def test_a_quarantined_image_is_proven_by_its_state() -> None:
    """Its manifest says so, though the tag reads as not found."""
    found = attributes(quarantine="Quarantined")
    said = unreadable(
        "tag-not-found", artifact=found, manifest=manifest(TAG), registry=lookup(registry(quarantine=True))
    )
    assert said.proof is Proof.PROVEN
    assert "Quarantined" in said.reasons[0]


@pytest.mark.parametrize("what", ["tag", "manifest", "repository"])
def test_a_disabled_reading_is_proven_with_its_place(what: str) -> None:
    """The attribute is named, and the command enables it there."""
    said = unreadable(artifact=attributes(locked=what))
    assert said.proof is Proof.PROVEN
    assert f"the {what} has readEnabled set to false" in said.reasons
    assert "--read-enabled true" in said.remedies[0].command


def test_the_registry_s_405_proves_it_without_attributes() -> None:
    """A right to pull is enough to see that reading is disallowed."""
    said = unreadable(artifact=LOST, manifest=manifest(ManifestOutcome.DISALLOWED))
    assert said.proof is Proof.PROVEN
    assert "could not be read" in said.reasons[0]


def test_an_attribute_set_after_the_failure_explains_nothing_yet() -> None:
    """The registry dates the last change: it may be that one."""
    assert unreadable(artifact=attributes(locked="tag", changed_at=AFTER)).proof is Proof.UNREAD


def test_a_404_under_quarantine_proves_neither() -> None:
    """Hidden or never pushed look the same."""
    hidden = {
        "registry": lookup(registry(quarantine=True)),
        "manifest": manifest(TAG),
        "artifact": attributes(found=False),
    }
    assert unreadable("tag-not-found", **hidden).proof is Proof.UNREAD
    told = evidence(symptom("tag-not-found"), facts=healthy(**hidden))
    assert judge(told).status is not Status.CONFIRMED


def test_an_image_that_may_be_read_contradicts() -> None:
    """The registry shows it."""
    assert unreadable("tag-not-found", artifact=attributes()).proof is Proof.CONTRADICTED
    assert unreadable("tag-not-found", artifact=attributes(), manifest=manifest(TAG)).proof is Proof.CONTRADICTED


def test_a_lock_that_the_text_names_and_that_is_gone_is_compatible() -> None:
    """Somebody may have lifted it since."""
    said = judged("artifact-unreadable", symptom("artifact-locked", names=("artifact-unreadable",)), facts=healthy())
    assert said.proof is Proof.COMPATIBLE


@pytest.mark.parametrize("lost", ["registry", "manifest"])
def test_without_a_deciding_fact_reading_is_open(lost: str) -> None:
    """What was not seen is said."""
    changes: dict[str, Any] = {lost: LOST, "artifact": LOST}
    said = unreadable(**changes)
    assert said.proof is Proof.UNREAD
    assert any("HTTP 403" in words for words in said.unchecked)


def test_a_lock_is_a_masked_fault_at_no_cost() -> None:
    """Behind a missing role the 405 shows it; the attributes are not read for a text that says nothing of a lock."""
    assert "artifact" in needed_facts("artifact-locked")
    assert "artifact" not in needed_facts("unauthorized")
    found = next(cause for cause in all_causes() if cause.id == "artifact-unreadable")
    case = Case(evidence(symptom(), facts=healthy(manifest=manifest(ManifestOutcome.DISALLOWED))))
    said = found.judge(case)
    assert found.masked
    assert said is not None
    assert said.proof is Proof.PROVEN


# --- tag-absent, beyond the registry's plain answer ----------------------------------------------------------


def absent(image: str | None = None, **changes: Any) -> Judgement:
    """Judge a tag that the registry says it does not know."""
    written = {"image": image} if image else {}
    return judged(
        "tag-absent", symptom("tag-not-found"), facts=healthy(**{"manifest": manifest(TAG), **changes}), **written
    )


def test_a_tag_that_may_not_be_read_is_there() -> None:
    """A 405 is no absence."""
    assert absent(manifest=manifest(ManifestOutcome.DISALLOWED)).proof is Proof.CONTRADICTED


def test_a_replica_that_catches_up_makes_not_found_mean_less() -> None:
    """Which replica answered us is not known."""
    late = Replicas(
        replicas=(Replica(region="northeurope", status="Ready"), Replica(region="uksouth", status="Syncing"))
    )
    said = absent(replicas=late)
    assert said.proof is Proof.UNREAD
    assert "uksouth" in said.unchecked[0]


def test_what_was_deleted_lately_can_be_restored() -> None:
    """Purges and retention delete on a schedule; soft delete keeps it for a while."""
    commands = [remedy.command for remedy in absent().remedies]
    assert any("az acr manifest list-deleted-tags --registry prosereg" in command for command in commands)
    digest = absent(image=f"prosereg.azurecr.io/team/train@sha256:{'a' * 64}")
    assert any("az acr manifest list-deleted " in remedy.command for remedy in digest.remedies)


def test_another_registry_has_no_az_command() -> None:
    """Its tags are shown as names without an order, and nothing is promised of Azure's tools."""
    names = Tags(newest=(TagDetail(name="3.11"), TagDetail(name="3.12")), complete=True, dated=False)
    found = no_registry(host="docker.io")
    said = absent("docker.io/library/python:3.1", registry=found, tags=names)
    assert any(reason.startswith("tags there: 3.11, 3.12") for reason in said.reasons)
    assert not any(remedy.command for remedy in said.remedies)
    gone = manifest(ManifestOutcome.REPOSITORY_UNKNOWN)
    said = judged("repository-absent", symptom("repository-not-found"), facts=healthy(registry=found, manifest=gone))
    assert not any(remedy.command for remedy in said.remedies)
