"""Sandboxes for tests: a fresh one with changes, or one for all tests that only read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sandbox_client import Client, Start, changed

from sandbox import Sandbox


@pytest.fixture
def start() -> Iterator[Start]:
    """Give a function that starts a sandbox with changes to the complete world, stopped after the test."""
    with ExitStack() as stack:

        def begin(**changes: Any) -> Client:
            client = Client(stack.enter_context(Sandbox(changed(**changes))))
            stack.callback(client.session.close)
            return client

        yield begin


@pytest.fixture(scope="session")
def shared() -> Iterator[Client]:
    """One sandbox for tests that only read."""
    with Sandbox(changed()) as azure:
        client = Client(azure)
        yield client
        client.session.close()
