"""Jobs of a workspace: the world's runs, and what is submitted.

Known of the service and done here: a name that is taken is an update, which may change a description, tags, the
display name, properties and the archive flag alone (azure-docs issue 122250 and azure-sdk-for-python pull request
47389 quote its error); the definition of a pipeline comes with a token for Azure Machine Learning in a header of its
own (azure-ai-ml 1.35.2). Jobs are never run here: what was submitted stays ``NotStarted``.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from sandbox.arm import Found, Route, error, not_found, ok, page, route
from sandbox.azure import Azure, entries
from sandbox.records import Write
from sandbox.tokens import LEARNING_AUDIENCE
from sandbox.wire import Answer, Request
from sandbox.workspace_documents import TYPE, job_document

__all__ = ["routes"]

_ONE = (
    "/subscriptions/{subscription}/resourceGroups/{group}"
    "/providers/Microsoft.MachineLearningServices/workspaces/{workspace}/jobs/{name}"
)
_ALL = _ONE.removesuffix("/{name}")
_WRITE = "Microsoft.MachineLearningServices/workspaces/jobs/write"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
_KINDS = ("Command", "Pipeline", "Sweep", "AutoML", "Spark")
_CHANGEABLE = ("description", "tags", "displayName", "properties", "isArchived")
_OF_THE_SERVICE = ("status", "services", "parameters")
_NEEDED = {"Command": ("command", "environmentId"), "Pipeline": ("jobs",)}


def routes(azure: Azure) -> list[Route]:
    """Return the routes of jobs."""
    it = _Jobs(azure)
    return [route("GET", _ALL, it.all), route("GET", _ONE, it.one), route("PUT", _ONE, it.put)]


class _Jobs:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self._submitted: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def all(self, request: Request, found: Found) -> Answer:
        """Return the jobs of a workspace, the newest first; children of a pipeline are not among them."""
        workspace = self._workspace(found)
        if workspace is None:
            return not_found(request.path)
        runs = [
            run
            for run, parent in self._azure.scenario.runs()
            if parent is None
            and not run.get("parent")
            and (run.get("workspace") or workspace["name"]) == workspace["name"]
        ]
        jobs: list[dict[str, Any]] = [job_document(self._azure, workspace, run) for run in runs]
        where = f"{self._azure.workspace_id(workspace)}/jobs/".lower()
        jobs += [job for key, job in self._submitted.items() if key.startswith(where)]
        jobs.sort(key=_made_at, reverse=True)
        return page(request, jobs)

    def one(self, request: Request, found: Found) -> Answer:
        job = self._job(found)
        return not_found(request.path) if job is None else ok(job)

    def put(self, request: Request, found: Found) -> Answer:
        workspace = self._workspace(found)
        if workspace is None:
            return not_found(request.path)
        asked = request.json().get("properties") or {}
        refusal = self._forbidden(request, workspace) or _malformed(found["name"], asked) or self._tokenless(request)
        if refusal is not None:
            return refusal
        with self._lock:
            present = self._job(found)
            changed = sorted(_changed(present["properties"] or {}, asked)) if present else []
            if changed:
                return _taken(changed)
            job = _updated(present, asked) if present else self._created(workspace, found["name"], asked)
            self._submitted[job["id"].lower()] = job
        caller = self._caller(request)
        self._azure.recorder.add(Write(request.method, request.path, caller, present is None, deepcopy(asked)))
        return ok(job, 200 if present else 201)

    def _workspace(self, found: Found) -> Mapping[str, Any] | None:
        scope = f"/subscriptions/{found['subscription']}/resourceGroups/{found['group']}"
        wanted = f"{scope}/providers/{TYPE}/{found['workspace']}".lower()
        every = entries(self._azure.world, "workspaces")
        return next((it for it in every if self._azure.workspace_id(it).lower() == wanted), None)

    def _job(self, found: Found) -> dict[str, Any] | None:
        workspace = self._workspace(found)
        if workspace is None:
            return None
        submitted = self._submitted.get(f"{self._azure.workspace_id(workspace)}/jobs/{found['name']}".lower())
        if submitted is not None:
            return submitted
        named = ((run, parent) for run, parent in self._azure.scenario.runs() if run["id"] == found["name"])
        run, parent = next(named, ({}, None))
        if not run or (run.get("workspace") or workspace["name"]) != workspace["name"]:
            return None
        job = job_document(self._azure, workspace, run)
        # azure-ai-ml takes a job without properties for a pipeline's child, which is in the run history alone.
        return job if parent is None else {**job, "properties": None}

    def _caller(self, request: Request) -> str:
        token = self._azure.tokens.find(request.bearer)
        return (token.principal_id if token else None) or self._azure.responder_id

    def _forbidden(self, request: Request, workspace: Mapping[str, Any]) -> Answer | None:
        caller, scope = self._caller(request), self._azure.workspace_id(workspace)
        if self._azure.access.may_act(caller, scope, _WRITE):
            return None
        words = (
            f"The client '{caller}' with object id '{caller}' does not have authorization to perform action "
            f"'{_WRITE}' over scope '{request.path}' or the scope is invalid. "
            "If access was recently granted, please refresh your credentials."
        )
        return error(403, "AuthorizationFailed", words)

    def _tokenless(self, request: Request) -> Answer | None:
        if request.json()["properties"]["jobType"] != "Pipeline":
            return None
        token = self._azure.tokens.find(request.headers.get("x-azureml-token"))
        if token is not None and token.audience == LEARNING_AUDIENCE:
            return None
        return error(401, "UserError", "A token for Azure Machine Learning is missing: x-azureml-token.")

    def _created(self, workspace: Mapping[str, Any], name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        where = self._azure.workspace_id(workspace)
        studio = (
            f"https://ml.azure.com/runs/{name}?wsid={where.replace('/providers/Microsoft.MachineLearningServices', '')}"
        )
        empty = dict.fromkeys(("port", "status", "errorMessage", "properties", "nodes"))
        services = {"Studio": {"jobServiceType": "Studio", "endpoint": studio, **empty}}
        kept = {key: value for key, value in asked.items() if key not in _OF_THE_SERVICE}
        created = {
            "createdAt": self._azure.scenario.now.isoformat(),
            "createdBy": "fixer",
            "createdByType": "Application",
        }
        return {
            "id": f"{where}/jobs/{name}",
            "name": name,
            "type": f"{TYPE}/jobs",
            "properties": {**deepcopy(kept), "status": "NotStarted", "services": services},
            "systemData": created,
        }


def _made_at(job: Mapping[str, Any]) -> str:
    return str(job["systemData"]["createdAt"])


def _malformed(name: str, asked: Mapping[str, Any]) -> Answer | None:
    if not _NAME.fullmatch(name):
        return error(400, "UserError", f"The name {name} is not valid.")
    kind = asked.get("jobType")
    if kind not in _KINDS:
        return error(400, "ValidationError", f"The jobType {kind} is not known.")
    missing = [key for key in _NEEDED.get(kind, ()) if not asked.get(key)]
    return error(400, "ValidationError", f"{missing[0]} is required.") if missing else None


def _changed(present: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:
    for key in {*present, *asked} - {*_CHANGEABLE, *_OF_THE_SERVICE}:
        if (present.get(key) or None) != (asked.get(key) or None):
            yield key[0].upper() + key[1:]


def _taken(changed: list[str]) -> Answer:
    words = (
        "A job with this name already exists. If you are trying to create a new job, use a different name. If you are "
        f"trying to update an existing job, the existing job's {',  '.join(changed)} cannot be changed. Only "
        "description, tags, displayName, properties, and isArchived can be updated."
    )
    return error(400, "UserError", words)


def _updated(present: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    changes = {key: deepcopy(asked[key]) for key in _CHANGEABLE if key in asked}
    return {**present, "properties": {**present["properties"], **changes}}
