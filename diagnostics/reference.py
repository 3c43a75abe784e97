"""``python -m diagnostics.reference``: the document of all causes, made from the code that judges them.

``--write`` writes ``docs/causes.md``, ``--check`` tells by its exit code (0 or 1) whether that file is current.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from diagnostics.catalogue import CATALOGUE
from diagnostics.judging import Cause, all_causes
from diagnostics.model import PullStep
from diagnostics.probing import all_probes
from diagnostics.signatures import Signature, SymptomRule, Weight, published_rules

__all__ = ["main", "reference"]

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "causes.md"
_COMMAND = "python -m diagnostics.reference --write"
_SAMPLES = 3
_OURS = "diagnostics.causes."
_SPACED = re.compile(r"\s(?![^{}]*\})")
"""A blank that is part of a word of a command, not of the name of what is filled in."""

_BARE = re.compile(r"\{[^{}]*\}")
"""A text of which nothing is known but that it is filled in."""

_HEAD = f"""# Causes

What can be wrong in the world when an image does not come, in the order in which a pull meets it. This file is made
from the code (`{_COMMAND}`) and checked; `docs/architecture.md` says how a verdict comes about.

*Confirmed* needs a fact that by itself explains the failure. Where the deciding facts cannot be read, a cause that the
text names is *likely*, and the message says what was not seen. In remedies, braces stand for what is filled in.
What older answers on the web say, and no longer holds, is in [old-advice.md](old-advice.md).
"""


def reference() -> str:
    """Return the document."""
    parts = [_HEAD, *_contents()]
    for step in PullStep:
        found = [cause for cause in all_causes() if cause.step is step]
        if found:
            parts.append(f"## {step.value[0].upper()}{step.value[1:]}\n")
            parts += ["\n".join(_cause(cause)) for cause in sorted(found, key=lambda cause: (cause.rank, cause.id))]
    return "\n".join([*parts, *_symptoms()])


def _contents() -> Iterator[str]:
    yield "| cause | what is wrong |\n|---|---|"
    for cause in sorted(all_causes(), key=lambda cause: cause.id):
        yield f"| [`{cause.id}`](#{cause.id}) | {_cell(cause.title)} |"
    yield ""


def _cause(cause: Cause) -> Iterator[str]:
    yield f"### `{cause.id}`\n"
    yield f"{cause.title}.\n"
    yield from _looks(cause)
    yield from _decides(cause)
    yield from _fixes(cause)
    yield from _rights(cause)


# --- what it looks like -------------------------------------------------------------------------------------


def _looks(cause: Cause) -> Iterator[str]:
    shown = ", ".join(f"[`{symptom}`](#symptom-{symptom})" for symptom in sorted(cause.explains))
    yield f"**What it looks like.** The text says {shown}." + (
        " It is also said beside another cause, where the pull would stop here next." if cause.masked else ""
    )
    naming = [signature for rule in published_rules() for signature in rule.signatures if cause.id in signature.names]
    if naming:
        yield "\nTexts that name it:\n"
        yield from (f"* {_sample(signature)}" for signature in naming[:_SAMPLES])
    yield ""


def _sample(signature: Signature) -> str:
    line = " / ".join(part.strip() for part in signature.accepts[0].splitlines() if part.strip())
    own = ", its own statement, which decides" if signature.decisive else ""
    return f"{_code(line)} ({signature.emitter}{own})"


def _symptoms() -> Iterator[str]:
    yield "## Symptoms\n"
    yield "What a text says. A symptom is no cause: the facts decide between those that could be behind it.\n"
    for rule in published_rules():
        yield f'<a id="symptom-{rule.id}"></a>\n### `{rule.id}`\n\n{rule.title}.\n'
        yield from (f"* {_sample(signature)}" for signature in _telling(rule))
        yield ""


def _telling(rule: SymptomRule) -> tuple[Signature, ...]:
    best = sorted(rule.signatures, key=lambda signature: (signature.weight > Weight.STATUS, signature.foreign))
    return tuple(best[:_SAMPLES])


# --- what decides it ----------------------------------------------------------------------------------------


def _decides(cause: Cause) -> Iterator[str]:
    said = [text for text in (_first(type(cause).judge, proven=True), _first(type(cause))) if text]
    if cause.id not in _modules():
        said = ["The text alone: no live check of this version decides it."]
    yield f"**What decides it.** {' '.join(said)}"
    titles = [all_probes()[need].title for need in cause.needs]
    yield f"\nFacts that are read: {', '.join(titles)}.\n" if titles else "\nNo fact is read for it.\n"


def _first(thing: Any, *, proven: bool = False) -> str:
    """Return the first paragraph of a docstring as a sentence; of ``judge``, when the cause is confirmed."""
    text = " ".join(inspect.cleandoc(thing.__doc__ or "").partition("\n\n")[0].split())
    if not proven:
        return _prose(text)
    condition = text.removeprefix("Return *proven* ").partition("; ")[0].rstrip(".")
    return f"Confirmed {_prose(condition)}." if condition != text.rstrip(".") else ""


def _prose(text: str) -> str:
    return text.replace("``", "`")


# --- how to fix it ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Fix:
    title: str
    detail: str = ""
    command: str = ""
    bicep: bool = False


def _fixes(cause: Cause) -> Iterator[str]:
    module = _modules().get(cause.id)
    fixes = tuple(dict.fromkeys(_remedies(module))) if module is not None else ()
    if not fixes and cause.id in CATALOGUE:
        fixes = (_Fix(CATALOGUE[cause.id].way_out),)
    yield "**How to fix it.**\n"
    for fix in fixes:
        detail = f" {fix.detail}" if fix.detail else ""
        command = f" {_code(fix.command)}" if fix.command else ""
        yield f"* {fix.title}.{detail}{command}{' (and as Bicep)' if fix.bicep else ''}"
    yield ""


@cache
def _modules() -> dict[str, ModuleType]:
    """Return the module of every cause that is judged, by the cause's id."""
    found = {cause.id: inspect.getmodule(type(cause)) for cause in all_causes()}
    return {name: module for name, module in found.items() if module and module.__name__.startswith(_OURS)}


