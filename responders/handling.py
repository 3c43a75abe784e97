"""What happens to one failed run: diagnosed once, counted to its incident, recorded only after it was done.

Every stage is idempotent. A claim is a lease, so that a worker that dies leaves nothing locked, and a stage is recorded
as done only after it succeeded: whatever is delivered again picks up where the last try ended. Nobody is told here:
what may have news is handed back, and travels through a queue of its own to :mod:`responders.delivering`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from diagnostics.azure.errors import ReadFailed, may_pass
from diagnostics.case import Case
from diagnostics.codec import evidence_from_json, to_json
from diagnostics.judging import judge
from diagnostics.listing import waits
from diagnostics.model import INSUFFICIENT_EVIDENCE, NOT_REGISTRY, Diagnosis, Evidence, FailedRun, Status
from diagnostics.probing import fact_types
from diagnostics.redaction import redact
from responders.incidents import Counted, Incidents
from responders.settings import Settings
from responders.store import ClaimResult, RunOutcome, RunRecord, Store, StoreError
from responders.subjects import Subject
from responders.telemetry import count, span

__all__ = ["Handled", "Handler", "Silence", "TryAgain"]

_LOG = logging.getLogger(__name__)
_LEASE = timedelta(seconds=90)
_AFTER_THE_READING = timedelta(seconds=45)
"""What judging and recording may take beyond the time for reading, before another try takes the run over. A message is
tried five times, half a minute apart (``host.json``): a try or two should be left when the lease of one that died has
ended, so the longest deadline that the settings take is a minute."""

_IN_VAIN = "tried-in-vain"
_HANDLED = frozenset({RunOutcome.OPENED, RunOutcome.COUNTED, RunOutcome.SILENT})


class TryAgain(Exception):
    """The run could not be handled now; the queue delivers it again, and in the end to the poison queue."""


class Silence:
    """The named reasons for which a run disturbs nobody; they stand in its record and in the log."""

    NOT_REGISTRY = "not-registry"
    INSUFFICIENT = "insufficient-evidence-not-wanted"
    HANDLED_BEFORE = "handled-before"
    WAITING = "waits-without-a-proven-cause"
    NOT_WAITING = "waits-no-more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What became of a run, for the log, and what may have news for people because of it."""

    said: str
    news: tuple[Subject, ...] = ()


