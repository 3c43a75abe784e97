"""Every command that stands in a block of a document: ours are run or parsed, those of others are known ones.

* ``python -m diagnostics ...`` and ``python -m responders ...`` are run against a simulated Azure with a played story.
* What serves until it is stopped or asks a deployed app (:data:`PARSED`) is parsed by its own parser, and modules of
  ours with options of their own by their help.
* ``make ...`` is expanded by make itself.
* ``az ...`` needs a cloud: command and options are held against what the Azure CLI declares (``known_az.json``).
* Any other program has to be in :data:`ELSEWHERE`, so that nothing is left out unseen.
"""

from __future__ import annotations

import importlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from diagnostics.__main__ import main as diagnostics_main
from responders.__main__ import main as responders_main
from sandbox.delivering import deliveries_of, post
from sandbox.playing import APP, environment, fresh_host, variables
from sandbox.server import Sandbox
from sandbox.world import load_scenario

ROOT = APP.parent
PAGES = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
)
STORY = ROOT / "sandbox" / "scenarios" / "missing-pull-role.yaml"
ELSEWHERE = {
    ".",
    "azd",
    "git",
    "test",
    "echo",
    "exit",
    "for",
    "do",
    "done",
    "cd",
    "export",
    "curl",
    "gh",
    "pip",
    "terraform",
}
"""Programs of others, of which nothing more is checked, and words of the shell."""

PARSED = {"self-test", "doctor"}
"""Commands of the responders that ask a deployed app or a whole subscription: parsed here, run by tests of their own."""

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INSIDE = re.compile(r"\$\(((?:[^()]|\([^()]*\))*)\)")
_INLINE = re.compile(r"`(az (?:[a-z][a-z0-9-]* )+[-{][^`]*)`")
_ASSIGNED = re.compile(r"^\s*[A-Z_]+=")
_PROGRAM = re.compile(r"^(?:python|make|az|azd|git|terraform|pre-commit|docker|curl|gh|pip|npm)\b")
_SHELLS = {"sh", "shell", "bash", "console"}
_SEPARATORS = {"|", "||", "&&", ";", "&"}


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a document, as the shell would see its words."""

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"[:110]


def commands() -> Iterator[Command]:
    """Return every command of every block that is a shell's, those inside of others among them."""
    for page in PAGES:
        for language, block in _BLOCK.findall(page.read_text(encoding="utf-8")):
            lines = re.sub(r"\\\n\s*", " ", block).splitlines()
            if language in _SHELLS or (not language and any(_PROGRAM.match(line.strip()) for line in lines)):
                yield from (Command(page.name, words) for line in _whole(lines) for words in split(line))


def _whole(lines: list[str]) -> Iterator[str]:
    """Return lines, those joined between which a quotation runs on."""
    begun = ""
    for line in lines:
        begun = f"{begun}\n{line}" if begun else line
        try:
            _words(begun)
        except ValueError:
            continue
        yield begun
        begun = ""
    assert not begun, begun


def split(line: str) -> Iterator[tuple[str, ...]]:
    """Return the commands of one line."""
    for inner in _INSIDE.findall(line):
        yield from split(inner)
    outer = _INSIDE.sub("INNER", line)
    if _ASSIGNED.match(outer):
        outer = outer.split("=", 1)[1].partition(" ")[2]
    words = _words(outer)
    part: list[str] = []
    for word in [*words, ";"]:
        if word in _SEPARATORS:
            if part and part[0] == "xargs":
                part = part[1:] if not part[1].startswith("-") else part[2:]
            if part:
                yield tuple(part)
            part = []
        else:
            part.append(word)


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    return list(lexer)


COMMANDS = [command for command in commands() if command.words[0] != "INNER"]


def of(program: str) -> list[Command]:
    """Return the commands of one program."""
    return [command for command in COMMANDS if command.words[0] == program]


def modules(*names: str) -> list[Command]:
    """Return the commands that run one of these modules of ours."""
    return [c for c in of("python") if len(c.words) > 2 and c.words[1] == "-m" and c.words[2] in names]


