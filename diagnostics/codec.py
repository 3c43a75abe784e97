"""The diagnosis's values as JSON and back: what is stored today is replayed tomorrow, byte for byte.

Keys are sorted and times are RFC 3339 in UTC, so equal values give equal text. A fact is written as
``{"known": {...}}`` or ``{"unknown": {...}}``; the type of a known value is not in the text but given by
name.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, get_type_hints

import msgspec

from diagnostics.model import EVIDENCE_SCHEMA, CompletedRun, Diagnosis, Evidence, Fact, FailedRun, Known, Unknown
from diagnostics.shapes import shaped

__all__ = [
    "EvidenceUnreadable",
    "completed_run_from_json",
    "diagnosis_from_json",
    "evidence_from_json",
    "failed_run_from_json",
    "to_json",
]


class EvidenceUnreadable(ValueError):
    """A stored text that is not what it should be; the message says in one sentence where and why."""


def to_json(value: object) -> str:
    """Return a value of :mod:`diagnostics.model` as one line of JSON; a time without zone is taken as UTC."""
    plain = msgspec.to_builtins(value, order="sorted", builtin_types=(datetime,))
    if isinstance(value, Evidence):
        plain["facts"] = {name: _tagged(fact, plain["facts"][name]) for name, fact in value.facts.items()}
    for told in (plain, plain.get("run")) if isinstance(plain, dict) else ():
        _without_rare(told)
    return msgspec.json.encode(_storable(plain), order="sorted").decode()


def evidence_from_json(text: str, fact_types: Mapping[str, type]) -> Evidence:
    """Return the evidence that ``text`` holds; ``fact_types`` tells the type of a known value by its name.

    Raises :class:`EvidenceUnreadable` for what is not JSON, was written by a newer version, has another
    shape, or holds a fact that ``fact_types`` does not know.
    """
    plain = _object(text)
    schema = plain.get("schema")
    if isinstance(schema, int) and schema > EVIDENCE_SCHEMA:
        raise EvidenceUnreadable(
            f"the evidence was written by a newer version: its schema is {schema}, this version reads up to "
            f"{EVIDENCE_SCHEMA}"
        )
    kinds = get_type_hints(Evidence)
    read: dict[str, Any] = {}
    for name in (field.name for field in fields(Evidence) if field.name in plain):
        member = plain[name]
        read[name] = _facts(member, fact_types) if name == "facts" else _convert(member, kinds[name], f"$.{name}")
    missing = [name for name in ("schema", "run", "taken_at") if name not in read]
    if missing:
        raise EvidenceUnreadable(f"the evidence lacks {missing[0]!r} at $")
    return Evidence(**read)


def failed_run_from_json(text: str) -> FailedRun:
    """Return the failed run that ``text`` holds, or raise :class:`EvidenceUnreadable`."""
    run: FailedRun = _convert(_object(text), FailedRun, "$")
    return run


def completed_run_from_json(text: str) -> CompletedRun:
    """Return the completed run that ``text`` holds, or raise :class:`EvidenceUnreadable`."""
    run: CompletedRun = _convert(_object(text), CompletedRun, "$")
    return run


def diagnosis_from_json(text: str) -> Diagnosis:
    """Return the diagnosis that ``text`` holds, or raise :class:`EvidenceUnreadable`."""
    diagnosis: Diagnosis = _convert(_object(text), Diagnosis, "$")
    return diagnosis


_RARE = ("waiting_since", "deployment", "event_id")
"""Members of a run that are written only where they say something: other texts stay as they were."""


def _without_rare(plain: Any) -> None:
    for name in _RARE if isinstance(plain, dict) else ():
        if plain.get(name, "") is None:
            del plain[name]


def _tagged(fact: Fact, plain: object) -> dict[str, object]:
    return {"known" if isinstance(fact, Known) else "unknown": plain}


def _storable(plain: Any) -> Any:
    """Write times in UTC and replace lone surrogates, which hostile tags can hold and JSON cannot."""
    match plain:
        case datetime():
            aware = plain if plain.tzinfo else plain.replace(tzinfo=UTC)
            return aware.astimezone(UTC)
        case str():
            return plain if plain.isascii() else plain.encode("utf-8", "replace").decode()
        case dict():
            return {_storable(key): _storable(value) for key, value in plain.items()}
        case list() | tuple():
            return [_storable(value) for value in plain]
        case _:
            return plain


def _object(text: str) -> dict[str, Any]:
    try:
        plain = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise EvidenceUnreadable(f"the text is not JSON: {error}") from error
    if not isinstance(plain, dict):
        raise EvidenceUnreadable(f"the text is JSON but not an object, it is a {type(plain).__name__}")
    return plain


def _facts(plain: object, fact_types: Mapping[str, type]) -> dict[str, Fact]:
    if not isinstance(plain, dict):
        raise EvidenceUnreadable(f"expected an object, got {type(plain).__name__} at $.facts")
    return {name: _fact(name, fact, fact_types) for name, fact in plain.items()}


def _fact(name: str, plain: object, fact_types: Mapping[str, type]) -> Fact:
    path = f"$.facts.{name}"
    match plain:
        case {"unknown": unknown, **others} if not others:
            unread: Unknown = _convert(unknown, Unknown, f"{path}.unknown")
            return unread
        case {"known": known, **others} if not others:
            if name not in fact_types:
                raise EvidenceUnreadable(f"no kind of fact is called {name!r} in this version, at {path}")
            kind = types.GenericAlias(Known, (fact_types[name],))
            fact: Known[Any] = _convert(known, kind, f"{path}.known")
            return fact
    raise EvidenceUnreadable(f"expected an object with 'known' or 'unknown' at {path}")


def _convert(plain: object, kind: Any, path: str) -> Any:
    try:
        return _zoned(shaped(plain, kind), path)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$")
        where = path + place.rstrip("`")
        raise EvidenceUnreadable(f"{problem[:1].lower()}{problem[1:]} at {where}") from error


def _zoned(value: Any, path: str) -> Any:
    """Return ``value``; a time without zone in it is refused, since it can be compared with no other.

    So is one that its zone leads out of the years that there are.
    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise EvidenceUnreadable(f"expected a time with its zone, got {value.isoformat()} at {path}")
        try:
            value.astimezone(UTC)
        except OverflowError:
            raise EvidenceUnreadable(f"expected a time of our era, got {value.isoformat()} at {path}") from None
    if is_dataclass(value):
        for part in fields(value):
            _zoned(getattr(value, part.name), f"{path}.{part.name}")
    elif isinstance(value, tuple):
        for index, part in enumerate(value):
            _zoned(part, f"{path}[{index}]")
    return value
