"""Facts in words: what was checked with its result, and the chain identity, role, registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from diagnostics.credential_facts import RegistryToken
from diagnostics.facts import (
    Compute,
    Grant,
    Manifest,
    ManifestOutcome,
    NameAvailability,
    Registry,
    RegistryLookup,
    Replicas,
    RoleGrants,
    RoleVisibility,
    Tags,
    Workspace,
)
from diagnostics.model import Known, Vantage
from diagnostics.permissions import Right, grants_pull
from diagnostics.probing import all_probes
from diagnostics.pullers import PullerKind

if TYPE_CHECKING:
    from diagnostics.case import Case

__all__ = ["chain_of", "checks_of", "edited_words", "grant_words", "mode_words", "size_words"]


def checks_of(case: Case) -> tuple[str, ...]:
    """Return one line for each fact that was asked for: its result, or why it is unknown."""
    lines = []
    for name, fact in sorted(case.evidence.facts.items()):
        if isinstance(fact, Known) and isinstance(fact.value, RegistryToken) and not fact.value.name:
            continue  # nobody asked for it, so it was not checked
        probe = all_probes().get(name)
        title = probe.title if probe else name
        if isinstance(fact, Known):
            seen = f" (seen from {fact.vantage})" if fact.vantage is Vantage.RESPONDER_NETWORK else ""
            lines.append(f"{title}: {_words(fact.value)}{seen}")
        else:
            lines.append(f"{title}: unknown: {fact.reason}")
    return tuple(lines)


def chain_of(case: Case) -> tuple[str, ...]:
    """Return who pulls, by what right, and from where, as far as it is known."""
    puller, registry = case.puller, case.registry
    if puller is None or case.compute is None:
        return ()
    lines = [f"compute {case.compute.name} ({case.compute.kind or 'unknown kind'}) pulls as {puller}: {puller.reason}"]
    if puller.kind is PullerKind.IDENTITY and registry is not None:
        lines.append(_right_words(case, registry))
    if registry is not None:
        lines.append(f"registry {registry.name} ({registry.login_server}), {mode_words(registry)}")
    return tuple(lines)


def _right_words(case: Case, registry: Registry) -> str:
    grants = case.grants
    if grants is None:
        return "its roles on the registry: unknown"
    name = case.image.repository if case.image else None
    enough = [g for g in grants.grants if grants_pull([g], abac=registry.abac, repository=name) is not Right.ABSENT]
    if not enough:
        held = ", ".join(sorted({grant.role for grant in grants.grants}))
        return "no role that grants the pull" + (f"; it holds {held}" if held else "")
    return f"right to pull by {grant_words(enough[0], grants.principal_id)}"


def grant_words(grant: Grant, principal: str) -> str:
    """Return a role assignment in words: the role, where, since when, through whom."""
    since = f" since {grant.created_at:%Y-%m-%d %H:%M} UTC" if grant.created_at else ""
    through = f" through the group {grant.principal_id}" if grant.principal_id.lower() != principal.lower() else ""
    return f"{grant.role} at {_scope_words(grant.scope)}{since}{through}"


def edited_words(grant: Grant) -> str:
    """Return that a role assignment was changed after the failure, for what was not seen of it."""
    when = f" on {grant.updated_at:%Y-%m-%d %H:%M} UTC" if grant.updated_at else ""
    return f"which condition {grant.role} had when the run failed: its assignment was changed{when}, after the failure"


def mode_words(registry: Registry) -> str:
    """Return the registry's permission mode as the portal names it."""
    return "RBAC Registry + ABAC Repository Permissions" if registry.abac else "RBAC Registry Permissions"


def size_words(size: float) -> str:
    """Return bytes in a unit that a person reads."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _scope_words(scope: str) -> str:
    parts = scope.strip("/").split("/")
    kinds = {"resourcegroups": "the resource group", "subscriptions": "the subscription"}
    if len(parts) >= 2 and parts[-2].lower() in kinds:
        return f"{kinds[parts[-2].lower()]} {parts[-1]}"
    return f"{parts[-2]}/{parts[-1]}" if len(parts) >= 2 else "the root scope"


def _words(value: Any) -> str:
    describe = _DESCRIBED.get(type(value))
    return describe(value) if describe else str(value)


def _workspace_words(value: Workspace) -> str:
    attached = (value.container_registry or "none yet").rsplit("/", 1)[-1]
    return f"{value.name} in {value.region}, registry {attached}"


def _compute_words(value: Compute) -> str:
    if not value.found:
        return f"{value.name} is not among the workspace's computes"
    who = ", ".join(f"{i.kind} {i.principal_id}" for i in value.identities) or "no managed identity"
    return f"{value.name}, {value.kind} in {value.region or 'an unknown region'}, {who}"


def _lookup_words(value: RegistryLookup) -> str:
    if value.found is None:
        return f"no registry with the login server {value.host} in {len(value.searched)} subscription(s)"
    return _registry_words(value.found)


def _registry_words(registry: Registry) -> str:
    return ", ".join(
        (
            f"{registry.name}, {registry.sku} in {registry.region}",
            mode_words(registry),
            f"admin user {_on(value=registry.admin_user_enabled)}",
            f"public access {_on(value=registry.public_access)}",
            _rules_words(registry),
            f"{len(registry.private_endpoints)} private endpoint connection(s)",
        )
    )


def _rules_words(registry: Registry) -> str:
    if not registry.denies_by_default:
        return "every address allowed"
    return f"only {', '.join(registry.ip_rules)} allowed" if registry.ip_rules else "no address allowed"


def _on(*, value: bool) -> str:
    return "on" if value else "off"


def _name_words(value: NameAvailability) -> str:
    return f"the name {value.name} is {'free: no such registry exists' if value.available else 'taken'}"


def _grants_words(value: RoleGrants) -> str:
    held = "; ".join(grant_words(grant, value.principal_id) for grant in value.grants)
    return f"{value.principal_id} holds {held or 'no role that reaches the registry'}"


def _visibility_words(value: RoleVisibility) -> str:
    return f"{'yes' if value.readable else 'no'}, at {_scope_words(value.scope)}"


def _manifest_words(value: Manifest) -> str:
    if value.outcome == ManifestOutcome.DISALLOWED:
        return f"{value.reference} is there and may not be read: {value.said}"
    if value.outcome != ManifestOutcome.FOUND:
        return f"{value.reference} is not there: {value.said}"
    size = f", {size_words(value.compressed_bytes)} compressed" if value.compressed_bytes else ""
    return f"{value.reference} is there{size}"


def _tags_words(value: Tags) -> str:
    shown = ", ".join(tag.name for tag in value.newest[:5])
    more = " and more" if len(value.newest) > 5 or not value.complete else ""
    return f"{'newest first: ' if value.dated else ''}{shown}{more}" if shown else "there are none"


def _replicas_words(value: Replicas) -> str:
    return "served from " + ", ".join(sorted(replica.region for replica in value.replicas))


_DESCRIBED: Mapping[type, Callable[[Any], str]] = {
    Workspace: _workspace_words,
    Compute: _compute_words,
    RegistryLookup: _lookup_words,
    NameAvailability: _name_words,
    RoleGrants: _grants_words,
    RoleVisibility: _visibility_words,
    Manifest: _manifest_words,
    Tags: _tags_words,
    Replicas: _replicas_words,
}