@dataclass(kw_only=True)
class Handler:
    """Handles failed runs with one store and one way to read Azure; ``now`` is the clock.

    ``investigate`` reads the evidence about a run and raises :class:`ReadFailed` where there is none to be had.
    """

    settings: Settings
    store: Store
    incidents: Incidents
    investigate: Callable[[FailedRun], Evidence]
    now: Callable[[], datetime]

    def handle(self, run: FailedRun) -> Handled:
        """Diagnose ``run`` and count it to its incident, unless that was done before.

        A run that was handled before gives the same news again: whoever carried it away may have died.
        :class:`TryAgain` where another delivery is needed: somebody else is at it, or something did not answer.
        """
        owner, key = uuid4().hex, _claim_on(run)
        claim = self.store.claim(key, owner, now=self.now(), lease=self._lease)
        if claim is ClaimResult.HELD:
            raise TryAgain("another worker is at this run")
        if claim is ClaimResult.DONE:
            return self._again(run)
        try:
            handled = self._diagnose(run) if run.waiting_since is None else self._diagnose_waiting(run)
        except Exception as error:
            if run.waiting_since is None and not isinstance(error, (TryAgain, StoreError)):
                self._note_failure(run, f"the diagnosis itself failed ({type(error).__name__}: {error})")
            self.store.release(key, owner)
            raise
        self.store.complete(key, owner, now=self.now())
        return handled

    @property
    def _lease(self) -> timedelta:
        return max(_LEASE, self.settings.deadline + _AFTER_THE_READING)

    def tell_undeliverable(self, run: FailedRun | None, why: str, *, kind: str, event_id: str = "") -> Handled:
        """Count a run that ends without a diagnosis, so that people hear of it; those of one ``kind`` are one."""
        _LOG.error("no diagnosis for %s: %s", run.run_id if run else "an unreadable message", redact(why))
        count("undiagnosed", kind=kind)
        counted = self.incidents.count_undeliverable(run, why, kind=kind, event_id=event_id)
        return Handled(said=why, news=(Subject("incident", counted.incident.id),))

    def give_up(self, run: FailedRun) -> Handled:
        """Count ``run``, whose every try failed, as lost, unless another delivery of it was handled.

        :class:`TryAgain` while another worker is at it: then it is not known yet.
        """
        owner, key = uuid4().hex, _claim_on(run)
        claim = self.store.claim(key, owner, now=self.now(), lease=_LEASE)
        if claim is ClaimResult.HELD:
            raise TryAgain("another worker is at this run: whether it is lost is not known yet")
        if claim is ClaimResult.DONE:
            return self._again(run)
        try:
            return self._lost(run)
        finally:
            self.store.release(key, owner)

    def _lost(self, run: FailedRun) -> Handled:
        try:
            record = self.store.get_record(run.workspace_id, run.run_id)
        except StoreError as error:
            why = f"every try failed, and the store does not say why: {error}"
            return self.tell_undeliverable(run, why, kind=_IN_VAIN)
        if record is not None and record.outcome in _HANDLED and run.waiting_since is None:
            return self._again(run)
        why = "every try failed before a reason could be recorded; the app's log holds the errors"
        if record is not None and record.outcome is RunOutcome.UNDELIVERABLE and record.reason:
            why = record.reason
        return self.tell_undeliverable(run, why, kind=_IN_VAIN)

    def _again(self, run: FailedRun) -> Handled:
        record = self.store.get_record(run.workspace_id, run.run_id)
        count("held", reason=Silence.HANDLED_BEFORE)
        return Handled(said=Silence.HANDLED_BEFORE, news=_news(record) if record is not None else ())

    def _diagnose(self, run: FailedRun) -> Handled:
        try:
            evidence, before = self._evidence(run)
        except ReadFailed as error:
            return self._without_evidence(run, error)
        with span("judge") as stage:
            diagnosis = judge(evidence)
            stage.note(verdict=diagnosis.verdict, status=diagnosis.status or "")
        record = self._recorded(evidence, diagnosis, before)
        silence = self._silence(diagnosis)
        if silence:
            count("held", reason=silence)
            done = replace(record, outcome=RunOutcome.SILENT, reason=silence)
            if record.run_id == record.root_run_id:
                self.incidents.end_pipeline(record.workspace_id, record.root_run_id)
        else:
            counted = self.incidents.count(diagnosis, evidence, evidence_key=record.evidence_key)
            done = _counted(record, counted)
        self.store.put_record(done)
        count("failures", verdict=diagnosis.verdict, status=diagnosis.status or "none", outcome=done.outcome.value)
        return Handled(said=f"{diagnosis.verdict}: {done.reason}", news=_news(done))

    def _diagnose_waiting(self, run: FailedRun) -> Handled:
        """Count a run that waits for its image only where a live fact proves why; else nobody hears of it.

        What a component says of itself in a log is no live fact here: the next try may have gone well since then.
        It has not failed: no record is written, so that its failure, if it comes, is handled as any other.
        """
        try:
            evidence = self.investigate(run)
        except ReadFailed as error:
            return Handled(said=f"a run that waits could not be read: {error}")
        details = evidence.details
        if self.store.get_record(run.workspace_id, run.run_id) is not None or not waits(
            details.status if details else None
        ):
            return self._held(Silence.NOT_WAITING)
        diagnosis = judge(evidence)
        if diagnosis.status is not Status.CONFIRMED or diagnosis.verdict in Case(evidence).decisive:
            return self._held(Silence.WAITING)
        key = self.store.put_document(run.workspace_id, run.run_id, "evidence-waiting", to_json(evidence))
        counted = self.incidents.count(diagnosis, evidence, evidence_key=key)
        return Handled(said=f"{diagnosis.verdict}: waits, {counted.incident.id}", news=(_incident_of(counted),))

    def _held(self, reason: str) -> Handled:
        count("held", reason=reason)
        return Handled(said=reason)

    def _evidence(self, run: FailedRun) -> tuple[Evidence, RunRecord | None]:
        """Return the evidence of an earlier try where there is one: a retry reads nothing again."""
        before = self.store.get_record(run.workspace_id, run.run_id)
        stored = self.store.get_document(before.evidence_key) if before and before.evidence_key else None
        if stored is not None:
            return evidence_from_json(stored, fact_types()), before
        with span("evidence"):
            return self.investigate(run), before

    def _without_evidence(self, run: FailedRun, error: ReadFailed) -> Handled:
        reason = f"the run could not be read: {error}"
        self._note_failure(run, reason)
        if may_pass(error):
            raise TryAgain(reason) from None
        return self.tell_undeliverable(run, reason, kind=type(error).__name__)

    def _note_failure(self, run: FailedRun, reason: str) -> None:
        """Record why a try ended without a diagnosis: the message about the run in the end says it."""
        record = RunRecord(
            workspace_id=run.workspace_id,
            run_id=run.run_id,
            root_run_id=run.run_id,
            outcome=RunOutcome.UNDELIVERABLE,
            reason=redact(reason)[:1000],
            failed_at=run.failed_at,
            recorded_at=self.now(),
        )
        self.store.put_record(record)

    def _recorded(self, evidence: Evidence, diagnosis: Diagnosis, before: RunRecord | None) -> RunRecord:
        run, details = evidence.run, evidence.details
        keep = self.store.put_document
        record = RunRecord(
            workspace_id=run.workspace_id,
            run_id=run.run_id,
            root_run_id=(details.root_run_id if details else "") or run.run_id,
            outcome=RunOutcome.DIAGNOSED,
            reason="diagnosed, not yet counted",
            verdict=diagnosis.verdict,
            status=diagnosis.status or "",
            fingerprint=diagnosis.fingerprint,
            evidence_key=keep(run.workspace_id, run.run_id, "evidence", to_json(evidence)),
            diagnosis_key=keep(run.workspace_id, run.run_id, "diagnosis", to_json(diagnosis)),
            incident=before.incident if before else "",
            failed_at=run.failed_at,
            diagnosed_at=evidence.taken_at,
            recorded_at=self.now(),
        )
        self.store.put_record(record)
        return record

    def _silence(self, diagnosis: Diagnosis) -> str | None:
        if diagnosis.verdict == NOT_REGISTRY and not self.settings.notify_not_registry:
            return Silence.NOT_REGISTRY
        if diagnosis.verdict == INSUFFICIENT_EVIDENCE and not self.settings.notify_insufficient:
            return Silence.INSUFFICIENT
        return None


def _claim_on(run: FailedRun) -> str:
    """Return the name of the work on ``run``: each look at one that waits is a work of its own."""
    key = f"{run.workspace_id.lower()}/{run.run_id}"
    return f"run/{key}" if run.waiting_since is None else f"waiting/{key}/{run.failed_at:%Y%m%dT%H%M%S}"


def _incident_of(counted: Counted) -> Subject:
    return Subject("incident", counted.incident.id)


def _counted(record: RunRecord, counted: Counted) -> RunRecord:
    outcome = RunOutcome.OPENED if counted.opened else RunOutcome.COUNTED
    what = "opened" if counted.opened else "counted to"
    return replace(record, outcome=outcome, incident=counted.incident.id, reason=f"{what} {counted.incident.id}")


def _news(record: RunRecord) -> tuple[Subject, ...]:
    """Return what may have news because of a run: its incident, and its pipeline, which may have one message."""
    own = (Subject("incident", record.incident),) if record.incident else ()
    return (*own, Subject.pipeline(record.workspace_id, record.root_run_id))
