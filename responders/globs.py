"""Shell-style patterns: ``*`` for any text, ``?`` for one character, everything else for itself. Linear in time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from diagnostics.linear import Pattern, pattern

__all__ = ["LONGEST_GLOB", "Glob"]

LONGEST_GLOB = 300
"""Characters of a pattern: a workspace's resource id fits."""

_LONGEST_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern as it was written, which a whole text matches whatever its case. :class:`ValueError`: too long."""

    text: str
    _pattern: Pattern = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        if len(self.text) > LONGEST_GLOB:
            raise ValueError(f"a pattern has at most {LONGEST_GLOB} characters")
        shape = {"*": ".*", "?": "."}
        parts = (shape.get(character) or re.escape(character) for character in _clean(self.text))
        object.__setattr__(self, "_pattern", pattern(f"(?is){''.join(parts)}"))

    @property
    def plain(self) -> bool:
        """Whether it stands for one text alone."""
        return not set(self.text) & {"*", "?"}

    def matches(self, text: str) -> bool:
        """Tell whether all of ``text`` matches; of a text of more than 2000 characters only these are looked at."""
        return self._pattern.fullmatch(_clean(text[:_LONGEST_TEXT])) is not None


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
