"""The hosts and audiences of the cloud that a world stands in (azure-cli-core, ``azure/cli/core/cloud.py``)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PUBLIC", "Hosts", "hosts_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """One cloud's: Resource Manager's host, the audiences that it takes, and the suffixes of other services."""

    manager: str
    audiences: frozenset[str]
    learning_suffix: str
    blob_suffix: str
    registry_suffix: str


PUBLIC = Hosts(
    manager="management.azure.com",
    audiences=frozenset({"https://management.azure.com", "https://management.core.windows.net"}),
    learning_suffix=".api.azureml.ms",
    blob_suffix=".blob.core.windows.net",
    registry_suffix=".azurecr.io",
)
_OTHERS = {
    "azureusgovernment": Hosts(
        manager="management.usgovcloudapi.net",
        audiences=frozenset({"https://management.usgovcloudapi.net", "https://management.core.usgovcloudapi.net"}),
        learning_suffix=".api.ml.azure.us",
        blob_suffix=".blob.core.usgovcloudapi.net",
        registry_suffix=".azurecr.us",
    ),
    "azurechinacloud": Hosts(
        manager="management.chinacloudapi.cn",
        audiences=frozenset({"https://management.chinacloudapi.cn", "https://management.core.chinacloudapi.cn"}),
        learning_suffix=".api.ml.azure.cn",
        blob_suffix=".blob.core.chinacloudapi.cn",
        registry_suffix=".azurecr.cn",
    ),
}


def hosts_of(cloud: str | None) -> Hosts:
    """Return the hosts of a cloud by its name (``az cloud list``); the public one's where it has none of these."""
    return _OTHERS.get((cloud or "").lower(), PUBLIC)
