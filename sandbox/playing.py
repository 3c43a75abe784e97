"""Plays a scenario end to end: the world served, the event delivered, ``function_app`` hosted, the outcome read.

This is the one part of the sandbox that knows the product, and it knows it from outside: by its settings, its triggers
and its store.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.delivering import Tick, deliveries_of, handshake, post, steps_of, workspace_id
from sandbox.host import Failure, FunctionsHost, Invocation
from sandbox.places import settings_of
from sandbox.records import Call, Message
from sandbox.server import Sandbox
from sandbox.world import Scenario

__all__ = ["APP", "Outcome", "environment", "fresh_host", "let_pass", "look_for_missed", "play", "variables"]

APP = Path(__file__).resolve().parent.parent / "function_app.py"
_PUBLIC = "AzureCloud"
_TRIGGER = "on_run_status_changed"
_SWEEP = "sweep"
_LATER = (timedelta(minutes=1), timedelta(minutes=2))
"""The time that passes after the last delivery: what was held back for a moment is told, too."""
_FIND_MISSED = "find_missed_runs"

_STATEFUL = "responders.app"
"""The module that holds what a worker makes once; every story gets a worker of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a scenario: the records that the product kept, what the channels got, every call it made.

    ``diagnoses`` are the stored diagnoses by run id, ``answers`` the statuses that Event Grid got, ``said`` all log
    output, ``stored`` every document and row as text, ``hosts`` whom a connection was opened to, ``poisoned`` the
    poison queues in which something is left for a person to look at.
    """

    scenario: Scenario
    answers: tuple[int, ...]
    records: Mapping[str, Mapping[str, Any]]
    diagnoses: Mapping[str, Mapping[str, Any]]
    messages: tuple[Message, ...]
    calls: tuple[Call, ...]
    hosts: tuple[str, ...]
    violations: tuple[str, ...]
    refused: tuple[str, ...]
    invocations: tuple[Invocation, ...]
    said: str
    stored: str
    sentinel: str
    seconds: float
    evidence: Mapping[str, str] = field(default_factory=dict)
    poisoned: tuple[str, ...] = ()


def environment(sandbox: Sandbox, store: Path, channels: Sequence[str] = ("slack",)) -> dict[str, str]:
    """Return the settings that point the unmodified product at ``sandbox``, with the named channels and trackers."""
    known = settings_of(sandbox)
    chosen = {name: value for place in channels for name, value in known[place].items()}
    cloud = sandbox.scenario.world.get("cloud") or _PUBLIC
    elsewhere = {"PULLMEDIC_CLOUD": cloud} if cloud != _PUBLIC else {}
    return {**sandbox.environment, **chosen, **elsewhere, "PULLMEDIC_STORE": f"sqlite:///{store}"}


def play(
    scenario: Scenario,
    *,
    channels: Sequence[str] = ("slack",),
    app: Path = APP,
    settings: Callable[[Sandbox], Mapping[str, str]] = lambda _: {},
    skew: timedelta = timedelta(0),
    later: Sequence[timedelta] = _LATER,
    storage: str = "",
) -> Outcome:
    """Play ``scenario`` once and return its outcome; nothing is left behind.

    ``settings`` gives further settings, ``skew`` is how far ahead the worker's clock is, ``later`` the time that passes
    after the last delivery, step by step. ``storage`` is the connection string of an empty storage account in which
    everything is kept instead of in a file, and stays.
    """
    with tempfile.TemporaryDirectory(prefix="pullmedic-") as folder, Sandbox(scenario) as sandbox:
        store = Path(folder) / "store.sqlite"
        kept = {"PULLMEDIC_STORE": "azure", "AzureWebJobsStorage": storage} if storage else {}
        environ = {**environment(sandbox, store, channels), **kept, **settings(sandbox)}
        with variables(environ), _listening() as said, fresh_host(app) as host:
            if skew:
                _set_on(skew)
            handshake(host.webhook_url(_TRIGGER))
            _report_beforehand(scenario, host, sandbox)
            started = time.monotonic()
            answers = _deliver(scenario, host, sandbox, later)
            seconds = time.monotonic() - started
            return _outcome(scenario, sandbox, host, storage or store, answers, said, seconds)


def fresh_host(app: Path = APP) -> FunctionsHost:
    """Return a host with a worker that has done nothing yet, whatever this process ran before."""
    sys.modules.pop(_STATEFUL, None)
    return FunctionsHost(app)


def _report_beforehand(scenario: Scenario, host: FunctionsHost, sandbox: Sandbox) -> None:
    """Let the failure be reported before the deliveries that the story is about."""
    if not scenario.event.get("already_reported"):
        return
    first = next(deliveries_of(scenario))
    post(host.webhook_url(_TRIGGER), first)
    host.drain()
    host.invocations.clear()
    sandbox.reset()


def _deliver(scenario: Scenario, host: FunctionsHost, sandbox: Sandbox, later: Sequence[timedelta]) -> tuple[int, ...]:
    answers = []
    for step in steps_of(scenario):
        if isinstance(step, Tick):
            look_for_missed(host, sandbox, step)
        else:
            answers.append(post(host.webhook_url(_TRIGGER), step))
        host.drain()
    for passing in later:
        let_pass(host, passing)
    return tuple(answers)


def look_for_missed(host: FunctionsHost, sandbox: Sandbox, tick: Tick) -> None:
    """Let the sweep's timer fire at its time of the story, once what is to have changed by then has."""
    worker: Any = importlib.import_module(_STATEFUL)
    at = sandbox.scenario.failed_at + tick.after
    worker.clock = lambda: at
    sandbox.azure.states.update(tick.states)
    host.tick(_FIND_MISSED)


