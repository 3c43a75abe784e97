"""One small client for plain Azure Resource Manager resources, on azure-core's own pipeline.

Registries and roles are read through their SDKs; everything else that is a plain ``GET`` comes through here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from diagnostics.azure.clouds import Cloud
from diagnostics.azure.errors import Nonsense, ReadFailed, error_text, from_azure_core, from_status

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.pipeline.policies import RetryPolicy
    from azure.core.rest import HttpResponse

__all__ = ["LIMITS", "ArmClient", "brief_retries", "resource_part"]

LIMITS: Mapping[str, Any] = {
    "connection_timeout": 4,
    "read_timeout": 8,
    "retry_total": 2,
    "retry_backoff_factor": 0.3,
    "retry_backoff_max": 2,
}
"""Time limits of every Azure client here: azure-core's defaults are ten retries and 300-second timeouts."""

_PAGES = 50


class ArmClient:
    """Reads Resource Manager and other hosts that take the same token; safe to share between threads."""

    def __init__(self, cloud: Cloud, credential: TokenCredential) -> None:
        from azure.core import PipelineClient  # noqa: PLC0415 - off the path of the trigger's import
        from azure.core.pipeline import policies  # noqa: PLC0415

        self._base = cloud.resource_manager
        self._hosts = (urlsplit(cloud.resource_manager).hostname or "", cloud.machine_learning_suffix)
        self._client: PipelineClient[Any, Any] = PipelineClient(
            base_url=self._base,
            policies=[
                policies.HeadersPolicy({"Accept": "application/json"}),
                policies.UserAgentPolicy("pullmedic"),
                brief_retries(),
                policies.BearerTokenCredentialPolicy(credential, cloud.resource_manager_scope),
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
        """Yield the members of a list, over ``nextLink`` pages (absent or null on the last one)."""
        answer = self.get(path, api_version=api_version, params=params)
        for _ in range(_PAGES):
            values = answer.get("value")
            if not isinstance(values, list):
                raise Nonsense("a list answered without its 'value'")
            yield from (value for value in values if isinstance(value, dict))
            following = answer.get("nextLink")
            if not following:
                return
            answer = self.get_url(str(following))

    def _send(
        self, method: str, url: str, params: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        self._guard(url)
        from azure.core.rest import HttpRequest  # noqa: PLC0415

        request = HttpRequest(method, url, params=dict(params), json=body)
        try:
            response = self._client.send_request(
                request, connection_timeout=LIMITS["connection_timeout"], read_timeout=LIMITS["read_timeout"]
            )
        except Exception as error:  # noqa: BLE001 - sorted, never swallowed
            raise from_azure_core(error) from None
        return _object(response)

    def _guard(self, url: str) -> None:
        """Refuse to send the Azure token to any host but the cloud's own."""
        try:
            parts = urlsplit(url)
        except ValueError:
            raise ReadFailed("no Azure token is sent to an address that is no URL") from None
        host = (parts.hostname or "").lower()
        manager, learning = self._hosts
        if parts.scheme != "https" or not (host == manager or host.endswith(learning)):
            raise ReadFailed(f"no Azure token is sent to {host or 'a missing host'}: it is not this cloud's")


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
    from azure.core.pipeline import policies  # noqa: PLC0415 - off the path of the trigger's import

    class Brief(policies.RetryPolicy[Any, Any]):
        def is_retry(self, settings: dict[str, Any], response: Any) -> bool:
            wait = self.get_retry_after(response)
            soon = wait is None or wait <= LIMITS["retry_backoff_max"]
            return soon and bool(super().is_retry(settings, response))

    return Brief(**{name: value for name, value in LIMITS.items() if name.startswith("retry")})


def _quoted(path: str) -> str:
    """Quote what no path may hold; what a caller has quoted stays as it is."""
    return quote(path, safe="/:@$(),'=-._~%")


def _object(response: HttpResponse) -> dict[str, Any]:
    try:
        body = response.json() if response.content else None
    except (ValueError, RecursionError):
        body = None
    if response.status_code >= 300:
        raise from_status(response.status_code, error_text(response.status_code, body))
    if not isinstance(body, dict):
        raise Nonsense(f"HTTP {response.status_code} without a JSON object", status=response.status_code)
    return body
