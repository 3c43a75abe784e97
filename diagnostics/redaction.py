"""The one redactor in front of every output: messages, logs, exceptions, stored evidence, excerpts.

It works on bytes with RE2 (linear time, no look-around), and with small scans by hand where the end of a
value depends on how it is written; what secrets look like stands in :mod:`diagnostics.redaction_patterns`.
It never changes the number of lines, so that line numbers stay true.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator

from diagnostics import redaction_patterns as look
from diagnostics.linear import BytesPattern

__all__ = ["MARK", "RedactingFilter", "redact"]

MARK = look.MARK.decode()
"""What stands in place of a secret."""

_BACKSLASH, _NEWLINE = b"\\\n"
_PASSES = 4
_LONG = 128  # longer than any tag and any word
_EMPTY = frozenset({b"null", b"none", b"true", b"false", b"nil", b"undefined"})
_FLAG_PROSE = frozenset({b"via", b"flag", b"option", b"is", b"and", b"or", b"argument", b"must", b"for", b"in"})
_OF_A_PATH = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
_JOINTS = (b"-", b".", b"?", b"&")
_PEM_SPAN = 32 * 1024
_PEM_LINES = 128

Span = tuple[int, int] | None


def redact(text: str) -> str:
    """Return ``text`` with every secret replaced by ``[redacted]``; names, hosts and line breaks stay.

    Removed: signatures of SAS links, webhooks' paths, bearer tokens, JWTs, authorization headers, cookies,
    values of whatever is called password, secret, token, key, pass or PAT (``=``, JSON, YAML, flags; also where
    name and value are two members of an object), users' passwords in URLs and in commands, access tokens of
    known shape, Azure's keys, private keys. GUIDs, digests, image references and
    addresses stay. Never raises, takes time linear in the text, and ``redact(redact(x)) == redact(x)``.
    """
    data = text.encode(errors="surrogatepass")
    for _ in range(_PASSES):
        cleaned = _pass(data)
        if cleaned == data:
            break
        data = cleaned  # a mark can end what follows elsewhere: look again until nothing changes
    return data.decode(errors="surrogatepass")


def _pass(data: bytes) -> bytes:
    data = _without_private_keys(data)
    for pattern, replacement in look.SHAPES:
        data = pattern.sub(replacement, data)
    data = _replace_values(look.ASSIGNED, data, _assigned_value)
    data = _replace_values(look.QUOTED_KEY, data, _word_value)
    data = _replace_values(look.STRONG_COLON, data, _spoken_value)
    data = _replace_values(look.WEAK_COLON, data, _doubtful_value)
    data = _replace_values(look.FLAG, data, _flag_value)
    data = _replace_values(look.SHORT_ASSIGNED, data, _short_value)
    data = _replace_values(look.SHORT_COLON, data, _short_spoken_value)
    data = _replace_values(look.SHORT_FLAG, data, _short_flag_value)
    data = _replace_values(look.APART, data, _word_value)
    data = _replace_values(look.GLUED, data, _glued_value)
    for pattern in look.SPOKEN:
        data = _replace_values(pattern, data, _word_value)
    return data


# --- values after a name ------------------------------------------------------------------------------------


def _replace_values(pattern: BytesPattern, data: bytes, value: Callable[[bytes, int, int], Span]) -> bytes:
    """Replace the value that follows each match of ``pattern``; ``value`` says where it stands, if at all."""
    pieces: list[bytes] = []
    done = 0
    for match in pattern.finditer(data):
        if match.start() < done:
            continue
        span = value(data, match.start(), match.end())
        if span is not None and span[0] < span[1]:
            pieces += [data[done : span[0]], look.MARK]
            done = span[1]
    return b"".join(pieces) + data[done:]


def _ending(data: bytes, start: int, ends: BytesPattern) -> Span:
    """Find the value at ``start``: inside its quotes (however escaped), else up to what ``ends`` matches."""
    opening = look.OPENING.match(data, start)
    if opening is None:
        end = ends.search(data, start)
        value = data[start : end.start() if end else len(data)].rstrip(b")}")
        return (start, start + len(value)) if value.lower() not in _EMPTY else None
    return opening.end(), _closing(data, opening.group(0), opening.end())


def _closing(data: bytes, quote: bytes, begin: int) -> int:
    """Find the quote that closes ``quote``: with as many backslashes, no more; else the end of the line."""
    for match in look.CLOSING[quote[-1:]].finditer(data, begin):
        at = match.start()
        slashes = 0
        while data[at - slashes - 1] == _BACKSLASH:  # ends at the opening quote at the latest
            slashes += 1
        if data[at] == _NEWLINE:
            return at
        if slashes <= len(quote) - 1:
            return at - slashes
    return len(data)


def _assigned_value(data: bytes, name: int, start: int) -> Span:
    """``name=value``; a short ``?code=`` or ``&key=`` is a status or a name, and no secret."""
    span = _ending(data, start, look.ENDS_ASSIGNED)
    short = data[name : name + 1] in (b"?", b"&")
    return None if short and span is not None and span[1] - span[0] < 16 else span


def _word_value(data: bytes, name: int, start: int) -> Span:  # noqa: ARG001
    """Whatever stands there; an object or a list holds names of its own."""
    nested = data[start : start + 1] in (b"{", b"[") and not data.startswith(look.MARK, start)
    return None if nested else _ending(data, start, look.ENDS_WORD)


def _spoken_value(data: bytes, name: int, start: int) -> Span:
    """``password: value``, but not ``incorrect password: access denied`` nor ``team/reset-password:1.2``."""
    span = _word_value(data, name, start)
    if span is None or span[0] > start or span[1] - start > _LONG:
        return span  # quoted, or too long for a word or a tag: declining would mean to scan it again
    value, goes_on = data[start : span[1]], data[span[1] : span[1] + 1] in (b" ", b"\t")
    prose = look.PROSE.fullmatch(value) and (goes_on or value.endswith(b":") or b"://" in value)
    return None if prose or value.startswith(b"//") or _is_path(data, name) else span


def _doubtful_value(data: bytes, name: int, start: int) -> Span:
    """``token: value`` is prose as often as not: what does not look like a credential stays."""
    span = _spoken_value(data, name, start)
    if span is None or span[0] > start or span[1] - start > _LONG:
        return span
    value = data[start : span[1]]
    random = len(value) >= 16 and any(c in b"0123456789" for c in value) and b"://" not in value
    return span if (random or _is_alone(data, name, start, span[1])) and not look.GUID.fullmatch(value) else None


def _is_alone(data: bytes, name: int, start: int, end: int) -> bool:
    """Tell whether name and value fill their line; with more in front of the name (``HF_TOKEN: x``) a word is prose."""
    before = data[max(0, name - 64) : name].rpartition(b"\n")[2]
    if data[end : end + 1] not in (b"", b"\n") or before.rstrip(_OF_A_PATH).strip(b" \t-"):
        return False
    value = data[start:end]
    word = look.PROSE.fullmatch(value) or look.STATE.fullmatch(value) or not look.is_random(value)
    return not before.strip(b" \t-") or (data[start - 1] in b" \t" and not word)


def _short_value(data: bytes, name: int, start: int) -> Span:
    """``DB_PASS=value``, ``"pass": "value"``; a count, a state and a step's result are none, nor is ``pass=word``."""
    if data[start : start + 1] in (b"{", b"[") and not data.startswith(look.MARK, start):
        return None
    span = _ending(data, start, look.ENDS_ASSIGNED)
    if span is None or span[1] - start > _LONG:
        return span  # declining would mean to scan it again
    value = data[span[0] : span[1]]
    if look.STATE.fullmatch(value) or _is_step(data, start):
        return None
    code = span[0] == start and data[start - 1] in b" \t"  # user_pass = split(url)
    return span if (_is_of_somebody(data, name) and not code) or _is_drawn(value) else None


