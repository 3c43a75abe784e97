"""A failed deployment of an online endpoint, told as a run is: its image, its endpoint, the log of its containers.

The deployment itself says only *Failed* (Resource Manager, api-version 2025-12-01). Why it failed is in its log
(``POST .../getLogs``): the state of the image's pull, the container's events, and what the image fetcher said; then,
behind a heading, what the user's own code printed, which is never read (shape: Az.MachineLearningServices,
``Get-AzMLWorkspaceOnlineDeploymentLog``, and public logs of failed pulls).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import Nonsense, NotFound, NotPermitted
from diagnostics.logs import excerpts_of_text
from diagnostics.model import FailedRun, LogExcerpt, RunDetails
from diagnostics.probes._shapes import member, text, when
from diagnostics.pullers import ENDPOINT_KIND
from diagnostics.reach import Reach
from diagnostics.redaction import redact

__all__ = ["ACTIONS", "LOG", "READING_POST", "endpoint_of", "log_of", "read_deployment"]

_API = "2025-12-01"
_LINES = 500
_PULLED = re.compile(r"(?im)^\s*UserContainerImagePull:\s*Succeeded\s*$")
_OWN_OUTPUT = re.compile(r"(?im)^\s*Container logs:\s*$")
_VERSION = re.compile(
    r"(?i)/subscriptions/[^/]+/resourceGroups/[^/]+/providers/[^/]+/workspaces/[^/]+/environments/[^/]+/versions/[^/]+"
)

LOG = "deployment log (getLogs)"
"""The name under which the deployment's log is quoted."""

READING_POST = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments/getLogs/action"

_WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
ACTIONS: Mapping[str, str] = {
    f"{_WORKSPACES}/onlineEndpoints/read": "online endpoints: whose deployments failed, and who pulls for them",
    f"{_WORKSPACES}/onlineEndpoints/deployments/read": "failed deployments, which no event tells of",
    READING_POST: "why a deployment failed: only its log says that",
    f"{_WORKSPACES}/environments/versions/read": "the image that a deployment serves",
}
"""The actions that finding and reading failed deployments needs, with their reasons."""


def endpoint_of(deployment_id: str) -> str:
    """Return the name of the endpoint that a deployment belongs to, empty where the id names none."""
    return resource_part(deployment_id, "onlineEndpoints") or ""


def log_of(reach: Reach, deployment_id: str) -> str | None:
    """Return what the platform logged of a deployment's start, without the user's own output; ``None`` for nothing.

    Raises :class:`ReadFailed`, :class:`NotPermitted` where we may not read it.
    """
    body = {"containerType": "InferenceServer", "tail": _LINES}
    try:
        answer = reach.arm.post(f"{deployment_id}/getLogs", api_version=_API, body=body)
    except (NotFound, Nonsense):
        return None  # no container ever came to be: 404 or 400, by what is missing
    said = text(answer, "content") or ""
    own = _OWN_OUTPUT.search(said)
    return said[: own.start()] if own else said


def read_deployment(run: FailedRun, reach: Reach) -> tuple[RunDetails, tuple[LogExcerpt, ...]]:
    """Return what Azure says of a failed deployment, in the form of a run's details, and its log's lines.

    The log is empty where the image had come: then something else failed. Raises :class:`ReadFailed`.
    """
    deployment = run.deployment or ""
    resource = reach.arm.get(deployment, api_version=_API)
    said = log_of(reach, deployment) or ""
    pulled = _PULLED.search(said) is not None
    details = RunDetails(
        run_id=run.run_id,
        root_run_id=run.run_id,
        status=text(resource, "properties", "provisioningState"),
        run_type=run.run_type,
        experiment=run.experiment,
        submitted_by=run.submitted_by,
        compute=endpoint_of(deployment),
        compute_kind=ENDPOINT_KIND,
        image=_image(resource, reach),
        started_at=when(member(resource, "systemData", "lastModifiedAt")),
    )
    return details, excerpts_of_text(LOG, said) if said and not pulled else ()


def _image(resource: Mapping[str, Any], reach: Reach) -> str | None:
    """Return the image of the deployment's environment, where it is one of the workspace and names one."""
    environment = text(resource, "properties", "environmentId") or ""
    if not _VERSION.fullmatch(environment):
        return None
    try:
        version = reach.arm.get(quote(environment, safe="/"), api_version=_API)
    except (NotFound, NotPermitted):
        return None
    image = text(version, "properties", "image")
    return redact(image)[:512] if image else None
