"""Which host an address leads to, told before anything is sent there."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

__all__ = ["https_host"]

_HOST = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,20}", re.IGNORECASE)


def https_host(address: str) -> str | None:
    r"""Return the host of an https address in lower case; ``None`` for all that two readers could read in two ways.

    ``urllib.parse`` ends the host at ``/``, ``?`` or ``#``, urllib3, which sends, at a backslash as well: for
    ``https://a.example\.api.azureml.ms`` the one says that it leads to Azure, and the other goes to ``a.example``.
    So the authority is a plain host name, with no user and no port but 443, and the address holds no backslash
    and no control character, which the one leaves out and the other keeps. Blanks may stand behind the host, where the
    SDKs have them before they are quoted.
    """
    if address != address.lstrip() or any(character < " " or character in "\\\x7f" for character in address):
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    host = parts.netloc.removesuffix(":443")
    return host.lower() if parts.scheme == "https" and _HOST.fullmatch(host) else None
