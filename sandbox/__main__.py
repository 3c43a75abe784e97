"""The sandbox's command line."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence

from sandbox import commands

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A simulated Azure on loopback.")
    chosen = parser.add_subparsers(dest="command", required=True)
    for name in sorted(module.name for module in pkgutil.iter_modules(commands.__path__)):
        command = importlib.import_module(f"{commands.__name__}.{name}")
        each = chosen.add_parser(name, help=command.__doc__, description=command.__doc__)
        command.add_arguments(each)
        each.set_defaults(run=command.run)
    parsed = parser.parse_args(arguments)
    return int(parsed.run(parsed))


if __name__ == "__main__":
    sys.exit(main())