@dataclass(frozen=True)
class Keyboard:
    """A folder, and what the documents' placeholders stand for in the played story."""

    folder: Path
    stands_for: dict[str, str]

    def filled(self, words: tuple[str, ...]) -> list[str]:
        """Return the words with the story's own names in the places of placeholders."""
        return [self.stands_for.get(word, word) for word in words]


@pytest.fixture(scope="module")
def keyboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyboard]:
    """Give a keyboard at which the story of the missing role was played: a store, an incident, evidence."""
    folder = tmp_path_factory.mktemp("keyboard")
    scenario = load_scenario(STORY)
    with (
        Sandbox(scenario) as azure,
        variables(environment(azure, folder / "store.sqlite", ("slack",))),
        fresh_host() as host,
    ):
        for delivery in deliveries_of(scenario):
            post(host.webhook_url("on_run_status_changed"), delivery)
            host.drain()
        body: Any = next(deliveries_of(scenario)).body
        event = body[0] if isinstance(body, list) else body
        (folder / "sample.log").write_text(str(scenario.run["error"]["message"]), encoding="utf-8")
        (folder / "event.json").write_text(json.dumps(event), encoding="utf-8")
        workspace, run = str(event["topic"]), str(scenario.run["id"])
        saved = folder / "evidence.json"
        with chdir(folder):
            assert diagnostics_main(["run", run, "--workspace", workspace, "--save", str(saved)]) == 0
        found = re.search(r"cc[0-9a-f]{14}-1", json.dumps([message.payload for message in azure.messages]))
        assert found
        names = {
            "FILE...": "sample.log",
            "FILE": "sample.log",
            "RUN_ID": run,
            "RESOURCE_ID": workspace,
            "$WORKSPACE_ID": workspace,
            "NAME": str(scenario.run["compute"]),
            "gpu-train": str(scenario.run["compute"]),
            "REFERENCE": str(scenario.run["image"]),
            "contoso.azurecr.io/train:7": str(scenario.run["image"]),
            "EVIDENCE.json": str(saved),
            "EVENT.json": "event.json",
            "INCIDENT": found[0],
            "ID": found[0],
            "f1a2-1": found[0],
        }
        yield Keyboard(folder, names)


def parsed(package: str, command: Command, monkeypatch: pytest.MonkeyPatch) -> int:
    """Have a command's own parser take its words; return how often it would have run."""
    taken: list[Any] = []

    def take(*arguments: Any) -> int:
        taken.append(arguments)
        return 0

    main = importlib.import_module(f"{package}.__main__")
    name = command.words[3]
    known: Any = getattr(main, "_COMMANDS", None)
    module = known[name] if known else importlib.import_module(f"{package}.commands.{name}")
    monkeypatch.setattr(module, "run", take)
    assert main.main(list(command.words[3:])) == 0
    return len(taken)


