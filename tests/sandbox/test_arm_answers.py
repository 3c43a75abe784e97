"""Resource Manager as the sandbox answers for it."""

from __future__ import annotations

import pytest
from sandbox_client import (
    ACR_RESOURCE,
    ARM,
    CLUSTER_ID,
    GROUP,
    REGISTRY,
    RESPONDER_ID,
    SUBSCRIPTION,
    WORKSPACE,
    Client,
    Start,
)

NETWORK = f"{GROUP}/providers/Microsoft.Network"
ASSIGNMENTS = "/providers/Microsoft.Authorization/roleAssignments"


def names(shared: Client, path: str, version: str = "2025-11-01", **params: str) -> list[str]:
    """List the names at a path."""
    return [it["name"] for it in shared.arm(path, version, params=params).json()["value"]]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "AuthenticationFailed"),
        ({"Authorization": "Bearer made-up"}, "InvalidAuthenticationToken"),
    ],
)
def test_no_token_is_401_with_a_challenge(shared: Client, headers: dict[str, str], code: str) -> None:
    """Without a token, or with one that was never issued, Resource Manager challenges."""
    answer = shared.get(f"{ARM}{REGISTRY}?api-version=2025-11-01", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_wrong_audience_is_401(shared: Client) -> None:
    """A token for the registries' audience is not accepted by Resource Manager."""
    headers = {"Authorization": f"Bearer {shared.token(ACR_RESOURCE)}"}
    answer = shared.get(f"{ARM}{REGISTRY}?api-version=2025-11-01", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationTokenAudience")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/none", 404, "ResourceNotFound"),
        (
            f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/gonereg/replications",
            404,
            "ResourceNotFound",
        ),
        (
            f"{SUBSCRIPTION}/resourceGroups/none/providers/Microsoft.Network/virtualNetworks/x",
            404,
            "ResourceGroupNotFound",
        ),
        ("/subscriptions/00000000-0000-0000-0000-000000000000", 404, "SubscriptionNotFound"),
        (f"{WORKSPACE}/computes/none", 404, "ResourceNotFound"),
        (f"{WORKSPACE}/jobs/none", 404, "ResourceNotFound"),
        (f"{REGISTRY}/privateEndpointConnections/none", 404, "ResourceNotFound"),
        (f"{REGISTRY}{ASSIGNMENTS}/none", 404, "RoleAssignmentNotFound"),
    ],
)
def test_what_does_not_exist(shared: Client, path: str, status: int, code: str) -> None:
    """What does not exist is said in Resource Manager's own words."""
    answer = shared.arm(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_api_version_is_required(shared: Client) -> None:
    """A call without api-version is refused by Resource Manager, not by the sandbox."""
    headers = {"Authorization": f"Bearer {shared.token()}"}
    answer = shared.get(f"{ARM}{REGISTRY}", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "MissingApiVersionParameter")


def test_paths_are_compared_without_case(shared: Client) -> None:
    """Resource ids in another case find the same resource."""
    assert shared.arm(REGISTRY.lower()).json()["id"] == REGISTRY


def test_registry_properties_follow_sku_and_version(shared: Client) -> None:
    """``networkRuleSet`` is absent below Premium; the mode is absent in old versions."""
    premium = shared.arm(REGISTRY).json()["properties"]
    basic = shared.arm(REGISTRY.replace("prosereg", "plainreg")).json()["properties"]
    old = shared.arm(REGISTRY, "2023-07-01").json()["properties"]
    assert premium["networkRuleSet"] == {"defaultAction": "Allow", "ipRules": []}
    assert "networkRuleSet" not in basic
    assert premium["roleAssignmentMode"] == "LegacyRegistryPermissions"
    assert "roleAssignmentMode" not in old


def test_usages_are_bytes(shared: Client) -> None:
    """GiB of the world are served in bytes."""
    size = shared.arm(f"{REGISTRY}/listUsages").json()["value"][0]
    assert size == {"name": "Size", "limit": 500 * 1024**3, "currentValue": 3 * 1024**3, "unit": "Bytes"}


def test_home_region_is_a_replication(shared: Client) -> None:
    """The home region stands among the replications, under the registry's name."""
    found = shared.arm(f"{REGISTRY}/replications").json()["value"]
    assert [(it["name"], it["location"]) for it in found] == [
        ("prosereg", "northeurope"),
        ("westus", "westus"),
    ]


@pytest.mark.parametrize(("name", "available"), [("prosereg", False), ("gonereg", True), ("somebodyelse", False)])
def test_name_availability(start: Start, name: str, *, available: bool) -> None:
    """A name is taken by a registry of the world or by what the world says; a deleted one is free."""
    client = start(world={"name_availability": [{"name": "somebodyelse", "available": False}]})
    path = f"{SUBSCRIPTION}/providers/Microsoft.ContainerRegistry/checkNameAvailability"
    body = {"name": name, "type": "Microsoft.ContainerRegistry/registries"}
    assert client.arm(path, method="POST", json=body).json()["nameAvailable"] is available


def test_long_lists_come_in_pages(start: Start) -> None:
    """Registries are listed a hundred at a time; ``nextLink`` is absent on the last page."""
    prefix = REGISTRY.rpartition("/")[0]
    extra = [{"name": f"r{it}", "id": f"{prefix}/r{it}", "login_server": f"r{it}.azurecr.io"} for it in range(130)]
    client = start(world={"registries": extra})
    first = client.arm(f"{SUBSCRIPTION}/providers/Microsoft.ContainerRegistry/registries").json()
    second = client.get(first["nextLink"], headers={"Authorization": f"Bearer {client.token()}"}).json()
    assert (len(first["value"]), len(second["value"])) == (100, 32)
    assert "nextLink" not in second


def test_compute_identities(shared: Client) -> None:
    """An identity is a sibling of ``properties``, absent where there is none, a map where it is user-assigned."""
    system, bare, assigned = (shared.arm(f"{WORKSPACE}/computes/{it}").json() for it in ("cluster", "bare", "assigned"))
    assert system["identity"]["principalId"] == CLUSTER_ID
    assert "identity" not in bare
    [(where, identity)] = assigned["identity"]["userAssignedIdentities"].items()
    assert where == f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-train"
    assert identity["principalId"].endswith("3")


def test_workspace_without_a_registry(start: Start) -> None:
    """``containerRegistry`` is absent, not null, and a closed workspace has a discovery address of its own."""
    change = {"name": "proseware-ml", "container_registry": None, "public_network_access": "Disabled"}
    client = start(world={"workspaces": [change]})
    properties = client.arm(WORKSPACE, "2025-12-01").json()["properties"]
    assert "containerRegistry" not in properties
    assert properties["discoveryUrl"].endswith(f"/discovery/workspaces/{properties['workspaceId']}")
    assert client.get(properties["discoveryUrl"]).json()["history"].startswith("https://")


def test_workspace_parts(shared: Client) -> None:
    """Connections, outbound rules, jobs and their environment can be read."""
    assert names(shared, f"{WORKSPACE}/connections") == ["hub-login"]
    assert names(shared, f"{WORKSPACE}/outboundRules") == ["hub"]
    job = shared.arm(f"{WORKSPACE}/jobs/brave_run_1").json()["properties"]
    assert "error" not in job
    environment = shared.arm(job["environmentId"]).json()["properties"]
    assert (environment["image"], environment["condaFile"]) == ("prosereg.azurecr.io/team/train:3", "")


def test_diagnose_is_long_running(shared: Client) -> None:
    """Diagnose answers 202 with a Location alone; the result holds the categories that were asked for."""
    started = shared.arm(f"{WORKSPACE}/diagnose", "2025-12-01", "POST", json={"value": {"containerRegistry": {}}})
    assert (started.status_code, started.content) == (202, b"")
    done = shared.get(started.headers["Location"], headers={"Authorization": f"Bearer {shared.token()}"})
    assert done.json() == {"value": {"containerRegistryResults": []}}


def test_assigned_to_follows_groups_and_scopes(shared: Client) -> None:
    """``assignedTo`` finds what a principal holds through nested groups, and what it inherits."""
    through = shared.arm(f"{REGISTRY}{ASSIGNMENTS}", "2022-04-01", params={"$filter": f"assignedTo('{CLUSTER_ID}')"})
    [found] = through.json()["value"]
    assert found["properties"]["principalType"] == "Group"
    assert found["properties"]["condition"] is None
    inherited = CLUSTER_ID[:-1] + "3"
    above = shared.arm(f"{REGISTRY}{ASSIGNMENTS}", "2022-04-01", params={"$filter": f"assignedTo('{inherited}')"})
    [found] = above.json()["value"]
    assert found["properties"]["scope"].endswith("/managementGroups/proseware")


def test_principal_id_does_not_follow_groups(shared: Client) -> None:
    """``principalId eq`` finds direct assignments only."""
    asked = {"$filter": f"principalId eq '{CLUSTER_ID}'"}
    assert shared.arm(f"{REGISTRY}{ASSIGNMENTS}", "2022-04-01", params=asked).json()["value"] == []


def test_at_scope_leaves_out_what_is_below(shared: Client) -> None:
    """A list holds what is above and below a scope, with ``atScope()`` not what is below."""
    everything = names(shared, f"{SUBSCRIPTION}{ASSIGNMENTS}", "2022-04-01")
    here = names(shared, f"{SUBSCRIPTION}{ASSIGNMENTS}", "2022-04-01", **{"$filter": "atScope()"})
    assert set(here) < set(everything)


def test_unknown_filters_are_refused(shared: Client) -> None:
    """A filter that the sandbox cannot apply is an error, never an unfiltered list."""
    answer = shared.arm(f"{REGISTRY}{ASSIGNMENTS}", "2022-04-01", params={"$filter": "createdBy eq 'x'"})
    assert answer.status_code == 400


def test_roles_are_found_by_id_and_name(shared: Client) -> None:
    """Built-in roles have their real ids, custom ones those of the world."""
    pull = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
    where = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
    assert shared.arm(f"{where}/{pull}", "2022-04-01").json()["properties"]["roleName"] == "AcrPull"
    [custom] = shared.arm(where, "2022-04-01", params={"$filter": "roleName eq 'Puller of Proseware'"}).json()["value"]
    assert custom["properties"]["type"] == "CustomRole"


def test_deny_assignments_write_ids_without_dashes(shared: Client) -> None:
    """Principals of deny assignments are 32 digits, found by the usual form too."""
    where = f"{REGISTRY}/providers/Microsoft.Authorization/denyAssignments"
    asked = {"$filter": "principalId eq '22222222-0000-4000-8000-000000000009'"}
    [found] = shared.arm(where, "2022-04-01", params=asked).json()["value"]
    assert found["properties"]["principals"][0]["id"] == "22222222000040008000000000000009"


def test_permissions_are_the_callers_own(start: Start) -> None:
    """The responder reads what its role allows, less what the world does not let it read."""
    refusal = {
        "call": {"host": "management.azure.com", "path": ".*/roleAssignments.*"},
        "answer": {"status": 403},
    }
    client = start(world={"responder": {"may_not_read": [refusal]}})
    held = client.arm(f"{GROUP}/providers/Microsoft.Authorization/permissions", "2022-04-01").json()["value"]
    actions = {action for it in held for action in it["actions"]}
    assert "Microsoft.ContainerRegistry/registries/read" in actions
    assert "Microsoft.Authorization/roleAssignments/read" not in actions
    answer = client.arm(f"{REGISTRY}{ASSIGNMENTS}", "2022-04-01")
    assert answer.status_code == 403
    assert "'Microsoft.Authorization/roleAssignments/read' over scope" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", f"{REGISTRY}/webhooks", "Microsoft.ContainerRegistry/registries/webhooks/read"),
        ("GET", f"{NETWORK}/virtualNetworks/vnet-train/subnets", "Microsoft.Network/virtualNetworks/subnets/read"),
        ("POST", f"{WORKSPACE}/diagnose", "Microsoft.MachineLearningServices/workspaces/diagnose/action"),
    ],
)
def test_the_responder_is_held_to_the_deployed_role(start: Start, method: str, path: str, needed: str) -> None:
    """An action that the deployed role does not grant is refused by name; other identities are not held to it."""
    client = start(world={"role_assignments": []})
    refused = client.arm(path, method=method)
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "AuthorizationFailed"
    assert f"'{needed}' over scope" in refused.json()["error"]["message"]
    assert client.arm(REGISTRY).status_code == 200
    assert client.arm(GROUP, "2022-12-01").status_code == 403
    assert client.arm(SUBSCRIPTION, "2022-12-01").status_code == 200
    other = {"Authorization": f"Bearer {client.token(client_id=CLUSTER_ID)}"}
    answer = client.call(method, f"{ARM}{path}", headers=other, params={"api-version": "2025-11-01"})
    assert answer.status_code != 403


