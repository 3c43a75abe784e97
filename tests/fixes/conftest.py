"""Fixtures of the fixes' tests: each kind of store in turn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from responders.declarations import Secret
from responders.settings import AzureStore, SqliteStore
from responders.store import KEPT, Store, open_store
from tests.responders.azurite_server import azurite

__all__ = ["azurite"]


_numbers = count()


@pytest.fixture(params=["sqlite", pytest.param("azure", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Yield each store in turn, with no audit record in it."""
    if request.param == "sqlite":
        opened = open_store(SqliteStore(tmp_path / "store.sqlite"))
    else:
        opened = open_store(AzureStore(connection=Secret(request.getfixturevalue("azurite"))))
    _forget(opened)
    yield opened
    opened.close()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Store]:
    """Yield the embedded store."""
    opened = open_store(SqliteStore(tmp_path / "embedded.sqlite"))
    yield opened
    opened.close()


def _forget(store: Store) -> None:
    """Remove what another test left in the storage account that all share."""
    for name in ("audit", "audit-head", "audit-keys", "audit-published"):
        while found := store.scan(f"{KEPT}{name}"):
            for entity in found:
                store.remove(entity.partition, entity.key)
