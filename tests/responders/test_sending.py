"""Posting: real local servers that refuse, redirect, delay and hang up; and an address that nobody ever sees."""

from __future__ import annotations

import copy
import json
import logging
import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import responder_samples as samples
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from responders.declarations import Secret
from responders.sending import (
    Later,
    Receipt,
    Refused,
    SendError,
    Timeouts,
    TryLater,
    Unreachable,
    encode,
    post_json,
)
from responders.settings import AzureStore
from sandbox import Sandbox, parse_scenario

SENTINEL = "sentinel-T0-B0-wxyz"
NOW = samples.NOW


@dataclass
class Service:
    """A local messaging service: what it answers, and what it was sent."""

    status: int = 200
    body: str = "ok"
    headers: dict[str, str] = field(default_factory=dict)
    received: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0
    hold: threading.Event | None = None

    @property
    def url(self) -> Secret:
        return Secret(f"http://127.0.0.1:{self.port}/services/{SENTINEL}?sig={SENTINEL}%2Fsig")


def handler_of(service: Service) -> type[BaseHTTPRequestHandler]:
    """Return the handler class that answers as ``service`` says."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service.received.append((self.path, dict(self.headers), body))
            if service.hold:
                service.hold.wait(60)
                return
            answer = service.body.encode()
            self.send_response(service.status)
            for name, value in {"Content-Length": str(len(answer)), **service.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def do_GET(self) -> None:
            service.received.append((self.path, dict(self.headers), b""))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Handler


@pytest.fixture
def service() -> Iterator[Service]:
    """Yield a running service."""
    made = Service()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(made))
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    if made.hold:
        made.hold.set()
    server.shutdown()
    server.server_close()
    thread.join()


def shown(error: BaseException) -> str:
    """Return all that any log of ``error`` could show: texts, arguments, local variables, and its whole chain."""
    told = ["".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())]
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        told += [repr(link), str(link), repr(link.args), repr(vars(link))]
        link = link.__cause__ or link.__context__
    return "\n".join(told)


def failure(url: Secret, **options: object) -> SendError:
    """Return the error that posting to ``url`` ends with, and prove that it shows no address."""
    with pytest.raises(SendError) as caught:
        post_json(url, {"a": 1}, now=NOW, headers={"Authorization": Secret(f"Bearer {SENTINEL}")}, **options)  # type: ignore[arg-type]
    assert SENTINEL not in shown(caught.value)
    assert caught.value.__context__ is None
    return caught.value


def test_the_payload_arrives_as_the_bytes_that_were_measured(service: Service) -> None:
    """What is posted is exactly what a channel measured, as UTF-8 JSON, once."""
    payload = {"text": "größer 😀 <b>"}
    receipt = post_json(service.url, payload, now=NOW, headers={"X-Key": Secret("k")})
    assert receipt == Receipt(status=200, body="ok")
    path, headers, body = service.received.pop()
    assert body == encode(payload)
    assert json.loads(body) == payload
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["X-Key"] == "k"
    assert path.startswith(f"/services/{SENTINEL}")
    assert not service.received


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("7", 7),
        ("0", 1),
        ("Mon, 23 Nov 2026 12:02:00 GMT", 120),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 1),
        ("99999999999", 6 * 3600),
        ("soon", 30),
        ("-5", 30),
        ("", 30),
        (None, 30),
    ],
)
def test_429_is_raised_with_its_wait_and_never_slept(service: Service, retry_after: str | None, seconds: int) -> None:
    """Retry-After in seconds or as a date is handed to the caller, within reason, and nothing is posted twice."""
    service.status, service.body = 429, "ratelimited"
    service.headers = {} if retry_after is None else {"Retry-After": retry_after}
    error = failure(service.url)
    assert isinstance(error, TryLater)
    assert error.after == timedelta(seconds=seconds)
    assert len(service.received) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 408])
def test_a_service_in_trouble_is_worth_another_try(service: Service, status: int) -> None:
    """A 5xx is the service's own trouble: the same payload may pass later."""
    service.status = status
    assert isinstance(failure(service.url), TryLater)


@pytest.mark.parametrize(
    ("status", "wait", "taken"),
    [(500, "", True), (502, "9", True), (408, "", True), (503, "", True), (503, "9", False), (429, "", False)],
)
def test_an_error_of_the_services_own_may_hide_that_the_payload_was_taken(
    service: Service,
    status: int,
    wait: str,
    taken: bool,  # noqa: FBT001
) -> None:
    """Only who says when to come again has certainly done nothing."""
    service.status, service.headers = status, {"Retry-After": wait} if wait else {}
    error = failure(service.url)
    assert isinstance(error, TryLater)
    assert error.taken is taken


def test_a_refusal_carries_the_services_word(service: Service) -> None:
    """Who reads the log learns what the service said, cut to one short line."""
    service.status, service.body = 404, "channel_not_found\n" + "x" * 5_000
    error = failure(service.url)
    assert isinstance(error, Refused)
    assert not isinstance(error, Later)
    assert error.status == 404
    assert error.word.startswith("channel_not_found")
    assert len(error.word) <= 300


