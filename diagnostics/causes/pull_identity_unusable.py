"""The identity named for the pull is deleted, or is not one of the compute's."""

from __future__ import annotations

from dataclasses import replace

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.causes._credentials import foreign_host, gone_identity, named_identity, workspace_words
from diagnostics.causes._identities import giving_identity
from diagnostics.credential_facts import NamedIdentity, PullIdentities
from diagnostics.facts import Compute, Identity
from diagnostics.model import PullStep, Remedy
from diagnostics.pullers import PullerKind
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("compute", "registry", "pull-identities")
_OWN_IDENTITY = frozenset({"AmlCompute", "ComputeInstance"})
"""Kinds of compute that pull with identities of their own and no others."""


class PullIdentityUnusable:
    """A resource keeps listing a user-assigned identity that was deleted; the identity's own resource tells."""

    id = "pull-identity-unusable"
    title = "The identity named for the pull is deleted, or is not one of the compute's"
    step = PullStep.IDENTITY
    rank = 5
    masked = False
    explains = frozenset({"unauthorized", "forbidden", "identity-misconfigured"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the identity that pulls is gone, or where the log names one that the compute lacks."""
        compute, known, named = case.compute, case.value("pull-identities", PullIdentities), named_identity(case)
        if foreign_host(case):
            return contradicted(f"{foreign_host(case)} is no Azure registry: no managed identity logs in there")
        if case.while_building:
            return None  # another identity builds; nothing is known of it here
        if compute is None or known is None:
            return unread(self.title, named or case.compute_words, *case.unread(*_NEEDS))
        gone = gone_identity(case)
        if gone is not None:
            return _gone(case, compute, gone)
        if named is None:
            return _unnamed(case, compute)
        if _is_one_of(named, compute.identities, known):
            return contradicted(f"the identity {named} exists and is one of {compute.name}'s")
        return _stranger(case, compute, known, named)


def _unnamed(case: Case, compute: Compute) -> Judgement:
    puller = case.puller
    if puller is not None and puller.kind is PullerKind.IDENTITY:
        return contradicted(f"{compute.name} has the {puller}, and it exists")
    if not compute.identities and compute.kind in _OWN_IDENTITY:
        return contradicted(f"no identity is named, and {compute.name} has none that could be unusable")
    if puller is None:
        return unread(PullIdentityUnusable.title, case.compute_words, *case.unread(*_NEEDS))
    return compatible(PullIdentityUnusable.title, puller.reason)


def _is_one_of(named: str, identities: tuple[Identity, ...], known: PullIdentities) -> bool:
    ids = {it for who in identities for it in (who.principal_id, who.client_id, who.resource_id)}
    ids |= {
        it for who in known.identities if who.found and who.of != "the log" for it in (who.principal_id, who.client_id)
    }
    return named in {(it or "").lower() for it in (*ids, known.system_client_id)}


def _stranger(case: Case, compute: Compute, known: PullIdentities, named: str) -> Judgement:
    target = f"{named} on {compute.name}"
    if not compute.found or compute.kind not in _OWN_IDENTITY:
        kind = compute.kind if compute.found else "that is gone"
        return unread(
            PullIdentityUnusable.title, target, f"which identities a compute of the kind {kind} may pull with"
        )
    if known.unread:
        return unread(PullIdentityUnusable.title, target, *known.unread)
    if any(it.client_id is None and it.kind == "user-assigned" for it in compute.identities):
        return unread(PullIdentityUnusable.title, target, "the client id of one of the compute's identities")
    has = " and ".join(f"the {it.kind} identity {it.principal_id}" for it in compute.identities) or "no identity at all"
    reasons = (
        f"the log says that {named} was to pull",
        f"{compute.name} ({compute.kind}) has {has}, by neither principal nor client id the one in the log",
    )
    headline = f"{compute.name} was to pull as {named}, which is none of its identities"
    return proven(headline, target, *reasons, remedies=_attach(case, compute, named))


def _attach(case: Case, compute: Compute, named: str) -> tuple[Remedy, ...]:
    own = compute.identities[0].client_id if compute.identities else None
    use = f" or name the one that it has ({own or compute.identities[0].principal_id})" if compute.identities else ""
    workspace, group = workspace_words(case)
    return (
        Remedy(
            title=f"Attach the identity {named} to {compute.name},{use}"
            if use
            else f"Attach {named} to {compute.name}",
            detail=(
                f"Studio: Compute > {compute.name} > Managed identity > Edit. The job's or the "
                "environment's settings name the identity, or the variable DEFAULT_IDENTITY_CLIENT_ID does."
            ),
            command=az(
                "ml",
                "compute",
                "show",
                "--name",
                compute.name,
                "--workspace-name",
                workspace,
                "--resource-group",
                group,
            ),
        ),
    )


def _gone(case: Case, compute: Compute, identity: NamedIdentity) -> Judgement:
    headline = f"{case.compute_words} was to pull with the identity {identity.name}, which has been deleted"
    reasons = (
        f"{identity.of} names {identity.resource_id}",
        "Azure answers that this identity does not exist; a resource goes on listing an identity after its deletion",
    )
    return proven(headline, identity.resource_id.lower(), *reasons, remedies=_replace(case, compute, identity))


def _replace(case: Case, compute: Compute, identity: NamedIdentity) -> tuple[Remedy, ...]:
    note = (
        f"Remove {identity.name}, which is no more. One made again under the name {identity.name} is not the same: it "
        "holds none of its roles."
    )
    remedy = giving_identity(case, compute, "the pull role")
    return (replace(remedy, detail=f"{remedy.detail} {note}"),)


CAUSE = PullIdentityUnusable()
