"""Certificates for every host name, signed by an authority made when the process first needs one."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

import trustme

__all__ = ["server_context", "write_bundle"]


@lru_cache(maxsize=2)
def _authority(*, trusted: bool) -> trustme.CA:
    return trustme.CA(organization_name="Sandbox" if trusted else "Nobody that is trusted")


@lru_cache(maxsize=1024)
def server_context(host: str, *, trusted: bool = True) -> ssl.SSLContext:
    """Return a server context whose certificate names ``host``; made once a process, because making one
    costs time.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority(trusted=trusted).issue_cert(host).configure_cert(context)
    return context


def write_bundle(folder: Path) -> Path:
    """Write the authority's certificate (PEM) into ``folder``; trusting that file is trusting the sandbox
    alone.
    """
    bundle = folder / "ca-bundle.pem"
    _authority(trusted=True).cert_pem.write_to_path(str(bundle))
    return bundle
