"""What is looked at: settings, environment, and what several checks read of Azure, each read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any, TypeVar, cast

from diagnostics.azure.arm import resource_part
from diagnostics.azure.credentials import claims_of
from diagnostics.azure.errors import NotPermitted, ReadFailed, from_azure_core
from diagnostics.facts import GrantedPermissions, Registry
from diagnostics.listing import subscriptions, workspace_document, workspace_documents
from diagnostics.own_permissions import own_permissions
from diagnostics.permissions import blocks_of
from diagnostics.probes._shapes import text
from diagnostics.probes.registry import registry_value
from diagnostics.reach import Reach
from responders.settings import Settings, declared_settings, misspelt_settings

__all__ = ["Deployment", "Identity", "Scope", "not_visible_why", "short", "subscription_of"]

T = TypeVar("T")
S = TypeVar("S")

_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose rights are looked at, by the token's own claims. ``kind`` as role assignments have it; ``name`` if told."""

    object_id: str
    client_id: str = ""
    tenant: str = ""
    kind: str = "ServicePrincipal"
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The workspaces that are diagnosed, and the registries attached to them, by resource id.

    ``unread`` says by resource id why a workspace or a subscription could not be read.
    """

    workspaces: tuple[str, ...] = ()
    registries: tuple[str, ...] = ()
    unread: Mapping[str, ReadFailed] = field(default_factory=dict)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The ids of the subscriptions (``/subscriptions/...``) in which any of these stand."""
        ids = (*self.workspaces, *self.registries)
        return tuple(dict.fromkeys(map(subscription_of, ids)))


class Deployment:
    """One deployment at one moment; safe to share between threads. What could not be read raises for every asker.

    ``reach`` raises :class:`diagnostics.azure.errors.NoCredential` where there is no way to log in. ``app`` is the
    function app's name, where it is known. ``principal`` is the object id of the identity whose rights are looked at,
    empty for the one that reads.
    """

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        settings: Settings,
        now: Callable[[], datetime],
        reach: Callable[[], Reach],
        app: str = "",
        principal: str = "",
    ) -> None:
        self.environ = environ
        self.settings = settings
        self.now = now
        self.app = app or environ.get("WEBSITE_SITE_NAME", "")
        self.principal = principal
        misspelt = misspelt_settings(environ, declared_settings(), used=settings.variables)
        self.problems = (*settings.problems, *misspelt)
        self._open = reach
        self._known: dict[str, Future[Any]] = {}
        self._lock = Lock()

    def reach(self) -> Reach:
        """Return the clients under the reader's identity."""
        return self._once("reach", self._open)

    def identity(self) -> Identity:
        """Return whose rights are looked at: who is named, else whose token Resource Manager gets."""
        return Identity(object_id=self.principal) if self.principal else self.reader()

    def reader(self) -> Identity:
        """Return whose token Resource Manager gets."""
        return self._once("identity", self._identity)

    def scope(self) -> Scope:
        """Return what is in scope: by the settings, else whatever we may list."""
        return self._once("scope", self._scope)

    def permissions(self, scope: str) -> tuple[GrantedPermissions, ...]:
        """Return what the identity that is looked at may do at a scope."""
        arm = self.reach
        read = partial(self._assigned, scope) if self.principal else lambda: own_permissions(arm().arm, scope)
        return self._once(f"permissions {scope.lower()}", read)

    def registry(self, registry_id: str) -> Registry:
        """Return a registry's settings."""
        return self._once(f"registry {registry_id.lower()}", lambda: self._registry(registry_id))

    def each(self, items: Iterable[S], look: Callable[[S], T]) -> Iterator[T]:
        """Yield ``look`` of every item in their order, several at once. What raises ends it: let ``look`` not raise."""
        listed = tuple(items)
        if len(listed) < 2:
            yield from map(look, listed)
            return
        with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="pullmedic-looking") as pool:
            yield from pool.map(look, listed)

    def _once(self, key: str, read: Callable[[], T]) -> T:
        with self._lock:
            found = self._known.get(key)
            mine = found is None
            if found is None:
                found = self._known[key] = Future()
        if mine:
            try:
                found.set_result(read())
            except Exception as error:  # noqa: BLE001 - sorted, and raised for every asker
                found.set_exception(from_azure_core(error))
        return cast("T", found.result())

    def _assigned(self, scope: str) -> tuple[GrantedPermissions, ...]:
        """Return what the roles allow that reach ``principal`` at ``scope``, by groups and from above as well."""
        client = self.reach().roles(resource_part(scope, "subscriptions") or "")
        assigned = client.role_assignments.list_for_scope(scope, filter=f"assignedTo('{self.principal}')")
        roles = {str(one.role_definition_id) for one in assigned if _reaches(str(one.scope), scope)}
        return tuple(
            block for role in sorted(roles) for block in blocks_of(client.role_definitions.get_by_id(role).permissions)
        )

    def _identity(self) -> Identity:
        reach = self.reach()
        claims = claims_of(reach.credential.get_token(reach.cloud.resource_manager_scope).token)
        people = claims.get("idtyp") == "user" or bool(claims.get("upn") or claims.get("unique_name"))
        return Identity(
            object_id=text(claims, "oid") or "",
            client_id=text(claims, "appid") or text(claims, "azp") or "",
            tenant=text(claims, "tid") or "",
            kind="User" if people else "ServicePrincipal",
            name=text(claims, "upn") or text(claims, "unique_name") or "",
        )

    def _scope(self) -> Scope:
        named = self.settings.workspaces
        if named is not None:
            return self._of_named(sorted(named))
        reach = self.reach()
        found: list[Mapping[str, Any]] = []
        unread: dict[str, ReadFailed] = {}
        for subscription in subscriptions(reach):
            try:
                found += workspace_documents(reach, subscription)
            except ReadFailed as error:
                unread[f"/subscriptions/{subscription}"] = error
        return _scope_of(found, unread)

    def _of_named(self, named: Iterable[str]) -> Scope:
        ids = tuple(named)
        answers = dict(zip(ids, self.each(ids, self._workspace), strict=True))
        found = [answer for answer in answers.values() if not isinstance(answer, ReadFailed)]
        unread = {one: answer for one, answer in answers.items() if isinstance(answer, ReadFailed)}
        made = _scope_of(found, unread)
        # One that cannot be read is in scope all the same: its rights and events are looked at by its id.
        return Scope(workspaces=(*made.workspaces, *unread), registries=made.registries, unread=unread)

    def _workspace(self, workspace_id: str) -> Mapping[str, Any] | ReadFailed:
        try:
            return workspace_document(self.reach(), workspace_id)
        except ReadFailed as error:
            return error

    def _registry(self, registry_id: str) -> Registry:
        subscription = resource_part(registry_id, "subscriptions") or ""
        group = resource_part(registry_id, "resourceGroups") or ""
        return registry_value(self.reach().registries(subscription).registries.get(group, short(registry_id)))


