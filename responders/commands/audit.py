"""``audit``: what was planned, decided, written and undone to repair a role, and whether the record of it is whole."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from typing import Any

from responders.commands.desk import AuditView, Desk, add_settings
from responders.commands.exits import CommandFailed, Exit
from responders.commands.showing import shown

__all__ = ["add_arguments", "run"]

_KNOWN = re.compile(r"(\d{1,12}):([0-9a-f]{64})")
_TEXTS = ("by", "via", "why", "correlation_id")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--incident", metavar="ID", help="only what concerns one incident")
    parser.add_argument("--json-lines", action="store_true", help="each entry as it is stored, as JSON on one line")
    parser.add_argument("--verify", action="store_true", help="say what is wrong with the record, and exit 1 for that")
    parser.add_argument(
        "--known",
        metavar="NUMBER:HASH",
        action="append",
        default=[],
        type=_known,
        help="with --verify: an entry that stands elsewhere, such as in a published event",
    )
    add_settings(parser)


def run(arguments: argparse.Namespace, desk: Desk) -> int:
    """Read the record from the store that the settings choose."""
    with desk.store(desk.settings(arguments)) as opened:
        if arguments.verify:
            return _verify(opened.audit, arguments)
        return _show(opened.audit, arguments)


def _verify(audit: AuditView, arguments: argparse.Namespace) -> int:
    found = audit.verify(arguments.known)
    last = found.last
    if arguments.json_lines:
        problems = [shown(problem) for problem in found.problems]
        print(json.dumps({"whole": found.whole, "number": last.number, "hash": last.hash, "problems": problems}))
    elif not found.whole:
        print("\n".join(f"wrong: {shown(problem)}" for problem in found.problems))
    else:
        print(f"{last.number} entries, whole and in order; the hash of the last one: {last.hash}")
    return Exit.DONE if found.whole else Exit.NO


def _show(audit: AuditView, arguments: argparse.Namespace) -> int:
    count = 0
    for plain in audit.plain():
        if arguments.incident is not None and plain.get("incident_id") != arguments.incident:
            continue
        count += 1
        if arguments.json_lines:
            print(json.dumps(plain, sort_keys=True, separators=(",", ":")))
        else:
            print("\n".join(_entry(plain)))
    if count == 0 and arguments.incident is not None:
        raise CommandFailed(f"no entry concerns an incident {shown(arguments.incident)}", Exit.NOT_THERE)
    if count == 0 and not arguments.json_lines:
        print("no entry is kept")
    return Exit.DONE


def _entry(plain: dict[str, Any]) -> Iterator[str]:
    if "unreadable" in plain:
        yield "an entry that cannot be read; --verify says which"
        return
    head = (plain.get("number"), plain.get("at"), plain.get("incident_id"), plain.get("kind"))
    yield "  ".join(shown(part) for part in head)
    yield from (f"  {name.replace('_', ' ')}: {shown(plain[name])}" for name in _TEXTS if plain.get(name))
    details = plain.get("details")
    for name, value in details.items() if isinstance(details, dict) else ():
        yield f"  {shown(name)}: {shown(value)}"


def _known(text: str) -> tuple[int, str]:
    found = _KNOWN.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError("NUMBER:HASH is an entry's number and the 64 characters of its hash")
    return int(found[1]), found[2]
