r"""Keys that any store accepts, made from identifiers that anybody may have chosen.

Azure tables forbid ``/ \\ # ?`` and control characters in keys and limit a key to 1 KiB (Microsoft Learn,
"Understanding the Table service data model"); blobs limit a name to 1,024 characters. Different
identifiers always give different keys.
"""

from __future__ import annotations

from hashlib import sha256

__all__ = ["document_key", "safe_key", "workspace_key"]

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
_LONGEST = 160
_HEAD = 80


def safe_key(identifier: str) -> str:
    """Return ``identifier`` with every character but letters, digits, ``-`` and ``_`` as ``~XX`` of its
    UTF-8.

    A long one is its beginning and the SHA-256 of the whole; ``~h`` marks it, which no escape looks like.
    """
    raw = identifier.encode("utf-8", "surrogatepass")
    key = "".join(chr(byte) if byte in _PLAIN else f"~{byte:02X}" for byte in raw)
    if len(key) <= _LONGEST:
        return key or "~e"
    return f"{key[:_HEAD]}~h{sha256(raw).hexdigest()}"


def workspace_key(workspace_id: str) -> str:
    """Return the key of a workspace; resource ids differ in case at will, and mean the same."""
    return safe_key(workspace_id.strip().rstrip("/").lower())


def document_key(workspace_id: str, run_id: str, name: str) -> str:
    """Return where a document of a run is kept; its folders are for the eye of an operator."""
    return f"{workspace_key(workspace_id)}/{safe_key(run_id)}/{safe_key(name)}.json"
