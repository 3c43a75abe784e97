"""Counters, durations and spans: through OpenTelemetry where the app has it, as structured log lines where not.

Only what is loaded already is asked: importing OpenTelemetry would cost each cold start, and without its SDK nothing
would come of it. Names are declared in :mod:`diagnostics.instruments`; a span keeps declared attributes alone.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

from diagnostics.instruments import ATTRIBUTES, INSTRUMENTS, PREFIX, Instrument, Kind
from diagnostics.redaction import redact
from diagnostics.work import present_work

__all__ = ["Stage", "count", "drilling", "record", "span"]

_LOG = logging.getLogger("pullmedic.metrics")
_SCOPE = "pullmedic"
_LONGEST = 200
_drill: ContextVar[bool] = ContextVar("drill", default=False)
_made: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()
"""The instruments of each meter provider: an SDK complains of one that is made twice."""


def count(name: str, value: int = 1, **dimensions: str) -> None:
    """Add ``value`` to the counter ``pullmedic.<name>``; dimensions are names of ours, never somebody else's text."""
    instrument = INSTRUMENTS.get(name, Instrument(Kind.COUNTER, "1", ""))
    name = f"drill.{name}" if _drill.get() else name
    dimensions = {key: str(said) for key, said in dimensions.items()}
    made = _instrument(name, instrument)
    if made is not None:
        made.add(value, dimensions)
    if instrument.told:
        _say(name, f"{value:d}", dimensions, measured=made is not None)


def record(name: str, value: float, **dimensions: str) -> None:
    """Record ``value`` with the histogram ``pullmedic.<name>``, in its unit.

    It is said in the log as well: Azure Monitor keeps sum, count, least and most of a histogram, and no percentiles.
    """
    instrument = INSTRUMENTS.get(name, Instrument(Kind.HISTOGRAM, "1", ""))
    name = f"drill.{name}" if _drill.get() else name
    made = _instrument(name, instrument)
    if made is not None:
        made.record(value, dimensions)
    _say(name, f"{value:.3f}", dimensions, measured=False)


class Stage:
    """A span while it lasts."""

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def note(self, **attributes: str) -> None:
        """Add attributes by their short names (``verdict`` for ``pullmedic.verdict``); unknown ones are left out."""
        if self._span is None:
            return
        for name, value in attributes.items():
            full = f"{PREFIX}{name}"
            if full in ATTRIBUTES and value:
                self._span.set_attribute(full, _harmless(value))


@contextmanager
def span(name: str, **attributes: str) -> Iterator[Stage]:
    """Trace what is done meanwhile as one span; of an error that passes through only its type is kept."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        yield Stage()
        return
    tracer = trace.get_tracer(_SCOPE)
    with tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as current:
        stage = Stage(current)
        for full, value in present_work().named().items():
            current.set_attribute(full, _harmless(value))
        if _drill.get():
            stage.note(drill="true")
        stage.note(**attributes)
        try:
            yield stage
        except BaseException as error:
            current.set_attribute("error.type", type(error).__name__)
            current.set_status(trace.StatusCode.ERROR)
            raise


@contextmanager
def drilling() -> Iterator[None]:
    """Count what happens meanwhile as a self-test's, ``pullmedic.drill.<name>``: it tells nothing of real runs."""
    token = _drill.set(True)
    try:
        yield
    finally:
        _drill.reset(token)


def _instrument(name: str, instrument: Instrument) -> Any:
    """Return the instrument of the app's meter provider, ``None`` where no SDK measures."""
    metrics = sys.modules.get("opentelemetry.metrics")
    if metrics is None or "opentelemetry.sdk.metrics" not in sys.modules:
        return None
    provider = metrics.get_meter_provider()
    if not type(provider).__module__.startswith("opentelemetry.sdk"):
        return None
    made = _made.setdefault(provider, {})
    if name not in made:
        meter = provider.get_meter(_SCOPE)
        create = meter.create_counter if instrument.kind is Kind.COUNTER else meter.create_histogram
        made[name] = create(f"{PREFIX}{name}", unit=instrument.unit, description=instrument.description)
    return made[name]


def _say(name: str, value: str, dimensions: dict[str, str], *, measured: bool) -> None:
    """Write a measurement as a line of the log; at DEBUG where a meter has taken it."""
    told = " ".join(f"{key}={said}" for key, said in sorted(dimensions.items()))
    _LOG.log(logging.DEBUG if measured else logging.INFO, "metric %s%s value=%s %s", PREFIX, name, value, told)


def _harmless(value: str) -> str:
    return "".join(c if c.isprintable() else " " for c in redact(value))[:_LONGEST]
