"""Incidents: failures of one fingerprint are one thing to people, however many runs they are.

An incident is made of small entities of the store, each written by insert-if-absent or compare-and-set:

* the head, one for each fingerprint: its newest incident, open or resolved; older ones are kept beside it;
* an occurrence for each run, so that the count is exact whatever is delivered twice;
* an index of what is open in each workspace, of the incident that each run counts to, and of each pipeline's first.

What was shown where is kept by :mod:`responders.deliveries`. Nothing here speaks to anybody but the store; time is
passed in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from diagnostics.model import INSUFFICIENT_EVIDENCE, Diagnosis, Evidence, FailedRun, Status
from diagnostics.redaction import redact
from responders.correlation import correlation_id
from responders.entities import Records
from responders.notices import IncidentSummary
from responders.store import Store, StoreUnavailable
from responders.telemetry import count
from responders.wording import cut, one_line

__all__ = [
    "UNDELIVERABLE",
    "Counted",
    "Feedback",
    "Incident",
    "IncidentState",
    "Incidents",
    "Occurrence",
    "Pipeline",
    "failed_runs",
]

T = TypeVar("T")

_ROUNDS = 20
_NAME = 256
_WHY = 500
_WORKSPACES_SHOWN = 50
_LATEST_STEP = timedelta(minutes=1)
"""How stale ``last_at`` of a head may be: writing it for every run of a storm would make all of them wait for it."""

UNDELIVERABLE = "undeliverable"
"""Verdict of an incident that holds runs without a diagnosis."""

_RANK = {Status.CONFIRMED.value: 0, Status.LIKELY.value: 1, "": 2}


class IncidentState(StrEnum):
    """Whether the cause still stands."""

    OPEN = "open"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Every run that failed for one fingerprint, from the first one until it is resolved. Times are UTC.

    ``id`` is the fingerprint with a serial number: a cause that comes back long after its resolution is a new incident.
    ``workspace_id``, ``image``, ``compute``, ``experiment``, ``tags`` and ``evidence_key`` are those of the run whose
    evidence is shown; ``failed_at`` is the first failure, ``last_at`` the newest one, at most a minute behind.
    ``resolution`` says why it counts as resolved, ``resolved_by`` names the completed run that proves it, if one does;
    ``reopened`` how often that turned out to be wrong. ``waiting`` marks one whose shown run has not failed: it waits
    for its image, until a run that failed is shown in its place. ``correlation_id`` is that of the run that opened it
    (:mod:`responders.correlation`).
    """

    id: str
    fingerprint: str
    serial: int
    state: IncidentState
    verdict: str
    status: str
    symptom: str
    target: str
    headline: str
    workspace_id: str
    workspaces: tuple[str, ...]
    run_id: str
    root_run_id: str
    evidence_key: str
    opened_at: datetime
    failed_at: datetime
    last_at: datetime
    image: str = ""
    compute: str = ""
    experiment: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    submitted_by: str = ""
    resolved_at: datetime | None = None
    resolution: str = ""
    resolved_by: str = ""
    reopened: int = 0
    snoozed_until: datetime | None = None
    snoozed_by: str = ""
    checked_at: datetime | None = None
    checks: int = 0
    sibling_of: str = ""
    waiting: bool = False
    correlation_id: str = ""
    schema: int = 1

    @property
    def open(self) -> bool:
        """Whether the cause still stands."""
        return self.state is IncidentState.OPEN

    def summary(self, count: int, runs: tuple[str, ...] = ()) -> IncidentSummary:
        """Return the incident for machines."""
        return IncidentSummary(
            id=self.id,
            fingerprint=self.fingerprint,
            state=self.state.value,
            cause=self.verdict,
            status=self.status,
            target=self.target,
            workspaces=self.workspaces,
            count=count,
            opened_at=self.opened_at,
            last_at=self.last_at,
            resolved_at=self.resolved_at,
            runs=runs,
            correlation_id=self.correlation_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One run that counts to an incident; ``reason`` says why nobody was told of it separately, or is empty."""

    incident_id: str
    run_id: str
    root_run_id: str
    workspace_id: str
    at: datetime
    experiment: str = ""
    submitted_by: str = ""
    reason: str = ""
    correlation_id: str = ""
    schema: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A pipeline's first incident, and whether the pipeline's own run has ended, so that no more children fail."""

    incident_id: str
    ended: bool = False
    schema: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What people said of a diagnosis; the last word of each counts."""

    right: int = 0
    wrong: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What became of a run: the incident that it counts to, and whether it opened or reopened it."""

    incident: Incident
    opened: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    right: bool
    by: str
    at: datetime
    schema: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """An index's entry: where to look."""

    incident_id: str
    schema: int = 1


FOLDED = "folded: its incident was told of before"
SAME_PIPELINE = "folded: a run of the same pipeline was told of before"


class Incidents:
    """The incidents of one store. Safe to use from several threads and processes.

    ``expect_news`` is called with an incident's id before it is resolved, and has to see to it that the incident is
    looked at a little later: who resolves it may die before it is told, and is not asked again.
    """

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], datetime],
        reopen_within: timedelta = timedelta(days=7),
        expect_news: Callable[[str], None] = lambda _incident_id: None,
    ) -> None:
        self._now = now
        self._expect_news = expect_news
        self._reopen_within = reopen_within
        self._heads = Records(store, Incident, now)
        self._occurrences = Records(store, Occurrence, now)
        self._pipelines = Records(store, Pipeline, now)
        self._words = Records(store, _Word, now)
        self._places = Records(store, _Place, now)

    # --- what is there ------------------------------------------------------------------------------------

    def get(self, incident_id: str) -> Incident | None:
        """Return the incident called ``incident_id``."""
        head = self._heads.get(_HEADS, fingerprint_of(incident_id))
        if head is not None and head.value.id == incident_id:
            return head.value
        past = self._heads.get(_PAST, incident_id)
        return past.value if past is not None else None

    def open_ones(self, workspace_id: str | None = None) -> tuple[Incident, ...]:
        """Return the open incidents, of one workspace or of all, newest first."""
        if workspace_id is None:
            return tuple(incident for incident in self.all_ones() if incident.open)
        places = (place for _, place in self._places.each(_open_in(workspace_id)))
        found = (self.get(place.incident_id) for place in places)
        return _newest(incident for incident in found if incident is not None and incident.open)

    def all_ones(self, limit: int = 10_000) -> tuple[Incident, ...]:
        """Return the newest incident of every fingerprint, the one with the newest failure first."""
        return _newest(incident for _, incident in self._heads.each(_HEADS))[:limit]

    def occurrences(self, incident_id: str) -> tuple[Occurrence, ...]:
        """Return the runs of an incident, by time of failure."""
        found = (occurrence for _, occurrence in self._occurrences.each(_runs_of(incident_id)))
        return tuple(sorted(found, key=lambda occurrence: (occurrence.at, occurrence.run_id)))

    def of_run(self, run_id: str) -> tuple[Occurrence, ...]:
        """Return what the run called ``run_id`` counts to; workspaces may share a run's id."""
        return tuple(occurrence for _, occurrence in self._occurrences.each(_incidents_of(run_id)))

    def feedback(self, incident_id: str) -> Feedback:
        """Return how many people called the diagnosis right, and wrong."""
        words = [word.right for _, word in self._words.each(_words_on(incident_id))]
        return Feedback(right=sum(words), wrong=len(words) - sum(words))

    def pipeline(self, workspace_id: str, root_run_id: str) -> Pipeline | None:
        """Return a pipeline's first incident, ``None`` where none of its runs counts to any."""
        found = self._pipelines.get(_pipelines_of(workspace_id), root_run_id)
        return found.value if found is not None else None

    def siblings(self, workspace_id: str, root_run_id: str) -> tuple[Incident, ...]:
        """Return the incidents beside the first one that runs of one pipeline count to, by their first failure."""
        places = (place for _, place in self._places.each(_siblings_in(workspace_id, root_run_id)))
        found = [incident for place in places if (incident := self.get(place.incident_id)) is not None]
        return tuple(sorted(found, key=lambda incident: (incident.failed_at, incident.id)))

    # --- what happens -------------------------------------------------------------------------------------

    def count(self, diagnosis: Diagnosis, evidence: Evidence, *, evidence_key: str) -> Counted:
        """Count the diagnosed run to its incident, which is opened, reopened or made better known by it.

        Idempotent. A failure from before the resolution reopens nothing: its event came late.
        """
        fresh = _incident(diagnosis, evidence, evidence_key, self._now())
        incident, opened = self._head_for(fresh)
        first = self._enter_pipeline(fresh, incident)
        occurrence = _occurrence(incident.id, fresh, told=opened, sibling=first != incident.id)
        if not self._occurrences.add(_runs_of(incident.id), _run_key(occurrence), occurrence):
            known = self._occurrences.get(_runs_of(incident.id), _run_key(occurrence))
            opened = opened or (known is not None and not known.value.reason)
        self._occurrences.add(_incidents_of(occurrence.run_id), occurrence.workspace_id.lower(), occurrence)
        if incident.open:
            self._places.add(_open_in(fresh.workspace_id), incident.id, _Place(incident_id=incident.id))
        if first != incident.id:
            siblings = _siblings_in(fresh.workspace_id, fresh.root_run_id)
            self._places.add(siblings, incident.id, _Place(incident_id=incident.id))
        return Counted(incident=incident, opened=opened)

    def count_undeliverable(self, run: FailedRun | None, why: str, *, kind: str, event_id: str = "") -> Counted:
        """Count a run that ends without a diagnosis; ``kind`` names, in typed words, what was in the way.

        ``run`` is ``None`` where not even the event could be read; ``event_id`` then tells one from another.
        """
        fresh = _undiagnosed(run, why, kind, event_id, self._now())
        incident, opened = self._head_for(fresh)
        occurrence = _occurrence(incident.id, fresh, told=opened, sibling=False)
        self._occurrences.add(_runs_of(incident.id), _run_key(occurrence), occurrence)
        self._occurrences.add(_incidents_of(occurrence.run_id), occurrence.workspace_id.lower(), occurrence)
        return Counted(incident=incident, opened=opened)

    def end_pipeline(self, workspace_id: str, root_run_id: str) -> None:
        """Record that a pipeline's own run has failed: no more of its children will."""
        self._change(
            self._pipelines, _pipelines_of(workspace_id), root_run_id, lambda pipeline: replace(pipeline, ended=True)
        )

    def resolve(self, incident_id: str, reason: str, *, at: datetime, by: str = "") -> Incident | None:
        """Resolve an open incident and return it; ``None`` where it is not open, or failed again after ``at``.

        ``by`` is the id of the completed run that proves it.
        """

        def resolved(incident: Incident) -> Incident | None:
            if incident.id != incident_id or not incident.open or incident.last_at > at:
                return None
            self._expect_news(incident.id)
            words = cut(one_line(redact(reason)), _NAME).text
            return replace(
                incident,
                state=IncidentState.RESOLVED,
                resolved_at=self._now(),
                resolution=words,
                resolved_by=_short(by),
            )

        done = self._change(self._heads, _HEADS, fingerprint_of(incident_id), resolved)
        if done is not None:
            for workspace in done.workspaces:
                self._places.forget(_open_in(workspace), incident_id)
        return done

    def snooze(self, incident_id: str, until: datetime, by: str) -> Incident | None:
        """Keep the incident quiet until then; ``None`` where it is gone."""
        name = _short(by)
        return self._change(
            self._heads,
            _HEADS,
            fingerprint_of(incident_id),
            lambda it: replace(it, snoozed_until=until, snoozed_by=name) if it.id == incident_id else None,
        )

    def note_check(self, incident_id: str) -> Incident | None:
        """Record that the deciding facts were read again and still hold."""
        return self._change(
            self._heads,
            _HEADS,
            fingerprint_of(incident_id),
            lambda it: replace(it, checked_at=self._now(), checks=it.checks + 1) if it.id == incident_id else None,
        )

    def record_feedback(self, incident_id: str, by: str, *, right: bool) -> None:
        """Keep what somebody says of the diagnosis; saying it again replaces it."""
        word = _Word(right=right, by=_short(by), at=self._now())
        self._words.put(_words_on(incident_id), word.by, word)
        count("feedback", said="right" if right else "wrong")

    def _head_for(self, fresh: Incident) -> tuple[Incident, bool]:
        """Return the head that ``fresh`` counts to, and whether this run opened or reopened it."""
        for _ in range(_ROUNDS):
            head = self._heads.get(_HEADS, fresh.fingerprint)
            if head is None:
                if self._heads.add(_HEADS, fresh.fingerprint, fresh):
                    return fresh, True
                continue
            after = self._after(head.value, fresh)
            if after is head.value:
                return after, False
            if after.serial != head.value.serial:
                self._heads.add(_PAST, head.value.id, head.value)
            if self._heads.change(head, after):
                return after, not head.value.open
        raise StoreUnavailable(f"the incident {fresh.fingerprint} was changed by others all the time")

    def _after(self, head: Incident, fresh: Incident) -> Incident:
        """Return what ``head`` is once ``fresh`` counts to it; ``head`` itself where nothing changes."""
        if not head.open and head.resolved_at is not None and fresh.failed_at > head.resolved_at:
            if fresh.failed_at - head.resolved_at > self._reopen_within:
                serial = head.serial + 1
                return replace(fresh, serial=serial, id=f"{fresh.fingerprint}-{serial}")
            again = replace(
                head,
                state=IncidentState.OPEN,
                resolved_at=None,
                resolution="",
                resolved_by="",
                reopened=head.reopened + 1,
                checks=0,
            )
            return _with_run(again, fresh)
        return _with_run(head, fresh)

    def _enter_pipeline(self, fresh: Incident, incident: Incident) -> str:
        """Return the incident that people were told of first for the pipeline, this one where there was none."""
        partition, root = _pipelines_of(fresh.workspace_id), fresh.root_run_id
        self._pipelines.add(partition, root, Pipeline(incident_id=incident.id))
        found = self._pipelines.get(partition, root)
        if fresh.run_id == root:
            self.end_pipeline(fresh.workspace_id, root)
        return found.value.incident_id if found is not None else incident.id

    def _change(self, records: Records[T], partition: str, key: str, change: Callable[[T], T | None]) -> T | None:
        """Write what ``change`` makes of a record, as often as others come in between; ``None`` where it refuses."""
        for _ in range(_ROUNDS):
            found = records.get(partition, key)
            after = change(found.value) if found is not None else None
            if found is None or after is None:
                return None
            if after == found.value or records.change(found, after):
                return after
        raise StoreUnavailable(f"{partition}/{key} was changed by others all the time")


