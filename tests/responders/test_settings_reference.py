"""The document, the schema and the example of the settings: what they say is what the reader does."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from settings_samples import ENVIRONMENT, NOW, SLACK, WHOLE, _desk

from responders import reference
from responders.channels import discover
from responders.routing import RouteFacts, route
from responders.settings import Document, declared_settings, load_settings
from responders.settings_keys import SECTIONS
from responders.settings_schema import SCHEMA, schema, schema_text

__all__ = ["_desk"]

EXAMPLE = Path(__file__).parents[2] / "docs" / "settings.example.toml"
_TYPES = {
    "object": dict,
    "array": list,
    "string": (str, datetime, date, time),  # a moment is a value of its own to TOML and a text to JSON
    "integer": int,
    "boolean": bool,
}


def complaints(value: Any, shape: Any, whole: Any, at: str = "") -> Iterator[str]:
    """Yield what JSON Schema (draft 7, as far as the schema uses it) finds wrong; an unknown keyword is an error here."""
    if shape is False:
        yield f"{at}: nothing is allowed"
        return
    for keyword, wanted in shape.items():
        yield from _KEYWORDS[keyword](value, wanted, shape, whole, at)


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and not (kind == "integer" and isinstance(value, bool))  # type: ignore[arg-type]


def _type(value: Any, wanted: Any, _s: Any, _w: Any, at: str) -> Iterator[str]:
    kinds = [wanted] if isinstance(wanted, str) else wanted
    if not any(_is(value, kind) for kind in kinds):
        yield f"{at}: no {wanted}"


def _properties(value: Any, wanted: Any, _s: Any, whole: Any, at: str) -> Iterator[str]:
    for name, inner in value.items() if isinstance(value, dict) else ():
        if name in wanted:
            yield from complaints(inner, wanted[name], whole, f"{at}.{name}")


def _additional(value: Any, wanted: Any, shape: Any, whole: Any, at: str) -> Iterator[str]:
    for name, inner in value.items() if isinstance(value, dict) else ():
        if name not in shape.get("properties", {}):
            yield from complaints(inner, wanted, whole, f"{at}.{name}")


def _required(value: Any, wanted: Any, _s: Any, _w: Any, at: str) -> Iterator[str]:
    yield from (f"{at}: {name} is missing" for name in wanted if isinstance(value, dict) and name not in value)


def _items(value: Any, wanted: Any, _s: Any, whole: Any, at: str) -> Iterator[str]:
    for index, inner in enumerate(value) if isinstance(value, list) else ():
        yield from complaints(inner, wanted, whole, f"{at}[{index}]")


def _one_of(value: Any, wanted: Any, _s: Any, whole: Any, at: str) -> Iterator[str]:
    if sum(not list(complaints(value, one, whole, at)) for one in wanted) != 1:
        yield f"{at}: not one of {len(wanted)}"


def _all_of(value: Any, wanted: Any, _s: Any, whole: Any, at: str) -> Iterator[str]:
    for one in wanted:
        yield from complaints(value, one, whole, at)


def _reference(value: Any, wanted: str, _s: Any, whole: Any, at: str) -> Iterator[str]:
    yield from complaints(value, whole["definitions"][wanted.rpartition("/")[2]], whole, at)


def _names(value: Any, wanted: Any, _s: Any, whole: Any, at: str) -> Iterator[str]:
    for name in value if isinstance(value, dict) else ():
        yield from complaints(name, wanted, whole, at)


def _pattern(value: Any, wanted: str, _s: Any, _w: Any, at: str) -> Iterator[str]:
    if isinstance(value, str) and not re.search(wanted, value):
        yield f"{at}: not of the form"


def _nothing(*_: Any) -> Iterator[str]:
    yield from ()


def _unless(right: Any) -> Any:
    def check(value: Any, wanted: Any, _s: Any, _w: Any, at: str) -> Iterator[str]:
        if not right(value, wanted):
            yield f"{at}: {wanted}"

    return check


def _of(kind: type | tuple[type, ...], right: Any) -> Any:
    return _unless(lambda value, wanted: not isinstance(value, kind) or right(value, wanted))


_KEYWORDS: dict[str, Any] = {
    "$schema": _nothing,
    "title": _nothing,
    "description": _nothing,
    "default": _nothing,
    "definitions": _nothing,
    "format": _nothing,
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "required": _required,
    "items": _items,
    "oneOf": _one_of,
    "allOf": _all_of,
    "$ref": _reference,
    "pattern": _pattern,
    "const": _unless(lambda value, wanted: value == wanted),
    "enum": _unless(lambda value, wanted: value in wanted),
    "minItems": _of(list, lambda value, wanted: len(value) >= wanted),
    "maxItems": _of(list, lambda value, wanted: len(value) <= wanted),
    "minLength": _of(str, lambda value, wanted: len(value) >= wanted),
    "maxLength": _of(str, lambda value, wanted: len(value) <= wanted),
    "minProperties": _of(dict, lambda value, wanted: len(value) >= wanted),
    "minimum": _of(int, lambda value, wanted: value >= wanted),
    "maximum": _of(int, lambda value, wanted: value <= wanted),
}


@pytest.mark.parametrize("text", [WHOLE, EXAMPLE.read_text(encoding="utf-8"), ""])
def test_the_schema_takes_what_the_reader_takes(text: str) -> None:
    """An editor underlines nothing in a right file."""
    assert list(complaints(tomllib.loads(text), schema(), schema())) == []


def changed(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """Return the whole file with another value at one place."""
    parsed: Any = copy.deepcopy(tomllib.loads(WHOLE))
    at = parsed
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return dict(parsed)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("destinations", "vision", "webhook_url"), SLACK),
        (("destinations", "vision", "webhook_url"), {"env": "IDENTITY_HEADER"}),
        (("destinations", "vision", "channel"), "slac"),
        (("destinations", "vision", "more"), 1),
        (("destinations", "Vision"), {}),
        (("trackers", "desk", "close_on_resolution"), "yes"),
        (("trackers", "desk", "queue"), []),
        (("defaults", "not_registry"), "vision"),
        (("routes", 0, "to"), "vision"),
        (("routes", 0, "severity"), "bad"),
        (("routes", 0, "whne"), {}),
        (("routes", 0, "when", "hours"), "8 to 18"),
        (("routes", 0, "when", "days"), ["monday to friday"]),
        (("routes", 0, "when", "causes"), []),
        (("routes", 1, "when", "tags"), {}),
        (("routes", 1, "when", "statuses"), ["possible"]),
        (("routes", 1, "when", "workspaces"), ["a" * 301]),
        (("silences", 0, "until"), 7),
        (("silences", 0), {"until": "2026-12-01T00:00:00Z", "reason": "r"}),
        (("incidents", "edit_every"), "1 fortnight"),
        (("incidents", "repeat_at"), [1]),
        (("incidents", "digest_above"), True),
        (("incident",), {}),
    ],
)
def test_the_schema_and_the_reader_refuse_the_same(path: tuple[str | int, ...], value: Any) -> None:
    """What an editor underlines is a mistake to the reader, too."""
    from responders.settings_file import Surroundings, _File  # noqa: PLC0415 - the reader behind the TOML

    parsed = changed(path, value)
    assert list(complaints(parsed, schema(), schema()))
    base = load_settings(ENVIRONMENT)
    around = Surroundings(
        environ=ENVIRONMENT,
        destinations=base.destinations,
        fallbacks=(),
        trackers=(),
        more_hosts=(),
        causes=lambda: ["pull-role-missing", "tag-absent"],
        now=NOW,
    )
    found = _File(Document("settings.toml", WHOLE), parsed, around).read()
    assert [problem for problem in found.problems if not problem.warning]


def test_the_schema_knows_every_channel_with_its_fields() -> None:
    """A channel is one file: its form in the settings follows from it."""
    kinds = schema()["properties"]["destinations"]["additionalProperties"]["oneOf"]
    by_name = {kind["properties"]["channel"]["const"]: set(kind["properties"]) for kind in kinds}
    assert by_name == {it.name: {"channel", *(one.name for one in it.fields)} for it in discover()}


def test_the_document_names_every_key_and_every_variable() -> None:
    """With its purpose and its default, as declared."""
    text = reference.reference()
    for section in SECTIONS:
        assert f"### `{section.header}`" in text
        assert all(f"| `{key.name}` | " in text for key in section.keys)
    for setting in declared_settings():
        secret = " Secret." if setting.secret else ""
        assert f"| `{setting.name}` | {setting.purpose}{secret} | {setting.default or 'not set'} |" in text


def test_what_is_committed_is_checked_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--check`` fails where one of the two is stale, ``--write`` mends it, without either the document is printed."""
    document, file = tmp_path / "settings.md", tmp_path / "settings.schema.json"
    made = {document: reference.reference, file: schema_text}
    monkeypatch.setattr(reference, "_MADE", made)
    assert reference.main(["--check"]) == 1
    assert "settings.md and settings.schema.json: not what the code says" in capsys.readouterr().err
    assert reference.main(["--write"]) == 0
    assert reference.main(["--check"]) == 0
    file.write_text(file.read_text() + " ")
    assert reference.main(["--check"]) == 1
    assert reference.main([]) == 0
    assert capsys.readouterr().out == document.read_text()


