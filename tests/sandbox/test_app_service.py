"""App Service authentication as the sandbox plays it: who is signed in is told to the app by the platform alone."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sandbox.app_service import AppService, SignedIn
from sandbox.host import FunctionsHost
from sandbox.tls import write_bundle

HOST = "app.example.net"
APP = """
import json
import azure.functions as func

app = func.FunctionApp()


@app.function_name("who")
@app.route(route="who", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
def who(req: func.HttpRequest) -> func.HttpResponse:
    told = {name: value for name, value in req.headers.items() if name.lower().startswith("x-")}
    return func.HttpResponse(json.dumps({"told": told, "body": req.get_body().decode()}), headers={"X-Back": "b"})
"""


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[AppService]:
    """The platform before an app that says what it was told."""
    (tmp_path / "function_app.py").write_text(APP, encoding="utf-8")
    (tmp_path / "host.json").write_text("{}", encoding="utf-8")
    with FunctionsHost(tmp_path / "function_app.py") as app, AppService(app.url("who"), HOST) as made:
        yield made


def ask(platform: AppService, *, host: str = HOST, body: str = "", **headers: str) -> tuple[int, str]:
    """Make one request from outside."""
    parts = urlsplit(platform.proxy_url)
    with tempfile.TemporaryDirectory() as folder:
        context = ssl.create_default_context(cafile=write_bundle(Path(folder)))
    connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=30, context=context)
    connection.set_tunnel(host, 443)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST" if body else "GET", "/api/who", body or None, names)
    answer = connection.getresponse()
    said = answer.status, answer.read().decode()
    connection.close()
    return said


def test_what_a_caller_says_of_himself_is_taken_away(platform: AppService) -> None:
    """Each header by which the platform names somebody; others pass."""
    forged = {"X_MS_CLIENT_PRINCIPAL": "e30=", "X_MS_CLIENT_PRINCIPAL_ID": "me", "X_Other": "1"}
    status, said = ask(platform, **forged)
    assert status == 200
    assert {name.lower(): value for name, value in json.loads(said)["told"].items()} == {"x-other": "1"}


def test_who_is_signed_in_is_told_with_all_claims(platform: AppService) -> None:
    """By the names that the platform's mapping gives them; the request's body arrives."""
    platform.person = SignedIn(oid="o-1", tenant="t-1", groups=["g-1", "g-2"], roles=["r-1"])
    _, said = ask(platform, body="hello", X_MS_CLIENT_PRINCIPAL="e30=")
    found = json.loads(said)
    told = {name.lower(): value for name, value in found["told"].items()}
    principal = json.loads(base64.b64decode(told["x-ms-client-principal"]))
    claims = [(claim["typ"].rpartition("/")[2], claim["val"]) for claim in principal["claims"]]
    assert principal["auth_typ"] == "aad"
    for claim in (
        ("objectidentifier", "o-1"),
        ("tenantid", "t-1"),
        ("groups", "g-1"),
        ("groups", "g-2"),
        ("role", "r-1"),
    ):
        assert claim in claims
    assert told["x-ms-client-principal-id"] == "o-1"
    assert found["body"] == "hello"


def test_other_hosts_answer_nothing(platform: AppService) -> None:
    """What a browser asks of others by itself never reaches the app."""
    assert ask(platform, host="elsewhere.example.net")[0] == 404
    assert platform.requests == []
