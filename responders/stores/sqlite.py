"""The embedded store: one SQLite file on a local disk, for one machine with any number of threads and
processes.

Each call has a connection of its own and one short transaction, so nothing is shared between threads.
Write-ahead logging lets readers go on during a write; it needs a local disk (SQLite, "Write-Ahead Logging",
section 1). The file has a schema version; one of an older version is brought up to date at first use, in one
transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from weakref import finalize

from responders.store import (
    KEPT,
    ClaimResult,
    Entity,
    NewerSchema,
    Purged,
    RunRecord,
    StoreError,
    StoreUnavailable,
    record_from_json,
    record_to_json,
)
from responders.stores.entities import kept_body, kept_name, name_from
from responders.stores.keys import document_key, safe_key, workspace_key

__all__ = ["SqliteStoreFile"]

_BUSY_SECONDS = 10.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PURGED_AT_ONCE = 100  # no other writer waits for longer than it takes to delete so many
_FIRST = (
    """CREATE TABLE claims (
        key TEXT PRIMARY KEY, owner TEXT NOT NULL, expires REAL NOT NULL, done INTEGER NOT NULL DEFAULT 0,
        done_at REAL
    ) WITHOUT ROWID""",
    """CREATE TABLE records (
        workspace TEXT NOT NULL, run TEXT NOT NULL, root TEXT NOT NULL, failed_at REAL NOT NULL, record TEXT
        NOT NULL, PRIMARY KEY (workspace, run)
    ) WITHOUT ROWID""",
    "CREATE INDEX records_by_root ON records (workspace, root, failed_at)",
    "CREATE TABLE documents (key TEXT PRIMARY KEY, text BLOB NOT NULL)",
)
# Times of schema 2 are microseconds since 1970; julianday counts days, and 2440587.5 is 1970 (SQLite, "Date And Time
# Functions"). A claim without a written time is one of schema 1, or of a process of that version that still runs.
# Records say their time themselves; documents count from the day of the upgrade. AUTOINCREMENT never gives a number
# twice, not even after a deletion (SQLite, "SQLite Autoincrement"): so it is the version of an entity.
_SECOND = (
    "ALTER TABLE claims ADD COLUMN written_at INTEGER",
    "ALTER TABLE records ADD COLUMN written_at INTEGER NOT NULL DEFAULT 0",
    """UPDATE records SET written_at = CAST(coalesce(
        (julianday(json_extract(record, '$.recorded_at')) - 2440587.5) * 86400000000, failed_at * 1000000
    ) AS INTEGER)""",
    "CREATE INDEX records_by_time ON records (written_at)",
    "ALTER TABLE documents ADD COLUMN written_at INTEGER NOT NULL DEFAULT 0",
    "UPDATE documents SET written_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
    "CREATE INDEX documents_by_time ON documents (written_at)",
    """CREATE TABLE entities (
        version INTEGER PRIMARY KEY AUTOINCREMENT, safe_partition TEXT NOT NULL, safe_key TEXT NOT NULL,
        partition TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, written_at INTEGER NOT NULL,
        UNIQUE (safe_partition, safe_key)
    )""",
    "CREATE INDEX entities_by_time ON entities (written_at)",
)
_UPGRADES = (_FIRST, _SECOND)
_SCHEMA = len(_UPGRADES)

_PUT_DOCUMENT = (
    "INSERT OR REPLACE INTO documents VALUES (?, ?, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))"
)
_ADD_ENTITY = (
    "INSERT INTO entities (safe_partition, safe_key, partition, key, body, written_at) VALUES (?, ?, ?, ?, ?, ?)"
)
_FIND_ENTITY = (
    "SELECT partition, key, body, version, written_at FROM entities WHERE safe_partition = ? AND safe_key = ?"
)
_SCAN_ENTITIES = (
    "SELECT partition, key, body, version, written_at FROM entities WHERE safe_partition = ? AND safe_key > ?"
    " ORDER BY safe_key LIMIT ?"
)
_PURGE = {
    "documents": "DELETE FROM documents WHERE rowid IN"
    " (SELECT rowid FROM documents WHERE written_at < :before LIMIT :most)",
    "records": "DELETE FROM records WHERE (workspace, run) IN"
    " (SELECT workspace, run FROM records WHERE written_at < :before LIMIT :most)",
    "entities": "DELETE FROM entities WHERE version IN (SELECT version FROM entities"
    " WHERE written_at < :before AND safe_partition NOT GLOB :kept LIMIT :most)",
    "claims": """DELETE FROM claims WHERE key IN (SELECT key FROM claims
        WHERE coalesce(written_at, coalesce(done_at, expires) * 1000000) < :before
        AND (done OR expires * 1000000 <= :before) LIMIT :most)""",
}
_SOMETHING_OLD = """SELECT EXISTS (SELECT 1 FROM documents WHERE written_at < :before)
    OR EXISTS (SELECT 1 FROM records WHERE written_at < :before)
    OR EXISTS (SELECT 1 FROM entities WHERE written_at < :before AND safe_partition NOT GLOB :kept)
    OR EXISTS (SELECT 1 FROM claims WHERE coalesce(written_at, coalesce(done_at, expires) * 1000000) < :before
        AND (done OR expires * 1000000 <= :before))"""


class SqliteStoreFile:
    """A :class:`responders.store.Store` in the file ``path``, made with its tables at first use."""

    def __init__(self, path: Path) -> None:
        if not path.absolute().parent.is_dir():
            raise StoreError(f"the folder of the store does not exist: {path.absolute().parent}")
        self._path = path
        self._ready = False
        self._let_go: finalize[[], SqliteStoreFile] | None = None

    def claim(self, key: str, owner: str, *, now: datetime, lease: timedelta) -> ClaimResult:
        """See :class:`responders.store.Store`."""
        ends = (now + lease).timestamp()
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT owner, expires, done FROM claims WHERE key = ?", [safe_key(key)]
            ).fetchone()
            if row is not None and row[2]:
                return ClaimResult.DONE
            if row is not None and row[0] != safe_key(owner) and row[1] > now.timestamp():
                return ClaimResult.HELD
            connection.execute(
                "INSERT INTO claims (key, owner, expires, written_at) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE"
                " SET owner = excluded.owner, expires = excluded.expires, written_at = excluded.written_at",
                [safe_key(key), safe_key(owner), ends, _microseconds(now)],
            )
        return ClaimResult.ACQUIRED

    def complete(self, key: str, owner: str, *, now: datetime) -> None:
        """See :class:`responders.store.Store`."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO claims (key, owner, expires, done, done_at, written_at) VALUES (?, ?, ?, 1, ?, ?)"
                " ON CONFLICT (key) DO UPDATE"
                " SET done = 1, done_at = coalesce(done_at, excluded.done_at), written_at = excluded.written_at",
                [safe_key(key), safe_key(owner), now.timestamp(), now.timestamp(), _microseconds(now)],
            )

    def release(self, key: str, owner: str) -> None:
        """See :class:`responders.store.Store`."""
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM claims WHERE key = ? AND owner = ? AND NOT done",
                [safe_key(key), safe_key(owner)],
            )

    def put_record(self, record: RunRecord) -> None:
        """See :class:`responders.store.Store`."""
        row = [
            workspace_key(record.workspace_id),
            safe_key(record.run_id),
            safe_key(record.root_run_id),
            record.failed_at.timestamp(),
            record_to_json(record),
            _microseconds(record.recorded_at),
        ]
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?)", row)

    def get_record(self, workspace_id: str, run_id: str) -> RunRecord | None:
        """See :class:`responders.store.Store`."""
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT record FROM records WHERE workspace = ? AND run = ?",
                [workspace_key(workspace_id), safe_key(run_id)],
            ).fetchone()
        return record_from_json(row[0]) if row else None

    def list_records(self, workspace_id: str, root_run_id: str) -> tuple[RunRecord, ...]:
        """See :class:`responders.store.Store`."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT record FROM records WHERE workspace = ? AND root = ? ORDER BY failed_at, run",
                [workspace_key(workspace_id), safe_key(root_run_id)],
            ).fetchall()
        return tuple(record_from_json(row[0]) for row in rows)

    def put_document(self, workspace_id: str, run_id: str, name: str, text: str) -> str:
        """See :class:`responders.store.Store`."""
        key = document_key(workspace_id, run_id, name)
        with self._transaction() as connection:
            connection.execute(_PUT_DOCUMENT, [key, text.encode()])
        return key

    def get_document(self, key: str) -> str | None:
        """See :class:`responders.store.Store`."""
        with self._transaction() as connection:
            row = connection.execute("SELECT text FROM documents WHERE key = ?", [key]).fetchone()
        return bytes(row[0]).decode() if row else None

    def insert(self, partition: str, key: str, body: str, *, now: datetime) -> str | None:
        """See :class:`responders.store.Store`."""
        row = _entity_row(partition, key, body, now)
        with self._transaction() as connection:
            done = connection.execute(_ADD_ENTITY + " ON CONFLICT (safe_partition, safe_key) DO NOTHING", row)
            return str(done.lastrowid) if done.rowcount else None

    def fetch(self, partition: str, key: str) -> Entity | None:
        """See :class:`responders.store.Store`."""
        with self._transaction() as connection:
            row = connection.execute(_FIND_ENTITY, [safe_key(partition), safe_key(key)]).fetchone()
        return _entity(row) if row else None

    def replace(self, partition: str, key: str, body: str, *, version: str, now: datetime) -> str | None:
        """See :class:`responders.store.Store`."""
        row = _entity_row(partition, key, body, now)
        with self._transaction() as connection:
            if not _removed(connection, partition, key, version):
                return None
            return str(connection.execute(_ADD_ENTITY, row).lastrowid)

    def remove(self, partition: str, key: str, *, version: str | None = None) -> bool:
        """See :class:`responders.store.Store`."""
        with self._transaction() as connection:
            return _removed(connection, partition, key, version)

    def scan(self, partition: str, *, after: str = "", limit: int = 1000) -> tuple[Entity, ...]:
        """See :class:`responders.store.Store`."""
        behind = safe_key(after) if after else ""
        with self._transaction() as connection:
            rows = connection.execute(_SCAN_ENTITIES, [safe_key(partition), behind, max(limit, 0)]).fetchall()
        return tuple(map(_entity, rows))

    def purge(self, *, before: datetime, limit: int = 5000) -> Purged:
        """See :class:`responders.store.Store`."""
        counts, left, more = dict.fromkeys(_PURGE, 0), max(limit, 0), False
        for table, statement in _PURGE.items():
            counts[table] = self._purge_table(statement, before, left)
            left -= counts[table]
        if not left:
            with self._transaction() as connection:
                found = connection.execute(_SOMETHING_OLD, _old(before)).fetchone()
            more = bool(found[0])
        return Purged(**counts, more=more)

    def close(self) -> None:
        """See :class:`responders.store.Store`."""
        if self._let_go is not None:
            self._let_go()
        self._ready = False

    def _purge_table(self, statement: str, before: datetime, limit: int) -> int:
        """Delete up to ``limit`` old rows in transactions so short that writers hardly wait; return how many."""
        deleted = 0
        while deleted < limit:
            most = min(_PURGED_AT_ONCE, limit - deleted)
            with self._transaction() as connection:
                done = connection.execute(statement, {**_old(before), "most": most}).rowcount
            deleted += done
            if done < most:
                break
        return deleted

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Open a connection for one transaction that has the right to write from its start, so none is half done."""
        try:
            with closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
                # A crash of the machine, not of the process, can cost the last calls; they are delivered again.
                connection.execute("PRAGMA synchronous = NORMAL")
                self._prepare(connection)
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the store's file: {error}") from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if self._ready:
            return
        # It fails where another process switches the file over at this moment: the switch is lasting, and
        # whoever comes before it works all the same, with a rollback journal.
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > _SCHEMA:
            connection.execute("ROLLBACK")
            raise NewerSchema(f"the store's file has schema {found}; this version reads up to {_SCHEMA}")
        try:
            for statement in chain.from_iterable(_UPGRADES[found:]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_SCHEMA}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        self._hold()
        self._ready = True

    def _hold(self) -> None:
        """Keep one idle connection: whoever closes the last one folds the write-ahead log in, at each call."""
        keeper = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, check_same_thread=False)
        keeper.execute("PRAGMA user_version").fetchone()
        self._let_go = finalize(self, keeper.close)


