"""Commands of the Azure CLI with the real names in them, quoted so that no name can become more than an argument."""

from __future__ import annotations

from shlex import quote

__all__ = ["az"]


def az(*words: str) -> str:
    """Return an ``az`` command in which every word is quoted for a POSIX shell."""
    return " ".join(["az", *(quote(word) for word in words)])
