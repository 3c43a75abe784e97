"""From a failed run to evidence: reads what decides, concurrently, under one deadline, and judges nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Overrun
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from diagnostics.azure.errors import ReadFailed, Unreachable
from diagnostics.build_log import build_places, is_build_run, while_building
from diagnostics.build_search import BuildSearch, read_log, symptoms_and_build
from diagnostics.classification import classify
from diagnostics.facts import Workspace
from diagnostics.judging import needed_facts
from diagnostics.logs import UnreadableLog, is_user_log, prioritise
from diagnostics.model import (
    EVIDENCE_SCHEMA,
    Evidence,
    FailedRun,
    ImageReference,
    Known,
    LogExcerpt,
    RunDetails,
    Symptom,
    UnreadLog,
)
from diagnostics.probing import FactReader, Subject, all_probes
from diagnostics.reach import Reach
from diagnostics.references import MalformedReference, parse
from diagnostics.run_document import error_excerpts, log_links, read_details
from diagnostics.serving import read_deployment
from diagnostics.work import carried

__all__ = [
    "DEADLINE",
    "children_of",
    "details_of",
    "evidence_of_text",
    "image_of",
    "investigate",
    "read_again",
    "warm_up",
]

DEADLINE = timedelta(seconds=25)
_MOST_CHILDREN = 12
_MOST_LOGS = 6
_ALONE = ("steprun", "scriptrun", "command")
"""Marks of run types that have no children; the full list of types is not documented."""

_OF_NO_IMAGE = ("workspace", "compute")
"""Facts that stay where the logs show that it is about another image than the error made believe."""

_ENDS = frozenset(" \t\n\"',;")
"""Where a pattern stops to read a reference, though its writer went on."""


@dataclass(frozen=True, slots=True)
class _Story:
    """One run's own account: its details, the lines of its error, the links to its logs."""

    details: RunDetails
    error: tuple[LogExcerpt, ...]
    links: Mapping[str, str]
    symptoms: tuple[Symptom, ...]


