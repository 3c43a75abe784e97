"""Fixtures of the responders' tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from azurite_server import find_azurite, running_azurite
from hypothesis import settings

# A machine under load is slow, not wrong: examples are limited in number, not in time.
settings.register_profile("responders", deadline=None, max_examples=60)
settings.load_profile("responders")


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the connection string of a running Azurite; skip where there is none, unless nothing may be skipped."""
    program = find_azurite(os.environ)
    if program is None:
        reason = "Azurite is not installed: set PULLMEDIC_AZURITE, or install it into .cache/node"
        if os.environ.get("PULLMEDIC_NO_SKIPS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with running_azurite(program, tmp_path_factory.mktemp("azurite")) as connection:
        yield connection
