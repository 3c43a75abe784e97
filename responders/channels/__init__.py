"""The channels, one file each, found by scanning this folder: a module with a ``CHANNEL`` is a channel.

A channel renders (purely) and knows what its service's addresses and answers look like. It owns no HTTP:
:mod:`responders.sending` posts for all of them.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any
from urllib.parse import SplitResult, urlsplit

from responders.blocks import Report
from responders.declarations import Secret, Setting

__all__ = ["Channel", "Destination", "Payload", "address_problem", "discover"]

Payload = Mapping[str, Any]
"""A JSON object, ready to be posted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What one messaging service needs to be known for.

    ``hosts`` are the service's own hosts (``*.`` stands for any subdomain), ``retired`` maps hosts that no
    longer serve to a sentence for the person who still uses one. ``render`` and ``minimal`` are pure and keep
    the service's limits for any report; ``accepted`` tells a success by status and body; ``form_refused``
    tells by the service's word that the payload's form is at fault, so that the minimal one is worth a try.
    """

    name: str
    title: str
    url: Setting
    fallback_url: Setting
    hosts: tuple[str, ...]
    retired: Mapping[str, str]
    render: Callable[[Report], Payload]
    minimal: Callable[[Report], Payload]
    accepted: Callable[[int, str], bool]
    form_refused: Callable[[str], bool]

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The settings that this channel reads."""
        return (self.url, self.fallback_url)


@dataclass(frozen=True, slots=True)
class Destination:
    """A channel with the address to post to; the address is a credential."""

    channel: Channel
    address: Secret


@cache
def discover() -> tuple[Channel, ...]:
    """Return every channel of this folder, by name."""
    modules = (import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    channels = (getattr(module, "CHANNEL", None) for module in modules)
    return tuple(sorted((c for c in channels if isinstance(c, Channel)), key=lambda channel: channel.name))


def address_problem(channel: Channel, address: str, more_hosts: Collection[str] = ()) -> str | None:
    """Say why ``address`` is no address for ``channel``, without showing it; ``None`` where it is one.

    ``more_hosts`` are further hosts that somebody allowed by setting, exact or with ``*.``.
    """
    if address.startswith("@Microsoft.KeyVault("):
        return "the Key Vault reference was not resolved: check the app's identity and its right on the secret"
    parts = _split(address)
    if parts is None:
        return "this is not an https address without a user name and with the standard port"
    host = (parts.hostname or "").rstrip(".")
    for pattern, sentence in channel.retired.items():
        if _matches(host, pattern):
            return sentence
    if any(_matches(host, pattern) for pattern in (*channel.hosts, *more_hosts)):
        return None if parts.path.strip("/") else "the address has no path: copy the whole address"
    other = next((c for c in discover() if any(_matches(host, pattern) for pattern in c.hosts)), None)
    if other is not None:
        return f"this is an address of {other.title}: it belongs into {other.url.name}"
    return f"its host is none of {', '.join(channel.hosts)}; PULLMEDIC_WEBHOOK_HOSTS can allow another"


def _split(address: str) -> SplitResult | None:
    """Return the address's parts, or ``None`` where two readers could disagree about its host."""
    if not address.isascii() or any(ord(c) <= 0x20 or c in '\\"<>^`{|}\x7f' for c in address):
        return None
    try:
        parts = urlsplit(address)
        standard = parts.port in (None, 443)
    except ValueError:
        return None
    usable = parts.scheme == "https" and parts.hostname and standard and "@" not in parts.netloc
    return parts if usable else None


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) >= len(pattern)
    return host == pattern
