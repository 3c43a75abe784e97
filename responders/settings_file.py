"""The settings file (``docs/settings.md``): read as a whole, every problem at once and with its place.

Nothing here raises over what a file says. A destination, tracker, route or silence with a mistake in it is left out and
named. What a wrong route could have taken goes to the default destinations, so that a mistake makes no message vanish.
No value is shown in a problem unless it resembles a name that exists, since it could be a secret in the wrong place.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from responders import channels, tickets
from responders.channels import Channel, Destination, Options
from responders.declarations import Field, Problem, Secret
from responders.fixes.values import Policy
from responders.rules import (
    LONGEST_SILENCE,
    Condition,
    Pacing,
    Route,
    Severity,
    Silence,
)
from responders.settings_fixes import read_fixes
from responders.settings_keys import (
    CHANNEL,
    CLOSE,
    DEFAULT_WORD,
    DEFAULTS,
    INCIDENTS,
    LARGEST_FILE,
    MOST_DESTINATIONS,
    MOST_ROUTES,
    MOST_SILENCES,
    RESERVED,
    ROUTE,
    SILENCE,
    TRACKER,
    Key,
    Kind,
)
from responders.settings_places import Document, Place, Places, place_text
from responders.settings_values import Read, Values
from responders.settings_when import Conditions
from responders.tickets import Tracker, TrackerDestination

__all__ = ["Document", "FileSettings", "Surroundings", "read_settings_file"]

T = TypeVar("T")
V = TypeVar("V", bound=Destination | TrackerDestination)

_LONGEST_VALUE = 4000
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_VARIABLE = re.compile(r"PULLMEDIC_[A-Z0-9_]{1,100}")
_REFERENCE = "@Microsoft.KeyVault("
_PLACE_IN_TOML = re.compile(r"\(at (?:line (\d{1,9}), column \d{1,9}|end of document)\)$")
DRILL = "PULLMEDIC_DRILL_DESTINATION"
"""The setting that names the destination for drills, which no route names (:mod:`responders.drills`)."""

_SECTIONS = ("destinations", "trackers", "defaults", "routes", "silences", "incidents", "fixes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a file is read among: the environment, and what it sets up already.

    ``causes`` returns every id of a cause that can be a verdict; it is asked only where the file names causes.
    ``client_id`` is that of the app's own identity, empty where none is named.
    """

    environ: Mapping[str, str] = field(repr=False)
    destinations: tuple[Destination, ...]
    fallbacks: tuple[Destination, ...]
    trackers: tuple[TrackerDestination, ...]
    more_hosts: tuple[str, ...]
    causes: Callable[[], Collection[str]]
    now: datetime
    client_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSettings:
    """What a file adds. ``None`` is what it does not say; ``default`` is who hears what no route takes.

    ``nobody`` names the defaults that are an empty list. ``origins`` says where each destination and tracker of the
    file stands; ``variables`` are those that it refers to.
    """

    destinations: tuple[Destination, ...] = ()
    trackers: tuple[TrackerDestination, ...] = ()
    to: tuple[Destination, ...] | None = None
    default: tuple[Destination, ...] = ()
    tickets: tuple[TrackerDestination, ...] | None = None
    fallbacks: tuple[Destination, ...] = ()
    insufficient_evidence: tuple[Destination, ...] | None = None
    not_registry: tuple[Destination, ...] | None = None
    nobody: frozenset[str] = frozenset()
    routes: tuple[Route, ...] = ()
    silences: tuple[Silence, ...] = ()
    pacing: Pacing = field(default_factory=Pacing)
    fixes: Policy = field(default_factory=Policy)
    origins: Mapping[str, str] = field(default_factory=dict)
    variables: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()


def read_settings_file(document: Document, around: Surroundings) -> FileSettings:
    """Return what ``document`` says, with everything that is wrong with it. Never raises."""
    if len(document.text) > LARGEST_FILE:
        return _nothing(document.name, f"it is larger than {LARGEST_FILE // 1024} KiB; nothing of it is used", around)
    try:
        parsed = tomllib.loads(document.text)
    except RecursionError:
        return _nothing(document.name, "it is nested too deeply; nothing of it is used", around)
    except ValueError as error:  # tomllib's own error is one, as is Python's over a number with thousands of digits
        return _no_toml(document, str(error), around)
    return _File(document, parsed, around).read()


def _nothing(where: str, message: str, around: Surroundings) -> FileSettings:
    return FileSettings(default=around.destinations, problems=(Problem(where, message),))


