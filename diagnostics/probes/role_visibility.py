"""Whether we may see role assignments at all: an empty list looks the same either way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import ReadFailed
from diagnostics.facts import RegistryLookup, RoleVisibility
from diagnostics.model import Fact
from diagnostics.own_permissions import own_permissions
from diagnostics.permissions import grants_action
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_ACTION = "Microsoft.Authorization/roleAssignments/read"


class RoleVisibilityProbe:
    """Asks Azure for our own permissions at the registry's subscription (``Microsoft.Authorization/permissions``).

    What is assigned at the subscription or above it shows there only to who may read role assignments there.
    """

    name = "role-visibility"
    title = "whether role assignments may be seen"
    value_type: type = RoleVisibility
    needs: tuple[str, ...] = ("registry",)
    actions: tuple[str, ...] = ("Microsoft.Authorization/permissions/read", _ACTION)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return a :class:`RoleVisibility`."""
        lookup: RegistryLookup = facts["registry"]
        registry = lookup.aimed_at
        if registry is None:
            raise ReadFailed("there is no registry whose scope could be asked about")
        scope = f"/subscriptions/{resource_part(registry.id, 'subscriptions')}"
        readable = grants_action(own_permissions(reach.arm, scope), _ACTION)
        return control_plane(RoleVisibility(scope=scope, readable=readable), "our own permissions", reach)


PROBE = RoleVisibilityProbe()
