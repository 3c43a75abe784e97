"""What was done to a registry's keys, and to a workspace's copy of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import ReadFailed
from diagnostics.credential_facts import ActivityEvent, ActivityLog
from diagnostics.facts import RegistryLookup
from diagnostics.model import Fact
from diagnostics.probes._shapes import member, text, when
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE", "REGENERATED", "REMOVED", "SYNCED"]

_API = "2015-04-01"
_VALUES = "/providers/Microsoft.Insights/eventtypes/management/values"
_KEPT = timedelta(days=89)
"""The activity log keeps 90 days; a filter that begins earlier is refused."""

REGENERATED = "microsoft.containerregistry/registries/regeneratecredential/action"
REMOVED = "microsoft.containerregistry/registries/delete"
SYNCED = "microsoft.machinelearningservices/workspaces/resynckeys/action"
_WANTED = frozenset({REGENERATED, REMOVED, SYNCED})


class ActivityLogProbe:
    """Reads ``Microsoft.Insights/eventtypes/management/values`` (api-version 2015-04-01), one resource at a time.

    Only where the registry's admin user is on: no key of it is in use otherwise, and this log answers slowly.
    """

    name = "activity-log"
    title = "what was done to the registry's keys"
    value_type: type = ActivityLog
    needs: tuple[str, ...] = ("registry",)
    actions: tuple[str, ...] = ("Microsoft.Insights/eventtypes/values/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return an :class:`ActivityLog` of both resources, up to now."""
        lookup: RegistryLookup = facts["registry"]
        if lookup.found is None:
            raise ReadFailed("there is no registry whose keys could have changed")
        if not lookup.found.admin_user_enabled:
            return control_plane(ActivityLog(since=None), "the registry's settings", reach)
        since = subject.run.failed_at - _KEPT
        events = [
            event
            for resource in (lookup.found.id, subject.run.workspace_id)
            for event in _events(resource, since, reach)
        ]
        ordered = tuple(sorted(events, key=lambda event: (event.time, event.operation)))
        return control_plane(ActivityLog(since=since, events=ordered), "the activity log", reach)


def _events(resource: str, since: datetime, reach: Reach) -> Iterator[ActivityEvent]:
    path = f"/subscriptions/{resource_part(resource, 'subscriptions')}{_VALUES}"
    asked = {
        "$filter": f"eventTimestamp ge '{since:%Y-%m-%dT%H:%M:%SZ}' and resourceUri eq '{resource}'",
        "$select": "eventTimestamp,operationName,status,resourceId",
    }
    for event in reach.arm.pages(path, api_version=_API, params=asked):
        operation = text(event, "operationName", "value") or text(event, "operationName") or ""
        status = text(event, "status", "value") or text(event, "status") or ""
        time = when(member(event, "eventTimestamp"))
        if time is not None and operation.lower() in _WANTED and status.lower() in {"succeeded", "accepted"}:
            yield ActivityEvent(time=time, operation=operation, resource=resource)


PROBE = ActivityLogProbe()
