"""What the causes about the right to pull have in common: the right as it stood when the run failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from diagnostics.case import Case
from diagnostics.causes._admin import relies_on_admin_user
from diagnostics.causes._commands import PULL_ROLE, REPOSITORY_ROLE, grant_bicep, grant_command
from diagnostics.causes._credentials import foreign_host, gone_identity, stored_connection
from diagnostics.facts import Grant, Registry, RoleGrants
from diagnostics.model import Remedy
from diagnostics.permissions import Right, grants_pull, without_conditions
from diagnostics.pullers import PullerKind

__all__ = [
    "AUTH_SYMPTOMS",
    "NOT_THE_COMPUTE",
    "RIGHT_FACTS",
    "PullRight",
    "grant_remedies",
    "grants_until",
    "no_right_needed",
    "pull_right",
]

NOT_THE_COMPUTE = "it was an image build that was refused, and that does not pull as the compute"

AUTH_SYMPTOMS = frozenset(
    {"unauthorized", "forbidden", "identity-misconfigured", "insufficient-evidence", "admin-user-disabled"}
)
"""The last is what a client says that falls back to the admin user after the identity was refused."""

RIGHT_FACTS = ("compute", "registry", "role-grants", "role-visibility")


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRight:
    """The puller's right on the registry: ``then`` when the run failed, ``now`` when we looked.

    ``since`` is when the right was granted that came too late. ``undated`` where a grant carries no time.
    ``repository`` is the one that conditions were judged on.
    """

    registry: Registry
    principal_id: str
    grants: tuple[Grant, ...]
    then: Right
    now: Right
    repository: str | None = None
    since: datetime | None = None
    undated: bool = False

    def by(self, grants: Iterable[Grant]) -> Right:
        """Return what ``grants`` alone would give."""
        return grants_pull(grants, abac=self.registry.abac, repository=self.repository)

    @property
    def narrowed(self) -> tuple[Grant, ...]:
        """The assignments that would grant the pull, had not their conditions left this repository out."""
        return tuple(
            grant
            for grant in self.grants
            if grant.condition
            and self.by([grant]) is Right.ABSENT
            and self.by(without_conditions([grant])) is not Right.ABSENT
        )


def pull_right(case: Case) -> PullRight | None:
    """Return the right, or ``None`` where registry, puller or its roles are not known."""
    registry, puller, grants = case.registry, case.puller, case.grants
    if registry is None or puller is None or puller.principal_id is None or grants is None:
        return None
    repository = case.image.repository if case.image is not None else None
    return _right(registry, grants, case.failed_at, repository)


def _right(registry: Registry, held: RoleGrants, failed_at: datetime, repository: str | None) -> PullRight:
    def right(grants: Iterable[Grant]) -> Right:
        return grants_pull(grants, abac=registry.abac, repository=repository)

    undated = [grant for grant in held.grants if grant.created_at is None]
    then = right(grants_until(held.grants, failed_at))
    return PullRight(
        registry=registry,
        principal_id=held.principal_id,
        grants=held.grants,
        repository=repository,
        then=then,
        now=right(held.grants),
        since=_since(held.grants, failed_at, right) if then is not Right.GRANTED else None,
        undated=then is not Right.GRANTED and right(undated) is not Right.ABSENT,
    )


def grants_until(grants: Iterable[Grant], moment: datetime) -> tuple[Grant, ...]:
    """Return the dated assignments that were there at ``moment``."""
    return tuple(grant for grant in grants if grant.created_at is not None and grant.created_at <= moment)


def _since(grants: Iterable[Grant], failed_at: datetime, right: Callable[[Iterable[Grant]], Right]) -> datetime | None:
    """Return when the assignments that came after the failure first granted the pull, whole or with the others."""
    held = tuple(grants)
    later = sorted(grant.created_at for grant in held if grant.created_at is not None and grant.created_at > failed_at)
    return next((moment for moment in later if right(grants_until(held, moment)) is Right.GRANTED), None)


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
    """Return why the pull needs no role at all, or why none could help, or ``None``."""
    if foreign_host(case):
        return f"{foreign_host(case)} is no Azure registry: Azure's roles do not count there"
    gone = gone_identity(case)
    if gone is not None:
        return f"the identity {gone.name} has been deleted, so no role could help it"
    if case.registry is not None and case.registry.anonymous_pull:
        return f"{case.registry.name} lets anybody pull without a credential"
    stored = stored_connection(case)
    if stored is not None and not case.captured("identity"):
        return f"the workspace's connection {stored.name} logs in at {stored.host}"
    if case.puller is not None and case.puller.kind is PullerKind.ADMIN_USER:
        return f"the pull relies on the admin user: {case.puller.reason}"
    relied_on = relies_on_admin_user(case)
    return f"the pull relies on the admin user: {relied_on}" if relied_on else None
