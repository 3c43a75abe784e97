"""Whether a quarantine hides the image: asked only where a registry has one and the tag reads as not found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.azure.errors import Nonsense
from diagnostics.facts import Manifest, ManifestOutcome, RegistryLookup
from diagnostics.image_facts import Quarantine
from diagnostics.model import Fact, Known, Vantage
from diagnostics.probes._shapes import member, text
from diagnostics.probes.manifest import azure_client
from diagnostics.probing import Subject
from diagnostics.reach import Reach

__all__ = ["PROBE"]


class QuarantineProbe:
    """Looks for the tag among the newest manifests, where a quarantined one may still be listed (``/acr/v1``).

    With the quarantine off, or the image there, nothing is hidden and nothing is asked.
    """

    name = "quarantine"
    title = "what the registry's quarantine holds back"
    value_type: type = Quarantine
    needs: tuple[str, ...] = ("registry", "manifest")
    actions: tuple[str, ...] = ("Microsoft.ContainerRegistry/registries/pull/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return a :class:`Quarantine`, seen from the responder's network."""
        lookup: RegistryLookup = facts["registry"]
        manifest: Manifest = facts["manifest"]
        on = lookup.found is not None and lookup.found.quarantine
        hidden = on and manifest.outcome == ManifestOutcome.TAG_UNKNOWN
        value = self._asked(subject, lookup, reach) if hidden else Quarantine()
        return Known(value=value, source="the registry", vantage=Vantage.RESPONDER_NETWORK, time=reach.now())

    def _asked(self, subject: Subject, lookup: RegistryLookup, reach: Reach) -> Quarantine:
        answer = azure_client(subject, lookup, reach).manifests()
        if answer.status != 200:
            raise answer.refusal()
        listed = member(answer.body, "manifests")
        if not isinstance(listed, list):
            raise Nonsense("the registry's list of manifests came without its 'manifests'", status=answer.status)
        image = subject.image
        wanted = image.reference if image is not None else ""
        for entry in listed:
            names = member(entry, "tags")
            if text(entry, "digest") == wanted or (isinstance(names, list) and wanted in names):
                return Quarantine(state=text(member(entry, "changeableAttributes"), "quarantineState"))
        return Quarantine()


PROBE = QuarantineProbe()