def run(keyboard: Keyboard, command: Command, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run a command of ours in this process; return its exit code and what it said."""
    main = {"diagnostics": diagnostics_main, "responders": responders_main}[command.words[2]]
    capsys.readouterr()
    with chdir(keyboard.folder):
        code = main(keyboard.filled(command.words[3:]))
    return code, *capsys.readouterr()


@pytest.mark.parametrize("command", modules("diagnostics"), ids=str)
def test_a_command_of_the_diagnosis_runs(
    command: Command, keyboard: Keyboard, capsys: pytest.CaptureFixture[str]
) -> None:
    """Against the simulated Azure; before a role is there, the answer of ``preflight`` is no."""
    code, said, problem = run(keyboard, command, capsys)
    assert code == (1 if command.words[3] == "preflight" else 0), problem
    assert "pull-role-missing" in said or command.words[3] == "log"


@pytest.mark.parametrize("command", modules("responders"), ids=str)
def test_a_command_of_the_responders_runs(
    command: Command, keyboard: Keyboard, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the played story's store: it ends with 0, or with a clear no, and says something.

    Nothing was fixed in the story, so its audit record is empty.
    """
    if command.words[3] in PARSED:
        assert parsed("responders", command, monkeypatch) == 1
        return
    code, said, problem = run(keyboard, command, capsys)
    assert code in ((0, 5) if command.words[3] == "audit" else (0, 1)), problem
    assert said.strip() or problem.strip() or "--json-lines" in command.words


@pytest.mark.parametrize("command", modules("sandbox"), ids=str)
def test_a_command_of_the_sandbox_is_parsed(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own parser; what it does has tests of its own."""
    assert parsed("sandbox", command, monkeypatch) == 1


@pytest.mark.parametrize(
    "command",
    [c for c in of("python") if c.words[1:2] == ("-m",) and c.words[2] not in ("diagnostics", "responders", "sandbox")],
    ids=str,
)
def test_a_module_of_ours_has_the_options(command: Command) -> None:
    """As its help says."""
    assert command.words[2].partition(".")[0] in ("diagnostics", "responders", "tools", "tests")
    done = subprocess.run(
        [sys.executable, "-m", command.words[2], "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        timeout=60,
    )
    assert {word for word in command.words[3:] if word.startswith("--")} <= set(re.findall(r"--[a-z-]+", done.stdout))


@pytest.mark.parametrize("command", of("make"), ids=str)
def test_a_target_of_make_can_be_made(command: Command) -> None:
    """Make expands it; a variable that it sets is one that the Makefile reads."""
    words = [word for word in command.words[1:] if not word.startswith("#")]
    done = subprocess.run(
        ["make", "--dry-run", *words], capture_output=True, text=True, cwd=ROOT, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        if "=" in word:
            assert f"$({word.partition('=')[0]})" in makefile or word.startswith(("PYTHON=", "VENV=")), word


def remedies() -> list[Command]:
    """Return the commands of the Azure CLI within sentences, those of the remedies among them: braces are filled in."""
    found = {(page.name, text) for page in PAGES for text in _INLINE.findall(page.read_text(encoding="utf-8"))}
    return [Command(page, tuple(shlex.split(text))) for page, text in sorted(found)]


def known_az() -> dict[str, list[str]]:
    """Return the commands of the Azure CLI that the documents use, each with its options."""
    text = (Path(__file__).parent / "known_az.json").read_text(encoding="utf-8")
    known: dict[str, list[str]] = json.loads(text)["commands"]
    return known


@pytest.mark.parametrize("command", [*of("az"), *remedies()], ids=str)
def test_a_command_of_the_azure_cli_is_known_with_its_options(command: Command) -> None:
    """By name, without abbreviation; what cannot be known here is whether it does what we say."""
    name = " ".join(_until_option(command.words[1:]))
    options = known_az().get(name)
    assert options is not None, f"az {name} is not in tests/known_az.json"
    used = {word.partition("=")[0] for word in command.words[1:] if word.startswith("-")}
    assert used <= {*options, "--output", "-o", "--query", "--subscription", "--only-show-errors"}


def _until_option(words: tuple[str, ...]) -> Iterator[str]:
    for word in words:
        if word.startswith(("-", "{")):
            return
        yield word


def test_no_program_is_left_out_unseen() -> None:
    """A program that no rule knows is a mistake, or wants a rule."""
    programs = {command.words[0] for command in COMMANDS}
    ours = {"python", "make", "az"}
    scripts = {program for program in programs if (ROOT / program).is_file()}
    strange = programs - ours - scripts - ELSEWHERE
    assert strange == set(), sorted(str(command) for command in COMMANDS if command.words[0] in strange)


def test_the_documents_have_commands_of_each_kind() -> None:
    """So that a change of their form does not leave nothing to test."""
    assert len(modules("diagnostics")) >= 6
    assert len(modules("responders")) >= 6
    assert len(of("az")) >= 20
    assert len(of("make")) >= 5
