"""A storm through the app itself: many runs of one cause, and a number of reads that does not grow with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.playing import APP, Outcome, play
from sandbox.world import Scenario, load_scenario

_STORY = APP.parent / "sandbox" / "scenarios" / "missing-pull-role.yaml"
_OWN_DOCUMENTS = ("/details", "/discovery")
"""What each run has of its own: that it belongs to the storm is known by reading it."""


def storm(runs: int) -> Scenario:
    """Return the story of the missing role with that many runs, which all fail at one moment."""
    story = load_scenario(_STORY)
    copies = [{**story.run, "id": f"{story.run['id']}_{number}"} for number in range(1, runs)]
    world = {**story.world, "failed_at": "2026-11-20T10:00:00Z", "other_runs": copies}
    deliveries = [{"run": story.run["id"]}, *({"run": copy["id"]} for copy in copies)]
    return replace(story, world=world, event={"deliveries": deliveries}, expected={})


def reads(outcome: Outcome) -> Counter[str]:
    """Count what was read of Azure beside the runs' own documents and logs, by host and path."""
    return Counter(
        f"{call.method} {call.host}{call.path}"
        for call in outcome.calls
        if not call.path.partition("?")[0].endswith(_OWN_DOCUMENTS)
        and not call.host.endswith(("blob.core.windows.net", "slack.com"))
    )


@pytest.mark.slow
def test_thirty_runs_read_what_three_read_and_are_one_message() -> None:
    """Registry, roles and compute are read once; the message counts every run."""
    few, many = play(storm(3)), play(storm(30))
    assert reads(many) == reads(few)
    assert sum("/details" in call.path for call in many.calls) == 30
    assert [message.channel for message in many.messages] == ["slack", "slack"]
    assert "(30 runs)" in str(many.messages[-1].payload)
    assert many.violations == ()
    assert isinstance(many.scenario.source, Path)
