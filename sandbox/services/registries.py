"""<registry>.azurecr.io: the data plane of Azure Container Registry, tokens included.

Shapes are recorded ones (azure-containerregistry, api-version 2021-07-01). Where no recording says so: an
identity without any right on a registry is refused by the exchange already; a locked or, by digest,
quarantined manifest is answered 405 UNSUPPORTED.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from sandbox.access import CONTENT_READ, METADATA_READ
from sandbox.azure import Azure, entries, table
from sandbox.gate import stopped
from sandbox.oci import Shelf
from sandbox.registry_api import HEADERS, Reader, RegistryApi, registry_error
from sandbox.services import Service
from sandbox.tokens import REGISTRY_AUDIENCE, Grant, Token
from sandbox.wire import Answer, Reply, Request, json_answer, text_answer

__all__ = ["build"]

_ELSEWHERE = ("docker.io", "mcr.microsoft.com")
_LIMITS = (("Server", "openresty"), ("x-ms-ratelimit-remaining-calls-per-second", "166.65"))
_ROUTED = re.compile(
    r"/v2/(?P<v2>.+?)/(?:manifests|blobs|tags)/[^/]+"
    r"|/acr/v1/(?P<v1>[^_].*?)(?:/_(?:tags|manifests)(?:/[^/]+)?)?/?"
)
_ACTIONS = {"pull": CONTENT_READ, "metadata_read": METADATA_READ}
_UNAUTHORIZED = "authentication required, visit https://aka.ms/acr/authorization for more information."


def build(azure: Azure) -> Service:
    """Return the service."""
    return _Registries(azure)


class _Registries:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        named = {it["login_server"].lower() for it in azure.registries()}
        named |= {it["login_server"].lower() for it in entries(azure.responder, "data_plane")}
        self._servers = {it for it in named if not it.endswith(_ELSEWHERE)}
        self._apis = {server: self._api(server) for server in self._servers}

    def _api(self, server: str) -> RegistryApi:
        registry = self._azure.registry_at(server) or {}
        plane = self._azure.data_plane(server)
        replica = plane.get("served_by") or registry.get("region")
        return RegistryApi(server, Shelf(self._azure.world, (registry.get("name"), server)), replica)

    def _server(self, host: str) -> str | None:
        """Return the login server behind a host: itself, or by its regional name
        ``<label>.<region>.geo.<suffix>``.
        """
        if host in self._servers:
            return host
        regional = re.fullmatch(r"([^.]+)\.[^.]+\.geo\.(.+)", host)
        server = f"{regional[1]}.{regional[2]}" if regional else None
        return server if server in self._servers else None

    def knows(self, host: str) -> bool:
        return self._server(host) is not None

    def answer(self, request: Request) -> Reply | None:
        server = self._server(request.host) or request.host
        registry = self._azure.registry_at(server)
        if (reply := stopped(self._azure, server, registry, request, self.error)) is not None:
            return reply
        if request.path == "/oauth2/exchange" and request.method == "POST":
            return self._exchange(request, server, registry)
        if request.path == "/oauth2/token" and request.method in ("GET", "POST"):
            return self._issue(request, server, registry)
        return self._content(request, server, registry)

    def _exchange(self, request: Request, server: str, registry: Mapping[str, Any] | None) -> Answer:
        """Return an Entra token for a refresh token; which audiences count depends on
        ``azureADAuthenticationAsArmPolicy``.
        """
        form = request.form
        token = self._azure.tokens.find(form.get("access_token"))
        accepted = {REGISTRY_AUDIENCE}
        if table(registry or {}, "policies").get("azureADAuthenticationAsArmPolicy") != "disabled":
            accepted |= self._azure.hosts.audiences
        if token is None or token.audience not in accepted or registry is None or token.principal_id is None:
            return self.error(request, 401, None, None)
        if form.get("tenant", self._azure.tenant) != self._azure.tenant:
            return self.error(request, 401, None, None)
        if form.get("service", server) != server or not self._azure.access.enters(token.principal_id, registry):
            return self.error(request, 401, None, None)
        refresh = self._azure.tokens.issue(Token("refresh", server, token.principal_id))
        return json_answer(200, {"refresh_token": refresh}, _LIMITS)

    def _issue(self, request: Request, server: str, registry: Mapping[str, Any] | None) -> Answer:
        """Return an access token, for nobody where no refresh token comes; what it does not allow shows on
        the next call.
        """
        text = request.body.decode() if request.method == "POST" else request.target.partition("?")[2]
        fields = parse_qsl(text, keep_blank_values=True)
        sent = dict(fields).get("refresh_token") or _basic_password(request)
        refresh = self._azure.tokens.find(sent)
        if sent and (refresh is None or refresh.kind != "refresh" or refresh.audience != server):
            return self.error(request, 401, None, None)
        principal = refresh.principal_id if refresh else None
        scopes = [scope for key, value in fields if key == "scope" for scope in value.split()]
        granted = frozenset(it for scope in scopes for it in self._granted(scope, principal, registry))
        access = self._azure.tokens.issue(Token("access", server, principal, granted))
        return json_answer(200, {"access_token": access}, _LIMITS)

    def _granted(self, scope: str, principal: str | None, registry: Mapping[str, Any] | None) -> list[Grant]:
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        allowed = [it for it in actions.split(",") if registry and self._allows(kind, name, it, principal, registry)]
        return [(name if kind == "repository" else f"{kind}:{name}", it) for it in allowed]

    def _allows(self, kind: str, name: str, action: str, principal: str | None, registry: Mapping[str, Any]) -> bool:
        if kind == "registry":
            return principal is not None and self._azure.access.may_list(principal, registry)
        if action not in _ACTIONS:
            return False
        if registry.get("anonymousPullEnabled"):
            return True
        return principal is not None and self._azure.access.may_pull(principal, registry, name, _ACTIONS[action])

    def _content(self, request: Request, server: str, registry: Mapping[str, Any] | None) -> Reply | None:
        routed = _ROUTED.fullmatch(request.path)
        repository = (routed["v2"] or routed["v1"]) if routed else None
        if repository is not None and repository != repository.lower():
            return text_answer(404, "404 page not found\n", "text/plain; charset=utf-8", HEADERS[-2:])
        api = self._apis[server]
        needed = api.needs(request)
        if needed is None:
            return None
        token = self._azure.tokens.find(request.bearer)
        valid = token is not None and token.kind == "access" and token.audience == server
        if not valid or token is None:
            return _challenge(server, needed, "invalid_token" if request.bearer else None)
        if needed != ("", "") and needed not in token.grants:
            return _challenge(server, needed, "insufficient_scope")
        sees = registry is not None and self._azure.access.may_see_quarantined(token.principal_id, registry)
        return api.answer(request, Reader(sees))

    def error(self, _request: Request, status: int, code: str | None, message: str | None) -> Answer:
        if status == 403 and code in (None, "DENIED"):
            address = self._azure.responder.get("outbound_ip") or "203.0.113.1"
            advice = "Refer https://aka.ms/acr/firewall to grant access."
            usual = f"client with IP '{address}' is not allowed access. {advice}"
            return json_answer(403, {"errors": [{"code": "DENIED", "message": message or usual}]})
        return registry_error(status, code, message or (_UNAUTHORIZED if status == 401 else None))


def _basic_password(request: Request) -> str | None:
    """Return the refresh token of a client that logs in as Docker does, with an all-zero user name."""
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    try:
        return base64.b64decode(text).decode().partition(":")[2] if kind.lower() == "basic" else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _challenge(server: str, needed: Grant, problem: str | None) -> Answer:
    """401 with a challenge; a missing right differs from a missing token by ``error`` alone (recorded
    shape).
    """
    name, actions = needed
    text, detail = f'Bearer realm="https://{server}/oauth2/token",service="{server}"', None
    if name:
        kind, _, plain = name.rpartition(":")
        kind = kind or "repository"
        text += f',scope="{kind}:{plain}:{actions}"'
        detail = [{"Type": kind, "Name": plain, "Action": action} for action in actions.split(",")]
    if problem:
        text += f',error="{problem}"'
    body = {"errors": [{"code": "UNAUTHORIZED", "message": _UNAUTHORIZED, "detail": detail}]}
    return json_answer(401, body, (*HEADERS, ("WWW-Authenticate", text)))
