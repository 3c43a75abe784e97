"""The seam for probes: what one is, what it is told, and how a set of them is run under one deadline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Overrun
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from diagnostics.azure.errors import NotPermitted, ReadFailed, from_azure_core
from diagnostics.fact_cache import key_of
from diagnostics.model import Fact, FailedRun, ImageReference, Known, RunDetails, Symptom, Unknown, Vantage
from diagnostics.reach import Reach
from diagnostics.telemetry import count, span
from diagnostics.work import carried

__all__ = ["FactReader", "Probe", "Subject", "all_probes", "control_plane", "fact_types"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a probe is told of the run; ``image_text`` is the reference as written, ``image`` when it parses."""

    run: FailedRun
    details: RunDetails | None
    image: ImageReference | None
    image_text: str | None = None
    symptoms: tuple[Symptom, ...] = ()


class Probe(Protocol):
    """This is a protocol: one kind of fact, read from outside.

    ``name`` is the fact's name, ``value_type`` its shape, ``title`` what it is in words. ``needs`` are the facts that
    must be known first, ``actions`` the Azure actions that the reader's role must hold (Azure's permission
    reference). ``read`` may raise :class:`ReadFailed` or any SDK error: the reader turns it into ``Unknown``.
    """

    name: str
    title: str
    value_type: type
    needs: tuple[str, ...]
    actions: tuple[str, ...]

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return the fact; ``facts`` holds the values of ``needs``."""
        ...


@cache
def all_probes() -> Mapping[str, Probe]:
    """Return every probe by the name of its fact."""
    from diagnostics import probes  # noqa: PLC0415 - the folder imports this module
    from diagnostics.discovery import members  # noqa: PLC0415

    return {probe.name: probe for probe in members(probes, "PROBE")}


def fact_types() -> Mapping[str, type]:
    """Return the shape of each fact by its name, for reading stored evidence back."""
    return {name: probe.value_type for name, probe in all_probes().items()}


def control_plane(value: Any, source: str, reach: Reach) -> Known[Any]:
    """Return ``value`` as a fact that Azure's control plane stated just now."""
    return Known(value=value, source=source, vantage=Vantage.CONTROL_PLANE, time=reach.now())


class FactReader:
    """Runs probes concurrently, each once, and gives every fact by the deadline: an overrun is ``Unknown``."""

    def __init__(self, pool: ThreadPoolExecutor, reach: Reach, remaining: Callable[[], float]) -> None:
        self._pool = pool
        self._reach = reach
        self._remaining = remaining
        self._futures: dict[str, Future[Fact]] = {}

    def know(self, name: str, fact: Fact) -> None:
        """Take ``fact`` as read, so that no probe reads it again."""
        future: Future[Fact] = Future()
        future.set_result(fact)
        self._futures[name] = future

    def anew(self, *, keeping: Iterable[str]) -> FactReader:
        """Return a reader for another subject, to which only the facts of ``keeping`` count as asked for."""
        reader = FactReader(self._pool, self._reach, self._remaining)
        reader._futures = {name: self._futures[name] for name in keeping if name in self._futures}
        return reader

    def start(self, names: Iterable[str], subject: Subject) -> None:
        """Start the probes of ``names`` and of all that they need, unless they run already."""
        for name in names:
            probe = all_probes()[name]
            if name not in self._futures:
                self.start(probe.needs, subject)
                self._futures[name] = self._pool.submit(carried(self._traced), probe, subject)

    def facts(self) -> dict[str, Fact]:
        """Wait for all that was started, at most until the deadline, and return the facts by name."""
        return {name: self._result(name) for name in sorted(self._futures)}

    def _result(self, name: str) -> Fact:
        try:
            return self._futures[name].result(timeout=max(0.0, self._remaining()))
        except (Overrun, CancelledError):
            self._futures[name].cancel()
            count("unknown_facts", probe=name, reason="deadline")
            return Unknown(reason="the deadline passed before an answer came", source=name)

    def _traced(self, probe: Probe, subject: Subject) -> Fact:
        with span("probe", probe=probe.name) as stage:
            fact = self._read(probe, subject)
            stage.note(outcome="unknown" if isinstance(fact, Unknown) else "known")
            return fact

    def _read(self, probe: Probe, subject: Subject) -> Fact:
        values: dict[str, Any] = {}
        for need in probe.needs:
            fact = self._result(need)
            if isinstance(fact, Unknown):
                count("unknown_facts", probe=probe.name, reason="in-consequence")
                return _in_consequence(probe, all_probes()[need], fact)
            values[need] = fact.value
        try:
            fact = self._reach.facts.fact(
                key_of(probe.name, subject),
                since=subject.run.failed_at,
                now=self._reach.now,
                wait=max(0.0, self._remaining()),
                read=lambda: probe.read(subject, values, self._reach),
            )
        except Exception as error:  # noqa: BLE001 - one failing probe never hides another
            failed = from_azure_core(error)
            count("unknown_facts", probe=probe.name, reason=type(failed).__name__)
            return _unknown(probe, failed)
        if isinstance(fact, Unknown):
            count("unknown_facts", probe=probe.name, reason="not-told")
        return fact


def _in_consequence(probe: Probe, need: Probe, fact: Unknown) -> Unknown:
    reason = f"{need.title} could not be read: {fact.reason}"
    return Unknown(reason=reason, source=probe.title, missing_action=fact.missing_action)


def _unknown(probe: Probe, error: ReadFailed) -> Unknown:
    action = error.action
    if action is None and isinstance(error, NotPermitted) and probe.actions:
        action = probe.actions[0]
    needs = f"; it needs {action}" if action and action not in str(error) else ""
    return Unknown(reason=f"{error}{needs}", source=probe.title, missing_action=action)
