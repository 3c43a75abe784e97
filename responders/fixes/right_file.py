"""``infra/fixer-condition.json``, from which the templates take the fixer's role and condition; it cannot go stale.

``python -m responders.fixes.right_file --write`` writes it, ``--check`` fails where it is not what the code says.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from responders.fixes.right import ADMINISTRATOR_ID, fixer_condition

__all__ = ["DOCUMENT", "main"]

DOCUMENT = Path(__file__).parents[2] / "infra" / "fixer-condition.json"
_COMMAND = "python -m responders.fixes.right_file --write"
_PLACE = "{principals}"


def _document() -> str:
    made = {
        "made by": _COMMAND,
        "role": ADMINISTRATOR_ID,
        "anybody": fixer_condition(),
        "listed": fixer_condition([_PLACE]),
    }
    return json.dumps(made, indent=2) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Write or check the file; 1 where it is not current."""
    parser = argparse.ArgumentParser(prog="python -m responders.fixes.right_file", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="write the file")
    what.add_argument("--check", action="store_true", help="1 where it is not current")
    if parser.parse_args(argv).write:
        DOCUMENT.write_text(_document(), encoding="utf-8")
    elif not DOCUMENT.exists() or DOCUMENT.read_text(encoding="utf-8") != _document():
        sys.stderr.write(f"infra/{DOCUMENT.name} is not what the code says: run `{_COMMAND}`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
