"""How both stores keep the text of an entity: its body and the names that others chose for it."""

from __future__ import annotations

import re

from responders.store import MOST_UNITS, RecordTooLarge

__all__ = ["kept_body", "kept_name", "name_from"]

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def kept_body(body: str) -> str:
    """Return ``body`` (JSON text) with lone surrogates, which UTF-8 cannot hold, as the escapes that JSON has for
    them.

    Raises :class:`RecordTooLarge`.
    """
    kept = _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", body)
    units = len(kept.encode("utf-16-le")) // 2
    if units > MOST_UNITS:
        raise RecordTooLarge(f"a body of {units} UTF-16 units; {MOST_UNITS} fit")
    return kept


def kept_name(name: str) -> str:
    """Return a partition or a key as ASCII that an operator can read and :func:`name_from` reads back.

    JSON would not do: it joins two halves of a pair that stood apart. Raises :class:`RecordTooLarge`.
    """
    kept = name.encode("unicode_escape").decode("ascii")
    if len(kept) > MOST_UNITS:
        raise RecordTooLarge(f"a name of {len(kept)} characters when escaped; {MOST_UNITS} fit")
    return kept


def name_from(kept: str) -> str:
    """Return the name that :func:`kept_name` made ``kept`` from."""
    return kept.encode("ascii").decode("unicode_escape")
