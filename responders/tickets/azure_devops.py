"""Azure DevOps Services: work items, REST API 7.1 (comments: 7.1-preview.4).

Who asks: the app's managed identity (a token for Azure DevOps' own resource, sent to Azure DevOps alone), or a personal
access token where one is set. How a ticket is found again: by a tag made of the key, with WIQL, whose ``CONTAINS``
compares whole tags. WIQL reads the work item store and not the search index; that its answer is never behind is
promised nowhere, so a create without an answer is looked for again after :data:`LAG`.

A state is judged by its *category*, which no process can rename ("How workflow states and state categories are used"):
Proposed and InProgress are open, Resolved and Completed closed, Removed declined; so is what was closed for one of the
reasons in ``declined_reasons``.

A title has 255 characters at most, a tag 400, a field of HTML about a million; ``System.History`` is the discussion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from responders.channels import Options
from responders.declarations import Field, Secret
from responders.notices import Notice
from responders.sending import Receipt, Refused, Unreachable
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
from responders.tickets._html import cost, html, paragraph
from responders.tickets._service import Service, basic, credential_problem, folded, listed, moment, read

__all__ = ["LAG", "SCOPE", "TRACKER", "WorkItems", "body", "comment_body", "new_item", "query_of", "tag_of"]

LAG = timedelta(minutes=1)
SCOPE = "499b84ac-1321-427f-aa17-267ca6975798/.default"
"""Azure DevOps' own resource, the same in every tenant ("Use service principals and managed identities")."""

_TITLE = 250
_TAG = 400
_MOST = 50
_COMMENTS = 100
_ROOM = Room(limit=200_000, cost=cost)
_PATCH = {"Content-Type": "application/json-patch+json"}
_STATE, _REASON, _TAGS = "System.State", "System.Reason", "System.Tags"
_CHANGED, _CREATED, _TYPE = "System.ChangedDate", "System.CreatedDate", "System.WorkItemType"
_RESOLVED_REASON = "Microsoft.VSTS.Common.ResolvedReason"
_STATE_CHANGED = "Microsoft.VSTS.Common.StateChangeDate"
_STEPS, _DESCRIPTION = "Microsoft.VSTS.TCM.ReproSteps", "System.Description"
_FIELDS = (
    _STATE,
    _REASON,
    _TAGS,
    _CHANGED,
    _CREATED,
    _TYPE,
    _RESOLVED_REASON,
    _STATE_CHANGED,
    _STEPS,
    _DESCRIPTION,
)
_CATEGORIES = {
    "Proposed": TicketState.OPEN,
    "InProgress": TicketState.OPEN,
    "Resolved": TicketState.CLOSED,
    "Completed": TicketState.CLOSED,
    "Removed": TicketState.DECLINED,
}
_SIGN_IN = "the identity or token is not accepted: add the identity as a user of the organization, or renew the token"
_HINTS = {
    203: _SIGN_IN,  # what a wrong token gets: the sign-in page, with a status of success
    302: _SIGN_IN,
    400: "Azure DevOps refuses a field: does the work item type have it, does the process want more?",
    401: _SIGN_IN,
    403: "the identity needs View and Edit work items in this node, and Create tag definition in the project",
    404: "organization, project or work item type is not there, or the identity may not see it",
}
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?")
_NOT_IN_PROJECT = frozenset('\\/:*?"<>|;#$*{},+=[]')
_REFERENCE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)+")
_TAGS_OF_HTML = re.compile(r"<[^<>]*>")

_Json = dict[str, Any]


class _Item(msgspec.Struct):
    id: int
    fields: _Json


class _Items(msgspec.Struct):
    value: list[_Item | None]


class _Reference(msgspec.Struct):
    id: int


class _References(msgspec.Struct):
    work_items: list[_Reference] = msgspec.field(name="workItems")


class _State(msgspec.Struct):
    name: str
    category: str = ""


class _States(msgspec.Struct):
    value: list[_State]


class _Comment(msgspec.Struct):
    text: str | None = None


class _Comments(msgspec.Struct):
    comments: list[_Comment]


def tag_of(key: str) -> str:
    """Return the tag of a key."""
    return f"pullmedic-{checked_key(key)}"


def query_of(key: str) -> str:
    """Return the WIQL that finds a key's work items; in a literal a quote is written twice ("WIQL syntax")."""
    literal = tag_of(key).replace("'", "''")
    return (  # the literal is a checked key, and escaped none the less
        "SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project "  # noqa: S608
        f"AND [System.Tags] CONTAINS '{literal}' ORDER BY [System.ChangedDate] DESC"
    )


