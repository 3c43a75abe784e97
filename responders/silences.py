"""Silences that people set without a deployment: kept in the store, each with an end, a reason and a name."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from diagnostics.shapes import shaped
from responders.globs import Glob
from responders.rules import LONGEST_SILENCE, Condition, Severity, Silence
from responders.wording import cut, one_line

__all__ = ["STORE", "Kept", "KeptEntity", "KeptSilence", "Silences", "WrongSilence", "as_rule", "new_id"]

_LOG = logging.getLogger(__name__)
_PARTITION = "silences"
_SCHEMA = 1
_PAGE = 1000
_ROUNDS = 20
_LONGEST_REASON = 300
_LONGEST_NAME = 100

STORE = "the store"
"""Where such a silence stands, for people."""


class WrongSilence(ValueError):
    """A silence that is not kept; the text says why."""


class KeptEntity(Protocol):
    """Protocol: an entity as a store gives it."""

    @property
    def key(self) -> str: ...  # noqa: D102
    @property
    def body(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> str: ...  # noqa: D102


class Kept(Protocol):
    """Protocol: what is used of :class:`responders.store.Store`."""

    def insert(self, partition: str, key: str, body: str, *, now: datetime) -> str | None:
        """Write an entity unless its key is taken; return its version, ``None`` where it is taken."""

    def fetch(self, partition: str, key: str) -> KeptEntity | None:
        """Return the entity."""

    def replace(self, partition: str, key: str, body: str, *, version: str, now: datetime) -> str | None:
        """Replace the entity of that version; ``None`` where it changed or is gone."""

    def scan(self, partition: str, *, after: str = "", limit: int = 1000) -> Sequence[KeptEntity]:
        """Return at most ``limit`` entities behind the key ``after``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSilence:
    """A silence as it is kept. Patterns are as they were written; ``ended_by`` ended it before its time."""

    id: str
    by: str
    reason: str
    until: datetime
    starts: datetime
    workspaces: tuple[str, ...] = ()
    experiments: tuple[str, ...] = ()
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    causes: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    ended_by: str = ""
    ended_at: datetime | None = None
    schema: int = _SCHEMA


def new_id() -> str:
    """Return an id that a person can read out."""
    return f"s-{secrets.token_hex(3)}"


class Silences:
    """The silences of one store. Safe to use from several processes; errors of the store pass through."""

    def __init__(self, store: Kept, *, now: Callable[[], datetime], make_id: Callable[[], str] = new_id) -> None:
        self._store = store
        self._now = now
        self._make_id = make_id

    def add(
        self, *, by: str, reason: str, until: datetime, when: Condition, starts: datetime | None = None
    ) -> KeptSilence:
        """Keep a silence and return it. Raises :class:`WrongSilence` where it has no end, name, reason or condition."""
        now = self._now()
        kept = KeptSilence(
            id=self._make_id(),
            by=_short(by, _LONGEST_NAME),
            reason=_short(reason, _LONGEST_REASON),
            until=until,
            starts=starts or now,
            workspaces=_texts(when.workspaces),
            experiments=_texts(when.experiments),
            tags={name: _texts(globs) for name, globs in when.tags.items()},
            causes=_texts(when.causes),
            statuses=tuple(sorted(when.statuses)),
            severities=tuple(sorted(when.severities)),
        )
        _check(kept, when, now)
        for _ in range(_ROUNDS):
            if self._written(kept, now):
                return kept
            kept = replace(kept, id=self._make_id())
        raise WrongSilence("no free id was found; try again")

    def active(self) -> tuple[Silence, ...]:
        """Return the silences that hold now, the one that ends first in front."""
        now = self._now()
        return tuple(silence for kept in self.kept() if (silence := as_rule(kept)).active(now))

    def kept(self) -> tuple[KeptSilence, ...]:
        """Return all that are kept, those that have ended among them, the one that ends first in front.

        One that cannot be read silences nothing; it is named in the log.
        """
        found = (kept for entity in self._entities() if (kept := _read(entity)) is not None)
        return tuple(sorted(found, key=lambda kept: (kept.until, kept.id)))

    def end(self, silence_id: str, *, by: str) -> KeptSilence | None:
        """End a silence before its time and return it, as it is where it has ended; ``None`` where there is none."""
        for _ in range(_ROUNDS):
            entity = self._store.fetch(_PARTITION, silence_id)
            kept = _read(entity) if entity is not None else None
            now = self._now()
            if entity is None or kept is None or kept.ended_at is not None or kept.until <= now:
                return kept
            ended = replace(kept, ended_by=_short(by, _LONGEST_NAME), ended_at=now)
            if self._store.replace(_PARTITION, silence_id, _body(ended), version=entity.version, now=now):
                return ended
        raise WrongSilence("others changed it all the time; try again")

    def _written(self, kept: KeptSilence, now: datetime) -> bool:
        """Write it unless its id is taken; a lost answer may have taken it for this very silence."""
        body = _body(kept)
        if self._store.insert(_PARTITION, kept.id, body, now=now) is not None:
            return True
        there = self._store.fetch(_PARTITION, kept.id)
        return there is not None and there.body == body

    def _entities(self) -> Iterator[KeptEntity]:
        after = ""
        while True:
            page = self._store.scan(_PARTITION, after=after, limit=_PAGE)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].key


