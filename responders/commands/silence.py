"""``silence add|list|end``: silences without a deployment. Each ends, and says who set it and why."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from responders.commands.desk import Desk, add_settings
from responders.commands.exits import CommandFailed, Exit
from responders.commands.showing import shown
from responders.durations import duration
from responders.globs import Glob
from responders.rules import WITHOUT_CAUSE, Condition
from responders.settings import Settings, known_causes
from responders.settings_keys import STATUSES
from responders.silences import KeptSilence, Silences, WrongSilence

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``add``, ``list`` and ``end``."""
    what = parser.add_subparsers(dest="what", required=True, metavar="add|list|end")
    _add_arguments(what.add_parser("add", help="silence something until a time"))
    listed = what.add_parser("list", help="the silences that hold now, and those to come")
    listed.add_argument("--all", action="store_true", help="also those that have ended")
    listed.add_argument("--json", action="store_true")
    ended = what.add_parser("end", help="end a silence now")
    ended.add_argument("id", metavar="ID")
    for some in (*what.choices.values(),):
        add_settings(some)
    for some in (what.choices["add"], ended):
        some.add_argument("--by", metavar="NAME", help="who; else $USER")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    end = parser.add_mutually_exclusive_group(required=True)
    end.add_argument("--for", dest="span", metavar="DURATION", help="how long: 30min, 2h, 7d")
    end.add_argument("--until", metavar="TIME", help="until when, with an offset: 2026-12-01T18:00:00+01:00")
    parser.add_argument("--from", dest="starts", metavar="TIME", help="from when; else now")
    parser.add_argument("--reason", required=True, help="why, for whoever wonders")
    for name, what in (("workspace", "name or resource id"), ("experiment", "name"), ("cause", "id of a cause")):
        parser.add_argument(
            f"--{name}", action="append", default=[], metavar="PATTERN", help=f"{what}; may come several times"
        )
    parser.add_argument("--tag", action="append", default=[], metavar="NAME=PATTERN", help="a tag of the run")
    parser.add_argument("--status", action="append", default=[], choices=STATUSES)


def run(arguments: argparse.Namespace, desk: Desk) -> int:
    """Change or read the silences of the store that the settings choose."""
    settings = desk.settings(arguments)
    with desk.store(settings) as opened:
        try:
            if arguments.what == "list":
                return _list(opened.silences, settings, arguments, desk.now())
            by = arguments.by or desk.environ.get("USER") or desk.environ.get("USERNAME") or ""
            return (
                _add(opened.silences, settings, arguments, desk, by)
                if arguments.what == "add"
                else _end(opened.silences, arguments.id, by)
            )
        except WrongSilence as error:
            raise CommandFailed(str(error), Exit.USAGE) from None


def _add(silences: Silences, settings: Settings, arguments: argparse.Namespace, desk: Desk, by: str) -> int:
    starts = _moment(arguments.starts) if arguments.starts else None
    until = _moment(arguments.until) if arguments.until else (starts or desk.now()) + _span(arguments.span)
    when = _condition(arguments, settings)
    kept = silences.add(by=by, reason=arguments.reason, until=until, when=when, starts=starts)
    print(f"{kept.id} silences {_what(kept)} until {kept.until.isoformat()}")
    return Exit.DONE


def _end(silences: Silences, silence_id: str, by: str) -> int:
    ended = silences.end(silence_id, by=by)
    if ended is None:
        raise CommandFailed(f"no silence is called {shown(silence_id)}; see `silence list --all`", Exit.NOT_THERE)
    print(f"{ended.id} has ended{f', by {shown(ended.ended_by)}' if ended.ended_by else ' by itself'}")
    return Exit.DONE


def _list(silences: Silences, settings: Settings, arguments: argparse.Namespace, now: datetime) -> int:
    found = [one for one in silences.kept() if arguments.all or (one.ended_at is None and now < one.until)]
    if arguments.json:
        print(msgspec.json.encode(found).decode())
        return Exit.DONE
    for one in found:
        ended = f", ended by {shown(one.ended_by)}" if one.ended_at else ""
        print(f"{one.id}  {one.starts:%Y-%m-%d %H:%M}Z to {one.until:%Y-%m-%d %H:%M}Z by {shown(one.by)}{ended}")
        print(f"  {_what(one)}: {shown(one.reason)}")
    of_file = [one for one in settings.silences if arguments.all or now < one.until]
    for silence in of_file:
        print(f"{silence.place}  to {silence.until:%Y-%m-%d %H:%M}Z: {shown(silence.reason)}")
    if not found and not of_file:
        print("no silence is kept" if arguments.all else "nothing is silenced")
    return Exit.DONE


def _condition(arguments: argparse.Namespace, settings: Settings) -> Condition:
    for cause in arguments.cause:
        known = (*known_causes(settings.signatures), *WITHOUT_CAUSE)
        if not any(Glob(cause).matches(one) for one in known):
            raise WrongSilence(f"no cause is called {shown(cause)}; docs/causes.md lists them")
    return Condition(
        workspaces=_globs(arguments.workspace),
        experiments=_globs(arguments.experiment),
        causes=_globs(arguments.cause),
        tags=_tags(arguments.tag),
        statuses=frozenset(arguments.status),
    )


def _tags(written: Iterable[str]) -> dict[str, tuple[Glob, ...]]:
    found: dict[str, tuple[Glob, ...]] = {}
    for tag in written:
        name, equals, pattern = tag.partition("=")
        if not equals or not name or not pattern:
            raise WrongSilence("a tag is written NAME=PATTERN")
        found[name] = (*found.get(name, ()), *_globs([pattern]))
    return found


def _globs(patterns: Iterable[str]) -> tuple[Glob, ...]:
    if not all(patterns):
        raise WrongSilence("a pattern is not empty; * is everything")
    try:
        return tuple(map(Glob, patterns))
    except ValueError as error:
        raise WrongSilence(str(error)) from None


def _span(text: str) -> timedelta:
    try:
        return duration(text)
    except ValueError as error:
        raise WrongSilence(str(error)) from None


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise WrongSilence("a time has an offset: 2026-12-01T18:00:00+01:00")
    return at


def _what(kept: KeptSilence) -> str:
    parts = {
        "workspaces": kept.workspaces,
        "experiments": kept.experiments,
        "causes": kept.causes,
        "statuses": kept.statuses,
        **{f"tag {name}": patterns for name, patterns in kept.tags.items()},
    }
    return ", ".join(f"{name} {' or '.join(map(shown, some))}" for name, some in parts.items() if some)
