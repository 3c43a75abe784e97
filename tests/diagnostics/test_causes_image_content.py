"""The causes about what an image holds: platforms, schemas, layers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from diagnostic_samples import (
    AFTER,
    BEFORE,
    FAILED,
    compute,
    healthy,
    judged,
    manifest,
    symptom,
)

from diagnostics.facts import Manifest, ManifestOutcome, TagDetail, Tags
from diagnostics.image_facts import Artifact, Layers
from diagnostics.model import Unknown
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


# --- platform-absent -----------------------------------------------------------------------------------------

NO_MATCH = symptom("architecture-mismatch", signature="no-manifest-for-platform", captured={"platform": "linux/amd64"})
EXEC = symptom("architecture-mismatch", signature="exec-format-error")


def index(*platforms: str) -> Manifest:
    """Return an index of these platforms."""
    return manifest(platforms=platforms)


def platform(shown: Any = NO_MATCH, **changes: Any) -> Judgement:
    """Judge whether the image has the wanted platform."""
    return judged("platform-absent", shown, facts=healthy(**changes))


def test_an_index_without_the_platform_is_proven() -> None:
    """What it lists is told beside what was wanted."""
    said = platform(manifest=index("linux/arm64", "linux/arm/v7"))
    assert said.proof is Proof.PROVEN
    assert "linux/arm64, linux/arm/v7" in said.headline
    assert "linux/amd64" in said.headline
    assert "--platform linux/amd64" in said.remedies[0].command


def test_a_single_image_of_another_platform_is_proven_by_its_attributes() -> None:
    """Its manifest does not say; what the registry keeps of it does."""
    said = platform(EXEC, artifact=attributes(platform="linux/arm64"))
    assert said.proof is Proof.PROVEN
    assert "exec format error" in said.reasons[0]


@pytest.mark.parametrize(
    ("wanted", "there"),
    [("linux/amd64", "linux/amd64"), ("linux/arm64/v8", "linux/arm64"), ("linux/arm/v7", "linux/arm/v7")],
)
def test_an_index_with_the_platform_contradicts(wanted: str, there: str) -> None:
    """Variants count only where both state one."""
    shown = symptom("architecture-mismatch", signature="no-manifest-for-platform", captured={"platform": wanted})
    assert platform(shown, manifest=index("windows/amd64", there)).proof is Proof.CONTRADICTED
    assert platform(shown, manifest=index("linux/arm/v6")).proof is Proof.PROVEN


def test_a_right_platform_that_cannot_start_decides_nothing() -> None:
    """An entry point of another platform inside the image cannot be seen from the registry."""
    assert platform(EXEC, artifact=attributes()).proof is Proof.COMPATIBLE


def test_a_tag_pushed_again_since_says_nothing_of_then() -> None:
    """What is there now was not there when the run failed."""
    said = platform(manifest=index("linux/arm64"), tags=tags_of(BEFORE, AFTER))
    assert said.proof is Proof.UNREAD
    assert "after the failure" in said.unchecked[0]


def test_a_compute_of_unknown_platform_is_not_guessed() -> None:
    """A Kubernetes node may have either processor."""
    assert platform(EXEC, compute=compute(kind="Kubernetes"), manifest=index("linux/arm64")).proof is Proof.UNREAD
    assert platform(compute=compute(kind="Kubernetes"), manifest=index("linux/arm64")).proof is Proof.PROVEN


@pytest.mark.parametrize(("lost", "shown"), [("manifest", NO_MATCH), ("compute", EXEC), ("artifact", EXEC)])
def test_without_a_deciding_fact_the_platform_is_open(lost: str, shown: Any) -> None:
    """What was not seen is said."""
    said = platform(shown, **{lost: LOST})
    assert said.proof is Proof.UNREAD
    assert any("HTTP 403" in words for words in said.unchecked)


def test_an_absent_image_has_no_platform() -> None:
    """The tag comes first."""
    assert platform(manifest=manifest(TAG)).proof is Proof.CONTRADICTED


# --- base-image-retired --------------------------------------------------------------------------------------

UNSUPPORTED = symptom("deprecated-image", signature="schema-unsupported")
RETIRED = symptom("deprecated-image", signature="image-retired", text="the base image has been retired")


def retired(shown: Any, **changes: Any) -> Judgement:
    """Judge whether the image is out of date."""
    return judged("base-image-retired", shown, facts=healthy(**changes))


def test_schema_1_is_proven_by_the_manifest_s_type() -> None:
    """The registry itself serves it."""
    said = retired(UNSUPPORTED, manifest=manifest(media_type=SCHEMA_1))
    assert said.proof is Proof.PROVEN
    assert "schema 1" in said.reasons[0]


def test_a_retired_image_that_is_gone_is_proven() -> None:
    """The text calls it retired, and its registry does not know it."""
    said = retired(RETIRED, manifest=manifest(ManifestOutcome.REPOSITORY_UNKNOWN))
    assert said.proof is Proof.PROVEN
    assert "NAME_UNKNOWN" in said.reasons[0]


@pytest.mark.parametrize(
    ("shown", "changes", "proof"),
    [
        (UNSUPPORTED, {"manifest": manifest(media_type=SCHEMA_2)}, Proof.CONTRADICTED),
        (UNSUPPORTED, {"manifest": manifest(TAG)}, Proof.UNREAD),
        (UNSUPPORTED, {"manifest": manifest(media_type=SCHEMA_2), "tags": tags_of(BEFORE, AFTER)}, Proof.UNREAD),
        (RETIRED, {"manifest": manifest(media_type=SCHEMA_2)}, Proof.COMPATIBLE),
        (RETIRED, {"manifest": LOST}, Proof.UNREAD),
    ],
)
def test_what_proves_no_retirement(shown: Any, changes: dict[str, Any], proof: Proof) -> None:
    """A present schema, an image that is still there, or one that nobody may look at."""
    assert retired(shown, **changes).proof is proof


# --- layer-corrupt -------------------------------------------------------------------------------------------

UNKNOWN_BLOB = symptom("corrupt-layer", signature="blob-unknown")
WRONG_DIGEST = symptom("corrupt-layer", signature="verification-failed")


def layer(shown: Any = UNKNOWN_BLOB, found: Any = None, **changes: Any) -> Judgement:
    """Judge whether the registry has all layers."""
    return judged("layer-corrupt", shown, facts=healthy(layers=found or Layers(checked=9), **changes))


def test_a_missing_blob_is_proven() -> None:
    """The registry's own answer; the digests are shown, not all of them."""
    said = layer(found=Layers(checked=9, missing=tuple(f"sha256:{number:064}" for number in range(5))))
    assert said.proof is Proof.PROVEN
    assert "does not have 5 of the 9 blobs" in said.reasons[0]
    assert "and 2 more" in said.reasons[0]


def test_a_blob_of_another_size_is_proven() -> None:
    """It cannot have the digest that the manifest names."""
    said = layer(WRONG_DIGEST, Layers(checked=9, wrong_size=("sha256:00",)))
    assert said.proof is Proof.PROVEN
    assert "another size" in said.reasons[0]


def test_layers_that_are_all_there_contradict_a_missing_one_only() -> None:
    """What came out wrong at the node may have been changed on its way."""
    assert layer().proof is Proof.CONTRADICTED
    assert layer(WRONG_DIGEST).proof is Proof.COMPATIBLE


def test_a_tag_pushed_again_since_may_have_healed_it() -> None:
    """The layers of now are not those of then."""
    assert layer(tags=tags_of(BEFORE, AFTER)).proof is Proof.UNREAD


def test_unseen_layers_leave_it_open() -> None:
    """What was not seen is said."""
    said = layer(found=LOST)
    assert said.proof is Proof.UNREAD
    assert "HTTP 403" in said.unchecked[0]
