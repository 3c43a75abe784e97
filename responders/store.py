"""What the responder remembers: who works on what, what became of each run, the evidence behind it, and what is
known across runs.

Two stores keep this contract, an embedded one (:mod:`responders.stores.sqlite`) and the app's own storage
account (:mod:`responders.stores.azure_tables`); one suite of tests holds for both. Time is passed in, no
store has a clock. Documents alone are dated by where they are kept: blobs by the storage account, the embedded
store's by the machine.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from responders.settings import AzureStore, SqliteStore

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

__all__ = [
    "KEPT",
    "MOST_UNITS",
    "RECORD_SCHEMA",
    "ClaimResult",
    "Entity",
    "NewerSchema",
    "Purged",
    "RecordTooLarge",
    "RunOutcome",
    "RunRecord",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "open_store",
    "record_from_json",
    "record_to_json",
]

RECORD_SCHEMA = 1
"""Version of the stored shape of :class:`RunRecord`; a reader refuses a newer one."""

# A property of a table entity holds 64 KiB, which are 32,768 UTF-16 units (Microsoft Learn, "Understanding
# the Table service data model"). The embedded store keeps the same limit, so that moving from one to the
# other loses nothing.
MOST_UNITS = 30_000

KEPT = "kept-"
"""How a partition begins whose entities no purge deletes."""


class StoreError(Exception):
    """A store could not do what was asked."""


class StoreUnavailable(StoreError):
    """The store gave no answer or refused access; another try later may succeed."""


class NewerSchema(StoreError):
    """What is stored was written by a newer version of the product; this one must not guess at it."""


class RecordTooLarge(StoreError):
    """A record or an entity does not fit; what is large belongs into a document."""


class ClaimResult(StrEnum):
    """The answer to a claim."""

    ACQUIRED = "acquired"
    HELD = "held by somebody else"
    DONE = "done before"


class RunOutcome(StrEnum):
    """What became of a run; ``RunRecord.reason`` names why."""

    DIAGNOSED = "diagnosed"
    OPENED = "opened"
    COUNTED = "counted"
    SILENT = "silent"
    UNDELIVERABLE = "undeliverable"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run: what was found and what became of it. Times are UTC.

    ``verdict``, ``status`` and ``fingerprint`` are those of the diagnosis, empty where there is none. The two
    keys name documents of the same store. ``reason`` is a named reason for the outcome. ``incident``
    is the id of the incident that the run counts to, empty where it counts to none; a version that does not know it
    passes over it, so that the schema is still the first.
    """

    workspace_id: str
    run_id: str
    root_run_id: str
    outcome: RunOutcome
    reason: str = ""
    verdict: str = ""
    status: str = ""
    fingerprint: str = ""
    incident: str = ""
    evidence_key: str = ""
    diagnosis_key: str = ""
    failed_at: datetime
    diagnosed_at: datetime | None = None
    recorded_at: datetime
    schema: int = RECORD_SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A small piece of JSON under a partition and a key, both as the caller named them.

    ``version`` is opaque, changes with every write and never comes again for the same key, not even after the
    entity was removed and inserted anew. ``written_at`` is what the writer said, in UTC.
    """

    partition: str
    key: str
    body: str
    version: str
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What a purge deleted; ``more`` where its limit left something for the next one."""

    claims: int = 0
    records: int = 0
    documents: int = 0
    entities: int = 0
    more: bool = False


