"""One step of a fix after another: what is agreed to at that moment alone is written, and what may be there is not lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from fix_world import FAILED_AT, POLICY, FixWorld, incident_in, passing_trouble

from diagnostics.azure.errors import ReadFailed
from diagnostics.model import Evidence
from responders.fixes.assigning import Assigned, NotNow, Refused
from responders.fixes.audit import Audit, AuditKind
from responders.fixes.ledger import Ledger
from responders.fixes.record import Decision, Fix, FixState, Via
from responders.fixes.running_again import NotRunAgain
from responders.fixes.steps import PROPAGATION
from responders.fixes.values import FixMode, Plan
from responders.incidents import Incidents
from responders.store import Store

pytestmark = pytest.mark.slow

AUTO = replace(POLICY, mode=FixMode.AUTO)
AGAIN = replace(AUTO, run_again=True)
KIM = Decision(by_id="U1", by="Kim", via=Via.SLACK, at=FAILED_AT)


@dataclass
class LostAnswers(FixWorld):
    """Azure makes what is asked for, and its answer is lost; afterwards ``silence`` answers each look, as long as set."""

    silence: Exception | None = None
    arrives: bool = True
    looks: int = 0

    def find(self, plan: Plan) -> Assigned | None:
        """Answer nothing, or what is there."""
        self.looks += 1
        if self.silence is not None:
            raise self.silence
        return super().find(plan)

    def assign(self, plan: Plan) -> Assigned:
        """Make it, where it arrives, and answer nothing."""
        if self.arrives:
            super().assign(plan)
        self.silence = self.silence or NotNow("503")
        raise NotNow("no answer")


class SomebodyIsFaster(FixWorld):
    """Somebody grants the role by hand between the last look and the write."""

    def assign(self, plan: Plan) -> Assigned:
        """Find theirs."""
        self.foreign = True
        return super().assign(plan)


def fix_in(world: FixWorld, incident: str) -> Fix:
    """Return the record."""
    fix = world.fixing().of(incident)
    assert fix is not None
    return fix


def unanswered(_: Evidence) -> Evidence:
    """Read nothing."""
    raise ReadFailed("Azure did not answer")


def press(world: FixWorld, incident: str, decide: Callable[..., str]) -> str:
    """Let Kim decide on the plan that is shown."""
    plan = fix_in(world, incident).plan
    assert plan is not None
    return decide(incident, plan.digest, KIM)


def go_on(world: FixWorld, incident: str, **time_passed: int) -> Fix:
    """Let time pass, then do what is due."""
    world.clock += timedelta(**time_passed)
    world.fixing().advance(incident)
    return fix_in(world, incident)


def kinds(world: FixWorld) -> list[str]:
    """Return the kinds of the audit's entries, in order."""
    return [entry.kind for entry in Audit(world.store, world.now).entries()]


# --- the policy changes between decision and write --------------------------------------------------------


def put_off(world: FixWorld, incident: str, *, requested: bool) -> None:
    """Let the write of what is approved be put off: while the facts are read again, or once it was asked for."""
    fixing = world.fixing()
    if requested:
        world.trouble.append(passing_trouble("principal"))
    else:
        fixing.read_again = unanswered
    fixing.advance(incident)
    waits = fix_in(world, incident)
    assert (waits.state, waits.requested_at is not None) == (FixState.APPROVED, requested)


@pytest.mark.parametrize("mode", [FixMode.PROPOSE, FixMode.OFF])
@pytest.mark.parametrize("requested", [False, True])
def test_what_was_approved_is_not_written_once_nothing_may_be(
    embedded: Store, mode: FixMode, *, requested: bool
) -> None:
    """Wherever the write was put off: with the mode ended what was approved in it."""
    world = FixWorld(store=embedded)
    incident = incident_in(world)
    go_on(world, incident)
    press(world, incident, world.fixing().approve)
    put_off(world, incident, requested=requested)
    world.policy = replace(POLICY, mode=mode)
    after = go_on(world, incident, minutes=5)
    assert after.state is (FixState.PROPOSED if mode is FixMode.PROPOSE else FixState.DECLINED)
    assert world.writes == []


@pytest.mark.parametrize("requested", [False, True])
def test_what_the_policy_alone_approved_waits_once_people_are_to_decide(embedded: Store, *, requested: bool) -> None:
    """Nobody approved it; then somebody does, and it is made."""
    world = FixWorld(store=embedded, policy=AUTO)
    incident = incident_in(world)
    put_off(world, incident, requested=requested)
    world.policy = POLICY
    assert go_on(world, incident, minutes=5).state is FixState.WAITING
    assert world.writes == []
    press(world, incident, world.fixing().approve)
    go_on(world, incident)
    assert [write.kind for write in world.writes] == ["put"]