def new_item(
    notice: Notice,
    *,
    previous: Ticket | None = None,
    body_field: str = _STEPS,
    tags: Iterable[str] = (),
    area_path: str = "",
) -> list[_Json]:
    """Return the JSON Patch that makes a work item."""
    fields = {
        "System.Title": title_of(notice, _TITLE),
        body_field: body(notice, previous),
        _TAGS: "; ".join(dict.fromkeys((tag_of(notice.key), *tags))),
    }
    return _patch(fields | ({"System.AreaPath": area_path} if area_path else {}))


def body(notice: Notice, previous: Ticket | None = None) -> str:
    """Return the work item's text as HTML: at most 200,000 UTF-16 units for any report."""
    return fitted(notice, ticket_message(notice, previous, _ROOM), _ROOM, _text, units)


def comment_body(notice: Notice, effect: str = Effect.COMMENT) -> str:
    """Return a comment as HTML."""
    return fitted(notice, comment_message(notice, effect, _ROOM), _ROOM, _text, units)


class WorkItems:
    """A :class:`responders.tickets.TicketQueue`: the work items of one project."""

    lag = LAG

    def __init__(self, options: Options) -> None:
        self._type = options.text("work_item_type") or "Bug"
        self._body_field = options.text("body_field") or (_STEPS if self._type == "Bug" else _DESCRIPTION)
        self._tags, self._area = listed(options.text("tags")), options.text("area_path")
        self._declined = frozenset(map(folded, listed(options.text("declined_reasons"))))
        self._closed_state, self._reopened_state = options.text("closed_state"), options.text("reopened_state")
        self._states: dict[str, list[_State]] = {}
        authorization = _authorization(options)
        self._service = Service(
            base=f"{_base(options)}/{quote(options.text('project'), safe='')}",
            # Without the second one, an expired log-in would be answered with a page for people.
            headers=lambda: {"Authorization": authorization(), "X-TFS-FedAuthRedirect": Secret("Suppress")},
            hints=_HINTS,
        )

    def find(self, key: str, *, ref: str = "", now: datetime) -> Ticket | None:
        """See :class:`responders.tickets.TicketQueue`. At most three requests, and one for the states of each type."""
        known = self._item(ref, now) if ref.isascii() and ref.isdigit() else []
        found = [self._found(item, now) for item in known]
        opened = choose(one for one in found if one.ticket.state is TicketState.OPEN)
        if opened is not None:
            return opened
        tagged = [item for item in self._tagged(key, now) if str(item.id) != ref]
        return choose([*found, *(self._found(item, now) for item in tagged)])

    def create(self, notice: Notice, *, previous: Ticket | None = None, now: datetime) -> Ticket:
        """See :class:`responders.tickets.TicketQueue`."""
        patch = new_item(notice, previous=previous, body_field=self._body_field, tags=self._tags, area_path=self._area)
        path = f"/_apis/wit/workitems/${quote(self._type, safe='')}?api-version=7.1"
        return self._found(read(self._ask("POST", path, patch, now=now, patch=True), _Item), now).ticket

    def comment(self, ticket: Ticket, notice: Notice, *, now: datetime) -> bool:
        """See :class:`responders.tickets.TicketQueue`. The newest hundred comments are looked at."""
        if ticket.tells == event_of(notice) or self._told(ticket, notice, now):
            return False
        self._change(ticket, {"System.History": comment_body(notice)}, now)
        return True

    def reopen(self, ticket: Ticket, notice: Notice, *, now: datetime) -> None:
        """See :class:`responders.tickets.TicketQueue`. State and comment are one change."""
        state = self._reopened_state or self._first_state(ticket, ("InProgress", "Proposed"), now)
        self._change(ticket, {_STATE: state, "System.History": comment_body(notice, Effect.REOPEN)}, now)

    def close(self, ticket: Ticket, notice: Notice, *, now: datetime) -> None:
        """See :class:`responders.tickets.TicketQueue`. State and comment are one change."""
        state = self._closed_state or self._first_state(ticket, ("Completed",), now)
        self._change(ticket, {_STATE: state, "System.History": comment_body(notice, Effect.CLOSE)}, now)

    def _item(self, ref: str, now: datetime) -> list[_Item]:
        """Return the work item of that number; nothing where it is deleted or was moved out of the project."""
        query = urlencode({"fields": ",".join(_FIELDS), "api-version": "7.1"})
        receipt = self._ask("GET", f"/_apis/wit/workitems/{ref}?{query}", now=now, taken=(200, 404))
        return [read(receipt, _Item)] if receipt.status == 200 else []

    def _tagged(self, key: str, now: datetime) -> list[_Item]:
        path = f"/_apis/wit/wiql?$top={_MOST}&api-version=7.1"
        found = read(self._ask("POST", path, {"query": query_of(key)}, now=now), _References).work_items
        if not found:
            return []
        ids = ",".join(str(one.id) for one in found[:_MOST])
        query = {"ids": ids, "fields": ",".join(_FIELDS), "errorPolicy": "omit", "api-version": "7.1"}
        items = read(self._ask("GET", f"/_apis/wit/workitems?{urlencode(query)}", now=now), _Items).value
        return [item for item in items if item is not None and tag_of(key).lower() in _tags_in(item)]

    def _found(self, item: _Item, now: datetime) -> Found:
        state = self._state_of(item, now)
        ticket = Ticket(
            ref=str(item.id),
            title=f"#{item.id}",
            state=state,
            url=f"{self._service.base}/_workitems/edit/{item.id}",
            created_at=moment(_said(item, _CREATED)),
            closed_at=None
            if state is TicketState.OPEN
            else moment(_said(item, _STATE_CHANGED) or _said(item, _CHANGED)),
            tells=_mark_at_end(_said(item, self._body_field)).get("event", ""),
        )
        return Found(ticket, item.id, moment(_said(item, _CHANGED)))

    def _state_of(self, item: _Item, now: datetime) -> TicketState:
        """Return the state by its category; one that the type does not have (any more) counts as open."""
        states = self._states_of(_said(item, _TYPE) or self._type, now)
        category = next((one.category for one in states if one.name == _said(item, _STATE)), "")
        state = _CATEGORIES.get(category, TicketState.OPEN)
        reasons = {folded(_said(item, _REASON)), folded(_said(item, _RESOLVED_REASON))}
        declined = state is TicketState.CLOSED and reasons & self._declined
        return TicketState.DECLINED if declined else state

    def _states_of(self, kind: str, now: datetime) -> list[_State]:
        if kind not in self._states:
            path = f"/_apis/wit/workitemtypes/{quote(kind, safe='')}/states?api-version=7.1"
            self._states[kind] = read(self._ask("GET", path, now=now), _States).value
        return self._states[kind]

    def _first_state(self, ticket: Ticket, categories: tuple[str, ...], now: datetime) -> str:
        (item,) = self._item(ticket.ref, now) or (None,)
        kind = _said(item, _TYPE) if item else self._type
        states = self._states_of(kind or self._type, now)
        names = [one.name for category in categories for one in states if one.category == category]
        if not names:
            raise Refused(
                409, f"the type {kind} has no state of the category {categories[0]}: set the state by its name"
            )
        return names[0]

    def _told(self, ticket: Ticket, notice: Notice, now: datetime) -> bool:
        query = urlencode({"$top": _COMMENTS, "order": "desc", "api-version": "7.1-preview.4"}, safe="$")
        path = f"/_apis/wit/workItems/{ticket.ref}/comments?{query}"
        comments = read(self._ask("GET", path, now=now), _Comments).comments
        mark = MARK.fullmatch(mark_of(notice))
        return mark is not None and any(_mark_at_end(one.text or "") == mark.groupdict() for one in comments)

    def _change(self, ticket: Ticket, fields: Mapping[str, str], now: datetime) -> None:
        self._ask("PATCH", f"/_apis/wit/workitems/{ticket.ref}?api-version=7.1", _patch(fields), now=now, patch=True)

    def _ask(
        self,
        method: str,
        path: str,
        payload: Any = None,
        *,
        now: datetime,
        patch: bool = False,
        taken: tuple[int, ...] = (200,),
    ) -> Receipt:
        more = _PATCH if patch else {}
        return self._service.ask(method, path, payload, now=now, taken=taken, more_headers=more)


