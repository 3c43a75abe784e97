"""``send-test NAME``: sends a test message to a destination, and says what its answer proves."""

from __future__ import annotations

import argparse

from responders.blocks import Block, Kind, Report, Text
from responders.channels import Destination
from responders.commands.desk import Desk, add_settings
from responders.commands.exits import CommandFailed, Exit
from responders.commands.showing import shown
from responders.notices import Notice, NoticeKind
from responders.sending import SendError
from responders.settings import Settings

__all__ = ["add_arguments", "run"]

_PROVES_NOTHING = {
    "teams": (
        "Teams answers before it posts: this status proves nothing. Look into the channel. Where nothing arrives, open "
        "make.powerautomate.com > My flows > the flow > 28-day run history > the newest run: a failed step says why; "
        "no run at all means that the address is of another flow."
    ),
    "apprise": (
        "The services behind Apprise answer, or not, after it has: this status proves nothing. Look where the message "
        "should be; where nothing arrives, the log of the Apprise service says why."
    ),
}
"""By channel: what to say where the answer comes before the message is there."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``send-test`` takes."""
    parser.add_argument("destination", metavar="NAME", help="as `settings` lists it; a fallback is `fallback NAME`")
    add_settings(parser)


def run(arguments: argparse.Namespace, desk: Desk) -> int:
    """Send, say what came back, and where that proves nothing ask the person whether it arrived."""
    destination = _named(arguments.destination, desk.settings(arguments))
    notice = Notice(kind=NoticeKind.TEST, key=f"test-{desk.make_id()}", report=_report(destination))
    try:
        sent = destination.open().send(notice, now=desk.now())
    except SendError as error:
        raise CommandFailed(f"{destination.name} did not take the message: {shown(error)}", Exit.NO) from None
    except Exception as error:  # noqa: BLE001 - around one responder; its text could hold an address
        fault = f"{destination.name} failed with {type(error).__name__}: a fault of the channel"
        raise CommandFailed(fault, Exit.NO) from None
    print(f"{destination.name} took the message{', in its minimal form' if sent.minimal else ''}.")
    if destination.channel.name not in _PROVES_NOTHING:
        return Exit.DONE
    print(_PROVES_NOTHING[destination.channel.name])
    arrived = desk.ask("Did the test message arrive?")
    if arrived is None:
        print("Nobody is here to say whether it arrived.")
        return Exit.CANNOT_TELL
    return Exit.DONE if arrived else Exit.NO


def _named(name: str, settings: Settings) -> Destination:
    by_name = {one.name: one for one in (*settings.destinations, *settings.fallbacks)}
    if name in by_name:
        return by_name[name]
    wrong = [problem for problem in settings.problems if not problem.warning]
    there = f"there are {', '.join(by_name)}" if by_name else "none is set up"
    hint = f"; the settings have {len(wrong)} mistakes, see `validate`" if wrong else ""
    raise CommandFailed(f"no destination is called {shown(name)}: {there}{hint}", Exit.NOT_THERE)


def _report(destination: Destination) -> Report:
    said = f"A test message to {destination.name}: diagnoses of failed container images will arrive here."
    return Report(
        headline=said,
        next_step=Block(Kind.NEXT_STEP, (Text("Nothing is to be done: somebody tried `send-test`."),)),
        verdict="test",
    )
