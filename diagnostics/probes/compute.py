"""The compute that the run was sent to, with its identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from diagnostics.azure.errors import NotFound, NotPermitted, ReadFailed
from diagnostics.facts import Compute, Identity, OnlineEndpoint
from diagnostics.model import Fact
from diagnostics.probes._shapes import identities, member, properties_of, text, when
from diagnostics.probing import Subject, control_plane
from diagnostics.pullers import ENDPOINT_KIND, speaks_of_endpoint
from diagnostics.reach import Reach
from diagnostics.serving import endpoint_of

__all__ = ["PROBE"]

_API = "2025-12-01"
_IDENTITY_API = "2023-01-31"
_SERVERLESS = frozenset({"serverless", "amlserverless"})


class ComputeProbe:
    """Reads the compute resource (``workspaces/computes``, api-version 2025-12-01)."""

    name = "compute"
    title = "the compute"
    value_type: type = Compute
    needs: tuple[str, ...] = ()
    actions: tuple[str, ...] = (
        "Microsoft.MachineLearningServices/workspaces/computes/read",
        "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/read",
        "Microsoft.ManagedIdentity/identities/read",
    )

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return a :class:`Compute`; one that is gone is an answer (``found`` is false), not a failure."""
        if subject.run.deployment:
            return control_plane(_endpoint(subject, reach), "the endpoint's settings", reach)
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
        compute = replace(_compute(name, resource), endpoints=_endpoints(subject, reach))
        return control_plane(compute, "the compute's settings", reach)


def _endpoint(subject: Subject, reach: Reach) -> Compute:
    """Return the endpoint of a failed deployment: it pulls, with an identity of its own."""
    where = (subject.run.deployment or "").rpartition("/deployments/")[0]
    name = endpoint_of(where)
    try:
        resource = reach.arm.get(where, api_version=_API)
    except NotFound:
        return Compute(name=name, found=False, kind=ENDPOINT_KIND)
    own = tuple(_with_client_id(it, where, subject, reach) for it in identities(resource))
    return Compute(
        name=name,
        found=True,
        kind=ENDPOINT_KIND,
        region=text(resource, "location") or "",
        identities=own,
        endpoints=(OnlineEndpoint(name=name, identities=own),),
    )


def _with_client_id(identity: Identity, where: str, subject: Subject, reach: Reach) -> Identity:
    """Return a system-assigned identity with its client id, where the log names some identity.

    The endpoint shows the principal id alone, and the platform's log the client id alone.
    """
    named = any(symptom.captured.get("identity") for symptom in subject.symptoms)
    if identity.client_id or identity.kind != "system-assigned" or not named:
        return identity
    path = f"{where}/providers/Microsoft.ManagedIdentity/identities/default"
    try:
        found = reach.arm.get(path, api_version=_IDENTITY_API)
    except (NotFound, NotPermitted):
        return identity
    return replace(identity, client_id=text(found, "properties", "clientId"))


def _endpoints(subject: Subject, reach: Reach) -> tuple[OnlineEndpoint, ...]:
    """Return the workspace's online endpoints, where the text says that one of them pulled."""
    if not speaks_of_endpoint(subject.symptoms):
        return ()
    found = reach.arm.pages(f"{subject.run.workspace_id}/onlineEndpoints", api_version=_API)
    made = (OnlineEndpoint(name=text(it, "name") or "", identities=identities(it)) for it in found)
    return tuple(sorted(made, key=lambda endpoint: endpoint.name))


def _compute(name: str, resource: Mapping[str, Any]) -> Compute:
    properties = properties_of(resource, "the compute")
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
