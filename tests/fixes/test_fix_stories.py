"""A fix through the door: events in, buttons pressed, and what was written to Azure counted on the wire.

Each mode, each refusal, what goes wrong on the way, and what people are told of it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from fix_story import APPROVER, CLIENT, FIXER, REGISTRY, WORKSPACE, FixStory, story

from responders.fixes.audit import AuditKind
from responders.fixes.record import FixState
from responders.fixes.right import fixer_condition
from responders.fixes.values import NotFixed
from sandbox.playing import fresh_host, variables
from sandbox.slack_person import Person, send, signed
from tests.responders.crashing_worker import Killed

pytestmark = pytest.mark.slow

OTHER_GUID = "12345678-0000-4000-8000-000000000001"
ACTION = "Microsoft.Authorization/roleAssignments"


def state(it: FixStory) -> FixState | None:
    """Return where the fix stands."""
    fix = it.fix()
    return fix.state if fix is not None else None


def reason(it: FixStory) -> str:
    """Return the named reason for which there is none."""
    fix = it.fix()
    return fix.reason if fix is not None else ""


def threads(it: FixStory) -> list[str]:
    """Return what was said in the message's thread."""
    return [one.text for one in it.sandbox.slack_workspace.messages() if one.thread_ts]


def well(it: FixStory) -> None:
    """Nothing failed and nothing was asked for that is not there."""
    assert it.sandbox.violations == []
    assert it.sandbox.refused == []
    assert [one for one in it.host.invocations if one.error] == []


# --- modes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", ["off", "absent"])
def test_in_mode_off_nothing_is_planned_offered_or_written(tmp_path: Path, settings: str) -> None:
    """Counted on the wire: no request that changes anything, and no token for the fixer's identity."""
    with story(tmp_path, mode="off" if settings == "off" else None) as it:
        it.fail()
        it.let_pass(minutes=6)
        assert it.fix() is None
        assert not it.buttons() & {"pullmedic_approve", "pullmedic_reject", "pullmedic_undo"}
        assert it.writes == []
        changing = [call for call in it.sandbox.calls if call.method not in {"GET", "HEAD"}]
        assert not [call for call in changing if call.host == "management.azure.com"]
        assert CLIENT not in str(it.sandbox.calls)
        assert it.audit() == []
        well(it)


def test_in_mode_propose_the_plan_is_shown_and_nothing_can_be_pressed(tmp_path: Path) -> None:
    """A person makes it, with the exact request at hand."""
    with story(tmp_path, mode="propose", approvers=None, settings={"PULLMEDIC_FIXER_CLIENT_ID": ""}) as it:
        it.fail()
        assert state(it) is FixState.PROPOSED
        assert not it.buttons() & {"pullmedic_approve", "pullmedic_undo"}
        assert "AcrPull on halvorsenimages" in it.text
        assert it.writes == []
        assert [entry.kind for entry in it.audit()] == [AuditKind.PLAN]
        well(it)


def test_in_mode_approve_one_press_makes_one_assignment(tmp_path: Path) -> None:
    """Planned, approved by name, written by the fixer alone, verified, told in the thread."""
    with story(tmp_path) as it:
        it.fail()
        assert state(it) is FixState.WAITING
        assert it.press("pullmedic_approve")[0] == 200
        (write,) = it.writes
        assert write.caller == FIXER
        assert write.path.startswith(f"{REGISTRY}/providers/{ACTION}/")
        assert write.body["principalType"] == "ServicePrincipal"
        it.let_pass(minutes=2)
        assert state(it) is FixState.VERIFIED
        assert any(said.startswith("Fix verified") for said in threads(it))
        kinds = [entry.kind for entry in it.audit()]
        wanted = [AuditKind.PLAN, AuditKind.APPROVAL, AuditKind.REQUEST, AuditKind.ANSWER]
        assert [kind for kind in kinds if kind in wanted] == wanted
        approval = next(entry for entry in it.audit() if entry.kind == AuditKind.APPROVAL)
        assert (approval.by, approval.via) == (f"kim.berg ({APPROVER})", "Slack")
        answer = next(entry for entry in it.audit() if entry.kind == AuditKind.ANSWER)
        assert answer.correlation_id
        well(it)


def test_in_mode_auto_it_is_made_at_once_and_said(tmp_path: Path) -> None:
    """Nobody is asked; the audit says that the policy decided."""
    with story(tmp_path, mode="auto", approvers=None) as it:
        it.fail()
        assert len(it.assignments) == 1
        it.let_pass(minutes=2)
        assert state(it) is FixState.VERIFIED
        assert "the policy" in {entry.via for entry in it.audit()}
        well(it)