class _Inquiry:
    """One investigation under one deadline."""

    def __init__(self, run: FailedRun, reach: Reach, pool: ThreadPoolExecutor, remaining: Callable[[], float]) -> None:
        self._run = run
        self._reach = reach
        self._pool = pool
        self._remaining = remaining
        self._facts = FactReader(pool, reach, remaining)
        self._builds = BuildSearch(run, reach, pool, self._discovery_url)
        self._expected: set[ImageReference] = set()

    def evidence(self) -> Evidence:
        """Read run, logs and facts; raise :class:`ReadFailed` where run history says nothing of the run."""
        story, children = self._story()
        logs = self._start_logs(story.links)
        builds = self._builds.start(build_places(story.error))
        subject = self._ask(story.details, story.symptoms)
        excerpts, unread = self._logs([*logs, *builds])
        further = self._builds.start(build_places(excerpts))
        if further:
            more, refused = self._logs(further)
            excerpts, unread = (*excerpts, *more), (*unread, *refused)
        symptoms, known = symptoms_and_build(
            (*story.error, *excerpts), unread, self._reach.now(), run_id=story.details.run_id
        )
        if symptoms:
            if subject.symptoms and image_of(symptoms, story.details) != subject.image_text:
                self._facts = self._facts.anew(keeping=_OF_NO_IMAGE)
            for name, fact in known.items():
                self._facts.know(name, fact)
            subject = self._ask(story.details, symptoms)
        return Evidence(
            schema=EVIDENCE_SCHEMA,
            run=_completed(self._run, story.details),
            taken_at=self._reach.now(),
            details=replace(story.details, children=children),
            image=subject.image,
            image_text=subject.image_text,
            symptoms=symptoms,
            unread_logs=unread,
            facts=self._facts.facts() if symptoms else {},
            pipeline_runs=children,
        )

    def details(self) -> RunDetails:
        """Return what run history says of the run itself."""
        return self._read_run(self._discovery_url(), self._run.run_id).details

    def children(self) -> tuple[tuple[str, str], ...]:
        """Return the children of the run with their states."""
        found = self._reach.history.children(self._discovery_url(), self._run.workspace_id, self._run.run_id)
        return tuple((str(it["runId"]), str(it.get("status") or "")) for it in found if it.get("runId"))

    def _ask(self, details: RunDetails, symptoms: tuple[Symptom, ...]) -> Subject:
        """Start the probes of all that could be behind the symptoms."""
        subject = _subject(self._run, details, symptoms)
        if symptoms:
            building = while_building(symptoms, details.run_id)
            if subject.image is not None and subject.image not in self._expected:
                self._expected.add(subject.image)
                self._pool.submit(_log_in, self._reach, subject.image)
            self._facts.start(needed_facts(symptoms[0].id, building=building), subject)
        return subject

    def _story(self) -> tuple[_Story, tuple[str, ...]]:
        """Return the account that says most: the run's own, or its first failed child's that speaks of an image."""
        if self._run.deployment:
            details, log = read_deployment(self._run, self._reach)
            return _Story(details, log, {}, classify(log)), ()
        own = self._read_run(self._discovery_url(), self._run.run_id)
        kind = (self._run.run_type or own.details.run_type or "").lower()
        if any(mark in kind for mark in _ALONE):
            return own, ()
        failed = self._failed_children()
        stories = self._stories_of(failed)
        telling = [story for story in stories if story.symptoms]
        if not telling:
            return own, tuple(failed)
        first = telling[0]
        alike = [s.details.run_id for s in telling if s.symptoms[0].id == first.symptoms[0].id]
        return first, tuple(alike)

    def _discovery_url(self) -> str:
        probe = all_probes()["workspace"]
        subject = Subject(run=self._run, details=None, image=None)
        known = self._reach.places.get(self._run.workspace_id.lower())
        if known:
            self._facts.start(["workspace"], subject)
            return known
        fact = probe.read(subject, {}, self._reach)
        self._facts.know("workspace", fact)
        assert isinstance(fact, Known)  # noqa: S101 - the probe raises where it cannot say
        workspace: Workspace = fact.value
        self._reach.places[self._run.workspace_id.lower()] = workspace.discovery_url
        return workspace.discovery_url

    def _read_run(self, discovery_url: str, run_id: str) -> _Story:
        document = self._reach.history.details(discovery_url, self._run.workspace_id, run_id)
        error = error_excerpts(document)
        return _Story(read_details(run_id, document), error, log_links(document), classify(error))

    def _failed_children(self) -> list[str]:
        try:
            children = self._reach.history.children(self._discovery_url(), self._run.workspace_id, self._run.run_id)
        except ReadFailed:
            return []
        failed = [child for child in children if str(child.get("status", "")).lower() == "failed"]
        failed.sort(key=lambda child: str(child.get("endTimeUtc") or "9"))
        return [str(child["runId"]) for child in failed if child.get("runId")][:_MOST_CHILDREN]

    def _stories_of(self, run_ids: Sequence[str]) -> list[_Story]:
        url = self._discovery_url()
        futures = [self._pool.submit(carried(self._read_run), url, run_id) for run_id in run_ids]
        stories = []
        for future in futures:
            try:
                stories.append(future.result(timeout=max(0.0, self._remaining())))
            except (ReadFailed, Overrun):
                continue
        return stories

    def _start_logs(self, links: Mapping[str, str]) -> list[tuple[str, Future[tuple[LogExcerpt, ...]]]]:
        names = prioritise(links)
        if not is_build_run(self._run.run_id):  # what a build run printed is the build
            names = [name for name in names if not is_user_log(name)]
        return [
            (name, self._pool.submit(carried(read_log), self._reach, name, links[name])) for name in names[:_MOST_LOGS]
        ]

    def _logs(
        self, started: Sequence[tuple[str, Future[tuple[LogExcerpt, ...]]]]
    ) -> tuple[tuple[LogExcerpt, ...], tuple[UnreadLog, ...]]:
        read: list[LogExcerpt] = []
        unread: list[UnreadLog] = []
        for name, future in started:
            try:
                read += future.result(timeout=max(0.0, self._remaining()))
            except Overrun:
                unread.append(UnreadLog(file=name, reason="the deadline passed before it was read"))
            except (ReadFailed, UnreadableLog) as error:
                unread.append(UnreadLog(file=name, reason=str(error)))
        return tuple(read), tuple(unread)


def investigate(
    run: FailedRun,
    reach: Reach,
    *,
    deadline: timedelta = DEADLINE,
    monotonic: Callable[[], float] = time.monotonic,
) -> Evidence:
    """Return the evidence about ``run``. Facts that cannot be read are ``Unknown``, never an error.

    :class:`ReadFailed` where the workspace or run history says nothing of the run at all: there is no evidence then.
    """
    until = monotonic() + deadline.total_seconds()
    pool = ThreadPoolExecutor(max_workers=32, thread_name_prefix="pullmedic")
    try:
        return _Inquiry(run, reach, pool, lambda: until - monotonic()).evidence()
    except Overrun:
        raise Unreachable("the deadline passed before run history answered") from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


_USUAL = (
    "Error response from daemon: manifest for r.azurecr.io/a:1 not found: manifest unknown: manifest is not found",
    "unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information.",
    'Get "https://r.azurecr.io/v2/": dial tcp: lookup r.azurecr.io on 168.63.129.16:53: no such host',
)
"""What most errors are like. The matcher builds its automaton as texts come, and is four times slower until then."""


