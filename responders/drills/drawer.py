"""A drawer of the store: what a drill writes lies beside what counts, where no list, count or sweep of ours looks.

It is the same store, reached by the same calls over the same wire; only names begin differently.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from responders.store import ClaimResult, Entity, Purged, RunRecord, Store

__all__ = ["Drawer"]


class Drawer:
    """A :class:`responders.store.Store` inside another one. ``partitions`` are those that were written to here."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._prefix = f"drill/{name}/"
        self.partitions: set[str] = set()

    def claim(self, key: str, owner: str, *, now: datetime, lease: timedelta) -> ClaimResult:
        """See :class:`responders.store.Store`."""
        return self._store.claim(self._prefix + key, owner, now=now, lease=lease)

    def complete(self, key: str, owner: str, *, now: datetime) -> None:
        """See :class:`responders.store.Store`."""
        self._store.complete(self._prefix + key, owner, now=now)

    def release(self, key: str, owner: str) -> None:
        """See :class:`responders.store.Store`."""
        self._store.release(self._prefix + key, owner)

    def put_record(self, record: RunRecord) -> None:
        """See :class:`responders.store.Store`."""
        self._store.put_record(replace(record, workspace_id=self._prefix + record.workspace_id))

    def get_record(self, workspace_id: str, run_id: str) -> RunRecord | None:
        """See :class:`responders.store.Store`."""
        found = self._store.get_record(self._prefix + workspace_id, run_id)
        return self._own(found) if found is not None else None

    def list_records(self, workspace_id: str, root_run_id: str) -> tuple[RunRecord, ...]:
        """See :class:`responders.store.Store`."""
        return tuple(self._own(it) for it in self._store.list_records(self._prefix + workspace_id, root_run_id))

    def put_document(self, workspace_id: str, run_id: str, name: str, text: str) -> str:
        """See :class:`responders.store.Store`."""
        return self._store.put_document(self._prefix + workspace_id, run_id, name, text)

    def get_document(self, key: str) -> str | None:
        """See :class:`responders.store.Store`."""
        return self._store.get_document(key)

    def insert(self, partition: str, key: str, body: str, *, now: datetime) -> str | None:
        """See :class:`responders.store.Store`."""
        self.partitions.add(partition)
        return self._store.insert(self._prefix + partition, key, body, now=now)

    def fetch(self, partition: str, key: str) -> Entity | None:
        """See :class:`responders.store.Store`."""
        found = self._store.fetch(self._prefix + partition, key)
        return replace(found, partition=partition) if found is not None else None

    def replace(self, partition: str, key: str, body: str, *, version: str, now: datetime) -> str | None:
        """See :class:`responders.store.Store`."""
        return self._store.replace(self._prefix + partition, key, body, version=version, now=now)

    def remove(self, partition: str, key: str, *, version: str | None = None) -> bool:
        """See :class:`responders.store.Store`."""
        return self._store.remove(self._prefix + partition, key, version=version)

    def scan(self, partition: str, *, after: str = "", limit: int = 1000) -> tuple[Entity, ...]:
        """See :class:`responders.store.Store`."""
        found = self._store.scan(self._prefix + partition, after=after, limit=limit)
        return tuple(replace(one, partition=partition) for one in found)

    def purge(self, *, before: datetime, limit: int = 5000) -> Purged:
        """Delete nothing: what is old is the whole store's business."""
        del before, limit
        return Purged()

    def close(self) -> None:
        """Leave the store open: others use it."""

    def _own(self, record: RunRecord) -> RunRecord:
        return replace(record, workspace_id=record.workspace_id.removeprefix(self._prefix))
