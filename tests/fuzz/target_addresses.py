"""Any address: where it is believed to lead is where the library that sends would go; a challenge leads nowhere else."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlsplit

import requests
from drawing import Draw
from urllib3.util import parse_url

from diagnostics.azure.addresses import https_host
from diagnostics.azure.arm import ArmClient
from diagnostics.azure.blobs import BlobLog
from diagnostics.azure.clouds import CLOUDS
from diagnostics.azure.errors import ReadFailed
from responders.channels import address_problem
from responders.slack_requests import may_answer_to

CLOUD = CLOUDS["AzureCloud"]
PIECES = (
    *(
        "https://",
        "http://",
        "HTTPS://",
        "//",
        "evil.example",
        "management.azure.com",
        "x.api.azureml.ms",
        "a.blob.core.windows.net",
    ),
    *(
        ".api.azureml.ms",
        ".blob.core.windows.net",
        "hooks.slack.com",
        "\\",
        "\\@",
        "@",
        "/",
        "?",
        "#",
        ":",
        ":443",
        ":8443",
        ";",
        "%2f",
    ),
    *(
        "%5c",
        "%00",
        "\t",
        "\n",
        " ",
        "\x00",
        "[::1]",
        "127.0.0.1",
        "169.254.169.254",
        "0x7f.1",
        "xn--a",
        "\u3002",
        "\uff0e",
        "\u2044",
        "\u0430",
    ),
    *("user:pw@", "..", "./", "a", "&", "[", "]", "^", "|", "`"),
)
SEEDS = (
    b"\x00https://management.azure.com/subscriptions?x=y",
    b"\x00https://evil.example\\.api.azureml.ms/x",
    b"\x00https://evil.example\\@a.blob.core.windows.net/x?sig=y",
    b"\x01" + bytes(range(40)),
)
TOKENS = tuple(piece.encode() for piece in PIECES)


def fuzz(data: bytes) -> None:
    """Hold the guards to their promise."""
    draw = Draw(data)
    address = draw.text(PIECES, 8) if draw.byte() % 2 else draw.rest().decode("utf-8", "replace")
    host = https_host(address)
    if host is not None:
        assert _goes_to(address) == host, (address, host)
    client = cast("Any", ArmClient.__new__(ArmClient))
    client._hosts = ("management.azure.com", CLOUD.machine_learning_suffix)
    if _passes(lambda: client._guard(address)):
        gone = _goes_to(address)
        assert gone == "management.azure.com" or gone.endswith(".api.azureml.ms"), address
    if _passes(lambda: BlobLog(cast("Any", None), CLOUD, address)):
        assert _goes_to(address).endswith(".blob.core.windows.net"), address
    if address_problem(address) is None:
        assert _goes_to(address) in ("", urlsplit(address).hostname), address
    if may_answer_to(address):
        assert _goes_to(address) in ("hooks.slack.com", "hooks.slack-gov.com"), address


def _goes_to(address: str) -> str:
    """Return the host that requests would connect to; empty where it refuses the address itself."""
    try:
        prepared = requests.Request("GET", address).prepare().url or ""
    except requests.exceptions.InvalidURL:
        return ""
    return (parse_url(prepared).host or "").lower().strip("[]")


def _passes(guard: Any) -> bool:
    try:
        guard()
    except ReadFailed:
        return False
    return True
