"""``GET /api/health`` and ``/api/health/report``: hosted as the platform hosts them, on the simulated Azure."""

from __future__ import annotations

import http.client
import importlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from doctor_samples import REGISTRY, scenario

from diagnostics.version import VERSION
from sandbox import Sandbox
from sandbox.host import FunctionsHost
from sandbox.playing import environment, fresh_host, variables


@dataclass(frozen=True)
class App:
    """The app as it is hosted."""

    sandbox: Sandbox
    host: FunctionsHost
    store: Path

    def get(self, function: str = "health", *, key: str = "", method: str = "GET") -> tuple[int, Any]:
        """Make one request; return status and body."""
        parts = urlsplit(self.host.url(function))
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        connection.request(method, parts.path, headers={"x-functions-key": key} if key else {})
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        assert self.sandbox.sentinel not in body
        return answer.status, json.loads(body) if body.startswith("{") else body

    def let_pass(self, passed: timedelta) -> None:
        """Set the worker's clock on."""
        worker: Any = importlib.import_module("responders.app")
        before = worker.clock
        worker.clock = lambda: before() + passed


@contextmanager
def hosted(folder: Path, settings: Mapping[str, str] | None = None, **world: Any) -> Iterator[App]:
    """Yield the app, on the healthy world with changes."""
    with Sandbox(scenario(**world), now=time.time) as azure:
        around = environment(azure, folder / "store.sqlite", ("slack",))
        with variables({**around, **(settings or {})}), fresh_host() as host:
            yield App(azure, host, folder)
        assert azure.violations == []
        assert azure.messages == []


def test_a_stranger_hears_a_word_and_counts(tmp_path: Path) -> None:
    """No name, no scope, no command; 200 for a load balancer."""
    with hosted(tmp_path) as app:
        status, body = app.get()
        assert app.get(method="HEAD")[0] == 200
    assert status == 200
    assert set(body) == {"status", "version", "counts", "checked_at"}
    assert (body["status"], body["version"]) == ("healthy", VERSION)
    assert body["counts"]["ok"] > 5
    assert body["counts"]["not_visible"] == body["counts"]["missing"] == body["counts"]["wrong"] == 0


def test_the_whole_is_for_who_has_a_key(tmp_path: Path) -> None:
    """The platform asks for it; then every result is there."""
    with hosted(tmp_path) as app:
        assert app.get("health_report")[0] == 401
        assert app.get("health_report", key="wrong")[0] == 401
        status, body = app.get("health_report", key="local")
    assert status == 200
    assert body["status"] == "healthy"
    assert any(result["scope"] == REGISTRY for section in body["sections"] for result in section["results"])


def test_what_is_missing_degrades(tmp_path: Path) -> None:
    """The app goes on with what it has: a load balancer leaves it alone."""
    with hosted(tmp_path, system_topics=[]) as app:
        status, body = app.get()
    assert (status, body["status"]) == (200, "degraded")
    assert body["counts"]["missing"] == 1


@pytest.mark.parametrize(
    "broken", [{"IDENTITY_HEADER": "wrong"}, {"PULLMEDIC_STORE": "sqlite:////nowhere/at/all.sqlite"}]
)
def test_what_nothing_works_without_is_503(tmp_path: Path, broken: dict[str, str]) -> None:
    """A token, and the store."""
    with hosted(tmp_path, broken) as app:
        status, body = app.get()
    assert (status, body["status"]) == (503, "unhealthy")


def test_asking_often_costs_nothing(tmp_path: Path) -> None:
    """A minute long the answer is the one before; then only what is cheap is looked at again, in a quarter all."""
    with hosted(tmp_path) as app:
        first = app.get()
        app.sandbox.reset()
        for _ in range(5):
            assert app.get() == first
        assert app.sandbox.calls == []
        app.let_pass(timedelta(seconds=61))
        assert app.get()[0] == 200
        assert [call.host for call in app.sandbox.calls if call.host != "127.0.0.1"] == []
        app.let_pass(timedelta(minutes=15))
        assert app.get()[0] == 200
        assert {call.host for call in app.sandbox.calls} >= {"management.azure.com", "hooks.slack.com"}


def test_a_trouble_is_looked_at_again_soon(tmp_path: Path) -> None:
    """People are at work on it: two minutes later it is seen that the right is there."""
    with hosted(tmp_path) as app:
        held = app.sandbox.access.assignments
        pulls = [it for it in held if it.role.name == "AcrPull" and "f514dfbb" in it.principal_id]
        for it in pulls:
            held.remove(it)
        assert app.get()[1]["status"] == "degraded"
        held.extend(pulls)
        assert app.get()[1]["status"] == "degraded"
        app.let_pass(timedelta(minutes=2))
        assert app.get()[1]["status"] == "healthy"
