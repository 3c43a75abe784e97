"""Why a read from Azure failed, grouped by what the caller can do about it.

::

    ReadFailed
     ├── NotFound        it is not there: an answer, not a fault
     ├── NotPermitted    we may not look; ``action`` names the right, if Azure named it
     ├── NoCredential    no token could be had at all
     ├── Throttled       429; ask again later
     ├── Unreachable     no answer: timeout, name, TLS, cut connection
     ├── ServiceFailed   5xx
     └── Nonsense        an answer that cannot be understood
"""

from __future__ import annotations

import re
from typing import Any

from diagnostics.redaction import redact

__all__ = [
    "PASSING",
    "NoCredential",
    "Nonsense",
    "NotFound",
    "NotPermitted",
    "ReadFailed",
    "ServiceFailed",
    "Throttled",
    "Unreachable",
    "from_azure_core",
    "from_status",
    "may_pass",
]

_ACTION = re.compile(r"perform action '([A-Za-z0-9./*-]{1,200})'")


class ReadFailed(Exception):
    """A read failed; ``str`` is one redacted sentence fit for a message."""

    def __init__(self, message: str, *, status: int | None = None, action: str | None = None) -> None:
        super().__init__(redact(message))
        self.status = status
        self.action = action


class NotFound(ReadFailed):
    """Azure answered that the thing does not exist (404)."""


class NotPermitted(ReadFailed):
    """Azure knows us and refuses (401 with a valid token, 403)."""


class NoCredential(ReadFailed):
    """No token could be had: nobody is logged in, or the identity is not there."""


class Throttled(ReadFailed):
    """Azure answered 429 to every try."""


class Unreachable(ReadFailed):
    """Nothing answered within the time, or the connection could not be made."""


class ServiceFailed(ReadFailed):
    """The service failed on its own side (5xx)."""


class Nonsense(ReadFailed):
    """The answer was not what this interface promises (no JSON, a list for an object ...)."""


PASSING = (Throttled, Unreachable, ServiceFailed, NoCredential)
"""What may be otherwise when it is asked again; for ``isinstance``."""


def may_pass(error: ReadFailed) -> bool:
    """Whether another try in a minute may end otherwise.

    Half an answer, a gateway's page and a token that was refused once are such, too: a right that is missing is not.
    """
    return isinstance(error, (*PASSING, Nonsense)) or error.status == 401


def from_status(status: int, message: str) -> ReadFailed:
    """Sort an HTTP ``status`` with its error text into the tree."""
    kind = {404: NotFound, 401: NotPermitted, 403: NotPermitted, 429: Throttled}.get(status)
    if kind is None:
        kind = ServiceFailed if status >= 500 else Nonsense
    found = _ACTION.search(message)
    return kind(message[:500], status=status, action=found.group(1) if found else None)


def error_text(status: int, body: Any) -> str:
    """Return ``code: message`` of Azure's error envelopes, wrapped or bare, in any casing; else the status alone."""
    envelope = body if isinstance(body, dict) else {}
    inner = envelope.get("error") or envelope.get("Error") or envelope
    if not isinstance(inner, dict):
        return f"HTTP {status}"
    code = inner.get("code") or inner.get("Code")
    message = inner.get("message") or inner.get("Message")
    said = ": ".join(str(part) for part in (code, message) if part)
    return f"HTTP {status}, {said}" if said else f"HTTP {status}"


def from_azure_core(error: Exception) -> ReadFailed:
    """Sort an exception of azure-core (and of the SDKs on it) into the tree."""
    from azure.core import exceptions as core  # noqa: PLC0415 - only where an SDK has been used

    if isinstance(error, ReadFailed):
        return error
    if isinstance(error, core.ClientAuthenticationError) and error.response is None:
        return NoCredential(f"no Azure token could be had: {_first_line(error)}")
    if isinstance(error, core.HttpResponseError) and error.status_code:
        code = getattr(error.error, "code", None) if error.error else None
        said = getattr(error.error, "message", None) if error.error else None
        message = f"HTTP {error.status_code}, {code or type(error).__name__}: {said or _first_line(error)}"
        return from_status(error.status_code, message)
    if isinstance(error, (core.ServiceRequestError, core.ServiceResponseError)):
        return Unreachable(f"no answer: {_first_line(error)}")
    if isinstance(error, (core.DecodeError, core.AzureError, ValueError, TypeError, KeyError, AttributeError)):
        return Nonsense(f"the answer could not be understood: {type(error).__name__}")
    return Unreachable(f"no answer: {type(error).__name__}")


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0][:300] if text else type(error).__name__
