"""The probes about credentials and rights against a simulated Azure: what they read, and what a failure becomes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from azure_wire import (
    CLUSTER_ID,
    CUT,
    GARBAGE,
    MANAGER,
    REGISTRY,
    SUBSCRIPTION_ID,
    WORKSPACE,
    BentSandbox,
    arm_error,
    json_answer,
)
from diagnostic_samples import GROUP, details, known, lookup, registry, subject, symptom, value

from diagnostics.credential_facts import (
    ActivityLog,
    Connections,
    DenyAssignments,
    PullIdentities,
    Reaches,
    RegistryTenancy,
)
from diagnostics.model import Unknown
from diagnostics.probing import all_probes
from sandbox.wire import Reply

Read = Any
Begin = Any

EVERYBODY = [{"id": "00000000-0000-0000-0000-000000000000", "type": "Everyone"}]
SELF = [{"id": CLUSTER_ID, "type": "ServicePrincipal"}]
OUTER, INNER = "66666666-0000-4000-8000-000000000001", "66666666-0000-4000-8000-000000000002"
ANY = [{"actions": ["*"]}]
ASSIGNED = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-train"
REGENERATED = "Microsoft.ContainerRegistry/registries/regenerateCredential/action"
OTHER = "22222222-2222-4222-8222-222222222222"

PLACES = {
    "deny-assignments": "/denyAssignments",
    "activity-log": "/eventtypes/management/values",
    "workspace-connections": "/connections",
    "pull-identities": "/userAssignedIdentities/id-train$",
    "registry-tenant": "^/subscriptions$",
}
WRONG: dict[str, tuple[Reply, str]] = {
    "401": (arm_error(401, "InvalidAuthenticationToken", "The token is not valid."), "401"),
    "403": (arm_error(403, "AuthorizationFailed", "The client may not."), "403"),
    "404": (arm_error(404, "SubscriptionNotFound", "Not found."), "404"),
    "429": (arm_error(429, "TooManyRequests", "Slow down.").retry_after(3600), "429"),
    "500": (arm_error(500, "InternalServerError", "Sorry."), "500"),
    "garbage": (GARBAGE, ""),
    "a list": (json_answer(200, ["nonsense"]), ""),
    "a cut": (CUT, "no answer|did not answer"),
}


def whole() -> dict[str, Any]:
    """Return changes to the story that give every probe of this family something to ask."""
    far = REGISTRY.replace(SUBSCRIPTION_ID, OTHER).replace("prosereg", "farreg")
    return {
        "world": {
            "subscriptions": [{"id": OTHER, "tenant": "88888888-8888-4888-8888-888888888888"}],
            "computes": [
                {
                    "name": "cluster",
                    "identity": {
                        "type": "SystemAssigned, UserAssigned",
                        "principal_id": CLUSTER_ID,
                        "user_assigned": [{"name": "id-train", "principal_id": "p-2", "client_id": "c-2"}],
                    },
                }
            ],
            "registries": [
                {"name": "prosereg", "adminUserEnabled": True},
                {"name": "farreg", "id": far, "login_server": "farreg.azurecr.io", "sku": "Standard"},
            ],
            "deny_assignments": [
                {
                    "name": "for-all",
                    "scope": GROUP,
                    "permissions": ANY,
                    "principals": EVERYBODY,
                    "createdOn": "2026-10-01T00:00:00Z",
                }
            ],
            "activity_log": [
                {"time": "2026-10-04T08:00:00Z", "operation": REGENERATED, "resource": REGISTRY},
                {
                    "time": "2026-10-04T09:00:00Z",
                    "operation": "Microsoft.ContainerRegistry/registries/write",
                    "resource": REGISTRY,
                },
            ],
        }
    }


def about(name: str) -> Any:
    """Return the run that makes a probe ask: the far registry's for the tenant; the log names the identity otherwise."""
    image = "farreg.azurecr.io/a:1" if name == "registry-tenant" else "prosereg.azurecr.io/team/train:7"
    return subject(image, symptoms=(symptom(captured={"identity": CLUSTER_ID}),))


@pytest.mark.parametrize("name", sorted(PLACES))
@pytest.mark.parametrize("wrong", sorted(WRONG))
def test_whatever_goes_wrong_becomes_an_unknown_with_its_reason(
    begin: Begin, read: Read, name: str, wrong: str
) -> None:
    """No probe raises and none invents; a refusal names the right that is missing. An identity's 404 is an answer."""
    azure = begin(**whole())
    reply, said = WRONG[wrong]
    azure.bend(MANAGER, PLACES[name], reply)
    far = registry(id=REGISTRY.replace(SUBSCRIPTION_ID, OTHER), name="farreg", admin_user_enabled=True)
    knowing = {"registry": known(lookup(far))} if name == "registry-tenant" else {}
    fact = read(name, about=about(name), knowing=knowing)[name]
    if (name, wrong) == ("pull-identities", "404"):
        assert not value(fact, PullIdentities).identities[0].found
        return
    assert isinstance(fact, Unknown), fact
    assert re.search(said, fact.reason)
    assert "\n" not in fact.reason
    assert azure.sentinel not in fact.reason
    if wrong == "403":
        assert fact.missing_action in all_probes()[name].actions


