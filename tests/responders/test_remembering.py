"""What one worker found out is known to the next; a store that does not answer costs time and nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from responder_samples import NOW

from responders.remembering import FRESH, Remembered
from responders.settings import SqliteStore
from responders.store import Store, StoreUnavailable, open_store

KEY = "https://westeurope.api.azureml.ms/discovery"
PLACE = "https://westeurope.api.azureml.ms"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty store."""
    return open_store(SqliteStore(tmp_path / "store.sqlite"))


def test_the_next_worker_knows_it(store: Store) -> None:
    """Also where the first one is still there and writes it again."""
    first, next_one = (Remembered(store, now=lambda: NOW) for _ in range(2))
    assert first.get(KEY) is None
    first[KEY] = PLACE
    first[KEY] = PLACE
    assert next_one.get(KEY) == PLACE
    assert next_one.get("another") is None


def test_it_is_asked_anew_after_a_week(store: Store) -> None:
    """And is then fresh again, with what is true now."""
    Remembered(store, now=lambda: NOW)[KEY] = PLACE
    later = NOW + FRESH
    assert Remembered(store, now=lambda: later - timedelta(seconds=1)).get(KEY) == PLACE
    worker = Remembered(store, now=lambda: later)
    assert worker.get(KEY) is None
    worker[KEY] = "https://elsewhere.api.azureml.ms"
    assert Remembered(store, now=lambda: later).get(KEY) == "https://elsewhere.api.azureml.ms"


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"value": 7}', "nonsense"])
def test_what_is_no_text_is_not_known(store: Store, body: str) -> None:
    """Somebody else's entry, or half of one."""
    store.insert("remembered", KEY, body, now=NOW)
    worker = Remembered(store, now=lambda: NOW)
    assert worker.get(KEY) is None
    worker[KEY] = PLACE
    assert Remembered(store, now=lambda: NOW).get(KEY) == PLACE


def test_without_the_store_a_worker_knows_its_own(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is raised: the place is asked for, as the first worker did."""

    def refuse(*_: object, **__: object) -> None:
        raise StoreUnavailable("no answer")

    for name in ("fetch", "insert", "replace"):
        monkeypatch.setattr(store, name, refuse)
    worker = Remembered(store, now=lambda: NOW)
    assert worker.get(KEY) is None
    worker[KEY] = PLACE
    assert worker.get(KEY) == PLACE
