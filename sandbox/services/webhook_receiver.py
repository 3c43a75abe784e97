"""A team's own receiver of signed webhooks, which checks them as the Standard Webhooks specification 1.0 says.

It answers 401 to what is not signed with its secret or is more than five minutes old, and 204 to the rest.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from sandbox.azure import Azure
from sandbox.records import Message
from sandbox.services import Service
from sandbox.wire import Answer, Reply, Request, empty, json_answer

__all__ = ["build", "secret", "webhook_url"]

HOST = "hooks.contoso.example"
CHANNEL = "webhook"
_TOLERANCE_S = 300


def webhook_url(azure: Azure) -> str:
    """Return the receiver's address; its last segment is a secret, too."""
    return f"https://{HOST}/pullmedic/{azure.sentinel}"


def secret(azure: Azure) -> str:
    """Return the secret that its posts are signed with, as a sender is given it."""
    return "whsec_" + base64.b64encode(_key(azure)).decode()


def build(azure: Azure) -> Service:
    """Return the service."""
    return _Receiver(azure)


def _key(azure: Azure) -> bytes:
    return hashlib.sha256(azure.sentinel.encode()).digest()


class _Receiver:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    def knows(self, host: str) -> bool:
        return host == HOST

    def answer(self, request: Request) -> Reply | None:
        if request.method != "POST" or request.path != f"/pullmedic/{self._azure.sentinel}":
            return None
        if not self._signed(request):
            return self.error(request, 401, None, "the signature is missing, wrong or old")
        try:
            self._azure.recorder.add(Message(CHANNEL, request.json()))
        except ValueError:
            return self.error(request, 400, None, "the body is no JSON")
        return empty(204)

    def _signed(self, request: Request) -> bool:
        identity, sent_at, signatures = (
            request.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
        )
        if not identity or not sent_at.isdigit() or abs(self._azure.tokens.now() - int(sent_at)) > _TOLERANCE_S:
            return False
        said = f"{identity}.{sent_at}.".encode() + request.body
        right = base64.b64encode(hmac.new(_key(self._azure), said, hashlib.sha256).digest()).decode()
        return any(hmac.compare_digest(one, f"v1,{right}") for one in signatures.split(" "))

    def error(self, _request: Request, status: int, code: str | None, message: str | None) -> Answer:
        return json_answer(status, {"error": code or "refused", "message": message or "the post was refused"})
