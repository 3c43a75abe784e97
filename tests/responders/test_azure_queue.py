"""Wake-ups in a storage queue, on Azurite: what the host of functions can read, when it shows, and what is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import count

import pytest
from azure.storage.queue import QueueClient

from responders.declarations import Secret
from responders.settings import AzureStore
from responders.store import StoreUnavailable
from responders.stores.azure_queue import AzureDelayedQueue
from sandbox.playing import APP

_numbers = count()


@pytest.fixture
def queue(azurite: str) -> Iterator[QueueClient]:
    """Give the client of a queue that is not there yet; it decodes nothing."""
    with QueueClient.from_connection_string(azurite, f"wakeups-{next(_numbers)}") as client:
        yield client
        client.delete_queue()


def delayed(azurite: str, queue: QueueClient) -> AzureDelayedQueue:
    """Return the queue as the responder opens it."""
    return AzureDelayedQueue(AzureStore(connection=Secret(azurite)), queue.queue_name)


def test_the_host_can_read_what_is_put(azurite: str, queue: QueueClient) -> None:
    """Base64, as host.json says: a message in another encoding would end among the poisoned, unread."""
    assert json.loads((APP.parent / "host.json").read_text())["extensions"]["queues"]["messageEncoding"] == "base64"
    delayed(azurite, queue).put('{"of":"Käse"}', delay=timedelta())
    (message,) = queue.receive_messages()
    assert base64.b64decode(message.content, validate=True).decode() == '{"of":"Käse"}'


def test_what_is_put_for_later_is_there_and_does_not_show(azurite: str, queue: QueueClient) -> None:
    """Also for a longer time than the service hides a message: then it shows after seven days, and is kept for good."""
    waiting = delayed(azurite, queue)
    waiting.put("soon", delay=timedelta(hours=1))
    waiting.put("in a month", delay=timedelta(days=30))
    assert queue.get_queue_properties().approximate_message_count == 2
    assert queue.peek_messages(max_messages=32) == []


def test_what_is_overdue_shows_at_once(azurite: str, queue: QueueClient) -> None:
    """A delay below zero is none."""
    delayed(azurite, queue).put("late", delay=timedelta(seconds=-5))
    assert len(queue.peek_messages()) == 1


def test_an_account_that_refuses_is_told_without_its_key(azurite: str, queue: QueueClient) -> None:
    """So that the caller tries again, or the sweep finds what has no wake-up."""
    queue.create_queue()
    wrong = ";".join("AccountKey=c2VudGluZWw=" if it.startswith("AccountKey=") else it for it in azurite.split(";"))
    with pytest.raises(StoreUnavailable) as caught:
        delayed(wrong, queue).put("it", delay=timedelta())
    assert "c2VudGluZWw" not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