def _microseconds(when: datetime) -> int:
    """Return ``when``, which knows its zone, in microseconds since 1970: exact, unlike a floating-point number."""
    return (when - _EPOCH) // timedelta(microseconds=1)


def _old(before: datetime) -> dict[str, int | str]:
    """Return what the statements of a purge ask for; no character of a kept partition's beginning is escaped."""
    return {"before": _microseconds(before), "kept": f"{KEPT}*"}


def _entity_row(partition: str, key: str, body: str, now: datetime) -> list[str | int]:
    names = [safe_key(partition), safe_key(key), kept_name(partition), kept_name(key)]
    return [*names, kept_body(body), _microseconds(now)]


def _entity(row: tuple[str, str, str, int, int]) -> Entity:
    partition, key, body, version, written_at = row
    return Entity(
        partition=name_from(partition),
        key=name_from(key),
        body=body,
        version=str(version),
        written_at=_EPOCH + timedelta(microseconds=written_at),
    )


def _removed(connection: sqlite3.Connection, partition: str, key: str, version: str | None) -> bool:
    """Delete an entity, with ``version`` only where it has it, to the letter: SQLite alone would take 07 for 7."""
    done = connection.execute(
        "DELETE FROM entities WHERE safe_partition = ? AND safe_key = ? AND (? OR CAST(version AS TEXT) = ?)",
        [safe_key(partition), safe_key(key), version is None, version],
    )
    return done.rowcount == 1
