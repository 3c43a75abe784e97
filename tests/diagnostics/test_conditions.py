"""Conditions of role assignments on a repository's name: read as Azure writes them, and never guessed."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import pytest
from costs import assert_linear
from diagnostic_samples import grant
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.conditions import admits, holds
from diagnostics.facts import GrantedPermissions
from diagnostics.permissions import CONTENT_READ, METADATA_READ, PULL, Right, denies_pull, grants_pull

NAME = "@Request[Microsoft.ContainerRegistry/registries/repositories:name]"
READER = "Container Registry Repository Reader"
PORTAL = (
    "((!(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/content/read'}) AND "
    "!(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/metadata/read'}))\n"
    f" OR ({NAME} StringStartsWithIgnoreCase 'team/'))"
)
DELEGATION = (
    "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR "
    "(@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals "
    "{7f951dda-4ed3-4680-a7ca-43fe172d538d, b93aa761-3e63-49ed-ac28-beffa264f7ac}))"
)

WRITE = "Microsoft.Authorization/roleAssignments/write"
ROLE = ("request", "microsoft.authorization/roleassignments:roledefinitionid")
DELETER, SIGNER = "c2f4ef07-c644-48eb-af81-4b1b4947fb11", "6cef56e8-d556-48e5-a04f-b8e64114680f"

MANY = ",".join(["'*a*b'"] * 1_000)

Tree = Any
Value = bool | None


# --- an independent evaluator: slow, and plainly right ------------------------------------------------------


def plain(operator: str, left: str, right: str) -> bool:
    """Judge one comparison by the documents' own words for each operator."""
    if operator.endswith("IgnoreCase"):
        return plain(operator[: -len("IgnoreCase")], left.casefold(), right.casefold())
    if operator.startswith("StringNot"):
        return not plain("String" + operator[len("StringNot") :], left, right)
    if operator == "StringEquals":
        return left == right
    if operator == "StringStartsWith":
        return left[: len(right)] == right
    return fnmatchcase(left, right.replace("[", "[[]"))


def slow(tree: Tree, action: str, name: str) -> Value:
    """Judge a tree by trying both values for what is unknown: the outcome is known only where both agree."""
    outcomes = {decided(tree, action, name, unknown=value) for value in (True, False)}
    return outcomes.pop() if len(outcomes) == 1 else None


def decided(node: Tree, action: str, name: str, *, unknown: bool) -> bool:
    """Judge a tree in two values, ``unknown`` standing in for what is not known."""
    kind = node[0]
    if kind == "unknown":
        return unknown
    if kind == "action":
        return bool(action.casefold() == node[1].casefold())
    if kind == "not":
        return not decided(node[1], action, name, unknown=unknown)
    if kind in {"and", "or"}:
        values = [decided(child, action, name, unknown=unknown) for child in node[1]]
        return all(values) if kind == "and" else any(values)
    _, cross, operator, values = node
    found = [plain(operator, name, value) for value in values]
    return all(found) if cross.endswith("AllValues") else any(found)


def written(node: Tree, draw: Callable[[Any], str]) -> str:
    """Write a tree in one of the spellings that the language has."""
    kind = node[0]
    if kind == "unknown":
        return draw(
            st.sampled_from(
                [
                    "@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:a_b] StringEquals 'x'",
                    f"{NAME} StringStartsWith @Principal[Microsoft.Directory/CustomSecurityAttributes/Id:a_b]",
                    "SubOperationMatches{'Blob.List'}",
                    f"Exists {NAME}",
                    f"{NAME} StringMatches 'x'",
                ]
            )
        )
    if kind == "action":
        return f"ActionMatches{{'{node[1]}'}}"
    if kind == "not":
        return f"{draw(st.sampled_from(['!', 'NOT ', 'not ']))}({written(node[1], draw)})"
    if kind in {"and", "or"}:
        spellings = {"and": [" AND ", " && ", "&&", " and "], "or": [" OR ", " || ", "\n|| ", " Or "]}[kind]
        return draw(st.sampled_from(spellings)).join(f"({written(child, draw)})" for child in node[1])
    _, cross, operator, values = node
    if not cross:
        return f"{NAME} {operator} '{values[0]}'"
    return f"{NAME} {cross}:{operator} {{{', '.join(repr(value) for value in values)}}}"


