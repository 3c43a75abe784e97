"""Workspaces, computes, jobs and environments as Resource Manager shows them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from sandbox.access import stable_guid
from sandbox.arm import system_data
from sandbox.azure import Azure, entries, table

__all__ = [
    "compute_document",
    "deployment_document",
    "deployment_environment",
    "endpoint_document",
    "environment_document",
    "environment_name",
    "job_document",
    "rule_document",
    "workspace_document",
]

TYPE = "Microsoft.MachineLearningServices/workspaces"
_JOB_TYPES = {"azureml.pipelinerun": "Pipeline", "hyperdrive": "Sweep", "automl": "AutoML"}


def environment_name(run: Mapping[str, Any]) -> str:
    """Return the name of the environment that a run's image makes up; its version is ``1``."""
    return f"{run.get('experiment') or 'default'}-environment"


def rule_document(where: str, stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return an outbound rule of a managed network; ``where`` is the id of the list that it is in."""
    name = stated.get("name") or "rule"
    properties = {key: stated.get(key) for key in ("type", "category", "status")}
    properties["destination"] = _destination(str(stated.get("type") or ""), stated.get("destination"))
    return {"id": f"{where}/{name}", "name": name, "type": f"{TYPE}/outboundRules", "properties": properties}


def _destination(kind: str, stated: str | None) -> Any:
    """A host name is plain text, a service tag and an endpoint's resource are objects (SDK's models, 2025-12-01)."""
    if kind.lower() == "servicetag":
        return {"serviceTag": stated, "protocol": "TCP", "portRanges": "443"}
    if kind.lower() == "privateendpoint":
        return {"serviceResourceId": stated, "subresourceTarget": "registry", "sparkEnabled": False}
    return stated


def _identity(azure: Azure, stated: Mapping[str, Any], group: str) -> dict[str, Any] | None:
    """``None`` where there is none: the key is absent then, not null (recorded shape)."""
    kind = stated.get("type")
    if kind in (None, "None"):
        return None
    shown: dict[str, Any] = {"type": kind}
    if "SystemAssigned" in str(kind):
        shown |= {"principalId": stated.get("principal_id"), "tenantId": azure.tenant}
    if assigned := entries(stated, "user_assigned"):
        prefix = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/"
        shown["userAssignedIdentities"] = {
            prefix + it["name"]: {
                "principalId": it.get("principal_id"),
                "clientId": it.get("client_id") or stable_guid("client", it["name"]),
            }
            for it in assigned
        }
    return shown


def workspace_document(azure: Azure, stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return a workspace; ``containerRegistry`` is absent where it has none yet (recorded
    since 2023-04-01).
    """
    group = f"/subscriptions/{stated['subscription']}/resourceGroups/{stated['resource_group']}"
    created = stated.get("created") or "2025-01-01T00:00:00Z"
    body: dict[str, Any] = {
        "id": azure.workspace_id(stated),
        "name": stated["name"],
        "type": TYPE,
        "location": stated["region"],
        "tags": {},
        "etag": None,
        "properties": _workspace_properties(azure, stated, group, created),
    }
    if identity := _identity(azure, table(stated, "identity"), group):
        body["identity"] = identity
    sku = {"name": "Basic", "tier": "Basic"}
    return body | {"kind": "Default", "sku": sku, "systemData": system_data(created, suffix="Z")}


def _workspace_properties(azure: Azure, it: Mapping[str, Any], group: str, created: str) -> dict[str, Any]:
    guid, host = azure.workspace_guid(it), azure.api_host(it)
    private = it.get("public_network_access") == "Disabled"
    shown: dict[str, Any] = {
        "friendlyName": it["name"],
        "description": "",
        "storageAccount": f"{group}/providers/Microsoft.Storage/storageAccounts/{azure.storage_account(it)}",
        "keyVault": f"{group}/providers/Microsoft.Keyvault/vaults/kv{azure.storage_account(it)[2:]}",
        "applicationInsights": f"{group}/providers/Microsoft.insights/components/{it['name']}",
        "hbiWorkspace": False,
        "tenantId": azure.tenant,
        "imageBuildCompute": it.get("image_build_compute"),
        "provisioningState": "Succeeded",
        "allowRoleAssignmentOnRG": True,
        "v1LegacyMode": False,
        "softDeleteEnabled": False,
    }
    if it.get("container_registry"):
        shown["containerRegistry"] = it["container_registry"]
    shown |= {
        "creationTime": created,
        "notebookInfo": _notebooks(it, guid, private=private),
        "storageHnsEnabled": False,
        "workspaceId": guid,
        "linkedModelInventoryArmId": None,
        "privateLinkCount": int(private),
        "publicNetworkAccess": it.get("public_network_access") or "Enabled",
        "ipAllowlist": [],
        "networkAcls": {"defaultAction": "Allow", "bypass": "", "ipRules": [], "resourceAccessRules": []},
        "discoveryUrl": f"https://{host}/discovery" + (f"/workspaces/{guid}" if private else ""),
        "mlFlowTrackingUri": f"azureml://{host}/mlflow/v1.0{azure.workspace_id(it)}",
        "serverlessComputeSettings": None,
        "EnableSoftwareBillOfMaterials": False,
        "sdkTelemetryAppInsightsKey": stable_guid("telemetry", guid),
        "enableDataIsolation": False,
    }
    if managed := table(it, "managed_network"):
        shown["managedNetwork"] = _managed_network(managed)
    return shown


