"""The commands that give a right: with real names, for the identity that is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

from diagnostics.azure.cli import az
from diagnostics.facts import GrantedPermissions
from diagnostics.permissions import blocks_of, grants_action
from diagnostics.rights import BLOCKS, Right, rights
from responders.health.deployment import Deployment, Identity

__all__ = ["assign", "reader_commands"]

_ROLE = "Pullmedic Reader"
_MOSTLY = 0.5
"""A custom role that holds at least this part of what we need is taken for ours."""


def assign(identity: Identity, role: str, scope: str) -> str:
    """Return the command that assigns a role at a scope."""
    whom = ("--assignee-object-id", identity.object_id, "--assignee-principal-type", identity.kind)
    return az("role", "assignment", "create", *whom, "--role", role, "--scope", scope)


def reader_commands(deployment: Deployment, scope: str, block: str, needed: Iterable[Right]) -> tuple[str, ...]:
    """Return the commands after which the reader holds ``needed`` at the subscription ``scope``, with the fewest steps.

    A custom role that has it all is only assigned; one that has most of it is brought up to date; where none can be
    seen it is made.
    """
    actions = [right.action for right in needed]
    grant = assign(deployment.identity(), _ROLE, scope)
    found = _best(deployment, scope, actions)
    if found is None:
        return _defined("create", _ROLE, (scope,), _blocks(block)), grant
    name, assignable, share, blocks = found
    scopes = {one.lower(): one for one in (*assignable, scope) if one != "/"}
    grant = assign(deployment.identity(), name, scope)
    if share == 1:
        return (grant,)
    held = deployment.permissions(scope)
    update = _defined("update", name, scopes.values(), tuple(dict.fromkeys((*blocks, *_blocks(block)))))
    return (update,) if any(grants_action(held, action) for action in actions) or block != "core" else (update, grant)


def _best(
    deployment: Deployment, scope: str, actions: list[str]
) -> tuple[str, tuple[str, ...], float, tuple[str, ...]] | None:
    """Return name, assignable scopes, share of ``actions`` and blocks of the custom role that is most like ours."""
    ours = rights()
    core = [right.action for right in ours.core]
    try:
        client = deployment.reach().roles(scope.rsplit("/", 1)[-1])
        roles = list(client.role_definitions.list(scope, filter="type eq 'CustomRole'"))
    except Exception:  # noqa: BLE001 - whatever it is: a role that cannot be seen is made
        return None
    best = None
    for role in roles:
        blocks = blocks_of(role.permissions)
        like = _share(blocks, core)
        if like >= _MOSTLY and (best is None or like > best[0]):
            held = tuple(one for one in BLOCKS if _share(blocks, [right.action for right in getattr(ours, one)]) > 0)
            best = like, str(role.role_name), tuple(role.assignable_scopes or ()), _share(blocks, actions), held
    return best[1:] if best else None


def _share(blocks: Iterable[GrantedPermissions], actions: list[str]) -> float:
    held = tuple(blocks)
    return sum(grants_action(held, action) for action in actions) / len(actions) if actions else 0.0


def _blocks(block: str) -> tuple[str, ...]:
    return ("core",) if block == "core" else ("core", block)


def _defined(verb: str, name: str, scopes: Iterable[str], blocks: Iterable[str]) -> str:
    """Return the command that defines the role; what is in it the code says when the command runs."""
    words = ["python", "-m", "diagnostics.rights", "--role", name]
    for scope in scopes:
        words += ["--scope", scope]
    for block in blocks:
        words += ["--block", block]
    made = " ".join(quote(word) for word in words)
    return f'az role definition {verb} --role-definition "$({made})"'
