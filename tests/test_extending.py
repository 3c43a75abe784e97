"""The examples of docs/extending.md work: taken out of the page, put into a copy of the project, and run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.playing import APP

ROOT = APP.parent
PAGE = ROOT / "docs" / "extending.md"
_FILE = re.compile(r"<!-- file: (\S+) -->\n```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COPIED = ("diagnostics", "responders", "sandbox", "tests")
_ALONE = ("function_app.py", "host.json", "pyproject.toml", "requirements.txt")

FILES = dict(_FILE.findall(PAGE.read_text(encoding="utf-8")))
TESTS = [name for name in FILES if name.startswith("tests/")]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a copy of the project with every example in it."""
    folder = tmp_path_factory.mktemp("extended")
    for name in _COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _ALONE:
        shutil.copy(ROOT / name, folder / name)
    for name in ("docs", "infra"):
        shutil.copytree(ROOT / name, folder / name)
    for name, text in FILES.items():
        assert not (folder / name).exists(), f"{name} is no new file"
        (folder / name).write_text(text, encoding="utf-8")
    yield folder
    shutil.rmtree(folder)


def run(project: Path, *arguments: str) -> str:
    """Run a module in the copy, with nothing of this process's own on its path; return what it said."""
    environment = {**os.environ, "PYTHONPATH": str(project), "PYTEST_ADDOPTS": "", "PULLMEDIC_NO_SKIPS": "1"}
    for name in [name for name in environment if name.startswith("PYTEST_XDIST")]:
        del environment[name]
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_kind_has_an_example_of_one_file() -> None:
    """And a test, which is run below."""
    folders = sorted(str(Path(name).parent) for name in FILES if not name.startswith(("tests/", "sandbox/")))
    assert folders == [
        "diagnostics/causes",
        "diagnostics/probes",
        "diagnostics/symptoms",
        "responders/channels",
        "responders/tickets",
    ]
    assert len(TESTS) == 3


@pytest.mark.slow
@pytest.mark.parametrize("test", TESTS)
def test_an_example_works(project: Path, test: str) -> None:
    """By its own test, as it stands on the page."""
    said = run(project, "pytest", "-q", "-p", "no:cacheprovider", test)
    assert re.search(r"\d+ passed", said)


@pytest.mark.slow
def test_roles_settings_and_documents_follow(project: Path) -> None:
    """Made from the declarations, with no list edited anywhere."""
    assert "Microsoft.Resources/subscriptions/read" in run(project, "diagnostics.rights")
    run(project, "diagnostics.reference", "--write")
    run(project, "responders.reference", "--write")
    causes = (project / "docs" / "causes.md").read_text(encoding="utf-8")
    settings = (project / "docs" / "settings.md").read_text(encoding="utf-8")
    assert "### `subscription-disabled`" in causes
    assert "PULLMEDIC_GOOGLE_CHAT_WEBHOOK_URL" in settings
    assert "PULLMEDIC_GITLAB_TOKEN" in settings


@pytest.mark.slow
def test_the_existing_signatures_and_causes_stand_beside_the_new_ones(project: Path) -> None:
    """The samples of every signature, and the rule of every cause, hold with the examples among them."""
    run(project, "pytest", "-q", "-p", "no:cacheprovider", "tests/diagnostics/test_signatures.py")


@pytest.mark.slow
def test_an_example_is_written_as_the_project_is(project: Path) -> None:
    """By the linter and the type checker, with the project's own rules."""
    code = [name for name in FILES if not name.startswith("tests/")]
    run(project, "ruff", "check", "--no-cache", *FILES)
    run(project, "ruff", "format", "--no-cache", "--check", *FILES)
    run(project, "mypy", "--no-incremental", "--cache-dir", os.devnull, *code)
