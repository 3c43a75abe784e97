"""The version of the product; ``pyproject.toml``, which is not deployed, says the same."""

from __future__ import annotations

__all__ = ["VERSION"]

VERSION = "0.1.0"
