"""Who pulls: the identity or credential that a compute presents to a registry, worked out from Azure's own answers.

Source: *Set up service authentication* (azure-ai-docs, ``how-to-identity-based-service-authentication``, 2025-06-10):
the admin user where it is on and the registry is the workspace's, else the compute's default managed identity
(system-assigned, else the first user-assigned one). Serverless compute pulls with a user-assigned identity of the
workspace or the job, an online endpoint with its own; a Kubernetes compute with its own identity or the kubelet's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from diagnostics.facts import Compute, Identity, RegistryLookup, Workspace
from diagnostics.model import Symptom

__all__ = ["ENDPOINT_KIND", "Puller", "PullerKind", "speaks_of_endpoint", "who_pulls"]

ENDPOINT_KIND = "OnlineEndpoint"
"""What stands for the kind of compute where an online endpoint pulls for its deployment."""

_SERVERLESS = "Serverless"
_ENDPOINT = "endpoint identity"
_WITHOUT_IDENTITY = frozenset({"only-anonymous-attempted", "compute-without-identity"})
"""Signatures of a runtime that looked for an identity and found none."""


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


def who_pulls(
    compute: Compute, registry: RegistryLookup, symptoms: Iterable[Symptom], workspace: Workspace | None = None
) -> Puller:
    """Return who pulls from ``registry`` on ``compute``; an identity that the log names goes before the rules.

    ``workspace`` tells what serverless compute pulls with; without it that stays unknown.
    """
    shown = tuple(symptoms)
    candidates = _candidates(compute, workspace)
    named = next((s.captured["identity"].lower() for s in shown if s.captured.get("identity")), None)
    matched = _identity_named(candidates, named)
    if matched is not None:
        return _as_identity(matched, "the log names it")
    if compute.kind == ENDPOINT_KIND:
        return _of_deployment(compute, named)
    if speaks_of_endpoint(shown):
        return _endpoint(compute, named)
    if named is not None and compute.found:
        whose = "compute's" if compute.kind != _SERVERLESS else "workspace's"
        return _unknown(f"the log names the identity {named}, which is none of the {whose}")
    if not compute.found:
        return _unknown(f"the workspace has no compute called {compute.name} (any more)")
    if registry.attached and registry.found is not None and registry.found.admin_user_enabled:
        return Puller(kind=PullerKind.ADMIN_USER, reason="the workspace's own registry has its admin user on")
    return _serverless(candidates, shown, workspace) if compute.kind == _SERVERLESS else _by_kind(compute)


def speaks_of_endpoint(symptoms: Iterable[Symptom]) -> bool:
    """Tell whether the first thing that the text says is that an online endpoint's identity was refused."""
    first = next(iter(symptoms), None)
    return first is not None and _ENDPOINT in first.text.lower()


def _endpoint(compute: Compute, named: str | None) -> Puller:
    """Return the endpoint's identity: the one that the log names, else the only endpoint's."""
    for endpoint in compute.endpoints:
        identity = _identity_named(endpoint.identities, named)
        if identity is not None:
            return _as_identity(identity, f"the log names it, and the online endpoint {endpoint.name} has it")
    if len(compute.endpoints) == 1 and len(compute.endpoints[0].identities) == 1 and named is None:
        only = compute.endpoints[0]
        return _as_identity(only.identities[0], f"{only.name} is the workspace's only online endpoint")
    return _unknown("the log speaks of an endpoint's identity, and which endpoint it was is not known")


def _of_deployment(compute: Compute, named: str | None) -> Puller:
    """Return the identity of the endpoint whose deployment failed; ``named`` is none that it is known to have."""
    if not compute.found:
        return _unknown(f"the workspace has no online endpoint called {compute.name} (any more)")
    if named is not None:
        return _unknown(f"the log names the identity {named}, which is none of the online endpoint {compute.name}")
    if compute.identities:
        return _as_identity(compute.identities[0], f"it is the online endpoint {compute.name}'s own identity")
    return _unknown(f"the online endpoint {compute.name} shows no identity")


def _candidates(compute: Compute, workspace: Workspace | None) -> tuple[Identity, ...]:
    """Serverless compute can use no system-assigned identity, and has none of its own (azureml-examples #3463)."""
    if compute.kind != _SERVERLESS:
        return compute.identities
    return tuple(it for it in (workspace.identities if workspace else ()) if it.kind == "user-assigned")


def _serverless(candidates: tuple[Identity, ...], symptoms: tuple[Symptom, ...], workspace: Workspace | None) -> Puller:
    if len(candidates) == 1:
        return _as_identity(candidates[0], "serverless compute pulls with the workspace's user-assigned identity")
    without = any(symptom.signature in _WITHOUT_IDENTITY for symptom in symptoms)
    if workspace is not None and not candidates and without:
        reason = (
            "the workspace has no user-assigned identity for serverless compute, and the log says that none was there"
        )
        return Puller(kind=PullerKind.NOBODY, reason=reason)
    return _unknown("a compute of the kind Serverless does not show who pulls: the job may name an identity")


def _by_kind(compute: Compute) -> Puller:
    if compute.identities:
        return _as_identity(compute.identities[0], "it is the compute's default identity")
    if compute.kind in {"AmlCompute", "ComputeInstance"}:
        return Puller(kind=PullerKind.NOBODY, reason=f"the compute {compute.name} has no managed identity")
    if compute.kind in {"Kubernetes", "AKS"}:
        return _unknown("on a compute of the kind Kubernetes the cluster's own kubelet identity may pull")
    return _unknown(f"a compute of the kind {compute.kind or 'unknown'} does not show who pulls")


def _unknown(reason: str) -> Puller:
    return Puller(kind=PullerKind.UNKNOWN, reason=reason)


def _as_identity(identity: Identity, reason: str) -> Puller:
    return Puller(kind=PullerKind.IDENTITY, reason=reason, principal_id=identity.principal_id, identity=identity)


def _identity_named(identities: Iterable[Identity], named: str | None) -> Identity | None:
    for identity in identities:
        ids = {(it or "").lower() for it in (identity.principal_id, identity.client_id, identity.resource_id)} - {""}
        if named in ids:
            return identity
    return None
