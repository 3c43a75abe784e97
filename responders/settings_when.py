"""The conditions of a settings file: what has to be true for a route or a silence."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, time, tzinfo
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from responders.globs import Glob
from responders.rules import WITHOUT_CAUSE, Condition, Hours, Severity
from responders.settings_keys import DAYS, MOST_ITEMS, STATUSES, WHEN
from responders.settings_places import Place
from responders.settings_values import Values

__all__ = ["Conditions"]

T = TypeVar("T")

_HOURS = re.compile(r"([01]?\d|2[0-4]):([0-5]\d) ?- ?([01]?\d|2[0-4]):([0-5]\d)", re.ASCII)
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,30}(/[A-Za-z0-9_+-]{1,30}){0,2}")
_WHOLE_DAY = 24 * 60


class Conditions:
    """Reads ``when`` tables."""

    def __init__(self, values: Values, causes: Callable[[], Collection[str]]) -> None:
        self._values = values
        self._causes = causes

    def read(self, value: Any, place: Place) -> tuple[Condition, frozenset[str], bool]:
        """Return the condition by what can be read of it, the verdicts without a cause that it names, and whether
        that is all of it. A member with a mistake asks for nothing.
        """
        before = self._values.mistakes
        table = self._values.table(value, place)
        if table is None:
            return Condition(), frozenset(), False
        self._values.keys(table, place, WHEN)
        named = table.get("causes")
        without = frozenset(named if isinstance(named, list) else ()) if _are_texts(named) else frozenset()
        condition = Condition(
            workspaces=self._list(table, "workspaces", place, self._values.glob),
            experiments=self._list(table, "experiments", place, self._values.glob),
            tags=self._tags(table, place),
            causes=self._list(table, "causes", place, self._cause),
            statuses=frozenset(self._list(table, "statuses", place, self._status)),
            severities=frozenset(self._list(table, "severities", place, self._severity)),
            hours=self._hours(table, place),
        )
        return condition, without & frozenset(WITHOUT_CAUSE), self._values.mistakes == before

    def _list(
        self, table: Mapping[str, Any], key: str, place: Place, read: Callable[[Any, Place], T | None]
    ) -> tuple[T, ...]:
        if key not in table:
            return ()
        found = self._values.items(table[key], (*place, key), read)
        if found is not None and found.whole and not found.items:
            self._values.wrong((*place, key), "it is empty and would match nothing; leave it out to match everything")
        return found.items if found is not None and found.whole else ()

    def _cause(self, value: Any, place: Place) -> Glob | None:
        glob = self._values.glob(value, place)
        known = (*self._causes(), *WITHOUT_CAUSE)
        if glob is None:
            return None
        if glob.plain:
            word = self._values.word(glob.text, place, known, "a cause")
            return Glob(word) if word is not None else None
        if not any(glob.matches(cause) for cause in known):
            self._values.wrong(place, "no cause matches this pattern")
            return None
        return glob

    def _status(self, value: Any, place: Place) -> str | None:
        return self._values.word(value, place, STATUSES, "a status")

    def _severity(self, value: Any, place: Place) -> Severity | None:
        word = self._values.word(value, place, tuple(Severity), "a severity")
        return Severity(word) if word is not None else None

    def _tags(self, table: Mapping[str, Any], place: Place) -> Mapping[str, tuple[Glob, ...]]:
        if "tags" not in table:
            return {}
        at = (*place, "tags")
        tags = self._values.table(table["tags"], at)
        if tags is None:
            return {}
        if not tags or len(tags) > MOST_ITEMS:
            self._values.wrong(at, f"between 1 and {MOST_ITEMS} tags are expected")
            return {}
        found = {}
        for name, written in tags.items():
            globs = self._values.items(
                written if isinstance(written, list) else [written], (*at, name), self._values.glob
            )
            if globs is not None and globs.whole and globs.items:
                found[name] = globs.items
            elif globs is not None and not globs.items and globs.whole:
                self._values.wrong((*at, name), "it is empty and would match nothing")
        return found

    def _hours(self, table: Mapping[str, Any], place: Place) -> Hours | None:
        if "hours" not in table and "days" not in table:
            if "timezone" in table:
                self._values.wrong((*place, "timezone"), "it has no effect without hours or days", warning=True)
                self._zone(table, place)
            return None
        zone = self._zone(table, place)
        clock = self._clock(table, place)
        days = self._days(table, place)
        if zone is None or clock is None or days is None:
            return None
        words = f"{table.get('hours', 'all day')}, {', '.join(table.get('days', ['every day']))}, {zone}"
        return Hours(since=clock[0], until=clock[1], days=days, zone=zone, words=words)

    def _zone(self, table: Mapping[str, Any], place: Place) -> tzinfo | None:
        if "timezone" not in table:
            return UTC
        name = table["timezone"]
        if name == "UTC":
            return UTC
        try:
            if isinstance(name, str) and _ZONE.fullmatch(name):
                return ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # no such zone, no zone at all, a folder of zones
            pass
        self._values.wrong((*place, "timezone"), "no such time zone; an IANA name is expected, such as Europe/Berlin")
        return None

    def _clock(self, table: Mapping[str, Any], place: Place) -> tuple[time, time | None] | None:
        if "hours" not in table:
            return time(0), None
        written = table["hours"]
        found = _HOURS.fullmatch(written.strip()) if isinstance(written, str) else None
        since, until = (_minutes(found, 1), _minutes(found, 3)) if found else (0, 0)
        if since == until or since >= _WHOLE_DAY or until > _WHOLE_DAY:
            self._values.wrong((*place, "hours"), "two times of day are expected: 08:00-18:00")
            return None
        end = None if until in (0, _WHOLE_DAY) else time(until // 60, until % 60)
        return time(since // 60, since % 60), end

    def _days(self, table: Mapping[str, Any], place: Place) -> frozenset[int] | None:
        if "days" not in table:
            return frozenset(range(7))
        found = self._values.items(table["days"], (*place, "days"), self._some_days)
        if found is None or not found.whole:
            return None
        if not found.items:
            self._values.wrong((*place, "days"), "it is empty and would match nothing")
            return None
        return frozenset[int]().union(*found.items)

    def _some_days(self, value: Any, place: Place) -> frozenset[int] | None:
        parts = value.strip().lower().split("-") if isinstance(value, str) and len(value) < 30 else []
        numbers = [DAYS.index(part[:3]) for part in parts if part[:3] in DAYS and part.isalpha()]
        if not parts or len(numbers) != len(parts) or len(parts) > 2:
            self._values.wrong(place, "a day is expected, mon to sun, or two with a hyphen: mon-fri")
            return None
        first, last = numbers[0], numbers[-1]
        return frozenset((first + step) % 7 for step in range((last - first) % 7 + 1))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _minutes(found: re.Match[str], group: int) -> int:
    return int(found.group(group)) * 60 + int(found.group(group + 1))
