"""A small local functions host: the Event Grid webhook, and queues with dequeue counts and poison.

It loads a ``function_app.py`` as it is, asks ``azure.functions`` what is there, converts triggers with that library's
own converters, and dispatches. Webhook: Microsoft.Azure.WebJobs.Extensions.EventGrid, ``HttpRequestProcessor``;
queue behaviour: *Azure Queue storage trigger and bindings for Azure Functions*.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from azure.functions import Out, get_binding_registry
from azure.functions.meta import Datum

__all__ = ["Failure", "FunctionsHost", "HostError", "Invocation"]

_LOG = logging.getLogger("sandbox.host")
_POISON = "-poison"
_WEBHOOK = "/runtime/webhooks/eventgrid"


class HostError(Exception):
    """The app cannot be hosted: it does not load, or uses a trigger that this host does not simulate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One call of a function: what triggered it, and the error it ended with, if any."""

    function: str
    trigger: str
    error: str | None = None
    dequeue_count: int | None = None


class Failure(Exception):
    """A function raised; the text is the error's own."""


@dataclass(frozen=True, slots=True)
class _Function:
    name: str
    call: Callable[..., Any]
    trigger: Mapping[str, Any]
    outputs: tuple[Mapping[str, Any], ...]


@dataclass(slots=True)
class _Message:
    body: str
    dequeued: int = 0
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class _Output(Out[str]):
    """What the worker hands to a function for an output binding."""

    def __init__(self) -> None:
        self.value: str | None = None

    def set(self, val: str) -> None:
        self.value = val

    def get(self) -> str | None:  # type: ignore[override]
        return self.value


