"""The store in a storage account: claims, records and entities as rows of tables, documents as blobs.

A claim is an entity that only one can insert; a lease that has ended is taken over with its ETag as the
condition (Microsoft Learn, "Managing concurrency in Table storage"). A record is written in one transaction
with an entry of its pipeline, in the partition of its workspace.

The SDKs send a write again whose answer was lost (azure-core: PUT and DELETE after a broken connection, POST only
after 500, 503 and 504), and then it meets its own effect. So a claim that is there already may be one's own, which
its owner tells; and each write of an entity carries a mark, by which a key that is taken (409) or a version that has
changed (412) is known as one's own doing. A deletion leaves nothing to tell it by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import UpdateMode

from responders.settings import AzureStore
from responders.store import (
    ClaimResult,
    Entity,
    Purged,
    RunRecord,
    StoreUnavailable,
    record_from_json,
    record_to_json,
)
from responders.stores.azure_clients import open_clients
from responders.stores.azure_purge import purge
from responders.stores.azure_rows import delete_row, find_row, is_version, raise_unless_absent, version_of, written_text
from responders.stores.entities import kept_body, kept_name, name_from
from responders.stores.keys import document_key, safe_key, workspace_key

if TYPE_CHECKING:
    from azure.data.tables import TableEntity

__all__ = ["AzureTablesStore"]

_CLAIM_ROW = "claim"
_ROUNDS = 3
_MARK = "mark"
_DONE = "done"
_WRITTEN = "written_at"
_PAGE = 1000  # rows that a query answers with at most (Microsoft Learn, "Query timeout and pagination")


class AzureTablesStore:
    """A :class:`responders.store.Store` in a storage account, by identity or by connection string.

    Needs the roles Storage Table Data Contributor and Storage Blob Data Contributor on the account.
    """

    def __init__(self, choice: AzureStore, *, credential: TokenCredential | None = None) -> None:
        self._clients = open_clients(choice, credential)
        self._ready = False

    def claim(self, key: str, owner: str, *, now: datetime, lease: timedelta) -> ClaimResult:
        """See :class:`responders.store.Store`."""
        entity = _claim_entity(key, owner, now + lease, now)
        with self._answering():
            for _ in range(_ROUNDS):
                result = self._claim_once(entity, now)
                if result is not None:
                    return result
        # Others claimed and released it in between, each time; whoever asks again finds it free or held.
        return ClaimResult.HELD

    def complete(self, key: str, owner: str, *, now: datetime) -> None:
        """See :class:`responders.store.Store`."""
        with self._answering():
            done = {**_claim_entity(key, owner, now, now), _DONE: True, "done_at": now.isoformat()}
            self._clients.claims.upsert_entity(done, mode=UpdateMode.MERGE)

    def release(self, key: str, owner: str) -> None:
        """See :class:`responders.store.Store`."""
        with self._answering():
            found = find_row(self._clients.claims, safe_key(key), _CLAIM_ROW)
            if found is None or found.get(_DONE) or found["owner"] != safe_key(owner):
                return
            # Where it was completed or taken over meanwhile it is no longer this owner's to give back.
            delete_row(self._clients.claims, safe_key(key), _CLAIM_ROW, version=version_of(found))

    def put_record(self, record: RunRecord) -> None:
        """See :class:`responders.store.Store`."""
        entity = {
            "PartitionKey": workspace_key(record.workspace_id),
            "RowKey": _run_row(record.run_id),
            "record": record_to_json(record),
            "schema": record.schema,
            "outcome": record.outcome.value,
            "fingerprint": record.fingerprint,
            "incident": record.incident,
            _WRITTEN: written_text(record.recorded_at),
        }
        member = {
            "PartitionKey": entity["PartitionKey"],
            "RowKey": f"{_root_row(record.root_run_id)}{safe_key(record.run_id)}",
            "run_id": record.run_id,
            _WRITTEN: entity[_WRITTEN],
        }
        with self._answering():
            replace = {"mode": UpdateMode.REPLACE}
            self._clients.records.submit_transaction([("upsert", entity, replace), ("upsert", member, replace)])

    def get_record(self, workspace_id: str, run_id: str) -> RunRecord | None:
        """See :class:`responders.store.Store`."""
        with self._answering():
            entity = find_row(self._clients.records, workspace_key(workspace_id), _run_row(run_id))
        return record_from_json(entity["record"]) if entity is not None else None

    def list_records(self, workspace_id: str, root_run_id: str) -> tuple[RunRecord, ...]:
        """See :class:`responders.store.Store`."""
        low = _root_row(root_run_id)
        with self._answering():
            members = self._clients.records.query_entities(
                "PartitionKey eq @workspace and RowKey ge @low and RowKey lt @high",
                parameters={"workspace": workspace_key(workspace_id), "low": low, "high": low[:-1] + ";"},
            )
            runs = [str(member["run_id"]) for member in members]
        records = [record for run in runs if (record := self.get_record(workspace_id, run)) is not None]
        # A run whose pipeline was learnt later has an entry under its old root, too.
        mine = [record for record in records if record.root_run_id == root_run_id]
        return tuple(sorted(mine, key=lambda record: (record.failed_at, safe_key(record.run_id))))

    def put_document(self, workspace_id: str, run_id: str, name: str, text: str) -> str:
        """See :class:`responders.store.Store`."""
        key = document_key(workspace_id, run_id, name)
        with self._answering():
            self._clients.documents.upload_blob(key, text.encode(), overwrite=True)
        return key

    def get_document(self, key: str) -> str | None:
        """See :class:`responders.store.Store`."""
        with self._answering():
            try:
                content: bytes = self._clients.documents.download_blob(key).readall()
            except ResourceNotFoundError:
                return None
        return content.decode()

    def insert(self, partition: str, key: str, body: str, *, now: datetime) -> str | None:
        """See :class:`responders.store.Store`."""
        row = _entity_row(partition, key, body, now)
        with self._answering():
            try:
                return str(self._clients.entities.create_entity(row)["etag"])
            except ResourceExistsError:
                return self._own(row)

    def fetch(self, partition: str, key: str) -> Entity | None:
        """See :class:`responders.store.Store`."""
        with self._answering():
            found = find_row(self._clients.entities, safe_key(partition), safe_key(key))
        return _entity(found) if found is not None else None

    def replace(self, partition: str, key: str, body: str, *, version: str, now: datetime) -> str | None:
        """See :class:`responders.store.Store`."""
        row = _entity_row(partition, key, body, now)
        if not is_version(version):
            return None
        with self._answering():
            try:
                written = self._clients.entities.update_entity(
                    row, mode=UpdateMode.REPLACE, etag=version, match_condition=MatchConditions.IfNotModified
                )
            except ResourceModifiedError:
                return self._own(row)
            except ResourceNotFoundError as error:
                raise_unless_absent(error)
                return None
        return str(written["etag"])

    def remove(self, partition: str, key: str, *, version: str | None = None) -> bool:
        """See :class:`responders.store.Store`."""
        if version is not None and not is_version(version):
            return False
        with self._answering():
            return delete_row(self._clients.entities, safe_key(partition), safe_key(key), version=version)

    def scan(self, partition: str, *, after: str = "", limit: int = 1000) -> tuple[Entity, ...]:
        """See :class:`responders.store.Store`."""
        most = max(limit, 0)
        with self._answering():
            rows = self._clients.entities.query_entities(
                "PartitionKey eq @partition and RowKey gt @after",
                parameters={"partition": safe_key(partition), "after": safe_key(after) if after else ""},
                results_per_page=min(most, _PAGE) or 1,
            )
            return tuple(map(_entity, islice(rows, most)))

    def purge(self, *, before: datetime, limit: int = 5000) -> Purged:
        """See :class:`responders.store.Store`. One request for each thing: thousands take a minute or more."""
        with self._answering():
            return purge(self._clients, before=before, limit=limit)

    def close(self) -> None:
        """See :class:`responders.store.Store`."""
        for client in self._clients:
            client.close()

    def _claim_once(self, entity: dict[str, Any], now: datetime) -> ClaimResult | None:
        """Return the answer, or ``None`` where the claim changed under the eyes and must be read again."""
        claims = self._clients.claims
        try:
            claims.create_entity(entity)
        except ResourceExistsError:
            found = find_row(claims, entity["PartitionKey"], _CLAIM_ROW)
        else:
            return ClaimResult.ACQUIRED
        if found is None:
            return None
        if found.get(_DONE):
            return ClaimResult.DONE
        if found["owner"] != entity["owner"] and float(found["expires"]) > now.timestamp():
            return ClaimResult.HELD
        return _done_by(
            lambda: claims.update_entity(
                entity,
                mode=UpdateMode.REPLACE,
                etag=version_of(found),
                match_condition=MatchConditions.IfNotModified,
            )
        )

    def _own(self, row: dict[str, Any]) -> str | None:
        """Return the version of ``row`` where what is stored is this very write of it."""
        found = find_row(self._clients.entities, row["PartitionKey"], row["RowKey"])
        return version_of(found) if found is not None and found[_MARK] == row[_MARK] else None

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Make what is missing at first use, and turn the SDK's errors into the store's own."""
        try:
            self._prepare()
            yield
        except HttpResponseError as error:
            # Somebody may have deleted a table or the container: then they are made again by the next call.
            self._ready = self._ready and error.status_code != 404
            # The whole text of the error could show a request's signature; status and kind say enough.
            said = StoreUnavailable(f"the storage account answered {error.status_code} ({type(error).__name__})")
        except AzureError as error:
            said = StoreUnavailable(f"the storage account gave no answer ({type(error).__name__})")
        else:
            return
        raise said

    def _prepare(self) -> None:
        if self._ready:
            return
        for table in (self._clients.claims, self._clients.records, self._clients.entities):
            _unless_there(table.create_table)
        _unless_there(self._clients.documents.create_container)
        self._ready = True