def _no_toml(document: Document, said: str, around: Surroundings) -> FileSettings:
    """Tell where the TOML ends being any. The reader's words may quote the file, so only plain ones are shown."""
    found = _PLACE_IN_TOML.search(said)
    words = said[: found.start()].strip() if found else ""
    reason = f" ({words})" if words and not re.search(r"'[^']{2,}|\"[^\"]{2,}", words) else ""
    line = (found.group(1) or document.text.count("\n") + 1) if found else ""
    where = f"{document.name}:{line}" if line else document.name
    return _nothing(where, f"it is no TOML{reason}; nothing of the file is used", around)


class _File:
    """One document under validation."""

    def __init__(self, document: Document, parsed: Mapping[str, Any], around: Surroundings) -> None:
        self._parsed = parsed
        self._around = around
        self._places = Places(document, parsed)
        self._values = Values(self._places)
        self._conditions = Conditions(self._values, _once(around.causes))
        self._variables: set[str] = set()
        self._origins: dict[str, str] = {}

    def read(self) -> FileSettings:
        """Return everything that can be used."""
        self._values.keys(self._parsed, (), _SECTIONS)
        destinations = self._entries("destinations", self._destination)
        trackers = self._entries("trackers", self._tracker)
        made = self._defaults(destinations, trackers)
        routes = self._routes(made, made.default)
        silences = self._silences()
        pacing = self._pacing()
        fixes = read_fixes(self._section("fixes"), self._values, self._around.now)
        self._warn(made, routes)
        return replace(
            made,
            routes=routes,
            silences=silences,
            pacing=pacing,
            fixes=fixes,
            origins=self._origins,
            variables=frozenset(self._variables),
            problems=self._values.told(),
        )

    # --- destinations and trackers ------------------------------------------------------------------------

    def _entries(self, section: str, read: Callable[[str, Mapping[str, Any], Place], V | None]) -> tuple[V, ...]:
        entries = self._section(section)
        if len(entries) > MOST_DESTINATIONS:
            self._values.wrong((section,), f"it has {len(entries)} entries; {MOST_DESTINATIONS} are read")
        found = []
        for name, value in list(entries.items())[:MOST_DESTINATIONS]:
            place: Place = (section, name)
            table = self._values.table(value, place)
            if table is None or not self._good_name(name, place):
                continue
            made = read(name, table, place)
            if made is not None:
                found.append(made)
                self._origins[f"{section}.{name}"] = self._places(place)
        return tuple(found)

    def _section(self, section: str) -> Mapping[str, Any]:
        value = self._parsed.get(section, {})
        return self._values.table(value, (section,)) or {}

    def _section_names(self, section: str) -> frozenset[str]:
        value = self._parsed.get(section)
        return frozenset(value) if isinstance(value, Mapping) else frozenset()

    def _good_name(self, name: str, place: Place) -> bool:
        around = self._around
        taken = around.destinations if place[0] == "destinations" else around.trackers
        if not _NAME.fullmatch(name):
            self._values.wrong(place, "a name has lower-case letters, digits, - and _; 40 at most; it is left out")
        elif name in RESERVED:
            self._values.wrong(place, "this word has a meaning of its own; choose another name; it is left out")
        elif any(one.name == name for one in taken):
            self._values.wrong(place, "the environment sets up one of that name; choose another; this one is left out")
        else:
            return True
        return False

    def _destination(self, name: str, table: Mapping[str, Any], place: Place) -> Destination | None:
        kinds = {channel.name: channel for channel in channels.discover()}
        kind = self._kind(table, place, CHANNEL, kinds)
        options = self._options(kind, table, place, (CHANNEL,)) if kind is not None else None
        return Destination(name=name, channel=kind, options=options) if kind is not None and options else None

    def _tracker(self, name: str, table: Mapping[str, Any], place: Place) -> TrackerDestination | None:
        kinds = {tracker.name: tracker for tracker in tickets.discover()}
        kind = self._kind(table, place, TRACKER, kinds)
        close = self._values.truth(table[CLOSE.name], (*place, CLOSE.name)) if CLOSE.name in table else False
        options = self._options(kind, table, place, (TRACKER, CLOSE)) if kind is not None else None
        if kind is None or options is None or close is None:
            return None
        return TrackerDestination(name=name, tracker=kind, options=options, close_on_resolution=close)

    def _kind(self, table: Mapping[str, Any], place: Place, key: Key, kinds: Mapping[str, T]) -> T | None:
        if key.name not in table:
            self._values.wrong(place, f"{key.name} is missing; it is left out")
            return None
        word = self._values.word(table[key.name], (*place, key.name), kinds, f"a {key.name}")
        return kinds[word] if word is not None else None

    def _options(
        self, kind: Channel | Tracker, table: Mapping[str, Any], place: Place, own: tuple[Key, ...]
    ) -> Options | None:
        """Return what the fields of one entry hold, ``None`` where anything of it is wrong."""
        before = self._values.mistakes
        self._values.keys(table, place, [*(key.name for key in own), *(one.name for one in kind.fields)])
        for one in kind.fields:
            if one.required and one.name not in table:
                how = ' = { env = "PULLMEDIC_..." }' if one.secret else ""
                self._values.wrong(place, f"{one.name}{how} is missing; it is left out")
        values = {one.name: one.default for one in kind.fields if not one.secret}
        secrets: dict[str, Secret] = {}
        for one in kind.fields:
            if one.name in table and one.secret:
                secrets |= self._secret(table[one.name], one, (*place, one.name))
            elif one.name in table:
                values[one.name] = self._open(table[one.name], (*place, one.name)) or ""
        around = self._around
        options = Options(values=values, secrets=secrets, more_hosts=around.more_hosts, client_id=around.client_id)
        if self._values.mistakes == before:
            for name, problem in kind.problems(options).items():
                self._values.wrong((*place, name), f"{problem}; it is left out")
        return options if self._values.mistakes == before else None

    def _open(self, value: Any, place: Place) -> str | None:
        """Read an open field: a text; a number or a truth is written as the environment would have it."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int) and abs(value) < 10**12:
            return str(value)
        if isinstance(value, Mapping):
            self._values.wrong(place, "a text is expected: this field is no secret")
            return None
        return self._values.text(value, place, _LONGEST_VALUE)

    def _secret(self, value: Any, one: Field, place: Place) -> dict[str, Secret]:
        """Read ``{ env = "PULLMEDIC_..." }``.

        Only variables of that prefix, so that whoever may write the file cannot send the app's other secrets anywhere.
        """
        form = '{ env = "PULLMEDIC_..." }'
        if not isinstance(value, Mapping):
            self._values.wrong(
                place, f"a secret does not stand in the file: write {form} and set that variable; it is left out"
            )
            return {}
        name = value.get("env")
        if set(value) != {"env"} or not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            self._values.wrong(place, f"{form} is expected, a variable whose name begins with PULLMEDIC_")
            return {}
        self._variables.add(name)
        text = self._around.environ.get(name, "").strip()
        if text.startswith(_REFERENCE):
            unresolved = "was not resolved: check the app's identity and its right on the secret"
            self._values.wrong(place, f"the Key Vault reference in {name} {unresolved}; it is left out")
            return {}
        if not text and one.required:
            self._values.wrong(place, f"the variable {name} is not set; it is left out")
            return {}
        return {one.name: Secret(text)} if text else {}

    # --- defaults -----------------------------------------------------------------------------------------

    def _defaults(
        self, destinations: tuple[Destination, ...], trackers: tuple[TrackerDestination, ...]
    ) -> FileSettings:
        table = self._section("defaults")
        self._values.keys(table, ("defaults",), DEFAULTS)
        around = self._around
        named: dict[str, Destination | tuple[Destination, ...]] = {
            one.name: one for one in (*around.destinations, *around.fallbacks, *destinations)
        }
        queues: dict[str, TrackerDestination | tuple[TrackerDestination, ...]] = {
            one.name: one for one in (*around.trackers, *trackers)
        }
        to = self._named(table, "to", named, None)
        if to == ():
            self._values.wrong(
                ("defaults", "to"), "somebody has to hear what no route takes: name who, or leave it out"
            )
        made = FileSettings(
            destinations=destinations,
            trackers=trackers,
            to=to or None,
            tickets=self._named(table, "tickets", queues, None),
            fallbacks=self._named(table, "fallback", named, None) or (),
        )
        default = _default_destinations(made, around)
        wide: dict[str, Destination | tuple[Destination, ...]] = {**named, DEFAULT_WORD: default}
        return replace(
            made,
            default=default,
            insufficient_evidence=self._named(table, "insufficient_evidence", wide, default),
            not_registry=self._named(table, "not_registry", wide, default),
            nobody=frozenset(key.name for key in DEFAULTS if table.get(key.name) == []),
        )

    def _named(
        self,
        table: Mapping[str, Any],
        key: str,
        known: Mapping[str, V | tuple[V, ...]],
        instead: tuple[V, ...] | None,
    ) -> tuple[V, ...] | None:
        """Return the places that a list of the defaults names, ``None`` where it is not there.

        A wrong name is left out; where nothing is left of a wrong list, ``instead`` hears.
        """
        if key not in table:
            return None
        found = self._some(table[key], ("defaults", key), known)
        if found is None or (not found.items and not found.whole):
            return instead
        return _flat(found.items)

    def _some(self, value: Any, place: Place, known: Mapping[str, V | tuple[V, ...]]) -> Read[tuple[V, ...]] | None:
        section = "trackers" if place[-1] == "tickets" else "destinations"
        what = f"a {section[:-1]}"
        left_out = {name for name in self._section_names(section) if name not in known}

        def read(item: Any, at: Place) -> tuple[V, ...] | None:
            if isinstance(item, str) and item in left_out:
                self._values.wrong(at, f"the {section[:-1]} of this name is wrong and left out")
                return None
            word = self._values.word(item, at, known, what)
            if word is None:
                return None
            found = known[word]
            return found if isinstance(found, tuple) else (found,)

        return self._values.items(value, place, read)

    # --- routes -------------------------------------------------------------------------------------------

    def _routes(self, made: FileSettings, default: tuple[Destination, ...]) -> tuple[Route, ...]:
        around = self._around
        named: dict[str, Destination | tuple[Destination, ...]] = {
            one.name: one for one in (*around.destinations, *around.fallbacks, *made.destinations)
        }
        named[DEFAULT_WORD] = default
        queues: dict[str, TrackerDestination | tuple[TrackerDestination, ...]] = {
            one.name: one for one in (*around.trackers, *made.trackers)
        }
        return tuple(
            self._route(value, ("routes", index), named, queues, default)
            for index, value in enumerate(self._tables("routes", MOST_ROUTES))
        )

    def _tables(self, section: str, most: int) -> Sequence[Any]:
        entries = self._parsed.get(section, [])
        if not isinstance(entries, list):
            self._values.wrong((section,), f"[[{section}]] tables are expected")
            # Whatever it was meant to say: one wrong entry stands for it.
            return [None] if section == "routes" else []
        if len(entries) > most:
            self._values.wrong((section,), f"it has {len(entries)} entries; {most} are read")
        return entries[:most]

    def _route(
        self,
        value: Any,
        place: Place,
        named: Mapping[str, Destination | tuple[Destination, ...]],
        queues: Mapping[str, TrackerDestination | tuple[TrackerDestination, ...]],
        default: tuple[Destination, ...],
    ) -> Route:
        before = self._values.mistakes
        table = self._values.table(value, place)
        if table is None:
            return Route(
                name=place_text(place), place=self._places(place), to=default or None, goes_on=True, wrong=True
            )
        name = self._values.text(table["name"], (*place, "name"), 60) if "name" in table else None
        known = self._values.keys(table, place, ROUTE)
        when, without, readable = (
            self._conditions.read(table["when"], (*place, "when"))
            if "when" in table
            else (Condition(), frozenset[str](), known)
        )
        goes_on = self._values.truth(table["continue"], (*place, "continue")) if "continue" in table else False
        to = self._some(table["to"], (*place, "to"), named) if "to" in table else None
        queue = self._some(table["tickets"], (*place, "tickets"), queues) if "tickets" in table else None
        severity = None
        if "severity" in table:
            word = self._values.word(table["severity"], (*place, "severity"), tuple(Severity), "a severity")
            severity = Severity(word) if word is not None else None
        if "to" not in table and goes_on is False:
            self._values.wrong(place, "to is missing: name who hears; [] is nobody")
        route = Route(
            name=name or place_text(place),
            place=self._places(place),
            when=when,
            without_cause=without,
            to=_flat(to.items) if to is not None else None,
            tickets=_flat(queue.items) if queue is not None else None,
            severity=severity,
            goes_on=goes_on is True,
        )
        if self._values.mistakes == before:
            return route
        on = route.goes_on or goes_on is None or not readable or not known
        return replace(route, to=default or None, tickets=None, goes_on=on, wrong=True)

    # --- silences and pacing ------------------------------------------------------------------------------

    def _silences(self) -> tuple[Silence, ...]:
        entries = self._tables("silences", MOST_SILENCES)
        found = (self._silence(value, ("silences", index)) for index, value in enumerate(entries))
        return tuple(silence for silence in found if silence is not None)

    def _silence(self, value: Any, place: Place) -> Silence | None:
        before = self._values.mistakes
        table = self._values.table(value, place)
        if table is None:
            return None
        self._values.keys(table, place, SILENCE)
        until = self._values.moment(table["until"], (*place, "until")) if "until" in table else None
        starts = self._values.moment(table["from"], (*place, "from")) if "from" in table else None
        reason = self._values.text(table["reason"], (*place, "reason")) if "reason" in table else None
        when = Condition()
        if "when" in table:
            when, _, readable = self._conditions.read(table["when"], (*place, "when"))
            if readable and when.empty:
                everything = '{ workspaces = ["*"] } is everything'
                self._values.wrong((*place, "when"), f"at least one condition is expected; {everything}")
        if until is not None:
            self._check_length(until, starts, place)
        if self._values.mistakes != before or until is None:
            return None
        return Silence(until=until, starts=starts, reason=reason or "", when=when, place=self._places(place))

    def _check_length(self, until: datetime, starts: datetime | None, place: Place) -> None:
        now = self._around.now
        at = (*place, "until")
        if starts is not None and until <= starts:
            self._values.wrong(at, "it ends before it starts")
        elif until - (starts or now) > LONGEST_SILENCE:
            self._values.wrong(at, f"a silence lasts {LONGEST_SILENCE.days} days at most; it is left out")
        elif until <= now:
            self._values.wrong(at, "it has ended: take the silence out", warning=True)

    def _pacing(self) -> Pacing:
        table = self._section("incidents")
        self._values.keys(table, ("incidents",), INCIDENTS)
        read: dict[Kind, Callable[[Any, Place, Key], Any]] = {
            Kind.DURATION: self._values.span,
            Kind.COUNT: self._values.number,
            Kind.COUNTS: self._values.numbers,
        }
        found: dict[str, Any] = {}
        for key in INCIDENTS:
            if key.name in table:
                value = read[key.kind](table[key.name], ("incidents", key.name), key)
                found |= {key.name: value} if value is not None else {}
        made = Pacing(**found)
        if made.keep_for < max(made.resolve_stale_after, made.reopen_within):
            usual = Pacing()
            self._values.wrong(
                ("incidents", "keep_for"),
                "incidents would be forgotten before they are resolved or could be reopened: it has to be at least "
                "resolve_stale_after and reopen_within; the defaults of all three are used",
            )
            return replace(
                made,
                keep_for=usual.keep_for,
                resolve_stale_after=usual.resolve_stale_after,
                reopen_within=usual.reopen_within,
            )
        return made

    # --- what is not wrong but hardly meant ---------------------------------------------------------------

    def _warn(self, made: FileSettings, routes: tuple[Route, ...]) -> None:
        self._warn_of_unreached(routes)
        if made.to is None and not self._around.destinations and len(made.default) > 1:
            said = "no default destinations are named in [defaults]: every destination hears what no route takes"
            self._values.wrong(("destinations",), said, warning=True)
        heard = {one.name for one in made.default}
        lists = (*(route.to for route in routes), made.fallbacks, made.insufficient_evidence, made.not_registry)
        heard |= {one.name for some in lists for one in some or ()}
        heard.add(self._around.environ.get(DRILL, "").strip())
        for one in made.destinations:
            if one.name not in heard:
                said = "nothing is sent there: no route and no default names it"
                self._values.wrong(("destinations", one.name), said, warning=True)

    def _warn_of_unreached(self, routes: tuple[Route, ...]) -> None:
        names: dict[str, str] = {}
        ends = ""
        for index, route in enumerate(routes):
            if route.name in names:
                said = f"{names[route.name]} has the same name"
                self._values.wrong(("routes", index), said, warning=True)
            names.setdefault(route.name, place_text(("routes", index)))
            if ends:
                said = f"it is never asked: {ends} takes everything before it"
                self._values.wrong(("routes", index), said, warning=True)
            elif route.when.empty and not route.goes_on:
                ends = place_text(("routes", index))


def _default_destinations(made: FileSettings, around: Surroundings) -> tuple[Destination, ...]:
    """Return who hears what no route takes: as the file says, else the environment's, else all of the file's."""
    if made.to:
        return made.to
    if around.destinations:
        return around.destinations
    only_fallback = {one.name for one in made.fallbacks}
    return tuple(one for one in made.destinations if one.name not in only_fallback) or made.destinations


def _flat(found: Iterable[tuple[V, ...]]) -> tuple[V, ...]:
    by_name = {one.name: one for some in found for one in some}
    return tuple(by_name.values())


def _once(ask: Callable[[], Collection[str]]) -> Callable[[], Collection[str]]:
    """Return ``ask``, asked once at most."""
    said: list[Collection[str]] = []

    def answer() -> Collection[str]:
        if not said:
            said.append(ask())
        return said[0]

    return answer
