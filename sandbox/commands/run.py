"""Runs scenarios end to end through the function app and scores them by what they expect."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from sandbox.places import PLACES
from sandbox.playing import play
from sandbox.scoring import Score, score
from sandbox.world import ScenarioError, load_scenario

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``run`` takes."""
    parser.add_argument(
        "scenarios", metavar="SCENARIO", nargs="+", type=Path, help="a scenario file, or a folder of them"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per scenario, each on one line")
    parser.add_argument(
        "--channel",
        action="append",
        choices=PLACES,
        help="channels and trackers to configure; default slack",
    )


def run(arguments: argparse.Namespace) -> int:
    """Play every scenario; 0 where all passed, 1 where one did not, 2 where a file could not be used."""
    exit_code = 0
    for path in _files(arguments.scenarios):
        try:
            result = score(play(load_scenario(path), channels=arguments.channel or ["slack"]))
        except ScenarioError as error:
            print(f"{error}", file=sys.stderr)
            if arguments.json:
                print(json.dumps(_refused(path, error)))
            exit_code = 2
            continue
        print(result.line() if arguments.json else _words(result), flush=True)
        exit_code = exit_code or int(not result.passed)
    return exit_code


def _refused(path: Path, error: ScenarioError) -> dict[str, object]:
    empty: dict[str, object] = {
        "status": None,
        "symptom": None,
        "seconds": 0,
        "causes": [],
        "messages": [],
        "calls": [],
    }
    return {"scenario": path.stem, "verdict": None, **empty, "passed": False, "failures": list(error.problems)}


def _files(paths: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        found += sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    return found


def _words(result: Score) -> str:
    mark = "passed" if result.passed else "FAILED"
    status = f" ({result.status})" if result.status else ""
    head = f"{mark}  {result.scenario}: {result.verdict}{status}, {len(result.outcome.messages)} message(s)"
    head += f", {len(result.outcome.calls)} calls, {result.outcome.seconds:.2f} s"
    raised = dict.fromkeys(f"{call.function} raised {call.error}" for call in result.outcome.invocations if call.error)
    return "\n".join([head, *(f"        {line}" for line in (*result.failures, *raised))])
