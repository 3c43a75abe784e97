"""The soak in short: mixed traffic is worked off, and what is not flat is seen."""

from __future__ import annotations

import os
import random
from itertools import islice
from pathlib import Path

import pytest

from tests.chaos.injecting import KINDS, PARTIES
from tests.responders.azurite_server import own_azurite
from tests.soak.sampling import SERIES, Sample, sample, verdict
from tests.soak.soaking import soak
from tests.soak.traffic import faults, steps, world

__all__ = ["own_azurite"]


@pytest.mark.slow
def test_mixed_traffic_is_worked_off_without_a_loss(own_azurite: str, tmp_path: Path) -> None:
    """Failed and completed runs, repeats and what people ask, for some seconds and with no statement about memory."""
    found = soak(12, seed=3, storage=own_azurite, folder=tmp_path)
    assert found.wrong == []
    assert found.sent["events"] > 0
    assert found.messages > 0
    assert found.samples


def test_a_leak_is_no_flat_series() -> None:
    """A series that grows from third to third is told from one that only warms up."""
    grows = [Sample(at=n * 5, mebibytes=100 + n, handles=20 + n, threads=10) for n in range(60)]
    warms = [Sample(at=n * 5, mebibytes=min(150, 100 + 5 * n), handles=20, threads=10) for n in range(60)]
    assert [verdict(grows, it).flat for it in SERIES] == [False, False, True]
    assert [verdict(warms, it).flat for it in SERIES] == [True, True, True]
    assert verdict(grows, SERIES[0]).slope == pytest.approx(720)


def test_a_process_is_looked_at() -> None:
    """Memory, handles and threads are those of the process."""
    found = sample(os.getpid(), 1.0)
    assert found.mebibytes > 1
    assert found.handles >= 3
    assert found.threads >= 1


def test_traffic_is_mixed() -> None:
    """Events of failed and of completed runs, some twice, commands and buttons."""
    every = list(steps(world(100, "2026-11-20T10:00:00Z"), random.Random(1)))  # noqa: S311 - no secret
    events = [it.event for it in every if it.event is not None]
    states = {event["data"]["runStatus"] for event in events}
    assert states == {"Failed", "Completed"}
    assert len(events) > len({event["id"] for event in events}) == 100
    assert any(it.command for it in every)
    assert any(it.button for it in every)


def test_each_party_is_slow_once_before_all_fail_in_every_way() -> None:
    """An hour has room for most of the ways, and none comes twice before all were there."""
    ways = faults(random.Random(1))  # noqa: S311 - no secret
    slow = [name for name, _ in islice(ways, len(PARTIES))]
    assert sorted(slow) == sorted(f"{party.name}: latency" for party in PARTIES)
    rest = (sum(kind.fault is not None for kind in KINDS) - 1) * len(PARTIES)
    names = [name for name, _ in islice(ways, rest)]
    assert len(set(names)) == rest
    assert next(ways)[0] == slow[0]
