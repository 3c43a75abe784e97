"""The settings: every mistake that ``validate`` knows, the settings file, and what ends by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from diagnostics.azure.cli import az
from responders.health import OFTEN, Check, Result, State
from responders.health.deployment import Deployment
from responders.settings import FILE

__all__ = ["CHECK"]

_SOON = timedelta(days=30)


def _look(at: Deployment) -> Iterator[Result]:
    for problem in at.problems:
        state = State.NOTE if problem.warning else State.WRONG
        yield Result(what=problem.setting, state=state, details=(problem.message,))
    if not any(not problem.warning for problem in at.problems):
        yield Result(what="settings", state=State.OK, details=("no mistake",), vital=True)
    named = at.environ.get(FILE.name, "").strip()
    if at.settings.file:
        yield Result(what="settings file", state=State.OK, scope=at.settings.file)
    elif named and named.lower() != "none" and not any(one.setting == FILE.name for one in at.problems):
        yield Result(what="settings file", state=State.WRONG, scope=named, details=("it could not be used",))
    if not at.settings.destinations:
        why = "no channel is set up: diagnoses go to the app's log alone (docs/messages.md)"
        group = at.environ.get("WEBSITE_RESOURCE_GROUP", "") or "GROUP"
        where = ("--name", at.app or "APP", "--resource-group", group)
        value = "PULLMEDIC_SLACK_WEBHOOK_URL=@Microsoft.KeyVault(SecretUri=SECRET_URI)"
        command = az("functionapp", "config", "appsettings", "set", *where, "--settings", value)
        yield Result(what="a channel", state=State.MISSING, details=(why,), commands=(command,))
    yield from _pre_approval(at)


def _pre_approval(at: Deployment) -> Iterator[Result]:
    policy = at.settings.fixes
    if not policy.on or policy.expires is None:
        return
    left, day = policy.expires - at.now(), f"{policy.expires:%Y-%m-%d %H:%M} UTC"
    what, place = "pre-approval of fixes", f"{at.settings.file}: fixes.expires"
    if left <= timedelta():
        why = f"it ended at {day}: no fix is made; whoever approved it sets a new date"
        yield Result(what=what, state=State.WRONG, scope=place, details=(why,))
    elif left <= _SOON:
        yield Result(what=what, state=State.NOTE, scope=place, details=(f"it ends at {day}",))
    else:
        yield Result(what=what, state=State.OK, scope=place, details=(f"until {day}",))


CHECK = Check(name="settings", title="Settings", place=10, look=_look, fresh_for=OFTEN)
