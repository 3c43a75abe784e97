"""One contract for every store: the embedded one, and tables and blobs on a real Azurite."""

from __future__ import annotations

import json
import multiprocessing
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import responder_samples as samples
from hypothesis import given, settings
from hypothesis import strategies as st

from responders.declarations import Secret
from responders.settings import AzureStore, SqliteStore
from responders.store import (
    KEPT,
    RECORD_SCHEMA,
    ClaimResult,
    Entity,
    NewerSchema,
    Purged,
    RecordTooLarge,
    RunOutcome,
    RunRecord,
    Store,
    open_store,
    record_from_json,
    record_to_json,
)
from responders.stores.keys import safe_key

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
# What no store ever gives out as a version, or gave to nothing that these tests hold.
NO_VERSIONS = ["", "*", "0", "001", "x", "x\r\nX-Y: z", 'W/"x"', "W/\"datetime'2020-01-01T00%3A00%3A00.0000000Z'\""]
FOR_EVER = datetime(2100, 1, 1, tzinfo=UTC)
_numbers = count()


@dataclass(frozen=True)
class Place:
    """A store that can be opened more than once, and a workspace that no other test uses."""

    choice: SqliteStore | AzureStore
    workspace: str

    def key(self, name: str) -> str:
        return f"{self.workspace}/{name}"


@pytest.fixture(params=["sqlite", pytest.param("azure", marks=pytest.mark.slow)])
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


@pytest.fixture
def empty_store(store: Store) -> Store:
    """Return an open store in which nothing is left of other tests: they share one storage account."""
    purge_all(store, before=FOR_EVER)
    return store


def purge_all(store: Store, *, before: datetime, limit: int = 1000) -> Purged:
    """Purge until there is no more, and return the sums."""
    total = Purged()
    for _ in range(1000):
        purged = store.purge(before=before, limit=limit)
        total = Purged(
            claims=total.claims + purged.claims,
            records=total.records + purged.records,
            documents=total.documents + purged.documents,
            entities=total.entities + purged.entities,
        )
        if not purged.more:
            return total
    raise AssertionError("the purge never ends")


