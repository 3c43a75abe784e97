"""Reading a registry's content, once the caller is let in: the OCI distribution API and ACR's own
``/acr/v1``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sandbox.oci import Manifest, Repository, Shelf, accepted
from sandbox.tokens import Grant
from sandbox.wire import Answer, Literal, Request, empty, json_answer

__all__ = ["HEADERS", "Reader", "RegistryApi", "registry_error"]

HEADERS = (
    *(
        ("Access-Control-Expose-Headers", it)
        for it in ("Docker-Content-Digest", "WWW-Authenticate", "Link", "X-Ms-Correlation-Request-Id")
    ),
    ("Docker-Distribution-Api-Version", "registry/2.0"),
    ("Server", "openresty"),
)
_USUAL = {
    400: ("BAD_REQUEST", "bad request"),
    401: ("UNAUTHORIZED", "authentication required"),
    403: ("DENIED", "requested access to the resource is denied"),
    404: ("MANIFEST_UNKNOWN", "manifest unknown"),
    405: ("UNSUPPORTED", "The operation is disallowed on this registry, repository or image."),
    429: ("TOOMANYREQUESTS", "too many requests, please retry later"),
    500: ("UNKNOWN", "unknown error"),
    503: ("UNAVAILABLE", "service unavailable"),
}
_NAME = r"(?P<name>[a-z0-9][a-z0-9._/-]*?)"
_PATHS = {
    "base": r"/v2/?",
    "catalog": r"(?:/acr/v1|/v2)/_catalog",
    "manifest": rf"/v2/{_NAME}/manifests/(?P<reference>[^/]+)",
    "blob": rf"/v2/{_NAME}/blobs/(?P<reference>[^/]+)",
    "names": rf"/v2/{_NAME}/tags/list",
    "tags": rf"/acr/v1/{_NAME}/_tags",
    "tag": rf"/acr/v1/{_NAME}/_tags/(?P<reference>[^/]+)",
    "manifests": rf"/acr/v1/{_NAME}/_manifests",
    "attributes": rf"/acr/v1/{_NAME}/_manifests/(?P<reference>[^/]+)",
    "repository": rf"/acr/v1/{_NAME}/?",
}
_PATTERNS = {kind: re.compile(text) for kind, text in _PATHS.items()}
_PULLS = ("manifest", "blob")
_PAGE = 100


def registry_error(status: int, code: str | None, message: str | None, detail: object = None) -> Answer:
    """Return a registry's error list; ``detail`` is absent where there is none (recorded for
    MANIFEST_UNKNOWN).
    """
    usual = _USUAL.get(status, ("UNKNOWN", "unknown error"))
    shown: dict[str, Any] = {"code": code or usual[0], "message": message or usual[1]}
    if detail is not None:
        shown["detail"] = detail
    return json_answer(status, {"errors": [shown]}, HEADERS)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: whether images in quarantine can be seen."""

    sees_quarantined: bool = False


def _hidden(manifest: Manifest, reader: Reader) -> bool:
    state = manifest.stated.get("quarantine_state")
    return not reader.sees_quarantined and state not in (None, "", "Passed", "None")


