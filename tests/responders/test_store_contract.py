"""One contract for every store: the embedded one, and tables and blobs on a real Azurite."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import responder_samples as samples

from responders.declarations import Secret
from responders.settings import AzureStore, SqliteStore
from responders.store import (
    RECORD_SCHEMA,
    ClaimResult,
    NewerSchema,
    RecordTooLarge,
    RunOutcome,
    RunRecord,
    Store,
    open_store,
)

NOW = samples.NOW
LEASE = timedelta(minutes=2)
HOSTILE = [
    "a/b\\c#d?e",
    "..",
    "",
    "\x00\x1f\x7f\x85",
    "ünï 😀 '\"; --",
    "%2F+|:~e",
    "\ud800",
    "x" * 5_000,
    "X" * 5_000,
]
_numbers = count()


@dataclass(frozen=True)
class Place:
    """A store that can be opened more than once, and a workspace that no other test uses."""

    choice: SqliteStore | AzureStore
    workspace: str

    def key(self, name: str) -> str:
        return f"{self.workspace}/{name}"


@pytest.fixture(params=["sqlite", "azure"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return the place of each store in turn."""
    workspace = f"{samples.WORKSPACE}-{request.node.name}-{next(_numbers)}"
    if request.param == "sqlite":
        return Place(SqliteStore(tmp_path / "store.sqlite"), workspace)
    connection: str = request.getfixturevalue("azurite")
    return Place(AzureStore(connection=Secret(connection)), workspace)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    """Return an open store."""
    opened = open_store(place.choice)
    yield opened
    opened.close()


def record(place: Place, **changes: Any) -> RunRecord:
    """Return the record of a run."""
    values: dict[str, Any] = {
        "workspace_id": place.workspace,
        "run_id": "child_1",
        "root_run_id": "root_1",
        "outcome": RunOutcome.POSTED,
        "verdict": "pull-role-missing",
        "status": "confirmed",
        "fingerprint": "f1",
        "channels": ("slack", "teams"),
        "failed_at": NOW,
        "diagnosed_at": NOW + timedelta(seconds=3),
        "recorded_at": NOW + timedelta(seconds=4),
    }
    return RunRecord(**values | changes)


def claim(store: Store, place: Place, owner: str, *, after: timedelta = timedelta(0), key: str = "run") -> ClaimResult:
    """Claim at ``NOW + after``."""
    return store.claim(place.key(key), owner, now=NOW + after, lease=LEASE)


def claim_in_process(choice: SqliteStore | AzureStore, key: str, owner: str, gate: Any, answers: Any) -> None:
    """Claim in a process of its own, at the same moment as the others."""
    store = open_store(choice)
    gate.wait(60)
    answers.put(store.claim(key, owner, now=NOW, lease=LEASE).value)
    store.close()


def test_the_first_to_claim_gets_the_work_and_the_second_learns_that_it_is_held(store: Store, place: Place) -> None:
    """A delivery that comes twice is worked on once."""
    assert claim(store, place, "a") is ClaimResult.ACQUIRED
    assert claim(store, place, "b") is ClaimResult.HELD
    assert claim(store, place, "b", key="other run") is ClaimResult.ACQUIRED


def test_who_holds_a_claim_renews_it_by_claiming_again(store: Store, place: Place) -> None:
    """A claim whose answer was lost and is sent again by the client library is not held against its owner."""
    claim(store, place, "a")
    assert claim(store, place, "a", after=LEASE / 2) is ClaimResult.ACQUIRED
    assert claim(store, place, "b", after=LEASE * 1.2) is ClaimResult.HELD


def test_a_lease_that_has_ended_is_taken_over_once(store: Store, place: Place) -> None:
    """Who died with a claim blocks nobody for longer than the lease, and only one takes over."""
    claim(store, place, "dead")
    assert claim(store, place, "b", after=LEASE - timedelta(seconds=1)) is ClaimResult.HELD
    assert claim(store, place, "b", after=LEASE) is ClaimResult.ACQUIRED
    assert claim(store, place, "c", after=LEASE) is ClaimResult.HELD
    assert claim(store, place, "dead", after=LEASE) is ClaimResult.HELD


def test_done_work_stays_done_for_everybody_for_ever(store: Store, place: Place) -> None:
    """A redelivery days later finds the work done, and completing twice changes nothing."""
    claim(store, place, "a")
    store.complete(place.key("run"), "a", now=NOW)
    store.complete(place.key("run"), "a", now=NOW + LEASE)
    assert claim(store, place, "b", after=timedelta(days=9)) is ClaimResult.DONE
    assert claim(store, place, "a") is ClaimResult.DONE


def test_work_done_by_one_whose_lease_was_taken_over_is_done_all_the_same(store: Store, place: Place) -> None:
    """What was sent was sent: the second owner's failure does not undo it."""
    claim(store, place, "slow")
    claim(store, place, "b", after=LEASE)
    store.complete(place.key("run"), "slow", now=NOW + LEASE)
    store.release(place.key("run"), "b")
    assert claim(store, place, "c", after=LEASE * 9) is ClaimResult.DONE


def test_work_given_back_is_free_at_once(store: Store, place: Place) -> None:
    """After a failure the next delivery need not wait for the lease to end."""
    claim(store, place, "a")
    store.release(place.key("run"), "a")
    assert claim(store, place, "b") is ClaimResult.ACQUIRED


def test_nobody_gives_back_what_is_not_his(store: Store, place: Place) -> None:
    """A late failure of an earlier owner does not free the work of the present one; nothing to release is no error."""
    store.release(place.key("run"), "a")
    claim(store, place, "a")
    claim(store, place, "b", after=LEASE)
    store.release(place.key("run"), "a")
    assert claim(store, place, "c", after=LEASE) is ClaimResult.HELD