def record(place: Place, **changes: Any) -> RunRecord:
    """Return the record of a run."""
    values: dict[str, Any] = {
        "workspace_id": place.workspace,
        "run_id": "child_1",
        "root_run_id": "root_1",
        "outcome": RunOutcome.OPENED,
        "verdict": "pull-role-missing",
        "status": "confirmed",
        "fingerprint": "f1",
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


def increment(store: Store, partition: str, times: int) -> None:
    """Add to the counter in an entity, by comparing and setting, until each addition has taken."""
    for _ in range(times):
        while True:
            found = store.fetch(partition, "counter")
            assert found is not None
            if store.replace(partition, "counter", str(int(found.body) + 1), version=found.version, now=NOW):
                break


def increment_in_process(choice: SqliteStore | AzureStore, partition: str, times: int) -> None:
    """Add to the counter in a process of its own."""
    store = open_store(choice)
    increment(store, partition, times)
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


def test_a_record_keeps_its_incident_and_one_without_has_none(store: Store, place: Place) -> None:
    """The incident survives; a record of an older version has none, and it passes over a member it does not know."""
    store.put_record(record(place, incident="i-1"))
    assert store.get_record(place.workspace, "child_1") == record(place, incident="i-1")
    older = json.loads(record_to_json(record(place)))
    del older["incident"]
    assert record_from_json(json.dumps(older)) == record(place)
    assert record_from_json(json.dumps(older | {"of a newer": "version"})) == record(place)


def test_an_entity_comes_back_as_it_was_inserted(store: Store, place: Place) -> None:
    """Names, body and time are those of the writer, and the version is the one that the insertion gave."""
    written = NOW + timedelta(microseconds=1)
    assert store.fetch(place.workspace, "a") is None
    version = store.insert(place.workspace, "a", '{"n": "ü 😀"}', now=written)
    assert version is not None
    expected = Entity(partition=place.workspace, key="a", body='{"n": "ü 😀"}', version=version, written_at=written)
    assert store.fetch(place.workspace, "a") == expected
    assert store.scan(place.workspace) == (expected,)
    assert store.fetch(place.workspace, "b") is None
    assert store.fetch(place.workspace + "x", "a") is None


def test_a_key_that_is_taken_is_not_inserted_again(store: Store, place: Place) -> None:
    """The second to insert learns so and changes nothing."""
    first = store.insert(place.workspace, "a", "1", now=NOW)
    assert store.insert(place.workspace, "a", "2", now=NOW) is None
    found = store.fetch(place.workspace, "a")
    assert found is not None
    assert (found.body, found.version) == ("1", first)
    assert store.insert(place.workspace, "b", "2", now=NOW) is not None


def test_only_who_knows_the_present_version_replaces(store: Store, place: Place) -> None:
    """A writer that read before another's write gets nothing, and neither does one whose entity vanished."""
    first = store.insert(place.workspace, "a", "1", now=NOW)
    assert first is not None
    second = store.replace(place.workspace, "a", "2", version=first, now=NOW + LEASE)
    assert second not in {None, first}
    assert store.replace(place.workspace, "a", "3", version=first, now=NOW) is None
    found = store.fetch(place.workspace, "a")
    assert found is not None
    assert (found.body, found.version, found.written_at) == ("2", second, NOW + LEASE)
    assert store.remove(place.workspace, "a")
    assert store.replace(place.workspace, "a", "4", version=found.version, now=NOW) is None
    assert store.fetch(place.workspace, "a") is None


@pytest.mark.parametrize("version", NO_VERSIONS)
def test_a_version_that_was_never_given_out_fits_nothing(store: Store, place: Place, version: str) -> None:
    """No text stands for any version, and none is an error."""
    store.insert(place.workspace, "a", "1", now=NOW)
    assert store.replace(place.workspace, "a", "2", version=version, now=NOW) is None
    assert not store.remove(place.workspace, "a", version=version)
    found = store.fetch(place.workspace, "a")
    assert found is not None
    assert found.body == "1"


def test_an_entity_is_removed_once_and_only_unchanged_where_that_is_asked(store: Store, place: Place) -> None:
    """Who says a version removes that state or nothing; a second removal finds nothing."""
    first = store.insert(place.workspace, "a", "1", now=NOW)
    assert first is not None
    second = store.replace(place.workspace, "a", "2", version=first, now=NOW)
    assert second is not None
    assert not store.remove(place.workspace, "a", version=first)
    assert store.remove(place.workspace, "a", version=second)
    assert not store.remove(place.workspace, "a", version=second)
    assert not store.remove(place.workspace, "a")
    store.insert(place.workspace, "a", "3", now=NOW)
    assert store.remove(place.workspace, "a")
    assert store.fetch(place.workspace, "a") is None


def test_a_version_never_comes_again(store: Store, place: Place) -> None:
    """Removed and inserted anew, an entity with the same body is another: who knows the old one cannot change it."""
    versions = []
    for _ in range(15):
        versions.append(store.insert(place.workspace, "a", "1", now=NOW))
        versions.append(store.replace(place.workspace, "a", "1", version=str(versions[-1]), now=NOW))
        store.remove(place.workspace, "a")
    store.insert(place.workspace, "a", "1", now=NOW)
    assert None not in versions
    assert len(set(versions)) == 30
    assert all(store.replace(place.workspace, "a", "2", version=str(old), now=NOW) is None for old in versions)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_of_entities_come_back_as_they_are(store: Store, place: Place, hostile: str) -> None:
    """Partitions and keys of any text are kept apart and given back to the letter."""
    partition = f"{place.workspace}{hostile}"
    assert store.insert(partition, hostile, "1", now=NOW) is not None
    assert store.insert(partition, hostile + "x", "2", now=NOW) is not None
    assert store.insert(partition + "x", hostile, "3", now=NOW) is not None
    assert store.insert(partition, hostile, "4", now=NOW) is None
    found = store.fetch(partition, hostile)
    assert found is not None
    assert (found.partition, found.key, found.body) == (partition, hostile, "1")
    assert {(one.partition, one.key) for one in store.scan(partition)} == {
        (partition, hostile),
        (partition, hostile + "x"),
    }


def test_a_body_with_half_a_character_is_kept_as_the_same_json(store: Store, place: Place) -> None:
    """A lone surrogate, which no encoding can write, is kept as the escape that JSON has for it."""
    body = json.dumps({"tag": "x\ud800y"}, ensure_ascii=False)
    assert store.insert(place.workspace, "a", body, now=NOW) is not None
    found = store.fetch(place.workspace, "a")
    assert found is not None
    assert json.loads(found.body) == {"tag": "x\ud800y"}


def test_what_is_too_large_for_an_entity_is_refused_with_a_reason(store: Store, place: Place) -> None:
    """30,000 UTF-16 units fit, to the unit, in every store; more is refused before anything is written."""
    version = store.insert(place.workspace, "a", "😀" * 15_000, now=NOW)
    assert version is not None
    with pytest.raises(RecordTooLarge, match="30001 UTF-16 units; 30000 fit"):
        store.insert(place.workspace, "b", "😀" * 15_000 + "x", now=NOW)
    with pytest.raises(RecordTooLarge):
        store.replace(place.workspace, "a", "x" * 30_001, version=version, now=NOW)
    with pytest.raises(RecordTooLarge, match="name"):
        store.insert(place.workspace, "x" * 30_001, "{}", now=NOW)
    found = store.fetch(place.workspace, "a")
    assert found is not None
    assert found.body == "😀" * 15_000


def test_a_scan_gives_one_partition_in_the_order_of_safe_keys(store: Store, place: Place) -> None:
    """Only the partition asked for, from behind a key that need not exist, and no more than wanted."""
    names = ["b", "a", "B", "0", "_", "-", "ü", "/", "", "a" * 400, "a/", "a-"]
    for name in names:
        store.insert(place.workspace, name, "1", now=NOW)
    store.insert(place.workspace + "x", "other", "1", now=NOW)
    ordered = sorted(names, key=safe_key)

    def keys(**options: Any) -> list[str]:
        return [entity.key for entity in store.scan(place.workspace, **options)]

    assert keys() == ordered
    assert ordered[-1] == ""
    assert keys(limit=5) == ordered[:5]
    assert keys(after=ordered[4], limit=3) == ordered[5:8]
    assert keys(after="a0") == [name for name in ordered if safe_key(name) > "a0"]
    assert keys(after=ordered[-2]) == [""]
    assert keys(limit=0) == []
    assert store.scan(place.workspace + "y") == ()


@pytest.mark.slow
def test_a_scan_goes_on_over_the_services_pages(store: Store, place: Place) -> None:
    """More than a thousand entities, which is all that a table answers with at once, come in one scan."""
    names = [f"{number:05}" for number in range(1_010)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: store.insert(place.workspace, name, "1", now=NOW), names))
    assert [entity.key for entity in store.scan(place.workspace, limit=2_000)] == names
    assert [entity.key for entity in store.scan(place.workspace)] == names[:1_000]
    assert [entity.key for entity in store.scan(place.workspace, after=names[999])] == names[1_000:]


