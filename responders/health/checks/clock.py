"""Our clock against a server's: signatures and tokens are refused, and "fixed since" is told wrong, by a clock that
differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from diagnostics.azure.clouds import cloud_named
from responders.health import Check, Result, State
from responders.health.deployment import Deployment

__all__ = ["CHECK"]

_LIMIT = timedelta(seconds=60)
_REFUSED = timedelta(minutes=5)
"""From where Slack's signatures ("Verifying requests from Slack") and Entra's tokens are refused."""

_HALF_A_SECOND = timedelta(seconds=0.5)
"""``Date`` is in whole seconds (RFC 9110, 6.6.1): the middle of its second is meant."""


def _look(at: Deployment) -> Iterator[Result]:
    import requests  # noqa: PLC0415 - heavy, and not needed at the app's start

    where = cloud_named(at.settings.cloud.value).resource_manager
    asked = at.now()
    try:
        # Without a token: the refusal is dated, too.
        answer = requests.get(f"{where}/subscriptions?api-version=2022-12-01", timeout=(4, 8), allow_redirects=False)
    except requests.RequestException as error:
        why = f"no answer ({type(error).__name__})"
        yield Result(what="clock", state=State.NOT_VISIBLE, scope=where, details=(why,))
        return
    answered = at.now()
    there = _date(answer.headers.get("Date", ""))
    if there is None:
        yield Result(what="clock", state=State.NOT_VISIBLE, scope=where, details=("the answer has no date",))
        return
    skew = asked + (answered - asked) / 2 - (there + _HALF_A_SECOND)
    unsure = (answered - asked) / 2 + _HALF_A_SECOND
    word = "ahead of" if skew > timedelta() else "behind"
    told = f"ours is {abs(skew).total_seconds():.0f} s {word} Azure's (±{unsure.total_seconds():.1f} s)"
    limits = f"at most {_LIMIT.total_seconds():.0f} s is right; from {_REFUSED.total_seconds():.0f} s on "
    limits += "Slack's signatures and tokens of Microsoft Entra are refused"
    wrong = abs(skew) - unsure > _LIMIT
    details = (told, f"{limits}: set the machine's clock by NTP") if wrong else (told,)
    yield Result(what="clock", state=State.WRONG if wrong else State.OK, scope=where, details=details)


def _date(header: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(header)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


CHECK = Check(name="clock", title="Clock", place=25, look=_look)
