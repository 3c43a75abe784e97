"""The responder's own storage account, one part of which fails: Azurite behind a proxy that does what a fault says."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from atexit import register
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.responders.azurite_server import ACCOUNT, find_azurite, running_azurite

__all__ = ["StorageMissing", "failing_storage"]

_ACCOUNTS = 1_000  # a word of the environment has no room for more
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}
_numbers = count()


class StorageMissing(Exception):
    """Azurite is not here."""


@contextmanager
def failing_storage(part: str, fault: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield an empty account's connection string through the failing ``part``, and its direct one."""
    direct = _azurite().replace(ACCOUNT, f"account{next(_numbers):04}")
    with _proxy(direct, part, _Fault(fault)) as through:
        yield through, direct


@cache
def _azurite() -> str:
    """Start one Azurite for the whole process, with an account for each story."""
    program = find_azurite(os.environ)
    if program is None:
        raise StorageMissing("Azurite is not here: `make test` installs it into .cache/node")
    stack = ExitStack()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pullmedic-")))
    accounts = [f"account{number:04}" for number in range(_ACCOUNTS)]
    connection = stack.enter_context(running_azurite(program, folder, accounts))
    register(stack.close)
    return connection


class _Fault:
    """What befalls the next requests: ``times`` of them, or all."""

    def __init__(self, fault: Mapping[str, Any]) -> None:
        self.fault = fault
        self._left = int(fault.get("times", 1_000_000))
        self._lock = threading.Lock()

    def take(self) -> Mapping[str, Any]:
        """Return the fault for one request; empty where it is over."""
        with self._lock:
            self._left -= 1
            return self.fault if self._left >= 0 else {}


@contextmanager
def _proxy(connection: str, part: str, fault: _Fault) -> Iterator[str]:
    parts = dict(it.split("=", 1) for it in connection.split(";"))
    target = urlsplit(parts[f"{part}Endpoint"])
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(fault, f"{target.hostname}:{target.port}"))
    server.daemon_threads = True
    parts[f"{part}Endpoint"] = f"http://127.0.0.1:{server.server_port}{target.path}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield ";".join(f"{name}={value}" for name, value in parts.items())
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(fault: _Fault, upstream: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def _any(self) -> None:
            said = fault.take()
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if said.get("cut"):
                self.close_connection = True
                return
            if "status" in said or "retry_after" in said or "body" in said:
                wait = {"Retry-After": str(said["retry_after"])} if "retry_after" in said else {}
                whole = str(said.get("body", "")).encode()
                self._answer(int(said.get("status", 429 if wait else 200)), wait, whole)
                return
            time.sleep(said.get("latency_ms", 0) / 1000)
            status, headers, content = self._upstream(body)
            length = headers.pop("Content-Length", str(len(content)))
            if said.get("lost"):
                self.close_connection = True
                return
            shown = content[: len(content) // 2] if said.get("half") else content
            self._answer(status, {**headers, "Content-Length": length}, shown)
            self.close_connection = bool(said.get("half"))

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_MERGE = do_PATCH = _any  # noqa: N815 - the server's names

        def _upstream(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            connection = HTTPConnection(upstream, timeout=30)
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            content = answer.read()
            headers = {name.title(): value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
            connection.close()
            return answer.status, headers, content

        def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    return Handler
