"""Reads the templates: parsed by pycep, and by their words, since no Bicep compiler is at hand.

pycep reads syntax and gives names and texts alike as strings; what a name refers to is checked on the text itself.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from pycep import BicepParser

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"

_WORD = re.compile(r"[A-Za-z_]\w*")
_DECLARED = re.compile(r"^(?:param|var|resource|module|func|output)\s+(\w+)", re.MULTILINE)
_IMPORTED = re.compile(r"^import\s*\{([^}]*)\}", re.MULTILINE)
_LOOPED = re.compile(r"\[for\s+(?:\((\w+),\s*(\w+)\)|(\w+))\s+in\b")
_LAMBDA = re.compile(r"(\w+)\s*=>")
_SIGNATURE = re.compile(r"^func\s+\w+\(([^)]*)\)", re.MULTILINE)
_OUTPUTS = re.compile(r"\b(\w+)(?:\[\w+\])?\.outputs\.(\w+)")

_WORDS_OF_BICEP = """
    targetScope param var resource module output import from func existing for in if true false null
    string int bool object array
"""
# Names of *Bicep functions* and decorators (learn.microsoft.com, azure-resource-manager/bicep/bicep-functions).
_FUNCTIONS_OF_BICEP = """
    concat contains deployment empty environment filter guid items join last loadJsonContent loadTextContent map mapValues replace resourceGroup split
    subscription subscriptionResourceId take toLower toObject union uniqueString
    description minLength maxLength minValue maxValue allowed export
"""
KNOWN = frozenset(_WORDS_OF_BICEP.split()) | frozenset(_FUNCTIONS_OF_BICEP.split())


@dataclass(frozen=True)
class Call:
    """A ``module`` statement: the file that it calls, with which parameters, at which scope (as it is written)."""

    name: str
    file: Path
    params: frozenset[str]
    scope: Any


@dataclass(frozen=True)
class Bicep:
    """One file."""

    path: Path

    @property
    def name(self) -> str:
        """The path below ``infra``."""
        return self.path.relative_to(INFRA).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> Mapping[str, Any]:
        parsed: Mapping[str, Any] = BicepParser().parse(file_path=self.path)
        return parsed

    @property
    def scope(self) -> str:
        """The scope at which it is deployed."""
        return str(self.tree["globals"]["scope"]["value"])

    @property
    def params(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.tree.get("parameters", {})
        return found

    @property
    def required(self) -> frozenset[str]:
        """The parameters without a default."""
        return frozenset(name for name, param in self.params.items() if param["default"] is None)

    @property
    def resources(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.tree.get("resources", {})
        return found

    def resource(self, kind: str) -> Any:
        """Return the body of the one resource of this type that is made here."""
        (found,) = [r for r in self.resources.values() if r["type"] == kind and not r["existing"]]
        return _body(found["config"])

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(
            Call(
                name=name,
                file=self.path.parent / module["detail"]["path"],
                params=frozenset(_body(module["config"]).get("params", {})),
                scope=_body(module["config"]).get("scope"),
            )
            for name, module in self.tree.get("modules", {}).items()
        )

    @property
    def outputs(self) -> frozenset[str]:
        return frozenset(self.tree.get("outputs", {}))

    @property
    def outputs_used(self) -> frozenset[tuple[str, str]]:
        """Module and output, as they are used here."""
        return frozenset(_OUTPUTS.findall(code_of(self.text)))

    @property
    def unknown_names(self) -> frozenset[str]:
        """The names that are used and declared nowhere."""
        code = code_of(self.text)
        return frozenset(_used(code)) - _declared(code) - KNOWN

    @property
    def unused_names(self) -> frozenset[str]:
        """The parameters and variables that nothing in the file uses."""
        code = code_of(self.text)
        uses = Counter(_used(code))
        return frozenset(name for name in {*self.params, *self.tree.get("variables", {})} if uses[name] < 2)


@cache
def templates() -> tuple[Bicep, ...]:
    """Return every Bicep file."""
    return tuple(Bicep(path) for path in sorted(INFRA.rglob("*.bicep")))


def template(name: str) -> Bicep:
    """Return one file by its path below ``infra``."""
    return next(found for found in templates() if found.name == name)


def parameters(name: str) -> Mapping[str, Any]:
    """Return the values of a parameters file."""
    document = json.loads((INFRA / name).read_text(encoding="utf-8"))
    return {key: entry["value"] for key, entry in document["parameters"].items()}


def walk(node: Any) -> Iterator[Any]:
    """Yield a node and all that is in it."""
    yield node
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in inner:
        yield from walk(child)


def code_of(text: str) -> str:
    """Return ``text`` without comments, and of its strings only the expressions that they insert."""
    out: list[str] = []
    place = 0
    while place < len(text):
        if text.startswith("//", place):
            place = text.find("\n", place) if "\n" in text[place:] else len(text)
        elif text[place] == "'":
            inserted, place = _string(text, place + 1)
            out.append(f"'' {inserted}" if inserted else "''")
        else:
            out.append(text[place])
            place += 1
    return "".join(out)


def _string(text: str, place: int) -> tuple[str, int]:
    """Return what a string inserts, and the place behind it."""
    inserted: list[str] = []
    while text[place] != "'":
        if text[place] == "\\":
            place += 2
        elif text.startswith("${", place):
            end = _end_of_expression(text, place + 2)
            inserted.append(f" + ({code_of(text[place + 2 : end])})")
            place = end + 1
        else:
            place += 1
    return "".join(inserted), place + 1


def _end_of_expression(text: str, place: int) -> int:
    depth = 0
    while depth or text[place] != "}":
        if text[place] == "'":
            place = _string(text, place + 1)[1]
            continue
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        place += 1
    return place


def _used(code: str) -> Iterator[str]:
    for found in _WORD.finditer(code):
        before, after = code[: found.start()].rstrip(" "), code[found.end() :].lstrip(" ")
        is_key = after.startswith(":") and (not before or before[-1] in "\n{,")
        if not is_key and not before.endswith("."):
            yield found.group()


def _declared(code: str) -> frozenset[str]:
    names = set(_DECLARED.findall(code)) | set(_LAMBDA.findall(code))
    names |= {name for found in _LOOPED.findall(code) for name in found if name}
    names |= {name.strip() for found in _IMPORTED.findall(code) for name in found.split(",")}
    names |= {part.split()[0] for found in _SIGNATURE.findall(code) for part in found.split(",")}
    return frozenset(names)


def _body(config: Mapping[str, Any]) -> Any:
    """Return the body of a resource or module, be it a loop's, a condition's or its own."""
    return config["config"] if "loop_type" in config or "condition" in config else config
