"""From evidence to a plan: pure, and only by what Azure stated, whatever a log says."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from fix_story import REGISTRY, WORKSPACE
from fix_world import POLICY, missing_role
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.codec import evidence_from_json, to_json
from diagnostics.conditions import holds
from diagnostics.facts import Compute, Identity
from diagnostics.judging import judge
from diagnostics.model import Evidence, Known, RunDetails, Status, Unknown, Vantage
from diagnostics.permissions import CONTENT_READ
from diagnostics.probing import fact_types
from diagnostics.pull_roles import ACR_PULL, REPOSITORY_READER
from diagnostics.references import parse
from responders.fixes.planning import condition_on, plan_fix, registry_tags
from responders.fixes.values import Declined, NotFixed, Plan, Policy, Repositories
from sandbox.world import load_scenario
from tests.stories import FOLDER, tell

pytestmark = pytest.mark.slow

IDENTITY = "eba55d4b-0df7-49b9-8eb9-85d5d3b57148"
ENDPOINT = "5b7a2c11-0000-4000-8000-000000000077"
IN_CONDITION = re.compile(
    r"\(\(!\(ActionMatches\{'[A-Za-z./]+'\}\).* String(?:Equals|StartsWith)IgnoreCase '[a-z0-9._/-]+'\)\)"
)


def planned(evidence: Evidence, policy: Policy = POLICY) -> Plan | Declined:
    """Plan from evidence as the app does."""
    return plan_fix("inc-1", evidence, judge(evidence), policy)


def plan(story: str = "missing-pull-role", policy: Policy = POLICY) -> Plan:
    """Return the plan of a story."""
    found = planned(missing_role(story), policy)
    assert isinstance(found, Plan)
    return found


def with_fact(evidence: Evidence, name: str, **members: Any) -> Evidence:
    """Return evidence in which a fact has other members, or is ``None``: unknown."""
    fact = evidence.facts[name]
    assert isinstance(fact, Known)
    return replace(evidence, facts={**evidence.facts, name: replace(fact, **members)})


def of_run(evidence: Evidence, **members: Any) -> Evidence:
    """Return evidence whose run's own document has other members."""
    assert isinstance(evidence.details, RunDetails)
    return replace(evidence, details=replace(evidence.details, **members))


@cache
def log_names_another_registry() -> Evidence:
    """Return the evidence of a run whose log speaks of a registry that its own document does not name."""
    scenario = load_scenario(FOLDER / "registry-of-another-subscription.yaml", complete=True)
    own = {**scenario.run, "image": "halvorsenimages.azurecr.io/turbines/train:4.2"}
    stored = next(iter(tell(replace(scenario, run=own)).outcome.evidence.values()))
    return evidence_from_json(stored, fact_types())


def test_the_plan_is_what_azure_stated() -> None:
    """Registry, identity and role; the body is the contract's, the name the same each time."""
    found = plan()
    assert (found.registry_id, found.principal_id, found.role_name) == (REGISTRY, IDENTITY, ACR_PULL.name)
    assert found.workspace_id.lower() == WORKSPACE.lower()
    assert found.condition == ""
    properties = found.body["properties"]
    assert properties["principalType"] == "ServicePrincipal"
    assert properties["roleDefinitionId"].endswith(ACR_PULL.id)
    assert found.assignment_name == plan().assignment_name
    assert replace(found, principal_id="0" * 8 + IDENTITY[8:]).assignment_name != found.assignment_name
    assert replace(found, condition="x").digest != found.digest
    assert found.request.startswith(f"PUT {REGISTRY}/providers/Microsoft.Authorization/roleAssignments/")


def test_in_abac_mode_the_role_is_narrowed() -> None:
    """To the repository, or to the first part of its name with the slash that the documents ask for."""
    found = plan("abac-registry-ignores-acrpull")
    assert found.role_id == REPOSITORY_READER.id
    assert holds(found.condition, action=CONTENT_READ, repository="turbines/train") is True
    assert holds(found.condition, action=CONTENT_READ, repository="turbines/other") is False
    wider = plan("abac-registry-ignores-acrpull", replace(POLICY, repositories=Repositories.PREFIX))
    assert holds(wider.condition, action=CONTENT_READ, repository="turbines/other") is True
    assert holds(wider.condition, action=CONTENT_READ, repository="turbines-2/other") is False


