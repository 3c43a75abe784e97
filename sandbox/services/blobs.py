"""<account>.blob.core.windows.net: the logs of the runs, behind signed addresses.

Errors are XML with the code repeated in ``x-ms-error-code`` ("Status and error codes", Storage services
REST).
"""

from __future__ import annotations

from dataclasses import replace
from xml.sax.saxutils import escape

from sandbox.access import stable_guid
from sandbox.azure import Azure, entries, table
from sandbox.generated import log_content
from sandbox.services import Service
from sandbox.wire import Answer, Content, Reply, Request, asked_range, text_answer

__all__ = ["Blobs", "build"]

_USUAL = {
    401: ("NoAuthenticationInformation", "Server failed to authenticate the request."),
    403: ("AuthorizationFailure", "This request is not authorized to perform this operation."),
    404: ("BlobNotFound", "The specified blob does not exist."),
    409: ("PublicAccessNotPermitted", "Public access is not permitted on this storage account."),
    416: ("InvalidRange", "The range specified is invalid for the current size of the resource."),
    429: ("TooManyRequests", "Too many requests."),
    500: ("InternalError", "Server encountered an internal error. Please try again after some time."),
    503: ("ServerBusy", "The server is busy."),
}
_SERVER = ("Server", "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0")


def build(azure: Azure) -> Service:
    """Return the service."""
    return Blobs(azure)


class Blobs:
    """Blobs behind a signature, by path; :mod:`sandbox.services.task_logs` keeps others in the same way."""

    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        accounts = (azure.storage_account(it) for it in entries(azure.world, "workspaces"))
        self._hosts = {f"{account}{azure.hosts.blob_suffix}" for account in accounts}
        self._blobs = {
            f"/azureml/ExperimentRun/dcid.{run['id']}/{name}": log_content(entry)
            for run, _ in azure.scenario.runs()
            for name, entry in table(run, "logs").items()
        }

    def knows(self, host: str) -> bool:
        """Whether this is one of the accounts."""
        return host in self._hosts

    def answer(self, request: Request) -> Reply | None:
        """Return a blob, whole or in part, or why not."""
        if request.method not in ("GET", "HEAD"):
            return None
        if request.query.get("sig") != self._azure.sentinel:
            words = (
                "Server failed to authenticate the request. Make sure the value of Authorization header is "
                "formed correctly including the signature."
            )
            return self.error(request, 403, "AuthenticationFailed", words)
        content = self._blobs.get(request.path)
        return self.error(request, 404, None, None) if content is None else self._blob(request, content)

    def _blob(self, request: Request, content: Content) -> Answer:
        header = request.headers.get("x-ms-range") or request.headers.get("range")
        span = asked_range(header, content.size)
        if span is None:
            return self.error(request, 416, None, None).plus(("Content-Range", f"bytes */{content.size}"))
        start, stop = span
        answer = Answer(200, self._headers(request), content)
        if header is None:
            return answer
        part = replace(answer, status=206, start=start, stop=stop)
        return part.plus(("Content-Range", f"bytes {start}-{stop - 1}/{content.size}"))

    def _headers(self, request: Request) -> tuple[tuple[str, str], ...]:
        return (
            ("Accept-Ranges", "bytes"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("ETag", f'"0x{stable_guid(request.path).replace("-", "")[:15].upper()}"'),
            ("Last-Modified", self._azure.scenario.failed_at.strftime("%a, %d %b %Y %H:%M:%S GMT")),
            _SERVER,
            ("x-ms-blob-type", "AppendBlob"),
            ("x-ms-lease-status", "unlocked"),
            ("x-ms-version", "2019-07-07"),
        )

    def error(self, request: Request, status: int, code: str | None, message: str | None) -> Answer:
        """Return an error as storage writes it."""
        usual = _USUAL.get(status, ("InternalError", "The request failed."))
        name, words = code or usual[0], message or usual[1]
        when = self._azure.scenario.now.strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
        text = f"{escape(words)}\nRequestId:{stable_guid(request.target)}\nTime:{when}"
        inner = f"<Code>{escape(name)}</Code><Message>{text}</Message>"
        body = f'<?xml version="1.0" encoding="utf-8"?><Error>{inner}</Error>'
        return text_answer(status, body, "application/xml", (("x-ms-error-code", name), _SERVER))
