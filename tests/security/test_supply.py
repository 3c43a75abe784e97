"""What the app is made of: the packages that were tried, and no others."""

from __future__ import annotations

import re
import subprocess

import pytest

from sandbox.playing import APP
from tools.package import LOCK, locked

FILES = sorted(APP.parent.glob("requirements*.txt"))
LINE = re.compile(
    r"-r requirements[a-z-]*\.txt|[A-Za-z0-9_.-]+==[0-9][0-9A-Za-z.]*(; python_version [<>=]+ \"[0-9.]+\")?"
)


@pytest.mark.parametrize("name", [path.name for path in FILES])
def test_every_dependency_has_one_exact_version(name: str) -> None:
    """Neither a range, nor an address, nor an option that names another registry."""
    for line in (APP.parent / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            assert LINE.fullmatch(line), line


def test_the_app_gets_nothing_that_only_tests_need() -> None:
    """What drives tests has no way into the app."""
    product = (APP.parent / "requirements.txt").read_text(encoding="utf-8")
    assert not re.search(r"^-r|pytest|hypothesis|atheris|trustme", product, re.MULTILINE)


def test_nothing_is_deployed_that_the_lock_does_not_name() -> None:
    """It holds all that the app is made of, each with one version, and the package takes nothing else."""
    lock = locked((APP.parent / LOCK).read_text(encoding="utf-8"))
    assert {"azure-functions", "azure-core", "cryptography", "requests", "urllib3"} <= set(lock)
    assert all(re.fullmatch(r"[0-9][0-9A-Za-z.]*", version) for version in lock.values())


def test_the_audit_asks_about_what_is_deployed() -> None:
    """Not about what pip would choose today."""
    plan = subprocess.run(["make", "--dry-run", "audit"], cwd=APP.parent, capture_output=True, text=True, check=True)
    assert re.search(rf"pip_audit [^;]*--no-deps -r {re.escape(LOCK)};", plan.stdout.replace("\\\n", " "))
