"""The store in a storage account: claims and records as table entities, documents as blobs.

A claim is an entity that only one can insert; a lease that has ended is taken over with its ETag as the
condition (Microsoft Learn, "Managing concurrency in Table storage"). A record is written in one transaction
with an entry of its pipeline, in the partition of its workspace. Both SDKs retry a write whose answer was
lost: so a claim that is found to be there already may be one's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableClient, TableServiceClient, UpdateMode
from azure.storage.blob import BlobServiceClient, ContainerClient

from responders.settings import AzureStore
from responders.store import (
    ClaimResult,
    RunRecord,
    StoreError,
    StoreUnavailable,
    record_from_json,
    record_to_json,
)
from responders.stores.keys import document_key, safe_key, workspace_key

if TYPE_CHECKING:
    from azure.data.tables import TableEntity

__all__ = ["AzureTablesStore"]

_CLAIMS = "pullmedicclaims"
_RECORDS = "pullmedicrecords"
_CONTAINER = "pullmedic"
_CLAIM_ROW = "claim"
_ROUNDS = 3
_DONE = "done"

# azure-core would try ten times with up to 120 s between, and wait 300 s for an answer; a function has less
# time.
_PATIENCE: Mapping[str, Any] = {
    "connection_timeout": 5,
    "read_timeout": 10,
    "retry_total": 2,
    "retry_connect": 2,
    "retry_read": 2,
    "retry_status": 2,
}
_TABLE_PATIENCE: Mapping[str, Any] = {
    **_PATIENCE,
    "retry_backoff_factor": 0.5,
    "retry_backoff_max": 4,
    "timeout": 30,
}
_BLOB_PATIENCE: Mapping[str, Any] = {**_PATIENCE, "initial_backoff": 1, "increment_base": 2}


class _Clients(NamedTuple):
    tables: TableServiceClient
    blobs: BlobServiceClient
    claims: TableClient
    records: TableClient
    documents: ContainerClient


class AzureTablesStore:
    """A :class:`responders.store.Store` in a storage account, by identity or by connection string.

    Needs the roles Storage Table Data Contributor and Storage Blob Data Contributor on the account.
    """

    def __init__(self, choice: AzureStore, *, credential: TokenCredential | None = None) -> None:
        self._clients = _open(choice, credential)
        self._ready = False

    def claim(self, key: str, owner: str, *, now: datetime, lease: timedelta) -> ClaimResult:
        """See :class:`responders.store.Store`."""
        entity = _claim_entity(key, owner, now + lease)
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
            done = {**_claim_entity(key, owner, now), _DONE: True, "done_at": now.isoformat()}
            self._clients.claims.upsert_entity(done, mode=UpdateMode.MERGE)

    def release(self, key: str, owner: str) -> None:
        """See :class:`responders.store.Store`."""
        with self._answering():
            found = self._entity(self._clients.claims, safe_key(key), _CLAIM_ROW)
            if found is None or found.get(_DONE) or found["owner"] != safe_key(owner):
                return
            try:
                self._clients.claims.delete_entity(
                    found, etag=found.metadata["etag"], match_condition=MatchConditions.IfNotModified
                )
            except (ResourceModifiedError, ResourceNotFoundError):
                return  # it was completed or taken over meanwhile, and is no longer this owner's to give back

    def put_record(self, record: RunRecord) -> None:
        """See :class:`responders.store.Store`."""
        entity = {
            "PartitionKey": workspace_key(record.workspace_id),
            "RowKey": _run_row(record.run_id),
            "record": record_to_json(record),
            "schema": record.schema,
            "outcome": record.outcome.value,
            "fingerprint": record.fingerprint,
        }
        member = {
            "PartitionKey": entity["PartitionKey"],
            "RowKey": f"{_root_row(record.root_run_id)}{safe_key(record.run_id)}",
            "run_id": record.run_id,
        }
        with self._answering():
            replace = {"mode": UpdateMode.REPLACE}
            self._clients.records.submit_transaction([("upsert", entity, replace), ("upsert", member, replace)])

    def get_record(self, workspace_id: str, run_id: str) -> RunRecord | None:
        """See :class:`responders.store.Store`."""
        with self._answering():
            entity = self._entity(self._clients.records, workspace_key(workspace_id), _run_row(run_id))
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
            found = self._entity(claims, entity["PartitionKey"], _CLAIM_ROW)
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
                etag=found.metadata["etag"],
                match_condition=MatchConditions.IfNotModified,
            )
        )

    def _entity(self, table: TableClient, partition: str, row: str) -> TableEntity | None:
        try:
            return table.get_entity(partition, row)
        except ResourceNotFoundError:
            return None

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
        for create in (self._clients.claims.create_table, self._clients.records.create_table):
            _unless_there(create)
        _unless_there(self._clients.documents.create_container)
        self._ready = True


def _open(choice: AzureStore, credential: TokenCredential | None) -> _Clients:
    if choice.connection is not None:
        tables, blobs = _by_connection(choice.connection.reveal())
    else:
        tables, blobs = _by_identity(choice, credential or _credential(choice))
    return _Clients(
        tables,
        blobs,
        tables.get_table_client(_CLAIMS),
        tables.get_table_client(_RECORDS),
        blobs.get_container_client(_CONTAINER),
    )


def _by_connection(connection: str) -> tuple[TableServiceClient, BlobServiceClient]:
    try:
        tables = TableServiceClient.from_connection_string(connection, **_TABLE_PATIENCE)
        return tables, BlobServiceClient.from_connection_string(connection, **_BLOB_PATIENCE)
    except ValueError:
        said = StoreError("the storage account's connection string cannot be read")
    raise said


def _by_identity(choice: AzureStore, credential: TokenCredential) -> tuple[TableServiceClient, BlobServiceClient]:
    host = f"{{}}.{choice.cloud.storage_suffix}"
    return (
        TableServiceClient(
            f"https://{choice.account}.{host.format('table')}", credential=credential, **_TABLE_PATIENCE
        ),
        BlobServiceClient(f"https://{choice.account}.{host.format('blob')}", credential=credential, **_BLOB_PATIENCE),
    )


def _credential(choice: AzureStore) -> TokenCredential:
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415  (heavy, and not needed with a key)

    made = DefaultAzureCredential(
        authority=choice.cloud.authority, managed_identity_client_id=choice.client_id, process_timeout=10
    )
    return cast("TokenCredential", made)


def _claim_entity(key: str, owner: str, ends: datetime) -> dict[str, Any]:
    return {
        "PartitionKey": safe_key(key),
        "RowKey": _CLAIM_ROW,
        "owner": safe_key(owner),
        "expires": ends.timestamp(),
        _DONE: False,
    }


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
