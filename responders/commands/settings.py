"""``settings``: what is in force, from the environment and the settings file together; secrets are stars."""

from __future__ import annotations

import argparse
import json
import sys

from responders.commands.desk import Desk, add_settings
from responders.commands.exits import Exit
from responders.commands.showing import as_plain, as_text, problem_line

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``settings`` takes."""
    add_settings(parser)
    parser.add_argument("--json", action="store_true", help="as one JSON object")


def run(arguments: argparse.Namespace, desk: Desk) -> int:
    """Print the settings; what is wrong with them goes to standard error."""
    settings = desk.settings(arguments)
    for problem in settings.problems:
        print(f"pullmedic: {problem_line(problem)}", file=sys.stderr)
    now = desk.now()
    print(json.dumps(as_plain(settings, now), ensure_ascii=False) if arguments.json else as_text(settings, now))
    return Exit.DONE