def test_of_many_threads_that_insert_one_key_exactly_one_wins(store: Store, place: Place) -> None:
    """Twelve that insert the same key at once: one gets a version, and its body is what is kept."""
    gate = threading.Barrier(12)

    def race(number: int) -> str | None:
        gate.wait(60)
        return store.insert(place.workspace, "a", str(number), now=NOW)

    with ThreadPoolExecutor(12) as pool:
        versions = list(pool.map(race, range(12)))
    winners = [number for number, version in enumerate(versions) if version is not None]
    found = store.fetch(place.workspace, "a")
    assert found is not None
    assert [str(number) for number in winners] == [found.body]
    assert versions[winners[0]] == found.version


def test_no_addition_of_many_threads_is_lost(store: Store, place: Place) -> None:
    """Eight that count by comparing and setting count to the exact number."""
    store.insert(place.workspace, "counter", "0", now=NOW)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: increment(store, place.workspace, 8), range(8)))
    found = store.fetch(place.workspace, "counter")
    assert found is not None
    assert found.body == "64"


@pytest.mark.slow
def test_no_addition_of_several_processes_is_lost(store: Store, place: Place) -> None:
    """Workers that share nothing but the store count to the exact number."""
    store.insert(place.workspace, "counter", "0", now=NOW)
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=increment_in_process, args=(place.choice, place.workspace, 15)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    found = store.fetch(place.workspace, "counter")
    assert found is not None
    assert found.body == "45"


