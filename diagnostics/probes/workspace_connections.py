"""The workspace's connections, without their secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from diagnostics.credential_facts import Connection, Connections
from diagnostics.model import Fact
from diagnostics.probes._shapes import member, text, when
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_API = "2025-12-01"


class WorkspaceConnectionsProbe:
    """Lists ``workspaces/connections`` (api-version 2025-12-01); ``listsecrets`` is never called."""

    name = "workspace-connections"
    title = "the workspace's connections"
    value_type: type = Connections
    needs: tuple[str, ...] = ()
    actions: tuple[str, ...] = ("Microsoft.MachineLearningServices/workspaces/connections/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return :class:`Connections`; an empty list is an answer."""
        found = reach.arm.pages(f"{subject.run.workspace_id}/connections", api_version=_API)
        connections = tuple(it for resource in found if (it := _connection(resource)) is not None)
        value = Connections(connections=tuple(sorted(connections, key=lambda it: (it.host, it.name))))
        return control_plane(value, "the workspace's connections", reach)


def _connection(resource: Mapping[str, Any]) -> Connection | None:
    """Return a connection, or ``None`` for one that leads to no host (to a folder, to a model)."""
    properties = resource.get("properties")
    host = _host(text(properties, "target") or "")
    if host is None:
        return None
    return Connection(
        name=text(resource, "name") or "a connection without a name",
        host=host,
        category=text(properties, "category") or "",
        auth_type=text(properties, "authType") or "",
        expires_at=when(member(properties, "expiryTime")),
        created_at=when(member(resource, "systemData", "createdAt")),
        error=text(properties, "error"),
    )


def _host(target: str) -> str | None:
    """Return the host of a target that is a URL, a host, or a host with a path; with its port, where one is named."""
    try:
        parts = urlsplit(target if "://" in target else f"https://{target}")
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return None
    if "." not in host:
        return None
    return host if port in (None, 443) else f"{host}:{port}"


PROBE = WorkspaceConnectionsProbe()
