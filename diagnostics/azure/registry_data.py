"""A registry's data plane: manifests and tags through the token flow that every client uses.

Source of the flow: the OCI distribution specification, *Docker Registry v2 authentication*, and for the exchange of a
Microsoft Entra token azure-containerregistry 1.2.0 (``/oauth2/exchange``, ``/oauth2/token``, api 2021-07-01).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from diagnostics.azure.addresses import https_host
from diagnostics.azure.clouds import Cloud
from diagnostics.azure.errors import NoCredential, Nonsense, ReadFailed, Unreachable, from_azure_core, from_status
from diagnostics.redaction import redact

if TYPE_CHECKING:
    import requests
    from azure.core.credentials import TokenCredential

__all__ = ["MANIFEST_TYPES", "SCHEMA_1", "RegistryAnswer", "RegistryClient", "RegistryWire", "manifest_path"]

SCHEMA_1 = (
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.docker.distribution.manifest.v1+json",
)
"""Types of the oldest manifests, which present clients refuse."""

MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    *SCHEMA_1,
)
_LARGEST = 4 * 1024 * 1024
_LONGEST_WORD = 255
"""Characters of a media type (RFC 6838) and of a digest; what is longer is none."""

_TIMES = (4, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAnswer:
    """What the registry said: HTTP ``status``, its error ``code`` and ``message``, the JSON ``body``, the digest.

    ``length`` is the size that it states of a blob, ``challenge`` how it wants to be authenticated to, and
    ``retry_after`` the seconds that it asks to wait.
    """

    status: int
    code: str = ""
    message: str = ""
    body: Any = None
    media_type: str = ""
    digest: str = ""
    next_link: str = ""
    length: int | None = None
    challenge: str = ""
    retry_after: int | None = None

    @property
    def said(self) -> str:
        """The refusal in one redacted phrase."""
        detail = ", ".join(part for part in (self.code, self.message) if part)
        return redact(f"HTTP {self.status}" + (f", {detail}" if detail else ""))[:300]

    def refusal(self) -> ReadFailed:
        """Return why the answer says nothing of the image; a registry's own firewall is no missing right of ours."""
        if self.status == 403 and "is not allowed access" in self.message:
            return Unreachable(f"the registry's network rules do not let us in: {self.said}", status=403)
        return from_status(self.status, f"the registry answered {self.said}")


class RegistryWire:
    """One host's HTTP, with time limits; redirects are never followed, and bodies are read up to a limit."""

    def __init__(self, session: requests.Session, host: str) -> None:
        self._session = session
        self.host = host

    def ask(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, form: dict[str, str] | None = None
    ) -> RegistryAnswer:
        """Return the answer to one request; :class:`Unreachable` where none came."""
        import requests  # noqa: PLC0415 - off the path of the trigger's import
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        url = f"https://{self.host}{path}"
        try:
            with self._session.request(
                method, url, headers=headers, data=form, timeout=_TIMES, allow_redirects=False, stream=True
            ) as answer:
                return _understood(answer)
        except (requests.RequestException, HTTPError) as error:  # the body is read past requests
            raise Unreachable(f"{self.host} did not answer ({type(error).__name__})") from None