def failed_runs(occurrences: Sequence[Occurrence]) -> tuple[str, ...]:
    """Return the ids of the failed runs, by time; a pipeline's own run counts only where no child of it does."""
    parents = {(o.workspace_id.lower(), o.root_run_id) for o in occurrences if o.run_id != o.root_run_id}
    return tuple(o.run_id for o in occurrences if (o.workspace_id.lower(), o.run_id) not in parents)


def fingerprint_of(incident_id: str) -> str:
    """Return the fingerprint in an incident's id."""
    return incident_id.rpartition("-")[0]


_HEADS = "incidents"
_PAST = "incidents-past"


def _runs_of(incident_id: str) -> str:
    return f"runs/{incident_id}"


def _incidents_of(run_id: str) -> str:
    return f"run/{run_id}"


def _open_in(workspace_id: str) -> str:
    return f"open/{workspace_id.lower()}"


def _words_on(incident_id: str) -> str:
    return f"feedback/{incident_id}"


def _pipelines_of(workspace_id: str) -> str:
    return f"pipelines/{workspace_id.lower()}"


def _siblings_in(workspace_id: str, root_run_id: str) -> str:
    return f"siblings/{workspace_id.lower()}/{root_run_id}"


def _run_key(occurrence: Occurrence) -> str:
    return f"{occurrence.workspace_id.lower()}/{occurrence.run_id}"


