"""``python -m tools.release TAG``: prints a release's entry of the changelog; fails unless everything says one version.

The tag, ``pyproject.toml``, ``diagnostics/version.py`` and the newest dated entry of ``CHANGELOG.md`` have to agree.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from diagnostics.version import VERSION

__all__ = ["Entry", "entries", "main", "problems"]

ROOT = Path(__file__).resolve().parent.parent
_TITLE = re.compile(r"^## \[([^\]]+)\](?: - (\S+))?$", re.MULTILINE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

Entry = tuple[str, str, str]
"""Version, date (or ``unreleased``, or nothing), and the text below."""


def entries(changelog: str) -> list[Entry]:
    """Return the entries of a changelog in the form of *Keep a Changelog*, newest first."""
    titles = list(_TITLE.finditer(changelog))
    ends = [*(title.start() for title in titles[1:]), len(changelog)]
    return [(t[1], t[2] or "", changelog[t.end() : end].strip()) for t, end in zip(titles, ends, strict=True)]


def problems(tag: str, project: str, product: str, changelog: str) -> list[str]:
    """Say what keeps ``tag`` from being released; empty where nothing does."""
    found = []
    if project != product:
        found.append(f"pyproject.toml says {project}, diagnostics/version.py says {product}")
    if tag != f"v{project}":
        found.append(f"the tag is {tag}, the version is {project}: it should be v{project}")
    known = {version: (date, text) for version, date, text in entries(changelog)}
    date, text = known.get(project, ("", ""))
    if project not in known:
        found.append(f"CHANGELOG.md has no entry for {project}")
    elif not _DATE.fullmatch(date):
        found.append(f"CHANGELOG.md gives {project} no date (YYYY-MM-DD)")
    elif not text:
        found.append(f"CHANGELOG.md says nothing of {project}")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Print the notes; 1 with every problem on standard error."""
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=__doc__)
    parser.add_argument("tag", metavar="TAG", help="vX.Y.Z")
    tag = parser.parse_args(argv).tag
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = problems(tag, project, VERSION, changelog)
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        return 1
    print(next(text for version, _, text in entries(changelog) if version == project))
    return 0


if __name__ == "__main__":
    sys.exit(main())
