"""What a project on GitHub lives by: forms, workflows, versions. Each is valid, and says what is there."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from diagnostics.version import VERSION
from sandbox.playing import APP
from tools import release

ROOT = APP.parent
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "vendor.github-issue-forms": sorted(p for p in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if p.stem != "config"),
    "vendor.github-issue-config": [GITHUB / "ISSUE_TEMPLATE" / "config.yml"],
    "vendor.dependabot": [GITHUB / "dependabot.yml"],
}
_TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)


def targets() -> set[str]:
    """Return the Makefile's targets."""
    return set(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))


def read(path: Path) -> Any:
    """Return a YAML file's content."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(path: Path) -> list[dict[str, Any]]:
    """Return all steps of a workflow's own; a job that is another workflow has none."""
    return [step for job in read(path)["jobs"].values() for step in job.get("steps", ())]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_what_github_reads_is_valid(schema: str) -> None:
    """By the schemas that are published for each kind of file, as check-jsonschema ships them."""
    files = [str(path) for path in SCHEMAS[schema]]
    assert files
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_issue_form_asks_for_what_makes_it_solvable() -> None:
    """A wrong diagnosis comes with evidence, and with the word that no secret is in it."""
    form = read(GITHUB / "ISSUE_TEMPLATE" / "wrong-diagnosis.yml")
    required = {
        part["id"] for part in form["body"] if part.get("id") and part.get("validations", {}).get("required", False)
    }
    assert {"evidence", "truth", "version"} <= required
    boxes = next(part for part in form["body"] if part["type"] == "checkboxes")
    assert all(option["required"] for option in boxes["attributes"]["options"])


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_calls_targets_that_there_are(workflow: Path) -> None:
    """And no second way to do what a target does."""
    run = "\n".join(step.get("run", "") for step in steps(workflow))
    called = set(re.findall(r"\bmake ([a-z-]+)", run))
    assert called
    assert called <= targets()
    assert not re.search(r"\b(?:pytest|ruff|mypy|pip install)\b", run)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_holds_no_more_than_it_needs(workflow: Path) -> None:
    """Actions by version, contents to be read, and no expression of somebody else's text inside a shell."""
    assert read(workflow)["permissions"] == {"contents": "read"}
    for step in steps(workflow):
        if used := step.get("uses"):
            assert re.fullmatch(r"actions/[a-z-]+@v\d+", used), used
        assert "${{" not in step.get("run", ""), step


def test_ci_runs_all_on_the_deployed_version_and_the_fast_part_on_the_oldest() -> None:
    """As the project's own script does."""
    jobs = read(GITHUB / "workflows" / "ci.yml")["jobs"]
    ran: dict[str, set[str]] = {}
    for job in jobs.values():
        version = next(it["with"]["python-version"] for it in job["steps"] if "python-version" in it.get("with", {}))
        ran.setdefault(version, set()).update(it["run"] for it in job["steps"] if it.get("run", "").startswith("make"))
    assert ran == {"3.13": {"make check", "make package", "make test", "make audit"}, "3.11": {"make test-fast"}}


def test_the_hooks_are_local_and_use_the_projects_own_tools() -> None:
    """So a hook never has another version than the check."""
    repos = read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    for hook in repos[0]["hooks"]:
        assert hook["language"] == "system"
        program, *rest = hook["entry"].split()
        assert program in {".venv/bin/python", "make"}
        assert program != "make" or rest[0] in targets()


def test_everything_says_one_version() -> None:
    """The project, the product, the commands, and the newest entry of the changelog."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [version for version, _, _ in release.entries((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))]
    assert listed[:2] == ["Unreleased", VERSION]
    assert project["version"] == VERSION
    for module in ("diagnostics", "responders"):
        done = subprocess.run(
            [sys.executable, "-m", module, "--version"], capture_output=True, text=True, cwd=ROOT, check=True
        )
        assert done.stdout == f"pullmedic {VERSION}\n"


@pytest.mark.parametrize(
    ("tag", "project", "product", "title", "said"),
    [
        ("v1.2.0", "1.2.0", "1.2.0", "## [1.2.0] - 2027-01-05", ""),
        ("1.2.0", "1.2.0", "1.2.0", "## [1.2.0] - 2027-01-05", "it should be v1.2.0"),
        ("v1.3.0", "1.2.0", "1.2.0", "## [1.2.0] - 2027-01-05", "it should be v1.2.0"),
        ("v1.2.0", "1.2.0", "1.1.0", "## [1.2.0] - 2027-01-05", "diagnostics/version.py says 1.1.0"),
        ("v1.2.0", "1.2.0", "1.2.0", "## [1.2.0] - unreleased", "no date"),
        ("v1.2.0", "1.2.0", "1.2.0", "## [1.1.0] - 2027-01-05", "no entry for 1.2.0"),
    ],
)
def test_a_release_needs_one_version_everywhere(tag: str, project: str, product: str, title: str, said: str) -> None:
    """Whatever disagrees is named."""
    changelog = f"# Changelog\n\n## [Unreleased]\n\n{title}\n\n### Added\n\n- Something.\n"
    found = release.problems(tag, project, product, changelog)
    assert bool(found) == bool(said)
    assert said in " ".join(found)


def test_the_tag_of_an_unreleased_version_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """By the command that the workflow calls."""
    assert release.main(["v999.0.0"]) == 1
    assert "it should be v" in capsys.readouterr().err


def test_the_licence_is_the_one_that_the_project_names() -> None:
    """MIT, and whose it is."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("MIT License\n")
    assert "The Pullmedic authors" in text


def test_the_settings_that_name_a_registrys_host_are_none_of_the_projects() -> None:
    """Requirements are names with exact versions."""
    for path in ROOT.glob("requirements*.txt"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert line.startswith(("#", "-r ")) or re.fullmatch(r"[\w.-]+==[\w.]+(; .+)?", line), line


def test_a_release_waits_for_the_whole_of_ci() -> None:
    """By calling the same workflow, not by a copy of some of it."""
    jobs = read(GITHUB / "workflows" / "release.yml")["jobs"]
    (ci,) = (name for name, job in jobs.items() if job.get("uses") == "./.github/workflows/ci.yml")
    others = [job for name, job in jobs.items() if name != ci]
    assert others
    assert all(job["needs"] == ci for job in others)
    assert "workflow_call" in (GITHUB / "workflows" / "ci.yml").read_text(encoding="utf-8")