def _newest(incidents: Iterator[Incident]) -> tuple[Incident, ...]:
    return tuple(sorted(incidents, key=lambda incident: (incident.last_at, incident.id), reverse=True))


_OF_THE_SHOWN_RUN = (
    "status",
    "symptom",
    "headline",
    "workspace_id",
    "run_id",
    "root_run_id",
    "evidence_key",
    "image",
    "compute",
    "experiment",
    "tags",
    "submitted_by",
    "waiting",
)


def _with_run(head: Incident, fresh: Incident) -> Incident:
    """Return ``head`` with what a further run adds: a later time, another workspace, better evidence."""
    after = head
    if fresh.last_at - head.last_at >= _LATEST_STEP or (fresh.last_at > head.last_at and not head.open):
        after = replace(after, last_at=fresh.last_at)
    known = {workspace.lower() for workspace in head.workspaces}
    if fresh.workspace_id.lower() not in known and len(known) < _WORKSPACES_SHOWN:
        after = replace(after, workspaces=(*head.workspaces, fresh.workspace_id))
    better = _RANK.get(fresh.status, 2) < _RANK.get(head.status, 2) and not (fresh.waiting and not head.waiting)
    if better or (head.waiting and not fresh.waiting):
        after = replace(after, **{name: getattr(fresh, name) for name in _OF_THE_SHOWN_RUN})
    return after


