"""Bounded, tolerant reading of logs: whatever the log, a few redacted lines at a bounded cost.

A log of up to ``WHOLE`` bytes is read whole, a longer one at its ends only, so that 1 GiB costs what 10 MiB
cost. :mod:`diagnostics.log_reading` makes text of the bytes; nothing leaves this module unredacted.
"""

from __future__ import annotations

import os
import stat
import sys
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from diagnostics.linear import pattern
from diagnostics.log_reading import Cuts, Part, UnreadableLog, decode, excerpts_of_parts, refuse_binary
from diagnostics.model import LogExcerpt
from diagnostics.redaction import redact

__all__ = [
    "HEAD",
    "TAIL",
    "WHOLE",
    "RangeAnswer",
    "RangeFetch",
    "UnreadableLog",
    "attempt_of",
    "excerpts_of_text",
    "is_user_log",
    "prioritise",
    "read_local",
    "read_ranged",
]

HEAD = 256 * 1024
TAIL = 768 * 1024
WHOLE = HEAD + TAIL
"""Bytes of a log that are read at its beginning, at its end, and at most."""

MOST_FILES = 12
_STEP = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeAnswer:
    """What a server sent of a file: its bytes, and the file's whole size where it said so.

    A server that ignores ranges sends the beginning of the file and its size; an empty file is ``total=0``.
    """

    total: int | None
    data: bytes


class RangeFetch(Protocol):
    """Protocol: read a part of one file, as HTTP's ``Range: bytes=first-last`` or ``bytes=-suffix``."""

    def __call__(self, *, first: int | None, last: int | None, suffix: int | None) -> RangeAnswer:
        """Return the bytes from ``first`` to ``last`` (inclusive), or the last ``suffix`` bytes.

        ``suffix`` is asked for only where the total is unknown: Azure Blob storage does not know such ranges
        ("Specifying the range header for Blob service operations"). What it raises goes to the caller.
        """
        ...


def excerpts_of_text(file: str, text: str) -> tuple[LogExcerpt, ...]:
    """Return the redacted lines of ``text``, one excerpt, or two where its middle had to be left out.

    An error that came as one endless line of JSON is split at its escaped line ends, so that none of it is left out.
    """
    if len(text) <= WHOLE:
        return excerpts_of_parts(redact(file), Part(text, no_file=True), None, Cuts())
    cuts = Cuts()
    cuts.middle(f"{len(text) - WHOLE:,} of {len(text):,} characters", "the text is too long")
    head = Part(text[:HEAD], no_file=True, open_end=True)
    return excerpts_of_parts(redact(file), head, Part(text[-TAIL:], no_file=True, open_start=True), cuts)


def read_ranged(file: str, fetch: RangeFetch) -> tuple[LogExcerpt, ...]:
    """Read a remote log in at most two requests; a binary is :class:`UnreadableLog`, ``fetch``'s errors pass.

    The lines of the end of a log whose middle was not read count from the end: -1 is the last.
    """
    head = fetch(first=0, last=HEAD - 1, suffix=None)
    total = len(head.data) if head.total is None and len(head.data) < HEAD else head.total
    if total is not None and len(head.data) >= total:
        return _excerpts_of_bytes(file, head.data)
    if total is None:
        return _read_unknown_end(file, head, fetch)
    if total <= WHOLE:
        rest = fetch(first=len(head.data), last=total - 1, suffix=None)
        return _excerpts_of_bytes(file, head.data + rest.data)
    start = (total - TAIL) // 4 * 4  # whole characters of UTF-16
    tail = fetch(first=start, last=total - 1, suffix=None)
    return _excerpts_of_ends(file, head.data[:HEAD], tail.data[-TAIL - 4 :], total)


def _read_unknown_end(file: str, head: RangeAnswer, fetch: RangeFetch) -> tuple[LogExcerpt, ...]:
    """Read on where the size was not told: who ignored the range sent all, another is asked for the end."""
    if len(head.data) > HEAD:
        return _excerpts_of_bytes(file, head.data)
    tail = fetch(first=None, last=None, suffix=TAIL)
    if tail.total is not None and tail.total <= len(head.data) + len(tail.data):
        missing = tail.total - len(head.data)
        return _excerpts_of_bytes(file, head.data + (tail.data[-missing:] if missing > 0 else b""))
    if len(tail.data) < TAIL:  # the whole file is shorter than what was asked for
        return _excerpts_of_bytes(file, tail.data)
    return _excerpts_of_ends(file, head.data, tail.data[-TAIL:], tail.total)


def read_local(path: str, *, standard_input: BinaryIO | None = None) -> tuple[LogExcerpt, ...]:
    """Read a file, or standard input for ``-``; raise :class:`UnreadableLog` with one sentence why not.

    A file's middle is skipped; a pipe is read through to its end in bounded memory.
    """
    if path in ("-", "/dev/stdin"):
        return _read_stream("standard input", standard_input or sys.stdin.buffer)
    try:
        with Path(path).open("rb") as stream:
            return _read_opened(path, stream)
    except FileNotFoundError:
        problem = "there is no such file"
    except IsADirectoryError:
        problem = "it is a directory, name a log file in it"
    except PermissionError:
        problem = "its permissions do not let us read it"
    except (OSError, ValueError) as error:
        problem = f"the system refuses it: {error}"
    raise UnreadableLog(redact(f"{path}: {problem}"))


