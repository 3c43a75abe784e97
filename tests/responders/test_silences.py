"""Silences in the store: they end, say who and why, and one that cannot be read silences nothing."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from settings_samples import NOW, WORKSPACE, Clock, Entity, Shelf, load

from responders.globs import Glob
from responders.routing import RouteFacts, route
from responders.rules import Condition, Hours, Severity
from responders.silences import KeptSilence, Silences, WrongSilence, as_rule

VISION = Condition(workspaces=(Glob("ws-vision*"),))


def add(silences: Silences, **changes: Any) -> KeptSilence:
    """Keep a silence of the vision team for an hour."""
    values: dict[str, Any] = {"by": "Dana", "reason": "known", "until": NOW + timedelta(hours=1), "when": VISION}
    return silences.add(**values | changes)


def test_a_silence_is_kept_holds_and_ends_by_itself() -> None:
    """Another process sees it; when its time has come it is over, and still listed."""
    shelf, clock = Shelf(), Clock()
    kept = add(Silences(shelf, now=clock))
    elsewhere = Silences(shelf, now=clock)
    (active,) = elsewhere.active()
    assert (active.id, active.by, active.reason, active.until, active.when) == (
        kept.id,
        "Dana",
        "known",
        NOW + timedelta(hours=1),
        VISION,
    )
    facts = RouteFacts(workspace_id=WORKSPACE, cause="tag-absent", at=NOW)
    held = route(load(""), facts, NOW, elsewhere.active())
    assert held.silenced_by == f"the silence {kept.id} by Dana until 2026-11-23T13:00:00+00:00: known"
    clock.now += timedelta(hours=1)
    assert elsewhere.active() == ()
    assert [one.id for one in elsewhere.kept()] == [kept.id]


def test_a_silence_can_begin_later() -> None:
    """A planned change is entered beforehand."""
    clock = Clock()
    silences = Silences(Shelf(), now=clock)
    add(silences, starts=NOW + timedelta(minutes=30))
    assert silences.active() == ()
    clock.now += timedelta(minutes=30)
    assert len(silences.active()) == 1


def test_a_silence_can_be_ended_and_who_did_it_is_kept() -> None:
    """Ending it again, or one that has ended by itself, changes nothing; one that is not there is told."""
    clock = Clock()
    silences = Silences(Shelf(), now=clock)
    kept = add(silences)
    ended = silences.end(kept.id, by="Kim")
    assert ended is not None
    assert (ended.ended_by, ended.ended_at) == ("Kim", NOW)
    assert silences.active() == ()
    assert silences.end(kept.id, by="Lee") == ended
    over = add(silences)
    clock.now += timedelta(hours=2)
    left = silences.end(over.id, by="Kim")
    assert left is not None
    assert left.ended_by == ""
    assert silences.end("s-none", by="Kim") is None


def test_two_who_end_a_silence_at_once_do_not_undo_each_other() -> None:
    """The one whose read is old reads again, and finds it ended."""
    shelf = Shelf()
    silences = Silences(shelf, now=Clock())
    kept = add(silences)
    before = shelf.entities[kept.id]
    first = silences.end(kept.id, by="Kim")
    ended_body = shelf.entities[kept.id].body
    shelf.entities[kept.id] = before
    shelf.meanwhile = [(kept.id, ended_body)]
    assert silences.end(kept.id, by="Lee") == first


def test_an_id_that_is_taken_is_not_taken_over() -> None:
    """Another one is made; a lost answer, though, was this very silence."""
    shelf = Shelf()
    ids = iter(["s-1", "s-1", "s-2", "s-3"])
    silences = Silences(shelf, now=Clock(), make_id=lambda: next(ids))
    assert add(silences, reason="first").id == "s-1"
    assert add(silences, reason="second").id == "s-2"
    shelf.lost_answers = 1
    assert add(silences, reason="third").id == "s-3"
    assert [one.reason for one in silences.kept()] == ["first", "second", "third"]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"until": NOW}, "ends before it starts"),
        ({"until": NOW + timedelta(hours=1), "starts": NOW + timedelta(hours=2)}, "ends before it starts"),
        ({"until": NOW + timedelta(days=90, seconds=1)}, "within 90 days"),
        ({"until": datetime(2026, 12, 1)}, "with an offset"),  # noqa: DTZ001
        ({"by": " "}, "name of who sets it"),
        ({"reason": "\n"}, "has a reason"),
        ({"when": Condition()}, "say what is silenced"),
        ({"when": Condition(hours=Hours())}, "hours and days stand in the settings file"),
    ],
)
def test_a_silence_without_end_name_reason_or_condition_is_not_kept(changes: dict[str, Any], complaint: str) -> None:
    """Nothing is written."""
    shelf = Shelf()
    with pytest.raises(WrongSilence, match=complaint):
        add(Silences(shelf, now=Clock()), **changes)
    assert shelf.writes == 0


@pytest.mark.parametrize(
    "body",
    ["", "{}", "[]", '{"schema": 2}', '{"schema": "1"}', '{"schema": 1, "id": 7}', "\ud800", "null"],
)
def test_what_cannot_be_read_silences_nothing_and_is_told(body: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever is to hear does, and the log names the silence."""
    shelf = Shelf({"s-bad": Entity("s-bad", body, "1")})
    silences = Silences(shelf, now=Clock())
    good = add(silences)
    with caplog.at_level(logging.ERROR):
        assert [one.id for one in silences.active()] == [good.id]
    assert "the silence s-bad cannot be read" in caplog.text
    assert silences.end("s-bad", by="Kim") is None