def let_pass(host: FunctionsHost, time: timedelta) -> None:
    """Set the worker's clock on by ``time``, let the timers fire and work off what comes of it.

    A timer's function that fails is among the host's invocations, and fires again the next time.
    """
    _set_on(time)
    with suppress(Failure):
        host.tick(_SWEEP)
    host.drain()


def _set_on(time: timedelta) -> None:
    worker: Any = importlib.import_module(_STATEFUL)
    before = worker.clock
    worker.clock = lambda: before() + time


def _outcome(
    scenario: Scenario,
    sandbox: Sandbox,
    host: FunctionsHost,
    store: Path | str,
    answers: tuple[int, ...],
    said: list[str],
    seconds: float,
) -> Outcome:
    records, diagnoses, evidence, stored = _kept(scenario, store)
    return Outcome(
        scenario=scenario,
        answers=answers,
        records=records,
        diagnoses=diagnoses,
        evidence=evidence,
        messages=tuple(sandbox.messages),
        calls=tuple(sandbox.calls),
        hosts=tuple(sandbox.hosts),
        violations=tuple(f"{it.method} {it.host}{it.path}: {it.rule}" for it in sandbox.violations),
        refused=tuple(f"{it.method} {it.host}{it.path}: {it.reason}" for it in sandbox.refused),
        invocations=tuple(host.invocations),
        said="\n".join(said),
        stored=stored,
        sentinel=sandbox.sentinel,
        seconds=seconds,
        poisoned=tuple(host.poisoned()),
    )


def _kept(scenario: Scenario, where: Path | str) -> tuple[dict[str, Any], dict[str, Any], dict[str, str], str]:
    """Read what the product stored of every run of the scenario, and a file's raw bytes as text."""
    from diagnostics.codec import evidence_from_json, to_json  # noqa: PLC0415 - only a played story needs the product
    from diagnostics.judging import judge  # noqa: PLC0415
    from diagnostics.probing import fact_types  # noqa: PLC0415
    from responders.declarations import Secret  # noqa: PLC0415
    from responders.settings import AzureStore, SqliteStore  # noqa: PLC0415
    from responders.store import open_store, record_to_json  # noqa: PLC0415

    if isinstance(where, Path) and not where.exists():
        return {}, {}, {}, ""
    store = open_store(SqliteStore(where) if isinstance(where, Path) else AzureStore(connection=Secret(where)))
    records, diagnoses, evidence = {}, {}, {}
    for run, workspace in dict.fromkeys((*_runs(scenario), *_told(store))):
        record = store.get_record(workspace, run)
        if record is None:
            continue
        records[run] = json.loads(record_to_json(record))
        if kept := store.get_document(record.diagnosis_key):
            diagnoses[run] = json.loads(kept)
        if kept := store.get_document(record.evidence_key):
            evidence[run] = kept
    for run, kept in _waiting(store):
        if run not in records:
            evidence[run] = kept
            diagnoses[run] = json.loads(to_json(judge(evidence_from_json(kept, fact_types()))))
    store.close()
    files = sorted(where.parent.glob("store.sqlite*")) if isinstance(where, Path) else []
    raw = "".join(file.read_bytes().decode("latin-1") for file in files)
    return records, diagnoses, evidence, raw + "".join(evidence.values())


def _told(store: Any) -> Iterator[tuple[str, str]]:
    """Yield what people were told of, whether or not an event had told of it: run and workspace."""
    incidents = _incidents(store)
    for incident in incidents.all_ones():
        for occurrence in incidents.occurrences(incident.id):
            yield occurrence.run_id, occurrence.workspace_id


def _waiting(store: Any) -> Iterator[tuple[str, str]]:
    """Yield the runs that people were told of while they waited, with the evidence: they have no record."""
    for incident in _incidents(store).all_ones():
        kept = store.get_document(incident.evidence_key) if incident.waiting else None
        if kept:
            yield incident.run_id, kept


def _incidents(store: Any) -> Any:
    from responders.incidents import Incidents  # noqa: PLC0415

    return Incidents(store, now=lambda: datetime.now(UTC))


def _runs(scenario: Scenario) -> Iterator[tuple[str, str]]:
    for run, _ in scenario.runs():
        yield str(run["id"]), workspace_id(scenario, run)
    for delivery in deliveries_of(scenario):
        event = delivery.body[0] if isinstance(delivery.body, list) else delivery.body
        yield delivery.run, str(event.get("topic") or event.get("source"))


@contextmanager
def variables(wanted: Mapping[str, str]) -> Iterator[None]:
    """Set the process's environment for one story; settings of the caller's own shell do not leak in."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(("PULLMEDIC_", "AzureWebJobs", "AZURE_"))]:
        del os.environ[name]
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Collect all log output of the story, tracebacks included."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(self.format(record))

    listener = Listener(logging.INFO)
    root = logging.getLogger()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.INFO)
    try:
        yield said
    finally:
        root.removeHandler(listener)
        root.setLevel(level)
