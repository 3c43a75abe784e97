"""A figure beside its aim, and the table of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Figure", "as_markdown", "as_text", "at_most"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What was measured; ``met`` is ``None`` where it is stated for comparison only."""

    name: str
    measured: str
    aim: str = ""
    met: bool | None = None

    @property
    def verdict(self) -> str:
        """How it stands against its aim."""
        return "" if self.met is None else "met" if self.met else "NOT MET"


def at_most(name: str, value: float, most: float, unit: str = "times", *, digits: int = 2) -> Figure:
    """Return a figure that is to stay at or below ``most``."""
    return Figure(
        name=name,
        measured=f"{value:,.{digits}f} {unit}",
        aim=f"<= {most:,.{digits if most % 1 else 0}f} {unit}",
        met=value <= most,
    )


def as_text(figure: Figure) -> str:
    """Return one line for a terminal."""
    return f"{figure.name:<92} {figure.measured:>18}   {figure.aim:<18} {figure.verdict}".rstrip()


def as_markdown(figures: Iterable[Figure]) -> str:
    """Return a table for a document."""
    rows = [f"| {it.name} | {it.measured} | {it.aim or '–'} | {it.verdict or '–'} |" for it in figures]
    return "\n".join(["| figure | measured | aim | |", "|---|---|---|---|", *rows])
