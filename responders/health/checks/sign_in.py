"""App Service authentication, where the incident page is on: it alone tells who is there."""

from __future__ import annotations

from collections.abc import Iterator

from diagnostics.azure.cli import az
from responders.health import OFTEN, Check, Result, State
from responders.health.deployment import Deployment
from responders.pages.identity import sign_in
from responders.settings import PAGE_KEY

__all__ = ["CHECK"]


def _look(at: Deployment) -> Iterator[Result]:
    page = at.settings.page_url
    if not page:
        return
    what = "sign-in to the incident page"
    found = sign_in(at.environ)
    if not found.hosted:
        why = "only the app itself sees whether App Service authentication is on: ask it (/api/health/report)"
        yield Result(what=what, state=State.NOT_VISIBLE, scope=page, details=(why,))
    elif not found.on:
        why = "App Service authentication is off: the page shows nothing to anybody (docs/incident-page.md)"
        yield Result(what=what, state=State.MISSING, scope=page, details=(why,), commands=(_switch_on(at),))
    elif not found.tenant:
        why = "people of any tenant can sign in: the page shows itself to members of approvers.groups alone"
        yield Result(what=what, state=State.NOTE, scope=page, details=(why,))
    else:
        yield Result(what=what, state=State.OK, scope=page, details=(f"people of the tenant {found.tenant}",))
    if at.settings.page_key is None:
        why = f"{PAGE_KEY.name} is not set: the page shows incidents, and nothing can be decided there"
        yield Result(what="key of the page's forms", state=State.NOTE, details=(why,))


def _switch_on(at: Deployment) -> str:
    group = at.environ.get("WEBSITE_RESOURCE_GROUP", "") or "GROUP"
    where = ("--name", at.app or "APP", "--resource-group", group)
    return az("webapp", "auth", "update", *where, "--enabled", "true", "--action", "AllowAnonymous")


CHECK = Check(name="sign-in", title="Sign-in", place=90, look=_look, fresh_for=OFTEN)
