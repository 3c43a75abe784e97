"""Requests and answers as every simulated service sees them: plain values, no sockets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

__all__ = [
    "CUT",
    "Answer",
    "Content",
    "Cut",
    "Literal",
    "Reply",
    "Request",
    "Tree",
    "empty",
    "json_answer",
    "text_answer",
]

# What JSON or YAML was read into; its shape is checked where it is used.
Tree: TypeAlias = Any

JSON_TYPE = "application/json; charset=utf-8"


class Content(Protocol):
    """A body that may be far larger than memory: it knows its size and hands out any range of itself."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """Return the bytes from ``start`` up to, without, ``stop``, in pieces of at most 64 KiB."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A body held in memory."""

    data: bytes = b""

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.data)

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """Return the asked range in one piece, or nothing where it is empty."""
        if piece := self.data[start:stop]:
            yield piece


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. Header names are lower case; ``path`` is decoded, ``target`` is as sent, with its
    query.
    """

    method: str
    host: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    scheme: str = "https"

    @property
    def raw_path(self) -> str:
        """The path as sent, percent signs and all, without its query."""
        return urlsplit(self.target).path if self.target.startswith("http") else self.target.partition("?")[0]

    @property
    def path(self) -> str:
        """The decoded path without its query."""
        return unquote(self.raw_path)

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters; of a repeated one the last."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The body's fields where it is a form; else nothing."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def bearer(self) -> str | None:
        """The token of a ``Bearer`` authorization, if that is what was sent."""
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else None

    def json(self) -> Tree:
        """Return the body read as JSON; ``ValueError`` where it is none."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer: status, headers in order, and a body (the range ``start``..``stop`` of
    ``content``).
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    content: Content = Literal()
    start: int = 0
    stop: int | None = None

    @property
    def length(self) -> int:
        """How many bytes the body has."""
        return (self.content.size if self.stop is None else self.stop) - self.start

    @property
    def text(self) -> str:
        """The whole body as text; for answers that are small."""
        return b"".join(self.pieces()).decode("utf-8")

    def pieces(self) -> Iterator[bytes]:
        """Return the body in pieces, in order."""
        return self.content.chunks(self.start, self.start + self.length)

    def header(self, name: str) -> str | None:
        """Return the first header of that name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def plus(self, *headers: tuple[str, str]) -> Answer:
        """Return the same answer with further headers."""
        return replace(self, headers=(*self.headers, *headers))

    def retry_after(self, seconds: int | None) -> Answer:
        """Return the same answer asking for a pause, where there is one to ask for."""
        return self if seconds is None else self.plus(("Retry-After", str(seconds)))


@dataclass(frozen=True, slots=True)
class Cut:
    """No answer: the connection is closed as a broken network would."""


CUT = Cut()


@dataclass(frozen=True, slots=True)
class Half:
    """The first half of an answer, after which the connection is closed."""

    answer: Answer


Reply = Answer | Cut | Half


def json_answer(status: int, body: object, headers: Iterable[tuple[str, str]] = ()) -> Answer:
    """Return a compact JSON answer, apostrophes escaped as Azure's own serialisers do (recorded shape)."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=True).replace("'", "\\u0027")
    return Answer(status, (("Content-Type", JSON_TYPE), *headers), Literal(text.encode()))


def text_answer(status: int, text: str, content_type: str, headers: Iterable[tuple[str, str]] = ()) -> Answer:
    """Return an answer of another content type."""
    return Answer(status, (("Content-Type", content_type), *headers), Literal(text.encode()))


def empty(status: int, headers: Iterable[tuple[str, str]] = ()) -> Answer:
    """Return an answer without a body."""
    return Answer(status, tuple(headers))


_RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")


def asked_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the half-open range that a ``Range`` header asks of ``size`` bytes.

    The whole where there is no header or none that can be read (RFC 9110 lets a server ignore it); ``None``
    where the range starts behind the end, which is answered 416.
    """
    found = _RANGE.match(header.replace(" ", "")) if header else None
    if found is None or found.group(0) == "bytes=-":
        return 0, size
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size
    start, stop = int(first), min(size, int(last) + 1) if last else size
    return (start, stop) if start < min(stop, size) else None