@given(
    first=st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True),
    rest=st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8})?", fullmatch=True),
    other=st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,2}", fullmatch=True),
    width=st.sampled_from(Repositories),
)
def test_a_condition_lets_through_what_it_names_and_nothing_else(
    first: str, rest: str, other: str, width: Repositories
) -> None:
    """By the product's own reading of conditions."""
    name = f"{first}/{rest}"
    condition = condition_on(name, width)
    assert holds(condition, action=CONTENT_READ, repository=name) is True
    within = other.startswith(f"{first}/") if width is Repositories.PREFIX else other == name
    assert holds(condition, action=CONTENT_READ, repository=other) is within


@pytest.mark.parametrize(
    ("story", "wanted"),
    [
        ("role-assignments-unreadable", {NotFixed.NOT_CONFIRMED, NotFixed.NO_ANSWER}),
        ("pull-role-granted-since", {NotFixed.GRANTED_SINCE}),
        ("condition-names-another-prefix", {NotFixed.NOT_FIXABLE}),
        ("digest-does-not-exist", {NotFixed.NOT_FIXABLE, NotFixed.GRANTED_SINCE}),
        ("admin-password-regenerated", {NotFixed.NOT_FIXABLE, NotFixed.GRANTED_SINCE}),
    ],
)
def test_what_no_live_fact_proves_or_no_role_repairs_has_no_plan(story: str, wanted: set[NotFixed]) -> None:
    """Each with its named reason."""
    found = planned(missing_role(story))
    assert isinstance(found, Declined)
    assert found.reason in wanted


def test_a_registry_that_only_a_log_names_gets_no_assignment() -> None:
    """Whoever may submit a run may print what a pull would say; the diagnosis stands, and nothing is written by it."""
    evidence = log_names_another_registry()
    diagnosis = judge(evidence)
    assert (diagnosis.verdict, diagnosis.status) == ("pull-role-missing", Status.CONFIRMED)
    assert evidence.facts["registry"].value.found.name == "rotorworks"  # type: ignore[union-attr]
    found = planned(evidence)
    assert isinstance(found, Declined)
    assert found.reason is NotFixed.NO_ANSWER
    assert "known from a log alone" in found.why
    by_itself = of_run(evidence, image="rotorworks.azurecr.io/sim/solver:12")
    assert isinstance(planned(by_itself), Plan)


@pytest.mark.parametrize("story", ["endpoint-identity-without-role", "sweep-deployment-whose-endpoint-lacks-the-role"])
def test_an_endpoints_identity_has_to_be_listed_itself(story: str) -> None:
    """It is no compute's: that its workspace is pre-approved does not reach it."""
    evidence = missing_role(story)
    declined = planned(evidence)
    assert isinstance(declined, Declined)
    assert declined.reason is NotFixed.NOT_IN_POLICY
    assert "principals" in declined.why
    found = planned(evidence, replace(POLICY, principals=frozenset({ENDPOINT})))
    assert isinstance(found, Plan)
    assert found.principal_id == ENDPOINT
    assert found.principal_words == "the system-assigned identity of the online endpoint blade-score of halvorsen-ml"


def test_serverless_compute_pulls_with_the_workspaces_identity() -> None:
    """Then that identity gets the role, since Azure states it for the workspace."""
    own = Identity(kind="user-assigned", principal_id=IDENTITY, resource_id="/subscriptions/s/mi", client_id=ENDPOINT)
    evidence = missing_role()
    workspace = evidence.facts["workspace"]
    assert isinstance(workspace, Known)
    changed = with_fact(evidence, "compute", value=Compute(name="serverless", found=True, kind="Serverless"))
    found = planned(with_fact(changed, "workspace", value=replace(workspace.value, identities=(own,))))
    assert isinstance(found, (Plan, Declined))
    assert isinstance(found, Plan), found.why
    assert found.principal_words == "the user-assigned identity of the workspace halvorsen-ml"
    assert isinstance(planned(changed), Declined)