def test_in_abac_mode_the_role_is_the_repository_reader_with_a_condition(tmp_path: Path) -> None:
    """The right role for the registry's mode, narrowed to the repository that the run's own document names."""
    with story(tmp_path, "abac-registry-ignores-acrpull") as it:
        it.fail()
        it.press("pullmedic_approve")
        (write,) = it.writes
        assert write.body["roleDefinitionId"].endswith("b93aa761-3e63-49ed-ac28-beffa264f7ac")
        assert "StringEqualsIgnoreCase 'turbines/train'" in write.body["condition"]
        it.let_pass(minutes=2)
        assert state(it) is FixState.VERIFIED
        well(it)


# --- refusals ---------------------------------------------------------------------------------------------

_GROUP = REGISTRY.partition("/providers/")[0]
_REFUSALS: dict[str, tuple[dict[str, Any], NotFixed]] = {
    "registry": ({"registries": [REGISTRY.replace("halvorsenimages", "another")]}, NotFixed.NOT_IN_POLICY),
    "principal": ({"workspaces": [], "principals": [OTHER_GUID]}, NotFixed.NOT_IN_POLICY),
    "role": ({"roles": ["Container Registry Repository Reader"]}, NotFixed.NOT_IN_POLICY),
}


@pytest.mark.parametrize("what", _REFUSALS)
def test_what_is_not_in_the_policy_is_not_offered(tmp_path: Path, what: str) -> None:
    """The named reason is in the record, and no button is shown."""
    policy, wanted = _REFUSALS[what]
    with story(tmp_path, **policy) as it:
        it.fail()
        assert (state(it), reason(it)) == (FixState.DECLINED, wanted)
        assert "pullmedic_approve" not in it.buttons()
        assert it.writes == []
        well(it)


def test_what_infrastructure_code_keeps_is_left_to_it(tmp_path: Path) -> None:
    """It would take the fix back: the message has the Bicep instead."""
    registries = [{"name": "halvorsenimages", "tags": {"managed-by": "terraform"}}]
    with story(tmp_path, world={"registries": registries}) as it:
        it.fail()
        assert (state(it), reason(it)) == (FixState.DECLINED, NotFixed.EXCLUDED)
        assert "pullmedic_approve" not in it.buttons()
        assert it.writes == []


def test_a_cause_that_is_only_likely_is_not_fixed(tmp_path: Path) -> None:
    """Where the assignments may not be read, no live fact proves that the role is missing."""
    with story(tmp_path, "role-assignments-unreadable", mode="auto", approvers=None) as it:
        it.fail()
        assert state(it) in {None, FixState.DECLINED}
        assert it.writes == []


def test_a_button_that_cannot_work_is_not_shown(tmp_path: Path) -> None:
    """Without the fixer's right the message says which one is missing, and the command that adds it."""
    with story(tmp_path, fixer=False) as it:
        it.fail()
        assert (state(it), reason(it)) == (FixState.DECLINED, NotFixed.NO_RIGHT)
        assert "pullmedic_approve" not in it.buttons()
        assert "Role Based Access Control Administrator" in it.text
        assert "az role assignment create" in it.text
        assert it.writes == []


def test_a_condition_that_excludes_the_identity_is_no_right(tmp_path: Path) -> None:
    """The condition is judged before anything is offered, and Azure would refuse as well."""
    with story(tmp_path, right={"condition": fixer_condition([OTHER_GUID])}) as it:
        it.fail()
        assert reason(it) == NotFixed.NO_RIGHT
        assert it.writes == []


def test_the_right_that_comes_later_brings_the_offer(tmp_path: Path) -> None:
    """Somebody runs the command that the message names; half an hour later the fix is offered."""
    with story(tmp_path, fixer=False) as it:
        it.fail()
        it.grant(FIXER, "Role Based Access Control Administrator")
        it.let_pass(minutes=31)
        it.let_pass(minutes=1)
        assert state(it) is FixState.WAITING
        assert "pullmedic_approve" in it.buttons()


def test_the_ceiling_of_the_day_holds(tmp_path: Path) -> None:
    """What was made lately counts; a fix beyond it is not offered."""
    with story(tmp_path, per_day=1, per_registry=1) as it:
        it.fail()
        it.press("pullmedic_approve")
        it.let_pass(minutes=2)
        it.press("pullmedic_undo")
        assert state(it) is FixState.UNDONE
        it.fail_too("run_elsewhere")
        other = it.fix("gpu-other")
        assert other is not None
        assert other.reason == NotFixed.CEILING
        assert len(it.assignments) == 1


