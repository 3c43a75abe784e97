"""What the templates say of the code is what the code says of itself."""

from __future__ import annotations

import json
import os
import re
import runpy
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from bicep_reading import ROOT, parameters, template, templates

from diagnostics.intake import RUN_STATUS_CHANGED, Event, failed_run
from diagnostics.model import FailedRun
from responders.fixes.right import ADMINISTRATOR_ID, fixer_condition
from responders.settings import (
    CLIENT_ID,
    CLOUD,
    HOST_BLOBS,
    PART,
    STATE_BLOBS,
    AzureStore,
    declared_settings,
    load_settings,
)
from responders.stores import azure_clients

NAMES_ARE_FINAL = True
"""Whether the templates hold exactly the queues, tables and containers of the code, rather than at least these."""

_OURS = re.compile(r"\bPULLMEDIC_[A-Z_]+\b")
_POISON = "-poison"
WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
    "/providers/Microsoft.MachineLearningServices/workspaces/ws"
)


def _bindings() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of a function and each of its bindings; an app can be asked for its functions once only."""
    app = runpy.run_path(str(ROOT / "function_app.py"))["app"]
    for found in app.get_functions():
        for binding in found.get_bindings_dict()["bindings"]:
            yield found.get_function_name(), binding


def _storage(name: str) -> set[str]:
    return set(template("modules/storage.bicep").params[name]["default"])


def _settings(*sets: str) -> dict[str, Any]:
    """Return what a set of variables of the template sets, a property as `object.property`."""
    variables = template("modules/function-app.bicep").tree["variables"]
    return {name: _plain(value) for one in sets for name, value in variables[one]["value"].items()}


def _plain(value: Any) -> Any:
    operator = value.get("operator", {}) if isinstance(value, dict) else {}
    operands = list(operator.get("operands", {}).values())
    is_property = operator.get("type") == "property_accessor" and all(isinstance(one, str) for one in operands)
    return ".".join(operands) if is_property else value


def _modules() -> dict[str, str]:
    """Return the text of each module of main.bicep, by name."""
    parts = re.split(r"^module (\w+) ", template("main.bicep").text, flags=re.MULTILINE)[1:]
    return {name: text.partition("\n}")[0] for name, text in zip(parts[::2], parts[1::2], strict=True)}


def _same(ours: set[str], of_the_code: set[str]) -> None:
    assert of_the_code - ours == set(), "the code uses what no template makes"
    if NAMES_ARE_FINAL:
        assert ours == of_the_code, "a template makes what no code uses"


def test_every_queue_of_the_code_is_made() -> None:
    """Those of the triggers and of the output bindings."""
    _same(_storage("queues"), {binding["queueName"] for _, binding in _bindings() if "queueName" in binding})


def test_every_queue_has_its_poison_queue() -> None:
    """Where the host puts what failed five times; the name is the host's own rule."""
    queues = _storage("queues")
    assert {f"{queue}{_POISON}" for queue in queues if not queue.endswith(_POISON)} == {
        queue for queue in queues if queue.endswith(_POISON)
    }


def test_every_table_and_container_of_the_code_is_made() -> None:
    """The store's own names, which all begin alike."""
    named = {
        value for value in vars(azure_clients).values() if isinstance(value, str) and value.startswith("pullmedic")
    }
    assert len(named) >= 3
    _same(_storage("tables") | _storage("containers"), named)


def test_the_events_go_to_the_function_that_takes_them() -> None:
    """By the name under which Event Grid looks for it."""
    (trigger,) = [name for name, binding in _bindings() if binding["type"] == "eventGridTrigger"]
    assert template("modules/event-subscription.bicep").params["functionName"]["default"] == trigger


def test_two_installations_on_one_workspace_have_a_subscription_each() -> None:
    """A topic serves all who hear of its workspace: a subscription of one name would be taken over by the second."""
    names = template("names.bicep").tree["functions"]["resourceNames"]["expression"]
    assert names["eventSubscription"] == names["functionApp"], "it is called as the app that it delivers to"
    assert "uniqueString(subscriptionId, groupName)" in names["eventSubscription"]
    (text,) = re.findall(r"^module subscriptions .*?^\}\]$", template("events.bicep").text, re.MULTILINE | re.DOTALL)
    assert "name: names.eventSubscription\n" in text


def test_the_filter_lets_failed_runs_through_as_intake_reads_them() -> None:
    """Intake makes a failed run of what passes the filter's first status; the second one ends incidents."""
    body = template("modules/event-subscription.bicep").resource("Microsoft.EventGrid/systemTopics/eventSubscriptions")
    (advanced,) = body["properties"]["filter"]["advancedFilters"]
    assert body["properties"]["filter"]["includedEventTypes"] == [RUN_STATUS_CHANGED]
    assert (advanced["operatorType"], advanced["values"]) == ("StringIn", ["Failed", "Completed"])
    data: Any = {"runId": "run-1"}
    *_, key = advanced["key"].split(".")
    event = Event(
        id="1",
        type=RUN_STATUS_CHANGED,
        source=WORKSPACE,
        subject="experiments/e/runs/run-1",
        time=datetime(2026, 11, 1, tzinfo=UTC),
        data={**data, key: advanced["values"][0]},
    )
    assert advanced["key"].startswith("data.")
    assert isinstance(failed_run(event), FailedRun)


