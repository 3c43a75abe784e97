"""What is special to one store: its errors, its limits, how it is reached."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import responder_samples as samples
from azure.core.credentials import AccessToken
from hypothesis import given
from hypothesis import strategies as st
from lossy_proxy import LossyProxy, Mishap, lossy_proxy

from responders.clouds import Cloud
from responders.declarations import Secret
from responders.settings import AzureStore, SqliteStore
from responders.store import (
    ClaimResult,
    NewerSchema,
    Purged,
    RunOutcome,
    RunRecord,
    StoreError,
    StoreUnavailable,
    open_store,
    record_to_json,
)
from responders.stores.azure_tables import AzureTablesStore
from responders.stores.entities import kept_name, name_from
from responders.stores.keys import document_key, safe_key, workspace_key

NOW = samples.NOW
LEASE = timedelta(minutes=2)
DAY = timedelta(days=1)
# What version 0.1.0 made its file with.
FIRST_SCHEMA = """
CREATE TABLE IF NOT EXISTS claims (
        key TEXT PRIMARY KEY, owner TEXT NOT NULL, expires REAL NOT NULL, done INTEGER NOT NULL DEFAULT 0,
        done_at REAL
    ) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
        workspace TEXT NOT NULL, run TEXT NOT NULL, root TEXT NOT NULL, failed_at REAL NOT NULL, record TEXT
        NOT NULL, PRIMARY KEY (workspace, run)
    ) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS records_by_root ON records (workspace, root, failed_at);
CREATE TABLE IF NOT EXISTS documents (key TEXT PRIMARY KEY, text BLOB NOT NULL);
PRAGMA user_version = 1;
"""
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=400)
SENTINEL = "c2VudGluZWwtc2VudGluZWw="


class Credential:
    """A credential that needs nobody."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken("t", int(time.time()) + 3600)


@given(ANY_TEXT)
def test_a_key_is_allowed_and_short_for_any_identifier(identifier: str) -> None:
    """No identifier gives a key that Azure's tables or blobs refuse."""
    key = safe_key(identifier)
    assert 1 <= len(key) <= 160
    assert not set(key) & set("/\\#?%+:'\" ")
    assert key.isascii()
    assert key.isprintable()
    assert len(document_key(identifier, identifier, "evidence")) <= 512


@given(ANY_TEXT, ANY_TEXT)
def test_different_identifiers_have_different_keys(one: str, other: str) -> None:
    """Nobody gets at another run's record by choosing a name."""
    assert (safe_key(one) == safe_key(other)) == (one == other)


def test_a_workspace_is_the_same_in_any_case() -> None:
    """Azure writes one resource id in several ways."""
    assert workspace_key(samples.WORKSPACE.upper()) == workspace_key(samples.WORKSPACE + "/")


def test_a_folder_that_is_not_there_is_told_at_opening(tmp_path: Path) -> None:
    """A wrong path is told with the path, before any run is lost to it."""
    with pytest.raises(StoreError, match="folder of the store does not exist"):
        open_store(SqliteStore(tmp_path / "missing" / "store.sqlite"))


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    """A damaged file is an error of the store, not of the caller."""
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreUnavailable):
        open_store(SqliteStore(path)).get_record("w", "r")


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """An older version leaves a newer one's file as it is."""
    path = tmp_path / "store.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(NewerSchema):
        open_store(SqliteStore(path)).get_record("w", "r")


def test_an_account_is_reached_in_its_own_cloud() -> None:
    """By identity the end points are those of the account's cloud."""
    store = open_store(AzureStore(account="acct", cloud=Cloud.CHINA), credential=Credential())
    assert isinstance(store, AzureTablesStore)
    assert store._clients.tables.url == "https://acct.table.core.chinacloudapi.cn"
    assert store._clients.blobs.url == "https://acct.blob.core.chinacloudapi.cn/"
    store.close()