def test_an_expired_policy_switches_everything_off(tmp_path: Path) -> None:
    """A pre-approval ends: a file that names a time in the past is off, and a running one ends with the time."""
    with story(tmp_path, expires="2026-01-01T00:00:00Z") as it:
        it.fail()
        assert it.fix() is None
        assert it.writes == []


def test_a_policy_that_ends_while_people_decide_writes_nothing(tmp_path: Path) -> None:
    """Taken back between plan and approval: the press is refused, and said."""
    with story(tmp_path) as it:
        it.fail()
        shown = it.message
        it.set_policy(mode="off")
        it.press("pullmedic_approve", message=shown)
        assert state(it) is FixState.DECLINED
        assert it.writes == []


@pytest.mark.parametrize(
    ("mode", "later", "wanted"),
    [("approve", "propose", FixState.PROPOSED), ("auto", "approve", FixState.WAITING)],
)
def test_a_mode_that_drops_before_the_write_stops_it(tmp_path: Path, mode: str, later: str, wanted: FixState) -> None:
    """The directory did not know the identity, so that the write was put off; then less is pre-approved."""
    approvers = {"slack": [APPROVER]} if mode == "approve" else None
    unknown = {"unknown_principals": ["eba55d4b-0df7-49b9-8eb9-85d5d3b57148"]}
    with story(tmp_path, world=unknown, mode=mode, approvers=approvers) as it:
        it.fail()
        if mode == "approve":
            it.press("pullmedic_approve")
        assert state(it) is FixState.APPROVED
        it.scenario.world["unknown_principals"].clear()
        it.set_policy(mode=later)
        it.let_pass(minutes=2)
        assert state(it) is wanted
        assert it.writes == []
        well(it)


# --- who decides ------------------------------------------------------------------------------------------


def test_who_is_not_listed_decides_nothing_and_is_recorded(tmp_path: Path) -> None:
    """Everybody in the channel sees the button; only listed people can use it."""
    with story(tmp_path) as it:
        it.fail()
        it.press("pullmedic_approve", who="U9999999999")
        assert state(it) is FixState.WAITING
        assert it.writes == []
        refusal = next(entry for entry in it.audit() if entry.kind == AuditKind.REFUSAL)
        assert "U9999999999" in refusal.by


def test_a_forged_signature_is_turned_away(tmp_path: Path) -> None:
    """A press that Slack did not sign reaches nothing."""
    with story(tmp_path) as it:
        it.fail()
        person = Person(it.sandbox.slack_workspace, id=APPROVER)
        forged = signed(
            "somebody's own", person.form(it.message, "pullmedic_approve"), at=it.sandbox.slack_workspace.now()
        )
        status, _ = send(it.host.url("slack_requests"), forged)
        it.host.drain()
        assert status == 401
        assert state(it) is FixState.WAITING
        assert it.writes == []


def test_the_same_press_twice_and_two_people_at_once_make_one(tmp_path: Path) -> None:
    """A replayed request, and a second approver: exactly one assignment, and the second hears who was first."""
    with story(tmp_path, approvers={"slack": [APPROVER, "U0000000777"]}) as it:
        it.fail()
        shown = it.message
        first = Person(it.sandbox.slack_workspace, id=APPROVER, name="kim.berg").presses(shown, "pullmedic_approve")
        second = Person(it.sandbox.slack_workspace, id="U0000000777", name="lee").presses(shown, "pullmedic_approve")
        for request in (first, first, second):
            send(it.host.url("slack_requests"), request)
        it.host.drain()
        assert len(it.assignments) == 1
        assert len([entry for entry in it.audit() if entry.kind == AuditKind.APPROVAL]) == 1


def test_what_was_rejected_stays_rejected(tmp_path: Path) -> None:
    """A further failure does not bring the button back."""
    with story(tmp_path) as it:
        it.fail()
        it.press("pullmedic_reject")
        assert state(it) is FixState.REJECTED
        it.let_pass(minutes=40)
        assert state(it) is FixState.REJECTED
        assert it.writes == []


def test_an_offer_ends(tmp_path: Path) -> None:
    """After its time nobody can press it any more."""
    with story(tmp_path, approve_within="10min") as it:
        it.fail()
        shown = it.message
        it.let_pass(minutes=11)
        assert state(it) is FixState.EXPIRED
        it.press("pullmedic_approve", message=shown)
        assert it.writes == []


def test_a_stale_plan_is_refused_and_made_anew(tmp_path: Path) -> None:
    """The registry moved to ABAC mode between plan and approval: what was approved is not what would be written."""
    with story(tmp_path) as it:
        it.fail()
        it.set_registry(roleAssignmentMode="AbacRepositoryPermissions")
        it.press("pullmedic_approve")
        assert it.writes == []
        assert NotFixed.CHANGED in str([entry.why for entry in it.audit()]) or state(it) is not FixState.APPLIED


