"""What every probe reads from a simulated Azure, by the real SDKs and clients."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from azure_wire import (
    CLUSTER_ID,
    REGISTRY,
    SERVER,
    SUBSCRIPTION_ID,
    Begin,
    BentSandbox,
    Read,
    json_answer,
)
from diagnostic_samples import details, healthy, judged, subject, symptom, value

from diagnostics.facts import (
    Compute,
    Manifest,
    ManifestOutcome,
    NameAvailability,
    RegistryLookup,
    Replicas,
    RoleGrants,
    RoleVisibility,
    Tags,
    Workspace,
)
from diagnostics.model import Known, Unknown, Vantage
from diagnostics.permissions import Right, grants_pull
from diagnostics.probing import all_probes
from diagnostics.verdicts import Proof

NAMES = sorted(healthy())
"""The facts of the core; a probe that comes new brings its own test."""


def test_all_facts_of_a_whole_world_are_known(azure: BentSandbox, read: Read) -> None:
    """Every probe reads its own shape from the real SDKs and clients, with a source and a time."""
    facts = read(*NAMES)
    assert sorted(facts) == NAMES
    for name, fact in facts.items():
        assert isinstance(value(fact, all_probes()[name].value_type), all_probes()[name].value_type)
        assert isinstance(fact, Known)
        assert fact.source
        assert fact.time.tzinfo is not None
    assert azure.refused == []
    assert azure.violations == []


def test_what_the_world_says_is_what_the_facts_say(azure: BentSandbox, read: Read) -> None:
    """Names, regions, identities and sizes are those of the world file."""
    facts = read(*NAMES)
    assert value(facts["workspace"], Workspace).container_registry == REGISTRY
    compute = value(facts["compute"], Compute)
    assert (compute.kind, compute.identities[0].principal_id) == ("AmlCompute", CLUSTER_ID)
    found = value(facts["registry"], RegistryLookup)
    assert found.attached
    assert (found.found.login_server, found.found.sku, found.found.abac) == (SERVER, "Standard", False)
    assert value(facts["registry-name"], NameAvailability).available is False
    assert azure.asked("checkNameAvailability") == 0  # a registry that was found has its name
    assert value(facts["role-grants"], RoleGrants).grants == ()
    assert value(facts["role-visibility"], RoleVisibility).readable
    image = value(facts["manifest"], Manifest)
    assert image.outcome == ManifestOutcome.FOUND
    assert image.compressed_bytes == pytest.approx(2.1 * 1024**3, rel=0.01)
    assert [tag.name for tag in value(facts["tags"], Tags).newest] == ["7", "6"]
    assert [replica.region for replica in value(facts["replicas"], Replicas).replicas] == ["northeurope"]


def test_only_what_a_registry_s_own_network_shows_is_marked_so(azure: BentSandbox, read: Read) -> None:
    """The registry was seen from here; everything else holds for everybody."""
    vantages = {name: fact.vantage for name, fact in read(*NAMES).items() if isinstance(fact, Known)}
    seen_from_here = {name for name, vantage in vantages.items() if vantage is Vantage.RESPONDER_NETWORK}
    assert seen_from_here == {"manifest", "tags"}


def test_a_role_is_read_with_its_permissions(begin: Begin, read: Read) -> None:
    """Assignments come with actions read out, inherited ones and those of groups included."""
    subscription = f"/subscriptions/{SUBSCRIPTION_ID}"
    begin(
        world={
            "role_assignments": [
                {"scope": subscription, "role": "Reader", "principal_id": "g", "principal_type": "Group"},
                {
                    "scope": REGISTRY,
                    "role": "AcrPull",
                    "principal_id": CLUSTER_ID,
                    "createdOn": "2026-01-01T00:00:00Z",
                    "updatedOn": "2026-02-01T00:00:00Z",
                },
                {"scope": REGISTRY, "role": "AcrPush", "principal_id": "somebody-else"},
            ],
            "groups": [{"id": "g", "members": [{"type": "ServicePrincipal", "id": CLUSTER_ID}]}],
        }
    )
    held = value(read("role-grants")["role-grants"], RoleGrants).grants
    assert [grant.role for grant in held] == ["Reader", "AcrPull"]
    assert all(grants_pull([grant], abac=False) is Right.GRANTED for grant in held)
    assert held[1].created_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert held[1].updated_at == datetime(2026, 2, 1, tzinfo=UTC)
    assert held[0].principal_id == "g"


def test_a_built_in_role_is_read_once(begin: Begin, read: Read) -> None:
    """Role definitions that never change are remembered between runs."""
    azure = begin(world={"role_assignments": [{"scope": REGISTRY, "role": "AcrDelete", "principal_id": CLUSTER_ID}]})
    read("role-grants")
    first = azure.asked("roleDefinitions")
    read("role-grants")
    assert first <= 1
    assert azure.asked("roleDefinitions") == first


@pytest.mark.parametrize(
    ("image", "outcome"),
    [
        (f"{SERVER}/team/train:9", ManifestOutcome.TAG_UNKNOWN),
        (f"{SERVER}/team/absent:7", ManifestOutcome.REPOSITORY_UNKNOWN),
        (f"{SERVER}/team/train@sha256:{'0' * 64}", ManifestOutcome.TAG_UNKNOWN),
    ],
)
def test_what_is_absent_is_an_answer(azure: BentSandbox, read: Read, image: str, outcome: str) -> None:
    """A tag or a repository that the registry does not know is a fact, with the registry's words."""
    found = value(read("manifest", about=subject(image))["manifest"], Manifest)
    assert found.outcome == outcome
    assert "404" in found.said


