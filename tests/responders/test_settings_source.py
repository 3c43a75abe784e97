"""The settings as they are now: read again once a minute, from a path or a blob; what was good stays."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import ClientAuthenticationError
from settings_samples import ENVIRONMENT, PLACES, SENTINEL, Clock, _desk

from diagnostics.azure.errors import NoCredential
from responders.settings import Document, Unread
from responders.settings_source import Found, SettingsSource, blob_problem, open_source
from sandbox.proxy import Proxy
from sandbox.tls import write_bundle
from sandbox.wire import Reply, Request, empty, text_answer

__all__ = ["_desk"]

ROUTED = PLACES + '[[routes]]\nname = "all"\nto = ["vision", "pager"]\n'
WRONG = PLACES + '[[routes]]\nto = ["visiom"]\n'
ADDRESS = "https://acct1.blob.core.windows.net/pullmedic/settings.toml"


@dataclass
class Shelf:
    """A place that holds one settings file, and counts how often it is read."""

    found: Document | Unread
    reads: list[str] = field(default_factory=list)

    def __call__(self, tag: str, *, now: datetime) -> Found:
        self.reads.append(tag)
        text = self.found.text if isinstance(self.found, Document) else ""
        return Found(None, tag) if text and text == tag else Found(self.found, text)

    def put(self, text: str) -> None:
        self.found = Document("settings.toml", text)


def source(shelf: Shelf, clock: Clock) -> SettingsSource:
    """Return the settings of an environment with one channel and a file on ``shelf``."""
    return SettingsSource(ENVIRONMENT, now=clock, read=shelf)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was said loudly so far, and forget it."""
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    caplog.clear()
    return said


def test_a_change_is_seen_within_a_minute_and_not_asked_for_more_often() -> None:
    """Within the minute nothing is read; after it the file is, and an unchanged one is not parsed again."""
    clock, shelf = Clock(), Shelf(Document("settings.toml", ROUTED))
    settings = source(shelf, clock)
    first = settings.current()
    assert [one.name for one in first.routes] == ["all"]
    clock.go(59)
    assert settings.current() is first
    assert len(shelf.reads) == 1
    clock.go(2)
    assert settings.current() is first
    assert shelf.reads == ["", ROUTED]
    shelf.put(ROUTED.replace('"all"', '"every"'))
    clock.go()
    assert [one.name for one in settings.current().routes] == ["every"]


def test_a_newer_wrong_version_changes_nothing_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """The last good version stays, the mistake is in the log once, and the settings name it until it is mended."""
    clock, shelf = Clock(), Shelf(Document("settings.toml", ROUTED))
    settings = source(shelf, clock)
    good = settings.current()
    assert errors(caplog) == []
    shelf.put(WRONG)
    clock.go()
    kept = settings.current()
    assert kept.routes == good.routes
    assert [str(problem).partition(":")[0] for problem in kept.problems] == ["PULLMEDIC_SETTINGS", "settings.toml"]
    said = errors(caplog)
    assert len(said) == 2
    assert "the last one that could stays" in said[0]
    assert "no destination is called visiom; is vision meant?" in said[1]
    for _ in range(3):
        clock.go()
        assert settings.current().routes == good.routes
    shelf.found = Unread("the blob cannot be read now")
    clock.go()
    assert settings.current().routes == good.routes
    assert [text for text in errors(caplog) if "cannot be read now" not in text] == []
    shelf.put(ROUTED)
    clock.go()
    assert settings.current().problems == ()


def test_before_there_is_a_good_version_what_can_be_used_runs() -> None:
    """A worker that starts with a wrong file uses what is right of it, also while the file cannot be read again."""
    clock, shelf = Clock(), Shelf(Document("settings.toml", WRONG))
    settings = source(shelf, clock)
    first = settings.current()
    assert [one.wrong for one in first.routes] == [True]
    assert [one.name for one in first.destinations] == ["slack", "vision", "pager"]
    shelf.found = Unread("it is away")
    clock.go()
    assert settings.current().routes == first.routes
    shelf.put(ROUTED)
    clock.go()
    assert [one.wrong for one in settings.current().routes] == [False]


def test_a_file_that_cannot_be_read_at_first_leaves_the_environment(caplog: pytest.LogCaptureFixture) -> None:
    """The stated minimum runs, the reason is said, and the file is tried again a minute later."""
    clock, shelf = Clock(), Shelf(Unread("the blob cannot be read now"))
    settings = source(shelf, clock)
    assert [one.name for one in settings.current().defaults.to] == ["slack"]
    assert errors(caplog) == [
        "setting: PULLMEDIC_SETTINGS: the blob cannot be read now; only the environment's settings run"
    ]
    shelf.put(ROUTED)
    clock.go()
    assert len(settings.current().routes) == 1


def test_a_path_is_read_again_and_no_file_is_never(tmp_path: Path) -> None:
    """A file on the disk changes like one in a blob; without a file the settings are made once."""
    clock, path = Clock(), tmp_path / "settings.toml"
    path.write_text(ROUTED)
    settings = open_source(ENVIRONMENT | {"PULLMEDIC_SETTINGS": str(path)}, now=clock)
    assert len(settings.current().routes) == 1
    path.write_text(PLACES)
    clock.go()
    assert settings.current().routes == ()
    path.unlink()
    clock.go()
    assert [one.name for one in settings.current().destinations] == ["slack", "vision", "pager"]
    alone = open_source(ENVIRONMENT, now=clock)
    assert alone.current() is alone.current()


def test_threads_share_one_read() -> None:
    """Of several that ask at once one reads; all get settings."""
    clock, shelf = Clock(), Shelf(Document("settings.toml", ROUTED))
    settings = source(shelf, clock)
    got: list[Any] = []
    threads = [Thread(target=lambda: got.append(settings.current())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(one) for one in got}) == 1
    assert len(shelf.reads) == 1


