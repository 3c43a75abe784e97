"""The incident's page, and the pages that say why there is none, as HTML without any script. Pure.

Everything that comes from others is text (:mod:`responders.pages.html`) and bounded: a page is one screen of reading
and its details, not a log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import quote

from responders.blocks import Block, Code, Kind, Line, Pair, Report, Text
from responders.clouds import is_plain_link
from responders.fixes.audit import AuditEntry
from responders.fixes.record import Fix, FixState
from responders.fixes.seen import FixSeen
from responders.fixes.values import Plan
from responders.fixes.words import gives
from responders.pages.html import Html, element, joined, text, void
from responders.pages.identity import Person
from responders.pages.style import STYLE
from responders.pages.tokens import Spoken

__all__ = ["LONGEST_REASON", "Action", "Form", "View", "address", "render_incident", "render_problem"]

LONGEST_REASON = 300
"""UTF-16 units of what somebody says for a rejection."""

_LINES = 60
_ENTRIES = 50
_ARROW = "→ "
_UNDER_WAY = frozenset({FixState.APPROVED, FixState.APPLIED, FixState.UNDOING})
_DETAILS = (Kind.RUN, Kind.CHECKS, Kind.NOTES, Kind.AS_CODE)
"""Blocks that a reader opens where they want to know more."""


class Action(StrEnum):
    """What a form asks for."""

    APPROVE = "approve"
    REJECT = "reject"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Form:
    """A form that works now, with its token."""

    action: Action
    digest: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a page shows.

    ``forms`` are empty where nothing can be decided, or not by this person; ``no_forms`` says why then, where there is
    something to decide. ``history`` is ``None`` where the record cannot be read. ``said`` is shown once.
    """

    incident_id: str
    open: bool
    report: Report
    person: Person
    fix: Fix | None = None
    seen: FixSeen | None = None
    planning: bool = False
    forms: tuple[Form, ...] = ()
    no_forms: str = ""
    history: Sequence[AuditEntry] | None = ()
    said: Spoken | None = None


def render_incident(view: View) -> str:
    """Return the page of an incident."""
    blocks = {block.kind: block for block in view.report.blocks}
    chain = blocks.get(Kind.CHAIN)
    rest = [block for kind, block in blocks.items() if kind not in (Kind.STATE, Kind.FIX, Kind.CHAIN)]
    body = (
        *([_said(view.said)] if view.said is not None else []),
        element("h1", view.report.headline),
        _marks(view),
        _next_step(view),
        _fix(view),
        *([_section("chain", chain.title, _chain(chain.lines))] if chain is not None else []),
        *(_block(block) for block in rest if block.kind not in _DETAILS),
        *(_block(block) for block in rest if block.kind in _DETAILS),
        *([_block(blocks[Kind.STATE])] if Kind.STATE in blocks else []),
        _history(view.history),
    )
    who = joined(["Signed in as ", element("strong", view.person.name or view.person.id)])
    title = f"{view.said.text} {view.report.headline}" if view.said is not None else view.report.headline
    return _page(title, who, joined(body), _links(view.report))


def render_problem(title: str, *words: str, link: tuple[str, str] | None = None) -> str:
    """Return a page that says in ``words`` what is wrong and what to do; ``link`` is a way on: words and address."""
    way = [element("p", element("a", link[0], href=link[1]))] if link is not None else []
    body = joined([element("h1", title), *(element("p", said) for said in words), *way])
    return _page(title, Html(""), body, Html(""))


def address(incident_id: str) -> str:
    """Return where an incident's page is, seen from the app."""
    return f"/api/incidents/{quote(incident_id, safe='')}"


# --- the frame --------------------------------------------------------------------------------------------


def _page(title: str, who: Html, body: Html, footer: Html) -> str:
    head = element(
        "head",
        void("meta", charset="utf-8"),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("meta", name="robots", content="noindex"),
        void("link", rel="icon", href="data:,"),
        element("title", joined([text(title, 120), " | Pullmedic"])),
        element("style", Html(STYLE)),
    )
    frame = element(
        "body",
        element("a", "Skip to the content", class_="skip", href="#content"),
        element("header", element("span", element("strong", "Pullmedic")), element("span", who) if who else ""),
        element("main", body, id="content", tabindex="-1"),
        element("footer", footer) if footer else Html(""),
    )
    return "<!doctype html>\n" + element("html", head, frame, lang="en")


