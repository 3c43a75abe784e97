"""Answers one request for an incident's page. Pure of wiring: what is read and done goes through a :class:`Desk`.

A link has no power: GET and HEAD change nothing. What decides is a form of the page itself, sent once, in time, by the
person to whom it was shown, who may decide.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from urllib.parse import parse_qsl, quote

from diagnostics.redaction import redact
from responders.blocks import Report
from responders.declarations import Secret
from responders.fixes.audit import AuditEntry
from responders.fixes.record import Decision, Fix, Via
from responders.fixes.seen import FixSeen, Pending
from responders.fixes.values import Approvers
from responders.incidents import Incident
from responders.pages.identity import Person, Stranger, Unknown, identify, may_see, why_not
from responders.pages.render import LONGEST_REASON, Action, Form, View, address, render_incident, render_problem
from responders.pages.style import HEADERS
from responders.pages.tokens import Bound, Broken, Expired, Spoken, issue, read_said, say, verify, why_foreign
from responders.store import ClaimResult, StoreError
from responders.wording import cut, one_line

__all__ = ["Answer", "Desk", "Request", "serve"]

_LOG = logging.getLogger(__name__)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DIGEST = re.compile(r"[0-9a-f]{16}")
_FORM_TYPE = "application/x-www-form-urlencoded"
_NEEDED = frozenset({"action", "digest", "token"})
_FIELDS = _NEEDED | {"confirmed", "reason"}
_LONGEST_FORM = 8192
_COOKIE = "__Host-pullmedic-said"
_COOKIE_ENDS = f"{_COOKIE}=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict"
_READS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as the platform hands it over. ``headers`` may be of any case."""

    method: str
    incident_id: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Return a header by its name in lower case."""
        return next((value for given, value in self.headers.items() if given.lower() == name), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the browser gets."""

    status: int
    headers: Mapping[str, str]
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What decides who may do what: the app's environment and its settings."""

    environ: Mapping[str, str]
    approvers: Approvers
    page_url: str
    page_key: Secret | None


class Desk(Protocol):
    """Protocol: what the page reads and does. Each method raises :class:`responders.store.StoreError`."""

    @property
    def rules(self) -> Rules:
        """The rules in force."""

    def now(self) -> datetime:
        """Return the time."""

    def incident(self, incident_id: str) -> Incident | None:
        """Return the incident."""

    def fix(self, incident_id: str) -> Fix | None:
        """Return its fix."""

    def seen(self, incident: Incident) -> FixSeen | Pending | None:
        """Return what people see of its fix, while it is being planned that it is."""

    def report(self, incident: Incident, seen: FixSeen | None) -> Report:
        """Return the diagnosis, as messages tell it, with the fix as it is ``seen``."""

    def history(self, incident_id: str) -> Sequence[AuditEntry] | None:
        """Return what the audit says of it, in order; ``None`` where the record cannot be read."""

    def may_approve(self, fix: Fix) -> bool:
        """Return whether a fix can be approved now, by the policy in force and the time that was given."""

    def approve(self, incident_id: str, digest: str, by: Decision) -> str:
        """Approve; return what to tell the person."""

    def reject(self, incident_id: str, digest: str, by: Decision) -> str:
        """Reject; return what to tell the person."""

    def ask_undo(self, incident_id: str, by: Decision) -> str:
        """Ask for what was added to be taken back; return what to tell the person."""

    def refuse(self, incident_id: str, by: Decision, why: str) -> None:
        """Record that somebody tried what they may not."""

    def advance(self, incident_id: str) -> None:
        """Have the step done that is due now, and people told."""

    def claim(self, key: str) -> ClaimResult:
        """Take what counts once for this request."""

    def complete(self, key: str) -> None:
        """Record that it was used."""

    def release(self, key: str) -> None:
        """Give it back unused."""


