"""Starts workers against a simulated Azure and asks them to do things; see :mod:`tests.bench.worker`."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sandbox.delivering import deliveries_of
from sandbox.playing import APP, environment
from sandbox.server import Sandbox
from sandbox.world import Scenario

__all__ = ["Done", "Stage", "Worker", "slowed", "stage"]

LATENCY_MS = 100
_OWN = ("PULLMEDIC_", "AzureWebJobs", "AZURE_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What one command took: seconds, seconds of processor time; the worker's memory after it, in MiB."""

    seconds: float
    processor: float
    mebibytes: float
    said: Mapping[str, Any] | None = None


class Worker:
    """A fresh worker process. A context manager."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN)}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=APP.parent,
            env={**kept, **environ},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=30)

    def ask(self, do: str, **arguments: Any) -> Done:
        """Give a command and wait until it is done."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the worker ended at {do!r}")
        return Done(**json.loads(answer))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A simulated Azure with a folder for stores."""

    sandbox: Sandbox
    folder: Path
    events: tuple[Mapping[str, Any], ...]
    channel: str
    settings: str

    def worker(self, *, store: str = "store", storage: str = "") -> Worker:
        """Start a fresh worker, on the named store or on a storage account by its connection string."""
        environ = environment(self.sandbox, self.store(store), (self.channel,))
        if storage:
            environ |= {"PULLMEDIC_STORE": "azure", "AzureWebJobsStorage": storage}
        if self.settings:
            environ["PULLMEDIC_SETTINGS"] = str(self.folder / "settings.toml")
        return Worker(environ)

    def store(self, name: str) -> Path:
        """Return the path of a store."""
        return self.folder / f"{name}.sqlite"

    def copy_store(self, name: str, to: str) -> None:
        """Give another store what one holds; nobody may be at it."""
        with closing(sqlite3.connect(self.store(name))) as source, closing(sqlite3.connect(self.store(to))) as target:
            source.backup(target)


@contextmanager
def stage(scenario: Scenario, *, channel: str = "slack", settings: str = "") -> Iterator[Stage]:
    """Serve ``scenario``; nothing is left behind."""
    with tempfile.TemporaryDirectory(prefix="pullmedic-") as folder, Sandbox(scenario) as sandbox:
        (Path(folder) / "settings.toml").write_text(settings, encoding="utf-8")
        events = tuple(delivery.body[0] for delivery in deliveries_of(scenario))
        yield Stage(sandbox=sandbox, folder=Path(folder), events=events, channel=channel, settings=settings)


def slowed(scenario: Scenario, milliseconds: int = LATENCY_MS) -> Scenario:
    """Put so long on every remote call. The identity's endpoint is none: it listens on the instance itself."""
    fault = {"call": {"host": r".*\.(com|io|ms|net)", "path": ".*"}, "latency_ms": milliseconds}
    return replace(scenario, faults=(*scenario.faults, fault))
