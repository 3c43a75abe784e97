"""What is there to look at, where no event tells: workspaces, their jobs, their endpoints' deployments.

Jobs are listed by Resource Manager (``workspaces/jobs``, api-version 2025-12-01; azure-ai-ml's ``arm_ml_service``): one
list holds the whole workspace, and its action is published. Run history can be asked for runs of one status, but
only experiment by experiment (``experiments/{name}/runs:query`` with ``filter``, ``continuationToken``, ``orderBy``,
``top``; azure-ai-ml's ``runhistory``), so that a workspace would cost one call for each of its experiments. The price
is that there is no filter by status (azure-sdk-for-python #45746) and that children of a pipeline are not in the list:
their pipeline's own run is, and diagnosing it reads its children.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from diagnostics.azure.errors import Nonsense
from diagnostics.intake import MalformedEvent, kept_tags, run_id, workspace_id
from diagnostics.probes._shapes import member, text, when
from diagnostics.reach import Reach

__all__ = [
    "Deployment",
    "Job",
    "Jobs",
    "deployments_of",
    "jobs_of",
    "subscription_documents",
    "subscriptions",
    "waits",
    "workspace_document",
    "workspace_documents",
    "workspace_named",
    "workspaces_of",
]

_API = "2025-12-01"
_SUBSCRIPTIONS_API = "2022-12-01"
_PROVIDER = "Microsoft.MachineLearningServices/workspaces"
_MOST_PAGES = 20
_WAITING = frozenset({"preparing", "provisioning", "starting"})
"""States in which a run has its compute or gets it, and its image is built or pulled; *Queued* waits for nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as the workspace lists it: its status is one of Azure's words, its error is in run history alone."""

    name: str
    status: str
    created_at: datetime | None
    kind: str = ""
    experiment: str | None = None
    submitted_by: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Jobs:
    """Jobs of one workspace; not ``complete`` where the list was cut before it reached what was asked for."""

    found: tuple[Job, ...]
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A deployment of an online endpoint. ``id`` is its resource id, ``modified_at`` when it was last written."""

    id: str
    endpoint: str
    name: str
    state: str
    modified_at: datetime | None
    modified_by: str | None = None


def waits(status: str | None) -> bool:
    """Tell whether a run of this status may be waiting for its image (azure-ai-ml, ``JobStatus``)."""
    return (status or "").lower() in _WAITING


def subscription_documents(reach: Reach) -> Iterator[dict[str, Any]]:
    """Yield the subscriptions that we may see, with their tenants. Raises :class:`ReadFailed`."""
    return reach.arm.pages("/subscriptions", api_version=_SUBSCRIPTIONS_API)


def subscriptions(reach: Reach) -> tuple[str, ...]:
    """Return the ids of the subscriptions that we may see. Raises :class:`ReadFailed`."""
    found = (text(it, "subscriptionId") for it in subscription_documents(reach))
    return tuple(dict.fromkeys(it.lower() for it in found if it))


def workspace_documents(reach: Reach, subscription: str) -> Iterator[dict[str, Any]]:
    """Yield the workspaces of a subscription as Resource Manager describes them. Raises :class:`ReadFailed`."""
    path = f"/subscriptions/{quote(subscription, safe='')}/providers/{_PROVIDER}"
    return reach.arm.pages(path, api_version=_API)


def workspaces_of(reach: Reach, subscription: str) -> tuple[str, ...]:
    """Return the resource ids of a subscription's workspaces, as Azure writes them. Raises :class:`ReadFailed`."""
    return tuple(_ids(workspace_documents(reach, subscription)))


def workspace_document(reach: Reach, resource_id: str) -> dict[str, Any]:
    """Return a workspace as Resource Manager describes it. Raises :class:`ReadFailed`."""
    return reach.arm.get(resource_id, api_version=_API)


def workspace_named(reach: Reach, resource_id: str) -> str:
    """Return a workspace's resource id as Azure writes it. Raises :class:`ReadFailed`."""
    return next(_ids([workspace_document(reach, resource_id)]), resource_id)


def jobs_of(reach: Reach, workspace: str, since: datetime, *, most_pages: int = _MOST_PAGES) -> Jobs:
    """Return the jobs that were made since ``since``, archived ones too. Raises :class:`ReadFailed`.

    No order is promised, and the service shows the newest first: a page in that order whose last job is older ends it.
    """
    found: list[Job] = []
    complete = True
    params = {"listViewType": "All"}
    for members, more in reach.arm.batches(f"{workspace}/jobs", api_version=_API, params=params, most=most_pages):
        page = [job for it in members if (job := _job(it)) is not None]
        found += [job for job in page if job.created_at is None or job.created_at >= since]
        complete = not more or _ends_before(since, page)
        if complete:
            break
    return Jobs(tuple(found), complete=complete)


def _ends_before(since: datetime, page: Sequence[Job]) -> bool:
    """Tell whether a page is in the order of the newest first, and its last job is older than ``since``."""
    times = [job.created_at for job in page if job.created_at is not None]
    return bool(times) and times[-1] < since and all(first >= second for first, second in pairwise(times))


def deployments_of(reach: Reach, workspace: str) -> tuple[Deployment, ...]:
    """Return the deployments of all online endpoints of a workspace. Raises :class:`ReadFailed`."""
    endpoints = [text(it, "name") for it in reach.arm.pages(f"{workspace}/onlineEndpoints", api_version=_API)]
    return tuple(
        _deployment(f"{workspace}/onlineEndpoints/{name}", name, it)
        for name in endpoints
        if name
        for it in reach.arm.pages(f"{workspace}/onlineEndpoints/{quote(name, safe='')}/deployments", api_version=_API)
    )


def _ids(resources: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> Iterator[str]:
    for resource in resources:
        try:
            yield workspace_id(text(resource, "id") or "")
        except MalformedEvent:
            continue


def _job(resource: Mapping[str, Any]) -> Job | None:
    try:
        name = run_id(text(resource, "name") or "")
    except MalformedEvent:
        return None
    return Job(
        name=name,
        status=text(resource, "properties", "status") or "",
        created_at=when(member(resource, "systemData", "createdAt")),
        kind=text(resource, "properties", "jobType") or "",
        experiment=text(resource, "properties", "experimentName"),
        submitted_by=text(resource, "systemData", "createdBy"),
        tags=kept_tags(member(resource, "properties", "tags")),
    )


def _deployment(parent: str, endpoint: str, resource: Mapping[str, Any]) -> Deployment:
    name = text(resource, "name")
    if not name:
        raise Nonsense("a deployment came without its name")
    return Deployment(
        id=f"{parent}/deployments/{name}",
        endpoint=endpoint,
        name=name,
        state=text(resource, "properties", "provisioningState") or "",
        modified_at=when(member(resource, "systemData", "lastModifiedAt"))
        or when(member(resource, "systemData", "createdAt")),
        modified_by=text(resource, "systemData", "lastModifiedBy"),
    )