def test_what_somebody_approved_is_made_in_the_mode_auto_as_well(embedded: Store) -> None:
    """More is agreed to than before, not less."""
    world = FixWorld(store=embedded)
    incident = incident_in(world)
    go_on(world, incident)
    press(world, incident, world.fixing().approve)
    world.policy = AUTO
    assert go_on(world, incident).decision == KIM
    assert [write.kind for write in world.writes] == ["put"]


def test_what_waits_for_people_is_made_at_once_in_the_mode_auto(embedded: Store) -> None:
    """It does not wait until its offer ends."""
    world = FixWorld(store=embedded)
    incident = incident_in(world)
    assert go_on(world, incident).state is FixState.WAITING
    world.policy = AUTO
    assert list(world.fixing().unfinished()) == [incident]
    after = go_on(world, incident, minutes=1)
    assert after.decision is not None
    assert after.decision.via is Via.POLICY
    assert [write.kind for write in world.writes] == ["put"]


@pytest.mark.parametrize("approves", [True, False])
def test_who_decides_before_the_mode_auto_took_it_up_decides(embedded: Store, *, approves: bool) -> None:
    """Nobody is told that the pre-approval was taken back: it was widened; a refusal stays one."""
    world = FixWorld(store=embedded)
    incident = incident_in(world)
    go_on(world, incident)
    world.policy = AUTO
    said = press(world, incident, world.fixing().approve if approves else world.fixing().reject)
    assert "taken back" not in said
    after = go_on(world, incident, minutes=1)
    assert after.decision == KIM
    assert [write.kind for write in world.writes] == ["put"] * approves


# --- the failed job once more -----------------------------------------------------------------------------


def verified(world: FixWorld) -> str:
    """Let a fix be made and verified, and return its incident."""
    incident = incident_in(world)
    go_on(world, incident)
    assert go_on(world, incident, minutes=2).state is FixState.VERIFIED
    return incident


def test_the_failed_job_is_submitted_again_and_both_ends_are_recorded(embedded: Store) -> None:
    """Ten minutes after the write, once, also where the changed fact has resolved the incident by then."""
    world = FixWorld(store=embedded, policy=AGAIN)
    incident = verified(world)
    Incidents(embedded, now=world.now).resolve(incident, "the deciding fact has changed", at=world.clock)
    go_on(world, incident, minutes=5)
    assert world.submitted == []
    for _ in range(3):
        go_on(world, incident, minutes=6)
    (job,) = world.submitted
    assert job.recorded
    asked, answered = [entry for entry in Audit(embedded, world.now).entries() if entry.kind == AuditKind.RUN_AGAIN]
    assert asked.details["failed_run"] == answered.details["failed_run"] != ""
    assert answered.details["job"] == job.name


def test_that_the_job_was_not_submitted_is_recorded_with_the_reason(embedded: Store) -> None:
    """Somebody can ask later why not."""
    world = FixWorld(store=embedded, policy=AGAIN)
    incident = verified(world)
    fixing = world.fixing()
    fixing.submit = lambda _: NotRunAgain("its code is gone", passing=False)
    world.clock += PROPAGATION
    fixing.advance(incident)
    _, answered = [entry for entry in Audit(embedded, world.now).entries() if entry.kind == AuditKind.RUN_AGAIN]
    assert answered.why == "not submitted: its code is gone"
    assert fix_in(world, incident).run_again == "its code is gone"


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": FixMode.OFF},
        {"mode": FixMode.PROPOSE},
        {"expires": FAILED_AT + timedelta(minutes=5)},
        {"registries": frozenset()},
        {"workspaces": frozenset()},
    ],
)
def test_a_policy_that_was_taken_back_submits_nothing(embedded: Store, changes: dict[str, Any]) -> None:
    """Though ``run_again`` is left in the file."""
    world = FixWorld(store=embedded, policy=AGAIN)
    incident = verified(world)
    world.policy = replace(AGAIN, **changes)
    go_on(world, incident, minutes=12)
    assert world.submitted == []


def test_switching_it_on_submits_no_old_jobs(embedded: Store) -> None:
    """What was fixed more than an hour ago is nobody's to run any more: no step of it is due."""
    world = FixWorld(store=embedded, policy=AUTO)
    incident = verified(world)
    world.clock += timedelta(hours=1)
    world.policy = AGAIN
    assert list(world.fixing().unfinished()) == []
    go_on(world, incident)
    assert world.submitted == []


