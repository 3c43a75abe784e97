"""Single values of a settings file: read, checked, and every problem kept with its place.

No value is shown in a problem unless it resembles a name that exists, since it could be a secret in the wrong place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

from responders.declarations import Problem
from responders.durations import duration, duration_text
from responders.globs import LONGEST_GLOB, Glob
from responders.settings_keys import MOST_ITEMS, Key
from responders.settings_places import Place, Places

__all__ = ["Read", "Values"]

T = TypeVar("T")

_MOST_PROBLEMS = 100
_LONGEST_TEXT = 300
_LONGEST_WORD = 60


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """The items of a list that can be used, and whether these are all of it."""

    items: tuple[T, ...]
    whole: bool


class Values:
    """Reads single values and keeps what is wrong with them; a value that cannot be used is ``None``."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._untold = 0
        self.problems: list[Problem] = []

    def wrong(self, place: Place, message: str, *, warning: bool = False) -> None:
        """Keep a problem; beyond a hundred only their number."""
        if len(self.problems) >= _MOST_PROBLEMS:
            self._untold += not warning
            return
        self.problems.append(Problem(self._places(place), message, warning=warning))

    def told(self) -> tuple[Problem, ...]:
        """Return every problem; beyond the first hundred the number of further mistakes."""
        if self._untold:
            return (*self.problems, Problem(self._places(()), f"and {self._untold} further mistakes"))
        return tuple(self.problems)

    @property
    def mistakes(self) -> int:
        """How many problems so far change what runs."""
        return sum(not problem.warning for problem in self.problems) + self._untold

    def table(self, value: Any, place: Place) -> Mapping[str, Any] | None:
        """Read a table."""
        if isinstance(value, Mapping):
            return value
        self.wrong(place, "a table is expected")
        return None

    def keys(self, table: Mapping[str, Any], place: Place, known: Iterable[Key | str]) -> bool:
        """Tell whether every key of ``table`` is known, and whether none is missing that is required."""
        names = [key if isinstance(key, str) else key.name for key in known]
        strange = [key for key in table if key not in names]
        for key in strange:
            self.wrong((*place, key), f"no such key{meant(key, names)}")
        required = [key.name for key in known if isinstance(key, Key) and key.required]
        missing = [name for name in required if name not in table]
        for name in missing:
            self.wrong(place, f"{name} is missing")
        return not strange and not missing

    def text(self, value: Any, place: Place, longest: int = _LONGEST_TEXT) -> str | None:
        """Read a printable text of at most ``longest`` characters."""
        if not isinstance(value, str) or not value.strip():
            self.wrong(place, "a text is expected")
        elif len(value) > longest:
            self.wrong(place, f"it has {len(value)} characters; {longest} fit")
        elif not value.isprintable():
            self.wrong(place, "it holds a control character")
        else:
            return value.strip()
        return None

    def truth(self, value: Any, place: Place) -> bool | None:
        """Read a truth."""
        if isinstance(value, bool):
            return value
        self.wrong(place, "true or false is expected")
        return None

    def number(self, value: Any, place: Place, key: Key) -> int | None:
        """Read a whole number within the key's bounds."""
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong(place, "a whole number is expected")
        elif not key.least <= value <= key.most:
            self.wrong(place, f"a number from {key.least} to {key.most} is expected")
        else:
            return value
        return None

    def numbers(self, value: Any, place: Place, key: Key) -> tuple[int, ...] | None:
        """Read rising whole numbers within the key's bounds."""
        read = self.items(value, place, lambda item, at: self.number(item, at, key))
        if read is None or not read.whole:
            return None
        if list(read.items) != sorted(set(read.items)):
            self.wrong(place, "the numbers have to rise")
            return None
        return read.items

    def span(self, value: Any, place: Place, key: Key) -> timedelta | None:
        """Read a duration within the key's bounds."""
        try:
            found = duration(value) if isinstance(value, str) else None
        except ValueError:
            found = None
        least, most = timedelta(seconds=key.least), timedelta(seconds=key.most)
        if found is None:
            self.wrong(place, 'a duration is expected, a whole number and a unit: "90s", "10min", "2h" or "7d"')
        elif not least <= found <= most:
            self.wrong(place, f"a duration from {duration_text(least)} to {duration_text(most)} is expected")
            found = None
        return found

    def moment(self, value: Any, place: Place) -> datetime | None:
        """Read a date and time with an offset; TOML has it as a value of its own, a text of the same form will do."""
        found = value
        if isinstance(value, str):
            try:
                found = datetime.fromisoformat(value.strip())
            except ValueError:
                found = None
        if not isinstance(found, datetime) or found.tzinfo is None:
            self.wrong(place, "a date and time with an offset is expected: 2026-12-01T18:00:00+01:00")
            return None
        try:
            return found.astimezone(UTC)
        except (OverflowError, ValueError):
            self.wrong(place, "this time is none that can be reckoned with")
            return None

    def items(self, value: Any, place: Place, read: Callable[[Any, Place], T | None]) -> Read[T] | None:
        """Read each item by ``read``; ``None`` where it is no list at all."""
        if not isinstance(value, list):
            self.wrong(place, "a list is expected: [...]")
            return None
        if len(value) > MOST_ITEMS:
            self.wrong(place, f"it has {len(value)} items; {MOST_ITEMS} are read")
        found = [read(item, (*place, index)) for index, item in enumerate(value[:MOST_ITEMS])]
        items = tuple(item for item in found if item is not None)
        return Read(items, whole=len(items) == len(value))

    def word(self, value: Any, place: Place, known: Collection[str], what: str) -> str | None:
        """Read one of the ``known`` words."""
        if isinstance(value, str) and value in known:
            return value
        if not isinstance(value, str):
            self.wrong(place, f"the name of {what} is expected")
            return None
        listed = f"; there are {', '.join(sorted(known))}" if 0 < len(known) <= 12 else ""
        near = meant(value, known)
        shown = f" {value}" if near and len(value) <= _LONGEST_WORD and value.isprintable() else ""
        self.wrong(
            place, f"no {what.split(' ', 1)[1]} {f'is called{shown}' if shown else 'has this name'}{near or listed}"
        )
        return None

    def glob(self, value: Any, place: Place) -> Glob | None:
        """Read a pattern."""
        text = self.text(value, place, LONGEST_GLOB)
        return Glob(text) if text is not None else None


def meant(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word[:_LONGEST_WORD], list(known), n=1, cutoff=0.7)
    return f"; is {near[0]} meant?" if near else ""
