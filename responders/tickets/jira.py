"""Jira Cloud: issues, REST API v3, with an account's e-mail address and API token.

How a ticket is found again: by a label made of the key, with JQL. **Jira's search lags behind**: what was written may
be missing from it for seconds to minutes ("Search and reconcile"). So an issue that the caller knows is read by itself,
what was found is read again before anything is decided, and after a create without an answer nothing is created before
:data:`LAG` has passed.

A status is judged by its category, which nobody can rename; *done* is declined where the resolution or the status is
one that the settings name. *Cannot Reproduce* is no declining: the next run reproduces it.

A summary has 255 characters at most, and no line break; a description 32,767, counted here on the document's JSON,
which is longer than its text; a label 255, without spaces. Text in a document (ADF) is obeyed nowhere: mentions and
links are nodes and marks of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import msgspec

from responders.blocks import Block, Code, Line, Pair, Text
from responders.channels import Options
from responders.clouds import is_plain_link
from responders.declarations import Field
from responders.notices import Notice
from responders.sending import Refused, encode
from responders.tickets import Ticket, TicketState, Tracker
from responders.tickets._content import (
    EARLIER,
    MARK,
    Effect,
    Found,
    Message,
    Room,
    checked_key,
    choose,
    comment_message,
    event_of,
    fitted,
    mark_of,
    ticket_message,
    title_of,
    units,
)
from responders.tickets._service import Service, basic, credential_problem, folded, listed, moment, read
from responders.wording import clean, one_line, utf16_units

__all__ = [
    "LAG",
    "MAX_DOCUMENT",
    "TRACKER",
    "Issues",
    "comment_document",
    "document",
    "label_of",
    "new_issue",
    "query_of",
]

LAG = timedelta(minutes=5)
MAX_DOCUMENT = 30_000

_SUMMARY = 250
_LABEL = 255
_MOST = 50
_FIELDS = (
    "status",
    "resolution",
    "resolutiondate",
    "statuscategorychangedate",
    "created",
    "updated",
    "description",
    "labels",
)
_HINTS = {
    400: "Jira refuses a field: does the issue type have it on its screen, does the project want more?",
    401: "e-mail address and API token are not accepted: renew the token",
    403: "the account needs Browse projects, Create, Transition issues and Add comments in the project",
    404: "site, project or issue is not there, or the account may not see it",
}
_SITE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PROJECT = re.compile(r"[A-Z][A-Z0-9_]{1,254}")
_MAIL = re.compile(r"[^\s:@]+@[^\s:@]+")
_SUFFIX = ".atlassian.net"
_OPEN_CATEGORIES = ("new", "indeterminate")

_Json = dict[str, Any]


class _Category(msgspec.Struct):
    key: str = ""


class _Status(msgspec.Struct):
    name: str = ""
    category: _Category = msgspec.field(name="statusCategory", default_factory=_Category)


class _Resolution(msgspec.Struct):
    name: str = ""


class _Fields(msgspec.Struct):
    status: _Status
    resolution: _Resolution | None = None
    resolutiondate: str | None = None
    statuscategorychangedate: str | None = None
    created: str | None = None
    updated: str | None = None
    description: Any = None
    labels: list[str] = []


class _Issue(msgspec.Struct):
    id: str
    key: str
    fields: _Fields


class _Issues(msgspec.Struct):
    issues: list[_Issue]


class _Created(msgspec.Struct):
    id: str
    key: str


class _Comment(msgspec.Struct):
    body: Any = None


class _Comments(msgspec.Struct):
    comments: list[_Comment]


class _Transition(msgspec.Struct):
    id: str
    name: str
    to: _Status
    fields: _Json = {}


class _Transitions(msgspec.Struct):
    transitions: list[_Transition]


def label_of(key: str) -> str:
    """Return the label of a key."""
    return f"pullmedic-{checked_key(key)}"


def query_of(project: str, key: str) -> str:
    """Return the JQL that finds a key's issues; a backslash and a quote are escaped ("Advanced searching")."""
    return f"project = {_quoted(project)} AND labels = {_quoted(label_of(key))} ORDER BY updated DESC"


