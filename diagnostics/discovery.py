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
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    return tuple(
        getattr(import_module(f"{package.__name__}.{name}"), attribute) for name in names if not name.startswith("_")
    )
