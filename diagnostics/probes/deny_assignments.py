"""Deny assignments at the registry and above that could take the right to pull away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import ReadFailed
from diagnostics.credential_facts import Denial, DenyAssignments, Reaches
from diagnostics.facts import Compute, RegistryLookup
from diagnostics.model import Fact
from diagnostics.permissions import blocks_of
from diagnostics.probes._shapes import when
from diagnostics.probing import Subject, control_plane
from diagnostics.pullers import who_pulls
from diagnostics.reach import Reach

__all__ = ["PROBE", "denials_of"]

_EVERYBODY = "0" * 32


class DenyAssignmentsProbe:
    """Lists them with ``atScope()``, which includes every scope above (api-version 2022-04-01).

    Principals are object ids without dashes, Everyone is all zeros (recorded). Whether the principal is in a group that
    one names is asked with ``assignedTo()``, which follows groups of groups (*List Azure deny assignments*), and only
    where it matters.
    """

    name = "deny-assignments"
    title = "the deny assignments"
    value_type: type = DenyAssignments
    needs: tuple[str, ...] = ("registry", "compute", "workspace")
    actions: tuple[str, ...] = ("Microsoft.Authorization/denyAssignments/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return :class:`DenyAssignments` of the one principal that pulls."""
        lookup: RegistryLookup = facts["registry"]
        compute: Compute = facts["compute"]
        puller = who_pulls(compute, lookup, subject.symptoms, facts["workspace"])
        registry = lookup.aimed_at
        if registry is None:
            raise ReadFailed("there is no registry that could be denied")
        if puller.principal_id is None:
            raise ReadFailed(f"there is no principal that could be denied the pull: {puller.reason}")
        scope, principal = registry.id, puller.principal_id
        client = reach.roles(resource_part(scope, "subscriptions") or "").deny_assignments
        value = DenyAssignments(principal_id=principal, scope=scope, denials=denials_of(client, scope, principal))
        return control_plane(value, self.title, reach)


def denials_of(client: Any, scope: str, principal: str) -> tuple[Denial, ...]:
    """Return the deny assignments that reach, or may reach, ``principal`` at ``scope``; the SDK's errors come through.

    ``client`` is the SDK's group ``deny_assignments``.
    """
    here = [it for it in client.list_for_scope(scope, filter="atScope()") if _applies(it, scope)]
    by_group = None
    if any(_reaches(it, principal, None) == Reaches.UNCLEAR for it in here):
        assigned = client.list_for_scope(scope, filter=f"assignedTo('{principal}')")
        by_group = {str(it.id).lower() for it in assigned}
    found = (_denial(it, reaches) for it in here if (reaches := _reaches(it, principal, by_group)))
    return tuple(sorted(found, key=lambda it: (it.scope.lower(), it.name)))


def _applies(denial: Any, scope: str) -> bool:
    """One that spares child scopes counts at its own scope alone; a list may hold child scopes, too (recorded)."""
    own, ours = str(denial.scope or "/").rstrip("/").lower(), scope.rstrip("/").lower()
    if denial.do_not_apply_to_child_scopes:
        return own == ours
    return ours == own or ours.startswith(f"{own}/") or not own.startswith("/subscriptions/")


def _bare(guid: str) -> str:
    return guid.replace("-", "").lower()


def _ids(principals: Iterable[Any] | None) -> set[str]:
    return {_bare(str(it.id or "")) for it in principals or ()}


def _groups(principals: Iterable[Any] | None) -> bool:
    return any((it.type or "").lower() not in {"user", "serviceprincipal", "everyone"} for it in principals or ())


def _reaches(denial: Any, principal: str, by_group: set[str] | None) -> str:
    """Return how it reaches the principal, or an empty string; ``by_group`` are those that do so by a group."""
    named, spared, who = _ids(denial.principals), _ids(denial.exclude_principals), _bare(principal)
    if who in spared:
        return ""
    if _groups(denial.exclude_principals):
        return Reaches.UNCLEAR if {who, _EVERYBODY} & named or _groups(denial.principals) else ""
    if who in named:
        return Reaches.DIRECTLY
    if _EVERYBODY in named:
        return Reaches.EVERYBODY
    if not _groups(denial.principals):
        return ""
    if by_group is None:
        return Reaches.UNCLEAR
    return Reaches.BY_GROUP if str(denial.id).lower() in by_group else ""


def _denial(found: Any, reaches: str) -> Denial:
    blocks = found.permissions or ()
    return Denial(
        name=str(found.deny_assignment_name or found.name or "a deny assignment without a name"),
        scope=str(found.scope or "/"),
        reaches=reaches,
        permissions=blocks_of(blocks),
        conditional=bool(found.condition) or any(block.condition for block in blocks),
        system=bool(found.is_system_protected),
        created_at=when(found.created_on),
    )


PROBE = DenyAssignmentsProbe()
