"""The audit record: one chain whoever writes at once, in which nothing is changed, removed or moved unseen."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responders.fixes.audit import Audit, AuditBroken, AuditKind
from responders.fixes.chain import GENESIS, Mark, check
from responders.settings import SqliteStore
from responders.store import KEPT, Entity, NewerSchema, Purged, Store, StoreUnavailable, open_store

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
ENTRIES = f"{KEPT}audit"
DOCUMENT = Path(__file__).parents[2] / "docs" / "audit.md"


def audit(store: Store) -> Audit:
    """Return the record in a store."""
    return Audit(store, lambda: NOW)


def filled(store: Store, count: int = 5) -> Audit:
    """Return a record of some entries."""
    record = audit(store)
    for number in range(1, count + 1):
        record.append(AuditKind.PLAN, incident_id="f1-1", why=f"event {number}", key=str(number))
    return record


def stored(store: Store) -> list[Entity]:
    """Return the entries as the store has them."""
    return list(store.scan(ENTRIES))


def rewrite(store: Store, entity: Entity, change: Callable[[dict[str, Any]], None]) -> None:
    """Change an entry behind the record's back."""
    plain = json.loads(entity.body)
    change(plain)
    assert store.replace(ENTRIES, entity.key, json.dumps(plain), version=entity.version, now=NOW)


def told(store: Store, *marks: Mark) -> str:
    """Return every problem that is found."""
    return "\n".join(audit(store).verify(marks).problems)


# --- writing -----------------------------------------------------------------------------------------------------


def test_entries_are_numbered_chained_and_come_back_as_they_were_appended(store: Store) -> None:
    """Who, by which way, when, why and Azure's correlation id survive."""
    record = audit(store)
    first = record.append(
        AuditKind.APPROVAL,
        incident_id="f1-1",
        by="Dana Weber (U1)",
        via="Slack",
        why="looks right",
        details={"role": "AcrPull", "scope": "/subscriptions/1/acr1"},
        correlation_id="0c5b1f6e-0000-4000-8000-000000000001",
    )
    second = record.append(AuditKind.REQUEST, incident_id="f1-2")
    assert [first, second] == list(record.entries())
    assert [second] == list(record.entries(after=1))
    assert [first] == list(record.of_incident("f1-1"))
    assert (first.number, first.previous, second.previous) == (1, GENESIS, first.hash)
    assert (first.at, first.by, first.via, first.kind) == (NOW, "Dana Weber (U1)", "Slack", "approval")
    assert first.details == {"role": "AcrPull", "scope": "/subscriptions/1/acr1"}
    assert first.correlation_id == "0c5b1f6e-0000-4000-8000-000000000001"
    found = record.verify()
    assert found.whole
    assert (found.last.number, found.last.hash) == (2, second.hash)


def test_an_event_that_is_told_again_is_recorded_once(store: Store) -> None:
    """Its first entry comes back as it is, however much was recorded since; without a key each call is an event."""
    record = audit(store)
    first = record.append(AuditKind.PLAN, incident_id="f1-1", why="first", key="k")
    other = record.append(AuditKind.PLAN, incident_id="f1-1")
    assert record.append(AuditKind.PLAN, incident_id="f1-1", why="again", key="k") == first
    assert record.append(AuditKind.PLAN, incident_id="f1-1") != other
    assert len(stored(store)) == 3


