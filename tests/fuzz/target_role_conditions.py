"""A role's condition: what is said of it is what a slow evaluator of the same tree says; of any text, nothing raises."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from drawing import Draw

from diagnostics.conditions import holds

NAME = "@Request[Microsoft.ContainerRegistry/registries/repositories:name]"
READ = "Microsoft.ContainerRegistry/registries/repositories/content/read"
OPERATORS = (
    "StringEquals",
    "StringStartsWith",
    "StringLike",
    "StringNotEquals",
    "StringNotStartsWith",
    "StringNotLike",
)
CROSSES = ("ForAnyOfAnyValues", "ForAllOfAnyValues", "ForAnyOfAllValues", "ForAllOfAllValues")
PIECES = ("team", "Team", "/", "train", "a", "b", "*", "?", "**", "a*b", ".", "-")
LONGEST = 8 * 1024
"""Azure's own limit for a condition."""

UNKNOWN = (
    f"{NAME} StringMatches 'x'",
    "SubOperationMatches{'Blob.List'}",
    f"Exists {NAME}",
    "@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:a_b] StringEquals 'x'",
)
SEEDS = (
    f"\x00((!(ActionMatches{{'{READ}'}})) OR ({NAME} StringStartsWithIgnoreCase 'team/'))".encode(),
    f"\x00{NAME} StringLike '{'*a' * 300}'".encode(),
    b"\x00" + b"(" * 500 + b"!" * 500,
    b"\x01" + bytes(range(90)),
    b"\x01" + bytes(range(3, 250, 7)) * 3,
)
TOKENS = (b"AND", b"||", b"&&", b"!(", b"ActionMatches{'", NAME.encode(), b"StringLike", b"ForAnyOfAnyValues:", b"'")

Tree = tuple[str, Any]


def fuzz(data: bytes) -> None:
    """Hold the reader of conditions to its promise."""
    draw = Draw(data)
    if draw.byte() % 2 == 0:
        text = draw.rest().decode("utf-8", "replace")
        assert holds(text, action=READ, repository="team/train") in (True, False, None)
        return
    name, action = draw.text(PIECES, 4), draw.pick((READ, "Other/action"))
    left = [1]
    tree = _tree(draw, 4, left)
    text = _written(tree, draw)
    said = holds(text, action=action, repository=name)
    if len(text) > LONGEST:
        assert said is None
        return
    outcomes = {_decided(tree, action, name, unknown=value) for value in (True, False)}
    assert said is (outcomes.pop() if len(outcomes) == 1 else None)


def _tree(draw: Draw, depth: int, unknowns: list[int]) -> Tree:
    """Return a tree with one unknown at most: then Kleene's tables and trying both values agree by theorem."""
    kind = draw.below(6)
    if kind < 3 and depth and not draw.done:
        if kind == 0:
            return "not", _tree(draw, depth - 1, unknowns)
        return ("and", "or")[kind - 1], [_tree(draw, depth - 1, unknowns) for _ in range(2 + draw.below(2))]
    if kind == 5 and unknowns[0]:
        unknowns[0] = 0
        return "unknown", draw.pick(UNKNOWN)
    if kind == 4:
        return "action", draw.pick((READ, READ.upper(), READ[:-4] + "*", "Other/action"))
    cross = draw.pick(("", *CROSSES))
    values = [draw.text(PIECES, 3) for _ in range(1 + draw.below(3) if cross else 1)]
    values = ["".join(c for c in value if c.isascii() and c.isprintable() and c not in "'\\") for value in values]
    return "name", (cross, draw.pick(OPERATORS), draw.truth(), values)


def _written(tree: Tree, draw: Draw) -> str:
    kind, of = tree
    if kind == "unknown":
        return str(of)
    if kind == "action":
        return f"ActionMatches{{'{of}'}}"
    if kind == "not":
        return f"{draw.pick(('!', 'NOT ', 'not '))}({_written(of, draw)})"
    if kind in {"and", "or"}:
        between = draw.pick(((" AND ", " && ", "&&"), (" OR ", " || ", "\n||"))[kind == "or"])
        return between.join(f"({_written(child, draw)})" for child in of)
    cross, operator, ignoring, values = of
    word = operator + ("IgnoreCase" if ignoring else "")
    if not cross:
        return f"{NAME} {word} '{values[0]}'"
    listed = ", ".join(f"'{value}'" for value in values)
    return f"{NAME} {cross}:{word} {{{listed}}}"


def _decided(tree: Tree, action: str, name: str, *, unknown: bool) -> bool:
    kind, of = tree
    if kind == "unknown":
        return unknown
    if kind == "action":
        return fnmatchcase(action.lower(), of.lower())
    if kind == "not":
        return not _decided(of, action, name, unknown=unknown)
    if kind in {"and", "or"}:
        values = [_decided(child, action, name, unknown=unknown) for child in of]
        return all(values) if kind == "and" else any(values)
    cross, operator, ignoring, values = of
    found = [_compared(operator, *((name.lower(), it.lower()) if ignoring else (name, it))) for it in values]
    return all(found) if cross.endswith("AllValues") else any(found)


def _compared(operator: str, left: str, right: str) -> bool:
    if "Not" in operator:
        return not _compared(operator.replace("Not", ""), left, right)
    if operator == "StringEquals":
        return left == right
    if operator == "StringStartsWith":
        return left.startswith(right)
    return fnmatchcase(left, right.replace("[", "[[]"))