TEXTS = st.text("abAB/-", max_size=5)
GLOBS = st.text("abA/*?", max_size=5)
OPERATORS = st.sampled_from(
    [
        f"String{no}{what}{case}"
        for no in ("", "Not")
        for what in ("Equals", "StartsWith")
        for case in ("", "IgnoreCase")
    ]
)
LIKES = st.sampled_from([f"String{no}Like{case}" for no in ("", "Not") for case in ("", "IgnoreCase")])
CROSSES = st.sampled_from([f"For{left}Of{right}Values" for left in ("Any", "All") for right in ("Any", "All")])
LEAVES = st.one_of(
    st.just(("unknown",)),
    st.tuples(st.just("action"), st.sampled_from([CONTENT_READ, METADATA_READ.upper(), "Other/action"])),
    st.tuples(st.just("name"), st.just(""), OPERATORS, st.lists(TEXTS, min_size=1, max_size=1)),
    st.tuples(st.just("name"), st.just(""), LIKES, st.lists(GLOBS, min_size=1, max_size=1)),
    st.tuples(st.just("name"), CROSSES, OPERATORS, st.lists(TEXTS, min_size=1, max_size=3)),
    st.tuples(st.just("name"), CROSSES, LIKES, st.lists(GLOBS, min_size=1, max_size=3)),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=6,
)


def without_twins(node: Tree) -> bool:
    """Whether an unknown stands once at most: then trying its values and Kleene's tables agree by theorem."""
    return str(node).count("('unknown',)") <= 1


@settings(max_examples=600)
@given(data=st.data(), tree=TREES.filter(without_twins), name=st.text("abAB/", min_size=1, max_size=6))
def test_conditions_are_judged_as_a_slow_evaluator_says(data: st.DataObject, tree: Tree, name: str) -> None:
    """Whatever is put together from the language's parts, in any spelling, comes out as trying every value says."""
    text = written(tree, data.draw)
    assert holds(text, action=CONTENT_READ, repository=name) == slow(tree, CONTENT_READ, name), text


@settings(max_examples=400)
@given(text=st.text("@!(){}[]'&|,:abANDOR \n*", max_size=60))
def test_nonsense_is_never_an_error(text: str) -> None:
    """Whatever somebody wrote, the answer is true, false or unknown."""
    assert holds(text, action=CONTENT_READ, repository="team/train") in {True, False, None}


# --- what Azure writes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("repository", "covered"), [("team/train", True), ("TEAM/train", True), ("teams/train", False), ("team", False)]
)
def test_the_portal_s_condition_covers_what_lies_below_its_prefix(repository: str, *, covered: bool) -> None:
    """A prefix with its closing slash covers what is below it and nothing that only begins alike."""
    assert holds(PORTAL, action=CONTENT_READ, repository=repository) is covered
    assert holds(PORTAL, action=METADATA_READ, repository=repository) is covered
    assert holds(PORTAL, action=PULL, repository=repository) is True


def test_a_condition_about_something_else_lets_the_pull_through() -> None:
    """A constrained delegation speaks of writing roles: the pull is decided without understanding the rest."""
    assert holds(DELEGATION, action=PULL, repository=None) is True
    assert holds(DELEGATION, action="Microsoft.Authorization/roleAssignments/write", repository=None) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(",
        f"{NAME}",
        f"{NAME} StringEquals",
        f"{NAME} StringEquals 'a",
        f"{NAME} StringEquals 'a' 'b'",
        f"{NAME} StringEquals 'a' AND {NAME} StringEquals 'b' OR {NAME} StringEquals 'c'",
        f"{NAME} StringEquals {{'a', 'team/train'}}",
        f"{NAME} StringEquals team/train",
        f"{NAME} StringStartsWith 'te\\am'",
        f"{NAME} StringStartsWith 'täm'",
        "@Resource[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'team/train'",
        "ActionMatches{}",
        "!" * 60 + f"({NAME} StringEquals 'a')",
    ],
)
def test_what_the_documents_do_not_define_is_unknown(text: str) -> None:
    """An operator without its value, two kinds of operator side by side, a set without its quantifier: no guess."""
    assert holds(text, action=CONTENT_READ, repository="team/train") is None


