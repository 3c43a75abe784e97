"""The identity endpoint of an app: plain http on loopback (App Service, api-version 2019-08-01)."""

from __future__ import annotations

from sandbox.access import stable_guid
from sandbox.azure import Azure, table
from sandbox.services import Service
from sandbox.tokens import LIFETIME_S, Token
from sandbox.wire import Answer, Reply, Request, json_answer

__all__ = ["PATH", "build"]

HOST = "127.0.0.1"
PATH = "/msi/token"


def build(azure: Azure) -> Service:
    """Return the service."""
    return _Identity(azure)


class _Identity:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    def knows(self, host: str) -> bool:
        return host == HOST

    def answer(self, request: Request) -> Reply | None:
        if request.path != PATH or request.method != "GET":
            return None
        if request.headers.get("x-identity-header") != self._azure.sentinel:
            return self.error(request, 401, None, "The X-IDENTITY-HEADER header is missing or wrong.")
        if not (resource := request.query.get("resource")):
            return self.error(request, 400, None, "The resource parameter is missing.")
        return self._token(request, resource)

    def _token(self, request: Request, resource: str) -> Answer:
        """Without naming an identity the responder's own; a named one is the world's fixer, or its own principal."""
        asked = next(
            (request.query[key] for key in ("client_id", "principal_id", "mi_res_id") if key in request.query),
            "",
        )
        fixer = table(self._azure.world, "fixer")
        named = fixer.get("principal_id") if asked and asked == fixer.get("client_id") else asked
        principal = named or self._azure.responder_id
        client = asked or stable_guid("client", principal)
        text = self._azure.tokens.issue(Token("azure", resource.rstrip("/"), principal, client_id=client))
        body = {
            "access_token": text,
            "expires_on": str(int(self._azure.tokens.now()) + LIFETIME_S),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": client,
        }
        return json_answer(200, body)

    def error(self, _request: Request, status: int, _code: str | None, message: str | None) -> Answer:
        return json_answer(status, {"statusCode": status, "message": message or "No token could be obtained."})
