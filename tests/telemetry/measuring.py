"""OpenTelemetry's own SDK around a test, exporting into memory; afterwards the process is as it was."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.metrics import _internal as metrics_internal
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util._once import Once

__all__ = ["Measured", "measured"]


@dataclass
class Measured:
    """What was exported: spans, metrics, and the log's records as they leave the last filter."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)
    log_exporter: InMemoryLogRecordExporter = field(default_factory=InMemoryLogRecordExporter)

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans, by their beginning."""
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    @property
    def logs(self) -> list[Any]:
        """The log's records, with the attributes that become custom dimensions."""
        return [told.log_record for told in self.log_exporter.get_finished_logs()]

    def metrics(self) -> dict[str, list[tuple[Mapping[str, Any], float]]]:
        """Return each metric's points: dimensions and value, of a histogram the sum."""
        data = self.reader.get_metrics_data()
        found: dict[str, list[tuple[Mapping[str, Any], float]]] = {}
        for resource in data.resource_metrics if data is not None else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        value = point.value if hasattr(point, "value") else point.sum
                        found.setdefault(metric.name, []).append((dict(point.attributes or {}), value))
        return found

    def everything(self) -> str:
        """Return all that left the process, as text."""
        return "\n".join(
            [
                *(span.to_json() for span in self.spans),
                *(told.to_json() for told in self.log_exporter.get_finished_logs()),
                repr(self.metrics()),
            ]
        )


@contextmanager
def measured() -> Iterator[Measured]:
    """Install the SDK as the Functions worker does: tracer, meter, and a handler at the root logger."""
    from opentelemetry.instrumentation.logging.handler import LoggingHandler  # noqa: PLC0415 - with the SDK

    seen = Measured()
    tracer, meter, logger = TracerProvider(), MeterProvider([seen.reader]), LoggerProvider()
    tracer.add_span_processor(SimpleSpanProcessor(seen.exporter))
    logger.add_log_record_processor(SimpleLogRecordProcessor(seen.log_exporter))
    handler = LoggingHandler(level=logging.INFO, logger_provider=logger)
    root = logging.getLogger()
    level = root.level
    _set_globals(tracer, meter)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield seen
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        _set_globals(None, None)
        for provider in (tracer, meter, logger):
            provider.shutdown()


def _set_globals(tracer: TracerProvider | None, meter: MeterProvider | None) -> None:
    """Set the process's providers, which the API allows only once: as OpenTelemetry's own tests do."""
    for module, name, provider in ((trace, "_TRACER_PROVIDER", tracer), (metrics_internal, "_METER_PROVIDER", meter)):
        setattr(module, name, None)
        setattr(module, f"{name}_SET_ONCE", Once())
        if provider is not None:
            setter: Any = trace.set_tracer_provider if module is trace else metrics.set_meter_provider
            setter(provider)