def _patch(fields: Mapping[str, str]) -> list[_Json]:
    return [{"op": "add", "path": f"/fields/{name}", "value": value} for name, value in fields.items()]


def _text(message: Message, said: str) -> str:
    return f"{html(message, said)}\n\n{paragraph(message.mark)}"


def _mark_at_end(text: str) -> Mapping[str, str]:
    """Return key and event of the mark that ends a text: behind it stands nobody else's."""
    lines = unescape(_TAGS_OF_HTML.sub("\n", text)).strip().rsplit("\n", 1)
    mark = MARK.fullmatch(lines[-1].strip())
    return mark.groupdict() if mark else {}


def _said(item: _Item, name: str) -> str:
    value = item.fields.get(name)
    return value if isinstance(value, str) else ""


def _tags_in(item: _Item) -> set[str]:
    return {tag.strip().lower() for tag in _said(item, _TAGS).split(";")}


def _base(options: Options) -> str:
    host, organization = options.text("host").lower() or "dev.azure.com", options.text("organization")
    return f"https://{host}/{organization}" if host == "dev.azure.com" else f"https://{host}"


def _authorization(options: Options) -> Callable[[], Secret]:
    """Return what gives the header's value: of the token that is set, else of the identity, asked for once."""
    pat = options.secret("pat")
    if pat.reveal():
        return lambda: basic("", pat)
    kept: list[Secret] = []

    def by_identity() -> Secret:
        if not kept:
            kept.append(_identity_token(options.text("identity_client_id") or options.client_id))
        return kept[0]

    return by_identity


