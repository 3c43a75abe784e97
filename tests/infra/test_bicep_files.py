"""The templates hold together: every name is declared, every module gets what it asks for, every type is a known one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bicep_reading import Bicep, code_of, template, templates, walk

FILES = [pytest.param(found, id=found.name) for found in templates()]

API_VERSIONS = {
    # *Azure Functions Flex Consumption samples* (Azure-Samples, IaC/bicep), functionAppConfig included.
    "Microsoft.Web/serverfarms": "2024-04-01",
    "Microsoft.Web/sites": "2024-04-01",
    "Microsoft.Web/sites/config": "2024-04-01",
    # Azure Verified Modules, web/site, which states a location as well.
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": "2024-04-01",
    "Microsoft.Storage/storageAccounts": "2024-01-01",
    "Microsoft.Storage/storageAccounts/blobServices": "2024-01-01",
    "Microsoft.Storage/storageAccounts/blobServices/containers": "2024-01-01",
    "Microsoft.Storage/storageAccounts/queueServices": "2024-01-01",
    "Microsoft.Storage/storageAccounts/queueServices/queues": "2024-01-01",
    "Microsoft.Storage/storageAccounts/tableServices": "2024-01-01",
    "Microsoft.Storage/storageAccounts/tableServices/tables": "2024-01-01",
    "Microsoft.Insights/components": "2020-02-02",
    # *Bicep resource reference* (Azure/bicep-types-az, generated/monitor and generated/applicationinsights).
    "Microsoft.Insights/workbooks": "2023-06-01",
    "Microsoft.Insights/scheduledQueryRules": "2023-12-01",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/metricAlerts": "2018-03-01",
    # Azure Verified Modules (Azure/bicep-registry-modules), event-grid/system-topic.
    "Microsoft.EventGrid/systemTopics": "2025-02-15",
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": "2025-02-15",
    # The version of the SDKs that the code reads with.
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.Authorization/roleDefinitions": "2022-04-01",
    "Microsoft.ContainerRegistry/registries": "2025-11-01",
    "Microsoft.MachineLearningServices/workspaces": "2024-04-01",
    # *Bicep resource reference* (learn.microsoft.com, azure/templates).
    "Microsoft.ManagedIdentity/userAssignedIdentities": "2023-01-31",
    "Microsoft.OperationalInsights/workspaces": "2023-09-01",
    "Microsoft.Resources/resourceGroups": "2024-03-01",
    "Microsoft.KeyVault/vaults": "2023-07-01",
    "Microsoft.Network/privateEndpoints": "2024-05-01",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": "2024-05-01",
    "Microsoft.KeyVault/vaults/secrets": "2023-07-01",
}

ROLES = {
    # *Azure built-in roles* (azure-docs, role-based-access-control/built-in-roles).
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": "AcrPull",
    "b93aa761-3e63-49ed-ac28-beffa264f7ac": "Container Registry Repository Reader",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
}
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_GIVES_KEYS = re.compile(r"\blist[A-Z]\w*\(")


@pytest.mark.parametrize("bicep", FILES)
def test_it_is_read_without_an_error(bicep: Bicep) -> None:
    """The parser knows every construct in it, and finds something."""
    assert any(bicep.tree.get(part) for part in ("resources", "modules", "functions"))


@pytest.mark.parametrize("bicep", FILES)
def test_every_name_is_declared(bicep: Bicep) -> None:
    """A misspelt parameter, variable or function would only be found by a deployment."""
    assert bicep.unknown_names == frozenset()


@pytest.mark.parametrize("bicep", FILES)
def test_every_parameter_and_variable_is_used(bicep: Bicep) -> None:
    """What nobody reads would promise something."""
    assert bicep.unused_names == frozenset()


def test_the_check_of_uses_sees_what_is_unused(tmp_path: Path) -> None:
    """A declaration alone is no use."""
    path = tmp_path / "one.bicep"
    path.write_text("param a string\nparam b string\nvar c = '${a}'\n", encoding="utf-8")
    assert Bicep(path).unused_names == {"b", "c"}


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("param a string\nvar b = a", set()),
        ("var b = aa", {"aa"}),
        ("var b = 'aa ${cc} // dd'  // ee", {"cc"}),
        ("var b = 'it\\'s ${union(x, '${y}')}'", {"x", "y"}),
        ("var b = [for c in d: {\n  key: c\n  other: e\n}]", {"d", "e"}),
        ("var b = map(c, d => d.name)", {"c"}),
        ("var b = misspeltFunction()", {"misspeltFunction"}),
        ("var b = true ? c : d", {"c", "d"}),
    ],
)
def test_the_check_of_names_sees_what_is_unknown(tmp_path: Path, text: str, unknown: set[str]) -> None:
    """In strings, loops and conditions, and not in comments or texts."""
    path = tmp_path / "one.bicep"
    path.write_text(text, encoding="utf-8")
    assert Bicep(path).unknown_names == unknown


@pytest.mark.slow
@pytest.mark.parametrize("bicep", FILES)
def test_every_module_gets_what_it_asks_for(bicep: Bicep) -> None:
    """All that has no default, and nothing that it does not know; and what is used of it, it says."""
    called = {call.name: Bicep(call.file) for call in bicep.calls}
    for call in bicep.calls:
        target = called[call.name]
        assert target.required <= call.params <= frozenset(target.params), call.name
    for name, output in bicep.outputs_used:
        assert output in called[name].outputs, f"{name}.outputs.{output}"


@pytest.mark.slow
@pytest.mark.parametrize("bicep", FILES)
def test_every_module_is_deployed_at_its_own_scope(bicep: Bicep) -> None:
    """One that makes resources in a group gets a group; one for a subscription gets one, or is in one."""
    for call in bicep.calls:
        at_group = call.scope == "group" or "resource_group" in str(call.scope)
        assert (Bicep(call.file).scope == "resourceGroup") is at_group, call.name


def test_every_module_is_used() -> None:
    """No file that nobody deploys."""
    used = {call.file.resolve() for bicep in templates() for call in bicep.calls}
    assert used == {bicep.path.resolve() for bicep in templates() if bicep.path.parent.name == "modules"}


def test_types_and_their_versions_are_known_ones() -> None:
    """Each type in one version everywhere, from the source that the table names."""
    found = {(r["type"], r["api_version"]) for bicep in templates() for r in bicep.resources.values()}
    assert found == set(API_VERSIONS.items())


def test_every_built_in_role_is_the_one_that_is_meant() -> None:
    """A wrong GUID would be another role."""
    found = {guid for bicep in templates() for guid in _GUID.findall(bicep.text)}
    assert found == set(ROLES)


def test_every_assignment_names_a_service_principal() -> None:
    """Without it Azure looks the identity up, which it cannot find for minutes after it was made."""
    assignments = [
        resource["config"].get("config", resource["config"])
        for bicep in templates()
        for resource in bicep.resources.values()
        if resource["type"] == "Microsoft.Authorization/roleAssignments"
    ]
    assert len(assignments) == 10
    assert {assignment["properties"]["principalType"] for assignment in assignments} == {"ServicePrincipal"}


def test_networks_of_its_own_are_asked_for_and_leave_dead_letters_their_way() -> None:
    """Off by default; closed storage lets trusted services in; each part that the app uses has an endpoint."""
    main = template("main.bicep")
    assert main.params["endpointSubnetId"]["default"] == main.params["appSubnetId"]["default"] == ""
    account = template("modules/storage.bicep").resource("Microsoft.Storage/storageAccounts")
    assert account["properties"]["networkAcls"]["bypass"] == "AzureServices"
    parts = re.search(r"var closedParts = closed \? \[([^\]]*)\] : \[\]", main.text)
    assert parts is not None
    assert set(re.findall(r"'(\w+)'", parts[1])) == {"blob", "queue", "table"}
    assert code_of(main.text).count("subnetId: appSubnetId") == 2


@pytest.mark.parametrize("bicep", FILES)
def test_nothing_asks_for_a_key(bicep: Bicep) -> None:
    """Neither by `listKeys` and its like, nor by a connection string of the storage."""
    assert not _GIVES_KEYS.search(code_of(bicep.text))
    assert "AccountKey" not in bicep.text


def test_the_storage_takes_no_keys_and_shows_nothing_to_strangers() -> None:
    """Whoever reads or writes there has an identity and a role."""
    properties = template("modules/storage.bicep").resource("Microsoft.Storage/storageAccounts")["properties"]
    assert properties["allowSharedKeyAccess"] is False
    assert properties["allowBlobPublicAccess"] is False
    assert properties["supportsHttpsTrafficOnly"] is True
    assert properties["minimumTlsVersion"] == "TLS1_2"


def test_nobody_deploys_with_a_password() -> None:
    """The publishing profile's user and password are refused, over FTP and at the deployment site."""
    app = template("modules/function-app.bicep")
    policy = app.resource("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    assert (policy["parent"], policy["name"], policy["properties"]) == ("app", "way", {"allow": False})
    assert app.tree["variables"]["publishingWays"]["value"] == ["ftp", "scm"]


def test_the_log_takes_no_keys() -> None:
    """The connection string is then no secret."""
    insights = template("modules/monitoring.bicep").resource("Microsoft.Insights/components")
    assert insights["properties"]["DisableLocalAuth"] is True


def test_a_private_endpoint_without_a_zone_has_no_record() -> None:
    """A policy may link the zones: then none is named, and none is asked for."""
    endpoint = template("modules/private-endpoint.bicep")
    (group,) = [r for r in endpoint.resources.values() if r["type"].endswith("/privateDnsZoneGroups")]
    assert "= if (!empty(zoneId)) {" in endpoint.text
    assert "condition" in group["config"]
    assert "zoneId" not in endpoint.required
    asked = re.findall(r"zoneId: (.+)", template("main.bicep").text)
    assert len(asked) == 3
    assert all(one.startswith("contains(endpointZoneIds, ") and one.endswith(" : ''") for one in asked)


def test_main_writes_into_no_resource_group_of_others() -> None:
    """`azd down` deletes every resource group into which the deployment has written (azure-dev issue 2916)."""
    for call in template("main.bicep").calls:
        assert call.scope == "group" or Bicep(call.file).scope == "subscription", call.name
    assert template("main.bicep").resource("Microsoft.Resources/resourceGroups")["name"] == "resourceGroupName"


def test_at_a_subscription_only_roles_are_made() -> None:
    """Nothing else of ours is outside a resource group, so nothing else can be left behind there."""
    kinds = {
        resource["type"]
        for bicep in templates()
        if bicep.scope == "subscription"
        for resource in bicep.resources.values()
        if not resource["existing"]
    }
    assert kinds == {
        "Microsoft.Resources/resourceGroups",
        "Microsoft.Authorization/roleAssignments",
        "Microsoft.Authorization/roleDefinitions",
    }


def test_no_resource_is_read_where_it_is_made() -> None:
    """A template that reads what it makes itself may read too early: what is `existing` is made elsewhere."""
    for bicep in templates():
        made = {r["type"] for r in bicep.resources.values() if not r["existing"]}
        read = {r["type"] for r in bicep.resources.values() if r["existing"]}
        assert not made & read, bicep.name


def test_every_parameter_is_described() -> None:
    """In the file, for whoever opens it."""
    bare = [
        f"{bicep.name}: {name}"
        for bicep in templates()
        for name, param in bicep.params.items()
        if not any(decorator["type"] == "description" for decorator in param["decorators"])
    ]
    assert bare == []


def test_no_secret_is_a_value() -> None:
    """Secrets come as references to a vault: no parameter is marked secure, since none holds a secret."""
    assert not [bicep.name for bicep in templates() if "@secure" in bicep.text]
    assert any(
        "@Microsoft.KeyVault(SecretUri=" in str(node) for node in walk(template("modules/function-app.bicep").tree)
    )
