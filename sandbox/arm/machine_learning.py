"""Microsoft.MachineLearningServices: workspaces, computes, environments, connections, diagnose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.access import stable_guid
from sandbox.arm import Found, Route, not_found, ok, page, route
from sandbox.azure import Azure, entries, table
from sandbox.wire import Answer, Request, Tree, empty
from sandbox.workspace_documents import (
    TYPE,
    compute_document,
    deployment_document,
    deployment_environment,
    endpoint_document,
    environment_document,
    environment_name,
    rule_document,
    workspace_document,
)

__all__ = ["routes"]

_ANY = f"/subscriptions/{{subscription}}/providers/{TYPE}"
_GROUP = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{TYPE}"
_ONE = f"{_GROUP}/{{name}}"
_SIZES = "/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices/locations/{location}/vmSizes"
_USUAL_SIZE = "Standard_DS3_v2"
_OPERATIONS = (
    "/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices"
    "/locations/{location}/workspaceOperationsStatus/{operation}"
)


def routes(azure: Azure) -> list[Route]:
    """Return the routes of this provider."""
    it = _MachineLearning(azure)
    return [
        route("GET", _ANY, it.all),
        route("GET", _GROUP, it.all),
        route("GET", _ONE, it.one),
        route("GET", _SIZES, it.vm_sizes),
        route("GET", f"{_ONE}/computes", it.computes),
        route("GET", f"{_ONE}/computes/{{child}}", it.compute),
        route("GET", f"{_ONE}/environments/{{child}}/versions/{{version}}", it.environment),
        route("GET", f"{_ONE}/connections", it.connections),
        route("GET", f"{_ONE}/outboundRules", it.outbound_rules),
        route("GET", f"{_ONE}/onlineEndpoints", it.endpoints),
        route("GET", f"{_ONE}/onlineEndpoints/{{endpoint}}", it.endpoint),
        route("GET", f"{_ONE}/onlineEndpoints/{{endpoint}}/deployments", it.deployments),
        route("GET", f"{_ONE}/onlineEndpoints/{{endpoint}}/deployments/{{child}}", it.deployment),
        route("POST", f"{_ONE}/onlineEndpoints/{{endpoint}}/deployments/{{child}}/getLogs", it.deployment_log),
        route("POST", f"{_ONE}/diagnose", it.diagnose),
        route("GET", _OPERATIONS, it.diagnosed),
    ]


class _MachineLearning:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self._diagnoses: dict[str, list[str]] = {}

    def _find(self, found: Found) -> Mapping[str, Any] | None:
        scope = f"/subscriptions/{found['subscription']}/resourceGroups/{found['group']}"
        wanted = f"{scope}/providers/{TYPE}/{found['name']}".lower()
        every = entries(self._azure.world, "workspaces")
        return next((it for it in every if self._azure.workspace_id(it).lower() == wanted), None)

    def all(self, request: Request, found: Found) -> Answer:
        kept = [
            workspace_document(self._azure, it)
            for it in entries(self._azure.world, "workspaces")
            if it["subscription"].lower() == found["subscription"].lower()
            and ("group" not in found or it["resource_group"].lower() == found["group"].lower())
        ]
        return page(request, kept)

    def one(self, request: Request, found: Found) -> Answer:
        workspace = self._find(found)
        return not_found(request.path) if workspace is None else ok(workspace_document(self._azure, workspace))

    def _computes(self, workspace: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return a workspace's computes: each belongs to the workspace that a run on them names, else to the
        only or first one.
        """
        homes = {it.get("compute"): it.get("workspace") for it, _ in self._azure.scenario.runs() if it.get("compute")}
        first = entries(self._azure.world, "workspaces")[0]["name"]
        return [
            compute_document(self._azure, workspace, it)
            for it in entries(self._azure.world, "computes")
            if (it.get("kind") or "").lower() != "serverless" and (homes.get(it["name"]) or first) == workspace["name"]
        ]

    def computes(self, request: Request, found: Found) -> Answer:
        workspace = self._find(found)
        return not_found(request.path) if workspace is None else page(request, self._computes(workspace))

    def endpoints(self, request: Request, found: Found) -> Answer:
        """Return a workspace's online endpoints with their identities (SDK model, not recorded)."""
        workspace = self._find(found)
        if workspace is None:
            return not_found(request.path)
        kept = [endpoint_document(self._azure, workspace, it) for it in entries(workspace, "online_endpoints")]
        return page(request, kept)

    def _endpoint(self, found: Found) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
        workspace = self._find(found)
        wanted = found["endpoint"].lower()
        every = entries(workspace, "online_endpoints") if workspace else []
        endpoint = next((it for it in every if it["name"].lower() == wanted), None)
        return (workspace, endpoint) if workspace and endpoint else None

    def endpoint(self, request: Request, found: Found) -> Answer:
        there = self._endpoint(found)
        return not_found(request.path) if there is None else ok(endpoint_document(self._azure, *there))

    def _deployments(self, found: Found) -> dict[str, tuple[Mapping[str, Any], dict[str, Any]]]:
        """Return an endpoint's deployments by name: as the world states them, and as Azure shows them."""
        there = self._endpoint(found)
        if there is None:
            return {}
        workspace, endpoint = there
        stated = [
            {**it, "provisioning_state": self._azure.states.get(it["name"]) or it.get("provisioning_state")}
            for it in entries(endpoint, "deployments")
        ]
        return {it["name"].lower(): (it, deployment_document(self._azure, workspace, endpoint, it)) for it in stated}

    def deployments(self, request: Request, found: Found) -> Answer:
        if self._endpoint(found) is None:
            return not_found(request.path)
        return page(request, [shown for _, shown in self._deployments(found).values()])

    def deployment(self, request: Request, found: Found) -> Answer:
        _, shown = self._deployments(found).get(found["child"].lower(), (None, None))
        return not_found(request.path) if shown is None else ok(shown)

    def deployment_log(self, request: Request, found: Found) -> Answer:
        """Return the log of a deployment's container; 404 where none ever came to be."""
        stated, _ = self._deployments(found).get(found["child"].lower(), ({}, None))
        return ok({"content": stated["log"]}) if stated.get("log") else not_found(request.path)

    def compute(self, request: Request, found: Found) -> Answer:
        workspace = self._find(found)
        named = (
            [it for it in self._computes(workspace) if it["name"].lower() == found["child"].lower()]
            if workspace
            else []
        )
        return ok(named[0]) if named else not_found(request.path)

    def vm_sizes(self, _request: Request, found: Found) -> Answer:
        """Return the sizes of the region's computes, with the disks that the world states (SDK model, not recorded)."""
        sizes = {
            it.get("vm_size") or _USUAL_SIZE: {
                "name": it.get("vm_size") or _USUAL_SIZE,
                "osVhdSizeMB": (it.get("os_disk_gb") or 0) * 1024,
                "maxResourceVolumeMB": (it.get("ephemeral_disk_gb") or 0) * 1024,
            }
            for it in entries(self._azure.world, "computes")
            if (it.get("region") or "").lower() in ("", found["location"].lower())
        }
        return ok({"value": list(sizes.values())})

    def environment(self, request: Request, found: Found) -> Answer:
        runs = [it for it, _ in self._azure.scenario.runs() if environment_name(it) == found["child"]]
        runs += [
            deployment
            for endpoint in entries(self._find(found) or {}, "online_endpoints")
            for deployment in entries(endpoint, "deployments")
            if deployment_environment(endpoint, deployment) == found["child"]
        ]
        if self._find(found) is None or not runs or found["version"] != "1":
            return not_found(request.path)
        return ok(environment_document(request.path, runs[0]))

    def connections(self, request: Request, found: Found) -> Answer:
        workspace = self._find(found)
        if workspace is None:
            return not_found(request.path)
        return page(request, [self._connection(workspace, it) for it in entries(workspace, "connections")])

    def _connection(self, workspace: Mapping[str, Any], stated: Tree) -> dict[str, Any]:
        shown = dict(stated) if isinstance(stated, Mapping) else {"name": str(stated)}
        name = str(shown.pop("name", "connection"))
        where = f"{self._azure.workspace_id(workspace)}/connections/{name}"
        properties = shown.pop("properties", None) or shown
        return {"id": where, "name": name, "type": f"{TYPE}/connections", "properties": properties}

    def outbound_rules(self, request: Request, found: Found) -> Answer:
        workspace = self._find(found)
        if workspace is None:
            return not_found(request.path)
        where = f"{self._azure.workspace_id(workspace)}/outboundRules"
        rules = entries(table(workspace, "managed_network"), "outbound_rules")
        return page(request, [rule_document(where, it) for it in rules])

    def diagnose(self, request: Request, found: Found) -> Answer:
        """Long running by ``Location`` alone, without ``Retry-After`` (recorded shape)."""
        workspace = self._find(found)
        if workspace is None:
            return not_found(request.path)
        asked = sorted(request.json().get("value") or {}) if request.body else []
        operation = stable_guid("diagnose", *asked)
        self._diagnoses[operation] = asked
        location = (
            f"https://{request.host}/subscriptions/{found['subscription']}/providers/"
            f"Microsoft.MachineLearningServices/locations/{workspace['region']}/workspaceOperationsStatus/{operation}"
            f"?api-version={request.query['api-version']}&type=location"
        )
        return empty(202, (("Location", location), ("x-ms-response-type", "standard")))

    def diagnosed(self, request: Request, found: Found) -> Answer:
        """Answer with no finding in any category that was asked for: the world does not say what the service
        would find.
        """
        asked = self._diagnoses.get(found["operation"])
        return not_found(request.path) if asked is None else ok({"value": {f"{it}Results": [] for it in asked}})
