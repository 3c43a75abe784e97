"""A headless Chromium that is driven over a pipe (Chrome DevTools Protocol): keys are pressed, what is shown is read."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from tests.responders.browser import needed_browser

__all__ = ["Chromium", "chromium"]

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
    *("--ignore-certificate-errors", "--remote-debugging-pipe", "--disable-dev-shm-usage"),
)
_PATIENCE = 60
_AS_3_AND_4 = "import os, sys; r, w, *c = sys.argv[1:]; os.dup2(int(r), 3); os.dup2(int(w), 4); os.execvp(c[0], c)"
"""The browser reads commands from descriptor 3 and answers on 4."""

_KEYS = {
    "Tab": {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9},
    "Enter": {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"},
    "Space": {"key": " ", "code": "Space", "windowsVirtualKeyCode": 32, "text": " "},
}


@dataclass
class Chromium:
    """One tab. ``troubles`` is whatever the browser complained of: policy, console, requests that failed."""

    _write: Any
    _answers: Queue[dict[str, Any]]
    _session: str = ""
    _asked: int = 0
    _told: list[dict[str, Any]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def ask(self, method: str, **params: Any) -> Any:
        """Send a command and return its result."""
        self._asked += 1
        message: dict[str, Any] = {"id": self._asked, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._write.write(json.dumps(message).encode() + b"\0")
        self._write.flush()
        while True:
            got = self._next()
            if got.get("id") == self._asked:
                assert "error" not in got, got["error"]
                return got["result"]

    def open(self, address: str) -> None:
        """Go to an address and wait until it is shown."""
        self._told.clear()
        assert "errorText" not in self.ask("Page.navigate", url=address)
        self.shown()

    def shown(self) -> None:
        """Wait until the page that is loading is shown."""
        while not any(it["method"] == "Page.loadEventFired" for it in self._told):
            self._next()
        self._told.clear()

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press and release a key."""
        about = {**_KEYS[key], "modifiers": 8 if shift else 0}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **about)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **{k: v for k, v in about.items() if k != "text"})

    def write(self, words: str) -> None:
        """Write into what is focused."""
        self.ask("Input.insertText", text=words)

    def look(self, script: str) -> Any:
        """Return what an expression says of the page; that the page may run no script is no matter to it."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """Be a screen of that size, in light or dark."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])

    def on_paper(self) -> None:
        """Show the page as it is printed."""
        self.ask("Emulation.setEmulatedMedia", media="print")

    def without_script(self) -> None:
        """Switch the page's scripts off, as a reader can."""
        self.ask("Emulation.setScriptExecutionDisabled", value=True)

    def picture(self, file: Path) -> None:
        """Keep a picture of the whole page."""
        got = self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(got["data"]))

    def controls(self) -> list[tuple[str, str]]:
        """Return role and accessible name of everything that can be focused, as assistive technology is told."""
        return [_named(node) for node in self._nodes() if _focusable(node) and _named(node)[0] != "RootWebArea"]

    def roles(self) -> list[tuple[str, str]]:
        """Return role and accessible name of everything that assistive technology is told."""
        return [_named(node) for node in self._nodes()]

    def _nodes(self) -> list[dict[str, Any]]:
        return [node for node in self.ask("Accessibility.getFullAXTree")["nodes"] if not node.get("ignored")]

    def _next(self) -> dict[str, Any]:
        try:
            got = self._answers.get(timeout=_PATIENCE)
        except Empty:
            pytest.fail("the browser said nothing for a minute")
        if "method" in got:
            self._told.append(got)
            self._notice(got["method"], got.get("params", {}))
        return got

    def _notice(self, method: str, params: dict[str, Any]) -> None:
        if method == "Log.entryAdded":
            self.troubles.append(params["entry"]["text"])
        elif method in {"Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Audits.issueAdded"}:
            self.troubles.append(json.dumps(params)[:500])
        elif method == "Network.loadingFailed":
            self.troubles.append(f"a request failed: {params.get('errorText')} {params.get('blockedReason', '')}")


def _named(node: dict[str, Any]) -> tuple[str, str]:
    return node["role"]["value"], node.get("name", {}).get("value", "")


def _focusable(node: dict[str, Any]) -> bool:
    return any(it["name"] == "focusable" and it["value"]["value"] for it in node.get("properties", ()))


@contextmanager
def chromium(folder: Path, *, proxy: str) -> Iterator[Chromium]:
    """Start a browser that reaches everything through ``proxy``; skip where there is none, unless none may be skipped."""
    program = needed_browser()
    from_us, to_it = _pipe()
    from_it, to_us = _pipe()
    flags = (*_FLAGS, f"--proxy-server={proxy}", f"--user-data-dir={folder / 'profile'}", "about:blank")
    command = [sys.executable, "-c", _AS_3_AND_4, str(from_us), str(to_us), program, *flags]
    running = subprocess.Popen(
        command,
        pass_fds=(from_us, to_us),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(from_us)
    os.close(to_us)
    answers: Queue[dict[str, Any]] = Queue()
    reader = threading.Thread(target=_read, args=(from_it, answers), daemon=True)
    reader.start()
    with os.fdopen(to_it, "wb") as write:
        tab = Chromium(write, answers)
        try:
            yield _attached(tab)
        finally:
            tab._session = ""
            tab.ask("Browser.close")
            running.wait(timeout=_PATIENCE)
            reader.join(timeout=_PATIENCE)


def _pipe() -> tuple[int, int]:
    """Return a pipe whose ends are none of the numbers that the browser's own ends get."""
    ends = os.pipe()
    high = (fcntl.fcntl(ends[0], fcntl.F_DUPFD_CLOEXEC, 10), fcntl.fcntl(ends[1], fcntl.F_DUPFD_CLOEXEC, 10))
    for end in ends:
        os.close(end)
    return high


def _attached(tab: Chromium) -> Chromium:
    (page, *_) = [it for it in tab.ask("Target.getTargets")["targetInfos"] if it["type"] == "page"]
    tab._session = tab.ask("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
    for domain in ("Page", "Runtime", "Log", "Network", "Audits", "Accessibility"):
        tab.ask(f"{domain}.enable")
    return tab


def _read(source: int, answers: Queue[dict[str, Any]]) -> None:
    with os.fdopen(source, "rb") as stream:
        rest = b""
        while piece := stream.read1(1 << 16):
            *whole, rest = (rest + piece).split(b"\0")
            for message in whole:
                answers.put(json.loads(message))