def test_of_many_that_append_at_once_each_is_in_one_chain_and_no_event_twice(store: Store) -> None:
    """Eight threads tell five events of their own and five that all of them tell."""
    gate = threading.Barrier(8)

    def tell(worker: int) -> None:
        gate.wait(60)
        for number in range(5):
            audit(store).append(AuditKind.STATE, incident_id="f1-1", key=f"{worker}/{number}")
            audit(store).append(AuditKind.STATE, incident_id="f1-1", key=f"everybody/{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tell, range(8)))
    found = audit(store).verify()
    assert found.problems == ()
    assert found.last.number == 8 * 5 + 5


class Breaking:
    """A store that fails at one of its writes, before or after it was made; it is a store in everything else."""

    def __init__(self, store: Store, at: int, *, done: bool) -> None:
        self._store, self._left, self._done = store, at, done
        self.broke = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def insert(self, *names: str, now: datetime) -> str | None:
        return self._written(lambda: self._store.insert(*names, now=now))

    def replace(self, *names: str, version: str, now: datetime) -> str | None:
        return self._written(lambda: self._store.replace(*names, version=version, now=now))

    def _written(self, write: Callable[[], str | None]) -> str | None:
        self._left -= 1
        if self._left:
            return write()
        self.broke = True
        if self._done:
            write()
        raise StoreUnavailable("cut")


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("at", range(1, 5))
def test_a_write_that_fails_anywhere_loses_nothing_and_doubles_nothing(embedded: Store, at: int, *, done: bool) -> None:
    """Whoever tells the event again, or another one, finds what is there and does what was left undone."""
    breaking: Any = Breaking(embedded, at, done=done)
    try:
        audit(breaking).append(AuditKind.PLAN, incident_id="f1-1", key="a")
    except StoreUnavailable:
        assert at <= 2
    assert breaking.broke
    audit(embedded).append(AuditKind.PLAN, incident_id="f1-1", key="b")
    audit(embedded).append(AuditKind.PLAN, incident_id="f1-1", key="a")
    audit(embedded).append(AuditKind.PLAN, incident_id="f1-1", key="b")
    assert len(stored(embedded)) == 2
    assert audit(embedded).verify().problems == ()


class Interrupted:
    """A store that lets somebody else do something just before one of its calls."""

    def __init__(self, store: Store, at: int, meanwhile: Callable[[], object]) -> None:
        self._store, self._left, self._meanwhile = store, at, meanwhile

    def __getattr__(self, name: str) -> Any:
        self._left -= 1
        if self._left == 0:
            self._meanwhile()
        return getattr(self._store, name)


@pytest.mark.parametrize("before", [0, 2])
@pytest.mark.parametrize("at", range(1, 10))
def test_somebody_else_at_any_moment_neither_doubles_an_event_nor_breaks_the_chain(
    embedded: Store, at: int, before: int
) -> None:
    """Another worker tells the same event and one of its own between any two calls of the store."""
    filled(embedded, before)

    def meanwhile() -> None:
        audit(embedded).append(AuditKind.PLAN, incident_id="f1-1", key="same")
        audit(embedded).append(AuditKind.PLAN, incident_id="f1-1", key="other")

    interrupted: Any = Interrupted(embedded, at, meanwhile)
    mine = audit(interrupted).append(AuditKind.PLAN, incident_id="f1-1", key="same")
    audit(embedded).append(AuditKind.PLAN, incident_id="f1-1", key="other")
    assert mine == audit(embedded).append(AuditKind.PLAN, incident_id="f1-1", key="same")
    assert len(stored(embedded)) == before + 2
    assert audit(embedded).verify().problems == ()


def test_the_record_outlives_every_purge(store: Store) -> None:
    """Whatever age the rest may reach, nothing of it is deleted."""
    filled(store)
    store.insert("incidents", "f1", "{}", now=NOW)
    while (purged := store.purge(before=datetime.now(UTC) + timedelta(days=36_500))).more:
        assert purged != Purged()
    assert len(stored(store)) == 5
    assert audit(store).verify().whole
    assert audit(store).append(AuditKind.PLAN, incident_id="f1-1", key="3").number == 3


# --- what is found -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "member", ["at", "kind", "incident_id", "by", "via", "why", "correlation_id", "details", "key"]
)
def test_a_changed_entry_is_found_whatever_was_changed(store: Store, member: str) -> None:
    """Each member is part of what is hashed."""
    filled(store)
    changed: Any = {"a": "b"} if member == "details" else "2026-11-23T12:00:00+00:00"
    rewrite(store, stored(store)[2], lambda plain: plain.update({member: changed}))
    assert told(store) == "entry 3 was changed: its hash is not that of what it says"


def test_an_entry_that_was_changed_with_its_hash_is_found_by_the_next_one(store: Store) -> None:
    """Only whoever writes everything behind it anew is not found by the chain alone."""
    filled(store)

    def change(plain: dict[str, Any]) -> None:
        plain["by"] = "nobody"
        plain["hash"] = hashed(plain)

    rewrite(store, stored(store)[2], change)
    assert told(store) == "entry 4 does not continue what stands before it: one of the two was put there later"


def test_removed_entries_are_found_at_the_beginning_in_the_middle_and_at_the_end(store: Store) -> None:
    """The end is found by the head record."""
    for gone, words in (
        ((5,), "the head record says that there were 5 entries; those behind 4 are missing"),
        ((2,), "entry 2 is missing"),
        ((1, 3), "entries 1 to 3 are missing"),
    ):
        if not stored(store):
            filled(store)
        for number in gone:
            assert store.remove(ENTRIES, f"{number:012}")
        assert words in told(store)


def test_entries_that_changed_places_are_found(store: Store) -> None:
    """In the places of each other as they are, and with their numbers changed to fit."""
    filled(store)
    second, third = stored(store)[1:3]
    assert store.replace(ENTRIES, second.key, third.body, version=second.version, now=NOW)
    assert store.replace(ENTRIES, third.key, second.body, version=third.version, now=NOW)
    found = told(store)
    assert "entry 3 is kept in the place of 000000000002: it was moved or inserted" in found
    assert "entry 2 stands behind entry 3: it was moved or inserted" in found


