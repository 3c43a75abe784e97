"""Any text as an image reference: what parses is written by an independent grammar, and parses back from it."""

from __future__ import annotations

import re

from drawing import Draw

from diagnostics.model import ImageReference
from diagnostics.references import MalformedReference, host_problems, parse, registry_name, same_registry

# The grammar of distribution/reference, written down again: with backtracking, and without the parser's own steps.
_PORT = r"(?::[0-9]+)?"
_NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_NAME}(?:\.{_NAME})*|\[[0-9a-fA-F:]+\]){_PORT}"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
GRAMMAR = re.compile(
    rf"(?P<registry>{_HOST})/(?P<repository>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?"
)
PIECES = (
    *(
        "acr1.azurecr.io",
        "docker.io",
        "index.docker.io",
        "localhost",
        "[::1]",
        "MyReg",
        "library",
        "team",
        "Train",
        "a",
    ),
    *("/", "//", ":", ":5000", ":443", ":99999", "@", "@sha256:", "sha256:", "a" * 64, "A" * 64, "0" * 32, "f" * 128),
    *(":latest", ":v1.0", "-", "--", "__", "_", ".", "..", " ", '"', "'", "https://", "azureml:", "${X}", "{{x}}", "é"),
    *("azurecr.io", ".azurecr.io.azurecr.io", ".azurecr.us", "ghcr.io", "x" * 130, "y" * 260, "\u0430zurecr.io", "\n"),
)
SEEDS = (
    b"\x00acr1.azurecr.io/team/train:7",
    b"\x00docker.io/library/python@sha256:" + b"a" * 64,
    b"\x00localhost:5000/x/y:z@sha512:" + b"0" * 128,
    b"\x00https://acr1.azurecr.io/team/Train:latest/",
    b"\x01" + bytes(range(60)),
)
TOKENS = tuple(piece.encode() for piece in PIECES)


def fuzz(data: bytes) -> None:
    """Hold the parser to its promise."""
    draw = Draw(data)
    text = draw.text(PIECES, 10) if draw.byte() % 2 else draw.rest().decode("utf-8", "replace")
    try:
        found = parse(text)
    except MalformedReference as error:
        if error.suggestion is not None:
            parse(error.suggestion)
        _hosts(text)
        return
    _written(found)
    again = parse(str(found))
    assert str(again) == str(found)
    assert (again.registry, again.repository, again.tag, again.digest) == (
        found.registry,
        found.repository,
        found.tag,
        found.digest,
    )
    _hosts(found.registry)
    host_problems(found, "acr1.azurecr.io")


def _written(found: ImageReference) -> None:
    match = GRAMMAR.fullmatch(str(found))
    assert match is not None, str(found)
    assert match["registry"] == found.registry
    assert match["repository"] == found.repository
    assert match["tag"] == found.tag
    assert match["digest"] == found.digest


def _hosts(host: str) -> None:
    name = registry_name(host)
    assert name is None or re.fullmatch(r"[a-z0-9]+", name) or not name
    if same_registry(host, "acr1.azurecr.io"):
        plain = host.strip().lower().rstrip(".").removesuffix(":443").rstrip(".")
        assert re.fullmatch(r"acr1(\.[a-z0-9-]+\.(geo|data))?\.azurecr\.io", plain), host
