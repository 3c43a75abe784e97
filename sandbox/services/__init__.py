"""The parties that the simulated Azure consists of: one module each, found by looking into this folder.

A module has ``build(azure)`` and returns a `Service`. The first one, in the order of the modules' names,
that knows a host answers for it.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Protocol

from sandbox.azure import Azure
from sandbox.wire import Answer, Reply, Request

__all__ = ["Service", "build_all"]


class Service(Protocol):
    """One party. Protocol: implement it, do not inherit from it."""

    def knows(self, host: str) -> bool:
        """Whether this party answers for a host."""

    def answer(self, request: Request) -> Reply | None:
        """Return the answer; ``None`` where the host is simulated and this path or method of it is not."""

    def error(self, request: Request, status: int, code: str | None, message: str | None, /) -> Answer:
        """Return an error in this party's own shape; without code or message, the ones that it would use for
        the status.
        """


def build_all(azure: Azure) -> list[Service]:
    """Every party of this folder, ready to answer for one world."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [importlib.import_module(f"{__name__}.{name}").build(azure) for name in names]