def test_an_inserted_entry_is_found(store: Store) -> None:
    """Between two others under a key of its own, and behind the last one without its hash."""
    filled(store)
    plain = json.loads(stored(store)[1].body)
    store.insert(ENTRIES, "000000000002-b", json.dumps(plain), now=NOW)
    assert "entry 2 is kept in the place of 000000000002-b" in told(store)
    store.remove(ENTRIES, "000000000002-b")
    forged = {**plain, "number": 6, "previous": "f" * 64}
    store.insert(ENTRIES, "000000000006", json.dumps({**forged, "hash": hashed(forged)}), now=NOW)
    assert "entry 6 does not continue what stands before it" in told(store)


@pytest.mark.parametrize("body", ['"text"', "[]", "{}", "[" * 20_000, '{"number": true}', '{"number": "3"}', "nothing"])
def test_what_is_no_entry_is_found_and_nothing_is_appended_behind_it(store: Store, body: str) -> None:
    """A record that cannot be read is not continued in silence."""
    filled(store)
    last = stored(store)[-1]
    store.replace(ENTRIES, last.key, body, version=last.version, now=NOW)
    store.remove(f"{KEPT}audit-head", "head")
    assert "what is kept under 000000000005 cannot be read" in told(store)
    with pytest.raises(AuditBroken, match="entry 000000000005"):
        audit(store).append(AuditKind.PLAN, incident_id="f1-1")
    assert [plain.get("number", "unreadable") for plain in audit(store).plain()][:4] == [1, 2, 3, 4]


def test_a_missing_head_is_told(store: Store) -> None:
    """Without it the end can be cut unseen; an empty record has none."""
    assert told(store) == ""
    filled(store)
    store.remove(f"{KEPT}audit-head", "head")
    assert told(store).startswith("the head record is missing")


@pytest.mark.parametrize("body", ["nothing", "[]", "{}", '{"number": "x", "hash": 1, "schema": 1}', '{"schema": 2}'])
@pytest.mark.parametrize("partition", ["audit-head", "audit-keys"])
def test_a_record_beside_the_entries_that_was_changed_stops_the_record(
    embedded: Store, partition: str, body: str
) -> None:
    """Nothing is appended on a guess; a head is told by name, while keys are only a help to find entries by."""
    filled(embedded)
    for entity in embedded.scan(f"{KEPT}{partition}"):
        embedded.replace(entity.partition, entity.key, body, version=entity.version, now=NOW)
    with pytest.raises((AuditBroken, NewerSchema)):
        audit(embedded).append(AuditKind.PLAN, incident_id="f1-1", key="1")
    assert len(stored(embedded)) == 5
    assert (partition in told(embedded)) is (partition == "audit-head")


@pytest.mark.parametrize("depth", [10, 500, 900, 2_000, 5_000, 9_000])
def test_an_entry_nested_however_deep_is_found(embedded: Store, depth: int) -> None:
    """What somebody wrote into the store does not end the check."""
    filled(embedded)
    last = stored(embedded)[-1]
    body = f'{{"number": 5, "a": {"[" * depth}{"]" * depth}}}'
    embedded.replace(ENTRIES, last.key, body, version=last.version, now=NOW)
    found = told(embedded)
    assert "entry 5 was changed" in found or "what is kept under 000000000005 cannot be read" in found


def test_a_record_written_anew_as_a_whole_is_found_by_what_was_published_alone(store: Store) -> None:
    """Whoever may write the store can make another chain that is whole; a hash kept elsewhere shows it."""
    filled(store)
    known = [Mark(number=entry.number, hash=entry.hash, origin="the event") for entry in audit(store).entries()]
    for entity in stored(store):
        store.remove(ENTRIES, entity.key)
    for partition in (f"{KEPT}audit-head", f"{KEPT}audit-keys"):
        for entity in store.scan(partition):
            store.remove(partition, entity.key)
    record = audit(store)
    for _ in range(3):
        record.append(AuditKind.PLAN, incident_id="f1-1", why="another story")
    assert record.verify().whole
    assert told(store, known[1]) == "the event has another hash of entry 2: it was written anew"
    assert told(store, known[4]) == "the event says that there were 5 entries; those behind 3 are missing"


def test_an_entry_of_a_newer_version_is_not_guessed_at(embedded: Store) -> None:
    """After a roll-back the older version neither reads nor continues it; a kind that it does not know is no hindrance."""
    filled(embedded)
    rewrite(embedded, stored(embedded)[1], lambda plain: plain.update(kind="something new"))
    assert [entry.kind for entry in audit(embedded).entries()][1] == "something new"
    rewrite(embedded, stored(embedded)[2], lambda plain: plain.update(schema=2))
    with pytest.raises(NewerSchema):
        list(audit(embedded).entries())