def new_issue(
    notice: Notice, *, project: str, issue_type: str, previous: Ticket | None = None, labels: Iterable[str] = ()
) -> _Json:
    """Return the request that creates an issue."""
    return {
        "fields": {
            "project": {"key": project},
            "issuetype": {"name": issue_type},
            "summary": title_of(notice, _SUMMARY),
            "description": document(notice, previous),
            "labels": list(dict.fromkeys((label_of(notice.key), *labels))),
        }
    }


def document(notice: Notice, previous: Ticket | None = None) -> _Json:
    """Return the description in Atlassian Document Format: at most 30,000 UTF-16 units of JSON for any report."""
    return fitted(notice, ticket_message(notice, previous, _ROOM), _ROOM, _document, _size)


def comment_document(notice: Notice, effect: str = Effect.COMMENT) -> _Json:
    """Return a comment in Atlassian Document Format."""
    return fitted(notice, comment_message(notice, effect, _ROOM), _ROOM, _document, _size)


class Issues:
    """A :class:`responders.tickets.TicketQueue`: the issues of one project."""

    lag = LAG

    def __init__(self, options: Options) -> None:
        self._project, self._type = options.text("project"), options.text("issue_type") or "Task"
        self._labels, self._resolution = listed(options.text("labels")), options.text("resolution") or "Done"
        self._declined = frozenset(map(folded, listed(options.text("declined"))))
        self._close_by, self._reopen_by = options.text("close_transition"), options.text("reopen_transition")
        self._site = f"https://{_host(options.text('site'))}"
        authorization = basic(options.text("email"), options.secret("api_token"))
        self._service = Service(
            base=f"{self._site}/rest/api/3", headers=lambda: {"Authorization": authorization}, hints=_HINTS
        )

    def find(self, key: str, *, ref: str = "", now: datetime) -> Ticket | None:
        """See :class:`responders.tickets.TicketQueue`. At most three requests, one of them a search."""
        known = self._issue(ref, now) if ref.isascii() and ref.isdigit() else []
        opened = choose(found for found in known if found.ticket.state is TicketState.OPEN)
        if opened is not None:
            return opened
        request = {"jql": query_of(self._project, key), "fields": list(_FIELDS), "maxResults": _MOST}
        issues = read(self._service.ask("POST", "/search/jql", request, now=now), _Issues).issues
        wanted = folded(label_of(key))
        mine = [one for one in issues if one.id != ref and wanted in map(folded, one.fields.labels)]
        found = choose([*known, *map(self._found, mine)])
        # The search may be behind on its state, too.
        return found and (found if found.ref == ref else choose(self._issue(found.ref, now)))

    def create(self, notice: Notice, *, previous: Ticket | None = None, now: datetime) -> Ticket:
        """See :class:`responders.tickets.TicketQueue`."""
        request = new_issue(
            notice, project=self._project, issue_type=self._type, previous=previous, labels=self._labels
        )
        made = read(self._service.ask("POST", "/issue", request, now=now), _Created)
        return Ticket(
            ref=made.id,
            title=made.key,
            state=TicketState.OPEN,
            url=f"{self._site}/browse/{made.key}",
            created_at=now,
            tells=event_of(notice),
        )

    def comment(self, ticket: Ticket, notice: Notice, *, now: datetime) -> bool:
        """See :class:`responders.tickets.TicketQueue`. The newest fifty comments are looked at."""
        return self._comment(ticket, notice, Effect.COMMENT, now)

    def reopen(self, ticket: Ticket, notice: Notice, *, now: datetime) -> None:
        """See :class:`responders.tickets.TicketQueue`. First the comment, then the transition."""
        self._comment(ticket, notice, Effect.REOPEN, now)
        self._move(ticket, self._reopen_by, _OPEN_CATEGORIES, now)

    def close(self, ticket: Ticket, notice: Notice, *, now: datetime) -> None:
        """See :class:`responders.tickets.TicketQueue`. First the comment, then the transition."""
        self._comment(ticket, notice, Effect.CLOSE, now)
        self._move(ticket, self._close_by, ("done",), now)

    def _issue(self, ref: str, now: datetime) -> list[Found]:
        query = urlencode({"fields": ",".join(_FIELDS)})
        receipt = self._service.ask("GET", f"/issue/{ref}?{query}", now=now, taken=(200, 404))
        return [self._found(read(receipt, _Issue))] if receipt.status == 200 else []

    def _found(self, issue: _Issue) -> Found:
        fields, state = issue.fields, self._state_of(issue.fields)
        closed = fields.resolutiondate or fields.statuscategorychangedate or fields.updated
        ticket = Ticket(
            ref=issue.id,
            title=issue.key,
            state=state,
            url=f"{self._site}/browse/{issue.key}",
            created_at=moment(fields.created),
            closed_at=None if state is TicketState.OPEN else moment(closed),
            tells=_mark_at_end(fields.description).get("event", ""),
        )
        number = int(issue.id) if issue.id.isascii() and issue.id.isdigit() else 0
        return Found(ticket, number, moment(fields.updated))

    def _state_of(self, fields: _Fields) -> TicketState:
        if fields.status.category.key != "done":
            return TicketState.OPEN
        names = {folded(fields.status.name), folded(fields.resolution.name if fields.resolution else "")}
        return TicketState.DECLINED if names & self._declined else TicketState.CLOSED

    def _comment(self, ticket: Ticket, notice: Notice, effect: str, now: datetime) -> bool:
        if ticket.tells == event_of(notice) or self._told(ticket, notice, now):
            return False
        body = {"body": comment_document(notice, effect)}
        self._service.ask("POST", f"/issue/{ticket.ref}/comment", body, now=now)
        return True

    def _told(self, ticket: Ticket, notice: Notice, now: datetime) -> bool:
        query = urlencode({"orderBy": "-created", "maxResults": _MOST})
        receipt = self._service.ask("GET", f"/issue/{ticket.ref}/comment?{query}", now=now)
        mark = MARK.fullmatch(mark_of(notice))
        comments = read(receipt, _Comments).comments
        return mark is not None and any(_mark_at_end(one.body) == mark.groupdict() for one in comments)

    def _move(self, ticket: Ticket, name: str, categories: tuple[str, ...], now: datetime) -> None:
        query = urlencode({"expand": "transitions.fields"})
        receipt = self._service.ask("GET", f"/issue/{ticket.ref}/transitions?{query}", now=now)
        chosen = self._transition(read(receipt, _Transitions).transitions, name, categories)
        if chosen is None:
            way = f"called {name}" if name else f"to a status of the category {categories[0]}"
            raise Refused(409, f"no transition {way} is open to the account: set its name, or the account's right")
        request: _Json = {"transition": {"id": chosen.id}}
        if "resolution" in chosen.fields and categories == ("done",):
            request["fields"] = {"resolution": {"name": self._resolution}}
        self._service.ask("POST", f"/issue/{ticket.ref}/transitions", request, now=now, taken=(204,))

    def _transition(self, every: Iterable[_Transition], name: str, categories: tuple[str, ...]) -> _Transition | None:
        """Return the one of that name, else the first to a status of these categories that declines nothing."""
        found = list(every)
        if name:
            return next((one for one in found if folded(name) in (folded(one.name), folded(one.to.name))), None)
        kind = [one for one in found if not {folded(one.name), folded(one.to.name)} & self._declined]
        return next((one for category in categories for one in kind if one.to.category.key == category), None)