def _section(name: str, title: str, *children: Html, class_: str = "") -> Html:
    heading = element("h2", title, id=name)
    return element("section", heading, *children, class_=class_, aria_labelledby=name)


def _links(report: Report) -> Html:
    run = element("a", "Open the run in the studio", href=report.run_url, rel="noopener noreferrer")
    parts = [
        *([element("p", run)] if is_plain_link(report.run_url) else []),
        *([element("p", f"Evidence stored as {report.stored_as}")] if report.stored_as else []),
    ]
    return joined(parts)


# --- the parts --------------------------------------------------------------------------------------------


def _said(said: Spoken) -> Html:
    kind = "good" if said.good else "bad"
    return element("div", element("p", said.text), class_=f"said {kind}", role="status")


def _marks(view: View) -> Html:
    marks = [
        f"Incident: {'open' if view.open else 'resolved'}",
        *([f"Diagnosis: {view.report.status}"] if view.report.status and view.open else []),
        *([f"Fix: {view.seen.state.value}"] if view.seen is not None else []),
    ]
    return element("ul", *(element("li", mark) for mark in marks), class_="marks", aria_label="Status")


def _next_step(view: View) -> Html:
    words = "Approve or reject it below" if view.fix is not None and view.fix.may_be_decided else "Undo it below"
    way = [element("p", element("a", words, href="#decide"), class_="to-decide")] if view.forms else []
    return _section("next", view.report.next_step.title, _lines(view.report.next_step.lines), *way, class_="next")


def _fix(view: View) -> Html:
    if view.seen is None:
        planned = element("p", "Whether there is a fix is being worked out: look again in a minute.")
        return _section("fix", Kind.FIX.value, planned) if view.planning else Html("")
    plan = view.fix.plan if view.fix is not None else None
    return _section(
        "fix",
        Kind.FIX.value,
        _lines(view.seen.lines),
        *([_reload(view.incident_id)] if view.seen.state in _UNDER_WAY else []),
        *([_change(plan)] if plan is not None else []),
        *_decision(view, plan),
    )


def _reload(incident_id: str) -> Html:
    link = element("a", "Open it again", href=address(incident_id))
    return element("p", "This page does not change by itself. ", link, " to see what came of it.")


def _change(plan: Plan) -> Html:
    request = element("pre", element("code", plan.request))
    return joined(
        [
            element(
                "div",
                element("section", element("h3", "Before", id="before"), _list(plan.before), aria_labelledby="before"),
                element("section", element("h3", "After", id="after"), _list(plan.after), aria_labelledby="after"),
                class_="change",
            ),
            element("details", element("summary", "The exact request to Azure"), request),
        ]
    )


def _list(items: Iterable[str]) -> Html:
    return element("ul", *(element("li", item) for item in list(items)[:_LINES]))


def _decision(view: View, plan: Plan | None) -> Iterator[Html]:
    if view.no_forms:
        yield element("p", view.no_forms, class_="quiet")
    if view.forms and plan is not None:
        forms = (_form(form, plan, view.incident_id) for form in view.forms)
        yield element(
            "section",
            element("h3", "Your decision", id="decide"),
            element(
                "p", "It is recorded with your name. The form can be sent once, within 15 minutes.", class_="quiet"
            ),
            element("div", *forms, class_="forms"),
            aria_labelledby="decide",
            class_="deciding",
        )


_TITLES = {Action.APPROVE: "Approve the fix", Action.REJECT: "Reject the fix", Action.UNDO: "Undo the fix"}


def _asked(action: Action, plan: Plan) -> str:
    what = gives(plan)
    return {
        Action.APPROVE: f"Yes, write this role assignment: {what}.",
        Action.REJECT: "Yes, reject it: nothing is written.",
        Action.UNDO: f"Yes, remove this role assignment again: {what}.",
    }[action]


