"""Effective permission: does a set of role assignments grant the pull, judged by actions and never by a role's name.

Rule: *Azure RBAC: how a role definition's actions are computed* (actions minus not-actions, wildcards span anything,
case does not count; assignments add up), and for registries *rbac-abac-repository-permissions* (2025-12-11).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from diagnostics.facts import Grant, GrantedPermissions

__all__ = [
    "CONTENT_READ",
    "METADATA_READ",
    "PULL",
    "Right",
    "grants_action",
    "grants_pull",
    "matches",
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


def matches(pattern: str, action: str) -> bool:
    """Return whether ``pattern``, in which ``*`` stands for any run of characters, covers ``action``.

    Linear in the length of both: role definitions are not ours.
    """
    pieces = pattern.lower().split("*")
    subject = action.lower()
    if len(pieces) == 1:
        return pieces[0] == subject
    first, *middle, last = pieces
    if not subject.startswith(first) or not subject.endswith(last) or len(subject) < len(first) + len(last):
        return False
    at, end = len(first), len(subject) - len(last)
    for piece in middle:
        found = subject.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def grants_action(permissions: Iterable[GrantedPermissions], action: str) -> bool:
    """Return whether any block grants the control-plane ``action`` and does not take it away again."""
    return any(_covers(block.actions, block.not_actions, action) for block in permissions)


def grants_pull(grants: Iterable[Grant], *, abac: bool) -> Right:
    """Return whether ``grants`` let a principal pull from a registry in the given mode, conditions left undecided."""
    rights = {_pull_of(grant, abac=abac) for grant in grants}
    if Right.GRANTED in rights:
        return Right.GRANTED
    return Right.UNDECIDED if Right.UNDECIDED in rights else Right.ABSENT


def _pull_of(grant: Grant, *, abac: bool) -> Right:
    if not (_grants_data(grant) if abac else grants_action(grant.permissions, PULL)):
        return Right.ABSENT
    if grant.condition or _only_by_unclear_wildcard(grant, abac=abac):
        return Right.UNDECIDED
    return Right.GRANTED


def _grants_data(grant: Grant) -> bool:
    return any(_covers(block.data_actions, block.not_data_actions, CONTENT_READ) for block in grant.permissions)


def _only_by_unclear_wildcard(grant: Grant, *, abac: bool) -> bool:
    """A custom role's wildcard within the registry's own actions is documented unclearly (*Custom roles*)."""
    if not grant.custom:
        return False
    wanted = CONTENT_READ if abac else PULL
    covering = [
        pattern
        for block in grant.permissions
        for actions, not_actions in [
            (block.data_actions, block.not_data_actions) if abac else (block.actions, block.not_actions)
        ]
        if _covers(actions, not_actions, wanted)
        for pattern in actions
        if matches(pattern, wanted)
    ]
    return all("*" in pattern and pattern.lower().startswith(_REGISTRY_PREFIX) for pattern in covering)


def _covers(actions: Iterable[str], not_actions: Iterable[str], action: str) -> bool:
    return any(matches(pattern, action) for pattern in actions) and not any(
        matches(pattern, action) for pattern in not_actions
    )
