"""What Azure itself says of the registry's health."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.azure.errors import Nonsense, ReadFailed
from diagnostics.facts import RegistryLookup
from diagnostics.image_facts import RegistryHealth
from diagnostics.model import Fact
from diagnostics.probes._shapes import member, text, when
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_API = "2023-07-01"


class RegistryHealthProbe:
    """Reads ``Microsoft.ResourceHealth/availabilityStatuses/current`` of the registry (api-version 2023-07-01)."""

    name = "registry-health"
    title = "the registry's resource health"
    value_type: type = RegistryHealth
    needs: tuple[str, ...] = ("registry",)
    actions: tuple[str, ...] = ("Microsoft.ResourceHealth/availabilityStatuses/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return a :class:`RegistryHealth`."""
        lookup: RegistryLookup = facts["registry"]
        if lookup.found is None:
            raise ReadFailed("there is no registry whose health could be read")
        path = f"{lookup.found.id}/providers/Microsoft.ResourceHealth/availabilityStatuses/current"
        properties = member(reach.arm.get(path, api_version=_API), "properties")
        state = text(properties, "availabilityState")
        if state is None:
            raise Nonsense("the resource health came without its state")
        value = RegistryHealth(
            state=state,
            summary=(text(properties, "summary") or "")[:200],
            since=when(member(properties, "occurredTime") or member(properties, "occuredTime")),
        )
        return control_plane(value, "Azure Resource Health", reach)


PROBE = RegistryHealthProbe()
