"""The settings file: read as a whole, told wrong with places and all at once, and never a secret in it or of it."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from settings_samples import DESK, ENVIRONMENT, PLACES, SENTINEL, SLACK, WHOLE, _desk, load, mistakes, warnings

from responders import tickets
from responders.channels._webhook import URL
from responders.rules import Pacing, Severity
from responders.settings import Document, load_settings
from responders.settings_file import Surroundings, _File
from responders.settings_keys import LARGEST_FILE

__all__ = ["_desk"]


def line_of(text: str, line: str, times: int = 1) -> int:
    """Return the number of the line that says ``line`` for the so many-th time."""
    return [number for number, said in enumerate(text.splitlines(), start=1) if said == line][times - 1]


def test_a_whole_file_is_read_into_values() -> None:
    """Each key reaches its member, in its type, beside what the environment sets."""
    settings = load(WHOLE)
    assert settings.problems == ()
    assert [one.name for one in settings.destinations] == ["slack", "vision", "pager"]
    assert settings.destinations[1].options.secret(URL).reveal() == SLACK
    assert [(one.name, one.tracker, one.close_on_resolution) for one in settings.trackers] == [("desk", DESK, False)]
    assert settings.trackers[0].options.values == {"queue": "ML", "label": "pullmedic"}
    assert [one.name for one in settings.fallbacks] == ["pager"]
    assert settings.defaults.insufficient_evidence == (settings.destinations[1],)
    assert settings.defaults.not_registry is None
    by_day, release = settings.routes
    assert (by_day.name, [one.name for one in by_day.to or ()]) == ("Vision by day", ["vision", "slack"])
    assert (by_day.tickets, by_day.severity, by_day.goes_on) == ((), Severity.WARNING, True)
    assert (release.name, release.tickets, release.goes_on) == ("routes[1]", None, False)
    assert release.place == f"settings.toml:{line_of(WHOLE, '[[routes]]', 2)}: routes[1]"
    assert settings.silences[0].until == datetime(2026, 12, 1, 17, tzinfo=UTC)
    assert settings.pacing == Pacing(
        edit_every=timedelta(minutes=2),
        repeat_at=(5, 50),
        repeat_every=timedelta(hours=2),
        digest_above=10,
        digest_window=timedelta(minutes=5),
        reopen_within=timedelta(days=3),
        resolve_stale_after=timedelta(days=14),
        keep_for=timedelta(days=60),
        ticket_reopen_within=timedelta(days=1),
        ticket_comment_every=timedelta(hours=12),
    )
    assert settings.variables == {"PULLMEDIC_VISION_URL", "PULLMEDIC_PAGER_URL", "PULLMEDIC_SUPPORT_TOKEN"}
    assert settings.origins["destinations.pager"] == "settings.toml:6: destinations.pager"


def test_an_empty_file_changes_nothing() -> None:
    """Without a word in it everything is as the environment says."""
    settings = load("")
    alone = load_settings(ENVIRONMENT)
    assert settings.problems == ()
    assert (settings.destinations, settings.defaults) == (alone.destinations, alone.defaults)
    assert settings.pacing == Pacing()


def test_every_mistake_is_told_at_once_with_its_place_and_the_rest_runs() -> None:
    """One load names each wrong entry with file, line and key; what is right beside it is used."""
    settings = load(
        """\
        [destinations.good]
        channel = "slack"
        webhook_url = { env = "PULLMEDIC_VISION_URL" }

        [destinations.bad]
        channel = "slac"

        [[routes]]
        to = ["good"]

        [[routes]]
        when = { workspaces = ["a"] }
        to = ["good"]

        [[routes]]
        to = ["good"]
        when = { causes = ["pull-role-mising"] }

        [[silences]]
        until = 2026-12-01T00:00:00Z
        reason = "why"
        when = { workspace = ["a"] }

        [incident]
        """
    )
    assert mistakes(settings) == [
        "settings.toml:24: incident: no such key; is incidents meant?",
        "settings.toml:6: destinations.bad.channel: no channel is called slac; is slack meant?",
        "settings.toml:17: routes[2].when.causes[0]: no cause is called pull-role-mising; is pull-role-missing meant?",
        "settings.toml:22: silences[0].when.workspace: no such key; is workspaces meant?",
    ]
    assert [one.name for one in settings.destinations] == ["slack", "good"]
    assert [route.wrong for route in settings.routes] == [False, False, True]
    assert settings.silences == ()


def test_the_line_is_left_out_where_it_is_not_certain() -> None:
    """A text that looks like a header makes the count of headers wrong: then the place stands without a line."""
    settings = load('[[routes]]\nname = """\n[[routes]]\n"""\nto = ["slack"]\nseverity = 1\n')
    assert "settings.toml: routes[0].severity: the name of a severity is expected" in mistakes(settings)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('a = "b', "settings.toml:1: it is no TOML"),
        ("[routes", "settings.toml:1: it is no TOML"),
        ("a = " + "[" * 5000, "settings.toml: it is nested too deeply"),
        ("a = " + "9" * 5000, "settings.toml: it is no TOML"),
        ("#" * (LARGEST_FILE + 1), "settings.toml: it is larger than 256 KiB"),
        (f'"{SENTINEL}" = 1\n"{SENTINEL}" = 2', "settings.toml:2: it is no TOML"),
    ],
)
def test_a_text_that_is_no_toml_is_told_and_the_environment_runs(text: str, complaint: str) -> None:
    """Nothing of such a file is used, nothing of it is shown, and the app goes on as without it."""
    settings = load(text)
    assert len(mistakes(settings)) == 1
    assert mistakes(settings)[0].startswith(complaint)
    assert SENTINEL not in str(settings.problems)
    assert settings.defaults.to == load_settings(ENVIRONMENT).destinations != ()


# --- secrets ---------------------------------------------------------------------------------------------------


def test_a_literal_secret_is_refused_and_not_shown() -> None:
    """A secret field takes a variable's name alone."""
    settings = load(f'[destinations.a]\nchannel = "slack"\nwebhook_url = "{SLACK}"\n')
    (told,) = mistakes(settings)
    assert told.startswith("settings.toml:3: destinations.a.webhook_url: a secret does not stand in the file")
    assert SENTINEL not in repr(settings)


