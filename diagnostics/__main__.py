"""``python -m diagnostics``: the diagnosis at a keyboard, by the same code path as in the function app."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from diagnostics.commands import log, preflight, replay, run
from diagnostics.commands.exits import CommandFailed, CommandParser, Exit, quiet_sdks
from diagnostics.commands.own import add_signatures, use_signatures
from diagnostics.version import VERSION

__all__ = ["main"]

_COMMANDS = {"log": log, "run": run, "replay": replay, "preflight": preflight}
_EPILOG = """exit codes: 0 a verdict was printed (whatever it is); 2 wrong arguments; 3 an input could not be read;
4 no Azure credential; 5 no such run or workspace; 6 Azure could not be read"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m diagnostics", description=__doc__, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"pullmedic {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=CommandParser)
    parsers = {}
    for name, module in _COMMANDS.items():
        first_line = (module.__doc__ or "").splitlines()[0]
        epilog = getattr(module, "EPILOG", _EPILOG)
        parsers[name] = commands.add_parser(name, help=first_line, description=first_line, epilog=epilog)
        module.add_arguments(parsers[name])
        add_signatures(parsers[name])
    arguments, strange = parser.parse_known_args(argv)
    if strange:
        parsers[arguments.command].error(f"unrecognized arguments: {' '.join(strange)}")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a log's characters may be none of the terminal's
    command = _COMMANDS[arguments.command]
    try:
        use_signatures(arguments, os.environ)
        with quiet_sdks():
            exit_code = int(command.run(arguments))
        print(end="", flush=True)  # a reader that has gone is noticed here
    except CommandFailed as error:
        print(f"pullmedic: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return Exit.DONE
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
