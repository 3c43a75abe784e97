"""Ranged reads of log blobs: what their storage may answer, and what is never followed or shown."""

from __future__ import annotations

import pytest
import requests
from azure_wire import CLOUD, CUT, Answer, BentSandbox, Broken, Literal, Request

from diagnostics.azure.blobs import BlobLog
from diagnostics.azure.errors import Nonsense, NotFound, NotPermitted, ReadFailed, ServiceFailed, Throttled, Unreachable
from diagnostics.logs import HEAD, RangeAnswer, read_ranged
from diagnostics.reach import Reach
from diagnostics.run_document import log_links
from sandbox.wire import Reply

STORE = "logs.blob.core.windows.net"
SECRET = "sig=abcDEF123ghiJKL456"
LINK = f"https://{STORE}/azureml/log.txt?sv=2021&{SECRET}"
LOG = "system_logs/lifecycler/lifecycler.log"


def blob(reach: Reach, link: str = LINK) -> BlobLog:
    """Return a log behind ``link``."""
    return BlobLog(reach.session, CLOUD, link)


def part(status: int, data: bytes = b"text", **headers: str) -> Answer:
    """Return an answer of storage."""
    return Answer(status, tuple((name.replace("_", "-"), text) for name, text in headers.items()), Literal(data))


def test_a_run_s_log_is_read_by_its_own_link(azure: BentSandbox, reach: Reach) -> None:
    """The link of run history reads the log's bytes, and no Azure token is sent along."""
    workspace = azure.scenario.world["workspaces"][0]
    base = f"https://{workspace['region']}.api.azureml.ms/discovery"
    run = azure.scenario.run["id"]
    prefix = f"/subscriptions/{workspace['subscription']}/resourceGroups/rg-train"
    resource = f"{prefix}/providers/Microsoft.MachineLearningServices/workspaces/proseware-ml"
    links = log_links(reach.history.details(base, resource, run))
    excerpts = read_ranged(LOG, blob(reach, links[LOG]).fetch)
    assert excerpts[0].lines[0] == "preparing"
    assert azure.violations == []
    asked = [call for call in azure.calls if call.host.endswith(CLOUD.blob_suffix)]
    assert [call.headers["range"] for call in asked] == [f"bytes=0-{HEAD - 1}"]


@pytest.mark.parametrize(
    ("asked", "header"),
    [
        ({"first": 0, "last": 9}, "bytes=0-9"),
        ({"first": 5, "last": None}, "bytes=5-"),
        ({"suffix": 7}, "bytes=-7"),
        ({}, "bytes=0-"),
    ],
)
def test_what_is_asked_for_is_a_range(azure: BentSandbox, reach: Reach, asked: dict[str, int], header: str) -> None:
    """Both ends are inclusive, as HTTP has it."""
    ranges: list[str] = []

    def listen(request: Request) -> Reply:
        ranges.append(request.headers["range"])
        assert "authorization" not in request.headers
        return part(206, Content_Range="bytes 0-3/99")

    azure.bend(STORE, "", listen)
    assert blob(reach).fetch(**asked) == RangeAnswer(total=99, data=b"text")
    assert ranges == [header]


def test_an_empty_blob_has_no_range(azure: BentSandbox, reach: Reach) -> None:
    """Storage answers 416 for a log that has no bytes yet, which is an empty log."""
    azure.bend(STORE, "", part(416, b"<Error/>"))
    assert blob(reach).fetch(first=0, last=9) == RangeAnswer(total=0, data=b"")
    assert read_ranged("a.log", blob(reach).fetch) == ()


def test_storage_that_ignores_the_range_sends_the_whole(azure: BentSandbox, reach: Reach) -> None:
    """A 200 is the beginning of the whole file, with its stated size."""
    azure.bend(STORE, "", part(200))
    assert blob(reach).fetch(first=0, last=1) == RangeAnswer(total=4, data=b"text")


def test_a_whole_that_is_too_long_is_read_to_a_limit_and_its_size_is_known(azure: BentSandbox, reach: Reach) -> None:
    """No answer takes more memory than the limit, and the size is the stated one."""
    size = 6 * 1024 * 1024
    azure.bend(STORE, "", part(200, b"x" * size))
    found = blob(reach).fetch(first=0, last=1)
    assert (len(found.data), found.total) == (4 * 1024 * 1024, size)


