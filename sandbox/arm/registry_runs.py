"""Microsoft.ContainerRegistry: runs of ACR Tasks and the signed links to their logs (recorded, 2019-06-01-preview)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sandbox.access import stable_guid
from sandbox.arm import Found, Route, not_found, ok, route
from sandbox.azure import Azure, entries
from sandbox.wire import Answer, Request

__all__ = ["log_path", "routes", "task_host"]

_RUN = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerRegistry"
    "/registries/{name}/runs/{child}"
)


def routes(azure: Azure) -> list[Route]:
    """Return the routes of this provider."""
    it = _Runs(azure)
    return [route("GET", _RUN, it.one), route("POST", f"{_RUN}/listLogSasUrl", it.log)]


def task_host(registry: Mapping[str, Any]) -> str:
    """Return the storage host that keeps the logs of a registry's task runs: one of the service's own accounts."""
    region = (registry.get("region") or "westeurope").replace(" ", "").lower()
    return f"acrtaskprod{region[:6]}042.blob.core.windows.net"


def log_path(registry: Mapping[str, Any], run: str) -> str:
    """Return the path of a task run's log."""
    return f"/container-{stable_guid('tasks', registry['id']).replace('-', '')}/logs/{run}/rawtext.log"


class _Runs:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    def _find(self, found: Found) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
        scope = f"/subscriptions/{found['subscription']}/resourcegroups/{found['group']}/".lower()
        for registry in self._azure.registries():
            if registry["name"].lower() == found["name"].lower() and registry["id"].lower().startswith(scope):
                runs = [it for it in entries(self._azure.world, "task_runs") if it["registry"] == registry["name"]]
                return next(((registry, it) for it in runs if it["id"] == found["child"]), None)
        return None

    def one(self, request: Request, found: Found) -> Answer:
        """``provisioningState`` is ``Succeeded`` even for a run that failed (recorded)."""
        known = self._find(found)
        if known is None:
            return not_found(request.path)
        properties = {"runId": known[1]["id"], "status": "Failed", "provisioningState": "Succeeded"}
        kind = "Microsoft.ContainerRegistry/registries/runs"
        return ok({"type": kind, "properties": properties, "id": request.path, "name": known[1]["id"]})

    def log(self, request: Request, found: Found) -> Answer:
        known = self._find(found)
        if known is None:
            return not_found(request.path.rpartition("/")[0])
        registry, run = known
        ends = quote(self._azure.scenario.now.strftime("%Y-%m-%dT%H:%M:%SZ"), safe="")
        signature = f"se={ends}&sig={self._azure.sentinel}&sp=r&sr=b&sv=2024-11-04"
        return ok({"logLink": f"https://{task_host(registry)}{log_path(registry, run['id'])}?{signature}"})