def _short_spoken_value(data: bytes, name: int, start: int) -> Span:
    """``DB_PASS: value``, but neither ``PASS: test_x`` nor ``pass: 3 of 4 tests``."""
    if data.startswith(b"PASS", name) and data[name - 1 : name] not in _JOINTS:
        return None  # what test runners print
    span = _doubtful_value(data, name, start)
    if span is None or span[1] - start > _LONG:
        return span
    value = data[span[0] : span[1]]
    if look.STATE.fullmatch(value) or _is_step(data, start):
        return None
    return span if _is_of_somebody(data, name) or _is_drawn(value) else None


def _short_flag_value(data: bytes, name: int, start: int) -> Span:
    """``--pass value``, but not ``-pass 1``."""
    span = _flag_value(data, name, start)
    return None if span is not None and look.STATE.fullmatch(data[span[0] : span[1]]) else span


def _is_of_somebody(data: bytes, name: int) -> bool:
    """Tell ``DB_PASS``, ``user-pass``, ``?pass`` and ``PAT`` from ``pass`` and ``pat``, which may be words."""
    begun = data[name : name + 3]
    return begun.lower() not in (b"pas", b"pat") or begun.isupper() or data[name - 1 : name] in _JOINTS


def _is_step(data: bytes, start: int) -> bool:
    """Tell whether the name before ``start`` is one of a pass over something, such as ``first_pass``."""
    return look.STEP.search(data[max(0, start - 32) : start]) is not None