def test_the_committed_schema_is_one() -> None:
    """Whoever points an editor at it gets JSON. (``make check`` compares it with the code.)"""
    assert json.loads(SCHEMA.read_text(encoding="utf-8"))["title"] == "Settings of Pullmedic"


def test_the_example_is_right_and_does_what_its_comments_say() -> None:
    """No problem and no warning; and who hears of what."""
    text = EXAMPLE.read_text(encoding="utf-8")
    environ = {"PULLMEDIC_ON_CALL_WEBHOOK": SLACK}
    environ["PULLMEDIC_VISION_WEBHOOK"] = ENVIRONMENT["PULLMEDIC_PAGER_URL"]
    environ["PULLMEDIC_FIXER_CLIENT_ID"] = "33333333-0000-4000-8000-000000000003"
    environ["PULLMEDIC_PLATFORM_TOKEN"] = "xoxb-1-2-abcdefgh"
    environ["PULLMEDIC_PLATFORM_SIGNING_SECRET"] = "0123456789abcdef" * 2
    settings = load_settings(environ, now=NOW, document=Document("settings.toml", text))
    assert settings.problems == ()

    def heard(workspace: str, cause: str, at: str, **changes: Any) -> list[str]:
        known = {"status": "confirmed", "experiment": "release"} | changes
        facts = RouteFacts(workspace_id=f"/w/{workspace}", cause=cause, at=datetime.fromisoformat(at), **known)
        return [one.name for one in route(settings, facts, NOW).destinations]

    noon, night = "2026-11-23T12:00:00+01:00", "2026-11-23T23:00:00+01:00"
    assert heard("ws-speech", "tag-absent", noon) == ["ml-platform"]
    assert heard("ws-vision-2", "tag-absent", noon) == ["vision"]
    assert heard("ws-vision-2", "pull-role-missing", noon) == ["ml-platform"]
    assert heard("ws-vision-2", "tag-absent", night, tags={"stage": "prod"}) == ["on-call", "vision"]
    assert heard("ws-vision-2", "tag-absent", "2026-11-28T12:00:00+01:00", tags={"stage": "prod"}) == [
        "on-call",
        "vision",
    ]
    assert heard("ws-playground", "tag-absent", noon, experiment="try-1") == []
    assert heard("ws-vision-2", "not-registry", noon) == []
    assert heard("ws-vision-2", "insufficient-evidence", noon, status="") == ["ml-platform"]