@given(
    identity=st.uuids() | st.just(IDENTITY) | st.just("25acedbd-85d2-415b-a857-8f389bc4d488"),
    image=st.sampled_from(["rotorworks", "halvorsenimages", "halvorsenimages.azurecr.io.evil"]).map(
        lambda host: f"{host}.azurecr.io/turbines/other:1"
    ),
    words=st.text(max_size=40),
    also_judged=st.booleans(),
)
def test_nothing_of_a_log_becomes_part_of_a_plan(identity: Any, image: str, words: str, *, also_judged: bool) -> None:
    """Whoever writes a log may name any identity, registry and role: the plan is Azure's, or there is none."""
    for story, role in (("missing-pull-role", ACR_PULL), ("abac-registry-ignores-acrpull", REPOSITORY_READER)):
        evidence = missing_role(story)
        named = parse(image)
        lies = {"identity": str(identity), "registry": named.registry, "repository": named.repository, "image": image}
        lies |= {"role": words, "principal": str(identity), "scope": words}
        symptoms = tuple(replace(it, captured={**it.captured, **lies}) for it in evidence.symptoms)
        told = replace(evidence, symptoms=symptoms)
        found = planned(replace(told, image=named, image_text=image) if also_judged else told)
        if str(identity) == IDENTITY and not also_judged:
            assert isinstance(found, Plan)
        if also_judged and role is REPOSITORY_READER:
            assert isinstance(found, Declined)
        if isinstance(found, Plan):
            assert (found.registry_id, found.principal_id, found.role_id) == (REGISTRY, IDENTITY, role.id)
            assert found.repository in {"", "turbines/train"}
            assert found.condition in {"", condition_on("turbines/train", Repositories.REPOSITORY)}


@given(written=st.text(max_size=60) | st.from_regex(r"[a-z0-9'(){}\[\]/ ]{1,40}", fullmatch=True))
def test_no_name_of_a_repository_writes_a_condition_of_its_own(written: str) -> None:
    """Run history's document is written by whoever submits: only a name by the grammar stands in a condition."""
    evidence = missing_role("abac-registry-ignores-acrpull")
    image = f"halvorsenimages.azurecr.io/{written}:4.2"
    assert evidence.image is not None
    judged = replace(evidence, image=replace(evidence.image, repository=written), image_text=image)
    for width in Repositories:
        found = planned(of_run(judged, image=image), replace(POLICY, repositories=width))
        if isinstance(found, Plan):
            assert IN_CONDITION.fullmatch(found.condition)
            assert found.condition.count("'") == 6
            assert found.condition == condition_on(written, width)


@pytest.mark.parametrize(
    "image", [None, "mcr.microsoft.com/azureml/base:1", "rotorworks.azurecr.io/turbines/train:4.2", "Not/An image", ""]
)
def test_in_abac_mode_the_runs_own_document_has_to_name_the_repository(image: str | None) -> None:
    """In that registry; a log's word for it would choose what the role lets through."""
    found = planned(of_run(missing_role("abac-registry-ignores-acrpull"), image=image))
    assert isinstance(found, Declined)
    assert found.reason is NotFixed.NO_ANSWER
    assert "repository" in found.why


def test_a_fact_from_another_vantage_decides_nothing() -> None:
    """Only the control plane states what a registry and a compute are, and who holds what."""
    evidence = missing_role()
    for name in ("registry", "compute", "role-grants", "role-visibility"):
        found = planned(with_fact(evidence, name, vantage=Vantage.LOG))
        assert isinstance(found, Declined), name
        assert found.reason is NotFixed.NO_ANSWER


@pytest.mark.parametrize("name", ["registry", "compute", "role-grants", "role-visibility"])
def test_a_fact_that_is_lost_means_no_plan(name: str) -> None:
    """Never a guess."""
    evidence = missing_role()
    lost = replace(evidence, facts={**evidence.facts, name: Unknown(reason="no answer")})
    assert isinstance(planned(lost), Declined)


def test_the_tags_are_the_registrys_own() -> None:
    """As Resource Manager has them; stored evidence of before has none."""
    assert registry_tags(missing_role()) == {}
    stored = json.loads(to_json(missing_role()))
    del stored["facts"]["registry"]["known"]["value"]["found"]["tags"]
    before = evidence_from_json(json.dumps(stored), fact_types())
    assert registry_tags(before) == {}
    assert isinstance(planned(before), Plan)
    fact = missing_role().facts["registry"]
    assert isinstance(fact, Known)
    tagged = replace(fact.value, found=replace(fact.value.found, tags={"managed-by": "terraform"}))
    assert registry_tags(with_fact(missing_role(), "registry", value=tagged)) == {"managed-by": "terraform"}
