"""The words for an incident: the diagnosis of its best known run, and what has become of it since.

Pure but for reading the stored evidence; the report of a diagnosis itself is :mod:`responders.report`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from diagnostics.codec import EvidenceUnreadable, evidence_from_json
from diagnostics.judging import judge
from diagnostics.model import Diagnosis, Evidence, FailedRun
from diagnostics.probing import fact_types
from diagnostics.redaction import redact
from responders.blocks import Block, Code, Kind, Line, Pair, Report, Text
from responders.clouds import Cloud, run_link
from responders.deliveries import Delivery
from responders.fixes.seen import FixSeen
from responders.incidents import UNDELIVERABLE, Incident, Occurrence
from responders.notices import NoticeKind
from responders.report import build_report, undeliverable_report
from responders.wording import one_line

__all__ = ["Story", "Wording"]

_SHOWN = 20
_MEMBERS_SHOWN = 40
_LEFT_WHEN_RESOLVED = (Kind.STATE, Kind.FIX, Kind.RUN, Kind.EVIDENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What a message is about.

    An incident with the ids of its ``runs``, and its ``siblings``: further causes of the same pipeline. Or a follow-up:
    ``followed`` is the incident that its pipeline's message was about, ``others`` the causes beside ``incident``. Or a
    ``digest`` of several incidents with their ``counts`` of runs, and the ``fixes`` that some of them have. ``fix`` is
    what becomes of the incident's own repair. ``note`` is said on top of all.
    """

    incident: Incident
    runs: tuple[str, ...]
    occurrences: Sequence[Occurrence] = ()
    siblings: tuple[Incident, ...] = ()
    followed: Incident | None = None
    others: tuple[Incident, ...] = ()
    digest: tuple[Incident, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    fix: FixSeen | None = None
    fixes: Mapping[str, FixSeen] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Turns stories into reports.

    ``document`` returns a stored document by its key, ``page`` the address of an incident's own page by the incident's
    id, empty where there is none.
    """

    document: Callable[[str], str | None]
    cloud: Cloud = Cloud.PUBLIC
    page: Callable[[str], str] = lambda _incident_id: ""

    def report(
        self,
        story: Story,
        kind: NoticeKind,
        delivery: Delivery,
        *,
        edit: bool = False,
        possible_repeat: bool = False,
        whole: bool = False,
    ) -> Report:
        """Return the report of ``kind``. Where the evidence is gone the incident's own facts are left.

        What becomes of a fix is part of the whole where that is edited, else a message of its own. ``whole`` is for
        a page, which is no message: nothing is left out where the incident is resolved, no message is spoken of.
        """
        if story.digest:
            return _digest_report(story, self.cloud)
        report = self._follow_up(story) if story.followed is not None else self._incident(story)
        report = replace(report, page_url=self.page(story.incident.id))
        report = _with_fix(report, story.fix) if story.fix is not None else report
        report = _with_state(report, story, kind, delivery, possible_repeat=possible_repeat, whole=whole)
        report = _resolved(report, story.incident, delivery, whole=whole) if not story.incident.open else report
        alone = kind is NoticeKind.FIX and not edit and story.fix is not None
        return _fix_report(report, story.fix) if alone and story.fix is not None else report

    def _incident(self, story: Story) -> Report:
        report = self._first_report(story.incident, story.runs)
        return _with_further(report, [(it, self._told(it)) for it in story.siblings], "The same pipeline also failed")

    def _follow_up(self, story: Story) -> Report:
        report = self._first_report(story.incident, story.runs)
        many = f"{len(story.others) + 1} further causes, the first: " if story.others else "a further cause: "
        report = replace(report, headline=f"The same pipeline failed for {many}{report.headline}")
        return _with_further(report, [(it, self._told(it)) for it in story.others], "It also failed")

    def _first_report(self, incident: Incident, runs: tuple[str, ...]) -> Report:
        if incident.verdict == UNDELIVERABLE:
            return _undelivered(incident, len(runs), self.cloud)
        told = self._told(incident)
        if told is None:
            return _without_evidence(incident, len(runs), self.cloud)
        diagnosis, evidence = told
        shown = runs or (incident.run_id,)
        return build_report(
            diagnosis,
            replace(evidence, pipeline_runs=()),
            cloud=self.cloud,
            stored_as=incident.evidence_key,
            runs=shown,
        )

    def _told(self, incident: Incident) -> tuple[Diagnosis, Evidence] | None:
        """Return the diagnosis that the stored evidence gives, the same each time."""
        stored = self.document(incident.evidence_key) if incident.evidence_key else None
        if stored is None:
            return None
        try:
            evidence = evidence_from_json(stored, fact_types())
        except EvidenceUnreadable:
            return None
        return judge(evidence), evidence


def _with_state(
    report: Report,
    story: Story,
    kind: NoticeKind,
    delivery: Delivery,
    *,
    possible_repeat: bool,
    whole: bool,
) -> Report:
    """Add what has become of the incident: how many, since when, what was held back and why, what this message is."""
    incident, shown = story.incident, delivery.shown
    lines: list[str] = []
    if story.note:
        lines.append(story.note)
    if possible_repeat:
        lines.append("This message may be a repeat: the answer to the first try was lost.")
    if kind is NoticeKind.REOPENED:
        lines.append(f"It is back: it counted as resolved, and failed again at {_utc(incident.last_at)}.")
    if len(story.runs) > 1:
        first, last = _utc(incident.failed_at), _utc(max((o.at for o in story.occurrences), default=incident.last_at))
        lines.append(f"{len(story.runs)} runs of this cause, the first at {first}, the newest at {last}.")
        if not whole:
            lines.append(f"{len(story.runs) - 1} of them told here and in no message of their own (folded).")
    if len(incident.workspaces) > 1:
        names = ", ".join(workspace.rpartition("/")[2] for workspace in incident.workspaces[:_SHOWN])
        lines.append(f"In {len(incident.workspaces)} workspaces: {names}.")
    if shown is not None and not delivery.ref and delivery.first_at is not None:
        lines.append(f"First told of here at {_utc(delivery.first_at)}.")
    if story.followed is not None:
        lines.append(f"The pipeline's first message was: {story.followed.headline}.")
    if incident.snoozed_until is not None and incident.snoozed_until > incident.last_at:
        lines.append(f"Snoozed until {_utc(incident.snoozed_until)} by {incident.snoozed_by}.")
    said = [Text(_safe(line)) for line in lines]
    return _add(report, Kind.STATE, [*said, *_ids(incident)], front=True)


def _ids(incident: Incident) -> list[Line]:
    """Return by which ids the incident is found: with the command line, and in logs, tickets and the audit."""
    correlation = incident.correlation_id
    return [Pair("Incident", incident.id), *([Pair("Correlation id", correlation)] if correlation else [])]


def _with_fix(report: Report, fix: FixSeen) -> Report:
    """Add where the fix stands; while it is under way the next step is its own."""
    report = _add(report, Kind.FIX, fix.lines, front=True)
    if not fix.next_step:
        return report
    first = report.next_step.lines if fix.by_hand else ()
    step = Block(Kind.NEXT_STEP, (Text(fix.next_step),))
    return replace(report, next_step=step, blocks=_with_other_ways(report.blocks, first))


def _with_other_ways(blocks: tuple[Block, ...], lines: tuple[Line, ...]) -> tuple[Block, ...]:
    """Put ``lines`` first among the other ways out."""
    if not lines:
        return blocks
    if any(block.kind is Kind.REMEDIES for block in blocks):
        return tuple(replace(b, lines=(*lines, *b.lines)) if b.kind is Kind.REMEDIES else b for b in blocks)
    order = list(Kind)
    place = next((at for at, b in enumerate(blocks) if order.index(b.kind) > order.index(Kind.REMEDIES)), len(blocks))
    return (*blocks[:place], Block(Kind.REMEDIES, lines), *blocks[place:])


def _fix_report(report: Report, fix: FixSeen) -> Report:
    """Return what became of a fix as a message of its own: the diagnosis was told of before, the plan is on top."""
    lines = tuple(line for line in fix.lines if line != Text(fix.plan))
    kept = tuple(
        replace(block, lines=lines) if block.kind is Kind.FIX else block
        for block in report.blocks
        if block.kind in (Kind.STATE, Kind.FIX, Kind.RUN)
    )
    return replace(report, headline=fix.headline, blocks=kept, status=None)


def _resolved(report: Report, incident: Incident, delivery: Delivery, *, whole: bool) -> Report:
    since = f" It was first told of here at {_utc(delivery.first_at)}." if delivery.first_at else ""
    step = Block(Kind.NEXT_STEP, (Text(_safe(f"Nothing: {incident.resolution or 'it no longer fails'}.{since}")),))
    kept = report.blocks if whole else tuple(block for block in report.blocks if block.kind in _LEFT_WHEN_RESOLVED)
    told = incident.headline.rstrip(". ")
    return replace(report, headline=f"Resolved: {told}.", next_step=step, status="resolved", blocks=kept)


def _with_further(
    report: Report, further: Sequence[tuple[Incident, tuple[Diagnosis, Evidence] | None]], lead: str
) -> Report:
    lines: list[Line] = []
    for incident, told in further:
        finding = told[0].headline if told is not None else None
        status = f"{incident.status.capitalize()}: " if incident.status else ""
        lines.append(Text(_safe(f"{lead} ({incident.run_id}). {status}{incident.headline.rstrip('. ')}.")))
        if finding is None:
            continue
        lines += [Text(_safe(reason)) for reason in finding.reasons[:2]]
        for remedy in finding.remedies[:1]:
            lines.append(Text(_safe(f"{remedy.title}. {remedy.detail}".strip())))
            lines += [Code(redact(remedy.command))] if remedy.command else []
    return _add(report, Kind.ALSO, lines) if lines else report


def _add(report: Report, kind: Kind, lines: Sequence[Line], *, front: bool = False) -> Report:
    """Put ``lines`` into the report's block of ``kind``, which is made at the top where there is none."""
    blocks = [replace(b, lines=(*b.lines, *lines)) if b.kind is kind else b for b in report.blocks]
    if all(block.kind is not kind for block in report.blocks):
        blocks.insert(0 if front or not blocks or blocks[0].kind is not Kind.STATE else 1, Block(kind, tuple(lines)))
    return replace(report, blocks=tuple(blocks))


def _digest_report(story: Story, cloud: Cloud) -> Report:
    """Return one message in place of many: what failed for which cause, in the order of the failures."""
    total = sum(story.counts.values())
    first = story.digest[0]
    lines: list[Line] = []
    for incident in story.digest[:_MEMBERS_SHOWN]:
        state = "" if incident.open else "resolved: "
        status = f"{incident.status}: " if incident.status else ""
        runs = story.counts.get(incident.id, 1)
        many = f" ({runs} runs)" if runs > 1 else ""
        fix = story.fixes.get(incident.id)
        repair = f" (fix: {fix.state.value})" if fix is not None else ""
        lines.append(Pair(incident.id, _safe(f"{state}{status}{incident.headline}{many}{repair}")))
    more = len(story.digest) - _MEMBERS_SHOWN
    if more > 0:
        lines.append(Text(f"And {more} more, in the list of incidents."))
    step = "Look for what they share: so many causes at once often have one behind them."
    how = "python -m responders incidents list"
    return Report(
        headline=f"{len(story.digest)} more causes failed {total} runs within minutes: this one message holds them.",
        next_step=Block(Kind.NEXT_STEP, (Text(step), Code(how, "All of them, with what was shown where"))),
        verdict="digest",
        blocks=(Block(Kind.STATE, tuple(lines)),),
        run_url=run_link(first.workspace_id, first.run_id, cloud),
    )


def _undelivered(incident: Incident, runs: int, cloud: Cloud) -> Report:
    run = FailedRun(
        event_id="",
        workspace_id=incident.workspace_id,
        run_id=incident.run_id,
        failed_at=incident.failed_at,
        experiment=incident.experiment or None,
        submitted_by=incident.submitted_by or None,
    )
    report = undeliverable_report(run if incident.workspace_id else None, incident.headline, cloud=cloud)
    return replace(report, headline=f"{report.headline.rstrip('. ')} ({runs} runs).") if runs > 1 else report


def _without_evidence(incident: Incident, runs: int, cloud: Cloud) -> Report:
    many = f" ({runs} runs)" if runs > 1 else ""
    status = f"{incident.status.capitalize()}: " if incident.status else ""
    return Report(
        headline=_safe(f"{status}{incident.headline.rstrip('. ')}{many}."),
        next_step=Block(
            Kind.NEXT_STEP, (Text("Open the run: the evidence behind this message is not kept any more."),)
        ),
        verdict=incident.verdict,
        status=incident.status or None,
        blocks=(Block(Kind.RUN, (Pair("Run id", _safe(incident.run_id)),)),),
        run_url=run_link(incident.workspace_id, incident.run_id, cloud),
    )


def _safe(text: str) -> str:
    return one_line(redact(text))


def _utc(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