def test_a_kept_severity_or_pattern_that_is_none_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """What somebody wrote into the store by hand is checked as well."""
    shelf = Shelf()
    silences = Silences(shelf, now=Clock())
    kept = add(silences, when=Condition(severities=frozenset({Severity.INFO})))
    body = shelf.entities[kept.id].body
    shelf.entities[kept.id] = Entity(kept.id, body.replace('"info"', '"bad"'), "9")
    assert silences.active() == ()
    shelf.entities[kept.id] = Entity(kept.id, body.replace('"causes":[]', f'"causes":["{"a" * 301}"]'), "10")
    assert silences.active() == ()
    assert caplog.text.count("cannot be read") == 2


def test_more_silences_than_a_page_are_all_read() -> None:
    """A store gives at most a thousand at once."""
    numbers = count()
    silences = Silences(Shelf(), now=Clock(), make_id=lambda: f"s-{next(numbers)}")
    for _ in range(1001):
        add(silences)
    assert len(silences.active()) == 1001


_WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
_GLOBS = st.lists(_WORDS.map(Glob), max_size=2).map(tuple)


@given(
    workspaces=_GLOBS,
    experiments=_GLOBS,
    tags=st.dictionaries(_WORDS, st.lists(_WORDS.map(Glob), min_size=1, max_size=2).map(tuple), max_size=2),
    causes=_GLOBS,
    statuses=st.frozensets(st.sampled_from(["confirmed", "likely"])),
    severities=st.frozensets(st.sampled_from(Severity)),
    offset=st.integers(-12, 12),
)
def test_what_is_kept_means_what_was_said(offset: int, **members: Any) -> None:
    """Any condition comes back from the store as it was, whatever clock its end was told by."""
    when = Condition(**members)
    if when.empty:
        when = VISION
    silences = Silences(Shelf(), now=Clock())
    until = (NOW + timedelta(hours=1)).astimezone(timezone(timedelta(hours=offset)))
    kept = add(silences, when=when, until=until)
    (active,) = silences.active()
    assert active.when == when == as_rule(kept).when
    assert active.until == until
    assert active.until.utcoffset() == timedelta(0) == UTC.utcoffset(None)
