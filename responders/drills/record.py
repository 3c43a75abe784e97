"""What is kept of a self-test: when it began, by which station it came, and what became of it.

A drill is known by a secret that only its own event carries; the store keeps that secret's hash alone. An event that
claims to be one and does not carry it is an event like any other: nobody can start a drill by an event, and nobody can
pass a real failure off as one.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hmac import compare_digest

from diagnostics.model import FailedRun
from diagnostics.redaction import redact
from responders.drills import DRILL_PREFIX
from responders.entities import Found, Records
from responders.store import Store, StoreUnavailable
from responders.wording import cut, one_line

__all__ = ["Drill", "Drills", "Passage", "Station"]

PATIENCE = timedelta(minutes=15)
"""By when a drill has to be through: three beats of the timer, so that a channel that is busy is tried again."""

_DRILLS = "drills"
_ROUNDS = 20
_SAID = 300


class Station(StrEnum):
    """The stations of a failure's way, in their order."""

    RECEIVED = "event received"
    QUEUED = "queued"
    PICKED_UP = "picked up"
    EVIDENCE = "evidence read"
    JUDGED = "judged"
    STORED = "stored"
    POSTED = "posted"
    CLEANED_UP = "cleaned up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What a station did: whether it held, when (UTC), and in words what was seen."""

    station: Station
    ok: bool
    at: datetime
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """One self-test. Times are UTC.

    ``by`` says who began it, ``door`` how its event came in; ``build`` identifies the code that began it. ``real`` is
    false where the workspace is an invented one, because none is named in the settings. ``proof`` is the SHA-256 of the
    secret. ``partitions`` are those of the store that have to be cleaned up.
    """

    id: str
    run_id: str
    workspace_id: str
    real: bool
    proof: str
    by: str
    door: str
    build: str
    started_at: datetime
    deadline_at: datetime
    passages: tuple[Passage, ...] = ()
    partitions: tuple[str, ...] = ()
    finished_at: datetime | None = None
    schema: int = 1

    def passage(self, station: Station) -> Passage | None:
        """Return what is known of a station, ``None`` where it was never reached."""
        return next((one for one in self.passages if one.station is station), None)

    @property
    def over(self) -> bool:
        """Whether nothing more is expected."""
        return self.finished_at is not None

    @property
    def passed(self) -> bool:
        """Whether every station held."""
        return self.over and self.failed is None

    @property
    def failed(self) -> Station | None:
        """The first station that did not hold; where all that were reached did, the first one that was not reached."""
        refused = next((one.station for one in self.passages if not one.ok), None)
        return refused or next((one for one in Station if self.passage(one) is None), None)

    def seconds(self, station: Station) -> float | None:
        """Return the seconds from the station before, from the beginning for the first; ``None`` if never reached."""
        found = self.passage(station)
        if found is None:
            return None
        before = [one.at for one in self.passages if _order(one.station) < _order(station)]
        return max(0.0, (found.at - max([self.started_at, *before])).total_seconds())

    def noted(self, passage: Passage) -> Drill:
        """Return the drill with one more passage; what has held once is not taken back by a later try."""
        known = self.passage(passage.station)
        if known is not None and known.ok:
            return self
        others = (one for one in self.passages if one.station is not passage.station)
        return replace(self, passages=tuple(sorted((*others, passage), key=lambda one: _order(one.station))))


def _order(station: Station) -> int:
    return list(Station).index(station)


class Drills:
    """The self-tests of one store. Safe to use from several threads and processes."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._records = Records(store, Drill, now)
        self._now = now

    def begin(self, workspace_id: str, *, real: bool, by: str, door: str, build: str) -> tuple[Drill, str]:
        """Keep a new drill; return it with its secret, which is kept nowhere."""
        now, secret, name = self._now(), secrets.token_urlsafe(32), secrets.token_hex(8)
        drill = Drill(
            id=name,
            run_id=f"{DRILL_PREFIX}{name}",
            workspace_id=workspace_id,
            real=real,
            proof=_proof(secret),
            by=by,
            door=door,
            build=build,
            started_at=now,
            deadline_at=now + PATIENCE,
        )
        if not self._records.add(_DRILLS, name, drill):
            raise StoreUnavailable("the drill could not be written down")
        return drill, secret

    def of(self, run: FailedRun) -> Drill | None:
        """Return the drill whose own event told of ``run``; ``None`` for every other one, whatever it is called."""
        if not run.run_id.startswith(DRILL_PREFIX):
            return None
        drill = self.get(run.run_id.removeprefix(DRILL_PREFIX))
        if drill is None or run.workspace_id.lower() != drill.workspace_id.lower():
            return None
        return drill if compare_digest(_proof(run.event_id), drill.proof) else None

    def get(self, drill_id: str) -> Drill | None:
        """Return the drill called ``drill_id``."""
        found = self._records.get(_DRILLS, drill_id)
        return found.value if found is not None else None

    def all_ones(self) -> tuple[Drill, ...]:
        """Return every drill that is kept, the newest first."""
        found = (drill for _, drill in self._records.each(_DRILLS))
        return tuple(sorted(found, key=lambda drill: (drill.started_at, drill.id), reverse=True))

    def note(self, drill_id: str, station: Station, *, ok: bool, said: str = "", at: datetime | None = None) -> Drill:
        """Write down what a station did, redacted; return the drill as it is then."""
        words = cut(one_line(redact(said)), _SAID).text
        passage = Passage(station=station, ok=ok, at=at or self._now(), said=words)
        return self._change(drill_id, lambda drill: drill.noted(passage))

    def will_clean_up(self, drill_id: str, partitions: Iterable[str]) -> None:
        """Write down what is to be cleaned up in the end."""
        more = set(partitions)
        self._change(drill_id, lambda it: replace(it, partitions=tuple(sorted(more | set(it.partitions)))))

    def finish(self, drill_id: str) -> tuple[Drill, bool]:
        """End a drill; return it, and whether this call did."""
        for _ in range(_ROUNDS):
            found = self._found(drill_id)
            if found.value.over:
                return found.value, False
            ended = replace(found.value, finished_at=self._now())
            if self._records.change(found, ended):
                return ended, True
        raise StoreUnavailable(f"the drill {drill_id} was changed by others all the time")

    def _change(self, drill_id: str, change: Callable[[Drill], Drill]) -> Drill:
        for _ in range(_ROUNDS):
            found = self._found(drill_id)
            after = change(found.value)
            if found.value.over or after == found.value or self._records.change(found, after):
                return found.value if found.value.over else after
        raise StoreUnavailable(f"the drill {drill_id} was changed by others all the time")

    def _found(self, drill_id: str) -> Found[Drill]:
        found = self._records.get(_DRILLS, drill_id)
        if found is None:
            raise StoreUnavailable(f"the drill {drill_id} is not there any more")
        return found


def _proof(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