def test_a_right_that_somebody_granted_meanwhile_is_not_granted_again(tmp_path: Path) -> None:
    """The facts are read again before the write."""
    with story(tmp_path) as it:
        it.fail()
        it.grant("eba55d4b-0df7-49b9-8eb9-85d5d3b57148", "AcrPull")
        it.press("pullmedic_approve")
        assert it.writes == []
        assert reason(it) == NotFixed.GRANTED_SINCE


# --- what goes wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_around_the_write_ends_in_one_assignment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The worker dies before the write, or after it and before anything is recorded; the queue delivers again."""
    from responders.fixes import assigning  # noqa: PLC0415

    put = assigning.Assigner._put
    died: list[str] = []

    def dying(self: Any, plan: Any) -> str:
        if died:
            return put(self, plan)
        died.append(moment)
        if moment == "after":
            put(self, plan)
        raise Killed

    monkeypatch.setattr(assigning.Assigner, "_put", dying)
    with story(tmp_path) as it:
        it.fail()
        with pytest.raises(Killed):
            it.press("pullmedic_approve")
        it.let_pass(minutes=3)
        assert len(it.assignments) == 1
        it.let_pass(minutes=2)
        assert state(it) is FixState.VERIFIED
        fix = it.fix()
        assert fix is not None
        assert fix.created


def test_an_identity_that_the_directory_does_not_know_yet_is_tried_again(tmp_path: Path) -> None:
    """A new compute's identity takes minutes to arrive everywhere."""
    with story(tmp_path, world={"unknown_principals": ["eba55d4b-0df7-49b9-8eb9-85d5d3b57148"]}) as it:
        it.fail()
        it.press("pullmedic_approve")
        assert state(it) is FixState.APPROVED
        assert it.writes == []
        it.scenario.world["unknown_principals"].clear()
        it.let_pass(minutes=2)
        assert len(it.assignments) == 1


def test_a_write_that_azure_does_not_answer_for_is_in_doubt_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was made and the answer lost: people hear that it may be there, can undo it, and hear when it was found."""
    from responders.fixes import assigning  # noqa: PLC0415

    put = assigning.Assigner._put

    def unanswered(*_: Any) -> Any:
        raise assigning.NotNow("HTTP 503")

    def lost(self: Any, plan: Any) -> str:
        put(self, plan)
        silent.setattr(assigning.Assigner, "_there", unanswered)
        return str(unanswered())

    monkeypatch.setattr(assigning.Assigner, "_put", lost)
    with monkeypatch.context() as silent, story(tmp_path) as it:
        it.fail()
        it.press("pullmedic_approve")
        for _ in range(8):
            it.let_pass(minutes=6)
        assert state(it) is FixState.IN_DOUBT
        assert "Azure does not say whether it was made" in it.text
        assert any(said.startswith("Fix may have been made") for said in threads(it))
        assert "pullmedic_undo" in it.buttons()
        silent.undo()
        it.let_pass(minutes=6)
        it.let_pass(minutes=2)
        assert state(it) is FixState.VERIFIED
        assert len(it.assignments) == 1


def test_a_full_subscription_is_said(tmp_path: Path) -> None:
    """Azure refuses for good: the message says so, and nothing is tried again."""
    with story(tmp_path, world={"role_assignment_limit": 1}) as it:
        it.fail()
        it.press("pullmedic_approve")
        assert state(it) is FixState.FAILED
        assert "as many role assignments as it may" in it.text
        assert it.writes == []


def test_a_fix_that_was_taken_back_says_so_and_is_not_made_again(tmp_path: Path) -> None:
    """Infrastructure code removes it, and the next run fails: nobody fights it, in any mode."""
    with story(tmp_path, mode="auto", approvers=None) as it:
        it.fail()
        it.let_pass(minutes=2)
        it.take_back("AcrPull")
        it.let_pass(minutes=15)
        it.fail_too("second_run")
        it.let_pass(minutes=1)
        assert state(it) is FixState.NOT_EFFECTIVE
        assert len(it.assignments) == 1
        assert "took it back" in it.text or "not there any more" in it.text


# --- undo -------------------------------------------------------------------------------------------------


def test_undo_removes_exactly_what_was_added(tmp_path: Path) -> None:
    """By its id; the request is the fixer's."""
    with story(tmp_path) as it:
        it.fail()
        it.press("pullmedic_approve")
        it.let_pass(minutes=2)
        it.press("pullmedic_undo")
        assert state(it) is FixState.UNDONE
        made, removed = it.writes
        assert (made.path, removed.method, removed.caller) == (removed.path, "DELETE", FIXER)
        assert any(said.startswith("Fix taken back") for said in threads(it))


