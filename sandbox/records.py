"""What the sandbox saw: calls, refusals, violations and messages, recorded from many threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

_T = TypeVar("_T")

__all__ = ["Call", "Message", "Recorder", "Refusal", "Violation", "Write"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request that reached the sandbox. ``status`` 0 is a connection cut without an answer.

    ``path`` carries the query; ``started`` is monotonic, in seconds; headers are lower case, without
    credentials. ``body`` is as it was sent, a request for a token's own secret included.
    """

    method: str
    host: str
    path: str
    status: int
    started: float
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that the sandbox serves no answer for: an unknown host, a path or method that is not
    simulated.
    """

    method: str
    host: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Violation:
    """A request that no careful client would send, with the rule that it broke."""

    method: str
    host: str
    path: str
    rule: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message that a channel accepted, in order of arrival; ``payload`` as sent, read from JSON."""

    channel: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Write:
    """A change that was made. ``caller`` is the object id of who asked, ``created`` whether something new came to be,
    ``body`` what was asked for, ``correlation_id`` the activity log's.
    """

    method: str
    path: str
    caller: str
    created: bool
    body: Any
    correlation_id: str = ""


@dataclass(slots=True)
class Recorder:
    """Collects records from many threads; every property is a copy taken under the lock."""

    clock: Callable[[], float] = time.monotonic
    _entries: list[Any] = field(default_factory=list)
    _hosts: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, entry: Call | Refusal | Violation | Message | Write) -> None:
        """Record one entry."""
        with self._lock:
            self._entries.append(entry)

    def connected(self, host: str) -> None:
        """Record that a connection to a host was asked for, whatever comes of it."""
        with self._lock:
            self._hosts.append(host)

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._hosts.clear()

    def _of(self, kind: type[_T]) -> list[_T]:
        with self._lock:
            return [entry for entry in self._entries if isinstance(entry, kind)]

    @property
    def calls(self) -> list[Call]:
        """Every request, refused ones included, in the order in which they were answered."""
        return self._of(Call)

    @property
    def refused(self) -> list[Refusal]:
        """What was asked and is not served."""
        return self._of(Refusal)

    @property
    def violations(self) -> list[Violation]:
        """What should never have been sent."""
        return self._of(Violation)

    @property
    def messages(self) -> list[Message]:
        """What the channels accepted."""
        return self._of(Message)

    @property
    def writes(self) -> list[Write]:
        """What was changed, in order."""
        return self._of(Write)

    @property
    def hosts(self) -> list[str]:
        """The hosts that connections were asked for, in order."""
        with self._lock:
            return list(self._hosts)