def serve(request: Request, desk: Desk) -> Answer:
    """Answer ``request``; never raises for what a caller sends, nor where the store does not answer."""
    if request.method not in (*_READS, "POST"):
        return _problem(
            405, "This is not how the page is used", "Open it in a browser.", extra={"Allow": "GET, HEAD, POST"}
        )
    try:
        answer = _answer(request, desk)
    except StoreError as error:
        _LOG.error("a page could not be served: %s", redact(str(error)))
        answer = _unavailable(request)
    return Answer(answer.status, answer.headers) if request.method == "HEAD" else answer


def _answer(request: Request, desk: Desk) -> Answer:
    person = identify(request.headers, desk.rules.environ)
    if isinstance(person, Stranger):
        return _turned_away(person, request.incident_id)
    if not may_see(person, desk.rules.approvers):
        return _turned_away(Stranger(Unknown.ANY_TENANT), request.incident_id)
    known = _ID.fullmatch(request.incident_id) is not None
    incident = desk.incident(request.incident_id) if known else None
    if incident is None:
        words = "The address is wrong, or the incident is so old that it was deleted."
        return _problem(404, "There is no such incident", words)
    if request.method in _READS:
        return _shown(request, desk, incident, person)
    return _Decision(request, desk, incident, person).answer()


# --- showing ----------------------------------------------------------------------------------------------


def _shown(request: Request, desk: Desk, incident: Incident, person: Person) -> Answer:
    fix = desk.fix(incident.id)
    forms, no_forms = _forms(desk, fix, person)
    shown = desk.seen(incident)
    seen = shown if isinstance(shown, FixSeen) else None
    cookie = _cookie(request)
    view = View(
        incident_id=incident.id,
        open=incident.open,
        report=desk.report(incident, seen),
        person=person,
        fix=fix,
        seen=seen,
        planning=isinstance(shown, Pending),
        forms=forms,
        no_forms=no_forms,
        history=desk.history(incident.id),
        said=_said(cookie, desk, incident.id, person),
    )
    ends = {"Set-Cookie": _COOKIE_ENDS} if cookie and request.method == "GET" else {}
    return Answer(200, {**HEADERS, **ends}, render_incident(view))


def _forms(desk: Desk, fix: Fix | None, person: Person) -> tuple[tuple[Form, ...], str]:
    """Return the forms that work now for ``person``, else why there are none, where there is something to decide."""
    offered = _offered(desk, fix)
    if fix is None or fix.plan is None or not offered:
        return (), ""
    why = why_not(person, desk.rules.approvers) or _not_set_up(desk.rules)
    key = desk.rules.page_key
    if why or key is None:
        return (), why
    digest = fix.plan.digest
    bounds = [Bound(incident_id=fix.incident_id, digest=digest, action=it, person_id=person.id) for it in offered]
    return tuple(Form(Action(it.action), digest, issue(it, key=key, now=desk.now())) for it in bounds), ""


def _offered(desk: Desk, fix: Fix | None) -> tuple[Action, ...]:
    if fix is not None and fix.may_be_undone:
        return (Action.UNDO,)
    return (Action.APPROVE, Action.REJECT) if fix is not None and desk.may_approve(fix) else ()


def _not_set_up(rules: Rules) -> str:
    if rules.page_url and rules.page_key is not None:
        return ""
    return "Nothing can be decided here: PULLMEDIC_PAGE_URL and PULLMEDIC_PAGE_KEY are not both set."


def _said(cookie: str, desk: Desk, incident_id: str, person: Person) -> Spoken | None:
    key = desk.rules.page_key
    return read_said(cookie, incident_id, person.id, key=key, now=desk.now()) if cookie and key is not None else None


def _cookie(request: Request) -> str:
    parts = (part.strip().partition("=") for part in (request.header("cookie") or "").split(";"))
    return next((value for name, _, value in parts if name == _COOKIE), "")


# --- deciding ---------------------------------------------------------------------------------------------


class _Refused(Exception):
    """A form is turned away with a status and words; ``record`` says why in the audit, where it belongs there."""

    def __init__(self, status: int, title: str, words: str, *, record: str = "") -> None:
        super().__init__(words)
        self.status = status
        self.title = title
        self.words = words
        self.record = record