def test_no_call_waits_for_minutes() -> None:
    """Retries and timeouts are the product's own, not the library's ten tries and 300 seconds."""
    store = open_store(AzureStore(account="acct"), credential=Credential())
    assert isinstance(store, AzureTablesStore)
    tables: Any = store._clients.tables
    blobs: Any = store._clients.blobs
    assert tables._client._config.retry_policy.total_retries == 2
    assert blobs._config.retry_policy.total_retries == 2
    store.close()


def test_a_connection_string_that_cannot_be_read_is_told_without_its_text() -> None:
    """The message and the error's chain hold nothing of the connection string."""
    with pytest.raises(StoreError) as caught:
        open_store(AzureStore(connection=Secret(f"AccountName={SENTINEL}")))
    assert SENTINEL not in f"{caught.value!r} {caught.value.__context__!r} {caught.value.__cause__!r}"


def test_a_table_that_somebody_deleted_is_made_again(azurite: str) -> None:
    """Who deletes the tables loses the past, not the service: the call after the failed one works."""
    store = open_store(AzureStore(connection=Secret(azurite)))
    assert isinstance(store, AzureTablesStore)
    store.claim("deleted/1", "a", now=samples.NOW, lease=timedelta(minutes=1))
    store._clients.claims.delete_table()
    with pytest.raises(StoreUnavailable, match="answered 404"):
        store.claim("deleted/2", "a", now=samples.NOW, lease=timedelta(minutes=1))
    again = store.claim("deleted/2", "a", now=samples.NOW, lease=timedelta(minutes=1))
    assert again is ClaimResult.ACQUIRED
    store.close()


@pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")  # azure-data-tables' own
def test_a_refusal_of_the_account_is_told_without_its_key(azurite: str) -> None:
    """A wrong key ends as an unavailable store whose error shows status and kind alone."""
    wrong = ";".join(f"AccountKey={SENTINEL}" if p.startswith("AccountKey=") else p for p in azurite.split(";"))
    store = open_store(AzureStore(connection=Secret(wrong)))
    with pytest.raises(StoreUnavailable, match="answered 403") as caught:
        store.get_record("w", "r")
    assert caught.value.__context__ is None
    store.close()


@given(ANY_TEXT)
def test_a_name_is_kept_as_ascii_and_read_back(name: str) -> None:
    """Whatever a name is made of, halves of characters among it, nothing of it is lost."""
    kept = kept_name(name)
    assert kept.isascii()
    assert kept.isprintable()
    assert name_from(kept) == name


def old_record(run_id: str, recorded_at: datetime) -> RunRecord:
    """Return the record of a run."""
    return RunRecord(
        workspace_id=samples.WORKSPACE,
        run_id=run_id,
        root_run_id="root_1",
        outcome=RunOutcome.OPENED,
        failed_at=recorded_at,
        recorded_at=recorded_at,
    )


def json_without(record: RunRecord, *names: str) -> str:
    """Return a record as a version wrote it that did not know some members."""
    return json.dumps({name: value for name, value in json.loads(record_to_json(record)).items() if name not in names})


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """Return a file that version 0.1.0 wrote: two claims, two records, a document."""
    path = tmp_path / "store.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(FIRST_SCHEMA)
        done, held = [safe_key("done"), "x", NOW.timestamp()], [safe_key("held"), "x", (NOW + DAY).timestamp()]
        connection.execute("INSERT INTO claims VALUES (?, ?, ?, 1, ?)", [*done, NOW.timestamp()])
        connection.execute("INSERT INTO claims (key, owner, expires) VALUES (?, ?, ?)", held)
        for run, when in (("old", NOW - DAY), ("young", NOW + DAY)):
            names = [workspace_key(samples.WORKSPACE), run, "root_1", when.timestamp()]
            record = json_without(old_record(run, when), "incident")
            connection.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)", [*names, record])
        key = document_key(samples.WORKSPACE, "old", "evidence")
        connection.execute("INSERT OR REPLACE INTO documents VALUES (?, ?)", [key, b"{}"])
    return path


