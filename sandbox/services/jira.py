"""halvorsen.atlassian.net: the issues of one project of Jira Cloud, as the REST API v3 has them.

Search shows everything :data:`INDEX_LAG_S` seconds late, unless an issue is named in ``reconcileIssues`` ("Search and
reconcile"); reading by id does not. The API token is the sentinel.
"""

from __future__ import annotations

import base64
import copy
import json
import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.azure import Azure
from sandbox.services import Service
from sandbox.wire import Answer, Reply, Request, Tree, empty, json_answer

__all__ = ["EMAIL", "HOST", "INDEX_LAG_S", "PROJECT", "build"]

HOST = "halvorsen.atlassian.net"
EMAIL = "pullmedic@halvorsen.example"
PROJECT = "OPS"
INDEX_LAG_S = 20.0
_STATUSES = {"To Do": "new", "In Progress": "indeterminate", "Done": "done", "Declined": "done"}
_TRANSITIONS = {"11": "To Do", "21": "In Progress", "41": "Declined", "31": "Done"}
_RESOLUTIONS = ("Done", "Won't Do", "Duplicate", "Cannot Reproduce")
_JQL = re.compile(r'project = "((?:[^"\\]|\\.)*)" AND labels = "((?:[^"\\]|\\.)*)" ORDER BY updated DESC')
_ISSUE = re.compile(r"/rest/api/3/issue/(?P<id>\d+)(?:/(?P<part>comment|transitions))?")
_NODES = frozenset({"doc", "paragraph", "heading", "codeBlock", "text"})
_LONGEST = 32_767
_USUAL = {
    400: "The request is not valid.",
    401: "Client must be authenticated to access this resource.",
    403: "You do not have permission to create issues in this project.",
    404: "Issue does not exist or you do not have permission to see it.",
    429: "Rate limit exceeded.",
}


def build(azure: Azure) -> Service:
    """Return the service."""
    return _Jira(azure)


