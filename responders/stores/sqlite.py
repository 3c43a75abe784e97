"""The embedded store: one SQLite file on a local disk, for one machine with any number of threads and
processes.

Each call has a connection of its own and one short transaction, so nothing is shared between threads.
Write-ahead logging lets readers go on during a write; it needs a local disk (SQLite, "Write-Ahead Logging",
section 1).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from weakref import finalize

from responders.store import (
    ClaimResult,
    NewerSchema,
    RunRecord,
    StoreError,
    StoreUnavailable,
    record_from_json,
    record_to_json,
)
from responders.stores.keys import document_key, safe_key, workspace_key

__all__ = ["SqliteStoreFile"]

_SCHEMA = 1
_BUSY_SECONDS = 10.0
_TABLES = (
    """CREATE TABLE IF NOT EXISTS claims (
        key TEXT PRIMARY KEY, owner TEXT NOT NULL, expires REAL NOT NULL, done INTEGER NOT NULL DEFAULT 0,
        done_at REAL
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS records (
        workspace TEXT NOT NULL, run TEXT NOT NULL, root TEXT NOT NULL, failed_at REAL NOT NULL, record TEXT
        NOT NULL, PRIMARY KEY (workspace, run)
    ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS records_by_root ON records (workspace, root, failed_at)",
    "CREATE TABLE IF NOT EXISTS documents (key TEXT PRIMARY KEY, text BLOB NOT NULL)",
)


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
                "INSERT INTO claims (key, owner, expires) VALUES (?, ?, ?)"
                " ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, expires = excluded.expires",
                [safe_key(key), safe_key(owner), ends],
            )
        return ClaimResult.ACQUIRED

    def complete(self, key: str, owner: str, *, now: datetime) -> None:
        """See :class:`responders.store.Store`."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO claims (key, owner, expires, done, done_at) VALUES (?, ?, ?, 1, ?)"
                " ON CONFLICT (key) DO UPDATE SET done = 1, done_at = coalesce(done_at, excluded.done_at)",
                [safe_key(key), safe_key(owner), now.timestamp(), now.timestamp()],
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
        ]
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)", row)

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
            connection.execute("INSERT OR REPLACE INTO documents VALUES (?, ?)", [key, text.encode()])
        return key

    def get_document(self, key: str) -> str | None:
        """See :class:`responders.store.Store`."""
        with self._transaction() as connection:
            row = connection.execute("SELECT text FROM documents WHERE key = ?", [key]).fetchone()
        return bytes(row[0]).decode() if row else None

    def close(self) -> None:
        """See :class:`responders.store.Store`."""
        if self._let_go is not None:
            self._let_go()
        self._ready = False

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
        for statement in _TABLES:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_SCHEMA}")
        connection.execute("COMMIT")
        self._hold()
        self._ready = True

    def _hold(self) -> None:
        """Keep one idle connection: whoever closes the last one folds the write-ahead log in, at each call."""
        keeper = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, check_same_thread=False)
        keeper.execute("PRAGMA user_version").fetchone()
        self._let_go = finalize(self, keeper.close)