def warm_up(reach: Reach) -> None:
    """Load all that the first investigation needs, and log in. May raise what the credential raises."""
    for said in _USUAL:
        message = f"AzureMLCompute job failed.\nFailedPullingImage: Unable to pull docker image\n\terror: {said}"
        for symptom in classify(error_excerpts({"error": {"error": {"message": message}}})):
            needed_facts(symptom.id)
    all_probes()
    reach.warm_up()


def details_of(run: FailedRun, reach: Reach) -> RunDetails:
    """Return what run history says of a run, failed or not, and nothing else. Raises :class:`ReadFailed`."""
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="pullmedic") as pool:
        return _Inquiry(run, reach, pool, DEADLINE.total_seconds).details()


def children_of(run: FailedRun, reach: Reach) -> tuple[tuple[str, str], ...]:
    """Return the children of a pipeline's run, each with its state. Raises :class:`ReadFailed`."""
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="pullmedic") as pool:
        return _Inquiry(run, reach, pool, DEADLINE.total_seconds).children()


def read_again(
    evidence: Evidence,
    reach: Reach,
    *,
    deadline: timedelta = DEADLINE,
    monotonic: Callable[[], float] = time.monotonic,
) -> Evidence:
    """Return ``evidence`` as it would be had the run failed just now: the same texts, every fact read anew.

    What is dated before the failure then counts, a role that was granted since among it: so judging it tells whether
    the cause still stands.
    """
    until = monotonic() + deadline.total_seconds()
    details, now = evidence.details, reach.now()
    run = replace(evidence.run, failed_at=now)
    pool = ThreadPoolExecutor(max_workers=32, thread_name_prefix="pullmedic")
    try:
        reader = FactReader(pool, reach, lambda: until - monotonic())
        subject = Subject(
            run=run,
            details=details,
            image=evidence.image,
            image_text=evidence.image_text,
            symptoms=evidence.symptoms,
        )
        reader.start([name for name in evidence.facts if name in all_probes()], subject)
        facts = {**evidence.facts, **reader.facts()}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return replace(
        evidence,
        run=run,
        details=replace(details, ended_at=now) if details is not None else None,
        taken_at=now,
        facts=facts,
    )


def evidence_of_text(run: FailedRun, excerpts: Sequence[LogExcerpt], reach_now: Callable[[], Any]) -> Evidence:
    """Return the evidence that texts alone give: their symptoms, and no facts."""
    now = reach_now()
    symptoms, facts = symptoms_and_build(excerpts, (), now, run_id=run.run_id)
    written = image_of(symptoms, None)
    return Evidence(
        schema=EVIDENCE_SCHEMA,
        run=run,
        taken_at=now,
        image=_parsed(written),
        image_text=written,
        symptoms=symptoms,
        facts=facts,
    )


def image_of(symptoms: Sequence[Symptom], details: RunDetails | None) -> str | None:
    """Return the image reference as written: by the failing line, else by the lines around it, else the definition."""
    defined = details.image if details else None
    for symptom in symptoms:
        captured = symptom.captured
        if captured.get("image"):
            return defined if defined and _is_beginning(captured["image"], defined) else captured["image"]
        if captured.get("registry") and captured.get("repository"):
            tag = f":{captured['tag']}" if captured.get("tag") else ""
            digest = f"@{captured['digest']}" if captured.get("digest") and not tag else ""
            return f"{captured['registry']}/{captured['repository']}{tag}{digest}"
    return defined


def _is_beginning(quoted: str, defined: str) -> bool:
    """Tell whether ``quoted`` is what a pattern read of ``defined`` up to a character that no reference has."""
    rest = defined.removeprefix(quoted)
    return rest != defined and bool(rest) and (rest[0] in _ENDS or not any(c.isalnum() for c in rest))


def _subject(run: FailedRun, details: RunDetails, symptoms: tuple[Symptom, ...]) -> Subject:
    written = image_of(symptoms, details)
    return Subject(run=run, details=details, image=_parsed(written), image_text=written, symptoms=symptoms)


def _parsed(written: str | None) -> ImageReference | None:
    try:
        return parse(written) if written else None
    except MalformedReference:
        return None


def _completed(run: FailedRun, details: RunDetails) -> FailedRun:
    """Fill in what the event did not say from what run history says."""
    return replace(
        run,
        experiment=run.experiment or details.experiment,
        run_type=run.run_type or details.run_type,
        submitted_by=run.submitted_by or details.submitted_by,
    )


def _log_in(reach: Reach, image: ImageReference) -> None:
    """Get the registry's token while Resource Manager is asked for the registry, where it named that one before."""
    if (client := reach.known_registry(image.registry, image.repository)) is not None:
        client.log_in()