@dataclass(frozen=True, slots=True)
class _Decision:
    """One form that somebody sent."""

    request: Request
    desk: Desk
    incident: Incident
    person: Person

    def answer(self) -> Answer:
        by = Decision(by_id=self.person.id, by=self.person.name, via=Via.PAGE, at=self.desk.now())
        try:
            return self._decided(by)
        except _Refused as refused:
            _LOG.warning("a form for %s was refused (%s): %s", self.incident.id, refused.status, refused.words)
            words = [refused.words, "Nothing was changed."]
            if refused.record:
                self.desk.refuse(self.incident.id, by, refused.record)
                words.append("That it was tried is recorded with your name.")
            return _problem(
                refused.status, refused.title, *words, link=("Back to the incident", address(self.incident.id))
            )

    def _decided(self, by: Decision) -> Answer:
        key = self._allowed()
        form = _read_form(self.request)
        action, digest = Action(form["action"]), form["digest"]
        if action is Action.REJECT:
            by = replace(by, why=cut(one_line(redact(form.get("reason", ""))), LONGEST_REASON).text)
        bound = Bound(incident_id=self.incident.id, digest=digest, action=action, person_id=self.person.id)
        once = self._token(form["token"], bound, key)
        said = self._once(once, lambda: self._do(action, digest, by))
        if not self._is_ours(action, by):
            raise _Refused(409, "This cannot be decided (any more)", said)
        self.desk.advance(self.incident.id)
        told = say(Spoken(said, good=True), self.incident.id, self.person.id, key=key, now=self.desk.now())
        headers = {
            **HEADERS,
            "Location": address(self.incident.id),
            "Set-Cookie": f"{_COOKIE}={told}; Max-Age=120; Path=/; Secure; HttpOnly; SameSite=Strict",
        }
        return Answer(303, headers)

    def _allowed(self) -> Secret:
        """Return the forms' key. Raises :class:`_Refused` where this person may not decide, or not from there."""
        rules = self.desk.rules
        why = why_not(self.person, rules.approvers)
        if why:
            raise _Refused(403, "You may not decide on this fix", why, record=f"may not decide: {why}")
        key = rules.page_key
        if key is None or _not_set_up(rules):
            raise _Refused(403, "Nothing can be decided here", _not_set_up(rules))
        foreign = why_foreign({name.lower(): value for name, value in self.request.headers.items()}, rules.page_url)
        if foreign:
            words = (
                f"The form does not come from this page: {foreign}. Open the page at {rules.page_url} and decide there."
            )
            raise _Refused(403, "The form does not come from this page", words, record=f"not from the page: {foreign}")
        return key

    def _token(self, token: str, bound: Bound, key: Secret) -> str:
        try:
            return verify(token, bound, key=key, now=self.desk.now())
        except Expired as error:
            raise _Refused(409, "The form has expired", f"{error} Open the page again and decide.") from None
        except Broken as error:
            raise _Refused(403, "The form is not valid", str(error), record=f"token: {error}") from None

    def _once(self, name: str, do: Callable[[], str]) -> str:
        """Do what counts once. Raises :class:`_Refused` where it was done, or is being done."""
        claim = self.desk.claim(name)
        if claim is not ClaimResult.ACQUIRED:
            words = "This form was sent before: what came of it is on the page."
            raise _Refused(409, "The form was sent before", words)
        try:
            said = do()
        except Exception:
            self.desk.release(name)
            raise
        self.desk.complete(name)
        return said

    def _do(self, action: Action, digest: str, by: Decision) -> str:
        if action is Action.APPROVE:
            return self.desk.approve(self.incident.id, digest, by)
        if action is Action.REJECT:
            return self.desk.reject(self.incident.id, digest, by)
        fix = self.desk.fix(self.incident.id)
        if fix is None or fix.plan is None or fix.plan.digest != digest:
            return "The form belongs to an earlier fix than the present one."
        return self.desk.ask_undo(self.incident.id, by)

    def _is_ours(self, action: Action, by: Decision) -> bool:
        """Tell whether the fix is now as this person decided."""
        fix = self.desk.fix(self.incident.id)
        return fix is not None and by == (fix.undo if action is Action.UNDO else fix.decision)


