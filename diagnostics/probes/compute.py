"""The compute that the run was sent to, with its identity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from diagnostics.azure.errors import NotFound, ReadFailed
from diagnostics.facts import Compute
from diagnostics.model import Fact
from diagnostics.probes._shapes import identities, member, text, when
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_API = "2025-12-01"
_SERVERLESS = frozenset({"serverless", "amlserverless"})


class ComputeProbe:
    """Reads the compute resource (``workspaces/computes``, api-version 2025-12-01)."""

    name = "compute"
    title = "the compute"
    value_type: type = Compute
    needs: tuple[str, ...] = ()
    actions: tuple[str, ...] = ("Microsoft.MachineLearningServices/workspaces/computes/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return a :class:`Compute`; one that is gone is an answer (``found`` is false), not a failure."""
        name = subject.details.compute if subject.details else None
        if not name:
            raise ReadFailed("the run names no compute")
        if name.lower() in _SERVERLESS:
            return control_plane(Compute(name=name, found=True, kind="Serverless"), "the run's target", reach)
        path = f"{subject.run.workspace_id}/computes/{quote(name, safe='')}"
        try:
            resource = reach.arm.get(path, api_version=_API)
        except NotFound:
            return control_plane(Compute(name=name, found=False), "the workspace's computes", reach)
        return control_plane(_compute(name, resource), "the compute's settings", reach)


def _compute(name: str, resource: Mapping[str, Any]) -> Compute:
    properties = resource.get("properties")
    inner = member(properties, "properties")
    return Compute(
        name=text(resource, "name") or name,
        found=True,
        kind=text(properties, "computeType") or "",
        region=text(properties, "computeLocation") or text(resource, "location") or "",
        vm_size=text(inner, "vmSize") or "",
        created_at=when(member(properties, "createdOn")),
        subnet=text(inner, "subnet", "id") or text(inner, "subnet"),
        provisioning_state=text(properties, "provisioningState"),
        identities=identities(resource),
    )


PROBE = ComputeProbe()
