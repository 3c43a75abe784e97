"""Who pulls: the identity or credential that a compute presents to a registry, worked out from Azure's own answers.

Source: *Set up service authentication* (azure-ai-docs, ``how-to-identity-based-service-authentication``, 2025-06-10):
the admin user where it is on and the registry is the workspace's, else the compute's default managed identity
(system-assigned, else the first user-assigned one).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from diagnostics.facts import Compute, Identity, RegistryLookup
from diagnostics.model import Symptom

__all__ = ["Puller", "PullerKind", "who_pulls"]


class PullerKind(StrEnum):
    """What a pull identifies itself with."""

    IDENTITY = "identity"
    ADMIN_USER = "admin user"
    NOBODY = "nobody"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Puller:
    """Who pulls, and why we say so; ``principal_id`` only for an identity."""

    kind: PullerKind
    reason: str
    principal_id: str | None = None
    identity: Identity | None = None

    def __str__(self) -> str:
        """The puller in words, for a chain or a headline."""
        if self.kind is PullerKind.IDENTITY:
            kind = self.identity.kind if self.identity else "an"
            return f"{kind} identity {self.principal_id}"
        return {PullerKind.ADMIN_USER: "the registry's admin user", PullerKind.NOBODY: "nobody"}.get(
            self.kind, "an identity that could not be worked out"
        )


def who_pulls(compute: Compute, registry: RegistryLookup, symptoms: Iterable[Symptom]) -> Puller:
    """Return who pulls from ``registry`` on ``compute``; an identity that the log names goes before the rules."""
    named = next((s.captured["identity"].lower() for s in symptoms if s.captured.get("identity")), None)
    matched = _identity_named(compute.identities, named)
    if matched is not None:
        return _as_identity(matched, "the log names it")
    if named is not None and compute.found:
        reason = f"the log names the identity {named}, which is none of the compute's"
        return Puller(kind=PullerKind.UNKNOWN, reason=reason)
    if not compute.found:
        return Puller(kind=PullerKind.UNKNOWN, reason=f"the workspace has no compute called {compute.name} (any more)")
    if registry.attached and registry.found is not None and registry.found.admin_user_enabled:
        return Puller(kind=PullerKind.ADMIN_USER, reason="the workspace's own registry has its admin user on")
    return _by_kind(compute)


def _by_kind(compute: Compute) -> Puller:
    if compute.identities:
        rule = "it is the compute's default identity"
        return _as_identity(compute.identities[0], rule)
    if compute.kind in {"AmlCompute", "ComputeInstance"}:
        return Puller(kind=PullerKind.NOBODY, reason=f"the compute {compute.name} has no managed identity")
    return Puller(
        kind=PullerKind.UNKNOWN, reason=f"a compute of the kind {compute.kind or 'unknown'} does not show who pulls"
    )


def _as_identity(identity: Identity, reason: str) -> Puller:
    return Puller(kind=PullerKind.IDENTITY, reason=reason, principal_id=identity.principal_id, identity=identity)


def _identity_named(identities: Iterable[Identity], named: str | None) -> Identity | None:
    for identity in identities:
        ids = {(identity.principal_id or "").lower(), (identity.client_id or "").lower()} - {""}
        if named in ids:
            return identity
    return None
