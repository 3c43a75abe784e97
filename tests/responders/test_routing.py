"""Routing: which rule sends what where, that nothing vanishes by mistake, and that patterns are plain and quick."""

from __future__ import annotations

import fnmatch
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from settings_samples import ENVIRONMENT, NOW, PLACES, WORKSPACE, _desk, load

from responders.globs import Glob
from responders.routing import RouteFacts, Routing, route
from responders.rules import Condition, Severity, Silence
from responders.settings import Settings

__all__ = ["_desk"]

LOCAL = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)  # 10:30 in Berlin, a Monday


def facts(**changes: Any) -> RouteFacts:
    """Return what is known of a run of the vision team."""
    values: dict[str, Any] = {
        "workspace_id": WORKSPACE,
        "cause": "pull-role-missing",
        "status": "confirmed",
        "experiment": "release-7",
        "tags": {"team": "vision", "stage": "prod"},
        "at": LOCAL,
    }
    return RouteFacts(**values | changes)


def routed(text: str, asked: RouteFacts | None = None, **kwargs: Any) -> Routing:
    """Return where the facts go by the settings file ``text`` behind the usual places."""
    return route(load(PLACES + text), asked or facts(), NOW, **kwargs)


def names(found: Routing) -> list[str]:
    """Return the names of those who hear."""
    return [one.name for one in found.destinations]


def test_without_routes_the_default_destinations_hear() -> None:
    """The environment's channel hears of every cause, tickets are opened nowhere, and the rule says so."""
    found = routed("")
    assert (names(found), found.trackers, found.severity, found.wanted) == (["slack"], (), Severity.ERROR, True)
    assert found.rules == ("no route decides, so the default destinations hear: to slack",)


def test_without_any_destination_it_is_the_log() -> None:
    """Wanted, and nowhere to send it: the caller logs."""
    found = route(load("", {}), facts(), NOW)
    assert (found.destinations, found.wanted) == ((), True)
    assert "the app's log" in found.rules[0]


def test_the_first_route_that_holds_decides_unless_it_goes_on() -> None:
    """Order counts; what goes on adds up; the first severity stands; every rule is told."""
    found = routed(
        """
[[routes]]
name = "grade"
severity = "critical"
continue = true
[[routes]]
name = "other team"
when = { workspaces = ["ws-speech"] }
to = ["slack"]
[[routes]]
name = "vision"
when = { workspaces = ["ws-vision*"], severities = ["critical"] }
to = ["vision"]
tickets = ["desk"]
severity = "info"
continue = true
[[routes]]
name = "page"
when = { severities = ["critical"] }
to = ["pager", "vision"]
[[routes]]
name = "never"
to = ["slack"]
"""
    )
    assert names(found) == ["vision", "pager"]
    assert [one.name for one in found.trackers] == ["desk"]
    assert found.severity is Severity.CRITICAL
    assert [rule.partition(":")[0].partition(" (")[0] for rule in found.rules] == [
        "route grade",
        "route vision",
        "route page",
    ]
    assert "further routes are asked" in found.rules[0]


def test_a_route_can_say_that_nobody_hears() -> None:
    """An empty list is meant: nobody, and not the default."""
    found = routed('[[routes]]\nwhen = { workspaces = ["*vision*"] }\nto = []\n')
    assert (found.destinations, found.wanted) == ((), False)
    assert "to nobody" in found.rules[0]


