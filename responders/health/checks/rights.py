"""The reader's rights: each action that a probe declares, against our own permissions as Azure states them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from diagnostics.azure.errors import NoCredential, NotFound, NotPermitted, ReadFailed
from diagnostics.permissions import grants_action
from diagnostics.rights import BLOCKS, Right, rights
from responders.health import Check, Result, State
from responders.health.deployment import Deployment, Scope, not_visible_why, short
from responders.health.granting import reader_commands
from responders.settings import WORKSPACES

__all__ = ["CHECK"]

_WORKSPACE = "Microsoft.MachineLearningServices/workspaces/"
_REGISTRY = "Microsoft.ContainerRegistry/registries/"
_MOST = 6
"""How many missing actions are named one by one; of more only what is lost is said."""

_NARROW = (
    "held at the resources in scope, not at the subscription: registries elsewhere are not found, inherited role "
    "assignments are not seen, so that a missing pull role is never confirmed"
)
_OPTIONAL = {
    "network": "optional, and not granted: causes of network, firewall, DNS and outage stay unknown",
    "serving": "optional, and not granted: failed deployments of online endpoints are not found",
    "doctor": "optional, and not granted: whether events are delivered to this app is not visible",
}


def _look(at: Deployment) -> Iterator[Result]:
    try:
        scope = at.scope()
    except NoCredential:
        raise
    except NotPermitted as error:
        yield _nowhere(at, not_visible_why(error))
        return
    if not scope.subscriptions and not scope.unread:
        yield _nowhere(at, "no subscription with a workspace is visible to us")
    for resource, refusal in scope.unread.items():
        yield _unread(at, resource, refusal)
    for found in at.each(scope.subscriptions, lambda one: tuple(_at_subscription(at, scope, one))):
        yield from found


def _nowhere(at: Deployment, why: str) -> Result:
    return Result(
        what="core rights",
        state=State.MISSING,
        details=(why, "assign the reader role at each subscription with workspaces or registries"),
        commands=reader_commands(at, "/subscriptions/SUBSCRIPTION_ID", "core", rights().core),
    )


def _unread(at: Deployment, resource: str, error: ReadFailed) -> Result:
    what = f"workspace {short(resource)}" if "/workspaces/" in resource.lower() else "the subscription's workspaces"
    if isinstance(error, NotFound):
        why = f"there is none of this name: {WORKSPACES.name} or the subscription is out of date"
        return Result(what=what, state=State.WRONG, scope=resource, details=(why,))
    if not isinstance(error, NotPermitted):
        return Result(what=what, state=State.NOT_VISIBLE, scope=resource, details=(not_visible_why(error),))
    # The refusal itself proves that the right is missing.
    subscription = "/".join(resource.split("/")[:3])
    details = (not_visible_why(error), "without it no run there can be diagnosed")
    commands = reader_commands(at, subscription, "core", rights().core)
    return Result(what=what, state=State.MISSING, scope=resource, details=details, commands=commands)


def _at_subscription(at: Deployment, scope: Scope, subscription: str) -> Iterator[Result]:
    needed = rights()
    try:
        at.permissions(subscription)
    except ReadFailed as error:
        refused = isinstance(error, NotPermitted)
        yield Result(
            what="our own permissions",
            state=State.NOT_VISIBLE,
            scope=subscription,
            details=(not_visible_why(error), "so nobody can tell from here which rights there are"),
            commands=reader_commands(at, subscription, "core", needed.core) if refused else (),
        )
        return
    for block in BLOCKS:
        yield _block(at, scope, subscription, block, getattr(needed, block))


def _block(at: Deployment, scope: Scope, subscription: str, block: str, needed: Sequence[Right]) -> Result:
    here = at.permissions(subscription)
    absent = [right for right in needed if not grants_action(here, right.action)]
    missing = [right for right in absent if not _held_narrower(at, scope, subscription, right.action)]
    what = f"{block} rights"
    if not absent:
        return Result(what=what, state=State.OK, scope=subscription, details=(f"all {len(needed)} actions",))
    commands = reader_commands(at, subscription, block, needed)
    if not missing:
        return Result(what=what, state=State.NOTE, scope=subscription, details=(_NARROW,), commands=commands)
    if block in _OPTIONAL and len(missing) == len(needed):
        return Result(what=what, state=State.NOTE, scope=subscription, details=(_OPTIONAL[block],), commands=commands)
    details = (f"{len(missing)} of {len(needed)} actions are missing", *_lost(missing))
    return Result(what=what, state=State.MISSING, scope=subscription, details=details, commands=commands)


def _held_narrower(at: Deployment, scope: Scope, subscription: str, action: str) -> bool:
    """Tell whether every resource of the subscription to which the action applies has it from a scope of its own."""
    workspaces = [one for one in scope.workspaces if one.lower().startswith(f"{subscription}/")]
    registries = [one for one in scope.registries if one.lower().startswith(f"{subscription}/")]
    places = registries if action.startswith(_REGISTRY) else workspaces or registries
    if action.startswith(_WORKSPACE):
        places = workspaces
    return bool(places) and all(_held_at(at, place, action) for place in places)


def _held_at(at: Deployment, place: str, action: str) -> bool:
    try:
        return grants_action(at.permissions(place), action)
    except ReadFailed:
        return False


def _lost(missing: Sequence[Right]) -> Iterator[str]:
    if len(missing) <= _MOST:
        yield from (f"{right.action}: without it unknown: {right.reason}" for right in missing)
        return
    reasons = dict.fromkeys(part for right in missing for part in right.reason.split("; "))
    yield "without them unknown: " + ", ".join(reasons)


CHECK = Check(name="rights", title="Rights of the reader", place=30, look=_look)
