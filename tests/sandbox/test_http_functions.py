"""HTTP functions as the sandbox hosts them: routes, methods, keys, parameters, answers, and errors."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sandbox.host import FunctionsHost

APP = """
import azure.functions as func

app = func.FunctionApp()
HEADERS = {"X-Back": "b", "Set-Cookie": "said=yes; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict"}


@app.function_name("open")
@app.route(route="slack/{what}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@app.queue_output(arg_name="out", queue_name="asked", connection="S")
def open_(req: func.HttpRequest, out: func.Out[str]) -> func.HttpResponse:
    out.set(req.get_body().decode())
    said = f"{req.method} {req.route_params['what']} {req.params.get('q')} {req.headers.get('X-Thing')}"
    return func.HttpResponse(said, status_code=202, headers=HEADERS, mimetype="text/plain")


@app.function_name("keyed")
@app.route(auth_level=func.AuthLevel.FUNCTION)
def keyed(req: func.HttpRequest) -> str:
    return "plain"


@app.function_name("broken")
@app.route(route="broken", auth_level=func.AuthLevel.ANONYMOUS)
def broken(req: func.HttpRequest) -> func.HttpResponse:
    raise RuntimeError("no")
"""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FunctionsHost]:
    """A host with three functions."""
    (tmp_path / "function_app.py").write_text(APP, encoding="utf-8")
    (tmp_path / "host.json").write_text(json.dumps({"extensions": {"http": {"routePrefix": "v1"}}}), encoding="utf-8")
    with FunctionsHost(tmp_path / "function_app.py") as made:
        yield made


def call(url: str, method: str = "POST", body: bytes = b"", **headers: str) -> tuple[int, str, dict[str, str]]:
    """Make one request; return status, body and headers."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, f"{parts.path}?{parts.query}", body, names)
    answer = connection.getresponse()
    said = answer.status, answer.read().decode(), dict(answer.getheaders())
    connection.close()
    return said


def test_a_function_gets_its_request_and_gives_its_answer(host: FunctionsHost) -> None:
    """Body, query, headers and route arrive; status, headers, body and the queue's message come back."""
    url = host.url("open", what="actions")
    assert "/v1/slack/actions" in url
    status, body, headers = call(f"{url}?q=1", body=b"hello", X_Thing="t")
    assert (status, body, headers["X-Back"]) == (202, "POST actions 1 t", "b")
    cookie = headers["set-cookie"]
    assert cookie.startswith("said=yes;")
    assert {"Max-Age=0", "Path=/", "Secure", "HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
    assert host.waiting("asked") == ["hello"]
    assert [(it.function, it.trigger, it.error) for it in host.invocations] == [("open", "httpTrigger", None)]


def test_a_key_is_asked_for_where_the_function_wants_one(host: FunctionsHost) -> None:
    """Without it 401; in the query or a header it opens; the route is the function's name by default."""
    url = host.url("keyed")
    bare = url.partition("?")[0]
    assert call(url, "GET")[:2] == (200, "plain")
    assert call(bare, "GET")[0] == 401
    assert call(bare, "GET", x_functions_key="local")[0] == 200
    assert bare.endswith("/v1/keyed")


def test_what_is_not_there_or_fails_has_the_hosts_own_status(host: FunctionsHost) -> None:
    """404 without a function, 405 for another method, 500 where it raises: the error is in the invocations."""
    url = host.url("open", what="actions")
    assert call(url, "GET")[0] == 405
    assert call(f"{url}/more")[0] == 404
    assert call(host.url("broken"), "GET")[0] == 500
    assert host.invocations[-1].error == "RuntimeError: no"
    assert host.waiting("asked") == []
