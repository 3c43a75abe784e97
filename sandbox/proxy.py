"""The wire: a forward proxy on loopback that ends TLS itself and hands every request to one function.

HTTP/1.1 with keep-alive. Each answer's head leaves in one write with the first piece of its body, and
Nagle's algorithm is off: an answer in two small writes costs about 40 ms on loopback (delayed
acknowledgement).
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import BinaryIO, cast
from urllib.parse import urlsplit

from sandbox.tls import server_context
from sandbox.wire import Answer, Cut, Half, Reply, Request

__all__ = ["LOOPBACK", "Proxy"]

LOOPBACK = "127.0.0.1"
_HEAD_LIMIT = 64 * 1024
_BODY_LIMIT = 64 * 1024 * 1024


class _ClosedError(Exception):
    """The peer closed the connection, or sent what is not HTTP."""


class _Stream:
    """One connection: reads requests, writes answers."""

    def __init__(self, connection: socket.socket, host: str, scheme: str) -> None:
        self._connection = connection
        self._file = cast("BinaryIO", connection.makefile("rb"))
        self._host, self._scheme = host, scheme

    def read(self) -> Request:
        line = self._file.readline(_HEAD_LIMIT)
        words = line.decode("latin-1").split()
        if len(words) != 3:
            raise _ClosedError
        try:
            fields = http.client.parse_headers(self._file)
        except http.client.HTTPException as error:
            raise _ClosedError from error
        headers = {name.lower(): value for name, value in fields.items()}
        return Request(words[0], self._host, words[1], headers, self._body(headers), self._scheme)

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("expect", "").lower() == "100-continue":
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._chunked()
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > _BODY_LIMIT:
            raise _ClosedError
        if int(length):
            _acknowledge_at_once(self._connection)
        return self._file.read(int(length))

    def _chunked(self) -> bytes:
        body = io.BytesIO()
        while (size := int(self._file.readline(_HEAD_LIMIT).split(b";")[0] or b"0", 16)) > 0:
            body.write(self._file.read(size))
            self._file.readline(_HEAD_LIMIT)
        while self._file.readline(_HEAD_LIMIT).strip():
            pass
        return body.getvalue()

    def write(self, request: Request, answer: Answer, *, half: bool = False) -> None:
        head = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
        head += [f"{name}: {value}" for name, value in answer.headers]
        if answer.header("content-length") is None:
            head.append(f"Content-Length: {answer.length}")
        data = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1", "replace")
        pieces = iter(()) if request.method == "HEAD" else answer.pieces()
        if half:
            first = next(pieces, b"")
            self._connection.sendall(data + first[: len(first) // 2])
            return
        self._connection.sendall(data + next(pieces, b""))
        for piece in pieces:
            self._connection.sendall(piece)


def _acknowledge_at_once(connection: socket.socket) -> None:
    """Spare clients the 40 ms of a delayed acknowledgement: behind a proxy, urllib3 leaves Nagle's algorithm on, and
    sends head and body apart. The option holds for the next segments only (tcp(7)), and only Linux has it.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Answer"


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256


class Proxy:
    """Listens on loopback and answers through ``answer``, from as many threads as there are connections.

    ``connected`` is told the host of every tunnel that is asked for, ``trusted`` says whose certificate is
    a good one. A request in origin form (no proxy, plain http) is handed on with the listener's own address as
    its host. Port 0 takes a free one.
    """

    def __init__(
        self,
        answer: Callable[[Request], Reply],
        connected: Callable[[str], None],
        trusted: Callable[[str], bool] = lambda _: True,
        port: int = 0,
    ) -> None:
        self._answer, self._connected, self._trusted = answer, connected, trusted
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy._serve(self.request)

        self._server = _Server((LOOPBACK, port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and close every connection that is open."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(_ClosedError, OSError, ValueError), self._registered(connection):
            self._first(connection)

    @contextlib.contextmanager
    def _registered(self, connection: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)

    def _first(self, connection: socket.socket) -> None:
        stream = _Stream(connection, LOOPBACK, "http")
        request = stream.read()
        if request.method == "CONNECT":
            self._tunnel(connection, request.target.rpartition(":")[0].strip("[]").lower())
        else:
            self._talk(stream, request)

    def _tunnel(self, connection: socket.socket, host: str) -> None:
        self._connected(host)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        # Wrapping takes the descriptor away from the plain socket: stop() must find the wrapped one.
        with (
            server_context(host, trusted=self._trusted(host)).wrap_socket(connection, server_side=True) as secure,
            self._registered(secure),
        ):
            stream = _Stream(secure, host, "https")
            self._talk(stream, stream.read())

    def _talk(self, stream: _Stream, request: Request) -> None:
        while True:
            if request.target.startswith("http://"):
                request = _absolute(request)
                self._connected(request.host)
            reply = self._answer(request)
            if isinstance(reply, Cut):
                return
            if isinstance(reply, Half):
                stream.write(request, reply.answer, half=True)
                return
            stream.write(request, reply)
            if request.headers.get("connection", "").lower() == "close":
                return
            request = stream.read()


def _absolute(request: Request) -> Request:
    parts = urlsplit(request.target)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return Request(request.method, (parts.hostname or "").lower(), target, request.headers, request.body, "http")
