"""Reading logs: bounded, tolerant, redacted, with true line numbers."""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.log_reading import LONGEST_LINE, MOST_LINES
from diagnostics.logs import (
    HEAD,
    TAIL,
    WHOLE,
    RangeAnswer,
    UnreadableLog,
    excerpts_of_text,
    read_local,
    read_ranged,
)
from diagnostics.model import LogExcerpt
from diagnostics.redaction import MARK

SECRET = "S3ntinel4Secret"


class Server:
    """A file behind HTTP ranges; keeps what was asked and what was sent."""

    def __init__(
        self, data: bytes, *, tells_total: bool = True, knows_ranges: bool = True, knows_suffix: bool = True
    ) -> None:
        self.data = data
        self.tells_total = tells_total
        self.knows_ranges = knows_ranges
        self.knows_suffix = knows_suffix
        self.asked: list[tuple[int | None, int | None, int | None]] = []
        self.sent = 0

    def __call__(self, *, first: int | None, last: int | None, suffix: int | None) -> RangeAnswer:
        self.asked.append((first, last, suffix))
        assert suffix is None or self.knows_suffix
        if not self.knows_ranges:
            part = self.data
        elif suffix is not None:
            part = self.data[-suffix:]
        else:
            part = self.data[first or 0 : None if last is None else last + 1]
        self.sent += len(part)
        return RangeAnswer(total=len(self.data) if self.tells_total else None, data=part)


