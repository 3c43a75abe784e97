"""Brings every destination of an incident up to date: exactly one message, edited or repeated at a measured pace.

Level-triggered: whoever calls says only *which* incident may have news. What is due follows from what should be shown
and what was (:func:`responders.deliveries.due`), so a call too many changes nothing, and one that was lost is made good
by the next one or by the sweep. No lock is held over a network call: an attempt is a lease in the delivery's record.
"""

from __future__ import annotations

import hashlib
import logging
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import uuid4

from diagnostics.redaction import redact
from diagnostics.work import working
from responders.channels import Conversation, Sent
from responders.deliveries import (
    Abilities,
    Act,
    Assume,
    Delivery,
    Due,
    GiveUp,
    Held,
    Pace,
    Shown,
    Wait,
    Wanted,
    due,
    next_try,
)
from responders.entities import Found, Records
from responders.fixes.seen import FixSeen, Pending
from responders.incidents import UNDELIVERABLE, Incident, Incidents, Occurrence, failed_runs
from responders.notices import Action, ActionKind, Notice, NoticeKind
from responders.places import Place
from responders.rules import Pacing
from responders.sending import Later, Refused, SendError, TryLater, Unreachable
from responders.store import Store, StoreUnavailable
from responders.subjects import Subject
from responders.telemetry import count, record, span
from responders.telling import Story, Wording
from responders.text import render_text
from responders.wakeups import Wakeups

__all__ = ["Delivering", "Directed"]

