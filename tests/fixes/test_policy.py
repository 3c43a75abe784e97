"""Whether a plan is pre-approved: pure, by the policy, the registry's own tags and the time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fix_story import REGISTRY
from fix_world import POLICY, missing_role
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.judging import judge
from diagnostics.pull_roles import REPOSITORY_READER
from responders.fixes.planning import plan_fix
from responders.fixes.policy import allowed, within_ceilings
from responders.fixes.values import NotFixed, Plan, Policy
from responders.globs import Glob
from responders.settings_fixes import EXCLUDED

pytestmark = pytest.mark.slow

IDENTITY = "eba55d4b-0df7-49b9-8eb9-85d5d3b57148"
NOW = datetime(2026, 12, 4, 10, tzinfo=UTC)


def plan() -> Plan:
    """Return the plan of a diagnosis that went the whole way against the sandbox."""
    evidence = missing_role()
    found = plan_fix("inc-1", evidence, judge(evidence), POLICY)
    assert isinstance(found, Plan)
    return found


@pytest.mark.parametrize(
    ("changes", "tags", "reason"),
    [
        ({}, {}, None),
        ({"mode": "off"}, {}, NotFixed.OFF),
        ({"registries": frozenset({"/other"})}, {}, NotFixed.NOT_IN_POLICY),
        ({"workspaces": frozenset()}, {}, NotFixed.NOT_IN_POLICY),
        ({"workspaces": frozenset(), "principals": frozenset({IDENTITY})}, {}, None),
        ({"roles": frozenset({REPOSITORY_READER})}, {}, NotFixed.NOT_IN_POLICY),
        ({"expires": NOW}, {}, NotFixed.EXPIRED),
        ({"expires": NOW + timedelta(seconds=1)}, {}, None),
        ({"expires": None}, {}, NotFixed.EXPIRED),
        ({"excluded": {"managed-by": Glob("terra*")}}, {"Managed-By": "Terraform"}, NotFixed.EXCLUDED),
        ({"excluded": {"managed-by": Glob("terra*")}}, {"managed-by": "people"}, None),
    ],
)
def test_the_policy_decides(changes: dict[str, Any], tags: dict[str, str], reason: NotFixed | None) -> None:
    """Everything has to be named; tags of infrastructure code stand against it, in any case."""
    members = {key: value for key, value in changes.items() if key != "mode"}
    policy = Policy() if "mode" in changes else replace(POLICY, **members)
    declined = allowed(policy, plan(), tags=tags, now=NOW)
    assert (declined.reason if declined else None) is reason
    if declined is not None:
        assert declined.why


@given(
    hours=st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=12),
    per_day=st.integers(1, 6),
    per_registry=st.integers(1, 6),
)
def test_the_ceilings_count_the_last_day(hours: list[tuple[bool, int]], per_day: int, per_registry: int) -> None:
    """Altogether and at the registry; what is older than 24 hours counts no more."""
    made = [(REGISTRY.lower() if here else "/other", NOW - timedelta(hours=ago)) for here, ago in hours]
    policy = replace(POLICY, per_day=per_day, per_registry=per_registry)
    lately = [registry for registry, at in made if NOW - at < timedelta(hours=24)]
    full = len(lately) >= per_day or lately.count(REGISTRY.lower()) >= per_registry
    declined = within_ceilings(policy, plan(), made, NOW)
    assert (declined is not None) is full


@pytest.mark.parametrize(
    ("tag", "value"),
    [("Managed-By", "terraform"), ("managedBy", ""), ("IaC", "true"), ("azd-env-name", "dev"), ("TERRAFORM", "yes")],
)
def test_by_default_the_usual_tags_of_infrastructure_code_are_heeded(tag: str, value: str) -> None:
    """In any case, since Resource Manager's tag names know none, and whatever their value."""
    policy = replace(POLICY, excluded={name: Glob(text) for name, text in EXCLUDED.items()})
    declined = allowed(policy, plan(), tags={"team": "vision", tag: value}, now=NOW)
    assert declined is not None
    assert declined.reason is NotFixed.EXCLUDED
    assert allowed(policy, plan(), tags={"team": "vision"}, now=NOW) is None


def test_neither_case_of_an_id_nor_another_registrys_fixes_matter() -> None:
    """Azure writes ids in any case; a ceiling at one registry is none at another."""
    found = plan()
    assert allowed(POLICY, replace(found, registry_id=found.registry_id.upper()), tags={}, now=NOW) is None
    other = [(f"{REGISTRY}2", NOW)] * (POLICY.per_registry - 1)
    assert within_ceilings(POLICY, found, [*other, (REGISTRY.upper(), NOW)], NOW) is not None  # three of three a day
    assert within_ceilings(replace(POLICY, per_day=9), found, [*other, (REGISTRY.upper(), NOW)], NOW) is None
