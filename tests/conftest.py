"""What all tests share: an unexpected skip is a failure where it is asked for."""

from __future__ import annotations

import os
import sys

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect, rather than skip, the tests that need the deployed Python version."""
    if sys.version_info >= (3, 13):
        return
    needing = [item for item in items if item.get_closest_marker("py313")]
    if needing:
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the session for any skip where PULLMEDIC_NO_SKIPS is set, as it is in CI."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and os.environ.get("PULLMEDIC_NO_SKIPS") and session.exitstatus == 0:
        print(f"\n{len(skipped)} test(s) were skipped, and PULLMEDIC_NO_SKIPS asks that none is")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