class Store(Protocol):
    """Protocol: claims, records, documents and entities. Safe to use from several threads and processes.

    Every method raises :class:`StoreUnavailable` where the store gives no answer. No method holds a lock
    after it returned: a claim is a lease that ends by itself.
    """

    def claim(self, key: str, owner: str, *, now: datetime, lease: timedelta) -> ClaimResult:
        """Take the work named ``key`` for ``owner`` until ``now + lease``.

        Of several that claim at once exactly one gets ``ACQUIRED``. A lease that has ended is taken over; the
        owner itself renews its own. ``owner`` must be unique to one attempt.
        """

    def complete(self, key: str, owner: str, *, now: datetime) -> None:
        """Record that the work was done; call it only after it was. Idempotent, and true whoever holds the lease."""

    def release(self, key: str, owner: str) -> None:
        """Give an unfinished claim of ``owner`` back, so that a redelivery need not wait for the lease to end."""

    def put_record(self, record: RunRecord) -> None:
        """Write or replace the record of a run. Raises :class:`RecordTooLarge`."""

    def get_record(self, workspace_id: str, run_id: str) -> RunRecord | None:
        """Return the record of a run. Raises :class:`NewerSchema`."""

    def list_records(self, workspace_id: str, root_run_id: str) -> tuple[RunRecord, ...]:
        """Return the records of one pipeline, by time of failure. Raises :class:`NewerSchema`."""

    def put_document(self, workspace_id: str, run_id: str, name: str, text: str) -> str:
        """Keep ``text`` (evidence, a diagnosis: JSON of any size) and return its key; the same names replace it."""

    def get_document(self, key: str) -> str | None:
        """Return the text kept under ``key``."""

    def insert(self, partition: str, key: str, body: str, *, now: datetime) -> str | None:
        """Keep ``body`` (JSON text) under a key that is free, and return its version; ``None`` where it is taken.

        Of several that insert at once exactly one gets a version. After :class:`StoreUnavailable` the write may have
        happened: whoever tries again and gets ``None`` may have lost to his own first try, and tells by the body.
        Names are any text. A lone surrogate in ``body`` is kept as its JSON escape. Raises :class:`RecordTooLarge`.
        """

    def fetch(self, partition: str, key: str) -> Entity | None:
        """Return the entity under a key."""

    def replace(self, partition: str, key: str, body: str, *, version: str, now: datetime) -> str | None:
        """Put ``body`` in the place of what has this ``version``, and return the new version.

        ``None`` where the entity changed or vanished meanwhile: fetch it and decide anew. A version that the store
        never gave out is none that anything has. As with :meth:`insert`, after :class:`StoreUnavailable` (and after
        ``None`` where others write the same key and an answer was lost) the write may have happened, and others may
        have built on it. So a change should be one that can be seen in the body, such as a member of a set; a counter
        alone can count twice. Raises :class:`RecordTooLarge`.
        """

    def remove(self, partition: str, key: str, *, version: str | None = None) -> bool:
        """Delete an entity, with ``version`` only where it is unchanged; true where this call deleted it.

        False where it was gone or had changed. Where the answer to the deletion was lost and the client library
        asked again it is false, too, though the entity is gone by this call.
        """

    def scan(self, partition: str, *, after: str = "", limit: int = 1000) -> tuple[Entity, ...]:
        """Return up to ``limit`` entities of one partition, in the order of ``safe_key(key)``.

        That order (:func:`responders.stores.keys.safe_key`) is the one of the code points for letters, digits, ``-``
        and ``_``. ``after`` is a key, which need not exist: only what stands behind it is returned. The empty string
        is the beginning; an empty *key* stands behind all others, so a page that ends with it is the last.
        Each entity is as of its reading; what is written meanwhile may be missed.
        """

    def purge(self, *, before: datetime, limit: int = 5000) -> Purged:
        """Delete documents, records, entities and claims, in this order, that were last written before ``before``.

        Only what is unchanged since it was found is deleted, and at most ``limit`` rows and blobs a call: ask again
        while there is ``more``. A claim whose lease had not ended by ``before`` stays, and so does every entity of a
        partition that begins with :data:`KEPT`. The time of a record is its
        ``recorded_at``, of a document the store's own. Purging twice is no error.
        """

    def close(self) -> None:
        """Let go of connections; the store is not used afterwards."""


def record_to_json(record: RunRecord) -> str:
    """Return ``record`` as JSON. Raises :class:`RecordTooLarge`."""
    text = json.dumps(asdict(record), default=_plain, ensure_ascii=True, sort_keys=True)
    if len(text) > MOST_UNITS:
        raise RecordTooLarge(f"a record of {len(text)} characters; {MOST_UNITS} fit")
    return text


_RENAMED = {"posted": RunOutcome.OPENED, "logged": RunOutcome.OPENED}
"""Outcomes of the time before there were incidents."""


def record_from_json(text: str) -> RunRecord:
    """Return the record that :func:`record_to_json` wrote. Raises :class:`NewerSchema`."""
    data: dict[str, Any] = json.loads(text)
    schema = data.get("schema")
    if not isinstance(schema, int) or schema > RECORD_SCHEMA:
        raise NewerSchema(f"a record of schema {schema!r}; this version reads up to {RECORD_SCHEMA}")
    known = {field.name for field in fields(RunRecord)}
    data = {name: value for name, value in data.items() if name in known}
    for name in ("failed_at", "diagnosed_at", "recorded_at"):
        data[name] = datetime.fromisoformat(data[name]) if data.get(name) else None
    return RunRecord(**(data | {"outcome": RunOutcome(_RENAMED.get(data["outcome"], data["outcome"]))}))


def open_store(choice: SqliteStore | AzureStore, *, credential: TokenCredential | None = None) -> Store:
    """Return the store that the settings choose. ``credential`` is for Azure by identity; one is made if it
    is missing.

    Nothing is contacted yet: tables and container are made at first use. Raises :class:`StoreError` where the
    choice itself cannot work (a folder that is not there, a connection string that cannot be read).
    """
    if isinstance(choice, SqliteStore):
        from responders.stores.sqlite import SqliteStoreFile  # noqa: PLC0415  (only the chosen store is loaded)

        return SqliteStoreFile(choice.path)
    from responders.stores.azure_tables import AzureTablesStore  # noqa: PLC0415

    return AzureTablesStore(choice, credential=credential)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"a record holds no {type(value).__name__}")
