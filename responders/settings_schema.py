"""The JSON Schema of the settings file, made from the declarations that its reader goes by (draft 7, for editors)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from diagnostics.pull_roles import ACR_PULL, REPOSITORY_READER
from responders import channels, tickets
from responders.channels import Channel
from responders.declarations import Field
from responders.durations import DURATION_PATTERN
from responders.fixes.values import FixMode, Repositories
from responders.globs import LONGEST_GLOB
from responders.rules import Severity
from responders.settings_keys import (
    APPROVERS,
    CHANNEL,
    CLOSE,
    DEFAULTS,
    FIXES,
    INCIDENTS,
    MOST_ITEMS,
    MOST_ROUTES,
    MOST_SILENCES,
    ROUTE,
    SILENCE,
    STATUSES,
    TRACKER,
    WHEN,
    Key,
    Kind,
)
from responders.tickets import Tracker

__all__ = ["SCHEMA", "schema", "schema_text"]

SCHEMA = Path(__file__).parent / "settings.schema.json"

_DAY = "(mon|tue|wed|thu|fri|sat|sun)[a-z]*"
_CLOCK = "([01]?[0-9]|2[0-4]):[0-5][0-9]"


def schema_text() -> str:
    """Return the schema as the committed file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """Return the schema."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Settings of Pullmedic",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "destinations": _named(_kind(CHANNEL, (CHANNEL,), it) for it in channels.discover()),
            "trackers": _named(_kind(TRACKER, (TRACKER, CLOSE), it) for it in tickets.discover()),
            "defaults": _table(DEFAULTS),
            "routes": {"type": "array", "maxItems": MOST_ROUTES, "items": _table(ROUTE)},
            "silences": {"type": "array", "maxItems": MOST_SILENCES, "items": _table(SILENCE)},
            "incidents": _table(INCIDENTS),
            "fixes": _table(FIXES),
        },
        "definitions": {
            "when": _table(WHEN),
            "approvers": _table(APPROVERS),
            "secret": {
                "type": "object",
                "additionalProperties": False,
                "required": ["env"],
                "properties": {"env": {"type": "string", "pattern": "^PULLMEDIC_[A-Z0-9_]+$"}},
            },
        },
    }


def _named(kinds: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a table of entries by name, each of one of ``kinds``; none may be there as long as there is no kind."""
    found = list(kinds)
    return {
        "type": "object",
        "propertyNames": {"pattern": "^[a-z0-9][a-z0-9_-]{0,39}$"},
        "additionalProperties": {"oneOf": found} if found else False,
    }


def _kind(which: Key, own: tuple[Key, ...], kind: Channel | Tracker) -> dict[str, Any]:
    properties = {key.name: _key(key) for key in own if key is not which}
    properties |= {one.name: _field(one) for one in kind.fields}
    return {
        "type": "object",
        "title": kind.title,
        "additionalProperties": False,
        "required": [which.name, *(one.name for one in kind.fields if one.required)],
        "properties": {which.name: {"const": kind.name, "description": which.purpose}, **properties},
    }


def _field(one: Field) -> dict[str, Any]:
    if one.secret:
        return {"allOf": [{"$ref": "#/definitions/secret"}], "description": one.purpose}
    default = {"default": one.default} if one.default else {}
    return {"type": ["string", "integer", "boolean"], "description": one.purpose, **default}


def _table(keys: tuple[Key, ...]) -> dict[str, Any]:
    required = [key.name for key in keys if key.required]
    return {
        "type": "object",
        "additionalProperties": False,
        **({"required": required} if required else {}),
        "properties": {key.name: _key(key) for key in keys},
    }


def _key(key: Key) -> dict[str, Any]:
    said = f"{key.purpose} Default: {key.default}." if key.default else key.purpose
    return {**_SHAPES[key.kind](key), "description": said}


def _texts(shape: Mapping[str, Any], *, least: int = 1) -> Callable[[Key], dict[str, Any]]:
    return lambda _: {"type": "array", "minItems": least, "maxItems": MOST_ITEMS, "items": dict(shape)}


def _number(key: Key) -> dict[str, Any]:
    return {"type": "integer", "minimum": key.least, "maximum": key.most}


_TEXT = {"type": "string", "minLength": 1}
_GLOB = {"type": "string", "minLength": 1, "maxLength": LONGEST_GLOB}
_SHAPES: Mapping[Kind, Callable[[Key], dict[str, Any]]] = {
    Kind.TEXT: lambda _: dict(_TEXT),
    Kind.TRUTH: lambda _: {"type": "boolean"},
    Kind.DURATION: lambda _: {"type": "string", "pattern": f"^{DURATION_PATTERN}$"},
    Kind.COUNT: _number,
    Kind.COUNTS: lambda key: {"type": "array", "maxItems": MOST_ITEMS, "items": _number(key)},
    Kind.MOMENT: lambda _: {"type": "string", "format": "date-time"},
    Kind.GLOBS: _texts(_GLOB),
    Kind.CAUSES: _texts(_GLOB),
    Kind.STATUSES: _texts({"enum": list(STATUSES)}),
    Kind.SEVERITIES: _texts({"enum": [one.value for one in Severity]}),
    Kind.SEVERITY: lambda _: {"enum": [one.value for one in Severity]},
    Kind.DESTINATIONS: _texts(_TEXT, least=0),
    Kind.TRACKERS: _texts(_TEXT, least=0),
    Kind.TAGS: lambda key: {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"oneOf": [dict(_GLOB), _texts(_GLOB)(key)]},
    },
    Kind.HOURS: lambda _: {"type": "string", "pattern": f"^{_CLOCK} ?- ?{_CLOCK}$"},
    Kind.DAYS: _texts({"type": "string", "pattern": f"^{_DAY}(-{_DAY})?$"}),
    Kind.ZONE: lambda _: dict(_TEXT),
    Kind.MODE: lambda _: {"enum": [one.value for one in FixMode]},
    Kind.IDS: _texts(_TEXT, least=0),
    Kind.ROLES: _texts({"enum": [one.name for one in (ACR_PULL, REPOSITORY_READER)]}),
    Kind.WIDTH: lambda _: {"enum": [one.value for one in Repositories]},
    Kind.APPROVERS: lambda _: {"allOf": [{"$ref": "#/definitions/approvers"}]},
    Kind.TAG_VALUES: lambda _: {"type": "object", "additionalProperties": dict(_GLOB)},
    Kind.WHEN: lambda _: {"allOf": [{"$ref": "#/definitions/when"}]},
}
