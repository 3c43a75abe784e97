"""Whether the identities that a pull could name still exist."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from diagnostics.azure.errors import NotFound, NotPermitted
from diagnostics.credential_facts import NamedIdentity, PullIdentities
from diagnostics.facts import Compute, Workspace
from diagnostics.model import Fact
from diagnostics.probes._shapes import properties_of, text
from diagnostics.probing import Subject, control_plane
from diagnostics.pullers import ENDPOINT_KIND
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_API = "2023-01-31"
_MOST = 6
_RESOURCE = re.compile(
    r"/subscriptions/[\w-]+/resourcegroups/[\w.()-]+/providers/microsoft\.managedidentity/userassignedidentities/[\w-]+"
)
"""A log's word is looked up only where it can be nothing but an identity's resource id."""


class UserIdentityProbe:
    """Reads each user-assigned identity's own resource (``Microsoft.ManagedIdentity``, api-version 2023-01-31).

    A resource keeps listing an identity that was deleted. The client id of a system-assigned one is shown by
    ``identities/default`` below its resource alone.
    """

    name = "pull-identities"
    title = "the identities that the pull could use"
    value_type: type = PullIdentities
    needs: tuple[str, ...] = ("compute", "workspace")
    actions: tuple[str, ...] = (
        "Microsoft.ManagedIdentity/userAssignedIdentities/read",
        "Microsoft.ManagedIdentity/identities/read",
    )

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return :class:`PullIdentities`; one that is gone is an answer, not a failure."""
        compute: Compute = facts["compute"]
        workspace: Workspace = facts["workspace"]
        named = next((s.captured["identity"].lower() for s in subject.symptoms if s.captured.get("identity")), "")
        found = tuple(_read(of, where, reach) for where, of in list(_candidates(compute, workspace, named))[:_MOST])
        asked = bool(named) and not _explained(named, compute, found)
        client, unread = _system_client(subject.run.workspace_id, compute, reach) if asked else (None, ())
        value = PullIdentities(identities=found, system_client_id=client, unread=unread)
        return control_plane(value, "the identities' own resources", reach)


def _candidates(compute: Compute, workspace: Workspace, named: str) -> Iterator[tuple[str, str]]:
    """Yield each user-assigned identity once with what carries it; the log's, where it is a resource id, too."""
    seen: set[str] = set()
    carried = [(it.resource_id, compute.name) for it in compute.identities]
    if compute.kind == "Serverless":
        carried += [(it.resource_id, workspace.name) for it in workspace.identities]
    if _RESOURCE.fullmatch(named) and "/../" not in named:
        carried.append((named, "the log"))
    for where, of in carried:
        if where and where.lower() not in seen:
            seen.add(where.lower())
            yield where, of


def _read(of: str, where: str, reach: Reach) -> NamedIdentity:
    try:
        resource = reach.arm.get(where, api_version=_API)
    except NotFound:
        return NamedIdentity(resource_id=where, found=False, of=of)
    properties = properties_of(resource, "the identity")
    return NamedIdentity(
        resource_id=where,
        found=True,
        of=of,
        principal_id=text(properties, "principalId"),
        client_id=text(properties, "clientId"),
    )


def _explained(named: str, compute: Compute, found: tuple[NamedIdentity, ...]) -> bool:
    ids = {it for who in compute.identities for it in (who.principal_id, who.client_id)}
    ids |= {it for own in found for it in (own.principal_id, own.client_id, own.resource_id)}
    return named in {(it or "").lower() for it in ids}


def _system_client(workspace_id: str, compute: Compute, reach: Reach) -> tuple[str | None, tuple[str, ...]]:
    if not any(it.kind == "system-assigned" for it in compute.identities):
        return None, ()
    kind = "onlineEndpoints" if compute.kind == ENDPOINT_KIND else "computes"
    where = f"{workspace_id}/{kind}/{compute.name}/providers/Microsoft.ManagedIdentity/identities/default"
    try:
        return text(reach.arm.get(where, api_version=_API), "properties", "clientId"), ()
    except (NotFound, NotPermitted) as error:
        return None, (f"the client id of {compute.name}'s system-assigned identity: {error}",)


PROBE = UserIdentityProbe()