def _identity_token(client_id: str) -> Secret:
    """Return a token of the app's identity (at a keyboard: of whoever is logged in) for Azure DevOps."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - only who opens work items pays for it

    from diagnostics.azure.clouds import CLOUDS  # noqa: PLC0415
    from diagnostics.azure.credentials import identity_in  # noqa: PLC0415

    try:
        credential = identity_in(CLOUDS["AzureCloud"], client_id=client_id or None)
        return Secret(f"Bearer {credential.get_token(SCOPE).token}")
    except (AzureError, ValueError) as error:
        said = f"no token for Azure DevOps ({type(error).__name__}): give the app a managed identity, or set a token"
        problem = Unreachable(said, timedelta(minutes=5), sent=False)
    raise problem


def _problems(options: Options) -> Mapping[str, str]:
    project, host = options.text("project"), options.text("host").lower() or "dev.azure.com"
    organization, tags = options.text("organization"), listed(options.text("tags"))
    hosts = ("dev.azure.com", f"{organization.lower()}.visualstudio.com")
    pat = options.secret("pat").reveal()
    body_field = options.text("body_field")
    found = {
        "organization": None if _NAME.fullmatch(organization) else "it is no name of an organization",
        "project": None if _is_project(project) else "it is no name of a project",
        "host": None if host in hosts else f"it is neither of {' and '.join(hosts)}",
        "pat": credential_problem(options, "pat") if pat else None,
        "tags": None if all(len(tag) <= _TAG and ";" not in tag for tag in tags) else "a tag is too long or has a ;",
        "body_field": None
        if not body_field or _REFERENCE.fullmatch(body_field)
        else "it is no reference name of a field",
        "work_item_type": None if _is_project(options.text("work_item_type") or "Bug") else "it is no work item type",
    }
    return {name: problem for name, problem in found.items() if problem}


def _is_project(name: str) -> bool:
    """Tell a name of at most 64 characters ("Naming restrictions and conventions")."""
    plain = name.isprintable() and not _NOT_IN_PROJECT & set(name) and not name.startswith(("_", "."))
    return 0 < len(name) <= 64 and plain and not name.endswith(".")


TRACKER = Tracker(
    name="azure_devops",
    title="Azure DevOps work items",
    fields=(
        Field(name="organization", purpose="Organization, as in `https://dev.azure.com/ORGANIZATION`."),
        Field(name="project", purpose="Project that gets the work items."),
        Field(
            name="pat",
            purpose="Personal access token with Work items: read and write; empty: the app's managed identity.",
            secret=True,
            required=False,
        ),
        Field(
            name="identity_client_id",
            purpose="Client id of the user-assigned identity to use; empty: the app's (`PULLMEDIC_CLIENT_ID`).",
            required=False,
        ),
        Field(
            name="host",
            purpose="Host of the organization: `dev.azure.com`, or the older `ORGANIZATION.visualstudio.com`.",
            required=False,
            default="dev.azure.com",
        ),
        Field(name="work_item_type", purpose="Type of the work items.", required=False, default="Bug"),
        Field(
            name="body_field",
            purpose="Reference name of the field that gets the text; empty: a bug's Repro Steps, else the description.",
            required=False,
        ),
        Field(name="area_path", purpose="Area path of new work items; empty: the project's.", required=False),
        Field(name="tags", purpose="Further tags, separated by commas.", required=False),
        Field(
            name="closed_state",
            purpose="State that closes a work item; empty: the type's first of the category Completed.",
            required=False,
        ),
        Field(
            name="reopened_state",
            purpose="State that opens one again; empty: the first of the category InProgress, else Proposed.",
            required=False,
        ),
        Field(
            name="declined_reasons",
            purpose="Reasons, separated by commas, by which a closed work item counts as declined.",
            required=False,
            default="As Designed, Deferred, Duplicate, Won't Fix, Will not Fix, Rejected, Cut, Abandoned, Obsolete",
        ),
    ),
    problems=_problems,
    connect=WorkItems,
)
