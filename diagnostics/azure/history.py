"""Run history: the one interface that says why a run failed and where its logs are.

The endpoint is the one that the official SDK uses (azure-ai-ml, ``operations/_run_operations.py``) and is not in the
public REST reference; its shapes are azure-ai-ml's ``_restclient/runhistory/models``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from diagnostics.azure.addresses import https_host
from diagnostics.azure.arm import ArmClient
from diagnostics.azure.errors import Nonsense

if TYPE_CHECKING:
    from diagnostics.reach import Memory

__all__ = ["RunHistory"]

_CHILDREN_PAGES = 10


class RunHistory:
    """Reads runs of any workspace whose discovery URL is known; ``places`` remembers where each region's is."""

    def __init__(self, client: ArmClient, places: Memory) -> None:
        self._client = client
        self._places = places

    def details(self, discovery_url: str, workspace_id: str, run_id: str) -> dict[str, Any]:
        """Return the ``details`` document of a run: status, error, log links, definition, compute."""
        return self._client.get_url(self._run_url(discovery_url, workspace_id, run_id) + "/details")

    def children(self, discovery_url: str, workspace_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the child runs of a pipeline run, at most ten pages of them."""
        url = self._run_url(discovery_url, workspace_id, run_id) + "/children"
        found: list[dict[str, Any]] = []
        params: dict[str, str] = {}
        for _ in range(_CHILDREN_PAGES):
            answer = self._client.get_url(url, params=params)
            values = answer.get("value")
            if not isinstance(values, list):
                raise Nonsense("the list of child runs came without its 'value'")
            found += [value for value in values if isinstance(value, dict)]
            token = answer.get("continuationToken")
            if not token:
                break
            params = {"$continuationToken": str(token)}
        return found

    def _run_url(self, discovery_url: str, workspace_id: str, run_id: str) -> str:
        base = self._base(discovery_url)
        return f"{base}/history/v1.0{quote(workspace_id, safe='/')}/runs/{quote(run_id, safe='')}"

    def _base(self, discovery_url: str) -> str:
        known = self._places.get(discovery_url)
        if known:
            return known
        answer = self._client.get_url(discovery_url)
        api = answer.get("history") or answer.get("api")
        host = https_host(api) if isinstance(api, str) else None
        if not host:
            raise Nonsense("the workspace's discovery answer names no history service")
        base = f"https://{host}"
        self._places[discovery_url] = base
        return base
