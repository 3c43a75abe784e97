"""Typed records on the store's entities: a dataclass as JSON, with its version for compare-and-set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from diagnostics.codec import to_json
from diagnostics.shapes import know, shaped
from responders.store import Entity, NewerSchema, Store

__all__ = ["Found", "Records"]

T = TypeVar("T")

SCHEMA = 1
"""Version of the shapes that are kept as entities; a reader refuses a newer one."""

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A record as it was read, with what a compare-and-set needs."""

    value: T
    partition: str
    key: str
    version: str
    written_at: datetime


class Records(Generic[T]):
    """Records of one dataclass, which has a member ``schema``, in any partition of one store."""

    def __init__(self, store: Store, kind: type[T], now: Callable[[], datetime]) -> None:
        know(kind)
        self._store = store
        self._kind = kind
        self._now = now

    def get(self, partition: str, key: str) -> Found[T] | None:
        """Return the record, or ``None``. Raises :class:`NewerSchema`."""
        entity = self._store.fetch(partition, key)
        return self._found(entity) if entity is not None else None

    def add(self, partition: str, key: str, value: T) -> bool:
        """Write the record unless the key is taken; tell whether it was written."""
        return self._store.insert(partition, key, to_json(value), now=self._now()) is not None

    def change(self, found: Found[T], value: T) -> bool:
        """Replace the record as it was found; tell ``False`` where somebody else changed it meanwhile."""
        written = self._store.replace(
            found.partition, found.key, to_json(value), version=found.version, now=self._now()
        )
        return written is not None

    def put(self, partition: str, key: str, value: T) -> None:
        """Write the record whatever is there; the last writer wins."""
        while not self.add(partition, key, value):
            found = self._store.fetch(partition, key)
            if found is None:
                continue
            if self._store.replace(partition, key, to_json(value), version=found.version, now=self._now()):
                return

    def drop(self, found: Found[T]) -> bool:
        """Remove the record as it was found; tell ``False`` where it is gone or was changed meanwhile."""
        return self._store.remove(found.partition, found.key, version=found.version)

    def forget(self, partition: str, key: str) -> None:
        """Remove the record, whatever it says and whether it is there or not."""
        self._store.remove(partition, key)

    def each(self, partition: str) -> Iterator[tuple[str, T]]:
        """Yield key and record of everything in ``partition``, in the order of the store's keys."""
        after = ""
        while True:
            page = self._store.scan(partition, after=after, limit=_PAGE)
            for entity in page:
                yield entity.key, self._found(entity).value
            if len(page) < _PAGE:
                return
            after = page[-1].key

    def _found(self, entity: Entity) -> Found[T]:
        plain = msgspec.json.decode(entity.body)
        schema = plain.get("schema") if isinstance(plain, dict) else None
        if not isinstance(schema, int) or schema > SCHEMA:
            raise NewerSchema(f"{entity.partition} has schema {schema!r}; this version reads up to {SCHEMA}")
        return Found(shaped(plain, self._kind), entity.partition, entity.key, entity.version, entity.written_at)