class Endless(Server):
    """A file of a size that no test could hold, made where it is read."""

    def __init__(self, size: int) -> None:
        super().__init__(b"")
        self.size = size

    def __call__(self, *, first: int | None, last: int | None, suffix: int | None) -> RangeAnswer:
        assert first is not None
        assert last is not None
        assert suffix is None
        self.asked.append((first, last, suffix))
        data = b"".join(b"%015d\n" % (start // 16) for start in range(first // 16 * 16, last + 1, 16))
        data = data[first % 16 :][: last + 1 - first]
        self.sent += len(data)
        return RangeAnswer(total=self.size, data=data)


def numbered(count: int) -> bytes:
    """Return a log whose every line tells its number."""
    return b"".join(b"line %d of the log\n" % number for number in range(1, count + 1))


def by_number(excerpts: Iterable[LogExcerpt]) -> dict[int, str]:
    """Return all lines by their numbers."""
    return {excerpt.number(i): line for excerpt in excerpts for i, line in enumerate(excerpt.lines)}


def test_short_log_is_read_whole_in_one_request() -> None:
    """A usual log takes one request and comes whole, its lines counted from 1."""
    server = Server(numbered(100))
    (excerpt,) = read_ranged("system_logs/lifecycler/lifecycler.log", server)
    assert excerpt.file == "system_logs/lifecycler/lifecycler.log"
    assert (excerpt.first_line, len(excerpt.lines), excerpt.cut) == (1, 100, None)
    assert by_number([excerpt])[42] == "line 42 of the log"
    assert server.asked == [(0, HEAD - 1, None)]


def test_middling_log_is_read_whole_in_two_requests() -> None:
    """A log up to the limit is read to its end, each byte once."""
    data = numbered(MOST_LINES)
    server = Server(data)
    (excerpt,) = read_ranged("a.log", server)
    assert len(excerpt.lines) == MOST_LINES
    assert (len(server.asked), server.sent) == (2, len(data))


@pytest.mark.parametrize("size", [10 * 2**20, 2**30])
def test_long_log_costs_the_same_whatever_its_length(size: int) -> None:
    """Of 10 MiB and of 1 GiB the same bytes are read: two requests, never a suffix range."""
    server = Endless(size)
    head, tail = read_ranged("a.log", server)
    assert len(server.asked) == 2
    assert server.sent <= WHOLE + 4
    assert by_number([head])[7] == f"{6:015d}"
    assert by_number([tail])[-1] == f"{size // 16 - 1:015d}"
    assert by_number([tail])[-2] == f"{size // 16 - 2:015d}"
    assert tail.first_line == -len(tail.lines)
    assert tail.cut is not None
    assert f"{size:,} bytes" in tail.cut


def test_partial_lines_at_the_cut_are_dropped() -> None:
    """What the cut left of a line is not shown as if it were one."""
    excerpts = read_ranged("a.log", Server(numbered(100_000)))
    assert all(line.startswith("line ") and line.endswith(" of the log") for line in by_number(excerpts).values())


@pytest.mark.parametrize("tells_total", [True, False])
@pytest.mark.parametrize("knows_ranges", [True, False])
@pytest.mark.parametrize("count", [0, 1, 9_000, 20_000, 60_000])
def test_any_server_is_understood(count: int, *, tells_total: bool, knows_ranges: bool) -> None:
    """Servers that ignore ranges or keep the size to themselves give the same first and last lines."""
    server = Server(numbered(count), tells_total=tells_total, knows_ranges=knows_ranges)
    lines = by_number(read_ranged("a.log", server))
    assert len(server.asked) <= 2
    assert bool(lines) is bool(count)
    if count:
        last = f"line {count} of the log"
        assert lines[1] == "line 1 of the log"
        assert last in (lines.get(-1), lines.get(count))


def test_error_of_the_fetch_goes_to_the_caller() -> None:
    """What the network says is not swallowed."""

    def refuse(**_: int | None) -> RangeAnswer:
        raise ConnectionError("refused")

    with pytest.raises(ConnectionError):
        read_ranged("a.log", refuse)


def test_secret_in_the_text_is_redacted() -> None:
    """No line leaves the reader before it was redacted."""
    (excerpt,) = excerpts_of_text("error", f"ok\nGET https://x.blob.core.windows.net/c?sig={SECRET}\nok")
    assert excerpt.lines == ("ok", f"GET https://x.blob.core.windows.net/c?sig={MARK}", "ok")


def test_key_over_several_lines_is_redacted_and_lines_keep_their_numbers() -> None:
    """A private key disappears as a whole, and the line behind it keeps its number."""
    key = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n{'x' * 64}\n-----END PRIVATE KEY-----"
    lines = by_number(excerpts_of_text("error", f"one\n{key}\nsix"))
    assert SECRET not in repr(lines)
    assert lines[6] == "six"


def test_secret_hidden_by_colour_codes_is_redacted() -> None:
    """Codes and control characters inside a secret are removed before secrets are looked for."""
    (excerpt,) = excerpts_of_text("a", f"pass\x1b[31mword=\x1b[0m{SECRET[:5]}\x1b[1m{SECRET[5:]}\n")
    assert excerpt.lines == (f"password={MARK}",)


@pytest.mark.parametrize("into", range(1, len(f"sig={SECRET}")))
def test_secret_at_the_cut_does_not_leak(into: int) -> None:
    """Wherever the cut falls into a secret of an endless line, no half of it is shown."""
    secret = f"sig={SECRET}".encode()
    offset = 2 * WHOLE - TAIL - into
    data = b" " * offset + secret + b" " * (2 * WHOLE - offset - len(secret))
    assert SECRET[-2:] not in repr(read_ranged("a.log", Server(data)))


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
@pytest.mark.parametrize("count", [3, 100_000])
def test_encodings_are_read(mark: bytes, encoding: str, count: int) -> None:
    """UTF-8 and UTF-16 are read at both ends of a log of any length, without their mark."""
    text = "".join(f"zeile {number} müde\n" for number in range(1, count + 1))
    lines = by_number(read_ranged("a.log", Server(mark + text.encode(encoding))))
    assert lines[1] == "zeile 1 müde"
    assert f"zeile {count} müde" in lines.values()
    assert "\ufffd" not in "".join(lines.values())


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a\r\nb\r\n", ("a", "b")),
        ("10%\r50%\r100%\nnext", ("100%", "next")),
        ("10%\r100%\r\nnext", ("100%", "next")),
        ("a\rb\rc", ("a", "b", "c")),
        ("\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x1b]8;;http://evil\x1b\\link\n", ("red xlink",)),
        ("unfinished \x1b]0;title\nnext", ("unfinished 0;title", "next")),
        ("a\x00b", ("ab",)),
        ("bell\x07 back\x08 del\x7f", ("bell\ufffd back\ufffd del\ufffd",)),
        ("right\u202eleft\u200bzero\u2028sep\x85nel", ("right\ufffdleft\ufffdzero\ufffdsep\ufffdnel",)),
        ("tab\tstays", ("tab\tstays",)),
        ("lone \ud800", ("lone ?",)),
        ("\n\nthird", ("", "", "third")),
    ],
)
def test_strange_characters_become_plain_lines(text: str, lines: tuple[str, ...]) -> None:
    """Line ends, progress bars, colours and control characters end as lines that are safe to show."""
    (excerpt,) = excerpts_of_text("a", text)
    assert excerpt.lines == lines


@pytest.mark.parametrize(("text", "word"), [("a\x00\nb", "NUL"), ("1%\r2%\nb", "carriage returns")])
def test_what_was_removed_is_said(text: str, word: str) -> None:
    """Removed characters and overwritten states are told of in the cut."""
    (excerpt,) = excerpts_of_text("a", text)
    assert excerpt.cut is not None
    assert word in excerpt.cut


def test_endless_line_keeps_head_and_tail() -> None:
    """Of a line of any length both ends stay, with a mark that says how much is missing."""
    (excerpt,) = excerpts_of_text("a", "ok\nbegin " + "word " * 100_000 + "end\nok")
    line = excerpt.lines[1]
    assert line.startswith("begin ")
    assert line.endswith("end")
    assert "characters left out" in line
    assert len(line) < LONGEST_LINE + 100
    assert excerpt.cut is not None
    assert excerpt.cut.endswith(": 2")


