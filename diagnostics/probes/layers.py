"""Whether the registry has every blob that the image's manifest names."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from diagnostics.azure.errors import Nonsense
from diagnostics.azure.oci_registry import OciRegistry
from diagnostics.azure.registry_data import RegistryAnswer, RegistryClient
from diagnostics.image_facts import Layers
from diagnostics.model import Fact, Known, Vantage
from diagnostics.probes._shapes import member, size, text
from diagnostics.probes.manifest import platform_entries, registry_client
from diagnostics.probing import Subject
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_MOST = 64
"""How many blobs of one image are asked for."""

_AT_ONCE = 8


class LayersProbe:
    """Asks for each blob by ``HEAD``: no byte of a layer is fetched, so no digest is ever computed here.

    Source: OCI distribution specification, *Checking if content exists in the registry*.
    """

    name = "layers"
    title = "the image's layers in the registry"
    value_type: type = Layers
    needs: tuple[str, ...] = ("registry",)
    actions: tuple[str, ...] = ("Microsoft.ContainerRegistry/registries/pull/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return :class:`Layers` of every platform's image, seen from the responder's network."""
        client = registry_client(subject, facts["registry"], reach)
        assert subject.image is not None  # noqa: S101 - registry_client has made sure
        named = _named(client, subject.image.reference)
        with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="pullmedic-layers") as pool:
            answers = list(pool.map(client.blob, named))
        value = _compared(named, answers)
        if value.missing:
            _made_sure(client, value.missing[0])
        return Known(value=value, source="the registry", vantage=Vantage.RESPONDER_NETWORK, time=reach.now())


def _named(client: RegistryClient | OciRegistry, reference: str) -> dict[str, int | None]:
    """Return the size of every blob that the image's manifests name, by digest."""
    document = _manifest(client, reference)
    entries = platform_entries(document)
    documents = [document] if entries is None else [_manifest(client, digest) for _, digest in entries[:_AT_ONCE]]
    named: dict[str, int | None] = {}
    for image in documents:
        layers = member(image, "layers")
        for blob in [member(image, "config"), *(layers if isinstance(layers, list) else ())]:
            digest = text(blob, "digest")
            if digest:
                named[digest] = size(member(blob, "size"))
    if not named:
        raise Nonsense("the image's manifest names no blob")
    return dict(list(named.items())[:_MOST])


def _manifest(client: RegistryClient | OciRegistry, reference: str) -> Any:
    answer = client.manifest(reference)
    if answer.status != 200:
        raise answer.refusal()
    return answer.body


def _made_sure(client: RegistryClient | OciRegistry, digest: str) -> None:
    """Have the registry say that it lacks a blob: the 404 of a head may be that of whatever stands in between."""
    answer = client.blob(digest, in_words=True)
    if answer.status != 404 or answer.code not in {"BLOB_UNKNOWN", "NAME_UNKNOWN"}:
        raise answer.refusal()


def _compared(named: Mapping[str, int | None], answers: list[RegistryAnswer]) -> Layers:
    missing, wrong = [], []
    for (digest, stated), answer in zip(named.items(), answers, strict=True):
        if answer.status == 404:
            missing.append(digest)
        elif answer.status >= 400:
            raise answer.refusal()
        elif answer.digest == digest and None not in (stated, answer.length) and stated != answer.length:
            wrong.append(digest)
    return Layers(checked=len(named), missing=tuple(missing), wrong_size=tuple(wrong))


PROBE = LayersProbe()
