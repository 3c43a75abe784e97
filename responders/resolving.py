"""When an incident is over: a later run on the same image and compute completed, or what decided it has changed.

A completed run is looked at only where something is open in its workspace, and costs one read. The deciding facts are
read again at growing intervals, and only of what a live fact had confirmed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from diagnostics.azure.errors import ReadFailed
from diagnostics.codec import EvidenceUnreadable, evidence_from_json
from diagnostics.judging import judge
from diagnostics.model import CompletedRun, Diagnosis, Evidence, Finding, RunDetails, Status
from diagnostics.probing import fact_types
from diagnostics.references import MalformedReference, parse
from responders.durations import growing
from responders.handling import Handled, TryAgain
from responders.incidents import UNDELIVERABLE, Incident, Incidents
from responders.rules import Pacing
from responders.store import Store
from responders.subjects import Subject
from responders.telemetry import count

__all__ = ["Resolver"]

_LOG = logging.getLogger(__name__)
_FIRST_CHECK = timedelta(minutes=10)
_LONGEST_WAIT = timedelta(hours=12)
_MOST_CHECKS = 10
"""Incidents whose facts one sweep reads again: the others' turn comes with the next one."""

_UNDELIVERABLE_FOR = timedelta(days=1)


@dataclass(kw_only=True)
class Resolver:
    """Resolves incidents. ``details`` reads a run's own document, ``read_again`` every fact of stored evidence."""

    store: Store
    incidents: Incidents
    pacing: Pacing
    details: Callable[[CompletedRun], RunDetails]
    read_again: Callable[[Evidence], Evidence]
    now: Callable[[], datetime]

    def on_completed(self, run: CompletedRun) -> Handled:
        """Resolve what ``run`` proves to be over. :class:`TryAgain` where run history did not answer."""
        open_ones = [incident for incident in self.incidents.open_ones(run.workspace_id) if incident.image]
        if not open_ones:
            return Handled(said="nothing is open in its workspace")
        try:
            details = self.details(run)
        except ReadFailed as error:
            raise TryAgain(f"the completed run could not be read: {error}") from None
        news = [it for incident in open_ones if (it := self._resolved_by(incident, run, details)) is not None]
        return Handled(said=f"{len(news)} resolved", news=tuple(Subject("incident", it.id) for it in news))

    def sweep(self) -> tuple[Subject, ...]:
        """Resolve what is over by its facts or by its age, and return what has news because of it."""
        news: list[Subject] = []
        checked = 0
        for incident in self.incidents.open_ones():
            over = self._stale(incident)
            if over is None and self._check_is_due(incident) and checked < _MOST_CHECKS:
                checked += 1
                over = self._no_longer_so(incident)
            if over is not None and self.incidents.resolve(incident.id, over, at=self.now()) is not None:
                count("resolved", by="sweep")
                news.append(Subject("incident", incident.id))
        return tuple(news)

    def _resolved_by(self, incident: Incident, run: CompletedRun, details: RunDetails) -> Incident | None:
        compute = (details.compute or "").casefold()
        same = compute == incident.compute.casefold() and _same_image(incident.image, details.image)
        if not same or details.started_at is None:
            return None
        newest = max((o.at for o in self.incidents.occurrences(incident.id)), default=incident.last_at)
        if details.started_at <= newest:
            return None  # it was under way when the newest one failed, and proves nothing about what came after
        reason = f"run {run.run_id} on the same image and compute completed"
        count("resolved", by="run")
        return self.incidents.resolve(incident.id, reason, at=details.started_at, by=run.run_id)

    def _stale(self, incident: Incident) -> str | None:
        quiet = self.now() - incident.last_at
        if incident.verdict == UNDELIVERABLE and quiet > _UNDELIVERABLE_FOR:
            return "for a day no run was lost that way"
        if quiet > self.pacing.resolve_stale_after:
            return f"no run failed that way for {self.pacing.resolve_stale_after.days} days; nothing else is known"
        return None

    def _check_is_due(self, incident: Incident) -> bool:
        since = max(incident.checked_at or incident.last_at, incident.last_at)
        wait = growing(_FIRST_CHECK, incident.checks, longest=_LONGEST_WAIT)
        return incident.status == Status.CONFIRMED.value and self.now() - since >= wait

    def _no_longer_so(self, incident: Incident) -> str | None:
        """Return which fact has changed, ``None`` where the cause still stands or nobody can tell."""
        stored = self.store.get_document(incident.evidence_key)
        if stored is None:
            return None
        try:
            evidence = self.read_again(evidence_from_json(stored, fact_types()))
        except (EvidenceUnreadable, ReadFailed) as error:
            _LOG.warning("the facts of %s could not be read again: %s", incident.id, error)
            return None
        finally:
            self.incidents.note_check(incident.id)
        finding = _of(judge(evidence), incident.verdict)
        if finding is None or finding.status is not Status.RULED_OUT:
            return None
        return f"the deciding fact has changed: {'; '.join(finding.against) or finding.headline}"


def _of(diagnosis: Diagnosis, cause: str) -> Finding | None:
    return next((finding for finding in diagnosis.findings if finding.cause == cause), None)


def _same_image(failed: str, completed: str | None) -> bool:
    """Tell whether two references, as written, name the same image."""
    if not completed:
        return False
    try:
        first, second = parse(failed), parse(completed)
    except MalformedReference:
        return failed == completed
    return replace(first, tag_implied=False) == replace(second, tag_implied=False)
