"""``undo INCIDENT``: takes back the role assignment that a fix added, if it still is what was added."""

from __future__ import annotations

import argparse
import getpass

from responders.commands.desk import Desk, add_settings
from responders.commands.exits import CommandFailed, Exit
from responders.commands.showing import shown
from responders.fixes.fixing import Fixing
from responders.fixes.record import Decision, Fix, FixState, Via

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the incident."""
    parser.add_argument("incident", metavar="INCIDENT")
    parser.add_argument("--yes", action="store_true", help="do not ask again")
    add_settings(parser)


def run(arguments: argparse.Namespace, desk: Desk) -> int:
    """Remove the assignment with the identity that is logged in here, whose right on the registry decides."""
    settings = desk.settings(arguments)
    with desk.store(settings) as opened:
        fixing = opened.fixing(settings)
        fix = fixing.of(arguments.incident)
        if fix is None:
            raise CommandFailed(f"no fix is known for {shown(arguments.incident)}", Exit.NOT_THERE)
        if not fix.may_be_undone and fix.state is not FixState.UNDOING:
            print(f"nothing of ours is there to be taken back: the fix is {fix.state.value}")
            return Exit.DONE if fix.state is FixState.UNDONE else Exit.NO
        print(f"to be removed: {shown(fix.assignment_id)}")
        if not arguments.yes and desk.ask("Remove it?") is not True:
            print("left as it is")
            return Exit.NO
        return _undo(fixing, fix, desk)


def _undo(fixing: Fixing, fix: Fix, desk: Desk) -> int:
    name = _who()
    if fix.state is not FixState.UNDOING:
        by = Decision(by_id=name, by=name, via=Via.COMMAND, at=desk.now())
        print(shown(fixing.ask_undo(fix.incident_id, by)))
    advanced = fixing.advance(fix.incident_id)
    after = fixing.of(fix.incident_id)
    if after is not None and after.state is FixState.UNDONE:
        print(f"undone: {shown(after.why)}")
        return Exit.DONE
    if after is not None and after.state is FixState.UNDO_FAILED:
        print(f"not undone: {shown(after.why)}")
        return Exit.NO
    print(f"not yet, the app tries again: {shown(advanced.said)}")
    return Exit.CANNOT_TELL


def _who() -> str:
    """Return the name of the account at this keyboard, as the machine has it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody at a keyboard"
