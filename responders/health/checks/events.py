"""The way of an event: each workspace's system topic, and a subscription on it that brings ended runs to this app."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.cli import az
from diagnostics.azure.errors import NotPermitted, ReadFailed
from diagnostics.probes._shapes import member, text
from diagnostics.rights import rights
from responders.health import Check, Result, State
from responders.health.deployment import Deployment, not_visible_why, short, subscription_of
from responders.health.granting import reader_commands

__all__ = ["CHECK"]

_API = "2025-02-15"
_FUNCTION = "on_run_status_changed"
_TYPE = "Microsoft.MachineLearningServices.RunStatusChanged"
_TOPIC_TYPE = "Microsoft.MachineLearningServices.Workspaces"
_KEY = "data.runStatus"
_STATUSES = ("Failed", "Completed")
_LOST = "without it this app never hears of the workspace's failed runs"
_DROPPED = "they are dropped, and cost a delivery each"
_APP_ID, _ACCOUNT_ID = "@app@", "@account@"
_APP = "APP"
"""Stands for an app whose name is not known; a subscription is called as the app that it delivers to."""

Json = Mapping[str, Any]


def _look(at: Deployment) -> Iterator[Result]:
    scope = at.scope()
    if not scope.workspaces:
        yield Result(what="events", state=State.NOT_VISIBLE, details=("no workspace in scope can be seen",))
    subscriptions = tuple(dict.fromkeys(subscription_of(one) for one in scope.workspaces))
    topics = dict(zip(subscriptions, at.each(subscriptions, lambda one: _topics(at, one)), strict=True))
    for subscription, listed in topics.items():
        if isinstance(listed, ReadFailed):
            yield _unread(at, subscription, listed)
    seen = [one for one in scope.workspaces if not isinstance(topics[subscription_of(one)], ReadFailed)]
    for found in at.each(seen, lambda one: tuple(_of_workspace(at, one, topics[subscription_of(one)]))):
        yield from found


def _topics(at: Deployment, subscription: str) -> list[Json] | ReadFailed:
    try:
        path = f"{subscription}/providers/Microsoft.EventGrid/systemTopics"
        return list(at.reach().arm.pages(path, api_version=_API))
    except ReadFailed as error:
        return error


def _unread(at: Deployment, subscription: str, error: ReadFailed) -> Result:
    commands = reader_commands(at, subscription, "doctor", rights().doctor) if isinstance(error, NotPermitted) else ()
    details = (not_visible_why(error), "so nobody can tell from here whether failed runs are delivered")
    what = "system topics"
    return Result(what=what, state=State.NOT_VISIBLE, scope=subscription, details=details, commands=commands)


def _of_workspace(at: Deployment, workspace: str, topics: Sequence[Json] | ReadFailed) -> Iterator[Result]:
    listed = [] if isinstance(topics, ReadFailed) else topics
    name = short(workspace)
    mine = [it for it in listed if _text(it, "properties", "source").lower().rstrip("/") == workspace.lower()]
    if not mine:
        what = f"system topic of {name}"
        group = workspace.partition("/providers/")[0]
        topic_id = f"{group}/providers/Microsoft.EventGrid/systemTopics/{name}-events"
        commands = (_topic_created(workspace), _subscribed(at, topic_id, at.app or _APP))
        yield Result(what=what, state=State.MISSING, scope=workspace, details=(_LOST,), commands=commands)
        return
    try:
        found = [(topic, one) for topic in mine for one in _subscriptions(at, topic)]
    except ReadFailed as error:
        yield _unread(at, subscription_of(workspace), error)
        return
    ours = [(topic, one) for topic, one in found if _is_ours(at, one)]
    if not ours:
        yield _none_of_ours(at, workspace, mine[0], [one for _, one in found])
    for topic, one in ours:
        yield _judged(at, workspace, topic, one)


def _subscriptions(at: Deployment, topic: Json) -> list[Json]:
    return list(at.reach().arm.pages(f"{_text(topic, 'id')}/eventSubscriptions", api_version=_API))


def _is_ours(at: Deployment, subscription: Json) -> bool:
    """Tell whether it delivers to our function; without the app's name to any app's function of that name."""
    target = _text(subscription, "properties", "destination", "properties", "resourceId")
    function = resource_part(target, "functions") or ""
    app = resource_part(target, "sites") or ""
    return function.lower() == _FUNCTION and (not at.app or app.lower() == at.app.lower())


def _none_of_ours(at: Deployment, workspace: str, topic: Json, others: Sequence[Json]) -> Result:
    targets = [_text(one, "properties", "destination", "properties", "resourceId") for one in others]
    told = [f"its {len(others)} subscriptions go elsewhere: {', '.join(filter(None, targets))}"] if others else []
    return Result(
        what=f"event subscription of {short(workspace)}",
        state=State.MISSING,
        scope=_text(topic, "id"),
        details=(*told, _LOST),
        commands=(_subscribed(at, _text(topic, "id"), at.app or _APP),),
    )


def _judged(at: Deployment, workspace: str, topic: Json, subscription: Json) -> Result:
    """Say all that is wrong with one subscription at once, and the one command that puts it right: the same name again
    replaces it (*Event Subscriptions - Create Or Update*).
    """
    wrong = [*_state_problems(at, subscription), *_filter_problems(subscription)]
    if not _dead_letters(subscription):
        wrong.append("nothing is dead-lettered: what cannot be delivered within a day is gone without a trace")
    notes = [*_filter_notes(subscription)]
    target = _text(subscription, "properties", "destination", "properties", "resourceId")
    app = resource_part(target, "sites") or ""
    what = f"event subscription {_text(subscription, 'name')} of {short(workspace)}"
    scope = _text(subscription, "id")
    if not wrong:
        state = State.NOTE if notes else State.OK
        return Result(what=what, state=state, scope=scope, details=(f"to {app}/{_FUNCTION}", *notes))
    again = _subscribed(at, _text(topic, "id"), _text(subscription, "name"), function=target)
    return Result(what=what, state=State.WRONG, scope=scope, details=(*wrong, *notes), commands=(again,))


def _state_problems(at: Deployment, subscription: Json) -> Iterator[str]:
    state = _text(subscription, "properties", "provisioningState")
    if state.lower() != "succeeded":
        yield f"its provisioning state is {state or 'not stated'}, not Succeeded: nothing is delivered until it is"
    ends = _text(subscription, "properties", "expirationTimeUtc")
    if ends and _moment(ends, at.now()) <= at.now():
        yield f"it ended at {ends}"


def _filter_problems(subscription: Json) -> Iterator[str]:
    types = _list(subscription, "properties", "filter", "includedEventTypes")
    if types and _TYPE.lower() not in {one.lower() for one in types}:
        yield f"it does not include the event type {_TYPE}"
    for key, words in (("subjectBeginsWith", "begins"), ("subjectEndsWith", "ends")):
        said = _text(subscription, "properties", "filter", key)
        if said:
            yield f"only events whose subject {words} with {said} are delivered"
    for condition in _conditions(subscription):
        if _text(condition, "key").lower() != _KEY.lower():
            yield f"only events with a certain {_text(condition, 'key')} are delivered"
        elif _text(condition, "operatorType").lower() != "stringin":
            yield f"{_KEY} is filtered by {_text(condition, 'operatorType')}, not by StringIn {' '.join(_STATUSES)}"
        else:
            yield from _left_out({one.lower() for one in _list(condition, "values")})


def _left_out(values: set[str]) -> Iterator[str]:
    if "failed" not in values:
        yield f"{_KEY} leaves Failed out: no failed run is delivered"
    if "completed" not in values:
        yield f"{_KEY} leaves Completed out: no incident is resolved by a run that completed"


def _filter_notes(subscription: Json) -> Iterator[str]:
    types = _list(subscription, "properties", "filter", "includedEventTypes")
    if not types or len(types) > 1:
        yield f"it delivers more event types than {_TYPE}; {_DROPPED}"
    if not any(_text(one, "key").lower() == _KEY.lower() for one in _conditions(subscription)):
        yield f"it delivers every status, not only {' and '.join(_STATUSES)}; {_DROPPED}"


def _conditions(subscription: Json) -> list[Json]:
    found = member(subscription, "properties", "filter", "advancedFilters")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _dead_letters(subscription: Json) -> bool:
    by_identity = member(subscription, "properties", "deadLetterWithResourceIdentity", "deadLetterDestination")
    return bool(by_identity or member(subscription, "properties", "deadLetterDestination"))


def _topic_created(workspace: str) -> str:
    where = ("--name", f"{short(workspace)}-events", "--resource-group", _group(workspace))
    region = az("resource", "show", "--ids", workspace, "--query", "location", "--output", "tsv")
    words = (*where, "--source", workspace, "--topic-type", _TOPIC_TYPE, "--identity", "systemassigned")
    return f'{az("eventgrid", "system-topic", "create", *words)} --location "$({region})"'


def _subscribed(at: Deployment, topic_id: str, name: str, *, function: str = "") -> str:
    """Return the command that makes or replaces a subscription as the deployment's template does.

    It is a plain request, since the CLI's own commands know no dead letters by a topic's identity. ``function`` is the
    function's id, where it is known; it and the storage account's are looked up by the command itself.
    """
    known = function if "@" not in function else ""  # no resource id has one, and the placeholders do
    body = {
        "properties": {
            "destination": {
                "endpointType": "AzureFunction",
                "properties": {
                    "resourceId": known or f"{_APP_ID}/functions/{_FUNCTION}",
                    "maxEventsPerBatch": 1,
                    "preferredBatchSizeInKilobytes": 64,
                },
            },
            "eventDeliverySchema": "EventGridSchema",
            "filter": {
                "includedEventTypes": [_TYPE],
                "advancedFilters": [{"operatorType": "StringIn", "key": _KEY, "values": list(_STATUSES)}],
            },
            "retryPolicy": {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440},
            "deadLetterWithResourceIdentity": {
                "identity": {"type": "SystemAssigned"},
                "deadLetterDestination": {
                    "endpointType": "StorageBlob",
                    "properties": {"resourceId": _ACCOUNT_ID, "blobContainerName": "deadletter"},
                },
            },
        }
    }
    url = f"{topic_id}/eventSubscriptions/{name}?api-version={_API}"
    command = az("rest", "--method", "put", "--url", url, "--body", json.dumps(body, separators=(",", ":")))
    account = getattr(at.settings.store, "account", "") or "ACCOUNT"
    app = ("--query", f"[?name=='{at.app or _APP}'].id | [0]", "--output", "tsv")
    looked_up = {
        _APP_ID: az("functionapp", "list", *app),
        _ACCOUNT_ID: az("storage", "account", "show", "--name", account, "--query", "id", "--output", "tsv"),
    }
    for placeholder, asked in looked_up.items():
        command = command.replace(placeholder, f"'\"$({asked})\"'")  # out of the single quotes, and back into them
    return command


def _group(resource_id: str) -> str:
    return resource_part(resource_id, "resourceGroups") or ""


def _moment(written: str, otherwise: datetime) -> datetime:
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return otherwise
    return found if found.tzinfo else found.replace(tzinfo=otherwise.tzinfo)


def _text(holder: Any, *path: str) -> str:
    return text(holder, *path) or ""


def _list(holder: Any, *path: str) -> list[str]:
    found = member(holder, *path)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


CHECK = Check(name="events", title="Events", place=60, look=_look)
