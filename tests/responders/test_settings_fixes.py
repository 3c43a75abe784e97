"""The policy of fixes: what it says, and that anything doubtful in it reads as *off*."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responders.__main__ import main
from responders.commands.desk import Desk, ask_at_terminal, open_view
from responders.commands.exits import Exit
from responders.declarations import Secret
from responders.fixes.values import FixMode, Policy, Repositories
from responders.settings import Document, Settings, Unread, load_settings
from responders.settings_fixes import EXCLUDED
from responders.settings_keys import FIXES
from responders.settings_source import Found, SettingsSource

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-ml/providers"
REGISTRY = f"{GROUP}/Microsoft.ContainerRegistry/registries/contosoml"
WORKSPACE = f"{GROUP}/Microsoft.MachineLearningServices/workspaces/vision"
OBJECT = "22222222-0000-4000-8000-000000000002"
FIXER = "33333333-0000-4000-8000-000000000003"
READER = "44444444-0000-4000-8000-000000000004"
BOT = {
    "PULLMEDIC_SLACK_BOT_TOKEN": "xoxb-1-2-abcdefgh",
    "PULLMEDIC_SLACK_BOT_CHANNEL_ID": "C0123456789",
    "PULLMEDIC_SLACK_BOT_SIGNING_SECRET": "0123456789abcdef0123456789abcdef",
}
ENVIRONMENT = {"PULLMEDIC_FIXER_CLIENT_ID": FIXER, **BOT}
GOOD: dict[str, Any] = {
    "mode": "approve",
    "registries": [REGISTRY],
    "workspaces": [WORKSPACE],
    "approvers": {"slack": ["U0123456789"]},
    "expires": "2027-06-30T00:00:00Z",
}


def toml(value: Any) -> str:
    """Return a value as TOML has it; a time stands bare."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + " }"
    bare = isinstance(value, str) and value[:2] == "20" and "T" in value
    return str(value) if bare else json.dumps(value)


def text_of(**changes: Any) -> str:
    """Return a file with a policy; a key with ``None`` is left out."""
    keys = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    return "[fixes]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in keys.items())


def loaded(environ: Mapping[str, str] = ENVIRONMENT, /, **changes: Any) -> Settings:
    """Return the settings of such a file."""
    return load_settings(environ, now=NOW, document=Document("settings.toml", text_of(**changes)))


def said(settings: Settings) -> str:
    """Return every problem in one text."""
    return "\n".join(str(problem) for problem in settings.problems)


def test_without_a_file_fixes_are_off() -> None:
    """The environment alone cannot switch them on."""
    settings = load_settings({**ENVIRONMENT, "PULLMEDIC_FIXES": "auto"}, now=NOW)
    assert settings.fixes == Policy()
    assert not settings.fixes.on


