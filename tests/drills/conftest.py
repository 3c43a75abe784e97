"""Azurite, for the self-test on the store of the deployed app."""

from __future__ import annotations

from tests.responders.azurite_server import azurite

__all__ = ["azurite"]