@pytest.mark.parametrize(
    ("when", "changes", "holds"),
    [
        ('workspaces = ["WS-VISION-?"]', {}, True),
        ('workspaces = ["vision"]', {}, False),
        ('workspaces = ["/subscriptions/*/resourcegroups/rg-ml/*"]', {}, True),
        ('workspaces = ["/subscriptions/*/resourcegroups/rg/*"]', {}, False),
        ('workspaces = ["*"]', {"workspace_id": ""}, False),
        ('experiments = ["release-*"]', {}, True),
        ('experiments = ["*"]', {"experiment": None}, False),
        ('experiments = ["*"]', {"experiment": ""}, False),
        ('experiments = ["a", "RELEASE-7"]', {}, True),
        ('tags = { team = "vis*" }', {}, True),
        ('tags = { team = "vis*", stage = ["pre", "prod"] }', {}, True),
        ('tags = { team = "vis*", owner = "*" }', {}, False),
        ('tags = { team = "*" }', {"tags": {}}, False),
        ('causes = ["pull-role-missing"]', {}, True),
        ('causes = ["tag-absent", "pull-*"]', {}, True),
        ('causes = ["tag-absent"]', {}, False),
        ('statuses = ["likely"]', {}, False),
        ('statuses = ["likely", "confirmed"]', {}, True),
        ('statuses = ["likely", "confirmed"]', {"status": ""}, False),
        ('severities = ["error"]', {}, True),
        ('severities = ["critical"]', {}, False),
        ('hours = "08:00-18:00", timezone = "Europe/Berlin"', {}, True),
        ('hours = "09:45-18:00"', {}, False),
        ('hours = "08:00-09:30"', {}, False),
        ('hours = "9:30-9:31"', {}, True),
        ('days = ["sat", "sun"]', {}, False),
        ('days = ["sat-mon"]', {}, True),
        ('days = ["Tuesday", "fri-mon"]', {}, True),
        ('days = ["mon"], timezone = "Pacific/Kiritimati"', {"at": datetime(2026, 11, 22, 11, tzinfo=UTC)}, True),
        ('hours = "22:00-06:00", days = ["fri"]', {"at": datetime(2026, 11, 27, 23, tzinfo=UTC)}, True),
        ('hours = "22:00-06:00", days = ["fri"]', {"at": datetime(2026, 11, 28, 5, tzinfo=UTC)}, True),
        ('hours = "22:00-06:00", days = ["fri"]', {"at": datetime(2026, 11, 27, 5, tzinfo=UTC)}, False),
        ('hours = "22:00-06:00", days = ["fri"]', {"at": datetime(2026, 11, 27, 12, tzinfo=UTC)}, False),
        ('hours = "18:00-24:00"', {"at": datetime(2026, 11, 27, 23, 59, tzinfo=UTC)}, True),
        ('hours = "18:00-00:00"', {"at": datetime(2026, 11, 27, 0, 0, tzinfo=UTC)}, False),
        ('workspaces = ["ws-vision-1"], experiments = ["other"]', {}, False),
    ],
)
def test_a_condition_holds_or_not(when: str, changes: dict[str, Any], holds: bool) -> None:  # noqa: FBT001
    """Each member by its own rule; what is not known matches nothing; all of it has to be true."""
    settings = load(PLACES + f'[[routes]]\nto = ["vision"]\nwhen = {{ {when} }}\n')
    assert settings.problems == () or all(problem.warning for problem in settings.problems)
    assert (names(route(settings, facts(**changes), NOW)) == ["vision"]) is holds


@pytest.mark.parametrize(
    ("cause", "severity", "expected", "wanted"),
    [
        ("insufficient-evidence", Severity.WARNING, ["slack"], True),
        ("not-registry", Severity.INFO, [], False),
        ("undeliverable", Severity.ERROR, ["slack"], True),
    ],
)
def test_a_verdict_without_a_cause_goes_by_the_defaults(
    cause: str,
    severity: Severity,
    expected: list[str],
    wanted: bool,  # noqa: FBT001
) -> None:
    """A route that does not name it does not take it, not even by a pattern, and no ticket is opened."""
    text = '[defaults]\ntickets = ["desk"]\n[[routes]]\nto = ["vision"]\n[[routes]]\nto = ["vision"]\nwhen = { causes = ["*"] }\n'
    found = routed(text, facts(cause=cause, status=""))
    assert (names(found), found.wanted, found.severity, found.trackers) == (expected, wanted, severity, ())
    named = routed(text + f'[[routes]]\nto = ["pager"]\nwhen = {{ causes = ["{cause}"] }}\n', facts(cause=cause))
    assert (names(named), named.wanted) == (["pager"], True)


def test_undeliverable_goes_to_the_fallback_where_there_is_one() -> None:
    """That is what it is for."""
    assert names(routed('[defaults]\nfallback = ["pager"]\n', facts(cause="undeliverable"))) == ["pager"]


def test_tickets_are_by_default_where_the_file_says() -> None:
    """Unless a route says where, or nowhere."""
    defaults = '[defaults]\ntickets = ["desk"]\n'
    assert [one.name for one in routed(defaults).trackers] == ["desk"]
    assert routed(defaults + '[[routes]]\nto = ["vision"]\ntickets = []\n').trackers == ()
    assert [one.name for one in routed(defaults + '[[routes]]\nto = ["vision"]\n').trackers] == ["desk"]