def _notebooks(it: Mapping[str, Any], guid: str, *, private: bool) -> dict[str, Any]:
    return {
        "resourceId": stable_guid("notebooks", guid).replace("-", ""),
        "fqdn": f"ml-{it['name']}-{it['region']}-{guid}.{it['region']}.notebooks.azure.net",
        "isPrivateLinkEnabled": private,
        "notebookPreparationError": None,
    }


def _managed_network(stated: Mapping[str, Any]) -> dict[str, Any]:
    rules = {
        it.get("name") or f"rule{index}": {key: value for key, value in it.items() if key != "name"}
        for index, it in enumerate(entries(stated, "outbound_rules"))
    }
    mode = stated.get("isolation_mode") or "Disabled"
    return {"isolationMode": mode, **({"outboundRules": rules} if rules else {})}


def compute_document(azure: Azure, workspace: Mapping[str, Any], it: Mapping[str, Any]) -> dict[str, Any]:
    """Return a compute; ``identity`` is a sibling of ``properties`` and absent where there is none (recorded
    shape).
    """
    group = azure.workspace_id(workspace).split("/providers/")[0]
    region = it.get("region") or workspace["region"]
    body: dict[str, Any] = {
        "id": f"{azure.workspace_id(workspace)}/computes/{it['name']}",
        "name": it["name"],
        "type": f"{TYPE}/computes",
        "location": region,
        "tags": {},
    }
    if identity := _identity(azure, table(it, "identity"), group):
        body["identity"] = identity
    created = it.get("created") or workspace.get("created") or "2025-01-01T00:00:00Z"
    moment = created.removesuffix("Z") + "+00:00"
    body["properties"] = {
        "createdOn": moment,
        "modifiedOn": moment,
        "disableLocalAuth": False,
        "description": None,
        "resourceId": None,
        "computeType": it.get("kind") or "AmlCompute",
        "computeLocation": region,
        "provisioningState": it.get("provisioning_state") or "Succeeded",
        "provisioningErrors": None,
        "provisioningWarnings": {},
        "isAttachedCompute": (it.get("kind") or "AmlCompute") not in ("AmlCompute", "ComputeInstance"),
        "properties": _cluster(it),
    }
    return body


def endpoint_document(azure: Azure, workspace: Mapping[str, Any], it: Mapping[str, Any]) -> dict[str, Any]:
    """Return an online endpoint with the identity that its deployments pull with."""
    group = azure.workspace_id(workspace).split("/providers/")[0]
    body: dict[str, Any] = {
        "id": f"{azure.workspace_id(workspace)}/onlineEndpoints/{it['name']}",
        "name": it["name"],
        "type": f"{TYPE}/onlineEndpoints",
        "location": workspace["region"],
        "tags": {},
        "properties": {"authMode": "Key", "provisioningState": "Succeeded"},
    }
    identity = _identity(azure, table(it, "identity"), group)
    return body | ({"identity": identity} if identity else {})


def deployment_environment(endpoint: Mapping[str, Any], it: Mapping[str, Any]) -> str:
    """Return the name of the environment that a deployment's image makes up; its version is ``1``."""
    return f"{endpoint['name']}-{it['name']}-environment"