def _read_opened(path: str, stream: BinaryIO) -> tuple[LogExcerpt, ...]:
    status = os.fstat(stream.fileno())
    if stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode):
        return _read_stream(path, stream)
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableLog(redact(f"{path}: it is a device, not a log"))
    if status.st_size <= WHOLE:
        return _excerpts_of_bytes(path, stream.read(WHOLE))
    head = stream.read(HEAD)
    stream.seek((status.st_size - TAIL) // 4 * 4)
    return _excerpts_of_ends(path, head, stream.read(TAIL + 4), status.st_size)


def _read_stream(file: str, stream: BinaryIO) -> tuple[LogExcerpt, ...]:
    head = bytearray()
    while len(head) < WHOLE and (data := stream.read(min(_STEP, WHOLE - len(head)))):
        head += data
    total = len(head)
    ring: deque[bytes] = deque([bytes(head[HEAD:])])
    held = len(head) - HEAD
    while data := stream.read(_STEP):
        total += len(data)
        ring.append(data)
        held += len(data)
        while held - len(ring[0]) >= TAIL + 4:
            held -= len(ring.popleft())
    if total <= WHOLE:
        return _excerpts_of_bytes(file, bytes(head))
    tail = b"".join(ring)
    start = (total - TAIL) // 4 * 4
    return _excerpts_of_ends(file, bytes(head[:HEAD]), tail[start - total :], total)


def _excerpts_of_bytes(file: str, data: bytes) -> tuple[LogExcerpt, ...]:
    """Excerpts of a log that was read to its end; of an answer longer than asked for, its ends."""
    if len(data) > WHOLE:
        start = (len(data) - TAIL) // 4 * 4
        return _excerpts_of_ends(file, data[:HEAD], data[start:], len(data))
    refuse_binary(file, data)
    text, _ = decode(data)
    return excerpts_of_parts(redact(file), Part(text), None, Cuts())


def _excerpts_of_ends(file: str, head: bytes, tail: bytes, total: int | None) -> tuple[LogExcerpt, ...]:
    refuse_binary(file, head)
    cuts = Cuts()
    left_out = (
        f"{total - len(head) - len(tail):,} of {total:,} bytes" if total is not None else "an unknown number of bytes"
    )
    cuts.middle(left_out, "the log is too long")
    text, encoding = decode(head)
    end, _ = decode(tail, encoding)
    return excerpts_of_parts(redact(file), Part(text, open_end=True), Part(end, open_start=True), cuts)


# --- which logs ---------------------------------------------------------------------------------------------

# Where an image failure shows, best first (names: azureml-examples #1123, SDK JobLogPattern).
_TELLING = (
    "lifecycler.log",
    "execution-wrapper.log",
    "image_build_log",
    "image-fetcher",
    "image_fetcher",
    "imagefetcher",
    "vm-bootstrapper.log",
    "amlarc_cr_bootstrap.log",
    "cs-capability",
    "cs_capability",
    "rawtext.log",
    "55_azureml-execution",
    "65_job_prep",
    "executionlogs.txt",
    "stderrlogs.txt",
)
_LATE = ("std_log", "stdoutlogs.txt", "70_driver_log", "hyperdrive.txt", "75_job_post", "logs/user/", "user_logs/")
# Commands of v2 and of v1, steps of a v1 pipeline, and the workers of a parallel step, whose folder is logs/user.
_USER = pattern(r"(?i)(?:^|/)user_logs/|(?:^|/)logs/user/|std_log|driver_log|stdoutlogs\.txt")
_LAST = (
    "hosttools",
    "metrics_capability",
    "metrics-capability",
    "snapshot",
    "data_capability",
    "data-capability",
)
_SKIPPED = pattern(
    r"(?i)(?:^|/)rslex\.log"
    r"|\.(?:png|jpe?g|gif|zip|gz|tar|pkl|pt|pth|onnx|h5|bin|parquet|npy|npz|mp4|tfevents[^/]*)$"
)
_RETRY = pattern(r"(?i)(?:^|/)retry[_-]?([0-9]{1,9})(?:/|$)")


def is_user_log(name: str) -> bool:
    """Tell whether a log of this name holds what the user's own code printed: it ran, so the image had come."""
    return _USER.search(name) is not None


def attempt_of(name: str) -> tuple[str, int]:
    """Return a log's name without its attempt (``retry_NNN/``), and which attempt it is of, 0 where it says none."""
    retry = _RETRY.search(name)
    if retry is None:
        return name, 0
    return f"{name[: retry.start()]}/{name[retry.end() :]}".strip("/"), int(retry.group(1))


def prioritise(names: Iterable[str], *, most: int = MOST_FILES) -> list[str]:
    """Return the logs to read for an image failure, best first, at most ``most``; equals keep their order.

    Within what tells most, the newest attempt (``retry_NNN/``) comes first. Binary files and the data
    library's own logs are left out, users' and housekeeping logs come late.
    """
    unique = [name for name in dict.fromkeys(names) if not _SKIPPED.search(name)]
    return sorted(unique, key=_rank)[:most]


def _rank(name: str) -> tuple[int, int, int]:
    lowered = name.lower()
    newest_first = -attempt_of(name)[1]
    for tier, kinds in ((3, _LAST), (2, _LATE), (0, _TELLING)):  # "metrics-capability" holds "cs-capability"
        for place, kind in enumerate(kinds):
            if kind in lowered:
                return tier, newest_first, place
    return 1, newest_first, 0
