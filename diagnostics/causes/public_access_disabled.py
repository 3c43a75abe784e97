"""The registry's public access is off, and the compute has no private way."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az, of_registry
from diagnostics.causes._ways import may_go_privately
from diagnostics.facts import Registry
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]


class PublicAccessDisabled:
    """Source: *Connect privately to a registry by Azure Private Link*: without public access only endpoints lead in."""

    id = "public-access-disabled"
    title = "The registry's public access is off, and the compute has no private way to it"
    step = PullStep.NETWORK
    rank = 20
    masked = False
    explains = frozenset({"network-firewall", "forbidden", "insufficient-evidence"})
    needs = ("registry", "compute", "workspace")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where public access is off and nothing could lead the compute in privately."""
        registry = case.registry
        if registry is None:
            return unread(self.title, case.registry_words, *case.unread("registry"))
        if registry.public_access and case.registry_changed:
            return unread(self.title, registry.id.lower(), f"public access is on now, but {case.registry_changed}")
        if registry.public_access:
            return contradicted(f"the public access of {registry.name} is on")
        if case.while_building:
            return unread(self.title, registry.id.lower(), "the build's way to the registry was not checked")
        if registry.private_endpoints and may_go_privately(case):
            states = ", ".join(f"{found.name} {found.status}" for found in registry.private_endpoints)
            return unread(
                self.title,
                registry.id.lower(),
                f"{registry.name} has private endpoints ({states}); whether one serves the compute was not checked",
            )
        return _proven(case, registry)


def _proven(case: Case, registry: Registry) -> Judgement:
    return proven(
        f"{registry.name} has its public access off, and {case.compute_words} has no private way to it",
        f"public access of {registry.id.lower()}",
        f"the public access of {registry.name} is off",
        (
            f"{registry.name} has no private endpoint connection at all"
            if not registry.private_endpoints
            else f"{case.compute_words} is in no virtual network, so no private endpoint serves it"
        ),
        remedies=_remedies(registry),
    )


def _remedies(registry: Registry) -> tuple[Remedy, ...]:
    return (
        Remedy(
            title=f"Create a private endpoint for {registry.name} in the compute's network",
            detail=(
                f"Portal: {registry.name} > Networking > Private access > Create a private endpoint connection, with "
                "the zone privatelink.azurecr.io linked to the compute's network. It needs the SKU Premium."
            ),
        ),
        Remedy(
            title=f"Or switch the public access of {registry.name} on, for chosen addresses",
            detail="Switched on again, it leaves the default at Deny: add the compute's outbound address too.",
            command=az("acr", "update", "--name", registry.name, "--public-network-enabled", "true"),
            bicep=_bicep(registry),
        ),
    )


def _bicep(registry: Registry) -> str:
    return f"{of_registry(registry)}properties: {{\n  publicNetworkAccess: 'Enabled'\n}}"


CAUSE = PublicAccessDisabled()