def test_a_file_of_the_first_schema_is_brought_up_to_date_with_all_that_is_in_it(old_file: Path) -> None:
    """Nothing is lost by an upgrade: claims, records and documents are there, and entities can be kept."""
    store = open_store(SqliteStore(old_file))
    assert store.claim("done", "y", now=NOW, lease=LEASE) is ClaimResult.DONE
    assert store.claim("held", "y", now=NOW, lease=LEASE) is ClaimResult.HELD
    records = (old_record("old", NOW - DAY), old_record("young", NOW + DAY))
    assert store.list_records(samples.WORKSPACE, "root_1") == records
    assert store.get_document(document_key(samples.WORKSPACE, "old", "evidence")) == "{}"
    assert store.insert("p", "k", "1", now=NOW) is not None
    store.close()
    with closing(sqlite3.connect(old_file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)


def test_what_an_older_version_wrote_is_purged_by_the_times_it_left(old_file: Path) -> None:
    """A record has its own time, a claim when it was done or its lease ends, a document the day of the upgrade."""
    store = open_store(SqliteStore(old_file))
    assert store.purge(before=NOW) == Purged(records=1)
    assert store.purge(before=NOW + timedelta(seconds=1)) == Purged(claims=1)
    assert store.purge(before=NOW + 2 * DAY, limit=2) == Purged(claims=1, records=1)
    key = document_key(samples.WORKSPACE, "old", "evidence")
    today = datetime.now(UTC)
    store.purge(before=today - DAY)
    assert store.get_document(key) == "{}"
    assert store.purge(before=today + DAY).documents == 1
    store.close()


def test_a_claim_that_a_running_older_version_writes_after_the_upgrade_is_not_taken_for_old(old_file: Path) -> None:
    """While both versions run, the older one's claims lack the new column; they must not be purged at once."""
    store = open_store(SqliteStore(old_file))
    store.fetch("p", "k")
    with closing(sqlite3.connect(old_file)) as connection, connection:
        values = [safe_key("late"), "x", (NOW + LEASE).timestamp(), (NOW + LEASE).timestamp()]
        connection.execute("INSERT INTO claims (key, owner, expires, done, done_at) VALUES (?, ?, ?, 1, ?)", values)
    store.purge(before=NOW + LEASE)
    assert store.claim("late", "y", now=NOW, lease=LEASE) is ClaimResult.DONE
    store.close()


def test_two_that_find_an_older_file_at_once_upgrade_it_once(old_file: Path) -> None:
    """Several workers start after a deployment; whoever comes second finds the work done."""
    stores = [open_store(SqliteStore(old_file)) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda store: store.get_record(samples.WORKSPACE, "old"), stores))
    assert found == [old_record("old", NOW - DAY)] * 6
    for store in stores:
        store.close()


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """A half upgraded file would be of no version at all."""
    path = tmp_path / "store.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST_SCHEMA)
        connection.execute("DROP TABLE documents")
    with pytest.raises(StoreUnavailable, match="no such table: documents"):
        open_store(SqliteStore(path)).fetch("p", "k")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        columns = [row[1] for row in connection.execute("PRAGMA table_info(claims)")]
    assert "written_at" not in columns


def test_rows_that_say_no_time_are_purged_by_the_services_own(azurite: str) -> None:
    """Rows of an older version have the time at which the table last changed them."""
    store = open_store(AzureStore(connection=Secret(azurite)))
    assert isinstance(store, AzureTablesStore)
    while store.purge(before=datetime(2100, 1, 1, tzinfo=UTC)).more:
        pass
    record = old_record("old", NOW - 400 * DAY)
    names = {"PartitionKey": workspace_key(samples.WORKSPACE)}
    old = json_without(record, "incident")
    store._clients.records.create_entity({**names, "RowKey": "run:old", "record": old, "schema": 1})
    store._clients.records.create_entity({**names, "RowKey": "root:root_1:old", "run_id": "old"})
    claim = {"PartitionKey": safe_key("old"), "RowKey": "claim", "owner": "x", "expires": NOW.timestamp(), "done": True}
    store._clients.claims.create_entity(claim)
    today = datetime.now(UTC)
    assert store.list_records(samples.WORKSPACE, "root_1") == (record,)
    assert store.purge(before=today - DAY) == Purged()
    assert store.claim("old", "y", now=NOW, lease=LEASE) is ClaimResult.DONE
    assert store.purge(before=today + DAY) == Purged(claims=1, records=1)
    assert list(store._clients.records.list_entities()) == []
    store.close()


