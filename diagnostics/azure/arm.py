"""One small client for plain Azure Resource Manager resources, on azure-core's own pipeline.

Registries and roles are read through their SDKs; everything else that is a plain ``GET`` comes through here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from diagnostics.azure.addresses import https_host
from diagnostics.azure.clouds import Cloud
from diagnostics.azure.counting import counting_policy
from diagnostics.azure.errors import Nonsense, ReadFailed, error_text, from_azure_core, from_status

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.pipeline.policies import RetryPolicy
    from azure.core.pipeline.transport import RequestsTransport
    from azure.core.rest import HttpResponse

__all__ = [
    "KEPT",
    "LIMITS",
    "ArmClient",
    "brief_retries",
    "brief_retry_policy",
    "connections",
    "resource_part",
    "sdk_options",
]

LIMITS: Mapping[str, Any] = {
    "connection_timeout": 4,
    "read_timeout": 8,
    "retry_total": 2,
    "retry_backoff_factor": 0.3,
    "retry_backoff_max": 2,
}
"""Time limits of every Azure client here: azure-core's defaults are ten retries and 300-second timeouts."""

_PAGES = 50
_LARGEST = 32 * 1024 * 1024
"""Bytes of one answer: run history's documents and pages of lists have kilobytes."""

_STEP = 64 * 1024

KEPT = 16
"""Connections to one host that are kept open between calls; what is at work at once may be more."""