# --- deny assignments ---------------------------------------------------------------------------------------


def test_a_denial_for_everybody_reaches_the_identity(begin: Begin, read: Read) -> None:
    """Everyone is an id of zeros without dashes; the time and the permissions come along."""
    begin(**whole())
    found = value(read("deny-assignments", about=about(""))["deny-assignments"], DenyAssignments)
    assert [(it.name, it.reaches) for it in found.denials] == [("for-all", Reaches.EVERYBODY)]
    assert found.denials[0].permissions[0].actions == ("*",)
    assert found.denials[0].created_at is not None
    assert "for-all" in str(found)


@pytest.mark.parametrize(
    ("principals", "excluded", "reaches"),
    [
        (SELF, [], [Reaches.DIRECTLY]),
        (EVERYBODY, SELF, []),
        ([{"id": OUTER, "type": "Group"}], [], [Reaches.BY_GROUP]),
        ([{"id": "77777777-0000-4000-8000-000000000009", "type": "Group"}], [], []),
        ([{"id": "77777777-0000-4000-8000-000000000009", "type": "User"}], [], []),
        (EVERYBODY, [{"id": OUTER, "type": "Group"}], [Reaches.UNCLEAR]),
    ],
)
def test_whom_a_denial_reaches(
    begin: Begin, read: Read, principals: list[Any], excluded: list[Any], reaches: list[str]
) -> None:
    """By name, as everybody, through groups of groups; whoever it leaves out by name is out, by a group unclear."""
    groups = [
        {"id": OUTER, "members": [{"type": "Group", "id": INNER}]},
        {"id": INNER, "members": [{"type": "ServicePrincipal", "id": CLUSTER_ID}]},
    ]
    denial = {
        "name": "d",
        "scope": REGISTRY,
        "permissions": ANY,
        "principals": principals,
        "excludePrincipals": excluded,
    }
    begin(world={"groups": groups, "deny_assignments": [denial]})
    found = value(read("deny-assignments", about=about(""))["deny-assignments"], DenyAssignments)
    assert [it.reaches for it in found.denials] == reaches


def test_a_denial_elsewhere_is_none_of_ours(begin: Begin, read: Read) -> None:
    """A deny assignment of another group does not reach this registry."""
    elsewhere = {"name": "d", "scope": f"{GROUP}-2", "permissions": ANY, "principals": EVERYBODY}
    begin(world={"deny_assignments": [elsewhere]})
    found = value(read("deny-assignments", about=about(""))["deny-assignments"], DenyAssignments)
    assert found.denials == ()
    assert "none" in str(found)


# --- connections, keys, identities, tenants -----------------------------------------------------------------


def test_connections_are_listed_without_their_secrets(begin: Begin, read: Read) -> None:
    """Name, host with its port, kind and expiry are read; a target that is no host is left out, secrets never asked for."""
    stated = [
        {"name": "hub", "properties": {"category": "ContainerRegistry", "authType": "UsernamePassword", "target": "https://index.docker.io/v1/", "expiryTime": "2026-11-01T00:00:00Z"}},
        {"name": "own", "properties": {"category": "ContainerRegistry", "authType": "ManagedIdentity", "target": "Prosereg.azurecr.io"}},
        {"name": "model", "properties": {"category": "AzureOpenAI", "authType": "ApiKey", "target": "_"}},
        {"name": "port", "properties": {"category": "ContainerRegistry", "authType": "UsernamePassword", "target": "https://Registry.example.com:5000"}},
        {"name": "tls", "properties": {"category": "ContainerRegistry", "authType": "UsernamePassword", "target": "registry.example.com:443/a"}},
        {"name": "broken", "properties": {"category": "ContainerRegistry", "authType": "UsernamePassword", "target": "https://registry.example.com:port"}},
    ]  # fmt: skip
    azure = begin(world={"workspaces": [{"name": "proseware-ml", "connections": stated}]})
    found = value(read("workspace-connections")["workspace-connections"], Connections)
    assert [(it.name, it.host, it.has_secret) for it in found.connections] == [
        ("hub", "index.docker.io", True),
        ("own", "prosereg.azurecr.io", False),
        ("tls", "registry.example.com", True),
        ("port", "registry.example.com:5000", True),
    ]
    assert found.connections[0].expires_at is not None
    assert "hub for index.docker.io" in str(found)
    assert azure.asked("listsecrets") == 0


