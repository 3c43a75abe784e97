"""Microsoft.Authorization: role assignments made, updated and removed, by whom Azure lets do so.

Every answer names the entry of the activity log. What was changed stands in the sandbox's journal.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import count
from typing import Any

from sandbox.access import Assignment, stable_guid, within
from sandbox.arm import Found, Route, error, ok, route
from sandbox.arm.authorization import PROVIDER, assignment_document, find_assignment, subscription_prefix
from sandbox.azure import Azure
from sandbox.delegation import lets_through
from sandbox.records import Write
from sandbox.wire import Answer, Request, empty

__all__ = ["routes"]

_WRITE = "Microsoft.Authorization/roleAssignments/write"
_DELETE = "Microsoft.Authorization/roleAssignments/delete"


def routes(azure: Azure) -> list[Route]:
    """Return the routes that change role assignments."""
    it = _Writes(azure)
    return [
        route("PUT", f"{PROVIDER}/roleAssignments/{{name}}", it.assign),
        route("DELETE", f"{PROVIDER}/roleAssignments/{{name}}", it.unassign),
    ]


class _Writes:
    def __init__(self, azure: Azure) -> None:
        self._azure, self._access = azure, azure.access
        self._numbers = count()
        self._lock = threading.Lock()

    def assign(self, request: Request, found: Found) -> Answer:
        asked = request.json()["properties"]
        role = self._access.role_with_id(asked["roleDefinitionId"].rsplit("/", 1)[-1])
        if role is None:
            return error(400, "RoleDefinitionDoesNotExist", "The specified role definition does not exist.")
        it = Assignment(
            scope=found["scope"],
            role=role,
            principal_id=asked["principalId"],
            principal_type=asked.get("principalType") or "User",
            created=self._azure.scenario.now.strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
            condition=asked.get("condition"),
            condition_version=asked.get("conditionVersion"),
            name=found["name"],
            description=asked.get("description") or "",
            counts_from=self._azure.now() + (self._azure.world.get("role_assignments_count_after_s") or 0),
        )
        log = self._log()
        with self._lock:
            present = find_assignment(self._azure, found)
            refusal = self._forbidden(request, it.scope, _WRITE, asked=it) or self._refused(it, present)
            answer = refusal or self._written(request, it, present, log)
        return _logged(answer, log)

    def unassign(self, request: Request, found: Found) -> Answer:
        log = self._log()
        with self._lock:
            it = find_assignment(self._azure, found)
            refusal = self._forbidden(request, found["scope"], _DELETE, there=it)
            if refusal is not None or it is None:
                return _logged(refusal or empty(204), log)
            self._access.assignments.remove(it)
            self._journal(request, None, log, created=False)
        return _logged(ok(assignment_document(it, request.query["api-version"])), log)

    def _refused(self, it: Assignment, present: Assignment | None) -> Answer | None:
        """Return the refusal of what the caller may write and what cannot be. What a name stands for stays; its
        condition and description alone can be updated.
        """
        if present is not None and _triple(present) != _triple(it):
            words = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
            return error(400, "RoleAssignmentUpdateNotPermitted", words)
        if present is not None and _terms(present) != _terms(it):
            return None
        if any(_triple(other) == _triple(it) for other in self._access.assignments):
            return error(409, "RoleAssignmentExists", "The role assignment already exists.")
        return self._unknown(it) or self._full(it)

    def _unknown(self, it: Assignment) -> Answer | None:
        unknown = {one.lower() for one in self._azure.world.get("unknown_principals") or ()}
        if it.principal_id.lower() not in unknown:
            return None
        bare = it.principal_id.replace("-", "")
        return error(
            400, "PrincipalNotFound", f"Principal {bare} does not exist in the directory {self._azure.tenant}."
        )

    def _full(self, it: Assignment) -> Answer | None:
        most = self._azure.world.get("role_assignment_limit")
        here = sum(within(other.scope, subscription_prefix(it.scope)) for other in self._access.assignments)
        if most is None or here < most:
            return None
        return error(400, "RoleAssignmentLimitExceeded", "The number of role assignments exceeds the limit.")

    def _written(self, request: Request, it: Assignment, present: Assignment | None, log: str) -> Answer:
        if present is not None:
            self._access.assignments.remove(present)
            it = replace(it, created=present.created, counts_from=present.counts_from)
        self._access.assignments.append(it)
        self._journal(request, request.json()["properties"], log, created=present is None)
        document = assignment_document(it, request.query["api-version"])
        document["properties"]["createdBy"] = None
        return ok(document, 201)

    def _journal(self, request: Request, body: Any, log: str, *, created: bool) -> None:
        caller = self._caller(request)
        self._azure.recorder.add(Write(request.method, request.path, caller, created, body, log))

    def _log(self) -> str:
        """Return the id by which the activity log has a request: another for each."""
        return stable_guid("log", next(self._numbers))

    def _caller(self, request: Request) -> str:
        token = self._azure.tokens.find(request.bearer)
        return (token.principal_id if token else None) or self._azure.responder_id

    def _forbidden(
        self,
        request: Request,
        scope: str,
        action: str,
        *,
        asked: Assignment | None = None,
        there: Assignment | None = None,
    ) -> Answer | None:
        """Return the refusal where the caller lacks the right, or no condition on it lets this through."""
        caller = self._caller(request)
        target = f"The client '{caller}' with object id '{caller}' does not have authorization"
        over = f"to perform action '{action}' over scope '{request.path}' or the scope is invalid. "
        again = "If access was recently granted, please refresh your credentials."
        if not self._access.may_act(caller, scope, action):
            return error(403, "AuthorizationFailed", f"{target} {over}{again}")
        granting = self._access.granting(caller, scope, action)
        shown = {"asked": _seen(asked), "there": _seen(there)}
        if any(not it.condition or lets_through(it.condition, action, **shown) for it in granting):
            return None
        return error(403, "AuthorizationFailed", f"{target} or an ABAC condition not fulfilled {over}{again}")


def _triple(it: Assignment) -> tuple[str, str, str]:
    """Return what is unique: Azure keeps one assignment of it, whatever the condition says."""
    return it.scope.rstrip("/").lower(), it.principal_id.lower(), it.role.id.lower()


def _terms(it: Assignment) -> tuple[str, str, str]:
    return it.condition or "", it.condition_version or "", it.description


def _seen(it: Assignment | None) -> dict[str, str]:
    """Return what a condition sees of an assignment."""
    if it is None:
        return {}
    return {"RoleDefinitionId": it.role.id, "PrincipalId": it.principal_id, "PrincipalType": it.principal_type}


def _logged(answer: Answer, log: str) -> Answer:
    return answer.plus(("x-ms-correlation-request-id", log))
