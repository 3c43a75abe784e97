"""What was found, for people and for machines. Nothing leaves without the redactor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from textwrap import TextWrapper
from typing import Any

from diagnostics.redaction import redact
from responders.health import Result, State
from responders.health.examining import Examination, Section
from responders.wording import one_line

__all__ = ["as_json", "as_plain", "as_text"]

_WIDTH = 118
_STATE = max(len(state.value) for state in State)
_INDENT = " " * (_STATE + 4)


def as_plain(found: Examination) -> dict[str, Any]:
    """Return everything in plain values, ready for JSON."""
    return {
        "ok": not found.count(State.MISSING, State.WRONG, State.NOT_VISIBLE),
        "counts": {state.value: found.count(state) for state in State},
        "sections": [_section(section) for section in found.sections if section.results],
    }


def as_json(found: Examination) -> str:
    """Return everything as one JSON object on one line."""
    return json.dumps(as_plain(found), ensure_ascii=False)


def as_text(found: Examination) -> str:
    """Return everything as lines: by section, and at the end what it comes to.

    Text is wrapped; commands are not, so that each can be copied.
    """
    lines: list[str] = []
    said: set[str] = set()
    for section in found.sections:
        if section.results:
            lines += [section.check.title, *(line for one in section.results for line in _lines(one, said)), ""]
    return "\n".join([*lines, _sum(found)])


def _lines(result: Result, already: set[str]) -> Iterator[str]:
    fine = result.state is State.OK
    head, *rest = result.details if fine and result.details else ("", *result.details)
    said = f"{_shown(result.what)}: {_shown(head)}" if head else _shown(result.what)
    yield from _wrapped(said, f"  {result.state.value:<{_STATE}}  ")
    if result.scope:
        yield f"{_INDENT}at {_shown(result.scope)}"
    for detail in rest:
        yield from _wrapped(_shown(detail), _INDENT)
    commands = [_shown(command) for command in result.commands]
    yield from (f"{_INDENT}$ {command}" for command in commands if command not in already)
    if commands and already.issuperset(commands):
        yield f"{_INDENT}what stands behind $ above puts this right, too"
    already.update(commands)


def _wrapped(text: str, lead: str) -> list[str]:
    wrapper = TextWrapper(_WIDTH, lead, f"{_INDENT}  ", break_long_words=False, break_on_hyphens=False)
    return wrapper.wrap(text)


def _sum(found: Examination) -> str:
    counted = [(found.count(state), state.value) for state in State]
    told = ", ".join(f"{number} {word}" for number, word in counted if number)
    if found.count(State.MISSING, State.WRONG):
        return f"{told}. Run what stands behind each $, then ask again; a new role counts after some minutes."
    if found.count(State.NOT_VISIBLE):
        return f"{told}. Nothing is known to be missing, but not everything could be looked at."
    return f"{told}. Everything that is needed is there."


def _section(section: Section) -> dict[str, Any]:
    return {
        "name": section.check.name,
        "title": section.check.title,
        "at": section.at.isoformat(),
        "results": [_plain(result) for result in section.results],
    }


def _plain(result: Result) -> dict[str, Any]:
    return {
        "what": _shown(result.what),
        "state": result.state.value,
        "scope": _shown(result.scope),
        "details": [_shown(detail) for detail in result.details],
        "commands": [_shown(command) for command in result.commands],
        "vital": result.vital,
    }


def _shown(text: str) -> str:
    """Return one redacted line without what a terminal would obey: names are other people's."""
    return one_line(redact(text))