def test_only_what_was_done_to_the_keys_is_told(begin: Begin, read: Read) -> None:
    """Of the registry's and the workspace's events those about keys count, oldest first."""
    changes = whole()
    changes["world"]["activity_log"].append(
        {"time": "2026-10-04T08:30:00Z", "operation": "Microsoft.MachineLearningServices/workspaces/resyncKeys/action", "resource": WORKSPACE}
    )  # fmt: skip
    begin(**changes)
    found = value(read("activity-log", about=about(""))["activity-log"], ActivityLog)
    assert [it.operation.rsplit("/", 2)[-2] for it in found.events] == ["regenerateCredential", "resyncKeys"]
    assert "regenerateCredential" in str(found)


def test_the_activity_log_is_not_asked_where_no_key_is_in_use(azure: BentSandbox, read: Read) -> None:
    """Without an admin user no key of the registry can be stale."""
    found = value(read("activity-log")["activity-log"], ActivityLog)
    assert found.since is None
    assert "not asked" in str(found)
    assert azure.asked("eventtypes") == 0


def test_an_identity_that_is_gone_is_an_answer(begin: Begin, read: Read) -> None:
    """A compute goes on listing what was deleted; the identity's own resource tells."""
    changes = whole()
    changes["world"]["arm_not_found"] = [ASSIGNED]
    begin(**changes)
    found = value(read("pull-identities", about=about(""))["pull-identities"], PullIdentities)
    assert [(it.name, it.found, it.of) for it in found.identities] == [("id-train", False, "cluster")]
    assert "gone" in str(found)


def test_a_stranger_s_id_may_be_the_system_identity_s_client_id(begin: Begin, read: Read) -> None:
    """Only where nothing explains the id in the log the client id of the system-assigned identity is read."""
    azure = begin(world={"computes": [{"name": "cluster", "identity": {"app_id": "c-1"}}]})
    for named, asked in ((CLUSTER_ID, 0), ("c-1", 1)):
        shown = subject(symptoms=(symptom(captured={"identity": named}),))
        found = value(read("pull-identities", about=shown)["pull-identities"], PullIdentities)
        assert found.system_client_id == ("c-1" if asked else None)
        assert azure.asked("identities/default") == asked


@pytest.mark.parametrize("status", [403, 404])
def test_a_client_id_that_is_not_told_is_told_as_such(azure: BentSandbox, read: Read, status: int) -> None:
    """Where the client id cannot be read, nobody is called a stranger for it."""
    azure.bend(MANAGER, "identities/default", arm_error(status))
    shown = subject(symptoms=(symptom(captured={"identity": "c-9"}),))
    found = value(read("pull-identities", about=shown)["pull-identities"], PullIdentities)
    assert found.system_client_id is None
    assert str(status) in found.unread[0]


def test_a_log_leads_to_no_other_path(azure: BentSandbox, read: Read) -> None:
    """A word of the log is looked up only where it is an identity's resource id and nothing else."""
    evil = f"{ASSIGNED}/../../../../../../../subscriptions/x"
    read("pull-identities", about=subject(symptoms=(symptom(captured={"identity": evil}),)))
    assert azure.asked(r"\.\.|subscriptions/x") == 0


def test_the_tenants_of_two_subscriptions_are_compared(begin: Begin, read: Read) -> None:
    """A registry of another subscription has that subscription's tenant."""
    begin(**whole())
    found = value(read("registry-tenant", about=about("registry-tenant"))["registry-tenant"], RegistryTenancy)
    assert (found.registry_tenant or "")[:4] == "8888"
    assert (found.workspace_tenant or "")[:4] == "9999"
    assert "8888" in str(found)


def test_one_subscription_is_one_tenant_without_asking(azure: BentSandbox, read: Read) -> None:
    """Where both ids name one subscription nothing is asked."""
    found = value(read("registry-tenant")["registry-tenant"], RegistryTenancy)
    assert found.one_subscription
    assert "one subscription" in str(found)
    assert azure.asked("^/subscriptions$") == 0


def test_serverless_is_asked_about_the_workspace_s_identities(begin: Begin, read: Read) -> None:
    """Serverless compute has no identity of its own: the workspace's user-assigned one pulls."""
    own = {"type": "UserAssigned", "user_assigned": [{"name": "id-train", "principal_id": "p-2", "client_id": "c-2"}]}
    begin(world={"workspaces": [{"name": "proseware-ml", "identity": own}]})
    shown = subject(details=details(compute="serverless"))
    found = value(read("pull-identities", about=shown)["pull-identities"], PullIdentities)
    assert [(it.name, it.of) for it in found.identities] == [("id-train", "proseware-ml")]