def test_a_purge_leaves_no_row_of_a_record_behind(azurite: str) -> None:
    """The entries of a pipeline go with the record, those under a root that was wrong at first among them."""
    store = open_store(AzureStore(connection=Secret(azurite)))
    assert isinstance(store, AzureTablesStore)
    while store.purge(before=datetime(2100, 1, 1, tzinfo=UTC)).more:
        pass
    store.put_record(old_record("a", NOW))
    store.put_record(replace(old_record("a", NOW), root_run_id="root_2"))
    assert len(list(store._clients.records.list_entities())) == 3
    assert store.purge(before=NOW + DAY) == Purged(records=1)
    assert list(store._clients.records.list_entities()) == []
    store.close()


@pytest.fixture
def proxy(azurite: str) -> Iterator[LossyProxy]:
    """Yield a proxy in front of the tables that loses answers when it is told to."""
    with lossy_proxy(azurite) as running:
        yield running


@pytest.fixture
def behind(proxy: LossyProxy) -> Iterator[AzureTablesStore]:
    """Yield a store behind the proxy that has made its tables."""
    store = open_store(AzureStore(connection=Secret(proxy.connection)))
    assert isinstance(store, AzureTablesStore)
    store.fetch("p", "k")
    yield store
    store.close()


@pytest.fixture
def beside(azurite: str) -> Iterator[AzureTablesStore]:
    """Yield another store on the same tables, past the proxy."""
    store = open_store(AzureStore(connection=Secret(azurite)))
    assert isinstance(store, AzureTablesStore)
    yield store
    store.close()


@pytest.mark.parametrize("answer", ["breaks off", "says 503"])
def test_a_replacement_whose_answer_was_lost_is_known_as_ones_own(
    proxy: LossyProxy, behind: AzureTablesStore, answer: str
) -> None:
    """The client writes again and is told that the version changed: by its own first write, which is found out."""
    version = behind.insert(f"replace {answer}", "k", "1", now=NOW)
    assert version is not None
    proxy.expect(Mishap("PUT", answer=answer))
    second = behind.replace(f"replace {answer}", "k", "2", version=version, now=NOW)
    found = behind.fetch(f"replace {answer}", "k")
    assert proxy.seen[:3] == ["PUT", "PUT", "GET"]
    assert found is not None
    assert (found.body, found.version) == ("2", second)


def test_an_insertion_that_was_answered_with_503_though_it_took_is_known_as_ones_own(
    proxy: LossyProxy, behind: AzureTablesStore
) -> None:
    """The client inserts again and is told that the key is taken: by itself."""
    proxy.expect(Mishap("POST", answer="says 503"))
    version = behind.insert("insert 503", "k", "1", now=NOW)
    assert proxy.seen == ["POST", "POST", "GET"]
    found = behind.fetch("insert 503", "k")
    assert found is not None
    assert found.version == version


def test_an_insertion_whose_answer_was_lost_says_that_it_does_not_know(
    proxy: LossyProxy, behind: AzureTablesStore
) -> None:
    """The client does not insert twice; whoever tries again finds the key taken, by his own body."""
    proxy.expect(Mishap("POST", answer="breaks off"))
    with pytest.raises(StoreUnavailable, match="no answer"):
        behind.insert("insert lost", "k", "1", now=NOW)
    assert proxy.seen == ["POST"]
    assert behind.insert("insert lost", "k", "1", now=NOW) is None
    found = behind.fetch("insert lost", "k")
    assert found is not None
    assert found.body == "1"


def test_a_deletion_whose_answer_was_lost_took_all_the_same(proxy: LossyProxy, behind: AzureTablesStore) -> None:
    """The client deletes again and finds nothing: the entity is gone, by whose hand cannot be told."""
    behind.insert("remove lost", "k", "1", now=NOW)
    proxy.expect(Mishap("DELETE", answer="breaks off"))
    assert not behind.remove("remove lost", "k")
    assert proxy.seen == ["DELETE", "DELETE"]
    assert behind.fetch("remove lost", "k") is None