class _Jira:
    def __init__(self, azure: Azure) -> None:
        self._azure, self._lock = azure, threading.Lock()
        self._issues: dict[str, dict[str, Any]] = {}
        self._versions: list[tuple[float, dict[str, Any]]] = []
        self._comments: list[dict[str, Any]] = []

    def knows(self, host: str) -> bool:
        return host == HOST

    def answer(self, request: Request) -> Reply | None:
        wanted = base64.b64encode(f"{EMAIL}:{self._azure.sentinel}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {wanted}":
            return self.error(request, 401, None, None)
        with self._lock:
            return self._answer(request)

    def _answer(self, request: Request) -> Reply | None:
        if request.method == "POST" and request.path == "/rest/api/3/search/jql":
            return self._search(request)
        if request.method == "POST" and request.path == "/rest/api/3/issue":
            return self._create(request)
        found = _ISSUE.fullmatch(request.path)
        if found is None:
            return None
        issue = self._issues.get(found["id"])
        if issue is None:
            return self.error(request, 404, None, None)
        parts = {
            ("GET", None): self._one,
            ("GET", "transitions"): self._transitions,
            ("POST", "transitions"): self._move,
            ("GET", "comment"): self._said,
            ("POST", "comment"): self._comment,
        }
        serve = parts.get((request.method, found["part"]))
        return serve(request, issue) if serve else None

    def _one(self, request: Request, issue: dict[str, Any]) -> Answer:
        return json_answer(200, _shown(issue, request.query.get("fields", "").split(",")))

    def _said(self, request: Request, issue: dict[str, Any]) -> Answer:
        newest = [one for one in reversed(self._comments) if one["issue"] == issue["id"]]
        shown = newest[: int(request.query.get("maxResults", "100"))]
        return json_answer(200, {"startAt": 0, "total": len(newest), "comments": shown})

    def _search(self, request: Request) -> Answer:
        sent = request.json()
        found = _JQL.fullmatch(sent.get("jql", ""))
        if found is None:
            return self.error(request, 400, None, "Error in the JQL Query: unexpected token.")
        project, label = (re.sub(r"\\(.)", r"\1", text) for text in found.groups())
        if project != PROJECT:
            return self.error(request, 400, None, f"The value '{project}' does not exist for the field 'project'.")
        now = self._azure.tokens.now()
        seen = {issue["id"]: issue for at, issue in self._versions if at <= now - INDEX_LAG_S}
        seen |= {
            str(one): self._issues[str(one)] for one in sent.get("reconcileIssues", []) if str(one) in self._issues
        }
        mine = [issue for issue in seen.values() if label in issue["fields"]["labels"]]
        mine.sort(key=lambda issue: (issue["fields"]["updated"], int(issue["id"])), reverse=True)
        shown = [_shown(issue, sent.get("fields", [])) for issue in mine[: sent.get("maxResults", 50)]]
        return json_answer(200, {"isLast": True, "issues": shown})

    def _create(self, request: Request) -> Answer:
        fields = request.json().get("fields", {})
        if problems := _problems(fields):
            return json_answer(400, {"errorMessages": [], "errors": problems})
        number, now = len(self._issues) + 1, self._now()
        issue = {
            "id": str(10_000 + number),
            "key": f"{PROJECT}-{number}",
            "self": f"https://{HOST}/rest/api/3/issue/{10_000 + number}",
            "fields": {
                **fields,
                "status": _status("To Do"),
                "resolution": None,
                "resolutiondate": None,
                "statuscategorychangedate": now,
                "created": now,
                "updated": now,
            },
        }
        self._keep(issue)
        return json_answer(201, {key: issue[key] for key in ("id", "key", "self")})

    def _transitions(self, _request: Request, _issue: dict[str, Any]) -> Answer:
        resolution = {"required": True, "name": "Resolution", "allowedValues": [{"name": it} for it in _RESOLUTIONS]}
        every = [
            {
                "id": number,
                "name": status if status != "To Do" else "Back to the list",
                "to": _status(status),
                "fields": {"resolution": resolution} if _STATUSES[status] == "done" else {},
            }
            for number, status in _TRANSITIONS.items()
        ]
        return json_answer(200, {"expand": "transitions", "transitions": every})

    def _move(self, request: Request, issue: dict[str, Any]) -> Answer:
        sent = request.json()
        status = _TRANSITIONS.get(sent.get("transition", {}).get("id", ""))
        if status is None:
            return self.error(request, 400, None, "It seems that you have tried to perform an invalid operation.")
        resolution = sent.get("fields", {}).get("resolution")
        if (_STATUSES[status] == "done") != (resolution in [{"name": name} for name in _RESOLUTIONS]):
            return json_answer(400, {"errorMessages": [], "errors": {"resolution": "Field 'resolution' is required."}})
        now = self._now()
        changed = copy.deepcopy(issue)
        changed["fields"] |= {
            "status": _status(status),
            "resolution": resolution,
            "resolutiondate": now if resolution else None,
            "statuscategorychangedate": now,
            "updated": now,
        }
        self._keep(changed)
        return empty(204)

    def _comment(self, request: Request, issue: dict[str, Any]) -> Answer:
        body = request.json().get("body")
        if problem := _document_problem(body):
            return json_answer(400, {"errorMessages": [], "errors": {"comment": problem}})
        comment = {"id": str(len(self._comments) + 1), "issue": issue["id"], "body": body, "created": self._now()}
        self._comments.append(comment)
        return json_answer(201, comment)

    def _keep(self, issue: dict[str, Any]) -> None:
        self._issues[issue["id"]] = issue
        self._versions.append((self._azure.tokens.now(), copy.deepcopy(issue)))

    def _now(self) -> str:
        return datetime.fromtimestamp(self._azure.tokens.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")

    def error(self, _request: Request, status: int, _code: str | None, message: str | None) -> Answer:
        return json_answer(
            status, {"errorMessages": [message or _USUAL.get(status, "Internal server error")], "errors": {}}
        )


def _status(name: str) -> dict[str, Any]:
    return {"name": name, "statusCategory": {"key": _STATUSES[name]}}


def _shown(issue: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    fields = {name: issue["fields"].get(name) for name in names}
    return {"id": issue["id"], "key": issue["key"], "self": issue["self"], "fields": fields}


def _problems(fields: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    if fields.get("project") != {"key": PROJECT}:
        found["project"] = "valid project is required"
    if fields.get("issuetype") not in ({"name": "Task"}, {"name": "Bug"}):
        found["issuetype"] = "Specify a valid issue type"
    summary = fields.get("summary") or ""
    if not 0 < len(summary.strip()) <= 255 or "\n" in summary:
        found["summary"] = "Summary must be less than 255 characters, without a line break."
    if any(" " in label or len(label) > 255 for label in fields.get("labels", [])):
        found["labels"] = "The label contains spaces which is invalid."
    if problem := _document_problem(fields.get("description")):
        found["description"] = problem
    return found


def _document_problem(document: Tree) -> str:
    if not isinstance(document, Mapping) or (document.get("version"), document.get("type")) != (1, "doc"):
        return "Operation value must be an Atlassian Document"
    if len(json.dumps(document, ensure_ascii=False, separators=(",", ":"))) > _LONGEST:
        return "The entered text is too long. It exceeds the allowed limit of 32,767 characters."
    return "" if _is_node(document) else "INVALID_INPUT"


def _is_node(node: Tree) -> bool:
    if not isinstance(node, Mapping) or node.get("type") not in _NODES:
        return False
    if node["type"] == "text":
        return isinstance(node.get("text"), str) and bool(node["text"])
    return isinstance(node.get("content"), list) and all(_is_node(child) for child in node["content"])
