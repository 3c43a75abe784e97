"""``python -m tests.kills``: a thousand failed runs while workers die; prints the counts, and 1 if one is wrong."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

from tests.kills.killing import kill_while_working
from tests.responders.azurite_server import MISSING, find_azurite, running_azurite

__all__ = ["main"]


def main() -> int:
    """Kill and count."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--causes", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    program = find_azurite(os.environ)
    if program is None:
        print(MISSING)
        return 2
    with tempfile.TemporaryDirectory(prefix="pullmedic-") as name, running_azurite(program, Path(name)) as storage:
        tally = kill_while_working(
            given.runs, given.causes, seed=given.seed, storage=storage, folder=Path(name), workers=given.workers
        )
    print(f"seed {given.seed}, {given.workers} workers")
    for field in fields(tally):
        value = getattr(tally, field.name)
        if field.name != "wrong":
            print(f"{field.name:<14}{value:>8.0f}" if isinstance(value, float) else f"{field.name:<14}{value:>8}")
    for wrong in tally.wrong:
        print(f"WRONG {wrong}")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
