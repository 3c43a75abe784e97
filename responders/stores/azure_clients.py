"""The clients of the storage account: how it is reached, how long they wait, what the tables are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from azure.core.credentials import TokenCredential
from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import TableClient, TableServiceClient
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueServiceClient

from diagnostics.azure.models import complete
from responders.settings import AzureStore
from responders.store import StoreError

__all__ = ["STORAGE_PATIENCE", "Clients", "credential_of", "open_clients", "open_queues"]

_CLAIMS = "pullmedicclaims"
_RECORDS = "pullmedicrecords"
_ENTITIES = "pullmedicentities"
_CONTAINER = "pullmedic"

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
_ASKS_TO_WAIT = frozenset({"retry-after", "retry-after-ms", "x-ms-retry-after-ms"})
STORAGE_PATIENCE: Mapping[str, Any] = {**_PATIENCE, "initial_backoff": 1, "increment_base": 2}
"""Of clients of blobs and queues, which wait 15 s before their second try if nobody says otherwise."""


class _Brief(RequestsTransport):  # type: ignore[misc]  # a name that azure-core makes when asked for
    """Hands no ``Retry-After`` on: azure-core would sleep for as long as it says, and not for our own short waits."""

    def send(self, request: Any, **kwargs: Any) -> Any:
        answer = super().send(request, **kwargs)
        for name in [name for name in answer.headers if name.lower() in _ASKS_TO_WAIT]:
            del answer.headers[name]
        return answer


class Clients(NamedTuple):
    """The account's clients; all of them can be closed."""

    tables: TableServiceClient
    blobs: BlobServiceClient
    claims: TableClient
    records: TableClient
    entities: TableClient
    documents: ContainerClient


def open_clients(choice: AzureStore, credential: TokenCredential | None) -> Clients:
    """Return clients by the connection string or the identity of ``choice``; nothing is contacted yet.

    Raises :class:`StoreError` where the connection string cannot be read.
    """
    if choice.connection is not None:
        tables, blobs = _by_connection(choice.connection.reveal())
    else:
        tables, blobs = _by_identity(choice, credential or credential_of(choice))
    return Clients(
        tables,
        blobs,
        tables.get_table_client(_CLAIMS),
        tables.get_table_client(_RECORDS),
        tables.get_table_client(_ENTITIES),
        blobs.get_container_client(_CONTAINER),
    )


def open_queues(choice: AzureStore) -> QueueServiceClient:
    """Return the client of all queues; nothing is contacted yet. Raises :class:`StoreError` as above."""
    complete("azure.storage.queue")
    if choice.connection is None:
        address = f"https://{choice.account}.queue.{choice.cloud.storage_suffix}"
        return QueueServiceClient(address, credential=credential_of(choice), **STORAGE_PATIENCE)
    try:
        return QueueServiceClient.from_connection_string(choice.connection.reveal(), **STORAGE_PATIENCE)
    except ValueError:
        said = StoreError("the storage account's connection string cannot be read")
    raise said


def _transport() -> RequestsTransport:
    return _Brief(**{name: _PATIENCE[name] for name in ("connection_timeout", "read_timeout")})


def _by_connection(connection: str) -> tuple[TableServiceClient, BlobServiceClient]:
    try:
        tables = TableServiceClient.from_connection_string(connection, transport=_transport(), **_TABLE_PATIENCE)
        return tables, BlobServiceClient.from_connection_string(connection, **STORAGE_PATIENCE)
    except ValueError:
        said = StoreError("the storage account's connection string cannot be read")
    raise said


def _by_identity(choice: AzureStore, credential: TokenCredential) -> tuple[TableServiceClient, BlobServiceClient]:
    host = f"{{}}.{choice.cloud.storage_suffix}"
    return (
        TableServiceClient(
            f"https://{choice.account}.{host.format('table')}",
            credential=credential,
            transport=_transport(),
            **_TABLE_PATIENCE,
        ),
        BlobServiceClient(f"https://{choice.account}.{host.format('blob')}", credential=credential, **STORAGE_PATIENCE),
    )


def credential_of(choice: AzureStore) -> TokenCredential:
    """Return the identity that the app's own storage is reached with."""
    from diagnostics.azure.clouds import cloud_named  # noqa: PLC0415  (heavy, and not needed with a key)
    from diagnostics.azure.credentials import identity_in  # noqa: PLC0415

    return identity_in(cloud_named(choice.cloud.value), client_id=choice.client_id)
