"""A small local functions host: HTTP functions, the Event Grid webhook, and queues with dequeue counts and poison.

It loads a ``function_app.py`` as it is, asks ``azure.functions`` what is there, converts triggers with that library's
own converters, and dispatches. Webhook: Microsoft.Azure.WebJobs.Extensions.EventGrid, ``HttpRequestProcessor``;
queue behaviour: *Azure Queue storage trigger and bindings for Azure Functions*; routes, methods and keys: *Azure
Functions HTTP trigger*.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import re
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlsplit

from azure.functions import Out, get_binding_registry
from azure.functions.meta import Datum

__all__ = ["Failure", "FunctionsHost", "HostError", "Invocation"]

_LOG = logging.getLogger("sandbox.host")
_POISON = "-poison"
_KEY = "local"
_RETURN = "$return"
_TEMPLATE = re.compile(r"\\\{([A-Za-z_]\w*)\\\}")
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

    @property
    def methods(self) -> frozenset[str]:
        """The methods that an HTTP function answers; all of them where it names none."""
        return frozenset(getattr(method, "value", str(method)).upper() for method in self.trigger.get("methods") or ())

    def routed(self, prefix: str, path: str) -> dict[str, str] | None:
        """Return the route's parameters where ``path`` is the route of this HTTP function, else ``None``."""
        if self.trigger["type"] != "httpTrigger":
            return None
        route = f"{prefix}/{self.trigger.get('route') or self.name}".strip("/")
        found = re.fullmatch(_TEMPLATE.sub(r"(?P<\1>[^/]+)", re.escape(route)), path.strip("/"), re.IGNORECASE)
        return found.groupdict() if found else None

    def open_to(self, key: str) -> bool:
        """Whether who shows ``key`` may call this HTTP function."""
        level = self.trigger.get("authLevel")
        return getattr(level, "value", str(level)) == "anonymous" or key == _KEY


@dataclass(slots=True)
class _Message:
    body: str
    dequeued: int = 0
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    inserted: str = field(default_factory=lambda: datetime.now(UTC).isoformat())


