"""The one place that speaks to a messaging service or a tracker.

What can go wrong, grouped by what the caller should do::

    SendError
    |
    |-- Later                 put the work back, for .after
    |   |-- TryLater          the service said so: 429, 408, 5xx; .taken tells whether it may have done it all the same
    |   `-- Unreachable       no answer: name, connection, TLS, time; .sent tells whether it may have arrived
    |
    `-- Refused               the same payload would be refused again: 4xx, a redirect, an error in a 200

An address is a credential. No error, repr, log line or traceback of this module shows it, nor a header:
errors are raised outside of ``except`` so that they carry no chain, addresses travel as :class:`Secret`, and
urllib3's own log and the tracing of HTTP calls are silent while it posts. Nothing sleeps, nothing is tried
twice.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from diagnostics.redaction import redact
from responders.declarations import Secret
from responders.wording import cut, one_line

if TYPE_CHECKING:
    from requests import PreparedRequest

__all__ = [
    "DEFAULT_TIMEOUTS",
    "Later",
    "Receipt",
    "Refused",
    "SendError",
    "Timeouts",
    "TryLater",
    "Unreachable",
    "call",
    "encode",
    "post_json",
    "unobserved",
]

_DEFAULT_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(hours=6)
_WORD = 300
_ANSWER_BYTES = 1024 * 1024
_QUOTED_BYTES = 64 * 1024
_SHORTEST_SECRET = 8

_posting: ContextVar[bool] = ContextVar("posting", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds until a connection stands, and between two parts of an answer."""

    connect: float = 5.0
    read: float = 10.0


DEFAULT_TIMEOUTS = Timeouts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The service took it: its status, the beginning of its body (1 MiB at most), its headers in lower case."""

    status: int
    body: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def json(self) -> Any:
        """Return the body as JSON. Raises :class:`TryLater` where it is none: something stands in between."""
        try:
            return json.loads(self.body)
        except ValueError:
            said = TryLater(f"answered {self.status} with a body that is no JSON", taken=True)
        raise said


class SendError(Exception):
    """A payload was not delivered."""


class Later(SendError):
    """Worth another try, not before ``after`` has passed."""

    def __init__(self, message: str, after: timedelta = _DEFAULT_WAIT) -> None:
        super().__init__(message)
        self.after = after


class TryLater(Later):
    """The service answered that it cannot take the payload now. ``taken``: it, or one behind it, may have all the same.

    A gateway gives up waiting (502, 504, 408), a service fails over its answer (500): what was asked for may be done.
    """

    def __init__(self, message: str, after: timedelta = _DEFAULT_WAIT, *, taken: bool = False) -> None:
        super().__init__(message, after)
        self.taken = taken


class Unreachable(Later):
    """No answer came. ``sent`` is false where the payload certainly never left: no name, no connection, no TLS."""

    def __init__(self, message: str, after: timedelta = _DEFAULT_WAIT, *, sent: bool = True) -> None:
        super().__init__(message, after)
        self.sent = sent


class Refused(SendError):
    """The service refused for good. ``status`` is its HTTP status, ``word`` its own explanation, redacted."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(f"refused with {status}: {word or 'no explanation'}")
        self.status = status
        self.word = word

    @property
    def gone(self) -> bool:
        """Whether what was to be changed is no longer there, so that only a new one can say it."""
        return self.status in (404, 410)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: str = field(repr=False)  # a service may echo the request, and a traceback may show local variables


def encode(payload: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Return the bytes that go over the wire; limits are measured on these."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def post_json(
    url: Secret,
    payload: Mapping[str, Any],
    *,
    now: datetime,
    accepted: Callable[[int, str], bool] = lambda status, _: 200 <= status < 300,
    headers: Mapping[str, Secret] | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
) -> Receipt:
    """Post ``payload`` once; see :func:`call`."""
    return call("POST", url, payload, now=now, accepted=accepted, headers=headers, timeouts=timeouts)


def call(
    method: str,
    url: Secret,
    payload: Mapping[str, Any] | Sequence[Any] | bytes | None = None,
    *,
    now: datetime,
    accepted: Callable[[int, str], bool] = lambda status, _: 200 <= status < 300,
    headers: Mapping[str, Secret] | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
) -> Receipt:
    """Make one request and return the service's receipt.

    ``payload`` is sent as JSON, bytes as they are; ``headers`` may name another content type. ``accepted`` tells a
    success by status and body; ``now`` (UTC) is what a date in ``Retry-After`` is compared with. Redirects are not
    followed, so a credential goes to no other host. Raises :class:`TryLater`, :class:`Unreachable` or
    :class:`Refused`.
    """
    body = payload if isinstance(payload, bytes) or payload is None else encode(payload)
    answer = _ask(method, url, body, headers or {}, timeouts)
    if isinstance(answer, Unreachable):
        raise answer
    if accepted(answer.status, answer.body):
        return Receipt(status=answer.status, body=answer.body, headers=answer.headers)
    if answer.status in (408, 429) or answer.status >= 500:
        wait = answer.headers.get("retry-after")
        taken = method != "GET" and answer.status != 429 and not (answer.status == 503 and wait)
        raise TryLater(f"answered {answer.status}", _wait(wait, now), taken=taken)
    raise Refused(answer.status, _word(answer, url))


