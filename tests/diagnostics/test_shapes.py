"""Types that many threads read for the first time at once. In a process of its own: what went wrong here killed it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from diagnostics.model import FailedRun
from diagnostics.shapes import shaped

_ROOT = Path(__file__).parents[2]
_AT_ONCE = """
import sys, threading
from dataclasses import make_dataclass
from diagnostics.shapes import shaped
sys.setswitchinterval(1e-6)
parts = {f"f{n}": {"a": n, "b": "z", "c": {"k": 1}} for n in range(6)}
for turn in range(300):
    part = [make_dataclass(f"Part{n}", [("a", int), ("b", str, "q"), ("c", dict[str, int] | None, None)]) for n in range(6)]
    whole = make_dataclass("Whole", [(f"f{n}", part[n]) for n in range(6)])
    start, seen = threading.Barrier(4), []
    def work():
        start.wait()
        seen.append(shaped(parts, whole))
    threads = [threading.Thread(target=work) for _ in range(4)]
    for it in threads: it.start()
    for it in threads: it.join()
    assert len(seen) == 4 and all(it == seen[0] for it in seen), seen
    assert seen[0].f5 == part[5](5, "z", {"k": 1}), seen
print("well")
"""


def test_many_threads_read_a_type_for_the_first_time() -> None:
    """Each gets its value, three hundred types in turn."""
    ran = subprocess.run([sys.executable, "-c", _AT_ONCE], cwd=_ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, "well"), ran.stderr[-2000:]


def test_what_has_another_shape_is_refused_by_name() -> None:
    """The error says where, as it did."""
    with pytest.raises(msgspec.ValidationError, match=r"Expected `str`, got `int` - at `\$.run_id`"):
        shaped({"event_id": "e", "workspace_id": "/w", "run_id": 1, "failed_at": "2026-11-20T10:00:00Z"}, FailedRun)
