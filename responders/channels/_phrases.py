"""Sentences about a message itself, which several channels say in the same words."""

from __future__ import annotations

__all__ = ["POSSIBLE_REPEAT"]

POSSIBLE_REPEAT = "This may be a repeat: no answer came to the first try."