def _ask(
    method: str, url: Secret, body: bytes | None, headers: Mapping[str, Secret], timeouts: Timeouts
) -> _Answer | Unreachable:
    """Return the answer, or the error: raised in here it would carry requests' own, with the address."""
    import requests  # noqa: PLC0415  (heavy; only who posts pays for it)
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    kind = {} if body is None else {"Content-Type": "application/json; charset=utf-8"}
    try:
        with (
            unobserved(),
            requests.Session() as session,
            session.request(
                method,
                url.reveal(),
                data=body,
                headers=kind | _revealed(headers),
                timeout=(timeouts.connect, timeouts.read),
                allow_redirects=False,
                stream=True,
                auth=_as_it_is,
            ) as response,
        ):
            text = response.raw.read(_ANSWER_BYTES, decode_content=True).decode("utf-8", "replace")
            kept = {name.lower(): value for name, value in response.headers.items()}
            return _Answer(response.status_code, kept, text)
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        return Unreachable(f"no answer ({type(error).__name__})", sent=_may_have_arrived(error))


def _may_have_arrived(error: BaseException) -> bool:
    """Tell whether the request can have reached the service before ``error`` ended it.

    requests hides urllib3's reason in the first argument; only a connection that never stood is certain. Behind a proxy
    urllib3 calls an answer that broke off a ProxyError as well, since http.client has closed the connection by then.
    """
    from requests.exceptions import ConnectTimeout, InvalidURL, SSLError  # noqa: PLC0415
    from urllib3.exceptions import NewConnectionError  # noqa: PLC0415
    from urllib3.exceptions import ProxyError as BehindProxy  # noqa: PLC0415

    if isinstance(error, (ConnectTimeout, SSLError, InvalidURL, NewConnectionError)):
        return False
    first = error.args[0] if error.args else None
    reason = getattr(first, "reason", first)
    if isinstance(reason, BehindProxy):
        reason = reason.original_error
        return not isinstance(reason, NewConnectionError) and not str(reason).startswith("Tunnel connection failed")
    return not isinstance(reason, NewConnectionError)


def _as_it_is(request: PreparedRequest) -> PreparedRequest:
    """Add no credential: an explicit one keeps requests from reading another for this host from .netrc."""
    return request


def _revealed(headers: Mapping[str, Secret]) -> dict[str, str]:
    return {name: value.reveal() for name, value in headers.items()}


def _wait(retry_after: str | None, now: datetime) -> timedelta:
    """Return the wait that ``Retry-After`` asks for in seconds or as a date (RFC 9110, 10.2.3), within reason."""
    asked = _DEFAULT_WAIT
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        asked = timedelta(seconds=min(int(text[:9]), _LONGEST_WAIT.total_seconds()))
    elif text:
        asked = _until(text, now)
    return min(max(asked, timedelta(seconds=1)), _LONGEST_WAIT)


def _until(date: str, now: datetime) -> timedelta:
    try:
        then = parsedate_to_datetime(date)
    except ValueError:
        return _DEFAULT_WAIT
    return (then if then.tzinfo else then.replace(tzinfo=UTC)) - now


def _word(answer: _Answer, url: Secret) -> str:
    if 300 <= answer.status < 400:
        return "the service redirects; is the address complete and current?"
    return cut(one_line(redact(_without(answer.body[:_QUOTED_BYTES], url))), _WORD).text


def _without(text: str, url: Secret) -> str:
    """Return ``text`` without any part of the address that could be secret: services echo requests."""
    parts = urlsplit(url.reveal())
    query = [value for _, value in parse_qsl(parts.query, keep_blank_values=True)]
    secrets = [url.reveal(), parts.path, parts.query, *parts.path.split("/"), *query]
    spellings = {spelling for secret in secrets for spelling in (secret, unquote(secret), secret.replace("/", "\\/"))}
    for secret in sorted(spellings, key=len, reverse=True):
        text = text.replace(secret, str(url)) if len(secret) >= _SHORTEST_SECRET else text
    return text


def _silence_urllib3() -> None:
    """Keep urllib3 from logging the path of what is posted here; other users of it log as before."""
    logger = logging.getLogger("urllib3.connectionpool")
    if _not_posting not in logger.filters:
        logger.addFilter(_not_posting)


def _not_posting(record: logging.LogRecord) -> bool:
    del record
    return not _posting.get()


@contextmanager
def unobserved() -> Iterator[None]:
    """Mark the time of a post, for the log filter above and for OpenTelemetry, whose spans would name the address."""
    _silence_urllib3()
    token = _posting.set(True)
    context = sys.modules.get("opentelemetry.context")
    key = getattr(context, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", None)
    attached = context.attach(context.set_value(key, value=True)) if context and key else None
    try:
        yield
    finally:
        if context and attached:
            context.detach(attached)
        _posting.reset(token)
