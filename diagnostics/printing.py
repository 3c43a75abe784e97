"""A diagnosis as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from diagnostics.log_reading import neutral
from diagnostics.model import (
    INSUFFICIENT_EVIDENCE,
    NOT_REGISTRY,
    Diagnosis,
    Evidence,
    Finding,
    Status,
)

__all__ = ["diagnosis_text"]

_MOST_LINES = 6


def diagnosis_text(diagnosis: Diagnosis, evidence: Evidence, *, live: bool = True) -> str:
    """Return what is wrong, how we know, and what to do; ``live`` is false where only a text was read.

    Names of others are in it, and stored evidence may have been changed: nothing that a terminal obeys comes out.
    """
    lines = [_verdict(diagnosis), *_indented("what the text says", _symptoms(evidence))]
    head = diagnosis.headline
    if head is not None:
        lines += _finding(head)
    for finding in diagnosis.also:
        lines += ["", f"also confirmed: {finding.headline} ({finding.cause})", *_finding(finding)]
    if live:
        lines += _indented("who pulls", diagnosis.chain)
        lines += _indented("checks", diagnosis.checks)
    lines += _indented("what would settle it", _settling(diagnosis, live=live))
    lines += _indented("other causes", _others(diagnosis))
    return neutral("\n".join(lines))


def _verdict(diagnosis: Diagnosis) -> str:
    if diagnosis.verdict == NOT_REGISTRY:
        return "verdict: not-registry - nothing here speaks of an image that failed to come"
    if diagnosis.verdict == INSUFFICIENT_EVIDENCE:
        return f"verdict: insufficient-evidence - an image failed to come ({diagnosis.symptom})"
    headline = diagnosis.headline.headline if diagnosis.headline else ""
    return f"verdict: {diagnosis.verdict} ({diagnosis.status}) - {headline}"


def _symptoms(evidence: Evidence) -> Iterator[str]:
    for symptom in evidence.symptoms[:_MOST_LINES]:
        yield f"{symptom.id}, {symptom.excerpt.file}:{symptom.line}: {symptom.text.strip()[:400]}"


def _finding(finding: Finding) -> list[str]:
    lines = [*_indented("how we know", finding.reasons), *_indented("not checked", finding.unchecked)]
    for remedy in finding.remedies:
        lines += _indented("what to do", (remedy.title, remedy.detail, remedy.command))
    return lines


def _others(diagnosis: Diagnosis) -> Iterator[str]:
    shown = {diagnosis.verdict, *(finding.cause for finding in diagnosis.also)}
    for finding in diagnosis.findings:
        if finding.cause not in shown:
            why = "; ".join(finding.against) if finding.status is Status.RULED_OUT else ""
            yield f"{finding.status}: {finding.cause}" + (f" ({why})" if why else "")


def _settling(diagnosis: Diagnosis, *, live: bool) -> tuple[str, ...]:
    if diagnosis.verdict != INSUFFICIENT_EVIDENCE:
        return ()
    return diagnosis.settle if live else ("the live checks of `python -m diagnostics run`",)


def _indented(title: str, items: Iterable[str]) -> list[str]:
    found = [item for item in items if item]
    return [f"  {title}:", *(f"    {line}" for item in found for line in item.splitlines())] if found else []
