"""App Service authentication in front of a functions host: takes forged identity headers away, puts its own there.

What the header holds: "Work with user identities in Azure App Service authentication" (the claims' names are those of
the platform's default mapping).
"""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from sandbox.proxy import LOOPBACK, Proxy
from sandbox.wire import Answer, Literal, Request

__all__ = ["AppService", "SignedIn", "platform_environment"]

_IDENTITY = "x-ms-client-principal"
_NOT_OURS = ("host", "connection", "content-length", "transfer-encoding")
_CLAIMS = "http://schemas.microsoft.com/identity/claims"
_ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
_NAME = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Somebody whom Microsoft Entra signed in. ``extra`` are further claims, by name and value."""

    oid: str
    name: str = "Kim Berg"
    tenant: str = ""
    groups: Sequence[str] = ()
    roles: Sequence[str] = ()
    extra: Sequence[tuple[str, str]] = ()
    provider: str = "aad"

    @property
    def headers(self) -> dict[str, str]:
        """What the platform adds to each request of theirs."""
        claims = [
            ("aud", "22222222-0000-4000-8000-000000000002"),
            ("name", self.name),
            (f"{_CLAIMS}/objectidentifier", self.oid),
            *([(f"{_CLAIMS}/tenantid", self.tenant)] if self.tenant else []),
            *(("groups", group) for group in self.groups),
            *((_ROLE, role) for role in self.roles),
            *self.extra,
        ]
        principal = {
            "auth_typ": self.provider,
            "claims": [{"typ": kind, "val": value} for kind, value in claims],
            "name_typ": _NAME,
            "role_typ": _ROLE,
        }
        return {
            "X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(principal).encode()).decode(),
            "X-MS-CLIENT-PRINCIPAL-ID": self.oid,
            "X-MS-CLIENT-PRINCIPAL-NAME": "kim.berg@halvorsen.example",
            "X-MS-CLIENT-PRINCIPAL-IDP": self.provider,
        }


def platform_environment(tenant: str) -> dict[str, str]:
    """Return the variables that the platform sets for an app whose authentication is on, for one tenant."""
    return {
        "WEBSITE_POD_NAME": "0--10101010-fx-a",
        "WEBSITE_AUTH_ENABLED": "True",
        "WEBSITE_AUTH_OPENID_ISSUER": f"https://login.microsoftonline.com/{tenant}/v2.0",
    }


class AppService:
    """The platform before the app at ``app_url``, which the world knows as ``host``: a proxy that ends TLS.

    A context manager. ``person`` is who is signed in at the moment; where there is nobody the request goes on without a
    name, as it does with "Allow unauthenticated access". Other hosts, whom a browser calls by itself, answer nothing.
    """

    def __init__(self, app_url: str, host: str) -> None:
        self._host = host
        parts = urlsplit(app_url)
        self._app = (parts.hostname or LOOPBACK, parts.port or 80)
        self._proxy = Proxy(self._answer, lambda _host: None)
        self.person: SignedIn | None = None
        self.requests: list[Request] = []

    @property
    def proxy_url(self) -> str:
        """Where a browser sends its requests."""
        return f"http://{LOOPBACK}:{self._proxy.port}"

    def __enter__(self) -> Self:
        self._proxy.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._proxy.stop()

    def _answer(self, request: Request) -> Answer:
        if request.host != self._host:
            return Answer(404)
        self.requests.append(request)
        kept = {
            name: value
            for name, value in request.headers.items()
            if name not in _NOT_OURS and not name.startswith(_IDENTITY)
        }
        return _forwarded(self._app, request, kept | (self.person.headers if self.person else {}))


def _forwarded(app: tuple[str, int], request: Request, headers: Mapping[str, str]) -> Answer:
    connection = http.client.HTTPConnection(*app, timeout=30)
    try:
        connection.request(request.method, request.target, request.body or None, dict(headers))
        found = connection.getresponse()
        body = found.read()
    finally:
        connection.close()
    passed = tuple((name, value) for name, value in found.getheaders() if name.lower() not in _NOT_OURS)
    return Answer(found.status, passed, Literal(body))
