"""How full the registry is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import Nonsense, ReadFailed
from diagnostics.facts import RegistryLookup
from diagnostics.image_facts import Usage, Usages
from diagnostics.model import Fact
from diagnostics.probes._shapes import word
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]


class UsageProbe:
    """Reads ``listUsages`` (a ``GET``; recorded, api-version 2023-01-01-preview); a limit of -1 means none."""

    name = "usage"
    title = "the registry's usage"
    value_type: type = Usages
    needs: tuple[str, ...] = ("registry",)
    actions: tuple[str, ...] = ("Microsoft.ContainerRegistry/registries/listUsages/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return :class:`Usages`."""
        lookup: RegistryLookup = facts["registry"]
        if lookup.found is None:
            raise ReadFailed("there is no registry whose usage could be read")
        subscription, group = (resource_part(lookup.found.id, kind) for kind in ("subscriptions", "resourceGroups"))
        answer = reach.registries(subscription or "").registries.list_usages(group or "", lookup.found.name)
        if not answer.value:
            raise Nonsense("the registry's usages came without any")
        found = tuple(
            Usage(name=str(it.name), used=it.current_value, limit=it.limit, unit=word(it.unit) or "")
            for it in answer.value
            if it.name and it.current_value is not None and it.limit is not None
        )
        return control_plane(Usages(usages=found), "the registry's usages", reach)


PROBE = UsageProbe()
