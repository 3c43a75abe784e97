"""Event Grid: typed events that a topic takes, one id a notice, and no token to another host."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import notice_samples as notices
import pytest
import responder_samples as samples
from azure.core.credentials import AzureKeyCredential
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridPublisherClient
from hypothesis import example, given
from test_teams import ALL_BACKSLASHES

from responders.channels import Options
from responders.channels import event_grid as channel
from responders.channels.event_grid import TYPES, render
from responders.declarations import Secret
from responders.notices import Notice, NoticeKind
from responders.sending import Later, Refused, SendError, TryLater, Unreachable, encode
from responders.settings import load_settings
from sandbox.playing import variables
from sandbox.server import Sandbox
from sandbox.services import event_grid as simulated_topic
from sandbox.world import Scenario

TOPIC = simulated_topic.ENDPOINT


def options(endpoint: str = TOPIC, key: str = "") -> Options:
    """Return the options of a destination."""
    return Options(values={"endpoint": endpoint}, secrets={"access_key": Secret(key)} if key else {})


EMPTY = Scenario(id="empty", source=None, world={})


@contextmanager
def simulated(**fault: Any) -> Iterator[Sandbox]:
    """Run a sandbox that this process is pointed at; its topic may answer otherwise."""
    faults = ({"call": {"host": r".*\.eventgrid\.azure\.net"}, **fault},) if fault else ()
    scenario = Scenario(id="empty", source=None, world={}, faults=faults)
    with Sandbox(scenario) as azure, variables(azure.environment):
        yield azure


def publish(notice: Notice | None = None, **changes: str) -> None:
    """Publish a notice."""
    channel.CHANNEL.connect(options(**changes)).send(notice or notices.notice(), now=samples.NOW)


@given(notices.NOTICES)
@example(ALL_BACKSLASHES)
def test_any_notice_is_small_and_has_no_address_but_the_runs(notice: Notice) -> None:
    """Any Unicode of any length stays far below the megabyte, and within one unit of 64 KB that is paid for."""
    data = render(notice)
    assert len(encode(data)) <= 24_000
    assert data["run_url"] in ("", notice.report.run_url)


@pytest.mark.parametrize("kind", NoticeKind)
def test_a_topic_takes_every_kind_with_the_apps_identity(kind: NoticeKind) -> None:
    """The real SDK publishes with a token for Event Grid; the event is valid and typed."""
    with simulated() as azure:
        publish(notices.notice(kind))
        (event,) = [message.payload for message in azure.messages]
        assert azure.violations == []
        assert azure.refused == []
    assert event["type"] == TYPES[kind]
    assert event["source"] == "/pullmedic"
    assert event["data"]["kind"] == kind.value


def test_the_data_are_the_incidents_facts() -> None:
    """A subscription can filter by cause, state and count."""
    with simulated() as azure:
        publish(notices.notice(NoticeKind.RESOLVED))
        event = azure.messages[0].payload
    assert event["id"] == "f1-1-teams_resolved_17"
    assert event["subject"] == "incidents/f1-1"
    assert event["time"].startswith("2026-11-23T15:00:00")
    assert (event["data"]["cause"], event["data"]["state"], event["data"]["count"]) == (
        "pull-role-missing",
        "resolved",
        17,
    )


def test_a_second_try_has_the_same_id() -> None:
    """A subscriber drops what it has seen."""
    with simulated() as azure:
        publish()
        publish(notices.notice(possible_repeat=True))
        ids = {message.payload["id"] for message in azure.messages}
    assert len(ids) == 1


def test_the_post_is_the_one_that_the_sdk_makes() -> None:
    """The same event through azure-eventgrid's own client reaches the topic as the same JSON."""
    with simulated() as azure:
        publish(key=azure.sentinel)
        event: CloudEvent[Any] = CloudEvent.from_dict(dict(channel._event(notices.notice(), samples.NOW)))
        with EventGridPublisherClient(TOPIC, AzureKeyCredential(azure.sentinel)) as client:
            client.send(event)
        ours, theirs = [message.payload for message in azure.messages]
        sent, expected = azure.calls
    theirs["time"] = theirs["time"].replace(".000Z", "Z")
    assert ours == theirs
    assert (sent.path, sent.headers["content-type"]) == (expected.path, expected.headers["content-type"])


