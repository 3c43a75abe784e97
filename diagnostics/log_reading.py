"""From a log's bytes to redacted lines: decoding, cleaning, numbering and cutting. No I/O."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from itertools import islice

from diagnostics.linear import pattern
from diagnostics.model import LogExcerpt
from diagnostics.redaction import redact

__all__ = [
    "LONGEST_LINE",
    "MOST_LINES",
    "Cuts",
    "Part",
    "UnreadableLog",
    "decode",
    "excerpts_of_parts",
    "neutral",
    "refuse_binary",
]

LONGEST_LINE = 4_000
MOST_LINES = 20_000
_HEAD_LINES = MOST_LINES // 4
_SAMPLE = 64 * 1024

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ARCHIVES = ((b"\x1f\x8b", "gzip"), (b"PK\x03\x04", "zip"), (b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"))

_ESCAPES = pattern(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[PX^_][^\x1b\n]*\x1b\\|[ -/]*[0-Z\\-~])?"
)
# Control, direction-changing, invisible and line-separating characters other than tab and newline.
_NEUTRAL = dict.fromkeys(
    (
        *(code for code in range(0x20) if code not in (0x09, 0x0A)),
        *range(0x7F, 0xA0),
        0xAD,
        0x61C,
        *range(0x200B, 0x2010),
        *range(0x2028, 0x202F),
        *range(0x2060, 0x2070),
        0xFEFF,
        *range(0xE0000, 0xE0080),
    ),
    "\ufffd",
)
_ESCAPED_ENDS = pattern(r"(?:\\+[nr])+")
# What a secret is written in: the rest of one that the cut fell into stands before the first other character.
_SECRET_REST = pattern(r"[A-Za-z0-9_\-.~+/=%\\]*")


class UnreadableLog(Exception):
    """A log that cannot be read as text; the message is one sentence that begins with the file's name."""


@dataclass(frozen=True, slots=True)
class Part:
    """Text as decoded: a whole log, or its beginning (``open_end``) or its end (``open_start``).

    A line too long to quote is split at its escaped line ends where ``no_file`` says that nobody counts the lines.
    """

    text: str
    no_file: bool = field(default=False, kw_only=True)
    open_start: bool = field(default=False, kw_only=True)
    open_end: bool = field(default=False, kw_only=True)


@dataclass(slots=True)
class Cuts:
    """Collects in words what was left out and why."""

    notes: list[str] = field(default_factory=list)

    def middle(self, amount: str, reason: str) -> None:
        """Note a middle that was not read."""
        self.notes.append(f"the middle, {amount}, was left out: {reason}")

    def words(self, more: list[str]) -> str | None:
        """Return all notes as one text, ``None`` where nothing was cut."""
        return "; ".join([*self.notes, *more]) or None


def neutral(text: str) -> str:
    """Return ``text`` with each character that a terminal or a reader's eye could be led astray with as U+FFFD.

    Tabs and line breaks stay.
    """
    return text.translate(_NEUTRAL)


