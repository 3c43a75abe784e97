"""The example in Terraform: it parses, and says of events and rights what the templates and the code say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import hcl2
import pytest
from bicep_reading import INFRA, ROOT, template

from sandbox.host import FunctionsHost
from tools.rights_tables import ROLES

FOLDER = ROOT / "docs" / "terraform"
FILES = sorted(FOLDER.glob("*.tf"))
_REFERENCE = re.compile(r"\b(var|local|data)\.(\w+)(?:\.(\w+))?")


def plain(node: Any) -> Any:
    """Return what a parsed file says, without the parser's own marks and the quotes around texts."""
    if isinstance(node, dict):
        return {key.strip('"'): plain(value) for key, value in node.items() if not key.startswith("__")}
    if isinstance(node, list):
        return [plain(one) for one in node]
    return node[1:-1] if isinstance(node, str) and len(node) > 1 and node[0] == node[-1] == '"' else node


@cache
def parsed() -> dict[str, list[Any]]:
    """Return all blocks of both files, by kind."""
    found: dict[str, list[Any]] = {}
    for path in FILES:
        with path.open(encoding="utf-8") as file:
            for kind, blocks in plain(hcl2.load(file)).items():
                found.setdefault(kind, []).extend(blocks)
    return found


def resources(kind: str) -> dict[str, Any]:
    """Return the resources of one type, by name."""
    return {name: body for block in parsed()["resource"] for name, body in block.get(kind, {}).items()}


def names(kind: str) -> set[str]:
    """Return the names of variables."""
    return {name for block in parsed()[kind] for name in block}


def references() -> Iterator[tuple[str, str, str]]:
    """Return what the files refer to: variables, locals, data."""
    for path in FILES:
        code = re.sub(r"#[^\n]*", "", path.read_text(encoding="utf-8"))
        for found in _REFERENCE.finditer(code):
            yield found[1], found[2], found[3] or ""


def subscription() -> Any:
    """Return the event subscription."""
    return resources("azurerm_eventgrid_system_topic_event_subscription")["pullmedic"]


def bicep() -> str:
    """Return the template that the example follows."""
    return (INFRA / "modules" / "event-subscription.bicep").read_text(encoding="utf-8")


@pytest.mark.slow
def test_whatever_is_referred_to_is_there_and_all_that_is_there_is_used() -> None:
    """Variables, locals and data by their names."""
    used = set(references())
    variables = names("variable")
    assert {name for kind, name, _ in used if kind == "var"} == variables
    assert {name for kind, name, _ in used if kind == "local"} == set(parsed()["locals"][0])
    data = {(kind, name) for block in parsed()["data"] for kind, named in block.items() for name in named}
    assert {(kind, name) for where, kind, name in used if where == "data" and name} == data


def test_every_variable_says_what_it_is() -> None:
    """With a type and a description."""
    for block in parsed()["variable"]:
        for name, body in block.items():
            assert body["description"], name
            assert body["type"], name


def test_the_events_are_those_of_the_template() -> None:
    """Filters, schema, batches, retries: the same words in both."""
    made, said = subscription(), bicep()
    assert made["included_event_types"] == re.findall(r"'(Microsoft\.MachineLearningServices\.\w+)'", said)
    wanted = made["advanced_filter"][0]["string_in"][0]
    assert f"key: '{wanted['key']}'" in said
    assert re.findall(r"'(\w+)'", said.partition("values: [")[2].partition("]")[0]) == wanted["values"]
    assert f"eventDeliverySchema: '{made['event_delivery_schema']}'" in said
    retry = made["retry_policy"][0]
    assert f"maxDeliveryAttempts: {retry['max_delivery_attempts']}" in said
    assert f"eventTimeToLiveInMinutes: {retry['event_time_to_live']}" in said
    endpoint = made["azure_function_endpoint"][0]
    assert f"maxEventsPerBatch: {endpoint['max_events_per_batch']}" in said
    assert f"preferredBatchSizeInKilobytes: {endpoint['preferred_batch_size_in_kilobytes']}" in said


