"""Whether a host is what a rule speaks of: address ranges, service tags, host names with wildcards.

Each answer is true, false, or ``None`` where it cannot be told without the address that the name resolved to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import ip_network

from diagnostics.causes._said import Address, is_private

__all__ = ["Destination", "covers_port", "either", "names_host"]

_EVERYTHING = frozenset({"*", "any", "0.0.0.0/0", "::/0"})
_SUFFIXES = {
    "azurecontainerregistry": (".azurecr.io", ".azurecr.us", ".azurecr.cn"),
    "storage": (".blob.core.windows.net", ".blob.core.usgovcloudapi.net", ".blob.core.chinacloudapi.cn"),
    "microsoftcontainerregistry": ("mcr.microsoft.com",),
}
"""Service tags and the hosts that they stand for (*Virtual network service tags*)."""
_KNOWN = tuple(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes)
_MICROSOFT = (
    *(".microsoft.com", ".microsoftonline.com", ".windows.net", ".azure.com", ".azureml.ms", ".azureedge.net"),
    *(".mscr.io", ".azurefd.net", ".usgovcloudapi.net", ".chinacloudapi.cn"),
)
"""Hosts of which some service tag or other may hold the addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A host that was called on port 443, the address where the log shows it, and the region of the registry."""

    host: str
    address: Address | None = None
    region: str = ""

    @property
    def private(self) -> bool:
        """Whether the call went to a private address."""
        return self.address is not None and is_private(self.address)

    def within(self, place: str) -> bool | None:
        """Return whether a range or a service tag holds the destination."""
        wanted = place.strip().lower()
        if wanted in _EVERYTHING:
            return True
        if wanted[:1].isdigit() or ":" in wanted:
            return self._in_range(wanted)
        return self._tagged(wanted)

    def _of_other_tags(self) -> bool:
        """Tell whether tags that are not listed here may hold the host: Azure's own, of another service."""
        if self.host.endswith(_SUFFIXES["microsoftcontainerregistry"]):
            return True
        return self.host.endswith(_MICROSOFT) and not self.host.endswith(_KNOWN)

    def _in_range(self, wanted: str) -> bool | None:
        try:
            network = ip_network(wanted, strict=False)
        except ValueError:
            return None
        if self.address is not None:
            return network.version == self.address.version and self.address in network
        return False if is_private(network.network_address) else None

    def _tagged(self, wanted: str) -> bool | None:
        tag, _, region = wanted.partition(".")
        if tag == "virtualnetwork":
            return self.private
        if self.private:
            return False
        if tag == "internet":
            return True
        suffixes = _KNOWN if tag == "azurecloud" else _SUFFIXES.get(tag, ())
        if not suffixes or not self.host.endswith(suffixes):
            return None if self._of_other_tags() else False
        return True if not region or region == self.region.lower().replace(" ", "") else None


def names_host(patterns: Iterable[str], host: str) -> bool:
    """Return whether a host name is among names with wildcards; ``*.azurecr.io`` holds names of any depth."""
    return any(fnmatchcase(host.lower(), pattern.strip().lower()) for pattern in patterns)


def covers_port(ports: Iterable[str], port: int = 443) -> bool:
    """Return whether a list of ports and ranges holds ``port``; an empty list holds every port."""
    listed = [entry.strip() for entry in ports if entry.strip()]
    return not listed or any(_covers(entry, port) for entry in listed)


def _covers(entry: str, port: int) -> bool:
    first, _, end = entry.partition("-")
    if first == "*":
        return True
    if not first.isdecimal() or not (end or first).isdecimal():
        return False
    return int(first) <= port <= int(end or first)


def either(answers: Iterable[bool | None]) -> bool | None:
    """Return true where any answer is, ``None`` where none is and some cannot be told, else false."""
    seen = list(answers)
    if True in seen:
        return True
    return None if None in seen else False
