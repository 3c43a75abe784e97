"""The registry is not well."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.facts import Registry
from diagnostics.image_facts import EncryptionKey, RegistryHealth, RegistryLoad
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("registry", "registry-health", "registry-load", "encryption-key")
_MADE = frozenset({"", "succeeded", "updating"})


class RegistryOutage:
    """Decided by Azure's own word on the registry (provisioning, resource health) or by its 5xx to us as well."""

    id = "registry-outage"
    title = "The registry is not well"
    step = PullStep.NETWORK
    rank = 80
    masked = False
    everywhere = True
    explains = frozenset({"registry-unavailable", "network-timeout"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the registry's health or provisioning is bad, or it answers 5xx to us too."""
        registry, health = case.registry, case.value("registry-health", RegistryHealth)
        load, key = case.value("registry-load", RegistryLoad), case.value("encryption-key", EncryptionKey)
        if key is not None and key.broken:
            return contradicted(f"what the registry answers follows from its encryption key: {', '.join(key.broken)}")
        signs = _signs(registry, health, load)
        target = registry.id.lower() if registry else case.registry_words
        if signs and _since_failure(case, health) and len(signs) == 1:
            return unread(_headline(case), target, f"{signs[0]}, after the failure", remedies=_remedies(registry))
        if signs and (key_unseen := _key_unseen(case, registry, key)):
            return unread(_headline(case), target, *key_unseen, remedies=_remedies(registry))
        if signs:
            return proven(_headline(case), target, *signs, remedies=_remedies(registry))
        if health is None or (case.symptom == "registry-unavailable" and load is None):
            missing = case.unread(*_NEEDS)
            return unread(self.title, target, *missing, remedies=_remedies(registry))
        well = f"its resource health is {health}" + (f", and {load}" if load else "")
        if case.symptom == "registry-unavailable":
            return unread(self.title, target, f"{well}: it may have passed", remedies=_remedies(registry))
        return compatible(self.title, well)


def _signs(registry: Registry | None, health: RegistryHealth | None, load: RegistryLoad | None) -> list[str]:
    signs = []
    state = (registry.provisioning_state or "").lower() if registry else ""
    if registry is not None and state not in _MADE:
        signs.append(f"the provisioning of {registry.name} is in the state {registry.provisioning_state}")
    if health is not None and health.state.lower() in {"unavailable", "degraded"}:
        signs.append(f"Azure Resource Health says of it: {health}")
    if load is not None and load.failing:
        signs.append(f"{load}, asked just now")
    return signs


def _key_unseen(case: Case, registry: Registry | None, key: EncryptionKey | None) -> tuple[str, ...]:
    """Say what was not seen of a key that could be behind it all: without it a registry answers nothing but errors."""
    if registry is None:
        unlisted = f"the settings of {case.registry_words}: none that Resource Manager lists for us has that name"
        return case.unread("registry") or (unlisted,)
    return case.unread("encryption-key") if registry.encryption_key and key is None else ()


def _since_failure(case: Case, health: RegistryHealth | None) -> bool:
    """Tell whether what Resource Health says began only after the run had failed."""
    bad = health is not None and not health.well
    return bad and health is not None and health.since is not None and health.since > case.failed_at


def _headline(case: Case) -> str:
    return f"{case.registry_words} is not well: the fault is on the registry's side"


def _remedies(registry: Registry | None) -> tuple[Remedy, ...]:
    wait = Remedy(
        title="Run again when the registry is well",
        detail="Portal: Service Health > Resource health, and status.azure.com, say when. The run need not change.",
    )
    if registry is None:
        return (wait,)
    check = Remedy(
        title=f"Look at the health of {registry.name}, and open a support request if it stays",
        command=az("acr", "check-health", "--name", registry.name, "--yes"),
    )
    return (wait, check)


CAUSE = RegistryOutage()
