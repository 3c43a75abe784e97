"""``base: FILE``: a scenario that states only what differs from another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.wire import Tree

__all__ = ["merged"]

REMOVE = "$remove"
# An image is named by two keys together; everything else by the first single one that all entries carry.
_IDENTITIES: tuple[tuple[str, ...], ...] = (
    ("registry", "repository"),
    ("name",),
    ("login_server",),
    ("id",),
)


def merged(base: Tree, change: Tree) -> Tree:
    """``change`` laid over ``base``; neither is altered.

    Mappings merge key by key. Lists of which every entry, on both sides, is a mapping with the same naming
    key (``registry`` with ``repository``, else ``name``, else ``login_server``, else ``id``) merge entry by
    entry: a known name is merged, a new one appended, ``$remove: true`` takes the entry out. Every other
    list, and an empty one, replaces. Anything else, null included, replaces.
    """
    if isinstance(base, Mapping) and isinstance(change, Mapping):
        return {key: _value(base, change, key) for key in [*base, *(key for key in change if key not in base)]}
    if isinstance(base, list) and isinstance(change, list) and (keys := _identity(base, change)):
        return _by_name(base, change, keys)
    return change


def _value(base: Mapping[str, Any], change: Mapping[str, Any], key: str) -> Tree:
    if key not in change:
        return base[key]
    return merged(base[key], change[key]) if key in base else change[key]


def _identity(base: list[Any], change: list[Any]) -> tuple[str, ...] | None:
    if not base or not change:
        return None
    entries = [*base, *change]
    if not all(isinstance(entry, Mapping) for entry in entries):
        return None
    return next((keys for keys in _IDENTITIES if all(key in entry for key in keys for entry in entries)), None)


def _by_name(base: list[Any], change: list[Any], keys: tuple[str, ...]) -> list[Any]:
    entries = {tuple(entry[key] for key in keys): entry for entry in base}
    for entry in change:
        name = tuple(entry[key] for key in keys)
        stated = {key: value for key, value in entry.items() if key != REMOVE}
        if entry.get(REMOVE):
            entries.pop(name, None)
        else:
            entries[name] = merged(entries[name], stated) if name in entries else stated
    return list(entries.values())
