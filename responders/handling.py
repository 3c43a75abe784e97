"""What happens to one failed run: diagnosed once, told of once, recorded only after it was done.

Every stage is idempotent. A claim is a lease, so that a worker that dies leaves nothing locked, and a stage is recorded
as done only after it succeeded: whatever is delivered again picks up where the last try ended.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from diagnostics.azure.errors import NoCredential, ReadFailed, ServiceFailed, Throttled, Unreachable
from diagnostics.codec import evidence_from_json, to_json
from diagnostics.judging import judge
from diagnostics.model import INSUFFICIENT_EVIDENCE, NOT_REGISTRY, Diagnosis, Evidence, FailedRun
from diagnostics.probing import fact_types
from diagnostics.redaction import redact
from responders.notifying import Notification, Outcome, notify
from responders.pipelines import Told, follow_up_report, other_causes
from responders.report import build_report, undeliverable_report
from responders.settings import Settings
from responders.store import ClaimResult, RunOutcome, RunRecord, Store, StoreError

__all__ = ["Handler", "Silence", "TryAgain"]

_LOG = logging.getLogger(__name__)
_FOLLOW_UP = "further causes of the pipeline"
_LEASE = timedelta(minutes=2)
_TRANSIENT = (Unreachable, Throttled, ServiceFailed, NoCredential)


class TryAgain(Exception):
    """The run could not be handled now; the queue delivers it again, and in the end to the poison queue."""


class Silence:
    """The named reasons for which a run disturbs nobody; they stand in its record and in the log."""

    NOT_REGISTRY = "not-registry"
    INSUFFICIENT = "insufficient-evidence-not-wanted"
    HANDLED_BEFORE = "handled-before"
    PIPELINE_TOLD = "pipeline-told-before"


@dataclass(kw_only=True)
class Handler:
    """Handles failed runs with one store and one way to read Azure; ``now`` is the clock.

    ``investigate`` reads the evidence about a run and raises :class:`ReadFailed` where there is none to be had.
    """

    settings: Settings
    store: Store
    investigate: Callable[[FailedRun], Evidence]
    now: Callable[[], datetime]

    def handle(self, run: FailedRun) -> str:
        """Diagnose ``run`` and tell of it, unless that was done before; return what became of it, for the log.

        :class:`TryAgain` where another delivery is needed: somebody else is at it, or something did not answer.
        """
        owner, key = uuid4().hex, f"run/{run.workspace_id.lower()}/{run.run_id}"
        if self._taken(key, owner) is ClaimResult.DONE:
            return Silence.HANDLED_BEFORE
        try:
            said = self._diagnose(run, owner)
        except Exception as error:
            if not isinstance(error, (TryAgain, StoreError)):
                self._note_failure(run, f"the diagnosis itself failed ({type(error).__name__}: {error})")
            self.store.release(key, owner)
            raise
        self.store.complete(key, owner, now=self.now())
        return said

    def tell_undeliverable(self, run: FailedRun | None, why: str) -> Notification:
        """Say visibly that a run ends without a diagnosis, in the fallback channel where one is set.

        :class:`TryAgain` where a channel asks for another try.
        """
        report = undeliverable_report(run, why, cloud=self.settings.cloud)
        _LOG.error("no diagnosis for %s: %s", run.run_id if run else "an unreadable message", why)
        told = notify(report, self.settings.fallbacks or self.settings.destinations, now=self.now())
        if told.outcome is Outcome.LATER:
            raise TryAgain("the channel asks for another try")
        return told

    def reason_of(self, run: FailedRun) -> str:
        """Return why the last try at ``run`` failed, as far as it was recorded."""
        try:
            record = self.store.get_record(run.workspace_id, run.run_id)
        except StoreError as error:
            return f"every try failed, and the store does not say why: {error}"
        if record is not None and record.outcome is RunOutcome.UNDELIVERABLE and record.reason:
            return record.reason
        return "every try failed before a reason could be recorded; the app's log holds the errors"

    def _taken(self, key: str, owner: str) -> ClaimResult:
        claim = self._claimed(key, owner)
        if claim is ClaimResult.HELD:
            raise TryAgain("another worker is at this run or pipeline")
        return claim

    def _claimed(self, key: str, owner: str) -> ClaimResult:
        return self.store.claim(key, owner, now=self.now(), lease=_LEASE)

    def _diagnose(self, run: FailedRun, owner: str) -> str:
        try:
            evidence, before = self._evidence(run)
        except ReadFailed as error:
            return self._without_evidence(run, error)
        diagnosis = judge(evidence)
        record = self._recorded(evidence, diagnosis, before)
        silence = self._silence(diagnosis)
        if silence:
            self.store.put_record(replace(record, outcome=RunOutcome.SILENT, reason=silence))
            return self._follow_up(record, owner) or silence
        said = self._tell(record, diagnosis, evidence, owner)
        return self._follow_up(record, owner) or said

    def _evidence(self, run: FailedRun) -> tuple[Evidence, RunRecord | None]:
        """Return the evidence of an earlier try where there is one: a retry reads nothing again."""
        before = self.store.get_record(run.workspace_id, run.run_id)
        stored = self.store.get_document(before.evidence_key) if before and before.evidence_key else None
        if stored is not None:
            return evidence_from_json(stored, fact_types()), before
        return self.investigate(run), before

    def _without_evidence(self, run: FailedRun, error: ReadFailed) -> str:
        reason = f"the run could not be read: {error}"
        self._note_failure(run, reason)
        if isinstance(error, _TRANSIENT):
            raise TryAgain(reason) from None
        self.tell_undeliverable(run, reason)
        return reason

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
            root_run_id=details.root_run_id if details else run.run_id,
            outcome=RunOutcome.LOGGED,
            reason="diagnosed, not yet told of",
            verdict=diagnosis.verdict,
            status=diagnosis.status or "",
            fingerprint=diagnosis.fingerprint,
            evidence_key=keep(run.workspace_id, run.run_id, "evidence", to_json(evidence)),
            diagnosis_key=keep(run.workspace_id, run.run_id, "diagnosis", to_json(diagnosis)),
            channels=before.channels if before else (),
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

    def _tell(self, record: RunRecord, diagnosis: Diagnosis, evidence: Evidence, owner: str) -> str:
        pipeline = _pipeline(record)
        if self._taken(pipeline, owner) is ClaimResult.DONE:
            before = RunOutcome.POSTED if record.channels else RunOutcome.SILENT  # told by an earlier try of this run
            self.store.put_record(replace(record, outcome=before, reason=Silence.PIPELINE_TOLD))
            return Silence.PIPELINE_TOLD
        try:
            outcome = self._send(record, diagnosis, evidence)
        except Exception:
            self.store.release(pipeline, owner)
            raise
        self.store.complete(_cause(record), owner, now=self.now())
        self.store.complete(pipeline, owner, now=self.now())
        return outcome

    def _follow_up(self, record: RunRecord, owner: str) -> str | None:
        """Tell in one message, once the pipeline's own run has ended, of causes that nobody was told of yet.

        A claim for each cause keeps it from being told twice, whatever the order of the events and however often they
        come; a child that fails for yet another cause after the pipeline's own event is told of when it comes.
        """
        causes = other_causes(self.store.list_records(record.workspace_id, record.root_run_id))
        mine = [cause for cause in causes if self._claimed(_cause(cause), owner) is ClaimResult.ACQUIRED]
        if not mine:
            return None
        try:
            outcome = self._send_follow_up(mine)
        except Exception:
            for cause in mine:
                self.store.release(_cause(cause), owner)
            raise
        for cause in mine:
            self.store.complete(_cause(cause), owner, now=self.now())
        return outcome

    def _send_follow_up(self, causes: Sequence[RunRecord]) -> str:
        """Send one message about ``causes``; what took it is kept with the first of them until all have."""
        found = [self._told(cause) for cause in causes]
        before = causes[0].channels
        told = notify(
            follow_up_report(found, cloud=self.settings.cloud),
            self.settings.destinations,
            now=self.now(),
            fallbacks=self.settings.fallbacks,
            already=before,
        )
        channels = tuple(dict.fromkeys((*before, *told.delivered_to)))
        for cause in causes:
            outcome = _OUTCOMES.get(told.outcome, cause.outcome)
            after = replace(cause, channels=channels, recorded_at=self.now(), outcome=outcome)
            self.store.put_record(replace(after, reason=f"{_FOLLOW_UP}: {told.outcome.value}"))
        if told.outcome is Outcome.LATER:
            raise TryAgain("a channel asks for another try")
        return f"{_FOLLOW_UP} {told.outcome.value}"

    def _told(self, record: RunRecord) -> Told:
        stored = self.store.get_document(record.evidence_key)
        if stored is None:
            raise TryAgain(f"the evidence about {record.run_id} is not there (yet)")
        evidence = evidence_from_json(stored, fact_types())
        return Told(record=record, diagnosis=judge(evidence), evidence=evidence)

    def _send(self, record: RunRecord, diagnosis: Diagnosis, evidence: Evidence) -> str:
        report = build_report(diagnosis, evidence, cloud=self.settings.cloud, stored_as=record.evidence_key)
        told = notify(
            report,
            self.settings.destinations,
            now=self.now(),
            fallbacks=self.settings.fallbacks,
            already=record.channels,
        )
        channels = tuple(dict.fromkeys((*record.channels, *told.delivered_to)))
        after = replace(record, channels=channels, recorded_at=self.now(), reason=told.outcome.value)
        self.store.put_record(replace(after, outcome=_OUTCOMES.get(told.outcome, RunOutcome.UNDELIVERABLE)))
        if told.outcome is Outcome.LATER:
            raise TryAgain("a channel asks for another try")
        return f"{diagnosis.verdict} {told.outcome.value}"


def _pipeline(record: RunRecord) -> str:
    return f"pipeline/{record.workspace_id.lower()}/{record.root_run_id}"


def _cause(record: RunRecord) -> str:
    return f"{_pipeline(record)}/{record.fingerprint}"


_OUTCOMES = {
    Outcome.POSTED: RunOutcome.POSTED,
    Outcome.FALLBACK: RunOutcome.POSTED,
    Outcome.LOGGED: RunOutcome.LOGGED,
}
