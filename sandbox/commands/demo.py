"""Plays failed runs and shows the diagnosis as people see it in Slack and in Teams."""

from __future__ import annotations

import argparse
import logging
import sys
import textwrap
from pathlib import Path

from sandbox.playing import play
from sandbox.scoring import Score, score
from sandbox.showing import shown
from sandbox.world import Scenario, load_scenario

__all__ = ["STORIES", "add_arguments", "run"]

FOLDER = Path(__file__).resolve().parent.parent / "scenarios"

STORIES = ("missing-pull-role", "tag-does-not-exist", "registry-refuses-address", "image-too-slow-from-afar")
"""One story for each family of the field's classic causes: who may pull, which image, which way, how far."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``demo`` takes."""
    parser.add_argument("scenario", metavar="SCENARIO", nargs="*", help="names of scenarios, or paths of files")
    parser.add_argument("--list", action="store_true", help="list all scenarios and what each tells")


def run(arguments: argparse.Namespace) -> int:
    """Play the four classic stories, or those that are named; 0 where each ended as its file expects."""
    logging.getLogger().setLevel(logging.ERROR)
    if arguments.list:
        return _list()
    names = arguments.scenario or list(STORIES)
    failed = 0
    for number, name in enumerate(names, start=1):
        path = _path(name)
        if path is None:
            print(f"there is no scenario {name!r}; `make demo LIST=1` lists them", file=sys.stderr)
            return 2
        failed += not _play(load_scenario(path), f"{number} of {len(names)}")
    return 1 if failed else 0


def _play(scenario: Scenario, counted: str) -> bool:
    print(f"\n=== Story {counted}: {scenario.id}\n{textwrap.fill(scenario.story, 104)}\n", flush=True)
    print("  ... the failed run's event is on its way", end="", flush=True)
    result = score(play(scenario, channels=("slack", "teams")))
    print(f"\r{_summary(result)}\n", flush=True)
    for message in result.outcome.messages:
        print(shown(message), "\n", flush=True)
    if not result.outcome.messages:
        print("  nobody is disturbed: no message was posted\n")
    for failure in result.failures:
        print(f"  NOT AS EXPECTED: {failure}")
    return result.passed


def _summary(result: Score) -> str:
    calls = result.outcome.calls
    hosts = len({call.host for call in calls})
    status = f", {result.status}" if result.status else ""
    return (
        f"  event -> diagnosis in {result.outcome.seconds:.1f} s: {result.verdict}{status} "
        f"({len(calls)} calls to {hosts} hosts, {len(result.outcome.messages)} messages)"
    )


def _list() -> int:
    for path in sorted(FOLDER.glob("[!_]*.yaml")):
        scenario = load_scenario(path)
        print(textwrap.fill(f"{path.stem}: {scenario.story}", 104, subsequent_indent="    "))
    return 0


def _path(name: str) -> Path | None:
    for candidate in (FOLDER / f"{name}.yaml", Path(name)):
        if candidate.is_file():
            return candidate
    return None
