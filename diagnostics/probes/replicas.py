"""Where the registry is served from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.azure.errors import ReadFailed
from diagnostics.facts import RegistryLookup, Replica, Replicas
from diagnostics.model import Fact
from diagnostics.probes._shapes import member, text, when
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_API = "2025-11-01"


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
        found = [_replica(it) for it in reach.arm.pages(f"{home.id}/replications", api_version=_API)]
        if home.region.lower() not in {replica.region.lower() for replica in found}:
            found.insert(0, Replica(region=home.region, provisioning_state=home.provisioning_state))
        return control_plane(Replicas(replicas=tuple(found)), "the registry's replications", reach)


def _replica(replication: Mapping[str, Any]) -> Replica:
    properties = replication.get("properties")
    return Replica(
        region=text(replication, "location") or "",
        provisioning_state=text(properties, "provisioningState"),
        enabled=member(properties, "regionEndpointEnabled") is not False,
        status=text(properties, "status", "displayStatus"),
        status_at=when(member(properties, "status", "timestamp")),
    )


PROBE = ReplicasProbe()