@pytest.mark.parametrize("header", ["bytes 0-3/*", "nonsense", ""])
def test_a_part_without_the_size_does_not_claim_to_be_the_whole(azure: BentSandbox, reach: Reach, header: str) -> None:
    """Where the size is not told it is unknown."""
    azure.bend(STORE, "", part(206, Content_Range=header))
    assert blob(reach).fetch(first=0, last=3).total is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, NotPermitted),
        (404, NotFound),
        (409, Nonsense),
        (429, Throttled),
        (500, ServiceFailed),
        (503, ServiceFailed),
    ],
)
def test_a_refusal_in_xml_is_told_with_its_code(
    azure: BentSandbox, reach: Reach, status: int, kind: type[ReadFailed]
) -> None:
    """Storage speaks XML; its code is told, its long message is not."""
    xml = b'\xef\xbb\xbf<?xml version="1.0"?><Error><Code>PublicAccessNotPermitted</Code><Message>x</Message></Error>'
    azure.bend(STORE, "", part(status, xml, Content_Type="application/xml"))
    with pytest.raises(ReadFailed) as refused:
        blob(reach).fetch(first=0, last=9)
    assert type(refused.value) is kind
    assert str(refused.value) == f"the log's storage answered HTTP {status} PublicAccessNotPermitted"


def test_the_code_in_the_header_goes_before_the_body(azure: BentSandbox, reach: Reach) -> None:
    """A HEAD-like answer without a body still has its code."""
    azure.bend(STORE, "", part(403, b"", x_ms_error_code="AuthorizationFailure"))
    with pytest.raises(NotPermitted, match="AuthorizationFailure"):
        blob(reach).fetch(first=0, last=9)


@pytest.mark.parametrize("body", [b"<Code>" + b"x" * 100_000, b"\xff\xfe\x00", b"<Code>a b</Code>", b""])
def test_a_refusal_without_a_code_leaves_the_status(azure: BentSandbox, reach: Reach, body: bytes) -> None:
    """Whatever the body holds, only a plain code is shown."""
    azure.bend(STORE, "", part(403, body))
    with pytest.raises(NotPermitted, match=r"HTTP 403$"):
        blob(reach).fetch(first=0, last=9)


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/log.txt",
        "https://evil.example/.blob.core.windows.net",
        f"https://{STORE}.evil.example/log",
        f"https://{STORE}@evil.example/log",
        "https://evilblob.core.windows.net/log",
        f"https://evil.example\\@{STORE}/log",
        "https://evil.example\\.blob.core.windows.net/log",
        f"https://ada:secret@{STORE}/log",
        f"https://{STORE}:8443/log",
        "https://logs.blob.core.windows\uff0enet/log",
        f"http://{STORE}/log",
        "file:///etc/passwd",
        "https://169.254.169.254/metadata",
        "https://[x",
        "",
    ],
)
def test_a_link_that_leads_elsewhere_is_not_followed(azure: BentSandbox, reach: Reach, link: str) -> None:
    """Only the cloud's own storage is asked, over https."""
    with pytest.raises(ReadFailed, match="was not followed"):
        blob(reach, link)
    assert azure.hosts == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(azure: BentSandbox, reach: Reach, status: int) -> None:
    """A link's permission goes to nobody else."""
    azure.bend(STORE, "", part(status, b"", Location="https://evil.example/"))
    with pytest.raises(ReadFailed):
        blob(reach).fetch(first=0, last=9)
    assert "evil.example" not in azure.hosts


def test_a_cut_connection_is_told_without_the_link(azure: BentSandbox, reach: Reach) -> None:
    """The link is a secret: not even an error shows it."""
    azure.bend(STORE, "", CUT)
    with pytest.raises(Unreachable) as cut:
        blob(reach).fetch(first=0, last=9)
    assert "abcDEF" not in str(cut.value)
    assert cut.value.__cause__ is None


def test_a_body_that_breaks_off_is_unreachable(reach: Reach) -> None:
    """A connection that breaks after its head is no exception of another library."""
    reach.session.mount("https://", Broken())
    with pytest.raises(Unreachable, match="ProtocolError"):
        blob(reach).fetch(first=0, last=9)


def test_a_session_follows_nothing_and_knows_no_password(reach: Reach) -> None:
    """The shared session is one session, named as ours."""
    assert reach.session is reach.session
    assert isinstance(reach.session, requests.Session)
    assert reach.session.headers["User-Agent"] == "pullmedic"
