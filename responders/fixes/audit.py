"""The record of everything that was planned, decided, asked of Azure and answered, in the order in which it happened.

Entries are numbered from 1 and chained: each holds the hash of the one before, so that a changed, removed, inserted or
moved entry shows. ``docs/audit.md`` has the form that is hashed and says what a chain cannot show.

Several workers append at once without a lock: an entry is inserted where its number is free, by exactly one of them.
A head record says how far the chain went and moves only once all entries up to it can be found by their event's key.
So whoever reads the head, then looks for the key, then reads what stands behind the head has seen every entry.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, TypeVar
from uuid import uuid4

import msgspec

from diagnostics.redaction import redact
from diagnostics.work import present_work
from responders.entities import Found, Records
from responders.fixes.chain import GENESIS, Mark, Verdict, check, entry_key, hash_of, number_of, plain_entry
from responders.store import KEPT, Entity, NewerSchema, Store, StoreError, StoreUnavailable
from responders.wording import clean, cut

__all__ = ["Audit", "AuditBroken", "AuditEntry", "AuditKind"]

T = TypeVar("T")

SCHEMA = 1
_ENTRIES = f"{KEPT}audit"
_HEAD = f"{KEPT}audit-head"
_KEYS = f"{KEPT}audit-keys"
_PAGE = 500
_ROUNDS = 200
_NO_HEAD = "the head record is missing: nothing in the store shows whether entries are missing at the end"

# Together with the names they stay below what an entity holds, counted as they are written, with escapes.
_NAME = 300
_WHY = 4_000
_DETAIL = 8_000
_DETAILS = 16_000
_MOST_DETAILS = 40


class AuditKind(StrEnum):
    """What happened."""

    PLAN = "plan"
    DECLINED = "declined"
    APPROVAL = "approval"
    REFUSAL = "refusal"
    REQUEST = "request"
    ANSWER = "answer"
    VERIFICATION = "verification"
    UNDO = "undo"
    RUN_AGAIN = "run-again"
    STATE = "state"


class AuditBroken(StoreError):
    """An entry cannot be read, so that nothing can follow it: somebody changed it in the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One event. ``at`` is UTC. ``kind`` is one of :class:`AuditKind`, or one of a newer version.

    ``by`` is who did it, ``via`` by which way, ``correlation_id`` the one of Azure's activity log; ours, by which the
    failure is found in log and message, stands in ``details`` (``correlation``). ``key`` is the
    SHA-256 of the event's key, ``previous`` the ``hash`` of the entry before. All texts are redacted and bounded.
    """

    number: int
    at: datetime
    kind: str
    incident_id: str
    by: str = ""
    via: str = ""
    why: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    correlation_id: str = ""
    key: str
    previous: str
    hash: str

    def plain(self) -> dict[str, Any]:
        """Return the entry as it is stored, exported and published: what is hashed, and the hash."""
        return {**_hashed(self), "hash": self.hash}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the event of a key was recorded."""

    number: int
    schema: int = SCHEMA


