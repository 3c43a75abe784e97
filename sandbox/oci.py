"""What registries hold: manifests made from what the world says of an image.

A manifest's body is invented, so a digest that the world states is not the body's own; a client that hashes
the body will see that. The layers' sizes add up to what the world states.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.azure import entries

__all__ = ["INDEX_TYPES", "Manifest", "Repository", "Shelf"]

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEX_TYPES = {OCI_INDEX: OCI_MANIFEST, DOCKER_LIST: DOCKER_MANIFEST}
_CONFIG_TYPES = {
    OCI_MANIFEST: "application/vnd.oci.image.config.v1+json",
    DOCKER_MANIFEST: "application/vnd.docker.container.image.v1+json",
}
_LAYER_TYPES = {
    OCI_MANIFEST: "application/vnd.oci.image.layer.v1.tar+gzip",
    DOCKER_MANIFEST: "application/vnd.docker.image.rootfs.diff.tar.gzip",
}
_OLDEST = (
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.docker.distribution.manifest.v1+json",
)
_LAYERS = 4
_USUAL_GIB = 0.05


@dataclass(frozen=True, slots=True)
class Manifest:
    """One manifest: an image's or an index's. ``stated`` is the world's tag that it was made from."""

    digest: str
    media_type: str
    body: bytes
    platform: str
    size: int
    stated: Mapping[str, Any]
    config: tuple[str, bytes] | None = None
    children: tuple[Manifest, ...] = ()

    @property
    def layers(self) -> dict[str, int]:
        """Digest and size of every layer."""
        return {it["digest"]: it["size"] for it in json.loads(self.body).get("layers", ())}


@dataclass(frozen=True, slots=True)
class Repository:
    """The tags of one repository, newest last as stated, and every manifest by digest."""

    name: str
    tags: Mapping[str, Manifest]
    manifests: Mapping[str, Manifest]
    replicas: tuple[str, ...] | None = None

    def find(self, reference: str) -> Manifest | None:
        """Return the manifest behind a tag or a digest."""
        return (self.manifests if ":" in reference else self.tags).get(reference)

    def blob(self, digest: str) -> tuple[bytes | None, int] | None:
        """Return a blob's bytes and size; of layers the size alone, for they have no bytes."""
        for manifest in self.manifests.values():
            if manifest.config and manifest.config[0] == digest:
                return manifest.config[1], len(manifest.config[1])
            if digest in manifest.layers:
                return None, manifest.layers[digest]
        return None


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _dumped(value: object) -> bytes:
    return json.dumps(value, indent=2).encode()


def _config(platform: str, tag: Mapping[str, Any]) -> bytes:
    system, _, rest = platform.partition("/")
    architecture, _, variant = rest.partition("/")
    shown = {"architecture": architecture or "amd64", "os": system or "linux", "created": tag.get("created")}
    layers = [_digest(f"{tag.get('digest')}:{platform}:diff{index}".encode()) for index in range(_LAYERS)]
    return _dumped(
        {
            **shown,
            **({"variant": variant} if variant else {}),
            "rootfs": {"type": "layers", "diff_ids": layers},
        }
    )


def _layers(platform: str, tag: Mapping[str, Any], media_type: str, total: int) -> list[dict[str, Any]]:
    share = total // _LAYERS
    sizes = [total - share * (_LAYERS - 1), *[share] * (_LAYERS - 1)]
    names = (f"{tag.get('digest')}:{tag['name']}:{platform}:{index}" for index in range(_LAYERS))
    return [
        {"mediaType": _LAYER_TYPES[media_type], "size": size, "digest": _digest(name.encode())}
        for name, size in zip(names, sizes, strict=True)
    ]


def _image(platform: str, tag: Mapping[str, Any], media_type: str, digest: str | None) -> Manifest:
    stated = tag.get("compressed_gib")
    total = int((_USUAL_GIB if stated is None else stated) * 1024**3)
    config = _config(platform, tag)
    described = {"mediaType": _CONFIG_TYPES[media_type], "size": len(config), "digest": _digest(config)}
    layers = _layers(platform, tag, media_type, total)
    body = _dumped({"schemaVersion": 2, "mediaType": media_type, "config": described, "layers": layers})
    return Manifest(digest or _digest(body), media_type, body, platform, total, tag, (_digest(config), config))


def _oldest(platform: str, tag: Mapping[str, Any], media_type: str) -> Manifest:
    """Return a manifest of schema 1, which names layers without their sizes and is not signed here."""
    layers = [{"blobSum": it["digest"]} for it in _layers(platform, tag, OCI_MANIFEST, 0)]
    shown = {"schemaVersion": 1, "name": "", "tag": tag["name"], "architecture": platform.partition("/")[2]}
    body = _dumped({**shown, "fsLayers": layers, "history": []})
    return Manifest(tag.get("digest") or _digest(body), media_type, body, platform, 0, tag)


def _platform(text: str) -> dict[str, str]:
    keys = ("os", "architecture", "variant")
    return dict(zip(keys, text.split("/"), strict=False))


def manifest_of(tag: Mapping[str, Any]) -> Manifest:
    """Return the manifest behind a tag: an index where the media type says so, or where there are several
    platforms.
    """
    platforms = entries(tag, "platforms") or ["linux/amd64"]
    media_type = tag.get("media_type") or (OCI_MANIFEST if len(platforms) == 1 else OCI_INDEX)
    if media_type in _OLDEST:
        return _oldest(platforms[0], tag, media_type)
    if media_type not in INDEX_TYPES:
        kind = media_type if media_type in _CONFIG_TYPES else OCI_MANIFEST
        return _image(platforms[0], tag, kind, tag.get("digest"))
    children = tuple(_image(platform, tag, INDEX_TYPES[media_type], None) for platform in platforms)
    described = [
        {
            "mediaType": it.media_type,
            "digest": it.digest,
            "size": len(it.body),
            "platform": _platform(it.platform),
        }
        for it in children
    ]
    body = _dumped({"schemaVersion": 2, "mediaType": media_type, "manifests": described})
    size = sum(it.size for it in children)
    return Manifest(tag.get("digest") or _digest(body), media_type, body, platforms[0], size, tag, None, children)


def _repository(stated: Mapping[str, Any]) -> Repository:
    tags = {tag["name"]: manifest_of(tag) for tag in entries(stated, "tags")}
    manifests = {one.digest: one for it in tags.values() for one in (it, *it.children)}
    replicas = stated.get("present_in_replicas")
    return Repository(stated["repository"], tags, manifests, None if replicas is None else tuple(replicas))


class Shelf:
    """The repositories of one registry, by name."""

    def __init__(self, world: Mapping[str, Any], names: Iterable[str | None]) -> None:
        wanted = {name.lower() for name in names if name}
        stated = (it for it in entries(world, "images") if it["registry"].lower() in wanted)
        self.repositories = {it["repository"]: _repository(it) for it in stated}

    def find(self, name: str) -> Repository | None:
        """Return the repository of that name, in that case."""
        return self.repositories.get(name)


def accepted(manifest: Manifest, header: str | None) -> Manifest | None:
    """Return what a client gets that accepts those types: the manifest, for a client of plain Docker
    manifests the first image of a Docker list, or ``None`` (behaviour of the CNCF distribution).
    """
    kinds = {part.partition(";")[0].strip().lower() for part in (header or "").split(",")} - {""}
    if not kinds or "*/*" in kinds or manifest.media_type in kinds or "application/*" in kinds:
        return manifest
    if manifest.media_type == DOCKER_LIST:
        return manifest.children[0]
    return manifest if manifest.media_type == DOCKER_MANIFEST else None