def test_a_whole_policy_is_read() -> None:
    """Ids in lower case, since Azure writes them in any."""
    settings = loaded(
        principals=[OBJECT.upper()],
        roles=["AcrPull"],
        repositories="prefix",
        per_day=4,
        per_registry=3,
        excluded_tags={"owner": "platform*"},
        approve_within="2h",
        run_again=True,
        approvers={"slack": ["U0123456789"], "groups": [OBJECT], "app_roles": ["Pullmedic.Approve"]},
    )
    policy = settings.fixes
    assert settings.problems == ()
    assert (policy.mode, policy.repositories) == (FixMode.APPROVE, Repositories.PREFIX)
    assert policy.registries == {REGISTRY.lower()}
    assert policy.workspaces == {WORKSPACE.lower()}
    assert policy.principals == {OBJECT}
    assert {role.name for role in policy.roles} == {"AcrPull"}
    assert (policy.per_day, policy.per_registry, policy.run_again) == (4, 3, True)
    assert policy.approve_within == timedelta(hours=2)
    assert policy.excluded["owner"].matches("platform-team")
    assert policy.approvers.groups == {OBJECT}
    assert settings.fixer_client_id == FIXER


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mode": "yes"}, "mode"),
        ({"mode": True}, "mode"),
        ({"registries": []}, "at least one registry"),
        ({"registries": ["contosoml"]}, "resource id"),
        ({"registries": [REGISTRY.replace("contosoml", "*")]}, "without a pattern"),
        ({"registries": [REGISTRY, "everything"]}, "resource id"),
        ({"workspaces": None}, "whose identity"),
        ({"workspaces": [WORKSPACE.replace("vision", "*")]}, "without a pattern"),
        ({"principals": ["somebody"]}, "GUID"),
        ({"roles": ["Owner"]}, "pull roles"),
        ({"roles": ["AcrPush"]}, "pull roles"),
        ({"roles": []}, "no role may be granted"),
        ({"mode": "auto", "per_registry": 2}, "fixes.per_day: nobody is asked"),
        ({"mode": "auto", "per_day": 2}, "fixes.per_registry: nobody is asked"),
        ({"approvers": {"slack": []}}, "nobody may approve"),
        ({"expires": "2027-01-01T00:00:00"}, "with an offset"),
        ({"excluded_tags": {"owner": ["x"]}}, "a text is expected"),
        ({"mode": ["auto"]}, "mode"),
        ({"per_registry": True}, "whole number"),
        ({"repositories": "all"}, "width"),
        ({"approvers": None}, "nobody may approve"),
        ({"approvers": {"slack": ["@kim"]}}, "member's id"),
        ({"approvers": {"everybody": True}}, "everybody"),
        ({"expires": None}, "has to end"),
        ({"expires": "2026-01-01T00:00:00Z"}, "has ended"),
        ({"expires": "2029-01-01T00:00:00Z"}, "at most"),
        ({"expires": "tomorrow"}, "expires"),
        ({"per_day": 0}, "per_day"),
        ({"per_day": 1, "per_registry": 2}, "more than per_day"),
        ({"approve_within": "1s"}, "approve_within"),
        ({"run_again": "maybe"}, "run_again"),
        ({"excluded_tags": ["terraform"]}, "excluded_tags"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_whatever_is_wrong_switches_all_of_it_off(changes: dict[str, Any], words: str) -> None:
    """And is said, with its place; nothing else of the settings is touched."""
    settings = loaded(**changes)
    assert settings.fixes == Policy()
    assert words in said(settings)
    assert "so no fix is planned, offered or made" in said(settings)
    assert all("settings.toml" in str(problem) for problem in settings.problems)


def test_ceilings_that_are_named_bound_the_mode_auto() -> None:
    """And where only the day's is named, a registry has no more than that."""
    policy = loaded(mode="auto", approvers=None, per_day=4, per_registry=3).fixes
    assert (policy.mode, policy.per_day, policy.per_registry) == (FixMode.AUTO, 4, 3)
    narrow = loaded(per_day=1)
    assert narrow.problems == ()
    assert (narrow.fixes.per_day, narrow.fixes.per_registry) == (1, 1)


def test_the_documents_name_every_tag_that_is_heeded_by_default() -> None:
    """Nobody has to read the code to know what is left alone."""
    (told,) = [key.default for key in FIXES if key.name == "excluded_tags"]
    assert {name for name in EXCLUDED if f"`{name}`" in str(told)} == set(EXCLUDED)
    assert loaded().fixes.excluded["terraform"].matches("")


def test_a_section_that_is_no_table_is_off() -> None:
    """Whatever it says."""
    for text in ('fixes = "auto"\n', '[[fixes]]\nmode = "auto"\n', '[fix]\nmode = "auto"\n'):
        settings = load_settings(ENVIRONMENT, now=NOW, document=Document("settings.toml", text))
        assert settings.fixes.mode is FixMode.OFF
        assert settings.problems


def test_a_file_that_is_no_toml_is_off() -> None:
    """Nothing of it counts."""
    text = "[fixes]\nmode = auto\n"
    settings = load_settings(ENVIRONMENT, now=NOW, document=Document("settings.toml", text))
    assert settings.fixes == Policy()
    assert "nothing of the file is used" in said(settings)
    unread = load_settings(ENVIRONMENT, now=NOW, document=Unread("the blob cannot be read now"))
    assert unread.fixes == Policy()


class Shelf:
    """A place for one file that can be another each time it is read."""

    def __init__(self, found: Document | Unread) -> None:
        self.found = found

    def __call__(self, tag: str, *, now: datetime) -> Found:
        del tag, now
        return Found(self.found)


@pytest.mark.parametrize(
    "newer",
    [
        Document("settings.toml", text_of(mode="of")),
        Document("settings.toml", text_of(mode="off")),
        Document("settings.toml", text_of(registries=["*"])),
        Document("settings.toml", "[fixes\n"),
        Document("settings.toml", ""),
        Unread("the blob cannot be read now"),
    ],
)
def test_no_older_policy_stays_in_force(newer: Document | Unread) -> None:
    """Of everything else the last good version stays; a pre-approval has to stand in the file as it is now."""
    clock, shelf = [NOW], Shelf(Document("settings.toml", text_of()))
    source = SettingsSource(ENVIRONMENT, now=lambda: clock[0], read=shelf, quiet=True)
    assert source.current().fixes.mode is FixMode.APPROVE
    shelf.found = newer
    clock[0] += timedelta(minutes=2)
    assert source.current().fixes.mode is FixMode.OFF
    shelf.found = Document("settings.toml", text_of(mode="propose"))
    clock[0] += timedelta(minutes=2)
    assert source.current().fixes.mode is FixMode.PROPOSE


def test_a_mistake_elsewhere_in_a_newer_file_leaves_the_policy_that_stands_there() -> None:
    """What is taken away in it counts at once, whatever else is wrong."""
    clock, shelf = [NOW], Shelf(Document("settings.toml", text_of(per_day=5)))
    source = SettingsSource(ENVIRONMENT, now=lambda: clock[0], read=shelf, quiet=True)
    assert source.current().fixes.per_day == 5
    shelf.found = Document("settings.toml", text_of(per_day=2) + '[[routes]]\nto = ["nobody-there"]\n')
    clock[0] += timedelta(minutes=2)
    settings = source.current()
    assert settings.fixes.per_day == 2
    assert "all but its [fixes]" in said(settings)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "PULLMEDIC_FIXER_CLIENT_ID"),
        ({"PULLMEDIC_FIXER_CLIENT_ID": "fixer"}, "no GUID"),
        ({"PULLMEDIC_FIXER_CLIENT_ID": READER, "PULLMEDIC_CLIENT_ID": READER}, "its own"),
    ],
)
def test_without_an_identity_of_its_own_nothing_is_written(environ: dict[str, str], words: str) -> None:
    """Reading and repairing are two rights; a plan alone can be shown without."""
    settings = loaded(environ)
    assert not settings.fixes.on
    assert words in said(settings)
    assert loaded({}, mode="propose").fixes.mode is FixMode.PROPOSE