def deployment_document(
    azure: Azure, workspace: Mapping[str, Any], endpoint: Mapping[str, Any], it: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a deployment: it says that it failed, and nowhere why (SDK model, 2025-12-01, not recorded)."""
    where = azure.workspace_id(workspace)
    modified = it.get("modified") or azure.scenario.failed_at.isoformat()
    environment = f"{where}/environments/{deployment_environment(endpoint, it)}/versions/1"
    return {
        "id": f"{where}/onlineEndpoints/{endpoint['name']}/deployments/{it['name']}",
        "name": it["name"],
        "type": f"{TYPE}/onlineEndpoints/deployments",
        "location": workspace["region"],
        "tags": {},
        "kind": "Managed",
        "properties": {
            "endpointComputeType": "Managed",
            "instanceType": "Standard_DS3_v2",
            "environmentId": environment,
            "model": None,
            "properties": {},
            "provisioningState": it.get("provisioning_state") or "Succeeded",
        },
        "systemData": {
            "createdAt": modified,
            "createdBy": "Robin Sample",
            "createdByType": "User",
            "lastModifiedAt": modified,
            "lastModifiedBy": "Robin Sample",
            "lastModifiedByType": "User",
        },
    }


def _cluster(it: Mapping[str, Any]) -> dict[str, Any]:
    states = ("preparing", "running", "idle", "unusable", "leaving", "preempted")
    public = it.get("node_public_ip")
    return {
        "vmSize": (it.get("vm_size") or "Standard_DS3_v2").upper(),
        "vmPriority": "Dedicated",
        "scaleSettings": {
            "maxNodeCount": it.get("node_count") or 1,
            "minNodeCount": 0,
            "nodeIdleTimeBeforeScaleDown": "PT2M",
        },
        "subnet": {"id": it["subnet"]} if it.get("subnet") else None,
        "currentNodeCount": 0,
        "targetNodeCount": 0,
        "nodeStateCounts": {f"{state}NodeCount": 0 for state in states},
        "allocationState": "Steady",
        "allocationStateTransitionTime": "2026-01-01T00:00:00.000+00:00",
        "errors": None,
        "remoteLoginPortPublicAccess": "Enabled",
        "osType": "Linux",
        "virtualMachineImage": None,
        "isolatedNetwork": bool(it.get("managed_network")),
        "enableNodePublicIp": True if public is None else public,
        "enableBatchPrivateLink": False,
        "propertyBag": {},
    }


def job_document(azure: Azure, workspace: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job: it holds neither an error nor logs, those are in the run history (recorded shape)."""
    where = azure.workspace_id(workspace)
    kind = _JOB_TYPES.get((run.get("type") or "").lower(), "Command")
    compute = run.get("compute")
    properties: dict[str, Any] = {
        "description": None,
        "tags": {},
        "properties": {"azureml.runsource": run.get("type") or "azureml.StepRun"},
        "displayName": run["id"],
        "status": azure.state_of(run),
        "experimentName": run.get("experiment") or "Default",
        "services": {},
        "computeId": f"{where}/computes/{compute}" if compute else None,
        "isArchived": False,
        "identity": None,
        "componentId": None,
        "notificationSetting": None,
        "jobType": kind,
        "inputs": {},
        "outputs": {},
    }
    if kind == "Command":
        properties |= _command(where, run)
    properties |= deepcopy(dict(table(run, "job")))
    created = run.get("created") or azure.scenario.failed_at.isoformat()
    data = {"createdAt": created, "createdBy": "Robin Sample", "createdByType": "User"}
    kind_of = f"{TYPE}/jobs"
    return {
        "id": f"{where}/jobs/{run['id']}",
        "name": run["id"],
        "type": kind_of,
        "properties": properties,
        "systemData": data,
    }


def _command(where: str, run: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "resources": {
            "instanceCount": 1,
            "instanceType": None,
            "properties": None,
            "shmSize": "2g",
            "dockerArgs": None,
        },
        "codeId": None,
        "command": "python train.py",
        "environmentId": f"{where}/environments/{environment_name(run)}/versions/1",
        "distribution": None,
        "limits": {"timeout": None, "jobLimitsType": "Command"},
        "environmentVariables": None,
        "parameters": {},
        "queueSettings": {"jobTier": "Null"},
    }


def environment_document(path: str, run: Mapping[str, Any]) -> dict[str, Any]:
    """Return an environment version; ``condaFile`` is empty and ``build`` absent for a plain image (recorded
    shape).
    """
    data = system_data("2025-01-01T00:00:00.0000000Z")
    properties = {
        "description": None,
        "tags": {},
        "properties": {"azureml.labels": "latest"},
        "isArchived": False,
        "isAnonymous": False,
        "environmentType": "UserCreated",
        "image": run.get("image"),
        "condaFile": "",
        "osType": "Linux",
        "autoRebuild": "Disabled",
        "provisioningState": "Succeeded",
        "stage": "Development",
    }
    kind = f"{TYPE}/environments/versions"
    return {"id": path, "name": "1", "type": kind, "properties": properties, "systemData": data}