def test_reading_tags_gives_the_responder_a_role(shared: Client) -> None:
    """``may_read_tags`` shows as an assignment of the role that the registry's mode honours."""
    asked = {"$filter": f"principalId eq '{RESPONDER_ID}'"}
    found = shared.arm(f"{REGISTRY}{ASSIGNMENTS}", "2022-04-01", params=asked).json()["value"]
    assert any(it["properties"]["roleDefinitionId"].endswith("7f951dda-4ed3-4680-a7ca-43fe172d538d") for it in found)


def test_networks(shared: Client) -> None:
    """A subnet leads to its routes, rules and gateway; the registry to its endpoint; the zone to its network."""
    subnet = shared.arm(f"{NETWORK}/virtualNetworks/vnet-train/subnets/nodes", "2024-05-01").json()["properties"]
    routes = shared.arm(subnet["routeTable"]["id"], "2024-05-01").json()["properties"]["routes"]
    rules = shared.arm(subnet["networkSecurityGroup"]["id"], "2024-05-01").json()["properties"]["securityRules"]
    nat = shared.arm(subnet["natGateway"]["id"], "2024-05-01").json()["properties"]["publicIpAddresses"][0]["id"]
    assert routes[0]["properties"]["nextHopIpAddress"] == "10.2.0.4"
    assert rules[0]["properties"]["access"] == "Deny"
    assert shared.arm(nat, "2024-05-01").json()["properties"]["ipAddress"] == "203.0.113.20"
    registry = shared.arm(REGISTRY).json()["properties"]["privateEndpointConnections"][0]["properties"]
    endpoint = shared.arm(registry["privateEndpoint"]["id"], "2024-05-01").json()["properties"]
    assert "/virtualNetworks/vnet-train/" in endpoint["subnet"]["id"]


