"""ServiceNow: incidents, Table API v1 (``/api/now/table``), with a user's password or an OAuth token.

How a ticket is found again: by ``correlation_id``, which is the key itself and which a list filters in the database.
That it is never behind is promised nowhere (an instance may read from a replica), so a create without an answer is
looked for again after :data:`LAG`.

States are numbers: 6 Resolved and 7 Closed are closed, 8 Canceled is declined, and so is what was resolved with a code
of ``declined_codes``; all others are open. A closed incident (7) is opened again by nobody: it gets a successor. What
the user may not write, the Table API leaves out and says nothing, so each answer is compared with what was asked.

A short description has 160 characters, a description and a note 4,000, a correlation id 100. A description is plain
text; in a note ``[code]`` begins HTML, ``@[`` a mention, and an address becomes a link: these are broken up.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

import msgspec

from responders.blocks import Block, Code, Line, Pair, Text
from responders.channels import Options
from responders.declarations import Field, Secret
from responders.fitting import LineLimits
from responders.notices import Notice
from responders.sending import Receipt, Refused
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

__all__ = ["LAG", "MAX_TEXT", "TRACKER", "Incidents", "body", "new_incident", "note", "query_of"]

LAG = timedelta(minutes=1)
MAX_TEXT = 3_900

_SHORT = 160
_MOST = 50
_INDENT = "    "


def _cost(character: str) -> int:
    """Return what a character costs at most: broken up where it may begin something, indented where it ends a line."""
    if character == "\n":
        return 1 + len(_INDENT)
    return 2 if character in "[@:wW" else utf16_units(character)


_ROOM = Room(
    limit=MAX_TEXT,
    cost=_cost,
    first=LineLimits(text=400, label=60, value=250, code=450, caption=60),
    rest=LineLimits(text=600, label=80, value=400, code=800, caption=120, code_lines=12),
    announcement=300,
    link=500,
    page=300,
)
_FIELDS = (
    "sys_id",
    "number",
    "state",
    "close_code",
    "correlation_id",
    "description",
    "sys_created_on",
    "sys_updated_on",
    "resolved_at",
    "closed_at",
)
_IN_PROGRESS, _RESOLVED, _CLOSED, _CANCELED = "2", "6", "7", "8"
_OVER = {
    _RESOLVED: TicketState.CLOSED,
    _CLOSED: TicketState.CLOSED,
    _CANCELED: TicketState.DECLINED,
}
_HINTS = {
    400: "ServiceNow refuses the request: is the table's name right?",
    401: "user and password, or the token, are not accepted",
    403: "the user needs a role that reads, creates and resolves incidents over REST, such as itil; or a policy "
    "refuses a field, such as a close code that the instance does not have",
    404: "the instance or the table is not there",
}
_INSTANCE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,79}")
_SYS_ID = re.compile(r"[0-9a-f]{32}")
_SUFFIX = ".service-now.com"
_OBEYED = re.compile(r"(\[/?code|@\[|://|www\.)", re.IGNORECASE)
_BREAK = "\N{ZERO WIDTH SPACE}"
_LOG = logging.getLogger(__name__)

_Json = dict[str, str]


class _Record(msgspec.Struct):
    sys_id: str
    number: str = ""
    state: str = ""
    close_code: str = ""
    correlation_id: str = ""
    description: str = ""
    sys_created_on: str = ""
    sys_updated_on: str = ""
    resolved_at: str = ""
    closed_at: str = ""


class _One(msgspec.Struct):
    result: _Record


class _Several(msgspec.Struct):
    result: list[_Record]


class _Notes(msgspec.Struct):
    work_notes: str = ""


class _OneWithNotes(msgspec.Struct):
    result: _Notes


def query_of(key: str) -> str:
    """Return the encoded query that finds a key's incidents; in a value a caret is written twice."""
    return f"correlation_id={checked_key(key).replace('^', '^^')}^ORDERBYDESCsys_updated_on"


def new_incident(
    notice: Notice, *, previous: Ticket | None = None, assignment_group: str = "", category: str = ""
) -> _Json:
    """Return the record that is inserted."""
    more = {"assignment_group": assignment_group, "category": category}
    return {
        "short_description": title_of(notice, _SHORT),
        "description": body(notice, previous),
        "correlation_id": checked_key(notice.key),
        "correlation_display": "Pullmedic",
        **{name: value for name, value in more.items() if value},
    }


def body(notice: Notice, previous: Ticket | None = None) -> str:
    """Return the description as plain text: at most 3,900 UTF-16 units for any report."""
    return fitted(notice, ticket_message(notice, previous, _ROOM), _ROOM, _plain, units)


def note(notice: Notice, effect: str = Effect.COMMENT) -> str:
    """Return a work note as plain text."""
    return fitted(notice, comment_message(notice, effect, _ROOM), _ROOM, _plain, units)


