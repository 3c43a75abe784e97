"""Which code this is, so that a deployment is noticed by what it deployed."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

__all__ = ["build_id"]

_ROOT = Path(__file__).resolve().parents[2]
_PARTS = ("function_app.py", "host.json", "requirements.txt", "diagnostics", "responders")


@cache
def build_id() -> str:
    """Return a digest of the product's own files as they are deployed: the same for the same code, wherever it lies."""
    digest = hashlib.sha256()
    for part in _PARTS:
        top = _ROOT / part
        for path in [top] if top.is_file() else sorted(top.rglob("*.py")):
            digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
