"""Reading of Resource Manager's JSON, in which any member may be absent, null or of another casing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from diagnostics.facts import Identity

__all__ = ["identities", "member", "text", "when", "word"]


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


def when(value: Any) -> datetime | None:
    """Return an ISO 8601 time in UTC, or ``None``; Azure writes five to seven digits of a second."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


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
