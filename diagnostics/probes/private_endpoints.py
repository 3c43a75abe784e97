"""Where the registry's private endpoints stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import Nonsense, NotFound, NotPermitted, ReadFailed
from diagnostics.facts import PrivateEndpointConnection, RegistryLookup
from diagnostics.model import Fact
from diagnostics.network_facts import PrivateEndpoint, PrivateEndpoints
from diagnostics.probes._network import API, vnet_of
from diagnostics.probes._shapes import text
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]


class PrivateEndpointsProbe:
    """Reads the endpoint behind each connection of the registry (``privateEndpoints``, api-version 2024-05-01)."""

    name = "private-endpoints"
    title = "where the registry's private endpoints stand"
    value_type: type = PrivateEndpoints
    needs: tuple[str, ...] = ("registry",)
    actions: tuple[str, ...] = ("Microsoft.Network/privateEndpoints/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return :class:`PrivateEndpoints`; a registry without connections costs no call."""
        lookup: RegistryLookup = facts["registry"]
        if lookup.found is None:
            raise ReadFailed("there is no registry whose private endpoints could be read")
        own = resource_part(lookup.found.id, "subscriptions")
        found = tuple(_endpoint(connection, own, reach) for connection in lookup.found.private_endpoints)
        return control_plane(PrivateEndpoints(endpoints=found), "the registry's private endpoints", reach)


def _endpoint(connection: PrivateEndpointConnection, own: str | None, reach: Reach) -> PrivateEndpoint:
    """The connection's state is the registry's own; the endpoint's resource says where it stands.

    The endpoints of a managed network stand in a subscription of Azure's, which nobody else may read.
    """
    vnet = None
    if connection.endpoint_id:
        try:
            vnet = _network(reach.arm.get(connection.endpoint_id, api_version=API))
        except NotFound:
            vnet = None
        except NotPermitted:
            if resource_part(connection.endpoint_id, "subscriptions") == own:
                raise
    return PrivateEndpoint(
        connection=connection.name, status=connection.status, endpoint_id=connection.endpoint_id, vnet=vnet
    )


def _network(resource: Mapping[str, Any]) -> str:
    subnet = text(resource.get("properties"), "subnet", "id")
    if subnet is None:
        raise Nonsense("a private endpoint came without its subnet")
    return vnet_of(subnet)


PROBE = PrivateEndpointsProbe()
