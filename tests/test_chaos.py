"""Every remote party fails in every way, each in one story: it ends well, or honestly weaker, and nobody misses it."""

from __future__ import annotations

from itertools import cycle

import pytest

from tests.chaos.__main__ import cells, stories
from tests.chaos.injecting import PARTIES, Kind, Party
from tests.chaos.judging import ending, impatient
from tests.responders.azurite_server import azurite

__all__ = ["azurite"]

_TURN = cycle(stories())
_CELLS = [(party, kind, next(_TURN)) for party, kind in cells([], [])]
_SHORT = (
    *("429 for an hour", "503, then well", "cut connection"),
    *("half, then well", "a page instead of JSON", "token expired"),
)
"""What is played here; `make chaos` plays all."""


@pytest.mark.slow
@pytest.mark.parametrize("party", [party.name for party in PARTIES])
@pytest.mark.usefixtures("azurite")
def test_a_party_that_fails_in_any_way_ends_no_story_badly(party: str) -> None:
    """Nothing is confirmed that is not true, lost, or told twice."""
    with impatient():
        ended = [ending(story, who, kind) for who, kind, story in _CELLS if who.name == party and kind.name in _SHORT]
    assert ended
    assert {(it.story, it.kind): it.wrong for it in ended if it.wrong} == {}


def test_the_matrix_has_every_party_and_every_kind() -> None:
    """A kind that a party cannot have is left out on purpose; no other is."""
    found: list[tuple[Party, Kind]] = [(party, kind) for party, kind, _ in _CELLS]
    assert {party.name for party, _ in found} == {party.name for party in PARTIES}
    assert len(found) == len({(party.name, kind.name) for party, kind in found}) > 170