def as_rule(kept: KeptSilence) -> Silence:
    """Return what a kept silence means to routing."""
    when = Condition(
        workspaces=_globs(kept.workspaces),
        experiments=_globs(kept.experiments),
        tags={name: _globs(patterns) for name, patterns in kept.tags.items()},
        causes=_globs(kept.causes),
        statuses=frozenset(kept.statuses),
        severities=frozenset(map(Severity, kept.severities)),
    )
    return Silence(
        id=kept.id,
        by=kept.by,
        reason=kept.reason,
        starts=kept.starts,
        until=min(kept.until, kept.ended_at or kept.until),
        when=when,
        place=STORE,
    )


def _check(kept: KeptSilence, when: Condition, now: datetime) -> None:
    if kept.until.tzinfo is None or kept.starts.tzinfo is None:
        raise WrongSilence("a silence ends at a time with an offset: 2026-12-01T18:00:00+01:00")
    if kept.until <= max(now, kept.starts):
        raise WrongSilence("it ends before it starts")
    if kept.until - now > LONGEST_SILENCE:
        raise WrongSilence(f"a silence ends within {LONGEST_SILENCE.days} days")
    if not kept.by or not kept.reason:
        raise WrongSilence("a silence has a reason and the name of who sets it")
    if when.hours is not None:
        raise WrongSilence("hours and days stand in the settings file alone")
    if when.empty:
        raise WrongSilence("say what is silenced: at least one condition; the workspace * is everything")


def _read(entity: KeptEntity) -> KeptSilence | None:
    try:
        plain = msgspec.json.decode(entity.body)
        schema = plain.get("schema") if isinstance(plain, dict) else None
        if isinstance(schema, int) and schema <= _SCHEMA:
            kept = shaped(plain, KeptSilence)
            as_rule(kept)
            return kept
        why = f"schema {schema!r}"
    except (msgspec.MsgspecError, ValueError) as error:
        why = type(error).__name__
    _LOG.error("the silence %s cannot be read (%s) and silences nothing", one_line(entity.key), why)
    return None


def _body(kept: KeptSilence) -> str:
    return msgspec.json.encode(replace(kept, until=_utc(kept.until), starts=_utc(kept.starts)), order="sorted").decode()


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _short(text: str, longest: int) -> str:
    return cut(one_line(text), longest).text


def _texts(globs: tuple[Glob, ...]) -> tuple[str, ...]:
    return tuple(glob.text for glob in globs)


def _globs(patterns: tuple[str, ...]) -> tuple[Glob, ...]:
    return tuple(map(Glob, patterns))