def fill(store: Store, place: Place, *, written: datetime) -> None:
    """Write two claims, records, and entities, each at ``written``."""
    for name in ("a", "b"):
        store.claim(place.key(name), "me", now=written, lease=LEASE)
        store.complete(place.key(name), "me", now=written)
        store.put_record(record(place, run_id=name, recorded_at=written))
        store.insert(place.workspace, name, "1", now=written)


def test_a_purge_deletes_what_is_old_and_nothing_else(empty_store: Store, place: Place) -> None:
    """Old things go and are counted by kind; what was written at the very time or later stays; twice is no error."""
    fill(empty_store, place, written=NOW)
    assert empty_store.purge(before=NOW) == Purged()
    empty_store.insert(place.workspace, "young", "1", now=NOW + LEASE)
    empty_store.complete(place.key("young"), "me", now=NOW + LEASE)
    young = record(place, run_id="young", recorded_at=NOW + LEASE)
    empty_store.put_record(young)
    assert empty_store.purge(before=NOW + LEASE) == Purged(claims=2, records=2, entities=2)
    assert empty_store.purge(before=NOW + LEASE) == Purged()
    assert empty_store.get_record(place.workspace, "a") is None
    assert empty_store.list_records(place.workspace, "root_1") == (young,)
    assert claim(empty_store, place, "other", key="a") is ClaimResult.ACQUIRED
    assert claim(empty_store, place, "other", key="young") is ClaimResult.DONE
    assert [entity.key for entity in empty_store.scan(place.workspace)] == ["young"]


def test_no_purge_deletes_what_is_kept(empty_store: Store, place: Place) -> None:
    """A partition that begins with ``kept-`` stays, and neither counts to the limit nor as more; others go."""
    kept = [f"{KEPT}{place.workspace}", f"{KEPT}{'x' * 5_000}{next(_numbers)}", f"{KEPT}ü/{place.workspace}"]
    others = [f"kept{place.workspace}", f"x{KEPT}{place.workspace}", f"Kept-{place.workspace}"]
    for partition in (*kept, *others):
        assert empty_store.insert(partition, "a", "1", now=NOW) is not None
    assert empty_store.purge(before=FOR_EVER, limit=3) == Purged(entities=3, more=False)
    assert empty_store.purge(before=FOR_EVER, limit=0) == Purged()
    assert [empty_store.fetch(partition, "a") is not None for partition in (*kept, *others)] == [True] * 3 + [False] * 3
    assert all(empty_store.remove(partition, "a") for partition in kept)


def test_what_was_written_again_is_young(empty_store: Store, place: Place) -> None:
    """The last write counts, not the first."""
    fill(empty_store, place, written=NOW)
    for name in ("a", "b"):
        found = empty_store.fetch(place.workspace, name)
        assert found is not None
        empty_store.replace(place.workspace, name, "2", version=found.version, now=NOW + LEASE)
        empty_store.put_record(record(place, run_id=name, recorded_at=NOW + LEASE))
        empty_store.complete(place.key(name), "me", now=NOW + LEASE)
    assert empty_store.purge(before=NOW + LEASE) == Purged()


def test_a_purge_leaves_a_claim_whose_lease_runs(empty_store: Store, place: Place) -> None:
    """Work that somebody may still be at is not freed by a purge, however late a time it is given."""
    claim(empty_store, place, "a")
    assert empty_store.purge(before=NOW + LEASE / 2) == Purged()
    assert claim(empty_store, place, "b") is ClaimResult.HELD
    assert empty_store.purge(before=NOW + LEASE) == Purged(claims=1)


