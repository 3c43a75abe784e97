"""The right to pull of the identity that pulls: as it stood when the run failed, and as it was when we looked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from diagnostics.case import Case
from diagnostics.causes._credentials import login_unseen
from diagnostics.facts import Grant, Registry, RoleGrants, RoleVisibility
from diagnostics.permissions import Right, grants_pull, without_conditions

__all__ = ["PullRight", "grants_until", "pull_right", "right_unread"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRight:
    """The puller's right on the registry: ``then`` when the run failed, ``now`` when we looked.

    ``before`` are the dated assignments that were there when the run failed, and ``edited`` those among them that
    could grant the pull and were changed since: what condition they had then is not known.
    ``since`` is when the right was granted that came too late. ``undated`` where a grant carries no time.
    ``repository`` is the one that conditions were judged on. ``unseen`` says what kept us from seeing whether it
    is this identity that pulls, and whether it still exists; empty where both were seen.
    """

    registry: Registry
    principal_id: str
    grants: tuple[Grant, ...]
    before: tuple[Grant, ...]
    edited: tuple[Grant, ...]
    then: Right
    now: Right
    repository: str | None = None
    since: datetime | None = None
    undated: bool = False
    unseen: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """What would have to be changed: the right of one identity on one registry."""
        return f"{self.principal_id} on {self.registry.id.lower()}"

    def by(self, grants: Iterable[Grant]) -> Right:
        """Return what ``grants`` alone would give."""
        return grants_pull(grants, abac=self.registry.abac, repository=self.repository)

    @property
    def narrowed(self) -> tuple[Grant, ...]:
        """The assignments that would have granted the pull, had not their conditions left this repository out."""
        return tuple(
            grant
            for grant in self.before
            if grant.condition
            and grant not in self.edited
            and self.by([grant]) is Right.ABSENT
            and self.by(without_conditions([grant])) is not Right.ABSENT
        )

    @property
    def ignored(self) -> tuple[Grant, ...]:
        """The assignments that would have granted the pull, did not the registry's mode ignore them."""
        if not self.registry.abac:
            return ()
        return tuple(grant for grant in self.before if grants_pull([grant], abac=False) is Right.GRANTED)


def pull_right(case: Case, *, abac: bool | None = None) -> PullRight | None:
    """Return the right, or ``None`` where registry, puller or its roles are not known.

    ``abac`` asks for it as it would be in that mode; without it the registry's own mode of now counts.
    """
    registry, puller, grants = case.registry, case.puller, case.grants
    if registry is None or puller is None or puller.principal_id is None or grants is None:
        return None
    repository = case.image.repository if case.image is not None else None
    asked = registry if abac is None else replace(registry, abac=abac)
    return replace(_right(asked, grants, case.failed_at, repository), unseen=login_unseen(case))


def right_unread(case: Case) -> tuple[str, ...]:
    """Say what kept us from judging the right; an empty list is no fact for somebody who sees only a part of it."""
    visible = case.value("role-visibility", RoleVisibility)
    hidden = "we may not read role assignments at the registry's subscription, so an empty list shows nothing"
    lost = case.unread("compute", "registry", "role-grants", "role-visibility")
    return (*lost, *login_unseen(case), *((hidden,) if visible is not None and not visible.readable else ()))


def _right(registry: Registry, held: RoleGrants, failed_at: datetime, repository: str | None) -> PullRight:
    def right(grants: Iterable[Grant]) -> Right:
        return grants_pull(grants, abac=registry.abac, repository=repository)

    undated = without_conditions(grant for grant in held.grants if grant.created_at is None)
    before = grants_until(held.grants, failed_at)
    edited = tuple(
        grant
        for grant in before
        if grant.updated_at is not None
        and grant.updated_at > failed_at
        and (grant.condition or registry.abac)  # whether there was one that is gone matters to repositories alone
        and right(without_conditions([grant])) is not Right.ABSENT
    )
    then = _then(before, edited, right)
    either = {right(undated), grants_pull(undated, abac=False)}
    return PullRight(
        registry=registry,
        principal_id=held.principal_id,
        grants=held.grants,
        before=before,
        edited=edited,
        repository=repository,
        then=then,
        now=right(held.grants),
        since=_since(held.grants, failed_at, right) if then is not Right.GRANTED else None,
        undated=then is not Right.GRANTED and either != {Right.ABSENT},
    )


def _then(before: Iterable[Grant], edited: tuple[Grant, ...], right: Callable[[Iterable[Grant]], Right]) -> Right:
    """Return the right when the run failed; what was edited since may have granted all or nothing."""
    kept = tuple(grant for grant in before if grant not in edited)
    least = right(kept)
    if least is Right.GRANTED or right((*kept, *without_conditions(edited))) is least:
        return least
    return Right.UNDECIDED


def grants_until(grants: Iterable[Grant], moment: datetime) -> tuple[Grant, ...]:
    """Return the dated assignments that were there at ``moment``."""
    return tuple(grant for grant in grants if grant.created_at is not None and grant.created_at <= moment)


def _since(grants: Iterable[Grant], failed_at: datetime, right: Callable[[Iterable[Grant]], Right]) -> datetime | None:
    """Return when the assignments that came after the failure first granted the pull, whole or with the others."""
    held = tuple(grants)
    later = sorted(grant.created_at for grant in held if grant.created_at is not None and grant.created_at > failed_at)
    return next((moment for moment in later if right(grants_until(held, moment)) is Right.GRANTED), None)
