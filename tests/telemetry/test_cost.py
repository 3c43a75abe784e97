"""What a failure costs in telemetry is what the document says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from measuring import measured

from sandbox.playing import play
from sandbox.world import load_scenario
from tests.stories import FOLDER

_DOCUMENT = Path(__file__).resolve().parents[2] / "docs/telemetry.md"
_ROW = re.compile(r"^\|[^|]*\(`([a-z-]+)`\) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)


@pytest.mark.parametrize("row", _ROW.findall(_DOCUMENT.read_text(encoding="utf-8")), ids=lambda row: str(row[0]))
def test_a_failure_costs_what_the_document_says(
    row: tuple[str, str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In spans and lines, and in kilobytes by the exporter's own form, within a quarter."""
    monkeypatch.setenv("AZURE_MONITOR_DISTRO_VERSION", "")  # importing the exporter sets it
    from azure.monitor.opentelemetry.exporter.export.logs import _exporter as of_logs  # noqa: PLC0415
    from azure.monitor.opentelemetry.exporter.export.trace import _exporter as of_traces  # noqa: PLC0415

    name, spans, lines, kilobytes = row
    with measured() as seen:
        play(load_scenario(FOLDER / f"{name}.yaml"), channels=("slack",))
    logs = seen.log_exporter.get_finished_logs()
    sent = [of_traces._convert_span_to_envelope(span) for span in seen.spans]
    sent += [of_logs._convert_log_to_envelope(told) for told in logs]
    assert len(seen.spans) == pytest.approx(int(spans), rel=0.25)
    assert len(logs) == pytest.approx(int(lines), rel=0.5)
    assert sum(map(_bytes, sent)) / 1_000 == pytest.approx(int(kilobytes), rel=0.25)


def test_the_document_has_figures() -> None:
    """Of a failure that is told of, and of one that is not."""
    assert len(_ROW.findall(_DOCUMENT.read_text(encoding="utf-8"))) == 2


def _bytes(envelope: Any) -> int:
    plain = envelope.as_dict() if hasattr(envelope, "as_dict") else envelope.serialize()
    return len(json.dumps(plain, default=str).encode())
