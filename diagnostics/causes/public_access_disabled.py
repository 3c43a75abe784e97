"""The registry's public access is off, and the compute has no private way."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._advice import advised
from diagnostics.causes._commands import az, of_registry
from diagnostics.causes._said import RIGHT_REFUSED, refused_for_right
from diagnostics.causes._ways import WAY_FACTS, PrivateWay, private_way, private_zone
from diagnostics.facts import Registry
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_WAY_OUT = "Give the compute a private endpoint of the registry, or let its address in on the public way"


class PublicAccessDisabled:
    """Source: *Connect privately to a registry by Azure Private Link*: without public access only endpoints lead in."""

    id = "public-access-disabled"
    title = "The registry's public access is off, and the compute has no private way to it"
    step = PullStep.NETWORK
    rank = 20
    masked = False
    explains = frozenset({"network-firewall", "forbidden", "insufficient-evidence"})
    needs = WAY_FACTS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where public access is off and nothing could lead the compute in privately."""
        return advised(self._judged(case), _WAY_OUT)

    def _judged(self, case: Case) -> Judgement:
        registry = case.registry
        if registry is None:
            return unread(self.title, case.registry_words, *case.unread("registry"))
        if registry.public_access and case.registry_changed:
            return unread(self.title, registry.id.lower(), f"public access is on now, but {case.registry_changed}")
        if registry.public_access:
            return contradicted(f"the public access of {registry.name} is on")
        if case.while_building:
            return unread(self.title, registry.id.lower(), "the build's way to the registry was not checked")
        return _by_way(case, registry, private_way(case, registry))


def _by_way(case: Case, registry: Registry, way: PrivateWay) -> Judgement:
    """A private way that exists is the thing to mend, whatever is wrong with it."""
    if way.endpoints:
        return contradicted(f"the compute has a private way, which is the one to mend: {way.words}")
    if way.none and refused_for_right(case):
        return compatible(PublicAccessDisabled.title, RIGHT_REFUSED)
    if way.none and case.registry_changed:
        since = f"public access is off now, but {case.registry_changed}"
        return unread(PublicAccessDisabled.title, registry.id.lower(), since, remedies=_remedies(registry))
    if way.none:
        return _proven(case, registry, way.none)
    return unread(PublicAccessDisabled.title, registry.id.lower(), *way.unknown)


def _proven(case: Case, registry: Registry, no_way: str) -> Judgement:
    return proven(
        f"{registry.name} has its public access off, and {case.compute_words} has no private way to it",
        f"public access of {registry.id.lower()}",
        f"the public access of {registry.name} is off",
        no_way,
        remedies=_remedies(registry),
    )


def _remedies(registry: Registry) -> tuple[Remedy, ...]:
    zone = private_zone(registry)
    return (
        Remedy(
            title=f"Create a private endpoint for {registry.name} in the compute's network",
            detail=(
                f"Portal: {registry.name} > Networking > Private access > Create a private endpoint connection, with "
                f"the zone {zone} linked to the compute's network. It needs the SKU Premium."
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
