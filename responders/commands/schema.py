"""``schema``: the JSON Schema of the settings file, for editors."""

from __future__ import annotations

import argparse

from responders.commands.desk import Desk
from responders.commands.exits import Exit
from responders.settings_schema import schema_text

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``schema`` takes: nothing."""
    del parser


def run(arguments: argparse.Namespace, desk: Desk) -> int:
    """Print the schema."""
    del arguments, desk
    print(schema_text(), end="")
    return Exit.DONE