def test_private_dns(shared: Client) -> None:
    """Zones are listed for the subscription, with their records and the networks that they are linked to."""
    where = f"{SUBSCRIPTION}/providers/Microsoft.Network/privateDnsZones"
    [zone] = shared.arm(where, "2020-06-01").json()["value"]
    [record] = shared.arm(f"{zone['id']}/A", "2020-06-01").json()["value"]
    [link] = shared.arm(f"{zone['id']}/virtualNetworkLinks", "2020-06-01").json()["value"]
    assert record["properties"]["fqdn"] == "prosereg.privatelink.azurecr.io."
    assert link["properties"]["virtualNetwork"]["id"].endswith("/virtualNetworks/vnet-train")


def test_firewalls_and_their_inspection(shared: Client) -> None:
    """A firewall shows its address and rules, its policy whether it opens TLS."""
    [firewall] = shared.arm(f"{SUBSCRIPTION}/providers/Microsoft.Network/azureFirewalls", "2024-05-01").json()["value"]
    policy = shared.arm(firewall["properties"]["firewallPolicy"]["id"], "2024-05-01").json()["properties"]
    assert policy["transportSecurity"]["certificateAuthority"]["name"] == "proseware-ca"
    where = f"{firewall['properties']['firewallPolicy']['id']}/ruleCollectionGroups"
    [group] = shared.arm(where, "2024-05-01").json()["value"]
    [rule] = group["properties"]["ruleCollections"][0]["rules"]
    assert (rule["targetFqdns"], rule["terminateTLS"]) == (["*.microsoft.com"], True)


