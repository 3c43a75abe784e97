"""Azure's built-in roles that matter around registries and machine learning.

Ids and permissions from Azure's built-in role reference ("Azure built-in roles for Containers", "... for AI
+ machine learning", "... General"); the roles of ACR's own as recorded in answers of api-version
2018-01-01-preview.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BUILT_IN", "READER_ROLE", "Role"]

_READER_ROLE = Path(__file__).resolve().parent.parent / "infra" / "reader-role.json"
_ACR = "Microsoft.ContainerRegistry/registries"
_REPOSITORIES = f"{_ACR}/repositories"


@dataclass(frozen=True, slots=True)
class Role:
    """A role definition; built in unless ``custom``."""

    name: str
    id: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    description: str = ""
    scopes: tuple[str, ...] = ("/",)
    custom: bool = False

    @property
    def key(self) -> str:
        """The name as it is compared: without blanks, lower case."""
        return self.name.replace(" ", "").lower()


def _content(*verbs: str) -> tuple[str, ...]:
    return tuple(f"{_REPOSITORIES}/{part}/{verb}" for verb in verbs for part in ("metadata", "content"))


_CONTRIBUTOR_NOT = (
    "Microsoft.Authorization/*/Delete",
    "Microsoft.Authorization/*/Write",
    "Microsoft.Authorization/elevateAccess/Action",
    "Microsoft.Blueprint/blueprintAssignments/write",
    "Microsoft.Blueprint/blueprintAssignments/delete",
    "Microsoft.Compute/galleries/share/action",
    "Microsoft.Purview/consents/write",
    "Microsoft.Purview/consents/delete",
    "Microsoft.Resources/deploymentStacks/manageDenySetting/action",
    "Microsoft.Subscription/cancel/action",
    "Microsoft.Subscription/enable/action",
)
_DATA_SCIENTIST_NOT = (
    "Microsoft.MachineLearningServices/workspaces/delete",
    "Microsoft.MachineLearningServices/workspaces/write",
    "Microsoft.MachineLearningServices/workspaces/computes/*/write",
    "Microsoft.MachineLearningServices/workspaces/computes/*/delete",
    "Microsoft.MachineLearningServices/workspaces/computes/listKeys/action",
    "Microsoft.MachineLearningServices/workspaces/listKeys/action",
    "Microsoft.MachineLearningServices/workspaces/hubs/write",
    "Microsoft.MachineLearningServices/workspaces/hubs/delete",
    "Microsoft.MachineLearningServices/workspaces/featurestores/write",
    "Microsoft.MachineLearningServices/workspaces/featurestores/delete",
)

BUILT_IN: tuple[Role, ...] = (
    Role("AcrPull", "7f951dda-4ed3-4680-a7ca-43fe172d538d", (f"{_ACR}/pull/read",), description="acr pull"),
    Role(
        "AcrPush",
        "8311e382-0749-4cb8-b61a-304f252e45ec",
        (f"{_ACR}/pull/read", f"{_ACR}/push/write"),
        description="acr push",
    ),
    Role(
        "AcrDelete",
        "c2f4ef07-c644-48eb-af81-4b1b4947fb11",
        (f"{_ACR}/artifacts/delete",),
        description="acr delete",
    ),
    Role(
        "AcrImageSigner",
        "6cef56e8-d556-48e5-a04f-b8e64114680f",
        (f"{_ACR}/sign/write",),
        data_actions=(f"{_ACR}/trustedCollections/write",),
        description="acr image signer",
    ),
    Role(
        "AcrQuarantineReader",
        "cdda3590-29a3-44f6-95f2-9f980659eb04",
        (f"{_ACR}/quarantine/read",),
        data_actions=(f"{_ACR}/quarantinedArtifacts/read",),
        description="acr quarantine data reader",
    ),
    Role(
        "AcrQuarantineWriter",
        "c8d4ff99-41c3-41a8-9f60-21dfdad59608",
        (f"{_ACR}/quarantine/read", f"{_ACR}/quarantine/write"),
        data_actions=(f"{_ACR}/quarantinedArtifacts/read", f"{_ACR}/quarantinedArtifacts/write"),
        description="acr quarantine data writer",
    ),
    Role(
        "Container Registry Repository Reader",
        "b93aa761-3e63-49ed-ac28-beffa264f7ac",
        data_actions=_content("read"),
    ),
    Role(
        "Container Registry Repository Writer",
        "2a1e307c-b015-4ebd-883e-5b7698a07328",
        data_actions=_content("read", "write"),
    ),
    Role(
        "Container Registry Repository Contributor",
        "2efddaa5-3f1f-4df3-97df-af3f13818f4c",
        data_actions=_content("read", "write", "delete"),
    ),
    Role(
        "Container Registry Repository Catalog Lister",
        "bfdb9389-c9a5-478a-bb2f-ba9ca092c3c7",
        data_actions=(f"{_ACR}/catalog/read",),
    ),
    Role(
        "Container Registry Data Importer and Data Reader",
        "577a9874-89fd-4f24-9dbd-b5034d0ad23a",
        (f"{_ACR}/importImage/action", f"{_ACR}/read", f"{_ACR}/pull/read"),
        data_actions=(*_content("read"), f"{_ACR}/catalog/read"),
    ),
    Role(
        "Container Registry Configuration Reader and Data Access Configuration Reader",
        "69b07be0-09bf-439a-b9a6-e73de851bd59",
        (
            f"{_ACR}/read",
            f"{_ACR}/listCredentials/action",
            f"{_ACR}/listUsages/read",
            f"{_ACR}/privateEndpointConnections/read",
            f"{_ACR}/replications/read",
            f"{_ACR}/tokens/read",
            f"{_ACR}/scopeMaps/read",
            "Microsoft.Authorization/*/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ),
    ),
    Role(
        "Container Registry Contributor and Data Access Configuration Administrator",
        "3bc748fc-213d-45c1-8d91-9da5725539b9",
        (
            f"{_ACR}/read",
            f"{_ACR}/write",
            f"{_ACR}/delete",
            f"{_ACR}/listCredentials/action",
            f"{_ACR}/regenerateCredential/action",
            f"{_ACR}/listUsages/read",
            f"{_ACR}/privateEndpointConnections/read",
            f"{_ACR}/privateEndpointConnections/write",
            f"{_ACR}/replications/read",
            f"{_ACR}/replications/write",
            "Microsoft.Authorization/*/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ),
    ),
    Role(
        "Container Registry Tasks Contributor",
        "fb382eab-e894-4461-af04-94435c366c3f",
        (
            f"{_ACR}/read",
            f"{_ACR}/tasks/read",
            f"{_ACR}/tasks/write",
            f"{_ACR}/runs/read",
            f"{_ACR}/runs/write",
            f"{_ACR}/runs/listLogSasUrl/action",
            f"{_ACR}/scheduleRun/action",
            f"{_ACR}/listBuildSourceUploadUrl/action",
        ),
    ),
    Role(
        "Owner",
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        ("*",),
        description=(
            "Grants full access to manage all resources, including the ability to assign roles in Azure RBAC."
        ),
    ),
    Role(
        "Contributor",
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        ("*",),
        _CONTRIBUTOR_NOT,
        description=(
            "Grants full access to manage all resources, but does not allow you to assign roles in Azure RBAC."
        ),
    ),
    Role(
        "Reader",
        "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        ("*/read",),
        description="View all resources, but does not allow you to make any changes.",
    ),
    Role(
        "User Access Administrator",
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        ("*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"),
    ),
    Role(
        "Role Based Access Control Administrator",
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        (
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
            "Microsoft.Support/*",
        ),
    ),
    Role(
        "Azure AI Administrator",
        "b78c5d69-af96-48a3-bf8d-a8b4d589de94",
        (
            "Microsoft.Authorization/*/read",
            "Microsoft.ContainerRegistry/registries/*",
            "Microsoft.CognitiveServices/*",
            "Microsoft.DocumentDB/databaseAccounts/*",
            "Microsoft.Insights/alertRules/*",
            "Microsoft.Insights/components/*",
            "Microsoft.KeyVault/*",
            "Microsoft.MachineLearningServices/workspaces/*",
            "Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action",
            "Microsoft.ResourceHealth/availabilityStatuses/read",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Storage/storageAccounts/*",
            "Microsoft.Support/*",
        ),
    ),
    Role(
        "AzureML Data Scientist",
        "f6c7c914-8db3-469d-8ca1-694a8f32e121",
        (
            "Microsoft.MachineLearningServices/workspaces/*/read",
            "Microsoft.MachineLearningServices/workspaces/*/action",
            "Microsoft.MachineLearningServices/workspaces/*/delete",
            "Microsoft.MachineLearningServices/workspaces/*/write",
        ),
        _DATA_SCIENTIST_NOT,
    ),
    Role(
        "AzureML Compute Operator",
        "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815",
        (
            "Microsoft.MachineLearningServices/workspaces/computes/*",
            "Microsoft.MachineLearningServices/workspaces/notebooks/vm/*",
        ),
    ),
    Role(
        "Managed Identity Operator",
        "f1a07417-d97a-45cb-824c-7a7467783830",
        (
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
            "Microsoft.Authorization/*/read",
        ),
    ),
    Role(
        "Storage Blob Data Reader",
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
        ("Microsoft.Storage/storageAccounts/blobServices/containers/read",),
        data_actions=("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",),
    ),
)


def _deployed() -> tuple[str, ...]:
    """Return the actions of the role that the deployment makes: the responder holds these and no others."""
    document = json.loads(_READER_ROLE.read_text(encoding="utf-8"))
    blocks = ("core", "network", "serving", "doctor")
    return tuple(right["action"] for block in blocks for right in document[block])


READER_ROLE = Role(
    "Sandbox Responder Reader",
    "5a2db0c5-0000-4000-8000-7ead0e4b1000",
    _deployed(),
    description="The sandbox gives it to the responder at every subscription of the world.",
    custom=True,
)
