"""What the registry says of the image: there or not, and how large."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.azure.errors import Nonsense, ReadFailed
from diagnostics.azure.registry_data import RegistryAnswer, RegistryClient
from diagnostics.facts import Manifest, ManifestOutcome, RegistryLookup
from diagnostics.model import Fact, Known, Vantage
from diagnostics.probes._shapes import member, text
from diagnostics.probing import Subject
from diagnostics.reach import Reach

__all__ = ["PROBE", "registry_client"]


class ManifestProbe:
    """Asks for the manifest as ourselves; only a registry that Resource Manager listed is ever asked.

    A refusal (401, 403), a throttle or an outage says nothing about the image, so it is ``Unknown``.
    """

    name = "manifest"
    title = "the image in the registry"
    value_type: type = Manifest
    needs: tuple[str, ...] = ("registry",)
    actions: tuple[str, ...] = ("Microsoft.ContainerRegistry/registries/pull/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return a :class:`Manifest`, seen from the responder's network."""
        client = registry_client(subject, facts["registry"], reach)
        assert subject.image is not None  # noqa: S101 - registry_client has made sure
        answer = client.manifest(subject.image.reference)
        value = _found(client, subject.image.tag, answer) if answer.status == 200 else _absent(client, subject, answer)
        return Known(value=value, source="the registry", vantage=Vantage.RESPONDER_NETWORK, time=reach.now())


def registry_client(subject: Subject, lookup: RegistryLookup, reach: Reach) -> RegistryClient:
    """Return a client for the image's repository, or raise :class:`ReadFailed` where nobody may be asked."""
    if subject.image is None:
        raise ReadFailed("the image reference could not be read, so the registry was not asked")
    if lookup.found is None:
        raise ReadFailed(f"{lookup.host} is no registry that Resource Manager lists for us, so it was not asked")
    return reach.registry(lookup.found.login_server, subject.image.repository)


def _absent(client: RegistryClient, subject: Subject, answer: RegistryAnswer) -> Manifest:
    outcomes = {
        "NAME_UNKNOWN": ManifestOutcome.REPOSITORY_UNKNOWN,
        "MANIFEST_UNKNOWN": ManifestOutcome.TAG_UNKNOWN,
    }
    outcome = outcomes.get(answer.code) if answer.status == 404 else None
    if outcome is None:
        raise answer.refusal()
    if outcome == ManifestOutcome.TAG_UNKNOWN and client.tags(newest=1).code == "NAME_UNKNOWN":
        # Registries of the distribution project answer MANIFEST_UNKNOWN for a repository that they do not have.
        outcome = ManifestOutcome.REPOSITORY_UNKNOWN
    assert subject.image is not None  # noqa: S101 - registry_client has made sure
    return Manifest(outcome=outcome, reference=subject.image.reference, said=answer.said)


def _found(client: RegistryClient, tag: str | None, answer: RegistryAnswer) -> Manifest:
    document = answer.body
    if not isinstance(document, Mapping):
        raise Nonsense("the registry answered with something that is no manifest", status=answer.status)
    platforms = member(document, "manifests")
    if isinstance(platforms, list):
        first = next((digest for entry in platforms if (digest := text(entry, "digest"))), None)
        document = client.image_manifest(first).body if first else None
    layers = member(document, "layers")
    sizes = [member(layer, "size") for layer in layers] if isinstance(layers, list) else []
    return Manifest(
        outcome=ManifestOutcome.FOUND,
        reference=tag or answer.digest,
        digest=answer.digest or None,
        media_type=answer.media_type or None,
        compressed_bytes=sum(size for size in sizes if isinstance(size, int)) if sizes else None,
        layers=len(sizes) or None,
    )


PROBE = ManifestProbe()