class ArmClient:
    """Reads Resource Manager and other hosts that take the same token; safe to share between threads.

    ``transport`` is :func:`connections`, which others may use too.
    """

    def __init__(self, cloud: Cloud, credential: TokenCredential, transport: RequestsTransport) -> None:
        from azure.core import PipelineClient  # noqa: PLC0415 - off the path of the trigger's import
        from azure.core.pipeline import policies  # noqa: PLC0415

        self._base = cloud.resource_manager
        self._hosts = (urlsplit(cloud.resource_manager).hostname or "", cloud.machine_learning_suffix)
        self._client: PipelineClient[Any, Any] = PipelineClient(
            base_url=self._base,
            transport=transport,
            policies=[
                policies.HeadersPolicy({"Accept": "application/json"}),
                policies.UserAgentPolicy("pullmedic"),
                brief_retries(),
                policies.BearerTokenCredentialPolicy(credential, cloud.resource_manager_scope),
                counting_policy(),
            ],
        )

    def get(self, path: str, *, api_version: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the resource at ``path`` (``/subscriptions/...``); :class:`ReadFailed` says why not."""
        return self.get_url(self._base + _quoted(path), params={"api-version": api_version, **(params or {})})

    def get_url(self, url: str, *, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON object at ``url``, which must be Resource Manager's or Azure Machine Learning's."""
        return self._send("GET", url, params or {})

    def post(self, path: str, *, api_version: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Post ``body`` to a read-only operation that Azure spells as ``POST`` (such as a name check)."""
        return self._send("POST", self._base + _quoted(path), {"api-version": api_version}, body)

    def pages(
        self, path: str, *, api_version: str, params: Mapping[str, str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the members of a list, over ``nextLink`` pages (absent or null on the last one).

        Raises :class:`Nonsense` where the list does not end in time: half a list would show absence that nobody saw.
        """
        cut = False
        for members, more in self.batches(path, api_version=api_version, params=params):
            yield from members
            cut = more
        if cut:
            raise Nonsense(f"a list of more than {_PAGES} pages was not read to its end")

    def batches(
        self, path: str, *, api_version: str, params: Mapping[str, str] | None = None, most: int = _PAGES
    ) -> Iterator[tuple[list[dict[str, Any]], bool]]:
        """Yield a list page by page, each with whether another one follows; at most ``most`` pages are asked for."""
        answer = self.get(path, api_version=api_version, params=params)
        for asked in range(1, most + 1):
            values = answer.get("value")
            if not isinstance(values, list):
                raise Nonsense("a list answered without its 'value'")
            following = answer.get("nextLink")
            yield [value for value in values if isinstance(value, dict)], bool(following)
            if not following or asked == most:
                return
            answer = self.get_url(str(following))

    def _send(
        self,
        method: str,
        url: str,
        params: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        self._guard(url)
        from azure.core.rest import HttpRequest  # noqa: PLC0415

        request = HttpRequest(method, url, params=dict(params), json=body, headers=dict(headers or {}))
        try:
            with self._client.send_request(
                request,
                stream=True,
                connection_timeout=LIMITS["connection_timeout"],
                read_timeout=LIMITS["read_timeout"],
            ) as response:
                return _object(response.status_code, _content(response))
        except Exception as error:  # noqa: BLE001 - sorted, never swallowed
            raise from_azure_core(error) from None

    def _guard(self, url: str) -> None:
        """Refuse to send the Azure token to any host but the cloud's own."""
        host = https_host(url)
        if host is None:
            raise ReadFailed("no Azure token is sent to an address that is no plain https URL")
        manager, learning = self._hosts
        if not (host == manager or host.endswith(learning)):
            raise ReadFailed(f"no Azure token is sent to {host}: it is not this cloud's")


def resource_part(resource_id: str, kind: str) -> str | None:
    """Return the segment after ``kind`` in a resource id (case does not count), or ``None``.

    >>> resource_part("/subscriptions/s/resourceGroups/rg/providers/A/b/c", "resourcegroups")
    'rg'
    """
    segments = resource_id.strip("/").split("/")
    for name, value in pairwise(segments):
        if name.lower() == kind.lower():
            return value
    return None


def brief_retries() -> RetryPolicy[Any, Any]:
    """Return a policy for every Azure client here that tries again only where that is soon.

    azure-core's own sleeps for as long as ``Retry-After`` says; who is told to wait for minutes is told so instead.
    """
    return brief_retry_policy()(**{name: value for name, value in LIMITS.items() if name.startswith("retry")})


def brief_retry_policy() -> type[RetryPolicy[Any, Any]]:
    """Return the class of that policy, for clients that make their own."""
    from azure.core.pipeline import policies  # noqa: PLC0415 - off the path of the trigger's import

    class Brief(policies.RetryPolicy[Any, Any]):
        def is_retry(self, settings: dict[str, Any], response: Any) -> bool:
            wait = self.get_retry_after(response)
            soon = wait is None or wait <= LIMITS["retry_backoff_max"]
            return soon and bool(super().is_retry(settings, response))

    return Brief


def connections() -> RequestsTransport:
    """Return connections that any number of Azure clients may share, and that none of them closes.

    A management client is of one subscription and would keep up to ten of its own: who reads a hundred subscriptions
    would come to the 600 that a Consumption instance may have (*Azure Functions, Manage connections*).
    """
    import requests  # noqa: PLC0415 - off the path of the trigger's import
    from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415
    from requests.adapters import HTTPAdapter  # noqa: PLC0415

    session = requests.Session()
    session.mount("https://", HTTPAdapter(pool_maxsize=KEPT))
    return RequestsTransport(
        session=session,
        session_owner=False,
        connection_data_block_size=_STEP,
        connection_timeout=LIMITS["connection_timeout"],
        read_timeout=LIMITS["read_timeout"],
    )


def sdk_options(cloud: Cloud, transport: RequestsTransport) -> dict[str, Any]:
    """Return what every management SDK's client is made with: its cloud, our limits, and a guard of its token.

    The SDKs follow redirects, and put their token to whatever ``nextLink`` a list names; the guard lets nothing through
    that is not for Resource Manager.
    """
    from azure.core.pipeline import policies  # noqa: PLC0415 - off the path of the trigger's import

    manager = urlsplit(cloud.resource_manager).hostname

    class Guard(policies.SansIOHTTPPolicy[Any, Any]):
        def on_request(self, request: Any) -> None:
            host = https_host(request.http_request.url)
            if host != manager:
                raise ReadFailed(f"no Azure token is sent to {host or 'an address that is no plain https URL'}")

    return {
        "base_url": cloud.resource_manager,
        "credential_scopes": [cloud.resource_manager_scope],
        "transport": transport,
        "retry_policy": brief_retries(),
        "per_retry_policies": [Guard(), counting_policy()],
    }


def _quoted(path: str) -> str:
    """Quote what no path may hold; what a caller has quoted stays as it is."""
    return quote(path, safe="/:@$(),'=-._~%")


def _content(response: HttpResponse) -> bytes:
    """Return the body as it is when unpacked; whoever packs a giant into a small answer is not read to the end."""
    content = bytearray()
    for part in response.iter_bytes():
        content += part
        if len(content) > _LARGEST:
            raise Nonsense(f"an answer of more than {_LARGEST >> 20} MiB was not read", status=response.status_code)
    return bytes(content)


def _object(status: int, content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content) if content else None
    except (ValueError, RecursionError):
        body = None
    if status >= 300:
        raise from_status(status, error_text(status, body))
    if not isinstance(body, dict):
        raise Nonsense(f"HTTP {status} without a JSON object", status=status)
    return body
