"""Finds the members of a folder-that-is-a-list: one new file adds one member, and no list elsewhere is edited."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["members"]


def members(package: ModuleType, attribute: str) -> tuple[Any, ...]:
    """Return ``attribute`` of every module in ``package`` whose name has no leading underscore, by file name.

    A module without that attribute is a mistake of whoever added it: :class:`AttributeError` names it.
    """
    found = []
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if not info.name.startswith("_"):
            found.append(getattr(import_module(f"{package.__name__}.{info.name}"), attribute))
    return tuple(found)
