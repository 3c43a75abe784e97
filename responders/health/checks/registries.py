"""The registries in scope: whether we may pull, by which alone it can be seen that an image and its tag are there."""

from __future__ import annotations

from collections.abc import Iterator

from diagnostics.azure.errors import NotFound, NotPermitted, ReadFailed
from diagnostics.facts import Grant, Registry
from diagnostics.permissions import Right, grants_pull
from diagnostics.pull_roles import pull_role
from responders.health import Check, Result, State
from responders.health.deployment import Deployment, not_visible_why, short
from responders.health.granting import assign

__all__ = ["CHECK"]

_LOST = "without it unknown: whether the image, its tag, its platform and its layers are there"


def _look(at: Deployment) -> Iterator[Result]:
    scope = at.scope()
    if not scope.workspaces:
        yield Result(what="registries", state=State.NOT_VISIBLE, details=("no workspace in scope can be seen",))
    elif not scope.registries:
        why = "no workspace in scope has one yet: Azure makes it with the first image"
        yield Result(what="registries", state=State.NOTE, details=(why,))
    yield from at.each(scope.registries, lambda one: _at_registry(at, one))


def _at_registry(at: Deployment, registry_id: str) -> Result:
    what = f"pull from {short(registry_id)}"
    try:
        registry = at.registry(registry_id)
        permissions = at.permissions(registry_id)
    except NotFound:
        why = "a workspace is attached to it, and it is not there: its images cannot be built or pulled"
        return Result(what=what, state=State.WRONG, scope=registry_id, details=(why,))
    except ReadFailed as error:
        refused = isinstance(error, NotPermitted)
        hint = ("the command under Rights of the reader adds the right",) if refused else ()
        details = (not_visible_why(error), *hint)
        return Result(what=what, state=State.NOT_VISIBLE, scope=registry_id, details=details)
    ours = Grant(
        role="our own permissions",
        role_id="",
        scope=registry_id,
        principal_id=at.identity().object_id,
        principal_type=at.identity().kind,
        permissions=permissions,
    )
    return _judged(at, registry, what, grants_pull((ours,), abac=registry.abac))


def _judged(at: Deployment, registry: Registry, what: str, right: Right) -> Result:
    role = pull_role(abac=registry.abac)
    mode = "role assignments by repository (ABAC)" if registry.abac else "role assignments for the whole registry"
    if right is Right.GRANTED:
        unseen = ("a condition on repositories' names would not show here",) if registry.abac else ()
        return Result(what=what, state=State.OK, scope=registry.id, details=(mode, *unseen))
    if right is Right.UNDECIDED:
        why = f"Azure's documents do not say whether these permissions suffice; {role.name} does"
        return Result(what=what, state=State.NOTE, scope=registry.id, details=(mode, why))
    command = assign(at.identity(), role.name, registry.id)
    details = (mode, f"needs {role.name}", _LOST)
    return Result(what=what, state=State.MISSING, scope=registry.id, details=details, commands=(command,))


CHECK = Check(name="registries", title="Registries", place=40, look=_look)