@pytest.mark.parametrize(
    ("length", "value"), [(8 * 1024, True), (8 * 1024 + 1, None)], ids=["the longest", "one character more"]
)
def test_a_condition_is_read_up_to_azure_s_own_limit(length: int, value: Value) -> None:
    """Azure stores 8 KB: so much is judged, and what is longer did not come from there."""
    text = f"{NAME} StringEquals 'team/train'".ljust(length - 1)
    assert holds(f"({text[:-1]})".ljust(length), action=CONTENT_READ, repository="team/train") is value


@pytest.mark.parametrize(
    ("before", "after", "value"),
    [
        ("(" * 40, ")" * 40, True),
        ("(" * 41, ")" * 41, None),
        ("!" * 40, "", True),
        ("!" * 41, "", None),
        ("!(" * 20, ")" * 20, True),
        ("!(" * 20 + "(", ")" * 21, None),
    ],
)
def test_a_condition_is_read_forty_levels_deep(before: str, after: str, value: Value) -> None:
    """Eight times as deep as the portal's editor nests, parentheses and negations counted alike; deeper is unknown."""
    text = f"{before}{NAME} StringEquals 'team/train'{after}"
    assert holds(text, action=CONTENT_READ, repository="team/train") is value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"Exists {NAME}", True),
        (f"NotExists {NAME}", True),
        (f"notexists {NAME}", True),
        ("SubOperationMatches{'Blob.List'}", True),
        (f"{NAME} StringMatches 'x'", True),
        (f"{NAME} StringEquals {NAME}", True),
        (f"{NAME} StringEquals train", True),
        ("Exists", None),
        ("NotExists 'x'", None),
        ("'Exists' 'x'", None),
        ("Holds 'x'", None),
        (f"'ActionMatches'{{'{CONTENT_READ}'}}", None),
        ("'x'", None),
        ("}", None),
    ],
)
def test_what_is_documented_and_undecided_leaves_the_rest_to_decide(text: str, value: Value) -> None:
    """Beside a part that is true, "or" is true whatever a defined form comes to; another form spoils the whole."""
    covered = f"ActionMatches{{'{CONTENT_READ}'}}"
    assert holds(f"{covered} OR {text}", action=CONTENT_READ, repository="team/train") is value
    assert holds(f"({text}) || {covered}", action=CONTENT_READ, repository="team/train") is value
    assert holds(text, action=CONTENT_READ, repository="team/train") is None


@pytest.mark.parametrize(
    "text",
    [
        f"({NAME} StringEquals 'a' AND {NAME} StringEquals 'b' OR {NAME} StringEquals 'team/train')",
        f"({NAME} StringEquals 'team/train' OR {NAME} StringEquals 'a' AND {NAME} StringEquals 'b')",
        f"{NAME} StringEquals 'team/train' || {NAME} StringEquals 'a' && {NAME} StringEquals 'b'",
        f"!{NAME} StringEquals 'a' && {NAME} StringEquals 'a' || {NAME} StringEquals 'team/train'",
    ],
)
def test_two_kinds_of_operator_side_by_side_are_unknown(text: str) -> None:
    """Which of them binds closer is not documented, within parentheses as without, whatever either way would give."""
    assert holds(text, action=CONTENT_READ, repository="team/train") is None


@pytest.mark.parametrize(
    ("wanted", "covered"),
    [
        (CONTENT_READ, True),
        (CONTENT_READ.upper(), True),
        ("Microsoft.ContainerRegistry/registries/repositories/*", True),
        ("MICROSOFT.CONTAINERREGISTRY/REGISTRIES/REPOSITORIES/CONTENT/READ*", True),
        ("*", True),
        ("*/read", True),
        ("Microsoft.ContainerRegistry/*/read", True),
        ("microsoft.containerregistry/*/REPOSITORIES/*", True),
        ("Microsoft.ContainerRegistry/registries/repositories/content/x*", False),
        ("Microsoft.ContainerRegistry/*/write", False),
        ("*/repositories", False),
        ("*/content/rea?", False),
        ("*/content.read", False),
        ("Microsoft.ContainerRegistry/registries/repositories/metadata/*", False),
        ("Microsoft.ContainerRegistry/registries/repositories/content", False),
        (f"{CONTENT_READ}s", False),
        (f"{CONTENT_READ}/", False),
    ],
)
def test_an_action_is_matched_as_in_a_role_s_own_list(wanted: str, *, covered: bool) -> None:
    """A star stands for any run of characters, wherever it is; without one the action is the named one, in any case."""
    assert holds(f"ActionMatches{{'{wanted}'}}", action=CONTENT_READ, repository=None) is covered
    other = "ActionMatches{'Other/action', '%s'}"
    assert holds(other % wanted, action=CONTENT_READ, repository=None) is covered


