"""GitHub issues: REST API 2022-11-28, on github.com, on ghe.com and on GitHub Enterprise Server.

How a ticket is found again: by a label, which is made of the key, and by a mark in the body, an HTML comment that
nobody sees and that no quoted text can forge. Issues are listed, not searched: the search index lags behind, the list
comes from the database (GitHub promises neither, so a create without an answer is looked for again after :data:`LAG`).
Labels of an issue are "silently dropped" for a token that may not set them ("Create an issue"): then, and where a
person took the label away, the newest hundred issues are looked through for the mark, of such authors as may write to
the repository.

A title of 256 characters and a body of 65,536 are the most that GitHub takes (it answers 422 above); a label has 50.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec

from diagnostics.redaction import redact
from responders.channels import Options
from responders.declarations import Field, Secret
from responders.notices import Notice
from responders.sending import Receipt, Refused, TryLater
from responders.tickets import Ticket, TicketState, Tracker
from responders.tickets._content import (
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
from responders.tickets._html import cost, html
from responders.tickets._service import Service, credential_problem, host_problem, listed, moment, read, zulu
from responders.wording import cut, one_line

__all__ = ["LAG", "MAX_BODY", "TRACKER", "Issues", "body", "comment_body", "label_of", "new_issue"]

MAX_BODY = 60_000
LAG = timedelta(minutes=1)

_TITLE = 250
_LABEL = 50
_PREFIX = "pullmedic:"
_PAGE = 100
_COMMENTS_BEFORE = timedelta(hours=1)
_ROOM = Room(limit=MAX_BODY, cost=cost)
_LONGEST_WAIT = timedelta(hours=6)
_SECONDARY_WAIT = timedelta(minutes=1)
_WRITERS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
_DECLINED = frozenset({"not_planned", "duplicate"})
_HINTS = {
    401: "the token is wrong or has expired",
    403: "the token needs the permission Issues: read and write",
    404: "the repository is not there, or the token may not see it",
    410: "issues are disabled in the repository",
    301: "the repository was renamed: write its new name",
}
_LOG = logging.getLogger(__name__)

_Json = dict[str, Any]


class _Label(msgspec.Struct):
    name: str = ""


class _User(msgspec.Struct):
    type: str = "User"


class _Issue(msgspec.Struct):
    number: int
    state: str
    html_url: str = ""
    state_reason: str | None = None
    body: str | None = None
    labels: list[_Label | str] = []
    created_at: str | None = None
    updated_at: str | None = None
    closed_at: str | None = None
    author_association: str = "NONE"
    user: _User | None = None
    pull_request: _Json | None = None


class _Comment(msgspec.Struct):
    body: str | None = None


def label_of(key: str) -> str:
    """Return the label of a key: 50 characters at most; letters' case does not count in a label."""
    label = _PREFIX + checked_key(key)
    return label if len(label) <= _LABEL else _PREFIX + hashlib.sha256(key.encode()).hexdigest()[:32]


def new_issue(notice: Notice, *, previous: Ticket | None = None, labels: tuple[str, ...] = ()) -> _Json:
    """Return the request that opens an issue."""
    every = dict.fromkeys((label_of(notice.key), *(label[:_LABEL] for label in labels)))
    return {"title": title_of(notice, _TITLE), "body": body(notice, previous), "labels": list(every)}


def body(notice: Notice, previous: Ticket | None = None) -> str:
    """Return the issue's text: at most 60,000 UTF-16 units for any report, headline and next step included."""
    return fitted(notice, ticket_message(notice, previous, _ROOM), _ROOM, _text, units)


def comment_body(notice: Notice, effect: str = Effect.COMMENT) -> str:
    """Return the text of a comment."""
    return fitted(notice, comment_message(notice, effect, _ROOM), _ROOM, _text, units)


