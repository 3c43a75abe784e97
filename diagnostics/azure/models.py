"""The model classes of the newer Azure SDKs, made ready before several threads make the first values of them."""

from __future__ import annotations

import sys
from threading import Lock

__all__ = ["complete"]

_LOCK = Lock()


def complete(package: str) -> None:
    """Let every model class of ``package``, which is loaded, find out what members it has.

    Each does so when its first value is made. Two threads that do it at once fail, the SDK swallows that, and whoever
    asked gets dictionaries where models should be (Azure/azure-sdk-for-python#47426, open in November 2026): a registry
    that was read looks like one that could not be understood.
    """
    with _LOCK:
        loaded = list(sys.modules.items())
        modules = [it for name, it in loaded if name.startswith(f"{package}.") and name.endswith(".models")]
        for kind in (kind for module in modules for kind in vars(module).values()):
            known = getattr(kind, "_calculated", None)
            if isinstance(known, set) and f"{kind.__module__}.{kind.__qualname__}" not in known:
                kind.__new__(kind)
