"""A proxy between a client and one part of an Azurite account, for what a network and a service can do to a request."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

__all__ = ["Passing", "Said", "proxied"]

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


class Said(NamedTuple):
    """What Azurite answered; the names of ``headers`` are in title case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Passing(BaseHTTPRequestHandler):
    """One request on its way; a subclass says in :meth:`meet` what becomes of it."""

    protocol_version = "HTTP/1.1"
    upstream = ""

    @abstractmethod
    def meet(self, body: bytes) -> None:
        """Answer the request, or break off."""

    def ask(self, body: bytes) -> Said:
        """Let Azurite do it."""
        connection = HTTPConnection(self.upstream, timeout=30)
        connection.request(self.command, self.path, body, dict(self.headers.items()))
        answer = connection.getresponse()
        content = answer.read()
        headers = {name.title(): value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
        connection.close()
        return Said(answer.status, headers, content)

    def answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        """Send an answer; its length is the content's unless ``headers`` state another one."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def break_off(self) -> None:
        """Close the connection instead of going on."""
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _any(self) -> None:
        self.meet(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_MERGE = do_PATCH = _any  # noqa: N815 - the server's names


@contextmanager
def proxied(connection: str, part: str, handler: type[Passing]) -> Iterator[str]:
    """Yield ``connection`` with its ``part`` (Table, Blob, Queue) behind a proxy; the other parts go past it."""
    parts = dict(it.split("=", 1) for it in connection.split(";"))
    target = urlsplit(parts[f"{part}Endpoint"])
    bound = type("Bound", (handler,), {"upstream": target.netloc})
    server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
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
