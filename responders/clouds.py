"""The Azure clouds, as far as a responder needs them: where people click, and where the store lives."""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import quote

from diagnostics.azure.clouds import CLOUDS
from diagnostics.redaction import redact

__all__ = ["Cloud", "endpoints_link", "is_plain_link", "run_link"]

_PLAIN_LINK = re.compile(r"https://[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+")


class Cloud(StrEnum):
    """Name of a cloud, as ``az cloud list`` gives it."""

    PUBLIC = "AzureCloud"
    US_GOVERNMENT = "AzureUSGovernment"
    CHINA = "AzureChinaCloud"

    @property
    def studio(self) -> str:
        """Host of Azure Machine Learning studio."""
        return CLOUDS[self.value].studio.removeprefix("https://")

    @property
    def storage_suffix(self) -> str:
        """Suffix of storage end points, without a leading dot."""
        return CLOUDS[self.value].blob_suffix.removeprefix(".blob.")

    @property
    def authority(self) -> str:
        """Host of Microsoft Entra ID."""
        return CLOUDS[self.value].authority


def run_link(workspace_id: str, run_id: str, cloud: Cloud = Cloud.PUBLIC) -> str:
    """Return the run's page in the studio, every hostile character percent-encoded.

    Empty for an id that holds a secret: percent-encoded, no redactor would know it any more.
    """
    if redact(run_id) != run_id:
        return ""
    run = quote(run_id, safe="", errors="replace")
    workspace = quote(workspace_id, safe="/", errors="replace")
    return f"https://{cloud.studio}/runs/{run}?wsid={workspace}"


def endpoints_link(workspace_id: str, cloud: Cloud = Cloud.PUBLIC) -> str:
    """Return the studio's page of a workspace's endpoints."""
    return f"https://{cloud.studio}/endpoints?wsid={quote(workspace_id, safe='/', errors='replace')}"


def is_plain_link(url: str) -> bool:
    """Tell an ``https`` address of RFC 3986's characters alone, which ends no channel's syntax for a link."""
    return _PLAIN_LINK.fullmatch(url) is not None
