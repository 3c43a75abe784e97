"""Plain values as typed ones, from any number of threads.

msgspec looks at a type once, when a value of it is first read, and keeps what it found on the type itself before it has
found all. A second thread that comes meanwhile reads what is not there yet, and the whole process dies of it (seen with
msgspec 0.22.0). Four events that wake a new worker at once are four such threads.
"""

from __future__ import annotations

from threading import Lock
from typing import Any, TypeVar, overload

import msgspec

__all__ = ["know", "shaped"]

T = TypeVar("T")

_KNOWN: set[Any] = set()
_LOOKING = Lock()


def know(kind: Any) -> None:
    """Look at ``kind`` and all its parts, unless that was done: its first value is then read as fast as any other."""
    if kind not in _KNOWN:
        with _LOOKING:
            msgspec.json.Decoder(kind)  # noqa: TID251 - looks at all parts of the type, alone
            _KNOWN.add(kind)


@overload
def shaped(plain: object, kind: type[T]) -> T: ...
@overload
def shaped(plain: object, kind: Any) -> Any: ...
def shaped(plain: object, kind: Any) -> Any:
    """Return ``plain``, as JSON gives it, as a value of ``kind``: a dataclass, a struct or what is made of these.

    Raises :class:`msgspec.ValidationError` where it is none.
    """
    know(kind)
    return msgspec.convert(plain, kind)  # noqa: TID251 - every part of the type is known
