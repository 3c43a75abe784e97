"""How the keys of a file are described, and the check that a file has no others.

Every value may be null, which counts as absent, except the names and ids that other parts refer to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.wire import Tree

__all__ = ["Either", "Free", "Keyed", "Many", "Scalar", "problems"]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A plain value of one of the types; ``named`` values may not be null."""

    types: tuple[type, ...]
    words: str
    named: bool = False


@dataclass(frozen=True, slots=True)
class Many:
    """A list of one kind of entry."""

    of: Any


@dataclass(frozen=True, slots=True)
class Keyed:
    """A mapping from free names to one kind of entry."""

    of: Any


@dataclass(frozen=True, slots=True)
class Either:
    """Text, or the other kind."""

    other: Any


class Free:
    """Anything at all."""


def problems(value: object, rule: Tree, where: str = "") -> Iterator[str]:
    """Everything that is wrong with a file's contents, each named by its key's path; nothing where all is
    well.
    """
    if isinstance(rule, Scalar):
        yield from _scalar(value, rule, where)
    elif value is None or isinstance(rule, Free):
        return
    elif isinstance(rule, Either):
        if not isinstance(value, str):
            yield from problems(value, rule.other, where)
    elif isinstance(rule, Many):
        yield from _many(value, rule, where)
    else:
        yield from _mapping(value, rule, where)


def _scalar(value: object, rule: Scalar, where: str) -> Iterator[str]:
    if value is None:
        if rule.named:
            yield f"{where}: is required"
    elif not isinstance(value, rule.types) or (isinstance(value, bool) and bool not in rule.types):
        yield f"{where}: expected {rule.words}, found {value!r}"


def _many(value: object, rule: Many, where: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{where}: expected a list, found {value!r}"
        return
    for index, entry in enumerate(value):
        yield from problems(entry, rule.of, f"{where}[{index}]")


def _mapping(value: object, rule: Tree, where: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{where or 'the file'}: expected a mapping, found {value!r}"
        return
    if isinstance(rule, Keyed):
        for key, entry in value.items():
            yield from problems(entry, rule.of, f"{where}[{key!r}]")
        return
    prefix = f"{where}." if where else ""
    for key in value:
        if key not in rule:
            yield f"{prefix}{key}: unknown key; known here: {', '.join(sorted(rule))}"
    for key, entry in rule.items():
        yield from problems(value.get(key), entry, f"{prefix}{key}")
