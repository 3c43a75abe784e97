"""Log files that are described instead of written: any range of them can be made without making the rest."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol

from sandbox.wire import Content, Literal

__all__ = ["log_content"]

BLOCK = 64 * 1024
FILLER = "INFO the job environment is being prepared"


class _Part(Protocol):
    @property
    def size(self) -> int: ...

    def block(self, index: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Text:
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def block(self, index: int) -> bytes:
        return self.data[index * BLOCK : (index + 1) * BLOCK]


@dataclass(frozen=True, slots=True)
class _Noise:
    """Pseudo-random characters of an alphabet: the same for the same seed, whichever block is asked first."""

    size: int
    table: bytes
    seed: str

    def block(self, index: int) -> bytes:
        length = min(BLOCK, self.size - index * BLOCK)
        return random.Random(f"{self.seed}:{index}").randbytes(length).translate(self.table)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Numbered lines of equal length, cut to ``size`` bytes; the last byte is a line's end."""

    size: int
    text: str

    @property
    def width(self) -> int:
        return len(self._line(0))

    def _line(self, number: int) -> bytes:
        return f"{number:012d} {self.text}\n".encode()

    def block(self, index: int) -> bytes:
        start, stop = index * BLOCK, min(self.size, (index + 1) * BLOCK)
        first, last = start // self.width, -(-stop // self.width)
        lines = b"".join(self._line(number) for number in range(first, last))
        piece = lines[start - first * self.width : stop - first * self.width]
        return piece[:-1] + b"\n" if stop == self.size else piece


@dataclass(frozen=True, slots=True)
class _Assembled:
    parts: tuple[_Part, ...]

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        ends = list(accumulate(part.size for part in self.parts))
        while start < stop:
            which = bisect_right(ends, start)
            offset = start - (ends[which] - self.parts[which].size)
            block = self.parts[which].block(offset // BLOCK)
            piece = block[offset % BLOCK :][: stop - start]
            yield piece
            start += len(piece)


def _noise(line: Mapping[str, Any]) -> _Noise:
    alphabet = str(line.get("alphabet") or "abcdefghijklmnopqrstuvwxyz").encode()
    table = bytes(alphabet[value % len(alphabet)] for value in range(256))
    return _Noise(int(line["bytes"]), table, str(line.get("seed", 0)))


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _generated(recipe: Mapping[str, Any]) -> Content:
    before, after = _ended(recipe.get("before") or "").encode(), (recipe.get("after") or "").encode()
    parts: list[_Part] = [_Text(before)]
    if line := recipe.get("single_line"):
        parts += [_noise(line), _Text(b"\n")]
    if total := recipe.get("size_bytes"):
        rest = total - len(after) - sum(part.size for part in parts)
        parts.append(_Lines(max(0, rest), recipe.get("line") or FILLER))
    return _Assembled(tuple(part for part in [*parts, _Text(after)] if part.size))


def log_content(entry: str | Mapping[str, Any]) -> Content | None:
    """Return what a run's log holds: the text, or what its recipe describes; ``None`` where the file is
    missing.
    """
    if isinstance(entry, str):
        return Literal(entry.encode())
    recipe = entry.get("generate")
    return _generated(recipe) if recipe else None
