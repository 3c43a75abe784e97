"""The one id by which a failure is found again: in its event, the log, the message, the ticket and the audit.

It is the id of the Event Grid event, which is a GUID. What no event told of, and a self-test, whose event id proves
where it came from and so is shown nowhere, get one that is made of what names the run.
"""

from __future__ import annotations

import hashlib
import re

from diagnostics.model import CompletedRun, FailedRun
from responders.drills import DRILL_PREFIX

__all__ = ["correlation_id"]

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def correlation_id(run: FailedRun | CompletedRun) -> str:
    """Return the id of a run's event, the same each time; 36 or 32 characters of hexadecimal digits and ``-``."""
    event_id = "" if run.run_id.startswith(DRILL_PREFIX) else run.event_id or ""
    if _GUID.fullmatch(event_id):
        return event_id.lower()
    at = run.failed_at if isinstance(run, FailedRun) else run.completed_at
    parts = ("correlation", event_id, run.workspace_id.lower(), run.run_id, at.isoformat())
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
