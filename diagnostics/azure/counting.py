"""Counts each call to Azure by service and status: where its rate limits and refusals show first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from diagnostics.telemetry import count

if TYPE_CHECKING:
    from azure.core.pipeline.policies import SansIOHTTPPolicy
    from requests.adapters import HTTPAdapter

__all__ = ["counting_adapter", "counting_policy", "service_of"]

_NO_ANSWER = "none"
_SERVICES = {
    "management": "resource-manager",
    "api.azureml": "machine-learning",
    "api.ml": "machine-learning",
    "azurecr": "registry",
    "blob": "storage",
}


def service_of(url: str) -> str:
    """Return which of Azure's services a URL is of, by its host, in any cloud; ``other`` for all else."""
    host = f".{urlsplit(url).hostname or ''}."
    return next((name for mark, name in _SERVICES.items() if f".{mark}." in host), "other")


def counting_policy() -> SansIOHTTPPolicy[Any, Any]:
    """Return a policy for azure-core's pipeline, to stand behind the one that tries again."""
    from azure.core.pipeline import policies  # noqa: PLC0415 - off the path of the trigger's import

    class Counting(policies.SansIOHTTPPolicy[Any, Any]):
        def on_response(self, request: Any, response: Any) -> None:
            status = str(response.http_response.status_code)
            count("azure_calls", service=service_of(request.http_request.url), status=status)

        def on_exception(self, request: Any) -> None:
            count("azure_calls", service=service_of(request.http_request.url), status=_NO_ANSWER)

    return Counting()


def counting_adapter(**options: Any) -> HTTPAdapter:
    """Return an adapter for a session of ``requests``; it takes what :class:`requests.adapters.HTTPAdapter` takes."""
    from requests import RequestException  # noqa: PLC0415 - off the path of the trigger's import
    from requests.adapters import HTTPAdapter  # noqa: PLC0415

    class Counting(HTTPAdapter):
        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            service = service_of(str(request.url))
            try:
                answer = super().send(request, *args, **kwargs)
            except RequestException:
                count("azure_calls", service=service, status=_NO_ANSWER)
                raise
            count("azure_calls", service=service, status=str(answer.status_code))
            return answer

    return Counting(**options)
