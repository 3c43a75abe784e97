"""Small answers that unpack to something giant, and giant ones: none takes more memory than its limit allows."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest
from azure.core.pipeline.policies import ContentDecodePolicy
from azure_wire import CLOUD, HISTORY, MANAGER, Answer, BentSandbox, Literal

from diagnostics.azure.blobs import BlobLog
from diagnostics.azure.errors import Nonsense, ReadFailed
from diagnostics.azure.oci_registry import OciRegistry
from diagnostics.reach import Reach

MIB = 1024 * 1024
STORE = "logs.blob.core.windows.net"
REGISTRY = "mcr.microsoft.com"


def packed(mebibytes: int, *, begin: bytes = b"", times: int = 1) -> bytes:
    """Return gzip data of ``begin`` and that many MiB of blanks, made without holding them; ``times`` over."""
    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb", compresslevel=9) as stream:
        stream.write(begin)
        for _ in range(mebibytes):
            stream.write(b" " * MIB)
    found = target.getvalue()
    for _ in range(times - 1):
        found = gzip.compress(found, 9)
    return found


def bomb(times: int = 1) -> Answer:
    """Return an answer of some hundred KiB that is 400 MiB when unpacked."""
    headers = (("Content-Type", "application/json"), ("Content-Encoding", ", ".join(["gzip"] * times)))
    return Answer(200, headers, Literal(packed(400, begin=b'{"a":"', times=times)))


def peak(call: Callable[[], Any]) -> int:
    """Return how many MiB more than before were held while ``call`` ran."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] // MIB
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
def test_run_history_that_unpacks_to_hundreds_of_mebibytes_is_not_read_to_its_end(
    azure: BentSandbox, reach: Reach, times: int
) -> None:
    """The document is nonsense with its reason, and the worker lives."""
    azure.bend(HISTORY, "/details$", bomb(times))

    def read() -> None:
        with pytest.raises(Nonsense, match="more than 32 MiB"):
            reach.arm.get_url(f"https://{HISTORY}/history/v1.0/x/runs/y/details")

    assert peak(read) < 120


def test_a_page_of_resource_manager_as_well(azure: BentSandbox, reach: Reach) -> None:
    """Unpacked or not, what is above the limit is not read."""
    azure.bend(MANAGER, "^/subscriptions$", Answer(200, (), Literal(b'{"a":"' + b" " * (40 * MIB))))
    with pytest.raises(Nonsense, match="more than 32 MiB"):
        list(reach.arm.pages("/subscriptions", api_version="2022-12-01"))


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
def test_a_log_that_unpacks_to_hundreds_of_mebibytes_is_read_to_its_limit(
    azure: BentSandbox, reach: Reach, times: int
) -> None:
    """Four MiB of it, whatever is behind them."""
    azure.bend(STORE, "", bomb(times))
    log = BlobLog(reach.session, CLOUD, f"https://{STORE}/azureml/log.txt?sig=x")
    assert peak(lambda: log.fetch(first=0, last=9)) < 60


@pytest.mark.slow
def test_a_manifest_that_unpacks_to_hundreds_of_mebibytes_is_none(azure: BentSandbox, reach: Reach) -> None:
    """A registry on the allow-list is somebody else's server."""
    azure.bend(REGISTRY, "/manifests/", bomb())
    registry = OciRegistry(reach.session, REGISTRY, "team/train")
    assert peak(lambda: registry.manifest("7")) < 60
    assert registry.manifest("7").body is None


def test_entities_of_xml_do_not_multiply() -> None:
    """Storage answers in XML, which azure-core reads with expat: its limit on amplification is in force here."""
    grown = "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    laughs = f'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">{grown}]><l>&j;</l>'
    with pytest.raises(ET.ParseError, match="amplification"):
        ET.fromstring(laughs)  # noqa: S314 - that it is safe is the point

    def read() -> None:
        with pytest.raises(Exception, match=r"XML|amplification"):
            ContentDecodePolicy.deserialize_from_text(laughs, mime_type="application/xml")

    assert peak(read) < 120


def test_entities_of_xml_read_no_file() -> None:
    """An entity that names a file of this machine, or an address, is not followed."""
    for place in ("file:///etc/hostname", "http://169.254.169.254/"):
        with pytest.raises(ET.ParseError):
            ET.fromstring(f'<!DOCTYPE l [<!ENTITY a SYSTEM "{place}">]><l>&a;</l>')  # noqa: S314 - see above


def test_what_is_refused_is_one_sentence(azure: BentSandbox, reach: Reach) -> None:
    """A giant error is told as short as any other."""
    azure.bend(MANAGER, "^/x$", Answer(400, (), Literal(b'{"error":{"code":"' + b"x" * MIB + b'"}}')))
    with pytest.raises(ReadFailed) as refused:
        reach.arm.get("/x", api_version="1")
    assert len(str(refused.value)) <= 600
