"""A messaging service or a tracker is somebody else's server: whatever it answers is read to a limit."""

from __future__ import annotations

import gzip
import threading
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from responders.declarations import Secret
from responders.sending import post_json

MIB = 1024 * 1024
BOMB = gzip.compress(b" " * (64 * MIB), 9)


class Handler(BaseHTTPRequestHandler):
    """Answers every post with some KiB that are 64 MiB when unpacked."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(BOMB)))
        self.end_headers()
        self.wfile.write(BOMB)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[str]:
    """Run such a service."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()


def test_an_answer_that_unpacks_to_a_giant_is_read_to_its_limit(service: str) -> None:
    """One MiB of it."""
    tracemalloc.start()
    try:
        receipt = post_json(Secret(service), {"text": "x"}, now=datetime(2026, 11, 20, tzinfo=UTC))
        assert tracemalloc.get_traced_memory()[1] < 20 * MIB
    finally:
        tracemalloc.stop()
    assert len(receipt.body) == MIB