def test_a_replacement_that_others_wrote_over_before_its_answer_came_is_not_told(
    proxy: LossyProxy, behind: AzureTablesStore, beside: AzureTablesStore
) -> None:
    """What the contract warns of: nothing is returned though the write was there, and others built on it."""
    version = behind.insert("overwritten", "k", "1", now=NOW)
    assert version is not None

    def overwrite() -> None:
        found = beside.fetch("overwritten", "k")
        assert found is not None
        assert beside.replace("overwritten", "k", found.body + "3", version=found.version, now=NOW) is not None

    proxy.expect(Mishap("PUT", answer="breaks off"))
    proxy.mishaps.append(Mishap("PUT", before=overwrite))
    assert behind.replace("overwritten", "k", "2", version=version, now=NOW) is None
    found = behind.fetch("overwritten", "k")
    assert found is not None
    assert found.body == "23"


def test_what_changes_between_being_found_and_deleted_is_not_purged(
    proxy: LossyProxy, behind: AzureTablesStore, beside: AzureTablesStore
) -> None:
    """A purge deletes the state that it found or nothing."""
    while behind.purge(before=datetime(2100, 1, 1, tzinfo=UTC)).more:
        pass
    versions = [behind.insert("purged", key, "1", now=NOW) for key in ("a", "b")]

    def rewrite() -> None:
        assert beside.replace("purged", "a", "2", version=str(versions[0]), now=NOW + DAY) is not None

    proxy.expect(Mishap("DELETE", before=rewrite))
    assert behind.purge(before=NOW + DAY) == Purged(entities=1)
    assert [(entity.key, entity.body) for entity in behind.scan("purged")] == [("a", "2")]


def test_a_table_that_is_missing_is_not_taken_for_an_entity_that_is_not_there(azurite: str) -> None:
    """Who deleted the table is told so once, by every way to read or write; the next call makes it again."""
    store = open_store(AzureStore(connection=Secret(azurite)))
    assert isinstance(store, AzureTablesStore)
    version = str(store.insert("missing", "k", "1", now=NOW))
    for attempt in (
        lambda: store.fetch("missing", "k"),
        lambda: store.replace("missing", "k", "2", version=version, now=NOW),
        lambda: store.insert("missing", "k", "2", now=NOW),
        lambda: store.scan("missing"),
    ):
        store._clients.entities.delete_table()
        with pytest.raises(StoreUnavailable, match="answered 404"):
            attempt()
        assert store.fetch("missing", "k") is None
    store.close()


def test_choosing_a_store_loads_no_sdk_before_it_is_opened() -> None:
    """Settings and the store's contract are light: the function app imports them at its start."""
    heavy = "azure.core azure.data azure.storage azure.identity requests urllib3 sqlite3"
    code = (
        "import sys; import responders.settings, responders.store, responders.delivering, responders.channels;"
        "responders.settings.load_settings({});"
        f"print(sorted(set(sys.modules) & set('{heavy}'.split())))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_table_that_asks_for_an_hour_is_not_waited_for() -> None:
    """azure-core would sleep for as long as ``Retry-After`` says, and a worker with it: the wait is ours to choose."""
    asked = []

    class Busy(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append(self.path)
            self.send_response(429)
            self.send_header("Retry-After", "3600")
            self.send_header("x-ms-retry-after-ms", "3600000")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_PUT = do_GET  # noqa: N815 - the server looks for these names

    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        ends = ";".join(f"{kind}Endpoint=http://127.0.0.1:{server.server_port}/a" for kind in ("Blob", "Table"))
        store = open_store(AzureStore(connection=Secret(f"AccountName=a;AccountKey=a2V5;{ends}")))
        with pytest.raises(StoreUnavailable, match="429"):
            store.fetch("partition", "key")
        store.close()
        server.shutdown()
    assert len(asked) <= 3
