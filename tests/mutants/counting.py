"""What became of each mutant, and what of it is prose."""

from __future__ import annotations

import ast
import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from textwrap import dedent

__all__ = ["Fate", "Mutant", "Share", "read", "shares"]

_NAME = re.compile(r"(.+)__mutmut_[0-9]+")
_WORDS = re.compile(r"[A-Za-z]{2,}[',;:]? [A-Za-z]{2,}")
_FOUND_BY_TESTS = frozenset({1, 3})  # pytest's failed tests and errors of its own
_STOPPED = frozenset({-24, 24, 36, 152, 255, -9, -11})  # ended by its time limit, or by a crash
_WITHOUT_A_TEST = frozenset({5, 33})


class Fate(Enum):
    """What became of a mutant."""

    KILLED = "killed"
    STOPPED = "stopped: it ran without end, or crashed"
    ALIVE = "alive"
    UNREACHED = "no test reaches it"
    UNTRIED = "not tried"

    @property
    def noticed(self) -> bool:
        """Whether the tests notice the change."""
        return self in (Fate.KILLED, Fate.STOPPED)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one function; ``prose`` where only the words of a message differ, ``change`` as a diff."""

    module: str
    name: str
    fate: Fate
    prose: bool
    change: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the mutants of one module the tests notice; those of prose are counted apart."""

    module: str
    mutants: int
    noticed: int
    prose: int

    @property
    def percent(self) -> float:
        """Noticed mutants in percent of those that are not of prose."""
        return 100 * self.noticed / self.mutants if self.mutants else 100.0


def read(folder: Path) -> tuple[Mutant, ...]:
    """Return all mutants that mutmut left in ``folder``, by module and in its own order."""
    found: list[Mutant] = []
    for results in sorted(folder.rglob("*.py.meta")):
        fates: dict[str, int | None] = json.loads(results.read_text(encoding="utf-8"))["exit_code_by_key"]
        if fates:
            source = results.with_suffix("")
            module = ".".join(source.relative_to(folder).with_suffix("").parts)
            functions = _functions(source.read_text(encoding="utf-8"))
            found += (_mutant(module, key, code, functions) for key, code in fates.items())
    return tuple(found)


def shares(mutants: Iterable[Mutant]) -> tuple[Share, ...]:
    """Return one share for each module, in order of their names."""
    by_module: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        by_module.setdefault(mutant.module, []).append(mutant)
    return tuple(_share(module, own) for module, own in sorted(by_module.items()))


def _share(module: str, mutants: list[Mutant]) -> Share:
    counted = [mutant for mutant in mutants if not mutant.prose]
    noticed = sum(mutant.fate.noticed for mutant in counted)
    return Share(module=module, mutants=len(counted), noticed=noticed, prose=len(mutants) - len(counted))


def _functions(source: str) -> dict[str, str]:
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {node.name: dedent(ast.get_source_segment(source, node, padded=True) or "") for node in nodes}


def _mutant(module: str, key: str, code: int | None, functions: dict[str, str]) -> Mutant:
    name = key.rpartition(".")[2]
    named = _NAME.fullmatch(name)
    if named is None:
        raise ValueError(f"{key} is no name of a mutant: mutmut has changed its own, see tests/mutants/counting.py")
    before, after = (_unnamed(functions[one]) for one in (f"{named.group(1)}__mutmut_orig", name))
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    change = tuple(f"{line[0]} {line[1:].strip()}" for line in lines if not line.startswith(("---", "+++", "@@")))
    return Mutant(module=module, name=name, fate=_fate(code), prose=_is_prose(before, after), change=change)


def _unnamed(function: str) -> str:
    """Return the function without its mutant's name, which differs from the original's in any case."""
    return re.sub(r"(def )\S+?__mutmut_(?:orig|[0-9]+)", r"\1_", function, count=1)


def _fate(code: int | None) -> Fate:
    if code is None:
        return Fate.UNTRIED
    if code in _WITHOUT_A_TEST:
        return Fate.UNREACHED
    if code in _STOPPED:
        return Fate.STOPPED
    return Fate.KILLED if code in _FOUND_BY_TESTS else Fate.ALIVE


def _is_prose(before: str, after: str) -> bool:
    """Tell whether the two differ in one text of two or more words alone."""
    (first, shape), (second, changed) = _texts_and_rest(before), _texts_and_rest(after)
    differing = [text for text, other in zip(first, second, strict=False) if text != other]
    return shape == changed and len(differing) == 1 and bool(_WORDS.search(differing[0]))


def _texts_and_rest(function: str) -> tuple[list[str], str]:
    """Return the texts of a function in order, and all else of it."""
    tree, texts = ast.parse(function), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.append(node.value)
            node.value = ""
    return texts, ast.dump(tree)