def test_other_providers(shared: Client) -> None:
    """Health, activity, identities and key vaults are there as far as the world states them."""
    health = shared.arm(f"{REGISTRY}/providers/Microsoft.ResourceHealth/availabilityStatuses/current").json()
    assert health["properties"]["availabilityState"] == "Available"
    log = f"{SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management/values"
    since = "eventTimestamp ge '2026-10-05T07:00:00Z' and eventTimestamp le '2026-10-05T09:00:00Z'"
    assert len(shared.arm(log, "2015-04-01", params={"$filter": since}).json()["value"]) == 1
    before = "eventTimestamp le '2026-10-05T07:00:00Z'"
    assert shared.arm(log, "2015-04-01", params={"$filter": before}).json()["value"] == []
    identity = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-train"
    assert shared.arm(identity, "2023-01-31").json()["properties"]["clientId"].endswith("4")
    key = f"{GROUP}/providers/Microsoft.KeyVault/vaults/prosevault/keys/registry-key"
    assert shared.arm(key, "2023-07-01").json()["properties"]["attributes"]["enabled"] is False


def test_subscription_names_tenant_and_offer(shared: Client) -> None:
    """A subscription shows its tenant and the offer that it was bought under."""
    found = shared.arm(SUBSCRIPTION, "2022-12-01").json()
    assert found["tenantId"].startswith("99999999")
    assert found["subscriptionPolicies"]["quotaId"]
