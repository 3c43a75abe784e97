"""The one place that writes to Azure: a role assignment is made, found, removed, with the fixer's credential alone.

Codes and their meaning: *Troubleshoot Azure RBAC*; the code decides, never the text (Azure/azure-cli issue 32027).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from diagnostics.azure.arm import connections, sdk_options
from diagnostics.azure.clouds import Cloud
from diagnostics.azure.credentials import claims_of
from diagnostics.azure.errors import (
    PASSING,
    NotFound,
    NotPermitted,
    ReadFailed,
    from_azure_core,
)
from diagnostics.conditions import holds
from diagnostics.permissions import wanted_actions
from responders.fixes.fixer_right import FixerRight, fixer_right, lacks
from responders.fixes.values import Plan
from responders.wording import one_line

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.pipeline.transport import RequestsTransport
    from azure.mgmt.authorization import AuthorizationManagementClient

__all__ = [
    "Assigned",
    "Assigner",
    "ChangedSince",
    "FixerRight",
    "LimitReached",
    "NotNow",
    "OtherTerms",
    "PrincipalUnknown",
    "Refused",
    "Removed",
    "WriteRefused",
]

_CORRELATION = "x-ms-correlation-request-id"
_LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Assigned:
    """The assignment that is there now. ``created`` is false where it is somebody else's, which is never removed."""

    assignment_id: str
    created: bool
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Removed:
    """The assignment is gone; ``found`` is false where it was gone before."""

    found: bool
    correlation_id: str = ""


class PrincipalUnknown(Exception):
    """The directory does not know the identity (yet): a new one takes minutes to arrive everywhere."""


class NotNow(Exception):
    """Azure did not answer, or asks to wait ``after``; another try may succeed."""

    def __init__(self, why: str, after: timedelta | None = None) -> None:
        super().__init__(why)
        self.after = after


class WriteRefused(Exception):
    """Azure refused for good, or would; the text is its code and what to do."""

    def __init__(self, why: str, correlation_id: str = "") -> None:
        super().__init__(why)
        self.correlation_id = correlation_id


class LimitReached(WriteRefused):
    """The subscription holds as many assignments as it may."""


class Refused(WriteRefused):
    """The fixer lacks the right, or the condition on it does not let this through."""


class OtherTerms(WriteRefused):
    """The identity holds the role there under a condition that leaves this out, and Azure keeps one of a role."""


class ChangedSince(Exception):
    """What is there under our name is not what we made; it is left alone."""


@dataclass(kw_only=True)
class Assigner:
    """Writes with one credential, the fixer's. Every method raises :class:`NotNow` where a later try may succeed."""

    cloud: Cloud
    credential: TokenCredential
    _clients: dict[str, AuthorizationManagementClient] = field(default_factory=dict, repr=False)

    def right(self, plan: Plan) -> FixerRight:
        """Tell whether the fixer may make this assignment; what it may not even read is no right."""
        me = self._own_object_id
        try:
            return fixer_right(self._client(plan), plan, me)
        except Exception as error:  # noqa: BLE001 - sorted, never swallowed
            read = from_azure_core(error)
            if isinstance(read, NotPermitted | NotFound):
                return FixerRight(allowed=False, why=lacks(plan, me, f"it may not even look: {read}"))
            _later(read, error)

    def find(self, plan: Plan) -> Assigned | None:
        """Return the assignment that this very plan made, ``None`` where there is none."""
        there = self._there(plan, plan.assignment_id)
        if there is None or not _is(there, plan):
            return None
        return Assigned(plan.assignment_id, created=True)

    def assign(self, plan: Plan) -> Assigned:
        """Make the assignment unless it is there. Raises :class:`PrincipalUnknown` and :class:`WriteRefused`.

        What is there on other terms is never written over: the same name would update it.
        """
        there = self._present(plan)
        if there is not None:
            return there
        try:
            correlation = self._put(plan)
        except Exception as error:  # noqa: BLE001 - sorted, never swallowed
            if _code(error) != "RoleAssignmentExists":
                _refused(error)
            # Another worker's write of the same plan, or somebody who was faster: which one, the next look tells.
            return self._present(plan) or Assigned(plan.assignment_id, created=False)
        return Assigned(plan.assignment_id, created=True, correlation_id=correlation)

    def remove(self, plan: Plan, assignment_id: str) -> Removed:
        """Remove what ``plan`` made. Raises :class:`ChangedSince` where it is something else, :class:`WriteRefused`."""
        there = self._there(plan, assignment_id)
        if there is None:
            return Removed(found=False)
        if assignment_id.lower() != plan.assignment_id.lower() or not _is(there, plan):
            raise ChangedSince(f"{assignment_id} is not what was added any more: it is left as it is")
        try:
            removed, correlation = self._client(plan).role_assignments.delete_by_id(assignment_id, cls=_removed)
        except Exception as error:  # noqa: BLE001 - sorted, never swallowed
            read = from_azure_core(error)
            # A condition sees nothing in what somebody else removed just now, so it refuses.
            if isinstance(read, NotFound) or (isinstance(read, NotPermitted) and not self._there(plan, assignment_id)):
                return Removed(found=False)
            _refused(error)
        return Removed(found=removed, correlation_id=correlation)

    # --- what is asked of Azure ---------------------------------------------------------------------------

    def _put(self, plan: Plan) -> str:
        from azure.mgmt.authorization.models import RoleAssignmentCreateParameters  # noqa: PLC0415

        asked = RoleAssignmentCreateParameters.from_dict(plan.body)
        logged: str = self._client(plan).role_assignments.create_by_id(plan.assignment_id, asked, cls=_correlation)
        return logged

    def _there(self, plan: Plan, assignment_id: str) -> Any | None:
        try:
            return self._client(plan).role_assignments.get_by_id(assignment_id)
        except Exception as error:  # noqa: BLE001 - sorted, never swallowed
            read = from_azure_core(error)
            if isinstance(read, NotFound):
                return None
            if isinstance(read, NotPermitted):
                raise Refused(f"the fixer may not look at role assignments there: {read}") from None
            _later(read, error)

    def _present(self, plan: Plan) -> Assigned | None:
        """Return what serves as the plan's assignment: its own, another worker's, or somebody else's.

        Raises :class:`OtherTerms` where Azure would refuse a second one, or write over the first.
        """
        mine = self.find(plan)
        if mine is not None:
            return mine
        try:
            found = self._client(plan).role_assignments.list_for_scope(
                plan.registry_id, filter=f"principalId eq '{plan.principal_id}'"
            )
            same = [one for one in found if _same_role(one, plan) and _at(one, plan.registry_id)]
        except Exception as error:  # noqa: BLE001 - sorted, never swallowed
            read = from_azure_core(error)
            if isinstance(read, NotPermitted):
                raise Refused(f"the fixer may not look at role assignments there: {read}") from None
            _later(read, error)
        serving = next((one for one in same if _serves(one, plan)), None)
        if serving is not None:
            ours = _is(serving, plan) and str(serving.id).lower() == plan.assignment_id.lower()
            return Assigned(str(serving.id), created=ours)
        if same:
            why = f"{plan.role_name} is there as {same[0].id}, under a condition that leaves this out"
            raise OtherTerms(f"{why}, and Azure keeps one assignment of a role: widen that condition")
        return None

    def _client(self, plan: Plan) -> AuthorizationManagementClient:
        from azure.mgmt.authorization import AuthorizationManagementClient  # noqa: PLC0415 - off the cold start

        subscription = plan.registry_id.split("/")[2]
        if subscription not in self._clients:
            self._clients[subscription] = AuthorizationManagementClient(
                self.credential,
                subscription,
                **sdk_options(self.cloud, self._connections),
            )
        return self._clients[subscription]

    @cached_property
    def _connections(self) -> RequestsTransport:
        return connections()

    @cached_property
    def _own_object_id(self) -> str:
        """The fixer's object id: the claim ``oid`` of its own token (*Access token claims reference*)."""
        try:
            token = self.credential.get_token(self.cloud.resource_manager_scope).token
        except Exception as error:  # noqa: BLE001 - sorted, never swallowed
            _later(from_azure_core(error), error)
        oid = claims_of(token).get("oid")
        if not oid:
            raise NotNow("the fixer's token does not say whose it is")
        return str(oid)


