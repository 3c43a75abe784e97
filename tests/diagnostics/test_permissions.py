"""Whether role assignments grant the pull: by actions and not-actions, never by a role's name."""

from __future__ import annotations

from itertools import combinations
from types import SimpleNamespace

import pytest
from diagnostic_samples import custom_grant, grant
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.actions import matches
from diagnostics.facts import GrantedPermissions
from diagnostics.permissions import (
    CONTENT_READ,
    METADATA_READ,
    PULL,
    Right,
    blocks_of,
    grants_action,
    grants_pull,
    wanted_actions,
    without_conditions,
)

REGISTRY_WIDE = {
    "Owner",
    "Contributor",
    "Reader",
    "AcrPull",
    "AcrPush",
    "Azure AI Administrator",
    "User Access Administrator",  # by */read, whatever it is called
}
REPOSITORY_WIDE = {
    "Container Registry Repository Reader",
    "Container Registry Repository Writer",
    "Container Registry Repository Contributor",
}
NEITHER = {
    "AcrDelete",
    "AcrImageSigner",
    "AcrQuarantineReader",
    "Container Registry Repository Catalog Lister",
}


def obvious(pattern: str, action: str) -> bool:
    """Match by trying everything that a star can stand for: slow, and plainly right."""
    if not pattern:
        return not action
    if pattern[0] == "*":
        return any(obvious(pattern[1:], action[cut:]) for cut in range(len(action) + 1))
    return bool(action) and pattern[0] == action[0] and obvious(pattern[1:], action[1:])


def granted_obviously(blocks: list[GrantedPermissions], action: str) -> bool:
    """Compute actions minus not-actions block by block, as the documents say it."""
    for block in blocks:
        given_here = [pattern for pattern in block.actions if obvious(pattern.lower(), action.lower())]
        taken_here = [pattern for pattern in block.not_actions if obvious(pattern.lower(), action.lower())]
        if given_here and not taken_here:
            return True
    return False


PIECES = st.text("ab/*", max_size=7)
ACTIONS = st.text("abAB/", max_size=9)
SEGMENTS = st.lists(
    st.sampled_from(["*", "read", "pull", "registries", "Microsoft.ContainerRegistry", "repositories", "r*d"]),
    min_size=1,
    max_size=5,
).map("/".join)
PATTERNS = SEGMENTS | st.sampled_from([PULL, PULL.upper(), "*", "*/read", "Microsoft.ContainerRegistry/registries/*"])
BLOCKS = st.lists(
    st.builds(
        GrantedPermissions,
        actions=st.lists(PATTERNS, max_size=3).map(tuple),
        not_actions=st.lists(PATTERNS, max_size=2).map(tuple),
    ),
    max_size=3,
)


@settings(max_examples=500)
@given(pattern=PIECES, action=ACTIONS)
def test_wildcards_match_as_a_slow_evaluator_says(pattern: str, action: str) -> None:
    """Whatever stars a pattern holds, it covers exactly what trying everything finds."""
    assert matches(pattern, action) == obvious(pattern.lower(), action.lower())


@settings(max_examples=400)
@given(blocks=BLOCKS, action=st.sampled_from([PULL, CONTENT_READ, "registries/read", "pull/pull"]))
def test_blocks_grant_as_a_slow_evaluator_says(blocks: list[GrantedPermissions], action: str) -> None:
    """Actions minus not-actions in each block, the blocks added up."""
    assert grants_action(blocks, action) == granted_obviously(blocks, action)


def test_a_hostile_pattern_costs_no_time() -> None:
    """A role definition of many stars is matched in linear time: nobody else's text may hold a worker."""
    assert not matches("*a" * 5_000 + "b", "a" * 20_000)


