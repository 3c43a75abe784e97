"""Where the registry is served from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import ReadFailed
from diagnostics.facts import RegistryLookup, Replica, Replicas
from diagnostics.model import Fact
from diagnostics.probes._shapes import when, word
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

if TYPE_CHECKING:
    from azure.mgmt.containerregistry import models as sdk

__all__ = ["PROBE"]


class ReplicasProbe:
    """Lists the registry's replications; the home region is itself one (recorded, api-version 2023-01-01-preview)."""

    name = "replicas"
    title = "the registry's regions"
    value_type: type = Replicas
    needs: tuple[str, ...] = ("registry",)
    actions: tuple[str, ...] = ("Microsoft.ContainerRegistry/registries/replications/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return :class:`Replicas`, the home region always among them."""
        lookup: RegistryLookup = facts["registry"]
        if lookup.found is None:
            raise ReadFailed("there is no registry whose regions could be read")
        home = lookup.found
        subscription, group = resource_part(home.id, "subscriptions"), resource_part(home.id, "resourceGroups")
        client = reach.registries(subscription or "")
        found = [_replica(replication) for replication in client.replications.list(group or "", home.name)]
        if home.region.lower() not in {replica.region.lower() for replica in found}:
            found.insert(0, Replica(region=home.region, provisioning_state=home.provisioning_state))
        return control_plane(Replicas(replicas=tuple(found)), "the registry's replications", reach)


def _replica(replication: sdk.Replication) -> Replica:
    status = replication.status
    return Replica(
        region=str(replication.location),
        provisioning_state=word(replication.provisioning_state),
        enabled=replication.region_endpoint_enabled is not False,
        status=word(status.display_status) if status else None,
        status_at=when(status.timestamp) if status else None,
    )


PROBE = ReplicasProbe()