def _claim_entity(key: str, owner: str, ends: datetime, now: datetime) -> dict[str, Any]:
    return {
        "PartitionKey": safe_key(key),
        "RowKey": _CLAIM_ROW,
        "owner": safe_key(owner),
        "expires": ends.timestamp(),
        _DONE: False,
        _WRITTEN: written_text(now),
    }


def _entity_row(partition: str, key: str, body: str, now: datetime) -> dict[str, Any]:
    return {
        "PartitionKey": safe_key(partition),
        "RowKey": safe_key(key),
        "partition": kept_name(partition),
        "key": kept_name(key),
        "body": kept_body(body),
        _WRITTEN: written_text(now),
        _MARK: uuid4().hex,
    }


def _entity(row: TableEntity) -> Entity:
    return Entity(
        partition=name_from(row["partition"]),
        key=name_from(row["key"]),
        body=row["body"],
        version=version_of(row),
        written_at=datetime.fromisoformat(row[_WRITTEN]),
    )


def _run_row(run_id: str) -> str:
    return f"run:{safe_key(run_id)}"


def _root_row(root_run_id: str) -> str:
    return f"root:{safe_key(root_run_id)}:"


def _done_by(update: Callable[[], object]) -> ClaimResult | None:
    try:
        update()
    except (ResourceModifiedError, ResourceNotFoundError):
        return None
    return ClaimResult.ACQUIRED


def _unless_there(create: Callable[[], object]) -> None:
    try:
        create()
    except ResourceExistsError:
        return
