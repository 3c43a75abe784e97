"""Scenario files: read, laid over their base, checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from sandbox.merge import merged
from sandbox.roles import BUILT_IN
from sandbox.scenario_format import FORMAT, REQUIRED_TO_RUN
from sandbox.schema import problems

__all__ = ["Scenario", "ScenarioError", "load_scenario", "parse_scenario"]

DEFAULT_FAILED_AT = "2026-01-01T12:00:00Z"


class ScenarioError(Exception):
    """A scenario file that cannot be used. The text names the file and, line by line, each key that is
    wrong.
    """

    def __init__(self, source: Path | str, found: list[str]) -> None:
        self.source, self.problems = source, tuple(found)
        super().__init__("\n".join(f"{source}: {problem}" for problem in found))


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story of a failed run. The parts are plain mappings in the words of the file; absent ones are
    empty.
    """

    id: str
    source: Path | None
    world: Mapping[str, Any]
    run: Mapping[str, Any] = field(default_factory=dict)
    event: Mapping[str, Any] = field(default_factory=dict)
    expected: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[Mapping[str, Any], ...] = ()
    classes: tuple[str, ...] = ()
    story: str = ""
    why: str = ""

    @property
    def failed_at(self) -> datetime:
        """When the run failed; aware of its zone."""
        return datetime.fromisoformat(self.world.get("failed_at") or DEFAULT_FAILED_AT)

    @property
    def now(self) -> datetime:
        """When the responder looks: one minute after the failure."""
        return self.failed_at + timedelta(minutes=1)

    def runs(self) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
        """Every run with its parent, the root first, then depth first; then the world's other runs, which have none."""
        if self.run:
            yield from _family(self.run, None)
        for run in self.world.get("other_runs") or ():
            yield run, None


def _family(
    run: Mapping[str, Any], parent: Mapping[str, Any] | None
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
    yield run, parent
    for child in run.get("children") or ():
        yield from _family(child, run)


class _Loader(yaml.SafeLoader):
    """Leaves times as text, and refuses a key that is stated twice: YAML would silently take the last."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is stated twice", key_node.start_mark)
        seen.add(key)
    loader.flatten_mapping(node)
    return {loader.construct_object(k, deep=True): loader.construct_object(v, deep=True) for k, v in node.value}


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def load_scenario(path: Path | str, *, complete: bool = False) -> Scenario:
    """Read a scenario file, laid over its ``base`` if it names one (relative to the file), and check it.

    ``complete`` asks for everything that a run against an expectation needs; serving needs only ``world``.
    Raises `ScenarioError` where the file, or one that it builds on, cannot be read or has wrong or unknown
    keys.
    """
    path = Path(path)
    return parse_scenario(_read(path, ()), source=path, complete=complete)


def _read(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in above:
        raise ScenarioError(path, ["base: the files build on each other in a circle"])
    data = _parsed(path)
    base = data.pop("base", None)
    if base is None:
        return data
    if not isinstance(base, str):
        raise ScenarioError(path, [f"base: expected a file name, found {base!r}"])
    return dict(merged(_read(path.parent / base, (*above, path.resolve())), data))


def _parsed(path: Path) -> dict[str, Any]:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ScenarioError(path, [str(error)]) from error
    if not isinstance(data, dict):
        raise ScenarioError(path, ["expected a mapping at the top"])
    return data


def parse_scenario(data: Mapping[str, Any], *, source: Path | None = None, complete: bool = False) -> Scenario:
    """Return a scenario from what a file would hold, checked as `load_scenario` checks it (``base`` is not
    followed).
    """
    required = REQUIRED_TO_RUN if complete else ("world",)
    found = [f"{key}: is required" for key in required if not data.get(key)]
    found += problems(data, FORMAT)
    found = found or list(_references(data))
    if found:
        raise ScenarioError(source or "scenario", found)
    return Scenario(
        id=data.get("id") or (source.stem if source else "scenario"),
        source=source,
        world=data["world"],
        run=data.get("run") or {},
        event=data.get("event") or {},
        expected=data.get("expected") or {},
        faults=tuple(data.get("faults") or ()),
        classes=tuple(data.get("classes") or ()),
        story=data.get("story") or "",
        why=data.get("why") or "",
    )


_KINDS_OF_FAULT = ("latency_ms", "status", "retry_after", "cut", "half", "body", "untrusted")


def _references(data: Mapping[str, Any]) -> Iterator[str]:
    world = data["world"]
    yield from _times(world)
    yield from _roles(world)
    for run, _ in _family(data.get("run") or {}, None):
        yield from _recipes(run)
    for index, entry in enumerate((world.get("responder") or {}).get("may_not_read") or ()):
        yield from _call(entry.get("call"), f"world.responder.may_not_read[{index}].call")
    for index, fault in enumerate(data.get("faults") or ()):
        yield from _call(fault.get("call"), f"faults[{index}].call")
        if all(fault.get(kind) is None for kind in _KINDS_OF_FAULT):
            yield f"faults[{index}]: states neither latency_ms nor status, retry_after, cut, half, body or untrusted"


def _recipes(run: Mapping[str, Any]) -> Iterator[str]:
    for name, entry in (run.get("logs") or {}).items():
        line = ((entry or {}).get("generate") or {}).get("single_line") if not isinstance(entry, str) else None
        where = f"logs[{name!r}].generate.single_line"
        if line is not None and not line.get("bytes"):
            yield f"{where}.bytes: is required"
        if line is not None and not (line.get("alphabet") or "a").isascii():
            yield f"{where}.alphabet: only ASCII can be generated"


def _times(world: Mapping[str, Any]) -> Iterator[str]:
    try:
        stated = datetime.fromisoformat(world.get("failed_at") or DEFAULT_FAILED_AT)
    except ValueError as error:
        yield f"world.failed_at: {error}"
        return
    if stated.tzinfo is None:
        yield "world.failed_at: has no zone; end it with Z"


def _roles(world: Mapping[str, Any]) -> Iterator[str]:
    known = {role.key for role in BUILT_IN}
    known |= {definition["name"].replace(" ", "").lower() for definition in world.get("role_definitions") or ()}
    for index, assignment in enumerate(world.get("role_assignments") or ()):
        if assignment["role"].replace(" ", "").lower() not in known:
            where = f"world.role_assignments[{index}].role"
            yield f"{where}: {assignment['role']!r} is neither built in nor defined here"


def _call(call: Mapping[str, Any] | None, where: str) -> Iterator[str]:
    if not call:
        yield f"{where}: is required"
    for key in ("host", "path"):
        try:
            re.compile((call or {}).get(key) or "")
        except re.error as error:
            yield f"{where}.{key}: is no regular expression: {error}"
