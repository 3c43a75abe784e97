"""Tokens: who may call whom. Each is a secret, so each carries the sentinel."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = [
    "DEVOPS_AUDIENCE",
    "LEARNING_AUDIENCE",
    "REGISTRY_AUDIENCE",
    "STORAGE_AUDIENCE",
    "Grant",
    "Ledger",
    "Token",
]

DEVOPS_AUDIENCE = "499b84ac-1321-427f-aa17-267ca6975798"
LEARNING_AUDIENCE = "https://ml.azure.com"
STORAGE_AUDIENCE = "https://storage.azure.com"
REGISTRY_AUDIENCE = "https://containerregistry.azure.net"
LIFETIME_S = 3 * 3600

Grant = tuple[str, str]  # (repository, or "registry:catalog"; action)


@dataclass(frozen=True, slots=True)
class Token:
    """An issued token. ``kind``: ``azure`` (audience: a resource), ``refresh`` or ``access`` (audience: a
    registry).
    """

    kind: str
    audience: str
    principal_id: str | None
    grants: frozenset[Grant] = frozenset()
    client_id: str | None = None


def _segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@dataclass(slots=True)
class Ledger:
    """Issues tokens and knows every one that it issued. Thread safe."""

    sentinel: str
    now: Callable[[], float]
    tenant: str
    _issued: dict[str, Token] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def issue(self, token: Token) -> str:
        """Return a new token as it goes over the wire: three segments like a JSON Web Token, the last one
        the sentinel.
        """
        with self._lock:
            expires = int(self.now()) + LIFETIME_S
            claims = {
                "aud": token.audience,
                "oid": token.principal_id,
                "appid": token.client_id,
                "idtyp": "app",
                "tid": self.tenant,
                "exp": expires,
                "jti": len(self._issued),
            }
            text = ".".join((_segment({"alg": "RS256", "typ": "JWT"}), _segment(claims), self.sentinel))
            self._issued[text] = token
        return text

    def find(self, text: str | None) -> Token | None:
        """Return what a token stands for; ``None`` for one that was never issued."""
        with self._lock:
            return self._issued.get(text or "")

    def within(self, text: str) -> list[Token]:
        """Every issued token that stands somewhere in a text."""
        if self.sentinel not in text:
            return []
        with self._lock:
            return [token for issued, token in self._issued.items() if issued in text]