def test_documents_are_purged_by_the_stores_own_time(empty_store: Store, place: Place) -> None:
    """A document written a moment ago survives a purge up to yesterday and not one up to tomorrow."""
    keys = [empty_store.put_document(place.workspace, "child_1", name, "{}") for name in ("evidence", "diagnosis")]
    today = datetime.now(UTC)
    assert empty_store.purge(before=today - timedelta(days=1)) == Purged()
    assert [empty_store.get_document(key) for key in keys] == ["{}", "{}"]
    assert empty_store.purge(before=today + timedelta(days=1)) == Purged(documents=2)
    assert [empty_store.get_document(key) for key in keys] == [None, None]


@pytest.mark.parametrize("limit", [1, 2, 3, 6])
def test_a_purge_keeps_to_its_limit_and_says_that_there_is_more(empty_store: Store, place: Place, limit: int) -> None:
    """However small the steps, the sum is the same, no step is larger, and the last one says that it was."""
    fill(empty_store, place, written=NOW)
    empty_store.put_document(place.workspace, "a", "evidence", "{}")
    first = empty_store.purge(before=FOR_EVER, limit=limit)
    assert first.more
    assert first.claims + first.records + first.documents + first.entities <= limit
    rest = purge_all(empty_store, before=FOR_EVER, limit=limit)
    assert first.documents + rest.documents == 1
    for kind in ("claims", "records", "entities"):
        assert getattr(first, kind) + getattr(rest, kind) == 2
    assert empty_store.purge(before=FOR_EVER, limit=limit) == Purged()


def test_a_purge_to_which_nothing_is_allowed_says_whether_there_is_work(empty_store: Store, place: Place) -> None:
    """A limit of nothing deletes nothing."""
    assert empty_store.purge(before=FOR_EVER, limit=0) == Purged()
    empty_store.insert(place.workspace, "a", "1", now=NOW)
    assert empty_store.purge(before=FOR_EVER, limit=0) == Purged(more=True)
    assert empty_store.fetch(place.workspace, "a") is not None


def test_what_was_replaced_beside_a_purge_is_there(empty_store: Store, place: Place) -> None:
    """Of a purge and a writer at one entity one comes first: a write that took is never purged as the old state."""
    names = [f"{number:02}" for number in range(30)]
    versions = {name: empty_store.insert(place.workspace, name, "1", now=NOW) for name in names}
    gate = threading.Barrier(3)

    def rewrite() -> list[str]:
        gate.wait(60)
        return [
            name
            for name, version in reversed(versions.items())
            if empty_store.replace(place.workspace, name, "2", version=str(version), now=NOW + LEASE)
        ]

    def purge() -> int:
        gate.wait(60)
        return empty_store.purge(before=NOW + LEASE).entities

    with ThreadPoolExecutor(3) as pool:
        writer, purgers = pool.submit(rewrite), [pool.submit(purge), pool.submit(purge)]
    assert sorted(entity.key for entity in empty_store.scan(place.workspace)) == sorted(writer.result())
    assert len(writer.result()) + sum(purger.result() for purger in purgers) == len(names)


PARTITIONS = ["p", "p/", "p~2F"]
KEYS = ["a", "A", "a/", "", "\ud83d", "\ud83d\ude00", "😀", "k" * 161]
MINUTES = st.integers(0, 5).map(lambda minutes: NOW + timedelta(minutes=minutes, microseconds=minutes))
BODIES = st.text(max_size=10).map(json.dumps)
WHICH = st.sampled_from(["present", "present", "past", "none"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.sampled_from(PARTITIONS), st.sampled_from(KEYS), BODIES, MINUTES),
        st.tuples(st.just("replace"), st.sampled_from(PARTITIONS), st.sampled_from(KEYS), BODIES, MINUTES, WHICH),
        st.tuples(st.just("remove"), st.sampled_from(PARTITIONS), st.sampled_from(KEYS), WHICH | st.none()),
        st.tuples(st.just("scan"), st.sampled_from(PARTITIONS), st.sampled_from(KEYS), st.integers(0, 9)),
        st.tuples(st.just("purge"), MINUTES, st.integers(1, 9)),
    ),
    max_size=40,
)


