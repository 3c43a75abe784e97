"""The registry is asked more often than its SKU allows."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az, bicep_text, of_registry
from diagnostics.facts import Registry
from diagnostics.image_facts import RegistryLoad
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE", "RATES"]

RATES = {"basic": (10_000, 5_000), "standard": (10_000, 5_000), "premium": (20_000, 10_000)}
"""Published reads a minute of a registry, and of one identity (*Azure Container Registry service tiers*)."""

_OWN_WORDS = "acr-throttled"
"""The signature of Azure's registries' own answer."""

_ELSEWHERE = frozenset({"docker-hub-limit", "cache-rule-source"})


class RegistryThrottled:
    """Limits count for all callers of a registry together, so its 429 to us is its 429 to the compute."""

    id = "registry-throttled"
    title = "The registry is asked more often than it allows"
    step = PullStep.NETWORK
    rank = 60
    masked = False
    everywhere = True
    explains = frozenset({"rate-limited"})
    needs = ("registry", "registry-load")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the registry answers 429 to us too, or the log holds its own 429."""
        primary, registry = case.primary, case.registry
        load = case.value("registry-load", RegistryLoad)
        target = registry.id.lower() if registry else case.registry_words
        if primary is not None and primary.signature in _ELSEWHERE:
            return contradicted(f"the text is about another registry's limit: {primary.text.strip()[:160]}")
        if load is not None and load.throttled:
            return _proven(case, target, f"{load}, asked just now: its limits count for all callers together")
        if registry is not None and primary is not None and _is_own_answer(primary.text, primary.signature, registry):
            return _proven(case, target, f"its own answer stands in the log: {primary.text.strip()[:200]}")
        now = (f"{load}: throttling passes within a minute",) if load else case.unread("registry-load")
        return unread(_headline(case), target, *now, remedies=_remedies(registry), reasons=_rates(registry))


def _is_own_answer(line: str, signature: str, registry: Registry) -> bool:
    """Tell whether the line is a 429 of this very registry, by its name; a bare 429 may be anybody's."""
    return signature == _OWN_WORDS and registry.login_server.lower() in line.lower()


def _proven(case: Case, target: str, reason: str) -> Judgement:
    registry = case.registry
    return proven(_headline(case), target, reason, *_rates(registry), remedies=_remedies(registry))


def _headline(case: Case) -> str:
    sku = f" ({case.registry.sku})" if case.registry else ""
    return f"{case.registry_words}{sku} is asked more often than it allows, and answers 429"


def _rates(registry: Registry | None) -> tuple[str, ...]:
    rates = RATES.get(registry.sku.lower()) if registry else None
    if registry is None or rates is None:
        return ()
    return (f"the SKU {registry.sku} is published at {rates[0]:,} reads a minute a registry, {rates[1]:,} an identity",)


def _remedies(registry: Registry | None) -> tuple[Remedy, ...]:
    spread = Remedy(
        title="Start fewer nodes at once, and keep nodes that have the image",
        detail=(
            "Lower the maximum of nodes or submit in waves; a minimum of nodes above zero keeps the image there. "
            "Fewer layers mean fewer reads."
        ),
    )
    if registry is None:
        return (spread,)
    if registry.sku.lower() == "premium":
        replica = Remedy(
            title=f"Or spread the load of {registry.name} over a replica: limits count for each replica",
            detail=f"Portal: {registry.name} > Geo-replications. Support can raise the limits of a Premium registry.",
        )
        return (spread, replica)
    upgrade = Remedy(
        title=f"Or move {registry.name} to the SKU Premium, which allows twice as many reads (now {registry.sku})",
        detail=f"Portal: {registry.name} > Properties > Pricing plan.",
        command=az("acr", "update", "--name", registry.name, "--sku", "Premium"),
        bicep=f"{of_registry(registry)}sku: {{\n  name: {bicep_text('Premium')}\n}}",
    )
    return (spread, upgrade)


CAUSE = RegistryThrottled()
