"""The command line, and what the package keeps away from."""

from __future__ import annotations

import ast
import os
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
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as served:
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


def imports(folder: Path) -> set[str]:
    """The top-level names that the modules of a folder import."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {it.name.split(".")[0] for it in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found


def test_sandbox_and_product_do_not_know_each_other() -> None:
    """The sandbox needs the standard library, trustme and PyYAML alone, and the product does not import it."""
    foreign = imports(ROOT / "sandbox") - set(sys.stdlib_module_names) - {"sandbox", "trustme", "yaml"}
    assert foreign == set()
    for name in ("diagnostics", "responders"):
        assert "sandbox" not in imports(ROOT / name)


def test_public_names_exist() -> None:
    """Whatever a module declares public is there."""
    assert all(hasattr(sandbox, name) for name in sandbox.__all__)