# --- hostile text ------------------------------------------------------------------------------------------------

TEXTS = st.text(alphabet=st.characters(exclude_categories=()), max_size=80) | st.sampled_from(
    ["x" * 70_000, "\ud83d" * 20_000, "😀" * 40_000, "\\" * 40_000, '"},{"hash":"', "\x1b[31m\r\n\u202e"]
)


@pytest.mark.slow
@given(TEXTS, TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=60))
def test_any_text_can_be_recorded_and_verified(text: str, name: str, details: dict[str, str]) -> None:
    """Any Unicode of any length fits into an entry, and no character that a terminal would obey is in it."""
    with open_memory() as store:
        record = audit(store)
        entry = record.append(
            AuditKind.REQUEST, incident_id=name, by=name, why=text, details=details, correlation_id=text, key=text
        )
        assert list(record.entries()) == [entry]
        assert record.verify().whole
        (kept,) = stored(store)
        assert kept.body.isascii()
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", "".join(texts(json.loads(kept.body))))


def test_no_secret_is_in_the_record(store: Store) -> None:
    """Whatever text it comes in."""
    secret = "https://x.blob.core.windows.net/c?sv=2024&sig=SandboxSecret0123456789abcdefghij%3D"
    entry = audit(store).append(
        AuditKind.ANSWER,
        incident_id=secret,
        by=secret,
        via=secret,
        why=secret,
        details={"answer": secret, secret: "x"},
        correlation_id=secret,
        key=secret,
    )
    assert "SandboxSecret" not in json.dumps(entry.plain())
    assert "[redacted]" in entry.why


def test_what_is_too_long_ends_in_an_ellipsis(store: Store) -> None:
    """Nobody overlooks that something was taken away."""
    entry = audit(store).append(AuditKind.REQUEST, incident_id="f1-1", why="w" * 5_000, details={"a": "d" * 9_000})
    assert entry.why.endswith("…")
    assert entry.details["a"].endswith("…")


# --- verified by anybody -----------------------------------------------------------------------------------------


def test_an_export_is_verified_by_the_program_in_the_documentation(embedded: Store) -> None:
    """What docs/audit.md prints finds a whole chain whole, and each kind of damage; it imports nothing of ours."""
    filled(embedded)
    audit(embedded).append(AuditKind.ANSWER, incident_id="f1-1", by="Zoë 😀", details={"b": "1", "a": "ü\n2"})
    lines = [json.dumps(plain) for plain in audit(embedded).plain()]
    head = json.loads(lines[-1])["hash"]
    assert by_the_documentation(lines) == (0, f"6 entries, whole; the last hash is {head}")
    changed = [*lines[:2], lines[2].replace("event 3", "event 4"), *lines[3:]]
    assert by_the_documentation(changed) == (1, "entry 3 was changed")
    for damaged in (lines[:1] + lines[2:], [lines[0], lines[2], lines[1], *lines[3:]]):
        assert by_the_documentation(damaged) == (1, "entry 2 is missing, or another stands in its place")
    assert by_the_documentation([*lines, lines[0]])[0] == 1


def test_a_check_needs_no_store() -> None:
    """A chain is (key, text) pairs; none is whole."""
    assert check([]).whole
    assert check([], [Mark(number=1, hash="a")]).problems == (
        "the head record says that there were 1 entries; those behind 0 are missing",
    )


def hashed(plain: dict[str, Any]) -> str:
    """Return the hash by the documentation's own words."""
    space: dict[str, Any] = {}
    exec(program(), space)  # noqa: S102 - the documentation's program is what is tested
    found: str = space["hash_of"](plain)
    return found


def program() -> str:
    """Return the program that the documentation prints."""
    found = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    assert len([line for line in found[1].splitlines() if line]) <= 20
    return found[1]


def by_the_documentation(lines: Sequence[str]) -> tuple[int, str]:
    """Run the documentation's program on an export, in a process of its own; return its exit code and what it says."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", program()], input="\n".join(lines), capture_output=True, text=True, check=False
    )
    return done.returncode, (done.stdout + done.stderr).strip()


def texts(value: Any) -> list[str]:
    """Return every text of a JSON value."""
    if isinstance(value, dict):
        return [text for pair in value.items() for member in pair for text in texts(member)]
    return [value] if isinstance(value, str) else []


class open_memory:  # noqa: N801 - used like a function
    """A store in a folder of its own, for one example."""

    def __enter__(self) -> Store:
        from tempfile import TemporaryDirectory  # noqa: PLC0415

        self._folder = TemporaryDirectory()
        self._store = open_store(SqliteStore(Path(self._folder.name) / "store.sqlite"))
        return self._store

    def __exit__(self, *_: object) -> None:
        self._store.close()
        self._folder.cleanup()