_LOG = logging.getLogger(__name__)
_LEASE = timedelta(minutes=2)
_ROUNDS = 4
_LOG_NAME = "log"
_ANSWERS = (
    Action(ActionKind.RIGHT, "Right diagnosis"),
    Action(ActionKind.WRONG, "Wrong diagnosis"),
    Action(ActionKind.SNOOZE, "Snooze"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Directed:
    """Where an incident is told of, by the routes; ``held`` says why not now, until when.

    ``wanted`` is false where nobody is to hear of it; wanted and without a place, the app's log has it.
    """

    places: tuple[Place, ...] = ()
    trackers: tuple[Place, ...] = ()
    fallbacks: tuple[Place, ...] = ()
    held: Wait | None = None
    wanted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """One thing to be shown at one destination."""

    partition: str
    key: str
    story: Story
    directed: Directed
    decide: Callable[[Delivery, Abilities], Due]
    shown: Callable[[], Shown]
    told: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """An entry of a digest."""

    incident_id: str
    schema: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """When an incident was last looked at, and in which state."""

    at: datetime
    seen: str
    schema: int = 1


@dataclass(kw_only=True)
class Delivering:
    """Tells of incidents, with one store. ``direct`` says where one goes, ``wakeups`` ask to be called again.

    ``fix_of`` says what becomes of an incident's repair; while it is :class:`Pending` the first message waits a moment.
    """

    store: Store
    incidents: Incidents
    wording: Wording
    direct: Callable[[Incident, datetime], Directed]
    wakeups: Wakeups
    pacing: Pacing
    now: Callable[[], datetime]
    fix_of: Callable[[Incident], FixSeen | Pending | None] = lambda _incident: None
    _deliveries: Records[Delivery] = field(init=False)
    _paces: Records[Pace] = field(init=False)
    _members: Records[_Member] = field(init=False)
    _looks: Records[_Look] = field(init=False)

    def __post_init__(self) -> None:
        self._deliveries = Records(self.store, Delivery, self.now)
        self._paces = Records(self.store, Pace, self.now)
        self._members = Records(self.store, _Member, self.now)
        self._looks = Records(self.store, _Look, self.now)

    def bring_up_to_date(self, subject: Subject) -> str:
        """Do what is due for ``subject`` at every destination, and ask to be woken for the rest; say what was done."""
        said: list[str] = []
        wakes: list[datetime] = []
        woken = self.wakeups.clear(subject)
        if subject.kind == "incident":
            self._incident(subject.id, said, wakes, woken=woken)
        elif subject.kind == "digest":
            self._digest(subject.id, said, wakes)
        else:
            self._follow_up(*subject.place, said, wakes)
        if wakes:
            self.wakeups.put(subject, min(wakes))
        return "; ".join(said) or "nothing is due"

    def deliveries(self, incident_id: str) -> tuple[Delivery, ...]:
        """Return what was shown of an incident, by destination."""
        return tuple(delivery for _, delivery in self._deliveries.each(_of_incident(incident_id)))

    def confirm(self, key: str, destination: str) -> bool:
        """Record that a destination called back: the message of ``key`` is there for people to see."""
        partition = _of_incident(key.removeprefix(_KEY_PREFIX))
        found = self._deliveries.get(partition, destination)
        return found is not None and self._deliveries.change(found, replace(found.value, confirmed_at=self.now()))

    # --- an incident --------------------------------------------------------------------------------------

    def _incident(self, incident_id: str, said: list[str], wakes: list[datetime], *, woken: bool) -> None:
        incident = self.incidents.get(incident_id)
        if incident is None:
            said.append(f"no incident is called {incident_id}")
            return
        with working(correlation_id=incident.correlation_id, incident_id=incident.id, run_id=incident.run_id):
            self._known(incident, said, wakes, woken=woken)

    def _known(self, incident: Incident, said: list[str], wakes: list[datetime], *, woken: bool) -> None:
        fix = self.fix_of(incident)
        looked = self._look(incident, fix)
        if looked is not None and not woken:
            said.append(Held.PACED.value)
            wakes.append(looked)
            return
        occurrences = self.incidents.occurrences(incident.id)
        runs = failed_runs(occurrences)
        directed = self.direct(incident, self.now())
        first = self._first_of_pipeline(incident, occurrences)
        siblings = self._siblings_of(incident) if first is None else ()
        seen = fix if isinstance(fix, FixSeen) else None
        story = Story(incident=incident, runs=runs, siblings=siblings, occurrences=occurrences, fix=seen)
        planned_by = incident.opened_at + self.pacing.plan_patience if isinstance(fix, Pending) else None
        for place in directed.places:
            self._bring(self._message(story, directed, place, first, planned_by), place, said, wakes)
        for place in directed.trackers:
            self._bring(self._message(story, directed, place, None, planned_by), place, said, wakes)
        self._fall_back(story, directed, said, wakes)
        if not directed.places and not directed.trackers and directed.wanted:
            self._log_once(story)

    def _look(self, incident: Incident, fix: FixSeen | Pending | None) -> datetime | None:
        """Return when to look again where somebody looked just now: runs are counted once a minute, not once a run.

        The look is recorded before anything is counted, so a run that comes later is seen by the next one.
        """
        seen = f"{incident.state} {incident.reopened} {incident.evidence_key} {incident.snoozed_until}"
        seen += f" {fix.serial}" if isinstance(fix, FixSeen) else ""
        now, key = self.now(), incident.id
        found = self._looks.get("looks", key)
        if found is not None and found.value.seen == seen and now < found.value.at + self.pacing.look_every:
            return found.value.at + self.pacing.look_every
        mine = _Look(at=now, seen=seen)
        if found is None:
            self._looks.add("looks", key, mine)
        else:
            self._looks.change(found, mine)
        return None

    def _message(
        self,
        story: Story,
        directed: Directed,
        place: Place,
        first: Incident | None,
        planned_by: datetime | None = None,
    ) -> _Message:
        incident, fix = story.incident, story.fix
        evidence = "|".join((incident.evidence_key, *(sibling.id for sibling in story.siblings)))
        wanted = Wanted(
            count=len(story.runs),
            open=incident.open,
            evidence=evidence,
            fix=fix.serial if fix is not None else 0,
            fix_state=fix.state.value if fix is not None else "",
            fix_aloud=fix is not None and fix.aloud,
        )
        quiet = incident.verdict == UNDELIVERABLE

        def decide(delivery: Delivery, abilities: Abilities) -> Due:
            todo = due(delivery, wanted, abilities, place.pacing, self.now())
            if isinstance(todo, Act) and quiet and todo.kind is NoticeKind.RESOLVED:
                return Wait(held=Held.SHOWN)  # that no further run is lost is no news
            if isinstance(todo, Act) and not todo.edit and directed.held is not None:
                return directed.held
            new = isinstance(todo, Act) and delivery.shown is None
            if new and planned_by is not None and planned_by > self.now():
                return Wait(held=Held.PLANNING, until=planned_by)
            if new and first is not None and not wanted.fix_aloud:  # what is to be decided on has its own message
                return self._beside(first, delivery.destination, abilities) or todo
            return todo

        return _Message(
            partition=_of_incident(incident.id),
            key=place.key(f"{_KEY_PREFIX}{incident.id}", incident.fingerprint),
            story=story,
            directed=directed,
            decide=decide,
            shown=lambda: Shown(
                count=wanted.count,
                open=wanted.open,
                evidence=evidence,
                fix=wanted.fix,
                fix_state=wanted.fix_state,
                at=self.now(),
            ),
            actions=(*(fix.actions if fix is not None else ()), *(_answers(incident) if incident.open else ())),
        )

    def _first_of_pipeline(self, incident: Incident, occurrences: Sequence[Occurrence]) -> Incident | None:
        """Return the incident that its pipeline's message is about, where this one knows no other pipeline."""
        roots = {(occurrence.workspace_id.lower(), occurrence.root_run_id) for occurrence in occurrences}
        if len(roots) != 1:
            return None
        pipeline = self.incidents.pipeline(*next(iter(roots)))
        if pipeline is None or pipeline.incident_id == incident.id:
            return None
        return self.incidents.get(pipeline.incident_id)

    def _siblings_of(self, incident: Incident) -> tuple[Incident, ...]:
        return tuple(
            sibling
            for sibling in self.incidents.siblings(incident.workspace_id, incident.root_run_id)
            if sibling.id != incident.id
        )

    def _beside(self, first: Incident, destination: str, abilities: Abilities) -> Wait | None:
        """Say that the pipeline's own message tells of this incident, where one was sent to this destination."""
        found = self._deliveries.get(_of_incident(first.id), destination)
        directed = self.direct(first, self.now())
        heard = any(one.name == destination for one in directed.places) and directed.held is None
        if not heard or (found is not None and found.value.gave_up_at is not None):
            return None
        return Wait(held=Held.BESIDE if abilities.edits else Held.PIPELINE_RUNS, why=first.id)

    # --- a pipeline's follow-up, where nothing can be edited ----------------------------------------------

    def _follow_up(self, workspace_id: str, root_run_id: str, said: list[str], wakes: list[datetime]) -> None:
        pipeline = self.incidents.pipeline(workspace_id, root_run_id)
        first = self.incidents.get(pipeline.incident_id) if pipeline is not None else None
        siblings = self.incidents.siblings(workspace_id, root_run_id)
        if pipeline is None or first is None or not siblings:
            return
        said.append(self.bring_up_to_date(Subject("incident", first.id)))
        ready = siblings[0].opened_at + self.pacing.pipeline_patience
        for destination in self.direct(first, self.now()).places:
            partition = f"deliveries/pipeline/{workspace_id}/{root_run_id}"
            found = self._deliveries.get(partition, destination.name)
            known = found.value.told if found is not None else ()
            new = tuple(it for it in siblings if it.id not in known and self._waits_here(it, destination))
            if not new:
                continue
            if not pipeline.ended and ready > self.now():
                wakes.append(ready)
                continue
            self._bring(self._group(partition, first, new, known), destination, said, wakes)
            self._settle(partition, destination, new)

    def _waits_here(self, sibling: Incident, destination: Place) -> bool:
        directed = self.direct(sibling, self.now())
        if all(other.name != destination.name for other in directed.places):
            return False
        found = self._deliveries.get(_of_incident(sibling.id), destination.name)
        return found is None or (found.value.shown is None and found.value.held in _TOLD_WITH_OTHERS)

    def _group(self, partition: str, first: Incident, new: tuple[Incident, ...], known: tuple[str, ...]) -> _Message:
        directed = self.direct(first, self.now())

        def decide(delivery: Delivery, abilities: Abilities) -> Due:
            if all(incident.id in delivery.told for incident in new):
                return Wait(held=Held.SHOWN)
            if directed.held is not None:
                return directed.held
            return next_try(delivery, Act(kind=NoticeKind.OPENED), abilities, self.pacing, self.now())

        told = (*known, *(incident.id for incident in new))
        return _Message(
            partition=partition,
            key=f"pip-{_digest_of(partition, *told)}",
            story=Story(
                incident=new[0], runs=failed_runs(self.incidents.occurrences(new[0].id)), followed=first, others=new[1:]
            ),
            directed=directed,
            decide=decide,
            shown=lambda: Shown(count=len(told), open=True, at=self.now()),
            told=told,
        )

    def _settle(self, partition: str, destination: Place, new: tuple[Incident, ...]) -> None:
        """Record with each incident that the follow-up told of it, so that its resolution finds a message."""
        found = self._deliveries.get(partition, destination.name)
        for incident in new:
            if found is None or incident.id not in found.value.told or found.value.shown is None:
                continue
            runs = len(failed_runs(self.incidents.occurrences(incident.id)))
            own = self._own(_of_incident(incident.id), destination.name)
            if own.value.shown is None:
                shown = Shown(count=runs, open=True, evidence=incident.evidence_key, at=found.value.shown.at)
                self._deliveries.change(own, own.value.sent("", shown))
        self._give_up_with(found, new)

    def _give_up_with(self, group: Found[Delivery] | None, incidents: Iterable[Incident]) -> None:
        """Where a message that was to tell of ``incidents`` is given up, have each of them told elsewhere by itself."""
        if group is None or group.value.gave_up_at is None:
            return
        for incident in incidents:
            for _ in range(_ROUNDS):
                own = self._own(_of_incident(incident.id), group.key)
                if own.value.gave_up_at is not None or _told_by(group.value, own.value):
                    break
                if self._given_up(own, group.value, Subject("incident", incident.id)):
                    break
            else:
                raise StoreUnavailable(f"the delivery of {incident.id} was changed by others all the time")

    def _given_up(self, own: Found[Delivery], group: Delivery, subject: Subject) -> bool:
        """Record it, and ask for the incident before, since what is recorded is not found again, and after."""
        self.wakeups.put(subject, self.now() + _LEASE)
        held, why = Held.GIVEN_UP.value, group.error
        after = replace(own.value, gave_up_at=group.gave_up_at, error=why, held=held, held_why=why)
        if not self._deliveries.change(own, after):
            return False
        self.wakeups.put(subject, self.now())
        count("held", reason=held, destination=own.key)
        _LOG.info("%s is not told of %s: %s %s", own.key, subject.id, held, why)
        return True

    # --- a digest -----------------------------------------------------------------------------------------

    def _digest(self, digest: str, said: list[str], wakes: list[datetime]) -> None:
        name, _, until = digest.rpartition("/")
        read_at = self.now()
        members = [self.incidents.get(member.incident_id) for _, member in self._members.each(f"digest/{digest}")]
        incidents = tuple(incident for incident in members if incident is not None)
        if not incidents:
            return
        destination = next((d for d in self._everywhere(incidents) if d.name == name), None)
        if destination is None:
            said.append(f"no destination is called {name} any more")
            return
        message = self._digest_message(digest, incidents, datetime.fromisoformat(until), read_at)
        self._bring(message, destination, said, wakes)
        self._give_up_with(self._deliveries.get(message.partition, name), incidents)

    def _everywhere(self, incidents: Iterable[Incident]) -> Iterable[Place]:
        for incident in incidents:
            directed = self.direct(incident, self.now())
            yield from (*directed.places, *directed.fallbacks)

    def _digest_message(
        self, digest: str, incidents: tuple[Incident, ...], until: datetime, read_at: datetime
    ) -> _Message:
        """Return the digest's message; ``read_at`` is when its members were read: who came later is not in it."""
        ordered = tuple(sorted(incidents, key=lambda incident: (incident.failed_at, incident.id)))
        counts = {incident.id: len(failed_runs(self.incidents.occurrences(incident.id))) for incident in ordered}
        known = {incident.id: self.fix_of(incident) for incident in ordered}
        fixes = {name: fix for name, fix in known.items() if isinstance(fix, FixSeen)}

        def decide(delivery: Delivery, abilities: Abilities) -> Due:
            if not abilities.edits and until > self.now():
                return Wait(held=Held.PACED, until=until)
            states = "|".join(f"{incident.id}{incident.state}" for incident in ordered)
            wanted = Wanted(count=len(ordered), open=True, evidence=_digest_of(states))
            return due(delivery, wanted, abilities, self.pacing, self.now())

        states = _digest_of("|".join(f"{incident.id}{incident.state}" for incident in ordered))
        return _Message(
            partition=f"deliveries/digest/{digest}",
            key=f"dig-{_digest_of(digest)}",
            story=Story(incident=ordered[0], runs=(), digest=ordered, counts=counts, fixes=fixes),
            directed=Directed(),
            decide=decide,
            shown=lambda: Shown(count=len(ordered), open=True, evidence=states, at=read_at),
        )

    # --- one message at one destination -------------------------------------------------------------------

    def _bring(self, message: _Message, destination: Place, said: list[str], wakes: list[datetime]) -> None:
        """Do what is due here, and again where news came meanwhile."""
        for _ in range(_ROUNDS):
            found = self._own(message.partition, destination.name)
            conversation = destination.open(found.value, found.value.attempted_at)
            abilities = Abilities(edits=conversation.edits, finds=conversation.finds)
            todo = message.decide(found.value, abilities)
            if isinstance(todo, Wait):
                self._hold(found, todo, message)
                wakes += [todo.until] if todo.until is not None else []
                return
            if isinstance(todo, Act) and not todo.edit and found.value.slot is None and not todo.look_first:
                allotted = self._allot(found, destination, message, wakes, foldable=todo.kind is not NoticeKind.FIX)
                if not allotted:
                    return
                continue
            done = self._do(found, todo, message, destination, conversation)
            said += [f"{destination.name}: {done}"] if done else []
            if not done:
                wakes.append(self.now() + _LEASE)
                return
        wakes.append(self.now() + self.pacing.edit_every)

    def _do(
        self, found: Found[Delivery], todo: Due, message: _Message, destination: Place, conversation: Conversation
    ) -> str:
        """Do one thing and record it; an empty word means that somebody else is at it."""
        if isinstance(todo, GiveUp):
            return self._give_up(found, todo.why, destination)
        if isinstance(todo, Assume):
            self._deliveries.change(found, found.value.sent(found.value.ref, message.shown()))
            return "an update whose answer was lost is taken as shown"
        assert isinstance(todo, Act)  # noqa: S101 - nothing else is left
        owner = uuid4().hex
        now = self.now()
        before = found.value.attempt_at or found.value.failing_since or now
        mine = replace(
            found.value,
            attempt=owner,
            attempt_kind=todo.kind,
            attempt_at=now,
            attempt_until=now + _LEASE,
            repeats=found.value.repeats + _repeats(todo),
        )
        if not self._deliveries.change(found, mine):
            return ""
        return self._try(found, mine, todo, message, conversation, before)

    def _try(
        self,
        found: Found[Delivery],
        mine: Delivery,
        todo: Act,
        message: _Message,
        conversation: Conversation,
        before: datetime,
    ) -> str:
        name = mine.destination
        shown = _shown_by(todo, message.shown(), mine.shown)
        try:
            ref, todo = self._found(conversation, todo, message, before)
            if ref:
                # What it says is older than what is wanted now: the next round edits it.
                older = replace(shown, count=0, fix=0)
                self._record(found, mine, lambda it: it.sent(ref, older, kept=message.told))
                return "found the message of a lost answer"
            tracker = any(place.name == name for place in message.directed.trackers)
            with span("ticket" if tracker else "notify", destination=name, kind=todo.kind.value) as stage:
                sent = self._say(conversation, mine, todo, message)
                stage.note(outcome="taken")
        except SendError as error:
            return self._not_taken(found, mine, todo, error, finds=conversation.finds)
        except Exception as error:  # noqa: BLE001 - one responder's own fault must not hide another
            # Its message could hold anything, an address among it: the places are enough to find the fault.
            _LOG.error("%s failed with %s at %s", name, type(error).__name__, _places(error))
            fault = Refused(0, f"a fault of the responder ({type(error).__name__})")
            return self._not_taken(found, mine, todo, fault, finds=conversation.finds)
        ref = sent.ref or (mine.ref if todo.edit else "")
        self._record(found, mine, lambda it: _named(it.sent(ref, shown, kept=message.told, minimal=sent.minimal), sent))
        count("notified", destination=name, kind=todo.kind.value, repeat=str(_repeats(todo)).lower())
        if mine.first_at is None and not message.story.digest:
            since = self.now() - message.story.incident.failed_at
            record("time_to_message", max(0.0, since.total_seconds()), destination=name)
        return f"{'edited' if todo.edit else 'sent'} {todo.kind.value}"

    def _found(self, conversation: Conversation, todo: Act, message: _Message, before: datetime) -> tuple[str, Act]:
        """Return the reference of what an earlier try may have sent; where nobody can look, it may be a repeat."""
        if not todo.look_first:
            return "", todo
        try:
            return conversation.find(message.key, since=before - _LEASE, now=self.now()) or "", todo
        except Refused as refused:
            _LOG.warning("whether %s is there already cannot be told: %s", message.key, refused)
            return "", replace(todo, possible_repeat=True)

    def _say(self, conversation: Conversation, mine: Delivery, todo: Act, message: _Message) -> Sent:
        kind = NoticeKind.DIGEST if message.story.digest else todo.kind
        report = self.wording.report(message.story, kind, mine, edit=todo.edit, possible_repeat=_repeats(todo))
        incident, fix = message.story.incident, message.story.fix
        notice = Notice(
            kind=kind,
            key=message.key,
            report=report,
            incident=None
            if message.story.digest
            else replace(
                incident.summary(len(message.story.runs), message.story.runs[-20:]),
                fix=fix.facts if fix is not None else None,
            ),
            actions=message.actions,
            possible_repeat=todo.possible_repeat,
            reply=fix.news if fix is not None and todo.aloud else "",
        )
        if todo.edit:
            return conversation.edit(mine.ref, notice, now=self.now())
        return conversation.send(notice, now=self.now())

    def _not_taken(self, found: Found[Delivery], mine: Delivery, todo: Act, error: SendError, *, finds: bool) -> str:
        _LOG.warning("%s did not take the message: %s", mine.destination, error)
        count("not_taken", destination=mine.destination)
        gone = isinstance(error, Refused) and error.gone
        if isinstance(error, Later) or (todo.edit and not gone):  # a new message beside one that stands is a second one
            after = error.after if isinstance(error, Later) else timedelta()
            answered = isinstance(error, TryLater)
            lost = not todo.edit and _may_have_arrived(error, finds=finds)
            self._record(
                found,
                mine,
                lambda it: it.failed(str(error), now=self.now(), after=after, unknown=lost, answered=answered),
            )
            return f"not taken, another try follows ({error})"
        if todo.edit:
            self._record(found, mine, lambda it: replace(it.free(), ref="", error=str(error)))
            return f"the message cannot be edited any more ({error})"
        self._record(found, mine, lambda it: replace(it.free(), gave_up_at=self.now(), error=str(error)))
        return self._lost(mine.destination, str(error))

    def _give_up(self, found: Found[Delivery], why: str, destination: Place) -> str:
        self._deliveries.change(found, replace(found.value.free(), gave_up_at=self.now(), error=why))
        return self._lost(destination.name, why)

    def _lost(self, name: str, why: str) -> str:
        _LOG.error("ALERT undeliverable: %s does not get the message: %s", name, why)
        count("undeliverable", destination=name)
        return f"given up ({why})"

    def _record(self, found: Found[Delivery], mine: Delivery, change: Callable[[Delivery], Delivery]) -> None:
        """Write the result of an attempt, unless somebody else took the work over meanwhile."""
        for _ in range(_ROUNDS):
            present = self._deliveries.get(found.partition, found.key)
            if present is None or present.value.attempt != mine.attempt:
                return
            if self._deliveries.change(present, change(present.value)):
                return

    def _own(self, partition: str, name: str) -> Found[Delivery]:
        found = self._deliveries.get(partition, name)
        if found is None:
            self._deliveries.add(partition, name, Delivery(destination=name))
            found = self._deliveries.get(partition, name)
        if found is None:
            raise StoreUnavailable(f"the delivery {partition}/{name} vanished as soon as it was written")
        return found

    def _hold(self, found: Found[Delivery], wait: Wait, message: _Message) -> None:
        """Keep the named reason for saying nothing where people look: in the incident, in the log, in a metric."""
        if wait.held is Held.SHOWN or (found.value.held == wait.held and found.value.held_why == wait.why):
            return
        held = replace(found.value, held=wait.held.value, held_why=wait.why, held_count=found.value.held_count + 1)
        if wait.held is not Held.UNDER_WAY:
            self._deliveries.change(found, held)
        _LOG.info("%s is not told of %s: %s %s", found.key, message.key, wait.held.value, wait.why)
        count("held", reason=wait.held.value, destination=found.key)

    # --- pace ---------------------------------------------------------------------------------------------

    def _allot(
        self,
        found: Found[Delivery],
        destination: Place,
        message: _Message,
        wakes: list[datetime],
        *,
        foldable: bool,
    ) -> bool:
        """Give the new message its time at the destination's pace; tell ``False`` where it is not now.

        What became of a fix is never folded into a digest: somebody decided, and waits for the answer.
        """
        now = self.now()
        free = message.story.digest or destination.interval is None
        slot, digest = (now, "") if free else self._take_slot(destination, now, foldable=foldable)
        if digest:
            self._into_digest(found, digest, message)
            return False
        late = slot > now
        paced = replace(
            found.value,
            slot=slot,
            next_at=slot if late else found.value.next_at,
            held=Held.PACED.value if late else found.value.held,
        )
        changed = self._deliveries.change(found, paced)
        if late and changed:
            wakes.append(slot)
        return not late

    def _take_slot(self, destination: Place, now: datetime, *, foldable: bool) -> tuple[datetime, str]:
        """Return when the destination takes its next message, or the digest that takes it instead."""
        for _ in range(50):
            self._paces.add("pace", destination.name, Pace())
            found = self._paces.get("pace", destination.name)
            if found is None:
                continue
            pace = found.value
            if foldable and pace.digest and pace.digest_until is not None and pace.digest_until > now:
                return now, pace.digest
            lately = tuple(time for time in pace.sent if time > now - self.pacing.digest_window)
            if foldable and len(lately) >= self.pacing.digest_above:
                until = now + self.pacing.digest_window
                digest = f"{destination.name}/{until.isoformat()}"
                after = Pace(sent=lately, digest=digest, digest_until=until)
            else:
                digest = ""
                after = replace(pace, sent=(*lately, _slot(lately, destination.interval or timedelta(), now)))
            if self._paces.change(found, after):
                return (now, digest) if digest else (after.sent[-1], "")
        return now + _LEASE, ""

    def _into_digest(self, found: Found[Delivery], digest: str, message: _Message) -> None:
        """Let the digest tell of it. That it is told is recorded last: once it is, nobody asks for the digest again."""
        incident = message.story.incident
        for member in (incident, *message.story.others):
            self._members.add(f"digest/{digest}", member.id, _Member(incident_id=member.id))
        self.wakeups.put(Subject("digest", digest), self.now())
        held = replace(
            found.value.sent(found.value.ref, message.shown(), kept=message.told), first_at=found.value.first_at
        )
        self._deliveries.change(found, replace(held, held=Held.DIGEST.value, held_why=digest))
        count("held", reason=Held.DIGEST.value, destination=found.key)
        _LOG.info("%s is told of %s in a digest", found.key, message.key)

    # --- where nothing else is left -----------------------------------------------------------------------

    def _fall_back(self, story: Story, directed: Directed, said: list[str], wakes: list[datetime]) -> None:
        """Tell the fallback places of what a destination did not take; where these refuse, the log has it whole."""
        lost = [d for d in self.deliveries(story.incident.id) if d.gave_up_at is not None]
        first = [d for d in lost if not d.destination.startswith(_FALLBACK)]
        if not first:
            return
        why = "; ".join(f"{d.destination} did not get this message: {d.error}" for d in first)
        told = replace(story, note=why)
        for destination in directed.fallbacks:
            self._bring(self._message(told, directed, destination, None), destination, said, wakes)
        names = {destination.name for destination in directed.fallbacks}
        if names <= {d.destination for d in self.deliveries(story.incident.id) if d.gave_up_at is not None}:
            self._log_once(told)

    def _log_once(self, story: Story) -> None:
        """Write the whole message into the log, once for each state of an incident that nobody else is told of."""
        found = self._own(_of_incident(story.incident.id), _LOG_NAME)
        shown, incident = found.value.shown, story.incident
        if shown is not None and shown.open == incident.open:
            return
        report = self.wording.report(story, NoticeKind.OPENED, found.value)
        level = logging.ERROR if story.note else logging.WARNING
        why = story.note or "no channel is configured"
        _LOG.log(level, "The message is in this log only (%s).\n%s", redact(why), redact(render_text(report)))
        state = Shown(count=len(story.runs), open=incident.open, at=self.now())
        self._deliveries.change(found, found.value.sent("", state))


_BURST = 5
"""Messages that a service takes at once, as long as the pace holds over all of them."""

_TOLD_WITH_OTHERS = ("", Held.PIPELINE_RUNS, Held.PLANNING)

_FALLBACK = "fallback "
_KEY_PREFIX = "inc-"


def _answers(incident: Incident) -> tuple[Action, ...]:
    return _ANSWERS if incident.status else _ANSWERS[2:]


def _repeats(act: Act) -> bool:
    """Tell whether people may see the same message twice; an edit repeats nothing."""
    return act.possible_repeat and not act.edit


def _may_have_arrived(error: SendError, *, finds: bool) -> bool:
    """Tell whether what was sent may be there though it failed, so that it is looked for before it is sent again.

    Where nobody can look, an error of the service counts as not delivered: else each of them could mean a repeat.
    """
    if isinstance(error, Unreachable):
        return error.sent
    return finds and isinstance(error, TryLater) and error.taken


def _shown_by(act: Act, shown: Shown, before: Shown | None) -> Shown:
    """Return what the message of ``act`` shows: one about a fix alone tells nothing new of its runs."""
    if act.kind is not NoticeKind.FIX or act.edit or before is None:
        return shown
    return replace(shown, count=before.count, evidence=before.evidence)


def _of_incident(incident_id: str) -> str:
    return f"deliveries/{incident_id}"


def _slot(lately: Sequence[datetime], interval: timedelta, now: datetime) -> datetime:
    """Return when the next message may go, after those of ``lately``, which may lie ahead."""
    if len(lately) < _BURST:
        return now
    return max(now, sorted(lately)[-_BURST] + interval * _BURST)


def _told_by(group: Delivery, own: Delivery) -> bool:
    """Tell whether the message of ``group`` that arrived last had what ``own`` says of one of its members."""
    return group.shown is not None and own.shown is not None and own.shown.at <= group.shown.at


def _named(delivery: Delivery, sent: Sent) -> Delivery:
    return replace(delivery, title=sent.title or delivery.title, url=sent.url or delivery.url)


def _digest_of(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _places(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return " > ".join(f"{frame.name}:{frame.lineno}" for frame in frames)
