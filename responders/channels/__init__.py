"""The channels, one file each, found by scanning this folder: a module with a ``CHANNEL`` is a channel.

A channel renders (purely), knows what its service's addresses and answers look like, and opens conversations. It owns
no HTTP: :func:`responders.sending.call` speaks for all of them.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

from responders.declarations import Field, Secret, Setting
from responders.notices import Notice

__all__ = [
    "Channel",
    "Conversation",
    "Destination",
    "Options",
    "Payload",
    "Sent",
    "address_problem",
    "discover",
    "host_matches",
    "webhook_problem",
]

Payload = Mapping[str, Any]
"""A JSON object, ready to be posted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The service took a notice. ``ref`` is what :meth:`Conversation.edit` needs, empty where nothing can be edited;
    ``minimal`` tells that the full form was refused and the short one was sent. ``title`` and ``url`` name it to
    people, where it has a name.
    """

    ref: str = ""
    title: str = ""
    url: str = ""
    minimal: bool = False


class Conversation(Protocol):
    """Protocol: one place where people, or machines, read. Made anew for each use; holds no state worth keeping.

    Every method makes at most a few calls, never sleeps, and raises a :class:`responders.sending.SendError`:
    ``Later`` where another try is worth while (``Unreachable.sent`` tells whether the notice may have arrived),
    ``Refused`` where it is not.
    """

    edits: bool
    """Whether :meth:`edit` replaces what was sent. Where not, each notice is a message of its own."""

    finds: bool
    """Whether :meth:`find` can tell what was sent under a key, so that a lost answer costs no repeat."""

    def send(self, notice: Notice, *, now: datetime) -> Sent:
        """Send a new message."""

    def edit(self, ref: str, notice: Notice, *, now: datetime) -> Sent:
        """Replace the message ``ref``. Raises ``Refused`` where it is gone."""

    def find(self, key: str, *, since: datetime, now: datetime) -> str | None:
        """Return the reference of the message that was sent under ``key`` after ``since``, or ``None``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What one destination is set up with: the channel's own fields by name; secrets travel as :class:`Secret`.

    ``more_hosts`` are further hosts that somebody allowed by ``PULLMEDIC_WEBHOOK_HOSTS``. ``client_id`` is that of the
    app's own identity, empty where none is named: an app without a system-assigned one has a token by it alone.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    more_hosts: tuple[str, ...] = ()
    client_id: str = ""

    def text(self, name: str) -> str:
        """Return an open field's value, empty where it is not set."""
        return self.values.get(name, "")

    def secret(self, name: str) -> Secret:
        """Return a secret field's value, empty where it is not set."""
        return self.secrets.get(name, Secret(""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What one messaging service needs to be known for.

    ``fields`` are what a destination of this kind is set up with. ``problems`` checks them without any I/O and names
    each wrong field with a sentence that shows no secret. ``connect`` opens the conversation, again without I/O.
    ``hosts`` are the service's own hosts (``*.`` stands for any subdomain), so that an address in the wrong field can
    be told. ``interval`` is the least time between two messages to one destination.

    ``check`` asks the service, without a word to anybody, whether it takes the credential, and returns in a sentence
    what the answer proves; it raises a :class:`responders.sending.SendError`. Without one only the host is reached.
    """

    name: str
    title: str
    fields: tuple[Field, ...]
    problems: Callable[[Options], Mapping[str, str]]
    connect: Callable[[Options], Conversation]
    hosts: tuple[str, ...] = ()
    interval: timedelta = timedelta(seconds=1)
    check: Callable[[Options, datetime], str] | None = None

    def settings(self, *, fallback: bool = False) -> tuple[Setting, ...]:
        """The environment variables that set up the destination of this channel's own name, or its fallback."""
        middle = f"FALLBACK_{self.name.upper()}" if fallback else self.name.upper()
        return tuple(
            Setting(
                name=f"PULLMEDIC_{middle}_{one.name.upper()}",
                purpose=f"{one.purpose} For what could not be delivered or diagnosed." if fallback else one.purpose,
                default=one.default,
                secret=one.secret,
            )
            for one in self.fields
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A named place to send to: a channel with its options. ``name`` is unique among destinations."""

    name: str
    channel: Channel
    options: Options = field(repr=False)

    def open(self) -> Conversation:
        """Return the conversation, ready to be used."""
        return self.channel.connect(self.options)


@cache
def discover() -> tuple[Channel, ...]:
    """Return every channel of this folder, by name."""
    modules = (import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    channels = (getattr(module, "CHANNEL", None) for module in modules)
    return tuple(sorted((c for c in channels if isinstance(c, Channel)), key=lambda channel: channel.name))


def webhook_problem(
    address: str, *, hosts: Collection[str], retired: Mapping[str, str] | None = None, more_hosts: Collection[str] = ()
) -> str | None:
    """Say why ``address`` is no webhook of a service at ``hosts``, without showing it; ``None`` where it is one.

    ``retired`` maps hosts that no longer serve to a sentence for the person who still uses one; ``more_hosts`` are
    further hosts that somebody allowed by setting, exact or with ``*.``.
    """
    problem = address_problem(address)
    if problem:
        return problem
    parts = urlsplit(address)
    host = (parts.hostname or "").rstrip(".")
    for pattern, sentence in (retired or {}).items():
        if host_matches(host, pattern):
            return sentence
    if any(host_matches(host, pattern) for pattern in (*hosts, *more_hosts)):
        return None if parts.path.strip("/") else "the address has no path: copy the whole address"
    other = next((c for c in discover() if any(host_matches(host, pattern) for pattern in c.hosts)), None)
    if other is not None:
        return f"this is an address of {other.title}: it belongs into {other.settings()[0].name}"
    return f"its host is none of {', '.join(hosts)}; PULLMEDIC_WEBHOOK_HOSTS can allow another"


def address_problem(address: str) -> str | None:
    """Say why ``address`` is no plain https address, without showing it; ``None`` where it is one."""
    if address.startswith("@Microsoft.KeyVault("):
        return "the Key Vault reference was not resolved: check the app's identity and its right on the secret"
    if _split(address) is None:
        return "this is not an https address without a user name and with the standard port"
    return None


def host_matches(host: str, pattern: str) -> bool:
    """Tell whether ``host`` is ``pattern``, or a subdomain of it where it starts with ``*.``."""
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) >= len(pattern)
    return host == pattern


def _split(address: str) -> SplitResult | None:
    """Return the address's parts, or ``None`` where two readers could disagree about its host."""
    if not address.isascii() or any(ord(c) <= 0x20 or c in '\\"<>^`{|}\x7f' for c in address):
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    host, written = parts.hostname or "", parts.netloc.lower().removesuffix(":443")
    plain = host and written in (host, f"[{host}]") and all(c.isalnum() or c in ".-_:" for c in host)
    return parts if parts.scheme == "https" and plain else None
