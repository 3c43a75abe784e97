"""The failed job once more, after its fix: a command job or a pipeline job is submitted again under a name of its own.

The definition is Azure's own answer, put back without what the service adds, in one version of the interface. The
entities of azure-ai-ml 1.35.2 are not used for it: what they fetch and send again has lost the notifications, has a
managed identity's client id as its object id, carries the git state of whoever calls, and for pipelines is another
graph (Azure/azure-sdk-for-python, pull request 47389); with the job's own id they change its texts and submit nothing.

The name follows from the run's, so that however often it is asked for there is one such job. The identity that submits
needs ``Microsoft.MachineLearningServices/workspaces/jobs/read`` and ``.../jobs/write`` on the workspace.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from diagnostics.azure.arm import ArmClient, connections
from diagnostics.azure.clouds import Cloud
from diagnostics.azure.errors import (
    PASSING,
    NotFound,
    NotPermitted,
    ReadFailed,
    from_azure_core,
)
from responders.clouds import Cloud as CloudName
from responders.clouds import run_link
from responders.wording import cut, one_line

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

__all__ = ["INCIDENT_TAG", "RUN_TAG", "NotRunAgain", "RunAgain", "run_again"]

INCIDENT_TAG = "pullmedic_incident"
RUN_TAG = "pullmedic_run"

_API_VERSION = "2024-10-01"
_ACTIONS = "Microsoft.MachineLearningServices/workspaces/jobs"
_SUFFIX = "-again"
_LONGEST_NAME = 255
_WORDS = 300
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")

_KINDS = frozenset({"Command", "Pipeline"})
_FAILED = "Failed"
_ENDED = frozenset({_FAILED, "Completed", "Canceled"})

# Written by the service (api-version 2024-10-01: read-only, or the state of one run).
_OF_THE_SERVICE = frozenset({"status", "services", "parameters", "isArchived"})
_OWN_PROPERTIES = ("_azureml.", "azureml.", "_aml_")
_RUN_PROPERTIES = frozenset({"ProcessInfoFile", "ProcessStatusFile", "StartTimeUtc", "EndTimeUtc", "ContentSnapshotId"})
_OWN_TAGS = "_aml_system_"
_OFFERED_SERVICES = frozenset({"SSH", "JupyterLab", "TensorBoard", "VSCode"})
_SERVICE_KEYS = ("jobServiceType", "port", "nodes", "properties")
_DEFAULT_OUTPUT = "default"
_USER = frozenset({"useridentity", "user_identity"})
_SERVERLESS = "serverless"


@dataclass(frozen=True, slots=True)
class RunAgain:
    """The job was submitted, now or by an earlier call. ``url`` shows it in the studio."""

    job_name: str
    url: str


@dataclass(frozen=True, slots=True)
class NotRunAgain:
    """The job was not submitted: why, and what to do. ``passing`` where another try may succeed."""

    why: str
    passing: bool


def run_again(
    incident_workspace_id: str, run_id: str, *, incident_id: str, credential: TokenCredential, cloud: Cloud
) -> RunAgain | NotRunAgain:
    """Submit the failed job ``run_id`` of a workspace again; a repeated call finds the job of the first one.

    Of a pipeline name the pipeline's own job. Never raises for what Azure answers.
    """
    if not _NAME.fullmatch(run_id):
        return NotRunAgain("the run's id is no name of a job", passing=False)
    try:
        return _Submission(incident_workspace_id, run_id, incident_id, credential, cloud).made()
    except NotPermitted as error:
        return NotRunAgain(_right_missing(error), passing=False)
    except ReadFailed as error:
        return NotRunAgain(_short(error), passing=isinstance(error, PASSING))


@dataclass(frozen=True, slots=True)
class _Submission:
    workspace_id: str
    run_id: str
    incident_id: str
    credential: TokenCredential
    cloud: Cloud

    def made(self) -> RunAgain | NotRunAgain:
        client = _Jobs(self.cloud, self.credential, connections())
        job = self._fetched(client, self.run_id)
        if job is None:
            return NotRunAgain("the job is not there any more", passing=False)
        refusal = _refusal(job)
        if refusal is not None:
            return refusal
        name = _new_name(self.run_id)
        there = self._fetched(client, name)
        return self._known(name, there) if there is not None else self._put(client, name, job["properties"])

    def _put(self, client: _Jobs, name: str, properties: Mapping[str, Any]) -> RunAgain | NotRunAgain:
        body = {"properties": _definition(properties, self.run_id, self._tags)}
        headers = self._for_pipelines() if properties["jobType"] == "Pipeline" else {}
        try:
            client.put(self._path(name), body, headers)
        except ReadFailed as error:
            if isinstance(error, (NotPermitted, *PASSING)):
                raise
            there = self._fetched(client, name)  # somebody submitted it at this moment, or what was asked is wrong
            if there is None:
                return NotRunAgain(_short(error), passing=error.status == 409)
            return self._known(name, there)
        return self._submitted(name)

    def _known(self, name: str, there: Mapping[str, Any]) -> RunAgain | NotRunAgain:
        tags = (there.get("properties") or {}).get("tags") or {}
        if tags.get(RUN_TAG) == self.run_id:
            return self._submitted(name)
        return NotRunAgain(f"another job is called {one_line(name)}: submit it by hand", passing=False)

    def _submitted(self, name: str) -> RunAgain:
        return RunAgain(name, run_link(self.workspace_id, name, CloudName(self.cloud.name)))

    @property
    def _tags(self) -> dict[str, str]:
        return {INCIDENT_TAG: self.incident_id, RUN_TAG: self.run_id}

    def _path(self, name: str) -> str:
        return f"{self.workspace_id}/jobs/{name}"

    def _fetched(self, client: _Jobs, name: str) -> dict[str, Any] | None:
        try:
            return client.get(self._path(name), api_version=_API_VERSION)
        except NotFound:
            return None

    def _for_pipelines(self) -> dict[str, str]:
        """Return the header with which the service starts a pipeline's steps (azure-ai-ml, ``JobOperations``)."""
        try:
            token = self.credential.get_token(self.cloud.machine_learning_scope).token
        except Exception as error:  # noqa: BLE001 - sorted, never swallowed
            raise from_azure_core(error) from None
        return {"x-azureml-token": token}


