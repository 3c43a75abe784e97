"""The worker's OpenTelemetry as the templates set it: on, whole, and blind to addresses."""

from __future__ import annotations

import json
import re
import runpy
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_APP = (_ROOT / "infra/modules/function-app.bicep").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back what the distribution writes into the environment when it is imported."""
    monkeypatch.setenv("AZURE_MONITOR_DISTRO_VERSION", "")


def _distribution() -> dict[str, Any]:
    """Return the distribution's constants."""
    place = distribution("azure-monitor-opentelemetry").locate_file("azure/monitor/opentelemetry/_constants.py")
    return runpy.run_path(str(place))


def _setting(name: str) -> str:
    found = re.search(rf"^  {name}: '([^']*)'$", _APP, re.MULTILINE)
    assert found is not None, name
    return found[1]


def test_every_instrumentation_that_the_distribution_would_start_is_off() -> None:
    """Each of them writes URLs into spans; one that a new version brings has to be added."""
    assert set(_setting("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS").split(",")) == set(
        _distribution()["_FULLY_SUPPORTED_INSTRUMENTED_LIBRARIES"]
    )


def test_no_parameter_can_switch_them_on() -> None:
    """What the host's settings say comes last."""
    host = _APP[_APP.index("var hostSettings") : _APP.index("}", _APP.index("var hostSettings"))]
    assert "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS" in host
    merged = re.search(r"var allSettings = union\(([^)]*)\)", _APP)
    assert merged is not None
    order = [name.strip() for name in merged[1].split(",")]
    assert order[-1] == "hostSettings"
    assert order.index("telemetrySettings") < order.index("openSettings")


def test_the_sampler_is_one_that_the_distribution_knows() -> None:
    """An unknown one would be replaced by five traces a second."""
    assert _setting("OTEL_TRACES_SAMPLER") in _distribution()["SUPPORTED_OTEL_SAMPLERS"]


def test_host_and_worker_speak_the_same() -> None:
    """With one of both alone, lines would come twice or spans would hang nowhere."""
    host = json.loads((_ROOT / "host.json").read_text(encoding="utf-8"))
    assert host["telemetryMode"] == "OpenTelemetry"
    assert "applicationInsights" not in host["logging"]
    assert _setting("PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY") == "true"


def test_alerts_and_workbook_are_deployed_and_alerts_only_where_somebody_gets_them() -> None:
    """Both are wired; a rule without a receiver would tell nobody."""
    main = (_ROOT / "infra/main.bicep").read_text(encoding="utf-8")
    assert "module workbook 'modules/workbook.bicep' = {" in main
    condition = "if (!empty(union(alertEmails, alertActionGroupIds)))"
    assert f"module alerts 'modules/alerts.bicep' = {condition} {{" in main