def _same_role(there: Any, plan: Plan) -> bool:
    role = str(there.role_definition_id or "").rsplit("/", 1)[-1].lower()
    return (str(there.principal_id or "").lower(), role) == (plan.principal_id.lower(), plan.role_id.lower())


def _is(there: Any, plan: Plan) -> bool:
    """Tell whether an assignment is the plan's: identity, role, condition, and made for its incident.

    The name alone does not tell: it is the same for each incident of one registry, identity, role and condition.
    """
    terms = (there.condition or "", there.description or "")
    return _same_role(there, plan) and terms == (plan.condition, plan.description)


def _serves(there: Any, plan: Plan) -> bool:
    """Tell whether an assignment of the role gives the identity what the plan would, by its condition."""
    condition = there.condition or ""
    if not condition or condition == plan.condition:
        return True
    actions = wanted_actions(abac=True) if plan.repository else ()
    return bool(actions) and all(holds(condition, action=one, repository=plan.repository) for one in actions)


def _at(there: Any, scope: str) -> bool:
    return str(there.scope or "").lower() == scope.lower()


def _correlation(response: Any, _deserialized: Any, _headers: Any) -> str:
    """Return the id by which Azure's activity log has the request."""
    return _logged(response.http_response)


def _removed(response: Any, _deserialized: Any, _headers: Any) -> tuple[bool, str]:
    """Return whether something was there (204: nothing was), and that id."""
    return response.http_response.status_code != 204, _logged(response.http_response)


def _logged(response: Any) -> str:
    return one_line(str(response.headers.get(_CORRELATION) or ""))[:100] if response is not None else ""


def _code(error: Exception) -> str:
    said = getattr(error, "error", None)
    return str(getattr(said, "code", None) or "")


def _refused(error: Exception) -> NoReturn:
    """Raise what a refused write means. The code decides; the text of one code has changed before."""
    read, code = from_azure_core(error), _code(error)
    logged = _logged(getattr(error, "response", None))
    if code == "PrincipalNotFound":
        raise PrincipalUnknown(str(read)) from None
    if code == "RoleAssignmentLimitExceeded":
        raise LimitReached(f"the subscription holds as many role assignments as it may: {read}", logged) from None
    if isinstance(read, NotPermitted):
        raise Refused(f"Azure does not let the fixer do this: {read}", logged) from None
    if isinstance(read, PASSING):
        _later(read, error)
    raise WriteRefused(f"Azure refused: {read}", logged) from None


def _later(read: ReadFailed, error: Exception) -> NoReturn:
    """Raise that another try may succeed, with the time that Azure asks for."""
    response = getattr(error, "response", None)
    asked = str(response.headers.get("Retry-After") or "") if response is not None else ""
    after = min(timedelta(seconds=int(asked)), _LONGEST_WAIT) if asked.isdecimal() and len(asked) < 7 else None
    raise NotNow(str(read), after) from None