@pytest.mark.parametrize(
    ("written", "environ", "complaint"),
    [
        (
            '{ env = "AzureWebJobsStorage" }',
            {"AzureWebJobsStorage": f"AccountName={SENTINEL}"},
            "begins with PULLMEDIC_",
        ),
        ('{ env = "IDENTITY_HEADER" }', {"IDENTITY_HEADER": SENTINEL}, "begins with PULLMEDIC_"),
        (f'{{ env = "{SLACK}" }}', {}, "begins with PULLMEDIC_"),
        ('{ env = "PULLMEDIC_X", or = 1 }', {"PULLMEDIC_X": SLACK}, "is expected"),
        ('{ env = "PULLMEDIC_X" }', {}, "the variable PULLMEDIC_X is not set"),
        ('{ env = "PULLMEDIC_X" }', {"PULLMEDIC_X": "@Microsoft.KeyVault(VaultName=v)"}, "Key Vault reference in PULL"),
        ('{ env = "PULLMEDIC_X" }', {"PULLMEDIC_X": f"http://{SENTINEL}"}, "not an https address"),
    ],
)
def test_a_secrets_variable_is_told_wrong_without_its_value(
    written: str, environ: dict[str, str], complaint: str
) -> None:
    """Only variables of the product can be named, so that the file's author reaches no other secret of the app."""
    settings = load(f'[destinations.a]\nchannel = "slack"\nwebhook_url = {written}\n', environ)
    (told,) = mistakes(settings)
    assert told.startswith("settings.toml:3: destinations.a.webhook_url: ")
    assert complaint in told
    assert SENTINEL not in repr(settings)
    assert settings.destinations == ()


