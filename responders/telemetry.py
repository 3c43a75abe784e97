"""Counters and spans, as the responder uses them; :mod:`diagnostics.telemetry` says how."""

from diagnostics.telemetry import count, drilling, record, span

__all__ = ["count", "drilling", "record", "span"]
