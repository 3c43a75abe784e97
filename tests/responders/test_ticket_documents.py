"""The document about tickets says what the code does: every setting with its default, every rule, every limit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from responders.ticketing import TicketRules
from responders.tickets import Tracker, discover

TEXT = (Path(__file__).parents[2] / "docs" / "tickets.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("tracker", discover(), ids=lambda tracker: tracker.name)
def test_every_setting_is_documented_with_its_default(tracker: Tracker) -> None:
    """Name, secrecy, need and default are those of the declaration, and no other setting is told of."""
    rows = dict(re.findall(r"^\| `(PULLMEDIC_\w+)` \| (.*) \|$", TEXT, re.MULTILINE))
    mine = {name for name in rows if name.startswith(f"PULLMEDIC_{tracker.name.upper()}_")}
    assert mine == {setting.name for setting in tracker.settings()}
    for one, setting in zip(tracker.fields, tracker.settings(), strict=True):
        what, unless = rows[setting.name].split(" | ")
        assert ("(secret)" in what) is one.secret
        assert (unless == "needed") is one.required
        assert not one.default or unless == f"`{one.default}`"


def test_the_rules_are_those_of_the_code() -> None:
    """What holds unless set is told as it is."""
    rules = TicketRules()
    assert f"| {rules.reopen_within.days} days |" in TEXT
    assert f"| {rules.comment_every.total_seconds() / 3600:.0f} hours |" in TEXT
    assert rules.close_on_resolution is False
    assert "| false: comment |" in TEXT
