"""The document of all causes: made from the code, whole, and current."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from diagnostics import reference
from diagnostics.judging import all_causes
from diagnostics.probing import all_probes
from diagnostics.reference import main
from diagnostics.signatures import published_rules

MADE = reference.reference()
SECTIONS = {part.split("`", 2)[1]: part for part in MADE.split("## Symptoms")[0].split("\n### ")[1:]}


def test_the_committed_document_is_current() -> None:
    """Whoever changes a cause changes its documentation: `python -m diagnostics.reference --write`."""
    assert main(["--check"]) == 0


def test_every_cause_and_every_symptom_is_in_it() -> None:
    """None is left out, none is there twice."""
    assert sorted(SECTIONS) == sorted(cause.id for cause in all_causes())
    for rule in published_rules():
        assert MADE.count(f'<a id="symptom-{rule.id}"></a>') == 1


@pytest.mark.parametrize("cause", sorted(SECTIONS))
def test_each_cause_says_its_four_things(cause: str) -> None:
    """What it looks like, what decides it, how to fix it, which rights the check needs."""
    section = SECTIONS[cause]
    for title in ("What it looks like.", "What decides it.", "How to fix it.", "Rights that the check needs."):
        assert section.count(f"**{title}**") == 1
    assert re.search(r"\*\*How to fix it\.\*\*\n\n\* \w", section)


@pytest.mark.parametrize("cause", all_causes(), ids=lambda cause: cause.id)
def test_the_rights_are_those_of_the_probes(cause: object) -> None:
    """Those of the facts that it needs, and of what these need."""
    needs = list(cause.needs)  # type: ignore[attr-defined]
    while any(further := [n for name in needs for n in all_probes()[name].needs if n not in needs]):
        needs += further
    for name in needs:
        for action in all_probes()[name].actions:
            assert f"`{action}`" in SECTIONS[cause.id]  # type: ignore[attr-defined]


def test_a_remedy_is_shown_as_it_is_written() -> None:
    """With the names of what is filled in, the command, and that there is Bicep."""
    section = SECTIONS["address-not-allowed"]
    assert "* Allow {address} on {registry}." in section
    assert "`az acr network-rule add --name {registry} --ip-address {address}` (and as Bicep)" in section


def test_no_link_leads_nowhere() -> None:
    """Every symptom and cause that is linked has its place."""
    places = set(re.findall(r'<a id="([^"]+)"', MADE)) | set(SECTIONS)
    assert set(re.findall(r"\]\(#([^)]+)\)", MADE)) <= places


def test_nothing_is_filled_in_by_python_s_own_words() -> None:
    """No object's representation and no bare placeholder stands for a remedy."""
    assert not re.search(r"<(?:function|ast|class|diagnostics)", MADE)
    assert not re.search(r"(?m)^\* \{[^{}]*\}\.?$", MADE)


def test_a_document_that_is_not_current_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check names the command that mends it, and writing mends it."""
    monkeypatch.setattr(reference, "DOCUMENT", tmp_path / "causes.md")
    assert main(["--check"]) == 1
    assert "python -m diagnostics.reference --write" in capsys.readouterr().err
    assert main(["--write"]) == 0
    assert main(["--check"]) == 0
    assert main([]) == 0
    assert capsys.readouterr().out == MADE
