"""dev.azure.com: the work items of one project, as the REST API 7.1 has them.

Two types with the states of two processes: ``Bug`` (Agile) and ``Product Backlog Item`` (Scrum). Who asks has a token
of the simulated identity for Azure DevOps' own resource, or a personal access token, which is the sentinel. A wrong
token gets what it gets there: the sign-in page, with status 203.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.azure import Azure
from sandbox.services import Service
from sandbox.tokens import DEVOPS_AUDIENCE
from sandbox.wire import Answer, Reply, Request, json_answer, text_answer

__all__ = ["HOSTS", "ORGANIZATION", "PROJECT", "build"]

ORGANIZATION = "halvorsen"
PROJECT = "ML Platform"
HOSTS = {"dev.azure.com": f"/{ORGANIZATION}/{PROJECT}", f"{ORGANIZATION}.visualstudio.com": f"/{PROJECT}"}
STATES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "Bug": (("New", "Proposed"), ("Active", "InProgress"), ("Resolved", "Resolved"), ("Closed", "Completed")),
    "Product Backlog Item": (
        ("New", "Proposed"),
        ("Approved", "Proposed"),
        ("Committed", "InProgress"),
        ("Done", "Completed"),
        ("Removed", "Removed"),
    ),
}
_REASONS = {"New": "New", "Active": "Regression", "Resolved": "Fixed", "Closed": "Fixed and verified"}
_WIQL = re.compile(
    r"SELECT \[System\.Id\] FROM WorkItems WHERE \[System\.TeamProject\] = @project "
    r"AND \[System\.Tags\] CONTAINS '((?:[^']|'')*)' ORDER BY \[System\.ChangedDate\] DESC"
)
_USUAL = {
    400: ("TF401320: Rule Error for field Title.", "RuleValidationException"),
    401: ("TF400813: The user is not authorized to access this resource.", "UnauthorizedRequestException"),
    403: ("TF401289: The current user does not have permissions to create tags.", "WorkItemTrackingTagException"),
    404: ("TF401232: Work item does not exist, or you do not have permissions to read it.", "WorkItemUnauthorized"),
    429: ("TF400733: The request has been canceled: Request was blocked.", "RequestBlockedException"),
}


def build(azure: Azure) -> Service:
    """Return the service."""
    return _AzureDevOps(azure)


class _AzureDevOps:
    def __init__(self, azure: Azure) -> None:
        self._azure, self._lock = azure, threading.Lock()
        self._items: dict[int, dict[str, Any]] = {}
        self._comments: list[dict[str, Any]] = []

    def knows(self, host: str) -> bool:
        return host in HOSTS

    def answer(self, request: Request) -> Reply | None:
        if not self._is_known(request):
            return text_answer(203, "<html><title>Azure DevOps Services | Sign In</title></html>", "text/html")
        prefix = f"{HOSTS[request.host]}/_apis/wit/"
        if not request.path.lower().startswith(prefix.lower()):
            return self.error(request, 404, None, "TF200016: The following project does not exist.")
        if "api-version" not in request.query:
            return self.error(request, 400, "VssVersionNotSpecifiedException", "No api-version was supplied.")
        with self._lock:
            return self._answer(request, request.path[len(prefix) :])

    def _is_known(self, request: Request) -> bool:
        token = self._azure.tokens.find(request.bearer)
        if token is not None:
            return token.audience == DEVOPS_AUDIENCE
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            said = base64.b64decode(value).decode()
        except (ValueError, binascii.Error):
            return False
        return kind == "Basic" and said == f":{self._azure.sentinel}"

    def _answer(self, request: Request, path: str) -> Reply | None:
        parts = path.split("/")
        match request.method, [parts[0].lower(), *parts[1:]]:
            case "POST", ["wiql"]:
                return self._query(request)
            case "GET", ["workitems"]:
                return self._several(request)
            case "GET", ["workitemtypes", kind, "states"]:
                return self._states(request, kind)
            case "POST", ["workitems", kind] if kind.startswith("$"):
                return self._create(request, kind[1:])
            case method, ["workitems", number, *rest] if number.isdigit():
                return self._of_one(request, method, int(number), rest)
        return None

    def _of_one(self, request: Request, method: str, number: int, rest: list[str]) -> Reply | None:
        if number not in self._items:
            return self.error(request, 404, None, f"TF401232: Work item {number} does not exist.")
        if method == "GET" and rest == ["comments"]:
            newest = [one for one in reversed(self._comments) if one["workItemId"] == number]
            shown = newest[: int(request.query.get("$top", "200"))]
            return json_answer(200, {"totalCount": len(newest), "count": len(shown), "comments": shown})
        if method == "PATCH" and not rest:
            return self._change(request, number)
        return json_answer(200, self._shown(number, request)) if method == "GET" and not rest else None

    def _query(self, request: Request) -> Answer:
        found = _WIQL.fullmatch(request.json().get("query", ""))
        if found is None:
            return self.error(request, 400, None, "TF51006: The query statement is missing a clause.")
        tag = found[1].replace("''", "'").lower()
        mine = [n for n, fields in self._items.items() if tag in _tags(fields)]
        mine.sort(key=lambda number: (self._items[number]["System.ChangedDate"], number), reverse=True)
        found_ones = [{"id": n, "url": f"https://{request.host}/_apis/wit/workItems/{n}"} for n in mine]
        top = int(request.query.get("$top", "200"))
        return json_answer(200, {"queryType": "flat", "queryResultType": "workItem", "workItems": found_ones[:top]})

    def _several(self, request: Request) -> Answer:
        numbers = [int(text) for text in request.query.get("ids", "").split(",")]
        if len(numbers) > 200:
            return self.error(request, 400, None, "VS402337: The number of work items is above 200.")
        value = [self._shown(number, request) if number in self._items else None for number in numbers]
        return json_answer(200, {"count": len(value), "value": value})

    def _states(self, request: Request, kind: str) -> Answer:
        if kind not in STATES:
            return self.error(request, 404, None, f"VS402323: Work item type {kind} does not exist in project.")
        value = [{"name": name, "color": "b2b2b2", "category": category} for name, category in STATES[kind]]
        return json_answer(200, {"count": len(value), "value": value})

    def _create(self, request: Request, kind: str) -> Answer:
        if kind not in STATES:
            return self.error(request, 404, None, f"VS402323: Work item type {kind} does not exist in project.")
        now = self._now()
        fields = {
            "System.WorkItemType": kind,
            "System.State": "New",
            "System.Reason": "New",
            "System.CreatedDate": now,
            "Microsoft.VSTS.Common.StateChangeDate": now,
        }
        number = len(self._items) + 1
        return self._patched(request, number, fields)

    def _change(self, request: Request, number: int) -> Answer:
        return self._patched(request, number, dict(self._items[number]))

    def _patched(self, request: Request, number: int, fields: dict[str, Any]) -> Answer:
        if request.headers.get("content-type") != "application/json-patch+json":
            return self.error(request, 400, "VssRequestContentTypeNotSupportedException", "Use json-patch+json.")
        sent = {op["path"].removeprefix("/fields/"): op["value"] for op in request.json() if op["op"] == "add"}
        before = fields["System.State"]
        if problem := _problem(fields | sent, fields["System.WorkItemType"]):
            return self.error(request, 400, None, problem)
        history = sent.pop("System.History", None)
        state = sent.get("System.State", before)
        if state != before:
            fields["System.Reason"] = _REASONS.get(state, f"Moved to state {state}")
            fields["Microsoft.VSTS.Common.StateChangeDate"] = self._now()
        fields |= sent
        fields["System.ChangedDate"] = self._now()
        if history:
            self._comments.append(
                {"workItemId": number, "id": len(self._comments) + 1, "text": history, "createdDate": self._now()}
            )
        self._items[number] = fields
        return json_answer(200, self._shown(number, request))

    def _shown(self, number: int, request: Request) -> dict[str, Any]:
        wanted = request.query.get("fields", "")
        names = wanted.split(",") if wanted else list(self._items[number])
        fields = {name: self._items[number][name] for name in names if name in self._items[number]}
        return {"id": number, "rev": 1, "fields": fields, "url": f"https://{request.host}/_apis/wit/workItems/{number}"}

    def _now(self) -> str:
        return datetime.fromtimestamp(self._azure.tokens.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-4] + "Z"

    def error(self, _request: Request, status: int, code: str | None, message: str | None) -> Answer:
        usual = _USUAL.get(status, ("TF400898: An Internal Error Occurred.", "Exception"))
        name = code or usual[1]
        body = {
            "$id": "1",
            "innerException": None,
            "message": message or usual[0],
            "typeName": f"Microsoft.TeamFoundation.WorkItemTracking.Server.{name}, Microsoft.TeamFoundation.Server",
            "typeKey": name,
            "errorCode": 0,
            "eventId": 3200,
        }
        return json_answer(status, body)


def _tags(fields: Mapping[str, Any]) -> set[str]:
    return {tag.strip().lower() for tag in fields.get("System.Tags", "").split(";")}


def _problem(fields: Mapping[str, Any], kind: str) -> str:
    title = fields.get("System.Title") or ""
    if not title.strip() or len(title) > 255:
        return "TF401320: Rule Error for field Title. Error code: Required, InvalidTooLong."
    if any(len(tag) > 400 for tag in _tags(fields)):
        return "TF401289: The tag name is too long."
    if any(len(str(value)) > 1_048_576 for value in fields.values()):
        return "TF401320: Rule Error for field Description. Error code: InvalidTooLong."
    states = [name for name, _ in STATES[kind]]
    return "" if fields["System.State"] in states else "The field 'State' contains a value that is not supported."