def test_the_events_go_to_a_function_that_the_app_has() -> None:
    """One that takes events."""
    name = subscription()["azure_function_endpoint"][0]["function_id"].rpartition("/")[2]
    with FunctionsHost(ROOT / "function_app.py") as host:
        assert host.webhook_url(name)


def test_what_cannot_be_delivered_is_kept_by_the_topics_own_identity() -> None:
    """In the container that the template makes, with the right there before."""
    made = subscription()
    assert made["dead_letter_identity"][0]["type"] == "SystemAssigned"
    assert made["depends_on"] == ["${azurerm_role_assignment.dead_letters}"]
    topic = resources("azurerm_eventgrid_system_topic")["workspace"]
    assert topic["identity"][0]["type"] == "SystemAssigned"
    assert topic["topic_type"] == "Microsoft.MachineLearningServices.Workspaces"
    default = next(block for block in parsed()["variable"] if "dead_letter_container" in block)
    expression = template("names.bicep").tree["functions"]["resourceNames"]["expression"]
    assert default["dead_letter_container"]["default"] == expression["deadLetterContainer"]


@pytest.mark.parametrize("variable", ["reader_identity_name", "fixer_identity_name"])
def test_an_identity_is_called_as_the_template_calls_it(variable: str) -> None:
    """With the templates' own prefix."""
    expression = template("names.bicep").tree["functions"]["resourceNames"]["expression"]
    prefix = template("main.bicep").params["prefix"]["default"]
    key = {"reader_identity_name": "identity", "fixer_identity_name": "fixer"}[variable]
    body = next(block[variable] for block in parsed()["variable"] if variable in block)
    assert body["default"] == expression[key].replace("${prefix}", prefix)


def test_the_reader_role_is_what_the_code_declares() -> None:
    """Read from the file that the code makes, which is where the example looks for it."""
    files = re.findall(r"file\(\\?\"\$\{path\.module\}/([^\"\\]+)", json.dumps(parsed()["locals"]))
    assert {(FOLDER / name).resolve().name for name in files} == {"reader-role.json", "fixer-condition.json"}
    assert all((FOLDER / name).resolve().is_file() for name in files)
    permissions = resources("azurerm_role_definition")["reader"]["permissions"][0]
    assert permissions == {
        "actions": "${local.granted}",
        "not_actions": [],
        "data_actions": [],
        "not_data_actions": [],
    }
    granted = re.sub(r"\s+", "", str(parsed()["locals"][0]["granted"]))
    assert "rightinlocal.rights.core:right.action" in granted
    switches = template("main.bicep").params
    for block in ("network", "serving", "doctor"):
        assert f"rightinlocal.rights.{block}:right.actionifvar.read_{block}]" in granted
        (variable,) = [one[f"read_{block}"] for one in parsed()["variable"] if f"read_{block}" in one]
        assert variable["default"] is switches[f"read{block.title()}"]["default"]
    assert "rights.pull" not in granted


def test_every_role_is_one_that_the_templates_assign() -> None:
    """By name where it is built in; the fixer's by the id in the file, under its condition."""
    known = {role.name for role in ROLES.values()}
    for name, body in resources("azurerm_role_assignment").items():
        assert body["principal_type"] == "ServicePrincipal", name
        assert body["description"].startswith("Pullmedic"), name
        said = re.findall(r"[A-Z][A-Za-z]+(?: [A-Z][a-z]+)*", body.get("role_definition_name", ""))
        assert set(said) - {"AbacRepositoryPermissions"} <= known, name
    fixer = resources("azurerm_role_assignment")["fixer"]
    assert fixer["role_definition_id"].endswith("/roleDefinitions/${local.fixer.role}")
    assert (fixer["condition"], fixer["condition_version"]) == ("${local.condition}", "2.0")


def test_the_condition_is_filled_in_where_principals_are_named() -> None:
    """Else it is the one for every service principal; the names are those of the file."""
    condition = parsed()["locals"][0]["condition"]
    kept = json.loads((INFRA / "fixer-condition.json").read_text(encoding="utf-8"))
    assert set(re.findall(r"local\.fixer\.(\w+)", condition)) <= set(kept)
    assert '"{principals}"' in condition
    assert "{principals}" in kept["listed"]
    assert "{principals}" not in kept["anybody"]
