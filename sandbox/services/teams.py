"""A Teams workflow behind logic.azure.com: it answers 202 before anything is posted, so acceptance proves
nothing.

Limits as people report them: about 28 KB a message, then 413.
"""

from __future__ import annotations

from sandbox.azure import Azure
from sandbox.records import Message
from sandbox.services import Service
from sandbox.wire import Answer, Reply, Request, empty, json_answer

__all__ = ["build", "webhook_url"]

HOST = "prod-01.westeurope.logic.azure.com"
CHANNELS = {"5eed0000000000000000000000000001": "teams", "5eed0000000000000000000000000002": "teams-fallback"}
LIMIT = 28 * 1024
_PATH = "/workflows/{}/triggers/manual/paths/invoke"
_USUAL = {
    400: ("InvalidRequestContent", "The request content is not valid JSON."),
    401: ("DirectApiAuthorizationRequired", "The request must be authenticated by a valid signature."),
    404: ("WorkflowNotFound", "The workflow could not be found."),
    413: ("RequestEntityTooLarge", "The request content is too large."),
    429: ("WorkflowTriggerRequestsThrottled", "The rate of requests exceeds the limit of the workflow."),
}


def webhook_url(azure: Azure, channel: str) -> str:
    """Return the address of a channel's workflow; ``sig`` is the secret."""
    name = next(key for key, value in CHANNELS.items() if value == channel)
    path = _PATH.format(name)
    return f"https://{HOST}:443{path}?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={azure.sentinel}"


def build(azure: Azure) -> Service:
    """Return the service."""
    return _Teams(azure)


class _Teams:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    def knows(self, host: str) -> bool:
        return host == HOST

    def answer(self, request: Request) -> Reply | None:
        channel = next((value for key, value in CHANNELS.items() if request.path == _PATH.format(key)), None)
        if channel is None or request.method != "POST":
            return None
        if request.query.get("sig") != self._azure.sentinel:
            return self.error(request, 401, None, None)
        if len(request.body) > LIMIT:
            return self.error(request, 413, None, None)
        try:
            self._azure.recorder.add(Message(channel, request.json()))
        except ValueError:
            return self.error(request, 400, None, None)
        return empty(202)

    def error(self, _request: Request, status: int, code: str | None, message: str | None) -> Answer:
        usual = _USUAL.get(status, ("InternalServerError", "The request failed."))
        return json_answer(status, {"error": {"code": code or usual[0], "message": message or usual[1]}})
