"""What the run history says of a run: its details, its metadata, its definition."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from sandbox.access import stable_guid
from sandbox.azure import Azure, entries, table
from sandbox.merge import merged

__all__ = ["RunDocuments"]

_GOING_ON = frozenset({"NotStarted", "Queued", "Starting", "Provisioning", "Preparing", "Running", "Finalizing"})
USUAL_DURATION = timedelta(minutes=6)


def _stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "") + "+00:00"


class RunDocuments:
    """Builds the documents of one world's runs."""

    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self._roots = dict(self._rooted())

    def _rooted(self) -> list[tuple[str, str]]:
        root = self._azure.scenario.run.get("id", "")
        others = {run["id"] for run in entries(self._azure.world, "other_runs")}
        return [(run["id"], run["id"] if run["id"] in others else root) for run, _ in self._azure.scenario.runs()]

    def envelope(self, code: str, message: str, region: str, status: int | None = None) -> dict[str, Any]:
        """Return the error envelope with every member that was recorded; a run's own error has no
        ``statusCode``.
        """
        return {
            "error": {
                "code": code,
                "severity": None,
                "message": message,
                "messageFormat": None,
                "messageParameters": {},
                "referenceCode": None,
                "detailsUri": None,
                "target": None,
                "details": [],
                "innerError": None,
                "debugInfo": None,
                "additionalInfo": None,
            },
            "correlation": {
                "operation": stable_guid("operation", message).replace("-", ""),
                "request": stable_guid("request", message).replace("-", "")[:16],
            },
            "environment": region,
            "location": region,
            "time": _stamp(self._azure.scenario.failed_at),
            "componentName": "runhistory",
            **({} if status is None else {"statusCode": status}),
        }

    def _error(self, run: Mapping[str, Any]) -> dict[str, Any] | None:
        stated = table(run, "error")
        if not stated or self._azure.state_of(run) in _GOING_ON:
            return None
        workspace = self._azure.workspace_named(run.get("workspace")) or {}
        code, message = stated.get("code") or "UserError", stated.get("message") or ""
        shown = self.envelope(code, message, workspace.get("region") or "westeurope")
        return shown | {"componentName": run.get("component") or "CommonRuntime"}

    def details(self, run: Mapping[str, Any], parent: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the details document: the only one with the logs, and the one with the definition."""
        return {
            "runId": run["id"],
            "runUuid": stable_guid("run", run["id"]),
            "parentRunUuid": stable_guid("run", parent["id"]) if parent else None,
            "rootRunUuid": stable_guid("run", self._roots[run["id"]]),
            "target": run.get("compute"),
            "status": self._azure.state_of(run),
            "parentRunId": _parent(run, parent),
            "rootRunId": self._roots[run["id"]],
            "createdTimeUtc": self._started(run),
            **self._common(run),
            "warnings": [],
            "services": {},
            "inputDatasets": [],
            "outputDatasets": [],
            "runDefinition": self.definition(run),
            "logFiles": self._log_files(run),
            "jobCost": {"chargedCpuCoreSeconds": None, "chargedGpuSeconds": None},
            "revision": 7,
            "runTypeV2": self._type(run),
            "compute": self._compute(run),
            "createdBy": self._creator(),
        }

    def metadata(self, run: Mapping[str, Any], parent: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the run itself, as ``runs/{id}``, its children's list and ``rundata`` show it."""
        return {
            "runNumber": 1,
            "rootRunId": self._roots[run["id"]],
            "createdUtc": self._started(run),
            "createdBy": self._creator(),
            "userId": self._creator()["userObjectId"],
            "token": None,
            "runUuid": stable_guid("run", run["id"]),
            "runId": run["id"],
            "parentRunId": _parent(run, parent),
            "experimentId": stable_guid("experiment", run.get("experiment")),
            "status": self._azure.state_of(run),
            **self._common(run),
            "warnings": None,
            "displayName": run["id"],
            "name": None,
            "dataContainerId": f"dcid.{run['id']}",
            "description": None,
            "hidden": False,
            "runType": run.get("type") or "azureml.StepRun",
            "runTypeV2": self._type(run),
            "target": run.get("compute"),
            "compute": self._compute(run),
        }

    def _common(self, run: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "startTimeUtc": self._started(run),
            "endTimeUtc": self._ended(run),
            "error": self._error(run),
            "tags": {},
            "properties": self._properties(run),
            "parameters": {},
        }

    def _started(self, run: Mapping[str, Any]) -> str:
        stated = run.get("started")
        return _stamp(datetime.fromisoformat(stated) if stated else self._azure.scenario.failed_at - USUAL_DURATION)

    def _ended(self, run: Mapping[str, Any]) -> str | None:
        """A run that goes on has no end."""
        if self._azure.state_of(run) in _GOING_ON:
            return None
        stated = run.get("ended")
        return _stamp(datetime.fromisoformat(stated) if stated else self._azure.scenario.failed_at)

    def _properties(self, run: Mapping[str, Any]) -> dict[str, str]:
        shown = {
            "azureml.runsource": run.get("type") or "azureml.StepRun",
            "ContentSnapshotId": stable_guid("snapshot", run["id"]),
            "azureml.parameters": json.dumps({"api_key": self._azure.sentinel}),
            "ProcessInfoFile": "azureml-logs/process_info.json",
        }
        repository = (run.get("image") or "").partition("/")[2].partition(":")[0].partition("@")[0]
        # "azureml/azureml_<hash>" is what the service calls an image that it built itself.
        return shown | ({"AzureML.DerivedImageName": repository} if repository.startswith("azureml/") else {})

    def definition(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """Return the run's definition, what the scenario states of it laid over what every run has."""
        usual = {
            "environment": {
                "name": f"{run.get('experiment') or 'default'}-environment",
                "version": "1",
                "assetId": None,
                "python": {"userManagedDependencies": True, "condaDependencies": None},
                "environmentVariables": {"EXAMPLE_API_KEY": self._azure.sentinel},
                "docker": {
                    "baseImage": run.get("image"),
                    "baseDockerfile": None,
                    "baseImageRegistry": {"address": None, "username": None, "password": None},
                },
            },
            "target": run.get("compute"),
        }
        shown: dict[str, Any] = merged(usual, table(run, "run_definition"))
        registry = shown["environment"]["docker"]["baseImageRegistry"]
        return shown if not (registry or {}).get("password") else merged(shown, self._secret_password())

    def _secret_password(self) -> dict[str, Any]:
        return {"environment": {"docker": {"baseImageRegistry": {"password": self._azure.sentinel}}}}

    def _log_files(self, run: Mapping[str, Any]) -> dict[str, str]:
        workspace = self._azure.workspace_named(run.get("workspace"))
        if workspace is None:
            return {}
        host = f"{self._azure.storage_account(workspace)}{self._azure.hosts.blob_suffix}"
        prefix = f"https://{host}/azureml/ExperimentRun/dcid.{quote(run['id'])}"
        return {name: f"{prefix}/{quote(name)}?{self._signature()}" for name in table(run, "logs")}

    def _signature(self) -> str:
        """Return a user delegation signature: read only, valid for eight hours, and a secret."""
        start, end = self._azure.scenario.failed_at, self._azure.scenario.failed_at + timedelta(hours=8)
        begins, ends = (quote(it.strftime("%Y-%m-%dT%H:%M:%SZ"), safe="") for it in (start, end))
        ids = f"skoid={stable_guid('delegate')}&sktid={self._azure.tenant}"
        return (
            f"sv=2019-07-07&sr=b&sig={self._azure.sentinel}&{ids}&skt={begins}&ske={ends}"
            f"&sks=b&skv=2019-07-07&st={begins}&se={ends}&sp=r"
        )

    def _type(self, run: Mapping[str, Any]) -> dict[str, Any]:
        kind = "AmlCompute" if run.get("compute") else None
        return {"orchestrator": "Execution", "traits": [], "attribution": None, "computeType": kind}

    def _compute(self, run: Mapping[str, Any]) -> dict[str, Any] | None:
        if not (name := run.get("compute")):
            return None
        computes = entries(self._azure.world, "computes")
        stated: Mapping[str, Any] = next((it for it in computes if it["name"] == name), {})
        return {
            "target": name,
            "targetType": (stated.get("kind") or "AmlCompute").lower(),
            "vmSize": stated.get("vm_size"),
            "instanceCount": 1,
            "gpuCount": 0,
            "priority": None,
            "region": stated.get("region"),
        }

    def _creator(self) -> dict[str, Any]:
        return {
            "userObjectId": stable_guid("submitter"),
            "userPuId": None,
            "userIdp": None,
            "userAltSecId": None,
            "userIss": f"https://sts.windows.net/{self._azure.tenant}/",
            "userTenantId": self._azure.tenant,
            "userName": "Robin Sample",
            "upn": None,
        }


def _parent(run: Mapping[str, Any], parent: Mapping[str, Any] | None) -> str | None:
    return parent["id"] if parent else run.get("parent")
