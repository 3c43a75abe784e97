"""Where something stands in a settings file: ``settings.toml:14: routes[2].when.causes[0]``.

The line is looked for in the text, since the TOML reader does not tell it: found where that is certain and cheap, left
out where not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from diagnostics.redaction import redact

__all__ = ["Document", "Place", "Places", "place_text"]

Place = tuple[str | int, ...]
"""The keys and indices (from 0) that lead to a value."""

_HEADER = re.compile(r"\s*(\[\[?)([^\[\]]{1,200})\]\]?\s*(?:#.*)?")
_BARE = re.compile(r"[A-Za-z0-9_-]{1,40}")
_LONGEST_LINE = 2000


@dataclass(frozen=True, slots=True)
class Document:
    """A settings file as it was read: its name for people, and its text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class _Header:
    line: int
    path: tuple[str, ...]
    array: bool


def place_text(place: Place) -> str:
    """Return ``place`` as people write it. A key that could be anything but a name is not shown."""
    said = ""
    for part in place:
        if isinstance(part, int):
            said += f"[{part}]"
        else:
            shown = part if _BARE.fullmatch(part) and redact(part) == part else '"..."'
            said += f".{shown}" if said else shown
    return said


class Places:
    """The lines of one document."""

    def __init__(self, document: Document, parsed: Mapping[str, Any]) -> None:
        self._name = document.name
        self._lines = [line[:_LONGEST_LINE] for line in document.text.split("\n")]
        self._headers = tuple(self._found())
        self._parsed = parsed

    def __call__(self, place: Place) -> str:
        """Return file, line where it is known, and place."""
        line = self.line(place)
        where = f"{self._name}:{line}" if line else self._name
        return f"{where}: {place_text(place)}" if place else where

    def line(self, place: Place) -> int | None:
        """Return the line of ``place``, or of what it stands in; ``None`` where that is not certain."""
        span = self._span(place)
        if span is None:
            return None
        first, last = span
        keys = [part for part in place if isinstance(part, str)]
        for key in reversed(keys[1:]):
            shape = re.compile(rf"(?:^|[\s{{,.])[\"']?{re.escape(key)}[\"']?\s*=")
            hits = [number for number in range(first, last) if shape.search(self._lines[number])]
            if hits:
                return hits[0] + 1
        return first + 1

    def _found(self) -> Iterator[_Header]:
        for number, line in enumerate(self._lines):
            found = _HEADER.fullmatch(line) if line.lstrip().startswith("[") else None
            if found:
                path = tuple(part.strip().strip("\"'") for part in found.group(2).split("."))
                yield _Header(number, path, array=found.group(1) == "[[")

    def _span(self, place: Place) -> tuple[int, int] | None:
        """Return the lines (from 0, the last one excluded) of the section in which ``place`` stands."""
        if not place or not isinstance(place[0], str):
            return None
        section, entry = place[0], place[1] if len(place) > 1 else None
        if isinstance(entry, int):
            starts = [index for index, it in enumerate(self._headers) if it.array and it.path == (section,)]
            entries = self._parsed.get(section)
            if not isinstance(entries, list) or len(starts) != len(entries) or entry >= len(starts):
                return None
            return self._until_other(starts[entry])
        paths = [(section, entry), (section,)] if isinstance(entry, str) else [(section,)]
        for path in paths:
            starts = [index for index, it in enumerate(self._headers) if not it.array and it.path == path]
            if len(starts) == 1:
                return self._until_other(starts[0])
        return None

    def _until_other(self, start: int) -> tuple[int, int]:
        """Return the lines from a header to the next one that does not belong below it."""
        head = self._headers[start]
        for following in self._headers[start + 1 :]:
            below = following.path[: len(head.path)] == head.path and len(following.path) > len(head.path)
            if not below:
                return head.line, following.line
        return head.line, len(self._lines)
