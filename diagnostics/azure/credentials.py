"""The credential that everything reads with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.azure.clouds import Cloud
from diagnostics.azure.errors import NoCredential

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

__all__ = ["open_credential"]


def open_credential(cloud: Cloud, *, client_id: str | None = None) -> TokenCredential:
    """Return a credential that has proven that it can get a token for Resource Manager.

    ``client_id`` names a user-assigned identity. In the function app this is the managed identity, at a keyboard the
    caller's own log-in (``az login``). :class:`NoCredential` says in one line that nobody is logged in.
    """
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - 150 ms that the trigger must not pay

    credential = DefaultAzureCredential(
        authority=cloud.authority,
        managed_identity_client_id=client_id,
        exclude_visual_studio_code_credential=True,
        process_timeout=8,
    )
    try:
        credential.get_token(cloud.resource_manager_scope)
    except Exception:  # noqa: BLE001 - sorted, never swallowed
        raise NoCredential("no Azure credential: log in with `az login`, or give the app a managed identity") from None
    return credential
