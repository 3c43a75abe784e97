"""The real Azure SDKs, unmodified, pointed at the sandbox by environment variables alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.storage.blob import BlobClient
from sandbox_client import CLUSTER_ID, REGISTRY, SUBSCRIPTION, Start

from sandbox import Sandbox

SUBSCRIPTION_ID = SUBSCRIPTION.rpartition("/")[2]


@pytest.fixture
def azure(start: Start, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Start a sandbox that the process's environment points at."""
    client = start()
    for name, value in client.azure.environment.items():
        monkeypatch.setenv(name, value)
    yield client.azure
    assert client.azure.refused == []
    assert client.azure.violations == []


@pytest.fixture
def credential(azure: Sandbox) -> Iterator[ManagedIdentityCredential]:
    """Give a credential that asks the sandbox."""
    with ManagedIdentityCredential() as it:
        yield it


def test_default_credential_gets_a_token(azure: Sandbox) -> None:
    """The default chain finds the managed identity."""
    with DefaultAzureCredential() as credential:
        assert azure.sentinel in credential.get_token("https://management.azure.com/.default").token


def test_credential_without_the_header(azure: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong header fails as it does in Azure."""
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    with ManagedIdentityCredential() as credential, pytest.raises(ClientAuthenticationError):
        credential.get_token("https://management.azure.com/.default")


def test_container_registry_client(azure: Sandbox, credential: ManagedIdentityCredential) -> None:
    """Registries, replications, usages, endpoints and the name check read through the SDK's own models."""
    with ContainerRegistryManagementClient(credential, SUBSCRIPTION_ID) as client:
        registry = client.registries.get("rg-train", "prosereg")
        assert registry.login_server == "prosereg.azurecr.io"
        assert registry.role_assignment_mode == "LegacyRegistryPermissions"
        assert registry.network_rule_set is not None
        assert registry.network_rule_set.default_action == "Allow"
        assert registry.policies.azure_ad_authentication_as_arm_policy.status == "enabled"
        assert client.registries.get("rg-train", "plainreg").network_rule_set is None
        assert (
            len(list(client.registries.list())) == len(list(client.registries.list_by_resource_group("rg-train"))) == 2
        )
        assert [it.location for it in client.replications.list("rg-train", "prosereg")] == [
            "northeurope",
            "westus",
        ]
        assert next(iter(client.private_endpoint_connections.list("rg-train", "prosereg"))).name == "pe-prosereg"
        usages = client.registries.list_usages("rg-train", "prosereg").value
        assert usages is not None
        assert usages[0].limit == 500 * 1024**3
        name = {"name": "prosereg", "type": "Microsoft.ContainerRegistry/registries"}
        assert client.registries.check_name_availability(name).name_available is False
        with pytest.raises(ResourceNotFoundError):
            client.registries.get("rg-train", "gonereg")


def test_authorization_client(azure: Sandbox, credential: ManagedIdentityCredential) -> None:
    """Assignments, definitions, deny assignments and permissions read through the SDK's own models."""
    with AuthorizationManagementClient(credential, SUBSCRIPTION_ID) as client:
        [found] = client.role_assignments.list_for_scope(REGISTRY, filter=f"assignedTo('{CLUSTER_ID}')")
        role = client.role_definitions.get_by_id(found.role_definition_id)
        assert role.role_name == "AcrPull"
        assert role.permissions[0].actions == ["Microsoft.ContainerRegistry/registries/pull/read"]
        assert [it.deny_assignment_name for it in client.deny_assignments.list_for_scope(REGISTRY)] == ["keep out"]
        assert list(client.permissions.list_for_resource_group("rg-train"))
        resource = ("rg-train", "Microsoft.ContainerRegistry", "", "registries", "prosereg")
        assert list(client.permissions.list_for_resource(*resource))


def test_authorization_client_sees_refusals(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that may not be made raises the SDK's own error with Azure's code."""
    refusal = {
        "call": {"path": ".*/roleAssignments"},
        "answer": {"status": 403, "code": "AuthorizationFailed"},
    }
    client = start(world={"responder": {"may_not_read": [refusal]}})
    for name, value in client.azure.environment.items():
        monkeypatch.setenv(name, value)
    with (
        ManagedIdentityCredential() as credential,
        AuthorizationManagementClient(credential, SUBSCRIPTION_ID) as authorization,
        pytest.raises(HttpResponseError) as caught,
    ):
        list(authorization.role_assignments.list_for_scope(REGISTRY))
    assert caught.value.error is not None
    assert caught.value.error.code == "AuthorizationFailed"


def test_requests_by_environment(azure: Sandbox) -> None:
    """Plain requests follow the variables too."""
    assert requests.get("https://northeurope.api.azureml.ms/discovery", timeout=20).json()["api"]


def test_blob_client_reads_a_huge_log(start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The storage SDK reads a piece of a gibibyte by its signed address."""
    client = start()
    url = client.history("/details").json()["logFiles"]["user_logs/huge.txt"]
    for name, value in client.azure.environment.items():
        monkeypatch.setenv(name, value)
    with BlobClient.from_blob_url(url) as blob:
        assert blob.get_blob_properties().size == 1024**3
        assert blob.download_blob(offset=0, length=5).readall() == b"begin"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_machine_learning_client(
    azure: Sandbox, credential: ManagedIdentityCredential, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workspace, compute, job, environment and run details read through azure-ai-ml."""
    monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "AzureCloud")  # the client sets it for the whole process
    from azure.ai.ml import MLClient  # noqa: PLC0415 - importing it takes most of a second

    client = MLClient(credential, SUBSCRIPTION_ID, "rg-train", "proseware-ml")
    assert client.workspaces.get("proseware-ml").container_registry == REGISTRY
    assert client.compute.get("cluster").identity.principal_id == CLUSTER_ID
    assert client.jobs.get("brave_run_1").status == "Failed"
    assert client.environments.get("nightly-environment", "1").image == "prosereg.azurecr.io/team/train:3"
    details = client.jobs._runs_operations.get_run_details("brave_run_1")
    assert details.as_dict()["error"]["error"]["message"] == "the image could not be pulled"