# --- a blob, on the wire ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        (ADDRESS, None),
        (ADDRESS.replace("settings", "a/b/settings"), None),
        (ADDRESS.replace("https", "http"), "not an https address"),
        (ADDRESS + f"?sig={SENTINEL}", "leave out what follows"),
        (ADDRESS + "#x", "leave out what follows"),
        ("https://acct1.blob.core.windows.net/pullmedic", "names no blob"),
        ("https://acct1.blob.core.windows.net/", "names no blob"),
        ("https://a.b.blob.core.windows.net/pullmedic/settings.toml", "from https://ACCOUNT.blob.core.windows.net/"),
        ("https://acct1.blob.core.windows.net.evil.example/c/settings.toml", "from https://ACCOUNT.blob"),
        ("https://acct1.blob.core.usgovcloudapi.net/c/settings.toml", "from https://ACCOUNT.blob"),
        ("https://evil.example/pullmedic/settings.toml", "from https://ACCOUNT.blob"),
        ("https://acct1.blob.core.windows.net@evil.example/c/s.toml", "not an https address"),
        ("https://acct1.blob.core.windows.net:8443/c/s.toml", "not an https address"),
    ],
)
def test_only_a_blob_of_the_cloud_is_read(address: str, complaint: str | None) -> None:
    """The app's token for storage goes nowhere else, and no signature stands in a setting."""
    problem = blob_problem(address, ".blob.core.windows.net")
    assert (problem is None) is (complaint is None)
    assert (complaint or "") in (problem or "")
    assert SENTINEL not in (problem or "")


@dataclass
class Storage:
    """A storage account's one blob, as the Blob service answers (Get Blob)."""

    text: str = ROUTED
    etag: str = '"0x8DC1"'
    status: int = 200
    requests: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        if request.host != "acct1.blob.core.windows.net" or request.bearer != SENTINEL:
            return empty(401)
        if self.status != 200:
            return text_answer(self.status, "<Error/>", "application/xml", (("x-ms-error-code", "Any"),))
        headers = (("ETag", self.etag), ("x-ms-version", "2021-12-02"))
        if request.headers.get("if-none-match") == self.etag:
            return empty(304, headers)
        return text_answer(200, self.text, "application/octet-stream", headers)


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Storage]:
    """Yield a storage account that is reached under its real name, over TLS."""
    made = Storage()
    proxy = Proxy(made.answer, lambda _: None)
    proxy.start()
    bundle = str(write_bundle(tmp_path))
    url = f"http://127.0.0.1:{proxy.port}"
    for name, value in {"HTTPS_PROXY": url, "https_proxy": url, "REQUESTS_CA_BUNDLE": bundle}.items():
        monkeypatch.setenv(name, value)
    yield made
    proxy.stop()


class Identity:
    """An identity that gets a token for storage, or none."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        if self._error:
            raise self._error
        return AccessToken(SENTINEL, 0)


def from_blob(clock: Clock, identity: TokenCredential, address: str = ADDRESS) -> SettingsSource:
    """Return the settings with their file in a blob."""
    environ = ENVIRONMENT | {"PULLMEDIC_SETTINGS": address}
    return open_source(environ, now=clock, credential=lambda: identity)


def test_a_blob_is_read_with_the_apps_identity_and_again_only_if_it_changed(storage: Storage) -> None:
    """The first time whole, then with If-None-Match; a change is seen within the minute."""
    clock, identity = Clock(), Identity()
    settings = from_blob(clock, identity)
    first = settings.current()
    assert [one.place for one in first.routes] == ["settings.toml:14: routes[0]"]
    assert identity.scopes == ["https://storage.azure.com/.default"]
    clock.go()
    assert settings.current() is first
    asked = [request.headers.get("if-none-match") for request in storage.requests]
    assert asked == [None, '"0x8DC1"']
    assert storage.requests[0].headers["x-ms-date"] == "Mon, 23 Nov 2026 12:00:00 GMT"
    storage.text, storage.etag = PLACES, '"0x8DC2"'
    clock.go()
    assert settings.current().routes == ()


@pytest.mark.parametrize(
    ("status", "complaint"),
    [
        (401, "does not take the app's token"),
        (403, "role Storage Blob Data Reader"),
        (404, "there is no such blob"),
        (302, "answered 302"),
        (503, "cannot be read now"),
    ],
)
def test_a_blob_that_cannot_be_read_is_told_with_the_reason(storage: Storage, status: int, complaint: str) -> None:
    """And the environment's settings run."""
    storage.status = status
    settings = from_blob(Clock(), Identity()).current()
    (told,) = settings.problems
    assert complaint in str(told)
    assert [one.name for one in settings.defaults.to] == ["slack"]
    assert SENTINEL not in repr(settings)


@pytest.mark.parametrize("error", [ClientAuthenticationError(SENTINEL), NoCredential("x"), ValueError(SENTINEL)])
def test_an_identity_without_a_token_is_told(error: Exception) -> None:
    """Nothing is asked of the storage, and the error's own text stays where it is."""
    settings = from_blob(Clock(), Identity(error)).current()
    (told,) = settings.problems
    assert "the app's identity got no token" in str(told)
    assert SENTINEL not in str(told)


def test_a_wrong_address_is_told_and_nothing_is_asked(storage: Storage) -> None:
    """Not even a token."""
    identity = Identity()
    settings = from_blob(Clock(), identity, "https://evil.example/c/settings.toml").current()
    assert "is read from https://ACCOUNT.blob.core.windows.net/" in str(settings.problems[0])
    assert (identity.scopes, storage.requests) == ([], [])
