"""Patterns of actions, as roles list them and conditions name them.

Source: *Azure RBAC: how a role definition's actions are computed*; *Azure role assignment condition format and syntax*:
``ActionMatches`` compares an action as a role's own list does.
"""

from __future__ import annotations

__all__ = ["matches"]


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
