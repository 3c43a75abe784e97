"""Finds and reads the log of an image's build where it is no file of the failed run.

The text gives only an id; where its log lies is asked of Azure: a build run of the workspace in run history, a run of
ACR Tasks in the workspace's own registry (``listLogSasUrl``, api-version 2019-06-01-preview, recorded). A link in a
text is never followed. Whatever is refused (409 *Public access is not permitted*, 403) becomes an unread log with its
reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

from diagnostics.azure.arm import resource_part
from diagnostics.azure.blobs import BlobLog
from diagnostics.azure.errors import NotPermitted, ReadFailed, from_azure_core
from diagnostics.build_facts import BuildLog
from diagnostics.build_log import (
    BuildPlace,
    is_build_log,
    is_build_run,
    led_by_build,
    read_build_log,
    while_building,
    without_done_builds,
)
from diagnostics.classification import classify
from diagnostics.logs import UnreadableLog, prioritise, read_ranged
from diagnostics.model import Fact, FailedRun, Known, LogExcerpt, Symptom, Unknown, UnreadLog, Vantage
from diagnostics.probes._shapes import text
from diagnostics.reach import Reach
from diagnostics.run_document import error_excerpts, log_links
from diagnostics.work import carried

__all__ = ["BuildSearch", "build_log_fact", "read_log", "symptoms_and_build"]

_TASKS_API = "2019-06-01-preview"
_WORKSPACE_API = "2024-04-01"
_MOST_LOGS = 3
_TASK_ACTION = "Microsoft.ContainerRegistry/registries/runs/listLogSasUrl/action"

Started = tuple[str, Future[tuple[LogExcerpt, ...]]]


class BuildSearch:
    """Reads each build run and each run of ACR Tasks once, beside the failed run's own logs."""

    def __init__(
        self, run: FailedRun, reach: Reach, pool: ThreadPoolExecutor, discovery_url: Callable[[], str]
    ) -> None:
        self._run = run
        self._reach = reach
        self._pool = pool
        self._discovery_url = discovery_url
        self._seen: set[BuildPlace] = set()

    def start(self, places: Iterable[BuildPlace]) -> list[Started]:
        """Start to read the logs of ``places`` that are new; a failure is the future's exception."""
        new = [place for place in places if place not in self._seen and place.id != self._run.run_id]
        self._seen.update(new)
        return [(place.name, self._pool.submit(carried(self._read), place)) for place in new]

    def _read(self, place: BuildPlace) -> tuple[LogExcerpt, ...]:
        return self._read_run(place) if place.kind == "run" else self._read_task(place)

    def _read_run(self, place: BuildPlace) -> tuple[LogExcerpt, ...]:
        """Read what the build run itself says and its logs; what it printed is the build."""
        document = self._reach.history.details(self._discovery_url(), self._run.workspace_id, place.id)
        links = log_links(document)
        told = [_renamed(excerpt, f"{place.name}, {excerpt.file}") for excerpt in error_excerpts(document)]
        refusal: Exception | None = None
        for name in _build_first(links)[:_MOST_LOGS]:
            try:
                told += read_log(self._reach, f"{place.name}, {name}", links[name])
            except (ReadFailed, UnreadableLog) as error:
                refusal = error
        if refusal is not None and not any(is_build_log(excerpt) and excerpt.lines for excerpt in told):
            raise refusal
        return tuple(told)

    def _read_task(self, place: BuildPlace) -> tuple[LogExcerpt, ...]:
        registry = self._own_registry()
        try:
            answer = self._reach.arm.post(f"{registry}/runs/{place.id}/listLogSasUrl", api_version=_TASKS_API, body={})
        except NotPermitted as error:
            raise NotPermitted(f"{error}; it needs {_TASK_ACTION}", status=error.status, action=_TASK_ACTION) from None
        link = text(answer, "logLink")
        if link is None:
            raise ReadFailed("the registry names no log for that run")
        return read_log(self._reach, place.name, link)

    def _own_registry(self) -> str:
        """Return the id of the workspace's registry, in which its builds run."""
        workspace = self._reach.arm.get(self._run.workspace_id, api_version=_WORKSPACE_API)
        found = text(workspace.get("properties"), "containerRegistry")
        if found is None or resource_part(found, "registries") is None:
            raise ReadFailed("the workspace names no registry, so its builds' logs cannot be asked for")
        return found


def read_log(reach: Reach, name: str, link: str) -> tuple[LogExcerpt, ...]:
    """Return the redacted lines of the log behind ``link``; :class:`ReadFailed`, :class:`UnreadableLog` say why not."""
    try:
        return read_ranged(name, BlobLog(reach.session, reach.cloud, link).fetch)
    except (ReadFailed, UnreadableLog):
        raise
    except Exception as error:  # noqa: BLE001 - one log never hides another
        raise from_azure_core(error) from None


def symptoms_and_build(
    excerpts: Sequence[LogExcerpt], unread: Sequence[UnreadLog], now: datetime, *, run_id: str
) -> tuple[tuple[Symptom, ...], Mapping[str, Fact]]:
    """Return what the texts of a run say, and as a fact what the log of a build says, where they speak of one."""
    telling = without_done_builds(excerpts)
    symptoms = classify(telling, of_build=is_build_run(run_id))
    if not while_building(symptoms, run_id):
        return symptoms, {}
    fact = build_log_fact(telling, unread, now)
    if isinstance(fact, Known):
        symptoms = led_by_build(symptoms, fact.value)
    return symptoms, {"build-log": fact}


def build_log_fact(excerpts: Sequence[LogExcerpt], unread: Sequence[UnreadLog], now: datetime) -> Fact:
    """Return what the build's logs say as a fact, or why they could not be read."""
    log = read_build_log(excerpts)
    refused = next((u for u in unread if is_build_log(LogExcerpt(file=u.file, first_line=1, lines=()))), None)
    if refused is not None and (log is None or not log.fault):
        return Unknown(reason=f"{refused.file}: {refused.reason}", source="the build's log")
    return Known(value=log or BuildLog(), source="the build's log", vantage=Vantage.LOG, time=now)


def _build_first(names: Iterable[str]) -> list[str]:
    """A build's output stands in the log of the build, or in what the build run printed."""
    ordered = prioritise(names)
    mine = [name for name in ordered if "image_build_log" in name or "std_log" in name or "70_driver_log" in name]
    return mine + [name for name in ordered if name not in mine]


def _renamed(excerpt: LogExcerpt, file: str) -> LogExcerpt:
    return LogExcerpt(file=file, first_line=excerpt.first_line, lines=excerpt.lines, cut=excerpt.cut)