def test_a_registry_of_the_distribution_project_says_unknown_repository_in_its_own_way(
    azure: BentSandbox, read: Read
) -> None:
    """Where the manifest is unknown because the whole repository is, the tags' own answer decides."""
    unknown = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "unknown tag=7"}]}
    azure.bend(SERVER, "/manifests/", json_answer(404, unknown))
    azure.bend(SERVER, "/_tags", json_answer(404, {"errors": [{"code": "NAME_UNKNOWN", "message": "unknown"}]}))
    assert value(read("manifest")["manifest"], Manifest).outcome == ManifestOutcome.REPOSITORY_UNKNOWN


def test_an_index_is_sized_by_its_first_platform(begin: Begin, read: Read) -> None:
    """The size of a list of platforms is that of one platform's layers."""
    tag = {"name": "multi", "platforms": ["linux/amd64", "linux/arm64"], "compressed_gib": 1}
    begin(world={"images": [{"registry": "prosereg", "repository": "team/train", "tags": [tag]}]})
    found = value(read("manifest", about=subject(f"{SERVER}/team/train:multi"))["manifest"], Manifest)
    assert found.compressed_bytes == pytest.approx(1024**3, rel=0.01)


def test_a_registry_in_no_list_is_an_answer_with_its_like(azure: BentSandbox, read: Read) -> None:
    """A login server that nobody has is absent after every subscription was searched; similar names are shown."""
    about = subject("prosreg.azurecr.io/team/train:7")
    facts = read("registry", "registry-name", about=about)
    absent = value(facts["registry"], RegistryLookup)
    assert absent.found is None
    assert absent.searched == (SUBSCRIPTION_ID,)
    assert absent.resembling == (SERVER,)
    assert absent.attached_login_server == SERVER
    assert value(facts["registry-name"], NameAvailability).available
    assert "prosreg.azurecr.io" not in azure.hosts


def test_the_name_check_knows_no_host_with_a_hash(azure: BentSandbox, read: Read) -> None:
    """A domain name label's registry is somewhere though its name without the hash is free: nothing is made of that."""
    about = subject("prosreg-a1b2c3d4e5f6a7b8.azurecr.io/team/train:7")
    facts = read("registry", "registry-name", about=about)
    assert value(facts["registry"], RegistryLookup).found is None
    fact = facts["registry-name"]
    assert isinstance(fact, Unknown)
    assert "domain name label" in fact.reason
    assert azure.asked("checkNameAvailability") == 0
    shown = symptom("dns", "lookup prosreg-a1b2c3d4e5f6a7b8.azurecr.io: no such host")
    assert judged("registry-absent", shown, facts=facts, image=str(about.image)).proof is Proof.UNREAD


def test_a_registry_that_is_gone_is_told_by_its_id(begin: Begin, read: Read) -> None:
    """The workspace may point to a registry that was deleted."""
    begin(world={"arm_not_found": [REGISTRY], "registries": [{"name": "prosereg", "$remove": True}], "images": []})
    absent = value(read("registry")["registry"], RegistryLookup)
    assert (absent.found, absent.attached_missing) == (None, REGISTRY)


def test_another_subscription_s_registry_is_found(begin: Begin, read: Read) -> None:
    """Every subscription that we may list is searched after the workspace's own."""
    other = "22222222-2222-4222-8222-222222222222"
    begin(
        world={
            "subscriptions": [{"id": other}],
            "registries": [
                {
                    "name": "farreg",
                    "id": REGISTRY.replace(SUBSCRIPTION_ID, other).replace("prosereg", "farreg"),
                    "login_server": "farreg.azurecr.io",
                }
            ],
        }
    )
    found = value(read("registry", about=subject("farreg.azurecr.io/a:1"))["registry"], RegistryLookup)
    assert found.found is not None
    assert not found.attached
    assert found.searched == (SUBSCRIPTION_ID, other)


def test_a_compute_that_is_gone_is_an_answer(azure: BentSandbox, read: Read) -> None:
    """The workspace has none of that name any more."""
    about = subject(details=details(compute="gone"))
    assert value(read("compute", about=about)["compute"], Compute) == Compute(name="gone", found=False)


def test_serverless_is_no_resource_and_is_not_asked_for(azure: BentSandbox, read: Read) -> None:
    """Serverless compute is known by the run's target alone."""
    about = subject(details=details(compute="serverless"))
    assert value(read("compute", about=about)["compute"], Compute).kind == "Serverless"
    assert azure.asked("/computes/") == 0


@pytest.mark.parametrize("name", ["a b", "ä", "a%2f..", "a/../b", "?x=y", "#"])
def test_a_compute_s_name_stays_one_segment(azure: BentSandbox, read: Read, name: str) -> None:
    """A name that the run brought is quoted once, and leads nowhere else."""
    read("compute", about=subject(details=details(compute=name)))
    asked = [call.path for call in azure.calls if "/computes/" in call.path]
    assert len(asked) == 1
    assert re.fullmatch(r"[^/?#]+\?api-version=[0-9-]+", asked[0].split("/computes/")[1])
