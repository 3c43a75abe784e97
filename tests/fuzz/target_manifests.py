"""A registry's answer to a request for a manifest, and an index's images: a fact that can be stored and judged, or none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import requests
from drawing import Draw

from diagnostics.azure.clouds import CLOUDS
from diagnostics.azure.errors import ReadFailed
from diagnostics.classification import classify
from diagnostics.codec import evidence_from_json, to_json
from diagnostics.facts import RegistryLookup
from diagnostics.judging import judge
from diagnostics.logs import excerpts_of_text
from diagnostics.model import EVIDENCE_SCHEMA, Evidence, FailedRun, Known
from diagnostics.probes.layers import LayersProbe
from diagnostics.probes.manifest import ManifestProbe
from diagnostics.probes.tags import PROBE as TAGS
from diagnostics.probing import Subject, fact_types
from diagnostics.reach import Reach
from diagnostics.references import parse

IMAGE = parse("mcr.microsoft.com/team/train:7")
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = FailedRun(event_id="e", workspace_id="w", run_id="r", failed_at=AT)
SUBJECT = Subject(run=RUN, details=None, image=IMAGE)
SYMPTOMS = classify(
    excerpts_of_text(
        "x", "Failed to pull mcr.microsoft.com/team/train:7: the image pull took longer than the timeout of 30m"
    )
)
FACTS = {"registry": RegistryLookup(host="mcr.microsoft.com", found=None)}
DIGEST = "sha256:" + "a" * 64
MANIFEST = {
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"digest": DIGEST, "size": 7},
    "layers": [{"digest": DIGEST[:-1] + "b", "size": 2**30}],
}
INDEX = {"manifests": [{"digest": DIGEST, "platform": {"os": "linux", "architecture": "amd64"}}]}
KEYS = (
    *MANIFEST,
    *INDEX,
    "digest",
    "size",
    "platform",
    "os",
    "architecture",
    "variant",
    "errors",
    "code",
    "message",
    "tags",
)
STATUS = (200, 200, 200, 401, 403, 404, 429, 500, 302)
SEEDS = (
    b"\x00\x00" + json.dumps(MANIFEST).encode(),
    b"\x00\x00" + json.dumps(INDEX).encode(),
    b"\x00\x05" + json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "m", "detail": None}]}).encode(),
    b"\x00\x00" + json.dumps({**MANIFEST, "layers": [{"digest": DIGEST, "size": 10**400}]}).encode(),
    b"\x01\x00" + bytes(range(150)),
)
TOKENS = (
    *(json.dumps(key).encode() for key in KEYS),
    b"9" * 400,
    b"-1",
    b"1e400",
    b"MANIFEST_UNKNOWN",
    b"BLOB_UNKNOWN",
)


class _Raw:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, most: int, *, decode_content: bool) -> bytes:
        assert decode_content
        return self._content[:most]

    def close(self) -> None:
        pass


class _Registry:
    """A session that answers every request with the next of some answers, in a circle."""

    def __init__(self, answers: list[tuple[int, dict[str, str], bytes]]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        assert options["allow_redirects"] is False
        status, headers, content = self._answers[len(self.asked) % len(self._answers)]
        self.asked.append(url)
        answer = requests.Response()
        answer.status_code = status
        answer.headers.update(headers)
        answer.raw = _Raw(content if method == "GET" else b"")
        return answer


def fuzz(data: bytes) -> None:
    """Hold the probes that read manifests to their promises."""
    registry = _Registry(list(_answers(Draw(data))))
    found: dict[str, Any] = {}
    for probe in (ManifestProbe(), LayersProbe(), TAGS):
        reach = Reach(cloud=CLOUDS["AzureCloud"], credential=cast("Any", None), now=lambda: AT)
        reach.__dict__["session"] = registry
        try:
            found[probe.name] = probe.read(SUBJECT, FACTS, reach)
        except ReadFailed as error:
            assert len(str(error)) < 1_000
    assert all(url.startswith("https://mcr.microsoft.com/") for url in registry.asked)
    assert len(registry.asked) < 500
    facts = {name: fact for name, fact in found.items() if isinstance(fact, Known)}
    evidence = Evidence(schema=EVIDENCE_SCHEMA, run=RUN, taken_at=AT, image=IMAGE, symptoms=SYMPTOMS, facts=facts)
    kept = to_json(evidence)
    again = evidence_from_json(kept, fact_types())
    assert to_json(again) == kept
    assert to_json(judge(again)) == to_json(judge(evidence))


def _answers(draw: Draw) -> Iterator[tuple[int, dict[str, str], bytes]]:
    drawn = draw.byte() % 2
    for _ in range(4 if drawn else 1):
        status = draw.pick(STATUS)
        content = json.dumps(draw.json(KEYS, 5)).encode() if drawn else draw.rest()
        challenge = f'Bearer realm="{draw.text()}",service="x"'.encode("ascii", "ignore").decode()
        headers = {"Docker-Content-Digest": DIGEST, "Content-Length": "7"}
        if status == 401:
            headers["WWW-Authenticate"] = challenge
        yield status, headers, content