@pytest.mark.parametrize("place", ["variable", "file"])
def test_the_apps_identity_publishes_where_none_is_named(place: str, tmp_path: Path) -> None:
    """A deployed app has user-assigned identities alone: without a client id the platform knows none to give."""
    app = "0f1e0000-0000-4000-8000-000000000002"
    environ = {"PULLMEDIC_CLIENT_ID": app}
    if place == "file":
        file = tmp_path / "pullmedic.toml"
        file.write_text(f'[destinations.bus]\nchannel = "event_grid"\nendpoint = "{TOPIC}"\n', "utf-8")
        environ["PULLMEDIC_SETTINGS"] = str(file)
    else:
        environ["PULLMEDIC_EVENT_GRID_ENDPOINT"] = TOPIC
    (destination,) = load_settings(environ).destinations
    with simulated() as azure:
        destination.channel.connect(destination.options).send(notices.notice(), now=samples.NOW)
        asked = [call.path for call in azure.calls if call.host == "127.0.0.1"]
    assert asked
    assert all(f"client_id={app}" in path for path in asked)


def test_an_access_key_needs_no_identity() -> None:
    """Where a topic's key is set no token is asked for."""
    with simulated() as azure:
        publish(key=azure.sentinel)
        assert len(azure.messages) == 1
        assert [call.host for call in azure.calls] == [simulated_topic.HOST]


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ({"status": 401}, Refused, "refused with 401"),
        ({"status": 403}, Refused, "does not have the permission to publish"),
        ({"status": 404}, Refused, "topic does not exist"),
        ({"status": 400}, Refused, "CloudEventV10"),
        ({"status": 302}, Refused, "the service redirects"),
        ({"status": 429, "retry_after": 90}, TryLater, "answered 429"),
        ({"status": 503}, TryLater, "answered 503"),
        ({"cut": True}, Unreachable, "no answer"),
    ],
)
def test_a_failure_is_told_by_its_kind_after_one_try(
    fault: dict[str, Any], error: type[SendError], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing sleeps and nothing is tried twice; neither key nor token is in the error or the log."""
    with caplog.at_level(logging.DEBUG), simulated(**fault) as azure, pytest.raises(error, match=said) as caught:
        publish(key=azure.sentinel)
    assert [call.host for call in azure.calls] == [simulated_topic.HOST]
    assert azure.sentinel not in f"{caught.value!r} {caplog.text}"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    if fault.get("retry_after"):
        assert isinstance(caught.value, Later)
        assert caught.value.after == timedelta(seconds=90)


def test_without_an_identity_it_is_worth_another_try() -> None:
    """An identity that is not there yet may come; nothing is sent without."""
    with Sandbox(EMPTY) as azure:
        environment = {k: v for k, v in azure.environment.items() if not k.startswith("IDENTITY_")}
        with variables({**environment, "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"}), pytest.raises(TryLater):
            publish()
        assert azure.messages == []


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        (TOPIC, None),
        ("https://t.usgovvirginia-1.eventgrid.azure.us/api/events", None),
        ("https://t.chinanorth2-1.eventgrid.azure.cn/api/events", None),
        ("http://t.westeurope-1.eventgrid.azure.net/api/events", "not an https address"),
        ("https://t.westeurope-1.eventgrid.azure.net.evil.example/api/events", "its host is none of"),
        ("https://evil.example/t.westeurope-1.eventgrid.azure.net/api/events", "its host is none of"),
        ("https://n.westeurope-1.eventgrid.azure.net/topics/t:publish", "no custom topic"),
        ("https://t.westeurope-1.eventgrid.azure.net", "no custom topic"),
    ],
)
def test_a_token_goes_to_a_topics_host_alone(endpoint: str, problem: str | None) -> None:
    """Whatever else is set, no setting sends Azure's token to a stranger."""
    allowed = Options(values={"endpoint": endpoint}, more_hosts=("evil.example", "*.evil.example"))
    found = channel.CHANNEL.problems(allowed).get("endpoint")
    assert (found is None) if problem is None else problem in str(found)
