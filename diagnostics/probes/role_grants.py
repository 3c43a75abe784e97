"""Every role assignment that reaches the principal that pulls, with what its role allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import ReadFailed
from diagnostics.facts import Compute, Grant, RegistryLookup, RoleGrants
from diagnostics.model import Fact
from diagnostics.permissions import blocks_of
from diagnostics.probes._shapes import when, word
from diagnostics.probing import Subject, control_plane
from diagnostics.pullers import who_pulls
from diagnostics.reach import Reach

if TYPE_CHECKING:
    from azure.mgmt.authorization import AuthorizationManagementClient

__all__ = ["PROBE"]


class RoleGrantsProbe:
    """Lists assignments at the registry's scope with ``assignedTo()`` (api-version 2022-04-01).

    That filter follows groups of groups and inherits from every scope above. Built-in roles are remembered: their
    ids never change, and their definitions seldom do.
    """

    name = "role-grants"
    title = "the role assignments"
    value_type: type = RoleGrants
    needs: tuple[str, ...] = ("registry", "compute", "workspace")
    actions: tuple[str, ...] = (
        "Microsoft.Authorization/roleAssignments/read",
        "Microsoft.Authorization/roleDefinitions/read",
    )

    def __init__(self) -> None:
        self._built_in: dict[str, _Role] = {}

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return :class:`RoleGrants` of the one principal that pulls."""
        lookup: RegistryLookup = facts["registry"]
        compute: Compute = facts["compute"]
        puller = who_pulls(compute, lookup, subject.symptoms, facts["workspace"])
        registry = lookup.aimed_at
        if registry is None:
            raise ReadFailed("there is no registry that roles could be assigned on")
        if puller.principal_id is None:
            raise ReadFailed(f"there is no principal whose roles could be read: {puller.reason}")
        scope = registry.id
        client = reach.roles(resource_part(scope, "subscriptions") or "")
        assigned = list(client.role_assignments.list_for_scope(scope, filter=f"assignedTo('{puller.principal_id}')"))
        roles = self._roles(client, {str(found.role_definition_id) for found in assigned})
        grants = tuple(sorted((_grant(found, roles) for found in assigned), key=_order))
        value = RoleGrants(principal_id=puller.principal_id, scope=scope, grants=grants)
        return control_plane(value, "role assignments", reach)

    def _roles(self, client: AuthorizationManagementClient, ids: Iterable[str]) -> dict[str, _Role]:
        roles: dict[str, _Role] = {}
        for role_id in sorted(ids):
            key = role_id.rsplit("/", 1)[-1].lower()
            role = self._built_in.get(key) or _Role(client.role_definitions.get_by_id(role_id))
            if not role.custom:
                self._built_in[key] = role
            roles[role_id] = role
        return roles


class _Role:
    """A role definition as far as it matters here."""

    def __init__(self, definition: Any) -> None:
        self.name = str(definition.role_name or definition.name or "a role without a name")
        self.custom = (word(definition.role_type) or "").lower() == "customrole"
        self.permissions = blocks_of(definition.permissions)


def _grant(assignment: Any, roles: Mapping[str, _Role]) -> Grant:
    role = roles[str(assignment.role_definition_id)]
    return Grant(
        role=role.name,
        role_id=str(assignment.role_definition_id).rsplit("/", 1)[-1].lower(),
        scope=str(assignment.scope),
        principal_id=str(assignment.principal_id),
        principal_type=word(assignment.principal_type) or "",
        permissions=role.permissions,
        custom=role.custom,
        created_at=when(assignment.created_on),
        condition=assignment.condition or None,
        updated_at=when(assignment.updated_on),
    )


def _order(grant: Grant) -> tuple[str, str, str]:
    return grant.scope.lower(), grant.role, grant.principal_id


PROBE = RoleGrantsProbe()