class Issues:
    """A :class:`responders.tickets.TicketQueue`: the issues of one repository."""

    lag = LAG

    def __init__(self, options: Options) -> None:
        token = options.secret("token")
        self._labels = listed(options.text("labels"))
        self._service = Service(
            base=f"{_base(options.text('host') or 'github.com')}/repos/{options.text('repository')}",
            headers=lambda: {
                "Authorization": Secret(f"Bearer {token.reveal()}"),
                "Accept": Secret("application/vnd.github+json"),
                "X-GitHub-Api-Version": Secret("2022-11-28"),
                "User-Agent": Secret("pullmedic"),
            },
            hints=_HINTS,
        )

    def find(self, key: str, *, ref: str = "", now: datetime) -> Ticket | None:
        """See :class:`responders.tickets.TicketQueue`. At most three requests, all of them lists or by number."""
        known = self._issue(ref, now) if ref.isascii() and ref.isdigit() else []
        opened = choose(found for found in known if found.ticket.state is TicketState.OPEN)
        if opened is not None:
            return opened
        labelled = self._listed({"labels": label_of(key), "sort": "updated"}, now)
        found = [*known, *(_found(issue) for issue in labelled if _key_in(issue) in (key, ""))]
        if not found:
            newest = self._listed({"sort": "created"}, now)
            found = [_found(issue) for issue in newest if _key_in(issue) == key and _by_a_writer(issue)]
        return choose(found)

    def create(self, notice: Notice, *, previous: Ticket | None = None, now: datetime) -> Ticket:
        """See :class:`responders.tickets.TicketQueue`."""
        request = new_issue(notice, previous=previous, labels=self._labels)
        issue = read(self._ask("POST", "/issues", request, now=now), _Issue)
        if label_of(notice.key).lower() not in {name.lower() for name in _label_names(issue)}:
            _LOG.warning(
                "GitHub dropped the labels of issue #%d: the token needs the permission Issues: write, and its user "
                "the role Triage or more; without its label the issue is found only while it is among the newest",
                issue.number,
            )
        return _found(issue).ticket

    def comment(self, ticket: Ticket, notice: Notice, *, now: datetime) -> bool:
        """See :class:`responders.tickets.TicketQueue`. Of the comments since the last run a hundred are looked at."""
        return self._comment(ticket, notice, Effect.COMMENT, now)

    def reopen(self, ticket: Ticket, notice: Notice, *, now: datetime) -> None:
        """See :class:`responders.tickets.TicketQueue`. First the comment, then the state: so a half is done over."""
        self._comment(ticket, notice, Effect.REOPEN, now)
        self._ask("PATCH", f"/issues/{ticket.ref}", {"state": "open"}, now=now)

    def close(self, ticket: Ticket, notice: Notice, *, now: datetime) -> None:
        """See :class:`responders.tickets.TicketQueue`."""
        self._comment(ticket, notice, Effect.CLOSE, now)
        self._ask("PATCH", f"/issues/{ticket.ref}", {"state": "closed", "state_reason": "completed"}, now=now)

    def _comment(self, ticket: Ticket, notice: Notice, effect: str, now: datetime) -> bool:
        if ticket.tells == event_of(notice) or self._told(ticket, notice, now):
            return False
        self._ask("POST", f"/issues/{ticket.ref}/comments", {"body": comment_body(notice, effect)}, now=now)
        return True

    def _told(self, ticket: Ticket, notice: Notice, now: datetime) -> bool:
        began = notice.incident.last_at if notice.incident else now
        query = urlencode({"since": zulu(began - _COMMENTS_BEFORE), "per_page": _PAGE})
        comments = read(self._ask("GET", f"/issues/{ticket.ref}/comments?{query}", now=now), list[_Comment])
        return any(_hidden(mark_of(notice)) in (comment.body or "") for comment in comments)

    def _issue(self, ref: str, now: datetime) -> list[Found]:
        """Return the issue of that number; nothing where it is deleted or was moved to another repository."""
        receipt = self._ask("GET", f"/issues/{ref}", now=now, taken=(200, 301, 404, 410))
        return [_found(read(receipt, _Issue))] if receipt.status == 200 else []

    def _listed(self, query: Mapping[str, str], now: datetime) -> list[_Issue]:
        every = {**query, "state": "all", "direction": "desc", "per_page": str(_PAGE)}
        issues = read(self._ask("GET", f"/issues?{urlencode(every)}", now=now), list[_Issue])
        return [issue for issue in issues if issue.pull_request is None]

    def _ask(
        self,
        method: str,
        path: str,
        payload: Mapping[str, Any] | None = None,
        *,
        now: datetime,
        taken: tuple[int, ...] = (200, 201),
    ) -> Receipt:
        receipt = self._service.ask(method, path, payload, now=now, taken=(*taken, 403, 429))
        if receipt.status not in (403, 429):
            return receipt
        wait = _limited(receipt, now)
        if wait is not None:
            raise TryLater(f"answered {receipt.status}: the rate limit is reached", wait)
        word = cut(one_line(redact(receipt.body)), 300).text
        raise Refused(receipt.status, self._service.explained(receipt.status, word))


