"""Fixtures of the diagnosis's tests: a simulated Azure that the process points at, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from azure.identity import ManagedIdentityCredential
from azure_wire import CLOUD, Begin, BentSandbox, Read, close, scenario
from diagnostic_samples import subject

from diagnostics.azure import arm
from diagnostics.fact_cache import FactCache
from diagnostics.model import Fact
from diagnostics.probing import FactReader, Subject
from diagnostics.reach import Reach


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Give a function that starts a sandbox with changes to the story, the environment pointing at it.

    Clients try again as often as ever, but at once: no test waits for a clock.
    """
    monkeypatch.setitem(arm.LIMITS, "retry_backoff_factor", 0)
    with ExitStack() as stack:

        def start(**changes: Any) -> BentSandbox:
            azure = BentSandbox(scenario(**changes))
            stack.enter_context(azure)
            for name, value in azure.environment.items():
                monkeypatch.setenv(name, value)
            return azure

        yield start


@pytest.fixture
def azure(begin: Begin) -> BentSandbox:
    """Give a running sandbox of the unchanged story."""
    return begin()


@pytest.fixture
def reach() -> Iterator[Reach]:
    """Give clients with a managed identity's credential; where they reach is the environment's matter."""
    with ManagedIdentityCredential() as credential:
        made = Reach(cloud=CLOUD, credential=credential)
        yield made
        close(made)


@pytest.fixture
def read(reach: Reach) -> Iterator[Read]:
    """Give a function that reads facts as an investigation does, with all the time of the world; each call reads anew."""
    pool = ThreadPoolExecutor(max_workers=16)

    def facts(*names: str, about: Subject | None = None, knowing: dict[str, Fact] | None = None) -> dict[str, Fact]:
        reach.facts = FactCache()
        reader = FactReader(pool, reach, lambda: 60.0)
        for name, fact in (knowing or {}).items():
            reader.know(name, fact)
        reader.start(names, about or subject())
        return reader.facts()

    yield facts
    pool.shutdown()