def test_a_trackers_own_check_and_fields_are_told_at_their_place() -> None:
    """What the tracker finds wrong, a missing field and a wrong truth are problems of the file."""
    settings = load(
        """\
        [trackers.a]
        tracker = "desk"
        token = { env = "PULLMEDIC_SUPPORT_TOKEN" }
        queue = "small"
        [trackers.b]
        tracker = "desk"
        close_on_resolution = "yes"
        queue = 7
        """
    )
    assert mistakes(settings) == [
        "settings.toml:4: trackers.a.queue: a queue has a name in capitals; it is left out",
        "settings.toml:7: trackers.b.close_on_resolution: true or false is expected",
        'settings.toml:5: trackers.b: token = { env = "PULLMEDIC_..." } is missing; it is left out',
    ]
    assert settings.trackers == ()


def test_a_variable_of_the_file_may_have_the_name_of_a_variable_of_the_environment() -> None:
    """A token under its usual name, used by the file alone, is no half of a tracker of the environment."""
    environ = {"PULLMEDIC_DESK_TOKEN": SENTINEL}
    text = '[trackers.a]\ntracker = "desk"\ntoken = { env = "PULLMEDIC_DESK_TOKEN" }\nqueue = "ML"\n'
    assert [problem.setting for problem in load("", environ).problems] == ["PULLMEDIC_DESK_QUEUE"]
    assert load(text, environ).problems == ()
    both = environ | {"PULLMEDIC_DESK_LABEL": "x"}
    assert [problem.setting for problem in load(text, both).problems] == ["PULLMEDIC_DESK_QUEUE"]


# --- names and defaults ----------------------------------------------------------------------------------------


def test_a_name_that_the_environment_has_is_not_taken_over() -> None:
    """The environment's destination stays, and the file's is named as left out."""
    settings = load('[destinations.slack]\nchannel = "slack"\nwebhook_url = { env = "PULLMEDIC_VISION_URL" }\n')
    assert mistakes(settings) == [
        (
            "settings.toml:1: destinations.slack: the environment sets up one of that name; "
            "choose another; this one is left out"
        )
    ]
    assert [one.name for one in settings.destinations] == ["slack"]


@pytest.mark.parametrize("name", ["default", "log", "nobody", "Vision", '"a b"', '""', "a" * 41])
def test_a_name_is_plain_and_not_one_with_a_meaning(name: str) -> None:
    """Names stand in routes and in the store's keys."""
    settings = load(f'[destinations.{name}]\nchannel = "slack"\nwebhook_url = {{ env = "PULLMEDIC_VISION_URL" }}\n')
    assert len(mistakes(settings)) == 1
    assert [one.name for one in settings.destinations] == ["slack"]


def test_who_hears_by_default_is_the_environments_destinations_else_all_of_the_file() -> None:
    """The precedence that the document states."""
    assert [one.name for one in load(PLACES).defaults.to] == ["slack"]
    alone = {name: value for name, value in ENVIRONMENT.items() if name != "PULLMEDIC_SLACK_WEBHOOK_URL"}
    of_file = load(PLACES, alone)
    assert [one.name for one in of_file.defaults.to] == ["vision", "pager"]
    assert warnings(of_file) == [
        (
            "settings.toml: destinations: no default destinations are named in [defaults]: "
            "every destination hears what no route takes"
        )
    ]
    with_fallback = load(PLACES + '[defaults]\nfallback = ["pager"]\n', alone)
    assert [one.name for one in with_fallback.defaults.to] == ["vision"]
    assert with_fallback.problems == ()
    named = load(PLACES + '[defaults]\nto = ["pager", "vison"]\n')
    assert [one.name for one in named.defaults.to] == ["pager"]
    assert mistakes(named) == ["settings.toml:15: defaults.to[1]: no destination is called vison; is vision meant?"]


def test_nobody_by_default_is_refused() -> None:
    """An empty list there would lose every failure that no route takes."""
    settings = load("[defaults]\nto = []\n")
    assert mistakes(settings) == [
        "settings.toml:2: defaults.to: somebody has to hear what no route takes: name who, or leave it out"
    ]
    assert [one.name for one in settings.defaults.to] == ["slack"]


