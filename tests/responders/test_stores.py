"""What is special to one store: its errors, its limits, how it is reached."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import responder_samples as samples
from azure.core.credentials import AccessToken
from hypothesis import given
from hypothesis import strategies as st

from responders.clouds import Cloud
from responders.declarations import Secret
from responders.settings import AzureStore, SqliteStore
from responders.store import ClaimResult, NewerSchema, StoreError, StoreUnavailable, open_store
from responders.stores.azure_tables import AzureTablesStore
from responders.stores.keys import document_key, safe_key, workspace_key

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


def test_choosing_a_store_loads_no_sdk_before_it_is_opened() -> None:
    """Settings and the store's contract are light: the function app imports them at its start."""
    heavy = "azure.core azure.data azure.storage azure.identity requests urllib3 sqlite3"
    code = (
        "import sys; import responders.settings, responders.store, responders.notifying, responders.channels;"
        "responders.settings.load_settings({});"
        f"print(sorted(set(sys.modules) & set('{heavy}'.split())))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
