"""The registry's storage is full."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.describing import size_words
from diagnostics.facts import Registry
from diagnostics.image_facts import Usage, Usages
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_SIZE = "Size"
_NEARLY = 0.95
"""Usage is counted with a delay: what is this full may have been full when the push was refused."""


class StorageQuotaExceeded:
    """A full registry refuses pushes, with 403 or 405 (*Azure Container Registry service tiers*); pulls go on."""

    id = "storage-quota-exceeded"
    title = "The registry's storage is full"
    step = PullStep.LAYERS
    rank = 60
    masked = False
    everywhere = True
    explains = frozenset({"storage-limit", "artifact-locked"})
    needs = ("registry", "usage")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the registry's own counter has reached its limit."""
        registry, usages = case.registry, case.value("usage", Usages)
        size = usages.named(_SIZE) if usages else None
        target = f"storage of {registry.id.lower()}" if registry else case.registry_words
        if registry is None or size is None:
            missing = case.unread("registry", "usage") or ("the registry's size: it is not among its usages",)
            return unread(self.title, target, *missing, remedies=_remedies(registry))
        words = _words(registry, size)
        if size.full:
            headline = f"{registry.name} ({registry.sku}) is full: it takes no more images"
            return proven(headline, target, words, remedies=_remedies(registry))
        if size.limit < 0:
            return contradicted(f"{registry.name} has no storage limit")
        if case.symptom == "artifact-locked":
            return contradicted(words)
        if size.used >= _NEARLY * size.limit:
            return unread(
                self.title, target, f"{words}: nearly full, and counted with a delay", remedies=_remedies(registry)
            )
        if case.named:
            return compatible(self.title, f"{words}: there is room now", remedies=_remedies(registry))
        return contradicted(words)


def _words(registry: Registry, size: Usage) -> str:
    return f"{registry.name} holds {size_words(size.used)} of the {size_words(size.limit)} that {registry.sku} allows"


def _remedies(registry: Registry | None) -> tuple[Remedy, ...]:
    if registry is None:
        return (Remedy(title="Delete images that nobody needs from the registry, or raise its quota"),)
    purge = "acr purge --filter '.*:.*' --untagged --ago 30d --dry-run"
    remedies = [
        Remedy(
            title=f"Purge old and untagged images from {registry.name}",
            detail="Look at what the dry run lists, then run without --dry-run. Freed space counts after hours.",
            command=az("acr", "run", "--registry", registry.name, "--cmd", purge, "/dev/null"),
        )
    ]
    if registry.sku.lower() != "premium":
        up = az("acr", "update", "--name", registry.name, "--sku", "Premium")
        remedies.append(Remedy(title=f"Or move {registry.name} to a higher SKU (now {registry.sku})", command=up))
    return tuple(remedies)


CAUSE = StorageQuotaExceeded()
