"""What a person asked for in Slack is done here, out of the queue: snoozing, feedback, decisions on a fix, answers.

Each interaction is done once (a claim in the store, by its key), and is harmless if it is done again: a snooze is
reckoned from the time it was asked for, of several answers of one person the last counts, of several decisions on one
plan the first. Who asked gets an answer that nobody else sees.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

from diagnostics.codec import EvidenceUnreadable, diagnosis_from_json, evidence_from_json
from diagnostics.probing import fact_types
from diagnostics.redaction import redact
from responders.blocks import Block, Kind, Report, Text
from responders.channels import Payload
from responders.channels.slack import escape, form_refused, minimal, plain, render, section
from responders.declarations import Secret
from responders.fixes.record import Decision, Fix, Via
from responders.notices import Notice, NoticeKind
from responders.report import build_report
from responders.sending import Later, Refused, call
from responders.settings import Settings
from responders.slack_requests import (
    ABOUT_FIX,
    Interaction,
    InteractionKind,
    Malformed,
    interaction_from_json,
    may_answer_to,
)
from responders.store import ClaimResult, RunRecord, Store
from responders.wording import cut, one_line

__all__ = ["AskAgain", "FixDesk", "Incidents", "handle_interaction"]

_LOG = logging.getLogger(__name__)
_LEASE = timedelta(minutes=2)
_ANSWERED_WITHIN = timedelta(minutes=30)
_SHOWN = 10
_HEADLINE = 300
_TEXT = 2_900
_MOST_WORKSPACES = 60
_RESOLVED = "resolved"
_NO_APPROVER = "Only the people that the settings name as approvers in Slack decide on fixes, and you are none of them."


class AskAgain(Exception):
    """It could not be done now: the queue delivers it again."""


class IncidentView(Protocol):
    """Protocol: what is read of an incident. Times are UTC; ``status`` is empty where there is no cause."""

    @property
    def id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def headline(self) -> str: ...
    @property
    def workspaces(self) -> Sequence[str]: ...
    @property
    def opened_at(self) -> datetime: ...
    @property
    def last_at(self) -> datetime: ...
    @property
    def resolved_at(self) -> datetime | None: ...
    @property
    def snoozed_until(self) -> datetime | None: ...
    @property
    def snoozed_by(self) -> str: ...


class OccurrenceView(Protocol):
    """Protocol: which incident a run counts to, and where it ran."""

    @property
    def incident_id(self) -> str: ...
    @property
    def workspace_id(self) -> str: ...


class FeedbackView(Protocol):
    """Protocol: how many people called a diagnosis right, and how many wrong."""

    @property
    def right(self) -> int: ...
    @property
    def wrong(self) -> int: ...


class Incidents(Protocol):
    """Protocol: the part of :class:`responders.incidents.Incidents` that answers are made from."""

    def get(self, incident_id: str, /) -> IncidentView | None:
        """Return an incident, ``None`` where there is none of that id."""

    def open_ones(self) -> Sequence[IncidentView]:
        """Return what is open, newest first."""

    def of_run(self, run_id: str, /) -> Sequence[OccurrenceView]:
        """Return what a run counts to, in each workspace that has a run of that id."""

    def snooze(self, incident_id: str, /, until: datetime, by: str) -> IncidentView | None:
        """Keep an incident silent until then; ``None`` where it is gone."""

    def record_feedback(self, incident_id: str, /, by: str, *, right: bool) -> None:
        """Keep what one person says of a diagnosis, in place of what they said before."""

    def feedback(self, incident_id: str, /) -> FeedbackView:
        """Return what people said of a diagnosis."""


class FixDesk(Protocol):
    """Protocol: the part of what makes fixes that people decide by. Every method may be called again.

    Whether somebody may decide is for the caller to say. Each raises an error of the store where it does not answer.
    """

    def of(self, incident_id: str, /) -> Fix | None:
        """Return the fix of an incident, ``None`` where there is none."""

    def approve(self, incident_id: str, digest: str, by: Decision) -> str:
        """Approve the plan of that digest; return what to tell who did."""

    def reject(self, incident_id: str, digest: str, by: Decision) -> str:
        """Refuse the plan of that digest; return what to tell who did."""

    def ask_undo(self, incident_id: str, by: Decision) -> str:
        """Ask for what was written to be taken back; return what to tell who did."""

    def refuse(self, incident_id: str, by: Decision, why: str) -> None:
        """Record that somebody who may not decide tried to."""


def handle_interaction(
    text: str,
    *,
    incidents: Incidents,
    store: Store,
    settings: Settings,
    now: datetime,
    changed: Callable[[str], None] = lambda _: None,
    fixes: FixDesk | None = None,
    advance: Callable[[str], None] = lambda _: None,
) -> str:
    """Do what the message ``text`` of the queue asks for, and answer who asked; return what became of it, for the log.

    ``changed`` gets the id of an incident whose messages may have to be brought up to date, ``advance`` that of one
    whose fix may have a step to take. Raises :class:`AskAgain`, or an error of the store, where another delivery is
    needed.
    """
    try:
        asked = interaction_from_json(text)
    except Malformed as error:
        _LOG.error("%s; it is dropped", error)
        return "unreadable"
    key, owner = f"interaction/{asked.key}", uuid4().hex
    claim = store.claim(key, owner, now=now, lease=_LEASE)
    if claim is ClaimResult.DONE:
        return "handled before"
    if claim is ClaimResult.HELD:
        raise AskAgain("another worker is at this request")
    try:
        desk = _Desk(
            incidents=incidents,
            store=store,
            settings=settings,
            now=now,
            changed=changed,
            fixes=fixes,
            advance=advance,
        )
        answer = desk.done(asked)
        said = _reply(asked, answer, now)
    except Exception:
        store.release(key, owner)
        raise
    store.complete(key, owner, now=now)
    _LOG.info("%s asked for %s %s: %s", _who(asked), asked.kind.value, asked.subject, said)
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """Does what is asked for, and words the answer."""

    incidents: Incidents
    store: Store
    settings: Settings
    now: datetime
    changed: Callable[[str], None]
    fixes: FixDesk | None
    advance: Callable[[str], None]

    def done(self, asked: Interaction) -> Report | tuple[str, ...]:
        if asked.channel not in _channels(self.settings):
            return ("This app answers only in the channels that get its messages.",)
        match asked.kind:
            case InteractionKind.WHY:
                return self._why(asked.subject)
            case InteractionKind.STATUS:
                return tuple(self._status())
        incident = self.incidents.get(asked.subject)
        if incident is None:
            return (_gone(asked.subject),)
        if asked.kind in ABOUT_FIX:
            return (self._decision(incident, asked),)
        if asked.kind is InteractionKind.SNOOZE:
            return (self._snooze(incident, asked),)
        return (self._feedback(incident, asked),)

    def _snooze(self, incident: IncidentView, asked: Interaction) -> str:
        if incident.state == _RESOLVED:
            return f"Incident {incident.id} is resolved: there is nothing to snooze."
        until = asked.at + timedelta(seconds=asked.seconds)
        if self.incidents.snooze(incident.id, until=until, by=_who(asked)) is None:
            return _gone(incident.id)
        self.changed(incident.id)
        return f"Incident {incident.id} is snoozed until {_utc(until)}: {_headline(incident)}"

    def _feedback(self, incident: IncidentView, asked: Interaction) -> str:
        right = asked.kind is InteractionKind.RIGHT
        # The id alone: a name can be changed, and a person counts once.
        self.incidents.record_feedback(incident.id, by=asked.user_id, right=right)
        self.changed(incident.id)
        total = self.incidents.feedback(incident.id)
        more = "" if right else " Please write into the message's thread what it really was."
        return f"Noted, thank you. So far right: {total.right}, wrong: {total.wrong}.{more}"

    def _decision(self, incident: IncidentView, asked: Interaction) -> str:
        if self.fixes is None:
            return "Fixes are not set up here (any more): nothing was done."
        by = Decision(by_id=asked.user_id, by=_name(asked), via=Via.SLACK, at=asked.at)
        if asked.user_id not in self.settings.fixes.approvers.slack:
            self.fixes.refuse(incident.id, by, f"{asked.kind.value}: not one of the approvers in Slack")
            return f"{_NO_APPROVER} Your user id is {asked.user_id}. That you tried is recorded; nothing was done."
        said = self._decided(self.fixes, incident.id, asked, by)
        self.changed(incident.id)
        self.advance(incident.id)
        return f"Incident {incident.id}: {said}"

    def _decided(self, fixes: FixDesk, incident_id: str, asked: Interaction, by: Decision) -> str:
        fix = fixes.of(incident_id)
        if fix is not None and by in (fix.decision, fix.undo):  # done before, and not answered
            return f"Your decision is recorded. The fix is {fix.state.value}."
        match asked.kind:
            case InteractionKind.APPROVE:
                return fixes.approve(incident_id, asked.offer, by)
            case InteractionKind.REJECT:
                return fixes.reject(incident_id, asked.offer, by)
        if fix is None or fix.plan is None or fix.plan.digest != asked.offer:
            return "The button belongs to an earlier fix than the present one: nothing was done."
        return fixes.ask_undo(incident_id, by)

    def _status(self) -> Iterator[str]:
        found = self.incidents.open_ones()
        if not found:
            yield "No incident is open."
            return
        yield f"Open incidents: {len(found)}"
        for incident in found[:_SHOWN]:
            yield f"{_headline(incident)}\n{_state(incident, self.now)}"
        if len(found) > _SHOWN:
            yield f"{len(found) - _SHOWN} older ones are not shown."

    def _why(self, run_id: str) -> Report | tuple[str, ...]:
        counted = self.incidents.of_run(run_id)
        record = self._record(run_id, [one.workspace_id for one in counted])
        if record is None:
            return (
                f"Run {run_id} is not known here: it did not fail, is out of scope, or what was stored is gone.",
                f"To diagnose it now: python -m diagnostics run {run_id} --workspace RESOURCE_ID",
            )
        report = self._report(record)
        if report is None:
            why = f": {one_line(record.reason)}" if record.reason else ""
            return (
                f"There is no diagnosis of run {run_id} that could be shown{why}.",
                f"To diagnose it now: python -m diagnostics run {run_id} --workspace {record.workspace_id}",
            )
        same = (one.incident_id for one in counted if one.workspace_id.lower() == record.workspace_id.lower())
        incident = next((found for one in same if (found := self.incidents.get(one)) is not None), None)
        if incident is None:
            return report
        return replace(report, blocks=(Block(Kind.STATE, (Text(_state(incident, self.now)),)), *report.blocks))

    def _record(self, run_id: str, first: Iterable[str]) -> RunRecord | None:
        """Return the newest record of a run of that id: its workspace is known from its incident, or is in scope."""
        open_in = (place for incident in self.incidents.open_ones() for place in incident.workspaces)
        places = dict.fromkeys(place.lower() for place in (*first, *sorted(self.settings.workspaces or ()), *open_in))
        records = (self.store.get_record(place, run_id) for place in list(places)[:_MOST_WORKSPACES])
        return max((record for record in records if record), key=lambda record: record.failed_at, default=None)

    def _report(self, record: RunRecord) -> Report | None:
        evidence = self.store.get_document(record.evidence_key) if record.evidence_key else None
        diagnosis = self.store.get_document(record.diagnosis_key) if record.diagnosis_key else None
        if evidence is None or diagnosis is None:
            return None
        try:
            return build_report(
                diagnosis_from_json(diagnosis),
                evidence_from_json(evidence, fact_types()),
                cloud=self.settings.cloud,
                stored_as=record.evidence_key,
            )
        except EvidenceUnreadable as error:
            _LOG.warning("what is stored of a run that was asked for cannot be read: %s", error)
            return None


def _channels(settings: Settings) -> frozenset[str]:
    """Return the ids of the channels that a bot writes to: who may read a diagnosis there may ask there."""
    places = (*settings.destinations, *settings.fallbacks)
    return frozenset(place.options.text("channel_id") for place in places if place.channel.name == "slack_bot")


def _reply(asked: Interaction, answer: Report | tuple[str, ...], now: datetime) -> str:
    if not may_answer_to(asked.response_url):
        return "done; Slack named no address for an answer"
    if now - asked.at > _ANSWERED_WITHIN:
        return "done; too late to answer"
    forms = _forms(answer)
    for place, form in enumerate(forms, start=1):
        try:
            call("POST", Secret(asked.response_url), form, now=now, accepted=_accepted)
        except Later as later:
            raise AskAgain(f"done, and the answer was not taken yet: {later}") from None
        except Refused as refused:
            if place < len(forms) and form_refused(refused.word):
                continue
            _LOG.warning("an answer was refused: %s", refused)
            return "done; the answer was refused"
        return "done and answered"
    return "done; the answer was refused"


def _forms(answer: Report | tuple[str, ...]) -> list[Payload]:
    """Return the answer in full, and what to say where Slack refuses that; to who asked alone."""
    alone: dict[str, Any] = {"response_type": "ephemeral", "replace_original": False}
    if isinstance(answer, Report):
        notice = Notice(kind=NoticeKind.OPENED, key="", report=answer)
        return [{**render(notice), **alone}, {**minimal(notice), **alone}]
    texts = [cut(text, _TEXT, lambda character: len(escape(character))).text for text in answer]
    short = cut("\n".join(texts), _TEXT, lambda character: len(escape(character))).text
    return [{"text": escape(short), "blocks": [section(plain(text)) for text in texts], **alone}]


def _accepted(status: int, body: str) -> bool:
    return status == 200 and '"ok":false' not in body.replace(" ", "")


def _name(asked: Interaction) -> str:
    return redact(one_line(asked.user_name))


def _who(asked: Interaction) -> str:
    name = _name(asked)
    return f"{name} ({asked.user_id})" if name else asked.user_id


def _gone(incident_id: str) -> str:
    return f"There is no incident {incident_id} here (any more). /pullmedic status shows what is open."


def _headline(incident: IncidentView) -> str:
    status = f"{incident.status.capitalize()}: " if incident.status else ""
    return cut(one_line(redact(f"{status}{incident.headline}")), _HEADLINE).text


def _state(incident: IncidentView, now: datetime) -> str:
    said = f"Incident {incident.id}, since {_utc(incident.opened_at)}, last seen {_utc(incident.last_at)}"
    if incident.state == _RESOLVED:
        return f"{said}, resolved{f' {_utc(incident.resolved_at)}' if incident.resolved_at else ''}."
    if incident.snoozed_until and incident.snoozed_until > now:
        return f"{said}, snoozed until {_utc(incident.snoozed_until)} by {one_line(incident.snoozed_by)}."
    return f"{said}."


def _utc(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
