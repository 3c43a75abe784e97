"""``fix INCIDENT --dry-run``: the role assignment that would repair it, and the exact request; writes nothing."""

from __future__ import annotations

import argparse

from responders.commands.desk import Desk, add_settings
from responders.commands.exits import CommandFailed, Exit
from responders.commands.showing import shown
from responders.fixes.fixing import Fixing, NotYet
from responders.fixes.values import Declined, Plan

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the incident, and that nothing else than a dry run is to be had here."""
    parser.add_argument("incident", metavar="INCIDENT")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        required=True,
        help="needed: whoever approves does it in Slack or on the incident's page, where it is known who they are",
    )
    add_settings(parser)


def run(arguments: argparse.Namespace, desk: Desk) -> int:
    """Plan from Azure's answers of this moment and print what would be done."""
    settings = desk.settings(arguments)
    with desk.store(settings) as opened:
        return _dry_run(opened.fixing(settings), arguments.incident)


def _dry_run(fixing: Fixing, incident_id: str) -> int:
    try:
        found = fixing.preview(incident_id)
    except NotYet as error:
        print(f"cannot tell: {shown(error)}")
        return Exit.CANNOT_TELL
    if found is None:
        raise CommandFailed(f"no incident is called {shown(incident_id)}; see `incidents list --all`", Exit.NOT_THERE)
    present = fixing.of(incident_id)
    if present is not None:
        why = f" ({shown(present.why)})" if present.why else ""
        print(f"so far: {present.state.value}{why}, since {present.changed_at:%Y-%m-%d %H:%M}Z")
    if found.plan is not None:
        _print_plan(found.plan)
    if found.declined is not None:
        print(_no(found.declined))
        return Exit.NO
    print("nothing stands in the way: this is what would be offered, or made in the mode auto")
    return Exit.DONE


def _print_plan(plan: Plan) -> None:
    print(f"for:      {shown(plan.principal_words)} ({shown(plan.principal_id)})")
    print(f"role:     {plan.role_name}")
    print(f"scope:    {shown(plan.registry_id)}")
    if plan.condition:
        print(f"only for: {shown(plan.condition)}")
    for title, lines in (("before", plan.before), ("after", plan.after)):
        for place, line in enumerate(lines):
            print(f"{title + ':' if place == 0 else '':9} {shown(line)}")
    print(f"\n{plan.request}\n")


def _no(declined: Declined) -> str:
    return f"not offered ({declined.reason.value}): {shown(declined.why)}"