def _reaches(assigned_at: str, scope: str) -> bool:
    """Tell whether an assignment counts at ``scope``: the list holds those below it, too."""
    above = assigned_at.rstrip("/").lower()
    inside = f"{scope.rstrip('/')}/".lower().startswith(f"{above}/")
    return inside or above.startswith("/providers/microsoft.management/managementgroups/")


def subscription_of(resource_id: str) -> str:
    """Return the id of the subscription (``/subscriptions/...``) that a resource stands in, in lower case."""
    return f"/subscriptions/{resource_part(resource_id, 'subscriptions')}".lower()


def short(resource_id: str) -> str:
    """Return a resource's own name."""
    return resource_id.rstrip("/").rsplit("/", 1)[-1]


def not_visible_why(error: ReadFailed) -> str:
    """Say why something is not visible; a refusal is said by the action that is missing."""
    if isinstance(error, NotPermitted) and error.action:
        return f"refused with HTTP {error.status}: it needs {error.action}"
    return str(error)


def _scope_of(documents: Iterable[Mapping[str, Any]], unread: Mapping[str, ReadFailed]) -> Scope:
    workspaces, registries = [], []
    for document in documents:
        properties = document.get("properties")
        attached = properties.get("containerRegistry") if isinstance(properties, dict) else None
        if isinstance(document.get("id"), str):
            workspaces.append(str(document["id"]))
        if isinstance(attached, str) and attached:
            registries.append(attached)
    distinct = {one.lower(): one for one in registries}
    return Scope(workspaces=tuple(workspaces), registries=tuple(distinct.values()), unread=unread)
