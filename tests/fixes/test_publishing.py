"""Audit entries reach each topic at least once, in order, and a topic that takes nothing holds back no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from responders.channels import Destination, Options, discover
from responders.declarations import Secret
from responders.fixes.audit import Audit, AuditKind
from responders.fixes.publishing import EVENT_TYPE, marks, publish_new, published
from responders.store import KEPT, Store, StoreUnavailable
from sandbox.playing import variables
from sandbox.server import Sandbox
from sandbox.services import event_grid as simulated_topic
from sandbox.world import Scenario

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
CHANNELS = {channel.name: channel for channel in discover()}


def topic(name: str = "events", key: str = "") -> Destination:
    """Return a topic among the destinations."""
    secrets = {"access_key": Secret(key)} if key else {}
    options = Options(values={"endpoint": simulated_topic.ENDPOINT}, secrets=secrets)
    return Destination(name=name, channel=CHANNELS["event_grid"], options=options)


@contextmanager
def simulated(*faults: dict[str, Any]) -> Iterator[Sandbox]:
    """Run a sandbox that this process is pointed at; its topic may answer otherwise."""
    stated = tuple({"call": {"host": r".*\.eventgrid\.azure\.net"}, **fault} for fault in faults)
    with Sandbox(Scenario(id="empty", source=None, world={}, faults=stated)) as azure, variables(azure.environment):
        yield azure


def filled(store: Store, count: int = 3) -> Audit:
    """Return a record of some entries."""
    record = Audit(store, lambda: NOW)
    for number in range(1, count + 1):
        record.append(AuditKind.PLAN, incident_id="f1-1", why=f"event {number}")
    return record


def numbers(azure: Sandbox) -> list[int]:
    """Return the numbers of the entries that the topic took."""
    return [message.payload["data"]["number"] for message in azure.messages]


def test_each_entry_is_published_once_in_order_and_as_it_is_exported(store: Store) -> None:
    """With the app's identity; the next call publishes what was appended since."""
    record = filled(store)
    with simulated() as azure:
        assert publish_new(record, store, [topic()], NOW) == 3
        assert publish_new(record, store, [topic()], NOW) == 0
        record.append(AuditKind.UNDO, incident_id="f1-1")
        assert publish_new(record, store, [topic()], NOW) == 1
        events = [message.payload for message in azure.messages]
        assert azure.refused == []
        assert azure.violations == []
    assert [event["data"] for event in events] == list(record.plain())
    assert {event["type"] for event in events} == {EVENT_TYPE}
    assert {event["subject"] for event in events} == {"incidents/f1-1"}
    assert events[0]["time"] == "2026-11-23T12:00:00.123456Z"
    assert len({event["id"] for event in events}) == 4
    assert events[0]["source"] == "/pullmedic"


def test_other_channels_get_nothing_and_a_new_topic_gets_the_whole_record(embedded: Store) -> None:
    """Each topic has a cursor of its own."""
    record = filled(embedded)
    webhook = Destination(name="hook", channel=CHANNELS["webhook"], options=Options(values={}))
    with simulated() as azure:
        assert publish_new(record, embedded, [webhook], NOW) == 0
        assert publish_new(record, embedded, [webhook, topic()], NOW) == 3
        assert publish_new(record, embedded, [webhook, topic(), topic("second")], NOW) == 3
        assert numbers(azure) == [1, 2, 3, 1, 2, 3]


def test_many_entries_go_in_requests_that_a_topic_takes(embedded: Store) -> None:
    """However long each is, no request is larger than a topic takes."""
    record = Audit(embedded, lambda: NOW)
    for _ in range(30):
        record.append(AuditKind.PLAN, incident_id="f1-1", why="ü" * 5_000, details={"a": "ü" * 9_000, "b": "ü" * 9_000})
    with simulated() as azure:
        assert publish_new(record, embedded, [topic()], NOW) == 30
        assert numbers(azure) == list(range(1, 31))
        assert len([call for call in azure.calls if call.method == "POST"]) == 2