@pytest.mark.parametrize(
    "entry",
    [
        'to = ["visiom"]',
        'to = ["vision", "visiom"]',
        'to = "vision"',
        "to = 7",
        "name = 'no one is told'",
        'to = ["vision"]\nwhen = { causes = ["pull-role-mising"] }',
        'to = ["vision"]\nwhen = { workspaces = ["ws-vision-1"], causes = ["pull-role-missing", "tag-absnt"] }',
        'to = ["vision"]\nwhen = { hours = "25:00-26:00", experiments = ["release-*"] }',
        'to = ["vision"]\nwhen = { workspace = ["other"] }',
        'to = ["vision"]\nwhen = []',
        'to = ["vision"]\nwhne = {}',
        'to = ["vision"]\ntickets = ["dsk"]',
        'to = ["vision"]\nseverity = "bad"',
        'to = ["vision"]\ncontinue = "yes"',
    ],
)
def test_what_a_wrong_route_could_have_taken_goes_to_the_default_destinations(entry: str) -> None:
    """Even where a later route says that nobody hears: a mistake makes no message vanish."""
    text = f'[[routes]]\n{entry}\n[[routes]]\nname = "rest"\nto = []\n'
    found = routed(text)
    assert names(found) == ["slack"]
    assert found.wanted
    assert "something in it is wrong, so the default destinations hear" in found.rules[0]
    assert found.rules[0].startswith("route routes[0]") or "no one is told" in found.rules[0]


def test_a_wrong_route_takes_no_more_than_it_could_have() -> None:
    """The part of its condition that can be read still narrows it."""
    text = '[[routes]]\nto = ["visiom"]\nwhen = { workspaces = ["ws-speech"] }\n[[routes]]\nto = ["vision"]\n'
    assert names(routed(text)) == ["vision"]


def test_a_wrong_route_still_takes_the_verdicts_that_it_names() -> None:
    """A misspelt cause beside not-registry must not silence not-registry."""
    text = '[[routes]]\nto = ["vision"]\nwhen = { causes = ["not-registry", "pull-role-mising"] }\n'
    assert names(routed(text, facts(cause="not-registry"))) == ["slack"]


def test_routes_that_are_no_tables_send_everything_to_the_default() -> None:
    """Whatever was meant."""
    assert names(route(load("routes = 7\n"), facts(), NOW)) == ["slack"]
    assert names(route(load("routes = [1]\n"), facts(), NOW)) == ["slack"]


# --- silences --------------------------------------------------------------------------------------------------


def silence(**changes: Any) -> Silence:
    """Return a silence of the store."""
    values: dict[str, Any] = {
        "id": "s1",
        "by": "Dana",
        "until": NOW + timedelta(hours=1),
        "reason": "known",
        "when": Condition(causes=(Glob("pull-*"),)),
        "place": "the store",
    }
    return Silence(**values | changes)


def test_a_silence_holds_back_and_says_until_when_and_who_would_hear() -> None:
    """Of the file and of the store alike; of several, the one that lasts longest."""
    held = routed("", silences=[silence(), silence(id="s2", until=NOW + timedelta(hours=2))])
    assert names(held) == ["slack"]
    assert held.silenced_until == NOW + timedelta(hours=2)
    assert held.silenced_by == "the silence s2 by Dana until 2026-11-23T14:00:00+00:00: known"
    text = '[[silences]]\nuntil = 2026-11-24T00:00:00Z\nreason = "move"\nwhen = { workspaces = ["ws-vision-1"] }\n'
    by_file = routed(text)
    assert by_file.silenced_by is not None
    assert "silences[0] until 2026-11-24T00:00:00+00:00: move" in by_file.silenced_by


@pytest.mark.parametrize(
    "changes",
    [
        {"until": NOW},
        {"starts": NOW + timedelta(seconds=1)},
        {"when": Condition(causes=(Glob("tag-absent"),))},
    ],
)
def test_a_silence_that_has_ended_or_not_begun_or_is_of_something_else_holds_nothing_back(
    changes: dict[str, Any],
) -> None:
    """Everybody hears."""
    found = routed("", silences=[silence(**changes)])
    assert (found.silenced_by, found.silenced_until) == (None, None)


# --- properties ------------------------------------------------------------------------------------------------