def _incident(diagnosis: Diagnosis, evidence: Evidence, evidence_key: str, now: datetime) -> Incident:
    run, details, finding = evidence.run, evidence.details, diagnosis.headline
    failed_at = min(run.failed_at, now)
    return Incident(
        id=f"{diagnosis.fingerprint}-1",
        fingerprint=diagnosis.fingerprint,
        serial=1,
        state=IncidentState.OPEN,
        verdict=diagnosis.verdict,
        status=diagnosis.status.value if diagnosis.status else "",
        symptom=diagnosis.symptom,
        target=_short(finding.target if finding else ""),
        headline=_short(finding.headline if finding else _OPEN_VERDICT.get(diagnosis.verdict, diagnosis.verdict)),
        workspace_id=run.workspace_id,
        workspaces=(run.workspace_id,),
        run_id=run.run_id,
        root_run_id=(details.root_run_id if details else "") or run.run_id,
        evidence_key=evidence_key,
        opened_at=now,
        failed_at=failed_at,
        last_at=failed_at,
        image=_short(str(evidence.image or evidence.image_text or "")),
        compute=_short((details.compute if details else None) or ""),
        experiment=_short(run.experiment or (details.experiment if details else None) or ""),
        tags={_short(key): _short(value) for key, value in run.tags.items()},
        submitted_by=_short(run.submitted_by or (details.submitted_by if details else None) or ""),
        waiting=run.waiting_since is not None,
        correlation_id=correlation_id(run),
    )


