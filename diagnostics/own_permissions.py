"""Our own effective permissions at a scope, as Azure states them: what we may read is asked, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.azure.arm import ArmClient
from diagnostics.facts import GrantedPermissions

__all__ = ["own_permissions"]

_API = "2022-04-01"


def own_permissions(arm: ArmClient, scope: str) -> tuple[GrantedPermissions, ...]:
    """Return what the caller's roles allow at ``scope``, those of the scopes above it included.

    ``Microsoft.Authorization/permissions`` (api-version 2022-04-01). Conditions and deny assignments are not in it.
    Raises :class:`diagnostics.azure.errors.ReadFailed`.
    """
    path = f"{scope}/providers/Microsoft.Authorization/permissions"
    return tuple(_block(block) for block in arm.pages(path, api_version=_API))


def _block(block: Mapping[str, Any]) -> GrantedPermissions:
    return GrantedPermissions(
        actions=_texts(block.get("actions")),
        not_actions=_texts(block.get("notActions")),
        data_actions=_texts(block.get("dataActions")),
        not_data_actions=_texts(block.get("notDataActions")),
    )


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list) else ()
