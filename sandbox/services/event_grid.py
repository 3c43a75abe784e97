"""An Event Grid custom topic with CloudEvents 1.0 as its input schema.

What it checks is the CloudEvents specification 1.0.2 (required attributes, their types, names of extensions) and Event
Grid's own limits: 1 MB a request, api-version 2018-01-01, a token for Event Grid or the topic's key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sandbox.azure import Azure
from sandbox.records import Message
from sandbox.services import Service
from sandbox.wire import Answer, Reply, Request, Tree, empty, json_answer

__all__ = ["AUDIENCE", "ENDPOINT", "build"]

HOST = "pullmedic-events.westeurope-1.eventgrid.azure.net"
AUDIENCE = "https://eventgrid.azure.net"
CHANNEL = "event_grid"
LIMIT = 1024 * 1024
_PATH = "/api/events"
ENDPOINT = f"https://{HOST}{_PATH}"
_VERSION = "2018-01-01"
_BATCH = "application/cloudevents-batch+json"
_REQUIRED = ("id", "source", "type", "specversion")
_OPTIONAL = ("subject", "time", "datacontenttype", "dataschema", "data", "data_base64")
_EXTENSION = re.compile(r"[a-z0-9]{1,20}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_USUAL = {
    400: ("BadRequest", "This resource is configured to receive event in 'CloudEventV10' schema."),
    401: (
        "Unauthorized",
        "Request must contain one of the following authorization signature: aeg-sas-token, aeg-sas-key.",
    ),
    403: ("Forbidden", "The principal does not have the permission to publish to this topic."),
    404: ("NotFound", "The topic does not exist."),
    413: ("RequestEntityTooLarge", "The maximum size (1048576) has been exceeded."),
    429: ("TooManyRequests", "The rate of requests exceeds the limit of the topic."),
}


def build(azure: Azure) -> Service:
    """Return the service."""
    return _Topic(azure)


class _Topic:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    def knows(self, host: str) -> bool:
        return host == HOST

    def answer(self, request: Request) -> Reply | None:
        if request.method != "POST" or request.path != _PATH or request.query.get("api-version") != _VERSION:
            return None
        if not self._authorized(request):
            return self.error(request, 401, None, None)
        if len(request.body) > LIMIT:
            return self.error(request, 413, None, None)
        try:
            events = request.json()
        except ValueError:
            return self.error(request, 400, None, "The request body is not valid JSON.")
        kind = request.headers.get("content-type", "").partition(";")[0]
        if problem := next(_problems(events, kind), None):
            return self.error(request, 400, None, problem)
        for event in events:
            self._azure.recorder.add(Message(CHANNEL, event))
        return empty(200)

    def _authorized(self, request: Request) -> bool:
        if request.headers.get("aeg-sas-key") == self._azure.sentinel:
            return True
        token = self._azure.tokens.find(request.bearer)
        return token is not None and token.audience == AUDIENCE

    def error(self, _request: Request, status: int, code: str | None, message: str | None) -> Answer:
        usual = _USUAL.get(status, ("InternalServerError", "The request failed."))
        return json_answer(status, {"error": {"code": code or usual[0], "message": message or usual[1]}})


def _problems(events: Tree, kind: str) -> Iterator[str]:
    if kind != _BATCH or not isinstance(events, list) or not events:
        yield _USUAL[400][1]
        return
    for event in events:
        yield from _event_problems(event) if isinstance(event, Mapping) else ["an event is no object"]


def _event_problems(event: Mapping[str, Any]) -> Iterator[str]:
    for name in _REQUIRED:
        if not isinstance(event.get(name), str) or not event[name]:
            yield f"the attribute {name} is missing"
    if event.get("specversion") != "1.0":
        yield "the specversion is not 1.0"
    for name, value in event.items():
        if name not in (*_REQUIRED, *_OPTIONAL) and not _EXTENSION.fullmatch(name):
            yield f"{name} is no name of an extension"
        if name in ("subject", "dataschema", "datacontenttype") and value is not None and not value:
            yield f"the attribute {name} is empty"
    if event.get("time") is not None and not _is_time(event["time"]):
        yield "the time is not of RFC 3339"
    if "data" in event and "data_base64" in event:
        yield "an event has data twice"


def _is_time(text: Any) -> bool:
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
