"""The follow-up of a pipeline whose children failed for different causes: one more message, all in order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from diagnostics.model import Diagnosis, Evidence
from diagnostics.redaction import redact
from responders.blocks import Block, Code, Kind, Line, Report, Text
from responders.clouds import Cloud
from responders.report import build_report
from responders.store import RunRecord
from responders.wording import one_line

__all__ = ["Told", "follow_up_report", "other_causes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One child's diagnosis, as far as a message needs it."""

    record: RunRecord
    diagnosis: Diagnosis
    evidence: Evidence


def other_causes(records: Sequence[RunRecord]) -> tuple[RunRecord, ...]:
    """Return, by time of failure, the first record of every cause that a pipeline's runs failed for.

    None before the pipeline's own run is among them: until then more children may fail.
    """
    if not any(record.run_id == record.root_run_id for record in records):
        return ()
    first: dict[str, RunRecord] = {}
    for record in sorted(records, key=lambda record: (record.failed_at, record.run_id == record.root_run_id)):
        if record.status and record.evidence_key:  # a verdict without a status is no cause
            first.setdefault(record.fingerprint, record)
    return tuple(first.values())


def follow_up_report(found: Sequence[Told], *, cloud: Cloud = Cloud.PUBLIC) -> Report:
    """Return the report of further causes of a pipeline, another one of which was told before; never without any."""
    first, *more = found
    report = build_report(first.diagnosis, first.evidence, cloud=cloud, stored_as=first.record.evidence_key)
    many = f"{len(found)} further causes, the first: " if more else "a further cause: "
    headline = f"The same pipeline failed for {many}{report.headline}"
    blocks = [_with(more, block) if block.kind is Kind.ALSO else block for block in report.blocks]
    if more and not any(block.kind is Kind.ALSO for block in blocks):
        blocks.insert(0, _with(more, Block(Kind.ALSO, ())))
    return replace(report, headline=headline, blocks=tuple(blocks))


def _with(more: Sequence[Told], block: Block) -> Block:
    lines: list[Line] = []
    for told in more:
        finding = told.diagnosis.headline
        if finding is None:
            continue
        lines.append(Text(_safe(f"{finding.status.value.capitalize()} for {told.record.run_id}: {finding.headline}.")))
        lines += [Text(_safe(reason)) for reason in finding.reasons[:2]]
        for remedy in finding.remedies[:1]:
            lines.append(Text(_safe(f"{remedy.title}. {remedy.detail}".strip())))
            lines += [Code(redact(remedy.command))] if remedy.command else []
    return Block(block.kind, (*block.lines, *lines))


def _safe(text: str) -> str:
    return one_line(redact(text))
