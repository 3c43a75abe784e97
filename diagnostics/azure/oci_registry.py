"""Registries that Resource Manager does not list (Docker Hub, MCR, GitHub ...), asked as anybody may.

Source of the flow: the OCI distribution specification and *Token Authentication Specification* of the distribution
project. No Azure token takes part here.
"""

from __future__ import annotations

import re
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from diagnostics.azure.errors import Nonsense, NotPermitted
from diagnostics.azure.registry_data import MANIFEST_TYPES, RegistryAnswer, RegistryWire, manifest_path

if TYPE_CHECKING:
    from collections.abc import Collection

    import requests

__all__ = ["OciRegistry", "endpoint_of"]

_ENDPOINTS = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}
_ISSUERS = {"registry-1.docker.io": "auth.docker.io", "registry.gitlab.com": "gitlab.com"}
"""Who issues tokens for a registry under another name than the registry's own."""

_PARAMETER = re.compile(r'([a-zA-Z]{1,32})="([^"]{0,1024})"')


def endpoint_of(registry: str) -> str:
    """Return the host that serves ``registry``: Docker Hub's API has another name than its images."""
    return _ENDPOINTS.get(registry.lower(), registry.lower())


class OciRegistry:
    """Asks one registry about one repository, anonymously; safe between threads.

    A token is fetched only from an https address of the registry itself, of its known issuer, or of a host that is
    itself in ``trusted``: whatever else a challenge names is refused.
    """

    def __init__(
        self, session: requests.Session, registry: str, repository: str, *, trusted: Collection[str] = ()
    ) -> None:
        self._wire = RegistryWire(session, endpoint_of(registry))
        self._session = session
        self._repository = repository
        self._trusted = {endpoint_of(host) for host in trusted}
        self._token: str | None = None
        self._lock = Lock()

    def manifest(self, reference: str) -> RegistryAnswer:
        """Ask for the manifest of a tag or digest; :class:`ReadFailed` only where nothing answered."""
        return self._get(manifest_path(self._repository, reference), {"Accept": ", ".join(MANIFEST_TYPES)})

    def tags(self, *, newest: int = 100) -> RegistryAnswer:
        """Ask for names of tags, in the registry's own order."""
        return self._get(f"/v2/{self._repository}/tags/list?n={newest}", {})

    def blob(self, digest: str, *, in_words: bool = False) -> RegistryAnswer:
        """Ask whether a blob is there, and of what size, by its head; ``in_words`` to read why it is not."""
        path = f"/v2/{self._repository}/blobs/{quote(digest, safe=':')}"
        return self._get(path, {}, method="GET" if in_words else "HEAD")

    def _get(self, path: str, headers: dict[str, str], *, method: str = "GET") -> RegistryAnswer:
        """Get ``path`` as nobody, and with an anonymous token where the registry asks for one."""
        with self._lock:
            token = self._token
        answer = self._wire.ask(method, path, headers=_with(headers, token))
        if answer.status != 401 or not answer.challenge:
            return answer
        with self._lock:
            refusal = self._authenticate(answer.challenge)
            token = self._token
        return refusal or self._wire.ask(method, path, headers=_with(headers, token))

    def _authenticate(self, challenge: str) -> RegistryAnswer | None:
        kind, _, rest = challenge.strip().partition(" ")
        if kind.lower() != "bearer":
            raise NotPermitted(f"{self._wire.host} lets nobody read without a password", status=401)
        asked = {name.lower(): value for name, value in _PARAMETER.findall(rest)}
        issuer, path = self._issuer(asked.get("realm", ""))
        query = {"scope": f"repository:{self._repository}:pull"}
        if asked.get("service"):
            query["service"] = asked["service"]
        answer = RegistryWire(self._session, issuer).ask("GET", f"{path}?{urlencode(query)}")
        body = answer.body if isinstance(answer.body, dict) else {}
        token = body.get("token") or body.get("access_token")
        if answer.status >= 400:
            return answer
        if not isinstance(token, str) or not token.isprintable():
            raise Nonsense(f"{issuer} answered without the token that was asked for", status=answer.status)
        self._token = token
        return None

    def _issuer(self, realm: str) -> tuple[str, str]:
        """Return host and path of the token's issuer, or refuse one that does not belong to the registry."""
        try:
            parts = urlsplit(realm)
            host = parts.netloc.lower()
        except ValueError:
            host = ""
        known = {self._wire.host, _ISSUERS.get(self._wire.host, self._wire.host), *self._trusted}
        if not host or parts.scheme != "https" or host not in known:
            raise Nonsense(f"{self._wire.host} sends us for a token to a host that is not its own")
        return host, quote(parts.path or "/", safe="/%~._-")


def _with(headers: dict[str, str], token: str | None) -> dict[str, str]:
    return {**headers, "Authorization": f"Bearer {token}"} if token else headers
