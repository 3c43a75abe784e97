"""Whether we may see role assignments at all: an empty list looks the same either way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import ReadFailed
from diagnostics.facts import GrantedPermissions, RegistryLookup, RoleVisibility
from diagnostics.model import Fact
from diagnostics.permissions import grants_action
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_API = "2022-04-01"
_ACTION = "Microsoft.Authorization/roleAssignments/read"


class RoleVisibilityProbe:
    """Asks Azure for our own permissions at the registry's subscription (``Microsoft.Authorization/permissions``).

    What is assigned at the subscription or above it shows there only to who may read role assignments there.
    """

    name = "role-visibility"
    title = "whether role assignments may be seen"
    value_type: type = RoleVisibility
    needs: tuple[str, ...] = ("registry",)
    actions: tuple[str, ...] = (_ACTION,)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return a :class:`RoleVisibility`."""
        lookup: RegistryLookup = facts["registry"]
        if lookup.found is None:
            raise ReadFailed("there is no registry whose scope could be asked about")
        scope = f"/subscriptions/{resource_part(lookup.found.id, 'subscriptions')}"
        blocks = reach.arm.pages(f"{scope}/providers/Microsoft.Authorization/permissions", api_version=_API)
        readable = grants_action([_block(block) for block in blocks], _ACTION)
        return control_plane(RoleVisibility(scope=scope, readable=readable), "our own permissions", reach)


def _block(block: Mapping[str, Any]) -> GrantedPermissions:
    return GrantedPermissions(
        actions=_texts(block.get("actions")),
        not_actions=_texts(block.get("notActions")),
    )


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list) else ()


PROBE = RoleVisibilityProbe()
