"""Which assignments count against the ceilings; reserved before the write, so that two workers cannot both be last."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from responders.entities import Found, Records
from responders.fixes.values import Declined, Plan
from responders.store import Store, StoreUnavailable

__all__ = ["CEILING_WINDOW", "Ledger"]

CEILING_WINDOW = timedelta(hours=24)

_PARTITION, _KEY = "kept-fix-ledger", "made"
_ROUNDS = 50

Made = tuple[str, datetime]
"""A registry's id in lower case, and when an assignment was made there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    incident_id: str
    digest: str
    registry_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    entries: tuple[_Entry, ...] = ()
    schema: int = 1


class Ledger:
    """The assignments of the last day. One record, changed by compare-and-set alone."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._records = Records(store, _Made, now)
        self._now = now

    def made(self, *, apart_from: Plan) -> tuple[Made, ...]:
        """Return what was made in the last day, without what is reserved for this very plan."""
        found = self._records.get(_PARTITION, _KEY)
        return _others(self._lately(found), apart_from)

    def reserve(self, plan: Plan, check: Callable[[Iterable[Made]], Declined | None]) -> Declined | None:
        """Count ``plan`` unless ``check`` says no to what was made before it; what is counted is not counted twice."""
        for _ in range(_ROUNDS):
            self._records.add(_PARTITION, _KEY, _Made())
            found = self._records.get(_PARTITION, _KEY)
            if found is None:
                continue
            lately = self._lately(found)
            if any(_is(entry, plan) for entry in lately):
                return None
            declined = check(_others(lately, plan))
            if declined is not None:
                return declined
            entry = _Entry(
                incident_id=plan.incident_id, digest=plan.digest, registry_id=plan.registry_id.lower(), at=self._now()
            )
            if self._records.change(found, replace(found.value, entries=(*lately, entry))):
                return None
        raise StoreUnavailable("the ledger of fixes was changed by others all the time")

    def give_back(self, plan: Plan) -> None:
        """Count ``plan`` no more: nothing was written."""
        for _ in range(_ROUNDS):
            found = self._records.get(_PARTITION, _KEY)
            if found is None:
                return
            kept = tuple(entry for entry in found.value.entries if not _is(entry, plan))
            if kept == found.value.entries or self._records.change(found, replace(found.value, entries=kept)):
                return
        raise StoreUnavailable("the ledger of fixes was changed by others all the time")

    def _lately(self, found: Found[_Made] | None) -> tuple[_Entry, ...]:
        since = self._now() - CEILING_WINDOW
        return tuple(entry for entry in found.value.entries if entry.at > since) if found is not None else ()


def _is(entry: _Entry, plan: Plan) -> bool:
    return (entry.incident_id, entry.digest) == (plan.incident_id, plan.digest)


def _others(entries: Iterable[_Entry], plan: Plan) -> tuple[Made, ...]:
    return tuple((entry.registry_id, entry.at) for entry in entries if not _is(entry, plan))
