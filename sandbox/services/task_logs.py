"""acrtaskprod<region>.blob.core.windows.net: the logs of ACR Tasks, behind signed addresses.

Without a signature these accounts answer 409, *Public access is not permitted on this storage account*.
"""

from __future__ import annotations

from sandbox.arm.registry_runs import log_path, task_host
from sandbox.azure import Azure, entries
from sandbox.generated import log_content
from sandbox.services import Service, blobs
from sandbox.wire import Reply, Request

__all__ = ["build"]


def build(azure: Azure) -> Service:
    """Return the service."""
    return _TaskLogs(azure)


class _TaskLogs(blobs.Blobs):
    def __init__(self, azure: Azure) -> None:
        super().__init__(azure)
        registries = {it["name"]: it for it in azure.registries()}
        self._hosts = {task_host(it) for it in registries.values()}
        self._blobs = {
            log_path(registries[it["registry"]], it["id"]): log_content(it["log"])
            for it in entries(azure.world, "task_runs")
            if it["registry"] in registries and it.get("log") is not None
        }

    def answer(self, request: Request) -> Reply | None:
        if request.method in ("GET", "HEAD") and "sig" not in request.query:
            return self.error(request, 409, None, None)
        return super().answer(request)
