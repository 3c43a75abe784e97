"""Worker processes side by side on one storage account: started, given events as Event Grid does, killed, replaced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from responders.settings import load_settings
from responders.store import Store, open_store
from sandbox.delivering import Delivery, post
from sandbox.playing import APP, environment
from sandbox.server import Sandbox
from sandbox.world import Scenario
from tests.kills.clock import Clock

__all__ = ["Died", "Fleet", "Process", "fleet", "store_of"]

_OWN = ("PULLMEDIC_", "AzureWebJobs", "AZURE_")


class Died(Exception):
    """A worker died of itself: of what its own threads did to each other, say."""


@dataclass(slots=True)
class Process:
    """One worker process. ``url`` is where Event Grid posts, ``slack`` where Slack does."""

    process: subprocess.Popen[str]
    url: str
    slack: str

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self.process.pid

    def kill(self) -> None:
        """End it with SIGKILL: nothing of it runs any more."""
        self.process.kill()
        self.process.wait(timeout=30)
        self._close()

    def end(self) -> None:
        """Let it end what it is at, and end."""
        self._close()
        self.process.wait(timeout=60)

    def _close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


@dataclass(slots=True)
class Fleet:
    """Some workers, by their place; the worker in the first place has the timers."""

    sandbox: Sandbox
    clock: Clock
    storage: str
    folder: Path
    environ: Mapping[str, str]
    tick_minutes: float
    workers: list[Process] = field(default_factory=list)
    killed: int = 0

    @property
    def log(self) -> str:
        """What all workers logged from warnings up."""
        return (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace")

    def start(self, number: int) -> None:
        """Start so many workers."""
        for place in range(number):
            self.workers.append(self._started(place))

    def watch(self) -> None:
        """Raise :class:`Died` where a worker died that nobody killed."""
        for worker in self.workers:
            if (code := worker.process.poll()) is not None:
                raise Died(f"a worker ended by itself with {code}; all said: {self.log[-2000:]}")

    def kill(self, place: int) -> None:
        """Kill the worker in a place and start another one there."""
        self.watch()
        self.workers[place].kill()
        self.killed += 1
        self.workers[place] = self._started(place)

    def stop(self) -> None:
        """Let all end."""
        self.watch()
        for worker in self.workers:
            worker.end()
        self.workers.clear()

    def deliver(self, event: Mapping[str, object], place: int) -> bool:
        """Post an event to a worker; false where Event Grid would try again."""
        delivery = Delivery(run="", body=[event], content_type="application/json")
        try:
            return post(self.workers[place % len(self.workers)].url, delivery) == 202
        except OSError:
            return False

    def _started(self, place: int) -> Process:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN)}
        command = [sys.executable, "-W", "ignore", "-m", "tests.kills.worker", "--storage", self.storage]
        command += ["--began", str(self.clock.began), "--pace", str(self.clock.pace)]
        command += ["--tick-minutes", str(self.tick_minutes)] if place == 0 else []
        with (self.folder / "log.txt").open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=APP.parent,
                env={**kept, **self.environ},
            )
        assert process.stdout is not None
        said = process.stdout.readline()
        if not said:
            raise RuntimeError(f"a worker did not start; it said: {self.log[-2000:]}")
        return Process(process, **json.loads(said))


@contextmanager
def fleet(
    scenario: Scenario,
    clock: Clock,
    storage: str,
    folder: Path,
    *,
    workers: int,
    channels: tuple[str, ...],
    tick_minutes: float = 5,
) -> Iterator[Fleet]:
    """Serve ``scenario`` and run ``workers`` on it; in the end nobody is left."""
    settings = folder / "settings.toml"
    settings.write_text("[incidents]\ndigest_above = 1000\n", encoding="utf-8")
    with Sandbox(scenario, now=clock.seconds) as sandbox:
        sandbox.slack_workspace.now = clock.seconds
        environ = environment(sandbox, folder / "unused.sqlite", channels)
        environ |= {"PULLMEDIC_STORE": "azure", "AzureWebJobsStorage": storage, "PULLMEDIC_SETTINGS": str(settings)}
        it = Fleet(sandbox, clock, storage, folder, environ, tick_minutes)
        try:
            it.start(workers)
            yield it
            it.stop()
        finally:
            for worker in it.workers:
                worker.kill()


def store_of(storage: str) -> Store:
    """Return the store that the workers share."""
    return open_store(load_settings({"PULLMEDIC_STORE": "azure", "AzureWebJobsStorage": storage}).store)
