"""What docs/troubleshooting.md quotes is what the product says: every text stands in the code, and none is an old one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from responders.channels import webhook_problem
from sandbox.playing import APP

ROOT = APP.parent
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
SOURCES = (ROOT / "function_app.py", *(ROOT / "diagnostics").rglob("*.py"), *(ROOT / "responders").rglob("*.py"))
_SENTENCE = re.compile(r"[A-Za-z']+ [A-Za-z']+.*|[a-z]+:")
_HOLE = "\N{OBJECT REPLACEMENT CHARACTER}"


@cache
def texts(path: Path) -> tuple[str, ...]:
    """Return the texts of a module; what is filled in is a hole."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else _HOLE for part in node.values]
            found.append("".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(re.sub(r"%[sdr]", _HOLE, node.value))
    return tuple(found)


def quoted() -> list[str]:
    """Return what the first column quotes and is a sentence, not a name, a command or a value."""
    rows = re.findall(r"^\| (.*?) \|", PAGE, re.MULTILINE)
    found = [text for row in rows for text in re.findall(r"`([^`]+)`", row)]
    return [text for text in found if _SENTENCE.fullmatch(text) and not text.startswith(("python ", "az "))]


@pytest.mark.parametrize("text", quoted(), ids=lambda text: text[:50])
def test_a_quoted_text_stands_in_the_code(text: str) -> None:
    """As it is printed, up to what is filled in."""
    assert any(text in found for path in SOURCES for found in texts(path)), text


def test_enough_is_quoted() -> None:
    """So that a change of the page's form does not leave nothing to test."""
    assert len(quoted()) >= 20


def test_an_alert_in_the_log_is_explained() -> None:
    """What the log calls an alert is what an operator searches for, here or on the page of its own feature."""
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    alerts = {found for path in SOURCES for found in texts(path) if found.startswith("ALERT ")}
    assert alerts
    for alert in alerts:
        beginning = alert.split(_HOLE)[0].strip()
        assert beginning in pages, alert


def test_the_advice_on_a_wrong_host_is_what_a_person_reads() -> None:
    """Through the door that they use."""
    said = webhook_problem("https://example.com/hook", hosts=("hooks.slack.com",)) or ""
    assert "its host is none of" in said
    assert "PULLMEDIC_WEBHOOK_HOSTS" in said
