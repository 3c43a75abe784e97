"""The routes of the compute's subnet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.model import Fact
from diagnostics.network_facts import ComputeNetwork, Route, Routes
from diagnostics.probes._network import API, tables
from diagnostics.probes._shapes import properties_of, text
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]


class RoutesProbe:
    """Reads the route table (``Microsoft.Network/routeTables``, api-version 2024-05-01)."""

    name = "routes"
    title = "the routes of the compute's subnet"
    value_type: type = Routes
    needs: tuple[str, ...] = ("compute-network",)
    actions: tuple[str, ...] = ("Microsoft.Network/routeTables/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return :class:`Routes`; a subnet without a table costs no call."""
        network: ComputeNetwork = facts["compute-network"]
        if network.route_table is None:
            return control_plane(Routes(table=None), "the compute's virtual network", reach)
        properties = properties_of(reach.arm.get(network.route_table, api_version=API), "the route table")
        routes = tuple(_route(entry) for entry in tables(properties, "routes"))
        return control_plane(Routes(table=network.route_table, routes=routes), "the route table", reach)


def _route(entry: Mapping[str, Any]) -> Route:
    properties = properties_of(entry, "a route")
    return Route(
        name=text(entry, "name") or "a route",
        prefix=text(properties, "addressPrefix") or "",
        next_hop=text(properties, "nextHopType") or "",
        address=text(properties, "nextHopIpAddress"),
    )


PROBE = RoutesProbe()