@pytest.mark.parametrize(
    ("like", "covered"),
    [
        ("team/*", True),
        ("*/train", True),
        ("t*/t*", True),
        ("team/tr?in", True),
        ("????/train", True),
        ("*?/train", True),
        ("team/train?", False),
        ("?team/train", False),
        ("team?train?", False),
        ("team.train", False),
        ("[a-z/]*", False),
        ("TEAM/*", False),
        ("team/", False),
    ],
)
def test_a_text_is_like_another_by_two_wildcards(like: str, *, covered: bool) -> None:
    """A star stands for any run of characters, a question mark for one; whatever else means itself, in its own case."""
    assert holds(f"{NAME} StringLike '{like}'", action=CONTENT_READ, repository="team/train") is covered
    assert holds(f"{NAME} StringNotLike '{like}'", action=CONTENT_READ, repository="team/train") is not covered
    assert holds(f"{NAME} StringLikeIgnoreCase '{like}'", action=CONTENT_READ, repository="TEAM/Train") is (
        covered or like == "TEAM/*"
    )


# --- what is assigned ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("test", "value"),
    [
        (f"GuidEquals {DELETER}", True),
        (f"GuidEquals {DELETER.upper()}", True),
        (f"guidequals {DELETER}", True),
        (f"GuidEquals {SIGNER}", False),
        (f"GuidNotEquals {DELETER}", False),
        (f"GuidNotEquals {DELETER.upper()}", False),
        (f"GuidNotEquals {SIGNER}", True),
        (f"ForAnyOfAnyValues:GuidEquals {{{SIGNER}, {DELETER}}}", True),
        (f"ForAnyOfAnyValues:GuidEquals {{{SIGNER}}}", False),
        (f"ForAnyOfAllValues:GuidEquals {{{SIGNER}, {DELETER}}}", False),
        (f"ForAnyOfAllValues:GuidNotEquals {{{SIGNER}, {DELETER}}}", False),
        (f"ForAnyOfAllValues:GuidNotEquals {{{SIGNER}}}", True),
        (f"GuidEquals '{DELETER}'", None),
        (f"ForAnyOfAnyValues:GuidEquals {{{DELETER}, '{DELETER}'}}", None),
        (f"StringEquals {DELETER}", None),
        (f"GuidStartsWith {DELETER}", None),
        (f"GuidEquals {{{SIGNER}, {DELETER}}}", None),
    ],
)
def test_guids_are_compared_bare_and_in_any_case(test: str, value: Value) -> None:
    """A delegation names roles by GUIDs without quotes; in quotes they are texts, which only text operators compare."""
    text = f"@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] {test}"
    assert admits(text, action=WRITE, attributes={ROLE: DELETER}) is value
    assert admits(text, action=WRITE, attributes={ROLE: DELETER.upper()}) is value


def test_a_guid_is_asked_of_the_attribute_that_the_condition_names() -> None:
    """The same name in the request and on the resource are two attributes; one that is not known decides nothing."""
    text = f"@REQUEST[ microsoft.authorization/ROLEASSIGNMENTS:roleDefinitionId ] GuidEquals {DELETER}"
    assert admits(text, action=WRITE, attributes={ROLE: DELETER}) is True
    assert admits(text, action=WRITE, attributes={("resource", ROLE[1]): DELETER}) is None
    assert admits(text, action=WRITE, attributes={}) is None


def test_without_a_name_the_name_decides_nothing() -> None:
    """Where the image's reference is not known, only a condition that asks for no name is judged."""
    assert holds(f"{NAME} StringEquals 'a'", action=CONTENT_READ, repository=None) is None


