"""Apprise: what may be reached, one message within a service's limits, and nothing said that must not be."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import notice_samples as notices
import pytest
import responder_samples as samples
from apprise import Apprise
from apprise.manager_plugins import NotificationManager
from hypothesis import example, given
from hypothesis import strategies as st
from test_teams import ALL_BACKSLASHES

from responders.channels import Options
from responders.channels import apprise as channel
from responders.channels.apprise import Room, Words, plain, render
from responders.declarations import Secret
from responders.notices import Notice, NoticeKind
from responders.sending import Refused, SendError, TryLater, Unreachable
from sandbox.playing import variables
from sandbox.server import Sandbox
from sandbox.services import discord
from sandbox.world import Scenario

TOKEN = "tok3n-tok3n-tok3n-tok3n"
ADDRESS = f"discord://1000000000000000001/{TOKEN}"


def as_html(character: str) -> int:
    """Count the longest entity for whatever character."""
    return 6 * len(character)


def as_markdown(character: str) -> int:
    """Count a backslash before what Markdown obeys."""
    return len(character.encode()) + (character in "*_[]()")


ROOMS = st.builds(
    Room,
    title=st.sampled_from([0, 0, 60, 250]),
    body=st.sampled_from([400, 1000, 1024, 2000, 4096, 10_000, 32_768]),
    cost=st.sampled_from([Room(title=0, body=0).cost, as_html, as_markdown]),
)


def options(address: str) -> Options:
    """Return the options of a destination."""
    return Options(secrets={"url": Secret(address)})


def problem(address: str) -> str:
    """Return what is wrong with an address; empty where nothing is."""
    return channel.CHANNEL.problems(options(address)).get("url", "")


@pytest.mark.slow
@given(notices.NOTICES, ROOMS)
@example(ALL_BACKSLASHES, Room(title=0, body=400))
def test_no_notice_whatever_is_longer_than_the_service_takes(notice: Notice, room: Room) -> None:
    """Any Unicode of any length gives a title and a text within what the service counts."""
    words = render(notice, room)
    assert sum(map(room.cost, words.title)) <= room.title
    assert 0 < sum(map(room.cost, words.body)) <= room.body
    assert words.body.strip()


@pytest.mark.slow
@given(notices.NOTICES, ROOMS)
@example(ALL_BACKSLASHES, Room(title=0, body=400))
def test_no_notice_can_call_anybody_or_link_anywhere(notice: Notice, room: Room) -> None:
    """The addresses in a message are the run's and the incident's own; nothing begins a mention."""
    words = render(notice, room)
    for text in (words.title, words.body):
        without = notices.without_links(text, notice.report)
        assert "://" not in without
        assert not re.search(r"@(?!sha256:|\u2060|…)|<[@!#/A-Za-z]", without)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("@everyone", "@\u2060everyone"),
        ("dana@contoso.com", "dana@\u2060contoso.com"),
        ("acr1.azurecr.io/train@sha256:ab", "acr1.azurecr.io/train@sha256:ab"),
        ("<!channel> <@U1> a < b", "<\u2060!channel> <\u2060@\u2060U1> a < b"),
        ("[x](https://evil.example)", "[x](https:\u2060//evil.example)"),
        ("WWW.evil.example", "WWW\u2060.evil.example"),
    ],
)
def test_what_a_client_would_obey_is_broken_invisibly(text: str, shown: str) -> None:
    """It reads the same, and does nothing."""
    assert plain(text) == shown


def test_the_message_has_the_readers_order() -> None:
    """Headline, state, next step, then the rest; link and evidence end it."""
    words = render(notices.notice(NoticeKind.REPEATED), Room(title=0, body=4096))
    places = [
        words.body.index(part)
        for part in (
            "Confirmed: cpu-4's identity may not pull",
            "first told of in the message of 12:00 UTC",
            "Next step:",
            samples.COMMAND,
            "Why:",
            "Open the run: https://ml.azure.com/runs/calm_net_7xk2",
            "Evidence stored as",
        )
    ]
    assert places == sorted(places)
    assert "Cut for length" not in words.body


def test_a_title_takes_the_headline_and_a_short_one_does_not_lose_it() -> None:
    """What does not fit the title stands whole in the text."""
    headline = notices.report().headline
    assert render(notices.notice(), Room(title=250, body=4096)) == Words(
        headline, render(notices.notice(), Room(title=0, body=4096)).body.removeprefix(f"{headline}\n\n")
    )
    short = render(notices.notice(), Room(title=20, body=4096))
    assert short.title.endswith("…")
    assert short.body.startswith(headline)


def test_a_cut_is_announced() -> None:
    """A service with little room says what is missing and where it is."""
    words = render(notices.notice(), Room(title=0, body=1024))
    assert "Next step:" in words.body
    assert "Cut for length" in words.body


def test_a_possible_repeat_is_said() -> None:
    """Who may see a message twice is told so."""
    assert "This may be a repeat" in render(notices.notice(possible_repeat=True), Room(title=0, body=4096)).body


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (ADDRESS, ""),
        ("mailtos://dana:pw@contoso.com?to=team@contoso.com", ""),
        ("@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/a)", "Key Vault reference"),
        ("", "not one Apprise address"),
        ("discord://", "not one Apprise address"),
        (f"{ADDRESS} {ADDRESS}", "not one Apprise address"),
        ("file:///etc/passwd", "not one Apprise address"),
        ("syslog://localhost", "is none of"),
        ("dbus://x", "is none of"),
        ("windows://x", "is none of"),
        ("gnome://x", "is none of"),
        ("macosx://x", "is none of"),
        ("rsyslog://x", "is none of"),
        ("mailto://a:b@c.com", "is none of"),
        ("gotify://host/token", "is none of"),
        ("jsons://host", "channel webhook"),
        ("slack://a/b/c", "PULLMEDIC_SLACK_WEBHOOK_URL"),
        ("workflows://a/b/c", "PULLMEDIC_TEAMS_WEBHOOK_URL"),
        (f"{ADDRESS}?verify=no", "check of the certificate"),
        (f"{ADDRESS}?x=1&Verify=No", "check of the certificate"),
        (f"{ADDRESS}?template=/etc/passwd", "asks to read a file"),
        (f"{ADDRESS}?%74emplate=/etc/passwd", "asks to read a file"),
        ("mailtos://a:b@c.com?mode=insecure", "switches TLS off"),
    ],
)
def test_only_listed_services_over_tls_are_reached(address: str, said: str) -> None:
    """What would reach this machine, read its files or send in the clear is refused, without showing the address."""
    found = problem(address)
    assert (said in found) if said else not found
    assert TOKEN not in found


def test_every_listed_service_is_one_of_apprise_over_tls() -> None:
    """No name on the list is misspelt, and none is the clear-text form of a plugin."""
    secure: set[str] = set()
    for plugin in NotificationManager().plugins():  # type: ignore[no-untyped-call]
        names = plugin.secure_protocol or ()
        secure |= {names} if isinstance(names, str) else set(names)
    assert secure >= channel.SCHEMAS


def test_the_document_lists_what_is_reached() -> None:
    """Every address that is taken is in the document, and no other."""
    document = Path(__file__).parents[2] / "docs" / "other-channels.md"
    rows = re.findall(
        r"^\| (?:chat|on call|push|e-mail|another Apprise) \|(.*)\|$",
        document.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert {name for row in rows for name in re.findall(r"`([a-z0-9]+)`", row)} == channel.SCHEMAS


EMPTY = Scenario(id="empty", source=None, world={})


def faulty(**fault: Any) -> Scenario:
    """Return a world in which Discord answers otherwise."""
    return Scenario(id="faulty", source=None, world={}, faults=({"call": {"host": "discord.com"}, **fault},))


@contextmanager
def simulated(scenario: Scenario = EMPTY) -> Iterator[Sandbox]:
    """Run a sandbox that this process is pointed at."""
    with Sandbox(scenario) as azure, variables(azure.environment):
        yield azure


def send(azure: Sandbox, address: str = "", notice: Notice | None = None) -> None:
    """Send to the simulated Discord, or to another address."""
    address = address or discord.apprise_url(azure._azure, "discord")
    channel.CHANNEL.connect(options(address)).send(notice or notices.notice(), now=samples.NOW)


def test_a_real_plugin_posts_one_message_that_the_service_takes() -> None:
    """Through Apprise's own plugin over HTTPS, at once, twice in a row, within Discord's 2,000 characters."""
    with simulated() as azure:
        send(azure)
        send(azure, notice=notices.notice(NoticeKind.REPEATED))
        texts = [message.payload["content"] for message in azure.messages]
    assert len(texts) == 2
    assert all(len(text) <= 2000 for text in texts)
    assert texts[0].startswith("Confirmed: cpu-4's identity may not pull from acr1.")
    assert samples.COMMAND in texts[0]


@pytest.mark.slow
@given(notices.NOTICES)
@example(ALL_BACKSLASHES)
def test_a_real_plugin_takes_any_notice(notice: Notice) -> None:
    """What is rendered for Discord is what Apprise hands on: nothing is added that breaks the limit."""
    service = channel._service(Secret(ADDRESS))
    words = render(notice, channel._room(service))
    assert len(words.body) <= 2000
    assert words.title == "" or len(words.title) <= 250


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ({"status": 404}, Refused, "refused with 404: Discord refused it"),
        ({"status": 401, "message": f"{TOKEN} is wrong"}, Refused, "refused with 401: Discord refused it"),
        ({"status": 302}, Refused, "refused with 302"),
        ({"status": 429, "retry_after": 30}, TryLater, "Discord answered 429"),
        ({"status": 503}, TryLater, "Discord answered 503"),
        ({"cut": True}, Unreachable, "no answer from Discord"),
    ],
)
def test_a_failure_is_told_by_its_kind_and_without_the_address(
    fault: dict[str, Any], error: type[SendError], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether another try is worth while is known; the token is in no error and no log line, at any level."""
    with (
        caplog.at_level(logging.DEBUG),
        simulated(faulty(**fault)) as azure,
        pytest.raises(error, match=said) as caught,
    ):
        send(azure)
    shown = f"{caught.value!r} {caught.value} {caplog.text}"
    assert azure.sentinel not in shown
    assert len(azure.calls) <= 2  # Apprise's Discord plugin itself asks once more after a 429, at once


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("discord://only-one-part", "cannot read the address"),
        ("tgram://123456789:abcdefg_hijklmnop/1/2", "names 2 targets"),
        ("rockets://user:pw@chat.example/#a/#b", "names 2 targets"),
    ],
)
def test_what_apprise_itself_sees_wrong_is_said_before_anything_is_sent(address: str, said: str) -> None:
    """One destination has one target, so that a repeat reaches nobody twice."""
    with simulated() as azure:
        with pytest.raises(Refused, match=said) as caught:
            send(azure, address)
        assert azure.hosts == []
    assert "abcdefg" not in str(caught.value)


def test_nothing_that_an_address_asks_for_makes_it_sleep_or_repeat() -> None:
    """Retries, waits, redirects, splitting and silence about failures are ours to decide."""
    asked = "retry=5&wait=9&redirect=yes&overflow=split&optional=yes&emojis=yes&cto=900&rto=900"
    service = channel._service(Secret(f"{ADDRESS}?{asked}"))
    assert (service.retry, service.wait, service.optional, service.redirects) == (0, 0.0, False, False)
    assert (service.socket_connect_timeout, service.socket_read_timeout) == (5.0, 10.0)
    assert service.request_rate_per_sec == 0
    service.throttle(wait=3600)  # type: ignore[no-untyped-call]  # returns at once
    untouched = Apprise.instantiate(ADDRESS)
    assert all(hasattr(untouched, name) for name in channel._QUIET)


def test_other_users_of_the_library_log_as_before(caplog: pytest.LogCaptureFixture) -> None:
    """Only what is said during a send of ours is kept back."""
    with simulated(faulty(status=404)) as azure, pytest.raises(Refused):
        send(azure)
    with caplog.at_level(logging.WARNING):
        logging.getLogger("apprise").warning("somebody else's")
    assert "somebody else's" in caplog.text
