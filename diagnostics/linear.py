"""Patterns that match in linear time: google-re2 with types, for all text that others wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, AnyStr, Protocol, TypeVar

import re2

__all__ = ["BytesPattern", "Match", "Pattern", "bytes_pattern", "pattern"]

Text_co = TypeVar("Text_co", str, bytes, covariant=True)

_compile: Callable[..., Any] = re2.compile  # the package carries no types

_LATIN1 = re2.Options()
_LATIN1.encoding = re2.Options.Encoding.LATIN1


class Match(Protocol[Text_co]):
    """Protocol: what is used of a match; like :class:`re.Match`."""

    def group(self, group: int = 0, /) -> Text_co:
        """Return the text of a group."""
        ...

    def start(self, group: int = 0, /) -> int:
        """Return where a group begins."""
        ...

    def end(self, group: int = 0, /) -> int:
        """Return where a group ends."""
        ...

    def groups(self) -> tuple[Text_co, ...]:
        """Return all groups."""
        ...


class _Pattern(Protocol[AnyStr]):
    """Protocol: what is used of a pattern; like :class:`re.Pattern`."""

    def search(self, text: AnyStr, pos: int = 0, /) -> Match[AnyStr] | None:
        """Find the first match."""
        ...

    def match(self, text: AnyStr, pos: int = 0, /) -> Match[AnyStr] | None:
        """Match at ``pos``."""
        ...

    def fullmatch(self, text: AnyStr, /) -> Match[AnyStr] | None:
        """Match the whole text."""
        ...

    def finditer(self, text: AnyStr, pos: int = 0, /) -> Iterator[Match[AnyStr]]:
        """Iterate over the matches."""
        ...

    def sub(self, replacement: AnyStr | Callable[[Match[AnyStr]], AnyStr], text: AnyStr, /) -> AnyStr:
        """Replace every match."""
        ...


Pattern = _Pattern[str]
BytesPattern = _Pattern[bytes]


def pattern(expression: str) -> Pattern:
    """Compile ``expression`` (RE2 syntax) for text that holds no lone surrogates."""
    compiled: Pattern = _compile(expression)
    return compiled


def bytes_pattern(expression: bytes) -> BytesPattern:
    """Compile ``expression`` for bytes in any encoding; a byte above 127 is a character of no class."""
    compiled: BytesPattern = _compile(expression, _LATIN1)
    return compiled
