"""The Azure clouds, as far as a responder needs them: where people click, and where the store lives."""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import quote

__all__ = ["Cloud", "is_plain_link", "run_link"]

_PLAIN_LINK = re.compile(r"https://[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+")


class Cloud(StrEnum):
    """Name of a cloud, as ``az cloud list`` gives it."""

    PUBLIC = "AzureCloud"
    US_GOVERNMENT = "AzureUSGovernment"
    CHINA = "AzureChinaCloud"

    @property
    def studio(self) -> str:
        """Host of Azure Machine Learning studio (Microsoft Learn, "Azure ML sovereign cloud parity")."""
        return {
            Cloud.PUBLIC: "ml.azure.com",
            Cloud.US_GOVERNMENT: "ml.azure.us",
            Cloud.CHINA: "studio.ml.azure.cn",
        }[self]

    @property
    def storage_suffix(self) -> str:
        """Suffix of storage end points (Microsoft Learn, "Storage account overview", endpoints per cloud)."""
        return {
            Cloud.PUBLIC: "core.windows.net",
            Cloud.US_GOVERNMENT: "core.usgovcloudapi.net",
            Cloud.CHINA: "core.chinacloudapi.cn",
        }[self]

    @property
    def authority(self) -> str:
        """Host of Microsoft Entra ID (``azure.identity.AzureAuthorityHosts``)."""
        return {
            Cloud.PUBLIC: "login.microsoftonline.com",
            Cloud.US_GOVERNMENT: "login.microsoftonline.us",
            Cloud.CHINA: "login.chinacloudapi.cn",
        }[self]


def run_link(workspace_id: str, run_id: str, cloud: Cloud = Cloud.PUBLIC) -> str:
    """Return the run's page in the studio, every hostile character percent-encoded."""
    run = quote(run_id, safe="", errors="replace")
    workspace = quote(workspace_id, safe="/", errors="replace")
    return f"https://{cloud.studio}/runs/{run}?wsid={workspace}"


def is_plain_link(url: str) -> bool:
    """Tell an ``https`` address of RFC 3986's characters alone, which ends no channel's syntax for a link."""
    return _PLAIN_LINK.fullmatch(url) is not None
