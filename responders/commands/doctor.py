"""``doctor``: every right, setting and connection that is needed, where, whether it is there, and what adds it."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from uuid import UUID

from responders.commands.desk import Desk, add_settings
from responders.commands.exits import Exit
from responders.health import State, discover
from responders.health.deployment import Deployment
from responders.health.examining import DEADLINE, examine
from responders.health.telling import as_json, as_text
from responders.reaching import open_reach

__all__ = ["add_arguments", "run"]

_LONGEST = 600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``doctor`` takes."""
    add_settings(parser)
    parser.add_argument("--json", action="store_true", help="everything as one JSON object")
    parser.add_argument(
        "--only", action="append", metavar="SECTION", choices=[check.name for check in discover()], help=_sections()
    )
    parser.add_argument(
        "--identity",
        metavar="OBJECT_ID",
        type=_object_id,
        help="look at the rights of this identity, such as the app's, with your own log-in",
    )
    parser.add_argument("--app", metavar="NAME", default="", help="name of the function app that events must reach")
    parser.add_argument(
        "--deadline",
        type=_seconds,
        metavar="SECONDS",
        default=DEADLINE.total_seconds(),
        help="for everything together, default %(default).0f",
    )


def run(arguments: argparse.Namespace, desk: Desk) -> int:
    """Look at everything and say it; 1 where something is missing or wrong, else 2 where something is not visible."""
    settings = desk.settings(arguments)
    deployment = Deployment(
        environ=desk.environ,
        settings=settings,
        now=desk.now,
        reach=lambda: open_reach(settings),
        app=arguments.app,
        principal=arguments.identity or "",
    )
    checks = [check for check in discover() if not arguments.only or check.name in arguments.only]
    if not arguments.json and sys.stderr.isatty():
        print(f"asking (at most {arguments.deadline:.0f} s) ...", file=sys.stderr, flush=True)
    found = examine(deployment, checks, deadline=timedelta(seconds=arguments.deadline))
    print(as_json(found) if arguments.json else as_text(found))
    if found.count(State.MISSING, State.WRONG):
        return Exit.NO
    return Exit.CANNOT_LOOK if found.count(State.NOT_VISIBLE) else Exit.DONE


def _sections() -> str:
    return f"look at this alone, as often as wanted: {', '.join(check.name for check in discover())}"


def _object_id(written: str) -> str:
    try:
        return str(UUID(written))
    except ValueError:
        raise argparse.ArgumentTypeError(f"an object id is a GUID, not {written}") from None


def _seconds(written: str) -> float:
    seconds = float(written)
    if not 0 < seconds <= _LONGEST:
        raise argparse.ArgumentTypeError(f"between 0 and {_LONGEST} seconds, not {written}")
    return seconds
