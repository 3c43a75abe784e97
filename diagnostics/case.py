"""Evidence as a cause sees it: typed access to facts, and the words for what could not be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from diagnostics.build_log import while_building
from diagnostics.facts import Compute, Registry, RegistryLookup, RoleGrants, RoleVisibility, Workspace
from diagnostics.model import Evidence, Fact, ImageReference, Known, Symptom, Unknown
from diagnostics.probing import all_probes
from diagnostics.pullers import Puller, who_pulls

__all__ = ["Case"]

T = TypeVar("T")


class Case:
    """One evidence under judgement. Nothing here reads from outside; the same evidence gives the same answers."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence

    @property
    def primary(self) -> Symptom | None:
        """The symptom that a headline must explain."""
        return self.evidence.symptoms[0] if self.evidence.symptoms else None

    @property
    def symptom(self) -> str:
        """The id of the primary symptom, or an empty string."""
        return self.primary.id if self.primary else ""

    @property
    def failed_at(self) -> datetime:
        """When the run failed, by run history, else by the event."""
        details = self.evidence.details
        return (details.ended_at if details else None) or self.evidence.run.failed_at

    @property
    def image(self) -> ImageReference | None:
        """The image reference, where it parses."""
        return self.evidence.image

    @cached_property
    def named(self) -> tuple[str, ...]:
        """The causes that the text names, in its order; only symptoms like the primary one speak."""
        primary = self.primary
        speaking = [s for s in self.evidence.symptoms if primary and s.id == primary.id]
        return tuple(dict.fromkeys(name for symptom in speaking for name in symptom.names))

    @cached_property
    def decisive(self) -> tuple[str, ...]:
        """The causes that a component states itself, which only it can know."""
        return tuple(name for s in self.evidence.symptoms[:1] if s.decisive for name in s.names)

    @cached_property
    def while_building(self) -> bool:
        """Whether an image was being built when it failed, rather than pulled (:mod:`diagnostics.build_log`)."""
        details = self.evidence.details
        return while_building(self.evidence.symptoms, details.run_id if details else self.evidence.run.run_id)

    def captured(self, group: str) -> str | None:
        """Return what a pattern's group held, of the first symptom that has it."""
        return next((s.captured[group] for s in self.evidence.symptoms if s.captured.get(group)), None)

    def fact(self, name: str) -> Fact:
        """Return the fact called ``name``, ``Unknown`` where nobody looked."""
        return self.evidence.facts.get(name) or Unknown(reason="nobody looked", source=name)

    def value(self, name: str, kind: type[T]) -> T | None:
        """Return the fact's value, or ``None`` where it is unknown."""
        fact = self.fact(name)
        return fact.value if isinstance(fact, Known) and isinstance(fact.value, kind) else None

    def unread(self, *names: str) -> tuple[str, ...]:
        """Return, in words, which of the facts are unknown and why."""
        said = []
        for name in names:
            fact = self.fact(name)
            if isinstance(fact, Unknown):
                said.append(f"{all_probes()[name].title}: {fact.reason}")
        return tuple(said)

    @cached_property
    def workspace(self) -> Workspace | None:
        """The workspace's settings."""
        return self.value("workspace", Workspace)

    @cached_property
    def lookup(self) -> RegistryLookup | None:
        """The registry as Resource Manager lists it, or its absence."""
        return self.value("registry", RegistryLookup)

    @property
    def registry(self) -> Registry | None:
        """The registry's settings, where it was found."""
        return self.lookup.found if self.lookup else None

    @property
    def registry_changed(self) -> str | None:
        """Words for settings that are newer than the failure: what they say now may not have been so then."""
        changed = self.registry.changed_at if self.registry else None
        if self.registry is None or changed is None or changed <= self.failed_at:
            return None
        return f"{self.registry.name} was changed on {changed:%Y-%m-%d %H:%M} UTC, after the failure"

    @cached_property
    def compute(self) -> Compute | None:
        """The compute's settings."""
        return self.value("compute", Compute)

    @cached_property
    def puller(self) -> Puller | None:
        """Who pulls, where compute and registry are known."""
        if self.compute is None or self.lookup is None:
            return None
        return who_pulls(self.compute, self.lookup, self.evidence.symptoms, self.workspace)

    @cached_property
    def admin_unsure(self) -> str | None:
        """Words for an admin user that may have been switched since the failure, where who pulled hangs on it."""
        compute, lookup, registry = self.compute, self.lookup, self.registry
        if self.registry_changed is None or compute is None or lookup is None or registry is None:
            return None
        if self.symptom == "admin-user-disabled" and not registry.admin_user_enabled:
            return None  # the text says that it was off then, too
        switched = replace(registry, admin_user_enabled=not registry.admin_user_enabled)
        other = who_pulls(compute, replace(lookup, found=switched), self.evidence.symptoms, self.workspace)
        if self.puller is None or other.kind is self.puller.kind:
            return None
        return f"whether the admin user of {registry.name} was on when the run failed: {self.registry_changed}"

    @cached_property
    def grants(self) -> RoleGrants | None:
        """The puller's role assignments, only where we may see them all: an empty list is no fact otherwise."""
        visible = self.value("role-visibility", RoleVisibility)
        return self.value("role-grants", RoleGrants) if visible is not None and visible.readable else None

    @property
    def registry_words(self) -> str:
        """The registry's name for a sentence, from Azure where known."""
        if self.registry is not None:
            return self.registry.name
        return (self.lookup.host if self.lookup else None) or (self.image.registry if self.image else "the registry")

    @property
    def compute_words(self) -> str:
        """The compute's name for a sentence."""
        details = self.evidence.details
        return (details.compute if details else None) or "the compute"
