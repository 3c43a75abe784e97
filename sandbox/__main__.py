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
    """Run one command and return its exit status; only that command's module is imported."""
    names = sorted(module.name for module in pkgutil.iter_modules(commands.__path__))
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A simulated Azure on loopback.")
    parser.add_argument("command", choices=names, help="what to do; COMMAND --help says more")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    command = importlib.import_module(f"{commands.__name__}.{chosen.command}")
    own = argparse.ArgumentParser(prog=f"{parser.prog} {chosen.command}", description=command.__doc__)
    command.add_arguments(own)
    return int(command.run(own.parse_args(chosen.rest)))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        sys.stderr.close()  # the reader has seen enough; a traceback would say nothing