class Incidents:
    """A :class:`responders.tickets.TicketQueue`: the incidents of one instance."""

    lag = LAG

    def __init__(self, options: Options) -> None:
        self._table = options.text("table") or "incident"
        self._more = {name: options.text(name) for name in ("assignment_group", "category")}
        self._code = options.text("close_code") or "Solution provided"
        self._reopened = options.text("reopened_state") or _IN_PROGRESS
        self._declined = frozenset(map(folded, listed(options.text("declined_codes"))))
        self._site = f"https://{_host(options.text('instance'))}"
        token, password = options.secret("oauth_token"), options.secret("password")
        authorization = Secret(f"Bearer {token.reveal()}") if token.reveal() else basic(options.text("user"), password)
        self._service = Service(
            base=f"{self._site}/api/now/table/{self._table}",
            headers=lambda: {"Authorization": authorization, "Accept": Secret("application/json")},
            hints=_HINTS,
        )

    def find(self, key: str, *, ref: str = "", now: datetime) -> Ticket | None:
        """See :class:`responders.tickets.TicketQueue`. At most two requests."""
        known = self._record(ref, now) if _SYS_ID.fullmatch(ref) else []
        opened = choose(found for found in known if found.ticket.state is TicketState.OPEN)
        if opened is not None:
            return opened
        query = _query(sysparm_query=query_of(key), sysparm_limit=str(_MOST))
        records = read(self._service.ask("GET", query, now=now), _Several).result
        return choose(
            [*known, *(self._found(one) for one in records if one.correlation_id == key and one.sys_id != ref)]
        )

    def create(self, notice: Notice, *, previous: Ticket | None = None, now: datetime) -> Ticket:
        """See :class:`responders.tickets.TicketQueue`."""
        record = new_incident(notice, previous=previous, **self._more)
        made = read(self._service.ask("POST", _query(), record, now=now), _One).result
        if made.correlation_id != notice.key:
            _LOG.warning(
                "ServiceNow left correlation_id out of %s: the user needs the right to write it; without it the "
                "incident is found only as long as the store remembers it",
                made.number,
            )
        return self._found(made).ticket

    def comment(self, ticket: Ticket, notice: Notice, *, now: datetime) -> bool:
        """See :class:`responders.tickets.TicketQueue`. All notes are looked at."""
        if ticket.tells == event_of(notice) or self._told(ticket, notice, now):
            return False
        self._change(ticket, {"work_notes": note(notice)}, now)
        return True

    def reopen(self, ticket: Ticket, notice: Notice, *, now: datetime) -> None:
        """See :class:`responders.tickets.TicketQueue`. State and note are one change."""
        self._change(ticket, {"state": self._reopened, "work_notes": note(notice, Effect.REOPEN)}, now)

    def close(self, ticket: Ticket, notice: Notice, *, now: datetime) -> None:
        """See :class:`responders.tickets.TicketQueue`. Resolves: closing for good is the instance's own business."""
        text = note(notice, Effect.CLOSE)
        resolved = {"state": _RESOLVED, "close_code": self._code, "close_notes": title_of(notice, _SHORT)}
        self._change(ticket, {**resolved, "work_notes": text}, now)

    def _record(self, ref: str, now: datetime) -> list[Found]:
        receipt = self._service.ask("GET", f"/{ref}{_query()}", now=now, taken=(200, 404))
        return [self._found(read(receipt, _One).result)] if receipt.status == 200 else []

    def _found(self, record: _Record) -> Found:
        state = self._state_of(record)
        page = quote(f"{self._table}.do?sys_id={record.sys_id}", safe="")
        ticket = Ticket(
            ref=record.sys_id,
            title=record.number,
            state=state,
            url=f"{self._site}/nav_to.do?uri={page}",
            created_at=moment(record.sys_created_on),
            closed_at=None if state is TicketState.OPEN else _closed_at(record),
            tells=_mark_at_end(record.description).get("event", ""),
            reopenable=record.state != _CLOSED,
        )
        digits = "".join(c for c in record.number if c.isascii() and c.isdigit())
        return Found(ticket, int(digits[:18] or "0"), moment(record.sys_updated_on))

    def _state_of(self, record: _Record) -> TicketState:
        state = _OVER.get(record.state, TicketState.OPEN)
        declined = state is TicketState.CLOSED and folded(record.close_code) in self._declined
        return TicketState.DECLINED if declined else state

    def _told(self, ticket: Ticket, notice: Notice, now: datetime) -> bool:
        """Look through the notes: shown as people see them, a journal field holds all of its entries."""
        query = urlencode({"sysparm_fields": "work_notes", "sysparm_display_value": "true"})
        receipt: Receipt = self._service.ask("GET", f"/{ticket.ref}?{query}", now=now)
        lines = read(receipt, _OneWithNotes).result.work_notes.splitlines()
        return any(line.strip() == mark_of(notice) for line in lines if not line.startswith(" "))

    def _change(self, ticket: Ticket, fields: Mapping[str, str], now: datetime) -> None:
        record = read(self._service.ask("PATCH", f"/{ticket.ref}{_query()}", fields, now=now), _One).result
        if record.state != fields.get("state", record.state):
            raise Refused(200, f"{ticket.title} kept its state {record.state}: the user, or a rule, may not change it")


