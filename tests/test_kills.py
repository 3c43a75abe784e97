"""Workers die by SIGKILL while they work, on real queues, tables and blobs; in short."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.kills.clock import Clock
from tests.kills.killing import _wrong_counts, kill_while_working
from tests.responders.azurite_server import own_azurite

__all__ = ["own_azurite"]


@pytest.mark.slow
def test_what_killed_workers_leave_is_made_good_exactly_once(own_azurite: str, tmp_path: Path) -> None:
    """Every run is counted once and to its own cause; each cause has one message and one ticket with all its runs."""
    tally = kill_while_working(40, 4, seed=3, storage=own_azurite, folder=tmp_path, calls=(60, 180))
    assert tally.wrong == ()
    assert tally.killed >= 1
    assert (tally.counted + tally.undiagnosed, tally.incidents) == (40, 4)


def test_a_run_that_is_lost_or_counted_twice_is_seen() -> None:
    """The check that all rests on finds each way in which a count can be wrong."""

    class One:
        def __init__(self, name: str) -> None:
            self.id, self.verdict, self.status = name, "tag-absent", "confirmed"

    def wrong(**held: list[str]) -> list[str]:
        every = [One(name) for name in held]
        return list(_wrong_counts(["r0", "r1", "r2", "r3"], 2, every, held))  # type: ignore[arg-type]

    assert wrong(a=["r0", "r2"], b=["r1", "r3"]) == []
    assert "r3 is lost" in wrong(a=["r0", "r2"], b=["r1"])
    assert "r2 is counted 2 times" in wrong(a=["r0", "r2"], b=["r1", "r2", "r3"])
    mixed = "2 runs of one cause are not one incident, but tag-absent confirmed: 1, tag-absent confirmed: 1"
    assert wrong(a=["r0", "r3"], b=["r1", "r2"]) == [mixed] * 2


def test_the_clock_of_the_workers_runs_faster() -> None:
    """A lease of two minutes ends after twelve seconds."""
    clock = Clock(began=datetime(2026, 11, 20, tzinfo=UTC).timestamp(), pace=10)
    assert clock.lasts(timedelta(minutes=2)) == 12
    assert clock.now() > datetime(2026, 11, 20, tzinfo=UTC)
