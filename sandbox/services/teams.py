"""Teams workflows, behind both families of addresses: Power Automate's own and the older one, which Azure Logic Apps
still have.

A flow answers 202 before anything is posted, so acceptance proves nothing. What Teams then drops in silence is a
violation here, since nobody would ever see it: a card above about 28 KB, one without its parts, an element or a
property that Teams does not know (Adaptive Cards, "Explorer", up to version 1.5, without inputs, which a webhook's card
cannot answer). Above 256 KB the request itself is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.azure import Azure
from sandbox.records import Message, Violation
from sandbox.services import Service
from sandbox.wire import Answer, Reply, Request, Tree, empty, json_answer

__all__ = ["build", "webhook_url"]

HOST = "default5eed0000000000000000000000000.01.environment.api.powerplatform.com"
LOGIC_APPS_HOST = "prod-01.westeurope.logic.azure.com"
CHANNELS = {"5eed0000000000000000000000000001": "teams", "5eed0000000000000000000000000002": "teams-fallback"}
SHOWN_LIMIT = 28 * 1024
LIMIT = 256 * 1024
_PREFIX = {HOST: "/powerautomate/automations/direct", LOGIC_APPS_HOST: ""}
_PATH = "{}/workflows/{}/triggers/manual/paths/invoke"
_USUAL = {
    400: ("InvalidRequestContent", "The request content is not valid JSON."),
    401: ("DirectApiAuthorizationRequired", "The request must be authenticated by a valid signature."),
    404: ("WorkflowNotFound", "The workflow could not be found."),
    413: ("RequestEntityTooLarge", "The request content is too large."),
    429: ("WorkflowTriggerRequestsThrottled", "The rate of requests exceeds the limit of the workflow."),
}
_CARD = "application/vnd.microsoft.card.adaptive"
_VERSIONS = frozenset({"1.0", "1.1", "1.2", "1.3", "1.4", "1.5"})
_COMMON = frozenset({"type", "id", "isVisible", "spacing", "separator", "height", "fallback", "requires"})
_KNOWN: Mapping[str, frozenset[str]] = {
    "AdaptiveCard": frozenset(
        {
            *("type", "$schema", "version", "body", "actions", "fallbackText", "msteams", "lang", "speak"),
            *("minHeight", "rtl", "verticalContentAlignment", "selectAction", "backgroundImage"),
        }
    ),
    "TextBlock": _COMMON
    | {"text", "wrap", "weight", "size", "color", "isSubtle", "fontType", "maxLines", "horizontalAlignment", "style"},
    "FactSet": _COMMON | {"facts"},
    "Container": _COMMON | {"items", "style", "bleed", "minHeight", "verticalContentAlignment", "selectAction", "rtl"},
    "ColumnSet": _COMMON | {"columns", "style", "bleed", "minHeight", "horizontalAlignment", "selectAction"},
    "Column": _COMMON | {"items", "style", "bleed", "width", "minHeight", "verticalContentAlignment", "selectAction"},
    "ActionSet": _COMMON | {"actions"},
    "Action.OpenUrl": _COMMON | {"title", "url", "iconUrl", "style", "tooltip", "isEnabled", "mode"},
    "Action.ToggleVisibility": _COMMON
    | {"title", "targetElements", "iconUrl", "style", "tooltip", "isEnabled", "mode"},
}
_CHILDREN = ("body", "items", "columns", "actions")


def webhook_url(azure: Azure, channel: str, host: str = HOST) -> str:
    """Return the address of a channel's workflow at either host; ``sig`` is the secret."""
    name = next(key for key, value in CHANNELS.items() if value == channel)
    version = "1" if host == HOST else "2016-06-01"
    asked = f"api-version={version}&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={azure.sentinel}"
    return f"https://{host}:443{_PATH.format(_PREFIX[host], name)}?{asked}"


def build(azure: Azure) -> Service:
    """Return the service."""
    return _Teams(azure)


class _Teams:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    def knows(self, host: str) -> bool:
        return host in _PREFIX

    def answer(self, request: Request) -> Reply | None:
        prefix = _PREFIX[request.host]
        channel = next((value for key, value in CHANNELS.items() if request.path == _PATH.format(prefix, key)), None)
        if channel is None or request.method != "POST":
            return None
        if request.query.get("sig") != self._azure.sentinel:
            return self.error(request, 401, None, None)
        if len(request.body) > LIMIT:
            return self.error(request, 413, None, None)
        try:
            payload = request.json()
        except ValueError:
            return self.error(request, 400, None, None)
        self._post(channel, payload, request)
        return empty(202)

    def _post(self, channel: str, payload: Tree, request: Request) -> None:
        """Do what the flow does after its answer: post the card, or fail where nobody sees it."""
        self._azure.recorder.add(Message(channel, payload))
        problem = next(_problems(payload, len(request.body)), None)
        if problem:
            rule = f"Teams shows nothing of it, in silence: {problem}"
            self._azure.recorder.add(Violation(request.method, request.host, request.path, rule))

    def error(self, _request: Request, status: int, code: str | None, message: str | None) -> Answer:
        usual = _USUAL.get(status, ("InternalServerError", "The request failed."))
        return json_answer(status, {"error": {"code": code or usual[0], "message": message or usual[1]}})


def _problems(payload: Tree, length: int) -> Iterator[str]:
    if length > SHOWN_LIMIT:
        yield f"{length} bytes are more than {SHOWN_LIMIT}"
    attachments = payload.get("attachments") if isinstance(payload, Mapping) else None
    if not isinstance(attachments, list) or not attachments or payload.get("type") != "message":
        yield "it is no message with attachments"
        return
    for attachment in attachments:
        card = attachment.get("content") if isinstance(attachment, Mapping) else None
        if not isinstance(card, Mapping) or attachment.get("contentType") != _CARD:
            yield "an attachment is no Adaptive Card"
        elif card.get("type") != "AdaptiveCard" or card.get("version") not in _VERSIONS:
            yield "a card has not its type, or a version that Teams does not know"
        else:
            yield from _card_problems(card)


def _card_problems(element: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with an element and everything in it."""
    kind = str(element.get("type"))
    known = _KNOWN.get(kind)
    if known is None:
        yield f"{kind} is no element that a webhook's card can have"
        return
    yield from (f"{kind} has no property {name}" for name in element if name not in known)
    if kind == "TextBlock" and not (isinstance(element.get("text"), str) and element["text"].strip()):
        yield "a TextBlock has no text"
    if kind == "Action.OpenUrl" and not str(element.get("url", "")).startswith("https://"):
        yield "an Action.OpenUrl opens no https address"
    if kind == "FactSet" and not all(fact.get("title") and fact.get("value") for fact in element.get("facts", ())):
        yield "a fact lacks its title or its value"
    for name in _CHILDREN:
        for child in element.get(name) or ():
            yield from _card_problems(child)
