"""Audit entries as events, so that a copy of the record stands where nobody who can write the store can reach it.

Each topic has a cursor in the store, which moves once the topic has taken the events: so each entry is published at
least once and in the order of the numbers. A repeated event has the same id. Event Grid itself delivers in any order;
a subscriber puts the entries in order by their numbers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import msgspec

from responders.channels import Destination
from responders.channels import event_grid as topics
from responders.entities import Found, Records
from responders.fixes.audit import Audit, AuditBroken, AuditEntry
from responders.fixes.chain import GENESIS, Mark
from responders.sending import Later, SendError
from responders.store import KEPT, Store

__all__ = ["EVENT_TYPE", "Published", "marks", "publish_new", "published"]

EVENT_TYPE = "Pullmedic.FixAudited"

_LOG = logging.getLogger(__name__)
_CURSORS = f"{KEPT}audit-published"
# An entry holds 30,000 characters at most, and a request a megabyte.
_AT_ONCE = 25
_MOST = 500
_AFTER_REFUSAL = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """How far one topic has the record: number and hash of the last entry, and what holds the next one back."""

    number: int = 0
    hash: str = GENESIS
    next_at: datetime | None = None
    error: str = ""
    schema: int = 1


def publish_new(audit: Audit, store: Store, destinations: Iterable[Destination], now: datetime) -> int:
    """Publish what each Event Grid topic among ``destinations`` has not got yet; return how many events were taken.

    At most 500 entries a topic and call: the rest is for the next one. A topic that does not take them holds back no
    other; it is tried again, not before it said. Raises :class:`responders.store.StoreUnavailable`.
    """
    cursors = Records(store, Published, lambda: now)
    mine = {one.name: one for one in destinations if one.channel.name == topics.CHANNEL.name}
    return sum(_publish(audit, cursors, one, now) for one in mine.values())


def published(store: Store, now: datetime) -> tuple[tuple[str, Published], ...]:
    """Return how far each topic has the record, by the destination's name. Raises :class:`AuditBroken`."""
    try:
        return tuple(Records(store, Published, lambda: now).each(_CURSORS))
    except msgspec.DecodeError:
        raise AuditBroken("how far the audit record was published cannot be read") from None


def marks(found: Iterable[tuple[str, Published]]) -> tuple[Mark, ...]:
    """Return what the cursors say of the chain."""
    return tuple(
        Mark(number=it.number, hash=it.hash, origin=f"what was published to {name}") for name, it in found if it.number
    )


def _publish(audit: Audit, cursors: Records[Published], to: Destination, now: datetime) -> int:
    cursor = _cursor(cursors, to.name)
    if cursor is None or (cursor.value.next_at is not None and cursor.value.next_at > now):
        return 0
    taken = 0
    entries = islice(_readable(audit, cursor.value.number), _MOST)
    while batch := list(islice(entries, _AT_ONCE)):
        try:
            topics.publish(to.options, [_event(entry) for entry in batch], now=now)
        except SendError as error:
            _held_back(cursors, cursor, error, now)
            return taken
        taken += len(batch)
        cursor = _moved(cursors, cursor, batch)
        if cursor is None:
            break
    return taken


def _cursor(cursors: Records[Published], name: str) -> Found[Published] | None:
    cursors.add(_CURSORS, name, Published())
    try:
        return cursors.get(_CURSORS, name)
    except msgspec.DecodeError:
        _LOG.error("audit entries are not published to %s: how far it has them cannot be read", name)
        return None


def _moved(
    cursors: Records[Published], cursor: Found[Published], batch: Sequence[AuditEntry]
) -> Found[Published] | None:
    """Return the cursor behind ``batch``; ``None`` where another worker publishes, too, and moved it."""
    last = batch[-1]
    if not cursors.change(cursor, Published(number=last.number, hash=last.hash)):
        return None
    return cursors.get(cursor.partition, cursor.key)


def _held_back(cursors: Records[Published], cursor: Found[Published], error: SendError, now: datetime) -> None:
    after = error.after if isinstance(error, Later) else _AFTER_REFUSAL
    _LOG.warning("audit entries after %d wait to be published to %s: %s", cursor.value.number, cursor.key, error)
    cursors.change(cursor, replace(cursor.value, next_at=now + after, error=str(error)))


def _readable(audit: Audit, after: int) -> Iterator[AuditEntry]:
    """Yield entries up to one that cannot be read: nothing behind it is published before it is put right."""
    try:
        yield from audit.entries(after)
    except AuditBroken as error:
        _LOG.error("audit entries are not published any further: %s", error)


def _event(entry: AuditEntry) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"audit-{entry.number}-{entry.hash[:16]}",
        "source": topics.SOURCE,
        "type": EVENT_TYPE,
        "time": entry.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "subject": f"incidents/{entry.incident_id}" if entry.incident_id else "fixes",
        "datacontenttype": "application/json",
        "data": entry.plain(),
    }
