"""A functions host whose queues are a storage account's, as in Azure: what a killed worker held comes back by itself.

Queue behaviour as in *Azure Queue storage trigger and bindings for Azure Functions*: a message is invisible while a
function has it, deleted after it succeeded and what it put out is in its queue, shown again ``visibilityTimeout`` after
a failure, and put into the poison queue after ``maxDequeueCount`` tries. Azure hides what is being worked on for ten
minutes and goes on hiding it; here it is :data:`_HIDDEN`, longer than every lease of the product.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.functions.meta import Datum
from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

from sandbox.host import Failure, FunctionsHost, Invocation, _converted, _Function

__all__ = ["StorageHost", "queues_of"]

_LOG = logging.getLogger("tests.kills.host")
_HIDDEN = timedelta(seconds=150)
_AGAIN = timedelta(seconds=30)
_BATCH = 4
_IDLE_S = 0.25
_POISON = "-poison"


class StorageHost(FunctionsHost):
    """Hosts one function app in this process, on the queues of a storage account. A context manager.

    ``lasts`` says how many seconds of the day a time takes.
    """

    def __init__(self, app_file: Path, storage: str, lasts: Callable[[timedelta], float]) -> None:
        super().__init__(app_file)
        self.invocations = cast("list[Invocation]", deque(maxlen=100))  # a worker that runs for hours keeps no list
        self._lasts = lasts
        self._service = QueueServiceClient.from_connection_string(storage)
        self._clients: dict[str, QueueClient] = {}
        self._listened = [it for it in self._functions if it.trigger["type"] == "queueTrigger"]
        for function in self._functions:
            for binding in (function.trigger, *function.outputs):
                if "queueName" in binding:
                    self._client(binding["queueName"])

    def put(self, queue: str, body: str) -> None:
        """Put a message into ``queue`` of the storage account."""
        self._client(queue).send_message(base64.b64encode(body.encode()).decode(), time_to_live=-1)

    def serve(self, stop: threading.Event) -> None:
        """Work off what the queues show until ``stop``."""
        threads = [threading.Thread(target=self._listen, args=(it, stop)) for it in self._listened]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _listen(self, function: _Function, stop: threading.Event) -> None:
        """Work off one queue, a batch at a time; storage that does not answer is asked again."""
        client = self._client(function.trigger["queueName"])
        with ThreadPoolExecutor(_BATCH) as pool:
            while not stop.is_set():
                try:
                    found = list(client.receive_messages(max_messages=_BATCH, visibility_timeout=self._s(_HIDDEN)))
                    list(pool.map(lambda message: self._work(function, client, message), found))
                except AzureError as error:
                    _LOG.warning("storage: %s", type(error).__name__)
                    found = []
                if not found:
                    stop.wait(_IDLE_S)

    def _work(self, function: _Function, client: QueueClient, message: QueueMessage) -> None:
        dequeued = int(message.dequeue_count or 1)
        metadata = {
            "Id": Datum(json.dumps(message.id), "json"),
            "DequeueCount": Datum(json.dumps(dequeued), "json"),
            "InsertionTime": Datum(json.dumps((message.inserted_on or datetime.now(UTC)).isoformat()), "json"),
            "PopReceipt": Datum(json.dumps(message.pop_receipt), "json"),
        }
        if dequeued > self.most_dequeues:  # every worker that had it died
            self._poison(client, message)
            return
        try:
            text = base64.b64decode(message.content, validate=True).decode()
        except ValueError:  # whoever put it there spoke another encoding than host.json names
            _LOG.warning("ALERT a message of %s is not base64", client.queue_name)
            self._poison(client, message)
            return
        try:
            value = _converted("queueTrigger", Datum(text, "string"), metadata)
            self._invoke(function, value, "queueTrigger", dequeued)
        except Failure:
            if dequeued >= self.most_dequeues:
                self._poison(client, message)
            else:
                client.update_message(message, visibility_timeout=self._s(_AGAIN))
            return
        client.delete_message(message)

    def _poison(self, client: QueueClient, message: QueueMessage) -> None:
        self._client(client.queue_name + _POISON).send_message(message.content, time_to_live=-1)
        client.delete_message(message)

    def _s(self, time: timedelta) -> int:
        """Return how long ``time`` is for storage, which knows whole seconds."""
        return max(1, round(self._lasts(time)))

    def _client(self, name: str) -> QueueClient:
        with self._lock:
            known = self._clients.get(name)
            if known is None:
                known = self._clients[name] = _made(self._service, name)
            return known


def queues_of(storage: str) -> dict[str, int]:
    """Return how many messages each queue of a storage account has that a worker can see now or holds.

    Wake-ups wait in the queues of ``notices`` and ``fixes`` for days; of these only what shows counts.
    """
    service = QueueServiceClient.from_connection_string(storage)
    found: dict[str, int] = {}
    for queue in service.list_queues():
        client = service.get_queue_client(queue.name)
        if queue.name in {"notices", "fixes"}:
            found[queue.name] = len(client.peek_messages(max_messages=32))
        else:
            found[queue.name] = int(client.get_queue_properties().approximate_message_count or 0)
    return found


def _made(service: QueueServiceClient, name: str) -> QueueClient:
    client = service.get_queue_client(name)
    with suppress(ResourceExistsError):
        client.create_queue()
    return client
