"""<region>.api.azureml.ms: the discovery of a region's services, and the run history.

The run history has no public reference; shapes are those of the models in azure-ai-ml's run history client,
and of the error envelope as recorded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.azure import Azure, entries
from sandbox.run_documents import RunDocuments
from sandbox.services import Service
from sandbox.wire import Answer, Reply, Request, json_answer

__all__ = ["build"]

PAGE = 100
_HISTORY = re.compile(
    r"/history/v1\.0/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/(?P<workspace>[^/]+)"
    r"(?:/experiments/[^/]+)?/(?:(?P<data>rundata)|runs/(?P<run>[^/]+)(?:/(?P<part>details|children))?)",
    re.IGNORECASE,
)
_SERVICES = (
    "api",
    "catalog",
    "experimentation",
    "history",
    "hyperdrive",
    "modelmanagement",
    "pipelines",
    "studio",
)
_CODES = {401: "UserError", 403: "UserError", 404: "UserError", 429: "TooManyRequests"}


def build(azure: Azure) -> Service:
    """Return the service."""
    return _RunHistory(azure)


class _RunHistory:
    def __init__(self, azure: Azure) -> None:
        self._azure, self._documents = azure, RunDocuments(azure)
        self._hosts = {host for it in entries(azure.world, "workspaces") for host in _hosts(azure, it)}
        self._runs = {run["id"]: (run, parent) for run, parent in azure.scenario.runs()}

    def knows(self, host: str) -> bool:
        return host in self._hosts

    def answer(self, request: Request) -> Reply | None:
        if request.method == "GET" and re.fullmatch(r"/discovery(/workspaces/[^/]+)?/?", request.path):
            return json_answer(200, dict.fromkeys(_SERVICES, f"https://{request.host}"))
        found = _HISTORY.fullmatch(request.path)
        if found is None or request.method != ("POST" if found["data"] else "GET"):
            return None
        return self._unauthorized(request) or self._history(request, found)

    def _unauthorized(self, request: Request) -> Answer | None:
        token = self._azure.tokens.find(request.bearer)
        if token is None:
            return self.error(request, 401, None, "Bearer token not provided or not valid.")
        if token.audience not in self._azure.hosts.audiences:
            return self.error(request, 401, None, "The token's audience is not accepted.")
        return None

    def _history(self, request: Request, found: re.Match[str]) -> Answer:
        run_id = request.json().get("runId") if found["data"] else found["run"]
        run, parent = self._runs.get(run_id, ({}, None))
        if not run or not self._in_workspace(run, found):
            return self.error(request, 404, None, f"Run {run_id} was not found")
        if found["data"]:
            metadata = self._documents.metadata(run, parent)
            definition = self._documents.definition(run)
            return json_answer(200, {"runMetadata": metadata, "runDefinition": definition, "jobSpecification": None})
        if found["part"] == "details":
            return json_answer(200, self._documents.details(run, parent))
        return (
            self._children(request, run) if found["part"] else json_answer(200, self._documents.metadata(run, parent))
        )

    def _in_workspace(self, run: Mapping[str, Any], found: re.Match[str]) -> bool:
        workspace = self._azure.workspace_named(run.get("workspace"))
        if workspace is None:
            return False
        stated = (workspace["subscription"], workspace["resource_group"], workspace["name"])
        return [it.lower() for it in stated] == [found[key].lower() for key in ("subscription", "group", "workspace")]

    def _children(self, request: Request, run: Mapping[str, Any]) -> Answer:
        """One page; on the last one both tokens are null."""
        size = int(request.query.get("$top") or PAGE)
        start = int(request.query.get("$continuationtoken") or request.query.get("$continuationToken") or 0)
        children, more = entries(run, "children"), None
        if start + size < len(children):
            more = str(start + size)
        following = f"https://{request.host}{request.raw_path}?$continuationtoken={more}&$top={size}" if more else None
        value = [self._documents.metadata(it, run) for it in children[start : start + size]]
        return json_answer(200, {"value": value, "continuationToken": more, "nextLink": following})

    def error(self, request: Request, status: int, code: str | None, message: str | None) -> Answer:
        region = request.host.removesuffix(self._azure.hosts.learning_suffix).rpartition(".")[2] or "westeurope"
        words = message or f"The request failed with status {status}."
        return json_answer(
            status,
            self._documents.envelope(code or _CODES.get(status, "ServiceError"), words, region, status),
        )


def _hosts(azure: Azure, workspace: Mapping[str, Any]) -> set[str]:
    region = f"{workspace['region']}{azure.hosts.learning_suffix}"
    return {region, f"{azure.workspace_guid(workspace)}.workspace.{region}"}