@pytest.mark.parametrize(
    ("pattern", "action", "covered"),
    [
        ("*", PULL, True),
        ("*/read", PULL, True),
        ("Microsoft.ContainerRegistry/*/read", PULL, True),
        ("microsoft.containerregistry/REGISTRIES/pull/read", PULL, True),
        ("Microsoft.ContainerRegistry/registries/read", PULL, False),
        ("Microsoft.ContainerRegistry/registries/pull/rea", PULL, False),
        ("Microsoft.ContainerRegistry/registries/pull/read*", PULL, True),
        ("Microsoft.ContainerRegistry/registries/*/pull/read", PULL, False),
        ("*/registries/pull/*read", PULL, True),
        ("*/pull/*/read", PULL, False),
        ("*read*/read", PULL, False),
        ("*pull/*pull/read", PULL, False),
        ("*pull*pull/*", PULL, False),
        ("*/pull*ull/read", PULL, False),
        ("*/registries*/pull*/read", PULL, True),
        ("", PULL, False),
    ],
)
def test_patterns_of_real_roles(pattern: str, action: str, *, covered: bool) -> None:
    """Patterns as role definitions write them cover what they should."""
    assert matches(pattern, action) is covered


@pytest.mark.parametrize("role", sorted(REGISTRY_WIDE))
def test_roles_that_pull_registry_wide_do_not_pull_by_repository(role: str) -> None:
    """Owner, Contributor, Reader and the Acr roles pull in one mode and give nothing in the other."""
    assert grants_pull([grant(role)], abac=False) is Right.GRANTED
    assert grants_pull([grant(role)], abac=True) is Right.ABSENT


@pytest.mark.parametrize("role", sorted(REPOSITORY_WIDE))
def test_repository_roles_pull_only_in_the_mode_that_knows_them(role: str) -> None:
    """The repository roles hold data actions alone, which the registry-wide mode does not ask for."""
    assert grants_pull([grant(role)], abac=True) is Right.GRANTED
    assert grants_pull([grant(role)], abac=False) is Right.ABSENT


@pytest.mark.parametrize("role", sorted(NEITHER))
@pytest.mark.parametrize("abac", [False, True])
def test_roles_that_only_sound_like_it_grant_nothing(role: str, *, abac: bool) -> None:
    """A role's name decides nothing: these cannot pull in either mode."""
    assert grants_pull([grant(role)], abac=abac) is Right.ABSENT


@pytest.mark.parametrize("abac", [False, True])
def test_no_roles_grant_nothing(*, abac: bool) -> None:
    """Nobody pulls by an empty list."""
    assert grants_pull([], abac=abac) is Right.ABSENT


def test_assignments_add_up() -> None:
    """One role that grants is enough, whatever else is held, in any order."""
    held = [grant("AcrDelete"), grant("AcrImageSigner"), grant("AcrPull")]
    assert all(grants_pull(order, abac=False) is Right.GRANTED for order in (held, held[::-1]))
    assert all(grants_pull(pair, abac=True) is Right.ABSENT for pair in combinations(held, 2))


def test_a_role_s_blocks_are_read_as_azure_gives_them() -> None:
    """Each list stands in its own place, and what Azure leaves out holds nothing."""
    full = SimpleNamespace(
        actions=["a/read", "a/write"], not_actions=["a/delete"], data_actions=["b/read"], not_data_actions=["b/write"]
    )
    bare = SimpleNamespace(actions=None, not_actions=None, data_actions=None, not_data_actions=None)
    assert blocks_of(iter([full, bare])) == (
        GrantedPermissions(
            actions=("a/read", "a/write"),
            not_actions=("a/delete",),
            data_actions=("b/read",),
            not_data_actions=("b/write",),
        ),
        GrantedPermissions(),
    )
    assert blocks_of([]) == blocks_of(None) == ()


@pytest.mark.parametrize("said", ["it", None, ""])
def test_without_their_conditions_assignments_are_else_the_same(said: str | None) -> None:
    """Whoever asks what a condition takes away compares with the same role, scope and permissions."""
    held = [grant("AcrPull", condition=said), custom_grant(actions=(PULL,), condition=said)]
    assert without_conditions(held) == (grant("AcrPull"), custom_grant(actions=(PULL,)))


