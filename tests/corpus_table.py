"""Classifies a folder of labelled failure texts and prints how far the labels and the patterns agree.

Run it as ``python -m tests.corpus_table FOLDER``. Each file is YAML with ``id``, ``text``, ``symptom`` (the label),
``also_accepted`` and ``cause_in_text``. The folder is read, never copied.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from diagnostics.classification import classify
from diagnostics.model import INSUFFICIENT_EVIDENCE, NOT_REGISTRY, LogExcerpt

__all__ = ["Case", "Measures", "load", "main", "measure", "table"]

DISPUTED: dict[str, str] = {}
"""Labels that can be shown to be wrong, by case, with the reason; they count as agreed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One labelled text and what the classification got for it."""

    id: str
    label: str
    accepted: frozenset[str]
    cause_in_text: bool
    got: str
    signature: str

    @property
    def agreed(self) -> bool:
        """Whether a careful reader would accept what was got; without a cause in the text, so is abstaining."""
        abstained = not self.cause_in_text and self.got == INSUFFICIENT_EVIDENCE
        return self.got in self.accepted or abstained or self.id in DISPUTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The three figures that the text layer is held to."""

    share_agreed: float
    registry_by_mistake: tuple[str, ...]
    guessed: tuple[str, ...]


def load(folder: Path) -> tuple[Case, ...]:
    """Return the cases of every ``*.yaml`` in ``folder``, classified, by name."""
    return tuple(_case(path) for path in sorted(folder.glob("*.yaml")))


def _case(path: Path) -> Case:
    record = yaml.safe_load(path.read_text(encoding="utf-8"))
    lines = tuple(record["text"].rstrip("\n").split("\n"))
    symptoms = classify([LogExcerpt(file="run.error", first_line=1, lines=lines)])
    return Case(
        id=record["id"],
        label=record["symptom"],
        accepted=frozenset([record["symptom"], *record["also_accepted"]]),
        cause_in_text=record["cause_in_text"],
        got=symptoms[0].id if symptoms else NOT_REGISTRY,
        signature=symptoms[0].signature if symptoms else "-",
    )


def measure(cases: Sequence[Case]) -> Measures:
    """Return the figures over ``cases``."""
    told = [case for case in cases if case.cause_in_text]
    return Measures(
        share_agreed=sum(case.agreed for case in told) / max(len(told), 1),
        registry_by_mistake=tuple(case.id for case in cases if case.label == NOT_REGISTRY and not case.agreed),
        guessed=tuple(case.id for case in cases if not case.cause_in_text and not case.agreed),
    )


def table(cases: Iterable[Case]) -> str:
    """Return the cases by label: how many, how many agreed, and what was got for the others."""
    by_label: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_label[case.label].append(case)
    lines = [f"{'symptom':24} cases agreed exact"]
    for label, group in sorted(by_label.items()):
        agreed, exact = sum(case.agreed for case in group), sum(case.got == label for case in group)
        lines.append(f"{label:24} {len(group):5} {agreed:6} {exact:5}")
        lines += [f"    {case.id}: {case.got} ({case.signature})" for case in group if not case.agreed]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Print the table and the measures for the folder named; return 1 where a measure is missed."""
    cases = load(Path(arguments[0]))
    measures = measure(cases)
    print(table(cases))
    print(f"\nagreed where the text holds the cause: {measures.share_agreed:.1%}")
    print(f"not-registry taken for a registry: {len(measures.registry_by_mistake)}")
    print(f"guessed where the text holds no cause: {len(measures.guessed)}")
    print(*(f"disputed label {case}: {reason}" for case, reason in DISPUTED.items()), sep="\n")
    return int(measures.share_agreed < 0.97 or bool(measures.registry_by_mistake) or bool(measures.guessed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
