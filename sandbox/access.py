"""Who may do what: role assignments through groups, deny assignments, and the registries' two modes.

The rules are those of "Steps to determine if a user has access to a resource" (Azure RBAC overview) and of
"Azure attribute-based access control for repository permissions" (rbac-abac-repository-permissions).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sandbox.roles import BUILT_IN, READER_ROLE, Role

__all__ = ["Access", "Assignment", "stable_guid", "within"]

ACR = "microsoft.containerregistry/registries"
PULL = f"{ACR}/pull/read"
CONTENT_READ = f"{ACR}/repositories/content/read"
METADATA_READ = f"{ACR}/repositories/metadata/read"
CATALOG_READ = f"{ACR}/catalog/read"
QUARANTINE_READ = f"{ACR}/quarantine/read"
QUARANTINE_DATA_READ = f"{ACR}/quarantinedartifacts/read"
EVERYONE = "0" * 32
GROUP = "/providers/microsoft.management/managementgroups/"


def stable_guid(*parts: object) -> str:
    """Return a GUID that is the same for the same parts."""
    return str(uuid5(NAMESPACE_URL, "|".join(str(part).lower() for part in parts)))


def within(scope: str, above: str) -> bool:
    """Whether a scope is, or lies below, another. Every management group counts as above
    every subscription.
    """
    scope, above = scope.rstrip("/").lower(), above.rstrip("/").lower()
    if above.startswith(GROUP):
        return scope == above or not scope.startswith(GROUP)
    return scope == above or scope.startswith(above + "/")


@dataclass(frozen=True, slots=True)
class Assignment:
    """A role assignment; ``created`` and ``updated`` (empty: never since) as stated.

    It is listed at once and counts from ``counts_from`` (Unix seconds).
    """

    scope: str
    role: Role
    principal_id: str
    principal_type: str = "ServicePrincipal"
    created: str = "2025-01-01T00:00:00Z"
    updated: str = ""
    condition: str | None = None
    condition_version: str | None = None
    name: str = ""
    description: str = ""
    counts_from: float = 0

    @property
    def id(self) -> str:
        """The resource id."""
        return f"{self.scope.rstrip('/')}/providers/Microsoft.Authorization/roleAssignments/{self.guid}"

    @property
    def guid(self) -> str:
        """The name: stable, made of what is assigned where it was not chosen."""
        return self.name or stable_guid(self.scope, self.principal_id, self.role.id)


def _matches(patterns: Iterable[str], action: str) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


_NAME_TEST = re.compile(
    r"repositories:name\]\s+(?:\w+:)?(?P<test>String\w+)\s+(?:'(?P<one>[^']*)'|\{(?P<many>[^}]*)\})",
    re.IGNORECASE,
)


def _accepts(condition: str | None, repository: str | None) -> bool:
    """Whether a condition lets a repository through; one that cannot be read lets nothing through."""
    if not condition:
        return True
    tests = list(_NAME_TEST.finditer(condition))
    return repository is not None and any(_passes(test, repository) for test in tests)


def _passes(test: re.Match[str], repository: str) -> bool:
    kind = test["test"].lower()
    values = [test["one"]] if test["one"] is not None else re.findall(r"'([^']*)'", test["many"])
    if kind.endswith("ignorecase"):
        repository, values = repository.lower(), [value.lower() for value in values]
    found = repository.startswith(tuple(values)) if "startswith" in kind else repository in values
    return not found if "not" in kind else found


def _custom(definition: Mapping[str, Any]) -> Role:
    permissions = definition.get("permissions") or []

    def gathered(key: str) -> tuple[str, ...]:
        return tuple(action for permission in permissions for action in permission.get(key) or ())

    guid = (definition.get("id") or stable_guid("role", definition["name"])).rsplit("/", 1)[-1]
    scopes = tuple(definition.get("assignableScopes") or ("/",))
    return Role(
        definition["name"],
        guid,
        gathered("actions"),
        gathered("notActions"),
        gathered("dataActions"),
        gathered("notDataActions"),
        scopes=scopes,
        custom=True,
    )


class Access:
    """The assignments of one world, and what follows from them at the time that ``now`` tells (Unix seconds).

    Assignments can be added and removed.
    """

    def __init__(self, world: Mapping[str, Any], now: Callable[[], float]) -> None:
        self._now = now
        self._groups = world.get("groups") or []
        self._denials = world.get("deny_assignments") or []
        self.roles = (
            *BUILT_IN,
            READER_ROLE,
            *(_custom(role) for role in world.get("role_definitions") or ()),
        )
        self.assignments = [self._assignment(stated) for stated in world.get("role_assignments") or ()]
        self._give_responder(world)

    def _assignment(self, stated: Mapping[str, Any]) -> Assignment:
        return Assignment(
            scope=stated["scope"],
            role=self.role_named(stated["role"]),
            principal_id=stated["principal_id"],
            principal_type=stated.get("principal_type") or "ServicePrincipal",
            created=stated.get("createdOn") or "2025-01-01T00:00:00Z",
            updated=stated.get("updatedOn") or "",
            condition=stated.get("condition"),
            condition_version=stated.get("conditionVersion"),
        )

    def _give_responder(self, world: Mapping[str, Any]) -> None:
        responder = world.get("responder") or {}
        if not (principal := responder.get("principal_id")):
            return
        for subscription in world.get("subscriptions") or ():
            self.assignments.append(Assignment(f"/subscriptions/{subscription['id']}", READER_ROLE, principal))
        registries = {registry["login_server"]: registry for registry in world.get("registries") or ()}
        for plane in responder.get("data_plane") or ():
            registry = registries.get(plane["login_server"])
            if plane.get("may_read_tags") and registry and not self.may_pull(principal, registry, None):
                role = "Container Registry Repository Reader" if _abac(registry) else "AcrPull"
                self.assignments.append(Assignment(registry["id"], self.role_named(role), principal))

    def role_named(self, name: str) -> Role:
        """Return the role of that name, custom ones first; ``KeyError`` where there is none."""
        key = name.replace(" ", "").lower()
        return {role.key: role for role in self.roles}[key]

    def role_with_id(self, guid: str) -> Role | None:
        """Return the role of that id, if there is one."""
        return next((role for role in self.roles if role.id.lower() == guid.lower()), None)

    def groups_of(self, principal_id: str) -> set[str]:
        """Return the principal itself and every group that it is in, directly or through others; ids in
        lower case.
        """
        found, grown = {principal_id.lower()}, True
        while grown:
            more = {
                group["id"].lower()
                for group in self._groups
                if any(member["id"].lower() in found for member in group.get("members") or ())
            } - found
            grown = bool(more)
            found |= more
        return found

    def held_by(self, principal_id: str, scope: str) -> Iterator[Assignment]:
        """Return the assignments that count for a principal at a scope by now: its own and its groups', there and
        above.
        """
        ids, now = self.groups_of(principal_id), self._now()
        for assignment in tuple(self.assignments):
            reaches = assignment.principal_id.lower() in ids and within(scope, assignment.scope)
            if reaches and assignment.counts_from <= now:
                yield assignment

    def granting(self, principal_id: str, scope: str, action: str) -> Iterator[Assignment]:
        """Return the assignments whose role has a control-plane action, whatever their conditions say."""
        for it in self.held_by(principal_id, scope):
            if _matches(it.role.actions, action) and not _matches(it.role.not_actions, action):
                yield it

    def granted(self, principal_id: str, scope: str, action: str) -> bool:
        """Whether a role of the principal's grants a control-plane action, deny assignments and conditions apart."""
        return any(True for _ in self.granting(principal_id, scope, action))

    def may_act(self, principal_id: str, scope: str, action: str) -> bool:
        """Whether a control-plane action is allowed, conditions left out."""
        held = self.granted(principal_id, scope, action)
        return held and not self._denied(principal_id, scope, action, "actions", "notActions")

    def may_touch(self, principal_id: str, scope: str, action: str, repository: str | None) -> bool:
        """Whether a data action is allowed on a repository; without one, on no repository in particular."""
        held = any(
            _matches(it.role.data_actions, action)
            and not _matches(it.role.not_data_actions, action)
            and _accepts(it.condition, repository)
            for it in self.held_by(principal_id, scope)
        )
        return held and not self._denied(principal_id, scope, action, "dataActions", "notDataActions")

    def _denied(self, principal_id: str, scope: str, action: str, yes: str, no: str) -> bool:
        ids = {one.replace("-", "") for one in self.groups_of(principal_id)} | {EVERYONE}

        def named(denial: Mapping[str, Any], key: str) -> bool:
            return any(one["id"].replace("-", "").lower() in ids for one in denial.get(key) or ())

        return any(
            within(scope, denial["scope"])
            and named(denial, "principals")
            and not named(denial, "excludePrincipals")
            and any(
                _matches(part.get(yes) or (), action) and not _matches(part.get(no) or (), action)
                for part in denial.get("permissions") or ()
            )
            for denial in self._denials
        )

    def may_pull(
        self,
        principal_id: str,
        registry: Mapping[str, Any],
        repository: str | None,
        action: str = CONTENT_READ,
    ) -> bool:
        """Whether a principal may read a repository's content (or, by ``action``, its metadata) in either
        mode.
        """
        if _abac(registry):
            return self.may_touch(principal_id, registry["id"], action, repository)
        return self.may_act(principal_id, registry["id"], PULL)

    def may_list(self, principal_id: str, registry: Mapping[str, Any]) -> bool:
        """Whether a principal may list the repositories."""
        if _abac(registry):
            return self.may_touch(principal_id, registry["id"], CATALOG_READ, None)
        return self.may_act(principal_id, registry["id"], PULL)

    def may_see_quarantined(self, principal_id: str | None, registry: Mapping[str, Any]) -> bool:
        """Whether a principal may read images in quarantine."""
        if principal_id is None:
            return False
        if _abac(registry):
            return self.may_touch(principal_id, registry["id"], QUARANTINE_DATA_READ, None)
        return self.may_act(principal_id, registry["id"], QUARANTINE_READ)

    def enters(self, principal_id: str, registry: Mapping[str, Any]) -> bool:
        """Whether a principal holds any data-plane right, a conditioned one included."""
        wanted = (CONTENT_READ, METADATA_READ, CATALOG_READ) if _abac(registry) else (PULL,)
        return any(
            _matches((*it.role.data_actions, *it.role.actions), action)
            for it in self.held_by(principal_id, registry["id"])
            for action in wanted
        )


def _abac(registry: Mapping[str, Any]) -> bool:
    return registry.get("roleAssignmentMode") == "AbacRepositoryPermissions"