def test_the_first_of_two_apps_shows_what_the_second_does() -> None:
    """It has neither the fixer's identity nor a function that writes, and people decide in its messages."""
    first = loaded({"PULLMEDIC_PART": "diagnose"}, approvers={"slack": ["U0123456789"], "groups": [OBJECT]})
    assert first.fixes.mode is FixMode.APPROVE
    assert first.fixes.approvers.slack == {"U0123456789"}
    assert first.problems == ()
    for part in ("all", "fix", "diagnos", "Diagnose"):
        settings = loaded({"PULLMEDIC_PART": part})
        assert settings.fixes == Policy()
        assert ("none of the three" in said(settings)) is (part not in {"all", "fix"})


@pytest.mark.parametrize("command", ["validate", "settings"])
def test_the_commands_show_the_policy_and_no_secret(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is pre-approved, by whose identity, where people decide; the key as stars."""
    path = tmp_path / "settings.toml"
    path.write_text(text_of())
    page = {"PULLMEDIC_PAGE_URL": "https://app.example.org/", "PULLMEDIC_PAGE_KEY": "k3y-" * 10}
    desk = Desk(
        environ={**ENVIRONMENT, **page, "PULLMEDIC_SETTINGS": str(path)},
        now=lambda: NOW,
        ask=ask_at_terminal,
        view=open_view,
    )
    assert main([command], desk) == Exit.DONE
    shown = capsys.readouterr()
    for words in ("mode: approve", REGISTRY.lower(), FIXER, "page_key: ****", "https://app.example.org", "U0123456789"):
        assert words in shown.out
    path.write_text(text_of(mode="of"))
    assert main([command], desk) == (Exit.NO if command == "validate" else Exit.DONE)
    off = capsys.readouterr()
    assert "mode: off" in off.out
    assert "page_key: ****" in off.out
    assert "no fix is planned" in off.out + off.err
    assert "k3y-" not in shown.out + shown.err + off.out + off.err


@pytest.mark.parametrize(
    "key", ["short", "k" * 31, "@Microsoft.KeyVault(SecretUri=https://x.vault.azure.net/secrets/k)"]
)
def test_a_key_that_can_be_guessed_or_was_not_resolved_is_none(key: str) -> None:
    """And is shown nowhere."""
    settings = load_settings({"PULLMEDIC_PAGE_KEY": key}, now=NOW)
    assert settings.page_key is None
    assert "PULLMEDIC_PAGE_KEY" in said(settings)
    assert key not in said(settings)


def test_who_can_only_decide_on_the_page_needs_the_page() -> None:
    """Else an offer would wait for nobody."""
    only_groups = {"groups": [OBJECT]}
    page = {"PULLMEDIC_PAGE_URL": "https://app.example.org/", "PULLMEDIC_PAGE_KEY": "k" * 32}
    assert not loaded(approvers=only_groups).fixes.on
    settings = loaded({**ENVIRONMENT, **page}, approvers=only_groups)
    assert settings.fixes.mode is FixMode.APPROVE
    assert settings.page_url == "https://app.example.org"
    assert settings.page_key == Secret("k" * 32)
    assert "k" * 32 not in repr(settings)


@pytest.mark.parametrize(
    "url", ["http://app.example.org", "https://app.example.org/path", "app.example.org", "https://"]
)
def test_a_page_has_an_https_address_of_a_host(url: str) -> None:
    """Nothing else is linked."""
    settings = load_settings({"PULLMEDIC_PAGE_URL": url}, now=NOW)
    assert settings.page_url == ""
    assert "PULLMEDIC_PAGE_URL" in said(settings)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab-", max_size=5), inner, max_size=3),
    max_leaves=6,
)


_NEAR = {
    "mode": st.sampled_from(["auto", "approve", "Auto", "AUTO ", "auto,approve", "on"]),
    "registries": st.lists(st.sampled_from([REGISTRY, REGISTRY + "*", GROUP, "*", REGISTRY + "/../x"]), max_size=2),
    "workspaces": st.lists(st.sampled_from([WORKSPACE, WORKSPACE + "?", WORKSPACE + "/computes/*", "*"]), max_size=2),
    "roles": st.lists(st.sampled_from(["AcrPull", "acrpull", "Owner", "*"]), max_size=2),
    "approvers": st.dictionaries(
        st.sampled_from(["slack", "groups", "app_roles", "all"]),
        st.lists(st.sampled_from(["U0123456789", OBJECT, "*"])),
    ),
    "expires": st.sampled_from(["2027-06-30T00:00:00Z", "2027-06-30T00:00:00", "2199-01-01T00:00:00Z", "2026-11-26"]),
    "per_day": st.integers(-1, 200),
    "per_registry": st.integers(-1, 200),
}
_CHANGES = st.dictionaries(st.sampled_from([*GOOD, "principals", "roles", "per_day", "new"]), _ANY, max_size=3)


@given(changes=_CHANGES | st.fixed_dictionaries({}, optional=_NEAR))
def test_no_mistake_makes_a_policy_that_is_on(changes: dict[str, Any]) -> None:
    """Whatever stands there: a policy is on only if nothing was wrong, and then it is within the bounds."""
    stated = {key: value for key, value in changes.items() if not _has_none(value)}
    try:
        settings = loaded(**stated)
    except (UnicodeError, ValueError):
        return
    policy = settings.fixes
    if policy.on:
        assert [problem for problem in settings.problems if "fixes" in str(problem)] == []
        assert policy.registries
        assert policy.workspaces or policy.principals
        assert policy.expires is not None
        assert NOW < policy.expires <= NOW + timedelta(days=366)
        assert 1 <= policy.per_registry <= policy.per_day <= 100
        assert policy.registries == {REGISTRY.lower()}
        assert policy.workspaces <= {WORKSPACE.lower()}
        assert policy.roles
        assert policy.mode.value == {**GOOD, **stated}["mode"]
        assert policy.mode is not FixMode.APPROVE or policy.approvers.anybody
        assert policy.mode is not FixMode.AUTO or {"per_day", "per_registry"} <= set(stated)


def _has_none(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_none(item) for item in value.values())
    return any(_has_none(item) for item in value) if isinstance(value, list) else value is None


def test_who_can_only_press_a_button_needs_a_slack_app_that_has_them() -> None:
    """A webhook has no buttons; where others decide on the page it is a warning."""
    fixer = {"PULLMEDIC_FIXER_CLIENT_ID": FIXER}
    page = {"PULLMEDIC_PAGE_URL": "https://app.example.org", "PULLMEDIC_PAGE_KEY": "k" * 32}
    assert not loaded(fixer).fixes.on
    assert "no buttons" in said(loaded(fixer))
    both = loaded({**fixer, **page}, approvers={"slack": ["U0123456789"], "groups": [OBJECT]})
    assert both.fixes.mode is FixMode.APPROVE
    assert [problem.warning for problem in both.problems] == [True]
