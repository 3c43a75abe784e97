"""Text that is safe to hand on: cleaned of what controls a display, and cut so that nobody overlooks it.

A run's log, names and tags are written by anyone who can submit a run. :func:`clean` takes away what a
terminal, a chat client or a reader's eye could be led astray with; escaping is the business of each channel,
whose syntax it is. :func:`cut` returns whether it cut, so that the caller can say so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["ELLIPSIS", "Cost", "Cut", "clean", "cut", "one_line", "total", "utf16_units"]

ELLIPSIS = "…"

Cost = Callable[[str], int]
"""What one character costs in a channel's final form, after escaping."""

# C0 and C1 controls (an escape character starts terminal commands), lone surrogates (not encodable),
# non-characters, and the bidirectional controls, which can make a line read as something that it is not
# ("Trojan Source", 2021).
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Cut:
    """A text within its limit, and whether something was taken away."""

    text: str
    was_cut: bool


def clean(text: str) -> str:
    """Return ``text`` with line ends unified, tabs widened and each controlling character as U+FFFD."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", _LINE_ENDS.sub("\n", text)).replace("\t", "    ")


def one_line(text: str) -> str:
    """Return ``text`` cleaned and on one line."""
    return " ".join(clean(text).split())


def utf16_units(character: str) -> int:
    """Return 2 beyond the basic plane and 1 within: chat services count as JavaScript does."""
    return 2 if ord(character) > 0xFFFF else 1


def total(text: str, cost: Cost) -> int:
    """Return what all of ``text`` costs; each of its characters is asked for once."""
    return sum(cost(character) * count for character, count in Counter(text).items())


def cut(text: str, limit: int, cost: Cost = utf16_units) -> Cut:
    """Return the longest beginning of ``text`` that costs at most ``limit``, an ellipsis included where it was cut."""
    if total(text, cost) <= limit:
        return Cut(text, was_cut=False)
    reserve = cost(ELLIPSIS)
    spent = fitting = 0
    for position, character in enumerate(text):
        spent += cost(character)
        if spent > limit:
            break
        if spent <= limit - reserve:
            fitting = position + 1
    return Cut(text[:fitting].rstrip() + ELLIPSIS if limit >= reserve else "", was_cut=True)
