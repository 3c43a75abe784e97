"""From an event, in whatever shape it came, to a :class:`FailedRun`; light to import, and nothing slow.

Sources: *Azure Machine Learning as an Event Grid source* (azure-docs, ``event-schema-machine-learning``) for the two
schemas, and azure-rest-api-specs #31182 for what is always set. Keys and status come in any case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from diagnostics.model import CompletedRun, FailedRun

__all__ = [
    "FOUND_BY_SWEEP",
    "RUN_STATUS_CHANGED",
    "Dropped",
    "Event",
    "MalformedEvent",
    "ended_run",
    "failed_run",
    "kept_tags",
    "run_id",
    "workspace_id",
]

RUN_STATUS_CHANGED = "Microsoft.MachineLearningServices.RunStatusChanged"
"""The one event type that tells of a failed run (azure-eventgrid, ``SystemEventNames``)."""

FOUND_BY_SWEEP = "found-by-sweep"
"""Stands for the id of an event that never came: the sweep found it."""

_WORKSPACE = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/\\?#%\s]{0,89}[^/\\?#%\s.]"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/[A-Za-z0-9_-]{1,64}",
    re.IGNORECASE,
)
_LONGEST_NAME = 256
_MOST_TAGS = 20
_MOST_TAG_BYTES = 32 * 1024
"""Of all tags in the queue's message, which has 48 KiB as base64 (*Azure Queue storage*: 64 KiB); names need 5 KiB."""


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


def ended_run(
    event: Event, *, in_scope: Callable[[str], bool] = lambda _: True, now: datetime | None = None
) -> FailedRun | CompletedRun | Dropped:
    """Return the failed or completed run that ``event`` tells of, or why it is dropped.

    ``in_scope`` tells of a workspace id whether it is ours. :class:`MalformedEvent` where a failed run is told of
    without saying which one: such an event must end where a person sees it. Of a completed one it is dropped: that
    it is missed costs a message that comes later.
    """
    if not isinstance(event.type, str) or event.type.lower() != RUN_STATUS_CHANGED.lower():
        return Dropped(reason=f"an event of the type {_shown(event.type)}")
    if not isinstance(event.data, Mapping):
        raise MalformedEvent("the event's data is no object")
    data = {str(key).lower(): value for key, value in event.data.items()}
    status = data.get("runstatus")
    if isinstance(status, str) and status.lower() == "completed":
        return _completed_run(event, data, in_scope, now)
    if not isinstance(status, str) or status.lower() != "failed":
        return Dropped(reason=f"the run's status is {_shown(status)}, not Failed")
    workspace = workspace_id(event.source)
    if not in_scope(workspace):
        return Dropped(reason=f"the workspace {workspace} is out of scope")
    return FailedRun(
        event_id=_shown(event.id),
        workspace_id=workspace,
        run_id=_told_run_id(data, event.subject),
        failed_at=_time(event.time) or now or datetime.now(UTC),
        experiment=_name(data.get("experimentname")) or _name(data.get("experimentid")),
        run_type=_name(data.get("runtype")),
        submitted_by=_name(data.get("createdby")),
        tags=kept_tags(data.get("runtags")),
    )


def failed_run(
    event: Event, *, in_scope: Callable[[str], bool] = lambda _: True, now: datetime | None = None
) -> FailedRun | Dropped:
    """Return the failed run that ``event`` tells of, or why it is dropped; see :func:`ended_run`."""
    run = ended_run(event, in_scope=in_scope, now=now)
    return Dropped(reason="the run's status is Completed, not Failed") if isinstance(run, CompletedRun) else run


def _completed_run(
    event: Event, data: Mapping[str, Any], in_scope: Callable[[str], bool], now: datetime | None
) -> CompletedRun | Dropped:
    try:
        workspace, run = workspace_id(event.source), _told_run_id(data, event.subject)
    except MalformedEvent as error:
        return Dropped(reason=str(error))
    if not in_scope(workspace):
        return Dropped(reason=f"the workspace {workspace} is out of scope")
    return CompletedRun(
        workspace_id=workspace,
        run_id=run,
        completed_at=_time(event.time) or now or datetime.now(UTC),
        event_id=_shown(event.id),
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


def _time(written: datetime | None) -> datetime | None:
    """Return an event's time in UTC; ``None`` for one that its zone leads out of the years that there are."""
    if written is None:
        return None
    try:
        return written.astimezone(UTC) if written.tzinfo else written.replace(tzinfo=UTC)
    except OverflowError:
        return None


def kept_tags(written: Any) -> Mapping[str, str]:
    """Keep some short tags, as many as fit a queue's message: they may route a message, and whoever submits a run
    writes them.
    """
    if not isinstance(written, Mapping):
        return {}
    kept = [(str(key), value) for key, value in written.items() if isinstance(value, str)]
    short = [(key, value) for key, value in kept[:_MOST_TAGS] if max(len(key), len(value)) <= _LONGEST_NAME]
    left, fitting = _MOST_TAG_BYTES, {}
    for key, value in short:
        left -= len(json.dumps([key, value], ensure_ascii=False).encode("utf-8", "replace"))
        if left >= 0:
            fitting[key] = value
    return fitting


def _name(value: Any) -> str | None:
    if not isinstance(value, str) or not value.strip():
        return None
    return "".join(c if c.isprintable() else " " for c in value.strip())[:_LONGEST_NAME]


def _shown(value: Any) -> str:
    return "".join(c if c.isprintable() else "?" for c in str(value))[:200]