def _limited(receipt: Receipt, now: datetime) -> timedelta | None:
    """Return how long to wait where a 403 or 429 speaks of a limit, primary or secondary ("Rate limits for the REST
    API"): what ``Retry-After`` says, else until the reset where nothing remains, else a minute.
    """
    headers = receipt.headers
    asked, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    wait = _SECONDARY_WAIT
    if asked.isascii() and asked.isdigit():
        wait = timedelta(seconds=int(asked[:9]))
    elif headers.get("x-ratelimit-remaining") == "0" and reset.isascii() and reset.isdigit():
        wait = datetime.fromtimestamp(int(reset[:10]), UTC) - now
    elif receipt.status != 429 and "rate limit" not in receipt.body:
        return None
    return min(max(wait, timedelta(seconds=1)), _LONGEST_WAIT)


def _text(message: Message, said: str) -> str:
    return f"{html(message, said)}\n\n{_hidden(message.mark)}"


def _hidden(mark: str) -> str:
    return f"<!-- {mark} -->"


def _found(issue: _Issue) -> Found:
    state = TicketState.OPEN
    if issue.state == "closed":
        state = TicketState.DECLINED if issue.state_reason in _DECLINED else TicketState.CLOSED
    ticket = Ticket(
        ref=str(issue.number),
        title=f"#{issue.number}",
        state=state,
        url=issue.html_url,
        created_at=moment(issue.created_at),
        closed_at=moment(issue.closed_at),
        tells=_marked(issue).get("event", ""),
    )
    return Found(ticket, issue.number, moment(issue.updated_at))


def _marked(issue: _Issue) -> Mapping[str, str]:
    """Return key and event of the body's mark. Quoted text cannot hold one, since its ``<`` is escaped."""
    text = issue.body or ""
    marks = (match for match in MARK.finditer(text) if _hidden(match.group()) in text)
    return next((match.groupdict() for match in marks), {})


def _key_in(issue: _Issue) -> str:
    return _marked(issue).get("key", "")


def _by_a_writer(issue: _Issue) -> bool:
    """Tell whether the author may write here: on a public repository anybody may open an issue with any text."""
    return issue.author_association in _WRITERS or (issue.user is not None and issue.user.type == "Bot")


def _label_names(issue: _Issue) -> Iterator[str]:
    for label in issue.labels:
        yield label if isinstance(label, str) else label.name


def _base(host: str) -> str:
    """Return the address of the API ("Getting started with the REST API"; for a server of one's own, /api/v3)."""
    name = host.lower()
    if name == "github.com" or name.endswith(".ghe.com"):
        return f"https://api.{name}"
    return f"https://{name}/api/v3"


def _problems(options: Options) -> Mapping[str, str]:
    found = {
        "repository": None if _is_repository(options.text("repository")) else "it is not of the form owner/name",
        "token": credential_problem(options, "token"),
        "host": host_problem(options.text("host") or "github.com"),
        "labels": None if all(len(one) <= _LABEL for one in listed(options.text("labels"))) else "a label is too long",
    }
    return {name: problem for name, problem in found.items() if problem}


def _is_repository(text: str) -> bool:
    parts = text.split("/")
    plain = all(part and part.isascii() and part.replace("-", "").replace("_", "").replace(".", "") for part in parts)
    safe = all(c.isalnum() or c in "-_./" for c in text)
    return len(parts) == 2 and plain and safe and len(text) <= 140


TRACKER = Tracker(
    name="github",
    title="GitHub issues",
    fields=(
        Field(name="repository", purpose="Repository that gets the issues, as `owner/name`."),
        Field(name="token", purpose="Fine-grained token with Issues: read and write on that repository.", secret=True),
        Field(
            name="host",
            purpose="Host of GitHub: `github.com`, one of `ghe.com`, or a server of your own.",
            required=False,
            default="github.com",
        ),
        Field(name="labels", purpose="Further labels, separated by commas.", required=False),
    ),
    problems=_problems,
    connect=Issues,
)
