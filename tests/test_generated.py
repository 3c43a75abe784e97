"""What documents hold of code, templates and played stories: current, whole, and loud where something is unexplained."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from diagnostics.rights import rights
from tools import contents, generated, pictures, rights_tables, triggers

ROOT = generated.ROOT
SVG = "{http://www.w3.org/2000/svg}"


def test_everything_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    """As ``make check`` asks."""
    assert generated.main(["--check"]) == 0, capsys.readouterr().err


def test_a_part_that_was_edited_by_hand_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And made anew by the same command with ``--write``."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# Title\n\n<!-- made: one -->\nold\n<!-- end -->\n", encoding="utf-8")
    monkeypatch.setattr(generated, "ROOT", tmp_path)
    monkeypatch.setattr(generated, "PARTS", {"one": lambda: "new"})
    monkeypatch.setattr(generated, "FILES", {"docs/picture.svg": lambda: "<svg/>"})
    assert generated.main(["--check"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "README.md is not what the code says: run `make generated`",
        "docs/picture.svg is not what the code says: run `make generated`",
    ]
    assert generated.main(["--write"]) == 0
    assert generated.main(["--check"]) == 0
    assert (tmp_path / "README.md").read_text(encoding="utf-8").endswith("<!-- made: one -->\nnew\n<!-- end -->\n")


def test_a_part_without_a_place_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made for nobody."""
    (tmp_path / "README.md").write_text("# Title\n", encoding="utf-8")
    monkeypatch.setattr(generated, "ROOT", tmp_path)
    with pytest.raises(LookupError, match="reader-core"):
        generated.main(["--check"])


@pytest.mark.parametrize("block", ["core", "network", "pull"])
def test_every_right_is_explained(block: str) -> None:
    """With what it is read for, and what is lost without it."""
    table = rights_tables.reader(block)
    for right in getattr(rights(), block):
        row = next(line for line in table.splitlines() if f"`{right.action}`" in line)
        why, without = row.split(" | ")[1:3]
        assert why == right.reason
        assert len(without) > 10


def test_a_cause_is_named_by_the_right_that_its_fact_needs() -> None:
    """By way of what the fact itself needs first."""
    table = rights_tables.reader("core")
    row = next(line for line in table.splitlines() if "denyAssignments" in line)
    assert "causes.md#deny-assignment" in row


def test_every_role_that_a_template_assigns_is_explained() -> None:
    """And none is explained that no template assigns."""
    assert rights_tables.assigned_roles() == set(rights_tables.ROLES)


def test_a_role_that_nobody_explained_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Naming the file and the role."""
    owner = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
    (tmp_path / "more.bicep").write_text(f"var owner = '{owner}'\n", encoding="utf-8")
    (tmp_path / "fixer-condition.json").write_text('{"role": ""}', encoding="utf-8")
    monkeypatch.setattr(rights_tables, "INFRA", tmp_path)
    with pytest.raises(rights_tables.UnexplainedRole, match=f"more.bicep assigns the role {owner}"):
        rights_tables.roles()


def test_the_message_in_the_readme_is_what_the_story_posts() -> None:
    """Headline, the command whole, the line that proves it; no other quotation, no fact about the run."""
    text = pictures.message_text()
    plain = re.sub(r"\s+", "", text)
    assert text.splitlines()[1].startswith("Confirmed: gpu-train may not pull from halvorsenimages")
    assert "azroleassignmentcreate--assignee-object-ideba55d4b-0df7-49b9-8eb9-85d5d3b57148" in plain
    assert "status401Unauthorized" in plain
    assert "Submitted by" not in text


@pytest.mark.parametrize("ground", sorted(pictures.THEMES))
@pytest.mark.parametrize("name", ["way", "message"])
def test_a_picture_keeps_within_its_edges(name: str, ground: str) -> None:
    """Well-formed, with a title for who cannot see it, and every text short enough for a wide font."""
    root = ET.fromstring(generated.FILES[f"docs/pictures/{name}-{ground}.svg"]())  # noqa: S314 - our own
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    title = root.find(f"{SVG}title")
    assert title is not None
    assert title.text
    for text in root.iter(f"{SVG}text"):
        size, x, y = (float(text.attrib[key]) for key in ("font-size", "x", "y"))
        wide = 0.61 if "mono" in text.attrib["font-family"].split(",")[0] else 0.56
        reach = len(text.text or "") * size * wide / (2 if text.attrib["text-anchor"] == "middle" else 1)
        assert x + reach < width, text.text
        assert 0 < y < height, text.text


def test_the_list_of_documents_is_whole() -> None:
    """Each with its title and its first sentence."""
    listed = contents.contents()
    for path in (ROOT / "docs").glob("*.md"):
        assert (f"[{path.name}]({path.name})" in listed) == (path.stem != "README")
    assert "**Rights**. Every right that Pullmedic holds, why, and what is lost without it." in listed


@pytest.mark.parametrize(
    ("text", "said"),
    [("no title", "has no title"), ("# Title\n\n| a | b |\n", "does not say in a first sentence")],
)
def test_a_document_that_cannot_be_listed_is_named(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that whoever writes it sees what is missing."""
    (tmp_path / "new.md").write_text(text, encoding="utf-8")
    monkeypatch.setattr(contents, "DOCS", tmp_path)
    with pytest.raises(contents.DocumentUnreadable, match=said):
        contents.contents()


def test_the_triggers_are_those_of_the_app() -> None:
    """By kind, with queue and schedule."""
    found = {trigger.function: trigger for trigger in triggers.triggers()}
    assert found["on_run_status_changed"].kind == "eventGridTrigger"
    assert found["diagnose_failed_run"].queue == "failed-runs"
    assert found["sweep"].schedule == "0 */5 * * * *"
