"""Plays a scenario end to end: the world served, the event delivered, ``function_app`` hosted, the outcome read.

This is the one part of the sandbox that knows the product, and it knows it from outside: by its settings, its triggers
and its store.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.delivering import deliveries_of, handshake, post
from sandbox.host import FunctionsHost, Invocation
from sandbox.records import Call, Message
from sandbox.server import Sandbox
from sandbox.world import Scenario

__all__ = ["APP", "Outcome", "environment", "fresh_host", "play", "variables"]

APP = Path(__file__).resolve().parent.parent / "function_app.py"
_TRIGGER = "on_run_status_changed"
_STATEFUL = "responders.app"
"""The module that holds what a worker makes once; every story gets a worker of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a scenario: the records that the product kept, what the channels got, every call it made.

    ``diagnoses`` are the stored diagnoses by run id, ``answers`` the statuses that Event Grid got, ``said`` all log
    output, ``stored`` every document and row as text, ``hosts`` whom a connection was opened to.
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


def environment(sandbox: Sandbox, store: Path, channels: Sequence[str] = ("slack",)) -> dict[str, str]:
    """Return the settings that point the unmodified product at ``sandbox``, with the named channels."""
    urls = {
        "slack": ("PULLMEDIC_SLACK_WEBHOOK_URL", sandbox.slack_webhook_url),
        "teams": ("PULLMEDIC_TEAMS_WEBHOOK_URL", sandbox.teams_webhook_url),
    }
    chosen = dict(urls[channel] for channel in channels)
    return {**sandbox.environment, **chosen, "PULLMEDIC_STORE": f"sqlite:///{store}"}


def play(scenario: Scenario, *, channels: Sequence[str] = ("slack",), app: Path = APP) -> Outcome:
    """Play ``scenario`` once and return its outcome; nothing is left behind."""
    with tempfile.TemporaryDirectory(prefix="pullmedic-") as folder, Sandbox(scenario) as sandbox:
        store = Path(folder) / "store.sqlite"
        with variables(environment(sandbox, store, channels)), _listening() as said, fresh_host(app) as host:
            handshake(host.webhook_url(_TRIGGER))
            _report_beforehand(scenario, host, sandbox)
            started = time.monotonic()
            answers = _deliver(scenario, host)
            seconds = time.monotonic() - started
            return _outcome(scenario, sandbox, host, store, answers, said, seconds)


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


def _deliver(scenario: Scenario, host: FunctionsHost) -> tuple[int, ...]:
    answers = []
    for delivery in deliveries_of(scenario):
        answers.append(post(host.webhook_url(_TRIGGER), delivery))
        host.drain()
    return tuple(answers)


def _outcome(
    scenario: Scenario,
    sandbox: Sandbox,
    host: FunctionsHost,
    store: Path,
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
    )


def _kept(scenario: Scenario, path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, str], str]:
    """Read what the product stored of every run of the scenario, and the store's raw bytes as text."""
    from responders.settings import SqliteStore  # noqa: PLC0415 - only a played story needs the product
    from responders.store import open_store, record_to_json  # noqa: PLC0415

    if not path.exists():
        return {}, {}, {}, ""
    store = open_store(SqliteStore(path))
    records, diagnoses, evidence = {}, {}, {}
    for run, workspace in _runs(scenario):
        record = store.get_record(workspace, run)
        if record is None:
            continue
        records[run] = json.loads(record_to_json(record))
        if kept := store.get_document(record.diagnosis_key):
            diagnoses[run] = json.loads(kept)
        if kept := store.get_document(record.evidence_key):
            evidence[run] = kept
    store.close()
    raw = "".join(file.read_bytes().decode("latin-1") for file in sorted(path.parent.glob("store.sqlite*")))
    return records, diagnoses, evidence, raw + "".join(evidence.values())


def _runs(scenario: Scenario) -> Iterator[tuple[str, str]]:
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
