"""The Azure clouds: their hosts, audiences and name suffixes; the one place that spells them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CLOUDS", "Cloud", "cloud_named", "cloud_of_registry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """One Azure cloud. Suffixes start with a dot; audiences are OAuth scopes ending in ``/.default``.

    ``authority`` is the host of Microsoft Entra ID. Source: azure-identity's ``AzureAuthorityHosts``, and
    each service's documentation on sovereign clouds.
    """

    name: str
    resource_manager: str
    resource_manager_scope: str
    registry_suffix: str
    machine_learning_suffix: str
    blob_suffix: str
    vault_suffix: str
    studio: str
    authority: str
    machine_learning_scope: str
    registry_scope: str = "https://containerregistry.azure.net/.default"


CLOUDS = {
    cloud.name: cloud
    for cloud in (
        Cloud(
            name="AzureCloud",
            resource_manager="https://management.azure.com",
            resource_manager_scope="https://management.azure.com/.default",
            registry_suffix=".azurecr.io",
            machine_learning_suffix=".api.azureml.ms",
            blob_suffix=".blob.core.windows.net",
            vault_suffix=".vault.azure.net",
            studio="https://ml.azure.com",
            authority="login.microsoftonline.com",
            machine_learning_scope="https://ml.azure.com/.default",
        ),
        Cloud(
            name="AzureUSGovernment",
            resource_manager="https://management.usgovcloudapi.net",
            resource_manager_scope="https://management.usgovcloudapi.net/.default",
            registry_suffix=".azurecr.us",
            machine_learning_suffix=".api.ml.azure.us",
            blob_suffix=".blob.core.usgovcloudapi.net",
            vault_suffix=".vault.usgovcloudapi.net",
            studio="https://ml.azure.us",
            authority="login.microsoftonline.us",
            machine_learning_scope="https://ml.azure.us/.default",
        ),
        Cloud(
            name="AzureChinaCloud",
            resource_manager="https://management.chinacloudapi.cn",
            resource_manager_scope="https://management.chinacloudapi.cn/.default",
            registry_suffix=".azurecr.cn",
            machine_learning_suffix=".api.ml.azure.cn",
            blob_suffix=".blob.core.chinacloudapi.cn",
            vault_suffix=".vault.azure.cn",
            studio="https://studio.ml.azure.cn",
            authority="login.chinacloudapi.cn",
            machine_learning_scope="https://ml.azure.cn/.default",
        ),
    )
}


def cloud_named(name: str) -> Cloud:
    """Return the cloud called ``name`` (case does not count); :class:`ValueError` lists the names there are."""
    for known, cloud in CLOUDS.items():
        if known.lower() == name.strip().lower():
            return cloud
    raise ValueError(f"no cloud is called {name!r}; there are {', '.join(CLOUDS)}")


def cloud_of_registry(login_server: str) -> Cloud | None:
    """Return the cloud that a registry's name belongs to, ``None`` for a registry that is none of Azure's."""
    return next((cloud for cloud in CLOUDS.values() if login_server.lower().endswith(cloud.registry_suffix)), None)
