"""Ranged reads of log blobs behind links that carry their own permission."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from diagnostics.azure.addresses import https_host
from diagnostics.azure.clouds import Cloud
from diagnostics.azure.errors import ReadFailed, Unreachable, from_status
from diagnostics.logs import RangeAnswer

if TYPE_CHECKING:
    import requests

__all__ = ["BlobLog"]

_TOTAL = re.compile(r"bytes [0-9]+-[0-9]+/([0-9]+)")
_XML_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,80})</Code>")
_LARGEST = 4 * 1024 * 1024


class BlobLog:
    """One log blob, read by HTTP ranges (Azure Storage REST, *Get Blob*). No Azure token is ever sent along."""

    def __init__(self, session: requests.Session, cloud: Cloud, link: str) -> None:
        if not (https_host(link) or "").endswith(cloud.blob_suffix):
            raise ReadFailed("the log's link does not lead to Azure storage, so it was not followed")
        self._session = session
        self._link = link

    def fetch(self, first: int | None = None, last: int | None = None, suffix: int | None = None) -> RangeAnswer:
        """Return bytes ``first`` to ``last`` (inclusive), or the last ``suffix`` bytes, with the blob's size."""
        asked = f"bytes=-{suffix}" if suffix is not None else f"bytes={first or 0}-{'' if last is None else last}"
        import requests  # noqa: PLC0415 - off the path of the trigger's import
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        try:
            with self._session.get(
                self._link,
                headers={"Range": asked, "x-ms-version": "2021-12-02"},
                timeout=(4, 8),
                allow_redirects=False,
                stream=True,
            ) as answer:
                return self._understood(answer)
        except (requests.RequestException, HTTPError) as error:  # the body is read past requests
            raise Unreachable(f"the log's storage did not answer ({type(error).__name__})") from None

    def _understood(self, answer: requests.Response) -> RangeAnswer:
        if answer.status_code == 416:
            return RangeAnswer(total=0, data=b"")
        if answer.status_code not in (200, 206):
            raise from_status(answer.status_code, _refusal(answer))
        data = answer.raw.read(_LARGEST, decode_content=True)
        return RangeAnswer(total=_total(answer, len(data)), data=data)


def _total(answer: requests.Response, read: int) -> int | None:
    """Return the blob's size; ``None`` where a part came without it."""
    found = _TOTAL.match(answer.headers.get("Content-Range", ""))
    if found:
        return int(found.group(1))
    if answer.status_code == 206:
        return None
    stated = answer.headers.get("Content-Length", "")
    plain = "Content-Encoding" not in answer.headers
    return max(int(stated), read) if plain and stated.isascii() and stated.isdigit() else read


def _refusal(answer: requests.Response) -> str:
    body = answer.raw.read(4096, decode_content=True).decode("utf-8", "replace")
    found = _XML_CODE.search(body)
    code = answer.headers.get("x-ms-error-code") or (found.group(1) if found else "")
    return f"the log's storage answered HTTP {answer.status_code} {code}".strip()
