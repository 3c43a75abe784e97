"""``python -m responders fix --dry-run`` and ``undo``, at a keyboard beside the running app."""

from __future__ import annotations

from pathlib import Path

import pytest
from fix_story import FIXER, FixStory, story

from responders.__main__ import main
from responders.fixes.audit import AuditKind
from responders.fixes.record import FixState

pytestmark = pytest.mark.slow


def state(it: FixStory) -> FixState | None:
    """Return where the fix stands."""
    fix = it.fix()
    return fix.state if fix is not None else None


def test_a_dry_run_prints_the_exact_request_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it prints is what the app then writes, to the letter."""
    with story(tmp_path) as it:
        it.fail()
        incident = it.incident().id
        assert main(["fix", incident, "--dry-run"]) == 0
        printed = capsys.readouterr().out
        assert "so far: waiting for approval" in printed
        assert "role:     AcrPull" in printed
        assert "before:" in printed
        assert it.writes == []
        it.press("pullmedic_approve")
        (write,) = it.writes
        assert f"PUT {write.path}?api-version=2022-04-01" in printed
        for value in write.body.values():
            assert str(value) in printed


def test_a_dry_run_says_what_stands_in_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The plan is shown all the same, and the exit code is *no*."""
    with story(tmp_path, fixer=False) as it:
        it.fail()
        assert main(["fix", it.incident().id, "--dry-run"]) == 1
        printed = capsys.readouterr().out
        assert "not offered (fixer-lacks-the-right)" in printed
        assert f"--assignee-object-id {FIXER}" in printed
        assert "PUT /subscriptions/" in printed


def test_a_dry_run_where_fixes_are_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what would be planned, and that nothing is on."""
    with story(tmp_path, mode="off") as it:
        it.fail()
        assert main(["fix", it.incident().id, "--dry-run"]) == 1
        assert "not offered (fixes-are-off)" in capsys.readouterr().out
        assert it.writes == []


def test_a_fix_is_not_made_at_a_keyboard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who approves has to be known: without a dry run it is a usage error that says where."""
    with story(tmp_path), pytest.raises(SystemExit) as ended:
        main(["fix", "some-incident-1"])
    assert ended.value.code == 2
    assert "--dry-run" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["fix", "nothing-1", "--dry-run"], ["undo", "nothing-1"]])
def test_an_unknown_incident_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    """With the exit code for what is not there."""
    with story(tmp_path) as it:
        it.fail()
        assert main(command) == 5
    assert "nothing-1" in capsys.readouterr().err


def test_undo_takes_back_what_was_added_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Asked once, recorded with the account's name, told in the message by the app."""
    with story(tmp_path) as it:
        it.fail()
        incident = it.incident().id
        assert main(["undo", incident, "--yes"]) == 1
        assert it.writes == []
        it.press("pullmedic_approve")
        assert main(["undo", incident]) == 1
        assert len(it.writes) == 1
        assert main(["undo", incident, "--yes"]) == 0
        made, removed = it.writes
        assert (removed.method, removed.path) == ("DELETE", made.path)
        assert state(it) is FixState.UNDONE
        asked = [entry for entry in it.audit() if entry.kind == AuditKind.UNDO]
        assert asked[0].via == "the command line"
        assert main(["undo", incident, "--yes"]) == 0
        assert len(it.writes) == 2
        it.let_pass(minutes=1)
    printed = capsys.readouterr().out
    assert "to be removed: /subscriptions/" in printed
    assert "left as it is" in printed
    assert "undone: removed" in printed


def test_undo_leaves_what_is_not_ours_any_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And says so, with the exit code *no*."""
    with story(tmp_path) as it:
        it.fail()
        it.press("pullmedic_approve")
        it.turn_into("AcrPull", "AcrPush")
        assert main(["undo", it.incident().id, "--yes"]) == 1
        assert state(it) is FixState.UNDO_FAILED
    assert "left as it is" in capsys.readouterr().out
