"""Reading of Microsoft.Network's resources (REST reference, api-version 2024-05-01)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from diagnostics.probes._shapes import member

__all__ = ["API", "strings", "tables", "vnet_of"]

API = "2024-05-01"


def vnet_of(subnet: str) -> str:
    """Return the id of a subnet's virtual network; the provider writes ``subnets`` in any casing."""
    where = subnet.lower().find("/subnets/")
    return subnet[:where] if where > 0 else subnet


def tables(value: Any, *path: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of the list at ``path``; absent, null and anything else yield nothing."""
    found = member(value, *path)
    yield from (entry for entry in found if isinstance(entry, Mapping)) if isinstance(found, list) else ()


def strings(value: Any, *names: str) -> tuple[str, ...]:
    """Return the strings under ``names``, each a string or a list: Azure has a plural beside many a singular."""
    found: list[str] = []
    for name in names:
        held = member(value, name)
        several: Iterable[Any] = held if isinstance(held, list) else (held,)
        found += [entry for entry in several if isinstance(entry, str) and entry]
    return tuple(found)
