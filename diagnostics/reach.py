"""What probes reach the cloud with: one bundle of clients, made once and shared by all runs of a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from threading import RLock
from typing import TYPE_CHECKING, Protocol

from diagnostics.azure.arm import KEPT, ArmClient, connections, sdk_options
from diagnostics.azure.clouds import Cloud
from diagnostics.azure.counting import counting_adapter
from diagnostics.azure.errors import ReadFailed
from diagnostics.azure.history import RunHistory
from diagnostics.azure.models import complete
from diagnostics.azure.oci_registry import OciRegistry
from diagnostics.azure.registry_data import RegistryClient
from diagnostics.fact_cache import FactCache

if TYPE_CHECKING:
    import requests
    from azure.core.credentials import TokenCredential
    from azure.core.pipeline.transport import RequestsTransport
    from azure.mgmt.authorization import AuthorizationManagementClient
    from azure.mgmt.containerregistry import ContainerRegistryManagementClient

__all__ = ["Memory", "Reach", "utc_now"]

_REMEMBERED = 64
"""How many repositories' clients a worker keeps; each holds one short-lived token."""


def utc_now() -> datetime:
    """Return the time, in UTC; the default of every clock that is passed in."""
    return datetime.now(UTC)


class Memory(Protocol):
    """Protocol: texts by key, such as a dictionary. Safe to use from several threads."""

    def get(self, key: str, /) -> str | None:
        """Return what is known of ``key``."""

    def __setitem__(self, key: str, value: str, /) -> None: ...


@dataclass(kw_only=True)
class Reach:
    """Clients of one cloud under one credential, safe to share between threads; ``now`` is the clock.

    ``tenant`` is the credential's own, where it is known. ``allowed_registries`` are login servers that may be asked
    although Resource Manager does not list them; ``places`` remembers where a workspace's discovery document and a
    region's run history are: neither moves. ``facts`` are those of the last minute, for runs that failed together.
    """

    cloud: Cloud
    credential: TokenCredential
    tenant: str | None = None
    now: Callable[[], datetime] = utc_now
    allowed_registries: frozenset[str] = frozenset({"mcr.microsoft.com"})
    places: Memory = field(default_factory=dict[str, str])
    facts: FactCache = field(default_factory=FactCache, repr=False)
    _lock: RLock = field(default_factory=RLock, repr=False)
    _registries: dict[str, ContainerRegistryManagementClient] = field(default_factory=dict, repr=False)
    _roles: dict[str, AuthorizationManagementClient] = field(default_factory=dict, repr=False)
    _data_planes: dict[str, RegistryClient] = field(default_factory=dict, repr=False)
    _others: dict[str, OciRegistry] = field(default_factory=dict, repr=False)

    @cached_property
    def _connections(self) -> RequestsTransport:
        return connections()

    @cached_property
    def arm(self) -> ArmClient:
        """The client for plain Resource Manager resources."""
        return ArmClient(self.cloud, self.credential, self._connections)

    @cached_property
    def history(self) -> RunHistory:
        """The client for run history."""
        return RunHistory(self.arm, self.places)

    @cached_property
    def session(self) -> requests.Session:
        """The HTTP session for log blobs and registries' data planes."""
        import requests  # noqa: PLC0415 - off the path of the trigger's import

        session = requests.Session()
        session.headers["User-Agent"] = "pullmedic"
        session.mount("https://", counting_adapter(pool_maxsize=KEPT))
        return session

    def warm_up(self) -> None:
        """Load the libraries and make the clients that every run needs; get the token for registries.

        May raise what the credential raises.
        """
        made = self._made_roles("")
        _ = (made.role_assignments, made.role_definitions, made.deny_assignments, made.permissions)
        _ = (self._made_registries("").registries, self.history, self.session)
        self.credential.get_token(self.cloud.registry_scope)

    def registries(self, subscription: str) -> ContainerRegistryManagementClient:
        """The registry SDK (azure-mgmt-containerregistry, api-version 2025-11-01) for one subscription."""
        with self._lock:
            if subscription not in self._registries:
                self._registries[subscription] = self._made_registries(subscription)
            return self._registries[subscription]

    def roles(self, subscription: str) -> AuthorizationManagementClient:
        """The role SDK (azure-mgmt-authorization, api-version 2022-04-01) for one subscription."""
        with self._lock:
            if subscription not in self._roles:
                self._roles[subscription] = self._made_roles(subscription)
            return self._roles[subscription]

    def registry(self, login_server: str, repository: str) -> RegistryClient:
        """The data plane of one registry, for one repository; ``login_server`` must be Resource Manager's own."""
        with self._lock:
            key = f"{login_server}/{repository}"
            client = self._data_planes.pop(key, None) or RegistryClient(
                self.session,
                self.cloud,
                self.credential,
                login_server=login_server,
                repository=repository,
                tenant=self.tenant,
                logged_in=partial(self._remember, login_server),
            )
            self._data_planes[key] = client
            while len(self._data_planes) > _REMEMBERED:
                self._data_planes.pop(next(iter(self._data_planes)))
            return client

    def known_registry(self, host: str, repository: str) -> RegistryClient | None:
        """The same, where Resource Manager named ``host`` lately and it let us in: it need not be waited for again."""
        azure = host.lower().endswith(self.cloud.registry_suffix)
        known = self.places.get(_named(host)) if azure else None
        return self.registry(known, repository) if known is not None else None

    def other_registry(self, host: str, repository: str) -> OciRegistry:
        """A registry that Resource Manager does not list, asked anonymously, and only if the allow-list names it."""
        if host.lower() not in self.allowed_registries:
            raise ReadFailed(f"{host} is no registry that Resource Manager lists for us, so it was not asked")
        with self._lock:
            key = f"{host.lower()}/{repository}"
            client = self._others.pop(key, None) or OciRegistry(
                self.session, host, repository, trusted=self.allowed_registries
            )
            self._others[key] = client
            while len(self._others) > _REMEMBERED:
                self._others.pop(next(iter(self._others)))
            return client

    def _remember(self, login_server: str) -> None:
        if self.places.get(_named(login_server)) is None:
            self.places[_named(login_server)] = login_server

    def _made_registries(self, subscription: str) -> ContainerRegistryManagementClient:
        from azure.mgmt.containerregistry import ContainerRegistryManagementClient  # noqa: PLC0415

        complete("azure.mgmt.containerregistry")
        return ContainerRegistryManagementClient(
            self.credential, subscription, **sdk_options(self.cloud, self._connections)
        )

    def _made_roles(self, subscription: str) -> AuthorizationManagementClient:
        from azure.mgmt.authorization import AuthorizationManagementClient  # noqa: PLC0415

        return AuthorizationManagementClient(
            self.credential, subscription, **sdk_options(self.cloud, self._connections)
        )


def _named(host: str) -> str:
    return f"login server {host.lower()}"