def _remedies(module: ModuleType) -> Iterator[_Fix]:
    """Yield the remedies that a cause's file makes, those of the helpers that it calls behind them."""
    tree = _tree(module)
    yield from _made_in(tree, module)
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    for name in sorted(called):
        helper = getattr(module, name, None)
        home = inspect.getmodule(helper) if inspect.isfunction(helper) else None
        if home is not None and home is not module and home.__name__.startswith(_OURS):
            yield from _made_by(name, home, set())


def _made_by(name: str, module: ModuleType, seen: set[str]) -> Iterator[_Fix]:
    """Yield the remedies of one helper and of the functions beside it that it calls."""
    bodies = {node.name: node for node in _tree(module).body if isinstance(node, ast.FunctionDef)}
    if name in seen or name not in bodies:
        return
    seen.add(name)
    yield from _made_in(bodies[name], module)
    for node in ast.walk(bodies[name]):
        if isinstance(node, ast.Name) and node.id in bodies:
            yield from _made_by(node.id, module, seen)


def _made_in(tree: ast.AST, module: ModuleType) -> Iterator[_Fix]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            writer = _Writer(module, function)
            yield from (fix for node in ast.walk(function) if (fix := writer.fix(node)) is not None)


@cache
def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


class _Writer:
    """Reads the texts of one function as they are written, with ``{...}`` for what is filled in."""

    def __init__(self, module: ModuleType, function: ast.FunctionDef) -> None:
        self._module = module
        self._local: dict[str, ast.AST] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self._local.setdefault(node.targets[0].id, node.value)

    def fix(self, node: ast.AST) -> _Fix | None:
        """Return the remedy that ``node`` makes, if it makes one."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Remedy"):
            return None
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        title, detail, command = (self._text(given.get(key)) for key in ("title", "detail", "command"))
        detail = "" if _BARE.fullmatch(detail) else _prose(detail)
        command = "" if _BARE.fullmatch(command) or "{...} {...}" in command else command
        return None if _BARE.fullmatch(title) else _Fix(_prose(title.rstrip(".")), detail, command, "bicep" in given)

    def _text(self, node: ast.AST | None, depth: int = 0) -> str:
        match node:
            case ast.Constant(value=value):
                return str(value)
            case ast.JoinedStr(values=values):
                return "".join(self._text(value, depth) for value in values)
            case ast.FormattedValue(value=value):
                return self._inserted(value, depth)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._text(left, depth) + self._text(right, depth)
            case ast.IfExp(body=body, orelse=orelse):
                return self._text(body, depth) or self._text(orelse, depth)
            case ast.Call(func=ast.Name(id="az"), args=words):
                return " ".join(("az", *(_word(self._text(word, depth)) for word in words)))
            case _:
                return self._inserted(node, depth)

    def _inserted(self, node: ast.AST | None, depth: int) -> str:
        """Return a constant's or a local's text, else name what is filled in where its name says it."""
        match node:
            case None:
                return ""
            case ast.Name(id=name) if isinstance(getattr(self._module, name, None), str):
                return str(getattr(self._module, name))
            case ast.Name(id=name):
                local = self._text(self._local[name], depth + 1) if name in self._local and depth < 3 else "{...}"
                return local if local.replace("{...}", "").strip() else _named(name)
            case ast.Attribute(value=ast.Name(id=holder), attr="name" | "id"):
                return _named(holder)
            case ast.Attribute(attr=attr):
                return _named(attr)
            case ast.IfExp():
                return self._text(node, depth)
            case _:
                return "{...}"


def _named(name: str) -> str:
    return "{" + name.strip("_").replace("_", " ") + "}"


# --- which rights -------------------------------------------------------------------------------------------


def _rights(cause: Cause) -> Iterator[str]:
    actions = sorted({action for name in _all_needs(cause.needs) for action in all_probes()[name].actions})
    if not actions:
        yield "**Rights that the check needs.** None beside those that read the run and its logs.\n"
        return
    yield "**Rights that the check needs.**\n"
    yield from (f"* `{action}`" for action in actions)
    yield ""


def _all_needs(names: Sequence[str]) -> set[str]:
    found = set(names)
    for name in names:
        found |= _all_needs(all_probes()[name].needs)
    return found


def _code(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# --- the command --------------------------------------------------------------------------------------------


def _word(text: str) -> str:
    """Return a word of a command as a shell takes it for one."""
    return f'"{text}"' if _SPACED.search(text) else text


def main(argv: Sequence[str] | None = None) -> int:
    """Print, write or check the document; 1 where it is not current."""
    parser = argparse.ArgumentParser(prog="python -m diagnostics.reference", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help=f"write {DOCUMENT.name}")
    what.add_argument("--check", action="store_true", help=f"1 where {DOCUMENT.name} is not current")
    arguments = parser.parse_args(argv)
    made = reference()
    if arguments.write:
        DOCUMENT.write_text(made, encoding="utf-8")
    elif not arguments.check:
        sys.stdout.write(made)
    elif not DOCUMENT.exists() or DOCUMENT.read_text(encoding="utf-8") != made:
        sys.stderr.write(f"docs/{DOCUMENT.name} is not what the code says: run `{_COMMAND}`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
