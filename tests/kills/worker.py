"""A worker in a process of its own that can be killed: the app with its triggers, its queues in a storage account.

Prints where it listens once it does, and ends when its standard input is closed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import sys
import threading
from datetime import timedelta
from typing import Any

from sandbox.host import Failure, FunctionsHost
from sandbox.playing import APP
from tests.kills.clock import Clock
from tests.kills.host import StorageHost

_TIMERS = ("sweep", "sweep_fixes")


def main() -> None:
    """Work until nobody wants it any more."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--storage", required=True)
    parser.add_argument("--began", type=float, required=True)
    parser.add_argument("--pace", type=float, required=True)
    parser.add_argument("--tick-minutes", type=float, default=0, help="how often the timers fire; 0 for never")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(name)s: %(message)s")
    clock, stop = Clock(given.began, given.pace), threading.Event()
    worker: Any = importlib.import_module("responders.app")
    worker.clock = clock.now
    with StorageHost(APP, given.storage, clock.lasts) as host:
        print(json.dumps({"url": host.webhook_url("on_run_status_changed"), "slack": host.url("slack_requests")}))
        sys.stdout.flush()
        serving = threading.Thread(target=host.serve, args=(stop,))
        serving.start()
        if given.tick_minutes:
            every = clock.lasts(timedelta(minutes=given.tick_minutes))
            threading.Thread(target=_tick, args=(host, every, stop), daemon=True).start()
        sys.stdin.read()
        stop.set()
        serving.join()


def _tick(host: FunctionsHost, every: float, stop: threading.Event) -> None:
    while not stop.wait(every):
        for timer in _TIMERS:
            try:
                host.tick(timer)
            except Failure as failure:
                logging.getLogger(__name__).warning("%s: %s", timer, failure)


if __name__ == "__main__":
    main()