def _is_drawn(value: bytes) -> bool:
    """Tell a value that looks drawn by lot from a word, a call and a test's name."""
    return len(value) >= 6 and look.is_random(value) and b"(" not in value and not value.lower().startswith(b"test")


def _glued_value(data: bytes, name: int, start: int) -> Span:
    """``mysql -pvalue``, but neither a container called so that is given ports nor ``-port``."""
    span = _word_value(data, name, start)
    return None if span is not None and look.OPTION.fullmatch(data[span[0] : span[1]]) else span


def _flag_value(data: bytes, name: int, start: int) -> Span:
    """``--password value``, but not ``--password --username``, ``Using --password via``, ``--secret id=x``."""
    if data.startswith((b"--", b"id="), start):
        return None
    span = _word_value(data, name, start)
    prose = span is not None and span[0] == start and data[start : span[1]].lower() in _FLAG_PROSE
    return None if prose else span


def _is_path(data: bytes, name: int) -> bool:
    """Tell whether the word at ``name`` ends a path or an image's repository."""
    head = data[max(0, name - 128) : name]
    return head.rstrip(_OF_A_PATH).endswith(b"/")


# --- private keys -------------------------------------------------------------------------------------------


def _without_private_keys(data: bytes) -> bytes:
    """Replace PEM private keys, whole or cut off at either end; each keeps its line breaks."""
    if b"PRIVATE KEY" not in data:
        return data
    pieces: list[bytes] = []
    done = 0
    for start, end in _key_spans(data):
        start = max(start, done)  # noqa: PLW2901
        if end > start:
            pieces += [data[done:start], look.MARK, b"\n" * data.count(b"\n", start, end)]
            done = end
    return b"".join(pieces) + data[done:]


def _key_spans(data: bytes) -> Iterator[tuple[int, int]]:
    begun: tuple[int, int] | None = None
    for match in look.PEM.finditer(data):
        if match.group(1) == b"BEGIN":
            if begun:
                yield begun[0], _run_after(data, begun[1])
            begun = match.start(), match.end()
        elif begun and match.end() - begun[0] <= _PEM_SPAN:
            yield begun[0], match.end()
            begun = None
        else:
            if begun:
                yield begun[0], _run_after(data, begun[1])
                begun = None
            yield _run_before(data, match.start()), match.end()
    if begun:
        yield begun[0], _run_after(data, begun[1])


def _run_after(data: bytes, start: int) -> int:
    """Return the end of the base64 lines after a header whose footer was cut off."""
    rest, *lines = data[start : start + _PEM_SPAN].split(b"\n", _PEM_LINES + 1)
    end = start + len(rest)
    for line in lines[:_PEM_LINES]:
        if not look.PEM_LINE.fullmatch(line):
            break
        end += 1 + len(line)
    return end


def _run_before(data: bytes, end: int) -> int:
    """Return the start of the base64 lines before a footer whose header was cut off."""
    *lines, rest = data[max(0, end - _PEM_SPAN) : end].rsplit(b"\n", _PEM_LINES + 1)
    start = end - len(rest)
    for line in lines[: -_PEM_LINES - 1 : -1]:
        if not look.PEM_LINE.fullmatch(line):
            break
        start -= 1 + len(line)
    return start


# --- logging ------------------------------------------------------------------------------------------------

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class RedactingFilter(logging.Filter):
    """Redacts a record's message, arguments, exception, stack and own text attributes, in place.

    To be added to every root *handler* (a logger's filter does not see its children's records). The
    exception's text takes the place of ``exc_info``, so that no later handler formats the secret anew. Lets
    every record pass. What names of others hold begins no line of its own and commands no terminal.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact ``record`` and return true."""
        record.msg, record.args = _harmless(redact(_message(record))), None
        if record.exc_info and any(record.exc_info):
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        record.exc_info = None
        record.exc_text = _harmless(redact(record.exc_text)) if record.exc_text else None
        record.stack_info = _harmless(redact(record.stack_info)) if record.stack_info else None
        for name, value in list(vars(record).items()):
            if name not in _STANDARD and isinstance(value, str):
                setattr(record, name, redact(value))
        return True


_CONTROLS = {
    **dict.fromkeys((*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), "\ufffd"),
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd"),
    0x0A: "\n  ",
}


def _harmless(text: str) -> str:
    """Indent further lines, so that no name can forge a record, and replace what a terminal or an eye would obey."""
    return text.translate(_CONTROLS)


def _message(record: logging.LogRecord) -> str:
    """Merge message and arguments; a record whose arguments do not fit is shown as it is, not lost."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args!r}"
