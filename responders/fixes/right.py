"""The fixer's own right: one role at a registry, under a condition that Azure enforces (``docs/deployment.md``).

Source: *Examples to delegate Azure role assignment management with conditions*. The first half bounds what may be
assigned, the second what may be removed; without the second anything could be removed.
"""

from __future__ import annotations

from collections.abc import Iterable

from diagnostics.azure.cli import az
from diagnostics.conditions import Attributes
from diagnostics.pull_roles import ACR_PULL, REPOSITORY_READER
from responders.fixes.values import Plan

__all__ = [
    "ADMINISTRATOR",
    "ADMINISTRATOR_ID",
    "DELETE",
    "WRITE",
    "asked_for",
    "fixer_condition",
    "grant_right",
    "remove_right",
]

ADMINISTRATOR = "Role Based Access Control Administrator"
ADMINISTRATOR_ID = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
"""*Azure built-in roles*, Privileged."""

WRITE = "Microsoft.Authorization/roleAssignments/write"
DELETE = "Microsoft.Authorization/roleAssignments/delete"
_OF = "Microsoft.Authorization/roleAssignments"
_TYPE = "ServicePrincipal"


def fixer_condition(principals: Iterable[str] = ()) -> str:
    """Return the condition: the two pull roles, service principals alone, of these only ``principals`` if any."""
    listed = tuple(principals)
    return f"{_half(WRITE, 'Request', listed)} AND {_half(DELETE, 'Resource', listed)}"


def asked_for(plan: Plan) -> Attributes:
    """Return what such a condition sees of the assignment that ``plan`` asks for."""
    source = "request"
    return {
        (source, f"{_OF}:RoleDefinitionId".lower()): plan.role_id,
        (source, f"{_OF}:PrincipalId".lower()): plan.principal_id,
        (source, f"{_OF}:PrincipalType".lower()): _TYPE,
    }


def grant_right(registry_id: str, fixer: str) -> str:
    """Return the command that gives the fixer its right at one registry."""
    whom = ("--assignee-object-id", fixer, "--assignee-principal-type", _TYPE)
    condition = ("--condition-version", "2.0", "--condition", fixer_condition())
    return az("role", "assignment", "create", *whom, "--role", ADMINISTRATOR, "--scope", registry_id, *condition)


def remove_right(assignment_id: str) -> str:
    """Return the command that takes an assignment away."""
    return az("role", "assignment", "delete", "--ids", assignment_id)


def _half(action: str, source: str, principals: tuple[str, ...]) -> str:
    def attribute(name: str) -> str:
        return f"@{source}[{_OF}:{name}]"

    roles = f"{attribute('RoleDefinitionId')} ForAnyOfAnyValues:GuidEquals {{{ACR_PULL.id}, {REPOSITORY_READER.id}}}"
    kinds = f"{attribute('PrincipalType')} ForAnyOfAnyValues:StringEqualsIgnoreCase {{'{_TYPE}'}}"
    who = (
        f" AND {attribute('PrincipalId')} ForAnyOfAnyValues:GuidEquals {{{', '.join(principals)}}}"
        if principals
        else ""
    )
    return f"((!(ActionMatches{{'{action}'}})) OR ({roles} AND {kinds}{who}))"
