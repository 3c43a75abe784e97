"""The responder's own storage account, one part of which fails: Azurite behind a proxy that does what a fault says."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from atexit import register
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from tests.responders.azurite_server import ACCOUNT, MISSING, find_azurite, running_azurite
from tests.responders.storage_proxy import Passing, proxied

__all__ = ["failing_storage"]

_ACCOUNTS = 1_000  # a word of the environment has no room for more
_numbers = count()


@contextmanager
def failing_storage(part: str, fault: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield an empty account's connection string through the failing ``part``, and its direct one.

    ``fault`` is one of a scenario's, as far as storage can have it. Raises ``RuntimeError`` where Azurite is not here.
    """
    direct = _azurite().replace(ACCOUNT, f"account{next(_numbers):04}")
    with proxied(direct, part, _failing(fault)) as through:
        yield through, direct


@cache
def _azurite() -> str:
    """Start one Azurite for the whole process, with an account for each story."""
    program = find_azurite(os.environ)
    if program is None:
        raise RuntimeError(MISSING)
    stack = ExitStack()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pullmedic-")))
    accounts = [f"account{number:04}" for number in range(_ACCOUNTS)]
    connection = stack.enter_context(running_azurite(program, folder, accounts))
    register(stack.close)
    return connection


def _failing(fault: Mapping[str, Any]) -> type[Passing]:
    """Return what passes requests on and lets ``fault`` befall the first ``times`` of them, or all."""
    lock, passed, times = threading.Lock(), count(), fault.get("times")

    def taken() -> Mapping[str, Any]:
        with lock:
            number = next(passed)
        return fault if times is None or number < times else {}

    class Failing(Passing):
        def meet(self, body: bytes) -> None:
            befalls = taken()
            if befalls.get("cut"):
                if befalls.get("done_first"):
                    self.ask(body)
                self.break_off()
            elif befalls.keys() & {"status", "retry_after", "body"}:
                wait = {"Retry-After": str(befalls["retry_after"])} if "retry_after" in befalls else {}
                self.answer(befalls.get("status", 429 if wait else 200), wait, befalls.get("body", "").encode())
            else:
                time.sleep(befalls.get("latency_ms", 0) / 1000)
                status, headers, content = self.ask(body)
                if befalls.get("half"):
                    self.answer(status, {"Content-Length": str(len(content)), **headers}, content[: len(content) // 2])
                    self.break_off()
                else:
                    self.answer(status, headers, content)

    return Failing
