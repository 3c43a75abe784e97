"""What was changed is told, though the news of it died with a worker or was dropped by a store that failed meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from responders.fixes.record import FixState
from responders.store import StoreUnavailable
from responders.stores.sqlite import SqliteStoreFile
from sandbox.delivering import deliveries_of, post
from sandbox.playing import let_pass
from sandbox.world import load_scenario
from tests.fixes.fix_story import story
from tests.hosted import Hosted
from tests.stories import FOLDER

Fail = Callable[[str, Callable[..., bool]], list[Any]]
_STALE = timedelta(days=31)
_SWEEP = timedelta(minutes=5)


@pytest.fixture
def fail_once(monkeypatch: pytest.MonkeyPatch) -> Fail:
    """Return how to let the store do one thing and then give no answer; what it failed at is in the list."""

    def fail(method: str, at: Callable[..., bool]) -> list[Any]:
        done = getattr(SqliteStoreFile, method)
        failed: list[Any] = []

        def failing(self: SqliteStoreFile, *args: Any, **options: Any) -> Any:
            result = done(self, *args, **options)
            if not failed and at(*args, **options):
                failed.append(args)
                raise StoreUnavailable("no answer")
            return result

        monkeypatch.setattr(SqliteStoreFile, method, failing)
        return failed

    return fail


class _Quiet(Hosted):
    """One failure that was told of, and whose incident is over a month later."""

    def __init__(self, folder: Path) -> None:
        super().__init__(load_scenario(FOLDER / "missing-pull-role.yaml"), folder)
        for delivery in deliveries_of(self.scenario):
            assert post(self.host.webhook_url("on_run_status_changed"), delivery) == 202
        self.host.drain()

    def resolutions(self) -> int:
        """Return how often people were told that it is over."""
        return sum("Resolved:" in json.dumps(message.payload) for message in self.sandbox.messages)


def test_what_a_sweep_found_to_be_over_is_told_though_nothing_can_be_purged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Deleting what is old is no reason to keep anything to oneself, and is said where it fails."""

    def unavailable(_store: SqliteStoreFile, **_options: Any) -> None:
        raise StoreUnavailable("the scan took too long")

    monkeypatch.setattr(SqliteStoreFile, "purge", unavailable)
    with _Quiet(tmp_path) as quiet:
        let_pass(quiet.host, _STALE)
        assert quiet.resolutions() == 1
        assert [call for call in quiet.host.invocations if call.error] == []
    assert "could not be purged" in caplog.text
    assert "the scan took too long" in caplog.text


def test_what_was_resolved_by_a_write_without_an_answer_is_told_by_the_next_sweep(
    tmp_path: Path, fail_once: Fail
) -> None:
    """The timer is not fired again for it, and the next one finds nothing open."""
    failed = fail_once("replace", lambda partition, _key, body, **_: partition == "incidents" and "resolved" in body)
    with _Quiet(tmp_path) as quiet:
        let_pass(quiet.host, _STALE)
        assert len(failed) == 1
        assert quiet.resolutions() == 0
        let_pass(quiet.host, _SWEEP)
        assert quiet.resolutions() == 1


def test_what_every_try_failed_to_tell_is_told_after_the_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A message that ended in the poison queue raises an alert, and is not all that knew of the news."""
    done = SqliteStoreFile.scan

    def unavailable(_store: SqliteStoreFile, *_args: Any, **_options: Any) -> Any:
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(SqliteStoreFile, "scan", unavailable)
    with _Quiet(tmp_path) as quiet:
        assert quiet.sandbox.messages == []
        assert "ALERT a message of notices is given up after every try" in caplog.text
        monkeypatch.setattr(SqliteStoreFile, "scan", done)
        let_pass(quiet.host, timedelta(minutes=61))
        assert len(quiet.sandbox.messages) == 1


@pytest.mark.slow
def test_the_outcome_of_a_fix_is_told_though_the_store_fails_behind_it(tmp_path: Path, fail_once: Fail) -> None:
    """The step is not done again, so the message that is delivered again has no news of its own."""
    with story(tmp_path) as it:
        it.fail()
        it.press("pullmedic_approve")

        def verified(key: str, _owner: str) -> bool:
            fix = it.fix() if key.startswith("fix/") else None
            return fix is not None and fix.state is FixState.VERIFIED

        failed = fail_once("release", verified)
        it.let_pass(minutes=2)
        assert len(failed) == 1
        it.let_pass(minutes=5)
        told = [one.text for one in it.sandbox.slack_workspace.messages() if one.thread_ts]
        assert sum(text.startswith("Fix verified") for text in told) == 1
        assert "Verified: the right counts" in it.text