def test_work_that_nobody_claimed_can_be_recorded_as_done(store: Store, place: Place) -> None:
    """Completing needs no claim before it."""
    store.complete(place.key("run"), "a", now=NOW)
    assert claim(store, place, "b") is ClaimResult.DONE


@pytest.mark.parametrize("already_expired", [False, True])
def test_of_many_threads_exactly_one_wins(store: Store, place: Place, already_expired: bool) -> None:  # noqa: FBT001
    """Of twelve that claim at once, new or expired, one gets the work and eleven learn that it is held."""
    if already_expired:
        store.claim(place.key("run"), "dead", now=NOW - LEASE * 2, lease=LEASE)
    gate = threading.Barrier(12)

    def race(owner: str) -> ClaimResult:
        gate.wait(60)
        return claim(store, place, owner)

    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(race, [f"owner-{number}" for number in range(12)]))
    assert sorted(results) == [ClaimResult.ACQUIRED] + [ClaimResult.HELD] * 11


@pytest.mark.slow
def test_of_several_processes_exactly_one_wins(place: Place) -> None:
    """Two workers on one machine, or many on many, agree on who works, even where the store is not made yet."""
    context = multiprocessing.get_context("spawn")
    gate, answers = context.Barrier(3), context.Queue()
    workers = [
        context.Process(
            target=claim_in_process, args=(place.choice, place.key("run"), f"process-{number}", gate, answers)
        )
        for number in range(3)
    ]
    for worker in workers:
        worker.start()
    results = [answers.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    answers.close()
    answers.join_thread()
    assert sorted(results) == ["acquired", "held by somebody else", "held by somebody else"]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_identifiers_are_kept_apart_and_found_again(store: Store, place: Place, hostile: str) -> None:
    """Run ids and keys with forbidden characters, controls or any length name one thing each."""
    key = f"{place.workspace}/{hostile}"
    assert store.claim(key, hostile, now=NOW, lease=LEASE) is ClaimResult.ACQUIRED
    assert store.claim(key + "/", "b", now=NOW, lease=LEASE) is ClaimResult.ACQUIRED
    assert store.claim(key, "b", now=NOW, lease=LEASE) is ClaimResult.HELD
    mine = record(place, run_id=hostile, root_run_id=hostile)
    store.put_record(mine)
    assert store.get_record(place.workspace, hostile) == mine
    assert store.list_records(place.workspace, hostile) == (mine,)
    assert store.get_record(place.workspace, hostile + "x") is None
    document = store.put_document(place.workspace, hostile, "evidence", "{}")
    assert store.get_document(document) == "{}"


def test_a_record_comes_back_as_it_was_put(store: Store, place: Place) -> None:
    """Every member of a record, times included, survives; an unknown run has none."""
    assert store.get_record(place.workspace, "child_1") is None
    store.put_record(record(place))
    assert store.get_record(place.workspace, "child_1") == record(place)
    assert store.get_record(place.workspace.upper() + "/", "child_1") == record(place)


def test_a_later_record_replaces_the_earlier(store: Store, place: Place) -> None:
    """A record tells the last that is known of a run, also where its pipeline was learnt later."""
    store.put_record(record(place, root_run_id="child_1", outcome=RunOutcome.UNDELIVERABLE))
    store.put_record(record(place))
    assert store.list_records(place.workspace, "child_1") == ()
    assert store.list_records(place.workspace, "root_1") == (record(place),)


def test_a_pipelines_records_come_in_the_order_of_failure(store: Store, place: Place) -> None:
    """All runs of one pipeline are found, the first failure first, and those of no other."""
    late = record(place, run_id="a", failed_at=NOW + timedelta(minutes=5))
    others = (
        record(place, run_id="z", root_run_id="root_2"),
        record(place, run_id="y", root_run_id="root_1:"),
    )
    for each in (late, record(place), *others):
        store.put_record(each)
    assert store.list_records(place.workspace, "root_1") == (record(place), late)


def test_a_record_of_a_newer_version_is_refused(store: Store, place: Place) -> None:
    """After a roll-back the older version does not guess at what a newer one wrote."""
    store.put_record(replace(record(place), schema=RECORD_SCHEMA + 1))
    with pytest.raises(NewerSchema):
        store.get_record(place.workspace, "child_1")
    with pytest.raises(NewerSchema):
        store.list_records(place.workspace, "root_1")


def test_an_oversize_record_is_refused_with_a_reason(store: Store, place: Place) -> None:
    """What does not fit into a table's property is refused by every store alike, rather than by one of them."""
    with pytest.raises(RecordTooLarge, match="30000 fit"):
        store.put_record(record(place, reason="x" * 40_000))


def test_evidence_of_any_size_is_kept(store: Store, place: Place) -> None:
    """Evidence far above what a table holds comes back whole, and a second try replaces it."""
    text = '{"lines": "' + "größer 😀 " * 300_000 + '"}'
    key = store.put_document(place.workspace, "child_1", "evidence", "{}")
    assert store.put_document(place.workspace, "child_1", "evidence", text) == key
    assert store.put_document(place.workspace, "child_1", "diagnosis", "{}") != key
    assert store.get_document(key) == text
    assert store.get_document(key + "x") is None


def test_what_one_opening_wrote_the_next_one_finds(store: Store, place: Place) -> None:
    """A restart forgets nothing."""
    claim(store, place, "a")
    store.complete(place.key("run"), "a", now=NOW)
    store.put_record(record(place))
    again = open_store(place.choice)
    assert claim(again, place, "b") is ClaimResult.DONE
    assert again.get_record(place.workspace, "child_1") == record(place)
    again.close()
