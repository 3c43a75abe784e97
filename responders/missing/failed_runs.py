"""Failed runs whose event never came: a subscription that is missing, filters wrongly, or lost one."""

from __future__ import annotations

from datetime import datetime

from diagnostics.investigating import details_of
from diagnostics.listing import Job
from diagnostics.model import FailedRun
from responders.missing import FOUND_BY_SWEEP, Look, Missed, Note

__all__ = ["KIND"]

_FAILED = "failed"
_MOST_READ = 50
"""Runs whose end one look reads; the others' turn comes with the next one."""

_IN_A_ROW = 3
"""So many of the newest failed runs came without an event: events do not come."""

_EARLIER = "earlier"


class FailedRuns:
    """Looks for failed jobs that nothing is recorded of, a while after their end.

    A pipeline's own run stands for its children, as its event would. Whatever was handled has a record, and a run that
    is handed on twice is claimed once: so what is found here is found again until it was handled.
    """

    name = "failed-runs"
    title = "failed runs"

    def look(self, look: Look) -> Missed:
        """Return the failed runs that nobody was told of."""
        failed = [job for job in look.jobs.found if job.status.lower() == _FAILED]
        earlier = look.notes(_EARLIER)
        runs: list[FailedRun] = []
        read = 0
        for job in failed:
            if job.name in earlier or self._handled(look, job):
                continue
            if read == _MOST_READ:
                break
            read += 1
            run = self._run(look, job)
            if run is not None:
                runs.append(run)
        cut = f"more than {_MOST_READ} runs were to be read: the rest follows" if read == _MOST_READ else ""
        if not look.jobs.complete:
            cut = "the list of jobs is too long to be read to its end: raise no look-back beyond what one list holds"
        found = {*look.found_before(self.name), *(run.run_id for run in runs)}
        return Missed(
            runs=tuple(runs), cut=cut, unheard=_unheard([job for job in failed if job.name not in earlier], found)
        )

    def _handled(self, look: Look, job: Job) -> bool:
        return look.store.get_record(look.workspace_id, job.name) is not None

    def _run(self, look: Look, job: Job) -> FailedRun | None:
        """Return the run where it ended in the time that we tell of; one from before is noted and not read again."""
        details = details_of(look.run(job.name), look.reach)
        ended = details.ended_at or job.created_at or look.now
        if ended < look.since:
            look.note(_EARLIER, job.name, Note(since=ended))
            return None
        if ended > look.now - look.settings.grace:
            return None
        return FailedRun(
            event_id=FOUND_BY_SWEEP,
            workspace_id=look.workspace_id,
            run_id=job.name,
            failed_at=ended,
            experiment=details.experiment or job.experiment,
            run_type=details.run_type,
            submitted_by=details.submitted_by or job.submitted_by,
            tags=job.tags,
        )


def _unheard(failed: list[Job], found: set[str]) -> bool | None:
    """Tell whether the newest failed runs all came without an event; ``None`` where there are too few."""
    dated: list[tuple[datetime, str]] = [(job.created_at, job.name) for job in failed if job.created_at is not None]
    newest = [name for _, name in sorted(dated, reverse=True)[:_IN_A_ROW]]
    if len(newest) < _IN_A_ROW:
        return None
    return all(name in found for name in newest)


KIND = FailedRuns()
