"""A real browser, and Microsoft's renderer of Adaptive Cards: found, started, read; skipped where they are missing."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
RENDERER = ROOT / ".cache/node/node_modules/adaptivecards/dist/adaptivecards.min.js"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--window-size=1600,2000"),
    "--virtual-time-budget=10000",
)
_TOLD = re.compile(r'<pre id="told">(.*?)</pre>', re.DOTALL)


def needed_browser() -> str:
    """Return the browser's path; skip where there is none, unless nothing may be skipped."""
    program = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if program is None:
        _missing("no Chromium was found: install the package chromium")
    return str(program)


def needed() -> tuple[str, str]:
    """Return the browser's path and the renderer's source; skip where one is missing, unless nothing may be skipped."""
    program = needed_browser()
    if not RENDERER.is_file():
        _missing("adaptivecards is not installed: `make test` installs it into .cache/node where npm is")
    return program, RENDERER.read_text(encoding="utf-8")


def _missing(reason: str) -> None:
    if os.environ.get("PULLMEDIC_NO_SKIPS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def ask(program: str, page: str, script: str, folder: Path) -> Any:
    """Open ``page``, run ``script`` in it, and return what the script returned, through JSON."""
    asked = f"""<script>
      const told = document.createElement('pre');
      told.id = 'told';
      try {{ told.textContent = JSON.stringify((() => {{ {script} }})()); }}
      catch (error) {{ told.textContent = JSON.stringify({{error: String(error)}}); }}
      document.body.appendChild(told);
    </script></body>"""
    file = folder / "page.html"
    file.write_text(page.replace("</body>", asked), encoding="utf-8")
    found = subprocess.run(
        [program, *_FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", file.as_uri()],
        capture_output=True,
        timeout=240,
        check=True,
    )
    told = _TOLD.search(found.stdout.decode("utf-8", "replace"))
    assert told is not None, found.stderr.decode("utf-8", "replace")[-2000:]
    said = json.loads(html.unescape(told[1]))
    assert not (isinstance(said, dict) and "error" in said), said
    return said