class Audit:
    """The record in one store. Every method raises :class:`responders.store.StoreUnavailable`."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._heads = Records(store, Mark, now)
        self._places = Records(store, _Place, now)

    def append(
        self,
        kind: AuditKind,
        *,
        incident_id: str,
        by: str = "",
        via: str = "",
        why: str = "",
        details: Mapping[str, str] | None = None,
        correlation_id: str = "",
        key: str = "",
    ) -> AuditEntry:
        """Record an event and return its entry, which is in the store then.

        ``key`` names the event: one that was recorded before is not recorded again, and its entry is returned as it
        is. Without a key a repeated call is another event. Raises :class:`AuditBroken`.
        """
        draft = {
            "schema": SCHEMA,
            "at": self._now().astimezone(UTC).isoformat(timespec="microseconds"),
            "kind": kind.value,
            "incident_id": _text(incident_id, _NAME),
            "by": _text(by, _NAME),
            "via": _text(via, _NAME),
            "why": _text(why, _WHY),
            "details": _bounded({**(details or {}), **_work()}),
            "correlation_id": _text(correlation_id, _NAME),
            "key": sha256((key or uuid4().hex).encode("utf-8", "surrogatepass")).hexdigest(),
        }
        for _ in range(_ROUNDS):
            entry = self._append_once(draft)
            if entry is not None:
                return entry
        raise StoreUnavailable("too many write to the audit record at once")

    def entries(self, after: int = 0) -> Iterator[AuditEntry]:
        """Yield the entries behind number ``after``, in order.

        Raises :class:`AuditBroken` at one that cannot be read, and :class:`responders.store.NewerSchema`.
        """
        return map(_entry, self._stored(after))

    def of_incident(self, incident_id: str) -> Iterator[AuditEntry]:
        """Yield the entries of one incident, in order; the whole record is read for them."""
        wanted = _text(incident_id, _NAME)
        return (entry for entry in self.entries() if entry.incident_id == wanted)

    def plain(self) -> Iterator[dict[str, Any]]:
        """Yield every entry as it is stored, for an export; one that is no JSON object with its text alone."""
        return (plain_entry(entity.body) or {"unreadable": entity.body} for entity in self._stored(0))

    def verify(self, marks: Iterable[Mark] = ()) -> Verdict:
        """Return whether the chain is whole. ``marks`` are what else is known of it, such as from published events."""
        problem = ""
        try:
            head = _read(self._heads, _HEAD, "head")  # first: what is appended meanwhile stands behind it
        except (AuditBroken, NewerSchema) as error:
            head, problem = None, str(error)
        known = (*((head.value,) if head else ()), *marks)
        found = check(((entity.key, entity.body) for entity in self._stored(0)), known)
        if head is None and found.last.number:
            problem = problem or _NO_HEAD
        return replace(found, problems=(*found.problems, problem)) if problem else found

    def _append_once(self, draft: Mapping[str, Any]) -> AuditEntry | None:
        """Return the entry of the event, or ``None`` where others were faster and it must be looked at anew."""
        head = self._head()
        told = self._told(draft["key"])
        if told is not None:
            return told
        last, same = head, None
        for entry in self.entries(head.number):
            self._find_by_key(entry)
            last = Mark(number=entry.number, hash=entry.hash)
            same = entry if entry.key == draft["key"] and same is None else same
        if same is not None:
            self._move_head(last)
            return same
        plain = {**draft, "number": last.number + 1, "previous": last.hash}
        plain["hash"] = hash_of(plain)
        body = json.dumps(plain, sort_keys=True, separators=(",", ":"))
        if self._store.insert(_ENTRIES, entry_key(plain["number"]), body, now=self._now()) is None:
            return None
        entry = _from_plain(plain)
        with suppress(StoreUnavailable):  # it is recorded; whoever appends next does what is missing here
            self._find_by_key(entry)
            self._move_head(Mark(number=entry.number, hash=entry.hash))
        return entry

    def _head(self) -> Mark:
        found = _read(self._heads, _HEAD, "head")
        if found is None:
            self._heads.add(_HEAD, "head", Mark(number=0, hash=GENESIS))
            return Mark(number=0, hash=GENESIS)
        return found.value

    def _told(self, key: str) -> AuditEntry | None:
        place = _read(self._places, _KEYS, key)
        entity = self._store.fetch(_ENTRIES, entry_key(place.value.number)) if place else None
        entry = _entry(entity) if entity else None
        return entry if entry is not None and entry.key == key else None

    def _find_by_key(self, entry: AuditEntry) -> None:
        self._places.add(_KEYS, entry.key, _Place(number=entry.number))

    def _move_head(self, mark: Mark) -> None:
        while (found := _read(self._heads, _HEAD, "head")) is not None and found.value.number < mark.number:
            if self._heads.change(found, mark):
                return

    def _stored(self, after: int) -> Iterator[Entity]:
        behind = entry_key(after) if after else ""
        while True:
            page = self._store.scan(_ENTRIES, after=behind, limit=_PAGE)
            yield from page
            if len(page) < _PAGE:
                return
            behind = page[-1].key


def _read(records: Records[T], partition: str, key: str) -> Found[T] | None:
    """Return a record that stands beside the entries. Raises :class:`AuditBroken`."""
    try:
        return records.get(partition, key)
    except msgspec.DecodeError:
        raise AuditBroken(f"what is kept under {partition}, {key} cannot be read") from None


def _entry(entity: Entity) -> AuditEntry:
    plain = plain_entry(entity.body)
    if plain is None or entity.key != entry_key(number_of(plain)):
        raise AuditBroken(f"entry {clean(entity.key)} of the audit record cannot be read; `audit --verify` says more")
    if not isinstance(plain.get("schema"), int) or plain["schema"] > SCHEMA:
        raise NewerSchema(f"an audit entry has schema {plain.get('schema')!r}; this version reads up to {SCHEMA}")
    try:
        return _from_plain(plain)
    except (KeyError, ValueError, TypeError, AttributeError):
        raise AuditBroken(f"entry {clean(entity.key)} of the audit record lacks a part of it") from None


def _from_plain(plain: Mapping[str, Any]) -> AuditEntry:
    texts = ("kind", "incident_id", "by", "via", "why", "correlation_id", "key", "previous", "hash")
    return AuditEntry(
        number=plain["number"],
        at=datetime.fromisoformat(plain["at"]),
        details={str(name): str(value) for name, value in plain["details"].items()},
        **{name: str(plain[name]) for name in texts},
    )


def _hashed(entry: AuditEntry) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "number": entry.number,
        "at": entry.at.isoformat(timespec="microseconds"),
        "kind": entry.kind,
        "incident_id": entry.incident_id,
        "by": entry.by,
        "via": entry.via,
        "why": entry.why,
        "details": dict(entry.details),
        "correlation_id": entry.correlation_id,
        "key": entry.key,
        "previous": entry.previous,
    }


def _work() -> dict[str, str]:
    """Return by which id the work is found in message, ticket and log."""
    correlation_id = present_work().correlation_id
    return {"correlation": correlation_id} if correlation_id else {}


def _text(text: str, limit: int) -> str:
    return cut(clean(redact(str(text))), limit, _written_size).text


def _bounded(details: Mapping[str, str]) -> dict[str, str]:
    """Return the details within what an entry holds; what does not fit ends in an ellipsis."""
    left, kept = _DETAILS, {}
    for name, value in list(details.items())[:_MOST_DETAILS]:
        short = _text(name, _NAME)
        kept[short] = _text(value, max(min(_DETAIL, left), 1))
        left -= sum(map(_written_size, short + kept[short]))
    return kept


def _written_size(character: str) -> int:
    return len(json.dumps(character)) - 2
