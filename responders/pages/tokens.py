"""What proves that a form came from the page: tokens that end, count once and belong to one person; and the origin.

A token covers what the person saw: incident, plan, what is decided, who decides. A page of somebody else can make a
browser send a form, with its session; it can neither read a token nor send our origin.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import urlsplit

from responders.declarations import Secret
from responders.wording import cut, one_line

__all__ = ["LASTS", "Bound", "Broken", "Expired", "Spoken", "issue", "read_said", "say", "verify", "why_foreign"]

LASTS = timedelta(minutes=15)
"""How long a form can be sent."""

_SAID_LASTS = timedelta(minutes=2)
_FORM = "pullmedic.page.form.1"
_SAID = "pullmedic.page.said.1"
_TOKEN = re.compile(r"([0-9]{1,11})\.([A-Za-z0-9_-]{22})\.([0-9a-f]{64})")
_SPOKEN = re.compile(r"([0-9]{1,11})\.([A-Za-z0-9_-]{1,2000})\.([0-9a-f]{64})")
_NONCE_BYTES = 16
_SAID_LENGTH = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a token is bound to: the incident, the plan that was shown, what is decided, and the person's object id."""

    incident_id: str
    digest: str
    action: str
    person_id: str


class Broken(Exception):
    """A token proves nothing; the text says why, in a sentence for the person."""


class Expired(Broken):
    """A token is of this page and this person, and its time is over."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What came of a form, to be shown once."""

    text: str
    good: bool


def issue(bound: Bound, *, key: Secret, now: datetime, nonce: Callable[[int], str] = secrets.token_urlsafe) -> str:
    """Return a token for one form, good until ``now`` and :data:`LASTS`."""
    ends, once = str(int((now + LASTS).timestamp())), nonce(_NONCE_BYTES)
    return f"{ends}.{once}.{_mac(key, _FORM, ends, once, *astuple(bound))}"


def verify(token: str, bound: Bound, *, key: Secret, now: datetime) -> str:
    """Return what names ``token`` in the store, where it is claimed, so that it counts once. Raises :class:`Broken`,
    :class:`Expired` among them.
    """
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise Broken("The form carries no token of this page.")
    ends, once, mac = found.groups()
    if not hmac.compare_digest(mac, _mac(key, _FORM, ends, once, *astuple(bound))):
        raise Broken("The form was made for another person, incident or plan, or not by this page.")
    if now >= datetime.fromtimestamp(int(ends), UTC):
        raise Expired("The form has expired: it can be sent for fifteen minutes.")
    return f"page-form/{once}"


def why_foreign(headers: Mapping[str, str], page_url: str) -> str:
    """Return why a form cannot be told to come from the page at ``page_url``; empty where it does.

    ``headers`` are in lower case. ``Origin`` decides where it came, else ``Referer``; a browser that says where the
    request comes from (``Sec-Fetch-Site``, Fetch Metadata) has to agree.
    """
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return "the browser says that another site sent it"
    origin = headers.get("origin")
    if origin is None:
        origin = _origin(headers.get("referer", ""))
    if not origin:
        return "the browser does not say which page sent it"
    return "" if origin.lower() == page_url else "it was sent from another address than that of the page"


def say(spoken: Spoken, incident_id: str, person_id: str, *, key: Secret, now: datetime) -> str:
    """Return what came of a form as a cookie's value that only its own person is shown, on that incident's page."""
    ends = str(int((now + _SAID_LASTS).timestamp()))
    plain = json.dumps([cut(one_line(spoken.text), _SAID_LENGTH).text, spoken.good], ensure_ascii=False)
    body = base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")
    return f"{ends}.{body}.{_mac(key, _SAID, ends, body, incident_id, person_id)}"


def read_said(value: str, incident_id: str, person_id: str, *, key: Secret, now: datetime) -> Spoken | None:
    """Return what :func:`say` put into a cookie, ``None`` where it is not of this key, incident and person, or old."""
    found = _SPOKEN.fullmatch(value)
    if found is None:
        return None
    ends, body, mac = found.groups()
    genuine = hmac.compare_digest(mac, _mac(key, _SAID, ends, body, incident_id, person_id))
    if not genuine or now >= datetime.fromtimestamp(int(ends), UTC):
        return None
    try:
        text, good = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (binascii.Error, ValueError):
        return None
    return Spoken(str(text), bool(good))


def _origin(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme and parts.netloc else ""


def _mac(key: Secret, *parts: str) -> str:
    """Return the signature over ``parts``, as JSON, so that none runs into the next."""
    return hmac.new(key.reveal().encode("utf-8", "surrogatepass"), json.dumps(parts).encode(), sha256).hexdigest()
