"""The fixer's one right, where fixes are on: to assign the pull roles at each pre-approved registry."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import NAMESPACE_URL, uuid5

from diagnostics.azure.clouds import cloud_named
from diagnostics.azure.credentials import claims_of, open_credential
from diagnostics.azure.errors import ReadFailed, from_azure_core
from diagnostics.pull_roles import pull_role
from responders.fixes.assigning import Assigner, NotNow
from responders.fixes.right import ADMINISTRATOR, grant_right
from responders.fixes.values import Plan
from responders.health import Check, Result, State
from responders.health.deployment import Deployment, short
from responders.settings import FIXER_CLIENT_ID

__all__ = ["CHECK"]

_SOMEBODY = str(uuid5(NAMESPACE_URL, "pullmedic-doctor"))
"""An identity that nobody has, to ask for where the policy names none."""


def _look(at: Deployment) -> Iterator[Result]:
    policy, fixer = at.settings.fixes, at.settings.fixer_client_id
    if not policy.writes or fixer is None:
        return
    cloud = cloud_named(at.settings.cloud.value)
    try:
        credential = open_credential(cloud, client_id=fixer)
        claims = claims_of(credential.get_token(cloud.resource_manager_scope).token)
    except ReadFailed as error:
        yield Result(what="fixer's token", state=State.NOT_VISIBLE, scope=fixer, details=(str(error),))
        return
    if str(claims.get("appid") or claims.get("azp") or "").lower() != fixer:
        why = f"only the app can log in as the identity of {FIXER_CLIENT_ID.name}: ask it (/api/health/report)"
        yield Result(what="fixer's right", state=State.NOT_VISIBLE, scope=fixer, details=(why,))
        return
    assigner, me = Assigner(cloud=cloud, credential=credential), str(claims.get("oid") or "")
    yield from at.each(sorted(policy.registries), lambda one: _at_registry(at, one, assigner, me))


def _at_registry(at: Deployment, registry_id: str, assigner: Assigner, fixer: str) -> Result:
    what = f"fixer's right at {short(registry_id)}"
    policy = at.settings.fixes
    principal = min(policy.principals, default=_SOMEBODY)
    try:
        registry = at.registry(registry_id)
        role = pull_role(abac=registry.abac)
        right = assigner.right(_plan(registry.id, registry.name, principal, role.name, role.id))
    except NotNow as error:
        return Result(what=what, state=State.NOT_VISIBLE, scope=registry_id, details=(str(error),))
    except Exception as error:  # noqa: BLE001 - sorted: it is told
        return Result(what=what, state=State.NOT_VISIBLE, scope=registry_id, details=(str(from_azure_core(error)),))
    if right.allowed:
        return Result(what=what, state=State.OK, scope=registry.id, details=(f"{ADMINISTRATOR}, for {role.name}",))
    if right.narrowed and not policy.principals:
        why = "the condition on its role names identities: whether one is among them shows when a fix is planned"
        return Result(what=what, state=State.NOTE, scope=registry.id, details=(why,))
    command = grant_right(registry.id, fixer)
    why, _, added = right.why.partition(". Add it: ")
    details = (why, "without it no fix is offered there")
    return Result(
        what=what, state=State.MISSING, scope=registry.id, details=details, commands=(command,) if added else ()
    )


def _plan(registry_id: str, registry_name: str, principal: str, role: str, role_id: str) -> Plan:
    return Plan(
        incident_id="doctor",
        cause="pull-role-missing",
        workspace_id="",
        run_id="",
        registry_id=registry_id,
        registry_name=registry_name,
        principal_id=principal,
        principal_words="",
        role_name=role,
        role_id=role_id,
    )


CHECK = Check(name="fixer", title="Rights of the fixer", place=45, look=_look)
