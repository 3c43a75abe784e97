"""The life of a fix: planned, decided on, applied, verified, undone; every step recorded before and after.

Level-triggered: whoever calls says only *which* incident; what is due follows from the record. Each step can be begun
again at any point, since the assignment's name is deterministic and the record is changed by compare-and-set alone. No
lock is held over a network call but a lease that ends by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import uuid4

from diagnostics.azure.errors import ReadFailed
from diagnostics.codec import EvidenceUnreadable, evidence_from_json
from diagnostics.judging import judge
from diagnostics.model import Evidence
from diagnostics.probing import fact_types
from diagnostics.work import working
from responders.durations import growing
from responders.entities import Found, Records
from responders.fixes.assigning import (
    Assigned,
    Assigner,
    ChangedSince,
    NotNow,
    PrincipalUnknown,
    WriteRefused,
)
from responders.fixes.audit import Audit, AuditKind
from responders.fixes.ledger import Ledger
from responders.fixes.planning import plan_fix, registry_tags, right_is_there
from responders.fixes.policy import agreed, allowed, within_ceilings
from responders.fixes.record import Decision, Fix, FixState, Via
from responders.fixes.running_again import NotRunAgain, RunAgain
from responders.fixes.steps import Around, Idle, Step, check_after, next_step
from responders.fixes.values import Declined, FixMode, NotFixed, Plan, Policy
from responders.incidents import Incident, Incidents
from responders.store import ClaimResult, Store
from responders.telemetry import count, span

__all__ = ["FIXES", "Advanced", "Fixing", "NotYet", "Preview"]

FIXES = "kept-fixes"
"""The partition of the records, which the purge leaves alone."""

_LOG = logging.getLogger(__name__)
_LEASE = timedelta(minutes=2)
_ROUNDS = 8
_MOST_TRIES = 8
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(minutes=5)
_LONGEST_DOUBT = timedelta(hours=6)
_SUBMITTED = "submitted"

_KINDS = {
    FixState.DECLINED: AuditKind.DECLINED,
    FixState.PROPOSED: AuditKind.PLAN,
    FixState.WAITING: AuditKind.PLAN,
    FixState.APPROVED: AuditKind.APPROVAL,
    FixState.REJECTED: AuditKind.REFUSAL,
    FixState.UNDOING: AuditKind.UNDO,
    FixState.UNDONE: AuditKind.UNDO,
    FixState.UNDO_FAILED: AuditKind.UNDO,
    FixState.VERIFIED: AuditKind.VERIFICATION,
    FixState.NOT_EFFECTIVE: AuditKind.VERIFICATION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """What was done, whether people have news of it, and when to look again."""

    said: str
    news: bool = False
    again: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would be planned now, and what stands in the way of offering it; nothing was written."""

    plan: Plan | None
    declined: Declined | None


class NotYet(Exception):
    """A step could not be done now; ``after`` is how long to wait at least.

    ``doubtful`` where something may have been written all the same.
    """

    def __init__(self, why: str, after: timedelta | None = None, *, doubtful: bool = False) -> None:
        super().__init__(why)
        self.after = after
        self.doubtful = doubtful


