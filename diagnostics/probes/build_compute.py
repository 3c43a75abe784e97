"""The compute that the workspace builds its images on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from diagnostics.azure.errors import NotFound
from diagnostics.build_facts import BuildCompute
from diagnostics.facts import Workspace
from diagnostics.model import Fact
from diagnostics.probes._shapes import member, properties_of, text, when
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_API = "2025-12-01"


class BuildComputeProbe:
    """Reads the compute named by ``imageBuildCompute`` (``workspaces/computes``, api-version 2025-12-01)."""

    name = "build-compute"
    title = "the workspace's image build compute"
    value_type: type = BuildCompute
    needs: tuple[str, ...] = ("workspace",)
    actions: tuple[str, ...] = ("Microsoft.MachineLearningServices/workspaces/computes/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return a :class:`BuildCompute`; none set needs no call, and one that is gone is an answer."""
        workspace: Workspace = facts["workspace"]
        name = workspace.image_build_compute
        if not name:
            return control_plane(BuildCompute(name=None), "the workspace's settings", reach)
        try:
            resource = reach.arm.get(f"{subject.run.workspace_id}/computes/{quote(name, safe='')}", api_version=_API)
        except NotFound:
            return control_plane(BuildCompute(name=name), "the workspace's computes", reach)
        properties = properties_of(resource, "the compute")
        found = BuildCompute(
            name=text(resource, "name") or name,
            found=True,
            kind=text(properties, "computeType") or "",
            provisioning_state=text(properties, "provisioningState"),
            created_at=when(member(properties, "createdOn")),
        )
        return control_plane(found, "the compute's settings", reach)


PROBE = BuildComputeProbe()