class RegistryClient:
    """Asks one Azure container registry about one repository, as the identity that we are; safe between threads.

    Redirects are not followed with the token, and the Microsoft Entra token is sent to ``login_server`` alone, which
    the caller must have from Resource Manager: :class:`ReadFailed` where it is none of the cloud's registries all the
    same. ``tenant`` is that of the credential; where it is not known none is
    named, and the registry takes the token's own. ``logged_in`` is called with every token that it gives.
    """

    def __init__(
        self,
        session: requests.Session,
        cloud: Cloud,
        credential: TokenCredential,
        *,
        login_server: str,
        repository: str,
        tenant: str | None = None,
        logged_in: Callable[[], None] = lambda: None,
    ) -> None:
        host = https_host(f"https://{login_server}")
        if host is None or not host.endswith(cloud.registry_suffix):
            raise ReadFailed("no Azure token is sent to a login server that is none of this cloud's registries")
        self._wire = RegistryWire(session, host)
        self._cloud = cloud
        self._credential = credential
        self._repository = repository
        self._tenant = tenant
        self._logged_in = logged_in
        self._scope = f"repository:{repository}:pull,metadata_read"
        self._token: str | None = None
        self._lock = Lock()

    def log_in(self) -> None:
        """Get the token that the first question needs; what comes in the way is said when something is asked."""
        with suppress(ReadFailed):
            self._authenticated(renew=False)

    def manifest(self, reference: str) -> RegistryAnswer:
        """Ask for the manifest of a tag or digest; :class:`ReadFailed` only where nothing answered."""
        return self._get(manifest_path(self._repository, reference), {"Accept": ", ".join(MANIFEST_TYPES)})

    def tags(self, *, newest: int = 100) -> RegistryAnswer:
        """Ask for the newest tags with their times (``/acr/v1``, which only Azure's registries have)."""
        return self._get(f"/acr/v1/{self._repository}/_tags?orderby=timedesc&n={newest}", {})

    def tag(self, name: str) -> RegistryAnswer:
        """Ask for one tag's attributes and its digest."""
        return self._get(f"/acr/v1/{self._repository}/_tags/{quote(name, safe='')}", {})

    def attributes(self, digest: str | None = None) -> RegistryAnswer:
        """Ask for one manifest's attributes, or the repository's own."""
        path = f"/acr/v1/{self._repository}" + (f"/_manifests/{quote(digest, safe=':')}" if digest else "")
        return self._get(path, {})

    def manifests(self, *, newest: int = 100) -> RegistryAnswer:
        """Ask for the newest manifests with their attributes and tags."""
        return self._get(f"/acr/v1/{self._repository}/_manifests?orderby=timedesc&n={newest}", {})

    def blob(self, digest: str, *, in_words: bool = False) -> RegistryAnswer:
        """Ask whether a blob is there, and of what size, by its head; ``in_words`` to read why it is not."""
        path = f"/v2/{self._repository}/blobs/{quote(digest, safe=':')}"
        return self._get(path, {}, method="GET" if in_words else "HEAD")

    def _get(self, path: str, headers: dict[str, str], *, method: str = "GET") -> RegistryAnswer:
        """Get ``path`` with a token of our own; without one the registry's refusal of the token is the answer.

        A remembered token that is refused is replaced once: it may be older than the right to look.
        """
        for fresh in (False, True):
            token, refusal, was_fresh = self._authenticated(renew=fresh)
            if refusal is not None:
                return refusal
            answer = self._wire.ask(method, path, headers={**headers, "Authorization": f"Bearer {token}"})
            if answer.status != 401 or was_fresh:
                break
        return answer

    def _authenticated(self, *, renew: bool) -> tuple[str | None, RegistryAnswer | None, bool]:
        """Return the token (or the refusal of one), and whether it was made just now."""
        with self._lock:
            if self._token is not None and not renew:
                return self._token, None, False
            refusal = self._authenticate()
            return self._token, refusal, True

    def _authenticate(self) -> RegistryAnswer | None:
        try:
            token = self._credential.get_token(self._cloud.registry_scope).token
        except Exception as error:  # noqa: BLE001 - sorted, never swallowed
            raise NoCredential(f"no token for registries: {from_azure_core(error)}") from None
        form = {"grant_type": "access_token", "service": self._wire.host, "access_token": token}
        if self._tenant:
            form["tenant"] = self._tenant
        exchanged = self._wire.ask("POST", "/oauth2/exchange", form=form)
        refresh = _member(exchanged.body, "refresh_token")
        if refresh is None:
            return _refused(exchanged)
        form = {
            "grant_type": "refresh_token",
            "service": self._wire.host,
            "scope": self._scope,
            "refresh_token": refresh,
        }
        granted = self._wire.ask("POST", "/oauth2/token", form=form)
        self._token = _member(granted.body, "access_token")
        if self._token is None:
            return _refused(granted)
        self._logged_in()
        return None


def manifest_path(repository: str, reference: str) -> str:
    """Return the path of a manifest by the OCI distribution specification."""
    return f"/v2/{repository}/manifests/{quote(reference, safe=':')}"


def _refused(answer: RegistryAnswer) -> RegistryAnswer:
    """Return the refusal of a token; a success without a token is some other server's page."""
    if answer.status < 400:
        raise Nonsense(f"HTTP {answer.status} without the token that was asked for", status=answer.status)
    return answer


def _understood(answer: requests.Response) -> RegistryAnswer:
    raw = answer.raw.read(_LARGEST, decode_content=True) or b""
    try:
        body = json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        body = None
    code, message = _first_error(body)
    return RegistryAnswer(
        status=answer.status_code,
        code=code,
        message=message,
        body=body,
        media_type=_media_type(answer, body)[:_LONGEST_WORD],
        digest=answer.headers.get("Docker-Content-Digest", "")[:_LONGEST_WORD],
        next_link=answer.headers.get("Link", ""),
        length=_whole(answer.headers.get("Content-Length")),
        challenge=answer.headers.get("WWW-Authenticate", ""),
        retry_after=_whole(answer.headers.get("Retry-After")),
    )


def _whole(text: str | None) -> int | None:
    """Read a header that holds seconds or bytes; a date in its place says nothing here."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


def _media_type(answer: requests.Response, body: Any) -> str:
    declared = _member(body, "mediaType")
    return declared or answer.headers.get("Content-Type", "").split(";")[0].strip()


def _first_error(body: Any) -> tuple[str, str]:
    """Return code and message of ``{"errors": [...]}``; ``detail`` may be null, a list, an object or absent."""
    errors = body.get("errors") if isinstance(body, dict) else None
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    return str(first.get("code") or ""), str(first.get("message") or "")[:300]


def _member(body: Any, name: str) -> str | None:
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, str) and value else None
