"""What to do about a cause that may be it, where too little was seen to say more."""

from __future__ import annotations

from dataclasses import replace

from diagnostics.model import Remedy
from diagnostics.verdicts import Judgement, Proof

__all__ = ["advised"]


def advised(said: Judgement, title: str) -> Judgement:
    """Return ``said`` with a general remedy where it is open and has none: a likely cause, too, needs a way out."""
    if said.proof is not Proof.UNREAD or said.remedies:
        return said
    return replace(said, remedies=(Remedy(title=title),))
