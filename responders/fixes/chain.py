"""A chain of entries, each with the hash of the one before: how it is hashed, and how it is checked. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from responders.wording import clean

__all__ = ["GENESIS", "Mark", "Verdict", "check", "entry_key", "hash_of", "number_of", "plain_entry"]

GENESIS = "0" * 64
"""``previous`` of the first entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far the chain went: the number and the hash of an entry. ``origin`` says who says so."""

    number: int
    hash: str
    origin: str = "the head record"
    schema: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is wrong with a chain, in a sentence each, and its last entry."""

    problems: tuple[str, ...]
    last: Mark

    @property
    def whole(self) -> bool:
        """Whether nothing shows that anything was changed."""
        return not self.problems


def hash_of(plain: Mapping[str, Any]) -> str:
    """Return the SHA-256 of an entry: of its JSON without ``hash``, keys sorted, no spaces, all but ASCII escaped."""
    kept = {name: value for name, value in plain.items() if name != "hash"}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return sha256(text.encode("ascii")).hexdigest()


def entry_key(number: int) -> str:
    """Return the key under which an entry is kept: keys are in the order of the numbers."""
    return f"{number:012}"


def plain_entry(body: str) -> dict[str, Any] | None:
    """Return an entry in JSON's own values, ``None`` where the text is no JSON object."""
    try:
        plain = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return plain if isinstance(plain, dict) else None


def number_of(plain: Mapping[str, Any]) -> int:
    """Return an entry's number, -1 where it has none."""
    number = plain.get("number")
    return number if type(number) is int else -1


def check(stored: Iterable[tuple[str, str]], marks: Iterable[Mark] = ()) -> Verdict:
    """Check a chain of (key, JSON text) in the order of the keys against itself and against ``marks``."""
    known = tuple(marks)
    wanted = {mark.number for mark in known}
    problems: list[str] = []
    last, hashes = Mark(number=0, hash=GENESIS), {0: GENESIS}
    for key, body in stored:
        plain = plain_entry(body)
        if plain is None or number_of(plain) < 0:
            problems.append(f"what is kept under {clean(key)} cannot be read")
            last = Mark(number=last.number + 1, hash="")
            continue
        problems += _misplaced(key, plain, last)
        last = Mark(number=number_of(plain), hash=str(plain.get("hash")))
        if last.number in wanted:
            hashes[last.number] = last.hash
    return Verdict(problems=(*problems, *_against(known, last, hashes)), last=last)


def _against(marks: Iterable[Mark], last: Mark, hashes: Mapping[int, str]) -> Iterator[str]:
    for mark in marks:
        if mark.number > last.number:
            yield f"{mark.origin} says that there were {mark.number} entries; those behind {last.number} are missing"
        elif hashes.get(mark.number, mark.hash) != mark.hash:
            yield f"{mark.origin} has another hash of entry {mark.number}: it was written anew"


def _misplaced(key: str, plain: Mapping[str, Any], last: Mark) -> Iterator[str]:
    number = number_of(plain)
    if key != entry_key(number):
        yield f"entry {number} is kept in the place of {clean(key)}: it was moved or inserted"
    if hash_of(plain) != plain.get("hash"):
        yield f"entry {number} was changed: its hash is not that of what it says"
    if number > last.number + 1:
        missing = f"entries {last.number + 1} to {number - 1} are"
        yield f"{missing if number > last.number + 2 else f'entry {number - 1} is'} missing"
    elif number <= last.number:
        yield f"entry {number} stands behind entry {last.number}: it was moved or inserted"
    elif last.hash and plain.get("previous") != last.hash:
        yield f"entry {number} does not continue what stands before it: one of the two was put there later"
