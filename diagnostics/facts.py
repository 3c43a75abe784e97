"""The shapes of facts: what each probe says when it could look.

All of them are plain immutable values that serialise; ``None`` means that Azure's answer had no such member.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

__all__ = [
    "Compute",
    "Grant",
    "GrantedPermissions",
    "Identity",
    "Manifest",
    "ManifestOutcome",
    "NameAvailability",
    "PrivateEndpointConnection",
    "Registry",
    "RegistryLookup",
    "Replica",
    "Replicas",
    "RoleGrants",
    "RoleVisibility",
    "TagDetail",
    "Tags",
    "Workspace",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A managed identity that something carries; ``resource_id`` only for a user-assigned one."""

    kind: str
    principal_id: str | None
    client_id: str | None = None
    resource_id: str | None = None
    tenant_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A workspace (``Microsoft.MachineLearningServices/workspaces``); ``container_registry`` is null until needed."""

    id: str
    name: str
    region: str
    discovery_url: str
    container_registry: str | None = None
    image_build_compute: str | None = None
    public_network_access: str | None = None
    isolation_mode: str | None = None
    identities: tuple[Identity, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineEndpoint:
    """An online endpoint of the workspace, with the identities that its deployments pull with."""

    name: str
    identities: tuple[Identity, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """The compute that a run was sent to. ``found`` is false where the workspace has none of that name (any more).

    ``endpoints`` are read only where the text speaks of an endpoint's identity.
    """

    name: str
    found: bool
    kind: str = ""
    region: str = ""
    vm_size: str = ""
    created_at: datetime | None = None
    subnet: str | None = None
    provisioning_state: str | None = None
    identities: tuple[Identity, ...] = ()
    endpoints: tuple[OnlineEndpoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateEndpointConnection:
    """A private endpoint connection of a registry; ``status`` is Approved, Pending, Rejected or Disconnected."""

    name: str
    status: str
    endpoint_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """A registry's own settings (``Microsoft.ContainerRegistry/registries``, api-version 2025-11-01).

    ``default_action`` is null where the SKU has no network rules, which lets everybody in. ``ip_rules`` are
    addresses or CIDR ranges. ``abac`` is true in the mode *RBAC Registry + ABAC Repository Permissions*.
    ``data_endpoints`` are the dedicated hosts that layers come from, empty where they come from storage.
    ``encryption_key`` is the identifier of a customer-managed key, ``encryption_identity`` the client id that uses
    it. ``arm_audience_tokens`` is false where only tokens made for registries are taken.
    """

    id: str
    name: str
    login_server: str
    region: str
    sku: str
    admin_user_enabled: bool
    anonymous_pull: bool
    abac: bool
    public_access: bool
    default_action: str | None = None
    ip_rules: tuple[str, ...] = ()
    trusted_services: bool = True
    trusted_services_for_tasks: bool = True
    quarantine: bool = False
    arm_audience_tokens: bool = True
    data_endpoints: tuple[str, ...] = ()
    encryption_key: str | None = None
    encryption_identity: str | None = None
    private_endpoints: tuple[PrivateEndpointConnection, ...] = ()
    provisioning_state: str | None = None
    created_at: datetime | None = None
    changed_at: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def denies_by_default(self) -> bool:
        """Whether only listed addresses come in on the public way."""
        return (self.default_action or "Allow").lower() == "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryLookup:
    """The registry behind a login server, or its absence in every subscription that we may list.

    ``attached`` tells whether it is the workspace's own. ``searched`` names the subscriptions that were listed;
    ``attached_missing`` is the id of the workspace's own registry where that resource no longer exists.
    ``resembling`` are login servers in reach that look like the one asked for. ``meant`` is the workspace's own
    registry where the host is a wrong name for it (other cloud, other hash, the private link's zone).
    """

    host: str
    found: Registry | None
    attached: bool = False
    searched: tuple[str, ...] = ()
    attached_missing: str | None = None
    attached_login_server: str | None = None
    resembling: tuple[str, ...] = ()
    meant: Registry | None = None

    @property
    def aimed_at(self) -> Registry | None:
        """The registry that the reference names, or that it was meant for: the one whose roles matter."""
        return self.found or self.meant


@dataclass(frozen=True, slots=True, kw_only=True)
class NameAvailability:
    """Whether a registry name is free in all of Azure (``checkNameAvailability``)."""

    name: str
    available: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantedPermissions:
    """One permission block of a role definition."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role assignment that reaches the principal, with its role's permissions read out.

    ``principal_id`` may be a group that holds the principal, directly or through other groups. ``updated_at`` is when
    the assignment was last changed in place, which its condition can be.
    """

    role: str
    role_id: str
    scope: str
    principal_id: str
    principal_type: str
    permissions: tuple[GrantedPermissions, ...]
    custom: bool = False
    created_at: datetime | None = None
    condition: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGrants:
    """Every role assignment that reaches ``principal_id`` at ``scope`` or above, as far as we may see."""

    principal_id: str
    scope: str
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleVisibility:
    """Whether we may read role assignments at ``scope``: an empty list is a fact only then."""

    scope: str
    readable: bool


class ManifestOutcome:
    """The words for what a registry answered when it was asked for a manifest."""

    FOUND = "found"
    TAG_UNKNOWN = "tag-unknown"
    REPOSITORY_UNKNOWN = "repository-unknown"
    DISALLOWED = "disallowed"
    """It is there and may not be read: a lock, or a quarantine (405)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A registry's answer about one tag or digest; ``outcome`` is a word of :class:`ManifestOutcome`.

    ``compressed_bytes`` is the sum of the layers of one platform's manifest. ``said`` is its own wording. ``platforms``
    (``linux/amd64``) are those of an index, empty for an image of its own, whose manifest does not say.
    """

    outcome: str
    reference: str
    said: str = ""
    digest: str | None = None
    media_type: str | None = None
    compressed_bytes: int | None = None
    layers: int | None = None
    platforms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TagDetail:
    """One tag, when it was made, and when it was last pushed to."""

    name: str
    created_at: datetime | None = None
    moved_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The newest tags of a repository, newest first; ``complete`` when there are no more.

    ``dated`` is false where the registry lists names only, in an order that says nothing.
    """

    newest: tuple[TagDetail, ...]
    complete: bool
    dated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A place where the registry is served from; the home region is one of them.

    ``enabled`` is false where requests are no longer routed to it. ``status`` is the portal's word (*Ready*, *Syncing*)
    since ``status_at``.
    """

    region: str
    provisioning_state: str | None = None
    enabled: bool = True
    status: str | None = None
    status_at: datetime | None = None

    @property
    def ready(self) -> bool:
        """Whether it serves what it holds: requests are routed to it, and it is made and not failing."""
        made = (self.provisioning_state or "Succeeded").lower() == "succeeded"
        return self.enabled and made and (self.status or "Ready").lower() in {"ready", "syncing"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    """All replicas of a registry."""

    replicas: tuple[Replica, ...]