def test_a_not_action_takes_the_pull_away_in_its_own_role_only() -> None:
    """A role that takes the pull away from itself does not take it away from another role."""
    block = GrantedPermissions(actions=("*",), not_actions=("Microsoft.ContainerRegistry/registries/pull/*",))
    without = grant(permissions=(block,))
    assert grants_pull([without], abac=False) is Right.ABSENT
    assert grants_pull([without, grant("AcrPull")], abac=False) is Right.GRANTED


def test_a_not_data_action_takes_the_content_away() -> None:
    """Data actions minus not-data-actions decide in the repositories' mode."""
    block = GrantedPermissions(data_actions=(CONTENT_READ,), not_data_actions=("*/content/read",))
    assert grants_pull([grant(permissions=(block,))], abac=True) is Right.ABSENT


@pytest.mark.parametrize("abac", [False, True])
def test_a_condition_is_not_guessed_at(*, abac: bool) -> None:
    """A role with a condition may or may not cover the image: undecided, unless another role decides."""
    role = "Container Registry Repository Reader" if abac else "AcrPull"
    conditional = grant(role, condition="@Request[...] StringStartsWith 'team/'")
    assert grants_pull([conditional], abac=abac) is Right.UNDECIDED
    assert grants_pull([conditional, grant(role)], abac=abac) is Right.GRANTED


@pytest.mark.parametrize("repository", ["team/train", "other/train", None])
def test_a_condition_on_the_name_decides_nothing_in_the_mode_without_names(repository: str | None) -> None:
    """A registry-wide pull is not asked for by repository: what such a condition then does is not documented."""
    name = "@Request[Microsoft.ContainerRegistry/registries/repositories:name]"
    held = [grant("AcrPull", condition=f"{name} StringEquals 'team/train'")]
    assert grants_pull(held, abac=False, repository=repository) is Right.UNDECIDED


def test_a_pull_asks_for_one_right_or_for_two() -> None:
    """The pull itself registry-wide, the content before the metadata by repository."""
    assert wanted_actions(abac=False) == (PULL,)
    assert wanted_actions(abac=True) == (CONTENT_READ, METADATA_READ)


def test_a_condition_on_a_role_that_grants_nothing_matters_not() -> None:
    """A conditional role without the pull is simply no right."""
    assert grants_pull([grant("AcrDelete", condition="anything")], abac=False) is Right.ABSENT


@pytest.mark.parametrize(
    ("actions", "right"),
    [
        (("Microsoft.ContainerRegistry/registries/*",), Right.UNDECIDED),
        (("Microsoft.ContainerRegistry/*",), Right.UNDECIDED),
        (("microsoft.containerregistry/REGISTRIES/*/read",), Right.UNDECIDED),
        ((PULL,), Right.GRANTED),
        ((PULL, "Microsoft.ContainerRegistry/registries/*"), Right.GRANTED),
        (("*",), Right.GRANTED),
        (("*/read",), Right.GRANTED),
        (("Microsoft.ContainerRegistry/registries/read",), Right.ABSENT),
    ],
)
def test_a_custom_role_s_wildcard_in_registry_actions_is_undecided(actions: tuple[str, ...], right: Right) -> None:
    """The documents are unclear about such wildcards, so they are no proof; what is spelt out is."""
    assert grants_pull([custom_grant(actions=actions)], abac=False) is right


def test_a_custom_role_s_wildcard_in_data_actions_is_undecided_too() -> None:
    """The same holds for data actions in the repositories' mode."""
    wild = custom_grant(data_actions=("Microsoft.ContainerRegistry/registries/repositories/*",))
    assert grants_pull([wild], abac=True) is Right.UNDECIDED
    assert grants_pull([custom_grant(data_actions=(CONTENT_READ, METADATA_READ))], abac=True) is Right.GRANTED


def test_a_right_taken_away_in_one_block_does_not_clear_another_block_s_wildcard() -> None:
    """Only the blocks that grant the pull say how clearly it is granted."""
    blocks = (
        GrantedPermissions(actions=(PULL,), not_actions=(PULL,)),
        GrantedPermissions(actions=("Microsoft.ContainerRegistry/registries/*",)),
    )
    held = grant(custom=True, permissions=blocks)
    assert grants_pull([held], abac=False) is Right.UNDECIDED
