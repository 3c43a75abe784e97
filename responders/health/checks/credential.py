"""Who we are to Azure: whether there is a token for Resource Manager, whose it is, and in which cloud."""

from __future__ import annotations

from collections.abc import Iterator

from diagnostics.azure.cli import az
from diagnostics.azure.clouds import cloud_named
from diagnostics.azure.errors import NoCredential, ReadFailed
from responders.health import OFTEN, Check, Result, State
from responders.health.deployment import Deployment, Identity
from responders.settings import CLIENT_ID, CLOUD

__all__ = ["CHECK"]


def _look(at: Deployment) -> Iterator[Result]:
    cloud = cloud_named(at.settings.cloud.value)
    where = cloud.resource_manager
    try:
        who = at.reader()
    except NoCredential as error:
        details = (str(error), f"the cloud is {cloud.name} by {CLOUD.name}")
        yield Result(
            what="token", state=State.MISSING, scope=where, details=details, commands=(_log_in(at),), vital=True
        )
        return
    except ReadFailed as error:
        yield Result(what="token", state=State.NOT_VISIBLE, scope=where, details=(str(error),), vital=True)
        return
    yield Result(what="token", state=State.OK, scope=where, details=(f"cloud {cloud.name}",), vital=True)
    yield _whose(at, who)


def _whose(at: Deployment, who: Identity) -> Result:
    described = [f"object id {who.object_id or 'unknown'}"]
    described += [f"client id {who.client_id}"] if who.client_id else []
    described += [f"tenant {who.tenant}"] if who.tenant else []
    told = ", ".join(described)
    if at.principal:
        hint = f"the rights that follow are those of {at.principal}"
        return Result(what="identity", state=State.NOTE, scope=who.name, details=(f"who asks: {told}", hint))
    wanted = at.settings.client_id
    if who.kind == "User":
        hint = "the rights that follow are those of whoever runs this, not the app's: name its identity (--identity "
        hint += "OBJECT_ID), or ask the app itself (/api/health/report)"
        return Result(what="identity", state=State.NOTE, scope=who.name, details=(f"a person, {told}", hint))
    if wanted and who.client_id and who.client_id.lower() != wanted:
        why = f"{CLIENT_ID.name} names the client id {wanted}, and this token is another identity's"
        return Result(what="identity", state=State.WRONG, details=(told, why))
    return Result(what="identity", state=State.OK, details=(told,))


def _log_in(at: Deployment) -> str:
    if not at.app:
        return az("login")
    group = at.environ.get("WEBSITE_RESOURCE_GROUP", "") or "GROUP"
    return az("functionapp", "identity", "show", "--name", at.app, "--resource-group", group)


CHECK = Check(name="credential", title="Credential", place=20, look=_look, fresh_for=OFTEN, vital=True)
