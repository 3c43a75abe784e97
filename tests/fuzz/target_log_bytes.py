"""A log of any bytes: text or unreadable; every quoted line stands in what was read, and no secret in any."""

from __future__ import annotations

from drawing import SECRET, SECRETS, Draw

from diagnostics.classification import classify
from diagnostics.log_reading import LONGEST_LINE, MOST_LINES
from diagnostics.logs import RangeAnswer, UnreadableLog, read_ranged
from diagnostics.redaction import redact

MOST_REQUESTS = 2
LINES = (
    b'Error response from daemon: Head "https://acr1.azurecr.io/v2/team/train/manifests/7": unauthorized: ',
    b"authentication required, visit https://aka.ms/acr/authorization for more information.\n",
    b"toomanyrequests: You have reached your pull rate limit\n",
    b"write /var/lib/docker/tmp/GetImageBlob: no space left on device\n",
    b"dial tcp: lookup acr1.azurecr.io on 168.63.129.16:53: no such host\n",
    b"\x1b[31mERROR\x1b[0m manifest for acr1.azurecr.io/team/train:7 not found: manifest unknown\r\n",
)
SEEDS = (
    b"\x00" + b"".join(LINES),
    b"\x00\xff\xfe" + "unauthorized: authentication required".encode("utf-16-le"),
    b"\x01" + b"".join(LINES) + "\n".join(SECRETS).encode(),
    b"\x02" + LINES[0] * 40 + b"x" * 5000 + LINES[2],
    b"\x00\x1f\x8b\x08" + bytes(40),
)
TOKENS = (
    *LINES,
    *(secret.encode() for secret in SECRETS),
    b"\x00",
    b"\r",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\x1b[",
    b"\n",
)


def fuzz(data: bytes) -> None:
    """Hold reading, redaction and classification to their promises."""
    draw = Draw(data)
    form = draw.byte()
    content = draw.rest() * (1 + form % 3 * 200 if form % 7 == 2 else 1)
    asked = 0

    def fetch(*, first: int | None, last: int | None, suffix: int | None) -> RangeAnswer:
        nonlocal asked
        asked += 1
        if suffix is not None:
            return RangeAnswer(total=len(content) if form & 8 else None, data=content[-suffix:])
        end = len(content) if last is None or form & 16 else last + 1
        return RangeAnswer(total=None if form & 32 else len(content), data=content[first or 0 : end])

    try:
        excerpts = read_ranged("logs/x.txt", fetch)
    except UnreadableLog as error:
        assert str(error).startswith("logs/x.txt")
        return
    finally:
        assert asked <= MOST_REQUESTS
    assert sum(len(excerpt.lines) for excerpt in excerpts) <= 2 * MOST_LINES
    for excerpt in excerpts:
        for line in excerpt.lines:
            assert len(line) <= LONGEST_LINE + 100
            assert "\n" not in line
            assert not any(ord(c) < 32 and c != "\t" for c in line)
        text = "\n".join(excerpt.lines)
        assert not any(form.replace(SECRET, "") in text and form in text for form in SECRETS)
        assert redact(text).count("\n") == text.count("\n")
    for symptom in classify(excerpts):
        assert symptom.text
        whole = next(it for it in excerpts if it.file == symptom.excerpt.file and symptom.text in it.lines)
        begin = symptom.excerpt.first_line - whole.first_line
        assert whole.lines[begin : begin + len(symptom.excerpt.lines)] == symptom.excerpt.lines