class _Output(Out[Any]):
    """What the worker hands to a function for an output binding: a message, or a list of them."""

    def __init__(self) -> None:
        self.value: str | list[str] | None = None

    def set(self, val: Any) -> None:
        self.value = val

    def get(self) -> Any:
        return self.value

    @property
    def messages(self) -> list[str]:
        """What goes into the queue."""
        return [self.value] if isinstance(self.value, str) else list(self.value or ())


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
        return f"http://127.0.0.1:{port}{_WEBHOOK}?functionName={function}&code={_KEY}"

    def url(self, function: str, **parameters: str) -> str:
        """Return where an HTTP function is called, with its key where it asks for one."""
        found = self._named(function, "httpTrigger")
        if found is None:
            raise KeyError(function)
        route = str(found.trigger.get("route") or found.name)
        for name, value in parameters.items():
            route = route.replace(f"{{{name}}}", value)
        query = "" if found.open_to("") else f"?code={_KEY}"
        return f"http://127.0.0.1:{self._server.server_address[1]}/{self._prefix}/{route}{query}"

    def waiting(self, queue: str) -> list[str]:
        """Return the bodies that wait in ``queue``."""
        with self._lock:
            return [message.body for message in self._queues.get(queue, ())]

    def put(self, queue: str, body: str) -> None:
        """Put a message into ``queue``, as an output binding or a person does."""
        with self._lock:
            self._queues.setdefault(queue, deque()).append(_Message(body))

    def lose(self, queue: str) -> list[str]:
        """Lose what waits in ``queue``, as storage that cannot be reached does; return what it was."""
        with self._lock:
            return [message.body for message in self._queues.pop(queue, ())]

    def poisoned(self) -> list[str]:
        """Return the poison queues in which something waits that no function took."""
        with self._lock:
            return sorted(name for name, waiting in self._queues.items() if waiting and name.endswith(_POISON))

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

    def tick(self, function: str) -> None:
        """Invoke a timer's function as if its time had come; :class:`Failure` where it raised."""
        found = self._named(function, "timerTrigger")
        if found is None:
            raise KeyError(function)
        value = _converted("timerTrigger", Datum(json.dumps({"IsPastDue": False, "Schedule": {}}), "json"), {})
        self._invoke(found, value, "timerTrigger", None)

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Datum:
        """Call the HTTP function of ``target`` and return its answer as the library encodes it."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        routed = [(it, found) for it in self._functions if (found := it.routed(self._prefix, parts.path)) is not None]
        chosen = next(((it, found) for it, found in routed if not it.methods or method in it.methods), None)
        if chosen is None:
            return _http(405 if routed else 404)
        function, parameters = chosen
        if not function.open_to(query.get("code") or _lower(headers).get("x-functions-key", "")):
            return _http(401)
        value = {
            "method": Datum(method, "string"),
            "url": Datum(f"http://{_lower(headers).get('host', '127.0.0.1')}{target}", "string"),
            "headers": _data(headers),
            "query": _data(query),
            "params": _data(parameters),
            "body": Datum(body, "bytes"),
        }
        try:
            returned = self._invoke(function, _converted("httpTrigger", Datum(value, "http"), {}), "httpTrigger", None)
        except Failure:
            return _http(500)
        converter = get_binding_registry().get("http")  # type: ignore[no-untyped-call]
        encoded: Datum = converter.encode(returned, expected_type=None)
        return encoded

    @property
    def _prefix(self) -> str:
        """What stands before every route (``routePrefix``)."""
        return str(self._settings.get("extensions", {}).get("http", {}).get("routePrefix", "api")).strip("/")

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
            "InsertionTime": Datum(json.dumps(message.inserted), "json"),
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

    def _invoke(self, function: _Function, value: Any, trigger: str, dequeued: int | None) -> Any:
        outputs = {binding["name"]: _Output() for binding in function.outputs if binding["name"] != _RETURN}
        error: str | None = None
        returned: Any = None
        try:
            returned = function.call(**{function.trigger["name"]: value}, **outputs)
        except Exception as raised:  # noqa: BLE001 - the host reports whatever a function raises
            _LOG.warning("%s failed: %s", function.name, raised)
            error = f"{type(raised).__name__}: {raised}"
        self.invocations.append(
            Invocation(function=function.name, trigger=trigger, error=error, dequeue_count=dequeued)
        )
        if error is not None:
            raise Failure(error)
        for binding in function.outputs:
            for body in outputs[binding["name"]].messages if binding["name"] in outputs else ():
                self.put(binding["queueName"], body)
        return returned


class _Webhook(BaseHTTPRequestHandler):
    """The HTTP side of a functions host: the Event Grid webhook, and the functions' own routes."""

    functions_host: FunctionsHost
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        function = parse_qs(parts.query).get("functionName", [""])[0]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if parts.path.lower() != _WEBHOOK:
            self._call(body)
            return
        if parse_qs(parts.query).get("code") != [_KEY]:
            self._answer(401, b"")
            return
        if self.functions_host._named(function, "eventGridTrigger") is None:  # noqa: SLF001
            self._answer(404, b"")
            return
        try:
            events = json.loads(body)
        except ValueError:
            self._answer(400, b"the body is no JSON")
            return
        self._dispatch(function, events)

    def do_GET(self) -> None:
        self._call(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET  # noqa: N815 - the server looks for these names

    def _call(self, body: bytes) -> None:
        """Answer with what an HTTP function returns: text, or a response with its status and headers."""
        encoded = self.functions_host.request(self.command, self.path, dict(self.headers.items()), body)
        if encoded.type != "http":
            self._answer(200, str(encoded.value).encode(), {"content-type": "text/plain; charset=utf-8"})
            return
        headers = {name: str(value.value) for name, value in encoded.value["headers"].items()}
        for jar in encoded.value.get("cookies") or ():  # the library takes them out of the headers
            for morsel in jar.values():
                headers["set-cookie"] = morsel.OutputString()
        self._answer(int(encoded.value["status_code"].value), encoded.value["body"].value, headers)

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

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

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
    if trigger["type"] not in {"eventGridTrigger", "httpTrigger", "queueTrigger", "timerTrigger"}:
        raise HostError(f"{found.get_function_name()} has a {trigger['type']}, which this host does not simulate")
    if strange := [b["type"] for b in outputs if b["type"] not in {"http", "queue"}]:
        raise HostError(f"{found.get_function_name()} has outputs that this host does not simulate: {strange}")
    return _Function(found.get_function_name(), found.get_user_function(), trigger, outputs)


def _http(status: int) -> Datum:
    """Return the host's own answer, which has no body."""
    return Datum({"status_code": Datum(str(status), "string"), "headers": {}, "body": Datum(b"", "bytes")}, "http")


def _data(values: Mapping[str, str]) -> dict[str, Datum]:
    return {name: Datum(value, "string") for name, value in values.items()}


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _converted(binding: str, datum: Datum, metadata: Mapping[str, Any]) -> Any:
    """Convert with the library's own converter, as the worker does."""
    converter = get_binding_registry().get(binding)  # type: ignore[no-untyped-call]
    return converter.decode(datum, trigger_metadata=metadata)
