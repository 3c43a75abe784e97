"""``route EVENT.json``: which rule sends this where, and why."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from diagnostics.intake import Dropped, Event, MalformedEvent, failed_run
from diagnostics.model import FailedRun, Status
from responders.commands.desk import Desk, add_settings
from responders.commands.exits import CommandFailed, Exit
from responders.commands.showing import shown
from responders.routing import RouteFacts, Routing, route
from responders.rules import WITHOUT_CAUSE, Silence
from responders.settings import Settings, known_causes
from responders.settings_keys import STATUSES

__all__ = ["add_arguments", "run"]

_LARGEST = 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``route`` takes."""
    parser.add_argument(
        "event", metavar="EVENT.json", help="an Event Grid event of either schema; - reads standard input"
    )
    parser.add_argument("--cause", metavar="ID", help="the verdict to try; without it every one there is, in groups")
    parser.add_argument("--status", choices=STATUSES, default=Status.CONFIRMED.value, help="default %(default)s")
    parser.add_argument("--at", type=_moment, metavar="TIME", help="when, with an offset; else the event's time")
    parser.add_argument("--json", action="store_true", help="one JSON object for each group, each on one line")
    add_settings(parser)


def run(arguments: argparse.Namespace, desk: Desk) -> int:
    """Say for each failed run of the file where it would be told of, by which rules."""
    settings = desk.settings(arguments)
    causes = _causes(arguments.cause, settings)
    silences = _silences(settings, desk)
    for event in _events(arguments.event):
        found = _failed(event, settings, desk.now())
        for verdicts, routing in _groups(found, causes, arguments, settings, silences, desk.now()):
            print(_as_json(found, verdicts, routing) if arguments.json else _as_text(found, verdicts, routing))
    return Exit.DONE


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError("a time with an offset is expected: 2026-12-01T18:00:00+01:00")
    return at


def _causes(asked: str | None, settings: Settings) -> tuple[str, ...]:
    known = known_causes(settings.signatures)
    if asked is None:
        return (*sorted(known), *WITHOUT_CAUSE)
    if asked not in known and asked not in WITHOUT_CAUSE:
        raise CommandFailed(f"no cause is called {shown(asked)}; docs/causes.md lists them", Exit.USAGE)
    return (asked,)


def _silences(settings: Settings, desk: Desk) -> tuple[Silence, ...]:
    """Return the store's silences; where it cannot be read the answer goes without, and says so."""
    try:
        with desk.store(settings) as opened:
            return opened.silences.active()
    except CommandFailed as error:
        print(f"pullmedic: silences of the store are not considered: {shown(error)}", file=sys.stderr)
        return ()


def _events(path: str) -> Sequence[Mapping[str, Any]]:
    try:
        text = sys.stdin.read(_LARGEST) if path == "-" else Path(path).read_text(encoding="utf-8")
        parsed = json.loads(text)
    except OSError as error:
        raise CommandFailed(f"{path} could not be read: {error.strerror}", Exit.INPUT_UNREADABLE) from None
    except (ValueError, RecursionError):
        raise CommandFailed(f"{path} is no JSON: an Event Grid event is expected", Exit.INPUT_UNREADABLE) from None
    events = parsed if isinstance(parsed, list) else [parsed]
    if not events or not all(isinstance(event, Mapping) for event in events):
        raise CommandFailed(f"{path} holds no event: an object, or a list of them, is expected", Exit.INPUT_UNREADABLE)
    return events


def _failed(written: Mapping[str, Any], settings: Settings, now: datetime) -> FailedRun:
    try:
        found = failed_run(_event(written), in_scope=settings.in_scope, now=now)
    except MalformedEvent as error:
        raise CommandFailed(f"the event cannot be used: {error}", Exit.INPUT_UNREADABLE) from None
    if isinstance(found, Dropped):
        raise CommandFailed(f"the app would drop this event: {shown(found.reason)}", Exit.INPUT_UNREADABLE)
    return found


def _event(written: Mapping[str, Any]) -> Event:
    """Bring the two schemas into one form, as the function's trigger does."""
    cloud = "specversion" in written
    kind, source, time = ("type", "source", "time") if cloud else ("eventType", "topic", "eventTime")
    return Event(
        id=str(written.get("id", "")),
        type=str(written.get(kind, "")),
        source=str(written.get(source, "")),
        subject=str(written.get("subject", "")),
        time=_time(written.get(time)),
        data=written.get("data"),
    )


def _time(written: Any) -> datetime | None:
    """Read the event's time; Event Grid writes seven digits of a second's fraction, of which six can be kept."""
    if not isinstance(written, str):
        return None
    head, point, fraction = written.strip().replace("Z", "+00:00").partition(".")
    digits = fraction[: len(fraction) - len(fraction.lstrip("0123456789"))]
    try:
        at = datetime.fromisoformat(f"{head}{point}{digits[:6]}{fraction[len(digits) :]}")
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _groups(
    run: FailedRun,
    causes: Iterable[str],
    arguments: argparse.Namespace,
    settings: Settings,
    silences: tuple[Silence, ...],
    now: datetime,
) -> Iterator[tuple[list[str], Routing]]:
    """Yield each different routing with the verdicts that lead to it."""
    groups: dict[tuple[object, ...], tuple[list[str], Routing]] = {}
    for cause in causes:
        facts = RouteFacts(
            workspace_id=run.workspace_id,
            experiment=run.experiment,
            tags=run.tags,
            cause=cause,
            status="" if cause in WITHOUT_CAUSE else arguments.status,
            at=arguments.at or run.failed_at,
        )
        routing = route(settings, facts, arguments.at or now, silences)
        places = (tuple(it.name for it in routing.destinations), tuple(it.name for it in routing.trackers))
        key = (places, routing.rules, routing.severity, routing.silenced_by)
        groups.setdefault(key, ([], routing))[0].append(cause)
    yield from groups.values()


def _as_text(run: FailedRun, verdicts: Sequence[str], routing: Routing) -> str:
    where = ", ".join(one.name for one in routing.destinations) or ("the app's log" if routing.wanted else "nobody")
    lines = [
        f"{shown(run.run_id)}, {', '.join(verdicts)}:",
        f"  to       {where}",
        f"  tickets  {', '.join(one.name for one in routing.trackers) or 'none'}",
        f"  severity {routing.severity}",
        *(f"  rule     {shown(rule)}" for rule in routing.rules),
    ]
    if routing.silenced_by:
        lines.append(f"  silenced {shown(routing.silenced_by)}")
    return "\n".join(lines)


def _as_json(run: FailedRun, verdicts: Sequence[str], routing: Routing) -> str:
    told = {
        "run": run.run_id,
        "verdicts": list(verdicts),
        "destinations": [one.name for one in routing.destinations],
        "trackers": [one.name for one in routing.trackers],
        "wanted": routing.wanted,
        "severity": routing.severity,
        "rules": [shown(rule) for rule in routing.rules],
        "silenced_by": shown(routing.silenced_by) if routing.silenced_by else None,
    }
    return json.dumps(told, ensure_ascii=False)
