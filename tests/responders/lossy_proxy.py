"""A proxy between a store and Azurite that loses answers on purpose, as a network does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass
class Mishap:
    """What befalls the next request of a method: something happens before it, or its answer is lost after it."""

    method: str
    before: Callable[[], object] = lambda: None
    answer: str = "comes"  # or "breaks off", or "says 503"


@dataclass
class LossyProxy:
    """Where the proxy listens, what shall happen next, and the methods of the requests that came."""

    connection: str = ""
    mishaps: list[Mishap] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def expect(self, mishap: Mishap) -> None:
        """Let ``mishap`` befall the next request of its method, and forget what came before."""
        self.mishaps.append(mishap)
        self.seen.clear()

    def take(self, method: str) -> Mishap:
        self.seen.append(method)
        for mishap in self.mishaps:
            if mishap.method == method:
                self.mishaps.remove(mishap)
                return mishap
        return Mishap(method)


@contextmanager
def lossy_proxy(connection: str) -> Iterator[LossyProxy]:
    """Run a proxy before the tables of ``connection`` and yield it; blobs go past it."""
    parts = dict(part.split("=", 1) for part in connection.split(";"))
    target = urlsplit(parts["TableEndpoint"])
    proxy = LossyProxy()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(proxy, str(target.hostname), int(target.port or 80)))
    server.daemon_threads = True
    parts["TableEndpoint"] = f"http://127.0.0.1:{server.server_port}{target.path}"
    proxy.connection = ";".join(f"{name}={value}" for name, value in parts.items())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(proxy: LossyProxy, host: str, port: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

        def _pass_on(self) -> None:
            mishap = proxy.take(self.command)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            mishap.before()
            upstream = HTTPConnection(host, port, timeout=30)
            upstream.request(self.command, self.path, body, dict(self.headers.items()))
            answer = upstream.getresponse()
            content = answer.read()
            upstream.close()
            if mishap.answer == "breaks off":
                self.close_connection = True
                return
            self.send_response(503 if mishap.answer == "says 503" else answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self._pass_on()

        def do_POST(self) -> None:
            self._pass_on()

        def do_PUT(self) -> None:
            self._pass_on()

        def do_DELETE(self) -> None:
            self._pass_on()

    return Handler
