"""Conditions on assigning roles: the sandbox's own reader, against the documents and against the product's reader."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.conditions import admits
from responders.fixes.right import DELETE, WRITE, fixer_condition
from sandbox.delegation import lets_through

OF = "Microsoft.Authorization/roleAssignments"
PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
SOMEBODY = "88888888-0000-4000-8000-000000000008"
ASKED = {"RoleDefinitionId": PULL, "PrincipalId": SOMEBODY, "PrincipalType": "ServicePrincipal"}
NOT_OWNER = f"@Request[{OF}:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals {{{OWNER}, {SOMEBODY}}}"


def through(condition: str, action: str = WRITE, **changes: str) -> bool:
    """Judge a request that asks for what is there already."""
    held = {**ASKED, **changes}
    return lets_through(condition, action, asked=held, there=held)


@pytest.mark.parametrize("action", [WRITE, DELETE])
def test_the_fixers_condition(action: str) -> None:
    """Each half holds for its own action, and other actions are none of its business."""
    condition = fixer_condition([SOMEBODY])
    assert through(condition, action)
    assert not through(condition, action, RoleDefinitionId=OWNER)
    assert not through(condition, action, PrincipalType="User")
    assert not through(condition, action, PrincipalId=OWNER)
    assert through(condition, "Microsoft.Authorization/roleAssignments/read", PrincipalType="User")


def test_each_half_looks_at_its_own_source() -> None:
    """What a request says of itself does not open the way to remove something else."""
    owner = {**ASKED, "RoleDefinitionId": OWNER}
    assert not lets_through(fixer_condition(), DELETE, asked=ASKED, there=owner)
    assert lets_through(fixer_condition(), DELETE, asked=owner, there=ASKED)
    assert not lets_through(fixer_condition(), WRITE, asked=owner, there=ASKED)


def test_most_roles_but_not_these() -> None:
    """The documents' example of what must not be assigned."""
    assert through(NOT_OWNER)
    assert not through(NOT_OWNER, RoleDefinitionId=OWNER.upper())


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "(",
        "ActionMatches{'a'} AND",
        f"{NOT_OWNER} AND {NOT_OWNER} OR {NOT_OWNER}",
        f"{NOT_OWNER} {NOT_OWNER}",
        f"({NOT_OWNER}",
        f"{NOT_OWNER})",
        "!" * 100 + NOT_OWNER,
        NOT_OWNER.replace(OWNER, f"'{OWNER}'"),
        NOT_OWNER.replace("GuidNotEquals", "GuidResembles"),
        NOT_OWNER.replace("Request", "Principal"),
        NOT_OWNER.replace("RoleDefinitionId", "Description"),
        "__import__('os')",
    ],
)
def test_what_cannot_be_judged_lets_nothing_through(condition: str) -> None:
    """Neither does a comparison of an attribute that is not there."""
    assert not through(condition)


TESTS = st.sampled_from(["GuidEquals", "GuidNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"])
CROSSES = st.sampled_from([f"For{left}Of{right}Values" for left in ("Any", "All") for right in ("Any", "All")])
VALUES = st.lists(st.sampled_from([PULL, OWNER, SOMEBODY.upper(), "ServicePrincipal", "user"]), min_size=1, max_size=3)


def compared(source: str, name: str, cross: str, test: str, values: list[str]) -> str:
    """Write a comparison; texts stand in quotes, GUIDs bare."""
    quote = "'" if test.startswith("String") else ""
    fitting = [value for value in values if quote or value[0] in "78"] or [OWNER]
    listed = ", ".join(f"{quote}{value}{quote}" for value in fitting)
    return f"@{source}[{OF}:{name}] {cross}:{test} {{{listed}}}"


LEAVES: st.SearchStrategy[str] = st.one_of(
    st.sampled_from([f"ActionMatches{{'{WRITE}'}}", f"ActionMatches{{'{DELETE}'}}"]),
    st.builds(compared, st.sampled_from(["Request", "Resource"]), st.sampled_from(list(ASKED)), CROSSES, TESTS, VALUES),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda one: f"!({one})"),
        st.tuples(st.sampled_from([" AND ", " OR ", "\nOR "]), st.lists(inner, min_size=2, max_size=3)).map(
            lambda it: it[0].join(f"({one})" for one in it[1])
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=400)
@given(
    condition=CONDITIONS,
    action=st.sampled_from([WRITE, DELETE]),
    role=st.sampled_from([PULL, OWNER]),
    kind=st.sampled_from(["ServicePrincipal", "User"]),
)
def test_two_readers_that_share_nothing_agree(condition: str, action: str, role: str, kind: str) -> None:
    """The product says that a condition lets something through exactly where the sandbox does."""
    held = {**ASKED, "RoleDefinitionId": role, "PrincipalType": kind}
    known: dict[tuple[str, str], Any] = {
        (source, f"{OF}:{name}".lower()): value for source in ("request", "resource") for name, value in held.items()
    }
    assert admits(condition, action=action, attributes=known) is lets_through(condition, action, asked=held, there=held)
