"""The registry that a wrong host was meant for: what the same pull would meet once the reference is put right."""

from __future__ import annotations

from dataclasses import replace

from diagnostics.case import Case
from diagnostics.model import ImageReference, Known
from diagnostics.references import host_problems, registry_name

__all__ = ["is_look_alike", "put_right"]


def is_look_alike(reference: ImageReference, login_server: str) -> bool:
    """Tell whether the host is a wrong name of the registry at ``login_server``: other cloud, hash, private link."""
    lowered = replace(reference, registry=reference.registry.lower())
    first = lowered.registry.partition(".")[0].partition("-")[0]
    return registry_name(login_server) == first and bool(host_problems(lowered, login_server))


def put_right(case: Case) -> Case | None:
    """Return the case as if the host were that of the registry that was meant, ``None`` where none was.

    What the reference says of repository and tag is left as it is; nothing was asked of the registry about them.
    """
    fact, lookup, image = case.fact("registry"), case.lookup, case.image
    meant = lookup.meant if lookup is not None and lookup.found is None else None
    if lookup is None or meant is None or image is None or not isinstance(fact, Known):
        return None
    found = replace(lookup, host=meant.login_server, found=meant, meant=None, attached=True)
    evidence = case.evidence
    facts = {**evidence.facts, "registry": replace(fact, value=found)}
    return Case(replace(evidence, image=replace(image, registry=meant.login_server), facts=facts))
