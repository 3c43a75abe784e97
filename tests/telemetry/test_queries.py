"""Workbook and alerts ask for what is there: parsed by Microsoft's own parser, held against the code's names."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from diagnostics.instruments import ATTRIBUTES, INSTRUMENTS, PREFIX
from tools import queries

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).resolve().parents[2]
_PARSER = _ROOT / ".cache/node/node_modules/@kusto/language-service-next"
_SCRIPT = Path(__file__).with_name("check_kql.cjs")
_BEGINNING = re.compile(r"message startswith '([^']+)'")
_DIMENSION = re.compile(r"customDimensions\['([^']+)'\]")

QUERIES = {
    **{f"tile: {it.title}": it.query for it in queries.TILES},
    **{f"alert: {it.name}": it.query for it in queries.ALERTS},
}


def _problems(asked: dict[str, str]) -> dict[str, list[str]]:
    """Return what the parser says is wrong with each query."""
    node = shutil.which("node")
    if node is None or not _PARSER.is_dir():
        pytest.skip("Microsoft's parser of Kusto is not here: `make test` installs it into .cache/node where npm is")
    sent = json.dumps({"tables": dict(queries.TABLES), "queries": asked})
    done = subprocess.run(
        [node, str(_SCRIPT), str(_PARSER)], input=sent, capture_output=True, text=True, timeout=120, check=True
    )
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_every_query_is_understood() -> None:
    """Its syntax, its tables, columns, functions and types."""
    assert {name: said for name, said in _problems(QUERIES).items() if said} == {}


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("traces | where mesage == 'x'", "mesage"),
        ("trace | count", "trace"),
        ("traces | sumarize count()", "Query operator"),
        ("traces | summarize kount()", "kount"),
        ("customMetrics | where valueSum startswith 'x'", ""),
        ("traces | where (message == 'x'", ")"),
    ],
)
def test_the_check_sees_what_is_wrong(query: str, word: str) -> None:
    """A check that lets everything pass would be none."""
    said = _problems({"one": query})["one"]
    assert said
    assert any(word in it for it in said)


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_asks_for_metrics_and_dimensions_that_there_are(name: str) -> None:
    """A metric that was renamed would leave a tile empty, and an alert silent."""
    text = QUERIES[name]
    metrics = set(re.findall(rf"'{re.escape(PREFIX)}([a-z_]+)'", text)) - _ids()
    assert metrics <= INSTRUMENTS.keys()
    known = {dimension for metric in metrics for dimension in INSTRUMENTS[metric].dimensions}
    asked = set(_DIMENSION.findall(text))
    assert asked <= known | ATTRIBUTES.keys()


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_asks_for_lines_that_the_code_writes(name: str) -> None:
    """By their beginnings, as they stand in the code."""
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("diagnostics", "responders")
        for path in sorted((_ROOT / folder).rglob("*.py"))
    )
    for beginning in _BEGINNING.findall(QUERIES[name]):
        if beginning.startswith(f"metric {PREFIX}"):
            assert beginning.removeprefix(f"metric {PREFIX}").strip() in INSTRUMENTS
            assert '"metric %s%s value=%s %s"' in code
        else:
            assert f'"{beginning}' in code, beginning


def test_every_alert_line_of_the_code_wakes_somebody() -> None:
    """Whatever begins with ALERT is in one of the alerts' queries, by its own name or by the one for all others."""
    catch_all = next(it for it in queries.ALERTS if it.name == "not-looked-at").query
    assert "message startswith 'ALERT '" in catch_all
    left_out = set(_BEGINNING.findall(catch_all)) - {"ALERT "}
    elsewhere = {it for alert in queries.ALERTS if alert.query != catch_all for it in _BEGINNING.findall(alert.query)}
    assert left_out <= elsewhere


def test_names_of_alerts_are_names_of_resources() -> None:
    """Each once, and with what to do."""
    names = [it.name for it in queries.ALERTS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z-]{1,60}", name) for name in names)
    assert all(it.do and it.about for it in queries.ALERTS)


def test_files_of_infra_are_what_is_declared() -> None:
    """Workbook and rules are loaded by the templates as they are."""
    workbook = json.loads((_ROOT / "infra/workbook.json").read_text(encoding="utf-8"))
    asked = [item["content"]["query"] for item in workbook["items"] if item["type"] == 3]
    assert asked == [tile.query for tile in queries.TILES]
    rules = json.loads((_ROOT / "infra/alerts.json").read_text(encoding="utf-8"))
    assert [rule["query"] for rule in rules] == [alert.query for alert in queries.ALERTS]
    bicep = (_ROOT / "infra/modules/alerts.bicep").read_text(encoding="utf-8")
    for member in re.findall(r"\brule\.(\w+)", bicep):
        assert all(member in rule for rule in rules), member


def _ids() -> set[str]:
    return {name.removeprefix(PREFIX) for name in ATTRIBUTES}