def test_log_of_one_endless_line_is_shown_at_both_ends() -> None:
    """A long log without any line end is two excerpts of one line each."""
    data = b"begin " + b"word " * (WHOLE // 2) + b"end"
    head, tail = read_ranged("a.log", Server(data))
    assert head.lines[0].startswith("begin ")
    assert tail.lines[0].endswith("end")
    assert (head.first_line, tail.first_line) == (1, -1)


def test_too_many_lines_are_cut_in_the_middle_with_true_numbers() -> None:
    """A log of very many short lines keeps its ends, both counted from 1."""
    head, tail = excerpts_of_text("a", "".join(f"{n}\n" for n in range(1, MOST_LINES + 1001)))
    assert by_number([head])[1] == "1"
    assert by_number([tail])[MOST_LINES + 1000] == str(MOST_LINES + 1000)
    assert len(head.lines) + len(tail.lines) == MOST_LINES
    assert head.cut is not None
    assert "1,000 of 21,000 lines" in head.cut


def test_long_text_is_cut_like_a_long_log() -> None:
    """A text in memory is bounded as well."""
    head, tail = excerpts_of_text("error", numbered(100_000).decode())
    assert by_number([head])[1] == "line 1 of the log"
    assert by_number([tail])[-1] == "line 100000 of the log"


def test_empty_text_has_no_excerpt() -> None:
    """Nothing to read gives nothing to show."""
    assert excerpts_of_text("a", "") == ()


TEXTS = st.lists(
    st.text(max_size=8) | st.sampled_from(["\r", "\n", "\r\n", "\x1b[", "\x1b]", "\x07", "\x00", "\u2028", "pwd=x "])
).map("".join)


@given(TEXTS)
def test_any_text_becomes_single_lines_without_control_characters(text: str) -> None:
    """Whatever comes in, a line of an excerpt is one line, and numbers run on."""
    for excerpt in excerpts_of_text("a", text):
        for line in excerpt.lines:
            assert not [c for c in line if (ord(c) < 32 and c != "\t") or 127 <= ord(c) < 160]
            assert len(line.splitlines()) <= 1


@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_unreadable(data: bytes) -> None:
    """Bytes of any kind give excerpts or one clear refusal, nothing else."""
    try:
        read_ranged("a.log", Server(data))
    except UnreadableLog as error:
        assert str(error).startswith("a.log: ")  # noqa: PT017  (most bytes are readable)


def test_local_file_is_read(tmp_path: Path) -> None:
    """A file is read as a remote log would be, short or long."""
    path = tmp_path / "a.log"
    path.write_bytes(numbered(3))
    (excerpt,) = read_local(str(path))
    assert excerpt.lines[-1] == "line 3 of the log"
    path.write_bytes(numbered(100_000))
    head, tail = read_local(str(path))
    assert head.first_line == 1
    assert by_number([tail])[-1] == "line 100000 of the log"


@pytest.mark.parametrize("count", [0, 3, 50_000, 100_000, 300_000])
def test_standard_input_is_read_like_a_file(tmp_path: Path, count: int) -> None:
    """A pipe of any length gives the same lines as a file of the same content."""
    path = tmp_path / "a.log"
    path.write_bytes(numbered(count))
    from_pipe = read_local("-", standard_input=io.BytesIO(numbered(count)))
    assert by_number(from_pipe) == by_number(read_local(str(path)))
    assert all(excerpt.file == "standard input" for excerpt in from_pipe)


def test_pipe_is_read() -> None:
    """Process substitution hands over a pipe, which has no size and cannot be sought in."""
    reader, writer = os.pipe()
    os.write(writer, b"from a pipe\n")
    os.close(writer)
    (excerpt,) = read_local(f"/dev/fd/{reader}")
    os.close(reader)
    assert excerpt.lines == ("from a pipe",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bytes(range(256)) * 40, "binary"),
        (b"\x00" * 5000, "binary"),
        (b"\x1f\x8b\x08\x00 etc", "gzip archive"),
        (b"PK\x03\x04etc", "zip archive"),
        (b"\x7fELF" + b"\x00\x01\x02" * 100, "binary"),
    ],
)
def test_binary_file_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """A file that is no text is refused in one sentence that says what it is."""
    path = tmp_path / "a.log"
    path.write_bytes(content)
    with pytest.raises(UnreadableLog, match=words):
        read_local(str(path))


def test_latin_text_is_not_binary(tmp_path: Path) -> None:
    """Single bytes that are not UTF-8 are replaced, the rest is read."""
    path = tmp_path / "a.log"
    path.write_bytes("Datei wurde nicht gefunden: Prüfung\n".encode("latin-1"))
    assert read_local(str(path))[0].lines == ("Datei wurde nicht gefunden: Pr\ufffdfung",)


@pytest.mark.parametrize(
    ("path", "words"),
    [("missing.log", "no such file"), (".", "directory"), ("/dev/zero", "device"), ("a\x00b", "refuses")],
)
def test_unreadable_path_is_explained(tmp_path: Path, path: str, words: str) -> None:
    """What cannot be opened is said in one sentence."""
    with pytest.raises(UnreadableLog, match=words) as caught:
        read_local(str(tmp_path / path) if not path.startswith("/") else path)
    assert "\n" not in str(caught.value)


def test_missing_permission_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that we may not open is told apart from one that is not there."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UnreadableLog, match="permissions"):
        read_local(str(tmp_path / "a.log"))
