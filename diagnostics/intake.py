"""From an event, in whatever shape it came, to a :class:`FailedRun`; light to import, and nothing slow.

Sources: *Azure Machine Learning as an Event Grid source* (azure-docs, ``event-schema-machine-learning``) for the two
schemas, and azure-rest-api-specs #31182 for what is always set. Keys and status come in any case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from diagnostics.model import FailedRun

__all__ = ["RUN_STATUS_CHANGED", "Dropped", "Event", "MalformedEvent", "failed_run", "run_id", "workspace_id"]

RUN_STATUS_CHANGED = "Microsoft.MachineLearningServices.RunStatusChanged"
"""The one event type that tells of a failed run (azure-eventgrid, ``SystemEventNames``)."""

_WORKSPACE = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/\\?#%\s]{0,89}[^/\\?#%\s.]"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/[A-Za-z0-9_-]{1,64}",
    re.IGNORECASE,
)
_LONGEST_NAME = 256
_MOST_TAGS = 20


class MalformedEvent(ValueError):
    """An event that should tell of a failed run and does not say which, or in no form that can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """An event that is none of our business; ``reason`` says why, for the log."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event of either schema, before anything of it is believed. ``source`` is the workspace's resource id."""

    id: str
    type: str
    source: str
    subject: str
    time: datetime | None
    data: Any


def failed_run(
    event: Event, *, in_scope: Callable[[str], bool] = lambda _: True, now: datetime | None = None
) -> FailedRun | Dropped:
    """Return the failed run that ``event`` tells of, or why it is dropped.

    ``in_scope`` tells of a workspace id whether it is ours. :class:`MalformedEvent` where a failed run is told of
    without saying which one: such an event must end where a person sees it.
    """
    if not isinstance(event.type, str) or event.type.lower() != RUN_STATUS_CHANGED.lower():
        return Dropped(reason=f"an event of the type {_shown(event.type)}")
    if not isinstance(event.data, Mapping):
        raise MalformedEvent("the event's data is no object")
    data = {str(key).lower(): value for key, value in event.data.items()}
    status = data.get("runstatus")
    if not isinstance(status, str) or status.lower() != "failed":
        return Dropped(reason=f"the run's status is {_shown(status)}, not Failed")
    workspace = workspace_id(event.source)
    if not in_scope(workspace):
        return Dropped(reason=f"the workspace {workspace} is out of scope")
    return FailedRun(
        event_id=_shown(event.id),
        workspace_id=workspace,
        run_id=_told_run_id(data, event.subject),
        failed_at=event.time or now or datetime.now(UTC),
        experiment=_name(data.get("experimentname")) or _name(data.get("experimentid")),
        run_type=_name(data.get("runtype")),
        submitted_by=_name(data.get("createdby")),
        tags=_tags(data.get("runtags")),
    )


def workspace_id(source: str) -> str:
    """Return ``source`` as a workspace's resource id, or raise :class:`MalformedEvent`: it goes into a URL's path."""
    found = _WORKSPACE.fullmatch(source.strip().rstrip("/")) if isinstance(source, str) else None
    if found is None:
        raise MalformedEvent(f"the event comes from no workspace: {_shown(source)}")
    return found.group()


def run_id(written: str) -> str:
    """Return ``written`` as a run's id, or raise :class:`MalformedEvent`: it is one segment of a URL's path."""
    found = written.strip()
    if not found.strip(".") or len(found) > _LONGEST_NAME or not found.isprintable() or "/" in found:
        raise MalformedEvent("a run failed, and the event does not say which one (no usable run id)")
    return found


def _told_run_id(data: Mapping[str, Any], subject: str) -> str:
    """Take the run's id from the data, else from ``experiments/{id}/runs/{id}``."""
    written = data.get("runid")
    if not isinstance(written, str) or not written.strip():
        parts = subject.split("/runs/") if isinstance(subject, str) else []
        written = parts[1] if len(parts) == 2 else ""
    return run_id(written)


def _tags(written: Any) -> Mapping[str, str]:
    """Keep some short tags: they may route a message, and whoever submits a run writes them."""
    if not isinstance(written, Mapping):
        return {}
    kept = [(str(key), value) for key, value in written.items() if isinstance(value, str)]
    return {key: value for key, value in kept[:_MOST_TAGS] if len(key) <= _LONGEST_NAME and len(value) <= _LONGEST_NAME}


def _name(value: Any) -> str | None:
    if not isinstance(value, str) or not value.strip():
        return None
    return "".join(c if c.isprintable() else " " for c in value.strip())[:_LONGEST_NAME]


def _shown(value: Any) -> str:
    return "".join(c if c.isprintable() else "?" for c in str(value))[:200]