@lru_cache(maxsize=4096)
def _cost(character: str) -> int:
    return max(utf16_units(character), len(json.dumps(character, ensure_ascii=False)) - 2)


_ROOM = Room(limit=MAX_DOCUMENT, cost=_cost)


def _size(built: _Json) -> int:
    return units(encode(built).decode())


def _document(message: Message, said: str) -> _Json:
    parts = [_paragraph(_text(message.headline, "strong"))]
    parts += [part for block in message.first for part in _block(block, titled=message.titled)]
    if message.previous is not None:
        parts.append(_paragraph(_text(f"{EARLIER} "), _linked(message.previous.title, message.previous.url)))
    parts += [part for block in message.blocks for part in _block(block, titled=message.titled)]
    if said:
        parts.append(_paragraph(_text(said, "em")))
    if message.link:
        parts.append(_paragraph(_linked("Open the run", message.link)))
    if message.page:
        parts.append(_paragraph(_linked("Open the incident", message.page)))
    if message.stored:
        parts.append(_paragraph(_text(f"Evidence stored as {message.stored}")))
    return {"version": 1, "type": "doc", "content": [*parts, _paragraph(_text(message.mark))]}


def _block(block: Block, *, titled: bool) -> Iterator[_Json]:
    if titled and block.lines:
        yield {"type": "heading", "attrs": {"level": 3}, "content": [_text(block.title)]}
    for line in block.lines:
        yield from _line(line)