def test_what_somebody_else_made_is_never_removed(tmp_path: Path) -> None:
    """Under the same name stands something else by now: it is left alone, and said."""
    with story(tmp_path) as it:
        it.fail()
        it.press("pullmedic_approve")
        it.let_pass(minutes=2)
        it.turn_into("AcrPull", "AcrPush")
        it.press("pullmedic_undo")
        assert state(it) is FixState.UNDO_FAILED
        assert [write.method for write in it.writes] == ["PUT"]


# --- two apps ---------------------------------------------------------------------------------------------


def test_the_first_of_two_apps_hands_on_what_it_may_not_write(tmp_path: Path) -> None:
    """It has no fixer: the failure waits for the second app, and people decide in the first one's message."""
    apart = {"PULLMEDIC_PART": "diagnose", "PULLMEDIC_FIXER_CLIENT_ID": ""}
    with story(tmp_path, settings=apart) as it:
        it.fail()
        assert it.fix() is None
        handed_on = it.host.waiting("fixes")
        assert handed_on
        second_app = {**os.environ, "PULLMEDIC_PART": "fix", "PULLMEDIC_FIXER_CLIENT_ID": CLIENT}
        with variables(second_app), fresh_host() as second:
            for body in handed_on:
                second.put("fixes", body)
            second.drain()
            told = second.waiting("notices")
        assert state(it) is FixState.WAITING
        with fresh_host() as it.host:
            for body in told:
                it.host.put("notices", body)
            it.host.drain()
            assert "pullmedic_approve" in it.buttons()
            assert it.press("pullmedic_approve")[0] == 200
            assert it.host.waiting("fixes")
        assert state(it) is FixState.APPROVED
        assert it.writes == []


# --- run again, and proof ---------------------------------------------------------------------------------


def test_the_failed_job_is_submitted_again_once(tmp_path: Path) -> None:
    """Opted in: ten minutes after the write, and never twice."""
    with story(tmp_path, run_again=True, mode="auto", approvers=None) as it:
        it.grant(FIXER, "AzureML Data Scientist", scope=WORKSPACE)
        it.fail()
        for _ in range(4):
            it.let_pass(minutes=6)
        jobs = [write for write in it.writes if "/jobs/" in write.path]
        assert len(jobs) == 1
        fix = it.fix()
        assert fix is not None
        assert jobs[0].path.endswith(fix.run_again_job)
        assert fix.run_again_job in fix.run_again_url
        assert fix.run_again_job in it.text
        asked, answered = [entry for entry in it.audit() if entry.kind == AuditKind.RUN_AGAIN]
        assert asked.details["failed_run"] in fix.run_again_job
        assert answered.details["job"] == fix.run_again_job


def test_a_pre_approval_that_was_taken_back_submits_no_job(tmp_path: Path) -> None:
    """Though ``run_again`` still stands in the file, and the fix was verified before."""
    with story(tmp_path, run_again=True, mode="auto", approvers=None) as it:
        it.grant(FIXER, "AzureML Data Scientist", scope=WORKSPACE)
        it.fail()
        it.let_pass(minutes=2)
        assert state(it) is FixState.VERIFIED
        it.set_policy(run_again=True, mode="off", approvers=None)
        for _ in range(3):
            it.let_pass(minutes=6)
        assert [write.path for write in it.writes if "/jobs/" in write.path] == []


def test_no_secret_is_in_anything_that_a_fix_leaves_behind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Messages, audit, the whole store, every log line: tokens and secrets of the simulated Azure show in none."""
    caplog.set_level("DEBUG", logger="responders")
    caplog.set_level("DEBUG", logger="diagnostics")
    with story(tmp_path) as it:
        it.fail()
        it.press("pullmedic_approve")
        it.let_pass(minutes=2)
        it.press("pullmedic_undo")
        said = json.dumps([message.blocks for message in it.sandbox.slack_workspace.messages()])
        kept = "".join(file.read_bytes().decode("latin-1") for file in tmp_path.glob("store.sqlite*"))
        audit = "".join(str(entry.plain()) for entry in it.audit())
        own = [one for one in caplog.records if one.name.startswith(("pullmedic", "responders", "diagnostics"))]
        logged = "\n".join(record.getMessage() for record in own)
        assert "fix of" in logged
        for text in (said, kept, audit, logged):
            assert text
            assert it.sandbox.sentinel not in text