def test_who_hears_of_verdicts_without_a_cause() -> None:
    """Insufficient evidence goes to the default, not-registry to nobody, unless file or environment say otherwise."""
    usual = load("")
    assert (usual.notify_insufficient, usual.notify_not_registry) == (True, False)
    turned = load('[defaults]\ninsufficient_evidence = []\nnot_registry = ["default"]\n')
    assert (turned.notify_insufficient, turned.notify_not_registry) == (False, True)
    assert turned.defaults.not_registry == turned.defaults.to
    environ = ENVIRONMENT | {"PULLMEDIC_NOTIFY_NOT_REGISTRY": "true"}
    assert load("", environ).notify_not_registry
    both = load("[defaults]\nnot_registry = []\n", environ)
    assert not both.notify_not_registry
    assert warnings(both) == [
        "PULLMEDIC_NOTIFY_NOT_REGISTRY: it has no effect: settings.toml decides in its [defaults]"
    ]


def test_default_without_any_destination_is_the_log_and_not_nobody() -> None:
    """Nothing set up is another thing than nobody wanted."""
    settings = load('[defaults]\nnot_registry = ["default"]\n', {})
    assert settings.defaults.not_registry == ()


# --- silences and pacing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("silence", "complaint"),
    [
        ('reason = "x"\nwhen = { causes = ["tag-absent"] }', "silences[0]: until is missing"),
        (
            'until = 2027-03-01T00:00:00Z\nreason = "x"\nwhen = { causes = ["tag-absent"] }',
            "silences[0].until: a silence lasts 90 days at most; it is left out",
        ),
        (
            'until = 2026-12-01T00:00:00Z\nfrom = 2026-12-02T00:00:00Z\nreason = "x"\nwhen = { causes = ["tag-absent"] }',
            "silences[0].until: it ends before it starts",
        ),
        ('until = 2026-12-01T00:00:00\nreason = "x"\nwhen = { causes = ["tag-absent"] }', "with an offset is expected"),
        ('until = 2026-12-01\nreason = "x"\nwhen = { causes = ["tag-absent"] }', "with an offset is expected"),
        ('until = "soon"\nreason = "x"\nwhen = { causes = ["tag-absent"] }', "with an offset is expected"),
        ('until = 0001-01-01T00:00:00+23:59\nreason = "x"\nwhen = { causes = ["tag-absent"] }', "reckoned with"),
        ('until = 2026-12-01T00:00:00Z\nwhen = { causes = ["tag-absent"] }', "silences[0]: reason is missing"),
        ('until = 2026-12-01T00:00:00Z\nreason = "x"', "silences[0]: when is missing"),
        ('until = 2026-12-01T00:00:00Z\nreason = "x"\nwhen = {}', "at least one condition is expected"),
        ('until = 2026-12-01T00:00:00Z\nreason = "x"\nwhen = { causes = [] }', "would match nothing"),
    ],
)
def test_a_silence_without_end_reason_or_condition_is_left_out(silence: str, complaint: str) -> None:
    """A silence always ends, says why and what; else everybody hears."""
    settings = load("[[silences]]\n" + silence + "\n")
    assert settings.silences == ()
    (told,) = mistakes(settings)
    assert complaint in told


def test_a_silence_that_has_ended_is_a_warning() -> None:
    """It does no harm, and should be taken out."""
    settings = load('[[silences]]\nuntil = 2026-11-01T00:00:00Z\nreason = "x"\nwhen = { causes = ["tag-absent"] }\n')
    assert mistakes(settings) == []
    assert warnings(settings) == ["settings.toml:2: silences[0].until: it has ended: take the silence out"]
    assert not settings.silences[0].active(datetime(2026, 11, 23, tzinfo=UTC))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('edit_every = "1s"', "edit_every: a duration from 10s to 1d is expected"),
        ("edit_every = 60", "edit_every: a duration is expected"),
        ('edit_every = "1 fortnight"', "edit_every: a duration is expected"),
        ("repeat_at = [10, 5]", "repeat_at: the numbers have to rise"),
        ("repeat_at = [1]", "repeat_at[0]: a number from 2 to 1000000 is expected"),
        ("repeat_at = 10", "repeat_at: a list is expected"),
        ("digest_above = true", "digest_above: a whole number is expected"),
        ("digest_above = 0", "digest_above: a number from 1 to 1000 is expected"),
        ('keep_for = "7d"', "keep_for: incidents would be forgotten before"),
    ],
)
def test_a_wrong_pace_is_told_and_the_usual_one_runs(line: str, complaint: str) -> None:
    """Each value has its bounds, and one that contradicts another is told as well."""
    settings = load(f"[incidents]\n{line}\n")
    (told,) = mistakes(settings)
    assert told.startswith("settings.toml:2: incidents.")
    assert complaint in told
    assert settings.pacing == Pacing()


