"""Failed deployments of online endpoints: Azure Machine Learning raises no event for them."""

from __future__ import annotations

import re

from diagnostics.listing import Deployment, deployments_of
from diagnostics.model import FailedRun
from diagnostics.serving import log_of
from responders.missing import FOUND_BY_SWEEP, Look, Missed, Note, Over

__all__ = ["KIND", "attempt"]

_FAILED = "failed"
_SUCCEEDED = "succeeded"
_ODD = re.compile(r"[^A-Za-z0-9_-]")


class Deployments:
    """Looks for deployments whose last attempt failed, and for those that succeed after they were told of.

    An attempt is a deployment with the time at which it was last written: trying again is another attempt.
    """

    name = "deployments"
    title = "failed endpoint deployments"

    def look(self, look: Look) -> Missed:
        """Return the failed attempts that nobody was told of, and what is over."""
        noted = look.notes(self.name)
        runs: list[FailedRun] = []
        over: list[Over] = []
        there: set[str] = set()
        for deployment in deployments_of(look.reach, look.workspace_id):
            key = deployment.id.lower()
            there.add(key)
            if deployment.state.lower() == _FAILED:
                run = self._attempt(look, deployment)
                runs += [run] if run is not None else []
            elif deployment.state.lower() == _SUCCEEDED and key in noted:
                reason = f"the deployment {deployment.name} of {deployment.endpoint} succeeded"
                over.append(_over(key, noted[key], reason))
        over += [_over(key, noted[key], "the deployment is gone") for key in sorted(noted.keys() - there)]
        return Missed(runs=tuple(runs), over=tuple(over))

    def _attempt(self, look: Look, deployment: Deployment) -> FailedRun | None:
        at = deployment.modified_at or look.now
        name = attempt(deployment)
        if at < look.since or look.store.get_record(look.workspace_id, name) is not None:
            return None
        log_of(look.reach, deployment.id)  # where it may not be read this is said, once, and nothing is handed on
        look.note(self.name, deployment.id.lower(), Note(since=at, told_as=name))
        return FailedRun(
            event_id=FOUND_BY_SWEEP,
            workspace_id=look.workspace_id,
            run_id=name,
            failed_at=at,
            experiment=deployment.endpoint,
            run_type="online deployment",
            submitted_by=deployment.modified_by,
            deployment=deployment.id,
        )


def _over(key: str, note: Note, reason: str) -> Over:
    """Every earlier attempt at the same deployment is over with the last one."""
    return Over(key, note.told_as, reason, family=f"{note.told_as.rpartition('.')[0]}.")


def attempt(deployment: Deployment) -> str:
    """Return what one attempt at a deployment is called, in the form of a run's id."""
    when = f"{deployment.modified_at:%Y%m%dT%H%M%SZ}" if deployment.modified_at else "undated"
    return f"{_ODD.sub('_', deployment.endpoint)}.{_ODD.sub('_', deployment.name)}.{when}"


KIND = Deployments()
