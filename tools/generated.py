"""``python -m tools.generated``: the parts of documents that are made from code, templates and played stories.

A part stands between ``<!-- made: NAME -->`` and ``<!-- end -->``; a picture is a file of its own. ``--write`` makes
them anew, ``--check`` tells by its exit code (0 or 1) whether each is current.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from tools import cost, pictures, queries, rights_tables, scale, setting_names, telemetry_tables
from tools.contents import contents

__all__ = ["PARTS", "main"]

ROOT = Path(__file__).resolve().parent.parent
_PART = re.compile(r"(<!-- made: ([a-z-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)

PARTS: Mapping[str, Callable[[], str]] = {
    "documents": contents,
    "cost-story": cost.formula,
    "cost-prices": cost.prices,
    "cost-table": cost.table,
    "clouds": scale.clouds,
    "parallel": scale.parallel,
    "message": pictures.message_text,
    "reader-core": lambda: rights_tables.reader("core"),
    "reader-network": lambda: rights_tables.reader("network"),
    "reader-serving": lambda: rights_tables.reader("serving"),
    "reader-doctor": lambda: rights_tables.reader("doctor"),
    "reader-pull": lambda: rights_tables.reader("pull"),
    "roles": rights_tables.roles,
    "alerts": queries.alerts_table,
    "metrics": telemetry_tables.metrics,
    "spans": telemetry_tables.spans,
    "attributes": telemetry_tables.attributes,
}
"""What is made, by name."""

FILES: Mapping[str, Callable[[], str]] = {
    f"docs/pictures/{name}-{ground}.svg": partial(draw, theme)
    for name, draw in (("way", pictures.way), ("message", pictures.message))
    for ground, theme in pictures.THEMES.items()
} | {
    "infra/workbook.json": queries.workbook,
    "infra/alerts.json": queries.alerts,
    "infra/settings.json": setting_names.document,
}
"""Whole files, by their path in the repository."""


def main(argv: Sequence[str] | None = None) -> int:
    """Write or check; 1 with every part that is out of date."""
    parser = argparse.ArgumentParser(prog="python -m tools.generated", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="make everything anew")
    what.add_argument("--check", action="store_true", help="1 where something is not current")
    writing = parser.parse_args(argv).write
    stale = 0
    for path, made in _made():
        if path.exists() and path.read_text(encoding="utf-8") == made:
            continue
        stale += 1
        if writing:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made, encoding="utf-8")
        else:
            print(f"{path.relative_to(ROOT)} is not what the code says: run `make generated`", file=sys.stderr)
    return 1 if stale and not writing else 0


def _made() -> Iterator[tuple[Path, str]]:
    used = set()
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = path.read_text(encoding="utf-8")
        names = {name for _, name, _, _ in _PART.findall(text)}
        if names:
            used |= names
            yield path, _PART.sub(lambda found: f"{found[1]}{PARTS[found[2]]()}\n{found[4]}", text)
    if unused := PARTS.keys() - used:
        raise LookupError(f"no document has a place for {', '.join(sorted(unused))}")
    for name, make in FILES.items():
        yield ROOT / name, make()


if __name__ == "__main__":
    sys.exit(main())
