"""``python -m diagnostics``: what a person at a keyboard, or a script, gets from it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure_wire import CUT, HISTORY, MANAGER, REFUSED, SERVER, WORKSPACE, Begin, BentSandbox, arm_error

from diagnostics.__main__ import main

ROOT = Path(__file__).parents[2]
TEXT = f"preparing\n{REFUSED}authentication required\n"


@dataclass(frozen=True)
class Result:
    """What a command gave back."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """Every line of the output as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Result]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs one command in this process; none may show a traceback."""

    def run(*argv: str) -> Result:
        try:
            code = main(argv)
        except SystemExit as stopped:  # argparse's own way to end
            code = int(stopped.code or 0)
        shown = capsys.readouterr()
        assert "Traceback" not in shown.out + shown.err
        return Result(int(code), shown.out, shown.err)

    return run


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Give a log of a refused pull."""
    path = tmp_path / "lifecycler.log"
    path.write_text(TEXT, encoding="utf-8")
    return path


# --- log ----------------------------------------------------------------------------------------------------


def test_a_log_is_one_line_of_json(command: Run, log: Path) -> None:
    """The line has the published members and no others, and quotes a line that stands in the file."""
    result = command("log", str(log), "--json")
    (told,) = result.lines
    assert result.code == 0
    assert result.err == ""
    assert set(told) == {"file", "symptom", "image", "registry", "evidence", "verdict", "causes"}
    assert (told["file"], told["symptom"], told["registry"]) == (str(log), "unauthorized", SERVER)
    assert told["image"] == f"{SERVER}/team/train:7"
    for quoted in told["evidence"]:
        assert set(quoted) == {"file", "line", "text"}
        assert TEXT.splitlines()[quoted["line"] - 1] == quoted["text"]
    for cause in told["causes"]:
        assert set(cause) == {"id", "status"}
        assert cause["status"] in {"likely", "possible", "ruled-out", "confirmed"}


def test_a_log_is_words_for_a_person(command: Run, log: Path) -> None:
    """Without --json the verdict comes with the line that shows it."""
    result = command("log", str(log))
    assert result.out.startswith(str(log))
    assert "verdict: insufficient-evidence" in result.out
    assert f"{log}:2:" in result.out
    assert "python -m diagnostics run" in result.out


def test_many_files_are_many_lines_in_their_order(command: Run, tmp_path: Path) -> None:
    """One object per file, each on one line, in the order in which they were named."""
    files = []
    for number, text in enumerate([TEXT, "all is well\n", "", TEXT]):
        path = tmp_path / f"{number}.log"
        path.write_text(text, encoding="utf-8")
        files.append(str(path))
    result = command("log", "--json", *files)
    assert [told["file"] for told in result.lines] == files
    assert [told["symptom"] for told in result.lines] == [
        "unauthorized",
        "not-registry",
        "not-registry",
        "unauthorized",
    ]
    assert result.lines[1]["evidence"] == []


def test_what_cannot_be_read_is_named_and_the_others_still_are(command: Run, log: Path, tmp_path: Path) -> None:
    """Missing files, folders and binary files are one line each on standard error, and exit code 3."""
    binary = tmp_path / "image.bin"
    binary.write_bytes(bytes(range(256)) * 100)
    missing = tmp_path / "missing.log"
    result = command("log", "--json", str(missing), str(tmp_path), str(binary), str(log))
    assert result.code == 3
    assert [told["file"] for told in result.lines] == [str(log)]
    said = result.err.splitlines()
    assert len(said) == 3
    assert all(line.startswith("pullmedic: ") for line in said)
    assert [str(path) in line for path, line in zip((missing, tmp_path, binary), said, strict=True)] == [True] * 3