class Model:
    """What a store should hold, as a dictionary, beside the store itself."""

    def __init__(self, store: Store, prefix: str) -> None:
        self.store, self.prefix = store, prefix
        self.held: dict[tuple[str, str], Entity] = {}
        self.given: dict[tuple[str, str], list[str]] = {}

    def wrote(self, name: tuple[str, str], body: str, version: str | None, now: datetime) -> None:
        """Note a write that took; its version must be one that this name never had."""
        assert version is not None
        assert version not in self.given.setdefault(name, [])
        self.given[name].append(version)
        self.held[name] = Entity(partition=name[0], key=name[1], body=body, version=version, written_at=now)

    def version(self, name: tuple[str, str], which: str) -> tuple[str, bool]:
        """Return a version and whether it is the present one."""
        held, given = self.held.get(name), self.given.get(name, [])
        if which == "present" and held:
            return held.version, True
        past = [version for version in given if held is None or version != held.version]
        return (past[-1] if past and which != "none" else NO_VERSIONS[-1]), False

    def insert(self, partition: str, key: str, body: str, now: datetime) -> None:
        name = (self.prefix + partition, key)
        version = self.store.insert(*name, body, now=now)
        if name in self.held:
            assert version is None
        else:
            self.wrote(name, body, version, now)

    def replace(self, partition: str, key: str, body: str, now: datetime, which: str) -> None:
        name = (self.prefix + partition, key)
        known, present = self.version(name, which)
        version = self.store.replace(*name, body, version=known, now=now)
        if present:
            self.wrote(name, body, version, now)
        else:
            assert version is None

    def remove(self, partition: str, key: str, which: str | None) -> None:
        name = (self.prefix + partition, key)
        known, present = self.version(name, which) if which else (None, name in self.held)
        assert self.store.remove(*name, version=known) is present
        if present:
            del self.held[name]

    def scan(self, partition: str, after: str, limit: int) -> None:
        mine = [entity for (where, _), entity in self.held.items() if where == self.prefix + partition]
        behind = [entity for entity in mine if not after or safe_key(entity.key) > safe_key(after)]
        expected = sorted(behind, key=lambda entity: safe_key(entity.key))[:limit]
        assert self.store.scan(self.prefix + partition, after=after, limit=limit) == tuple(expected)

    def purge(self, before: datetime, limit: int) -> None:
        purge_all(self.store, before=before, limit=limit)
        self.held = {name: entity for name, entity in self.held.items() if entity.written_at >= before}

    def run(self, steps: list[tuple[Any, ...]]) -> None:
        """Do each step in both, and compare everything in the end."""
        for step, *values in steps:
            getattr(self, step)(*values)
        for partition in PARTITIONS:
            self.scan(partition, "", 1_000)
            for key in KEYS:
                name = (self.prefix + partition, key)
                assert self.store.fetch(*name) == self.held.get(name)


@given(STEPS)
def test_any_sequence_of_steps_leaves_the_embedded_store_as_a_dictionary_would_be(
    steps: list[tuple[Any, ...]],
) -> None:
    """Insertions, replacements, removals, scans and purges in any order do what they would to a dictionary."""
    with TemporaryDirectory() as folder:
        store = open_store(SqliteStore(Path(folder) / "store.sqlite"))
        Model(store, "").run(steps)
        store.close()


@pytest.mark.slow
@settings(max_examples=15)
@given(steps=STEPS)
def test_any_sequence_of_steps_leaves_the_storage_account_as_a_dictionary_would_be(
    azurite: str, steps: list[tuple[Any, ...]]
) -> None:
    """The same, on tables."""
    store = open_store(AzureStore(connection=Secret(azurite)))
    Model(store, f"model-{next(_numbers)}-").run(steps)
    store.close()
