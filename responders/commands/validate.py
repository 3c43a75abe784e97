"""``validate``: everything that is wrong with the settings, each with its place, and what would run."""

from __future__ import annotations

import argparse
import json

from responders.commands.desk import Desk, add_settings
from responders.commands.exits import Exit
from responders.commands.showing import as_plain, as_text, plain_problem, problem_line
from responders.settings import declared_settings, misspelt_settings

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``validate`` takes."""
    add_settings(parser)
    parser.add_argument("--json", action="store_true", help="problems and settings as one JSON object")


def run(arguments: argparse.Namespace, desk: Desk) -> int:
    """Say everything at once; 1 where something is wrong, though the app would run with the rest."""
    settings = desk.settings(arguments)
    misspelt = misspelt_settings(desk.environ, declared_settings(), used=settings.variables)
    problems = (*settings.problems, *misspelt)
    mistakes = sum(not problem.warning for problem in problems)
    if arguments.json:
        told = {
            "valid": not mistakes,
            "problems": [plain_problem(problem) for problem in problems],
            "runs": as_plain(settings, desk.now()),
        }
        print(json.dumps(told, ensure_ascii=False))
    else:
        for problem in problems:
            print(problem_line(problem))
        print(f"{_count(mistakes, 'mistake')}, {_count(len(problems) - mistakes, 'warning')}; what would run:\n")
        print(as_text(settings, desk.now()))
    return Exit.NO if mistakes else Exit.DONE


def _count(number: int, thing: str) -> str:
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"
