"""Makes structured input of raw bytes, so that one function of bytes can be driven by Hypothesis and by Atheris alike.

The same bytes always give the same input; where they end, zeros follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

__all__ = ["PIECES", "SECRET", "SECRETS", "Draw"]

T = TypeVar("T")

SECRET = "Zq7hunter2Zq7hunter2"
SECRETS = (
    f"password={SECRET}",
    f"Authorization: Bearer {SECRET}",
    f"https://acct.blob.core.windows.net/c/log.txt?sv=2024-01-01&sp=r&sig={SECRET}%3D",
    f"https://hooks.slack.com/services/T0/B0/{SECRET}",
    f"docker login -u ada -p {SECRET} acr1.azurecr.io",
    f"postgresql://ada:{SECRET}@db.contoso.example/runs",
    f'{{"client_secret": "{SECRET}"}}',
    f"AccountKey={SECRET}==;EndpointSuffix=core.windows.net",
    f"Step 2/9 : ENV ADO_PAT={SECRET}",
    f'{{"name": "password", "value": "{SECRET}"}}',
    f'{{"value": "{SECRET}", "name": "DB_PASS"}}',
    f"- name: ACR_PASSWORD\n  value: {SECRET}",
    f"https://ada:a/{SECRET}@pkgs.contoso.example/simple",
    f"https://d1.cloudfront.net/x?Signature={SECRET}&Key-Pair-Id=K",
    f"mysql -u root -p{SECRET} runs",
)
"""One secret in the forms that give it away."""

PIECES = (
    *("", " ", "\t", "\n", "\r", "\r\n", "\x00", "\x1b[31m", "\x1b]0;x\x07", "\u202e", "\u2028", "\ufeff", "\ud800"),
    *(
        "\\",
        '"',
        "'",
        "`",
        "/",
        "//",
        ":",
        "@",
        "=",
        "&",
        "?",
        "#",
        "%",
        "%2F",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        ".",
        "..",
    ),
    *("<!channel>", "<at>Dana</at>", "[a](https://evil.example)", "<script>", "${x}", "{{y}}", "*", "\U0001f600", "é"),
    *("azurecr.io", "acr1.azurecr.io", "docker.io/", "library/", "sha256:", "latest", "team/train:7", "localhost:5000"),
    *("unauthorized: authentication required", "manifest unknown", "denied: requested access", "toomanyrequests"),
    *("no such host", "i/o timeout", "x509: certificate signed by unknown authority", "no space left on device"),
    *("password=", "token: ", "Bearer ", "sig=", "://", "-p ", "--password ", "eyJ", "-----BEGIN RSA PRIVATE KEY-----"),
    *("name", "value", "_PASS", "PAT=", "pass: "),
    *("-----END RSA PRIVATE KEY-----", "password", "PrivateKey", "null", "true", "0", "-1", "9" * 20, "1e999", "NaN"),
    *("2026-11-20T12:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "Failed", "a", "Ab", "x" * 300),
    *("https://evil.example\\@acr1.azurecr.io", "http://169.254.169.254/", "xn--acr-0ja.io", "\u0430zurecr.io"),
)
"""What hostile and honest inputs are made of."""


class Draw:
    """Takes decisions and texts from ``data``, front to back."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def done(self) -> bool:
        """Whether only zeros follow."""
        return self._at >= len(self._data)

    def byte(self) -> int:
        """Return the next byte."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def below(self, limit: int) -> int:
        """Return a number from 0 to ``limit`` - 1."""
        return (self.byte() if limit <= 256 else self.byte() << 8 | self.byte()) % limit

    def pick(self, among: Sequence[T]) -> T:
        """Return one of ``among``."""
        return among[self.below(len(among))]

    def truth(self) -> bool:
        """Return true or false."""
        return self.byte() % 2 == 1

    def raw(self, most: int = 64) -> bytes:
        """Return some bytes as they are."""
        begin = self._at + 1
        length = self.below(most + 1)
        self._at += length
        return self._data[begin : begin + length]

    def rest(self) -> bytes:
        """Return all that is left."""
        begin, self._at = self._at, max(self._at, len(self._data))
        return self._data[begin:]

    def text(self, pieces: Sequence[str] = PIECES, most: int = 6) -> str:
        """Return a text of pieces and of free characters."""
        return "".join(
            self.pick(pieces) if self.byte() % 4 else self.raw(12).decode("utf-8", "replace")
            for _ in range(self.below(most + 1))
        )

    def json(self, keys: Sequence[str] = (), depth: int = 4) -> Any:
        """Return any JSON value; ``keys`` are names that its objects probably have."""
        kind = self.byte() % 12
        if kind < 4 and depth and not self.done:
            return {self._key(keys): self.json(keys, depth - 1) for _ in range(self.below(6))}
        if kind < 6 and depth and not self.done:
            return [self.json(keys, depth - 1) for _ in range(self.below(4))]
        plain: tuple[Any, ...] = (None, True, False, 0, -1, 1.5, 2**31, 2**63, 2**64, 10**30, 1e308, [], {}, "")
        return self.pick(plain) if kind < 7 else self.text()

    def _key(self, keys: Sequence[str]) -> str:
        return self.pick(keys) if keys and self.byte() % 8 else self.text(most=2)