@dataclass(kw_only=True)
class Fixing:
    """Makes the one repair, under the policy in force.

    ``assigner`` opens the fixer's own way to Azure; it is called only where something is to be probed or written.
    ``read_again`` reads every fact of stored evidence anew, with the responder's identity. ``submit`` runs a failed job
    again. ``policy`` is asked at each step, so that taking a pre-approval back takes effect at once.
    """

    store: Store
    incidents: Incidents
    audit: Audit
    policy: Callable[[], Policy]
    assigner: Callable[[], Assigner]
    read_again: Callable[[Evidence], Evidence]
    submit: Callable[[Incident], RunAgain | NotRunAgain]
    now: Callable[[], datetime]
    _fixes: Records[Fix] = field(init=False)
    _ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self._fixes = Records(self.store, Fix, self.now)
        self._ledger = Ledger(self.store, now=self.now)

    def of(self, incident_id: str) -> Fix | None:
        """Return the fix of an incident, ``None`` where there is none."""
        found = self._fixes.get(FIXES, incident_id)
        return found.value if found is not None else None

    def unfinished(self) -> Iterator[str]:
        """Yield the incidents for which a step is due now: what a lost message would have brought."""
        fixes = {fix.incident_id: fix for _, fix in self._fixes.each(FIXES)}
        opened = {incident.id: incident for incident in self.incidents.open_ones()}
        for incident_id in fixes | opened:
            incident = opened.get(incident_id) or self.incidents.get(incident_id)
            if incident is not None and isinstance(next_step(fixes.get(incident_id), self._around(incident)), Step):
                yield incident_id

    def preview(self, incident_id: str) -> Preview | None:
        """Return what would be planned from Azure's answers of this moment; ``None`` where there is no such incident.

        Raises :class:`NotYet` where Azure could not be asked.
        """
        incident = self.incidents.get(incident_id)
        if incident is None:
            return None
        evidence = self._evidence(incident, anew=True)
        plan = plan_fix(incident.id, evidence, judge(evidence), self.policy())
        if isinstance(plan, Declined):
            return Preview(plan=None, declined=plan)
        return Preview(plan=plan, declined=self._barred(plan, evidence, probe=True))

    # --- what people decide -------------------------------------------------------------------------------

    def approve(self, incident_id: str, digest: str, by: Decision) -> str:
        """Record that ``by`` approves the plan of that ``digest``; return what to tell them.

        Who may is not checked here. Of several approvals the first counts; one that was given to another plan than the
        present one is refused.
        """
        with self._about(incident_id):
            return self._decide(incident_id, digest, by, FixState.APPROVED, "approved")

    def reject(self, incident_id: str, digest: str, by: Decision) -> str:
        """Record that ``by`` wants no fix; return what to tell them."""
        with self._about(incident_id):
            return self._decide(incident_id, digest, by, FixState.REJECTED, "rejected")

    def ask_undo(self, incident_id: str, by: Decision) -> str:
        """Record that what was added is to be taken back; return what to tell them."""
        with self._about(incident_id):
            return self._ask_undo(incident_id, by)

    def _ask_undo(self, incident_id: str, by: Decision) -> str:
        found = self._audited(incident_id)
        if found is None:
            return "There is no fix for this incident."
        if found.value.state in {FixState.UNDOING, FixState.UNDONE}:
            return f"That is done already: the fix is {found.value.state.value}."
        if not found.value.may_be_undone:
            return "Nothing of ours is there to be taken back."
        after = replace(found.value, state=FixState.UNDOING, undo=by, tried=0, next_at=None, error="", why="")
        if self._change(found, after) is None:
            return "Somebody else changed this fix at the same moment: look again."
        return "The role assignment is being removed; the result follows here."

    def refuse(self, incident_id: str, by: Decision, why: str) -> None:
        """Record that somebody who may not decide tried to."""
        count("fix_refused", via=by.via.value)
        key = f"{incident_id}/refused/{by.via.value}/{by.by_id}/{by.at.isoformat()}"
        with self._about(incident_id):
            self.audit.append(
                AuditKind.REFUSAL, incident_id=incident_id, by=_named(by), via=by.via.value, why=why, key=key
            )

    def _about(self, incident_id: str) -> AbstractContextManager[None]:
        """Name the incident's work in what is said, traced and audited meanwhile."""
        incident = self.incidents.get(incident_id)
        if incident is None:
            return working(incident_id=incident_id)
        return working(correlation_id=incident.correlation_id, incident_id=incident.id, run_id=incident.run_id)

    def _decide(self, incident_id: str, digest: str, by: Decision, state: FixState, word: str) -> str:
        found = self._audited(incident_id)
        if found is None or found.value.plan is None:
            return "There is no plan for this incident that could be decided on."
        fix, plan = found.value, found.value.plan
        problem = self._undecidable(fix, plan, digest)
        if problem:
            self.refuse(incident_id, by, problem)
            return problem
        why = by.why if state is FixState.REJECTED else fix.why
        after = replace(fix, state=state, decision=by, why=why, tried=0, next_at=None, error="")
        if self._change(found, after) is None:
            return "Somebody else decided at the same moment: look again."
        if state is FixState.REJECTED:
            return f"Noted: the fix is {word}. Nothing is written."
        return f"The fix is {word}. It is applied now; the result follows here within fifteen minutes."

    def _undecidable(self, fix: Fix, plan: Plan, digest: str) -> str:
        """Return why nothing can be decided, empty where it can."""
        if not fix.may_be_decided:
            by = f" by {fix.decision.by}" if fix.decision is not None else ""
            return f"There is nothing to decide any more: the fix is {fix.state.value}{by}."
        if plan.digest != digest:
            return "The plan has changed since it was shown to you: look at the newest message and decide on that."
        if fix.expires_at is not None and self.now() >= fix.expires_at:
            return "The time to decide has passed: the fix is offered again when the next run fails."
        if not self.policy().writes:
            return "The pre-approval was taken back: nothing is written."
        return ""

    # --- what is due --------------------------------------------------------------------------------------

    def advance(self, incident_id: str) -> Advanced:
        """Do every step that is due for the fix of an incident. Raises ``StoreUnavailable``."""
        owner, key = uuid4().hex, f"fix/{incident_id}"
        if self.store.claim(key, owner, now=self.now(), lease=_LEASE) is not ClaimResult.ACQUIRED:
            return Advanced(said="another worker is at this fix", again=self.now() + _LEASE)
        try:
            with self._about(incident_id):
                return self._advance(incident_id)
        finally:
            self.store.release(key, owner)

    def _advance(self, incident_id: str) -> Advanced:
        said: list[str] = []
        before = self.of(incident_id)
        again: datetime | None = None
        for _ in range(_ROUNDS):
            found = self._audited(incident_id)
            fix = found.value if found is not None else None
            todo = self._todo(incident_id, fix)
            if isinstance(todo, Idle):
                again = todo.until
                break
            try:
                with span("fix", step=todo.value) as stage:
                    done = self._do(todo, incident_id, found)
                    stage.note(outcome=fix.state.value if (fix := self.of(incident_id)) is not None else "none")
                said.append(f"{todo.value}: {done}")
            except NotYet as error:
                said.append(f"{todo.value}: not yet ({error})")
                again = self._put_off(incident_id, error)
                break
        else:
            again = self.now() + _FIRST_WAIT
        after = self.of(incident_id)
        news = after is not None and (before is None or after.serial != before.serial)
        return Advanced(said="; ".join(said) or "nothing is due", news=news, again=again)

    def _todo(self, incident_id: str, fix: Fix | None) -> Step | Idle:
        incident = self.incidents.get(incident_id)
        if incident is not None:
            return next_step(fix, self._around(incident))
        undoing = fix is not None and fix.state is FixState.UNDOING  # its incident was purged; the fix never is
        return Step.UNDO if undoing else Idle()

    def _do(self, todo: Step, incident_id: str, found: Found[Fix] | None) -> str:
        if found is not None and todo is Step.UNDO:
            return self._undo(found)
        incident = self.incidents.get(incident_id)
        if incident is None:
            return "the incident is gone"
        if todo is Step.PLAN or found is None:
            return self._plan(incident, found)
        steps: Mapping[Step, Callable[[Incident, Found[Fix]], str]] = {
            Step.WITHDRAW: self._withdraw,
            Step.EXPIRE: self._expire,
            Step.APPLY: self._apply,
            Step.LOOK_FOR_IT: self._look_for_it,
            Step.VERIFY: self._verify,
            Step.LOOK_AGAIN: self._look_again,
            Step.PROVE: self._prove,
            Step.RUN_AGAIN: self._run_again,
        }
        return steps[todo](incident, found)

    def _withdraw(self, _incident: Incident, found: Found[Fix]) -> str:
        mode = self.policy().mode
        why = "the pre-approval was taken back, or the incident is over"
        if mode not in {FixMode.OFF, found.value.mode}:
            why = f"the mode is {mode.value} by now"
        return self._end(found, FixState.DECLINED, why, reason=NotFixed.OFF)

    def _expire(self, _incident: Incident, found: Found[Fix]) -> str:
        return self._end(found, FixState.EXPIRED, "nobody decided in time; the next failure offers it again")

    def _prove(self, incident: Incident, found: Found[Fix]) -> str:
        return self._moved(found, replace(found.value, proven_by_run=incident.resolved_by))

    # --- the plan -----------------------------------------------------------------------------------------

    def _plan(self, incident: Incident, found: Found[Fix] | None) -> str:
        policy = self.policy()
        evidence = self._evidence(incident, anew=found is not None)
        plan = plan_fix(incident.id, evidence, judge(evidence), policy)
        declined = (
            plan if isinstance(plan, Declined) else self._barred(plan, evidence, probe=policy.mode is not _PROPOSE)
        )
        now = self.now()
        fix = Fix(
            incident_id=incident.id,
            mode=policy.mode,
            state=_STATES[policy.mode] if declined is None else FixState.DECLINED,
            planned_at=now,
            changed_at=now,
            plan=None if isinstance(plan, Declined) else plan,
            reason=declined.reason.value if declined is not None else "",
            why=declined.why if declined is not None else "",
            expires_at=now + policy.approve_within if policy.mode is FixMode.APPROVE else None,
            decision=_by_policy(now) if policy.mode is FixMode.AUTO and declined is None else None,
        )
        if declined is not None:
            count("fix_declined", reason=declined.reason.value)
        elif policy.mode is FixMode.AUTO:
            self._note_plan(fix)
        if found is not None and _same_answer(found.value, fix):
            self._fixes.change(found, replace(found.value, changed_at=now, mode=fix.mode))
            return "as before"
        if found is not None:
            return self._moved(found, fix)
        if self._fixes.add(FIXES, incident.id, fix):
            count("fix", state=fix.state.value)
            self._record(fix)
        return fix.state.value

    def _note_plan(self, fix: Fix) -> None:
        """Record a plan that nobody is asked about: its state is *approved* from the beginning."""
        self.audit.append(
            AuditKind.PLAN,
            incident_id=fix.incident_id,
            why="made by the policy in force",
            details=_details(fix),
            key=f"{fix.incident_id}/{fix.planned_at.isoformat()}/plan",
        )

    def _barred(self, plan: Plan, evidence: Evidence, *, probe: bool) -> Declined | None:
        """Return what stands in the way of a plan: the policy, a ceiling, or the fixer's own right."""
        policy, now = self.policy(), self.now()
        declined = allowed(policy, plan, tags=registry_tags(evidence), now=now)
        declined = declined or within_ceilings(policy, plan, self._ledger.made(apart_from=plan), now)
        if declined is not None or not probe:
            return declined
        try:
            right = self.assigner().right(plan)
        except NotNow as error:
            raise NotYet(str(error), error.after) from None
        return None if right.allowed else Declined(NotFixed.NO_RIGHT, right.why)

    # --- the write ----------------------------------------------------------------------------------------

    def _apply(self, incident: Incident, found: Found[Fix]) -> str:
        plan = found.value.plan
        if plan is None:
            return self._end(found, FixState.FAILED, "the record holds no plan")
        there = self._made_before(plan) if found.value.requested_at is not None else None
        if there is not None:
            return self._applied(found, there)
        try:
            return self._checked(incident, found, plan) or self._write(plan)
        except PrincipalUnknown as error:
            raise NotYet(str(error)) from None
        except NotNow as error:
            raise NotYet(str(error), error.after, doubtful=True) from None
        except WriteRefused as error:
            self._answer(plan, f"refused: {error}", error.correlation_id)
            self._ledger.give_back(plan)
            present = self._fixes.get(FIXES, plan.incident_id)
            return self._end(present, FixState.FAILED, str(error)) if present is not None else "the record is gone"

    def _made_before(self, plan: Plan) -> Assigned | None:
        """Return what an earlier try wrote. Raises :class:`NotYet` where Azure does not say whether it did."""
        try:
            return self.assigner().find(plan)
        except (NotNow, WriteRefused) as error:
            raise NotYet(str(error), getattr(error, "after", None), doubtful=True) from None

    def _look_for_it(self, _incident: Incident, found: Found[Fix]) -> str:
        """Ask once more whether it was made; so long after the decision it is not written again."""
        plan = found.value.plan
        if plan is None:
            return self._end(found, FixState.FAILED, "the record holds no plan")
        there = self._made_before(plan)
        if there is not None:
            return self._applied(found, there)
        self._ledger.give_back(plan)
        return self._end(found, FixState.FAILED, "Azure answers again, and nothing was written")

    def _checked(self, incident: Incident, found: Found[Fix], plan: Plan) -> str:
        """Hold the approved plan against the world of this moment; empty where it still is what would be planned."""
        if not agreed(self.policy(), found.value.decision):
            return self._withdraw(incident, found)
        evidence = self._evidence(incident, anew=True)
        fresh = plan_fix(incident.id, evidence, judge(evidence), self.policy())
        if isinstance(fresh, Declined):
            if fresh.reason is NotFixed.NO_ANSWER:
                raise NotYet(fresh.why)
            return self._end(found, FixState.STALE, fresh.why, reason=fresh.reason)
        if fresh.digest != plan.digest:
            why = "what would be written now differs from what was approved"
            return self._end(found, FixState.STALE, why, reason=NotFixed.CHANGED)
        declined = self._barred(fresh, evidence, probe=True)
        declined = declined or self._ledger.reserve(
            plan, lambda made: within_ceilings(self.policy(), plan, made, self.now())
        )
        if declined is not None:
            return self._end(found, FixState.DECLINED, declined.why, reason=declined.reason)
        asked = replace(found.value, requested_at=self.now())
        return "" if self._fixes.change(found, asked) else "changed by others meanwhile"

    def _write(self, plan: Plan) -> str:
        found = self._fixes.get(FIXES, plan.incident_id)
        if found is None or found.value.state is not FixState.APPROVED or found.value.requested_at is None:
            return "changed by others meanwhile"
        fix = found.value
        self.audit.append(
            AuditKind.REQUEST,
            incident_id=plan.incident_id,
            by=_named(fix.decision),
            via=fix.decision.via.value if fix.decision else "",
            why="to be written now",
            details={**_told(plan), "request": plan.request},
            key=f"{plan.incident_id}/{fix.serial}/request/{fix.tried}",
        )
        return self._applied(found, self.assigner().assign(plan))

    def _applied(self, found: Found[Fix], there: Assigned) -> str:
        fix = found.value
        plan = fix.plan
        if plan is None:
            return "the record holds no plan"
        words = "created" if there.created else "it was there before"
        self._answer(plan, words, there.correlation_id, serial=fix.serial)
        now = self.now()
        after = replace(
            fix,
            state=FixState.APPLIED,
            assignment_id=there.assignment_id,
            created=there.created,
            correlation_id=there.correlation_id,
            applied_at=now,
            why="",
            tried=0,
            error="",
            next_at=None,
        )
        count("fix_applied", created=str(there.created).lower())
        return self._moved(found, replace(after, next_at=check_after(after, now)))

    def _answer(self, plan: Plan, words: str, correlation_id: str = "", *, serial: int | None = None) -> None:
        key = f"{plan.incident_id}/{serial}/answer" if serial is not None else ""
        self.audit.append(
            AuditKind.ANSWER,
            incident_id=plan.incident_id,
            why=words,
            details=_told(plan),
            correlation_id=correlation_id,
            key=key,
        )

    # --- whether it helped --------------------------------------------------------------------------------

    def _verify(self, incident: Incident, found: Found[Fix]) -> str:
        fix, now = found.value, self.now()
        there = self._right_is_there(incident, fix)
        if there:
            return self._moved(found, replace(fix, state=FixState.VERIFIED, verified_at=now, next_at=None, why=""))
        later = check_after(fix, now)
        if later is not None:
            self._fixes.change(found, replace(fix, next_at=later))
            return "not seen yet"
        why = "the assignment was written, and the right is still not seen" if there is False else _UNSEEN
        return self._end(found, FixState.NOT_EFFECTIVE, why)

    def _look_again(self, incident: Incident, found: Found[Fix]) -> str:
        there = self._right_is_there(incident, found.value)
        if there is None and found.value.tried < _MOST_TRIES:
            raise NotYet("the right could not be read")
        why = {
            True: "the right is there, and a run failed again: the role was not the cause, or not the only one",
            False: "the assignment is not there any more: something took it back, infrastructure code for instance",
            None: f"a run failed again, and {_UNSEEN}",
        }[there]
        return self._end(found, FixState.NOT_EFFECTIVE, why)

    def _right_is_there(self, incident: Incident, fix: Fix) -> bool | None:
        """Return whether the identity may pull now; ``None`` where it could not be read."""
        if fix.plan is None:
            return None
        try:
            return right_is_there(self._evidence(incident, anew=True), fix.plan)
        except NotYet:
            return None

    def _run_again(self, incident: Incident, found: Found[Fix]) -> str:
        fix = found.value
        key = f"{fix.incident_id}/{fix.serial}/run-again"
        self._note_run_again(incident, "to be submitted again now", key=f"{key}/{fix.tried}")
        answer = self.submit(incident)
        if isinstance(answer, NotRunAgain):
            if answer.passing and fix.tried < _MOST_TRIES:
                raise NotYet(answer.why)
            self._note_run_again(incident, f"not submitted: {answer.why}")
            return self._moved(found, replace(fix, run_again=answer.why, tried=0, next_at=None, error=""))
        self._note_run_again(incident, _SUBMITTED, job=answer.job_name, key=f"{key}/{answer.job_name}")
        done = replace(
            fix, run_again=_SUBMITTED, run_again_job=answer.job_name, run_again_url=answer.url, tried=0, next_at=None
        )
        return self._moved(found, done)

    def _note_run_again(self, incident: Incident, why: str, *, job: str = "", key: str = "") -> None:
        failed = {"workspace": incident.workspace_id, "failed_run": incident.root_run_id or incident.run_id}
        details = failed | ({"job": job} if job else {})
        self.audit.append(AuditKind.RUN_AGAIN, incident_id=incident.id, why=why, details=details, key=key)

    # --- taking it back -----------------------------------------------------------------------------------

    def _undo(self, found: Found[Fix]) -> str:
        fix, plan = found.value, found.value.plan
        if plan is None or not fix.assignment_id:
            return self._end(found, FixState.UNDO_FAILED, "the record holds nothing that could be removed")
        self.audit.append(
            AuditKind.REQUEST,
            incident_id=fix.incident_id,
            by=_named(fix.undo),
            via=fix.undo.via.value if fix.undo else "",
            why="to be removed now",
            details={"assignment": fix.assignment_id},
            key=f"{fix.incident_id}/{fix.serial}/request/{fix.tried}",
        )
        try:
            removed = self.assigner().remove(plan, fix.assignment_id)
        except NotNow as error:
            raise NotYet(str(error), error.after) from None
        except (ChangedSince, WriteRefused) as error:
            self._answer(plan, f"not removed: {error}", getattr(error, "correlation_id", ""))
            return self._end(found, FixState.UNDO_FAILED, str(error))
        words = "removed" if removed.found else "it was gone already"
        self._answer(plan, words, removed.correlation_id, serial=fix.serial)
        after = replace(
            fix,
            state=FixState.UNDONE,
            why=words,
            undone_at=self.now(),
            correlation_id=removed.correlation_id,
            next_at=None,
        )
        return self._moved(found, after)

    # --- the record ---------------------------------------------------------------------------------------

    def _around(self, incident: Incident) -> Around:
        return Around(policy=self.policy(), incident=incident, now=self.now())

    def _evidence(self, incident: Incident, *, anew: bool) -> Evidence:
        """Return the incident's evidence, ``anew`` with every fact read again. Raises :class:`NotYet`."""
        stored = self.store.get_document(incident.evidence_key) if incident.evidence_key else None
        if stored is None:
            raise NotYet("the evidence behind the incident is not kept any more")
        try:
            evidence = evidence_from_json(stored, fact_types())
            return self.read_again(evidence) if anew else evidence
        except (EvidenceUnreadable, ReadFailed) as error:
            raise NotYet(f"the facts could not be read: {error}") from None

    def _put_off(self, incident_id: str, error: NotYet) -> datetime:
        """Count a try in vain and say when the next one is; after the last one the step has failed."""
        found = self._fixes.get(FIXES, incident_id)
        if found is None:
            return self.now() + _LEASE
        fix = found.value
        longest = _LONGEST_DOUBT if fix.state is FixState.IN_DOUBT else _LONGEST_WAIT
        wait = min(max(growing(_FIRST_WAIT, fix.tried, longest=longest), error.after or timedelta()), longest)
        until: datetime = self.now() + wait
        if fix.tried + 1 >= _MOST_TRIES and fix.state in _IN_VAIN:
            self._give_up(found, f"tried {_MOST_TRIES} times: {error}", doubtful=error.doubtful)
            return until
        self._fixes.change(found, replace(fix, tried=fix.tried + 1, next_at=until, error=str(error)[:500]))
        return until

    def _give_up(self, found: Found[Fix], why: str, *, doubtful: bool) -> None:
        """End a step that was tried in vain; a write that may have been made keeps its place in ledger and undo."""
        fix = found.value
        if fix.state is not FixState.APPROVED or fix.plan is None or not doubtful:
            self._end(found, _IN_VAIN[fix.state], why)
            return
        ours = replace(found, value=replace(fix, assignment_id=fix.plan.assignment_id, created=True))
        self._end(ours, FixState.IN_DOUBT, why)

    def _end(self, found: Found[Fix], state: FixState, why: str, *, reason: NotFixed | None = None) -> str:
        after = replace(
            found.value, state=state, why=why, reason=reason.value if reason else "", next_at=None, tried=0, error=""
        )
        return self._moved(found, after)

    def _moved(self, found: Found[Fix], after: Fix) -> str:
        changed = self._change(found, after)
        return changed.state.value if changed is not None else "changed by others meanwhile"

    def _change(self, found: Found[Fix], after: Fix) -> Fix | None:
        """Write the next chapter of a fix and record it; ``None`` where somebody else wrote meanwhile."""
        after = replace(after, serial=found.value.serial + 1, changed_at=self.now())
        if not self._fixes.change(found, after):
            return None
        count("fix", state=after.state.value)
        self._record(after)
        return after

    def _audited(self, incident_id: str) -> Found[Fix] | None:
        """Return the record, whose present state stands in the audit before anything else is done with it."""
        found = self._fixes.get(FIXES, incident_id)
        if found is not None:
            self._record(found.value)
        return found

    def _record(self, fix: Fix) -> None:
        """Append the fix's present state to the audit, unless it stands there."""
        by = fix.undo if fix.state in _UNDOS else fix.decision
        kind = _KINDS.get(fix.state, AuditKind.STATE)
        decided = kind in {AuditKind.APPROVAL, AuditKind.REFUSAL, AuditKind.UNDO}
        self.audit.append(
            kind,
            incident_id=fix.incident_id,
            by=_named(by) if decided else "",
            via=by.via.value if decided and by is not None else "",
            why=": ".join(part for part in (fix.state.value, fix.reason, fix.why) if part),
            details=_details(fix),
            correlation_id=fix.correlation_id,
            key=f"{fix.incident_id}/{fix.serial}/state",
        )
        _LOG.info("fix of %s: %s %s", fix.incident_id, fix.state.value, fix.reason)