def test_standard_input_is_read(command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash reads a pipe."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    (told,) = command("log", "-", "--json").lines
    assert (told["file"], told["symptom"]) == ("-", "unauthorized")


def test_secrets_in_a_log_are_not_printed(command: Run, tmp_path: Path) -> None:
    """A link's signature beside the failure does not get into the output."""
    path = tmp_path / "a.log"
    path.write_text(
        f"{TEXT.strip()} https://a.blob.core.windows.net/x?sv=1&sig=abcDEF123ghiJKL456%3D\n", encoding="utf-8"
    )
    for options in ([], ["--json"]):
        assert "abcDEF123" not in command("log", str(path), *options).out


def test_a_log_s_characters_need_not_be_the_terminal_s(log: Path) -> None:
    """A terminal that knows only ASCII gets escapes, and no traceback."""
    odd = log.parent / "größe.log"
    odd.write_text(f"{TEXT.strip()} \u2713 größe \U0001f600\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "diagnostics", "log", str(odd), "--json"],
        cwd=ROOT,
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "unauthorized" in done.stdout


def test_a_reader_that_goes_away_is_no_error(log: Path) -> None:
    """``... | head -0`` ends quietly."""
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m diagnostics log {' '.join([str(log)] * 50)} | true"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""


# --- run ----------------------------------------------------------------------------------------------------


def test_a_live_run_is_diagnosed_with_the_caller_s_own_credential(command: Run, azure: BentSandbox) -> None:
    """The verdict comes with who pulls, how it is known, and what to do."""
    result = command("run", "brave_run_1", "--workspace", WORKSPACE)
    assert result.code == 0
    assert "verdict: pull-role-missing (confirmed)" in result.out
    assert "az role assignment create" in result.out
    assert azure.violations == []
    assert azure.sentinel not in result.out + result.err


def test_a_live_run_as_json(command: Run, azure: BentSandbox) -> None:
    """One object, with the verdict, the quoted lines and every cause's status."""
    (told,) = command("run", "brave_run_1", "--workspace", WORKSPACE, "--json").lines
    assert (told["verdict"], told["status"]) == ("pull-role-missing", "confirmed")
    assert told["evidence"][0]["line"] == 2
    assert {"id": "pull-role-missing", "status": "confirmed"} in told["causes"]
    assert told["image"] == f"{SERVER}/team/train:7"
    assert azure.refused == []


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_saved_evidence_replays_to_the_same_answer(
    command: Run, azure: BentSandbox, tmp_path: Path, options: list[str]
) -> None:
    """Without any network the answer is the first one, byte for byte."""
    kept = tmp_path / "evidence.json"
    live = command("run", "brave_run_1", "--workspace", WORKSPACE, "--save", str(kept), *options)
    azure.reset()
    again = command("replay", str(kept), *options)
    assert again == live
    assert azure.calls == []
    assert azure.sentinel not in kept.read_text(encoding="utf-8")


def test_no_such_run(command: Run, azure: BentSandbox) -> None:
    """A run or a workspace that is not there is one line and exit code 5."""
    for run_id, workspace in (("no_such_run", WORKSPACE), ("brave_run_1", WORKSPACE + "x")):
        result = command("run", run_id, "--workspace", workspace)
        assert (result.code, result.out) == (5, "")
        assert len(result.err.splitlines()) == 1
        assert "no such run or workspace" in result.err


def test_no_credential(command: Run, azure: BentSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody logged in is one clear line, exit code 4, and not a word of any SDK."""
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    monkeypatch.setenv("PATH", str(tmp_path))
    result = command("run", "brave_run_1", "--workspace", WORKSPACE)
    assert (result.code, result.out) == (4, "")
    assert result.err.splitlines() == [
        "pullmedic: no Azure credential: log in with `az login`, or give the app a managed identity"
    ]


@pytest.mark.parametrize("reply", [arm_error(403, "AuthorizationFailed"), arm_error(500), CUT])
@pytest.mark.parametrize("host", [MANAGER, HISTORY])
def test_azure_that_cannot_be_read(command: Run, azure: BentSandbox, reply: Any, host: str) -> None:
    """A refusal, an outage and a cut connection are one line and exit code 6."""
    azure.bend(host, "", reply)
    result = command("run", "brave_run_1", "--workspace", WORKSPACE)
    assert (result.code, result.out) == (6, "")
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["log"],
        ["log", "--xml", "a.log"],
        ["run"],
        ["run", "r"],
        ["replay"],
        ["replay", "a", "b"],
        ["diagnose", "r"],
        ["run", "r", "--workspace", WORKSPACE, "--cloud", "AzureMoonCloud"],
        ["run", "r", "--workspace", WORKSPACE, "--deadline", "soon"],
        ["run", "r", "--workspace", WORKSPACE, "--deadline", "nan"],
        ["run", "r", "--workspace", WORKSPACE, "--deadline", "inf"],
        ["run", "r", "--workspace", WORKSPACE, "--deadline", "1e99"],
        ["run", "r", "--workspace", WORKSPACE, "--deadline", "0"],
        ["run", "r", "--workspace", WORKSPACE, "--deadline=-1"],
    ],
)
def test_wrong_arguments_are_exit_code_2_with_the_usage(command: Run, argv: list[str]) -> None:
    """What cannot be understood is answered with how it is meant."""
    result = command(*argv)
    assert (result.code, result.out) == (2, "")
    assert "usage:" in result.err


@pytest.mark.parametrize("workspace", ["proseware-ml", "", "/subscriptions/x", WORKSPACE + "/../x", WORKSPACE + "?a"])
def test_a_workspace_that_is_no_resource_id_is_exit_code_2(command: Run, azure: BentSandbox, workspace: str) -> None:
    """The form of a resource id is shown, and nobody is asked."""
    result = command("run", "r", "--workspace", workspace)
    assert result.code == 2
    assert "/subscriptions/ID/resourceGroups/GROUP" in result.err
    assert MANAGER not in azure.hosts


@pytest.mark.parametrize("run_id", ["..", ".", "a/b", "", " ", "a\nb"])
def test_a_run_id_that_leads_elsewhere_is_exit_code_2(command: Run, azure: BentSandbox, run_id: str) -> None:
    """An id that walks a path is no run's."""
    result = command("run", run_id, "--workspace", WORKSPACE)
    assert result.code == 2
    assert MANAGER not in azure.hosts


def test_evidence_that_cannot_be_kept_is_said(command: Run, azure: BentSandbox, tmp_path: Path) -> None:
    """A place that cannot be written is one line."""
    result = command("run", "brave_run_1", "--workspace", WORKSPACE, "--save", str(tmp_path / "no" / "such.json"))
    assert result.code == 2
    assert len(result.err.splitlines()) == 1


def test_help_says_what_exit_codes_mean(command: Run) -> None:
    """Every command's help has them."""
    for argv in (["--help"], ["log", "-h"], ["run", "-h"], ["replay", "-h"]):
        result = command(*argv)
        assert result.code == 0
        assert "exit codes: 0 a verdict was printed" in " ".join(result.out.split())


# --- replay -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "{}", '{"schema": 99}', '{"schema": 1, "run": 5}', "\x00"])
def test_evidence_that_cannot_be_read_is_exit_code_3(command: Run, tmp_path: Path, text: str) -> None:
    """What is no evidence is one line with where and why."""
    path = tmp_path / "evidence.json"
    path.write_text(text, encoding="utf-8")
    result = command("replay", str(path))
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith(f"pullmedic: {path}: ")
    assert len(result.err.splitlines()) == 1


def test_a_file_that_is_not_there_binary_or_a_folder_is_exit_code_3(command: Run, tmp_path: Path) -> None:
    """Each is named in one line."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00\x80")
    for path in (tmp_path / "missing", tmp_path, binary):
        result = command("replay", str(path))
        assert (result.code, len(result.err.splitlines())) == (3, 1)
        assert str(path) in result.err


def test_evidence_is_read_from_a_pipe(
    command: Run, azure: BentSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dash reads standard input."""
    kept = tmp_path / "e.json"
    live = command("run", "brave_run_1", "--workspace", WORKSPACE, "--save", str(kept))
    monkeypatch.setattr(sys, "stdin", io.StringIO(kept.read_text(encoding="utf-8")))
    assert command("replay", "-").out == live.out


@pytest.fixture
def evidence(begin: Begin, command: Run, tmp_path: Path) -> Any:
    """Give stored evidence as plain JSON."""
    begin()
    kept = tmp_path / "kept.json"
    command("run", "brave_run_1", "--workspace", WORKSPACE, "--save", str(kept))
    return json.loads(kept.read_text(encoding="utf-8"))


NONSENSE: tuple[Any, ...] = (None, True, -9, 10**9, "", "x", "2026-01-01T00:00:00", [], {}, [None])


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in a JSON value: the container and the key."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from places(value[key])


@pytest.mark.slow
def test_spoilt_evidence_is_judged_or_refused(evidence: Any, command: Run, tmp_path: Path) -> None:
    """Any one member replaced by anything leads to a verdict or to one line, never to a traceback."""
    path = tmp_path / "spoilt.json"
    for holder, key in places(evidence):
        kept = holder[key]
        for nonsense in NONSENSE:
            holder[key] = nonsense
            path.write_text(json.dumps(evidence), encoding="utf-8")
            result = command("replay", str(path))
            assert result.code in {0, 3}, (key, nonsense)
            assert bool(result.out) == (result.code == 0)
        holder[key] = kept


def test_changed_evidence_commands_no_terminal(command: Run, azure: BentSandbox, tmp_path: Path) -> None:
    """Stored evidence can be changed by whoever can write to the store: what it holds is text for the eye alone."""
    kept = tmp_path / "evidence.json"
    command("run", "brave_run_1", "--workspace", WORKSPACE, "--save", str(kept))
    escape = "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m\r"
    told = json.loads(kept.read_text(encoding="utf-8"))
    for symptom in told["symptoms"]:
        symptom["excerpt"]["file"] += escape
        symptom["excerpt"]["lines"] = [line + escape for line in symptom["excerpt"]["lines"]]
        symptom["captured"] = {name: value + escape for name, value in symptom["captured"].items()}
    told["details"]["compute"] = f"gpu{escape}"
    kept.write_text(json.dumps(told), encoding="utf-8")
    answer = command("replay", str(kept))
    said = answer.out + answer.err
    assert "owned" in said
    assert not set(said) & set("\x1b\x07\u202e\x9b\r")
