"""api.github.com: the issues of one repository, as the REST API 2022-11-28 has them.

Shapes and errors from GitHub's description of its API ("Issues", "Rate limits for the REST API"). The token is the
sentinel; with ``-reporter`` behind it, it is one of somebody who may open issues and set no labels. What a fault says
with the code ``primary-limit`` or ``secondary-limit`` has the headers of that limit.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.azure import Azure
from sandbox.services import Service
from sandbox.wire import Answer, Reply, Request, Tree, json_answer

__all__ = ["HOST", "REPOSITORY", "build"]

HOST = "api.github.com"
REPOSITORY = "halvorsen/ml-platform"
_PATH = re.compile(rf"/repos/{REPOSITORY}/issues(?:/(?P<number>\d+)(?P<comments>/comments)?)?")
_DOCS = "https://docs.github.com/rest/issues/issues"
_LIMITS = {"title": 256, "body": 65_536}
_REPORTER = "-reporter"
_USUAL = {
    401: "Bad credentials",
    403: "Resource not accessible by personal access token",
    404: "Not Found",
    410: "Issues are disabled for this repo",
    422: "Validation Failed",
    429: "API rate limit exceeded",
}
_SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


def build(azure: Azure) -> Service:
    """Return the service."""
    return _GitHub(azure)


class _GitHub:
    def __init__(self, azure: Azure) -> None:
        self._azure, self._lock = azure, threading.Lock()
        self._issues: list[dict[str, Any]] = []
        self._comments: list[dict[str, Any]] = []

    def knows(self, host: str) -> bool:
        return host == HOST

    def answer(self, request: Request) -> Reply | None:
        found = _PATH.fullmatch(request.path)
        if found is None:
            return self.error(request, 404, None, None) if request.path.startswith("/repos/") else None
        if request.bearer not in (self._azure.sentinel, self._azure.sentinel + _REPORTER):
            return self.error(request, 401, None, None)
        if "user-agent" not in request.headers:
            return self.error(request, 403, None, "Request forbidden by administrative rules.")
        with self._lock:
            return self._answer(request, found)

    def _answer(self, request: Request, found: re.Match[str]) -> Reply | None:
        if found["number"] is None:
            return {"GET": self._list, "POST": self._create}.get(request.method, lambda _: None)(request)
        issue = next((one for one in self._issues if str(one["number"]) == found["number"]), None)
        if issue is None:
            return self.error(request, 404, None, None)
        if found["comments"]:
            return self._of_comments(request, issue)
        if request.method == "PATCH":
            return self._change(request, issue)
        return self._said(200, issue) if request.method == "GET" else None

    def _list(self, request: Request) -> Answer:
        query = request.query
        labels = {label.lower() for label in query.get("labels", "").split(",") if label}
        state, sort = query.get("state", "open"), f"{query.get('sort', 'created')}_at"
        chosen = [
            issue
            for issue in self._issues
            if labels <= {label["name"].lower() for label in issue["labels"]} and state in ("all", issue["state"])
        ]
        chosen.sort(key=lambda one: (one[sort], one["number"]), reverse=query.get("direction", "desc") == "desc")
        return self._said(200, chosen[: int(query.get("per_page", "30"))])

    def _create(self, request: Request) -> Answer:
        sent = request.json()
        if problem := _problem(sent):
            return self._invalid("Issue", *problem)
        number, now = len(self._issues) + 1, self._now()
        reporter = (request.bearer or "").endswith(_REPORTER)
        labels = [] if reporter else sent.get("labels", [])
        issue = {
            "id": 3_000_000_000 + number,
            "node_id": f"I_{number}",
            "number": number,
            "html_url": f"https://github.com/{REPOSITORY}/issues/{number}",
            "title": sent["title"],
            "body": sent.get("body"),
            "state": "open",
            "state_reason": None,
            "labels": _labels(labels),
            "user": {"login": "ml-platform-bot", "type": "User"},
            "author_association": "NONE" if reporter else "COLLABORATOR",
            "locked": False,
            "comments": 0,
            "created_at": now,
            "updated_at": now,
            "closed_at": None,
        }
        self._issues.append(issue)
        return self._said(201, issue)

    def _change(self, request: Request, issue: dict[str, Any]) -> Answer:
        sent = request.json()
        state = sent.get("state", issue["state"])
        reason = sent.get("state_reason", "completed" if state == "closed" else "reopened")
        if state not in ("open", "closed") or reason not in ("completed", "not_planned", "duplicate", "reopened", None):
            return self._invalid("Issue", "state", "invalid")
        if state != issue["state"]:
            issue.update(state=state, state_reason=reason, closed_at=self._now() if state == "closed" else None)
        if "labels" in sent:
            issue["labels"] = _labels(sent["labels"])
        issue.update({key: sent[key] for key in ("title", "body") if key in sent}, updated_at=self._now())
        return self._said(200, issue)

    def _of_comments(self, request: Request, issue: dict[str, Any]) -> Answer | None:
        if request.method == "POST":
            text = request.json().get("body")
            if not isinstance(text, str) or not 0 < len(text) <= _LIMITS["body"]:
                return self._invalid("IssueComment", "body", "too_long")
            now = self._now()
            comment = {"id": len(self._comments) + 1, "body": text, "created_at": now, "updated_at": now}
            self._comments.append({"number": issue["number"], **comment})
            issue.update(comments=issue["comments"] + 1, updated_at=now)
            return self._said(201, comment)
        if request.method != "GET":
            return None
        since = request.query.get("since", "")
        mine = [one for one in self._comments if one["number"] == issue["number"] and one["updated_at"] >= since]
        return self._said(200, mine[: int(request.query.get("per_page", "30"))])

    def _now(self) -> str:
        return datetime.fromtimestamp(self._azure.tokens.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _said(self, status: int, body: Tree) -> Answer:
        reset = str(int(self._azure.tokens.now()) + 1800)
        limits = (("X-RateLimit-Limit", "5000"), ("X-RateLimit-Remaining", "4990"), ("X-RateLimit-Reset", reset))
        return json_answer(status, body, limits)

    def _invalid(self, resource: str, field: str, code: str) -> Answer:
        errors = [{"resource": resource, "field": field, "code": code}]
        body = {"message": "Validation Failed", "errors": errors, "documentation_url": _DOCS, "status": "422"}
        return self._said(422, body)

    def error(self, _request: Request, status: int, code: str | None, message: str | None) -> Answer:
        usual = _SECONDARY if code == "secondary-limit" else _USUAL.get(status, "Server Error")
        body = {"message": message or usual, "documentation_url": _DOCS, "status": str(status)}
        if code == "primary-limit":
            reset = str(int(self._azure.tokens.now()) + 1800)
            return json_answer(status, body, (("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", reset)))
        return self._said(status, body)


def _labels(names: list[str]) -> list[dict[str, Any]]:
    return [{"id": 8_000_000_000 + place, "name": name, "color": "ededed"} for place, name in enumerate(names)]


def _problem(sent: Mapping[str, Any]) -> tuple[str, str] | None:
    if not isinstance(sent.get("title"), str) or not sent["title"].strip():
        return "title", "missing_field"
    for field, limit in _LIMITS.items():
        if len(sent.get(field) or "") > limit:
            return field, "too_long"
    labels = sent.get("labels", [])
    wrong = any(not isinstance(name, str) or not 0 < len(name) <= 50 or "," in name for name in labels)
    return ("labels", "invalid") if wrong else None
