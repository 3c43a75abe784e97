"""Any evidence about images and their registry: judged without error, stored and judged again to the same words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from diagnostic_samples import (
    AFTER,
    BEFORE,
    FAILED,
    compute,
    evidence,
    lookup,
    manifest,
    no_registry,
    registry,
    replicas,
    symptom,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.catalogue import CATALOGUE
from diagnostics.codec import evidence_from_json, to_json
from diagnostics.facts import ManifestOutcome, Replica, Replicas, TagDetail, Tags
from diagnostics.image_facts import (
    Artifact,
    EncryptionKey,
    Layers,
    NodeDisk,
    RegistryHealth,
    RegistryLoad,
    Usage,
    Usages,
)
from diagnostics.judging import all_causes, judge
from diagnostics.model import Evidence, Status, Unknown
from diagnostics.probing import fact_types

MINE = frozenset(
    {
        "replica-behind",
        "artifact-unreadable",
        "platform-absent",
        "base-image-retired",
        "layer-corrupt",
        "replica-unavailable",
        "registry-throttled",
        "docker-hub-limit",
        "storage-quota-exceeded",
        "registry-outage",
        "encryption-key-unreachable",
        "node-disk-full",
    }
)
JUST = FAILED - timedelta(minutes=1)
KEY = "https://v.vault.azure.net/keys/k"
FACTS: dict[str, list[Any]] = {
    "compute": [compute(), compute(kind="Kubernetes"), compute(region="westeurope"), compute(found=False, region="")],
    "registry": [
        lookup(),
        lookup(registry(quarantine=True, sku="Basic")),
        lookup(registry(encryption_key=KEY, provisioning_state="Failed")),
        no_registry(host="docker.io"),
    ],
    "manifest": [
        manifest(),
        manifest(platforms=("linux/arm64",), compressed_bytes=1),
        manifest(compressed_bytes=2**40),
        manifest(media_type="application/vnd.docker.distribution.manifest.v1+json"),
        manifest(ManifestOutcome.DISALLOWED),
        manifest(ManifestOutcome.TAG_UNKNOWN),
        manifest(ManifestOutcome.REPOSITORY_UNKNOWN),
    ],
    "tags": [
        Tags(newest=(TagDetail(name="7", created_at=when, moved_at=moved),), complete=True)
        for when, moved in ((BEFORE, None), (JUST, None), (AFTER, AFTER), (BEFORE, AFTER), (None, None))
    ],
    "artifact": [
        Artifact(found=False, reference="7"),
        Artifact(found=True, reference="7", locked="tag", changed_at=AFTER),
        Artifact(found=True, reference="7", quarantine="Quarantined", platform="linux/arm64", created_at=JUST),
    ],
    "layers": [Layers(checked=3), Layers(checked=3, missing=("sha256:0",), wrong_size=("sha256:1",))],
    "replicas": [
        replicas("northeurope"),
        Replicas(replicas=(Replica(region="northeurope"), Replica(region="westeurope", enabled=False))),
        Replicas(replicas=(Replica(region="northeurope"), Replica(region="westeurope", status="Syncing"))),
    ],
    "registry-load": [
        RegistryLoad(host="h", status=status, said="x", retry_after=1) for status in (200, 404, 429, 503)
    ],
    "registry-health": [
        RegistryHealth(state=state, since=AFTER) for state in ("Available", "Unavailable", "Unknown", "?")
    ],
    "usage": [Usages(usages=()), *(Usages(usages=(Usage(name="Size", used=9, limit=n),)) for n in (-1, 0, 9, 100))],
    "encryption-key": [
        EncryptionKey(key_id=""),
        EncryptionKey(key_id=KEY, key="disabled", changed_at=AFTER),
        EncryptionKey(key_id=KEY, key="gone", vault_gone=True, identity="gone"),
    ],
    "node-disk": [NodeDisk(vm_size="x"), NodeDisk(vm_size="x", os_disk=1, resource_disk=2)],
}
IDS = sorted({kind for cause in all_causes() if cause.id in MINE for kind in cause.explains})
SIGNATURES = [
    "no-manifest-for-platform",
    "blob-unknown",
    "acr-throttled",
    "cache-rule-source",
    "schema-unsupported",
    "x",
]
EVIDENCE = st.builds(
    lambda kind, signature, names, decisive, file, facts, image: evidence(
        symptom(kind, "429 prosereg.azurecr.io", signature=signature, names=tuple(names), decisive=decisive, file=file),
        facts=facts,
        image=image,
    ),
    st.sampled_from(IDS),
    st.sampled_from(SIGNATURES),
    st.lists(st.sampled_from(sorted(MINE)), max_size=2, unique=True),
    st.booleans(),
    st.sampled_from(["lifecycler.log", "azureml-logs/20_image_build_log.txt"]),
    st.fixed_dictionaries(
        {}, optional={name: st.sampled_from([*values, Unknown(reason="HTTP 403")]) for name, values in FACTS.items()}
    ),
    st.sampled_from([None, "prosereg.azurecr.io/team/train:7", "docker.io/team/base", "Bad//Ref"]),
)


def test_the_whole_family_is_judged_live() -> None:
    """Each id of the published list that is this family's has a file, and explains at least what the list says."""
    judged = {cause.id: cause for cause in all_causes()}
    for name in MINE:
        assert judged[name].needs
        assert set(CATALOGUE[name].explains) <= judged[name].explains


@settings(max_examples=400)
@given(told=EVIDENCE)
def test_any_evidence_holds_together(told: Evidence) -> None:
    """No exception, nothing confirmed without a reason and a way out, nothing ruled out without a fact against it."""
    diagnosis = judge(told)
    assert to_json(judge(evidence_from_json(to_json(told), fact_types()))) == to_json(diagnosis)
    for finding in diagnosis.findings:
        if finding.cause not in MINE:
            continue
        assert finding.headline
        if finding.status is Status.CONFIRMED:
            assert finding.reasons
            assert finding.remedies
            assert finding.target
        if finding.status is Status.RULED_OUT:
            assert finding.against


@settings(max_examples=200)
@given(told=EVIDENCE)
def test_facts_that_are_all_lost_confirm_only_what_a_component_states_itself(told: Evidence) -> None:
    """Without a single fact the text alone is left, and of it only a component's own statement."""
    blind = evidence(*told.symptoms, facts={}, image=told.image_text)
    confirmed = {it.cause for it in judge(blind).findings if it.status is Status.CONFIRMED}
    allowed = set(told.symptoms[0].names) if told.symptoms[0].decisive else set()
    assert confirmed & MINE <= allowed
