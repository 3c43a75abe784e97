"""The shapes of facts about credentials and rights: what can take a right away, and what a pull logs in with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from diagnostics.facts import GrantedPermissions

__all__ = [
    "ActivityEvent",
    "ActivityLog",
    "CacheRule",
    "CacheRules",
    "Connection",
    "Connections",
    "Denial",
    "DenyAssignments",
    "NamedIdentity",
    "PullIdentities",
    "Reaches",
    "RegistryTenancy",
    "RegistryToken",
]


class Reaches:
    """The words for how a deny assignment reaches a principal."""

    DIRECTLY = "directly"
    EVERYBODY = "everybody"
    BY_GROUP = "by a group"
    UNCLEAR = "unclear"
    """Only a group's membership would tell whether it reaches the principal or leaves it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """A deny assignment that may reach the principal; ``reaches`` is a word of :class:`Reaches`.

    ``conditional`` where a condition narrows it. ``system`` for one that Azure made and nobody edits.
    """

    name: str
    scope: str
    reaches: str
    permissions: tuple[GrantedPermissions, ...]
    conditional: bool = False
    system: bool = False
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyAssignments:
    """The deny assignments at ``scope`` and above that do not leave ``principal_id`` out."""

    principal_id: str
    scope: str
    denials: tuple[Denial, ...] = ()

    def __str__(self) -> str:
        """The fact in a sentence."""
        named = "; ".join(f"{it.name} (reaches it {it.reaches})" for it in self.denials)
        return named or f"none reaches {self.principal_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedIdentity:
    """A user-assigned identity and whether it still exists; ``of`` names what carries it."""

    resource_id: str
    found: bool
    of: str
    principal_id: str | None = None
    client_id: str | None = None

    @property
    def name(self) -> str:
        """The resource's name."""
        return self.resource_id.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class PullIdentities:
    """The identities that a pull on this compute could name.

    ``system_client_id`` is the client id of the compute's system-assigned identity, which the compute does not show. It
    is read only where the log names somebody whom nothing else explains; ``unread`` says in words what was not told.
    """

    identities: tuple[NamedIdentity, ...] = ()
    system_client_id: str | None = None
    unread: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The fact in a sentence."""
        named = "; ".join(f"{it.name} of {it.of} {'exists' if it.found else 'is gone'}" for it in self.identities)
        return named or "no user-assigned identity is in use"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A workspace connection as far as it may be shown: never its secret.

    ``host`` is the registry that it is for, with its port unless that is 443.
    """

    name: str
    host: str
    category: str
    auth_type: str
    expires_at: datetime | None = None
    created_at: datetime | None = None
    error: str | None = None

    @property
    def has_secret(self) -> bool:
        """Whether it logs in with something stored, as opposed to an identity or nothing."""
        return self.auth_type.lower() not in {"", "none", "managedidentity", "aad"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """Every connection of the workspace that leads to a host."""

    connections: tuple[Connection, ...] = ()

    def __str__(self) -> str:
        """The fact in a sentence."""
        named = "; ".join(f"{it.name} for {it.host} ({it.auth_type or 'no credential'})" for it in self.connections)
        return named or "there are none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityEvent:
    """Something that was done to a resource, and succeeded."""

    time: datetime
    operation: str
    resource: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityLog:
    """What was done to the registry's and the workspace's keys ``since`` then, oldest first.

    ``since`` is null where the log was not asked: no admin user is on, so no stored key of it is in use.
    """

    since: datetime | None
    events: tuple[ActivityEvent, ...] = ()

    def __str__(self) -> str:
        """The fact in a sentence."""
        if self.since is None:
            return "not asked: the admin user is off, so none of its keys is in use"
        done = "; ".join(f"{it.operation.split('/', 1)[-1]} at {it.time:%Y-%m-%d %H:%M} UTC" for it in self.events)
        return done or f"nothing was done to the keys since {self.since:%Y-%m-%d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryTenancy:
    """The tenants of the registry's and of the workspace's subscription; equal where it is one subscription."""

    registry_tenant: str | None
    workspace_tenant: str | None
    one_subscription: bool = False

    def __str__(self) -> str:
        """The fact in a sentence."""
        if self.one_subscription:
            return "registry and workspace are in one subscription, so in one tenant"
        theirs, ours = self.registry_tenant or "unknown", self.workspace_tenant or "unknown"
        return f"the registry's is {theirs}, the workspace's {ours}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRule:
    """An artifact cache rule: pulls of ``target`` that are not cached yet come from ``source``.

    ``credential_health`` is what the registry says of the rule's stored credential (``Healthy``, ``Unhealthy``),
    ``None`` where there is none or nothing was said; ``credential_error`` its own words.
    """

    name: str
    source: str
    target: str
    credential_set: str | None = None
    credential_health: str | None = None
    credential_error: str | None = None

    @property
    def broken(self) -> bool:
        """Whether the registry cannot log in where the rule fetches from."""
        return (self.credential_health or "").lower() == "unhealthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRules:
    """The rule that covers the image's repository, or that none does."""

    covering: CacheRule | None = None

    def __str__(self) -> str:
        """The rule in words."""
        rule = self.covering
        if rule is None:
            return "none covers the repository"
        login = f", its credential is {rule.credential_health.lower()}" if rule.credential_health else ""
        return f"{rule.name} fetches {rule.target} from {rule.source}{login}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryToken:
    """A repository-scoped token of a registry. ``expiries`` has an entry a password, ``None`` for one without an end.

    ``actions`` are those of its scope map, such as ``repositories/team/train/content/read``; a name may end in ``*``.
    """

    name: str
    found: bool
    enabled: bool = True
    expiries: tuple[datetime | None, ...] = ()
    scope_map: str | None = None
    actions: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The token in words, without anything secret: it has nothing."""
        if not self.found:
            return f"no token is called {self.name}" if self.name else "the run's definition names no user"
        state = "enabled" if self.enabled else "disabled"
        return f"{self.name} is {state}, with {len(self.expiries)} passwords and {len(self.actions)} actions"

    def may_pull(self, repository: str) -> bool:
        """Whether the scope map lets the token read the content of ``repository``.

        Source: *Create a token with repository-scoped permissions* (Azure Container Registry documentation): a wildcard
        stands at the end of the repository's name.
        """
        for action in self.actions:
            scope, _, verb = action.lower().removeprefix("repositories/").rpartition("/content/")
            whole = scope == repository.lower()
            if verb == "read" and (whole or (scope.endswith("*") and repository.lower().startswith(scope[:-1]))):
                return True
        return False