def _query(**more: str) -> str:
    """Return the query that asks for raw values of the fields that are read here."""
    shown = {"sysparm_fields": ",".join(_FIELDS), "sysparm_display_value": "false"}
    return "?" + urlencode({**more, **shown, "sysparm_exclude_reference_link": "true"})


def _closed_at(record: _Record) -> datetime | None:
    times = (record.closed_at, record.resolved_at, record.sys_updated_on)
    return next((time for time in map(moment, times) if time is not None), None)


def _plain(message: Message, said: str) -> str:
    parts = [_inert(message.headline)]
    parts += [part for block in message.first for part in _block(block, titled=message.titled)]
    if message.previous is not None:
        # A page of the instance itself: an address of ours.
        parts.append(f"{EARLIER} {one_line(message.previous.title)} {message.previous.url}".rstrip())
    parts += [part for block in message.blocks for part in _block(block, titled=message.titled)]
    parts += [_inert(said)] if said else []
    parts += [f"Run: {message.link}"] if message.link else []
    parts += [f"Incident: {message.page}"] if message.page else []
    parts += [f"Evidence stored as {_inert(message.stored)}"] if message.stored else []
    return "\n".join([*parts, "", message.mark])


def _block(block: Block, *, titled: bool) -> Iterator[str]:
    if titled and block.lines:
        yield f"\n{block.title.upper()}"
    for line in block.lines:
        yield from _line(line)


def _line(line: Line) -> Iterator[str]:
    """Yield lines; code is indented, so that none of its lines can be taken for one of ours."""
    match line:
        case Text(text):
            yield _inert(text)
        case Pair(label, value):
            yield f"{_inert(label)}: {_inert(value)}"
        case Code(text, caption):
            if caption.strip():
                yield _inert(caption)
            for row in clean(text).split("\n"):
                yield f"{_INDENT}{_OBEYED.sub(_broken, row)}"


def _inert(text: str) -> str:
    """Return one line of prose that is no mark, and in which nothing begins HTML, a mention or a link."""
    line = _OBEYED.sub(_broken, one_line(text))
    return f"{_BREAK}{line}" if MARK.match(line) else line


def _broken(match: re.Match[str]) -> str:
    found = match.group()
    return found[0] + _BREAK + found[1:]


def _mark_at_end(text: str) -> Mapping[str, str]:
    mark = MARK.fullmatch(text.rstrip().rsplit("\n", 1)[-1].strip())
    return mark.groupdict() if mark else {}


def _host(instance: str) -> str:
    name = instance.strip().lower()
    return name if name.endswith(_SUFFIX) else f"{name}{_SUFFIX}"


def _problems(options: Options) -> Mapping[str, str]:
    token, user = options.secret("oauth_token").reveal(), options.text("user")
    found: dict[str, str | None] = {
        "instance": None
        if _INSTANCE.fullmatch(_host(options.text("instance")).removesuffix(_SUFFIX))
        else "it is no instance's name",
        "table": None if _TABLE.fullmatch(options.text("table") or "incident") else "it is no table's name",
    }
    if token:
        found["oauth_token"] = credential_problem(options, "oauth_token")
    else:
        found["user"] = None if user and ":" not in user and user.isprintable() else "user, or oauth_token, is needed"
        found["password"] = credential_problem(options, "password")
    return {name: problem for name, problem in found.items() if problem}


TRACKER = Tracker(
    name="servicenow",
    title="ServiceNow incidents",
    fields=(
        Field(name="instance", purpose="Instance, as in `https://INSTANCE.service-now.com`."),
        Field(name="user", purpose="User that opens the incidents, where no OAuth token is set.", required=False),
        Field(name="password", purpose="Password of that user.", secret=True, required=False),
        Field(name="oauth_token", purpose="OAuth access token, instead of a user.", secret=True, required=False),
        Field(name="table", purpose="Table that gets the incidents.", required=False, default="incident"),
        Field(
            name="assignment_group",
            purpose="Group that gets the incidents: its name, or its sys_id; empty: the instance's own rules.",
            required=False,
        ),
        Field(name="category", purpose="Category of the incidents.", required=False),
        Field(
            name="close_code",
            purpose="Resolution code of an incident that is resolved.",
            required=False,
            default="Solution provided",
        ),
        Field(
            name="reopened_state",
            purpose="Number of the state that opens an incident again.",
            required=False,
            default=_IN_PROGRESS,
        ),
        Field(
            name="declined_codes",
            purpose="Resolution codes, separated by commas, by which an incident counts as declined.",
            required=False,
            default="Duplicate, No resolution provided, Not Solved (Too Costly)",
        ),
    ),
    problems=_problems,
    connect=Incidents,
)
