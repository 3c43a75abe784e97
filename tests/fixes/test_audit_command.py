"""``python -m responders audit``: what a person, a script and an auditor get from it, on a real store."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from responders.__main__ import main
from responders.commands.desk import Desk, open_view
from responders.commands.exits import Exit
from responders.fixes.audit import Audit, AuditKind
from responders.settings import SqliteStore
from responders.store import KEPT, open_store

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the file of a store that holds three entries of two incidents."""
    file = tmp_path / "store.sqlite"
    store = open_store(SqliteStore(file))
    record = Audit(store, lambda: NOW)
    record.append(AuditKind.PLAN, incident_id="f1-1", details={"request": "PUT /x\n\n{}", "role": "AcrPull"})
    record.append(AuditKind.APPROVAL, incident_id="f1-1", by="Dana \x1b[31m", via="Slack", correlation_id="0c5b")
    record.append(AuditKind.DECLINED, incident_id="f2-1", why="not pre-approved")
    store.close()
    return file


@pytest.fixture
def command(path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return how the command is called, and what it gives back: exit code, output, errors."""
    desk = Desk(environ={"PULLMEDIC_STORE": f"sqlite:///{path}"}, now=lambda: NOW, ask=lambda _: None, view=open_view)

    def call(*argv: str) -> tuple[int, str, str]:
        try:
            code = main(["audit", *argv], desk)
        except SystemExit as stopped:  # argparse's own way to end
            code = int(stopped.code or 0)
        shown = capsys.readouterr()
        assert "\x1b" not in shown.out + shown.err
        return code, shown.out, shown.err

    return call


def test_a_person_reads_what_happened(command: Command) -> None:
    """Number, time, incident and kind on one line, the rest below it."""
    code, out, _ = command()
    assert code == Exit.DONE
    assert out.splitlines() == [
        "1  2026-11-23T12:00:00.000000+00:00  f1-1  plan",
        "  request: PUT /x {}",
        "  role: AcrPull",
        "2  2026-11-23T12:00:00.000000+00:00  f1-1  approval",
        "  by: Dana �[31m",
        "  via: Slack",
        "  correlation id: 0c5b",
        "3  2026-11-23T12:00:00.000000+00:00  f2-1  declined",
        "  why: not pre-approved",
    ]


def test_one_incident_can_be_asked_for(command: Command) -> None:
    """One that has no entry is told with an exit code of its own."""
    code, out, _ = command("--incident", "f2-1", "--json-lines")
    assert code == Exit.DONE
    assert [json.loads(line)["number"] for line in out.splitlines()] == [3]
    code, out, err = command("--incident", "f9-9")
    assert (code, out) == (Exit.NOT_THERE, "")
    assert "no entry concerns an incident f9-9" in err


def test_a_whole_record_is_verified(command: Command) -> None:
    """With the hash of the last entry, to be kept elsewhere, which a later call holds against the record."""
    lines = [json.loads(line) for line in command("--json-lines")[1].splitlines()]
    assert command("--verify")[:2] == (
        Exit.DONE,
        f"3 entries, whole and in order; the hash of the last one: {lines[2]['hash']}\n",
    )
    assert command("--verify", "--known", f"2:{lines[1]['hash']}")[0] == Exit.DONE
    code, out, _ = command("--verify", "--known", f"2:{'0' * 64}", "--known", f"4:{'0' * 64}")
    assert code == Exit.NO
    assert out.splitlines() == [
        "wrong: --known has another hash of entry 2: it was written anew",
        "wrong: --known says that there were 4 entries; those behind 3 are missing",
    ]


def test_a_damaged_record_is_told_and_still_shown(command: Command, path: Path) -> None:
    """Exit 1, and as JSON for a script."""
    store = open_store(SqliteStore(path))
    entity = store.scan(f"{KEPT}audit")[1]
    store.replace(entity.partition, entity.key, "\x1b[31mgone", version=entity.version, now=NOW)
    store.close()
    code, out, _ = command("--verify")
    assert (code, out) == (Exit.NO, "wrong: what is kept under 000000000002 cannot be read\n")
    code, out, _ = command("--verify", "--json-lines")
    told = json.loads(out)
    assert (code, told["whole"], told["number"]) == (Exit.NO, False, 3)
    assert told["problems"] == ["what is kept under 000000000002 cannot be read"]
    assert "an entry that cannot be read; --verify says which" in command()[1]
    assert json.loads(command("--json-lines")[1].splitlines()[1]) == {"unreadable": "\x1b[31mgone"}


def test_wrong_arguments_and_a_store_that_is_not_there(command: Command, path: Path) -> None:
    """Each with the exit code that all commands have for it."""
    assert command("--known", "x")[0] == Exit.USAGE
    path.unlink()
    code, _, err = command("--verify")
    assert code == Exit.STORE_UNREADABLE
    assert "there is no store at" in err


def test_an_empty_record_is_whole(command: Command, path: Path) -> None:
    """Where no fix was ever planned."""
    path.unlink()
    open_store(SqliteStore(path)).close()
    path.touch()
    assert command()[:2] == (Exit.DONE, "no entry is kept\n")
    assert command("--json-lines")[:2] == (Exit.DONE, "")
    assert command("--verify")[0] == Exit.DONE
