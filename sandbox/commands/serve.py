"""Serve a world until Ctrl-C, and print what points a shell at it."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import threading

from sandbox.server import Sandbox
from sandbox.world import ScenarioError, load_scenario

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Return the command's arguments."""
    parser.add_argument("world", help="a scenario file; its world is enough")
    parser.add_argument("--port", type=int, default=0, help="the port to listen on (default: a free one)")


def run(arguments: argparse.Namespace) -> int:
    """Serve; 0 after Ctrl-C, 2 where the file cannot be used."""
    try:
        scenario = load_scenario(arguments.world)
    except ScenarioError as error:
        print(error, file=sys.stderr)
        return 2
    # A shell starts what it puts in the background with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Sandbox(scenario, port=arguments.port) as azure:
        # Whoever reads the last line may interrupt at once: the lines are written inside, too.
        try:
            print("\n".join(exports(azure)), flush=True)
            threading.Event().wait()
        except KeyboardInterrupt:
            print(f"{len(azure.calls)} calls, {len(azure.refused)} refused", file=sys.stderr)
    return 0


def exports(azure: Sandbox) -> list[str]:
    """Return the lines that point a shell at a sandbox, and comments with the webhooks' addresses."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in azure.environment.items()]
    return [*lines, f"# Slack: {azure.slack_webhook_url}", f"# Teams: {azure.teams_webhook_url}"]