@pytest.mark.parametrize(
    "text",
    [
        "(" * 8_000,
        "!" * 8_000,
        f"{NAME} StringLike '{'*a' * 4_000}'",
        f"{NAME} ForAnyOfAnyValues:StringLike {{{MANY}}}",
        f"ActionMatches{{'{'*a' * 4_000}'}}",
        f"ActionMatches{{{MANY}}}",
        "x" * 8_000,
        "'" + "a" * 8_000,
        f"{NAME} StringEquals 'a' AND " * 150,
        "y" * 100_000,
    ],
)
def test_a_hostile_condition_costs_no_time(text: str) -> None:
    """Depth and length are bounded and no pattern backtracks: others' text may not hold a worker."""

    def look(size: int) -> None:
        assert holds(text[:size], action=CONTENT_READ, repository="a" * 255) in {True, False, None}

    assert_linear(look, len(text) // 4)


# --- the right that follows ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("repository", "right"),
    [("team/train", Right.GRANTED), ("other/train", Right.ABSENT), (None, Right.UNDECIDED)],
)
def test_the_right_follows_the_condition(repository: str | None, right: Right) -> None:
    """A repository role grants, grants nothing, or is undecided, as its condition is met, not met, or not known."""
    assert grants_pull([grant(READER, condition=PORTAL)], abac=True, repository=repository) is right


def test_one_role_that_covers_is_enough() -> None:
    """Assignments add up: a condition narrows its own assignment alone."""
    other = grant(READER, condition=f"{NAME} StringEquals 'other/train'")
    held = [other, grant(READER, condition=PORTAL)]
    assert grants_pull(held, abac=True, repository="team/train") is Right.GRANTED
    assert grants_pull([other], abac=True, repository="team/train") is Right.ABSENT


def test_content_and_metadata_are_two_rights() -> None:
    """The documents name both: the content alone is undecided, the metadata alone is nothing, two roles add up."""
    content = grant(permissions=(GrantedPermissions(data_actions=(CONTENT_READ,)),))
    metadata = grant(permissions=(GrantedPermissions(data_actions=(METADATA_READ,)),))
    assert grants_pull([content], abac=True, repository="a") is Right.UNDECIDED
    assert grants_pull([metadata], abac=True, repository="a") is Right.ABSENT
    assert grants_pull([content, metadata], abac=True, repository="a") is Right.GRANTED


@pytest.mark.parametrize("action", ["Microsoft.ContainerRegistry/*/read", "*/read"])
def test_a_condition_for_a_pattern_of_actions_narrows_the_pull(action: str) -> None:
    """Who narrows all reading to one repository has not granted another."""
    narrow = f"(!(ActionMatches{{'{action}'}})) OR ({NAME} StringEquals 'team/train')"
    assert grants_pull([grant(READER, condition=narrow)], abac=True, repository="team/train") is Right.GRANTED
    assert grants_pull([grant(READER, condition=narrow)], abac=True, repository="other/train") is Right.ABSENT


def test_a_condition_for_one_action_leaves_the_other_open() -> None:
    """A condition that lets the metadata through and not the content takes the pull away."""
    narrow = f"!(ActionMatches{{'{CONTENT_READ}'}}) OR {NAME} StringEquals 'other'"
    assert grants_pull([grant(READER, condition=narrow)], abac=True, repository="team/train") is Right.ABSENT


PATTERNS = st.sampled_from(
    ["*", "*/read", PULL, PULL.upper(), CONTENT_READ, "Microsoft.ContainerRegistry/*", "*/pull/*", "Other/*"]
)
BLOCKS = st.lists(
    st.builds(
        GrantedPermissions,
        actions=st.lists(PATTERNS, max_size=3).map(tuple),
        not_actions=st.lists(PATTERNS, max_size=2).map(tuple),
        data_actions=st.lists(PATTERNS, max_size=3).map(tuple),
        not_data_actions=st.lists(PATTERNS, max_size=2).map(tuple),
    ),
    max_size=3,
)


@settings(max_examples=300)
@given(blocks=BLOCKS, abac=st.booleans())
def test_denials_are_judged_as_a_slow_evaluator_says(blocks: list[GrantedPermissions], *, abac: bool) -> None:
    """What a deny assignment's block names, less its not-actions, is denied: in the lists of the registry's own mode."""

    def covered(patterns: tuple[str, ...], action: str) -> bool:
        return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)

    wanted = CONTENT_READ if abac else PULL
    expected = False
    for block in blocks:
        named, spared = (block.data_actions, block.not_data_actions) if abac else (block.actions, block.not_actions)
        expected = expected or (covered(named, wanted) and not covered(spared, wanted))
    assert denies_pull(blocks, abac=abac) is expected