def test_one_event_at_a_time_and_dead_letters_without_a_key() -> None:
    """A batch is delivered again as a whole; the storage takes no keys, so the topic's identity writes."""
    body = template("modules/event-subscription.bicep").resource("Microsoft.EventGrid/systemTopics/eventSubscriptions")
    destination = body["properties"]["destination"]
    assert (destination["endpointType"], destination["properties"]["maxEventsPerBatch"]) == ("AzureFunction", 1)
    assert body["properties"]["deadLetterWithResourceIdentity"]["identity"]["type"] == "SystemAssigned"
    assert template("modules/system-topic.bicep").resource("Microsoft.EventGrid/systemTopics")["identity"] == {
        "type": "SystemAssigned"
    }


def test_every_setting_of_ours_is_a_declared_one() -> None:
    """A misspelt one would be read by nobody."""
    declared = {setting.name for setting in declared_settings()}
    named = {name for bicep in templates() for name in _OURS.findall(bicep.text)}
    assert named
    assert named <= declared


def test_the_app_is_told_its_storage_and_its_identity() -> None:
    """The host and the store reach the same account with the same identity, in whatever cloud."""
    settings = _settings("sharedStorage", "hostSettings", "ownSettings")
    assert settings[HOST_BLOBS.name] == "stateEndpoints.blob"
    assert settings["AzureWebJobsStorage__queueServiceUri"] == "stateEndpoints.queue"
    assert settings["AzureWebJobsStorage__tableServiceUri"] == "stateEndpoints.table"
    assert "AzureWebJobsStorage__accountName" not in settings, "it means the public cloud, whatever the cloud"
    assert settings[CLIENT_ID.name] == "identityClientId"
    assert settings["AzureWebJobsStorage__clientId"] == "hostIdentityClientId"
    assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
    assert settings[CLOUD.name]
    assert "AzureWebJobsStorage" not in settings


def test_what_the_second_app_runs_is_out_of_the_first_ones_reach() -> None:
    """Its package and its host's keys lie in an account where one identity has a right, which no other app has."""
    modules = _modules()
    touching = {name for name, text in modules.items() if re.search(r"\bfix(?:Storage|Host)\.outputs\b", text)}
    assert touching == {"fixStorageEndpoint", "fixHostAccess", "fixApp"}
    assert "principalId: fixesApart ? fixHost.outputs.principalId" in modules["fixHostAccess"]
    assert "storageAccountName: storage.outputs.name" in modules["hostAccess"]
    assert "hostIdentityId: fixesApart ? fixHost.outputs.id" in modules["fixApp"]
    assert "hostBlobEndpoint: fixesApart ? fixStorage.outputs.endpoints.blob" in modules["fixApp"]
    separate = _settings("separateStorage", "hostSettings")
    assert separate["AzureWebJobsStorage__blobServiceUri"] == "hostBlobEndpoint"
    assert separate["AzureWebJobsStorage__clientId"] == "hostIdentityClientId"
    deployed = template("modules/function-app.bicep").resource("Microsoft.Web/sites")["properties"]
    package = deployed["functionAppConfig"]["deployment"]["storage"]
    assert package["value"] == "${ownHost ? hostBlobEndpoint : stateEndpoints.blob}${packageContainer}"
    assert package["authentication"]["userAssignedIdentityResourceId"] == "hostIdentityId"


