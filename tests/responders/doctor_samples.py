"""A deployment on the simulated Azure in which everything is there, and the doctor that looks at it."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from responders.__main__ import main
from sandbox import Sandbox, Scenario, parse_scenario
from sandbox.merge import merged
from sandbox.playing import APP, environment, variables
from sandbox.world import load_scenario

__all__ = [
    "REGISTRY",
    "RESPONDER",
    "SUBSCRIPTION",
    "WORKSPACE",
    "Doctor",
    "Told",
    "az_problems",
    "deployed",
    "scenario",
]

SUBSCRIPTION = "/subscriptions/14ff9242-5d9a-4c87-8a21-293993ff22dd"
_GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-turbines/providers"
WORKSPACE = f"{_GROUP}/Microsoft.MachineLearningServices/workspaces/halvorsen-ml"
REGISTRY = f"{_GROUP}/Microsoft.ContainerRegistry/registries/halvorsenimages"
RESPONDER = "f514dfbb-c282-434d-812f-d0ac6a288e03"
_INSIDE = re.compile(r"\$\(([^()]*)\)")
_EVERYWHERE = {"--output", "--query"}
_BASE = APP.parent / "sandbox" / "scenarios" / "_base.yaml"


@cache
def _known_az() -> dict[str, list[str]]:
    """Return every option of the Azure CLI's commands, as that declares them."""
    found: dict[str, list[str]] = json.loads((APP.parent / "tests" / "known_az.json").read_text("utf-8"))["commands"]
    return found


def az_problems(command: str) -> Iterator[str]:
    """Yield what the Azure CLI would not know of a command, and of those inside of it."""
    for inner in _INSIDE.findall(command):
        yield from az_problems(inner)
    words = shlex.split(_INSIDE.sub("INNER", command))
    if words[0] != "az":
        return
    name = next((" ".join(words[1:end]) for end in range(6, 1, -1) if " ".join(words[1:end]) in _known_az()), "")
    if not name:
        yield f"az knows no such command: {command[:80]}"
    options = {word for word in words if word.startswith("--")}
    yield from (f"az {name} has no {one}" for one in sorted(options - set(_known_az().get(name, ())) - _EVERYWHERE))


@cache
def _base() -> Scenario:
    return load_scenario(_BASE)


def scenario(faults: Sequence[Mapping[str, Any]] = (), **world: Any) -> Scenario:
    """Return the healthy world with changes laid over it."""
    return parse_scenario({"world": merged(_base().world, world), "faults": list(faults)})


@dataclass(frozen=True)
class Told:
    """What the doctor said: its exit code and what it printed."""

    code: int
    text: str

    @property
    def results(self) -> list[dict[str, Any]]:
        """Every result, with the name of its section, of what was printed as JSON."""
        sections = json.loads(self.text)["sections"]
        return [{"section": section["name"], **result} for section in sections for result in section["results"]]

    @property
    def commands(self) -> list[str]:
        """Every command that was printed as JSON."""
        return [command for result in self.results for command in result["commands"]]

    @property
    def troubles(self) -> list[dict[str, Any]]:
        """The results that are neither fine nor notes."""
        return [result for result in self.results if result["state"] not in ("ok", "note")]

    @property
    def trouble(self) -> dict[str, Any]:
        """The only one of them."""
        (found,) = self.troubles
        return found


@dataclass(frozen=True)
class Doctor:
    """The command at a keyboard that the environment points at a sandbox."""

    sandbox: Sandbox
    capsys: pytest.CaptureFixture[str]

    def ask(self, *arguments: str) -> Told:
        """Run the command; nothing of the sandbox's secret may show."""
        code = main(["doctor", *arguments])
        said = self.capsys.readouterr()
        assert self.sandbox.sentinel not in said.out + said.err
        told = Told(code, said.out)
        if "--json" in arguments:
            assert [problem for command in told.commands for problem in az_problems(command)] == []
        return told

    def look(self, *sections: str) -> Told:
        """Ask for some sections, or for all, as JSON."""
        return self.ask("--json", *(word for section in sections for word in ("--only", section)))


@contextmanager
def deployed(
    capsys: pytest.CaptureFixture[str],
    folder: Path,
    *,
    places: Sequence[str] = ("slack",),
    settings: Mapping[str, str] | None = None,
    faults: Sequence[Mapping[str, Any]] = (),
    ahead: float = 0,
    **world: Any,
) -> Iterator[Doctor]:
    """Yield a doctor for the healthy world with changes; Azure's clock goes ``ahead`` seconds before ours."""
    with Sandbox(scenario(faults, **world), now=lambda: time.time() + ahead) as azure:
        around = environment(azure, folder / "store.sqlite", places)
        with variables({**around, **(settings or {})}):
            yield Doctor(azure, capsys)
        assert azure.refused == []
        assert azure.violations == []
        assert azure.messages == [], "nobody may hear of a look"
        assert azure.writes == []
