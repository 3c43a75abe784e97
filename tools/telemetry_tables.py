"""The tables of ``docs/telemetry.md``, from the declarations of metrics, spans and attributes."""

from __future__ import annotations

from diagnostics.instruments import ATTRIBUTES, INSTRUMENTS, PREFIX, SPANS

__all__ = ["attributes", "metrics", "spans"]


def metrics() -> str:
    """Return every metric with kind, unit, dimensions and meaning."""
    lines = ["| Metric | Kind, unit | Dimensions | What it counts |", "|---|---|---|---|"]
    for name, it in INSTRUMENTS.items():
        dimensions = ", ".join(f"`{dimension}`" for dimension in it.dimensions) or "none"
        lines.append(f"| `{PREFIX}{name}` | {it.kind.value}, `{it.unit}` | {dimensions} | {it.description} |")
    return "\n".join(lines)


def spans() -> str:
    """Return every span with its meaning."""
    return "\n".join(["| Span | What is done |", "|---|---|", *(f"| `{name}` | {it} |" for name, it in SPANS.items())])


def attributes() -> str:
    """Return all that a span may hold."""
    rows = (f"| `{name}` | {it} |" for name, it in ATTRIBUTES.items())
    return "\n".join(["| Attribute | What it says |", "|---|---|", *rows])
