"""What the failing text says of the way: which host, whose address, and whether the registry itself answered."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from diagnostics.case import Case

__all__ = [
    "RIGHT_REFUSED",
    "client_address",
    "far_address",
    "host_of",
    "is_private",
    "layer_host",
    "login_failed",
    "name_unknown",
    "names_wrong_side",
    "refused_by_registry",
    "refused_for_right",
    "said_by_service",
]

Address = IPv4Address | IPv6Address

_PRIVATE = tuple(
    ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
"""What private endpoints and virtual networks use; Python's ``is_private`` counts documentation ranges in."""

_REFUSALS = frozenset({"address-refused", "bare-denied", "no-challenge", "acr-health-forbidden", "acr-403"})
"""Signatures of an answer that the registry's own network rules gave: who reads it had a way to the registry."""

_RIGHTS = frozenset(
    {"token-without-pull", "endpoint-lacks-pull", "arm-authorization-failed", "arm-authorization-failed-on-registry"}
)
"""Signatures of an answer about a right, by the registry's token service, Azure ML or Resource Manager."""

RIGHT_REFUSED = "a right was refused, by a service that was reached for the question"
"""What speaks against a cause of the way where :func:`refused_for_right` holds."""

_URL_HOST = re.compile(r"https?://([A-Za-z0-9][A-Za-z0-9.-]{0,253}[A-Za-z0-9])[:/\"']")
_LOOKUP = re.compile(r"\blookup ([A-Za-z0-9][A-Za-z0-9.-]{0,253}[A-Za-z0-9])\.?(?: on |: )")
_DATA_HOST = re.compile(r"\b([a-z0-9][a-z0-9-]{0,62}\.[a-z0-9]{1,40}\.data\.azurecr\.(?:io|us|cn|de))\b", re.IGNORECASE)
_STORAGE_HOST = re.compile(r"\b([a-z0-9]{3,24}\.blob\.core\.[a-z.]{5,40}[a-z])\b", re.IGNORECASE)
_CDN_HOST = re.compile(
    r"\b([a-z0-9][a-z0-9-]{0,62}\.(?:data\.mcr\.microsoft\.com|cdn\.mscr\.io|azureedge\.net))\b", re.IGNORECASE
)
_FAR = re.compile(r"(?:dial|proxyconnect) tcp:? ([0-9\[][0-9a-fA-F.:\]]{2,60}?):\d{1,5}\b|->([0-9.]{7,15}):\d{1,5}\b")
_LOGIN = re.compile(r"https?://[A-Za-z0-9.-]{1,255}(?::\d{1,5})?/(?:v2/?[\"':\s]|oauth2/(?:exchange|token))")
_LAYER_SIGNATURES = frozenset({"data-endpoint-lookup", "layer-host-unreachable", "layer-refused-by-storage"})
_NXDOMAIN = (
    *("no such host", "nxdomain", "name or service not known", "enotfound", "dns_error"),
    *("unable to resolve", "could not resolve", "couldn't resolve", "cannot resolve", "failed to resolve"),
)
_WRONG_SIDE = re.compile(r"resolve[sd]? to (?:a |the |its )?(?:public|wrong)", re.IGNORECASE)
_SERVICES = ("azure ml control plane", "azure ml online endpoints")


def _lines(case: Case) -> list[str]:
    """Return the proving line and the ones around it, as far as one error reaches."""
    primary = case.primary
    if primary is None:
        return []
    at = primary.line - primary.excerpt.first_line
    return list(primary.excerpt.lines[at : at + 5])


def host_of(case: Case) -> str | None:
    """Return the host that the failing call went to: as the line writes it, else the image's registry."""
    for pattern in (_LOOKUP, _URL_HOST):
        for line in _lines(case)[:1]:
            found = pattern.search(line)
            if found:
                return found[1].lower()
    return case.image.registry.lower() if case.image else None


def layer_host(case: Case) -> str | None:
    """Return the host that serves layers, where the failing line names one.

    A storage host counts only where a layer was being fetched: a run has storage of its own.
    """
    if case.primary is None:
        return None
    said = "\n".join(_lines(case))
    data = _DATA_HOST.search(said) or _CDN_HOST.search(said)
    if data:
        return data[1].lower()
    fetching = case.primary.signature in _LAYER_SIGNATURES or "docker/registry/v2/blobs" in said
    storage = _STORAGE_HOST.search(said) if fetching else None
    return storage[1].lower() if storage else None


def login_failed(case: Case) -> bool:
    """Return whether the line shows a call that comes before any layer: the registry's root or its token service."""
    text = case.primary.text if case.primary else ""
    return bool(_LOGIN.search(text))


def far_address(case: Case) -> Address | None:
    """Return the address that the failing connection was made to, where the line shows it; a resolver's is none."""
    if case.symptom == "dns":
        return None
    for line in _lines(case)[:1]:
        found = _FAR.search(line)
        if found:
            return _address((found[1] or found[2]).strip("[]"))
    return None


def client_address(case: Case) -> Address | None:
    """Return the client's address as the registry saw it; only its own refusal shows that."""
    return _address(case.captured("address") or "") if refused_by_registry(case) else None


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def is_private(address: Address) -> bool:
    """Return whether an address belongs to private networks (RFC 1918, 6598, 4193)."""
    return any(address in network for network in _PRIVATE if network.version == address.version)


def refused_by_registry(case: Case) -> bool:
    """Return whether the registry's own rules answered: it was reached, and by its public way."""
    return case.primary is not None and case.primary.signature in _REFUSALS


def refused_for_right(case: Case) -> bool:
    """Return whether it was a right that was refused: who is told so had come through to ask."""
    return case.primary is not None and case.primary.signature in _RIGHTS


def name_unknown(case: Case) -> bool:
    """Return whether the text says that the name does not exist, rather than that no resolver answered."""
    text = case.primary.text.lower() if case.primary else ""
    return any(words in text for words in _NXDOMAIN)


def names_wrong_side(case: Case) -> bool:
    """Return whether the text says that the name resolved to the public address, or to the wrong one."""
    return bool(_WRONG_SIDE.search(case.primary.text)) if case.primary else False


def said_by_service(case: Case) -> bool:
    """Return whether a service of Azure's own asked the registry, not a node of the compute."""
    emitter = case.primary.emitter.lower() if case.primary else ""
    return emitter.startswith(_SERVICES)
