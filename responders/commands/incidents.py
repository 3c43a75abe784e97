"""``incidents list|show ID``: what is failing for which cause, who was told, and why somebody was not."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import msgspec

from responders.commands.desk import Desk, IncidentsView, add_settings
from responders.commands.exits import CommandFailed, Exit
from responders.commands.showing import shown
from responders.incidents import failed_runs

__all__ = ["add_arguments", "run"]

_RUNS_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``list`` and ``show``."""
    what = parser.add_subparsers(dest="what", required=True, metavar="list|show")
    listed = what.add_parser("list", help="the open incidents, newest first")
    listed.add_argument("--all", action="store_true", help="also those that are resolved")
    one = what.add_parser("show", help="one incident: its runs, what was shown where, what held it back")
    one.add_argument("id", metavar="ID")
    for some in (listed, one):
        some.add_argument("--json", action="store_true")
        add_settings(some)


def run(arguments: argparse.Namespace, desk: Desk) -> int:
    """Read incidents from the store that the settings choose."""
    with desk.store(desk.settings(arguments)) as opened:
        if arguments.what == "list":
            return _list(opened.incidents, arguments)
        return _show(opened.incidents, arguments)


def _list(incidents: IncidentsView, arguments: argparse.Namespace) -> int:
    found = incidents.all_ones() if arguments.all else incidents.open_ones()
    counts = [len(failed_runs(incidents.occurrences(it.id))) for it in found]
    if arguments.json:
        print(_json([{"runs": runs, **_plain(it)} for it, runs in zip(found, counts, strict=True)]))
        return Exit.DONE
    if not found:
        print("no incident is kept" if arguments.all else "no incident is open")
    for it, runs in zip(found, counts, strict=True):
        print(f"{it.id}  {_state(it)}  {_runs(runs)}, the last {it.last_at:%Y-%m-%d %H:%M}Z  {_verdict(it)}")
        print(f"  {shown(it.headline)}")
    return Exit.DONE


def _show(incidents: IncidentsView, arguments: argparse.Namespace) -> int:
    it = incidents.get(arguments.id)
    if it is None:
        raise CommandFailed(f"no incident is called {shown(arguments.id)}; see `incidents list --all`", Exit.NOT_THERE)
    runs, deliveries = incidents.occurrences(it.id), incidents.deliveries(it.id)
    feedback = incidents.feedback(it.id)
    if arguments.json:
        told = {
            **_plain(it),
            "runs": [_plain(run) for run in runs],
            "deliveries": [_plain(delivery) for delivery in deliveries],
            "feedback": _plain(feedback),
        }
        print(_json(told))
        return Exit.DONE
    for line in _incident(it):
        print(line)
    print(f"runs: {len(failed_runs(runs))}")
    for run in runs[-_RUNS_SHOWN:]:
        why = f"  ({shown(run.reason)})" if run.reason else ""
        print(f"  {run.at:%Y-%m-%d %H:%M}Z  {shown(run.run_id)}  {shown(run.experiment or '-')}{why}")
    if len(runs) > _RUNS_SHOWN:
        print(f"  and {len(runs) - _RUNS_SHOWN} earlier ones")
    print(f"told: {'' if deliveries else 'nobody yet'}".rstrip())
    for delivery in deliveries:
        for line in _delivery(delivery):
            print(line)
    print(f"feedback: {feedback.right} right, {feedback.wrong} wrong")
    return Exit.DONE


def _incident(it: Any) -> Iterator[str]:
    yield f"{it.id}: {shown(it.headline)}"
    yield f"state: {_state(it)}{f', {shown(it.resolution)}' if it.resolution else ''}"
    yield f"verdict: {_verdict(it)}, to be fixed at {shown(it.target or '-')}"
    yield f"since: {it.opened_at:%Y-%m-%d %H:%M}Z; the last failure {it.last_at:%Y-%m-%d %H:%M}Z"
    if it.reopened:
        yield f"reopened: {it.reopened} times"
    if it.snoozed_until:
        yield f"snoozed: until {it.snoozed_until:%Y-%m-%d %H:%M}Z by {shown(it.snoozed_by)}"
    yield f"image: {shown(it.image or '-')}; compute: {shown(it.compute or '-')}"
    yield from (f"workspace: {shown(workspace)}" for workspace in it.workspaces)


def _delivery(delivery: Any) -> Iterator[str]:
    """Yield what one destination shows, and everything that went otherwise than hoped."""
    when = f"shows {_runs(delivery.shown.count)} since {delivery.shown.at:%Y-%m-%d %H:%M}Z" if delivery.shown else "-"
    yield f"  {shown(delivery.destination)}: {when}"
    notes = {
        "link": delivery.url,
        "held back": f"{delivery.held} {delivery.held_why}".strip(),
        "failed": f"{delivery.failures} times, {delivery.error}" if delivery.failures else "",
        "given up": f"{delivery.gave_up_at:%Y-%m-%d %H:%M}Z, {delivery.error}" if delivery.gave_up_at else "",
        "may have arrived twice": str(delivery.repeats or ""),
        "confirmed by the destination": f"{delivery.confirmed_at:%Y-%m-%d %H:%M}Z" if delivery.confirmed_at else "",
    }
    yield from (f"    {name}: {shown(note)}" for name, note in notes.items() if note)


def _state(it: Any) -> str:
    return f"{it.state}" + (f" {it.resolved_at:%Y-%m-%d %H:%M}Z" if it.resolved_at else "")


def _verdict(it: Any) -> str:
    return f"{it.verdict} ({it.status})" if it.status else f"{it.verdict}"


def _runs(count: int) -> str:
    return f"{count} run{'' if count == 1 else 's'}"


def _plain(value: Any) -> dict[str, Any]:
    """Return one record in JSON's own values, every text of it redacted."""
    found: dict[str, Any] = _redacted(msgspec.to_builtins(value))
    return found


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, dict):
        return {key: _redacted(member) for key, member in value.items()}
    return [_redacted(member) for member in value] if isinstance(value, list) else value


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