# --- warnings --------------------------------------------------------------------------------------------------


def test_what_is_hardly_meant_is_warned_of() -> None:
    """A route that is never asked, two of one name, a destination that nobody uses, a zone without hours."""
    settings = load(
        PLACES
        + """
[[routes]]
name = "all"
to = ["vision"]

[[routes]]
name = "all"
to = ["slack"]
when = { workspaces = ["a"], timezone = "Europe/Berlin" }
"""
    )
    assert mistakes(settings) == []
    assert warnings(settings) == [
        "settings.toml:22: routes[1].when.timezone: it has no effect without hours or days",
        "settings.toml:19: routes[1]: routes[0] has the same name",
        "settings.toml:19: routes[1]: it is never asked: routes[0] takes everything before it",
        "settings.toml:6: destinations.pager: nothing is sent there: no route and no default names it",
    ]


# --- anything whatever -----------------------------------------------------------------------------------------

_SCALARS = st.one_of(
    st.just(SENTINEL),
    st.just(SLACK),
    st.text(max_size=20).map(lambda text: SENTINEL + text),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.dates(),
    st.times(),
)
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["env", "to", "when", "causes", "channel", "a"]), inner, max_size=4),
    ),
    max_leaves=8,
)


def _places_of(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path]
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        found += _places_of(child, (*path, key))
    return found


_PLACES = [path for path in _places_of(tomllib.loads(WHOLE)) if path]


@given(path=st.sampled_from(_PLACES), value=_ANYTHING)
def test_anything_at_any_place_raises_nothing_and_shows_no_secret(path: tuple[str | int, ...], value: Any) -> None:
    """Whatever stands where, loading returns, each problem has a place in the file, and no value is shown."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tickets, "discover", lambda: (DESK,))
        parsed: Any = tomllib.loads(WHOLE)
        at = parsed
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value
        base = load_settings(ENVIRONMENT)
        around = Surroundings(
            environ=ENVIRONMENT,
            destinations=base.destinations,
            fallbacks=(),
            trackers=(),
            more_hosts=(),
            causes=lambda: ["pull-role-missing", "tag-absent"],
            now=datetime(2026, 11, 23, tzinfo=UTC),
        )
        found = _File(Document("settings.toml", WHOLE), parsed, around).read()
    assert all(problem.setting.startswith("settings.toml") for problem in found.problems)
    assert SENTINEL not in "\n".join(map(str, found.problems))
    assert SENTINEL not in repr(found.destinations)
    assert found.default != ()


@given(st.text(st.characters(exclude_categories=()), max_size=200))
def test_no_text_whatever_stops_loading(text: str) -> None:
    """The file may hold anything."""
    settings = load_settings({}, document=Document("settings.toml", text))
    assert all(problem.setting.startswith("settings.toml") for problem in settings.problems)


@given(st.integers(0, len(WHOLE)), st.text("[]{}\"'=.,\n#ab1", max_size=6))
def test_no_slip_of_the_hand_stops_loading(place: int, slip: str) -> None:
    """A file with something typed into it at random is read, or told wrong, and the environment's part runs on."""
    settings = load(WHOLE[:place] + slip + WHOLE[place:])
    assert settings.destinations[0].name == "slack"
    assert SENTINEL not in str(settings.problems)
