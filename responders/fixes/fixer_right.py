"""Whether the fixer may make an assignment, known before anything is offered: its roles, their conditions, denials.

Rule: *Steps to determine if a user has access to a resource* (Azure RBAC overview): a deny assignment goes first, then
one role whose actions and condition let the request through is enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from diagnostics.conditions import admits
from diagnostics.credential_facts import Denial, Reaches
from diagnostics.permissions import blocks_of, grants_action
from diagnostics.probes.deny_assignments import denials_of
from responders.fixes.right import ADMINISTRATOR, ADMINISTRATOR_ID, WRITE, asked_for, grant_right, remove_right
from responders.fixes.values import Plan

if TYPE_CHECKING:
    from azure.mgmt.authorization import AuthorizationManagementClient

__all__ = ["FixerRight", "fixer_right", "lacks"]


@dataclass(frozen=True, slots=True)
class FixerRight:
    """Whether the fixer may make the assignment; ``why`` names what is missing, and the command that adds it.

    ``narrowed``: its role would let it, and only the condition on the role leaves this assignment out.
    """

    allowed: bool
    why: str = ""
    narrowed: bool = False


def fixer_right(client: AuthorizationManagementClient, plan: Plan, fixer: str) -> FixerRight:
    """Tell whether ``fixer``, an object id, may make the plan's assignment. The SDK's errors come through.

    A condition that cannot be understood is no right, and a denial that may reach the fixer is one.
    """
    held = list(client.role_assignments.list_for_scope(plan.registry_id, filter=f"assignedTo('{fixer}')"))
    granting = [one for one in held if _may_write(client, str(one.role_definition_id))]
    if not granting:
        return FixerRight(allowed=False, why=lacks(plan, fixer, f"it may not do {WRITE}"))
    denials = denials_of(client.deny_assignments, plan.registry_id, fixer)
    denied = next((one for one in denials if grants_action(one.permissions, WRITE)), None)
    if denied is not None:
        return FixerRight(allowed=False, why=_denied(denied, fixer))
    if not any(_let_through(plan, one.condition) for one in granting):
        return FixerRight(allowed=False, why=_narrowed(plan, fixer, granting), narrowed=True)
    return FixerRight(allowed=True)


def lacks(plan: Plan, fixer: str, what: str) -> str:
    """Say what the fixer lacks, and the command that adds it."""
    command = grant_right(plan.registry_id, fixer)
    return f"the fixer ({fixer}) lacks {ADMINISTRATOR} at {plan.registry_name}: {what}. Add it: {command}"


def _may_write(client: AuthorizationManagementClient, role_definition_id: str) -> bool:
    role = client.role_definitions.get_by_id(role_definition_id)
    return grants_action(blocks_of(role.permissions), WRITE)


def _let_through(plan: Plan, condition: str | None) -> bool:
    return not condition or admits(condition, action=WRITE, attributes=asked_for(plan)) is True


def _denied(denial: Denial, fixer: str) -> str:
    takes = "may take" if denial.conditional or denial.reaches == Reaches.UNCLEAR else "takes"
    where = f"the deny assignment {denial.name} at {denial.scope}"
    return f"{where} {takes} {WRITE} from the fixer ({fixer}), whatever its roles: change it there"


def _narrowed(plan: Plan, fixer: str, granting: Iterable[Any]) -> str:
    """Say that only conditions stand in the way. Azure keeps one assignment of a role, so what is there goes first."""
    scope = plan.registry_id.lower()
    here = (str(one.id) for one in granting if str(one.scope).lower() == scope and _is_administrator(one))
    what = f"the condition on its role does not let this through for {plan.principal_id}"
    first = "".join(f". Remove it first: {remove_right(one)}" for one in here)
    return lacks(plan, fixer, what + first)


def _is_administrator(assignment: Any) -> bool:
    return str(assignment.role_definition_id).lower().endswith(ADMINISTRATOR_ID)
