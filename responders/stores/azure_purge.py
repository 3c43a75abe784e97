"""Deleting what is old from the storage account.

The account cannot be asked for old rows alone at less than the cost of reading a table, and lists every blob: so
this is for once a day. What was found is deleted with its ETag as the condition: whatever was written meanwhile
stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient
from azure.storage.blob import ContainerClient

from responders.store import KEPT, Purged
from responders.stores.azure_clients import Clients
from responders.stores.azure_rows import delete_row, version_of, written_text

if TYPE_CHECKING:
    from azure.data.tables import TableEntity
    from azure.storage.blob import BlobProperties

__all__ = ["purge"]

_RUN = "run:"
# A blob's time is in whole seconds, rounded down.
_BLOB_TIME = timedelta(seconds=1)


@dataclass(slots=True)
class _Allowance:
    """How many deletions may still be tried; ``more`` once one was refused."""

    left: int
    more: bool = False

    def take(self) -> bool:
        self.more = self.left <= 0
        self.left -= 1
        return not self.more


def purge(clients: Clients, *, before: datetime, limit: int) -> Purged:
    """Delete what was last written before ``before``, as :meth:`responders.store.Store.purge` promises.

    A record is two rows or more, its own and one for each pipeline it was counted to; each counts to ``limit``.
    """
    allowance = _Allowance(limit)
    documents = sum(_deleted_blobs(clients.documents, before, allowance))
    records = sum(row.startswith(_RUN) for row in _deleted_rows(clients.records, before, allowance))
    entities = sum(1 for _ in _deleted_rows(clients.entities, before, allowance, may_go=_is_not_kept))
    ended = _lease_ended_by(before)
    claims = sum(1 for _ in _deleted_rows(clients.claims, before, allowance, may_go=ended))
    return Purged(claims=claims, records=records, documents=documents, entities=entities, more=allowance.more)


def _deleted_blobs(container: ContainerClient, before: datetime, allowance: _Allowance) -> Iterator[bool]:
    for blob in container.list_blobs():
        if blob.last_modified + _BLOB_TIME > before:
            continue
        if not allowance.take():
            return
        yield _delete_blob(container, blob)


def _delete_blob(container: ContainerClient, blob: BlobProperties) -> bool:
    try:
        container.delete_blob(
            blob.name, delete_snapshots="include", etag=blob.etag, match_condition=MatchConditions.IfNotModified
        )
    except (ResourceModifiedError, ResourceNotFoundError):
        return False
    return True


def _deleted_rows(
    table: TableClient,
    before: datetime,
    allowance: _Allowance,
    *,
    may_go: Callable[[TableEntity], bool] = lambda _: True,
) -> Iterator[str]:
    """Delete the table's old rows and yield the row keys of those that were deleted."""
    # Rows of the first version say no time. A comparison with what a row lacks is never true (Microsoft Learn,
    # "Querying tables and entities"), and their time is the service's own, when the row was last changed.
    rows = table.query_entities(
        "written_at lt @said or Timestamp lt @changed",
        parameters={"said": written_text(before), "changed": before},
        select=["PartitionKey", "RowKey", "Timestamp", "written_at", "expires", "done"],
    )
    for row in rows:
        if not (_is_old(row, before) and may_go(row)):
            continue
        if not allowance.take():
            return
        if delete_row(table, row["PartitionKey"], row["RowKey"], version=version_of(row)):
            yield row["RowKey"]


def _is_old(row: TableEntity, before: datetime) -> bool:
    said = row.get("written_at")
    if said:
        return bool(said < written_text(before))
    changed = row.metadata["timestamp"]
    return changed is not None and changed < before


def _is_not_kept(entity: TableEntity) -> bool:
    return not str(entity["PartitionKey"]).startswith(KEPT)


def _lease_ended_by(when: datetime) -> Callable[[TableEntity], bool]:
    def ended(claim: TableEntity) -> bool:
        return bool(claim.get("done")) or float(claim.get("expires") or 0) <= when.timestamp()

    return ended