def _form(form: Form, plan: Plan, incident_id: str) -> Html:
    box, title = f"confirm-{form.action}", _TITLES[form.action]
    hidden = {"action": form.action.value, "digest": form.digest, "token": form.token}
    return element(
        "form",
        element("h3", title, id=f"form-{form.action}"),
        *(void("input", type="hidden", name=name, value=value) for name, value in hidden.items()),
        *([_reason()] if form.action is Action.REJECT else []),
        element(
            "div",
            void("input", type="checkbox", id=box, name="confirmed", value="yes", required=True),
            element("label", _asked(form.action, plan), for_=box),
            class_="confirm",
        ),
        element("button", title, type="submit", class_="good" if form.action is Action.APPROVE else ""),
        method="post",
        action=address(incident_id),
        autocomplete="off",
        aria_labelledby=f"form-{form.action}",
    )


def _reason() -> Html:
    return element(
        "div",
        element("label", "Reason (optional)", for_="reason"),
        void("input", type="text", id="reason", name="reason", maxlength=str(LONGEST_REASON)),
        class_="reason",
    )


def _chain(lines: Sequence[Line]) -> Html:
    links = [line.text.removeprefix(_ARROW) for line in lines if isinstance(line, Text)]
    return element("ol", *(element("li", link) for link in links[:_LINES]), class_="chain")


def _block(block: Block) -> Html:
    name = block.kind.name.lower().replace("_", "-")
    if block.kind not in _DETAILS:
        return _section(name, block.title, _lines(block.lines))
    summary = element("summary", element("h2", block.title, id=name))
    return element("section", element("details", summary, _lines(block.lines)), aria_labelledby=name, class_="folded")


def _lines(lines: Sequence[Line]) -> Html:
    shown: list[Html] = []
    pairs: list[Html] = []
    for line in lines[:_LINES]:
        if not isinstance(line, Pair) and pairs:
            shown.append(element("dl", *pairs))
            pairs = []
        match line:
            case Text(said):
                shown.append(element("p", said))
            case Pair(label, value):
                pairs += [element("dt", label), element("dd", element("bdi", value))]
            case Code(code, caption):
                shown.append(_code(code, caption))
    if pairs:
        shown.append(element("dl", *pairs))
    if len(lines) > _LINES:
        shown.append(element("p", f"And {len(lines) - _LINES} more, in the stored evidence.", class_="quiet"))
    return joined(shown)


def _code(code: str, caption: str) -> Html:
    quoted = element("pre", element("code", code))
    return element("figure", element("figcaption", caption), quoted) if caption else quoted


def _history(entries: Sequence[AuditEntry] | None) -> Html:
    if entries is None:
        return _section(
            "history", "History", element("p", "The audit record cannot be read: `audit --verify` says why.")
        )
    if not entries:
        return _section("history", "History", element("p", "Nothing was planned or decided yet.", class_="quiet"))
    left_out = len(entries) - _ENTRIES
    more = f"{left_out} earlier entries are left out: `python -m responders audit` has all." if left_out > 0 else ""
    items = (_entry(entry) for entry in entries[-_ENTRIES:])
    return _section(
        "history",
        "History",
        *([element("p", more, class_="quiet")] if more else []),
        element("ol", *items, class_="history"),
    )


def _entry(entry: AuditEntry) -> Html:
    at = entry.at.astimezone(UTC)
    by = f" by {entry.by}" if entry.by else ""
    via = f", via {entry.via}" if entry.via else ""
    correlation = f" (correlation id {entry.correlation_id})" if entry.correlation_id else ""
    return element(
        "li",
        element(
            "p",
            element("time", _utc(at), datetime=at.isoformat(timespec="seconds")),
            " ",
            element("strong", entry.kind.replace("-", " ").capitalize()),
            f"{by}{via}",
        ),
        *([element("p", f"{entry.why}{correlation}", class_="why")] if entry.why else []),
    )


def _utc(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")