def test_a_service_that_echoes_the_address_gives_nothing_away(service: Service) -> None:
    """Parts of the address are taken out of the service's word, in each of their spellings."""
    service.status = 400
    service.body = json.dumps(
        {"error": service.url.reveal(), "path": f"/services/{SENTINEL}", "sig": f"{SENTINEL}/sig"}
    )
    error = failure(service.url)
    assert "****" in str(error)


def test_an_error_in_a_200_is_a_refusal(service: Service) -> None:
    """Success is what the channel calls one, not the status alone."""
    service.body = "invalid_token"
    error = failure(service.url, accepted=lambda _, body: body == "ok")
    assert isinstance(error, Refused)
    assert error.word == "invalid_token"


def test_redirects_are_not_followed(service: Service) -> None:
    """A credential is not carried to wherever an answer points."""
    service.status, service.headers = 302, {"Location": f"http://127.0.0.1:{service.port}/elsewhere"}
    error = failure(service.url)
    assert isinstance(error, Refused)
    assert "redirects" in error.word
    assert len(service.received) == 1


def test_a_service_that_never_answers_is_given_up(service: Service) -> None:
    """Silence ends with the read timeout; whether the message arrived is not known."""
    service.hold = threading.Event()
    error = failure(service.url, timeouts=Timeouts(connect=5, read=0.05))
    assert isinstance(error, Unreachable)
    assert "ReadTimeout" in str(error)


def hung_up_on(answer: bytes) -> Iterator[int]:
    """Run a server that reads a little, answers ``answer`` and cuts the connection; yield its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with closing(connection):
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok", b"nonsense\r\n\r\n"])
def test_a_cut_connection_is_unreachable(answer: bytes) -> None:
    """A connection that ends before, within or instead of an answer is told as such, without the address."""
    for port in hung_up_on(answer):
        error = failure(Secret(f"http://127.0.0.1:{port}/{SENTINEL}"))
        assert isinstance(error, Unreachable)


@pytest.mark.parametrize(
    "url",
    [
        f"http://127.0.0.1:1/{SENTINEL}",
        f"http://{SENTINEL}.invalid./x",
        f"http://..{SENTINEL}/x",
        f"nonsense://{SENTINEL}",
        f"http://[{SENTINEL}/x",
        f"https://{'a' * 80}.{SENTINEL}.example/x",
    ],
)
def test_an_address_that_cannot_be_reached_is_not_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed ports, unknown names and malformed addresses end in the same silent-about-the-address error."""

    def unknown(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, f"unknown {SENTINEL}")

    if "127.0.0.1" not in url:
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert isinstance(failure(Secret(url)), Unreachable)


def test_no_log_shows_the_address_even_at_debug(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """The HTTP library's own debug log stays silent about a post, and speaks again afterwards."""
    caplog.set_level(logging.DEBUG)
    post_json(service.url, {}, now=NOW)
    service.status = 500
    failure(service.url)
    assert SENTINEL not in caplog.text
    logging.getLogger("urllib3.connectionpool").debug("another user")
    assert "another user" in caplog.text


def test_tracing_of_http_calls_does_not_record_the_address(service: Service) -> None:
    """Application Insights' instrumentation names the address of each call: of a post it records nothing."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = RequestsInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        post_json(service.url, {}, now=NOW)
    finally:
        instrumentor.uninstrument()
        provider.shutdown()
    assert exporter.get_finished_spans() == ()


def test_secrets_print_as_stars() -> None:
    """An address in a repr, a text or a container is never readable."""
    secret = Secret(SENTINEL)
    unfolded = repr(asdict(AzureStore(connection=secret)))
    for text in (repr(secret), str(secret), f"{secret}", repr([secret]), unfolded, f"{secret!r:>20}"):
        assert SENTINEL not in text
        assert "****" in text
    assert secret == copy.deepcopy(secret)
    assert secret != Secret("another")


@pytest.mark.parametrize(
    ("answer", "sent"), [(None, False), (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", False), (b"", True)]
)
def test_a_proxy_that_lets_nothing_through_is_told_from_an_answer_that_broke_off(
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes | None,
    sent: bool,  # noqa: FBT001
) -> None:
    """Behind a proxy, too, only what certainly never left counts as not sent: else it would be sent twice."""
    if answer == b"":
        with Sandbox(
            parse_scenario({"world": {"cloud": "AzureCloud"}, "faults": [{"call": {"path": "/.*"}, "cut": True}]})
        ) as azure:
            for name, value in azure.environment.items():
                monkeypatch.setenv(name, value)
            assert failure(Secret(f"https://hooks.slack.com/services/{SENTINEL}")).sent is sent  # type: ignore[attr-defined]
        return
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
        if answer is None:
            listening.close()
        thread = threading.Thread(target=_refuse_tunnels, args=(listening, answer), daemon=True) if answer else None
        if thread:
            thread.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        assert failure(Secret(f"https://hooks.slack.com/services/{SENTINEL}")).sent is sent  # type: ignore[attr-defined]
        if thread:
            thread.join()


def _refuse_tunnels(listening: socket.socket, answer: bytes) -> None:
    connection, _ = listening.accept()
    with closing(connection):
        connection.recv(65_536)
        connection.sendall(answer)