_PROPOSE = FixMode.PROPOSE
_UNSEEN = "whether the right is there could not be read"
_STATES = {
    FixMode.OFF: FixState.DECLINED,
    FixMode.PROPOSE: FixState.PROPOSED,
    FixMode.APPROVE: FixState.WAITING,
    FixMode.AUTO: FixState.APPROVED,
}
_IN_VAIN = {FixState.APPROVED: FixState.FAILED, FixState.UNDOING: FixState.UNDO_FAILED}
_UNDOS = frozenset({FixState.UNDOING, FixState.UNDONE, FixState.UNDO_FAILED})


def _by_policy(at: datetime) -> Decision:
    return Decision(by_id="policy", by="the policy in force", via=Via.POLICY, at=at)


def _same_answer(before: Fix, after: Fix) -> bool:
    """Tell whether planning again came to what is recorded already, so that nobody hears of it twice."""
    digests = [fix.plan.digest if fix.plan is not None else "" for fix in (before, after)]
    same = (before.state, before.reason, before.why) == (after.state, after.reason, after.why)
    return same and before.state is FixState.DECLINED and digests[0] == digests[1]


def _named(by: Decision | None) -> str:
    return f"{by.by} ({by.by_id})" if by is not None else ""


def _told(plan: Plan) -> dict[str, str]:
    return {
        "registry": plan.registry_id,
        "principal": plan.principal_id,
        "role": f"{plan.role_name} ({plan.role_id})",
        "condition": plan.condition,
        "assignment": plan.assignment_id,
        "digest": plan.digest,
    }


def _details(fix: Fix) -> dict[str, str]:
    told = _told(fix.plan) if fix.plan is not None else {}
    times = {"created": str(fix.created).lower()} if fix.applied_at is not None else {}
    job = {"job": fix.run_again_job} if fix.run_again_job else {}
    proof = {"completed_run": fix.proven_by_run} if fix.proven_by_run else {}
    return {"mode": fix.mode.value, **told, **times, **job, **proof}