def _read_form(request: Request) -> dict[str, str]:
    """Return the fields of the form, each once and of its form. Raises :class:`_Refused`."""
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    try:
        pairs = parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=8)
    except ValueError:
        pairs = []
    form = dict(pairs)
    sound = (
        kind == _FORM_TYPE
        and len(request.body) <= _LONGEST_FORM
        and len(form) == len(pairs)
        and _NEEDED <= form.keys() <= _FIELDS
        and form["action"] in list(Action)
        and ("reason" not in form or form["action"] == Action.REJECT)
        and _DIGEST.fullmatch(form["digest"])
    )
    if not sound:
        raise _Refused(400, "The form cannot be read", "It is not as the page made it. Open the page again and decide.")
    if form.get("confirmed") != "yes":
        words = "The box that confirms it was not ticked. Go back, read what it says, tick it and send the form again."
        raise _Refused(400, "The decision was not confirmed", words)
    return form


# --- turning away -----------------------------------------------------------------------------------------

_OFF = (
    "This app does not run behind App Service authentication, so that nobody can be known here. Headers that name a "
    "person are not believed: anybody can write them."
)
_SWITCH_ON = (
    "What to do: switch on authentication with Microsoft Entra for this app, in the portal under Settings, "
    "Authentication; docs/incident-page.md has the steps. Until then nothing is shown and nothing can be decided here."
)
_UNREADABLE = (
    "The sign-in names no single person of Microsoft Entra. Sign out and in again; where that does not help, the app's "
    "authentication is set up in another way than docs/incident-page.md describes."
)
_NOT_ENTRA = "Only people of Microsoft Entra are known here. Sign out, and sign in with your work account."
_OTHER_TENANT = (
    "This page is for people of the tenant that the app signs people in from. Sign out, and sign in with that account."
)
_ANY_TENANT = (
    "The sign-in of this app is not bound to one tenant, so that people of any tenant can sign in. Only members of the "
    "groups that may decide see incidents then. What to do: name the tenant in the issuer of the app's authentication; "
    "docs/incident-page.md has the steps."
)

_WHY: Mapping[Unknown, tuple[int, str, tuple[str, ...]]] = {
    Unknown.AUTHENTICATION_OFF: (403, "Sign-in is not switched on", (_OFF, _SWITCH_ON)),
    Unknown.NOT_SIGNED_IN: (401, "You are not signed in", ("Sign in to see the incident.",)),
    Unknown.NOT_ENTRA: (403, "This sign-in does not count here", (_NOT_ENTRA,)),
    Unknown.UNREADABLE: (403, "It cannot be told who you are", (_UNREADABLE,)),
    Unknown.OTHER_TENANT: (403, "You are signed in to another tenant", (_OTHER_TENANT,)),
    Unknown.ANY_TENANT: (403, "Nothing is shown to people of every tenant", (_ANY_TENANT,)),
}


def _turned_away(stranger: Stranger, incident_id: str) -> Answer:
    status, title, words = _WHY[stranger.reason]
    if stranger.forged:
        _LOG.warning("a request named a person in its headers while authentication is off: it was not believed")
        words = ("Your request came with such headers: they were not believed.", *words)
    link = None
    extra: Mapping[str, str] = {}
    if stranger.reason is Unknown.NOT_SIGNED_IN:
        back = address(incident_id) if _ID.fullmatch(incident_id) else "/"
        link = ("Sign in", f"/.auth/login/aad?post_login_redirect_uri={quote(back, safe='')}")
        extra = {"WWW-Authenticate": "Bearer"}
    return _problem(status, title, *words, link=link, extra=extra)


def _unavailable(request: Request) -> Answer:
    done = (
        "Nothing was changed."
        if request.method in _READS
        else "Whether your decision was recorded cannot be told: open the page again, it says where the fix stands."
    )
    return _problem(503, "The store does not answer", "Try again in a minute.", done, extra={"Retry-After": "60"})


def _problem(
    status: int,
    title: str,
    *words: str,
    link: tuple[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
) -> Answer:
    return Answer(status, {**HEADERS, **(extra or {})}, render_problem(title, *words, link=link))
