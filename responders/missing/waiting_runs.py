"""Runs that wait for their image: they stay in *Preparing*, and no event tells of that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from diagnostics.azure.errors import NotFound
from diagnostics.intake import MalformedEvent, run_id
from diagnostics.investigating import children_of, details_of
from diagnostics.listing import Job, waits
from diagnostics.model import FailedRun
from responders.missing import FOUND_BY_SWEEP, Look, Missed, Note, Over

__all__ = ["KIND"]

_STARTED = frozenset({"running", "finalizing", "completed"})
_FAILED = "failed"
_RUNNING = "running"
_PIPELINE = "pipeline"
_MOST_LOOKS = 5
_MOST_PIPELINES = 20
"""Running pipelines whose children one look reads, the newest first."""

_MOST_ASKED = 20


@dataclass(frozen=True, slots=True)
class _Seen:
    """A run as it was seen: a job of the list, or a child of a job that is a pipeline."""

    run_id: str
    status: str
    job: Job


class WaitingRuns:
    """Looks for runs that were seen in such a state for longer than the settings allow, at growing intervals.

    How long is measured from when it was first seen so: the list says when a job was made, not since when it prepares.
    """

    name = "waiting-runs"
    title = "runs that wait for their image"

    def look(self, look: Look) -> Missed:
        """Return the runs that have waited too long, and those that wait no more."""
        after = look.settings.waiting_after
        if after is None:
            return Missed()
        noted = look.notes(self.name)
        runs: list[FailedRun] = []
        over: list[Over] = []
        seen = {it.run_id: it for it in _seen(look)}
        for it in seen.values():
            note = noted.get(it.run_id)
            if waits(it.status):
                run = self._waits(look, it, note, after)
                runs += [run] if run is not None else []
            elif note is not None:
                over.append(_over(it.run_id, it.status, note))
        for name in sorted(noted.keys() - seen.keys())[:_MOST_ASKED]:
            status = _status(look, name)
            over += [] if waits(status) else [_over(name, status, noted[name])]
        return Missed(runs=tuple(runs), over=tuple(over))

    def _waits(self, look: Look, seen: _Seen, note: Note | None, after: timedelta) -> FailedRun | None:
        if note is None:
            look.note_first(self.name, seen.run_id, Note(since=look.now))
            return None
        if note.looks >= _MOST_LOOKS or look.now - note.since < after * 2**note.looks:
            return None
        told = Note(since=note.since, looks=note.looks + 1, looked_at=look.now, told_as=seen.run_id)
        look.note(self.name, seen.run_id, told)
        return FailedRun(
            event_id=FOUND_BY_SWEEP,
            workspace_id=look.workspace_id,
            run_id=seen.run_id,
            failed_at=look.now,
            experiment=seen.job.experiment,
            submitted_by=seen.job.submitted_by,
            tags=seen.job.tags,
            waiting_since=note.since,
        )


def _seen(look: Look) -> Iterator[_Seen]:
    """Yield the jobs, and the children of running pipelines, which the list does not have."""
    running = 0
    for job in look.jobs.found:
        yield _Seen(job.name, job.status, job)
        if job.kind.lower() == _PIPELINE and job.status.lower() == _RUNNING and running < _MOST_PIPELINES:
            running += 1
            for name, status in children_of(look.run(job.name), look.reach):
                if _usable(name):
                    yield _Seen(name, status, job)


def _usable(name: str) -> bool:
    try:
        return run_id(name) == name
    except MalformedEvent:
        return False


def _status(look: Look, name: str) -> str:
    """Return the state of a run that is in no list any more."""
    try:
        return details_of(look.run(name), look.reach).status or ""
    except NotFound:
        return "gone"


def _over(name: str, status: str, note: Note) -> Over:
    state = status.lower()
    now = "it has started" if state in _STARTED else f"it is {status}"
    reason = f"run {name} no longer waits for its image: {now}" if state != _FAILED else ""
    return Over(name, note.told_as, reason)


KIND = WaitingRuns()
