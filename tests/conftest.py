"""What all tests share: an unexpected skip is a failure where it is asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# No test is timed: a slow machine makes it late, not wrong. Where every run must end alike (CI), the examples are the same
# each time; new ones are drawn at a desk, and by `make fuzz`.
settings.register_profile(
    "project",
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("PULLMEDIC_NO_SKIPS")),
)
# For mutation testing: the same tests, run once for each mutant and so with fewer examples.
settings.register_profile(
    "mutants", max_examples=50, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
)
settings.load_profile("project")


def _environment() -> dict[str, str]:
    """Return the environment without what pytest, and a library when it is imported, says of itself in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "AZURE_MONITOR_"))}


_FOUND = _environment()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect, rather than skip, the tests that need the deployed Python version; and begin with what takes long."""
    if sys.version_info < (3, 13):
        needing = [item for item in items if item.get_closest_marker("py313")]
        if needing:
            config.hook.pytest_deselected(items=needing)
            items[:] = [item for item in items if item not in needing]
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda it: (not _is_alone(it.nodeid), not _tells_all(it.nodeid), it.path not in slow))


_OF_ALL_STORIES = ("tests/test_catalogue_stories.py", "tests/test_lost_facts.py", "tests/test_scenarios.py")


def _is_alone(nodeid: str) -> bool:
    """Tell whether a test is worth a process of its own: it plays a whole story again for each of hundreds of places."""
    return "::test_killed_at_any_boundary" in nodeid


def _tells_all(nodeid: str) -> bool:
    return nodeid.startswith(_OF_ALL_STORIES)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep a file's tests in one process, and those of all stories too: there, each story is played once for all.

    The order is that of the collection, which begins with what takes long: else one process works on it when the others
    have nothing left to do.
    """
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling  # noqa: PLC0415 - only where tests run in several processes

    config.option.loadscopereorder = False

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if _is_alone(nodeid):
                return nodeid
            return "stories" if _tells_all(nodeid) else super()._split_scope(nodeid)

    return Scheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Fail the last test of a file where the file leaves another environment behind than it found."""
    yield
    if nextitem is not None and nextitem.path == item.path:
        return
    left = _environment()
    changed = sorted(name for name, _ in left.items() ^ _FOUND.items())
    _FOUND.clear()
    _FOUND.update(left)
    if changed:
        pytest.fail(f"{item.path.name} leaves the environment changed: {', '.join(changed)}", pytrace=False)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the session for any skip where PULLMEDIC_NO_SKIPS is set, as it is in CI."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and os.environ.get("PULLMEDIC_NO_SKIPS") and session.exitstatus == 0:
        print(f"\n{len(skipped)} test(s) were skipped, and PULLMEDIC_NO_SKIPS asks that none is")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
