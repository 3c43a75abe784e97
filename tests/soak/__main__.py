"""``python -m tests.soak``: mixed traffic with faults for an hour; prints the series, and 1 if one is not flat."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.responders.azurite_server import MISSING, find_azurite, running_azurite
from tests.soak.soaking import soak

__all__ = ["main"]


def main() -> int:
    """Soak."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    program = find_azurite(os.environ)
    if program is None:
        print(MISSING)
        return 2
    with tempfile.TemporaryDirectory(prefix="pullmedic-") as name, running_azurite(program, Path(name)) as storage:
        found = soak(given.minutes * 60, seed=given.seed, storage=storage, folder=Path(name))
    sent = ", ".join(f"{number} {what}" for what, number in sorted(found.sent.items()))
    print(f"{given.minutes:.0f} minutes, seed {given.seed}: {sent}; {found.faults.total()} faults in turn")
    print(f"{found.incidents} incidents, {found.messages} messages in Slack; {len(found.samples)} samples")
    print(f"{'median of the':<14}{'first':>9}{'second':>9}{'third':>9}{'slope':>12}")
    for one in found.verdicts:
        print(one)
    for wrong in found.wrong:
        print(f"WRONG {wrong}")
    return 1 if found.wrong or not all(one.flat for one in found.verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