class _Jobs(ArmClient):
    """Reads jobs and submits them."""

    def put(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
        """Create the job at ``path``. It is put again where no answer came: the name makes it one job."""
        return self._send("PUT", self._base + path, {"api-version": _API_VERSION}, body, headers)


def _refusal(job: Mapping[str, Any]) -> NotRunAgain | None:
    """Say why a job is not to be submitted again, ``None`` where nothing speaks against it."""
    properties = job.get("properties")
    if not isinstance(properties, Mapping):
        return NotRunAgain(
            "this is a step of a pipeline; only the whole pipeline can be submitted again", passing=False
        )
    kind, status = properties.get("jobType"), properties.get("status")
    if kind not in _KINDS:
        why = f"only command jobs and pipeline jobs are submitted again; this is a job of type {one_line(str(kind))}"
        return NotRunAgain(why, passing=False)
    if RUN_TAG in (properties.get("tags") or {}):
        return NotRunAgain("this job was itself submitted again by Pullmedic", passing=False)
    if status != _FAILED:
        return NotRunAgain(f"the job is not failed but {one_line(str(status))}", passing=status not in _ENDED)
    if any(_runs_as_submitter(part, properties) for part in _parts(properties)):
        why = "it runs as the person who submits it, and would run as this app: submit it by hand"
        return NotRunAgain(why, passing=False)
    return None


def _parts(properties: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the job, or a pipeline's steps (with the pipeline itself, whose identity counts for them)."""
    yield properties
    steps = properties.get("jobs")
    yield from (step for step in (steps.values() if isinstance(steps, Mapping) else ()) if isinstance(step, Mapping))


def _runs_as_submitter(part: Mapping[str, Any], job: Mapping[str, Any]) -> bool:
    """Tell whether the submitter's own rights would count.

    They do where it is asked for, and on serverless compute where no identity is named (Microsoft Learn, "Model
    training on serverless compute": user credential pass-through is the default).
    """
    identity = part.get("identity") or job.get("identity") or {}
    kind = str(identity.get("identityType") or identity.get("type") or "").lower() if identity else ""
    if kind in _USER:
        return True
    is_pipeline = part is job and job.get("jobType") == "Pipeline"
    return not kind and not is_pipeline and _compute(part, job).endswith(_SERVERLESS)


def _compute(part: Mapping[str, Any], job: Mapping[str, Any]) -> str:
    settings = job.get("settings")
    default = settings.get("default_compute") if isinstance(settings, Mapping) else None
    return str(part.get("computeId") or default or job.get("computeId") or _SERVERLESS).lower()


def _definition(properties: Mapping[str, Any], run_id: str, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return what is submitted: everything that somebody asked for, and nothing that the first run left behind."""
    kept = {name: value for name, value in properties.items() if name not in _OF_THE_SERVICE and value is not None}
    kept["tags"] = {
        **{name: value for name, value in (properties.get("tags") or {}).items() if not name.startswith(_OWN_TAGS)},
        **tags,
    }
    kept["properties"] = {
        name: value
        for name, value in (properties.get("properties") or {}).items()
        if not name.startswith(_OWN_PROPERTIES) and name not in _RUN_PROPERTIES
    }
    kept["outputs"] = dict(_outputs(properties.get("outputs") or {}, run_id))
    services = dict(_services(properties.get("services") or {}))
    return kept | ({"services": services} if services else {})


def _outputs(outputs: Mapping[str, Any], run_id: str) -> Iterator[tuple[str, Any]]:
    """Yield the outputs without the places that the service chose for the first run: they have its id in them."""
    for name, output in outputs.items():
        place = output.get("uri") if isinstance(output, Mapping) else None
        if not {run_id, f"dcid.{run_id}"} & set(str(place).split("/")):
            yield name, output
        elif name != _DEFAULT_OUTPUT:
            yield name, {key: value for key, value in output.items() if key != "uri"}


def _services(services: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what somebody asked for to look into the job, without the first run's addresses."""
    for name, service in services.items():
        if isinstance(service, Mapping) and service.get("jobServiceType") in _OFFERED_SERVICES:
            yield name, {key: service[key] for key in _SERVICE_KEYS if service.get(key) is not None}


def _new_name(run_id: str) -> str:
    """Return the name of the new job, which follows from the old one and is no longer than a name may be."""
    if len(run_id) + len(_SUFFIX) <= _LONGEST_NAME:
        return f"{run_id}{_SUFFIX}"
    mark = hashlib.sha256(run_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{run_id[: _LONGEST_NAME - len(_SUFFIX) - len(mark) - 1]}-{mark}{_SUFFIX}"


def _right_missing(error: NotPermitted) -> str:
    action = error.action or f"{_ACTIONS}/write"
    return _short(
        f"the app may not submit jobs in this workspace: its fixer identity needs {action}, for instance by the role "
        f"AzureML Data Scientist on the workspace ({error})"
    )


def _short(text: object) -> str:
    return cut(one_line(str(text)), _WORDS).text
