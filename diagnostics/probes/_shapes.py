"""Reading of Resource Manager's JSON, in which any member may be absent, null or of another casing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from diagnostics.azure.errors import Nonsense
from diagnostics.facts import Identity

__all__ = ["identities", "member", "properties_of", "size", "text", "when", "word"]


def member(value: Any, *path: str) -> Any:
    """Return the member of nested objects at ``path``, or ``None`` where any step is missing."""
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def text(value: Any, *path: str) -> str | None:
    """Return the non-empty string at ``path``, or ``None``."""
    found = member(value, *path)
    return found if isinstance(found, str) and found else None


def word(value: Any) -> str | None:
    """Return the wire's word for a member of an SDK model: its enums print their Python names instead."""
    found = getattr(value, "value", value)
    return str(found) if found is not None and found != "" else None


def size(value: Any) -> int | None:
    """Return a size in bytes (``int64`` in the OCI image specification), or ``None`` for what can be none."""
    plain = isinstance(value, int) and not isinstance(value, bool)
    return value if plain and 0 <= value < 2**63 else None


def when(value: Any) -> datetime | None:
    """Return an ISO 8601 time in UTC, or ``None``; Azure writes five to seven digits of a second."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # a zone can lead out of the years that there are
        return None


def properties_of(resource: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    """Return a resource's ``properties``; without them it says nothing and is nonsense."""
    found = resource.get("properties")
    if not isinstance(found, Mapping):
        raise Nonsense(f"{what} came without its properties")
    return found


def identities(resource: Mapping[str, Any]) -> tuple[Identity, ...]:
    """Return a resource's managed identities, the system-assigned one first: that is the default one.

    ``identity`` is absent, not null, where there is none (api-version 2024-04-01, recorded).
    """
    found = []
    principal = text(resource, "identity", "principalId")
    tenant = text(resource, "identity", "tenantId")
    if principal:
        found.append(Identity(kind="system-assigned", principal_id=principal, tenant_id=tenant))
    assigned = member(resource, "identity", "userAssignedIdentities")
    for resource_id, ids in assigned.items() if isinstance(assigned, Mapping) else ():
        found.append(
            Identity(
                kind="user-assigned",
                principal_id=text(ids, "principalId"),
                client_id=text(ids, "clientId"),
                resource_id=str(resource_id),
                tenant_id=tenant,
            )
        )
    return tuple(found)
