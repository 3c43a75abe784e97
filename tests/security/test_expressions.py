"""Every regular expression of the product that Python's own ``re`` runs: none can take more than linear time.

Text of others is matched by RE2 (:mod:`diagnostics.linear`), which is linear by construction. Where ``re`` is used, the
expression itself is looked at here, by its parsed form: without a repetition inside a repetition and without two
unbounded ones after another it cannot backtrack beyond a product of small numbers. What needs more is listed with what
bounds its text.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest

import diagnostics
import responders

MANY = 300
"""A repetition of at most so many counts as bounded: it multiplies the time by a small number."""

SHORT = {
    "diagnostics.run_notes._SECRET": "names of fields, cut to 60 characters",
    "diagnostics.run_notes._REGISTRY": "names of fields, cut to 60 characters",
    "diagnostics.run_notes._ELSEWHERE": "fullmatch on a value cut to 2,000 characters",
    "diagnostics.reference._BARE": "our own documents",
    "diagnostics.rights._NAME": "our own declarations",
    "diagnostics.rights._SECRET": "our own declarations",
    "responders.preview._MARKUP": "our own samples",
    "responders.channels.apprise._STATUS": "a library's line of log, which it makes",
    "responders.settings_places._HEADER": "a line of the settings file, which its owners write",
    "responders.tickets.azure_devops._REFERENCE": "fullmatch on a setting, and each part begins with a dot",
    "responders.tickets.jira._MAIL": "fullmatch on a setting",
    "responders.fixes.words._COMMAND": "words of ours, cut to a message's limits",
}
"""Expressions that could be slower on a long text, with what bounds it."""


def expressions() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Yield every compiled expression of every module of the product, by its name."""
    for package in (diagnostics, responders):
        for found in walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.endswith("__main__"):
                continue
            module = import_module(found.name)
            for name, value in vars(module).items():
                if isinstance(value, re.Pattern):
                    yield f"{found.name}.{name}", value


ALL = dict(expressions())


def unbounded(parsed: Any, *, inside: bool = False) -> Iterator[str]:
    """Yield why an expression could take more than linear time on one start: how its repetitions stand."""
    open_ones: list[Any] = []
    for operation, argument in parsed:
        name = str(operation)
        if name in {"LITERAL", "NOT_LITERAL", "ANY", "IN"}:  # what a repetition cannot take ends it for certain
            open_ones = [one for one in open_ones if _overlap(one, [(operation, argument)])]
        elif name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            least, most, inner = argument
            if most > MANY:
                yield from _endless(inner, open_ones, inside=inside)
                open_ones.append(inner)
            elif least:
                open_ones = [one for one in open_ones if _overlap(one, inner)]
            yield from unbounded(inner, inside=inside or most > 1)
        else:
            for part in _parts(name, argument):
                yield from unbounded(part, inside=inside)


def _endless(inner: Any, open_ones: list[Any], *, inside: bool) -> Iterator[str]:
    if inside:
        yield "a repetition inside a repetition"
    if any(_overlap(inner, other) for other in open_ones):
        yield "two repetitions after another that share characters"


def _parts(name: str, argument: Any) -> list[Any]:
    """Return the expressions that a group, a choice or an assertion is made of."""
    if name == "SUBPATTERN":
        return [argument[-1]]
    if name == "BRANCH":
        return list(argument[1])
    return [argument[1]] if name in {"ASSERT", "ASSERT_NOT"} else []


def _overlap(one: Any, other: Any) -> bool:
    """Tell whether two repeated parts share a character; parts that are no single class count as sharing."""
    first, second = _characters(one), _characters(other)
    return first is None or second is None or bool(first & second)


def _characters(part: Any) -> frozenset[str] | None:
    """Return the characters below 256 of a repeated class, ``None`` where it is more than one."""
    if len(part) != 1:
        return None
    operation, argument = part[0]
    name = str(operation)
    if name == "LITERAL":
        return frozenset(chr(argument))
    if name == "NOT_LITERAL":
        return frozenset(map(chr, range(256))) - {chr(argument)}
    if name == "ANY":
        return frozenset(map(chr, range(256))) - {"\n"}
    return _of_class(argument) if name == "IN" else None


def _of_class(members: Any) -> frozenset[str]:
    found: set[str] = set()
    negated = False
    for operation, argument in members:
        name = str(operation)
        if name == "NEGATE":
            negated = True
        elif name == "LITERAL":
            found.add(chr(argument))
        elif name == "RANGE":
            found |= set(map(chr, range(argument[0], min(argument[1], 255) + 1)))
        else:
            known = {"CATEGORY_DIGIT": r"\d", "CATEGORY_SPACE": r"\s", "CATEGORY_WORD": r"\w"}
            shape = known.get(str(argument), r"[\s\S]")
            found |= {c for c in map(chr, range(256)) if re.fullmatch(shape, c)}
    return frozenset(map(chr, range(256))) - found if negated else frozenset(found)


def parsed(pattern: re.Pattern[Any]) -> Any:
    """Return the parsed form of an expression, as ``re`` itself makes it."""
    return sys.modules["re"]._parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)


@pytest.mark.parametrize("name", sorted(ALL))
def test_no_expression_can_backtrack_without_end(name: str) -> None:
    """A new expression that could has to be RE2's, or to be listed with what bounds its text."""
    if name not in SHORT:
        assert list(unbounded(parsed(ALL[name]))) == []


def test_the_list_of_exceptions_is_current() -> None:
    """Nothing is excused that is not there."""
    assert set(SHORT) <= set(ALL)


@pytest.mark.parametrize("slow", [r"(a+)+b", r"(?:a|b*)*c", r"a*a*b", r"\w+\d+x", r"(a+b?){2,}", r".*x.*y"])
def test_a_slow_expression_would_be_seen(slow: str) -> None:
    """The check can fail."""
    assert list(unbounded(parsed(re.compile(slow))))


@pytest.mark.parametrize("fast", [r"[a-z]+", r"[^<>]*>", r"a+b+", r"(ab?){1,9}", r"https://[a-z]+/[A-Z]+"])
def test_a_fast_expression_is_let_through(fast: str) -> None:
    """The check says no more than it has to."""
    assert list(unbounded(parsed(re.compile(fast)))) == []


def test_no_expression_is_made_of_somebody_elses_text_by_re() -> None:
    """``re.compile`` and its like get constants; a pattern of others goes to RE2."""
    made = re.compile(
        r"\bre\.(?:compile|search|match|fullmatch|sub|split|findall|finditer)\(\s*(?![rbf]*[\"']|[A-Z_]+\))"
    )
    named = {
        f"{path.relative_to(root.parent)}:{number}"
        for root in (Path(diagnostics.__path__[0]), Path(responders.__path__[0]))
        for path in root.rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if made.search(line) and not line.rstrip().endswith("(")
    }
    assert named == set()
