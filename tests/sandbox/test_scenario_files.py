"""Scenario files: read, merged, checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from sandbox_client import WORLD, changed

from sandbox import ScenarioError, load_scenario, parse_scenario
from sandbox.merge import merged
from sandbox.scenario_format import FORMAT

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "sandbox.md"


def written(folder: Path, name: str, text: str) -> Path:
    """Write a file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_reads_a_complete_file() -> None:
    """A file with every part loads, and its parts keep the words of the file."""
    scenario = load_scenario(WORLD, complete=True)
    assert (scenario.id, scenario.run["id"], scenario.expected["headline"]) == (
        "complete",
        "brave_run_1",
        "tag-absent",
    )
    assert (scenario.now - scenario.failed_at).total_seconds() == 60


def test_world_alone_is_enough_to_serve(tmp_path: Path) -> None:
    """Serving needs nothing but ``world``; running against an expectation needs the rest, named one by one."""
    path = written(tmp_path, "small.yaml", "world: {cloud: AzureCloud}\n")
    assert load_scenario(path).id == "small"
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, complete=True)
    assert [it.partition(":")[0] for it in caught.value.problems] == ["id", "run", "event", "expected"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("world: {registres: []}", "world.registres: unknown key"),
        (
            "world: {registries: [{name: a, id: b, login_server: c, skuu: d}]}",
            "world.registries[0].skuu: unknown key",
        ),
        ("world: {registries: [{name: a, id: b}]}", "world.registries[0].login_server: is required"),
        (
            "world: {images: [{registry: a, repository: b, tags: [{name: 8}]}]}",
            "tags[0].name: expected text (quote it)",
        ),
        ("world: {computes: {name: a}}", "world.computes: expected a list"),
        ("world: {failed_at: yesterday}", "world.failed_at: "),
        ("world: {failed_at: '2026-01-01T00:00:00'}", "world.failed_at: has no zone"),
        (
            "world: {role_assignments: [{scope: /, role: AcrPul, principal_id: x}]}",
            "'AcrPul' is neither built in",
        ),
        (
            "world: {cloud: a}\nfaults: [{call: {path: '['}, status: 500}]",
            "faults[0].call.path: is no regular expression",
        ),
        ("world: {cloud: a}\nfaults: [{call: {path: /}}]", "faults[0]: states neither"),
        ("world: {cloud: a}\nfaults: [{status: 500}]", "faults[0].call: is required"),
        ("world: {cloud: a}\nworld: {cloud: b}", "the key 'world' is stated twice"),
        (
            "world: {cloud: a}\nrun: {id: a, logs: {x: {generate: {single_line: {seed: 1}}}}}",
            "single_line.bytes: is required",
        ),
        (
            "world: {cloud: a}\nrun: {id: a, logs: {x: {generate: {single_line: {bytes: 1, alphabet: ä}}}}}",
            "alphabet: only ASCII",
        ),
        ("- a list", "expected a mapping at the top"),
        ("world: [", "while parsing"),
        ("wordl: {}", "world: is required"),
    ],
)
def test_errors_name_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    """Whatever is wrong with a file is said with the file's name and the key's path."""
    path = written(tmp_path, "wrong.yaml", text)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_times_without_quotes_stay_text(tmp_path: Path) -> None:
    """A time that YAML would read as a date is served as it is written."""
    path = written(tmp_path, "times.yaml", "world: {failed_at: 2026-01-02T03:04:05Z}\n")
    assert load_scenario(path).world["failed_at"] == "2026-01-02T03:04:05Z"


def test_base_states_only_what_differs(tmp_path: Path) -> None:
    """A file laid over a base (itself over another) changes the named entries and keeps the others."""
    written(tmp_path, "middle.yaml", f"base: {WORLD}\nid: middle\n")
    path = written(
        tmp_path,
        "top.yaml",
        "base: middle.yaml\nworld:\n  registries: [{name: plainreg, sku: Standard}]\n  computes: [{name: bare, $remove: true}]\n",
    )
    scenario = load_scenario(path)
    assert scenario.id == "middle"
    assert [it["sku"] for it in scenario.world["registries"]] == ["Premium", "Standard"]
    assert [it["name"] for it in scenario.world["computes"]] == ["cluster", "assigned"]


