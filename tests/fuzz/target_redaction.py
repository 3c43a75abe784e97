"""Any text: a secret in a form that gives it away goes, lines stay, and what is redacted stays as it is."""

from __future__ import annotations

from drawing import PIECES, SECRET, SECRETS, Draw

from diagnostics.redaction import redact

SEEDS = (
    b"\x01" + bytes(range(80)),
    b"\x00" + " ".join(SECRETS).encode(),
    b"\x00token: token: token: \npassword = 'a\\'b' pwd=)))) sig=x&sig=y",
    b"\x02\x07\x30\x01\x20\x01\x02",
)
TOKENS = tuple(piece.encode("utf-8", "surrogatepass") for piece in (*PIECES, *SECRETS) if piece)
AROUND = ("", " ", "\n", "\t", "x ", "a: ", ", ", "; ", "\n> ")


def fuzz(data: bytes) -> None:
    """Hold the redactor to its promise."""
    draw = Draw(data)
    form = draw.byte()
    if form % 3 == 0:
        text = draw.rest().decode("utf-8", "replace")
    elif form % 3 == 1:
        text = "".join(draw.text() for _ in range(8))
    else:
        before, after = draw.pick(AROUND), draw.pick(AROUND[:3])
        secret = draw.pick(SECRETS)
        text = f"{before}{secret}{after}"
        assert SECRET not in redact(text), text
    cleaned = redact(text)
    assert redact(cleaned) == cleaned
    assert cleaned.count("\n") == text.count("\n")
