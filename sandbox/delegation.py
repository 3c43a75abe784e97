"""Who may assign which role to whom: the condition on a role assignment that lets somebody assign roles.

The forms are those of "Examples to delegate Azure role assignment management with conditions": parentheses, ``AND``,
``OR``, ``!``, ``ActionMatches``, and comparisons of one of the assignment's attributes with a list. Whatever else is
written lets nothing through, as a condition that cannot be judged does in Azure. Written apart from the product's own
reader of conditions, so that no fault is common to both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["lets_through"]

_OF = "Microsoft.Authorization/roleAssignments"
_MARKS = re.compile(
    r"\s*(?:ActionMatches\{'(?P<action>[^']+)'\}"
    rf"|@(?P<source>Request|Resource)\[{re.escape(_OF)}:(?P<name>\w+)\]\s*"
    r"For(?:Any|All)Of(?P<many>Any|All)Values:(?P<test>\w+)\s*\{(?P<values>[^{}]*)\}"
    r"|(?P<word>AND|OR|!|\(|\)))",
    re.IGNORECASE,
)
_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "guidequals": lambda held, wanted: held.lower() == wanted.lower(),
    "guidnotequals": lambda held, wanted: held.lower() != wanted.lower(),
    "stringequals": lambda held, wanted: held == wanted,
    "stringnotequals": lambda held, wanted: held != wanted,
    "stringequalsignorecase": lambda held, wanted: held.lower() == wanted.lower(),
    "stringnotequalsignorecase": lambda held, wanted: held.lower() != wanted.lower(),
}
_DEEPEST = 40


class _Unjudged(Exception):
    """The condition is written in a form that is none of those."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the condition is judged on."""

    action: str
    sources: Mapping[str, Mapping[str, str]]


def lets_through(condition: str, action: str, *, asked: Mapping[str, str], there: Mapping[str, str]) -> bool:
    """Tell whether ``condition`` lets ``action`` through.

    ``asked`` has what a request would assign, ``there`` what a resource holds: ``RoleDefinitionId``, ``PrincipalId``
    and ``PrincipalType``. A comparison of what is not there does not hold.
    """
    seen = _Seen(action.lower(), {"request": asked, "resource": there})
    try:
        marks = _marks(condition, seen)
        value = _expression(marks, 0)
    except _Unjudged:
        return False
    return value and not marks


def _marks(condition: str, seen: _Seen) -> list[bool | str]:
    """Return the condition's words in reverse order, each comparison as its truth."""
    found: list[bool | str] = []
    at, end = 0, len(condition.rstrip())
    while at < end:
        mark = _MARKS.match(condition, at)
        if mark is None:
            raise _Unjudged
        at = mark.end()
        if mark["action"]:
            found.append(mark["action"].lower() == seen.action)
        elif mark["source"]:
            found.append(_compared(mark, seen))
        else:
            found.append(mark["word"].upper())
    return found[::-1]


def _compared(mark: re.Match[str], seen: _Seen) -> bool:
    test = _TESTS.get(mark["test"].lower())
    wanted = [_value(text.strip(), quoted="string" in mark["test"].lower()) for text in mark["values"].split(",")]
    if test is None:
        raise _Unjudged
    held = seen.sources[mark["source"].lower()].get(mark["name"])
    joined = any if mark["many"].lower() == "any" else all
    return held is not None and joined(test(held, one) for one in wanted)


def _value(text: str, *, quoted: bool) -> str:
    """Texts stand in quotes, GUIDs bare."""
    shape = re.fullmatch(r"'([^']*)'" if quoted else r"([0-9a-fA-F-]+)", text)
    if shape is None:
        raise _Unjudged
    return shape[1]


def _expression(marks: list[bool | str], depth: int) -> bool:
    """Operands joined by one word; two of them mixed want parentheses."""
    values = [_operand(marks, depth)]
    joint = marks[-1] if marks and marks[-1] in {"AND", "OR"} else ""
    while joint and marks and marks[-1] == joint:
        marks.pop()
        values.append(_operand(marks, depth))
    return any(values) if joint == "OR" else all(values)


def _operand(marks: list[bool | str], depth: int) -> bool:
    if not marks or depth > _DEEPEST:
        raise _Unjudged
    mark = marks.pop()
    if mark == "!":
        return not _operand(marks, depth + 1)
    if mark == "(":
        value = _expression(marks, depth + 1)
        if not marks or marks.pop() != ")":
            raise _Unjudged
        return value
    if isinstance(mark, str):
        raise _Unjudged
    return mark
