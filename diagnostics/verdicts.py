"""What a cause says of the evidence; the status follows from it by rule, in :mod:`diagnostics.judging`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from diagnostics.model import Remedy

__all__ = ["Judgement", "Proof", "compatible", "contradicted", "proven", "unread"]


class Proof(StrEnum):
    """How the deciding facts bear on a cause."""

    PROVEN = "a fact by itself shows it"
    CONTRADICTED = "a fact contradicts it"
    UNREAD = "the deciding facts could not be read"
    COMPATIBLE = "the facts neither show nor contradict it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One cause's reading of the evidence; ``target`` is what would have to be changed, in typed facts only."""

    proof: Proof
    headline: str = ""
    target: str = ""
    reasons: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()


def proven(headline: str, target: str, *reasons: str, remedies: tuple[Remedy, ...]) -> Judgement:
    """A fact by itself explains the symptom; ``reasons`` say which."""
    return Judgement(proof=Proof.PROVEN, headline=headline, target=target, reasons=reasons, remedies=remedies)


def contradicted(*against: str) -> Judgement:
    """A live fact contradicts the cause."""
    return Judgement(proof=Proof.CONTRADICTED, against=against)


def unread(
    headline: str, target: str, *unchecked: str, remedies: tuple[Remedy, ...] = (), reasons: tuple[str, ...] = ()
) -> Judgement:
    """The deciding facts are unknown; ``unchecked`` says which and why."""
    return Judgement(
        proof=Proof.UNREAD,
        headline=headline,
        target=target,
        reasons=reasons,
        unchecked=unchecked,
        remedies=remedies,
    )


def compatible(headline: str, *reasons: str, remedies: tuple[Remedy, ...] = ()) -> Judgement:
    """The facts are known and decide nothing here."""
    return Judgement(proof=Proof.COMPATIBLE, headline=headline, reasons=reasons, remedies=remedies)
