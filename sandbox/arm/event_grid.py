"""Microsoft.EventGrid: the workspaces' system topics and the subscriptions on them (api-version 2025-02-15).

A world that says nothing of them has one of each workspace, with a subscription as the deployment makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.arm import Found, Route, not_found, ok, page, route
from sandbox.azure import Azure, entries
from sandbox.merge import merged
from sandbox.wire import Answer, Request

__all__ = ["APP", "routes"]

APP = "pullmedic-sandbox"
"""The function app that a subscription delivers to, where the world names no other."""

_TYPE = "Microsoft.EventGrid/systemTopics"
_ANY = f"/subscriptions/{{subscription}}/providers/{_TYPE}"
_ONE = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{_TYPE}/{{name}}"


def routes(azure: Azure) -> list[Route]:
    """Return the routes of this provider."""
    it = _Topics(azure)
    return [
        route("GET", _ANY, it.all),
        route("GET", _ONE, it.one),
        route("GET", f"{_ONE}/eventSubscriptions", it.subscriptions),
    ]


class _Topics:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    def all(self, request: Request, found: Found) -> Answer:
        prefix = f"/subscriptions/{found['subscription']}/".lower()
        listed = [document for document, _ in self._documents() if document["id"].lower().startswith(prefix)]
        return page(request, listed)

    def one(self, request: Request, _found: Found) -> Answer:
        topic = next((it for it, _ in self._documents() if it["id"].lower() == request.path.lower().rstrip("/")), None)
        return not_found(request.path) if topic is None else ok(topic)

    def subscriptions(self, request: Request, _found: Found) -> Answer:
        where = request.path.lower().rstrip("/").removesuffix("/eventsubscriptions")
        topic = next((pair for pair in self._documents() if pair[0]["id"].lower() == where), None)
        if topic is None:
            return not_found(request.path)
        document, stated = topic
        return page(request, [self._subscription(document["id"], it) for it in stated])

    def _documents(self) -> list[tuple[dict[str, Any], list[Mapping[str, Any]]]]:
        """Return every topic with what the world states of its subscriptions."""
        stated = self._azure.world.get("system_topics")
        if stated is None:
            workspaces = entries(self._azure.world, "workspaces")
            stated = [{"name": f"{it['name']}-events", "workspace": it["name"]} for it in workspaces]
        usual = [{"name": "pullmedic"}]
        return [(self._topic(it), list(it.get("event_subscriptions", usual) or ())) for it in stated]

    def _topic(self, stated: Mapping[str, Any]) -> dict[str, Any]:
        workspace = self._azure.workspace_named(stated["workspace"])
        if workspace is None:
            raise LookupError(f"the world has no workspace {stated['workspace']!r}")
        source = self._azure.workspace_id(workspace)
        group = source.split("/providers/")[0]
        return {
            "id": f"{group}/providers/{_TYPE}/{stated['name']}",
            "name": stated["name"],
            "type": _TYPE,
            "location": workspace["region"],
            "identity": {"type": "SystemAssigned"},
            "properties": {
                "provisioningState": "Succeeded",
                "source": source,
                "topicType": "microsoft.machinelearningservices.workspaces",
            },
        }

    def _subscription(self, topic_id: str, stated: Mapping[str, Any]) -> dict[str, Any]:
        """Return a subscription: the deployment's, with what the world states of its properties laid over it."""
        usual = _properties(topic_id, stated.get("app") or APP)
        properties = {key: it for key, it in merged(usual, stated.get("properties") or {}).items() if it is not None}
        return {
            "id": f"{topic_id}/eventSubscriptions/{stated['name']}",
            "name": stated["name"],
            "type": f"{_TYPE}/eventSubscriptions",
            "properties": properties,
        }


def _properties(topic_id: str, app: str) -> dict[str, Any]:
    ours = f"{'/'.join(topic_id.split('/')[:3])}/resourceGroups/rg-pullmedic/providers"
    account = f"{ours}/Microsoft.Storage/storageAccounts/pmsandbox"
    return {
        "topic": topic_id.lower(),
        "provisioningState": "Succeeded",
        "destination": {
            "endpointType": "AzureFunction",
            "properties": {
                "resourceId": f"{ours}/Microsoft.Web/sites/{app}/functions/on_run_status_changed",
                "maxEventsPerBatch": 1,
                "preferredBatchSizeInKilobytes": 64,
            },
        },
        "filter": {
            "subjectBeginsWith": "",
            "subjectEndsWith": "",
            "includedEventTypes": ["Microsoft.MachineLearningServices.RunStatusChanged"],
            "advancedFilters": [
                {"operatorType": "StringIn", "key": "data.runStatus", "values": ["Failed", "Completed"]}
            ],
        },
        "labels": None,
        "eventDeliverySchema": "EventGridSchema",
        "retryPolicy": {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440},
        "deadLetterWithResourceIdentity": {
            "identity": {"type": "SystemAssigned"},
            "deadLetterDestination": {
                "endpointType": "StorageBlob",
                "properties": {"resourceId": account, "blobContainerName": "deadletter"},
            },
        },
    }
