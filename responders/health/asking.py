"""Asks a messaging service or a tracker something that nobody hears of, and says what the answer means."""

from __future__ import annotations

from collections.abc import Callable

from responders.health import Result, State
from responders.sending import Refused, TryLater, Unreachable

__all__ = ["NEVER_SENT", "ask"]

NEVER_SENT = "pullmedic-doctor"
"""A key under which nothing is ever sent."""


def ask(what: str, scope: str, question: Callable[[], str]) -> Result:
    """Return what ``question`` proves, in a sentence; a service that cannot answer now is *not visible*."""
    try:
        return Result(what=what, state=State.OK, scope=scope, details=(question(),))
    except Refused as error:
        return Result(what=what, state=State.WRONG, scope=scope, details=(str(error),))
    except Unreachable as error:
        why = f"not reachable: {error}; check the name, the app's network and a proxy in between"
        return Result(what=what, state=State.WRONG, scope=scope, details=(why,))
    except TryLater as error:
        return Result(what=what, state=State.NOT_VISIBLE, scope=scope, details=(str(error),))
