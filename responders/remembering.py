"""What a worker found out once and every later worker may know at once: where Azure keeps what never moves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from responders.entities import SCHEMA, Records
from responders.store import Store, StoreError

__all__ = ["FRESH", "Remembered"]

FRESH = timedelta(days=7)
"""How long it is believed before it is asked anew: a workspace can be deleted and made again elsewhere."""

_PARTITION = "remembered"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    value: str
    schema: int = SCHEMA


class Remembered:
    """Texts by key, of this worker and, through the store, of those before it. Safe to use from several threads.

    It saves time and nothing else: a store that does not answer is a key that is not known.
    """

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._kept = Records(store, _Text, now)
        self._now = now
        self._own: dict[str, str] = {}

    def get(self, key: str, /) -> str | None:
        """Return what is known of ``key``."""
        known = self._own.get(key)
        if known is None and (kept := self._fetch(key)) is not None:
            known = self._own[key] = kept
        return known

    def __setitem__(self, key: str, value: str) -> None:
        self._own[key] = value
        try:
            self._kept.put(_PARTITION, key, _Text(value=value))
        except StoreError as error:
            _LOG.info("what was found out is kept by this worker alone: %s", error)

    def _fetch(self, key: str) -> str | None:
        try:
            found = self._kept.get(_PARTITION, key)
        except (StoreError, ValueError) as error:
            _LOG.info("what earlier workers found out cannot be read: %s", error)
            return None
        return found.value.value if found is not None and self._now() - found.written_at < FRESH else None
