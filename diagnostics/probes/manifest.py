"""What the registry says of the image: there or not, and how large."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from diagnostics.azure.errors import Nonsense, ReadFailed
from diagnostics.azure.oci_registry import OciRegistry
from diagnostics.azure.registry_data import RegistryAnswer, RegistryClient
from diagnostics.facts import Manifest, ManifestOutcome, RegistryLookup
from diagnostics.model import Fact, Known, Vantage
from diagnostics.probes._asking import said_absent
from diagnostics.probes._shapes import member, size, text
from diagnostics.probing import Subject
from diagnostics.reach import Reach

__all__ = ["PROBE", "azure_client", "platform_entries", "registry_client"]

_USUAL = "linux/amd64"
"""What nearly every training image is for; of an index, its image is the one that is measured."""


class ManifestProbe:
    """Asks for the manifest as ourselves; only a registry that Resource Manager or the allow-list names is ever asked.

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
        newest_tag = said_absent(subject, lambda: client.tags(newest=1))
        answer = client.manifest(subject.image.reference)
        found = answer.status == 200
        value = _found(client, subject.image.tag, answer) if found else _absent(newest_tag, subject, answer)
        return Known(value=value, source="the registry", vantage=Vantage.RESPONDER_NETWORK, time=reach.now())


def registry_client(subject: Subject, lookup: RegistryLookup, reach: Reach) -> RegistryClient | OciRegistry:
    """Return a client for the image's repository, or raise :class:`ReadFailed` where nobody may be asked."""
    if subject.image is None:
        raise ReadFailed("the image reference could not be read, so the registry was not asked")
    if lookup.found is None:
        return reach.other_registry(lookup.host, subject.image.repository)
    return reach.registry(lookup.found.login_server, subject.image.repository)


def azure_client(subject: Subject, lookup: RegistryLookup, reach: Reach) -> RegistryClient:
    """Return such a client of an Azure registry of ours: others keep manifests and tags only."""
    client = registry_client(subject, lookup, reach)
    if not isinstance(client, RegistryClient):
        raise ReadFailed(f"{lookup.host} is no Azure registry of ours, so it keeps no more than manifests and tags")
    return client


def platform_entries(document: Any) -> list[tuple[str, str]] | None:
    """Return (``os/architecture[/variant]``, digest) of an index's images, or ``None`` for what is no index.

    Attestations that a builder put beside the images are listed as ``unknown/unknown``: they are no image.
    """
    listed = member(document, "manifests")
    if not isinstance(listed, list):
        return None
    found = []
    for entry in listed:
        digest = text(entry, "digest")
        parts = [text(entry, "platform", key) for key in ("os", "architecture", "variant")]
        platform = "/".join(part for part in parts if part)
        if digest and not platform.startswith("unknown"):
            found.append((platform, digest))
    return found


def _absent(newest_tag: Callable[[], RegistryAnswer], subject: Subject, answer: RegistryAnswer) -> Manifest:
    outcome = _outcome(answer)
    if outcome is None:
        raise answer.refusal()
    if outcome == ManifestOutcome.TAG_UNKNOWN and newest_tag().code == "NAME_UNKNOWN":
        # Registries of the distribution project answer MANIFEST_UNKNOWN for a repository that they do not have.
        outcome = ManifestOutcome.REPOSITORY_UNKNOWN
    assert subject.image is not None  # noqa: S101 - registry_client has made sure
    return Manifest(outcome=outcome, reference=subject.image.reference, said=answer.said)


def _outcome(answer: RegistryAnswer) -> str | None:
    if answer.status == 405 and answer.code:
        return ManifestOutcome.DISALLOWED
    known = {"NAME_UNKNOWN": ManifestOutcome.REPOSITORY_UNKNOWN, "MANIFEST_UNKNOWN": ManifestOutcome.TAG_UNKNOWN}
    return known.get(answer.code) if answer.status == 404 else None


def _found(client: RegistryClient | OciRegistry, tag: str | None, answer: RegistryAnswer) -> Manifest:
    document = answer.body
    if not isinstance(document, Mapping):
        raise Nonsense("the registry answered with something that is no manifest", status=answer.status)
    entries = platform_entries(document)
    if entries is not None:
        document = client.manifest(_measured(entries)).body if entries else None
    layers = member(document, "layers")
    sizes = [size(member(layer, "size")) for layer in layers] if isinstance(layers, list) else []
    return Manifest(
        outcome=ManifestOutcome.FOUND,
        reference=tag or answer.digest,
        digest=answer.digest or None,
        media_type=answer.media_type or None,
        compressed_bytes=size(sum(one for one in sizes if one is not None)) if sizes else None,
        layers=len(sizes) or None,
        platforms=tuple(platform for platform, _ in entries or () if platform),
    )


def _measured(entries: list[tuple[str, str]]) -> str:
    return next((digest for platform, digest in entries if platform == _USUAL), entries[0][1])


PROBE = ManifestProbe()
