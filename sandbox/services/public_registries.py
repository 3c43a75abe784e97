"""Docker Hub and the Microsoft Container Registry: only in worlds that name them.

To others the Microsoft Container Registry is out of reach: it is asked by default, and its content is not known there.

Docker Hub as its documentation describes it ("Token authentication", "Docker Hub pull usage and limits");
its answers for what does not exist are those of the CNCF distribution.
"""

from __future__ import annotations

from sandbox.azure import Azure, entries
from sandbox.gate import stopped
from sandbox.oci import Shelf
from sandbox.registry_api import Reader, RegistryApi, registry_error
from sandbox.services import Service
from sandbox.tokens import Token
from sandbox.wire import CUT, Answer, Reply, Request, json_answer

__all__ = ["build"]

HUB, HUB_AUTH, MCR = "registry-1.docker.io", "auth.docker.io", "mcr.microsoft.com"
_HUB_NAMES = ("docker.io", "index.docker.io", HUB)


def build(azure: Azure) -> Service:
    """Return the service."""
    return _PublicRegistries(azure)


class _PublicRegistries:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        named = {it["login_server"].lower() for it in entries(azure.responder, "data_plane")}
        named |= {it["registry"].lower() for it in entries(azure.world, "images")}
        self._hub_name = next((it for it in _HUB_NAMES if it in named), None)
        self._hosts = {HUB, HUB_AUTH} if self._hub_name else set()
        self._hosts |= {MCR}
        self._mcr_named = MCR in named
        self._shelf = Shelf(azure.world, _HUB_NAMES)
        self._hub = RegistryApi(HUB, self._shelf)
        self._mcr = RegistryApi(MCR, Shelf(azure.world, (MCR,)))

    def knows(self, host: str) -> bool:
        return host in self._hosts

    def answer(self, request: Request) -> Reply | None:
        if request.host == MCR and not self._mcr_named:
            return CUT
        name = MCR if request.host == MCR else self._hub_name or HUB
        if request.host == HUB_AUTH:
            return self._token(request)
        if (reply := stopped(self._azure, name, None, request, self.error)) is not None:
            return reply
        if request.host == MCR:
            return self._mcr.answer(request, Reader())
        return self._from_hub(request)

    def _token(self, request: Request) -> Answer | None:
        """Anybody gets a token; for a repository that does not exist, one that allows nothing."""
        if request.path != "/token" or request.method != "GET":
            return None
        _, _, rest = request.query.get("scope", "").partition(":")
        name, _, actions = rest.rpartition(":")
        known = self._hub_repository(name) is not None
        granted = frozenset((name, action) for action in actions.split(",") if known)
        text = self._azure.tokens.issue(Token("access", HUB, None, granted))
        issued = self._azure.scenario.now.isoformat()
        return json_answer(200, {"token": text, "access_token": text, "expires_in": 300, "issued_at": issued})

    def _hub_repository(self, name: str) -> object | None:
        return self._shelf.find(name)

    def _from_hub(self, request: Request) -> Answer | None:
        needed = self._hub.needs(request)
        if needed is None:
            return None
        token = self._azure.tokens.find(request.bearer)
        name = needed[0]
        if token is not None and token.audience == HUB and (not name or (name, "pull") in token.grants):
            answer = self._hub.answer(request, Reader())
            return (
                answer.plus(("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "99;w=21600"))
                if answer
                else None
            )
        text = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"'
        text += f',scope="repository:{name}:pull"' if name else ""
        text += ',error="insufficient_scope"' if token else ""
        detail = [{"Type": "repository", "Class": "", "Name": name, "Action": "pull"}] if name else None
        body = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required", "detail": detail}]}
        return json_answer(401, body, (("WWW-Authenticate", text),))

    def error(self, request: Request, status: int, code: str | None, message: str | None) -> Answer:
        if status == 429 and request.host != MCR:
            usual = "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"
            return registry_error(429, code or "TOOMANYREQUESTS", message or usual)
        return registry_error(status, code, message)