def test_a_job_that_somebody_ran_already_is_not_run_twice(embedded: Store) -> None:
    """A completed run has proven the fix by then."""
    world = FixWorld(store=embedded, policy=AGAIN)
    incident = verified(world)
    Incidents(embedded, now=world.now).resolve(incident, "a run completed", at=world.clock, by="by_hand")
    assert go_on(world, incident, minutes=12).proven_by_run == "by_hand"
    assert world.submitted == []


def test_where_somebody_else_granted_the_role_nothing_is_submitted(embedded: Store) -> None:
    """Whoever did so is at it already."""
    world = SomebodyIsFaster(store=embedded, policy=AGAIN)
    incident = verified(world)
    assert not go_on(world, incident, minutes=12).created
    assert world.submitted == []


# --- what goes wrong --------------------------------------------------------------------------------------


def test_what_cannot_be_done_for_hours_waits_in_peace(embedded: Store) -> None:
    """The incident's evidence is gone: every step is put off, and none breaks."""
    world = FixWorld(store=embedded, may_write=False)
    incident = incident_in(world)
    assert go_on(world, incident).state is FixState.DECLINED
    shown = Incidents(embedded, now=world.now).get(incident)
    assert shown is not None
    embedded.put_document(shown.workspace_id, shown.run_id, "evidence", "")
    for _ in range(60):
        waits = go_on(world, incident, minutes=31)
    assert waits.tried == 60


@pytest.mark.parametrize("silence", [NotNow("503"), Refused("the fixer may not look")])
def test_a_write_whose_answer_was_lost_is_in_doubt_and_found_in_the_end(embedded: Store, silence: Exception) -> None:
    """It is never called failed; it counts against the ceiling, is looked for ever more rarely, and can be undone."""
    world = LostAnswers(store=embedded, policy=AUTO, silence=None)
    incident = incident_in(world)
    go_on(world, incident)
    world.silence = silence
    for _ in range(7):
        fix = go_on(world, incident, minutes=6)
    assert fix.state is FixState.IN_DOUBT
    assert fix.may_be_undone
    assert AuditKind.APPROVAL not in kinds(world)[kinds(world).index(AuditKind.APPROVAL) + 1 :]
    assert fix.plan is not None
    other = replace(fix.plan, incident_id="another")
    assert len(Ledger(embedded, now=world.now).made(apart_from=other)) == 1
    looks = world.looks
    for _ in range(24 * 4):
        go_on(world, incident, minutes=15)
    assert 0 < world.looks - looks < 20
    world.silence = None
    assert go_on(world, incident, hours=6).created
    assert go_on(world, incident, minutes=2).state is FixState.VERIFIED
    assert [write.kind for write in world.writes] == ["put"]


def test_what_is_in_doubt_and_was_not_made_has_failed_and_is_not_made_late(embedded: Store) -> None:
    """Hours after the approval nobody expects a write; nothing of it counts against the ceiling."""
    world = LostAnswers(store=embedded, policy=AUTO, arrives=False)
    incident = incident_in(world)
    for _ in range(8):
        fix = go_on(world, incident, minutes=6)
    assert fix.state is FixState.IN_DOUBT
    world.silence = None
    assert go_on(world, incident, minutes=6).state is FixState.FAILED
    assert fix.plan is not None
    assert Ledger(embedded, now=world.now).made(apart_from=replace(fix.plan, incident_id="another")) == ()
    assert world.writes == []


def test_what_is_in_doubt_can_be_undone(embedded: Store) -> None:
    """Whatever Azure answers by then, nothing of ours is there afterwards."""
    world = LostAnswers(store=embedded, policy=AUTO)
    incident = incident_in(world)
    for _ in range(8):
        go_on(world, incident, minutes=6)
    world.fixing().ask_undo(incident, KIM)
    assert go_on(world, incident).state is FixState.UNDONE
    assert world.present == {}


def test_an_identity_that_stays_unknown_is_no_doubt(embedded: Store) -> None:
    """Azure said each time that nothing was written: after the last try it has failed."""
    world = FixWorld(store=embedded, policy=AUTO, trouble=[passing_trouble("principal")] * 8)
    incident = incident_in(world)
    for _ in range(8):
        fix = go_on(world, incident, minutes=6)
    assert fix.state is FixState.FAILED