def test_a_throttled_topic_gets_everything_later_and_not_before_it_said(embedded: Store) -> None:
    """What holds it back is kept, and gone with the first success."""
    record = filled(embedded)
    with simulated({"status": 429, "retry_after": 90, "times": 1}) as azure:
        assert publish_new(record, embedded, [topic()], NOW) == 0
        assert publish_new(record, embedded, [topic()], NOW + timedelta(seconds=89)) == 0
        ((_, held),) = published(embedded, NOW)
        assert (held.number, held.error) == (0, "answered 429")
        assert publish_new(record, embedded, [topic()], NOW + timedelta(seconds=90)) == 3
        assert numbers(azure) == [1, 2, 3]
    ((_, free),) = published(embedded, NOW)
    assert (free.number, free.error, free.next_at) == (3, "", None)


def test_a_topic_that_refuses_holds_back_no_other(embedded: Store, caplog: pytest.LogCaptureFixture) -> None:
    """The log names it and shows no key; it is asked again after a while."""
    record = filled(embedded)
    with simulated({"status": 403, "times": 1}) as azure:
        both = [topic("first", azure.sentinel), topic("second", azure.sentinel)]
        assert publish_new(record, embedded, both, NOW) == 3
        assert publish_new(record, embedded, both, NOW + timedelta(minutes=9)) == 0
        assert publish_new(record, embedded, both, NOW + timedelta(minutes=10)) == 3
        assert azure.sentinel not in caplog.text
    assert "audit entries after 0 wait to be published to first: refused with 403" in caplog.text


def test_an_answer_that_is_lost_repeats_events_with_their_ids(embedded: Store) -> None:
    """The topic had taken them: a subscriber drops what it has seen."""
    record = filled(embedded)
    with simulated({"cut": True, "done_first": True, "times": 1}) as azure:
        assert publish_new(record, embedded, [topic()], NOW) == 0
        assert publish_new(record, embedded, [topic()], NOW + timedelta(hours=1)) == 3
        assert numbers(azure) == [1, 2, 3, 1, 2, 3]
        assert len({message.payload["id"] for message in azure.messages}) == 3


class Forgetful:
    """A store whose connection breaks when the cursor is to be moved."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def replace(self, *_: Any, **__: Any) -> str | None:
        raise StoreUnavailable("cut")


def test_a_crash_before_the_cursor_moves_repeats_and_loses_nothing(embedded: Store) -> None:
    """At least once is the promise."""
    record = filled(embedded)
    broken: Any = Forgetful(embedded)
    with simulated() as azure:
        with pytest.raises(StoreUnavailable):
            publish_new(record, broken, [topic()], NOW)
        assert publish_new(record, embedded, [topic()], NOW) == 3
        assert numbers(azure) == [1, 2, 3, 1, 2, 3]


def test_an_entry_that_was_destroyed_stops_publishing_and_is_told(
    embedded: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """What stands before it is published."""
    record = filled(embedded)
    second = embedded.scan(f"{KEPT}audit")[1]
    embedded.replace(second.partition, second.key, "gone", version=second.version, now=NOW)
    with simulated() as azure:
        assert publish_new(record, embedded, [topic()], NOW) == 1
        assert publish_new(record, embedded, [topic()], NOW) == 0
        assert numbers(azure) == [1]
    assert "audit entries are not published any further: entry 000000000002" in caplog.text


def test_what_was_published_shows_that_the_record_was_cut(embedded: Store) -> None:
    """Even where the head record was cut with it."""
    record = filled(embedded)
    with simulated():
        publish_new(record, embedded, [topic()], NOW)
    third = embedded.scan(f"{KEPT}audit")[2]
    head = embedded.fetch(f"{KEPT}audit-head", "head")
    assert head is not None
    second = json.loads(embedded.scan(f"{KEPT}audit")[1].body)
    embedded.remove(third.partition, third.key)
    cut = json.dumps({"number": 2, "hash": second["hash"], "schema": 1})
    embedded.replace(head.partition, head.key, cut, version=head.version, now=NOW)
    assert record.verify().whole
    assert record.verify(marks(published(embedded, NOW))).problems == (
        "what was published to events says that there were 3 entries; those behind 2 are missing",
    )
