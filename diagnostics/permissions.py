"""Effective permission: does a set of role assignments grant the pull, judged by actions and never by a role's name.

Rule: *Azure RBAC: how a role definition's actions are computed* (actions minus not-actions, wildcards span anything,
case does not count; assignments add up), and for registries *rbac-abac-repository-permissions* (2025-12-11).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from typing import Any

from diagnostics.actions import matches
from diagnostics.conditions import holds
from diagnostics.facts import Grant, GrantedPermissions

__all__ = [
    "CONTENT_READ",
    "METADATA_READ",
    "PULL",
    "Right",
    "blocks_of",
    "denies_pull",
    "grants_action",
    "grants_pull",
    "wanted_actions",
    "without_conditions",
]

PULL = "Microsoft.ContainerRegistry/registries/pull/read"
CONTENT_READ = "Microsoft.ContainerRegistry/registries/repositories/content/read"
METADATA_READ = "Microsoft.ContainerRegistry/registries/repositories/metadata/read"

_REGISTRY_PREFIX = "microsoft.containerregistry/"


class Right(StrEnum):
    """Whether a right is there. ``UNDECIDED`` is said where the documents do not decide, never a guess."""

    GRANTED = "granted"
    ABSENT = "absent"
    UNDECIDED = "undecided"


def blocks_of(permissions: Iterable[Any] | None) -> tuple[GrantedPermissions, ...]:
    """Return the permission blocks of a role or a denial as azure-mgmt-authorization gives them, null members empty."""
    return tuple(
        GrantedPermissions(
            actions=tuple(block.actions or ()),
            not_actions=tuple(block.not_actions or ()),
            data_actions=tuple(block.data_actions or ()),
            not_data_actions=tuple(block.not_data_actions or ()),
        )
        for block in permissions or ()
    )


def grants_action(permissions: Iterable[GrantedPermissions], action: str) -> bool:
    """Return whether any block grants the control-plane ``action`` and does not take it away again."""
    return any(_covers(block.actions, block.not_actions, action) for block in permissions)


def grants_pull(grants: Iterable[Grant], *, abac: bool, repository: str | None = None) -> Right:
    """Return whether ``grants`` let a principal pull ``repository`` from a registry in the given mode.

    Conditions are judged on the repository's name; without a name, or where one is not understood, they decide nothing.
    In the repositories' mode content and metadata are two rights, which may come by two roles; the documents do not say
    that the content alone is enough for a pull, so it is undecided.
    """
    held = tuple(grants)
    rights = [_right_to(held, action, repository if abac else None, data=abac) for action in wanted_actions(abac=abac)]
    if rights[0] is Right.ABSENT or all(right is Right.GRANTED for right in rights):
        return rights[0]
    return Right.UNDECIDED


def wanted_actions(*, abac: bool) -> tuple[str, ...]:
    """Return what a pull asks for in the given mode: data actions in the repositories' mode, the chief one first."""
    return (CONTENT_READ, METADATA_READ) if abac else (PULL,)


def denies_pull(permissions: Iterable[GrantedPermissions], *, abac: bool) -> bool:
    """Return whether a deny assignment's ``permissions``, less their not-actions, take the pull itself away."""
    return any(_covers(*_lists(block, data=abac), wanted_actions(abac=abac)[0]) for block in permissions)


def without_conditions(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """Return the same assignments as if nobody had narrowed them by a condition."""
    return tuple(replace(grant, condition=None) for grant in grants)


def _right_to(grants: Iterable[Grant], action: str, repository: str | None, *, data: bool) -> Right:
    rights = {_right_by(grant, action, repository, data=data) for grant in grants}
    return next((right for right in (Right.GRANTED, Right.UNDECIDED) if right in rights), Right.ABSENT)


def _right_by(grant: Grant, action: str, repository: str | None, *, data: bool) -> Right:
    if not any(_covers(*_lists(block, data=data), action) for block in grant.permissions):
        return Right.ABSENT
    passes = True if not grant.condition else holds(grant.condition, action=action, repository=repository)
    if passes is False:
        return Right.ABSENT
    if passes is None or _only_by_unclear_wildcard(grant, action, data=data):
        return Right.UNDECIDED
    return Right.GRANTED


def _only_by_unclear_wildcard(grant: Grant, wanted: str, *, data: bool) -> bool:
    """A custom role's wildcard within the registry's own actions is documented unclearly (*Custom roles*)."""
    if not grant.custom:
        return False
    covering = [
        pattern
        for actions, not_actions in (_lists(block, data=data) for block in grant.permissions)
        if _covers(actions, not_actions, wanted)
        for pattern in actions
        if matches(pattern, wanted)
    ]
    return all("*" in pattern and pattern.lower().startswith(_REGISTRY_PREFIX) for pattern in covering)


def _lists(block: GrantedPermissions, *, data: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (block.data_actions, block.not_data_actions) if data else (block.actions, block.not_actions)


def _covers(actions: Iterable[str], not_actions: Iterable[str], action: str) -> bool:
    return any(matches(pattern, action) for pattern in actions) and not any(
        matches(pattern, action) for pattern in not_actions
    )
