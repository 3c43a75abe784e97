"""Fixtures of the responders' tests."""

from __future__ import annotations

from azurite_server import azurite

__all__ = ["azurite"]