def _undiagnosed(run: FailedRun | None, why: str, kind: str, event_id: str, now: datetime) -> Incident:
    workspace = run.workspace_id if run is not None else ""
    parts = (UNDELIVERABLE, workspace.lower(), kind)
    fingerprint = hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    run_id = run.run_id if run is not None else event_id or "an unreadable event"
    return Incident(
        id=f"{fingerprint}-1",
        fingerprint=fingerprint,
        serial=1,
        state=IncidentState.OPEN,
        verdict=UNDELIVERABLE,
        status="",
        symptom="",
        target=kind,
        headline=cut(one_line(redact(why)), _WHY).text,
        workspace_id=workspace,
        workspaces=(workspace,) if workspace else (),
        run_id=run_id,
        root_run_id=run_id,
        evidence_key="",
        opened_at=now,
        failed_at=min(run.failed_at, now) if run is not None else now,
        last_at=min(run.failed_at, now) if run is not None else now,
        experiment=_short(run.experiment or "") if run is not None else "",
        tags={_short(key): _short(value) for key, value in run.tags.items()} if run is not None else {},
        submitted_by=_short(run.submitted_by or "") if run is not None else "",
        correlation_id=correlation_id(run) if run is not None else "",
    )


_OPEN_VERDICT = {INSUFFICIENT_EVIDENCE: "an image did not come, and what could be read does not say why"}


def _occurrence(incident_id: str, fresh: Incident, *, told: bool, sibling: bool) -> Occurrence:
    return Occurrence(
        incident_id=incident_id,
        run_id=fresh.run_id,
        root_run_id=fresh.root_run_id,
        workspace_id=fresh.workspace_id,
        at=fresh.failed_at,
        experiment=fresh.experiment,
        submitted_by=fresh.submitted_by,
        reason="" if told and not sibling else SAME_PIPELINE if sibling else FOLDED,
        correlation_id=fresh.correlation_id,
    )


def _short(text: str) -> str:
    return cut(one_line(redact(text)), _NAME).text
