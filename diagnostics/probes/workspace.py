"""The workspace's own settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.azure.errors import Nonsense
from diagnostics.facts import Workspace
from diagnostics.model import Fact
from diagnostics.probes._shapes import identities, text
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_API = "2025-12-01"


class WorkspaceProbe:
    """Reads the workspace resource (api-version 2025-12-01)."""

    name = "workspace"
    title = "the workspace"
    value_type: type = Workspace
    needs: tuple[str, ...] = ()
    actions: tuple[str, ...] = ("Microsoft.MachineLearningServices/workspaces/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return a :class:`Workspace`."""
        resource = reach.arm.get(subject.run.workspace_id, api_version=_API)
        return control_plane(_workspace(subject.run.workspace_id, resource), "the workspace's settings", reach)


def _workspace(workspace_id: str, resource: Mapping[str, Any]) -> Workspace:
    properties = resource.get("properties")
    discovery = text(properties, "discoveryUrl")
    if not discovery:
        raise Nonsense("the workspace names no discovery URL")
    return Workspace(
        id=text(resource, "id") or workspace_id,
        name=text(resource, "name") or workspace_id.rsplit("/", 1)[-1],
        region=text(resource, "location") or "",
        discovery_url=discovery,
        container_registry=text(properties, "containerRegistry"),
        image_build_compute=text(properties, "imageBuildCompute"),
        public_network_access=text(properties, "publicNetworkAccess"),
        isolation_mode=text(properties, "managedNetwork", "isolationMode"),
        identities=identities(resource),
    )


PROBE = WorkspaceProbe()
