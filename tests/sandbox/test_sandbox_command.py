"""The command line, and what the package keeps away from."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sandbox_client import WORLD

import sandbox
from sandbox.__main__ import main

ROOT = Path(sandbox.__file__).parent.parent


def test_serve_until_interrupted() -> None:
    """``serve`` prints what points a shell at it, answers, and ends well on Ctrl-C."""
    command = [sys.executable, "-m", "sandbox", "serve", str(WORLD)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as served:
        assert served.stdout is not None
        lines = [served.stdout.readline() for _ in range(10)]
        served.send_signal(signal.SIGINT)
        _, said = served.communicate(timeout=20)
    assert lines[0].startswith("export HTTPS_PROXY=http://127.0.0.1:")
    assert lines[-1].startswith("# Teams: https://")
    assert (served.returncode, said) == (0, "0 calls, 0 refused\n")


def test_serve_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that cannot be used ends with status 2 and the reason."""
    path = tmp_path / "wrong.yaml"
    path.write_text("world: {clud: x}", encoding="utf-8")
    assert main(["serve", str(path)]) == 2
    assert "world.clud: unknown key" in capsys.readouterr().err


def test_simulated_azure_stands_alone() -> None:
    """Serving needs the standard library, trustme and PyYAML; nothing of the product and no Azure library comes along."""
    script = "import sys, sandbox; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script]
    loaded = subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout.split()
    assert not {"azure", "diagnostics", "requests", "responders"} & set(loaded)


@pytest.mark.parametrize("name", ["diagnostics", "responders"])
def test_the_product_does_not_know_the_sandbox(name: str) -> None:
    """No module of the product imports the sandbox."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / name).rglob("*.py")]
    assert not any(re.search(r"^\s*(?:from|import)\s+sandbox\b", text, re.MULTILINE) for text in texts)


def test_public_names_exist() -> None:
    """Whatever a module declares public is there."""
    assert all(hasattr(sandbox, name) for name in sandbox.__all__)