class FunctionsHost:
    """Hosts one function app in this process. A context manager; the webhook listens on loopback."""

    def __init__(self, app_file: Path) -> None:
        self._settings = json.loads((app_file.parent / "host.json").read_text(encoding="utf-8"))
        self._functions = _indexed(app_file)
        self._queues: dict[str, deque[_Message]] = {}
        self._lock = threading.Lock()
        self.invocations: list[Invocation] = []
        host = self

        class Handler(_Webhook):
            functions_host = host

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the functions that the app declares."""
        return tuple(function.name for function in self._functions)

    @property
    def most_dequeues(self) -> int:
        """How often a message is tried before it goes to the poison queue (``maxDequeueCount``)."""
        queues = self._settings.get("extensions", {}).get("queues", {})
        return int(queues.get("maxDequeueCount", 5))

    def webhook_url(self, function: str) -> str:
        """Return where Event Grid posts events for ``function``."""
        port = self._server.server_address[1]
        return f"http://127.0.0.1:{port}{_WEBHOOK}?functionName={function}&code=local"

    def waiting(self, queue: str) -> list[str]:
        """Return the bodies that wait in ``queue``."""
        with self._lock:
            return [message.body for message in self._queues.get(queue, ())]

    def put(self, queue: str, body: str) -> None:
        """Put a message into ``queue``, as an output binding or a person does."""
        with self._lock:
            self._queues.setdefault(queue, deque()).append(_Message(body))

    def drain(self) -> None:
        """Work off every queue that a function listens to; waits between tries are skipped, counts are kept.

        A message that failed too often goes to its poison queue; one that fails there, too, goes one further.
        """
        while True:
            work = self._next()
            if work is None:
                return
            self._try(*work)

    def event(self, function: str, body: Any) -> None:
        """Invoke an Event Grid function with one event; :class:`Failure` where it raised."""
        found = self._named(function, "eventGridTrigger")
        if found is None:
            raise KeyError(function)
        value = _converted("eventGridTrigger", Datum(json.dumps(body), "json"), {})
        self._invoke(found, value, "eventGridTrigger", None)

    def _named(self, name: str, trigger: str) -> _Function | None:
        for function in self._functions:
            if function.name.lower() == name.lower() and function.trigger["type"] == trigger:
                return function
        return None

    def _next(self) -> tuple[_Function, str, _Message] | None:
        with self._lock:
            for function in self._functions:
                if function.trigger["type"] == "queueTrigger":
                    queue = self._queues.get(function.trigger["queueName"])
                    if queue:
                        return function, function.trigger["queueName"], queue.popleft()
        return None

    def _try(self, function: _Function, queue: str, message: _Message) -> None:
        message.dequeued += 1
        metadata = {
            "Id": Datum(json.dumps(message.id), "json"),
            "DequeueCount": Datum(json.dumps(message.dequeued), "json"),
            "PopReceipt": Datum(json.dumps("local"), "json"),
        }
        value = _converted("queueTrigger", Datum(message.body, "string"), metadata)
        try:
            self._invoke(function, value, "queueTrigger", message.dequeued)
        except Failure:
            again = message.dequeued < self.most_dequeues
            to = queue if again else queue + _POISON
            with self._lock:
                self._queues.setdefault(to, deque()).append(message if again else _Message(message.body))

    def _invoke(self, function: _Function, value: Any, trigger: str, dequeued: int | None) -> None:
        outputs = {binding["name"]: _Output() for binding in function.outputs}
        error: str | None = None
        try:
            function.call(**{function.trigger["name"]: value}, **outputs)
        except Exception as raised:  # noqa: BLE001 - the host reports whatever a function raises
            _LOG.warning("%s failed: %s", function.name, raised)
            error = f"{type(raised).__name__}: {raised}"
        self.invocations.append(
            Invocation(function=function.name, trigger=trigger, error=error, dequeue_count=dequeued)
        )
        if error is not None:
            raise Failure(error)
        for binding in function.outputs:
            body = outputs[binding["name"]].value
            if body is not None:
                self.put(binding["queueName"], body)


class _Webhook(BaseHTTPRequestHandler):
    """The Event Grid webhook path of a functions host."""

    functions_host: FunctionsHost
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        function = parse_qs(parts.query).get("functionName", [""])[0]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if parts.path.lower() != _WEBHOOK or self.functions_host._named(function, "eventGridTrigger") is None:  # noqa: SLF001
            self._answer(404, b"")
            return
        try:
            events = json.loads(body)
        except ValueError:
            self._answer(400, b"the body is no JSON")
            return
        self._dispatch(function, events)

    def _dispatch(self, function: str, events: Any) -> None:
        kind = (self.headers.get("aeg-event-type") or "").lower()
        if kind == "subscriptionvalidation":
            self._validate(events)
        elif kind == "unsubscribe":
            self._answer(202, b"")
        elif kind == "notification":
            self._notify(function, events if isinstance(events, list) else [events])
        else:
            self._answer(400, b"no aeg-event-type that is known")

    def _validate(self, events: Any) -> None:
        try:
            data = events[0]["data"] if isinstance(events, list) else events["data"]
            code = (json.loads(data) if isinstance(data, str) else data)["validationCode"]
        except (KeyError, IndexError, TypeError, ValueError):
            self._answer(400, b"the validation event has no code")
            return
        self._answer(200, json.dumps({"validationResponse": code}).encode())

    def _notify(self, function: str, events: list[Any]) -> None:
        failed = False
        for event in events:
            try:
                self.functions_host.event(function, event)
            except Failure:
                failed = True
        self._answer(500 if failed else 202, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: what matters is recorded by the host."""


def _indexed(app_file: Path) -> list[_Function]:
    """Load the app under a name of its own, so that two hosts never share a module's state."""
    name = f"hosted_{uuid.uuid4().hex}"
    spec = importlib.util.spec_from_file_location(name, app_file)
    if spec is None or spec.loader is None:
        raise HostError(f"{app_file} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    app = getattr(module, "app", None)
    if app is None:
        raise HostError(f"{app_file} has no FunctionApp called 'app'")
    return [_function(found) for found in app.get_functions()]


def _function(found: Any) -> _Function:
    bindings = [binding.get_dict_repr() for binding in found.get_bindings()]
    trigger = found.get_trigger().get_dict_repr()
    outputs = tuple(b for b in bindings if b["direction"].name == "OUT")
    if trigger["type"] not in {"eventGridTrigger", "queueTrigger"}:
        raise HostError(f"{found.get_function_name()} has a {trigger['type']}, which this host does not simulate")
    if strange := [b["type"] for b in outputs if b["type"] != "queue"]:
        raise HostError(f"{found.get_function_name()} has outputs that this host does not simulate: {strange}")
    return _Function(found.get_function_name(), found.get_user_function(), trigger, outputs)


def _converted(binding: str, datum: Datum, metadata: Mapping[str, Any]) -> Any:
    """Convert with the library's own converter, as the worker does."""
    converter = get_binding_registry().get(binding)  # type: ignore[no-untyped-call]
    return converter.decode(datum, trigger_metadata=metadata)
