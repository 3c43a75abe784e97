"""The incident's page as a person sees it: asked for over HTTP, read as a browser reads it, its forms sent."""

from __future__ import annotations

import http.client
import importlib
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from fix_story import APPROVER, FixStory, story

from sandbox.app_service import SignedIn, platform_environment
from tests.page_reading import Read

__all__ = [
    "ADDRESS",
    "APPROVERS",
    "APPROVING_GROUP",
    "APPROVING_ROLE",
    "KEY",
    "KIM",
    "NOBODY",
    "TENANT",
    "Got",
    "get",
    "later",
    "page_story",
    "post",
    "send",
    "stored",
]

ADDRESS = "https://pullmedic.example.net"
KEY = "a-key-of-the-page-that-is-long-enough-0001"
TENANT = "10101010-0000-4000-8000-000000000010"
APPROVING_GROUP = "20202020-0000-4000-8000-000000000020"
APPROVING_ROLE = "Pullmedic.Approver"
KIM = SignedIn(oid="30303030-0000-4000-8000-000000000030", tenant=TENANT, groups=[APPROVING_GROUP])
NOBODY = SignedIn(oid="40404040-0000-4000-8000-000000000040", name="Sam Voss", tenant=TENANT)
APPROVERS = {"slack": [APPROVER], "groups": [APPROVING_GROUP], "app_roles": [APPROVING_ROLE]}


@dataclass(frozen=True)
class Got:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def page(self) -> Read:
        """The page."""
        return Read(self.body)


@contextmanager
def page_story(
    folder: Path,
    name: str = "missing-pull-role",
    *,
    on: bool = True,
    settings: Mapping[str, str] | None = None,
    **more: Any,
) -> Iterator[FixStory]:
    """Start the app behind a platform whose authentication is on, or off."""
    environ = {"PULLMEDIC_PAGE_URL": ADDRESS, "PULLMEDIC_PAGE_KEY": KEY}
    environ |= platform_environment(TENANT) if on else {}
    with story(folder, name, settings=environ | dict(settings or {}), **{"approvers": APPROVERS, **more}) as it:
        yield it


def send(
    it: FixStory, method: str, *, who: SignedIn | None = KIM, incident: str = "", body: str = "", **headers: str
) -> Got:
    """Send a request as the platform hands it on: with the headers of who is signed in."""
    parts = urlsplit(it.host.url("incident_page", incident_id=incident or it.incident().id))
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    given = {name.replace("_", "-"): value for name, value in headers.items() if value}
    try:
        connection.request(method, parts.path, body or None, {**given, **(who.headers if who else {})})
        answer = connection.getresponse()
        return Got(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode())
    finally:
        connection.close()


def get(it: FixStory, *, who: SignedIn | None = KIM, **more: Any) -> Got:
    """Open the page."""
    return send(it, "GET", who=who, **more)


def post(it: FixStory, fields: Mapping[str, str], *, who: SignedIn | None = KIM, **more: Any) -> Got:
    """Send a form as a browser does from the page itself, and let the app do all that it does at once."""
    usual = {
        "Content_Type": "application/x-www-form-urlencoded",
        "Origin": ADDRESS,
        "Sec_Fetch_Site": "same-origin",
    }
    answer = send(it, "POST", who=who, body=urlencode(fields), **(usual | more))
    it.host.drain()
    return answer


def later(it: FixStory, **time_passed: int) -> None:
    """Set the worker's clock on, before any timer fires."""
    worker: Any = importlib.import_module("responders.app")
    before, step = worker.clock, timedelta(**time_passed)
    worker.clock = lambda: before() + step
    it.passed += step


def stored(it: FixStory) -> list[str]:
    """Return everything that the store holds."""
    with sqlite3.connect(it.folder / "store.sqlite") as connection:
        found = list(connection.iterdump())
    connection.close()
    return found