def test_bases_in_a_circle_are_refused(tmp_path: Path) -> None:
    """Two files that build on each other are an error, not a hang."""
    written(tmp_path, "a.yaml", "base: b.yaml")
    with pytest.raises(ScenarioError, match="circle"):
        load_scenario(written(tmp_path, "b.yaml", "base: a.yaml"))


def test_missing_base_is_named(tmp_path: Path) -> None:
    """A base that is not there is said with its own path."""
    with pytest.raises(ScenarioError, match=r"nowhere\.yaml"):
        load_scenario(written(tmp_path, "a.yaml", "base: nowhere.yaml"))


@pytest.mark.parametrize(
    ("base", "change", "result"),
    [
        ({"a": 1, "b": 2}, {"b": 3}, {"a": 1, "b": 3}),
        ({"a": {"x": 1}}, {"a": None}, {"a": None}),
        ([1, 2], [3], [3]),
        (
            [{"name": "a", "v": 1}],
            [{"name": "a", "v": 2}, {"name": "b"}],
            [{"name": "a", "v": 2}, {"name": "b"}],
        ),
        ([{"name": "a"}, {"name": "b"}], [{"name": "a", "$remove": True}], [{"name": "b"}]),
        ([{"name": "a"}], [], []),
        ([{"id": "a", "v": 1}], [{"id": "a", "w": 2}], [{"id": "a", "v": 1, "w": 2}]),
        ([{"login_server": "a"}], [{"login_server": "b"}], [{"login_server": "a"}, {"login_server": "b"}]),
        ([{"scope": "a"}], [{"scope": "b"}], [{"scope": "b"}]),
        (
            [{"registry": "r", "repository": "x", "tags": [{"name": "1"}]}],
            [{"registry": "r", "repository": "x", "tags": [{"name": "2"}]}],
            [{"registry": "r", "repository": "x", "tags": [{"name": "1"}, {"name": "2"}]}],
        ),
    ],
)
def test_merging(base: Any, change: Any, result: Any) -> None:
    """Mappings merge, named lists merge by name, other lists and empty ones replace."""
    assert merged(base, change) == result


def test_runs_come_with_their_parents() -> None:
    """Every run of a family is told with its parent, the root first."""
    children = [{"id": "child", "children": [{"id": "grandchild"}]}]
    found = [(run["id"], parent and parent["id"]) for run, parent in changed(run={"children": children}).runs()]
    assert found == [("brave_run_1", None), ("child", "brave_run_1"), ("grandchild", "child")]


def test_parses_without_a_file() -> None:
    """A scenario can be built from a mapping, and errors then name no file."""
    with pytest.raises(ScenarioError, match=r"^scenario: world: is required"):
        parse_scenario({})


def test_the_example_of_the_document_is_a_scenario() -> None:
    """The complete example in the document loads as it stands."""
    text = DOCUMENT.read_text(encoding="utf-8").partition("## A complete example")[2]
    example = text.partition("```yaml\n")[2].partition("```")[0]
    assert parse_scenario(yaml.safe_load(example), complete=True).id == "role-missing"


def keys(rule: object) -> set[str]:
    """Collect the keys of a part of the format."""
    if isinstance(rule, dict):
        return {str(key) for key in rule if key != "children"} | {
            found for key, it in rule.items() if key != "children" for found in keys(it)
        }
    inner = getattr(rule, "of", None) or getattr(rule, "other", None)
    return keys(inner) if inner else set()


def test_the_document_names_the_parts_of_the_format() -> None:
    """Every key at the top, of the world, the run, the event and the expectation stands in the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    parts = (FORMAT, FORMAT["world"], FORMAT["run"], FORMAT["event"], FORMAT["expected"])
    assert {key for part in parts for key in part if f"`{key}" not in text} == set()  # type: ignore[attr-defined]
    assert {key for key in keys(FORMAT["faults"]) if key not in text} == set()
