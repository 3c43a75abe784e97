"""The documents: every link leads somewhere, every command is one that there is, every document can be found."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from responders.deliveries import Held
from responders.fixes.values import NotFixed
from responders.handling import Silence
from sandbox.playing import APP
from tools.triggers import triggers

ROOT = APP.parent
BESIDE = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "CHANGELOG.md")
DOCUMENTS = (*(ROOT / name for name in BESIDE), *sorted((ROOT / "docs").glob("*.md")))
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6}\s+(.*)$", re.MULTILINE)
_ANCHOR = re.compile(r"<a (?:id|name)=\"([^\"]+)\"")
_COMMAND = re.compile(r"python -m (diagnostics|responders)(?: ([a-z][a-z-]+))?(?: ([a-z-]+))?")
_FILE = re.compile(
    r"`((?:diagnostics|responders|sandbox|tests|infra|docs)/[A-Za-z0-9_./-]+\.(?:py|md|bicep|json|toml))`"
)
_TEST = re.compile(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`")
_TARGETS = re.compile(r"fuzz targets?\s+(`[a-z_]+`(?:,\s+`[a-z_]+`)*)")
_MAKE = re.compile(r"`make ([a-z-]+)")


def name(path: Path) -> str:
    """Return a document's name, for a test's id."""
    return str(path.relative_to(ROOT))


def anchor(heading: str) -> str:
    """Return a heading's anchor as GitHub makes it."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


@cache
def anchors(path: Path) -> frozenset[str]:
    """Return the anchors of a document; code holds no headings."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return frozenset(anchor(found) for found in _HEADING.findall(text)) | set(_ANCHOR.findall(text))


@cache
def commands(module: str) -> str:
    """Return what a module says of its commands."""
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return done.stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_leads_somewhere(document: Path) -> None:
    """To a file that is there, and to a heading that it has."""
    for target in _LINK.findall(document.read_text(encoding="utf-8")):
        where, _, heading = target.partition("#")
        if "://" in target:
            continue
        found = (document.parent / where).resolve() if where else document
        assert found.exists(), target
        if heading and found.suffix == ".md":
            assert heading in anchors(found), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_command_is_one_that_there_is(document: Path) -> None:
    """By the parsers' own help."""
    for module, command, _ in _COMMAND.findall(document.read_text(encoding="utf-8")):
        if command:
            assert re.search(rf"^\s+{re.escape(command)}\b", commands(module), re.MULTILINE), f"{module} {command}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_file_that_is_named_is_there(document: Path) -> None:
    """Whoever looks for it finds it."""
    for named in _FILE.findall(document.read_text(encoding="utf-8")):
        assert (ROOT / named).exists(), named


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_test_that_is_named_is_there(document: Path) -> None:
    """What a document calls a proof can be run."""
    for file, test in _TEST.findall(document.read_text(encoding="utf-8")):
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {test}\(", text, re.MULTILINE), f"{file}::{test}"


def test_every_threat_has_its_proof_and_every_fuzz_target_is_there() -> None:
    """A row of the threat table without a line below it is a promise; which rows are one is said here."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| (\d\.\d) \|", text, re.MULTILINE))
    proofs = dict(re.findall(r"^\* (\d\.\d) (.+(?:\n  .+)*)", text, re.MULTILINE))
    assert rows == set(proofs)
    assert all(_TEST.search(proof) or _TARGETS.search(proof) for proof in proofs.values())
    named = {target for found in _TARGETS.findall(text) for target in re.findall(r"`([a-z_]+)`", found)}
    assert named <= {path.stem.removeprefix("target_") for path in (ROOT / "tests" / "fuzz").glob("target_*.py")}


def test_every_target_of_make_is_one_that_there_is() -> None:
    """As the Makefile has it."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for document in DOCUMENTS:
        for target in _MAKE.findall(document.read_text(encoding="utf-8")):
            assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), (document.name, target)


def test_the_readme_is_read_in_three_minutes_and_leads_to_every_document() -> None:
    """By itself or by the index, which names each of them."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    prose = re.sub(r"<details>.*?</details>|```.*?```|<picture>.*?</picture>", "", readme, flags=re.DOTALL)
    assert len(prose.split()) < 3 * 250
    assert "(docs/README.md)" in readme
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([a-z-]+\.md)\)", index))
    assert {path.name for path in (ROOT / "docs").glob("*.md")} - linked == {"README.md"}


def test_a_picture_is_there_for_light_and_for_dark() -> None:
    """By the same name, with words for who cannot see it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    dark = re.findall(r'srcset="([^"]+)-dark\.svg"', readme)
    light = re.findall(r'<img alt="[^"]{20,}" src="([^"]+)-light\.svg"', readme)
    assert dark == light
    assert len(light) == 2
    for picture in light:
        for ground in ("light", "dark"):
            assert (ROOT / f"{picture}-{ground}.svg").is_file()


@pytest.mark.parametrize(
    ("document", "reasons"),
    [
        ("incidents.md", [*Held, Silence.NOT_REGISTRY, Silence.INSUFFICIENT, Silence.HANDLED_BEFORE]),
        ("fixes.md", [*NotFixed]),
    ],
)
def test_every_named_reason_is_explained(document: str, reasons: list[str]) -> None:
    """Who meets one in a log finds it in a document."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    for reason in reasons:
        assert f"`{reason}`" in text, reason


def test_the_architecture_names_every_function() -> None:
    """Who meets one in the portal finds where it stands."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert {trigger.function for trigger in triggers() if trigger.function not in text} == set()


def test_every_queue_has_somebody_for_what_it_gave_up() -> None:
    """A poison queue that nobody reads is a silent loss."""
    queues = {trigger.queue for trigger in triggers() if trigger.queue}
    work = {queue for queue in queues if not queue.endswith("-poison")}
    assert {f"{queue}-poison" for queue in work} <= queues


def test_no_document_names_this_machine() -> None:
    """Neither a folder of a home nor a registry of packages; where an app's package lies in Azure is no such folder."""
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        assert not re.search(r"/(?:root|home(?!/site/wwwroot)|work|Users)/|pypi\.org|registry\.npmjs", text), (
            document.name
        )
