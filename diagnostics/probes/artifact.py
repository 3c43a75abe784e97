"""What an Azure registry keeps about the image besides its manifest: locks, quarantine, platform, times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from diagnostics.azure.errors import Nonsense
from diagnostics.azure.registry_data import RegistryAnswer, RegistryClient
from diagnostics.image_facts import Artifact
from diagnostics.model import Fact, ImageReference, Known, Vantage
from diagnostics.probes._asking import said_absent
from diagnostics.probes._shapes import member, text, when
from diagnostics.probes.manifest import azure_client
from diagnostics.probing import Subject
from diagnostics.reach import Reach

__all__ = ["PROBE"]


class ArtifactProbe:
    """Reads ``/acr/v1/{repository}/_tags/{tag}`` and ``_manifests/{digest}`` (azure-containerregistry, api 2021-07-01).

    A tag that does not show is looked for among the newest manifests: one in quarantine may still be listed there.
    """

    name = "artifact"
    title = "the image's attributes"
    value_type: type = Artifact
    needs: tuple[str, ...] = ("registry",)
    actions: tuple[str, ...] = ("Microsoft.ContainerRegistry/registries/pull/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return an :class:`Artifact`, seen from the responder's network."""
        client = azure_client(subject, facts["registry"], reach)
        assert subject.image is not None  # noqa: S101 - azure_client has made sure
        newest = said_absent(subject, client.manifests)
        whole = any(it.id == "artifact-locked" for it in subject.symptoms)
        value = _artifact(client, subject.image, newest, whole=whole)
        return Known(value=value, source="the registry", vantage=Vantage.RESPONDER_NETWORK, time=reach.now())


def _artifact(
    client: RegistryClient, image: ImageReference, newest: Callable[[], RegistryAnswer], *, whole: bool
) -> Artifact:
    """Read tag and manifest; ``whole`` asks about the repository as well, ``newest`` gives the newest manifests."""
    digest: str | None = image.digest
    tag: Mapping[str, Any] = {}
    if digest is None:
        tag = _member_of(client.tag(image.reference), "tag")
        digest = text(tag, "digest")
    entry = _member_of(client.attributes(digest), "manifest") if digest else _listed(newest(), image.reference)
    if not tag and not entry:
        return Artifact(found=False, reference=image.reference)
    attributes = member(entry, "changeableAttributes")
    system, architecture = text(entry, "os"), text(entry, "architecture")
    return Artifact(
        found=True,
        reference=image.reference,
        digest=digest or text(entry, "digest"),
        locked=_locked(tag, entry) or (_locked_repository(client) if whole else ""),
        quarantine=text(attributes, "quarantineState"),
        platform=f"{system}/{architecture}" if system and architecture else None,
        created_at=when(member(tag, "createdTime") or member(entry, "createdTime")),
        changed_at=when(member(tag, "lastUpdateTime") or member(entry, "lastUpdateTime")),
    )


def _member_of(answer: Any, name: str) -> Mapping[str, Any]:
    """Return the object ``name`` of an answer, an empty one where the registry knows nothing of it."""
    if answer.status == 404 and answer.code in {"TAG_UNKNOWN", "MANIFEST_UNKNOWN", "NAME_UNKNOWN"}:
        return {}
    if answer.status != 200:
        raise answer.refusal()
    found = member(answer.body, name)
    if not isinstance(found, Mapping):
        raise Nonsense(f"the registry's attributes came without their '{name}'")
    return found


def _listed(answer: RegistryAnswer, tag: str) -> Mapping[str, Any]:
    """Return the manifest that carries ``tag``, of the newest ones."""
    listed = member(answer.body, "manifests") if answer.status == 200 else None
    for entry in listed if isinstance(listed, list) else ():
        names = member(entry, "tags")
        if isinstance(names, list) and tag in names:
            return dict(entry)
    return {}


def _locked(tag: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
    locks = {"tag": tag, "manifest": entry}
    return next((name for name, it in locks.items() if member(it, "changeableAttributes", "readEnabled") is False), "")


def _locked_repository(client: RegistryClient) -> str:
    answer = client.attributes()
    return "repository" if member(answer.body, "changeableAttributes", "readEnabled") is False else ""


PROBE = ArtifactProbe()