def refuse_binary(file: str, data: bytes) -> None:
    """Raise :class:`UnreadableLog` where ``data`` is no text: an archive, many NULs, much undecodable."""
    sample = data[:_SAMPLE]
    kind = next((name for magic, name in _ARCHIVES if sample.startswith(magic)), None)
    if kind:
        raise UnreadableLog(redact(f"{file}: it is a {kind} archive, unpack it first"))
    text, encoding = decode(sample)
    if encoding != "utf-8" or not sample:
        return
    strange = sum(text.count(c) for c in "\x00\x01\x02\x03\x04\x05\x06\x0e\x0f\x10\ufffd")
    if strange > max(8, len(text) // 10):
        raise UnreadableLog(redact(f"{file}: it is not text but binary data"))


def decode(data: bytes, encoding: str | None = None) -> tuple[str, str]:
    """Return text and encoding: that of the byte order mark, else ``encoding``, else UTF-8; never fails."""
    for mark, name in _BOMS:
        if encoding is None and data.startswith(mark):
            return data[len(mark) :].decode(name, "replace"), name
    encoding = encoding or "utf-8"
    return data.decode(encoding, "replace"), encoding


def excerpts_of_parts(file: str, head: Part, tail: Part | None, cuts: Cuts) -> tuple[LogExcerpt, ...]:
    """Return the redacted lines of a log's part or parts; ``tail`` counts from -1 back."""
    if tail is None:
        return _numbered(file, _lines(head), cuts)
    first, last = _lines(head), _lines(tail)
    found = (
        _excerpt(file, 1, first.lines[:MOST_LINES], cuts, first.notes),
        _excerpt(file, -len(last.lines[-MOST_LINES:]), last.lines[-MOST_LINES:], cuts, last.notes),
    )
    return tuple(excerpt for excerpt in found if excerpt.lines)


@dataclass(slots=True)
class _Lines:
    lines: list[str]
    notes: list[str]


def _numbered(file: str, read: _Lines, cuts: Cuts) -> tuple[LogExcerpt, ...]:
    """One excerpt, or two with true numbers where there are too many lines."""
    count = len(read.lines)
    if not count:
        return ()
    if count <= MOST_LINES:
        return (_excerpt(file, 1, read.lines, cuts, read.notes),)
    cuts.middle(f"{count - MOST_LINES:,} of {count:,} lines", "the log has too many lines")
    start = count - (MOST_LINES - _HEAD_LINES)
    return (
        _excerpt(file, 1, read.lines[:_HEAD_LINES], cuts, read.notes),
        _excerpt(file, start + 1, read.lines[start:], cuts, read.notes),
    )


def _excerpt(file: str, first_line: int, lines: list[str], cuts: Cuts, notes: list[str]) -> LogExcerpt:
    long = [first_line + index for index, line in enumerate(lines) if len(line) > LONGEST_LINE]
    more = list(notes)
    if long:
        shown = ", ".join(str(number) for number in islice(long, 5)) + (" and others" if len(long) > 5 else "")
        more.append(f"the middle of long lines was left out (over {LONGEST_LINE:,} characters): {shown}")
    return LogExcerpt(file=file, first_line=first_line, lines=tuple(map(_shortened, lines)), cut=cuts.words(more))


def _shortened(line: str) -> str:
    """Keep head and tail of an endless line, with a mark in between."""
    if len(line) <= LONGEST_LINE:
        return line
    half = LONGEST_LINE // 2
    return f"{line[:half]} [... {len(line) - 2 * half:,} characters left out ...] {line[-half:]}"


def _lines(part: Part) -> _Lines:
    """Clean, redact, split, in this order: escapes in a secret must not hide it, nor line breaks a key."""
    notes: list[str] = []
    text = _clean(part.text, notes)
    text = _without_open_ends(text, part, notes)
    lines = redact(text).split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return _Lines([piece for line in lines for piece in _pieces(line)] if part.no_file else lines, notes)


def _pieces(line: str) -> list[str]:
    return [line] if len(line) <= LONGEST_LINE else _ESCAPED_ENDS.sub("\n", line).split("\n")


def _clean(text: str, notes: list[str]) -> str:
    text = text.encode("utf-8", "replace").decode()  # a str from elsewhere may hold lone surrogates
    if nuls := text.count("\x00"):
        text = text.replace("\x00", "")
        notes.append(f"{nuls:,} NUL characters were removed")
    text = _ESCAPES.sub("", text)
    return _last_states(text, notes).translate(_NEUTRAL)


def _last_states(text: str, notes: list[str]) -> str:
    """Of each line that was written over with carriage returns (progress bars) keep its last state."""
    text = text.replace("\r\n", "\n")
    if "\r" not in text:
        return text
    if "\n" not in text:  # nothing but carriage returns: they are its line ends
        return text.replace("\r", "\n")
    notes.append("of lines written over with carriage returns (progress bars) only the last state was kept")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def _without_open_ends(text: str, part: Part, notes: list[str]) -> str:
    """Drop the partial line at a cut; of one endless line keep what cannot be the rest of a secret."""
    if part.open_start:
        _, newline, rest = text.partition("\n")
        if newline:
            return rest
        notes.append("the line began in the part that was left out")
        rest_of_secret = _SECRET_REST.match(text)
        return text[rest_of_secret.end() :] if rest_of_secret else text
    if part.open_end:
        whole, newline, _ = text.rpartition("\n")
        if newline:
            return whole + newline
        notes.append("the line goes on in the part that was left out")
    return text
