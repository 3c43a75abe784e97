"""Microsoft.Authorization: role assignments and definitions, deny assignments, the
caller's own permissions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sandbox.access import Assignment, stable_guid, within
from sandbox.arm import Found, Route, error, not_found, ok, page, route
from sandbox.azure import Azure, entries
from sandbox.faults import Front
from sandbox.roles import Role
from sandbox.wire import Answer, Request

__all__ = ["PROVIDER", "assignment_document", "find_assignment", "routes", "subscription_prefix"]

PROVIDER = "{scope*}/providers/Microsoft.Authorization"
_FILTER = re.compile(
    r"(?:(?P<at>atScope\(\))|assignedTo\('(?P<to>[^']+)'\)|principalId eq '(?P<is>[^']+)')", re.IGNORECASE
)
_DENY_FILTER = re.compile(
    r"atScope\(\)|principalId eq '[^']+'|assignedTo\('[^']+'\)|gdprExportPrincipalId eq '[^']+'|denyAssignmentName",
    re.IGNORECASE,
)


def routes(azure: Azure) -> list[Route]:
    """Return the routes of this provider."""
    it = _Authorization(azure)
    return [
        route("GET", f"{PROVIDER}/roleAssignments", it.assignments),
        route("GET", f"{PROVIDER}/roleAssignments/{{name}}", it.assignment),
        route("GET", f"{PROVIDER}/roleDefinitions", it.definitions),
        route("GET", f"{PROVIDER}/roleDefinitions/{{name}}", it.definition),
        route("GET", f"{PROVIDER}/denyAssignments", it.denials),
        route("GET", f"{PROVIDER}/permissions", it.permissions),
    ]


def subscription_prefix(scope: str) -> str:
    """Return the subscription that a scope lies in; empty above every subscription."""
    found = re.match(r"/subscriptions/[^/]+", scope, re.IGNORECASE)
    return found.group(0) if found else ""


def assignment_document(it: Assignment, version: str) -> dict[str, Any]:
    """Return a role assignment. Before api-version 2020-03 conditions were absent, since then they are null
    (recorded).
    """
    prefix = subscription_prefix(it.scope)
    properties: dict[str, Any] = {
        "roleDefinitionId": f"{prefix}/providers/Microsoft.Authorization/roleDefinitions/{it.role.id}",
        "principalId": it.principal_id,
        "principalType": it.principal_type,
        "scope": it.scope,
    }
    if version >= "2020-03":
        properties |= {"condition": it.condition, "conditionVersion": it.condition_version}
    author = stable_guid("author")
    updated = it.updated or it.created
    properties |= {"createdOn": it.created, "updatedOn": updated, "createdBy": author, "updatedBy": author}
    if version >= "2020-03":
        properties |= {"delegatedManagedIdentityResourceId": None, "description": it.description or None}
    kind = "Microsoft.Authorization/roleAssignments"
    return {"properties": properties, "id": it.id, "type": kind, "name": it.guid}


def definition_document(role: Role, prefix: str) -> dict[str, Any]:
    """Return a role definition; ``createdBy`` is null, for custom ones too (recorded shape)."""
    created = "2019-01-01T00:00:00.0000000Z"
    properties = {
        "roleName": role.name,
        "type": "CustomRole" if role.custom else "BuiltInRole",
        "description": role.description,
        "assignableScopes": list(role.scopes),
        "permissions": [permission_document(role)],
        "createdOn": created,
        "updatedOn": created,
        "createdBy": None,
        "updatedBy": None,
    }
    kind = "Microsoft.Authorization/roleDefinitions"
    return {
        "properties": properties,
        "id": f"{prefix}/providers/{kind}/{role.id}",
        "type": kind,
        "name": role.id,
    }


def permission_document(role: Role) -> dict[str, list[str]]:
    """Return what a role allows."""
    return {
        "actions": list(role.actions),
        "notActions": list(role.not_actions),
        "dataActions": list(role.data_actions),
        "notDataActions": list(role.not_data_actions),
    }


def find_assignment(azure: Azure, found: Found) -> Assignment | None:
    """Return the role assignment of a path, if there is one."""
    scope, name = found["scope"].rstrip("/").lower(), found["name"].lower()
    here = (it for it in azure.access.assignments if it.scope.rstrip("/").lower() == scope)
    return next((it for it in here if it.guid.lower() == name), None)


class _Authorization:
    def __init__(self, azure: Azure) -> None:
        self._azure, self._access, self._front = azure, azure.access, Front(azure.scenario)

    def assignments(self, request: Request, found: Found) -> Answer:
        version, test = request.query["api-version"], self._filter(request, found["scope"])
        if test is None:
            return error(400, "InvalidFilter", "The filter is not supported by the sandbox.")
        return page(request, [assignment_document(it, version) for it in self._access.assignments if test(it)])

    def _filter(self, request: Request, scope: str) -> Callable[[Assignment], bool] | None:
        asked = request.query.get("$filter") or ""
        terms = [_FILTER.fullmatch(term.strip()) for term in re.split(r"\band\b", asked)] if asked else []
        found = [term for term in terms if term]
        if len(found) != len(terms):
            return None
        only_here = any(term["at"] for term in found)
        sets = [self._access.groups_of(term["to"]) for term in found if term["to"]]
        sets += [{term["is"].lower()} for term in found if term["is"]]

        def test(it: Assignment) -> bool:
            placed = within(scope, it.scope) or (not only_here and within(it.scope, scope or "/"))
            return placed and all(it.principal_id.lower() in one for one in sets)

        return test

    def assignment(self, request: Request, found: Found) -> Answer:
        it = find_assignment(self._azure, found)
        if it is None:
            words = f"The role assignment '{found['name']}' is not found."
            return error(404, "RoleAssignmentNotFound", words)
        return ok(assignment_document(it, request.query["api-version"]))

    def definitions(self, request: Request, found: Found) -> Answer:
        asked = request.query.get("$filter") or ""
        named = re.search(r"roleName eq '([^']+)'", asked, re.IGNORECASE)
        typed = re.search(r"type eq '([^']+)'", asked, re.IGNORECASE)
        prefix = subscription_prefix(found["scope"])
        documents = [definition_document(role, prefix) for role in self._access.roles]
        kept = [
            it
            for it in documents
            if (not named or it["properties"]["roleName"].lower() == named[1].lower())
            and (not typed or it["properties"]["type"].lower() == typed[1].lower())
        ]
        return page(request, kept)

    def definition(self, _request: Request, found: Found) -> Answer:
        role = self._access.role_with_id(found["name"])
        if role is None:
            words = f"The specified role definition with ID '{found['name']}' does not exist."
            return error(404, "RoleDefinitionDoesNotExist", words)
        return ok(definition_document(role, subscription_prefix(found["scope"])))

    def denials(self, request: Request, found: Found) -> Answer:
        """At a scope the list holds parents and children alike (recorded for a resource group)."""
        asked, scope = request.query.get("$filter") or "", found["scope"]
        if asked and not _DENY_FILTER.search(asked):
            return error(400, "InvalidFilter", "The filter is not supported by the sandbox.")
        only_here, only_for = (
            "atscope()" in asked.lower(),
            re.search(r"principalId eq '([^']+)'", asked, re.IGNORECASE),
        )
        assigned = re.search(r"assignedTo\('([^']+)'\)", asked, re.IGNORECASE)
        ids = self._access.groups_of(assigned[1]) if assigned else None
        kept = [
            _denial(it)
            for it in entries(self._azure.world, "deny_assignments")
            if (within(scope, it["scope"]) or (not only_here and within(it["scope"], scope or "/")))
            and (not only_for or _names(it, only_for[1]))
            and (ids is None or any(_names(it, one) for one in ids))
        ]
        return page(request, kept)

    def permissions(self, request: Request, found: Found) -> Answer:
        """Return the caller's own: what its assignments at and above the scope allow, less what the world
        lets it not read.
        """
        token = self._azure.tokens.find(request.bearer)
        principal = (token.principal_id if token else None) or self._azure.responder_id
        held = list(self._access.held_by(principal, found["scope"]))
        if not held and not found["scope"]:
            return not_found(request.path)
        blocked = self._front.blocks_action
        roles = [it.role for it in held]
        trimmed = [replace(it, actions=tuple(a for a in it.actions if not blocked(found["scope"], a))) for it in roles]
        return page(request, [permission_document(it) for it in trimmed])


def _bare(guid: str) -> str:
    return guid.replace("-", "").lower()


def _names(denial: Mapping[str, Any], principal: str) -> bool:
    return any(_bare(it["id"]) == _bare(principal) for it in entries(denial, "principals"))


def _denial(stated: Mapping[str, Any]) -> dict[str, Any]:
    name = (stated.get("id") or stable_guid("deny", stated["scope"], stated.get("name"))).rsplit("/", 1)[-1]
    keys = ("actions", "notActions", "dataActions", "notDataActions")
    created = stated.get("createdOn") or "2025-01-01T00:00:00Z"
    properties = {
        "denyAssignmentName": stated.get("name") or name,
        "description": "",
        "permissions": [{key: list(it.get(key) or ()) for key in keys} for it in entries(stated, "permissions")],
        "scope": stated["scope"],
        "doNotApplyToChildScopes": False,
        "principals": [_principal(it) for it in entries(stated, "principals")],
        "excludePrincipals": [_principal(it) for it in entries(stated, "excludePrincipals")],
        "isSystemProtected": bool(stated.get("isSystemProtected", True)),
        "createdOn": created,
        "updatedOn": created,
        "createdBy": None,
        "updatedBy": None,
    }
    kind = "Microsoft.Authorization/denyAssignments"
    where = f"{stated['scope'].rstrip('/')}/providers/{kind}/{name}"
    return {"properties": properties, "id": where, "type": kind, "name": name}


def _principal(stated: Mapping[str, Any]) -> dict[str, str]:
    """Deny assignments write object ids without dashes (recorded shape)."""
    shown = {"id": _bare(stated["id"]), "type": stated.get("type") or "ServicePrincipal"}
    return {**shown, "displayName": stated["displayName"]} if stated.get("displayName") else shown