class RegistryApi:
    """One registry's content, as one replica of it holds it."""

    def __init__(self, server: str, shelf: Shelf, replica: str | None = None) -> None:
        self._server, self._shelf, self._replica = server, shelf, replica

    def _match(self, request: Request) -> tuple[str, re.Match[str]] | None:
        if request.method not in ("GET", "HEAD"):
            return None
        found = ((kind, pattern.fullmatch(request.path)) for kind, pattern in _PATTERNS.items())
        return next(((kind, match) for kind, match in found if match), None)

    def needs(self, request: Request) -> Grant | None:
        """Return the right that a call needs, as a token's scope names it; ``None`` for a call that is not
        served.
        """
        matched = self._match(request)
        if matched is None:
            return None
        kind, found = matched
        if kind in ("base", "catalog"):
            return ("", "") if kind == "base" else ("registry:catalog", "*")
        return found["name"], "pull" if kind in _PULLS else "metadata_read"

    def answer(self, request: Request, reader: Reader) -> Answer | None:
        """Return the answer for a caller that has the right; ``None`` for a call that is not served."""
        matched = self._match(request)
        if matched is None:
            return None
        kind, found = matched
        if kind == "base":
            return json_answer(200, {}, HEADERS)
        if kind == "catalog":
            return self._catalog(request)
        repository = self._shelf.find(found["name"])
        if repository is None:
            detail = {"name": found["name"]}
            return registry_error(404, "NAME_UNKNOWN", "repository name not known to registry", detail)
        return self._of_repository(kind, request, repository, found.groupdict().get("reference") or "", reader)

    def _of_repository(
        self, kind: str, request: Request, it: Repository, reference: str, reader: Reader
    ) -> Answer | None:
        if kind == "manifest":
            return self._manifest(request, it, reference, reader)
        if kind == "blob":
            return _blob(it, reference, request.method)
        if kind == "attributes":
            return self._attributes(it, reference)
        tags = self._visible(it, reader)
        if kind == "tag":
            return self._tag(it, reference, tags)
        if kind == "repository":
            return self._repository(it, tags)
        return self._listed(kind, request, it, tags)

    def _present(self, repository: Repository) -> bool:
        return repository.replicas is None or self._replica in repository.replicas

    def _visible(self, repository: Repository, reader: Reader) -> dict[str, Manifest]:
        if not self._present(repository):
            return {}
        return {name: it for name, it in repository.tags.items() if not _hidden(it, reader)}

    def _manifest(self, request: Request, it: Repository, reference: str, reader: Reader) -> Answer:
        found = it.find(reference) if self._present(it) else None
        if found is None or (":" not in reference and _hidden(found, reader)):
            return _unknown(reference)
        if found.stated.get("readEnabled") is False or _hidden(found, reader):
            return registry_error(405, None, None)
        shown = accepted(found, request.headers.get("accept"))
        if shown is None:
            one, many = ("index", "indexes") if found.children else ("manifest", "manifests")
            words = f"OCI {one} found, but accept header does not support OCI {many}"
            return registry_error(404, "MANIFEST_UNKNOWN", words)
        headers = (
            ("Content-Type", shown.media_type),
            ("Docker-Content-Digest", shown.digest),
            ("ETag", f'"{shown.digest}"'),
            *HEADERS,
        )
        return Answer(200, headers, Literal(shown.body))

    def _catalog(self, request: Request) -> Answer:
        names = sorted(self._shelf.repositories)
        kept, link = self._page(request, names, names)
        return json_answer(200, {"repositories": kept or None}, (*HEADERS, *link))

    def _page(
        self, request: Request, keys: Sequence[str], values: Sequence[Any]
    ) -> tuple[list[Any], list[tuple[str, str]]]:
        """One page of a list and the link to the next: relative, ``api-version`` dropped (recorded shape)."""
        query = request.query
        size = int(query.get("n") or _PAGE)
        last = query.get("last")
        start = keys.index(last) + 1 if last in keys else 0
        kept = list(values[start : start + size])
        if start + size >= len(keys):
            return kept, []
        after = quote(keys[start + size - 1], safe="")
        target = f"{request.raw_path}?last={after}&n={size}&orderby={quote(query.get('orderby', ''))}"
        return kept, [("Link", f'<{target}>; rel="next"')]

    def _listed(self, kind: str, request: Request, it: Repository, tags: dict[str, Manifest]) -> Answer:
        if kind == "names":
            names = sorted(tags)
            kept, link = self._page(request, names, names)
            return json_answer(200, {"name": it.name, "tags": kept}, (*HEADERS, *link))
        if kind == "tags":
            names = _ordered(tags, request.query.get("orderby"))
            kept, link = self._page(request, names, [_tag_document(name, tags[name]) for name in names])
            return json_answer(200, {**self._head(it), "tags": kept}, (*HEADERS, *link))
        manifests = list(it.manifests.values()) if self._present(it) else []
        shown = [_manifest_document(it, one) for one in manifests]
        kept, link = self._page(request, [one.digest for one in manifests], shown)
        return json_answer(200, {**self._head(it), "manifests": kept}, (*HEADERS, *link))

    def _head(self, it: Repository) -> dict[str, str]:
        return {"registry": self._server, "imageName": it.name}

    def _tag(self, it: Repository, reference: str, tags: dict[str, Manifest]) -> Answer:
        if reference not in tags:
            return registry_error(404, "TAG_UNKNOWN", "the specified tag does not exist")
        return json_answer(200, {**self._head(it), "tag": _tag_document(reference, tags[reference])}, HEADERS)

    def _attributes(self, it: Repository, reference: str) -> Answer:
        found = it.manifests.get(reference) if self._present(it) else None
        if found is None:
            return registry_error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        return json_answer(200, {**self._head(it), "manifest": _manifest_document(it, found)}, HEADERS)

    def _repository(self, it: Repository, tags: dict[str, Manifest]) -> Answer:
        times = sorted(_moment(one) for one in it.tags.values()) or ["2025-01-01T00:00:00.0000000Z"]
        body = {
            **self._head(it),
            "createdTime": times[0],
            "lastUpdateTime": times[-1],
            "manifestCount": len(it.manifests),
            "tagCount": len(tags),
            "changeableAttributes": {**_attributes({}), "teleportEnabled": False},
        }
        return json_answer(200, body, HEADERS)