_WORDS = st.text(st.characters(exclude_categories=()), max_size=30)
_FACTS = st.builds(
    RouteFacts,
    workspace_id=st.one_of(st.just(WORKSPACE), _WORDS),
    cause=st.one_of(st.sampled_from(["pull-role-missing", "not-registry", "insufficient-evidence"]), _WORDS),
    status=st.sampled_from(["confirmed", "likely", ""]),
    experiment=st.one_of(st.none(), _WORDS),
    tags=st.dictionaries(_WORDS, _WORDS, max_size=3),
    at=st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
_NAMES = st.lists(st.sampled_from(["vision", "pager", "slack", "default", "nowhere"]), max_size=3)
_GLOBS = st.lists(st.text("*?ab-/ws", max_size=6), max_size=2)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return f'"{value}"'


_WHEN = st.fixed_dictionaries(
    {},
    optional={
        "workspaces": _GLOBS,
        "experiments": _GLOBS,
        "causes": st.lists(st.sampled_from(["pull-role-missing", "not-registry", "pull-*", "typo"]), max_size=2),
        "statuses": st.lists(st.sampled_from(["confirmed", "likely", "typo"]), max_size=2),
        "hours": st.sampled_from(["08:00-18:00", "22:00-06:00", "typo"]),
        "days": st.lists(st.sampled_from(["mon", "sat-sun", "typo"]), max_size=2),
    },
)
_ROUTES = st.lists(
    st.fixed_dictionaries(
        {}, optional={"to": _NAMES, "when": _WHEN, "continue": st.booleans(), "severity": st.sampled_from(Severity)}
    ),
    max_size=4,
)


def _settings(routes: list[dict[str, Any]]) -> Settings:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("responders.settings.known_causes", lambda _: frozenset({"pull-role-missing", "tag-absent"}))
        lines = ("[[routes]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in it.items()) for it in routes)
        text = PLACES.replace("[trackers.desk]", "[unused]") + "".join(lines)
        return load(text, ENVIRONMENT)


@given(_ROUTES, _FACTS)
def test_whatever_the_routes_say_somebody_hears_of_a_cause_or_a_rule_says_nobody(
    routes: list[dict[str, Any]], asked: RouteFacts
) -> None:
    """No mistake makes a message vanish: nobody hears only where a route without a mistake says so, or the default."""
    settings = _settings(routes)
    found = route(settings, asked, NOW)
    assert found.rules
    assert len({one.name for one in found.destinations}) == len(found.destinations)
    assert set(names(found)) <= {one.name for one in settings.destinations}
    if not found.wanted:
        silent = any(one.to == () and not one.wrong for one in settings.routes)
        assert silent or asked.cause == "not-registry"
    else:
        assert found.destinations


@given(_ROUTES, _FACTS)
def test_routing_is_a_function_of_its_arguments(routes: list[dict[str, Any]], asked: RouteFacts) -> None:
    """The same facts go the same way again, so that an incident does not move between destinations."""
    settings = _settings(routes)
    first = route(settings, asked, NOW)
    assert first == route(settings, asked, NOW + timedelta(days=400))


@given(_ROUTES, _FACTS)
def test_a_route_that_does_not_hold_changes_nothing(routes: list[dict[str, Any]], asked: RouteFacts) -> None:
    """A route in front that asks for another workspace is as if it were not there."""
    other: dict[str, Any] = {"to": ["pager"], "when": {"workspaces": ["no-such-workspace"]}}
    before = route(_settings(routes), asked, NOW)
    after = route(_settings([other, *routes]), asked, NOW)
    assert (names(after), after.wanted, after.severity) == (names(before), before.wanted, before.severity)


@given(st.text("ab*?.", max_size=8), st.text("ab.", max_size=8))
def test_a_pattern_is_a_shells(pattern: str, text: str) -> None:
    """``*`` and ``?`` mean what they mean to a shell; everything else is itself."""
    assert Glob(pattern).matches(text) is fnmatch.fnmatchcase(text, pattern)


@given(_WORDS.filter(lambda text: not set(text) & {"*", "?"}))
def test_a_pattern_without_stars_is_its_own_text(text: str) -> None:
    """No character of a name has a meaning of its own, whatever it is."""
    glob = Glob(text)
    assert glob.plain
    assert glob.matches(text)
    assert not glob.matches(text + "x")


def test_a_hostile_pattern_and_text_cost_nothing() -> None:
    """Patterns run in linear time: this one would take a backtracking matcher for ever."""
    assert not Glob("*a" * 100).matches("a" * 99 + "b" * 5000)
    with pytest.raises(ValueError, match="at most 300"):
        Glob("a" * 301)
