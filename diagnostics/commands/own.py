"""``--signatures FILE`` of every command: a team's own texts and causes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from diagnostics.commands.exits import CommandFailed, Exit
from diagnostics.own_signatures import WrongSignatures, install, load_own_signatures
from diagnostics.redaction import redact

__all__ = ["VARIABLE", "add_signatures", "use_signatures"]

VARIABLE = "PULLMEDIC_SIGNATURES"


def add_signatures(parser: argparse.ArgumentParser) -> None:
    """Declare the option."""
    parser.add_argument(
        "--signatures", metavar="FILE", help=f"texts and causes of your own (docs/own-signatures.md); else ${VARIABLE}"
    )


def use_signatures(arguments: argparse.Namespace, environ: Mapping[str, str]) -> None:
    """Install the file that was asked for; a wrong one ends the command, one of the environment is left out loudly."""
    path = arguments.signatures or environ.get(VARIABLE)
    if not path:
        return
    try:
        install(load_own_signatures(path))
    except WrongSignatures as error:
        if arguments.signatures:
            code = Exit.PREFLIGHT_USAGE if arguments.command == "preflight" else Exit.INPUT_UNREADABLE
            raise CommandFailed(redact(str(error)), code) from None
        for problem in error.problems:
            print(f"pullmedic: {redact(problem)} (the file is left out)", file=sys.stderr)
