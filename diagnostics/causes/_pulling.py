"""What the causes about the right to pull have in common: the right as it stood when the run failed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from diagnostics.case import Case
from diagnostics.causes._admin import relies_on_admin_user
from diagnostics.causes._commands import PULL_ROLE, REPOSITORY_ROLE, grant_bicep, grant_command
from diagnostics.facts import Grant, Registry, RoleGrants
from diagnostics.model import Remedy
from diagnostics.permissions import Right, grants_pull
from diagnostics.pullers import PullerKind

__all__ = ["AUTH_SYMPTOMS", "RIGHT_FACTS", "PullRight", "grant_remedies", "no_right_needed", "pull_right"]

AUTH_SYMPTOMS = frozenset({"unauthorized", "forbidden", "identity-misconfigured", "insufficient-evidence"})
RIGHT_FACTS = ("compute", "registry", "role-grants", "role-visibility")


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRight:
    """The puller's right on the registry: ``then`` when the run failed, ``now`` when we looked.

    ``since`` is when the right was granted that came too late. ``undated`` where a grant carries no time.
    """

    registry: Registry
    principal_id: str
    grants: tuple[Grant, ...]
    then: Right
    now: Right
    since: datetime | None = None
    undated: bool = False


def pull_right(case: Case) -> PullRight | None:
    """Return the right, or ``None`` where registry, puller or its roles are not known."""
    registry, puller, grants = case.registry, case.puller, case.grants
    if registry is None or puller is None or puller.principal_id is None or grants is None:
        return None
    return _right(registry, grants, case.failed_at)


def _right(registry: Registry, held: RoleGrants, failed_at: datetime) -> PullRight:
    before = [grant for grant in held.grants if grant.created_at is not None and grant.created_at <= failed_at]
    later = [grant for grant in held.grants if grant.created_at is not None and grant.created_at > failed_at]
    undated = [grant for grant in held.grants if grant.created_at is None]
    then = grants_pull(before, abac=registry.abac)
    since = _first_granting(later, registry)
    return PullRight(
        registry=registry,
        principal_id=held.principal_id,
        grants=held.grants,
        then=then,
        now=grants_pull(held.grants, abac=registry.abac),
        since=since if then is not Right.GRANTED else None,
        undated=then is not Right.GRANTED and grants_pull(undated, abac=registry.abac) is not Right.ABSENT,
    )


def _first_granting(grants: Iterable[Grant], registry: Registry) -> datetime | None:
    times = [
        grant.created_at
        for grant in grants
        if grant.created_at is not None and grants_pull([grant], abac=registry.abac) is Right.GRANTED
    ]
    return min(times, default=None)


def grant_remedies(right: PullRight, advice: str) -> tuple[Remedy, ...]:
    """Return how to grant the pull in the registry's own mode, or to run again where that has been done since."""
    if right.now is Right.GRANTED:
        return (Remedy(title="Run again: the right has been granted since"),)
    registry = right.registry
    role, _ = REPOSITORY_ROLE if registry.abac else PULL_ROLE
    return (
        Remedy(
            title=f"Grant {role} on {registry.name} to {right.principal_id}",
            detail=(
                f"Portal: {registry.name} > Access control (IAM) > Add role assignment > {role} > Managed identity. "
                f"{advice}"
            ),
            command=grant_command(registry, right.principal_id),
            bicep=grant_bicep(registry, right.principal_id),
        ),
    )


def no_right_needed(case: Case) -> str | None:
    """Return why the pull needs no role at all, or ``None``."""
    if case.registry is not None and case.registry.anonymous_pull:
        return f"{case.registry.name} lets anybody pull without a credential"
    if case.puller is not None and case.puller.kind is PullerKind.ADMIN_USER:
        return f"the pull relies on the admin user: {case.puller.reason}"
    relied_on = relies_on_admin_user(case)
    return f"the pull relies on the admin user: {relied_on}" if relied_on else None