def test_two_apps_share_the_state_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app whose host has an account of its own finds queues, tables and blobs in the account of both."""
    for name, value in _settings("separateStorage").items():
        filled = {"stateEndpoints.blob": "https://pmstate.blob.core.windows.net/"}.get(value, value)
        monkeypatch.setenv(name, filled)
    connections = {binding["connection"] for _, binding in _bindings() if "queueName" in binding}
    assert connections == {STATE_BLOBS.name.partition("__")[0]}
    monkeypatch.setenv(HOST_BLOBS.name, "https://pmfixhost.blob.core.windows.net/")
    assert load_settings(os.environ).store == AzureStore(account="pmstate")


def test_flex_consumption_gets_no_setting_that_it_refuses() -> None:
    """Runtime and version are in functionAppConfig there (*Flex Consumption plan*, deprecated settings)."""
    refused = {
        "FUNCTIONS_WORKER_RUNTIME",
        "FUNCTIONS_EXTENSION_VERSION",
        "WEBSITE_RUN_FROM_PACKAGE",
        "SCM_DO_BUILD_DURING_DEPLOYMENT",
        "ENABLE_ORYX_BUILD",
        "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
        "WEBSITE_CONTENTSHARE",
    }
    given = set(_settings("sharedStorage", "separateStorage", "hostSettings", "ownSettings")) | set(
        parameters("main.parameters.json")["settings"]
    )
    assert not given & refused


def test_it_runs_on_the_python_that_is_tested() -> None:
    """The deployed version is the one whose tests are all run before a change lands."""
    deployed = re.search(r"^deployed=\$\(interpreter (\S+)\)$", (ROOT / ".ci" / "run").read_text("utf-8"), re.MULTILINE)
    app = template("modules/function-app.bicep").resource("Microsoft.Web/sites")
    assert deployed is not None
    assert app["properties"]["functionAppConfig"]["runtime"] == {"name": "python", "version": deployed.group(1)}


def test_the_host_asks_for_what_flex_consumption_has() -> None:
    """Flex Consumption runs bundle 4 only; Event Grid and queues need it; the text of a message is base64."""
    host = json.loads((ROOT / "host.json").read_text("utf-8"))
    assert host["extensionBundle"] == {
        "id": "Microsoft.Azure.Functions.ExtensionBundle",
        "version": "[4.0.0, 5.0.0)",
    }
    assert host["extensions"]["queues"]["messageEncoding"] == "base64"


@pytest.mark.parametrize("kind", ["Microsoft.Web/serverfarms", "Microsoft.Web/sites"])
def test_the_plan_is_flex_consumption(kind: str) -> None:
    """Linux, with the code in the app's own storage, read with its identity."""
    body = template("modules/function-app.bicep").resource(kind)
    if kind.endswith("serverfarms"):
        assert body["sku"] == {"name": "FC1", "tier": "FlexConsumption"}
        assert body["properties"]["reserved"] is True
    else:
        storage = body["properties"]["functionAppConfig"]["deployment"]["storage"]
        assert storage["authentication"]["type"] == "UserAssignedIdentity"
        assert storage["type"] == "blobContainer"


def test_the_fixer_is_there_only_where_it_is_asked_for() -> None:
    """Off by default, in both templates; its identity goes to one app, the second one where there are two."""
    main = template("main.bicep")
    assert parameters("main.parameters.json")["withFixer"] is False
    assert parameters("main.parameters.json")["separateFixApp"] is False
    assert parameters("events.parameters.json")["fixRegistryIds"] == []
    assert "module fixer 'modules/identity.bicep' = if (withFixer)" in main.text
    assert "module fixApp 'modules/function-app.bicep' = if (fixesApart)" in main.text
    first, second = main.text.split("module fixApp")
    assert "fixerId: fixesTogether ? fixer.outputs.id : ''" in first
    assert "part: fixesApart ? 'diagnose' : 'all'" in first
    assert "part: 'fix'" in second


def test_the_fixers_right_is_bounded_by_the_condition_of_the_code() -> None:
    """At one registry, under the condition that the product itself judges; narrowed where identities are named."""
    condition = json.loads((ROOT / "infra" / "fixer-condition.json").read_text("utf-8"))
    body = template("modules/fixer-right.bicep").resource("Microsoft.Authorization/roleAssignments")
    assert body["scope"] == "registry"
    assert body["properties"]["conditionVersion"] == "2.0"
    assert body["properties"]["condition"] == "wanted"
    assert condition["role"] == ADMINISTRATOR_ID
    assert condition["anybody"] == fixer_condition()
    one = "12345678-0000-4000-8000-000000000001"
    assert condition["listed"].replace("{principals}", one) == fixer_condition([one])


def test_as_many_identities_as_may_be_named_fit_a_condition() -> None:
    """Azure takes 8 KB (*Azure role assignment condition format and syntax*)."""
    most = re.search(r"@maxLength\((\d+)\)\nparam fixPrincipalIds array", template("events.bicep").text)
    assert most is not None
    named = ["12345678-0000-4000-8000-000000000001"] * int(most[1])
    assert len(fixer_condition(named)) <= 8 * 1024


@pytest.mark.parametrize(("part", "missing"), [("fix", "diagnose_failed_run"), ("diagnose", "advance_fix")])
def test_an_app_of_one_part_has_no_function_of_the_other(
    monkeypatch: pytest.MonkeyPatch, part: str, missing: str
) -> None:
    """And both together have what one app has; a part that nobody knows makes no fixes."""
    monkeypatch.setenv(PART.name, part)
    names = {name for name, _ in _bindings()}
    monkeypatch.setenv(PART.name, "all")
    everything = {name for name, _ in _bindings()}
    monkeypatch.setenv(PART.name, "something else")
    assert missing not in names
    assert names < everything
    assert "advance_fix" not in {name for name, _ in _bindings()}


def test_the_template_knows_which_settings_are_secret() -> None:
    """One in clear among `settings` is left out by the template, and what is open can be set by it."""
    file = json.loads((ROOT / "infra" / "settings.json").read_text("utf-8"))
    declared = {setting.name: setting.secret for setting in declared_settings()}
    assert {**dict.fromkeys(file["open"], False), **dict.fromkeys(file["secret"], True)} == declared
    text = template("modules/function-app.bicep").text
    assert "!contains(declared.secret, it.key)" in text
    assert "union(telemetrySettings, openSettings, references, " in text
