"""``python -m tests.bench [PART...] [--write FILE]``: prints every figure beside its aim, and keeps them where asked."""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import latency, load, reading, starting
from tests.bench.figures import Figure, as_markdown, as_text

PARTS: Mapping[str, tuple[str, Callable[[], Iterator[Figure]]]] = {
    "starting": ("Cold start", starting.figures),
    "latency": ("Latency", latency.figures),
    "reading": ("Reading logs", reading.figures),
    "growth": ("How cost grows", load.growth),
    "workers": ("Several workers", load.workers),
    "scale": ("Ten thousand runs", load.scale),
}
_MEASURED = re.compile(r"(?<=<!-- measured -->\n).*(?=<!-- end -->)", re.DOTALL)


def main() -> int:
    """Measure the parts that are named, all by default; 1 where an aim is not met."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--write", type=Path, metavar="FILE", help="a document whose measured part is replaced")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    found: dict[str, list[Figure]] = {}
    for name in arguments.parts or PARTS:
        title, figures = PARTS[name]
        print(f"\n{title}", flush=True)
        found[title] = []
        for figure in figures():
            print(as_text(figure), flush=True)
            found[title].append(figure)
    if arguments.write:
        _write(arguments.write, found)
    return 1 if any(figure.met is False for figures in found.values() for figure in figures) else 0


def _write(document: Path, found: Mapping[str, list[Figure]]) -> None:
    """Replace what stands between the document's two marks."""
    where = f"{os.cpu_count()} cores, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}"
    parts = [f"Measured on {where}.\n", *(f"### {title}\n\n{as_markdown(it)}\n" for title, it in found.items())]
    text = document.read_text(encoding="utf-8")
    document.write_text(_MEASURED.sub(lambda _: "\n" + "\n".join(parts) + "\n", text), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
