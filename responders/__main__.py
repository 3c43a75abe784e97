"""``python -m responders``: settings, routes, silences and incidents at a keyboard, by the app's own code."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from diagnostics.commands.exits import CommandParser, quiet_sdks
from diagnostics.reach import utc_now
from diagnostics.version import VERSION
from responders.commands import (
    audit,
    doctor,
    fix,
    incidents,
    route,
    schema,
    self_test,
    send_test,
    settings,
    silence,
    undo,
    validate,
)
from responders.commands.desk import Desk, ask_at_terminal, open_view
from responders.commands.exits import CommandFailed, Exit

__all__ = ["main"]

_COMMANDS = {
    "validate": validate,
    "doctor": doctor,
    "settings": settings,
    "schema": schema,
    "route": route,
    "send-test": send_test,
    "self-test": self_test,
    "incidents": incidents,
    "silence": silence,
    "fix": fix,
    "undo": undo,
    "audit": audit,
}
_EPILOG = """exit codes: 0 done; 1 no: the settings are wrong, the message was refused or did not arrive, or the audit
record is not whole; 2 wrong arguments; 3 an input could not be read; 4 the store could not be used; 5 no such
destination, incident or silence; 6 nobody can tell whether the message arrived. doctor: 0 all is there; 1 something is
missing or wrong; 2 something could not be looked at, or wrong arguments"""


def main(argv: Sequence[str] | None = None, desk: Desk | None = None) -> int:
    """Run one command and return its exit code. ``desk`` is what it works with, else the process's own."""
    parser = argparse.ArgumentParser(prog="python -m responders", description=__doc__, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"pullmedic {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=CommandParser)
    for name, module in _COMMANDS.items():
        first_line = (module.__doc__ or "").splitlines()[0]
        module.add_arguments(commands.add_parser(name, help=first_line, description=first_line, epilog=_EPILOG))
    arguments = parser.parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name's characters may be none of the terminal's
    own = Desk(environ=os.environ, now=utc_now, ask=ask_at_terminal, view=open_view)
    try:
        with quiet_sdks():
            exit_code = int(_COMMANDS[arguments.command].run(arguments, desk or own))
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