def _unknown(reference: str) -> Answer:
    if ":" in reference:
        return registry_error(404, "MANIFEST_UNKNOWN", f"manifest {reference} is not found", {"Digest": reference})
    return registry_error(404, "MANIFEST_UNKNOWN", f'manifest tagged by "{reference}" is not found', {"Tag": reference})


def _blob(it: Repository, digest: str, method: str) -> Answer | None:
    """Answer with a configuration; of layers only the size is known, so only HEAD is."""
    found = it.blob(digest)
    if found is None:
        return registry_error(404, "BLOB_UNKNOWN", "blob unknown to registry", {"digest": digest})
    data, size = found
    headers = (("Content-Type", "application/octet-stream"), ("Docker-Content-Digest", digest), *HEADERS)
    if data is not None:
        return Answer(200, headers, Literal(data))
    return empty(200, (*headers, ("Content-Length", str(size)))) if method == "HEAD" else None


def _moment(manifest: Manifest) -> str:
    return str(manifest.stated.get("created") or "2025-01-01T00:00:00.0000000Z")


def _ordered(tags: dict[str, Manifest], order: str | None) -> list[str]:
    names = sorted(tags)
    if order not in ("timedesc", "timeasc"):
        return names
    return sorted(names, key=lambda name: _moment(tags[name]), reverse=order == "timedesc")


def _attributes(stated: Mapping[str, Any]) -> dict[str, bool]:
    shown = {"deleteEnabled": True, "writeEnabled": True, "readEnabled": True, "listEnabled": True}
    return shown | {key: stated[key] for key in ("readEnabled", "writeEnabled") if stated.get(key) is not None}


def _tag_document(name: str, manifest: Manifest) -> dict[str, Any]:
    return {
        "name": name,
        "digest": manifest.digest,
        "createdTime": _moment(manifest),
        "lastUpdateTime": _moment(manifest),
        "signed": False,
        "changeableAttributes": _attributes(manifest.stated),
    }


def _manifest_document(it: Repository, manifest: Manifest) -> dict[str, Any]:
    """Return a manifest's attributes; ``tags`` is absent for an untagged one (recorded shape)."""
    system, _, rest = manifest.platform.partition("/")
    shown: dict[str, Any] = {
        "digest": manifest.digest,
        "imageSize": manifest.size,
        "createdTime": _moment(manifest),
        "lastUpdateTime": _moment(manifest),
    }
    if not manifest.children:
        shown |= {"architecture": rest.partition("/")[0], "os": system}
    shown |= {
        "mediaType": manifest.media_type,
        "changeableAttributes": dict[str, Any](_attributes(manifest.stated)),
    }
    if state := manifest.stated.get("quarantine_state"):
        shown["changeableAttributes"]["quarantineState"] = state
    if names := [name for name, one in it.tags.items() if one.digest == manifest.digest]:
        shown["tags"] = names
    return shown
