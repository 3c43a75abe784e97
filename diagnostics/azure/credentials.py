"""The credential that everything reads with."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from diagnostics.azure.arm import LIMITS, brief_retry_policy
from diagnostics.azure.clouds import Cloud
from diagnostics.azure.errors import NoCredential

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

__all__ = ["claims_of", "identity_in", "open_credential", "own_tenant"]


def open_credential(cloud: Cloud, *, client_id: str | None = None) -> TokenCredential:
    """Return a credential that has proven that it can get a token for Resource Manager.

    ``client_id`` names a user-assigned identity. In the function app this is the managed identity, at a keyboard the
    caller's own log-in (``az login``). :class:`NoCredential` says in one line that nobody is logged in.
    """
    credential = identity_in(cloud, client_id=client_id)
    try:
        credential.get_token(cloud.resource_manager_scope)
    except Exception:  # noqa: BLE001 - sorted, never swallowed
        raise NoCredential("no Azure credential: log in with `az login`, or give the app a managed identity") from None
    return credential


def identity_in(cloud: Cloud, *, client_id: str | None = None) -> TokenCredential:
    """Return that credential before it has proven anything.

    An App Service identity that asks for patience (``Retry-After``) is waited for only where that is soon: azure-core
    would sleep for as long as it is told. The one of a virtual machine has a policy of its own, which takes no other.
    """
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - 150 ms that the trigger must not pay

    patience: dict[str, Any] = {}
    if "IDENTITY_ENDPOINT" in os.environ:  # as azure-identity itself tells them apart
        patience = {"retry_policy_class": brief_retry_policy(), **LIMITS}
    return DefaultAzureCredential(
        authority=cloud.authority,
        managed_identity_client_id=client_id,
        exclude_visual_studio_code_credential=True,
        process_timeout=8,
        **patience,
    )


def own_tenant(environment: Mapping[str, str]) -> str | None:
    """Return the tenant that the credential is of, where it is stated (azure-identity's ``AZURE_TENANT_ID``)."""
    return environment.get("AZURE_TENANT_ID", "").strip() or None


def claims_of(token: str) -> Mapping[str, Any]:
    """Return what a token of our own says of whose it is (*Access token claims reference*); nothing where it is opaque.

    Nothing is verified: it is our own credential's answer, and nobody is let in by it.
    """
    try:
        middle = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