def _line(line: Line) -> Iterator[_Json]:
    match line:
        case Text(text):
            yield _paragraph(_text(text))
        case Pair(label, value):
            yield _paragraph(_text(f"{label}: ", "strong"), _text(value))
        case Code(text, caption):
            if caption.strip():
                yield _paragraph(_text(caption))
            yield {"type": "codeBlock", "content": [{"type": "text", "text": clean(text) or "-"}]}


def _paragraph(*content: _Json) -> _Json:
    return {"type": "paragraph", "content": list(content)}


def _text(text: str, *marks: str) -> _Json:
    """Return a text node, which must not be empty; a space at its end is kept."""
    end = " " if text.endswith(" ") else ""
    node = {"type": "text", "text": (one_line(text) or "-") + end}
    return node | ({"marks": [{"type": mark} for mark in marks]} if marks else {})


def _linked(title: str, url: str) -> _Json:
    marks = {"marks": [{"type": "link", "attrs": {"href": url}}]} if is_plain_link(url) else {}
    return _text(title) | marks


def _mark_at_end(built: Any) -> Mapping[str, str]:
    """Return key and event of the mark that is the last paragraph of a document: there stands nobody else's text."""
    try:
        text = "".join(node["text"] for node in built["content"][-1]["content"])
    except (TypeError, KeyError, IndexError):
        return {}
    mark = MARK.fullmatch(text.strip())
    return mark.groupdict() if mark else {}


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _host(site: str) -> str:
    name = site.strip().lower()
    return name if name.endswith(_SUFFIX) else f"{name}{_SUFFIX}"


def _problems(options: Options) -> Mapping[str, str]:
    labels = listed(options.text("labels"))
    found = {
        "site": None if _SITE.fullmatch(_host(options.text("site")).removesuffix(_SUFFIX)) else "it is no site's name",
        "email": None if _MAIL.fullmatch(options.text("email")) else "it is no e-mail address",
        "api_token": credential_problem(options, "api_token"),
        "project": None if _PROJECT.fullmatch(options.text("project")) else "it is no project's key, such as OPS",
        "labels": None if all(" " not in one and len(one) <= _LABEL for one in labels) else "a label has a space",
    }
    return {name: problem for name, problem in found.items() if problem}


TRACKER = Tracker(
    name="jira",
    title="Jira Cloud",
    fields=(
        Field(name="site", purpose="Site, as in `https://SITE.atlassian.net`."),
        Field(name="email", purpose="E-mail address of the account that opens the issues."),
        Field(name="api_token", purpose="API token of that account, without scopes.", secret=True),
        Field(name="project", purpose="Key of the project that gets the issues."),
        Field(name="issue_type", purpose="Type of the issues.", required=False, default="Task"),
        Field(name="labels", purpose="Further labels, separated by commas.", required=False),
        Field(
            name="declined",
            purpose="Resolutions and statuses, separated by commas, by which a done issue counts as declined.",
            required=False,
            default="Won't Do, Won't Fix, Declined, Duplicate, Rejected, Cancelled, Canceled",
        ),
        Field(
            name="close_transition",
            purpose="Transition, or its status, that closes an issue; empty: the first to a status that is done.",
            required=False,
        ),
        Field(
            name="reopen_transition",
            purpose="Transition, or its status, that opens one again; empty: the first to a status of To Do, else "
            "In Progress.",
            required=False,
        ),
        Field(
            name="resolution",
            purpose="Resolution of a closed issue, where the transition asks for one.",
            required=False,
            default="Done",
        ),
    ),
    problems=_problems,
    connect=Issues,
)
