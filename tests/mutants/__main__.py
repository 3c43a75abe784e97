"""``python -m tests.mutants``: changes the pure core in every small way, counts what the tests notice, and lists the rest.

Exit code 0 where each module's tests notice nine of ten, 1 where they do not, 2 where mutmut is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.bench.figures import Figure, as_markdown
from tests.mutants.counting import Mutant, Share, read, shares

__all__ = ["main"]

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "mutants"
AIM = 90.0
"""Percent of the mutants of each module that tests must notice, prose left out."""


def main() -> int:
    """Mutate, test, count."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", help="for example diagnostics.references; without one, all")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--counted", action="store_true", help="count what the last run left, without a new one")
    given = parser.parse_args()
    if not given.counted:
        if importlib.util.find_spec("mutmut") is None:
            print("mutmut is not installed: `make mutants` does that, or pip install -r requirements-mutants.txt")
            return 2
        _mutate(given.modules, given.processes)
    mutants = [mutant for mutant in read(FOLDER) if not given.modules or mutant.module in given.modules]
    if not mutants:
        print(f"no mutant in {FOLDER}: what mutmut said stands above")
        return 1
    _list(mutants)
    figures = [_figure(share) for share in shares(mutants)]
    print(as_markdown(figures))
    return 0 if all(figure.met for figure in figures) else 1


def _mutate(modules: Iterable[str], processes: int) -> None:
    """Let mutmut work in ``mutants/``, anew each time: what it keeps of earlier runs does not see changed tests."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    names = [f"{module}.*" for module in modules]
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(processes), *names]
    subprocess.run(command, cwd=ROOT, check=False)


def _list(mutants: Iterable[Mutant]) -> None:
    for mutant in mutants:
        if not (mutant.fate.noticed or mutant.prose):
            print(f"{mutant.module} {mutant.name}: {mutant.fate.value}")
            for line in mutant.change:
                print(f"    {line}")


def _figure(share: Share) -> Figure:
    return Figure(
        name=f"{share.module}: {share.noticed:,} of {share.mutants:,} noticed, {share.prose:,} of prose left out",
        measured=f"{share.percent:.1f} %",
        aim=f">= {AIM:.0f} %",
        met=share.percent >= AIM,
    )


if __name__ == "__main__":
    sys.exit(main())
