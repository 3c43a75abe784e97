"""What people read of a fix: where it stands, who decided, what comes next; safe, short, with buttons that work."""

from __future__ import annotations

import html
from datetime import timedelta
from typing import Any

import fix_samples as fixes
import notice_samples as notices
import pytest
import responder_samples as samples
from hypothesis import given
from hypothesis import strategies as st
from test_slack import check_limits, texts

from responders.blocks import Block, Code, Kind, Pair, Text
from responders.channels import apprise, slack, slack_bot, teams, webhook
from responders.deliveries import Delivery
from responders.fixes.record import FixState, Via
from responders.fixes.right import grant_right
from responders.fixes.seen import FixSeen, see
from responders.fixes.values import Approvers, FixMode, NotFixed
from responders.incidents import Incident, IncidentState
from responders.notices import ActionKind, Notice, NoticeKind
from responders.sending import encode
from responders.telling import Story, Wording

NOBODY = Approvers()
NAMED = (
    "((!(ActionMatches{{'read'}})) OR (@Request[Microsoft.ContainerRegistry/registries:name] String{}IgnoreCase '{}'))"
)


def said(seen: FixSeen) -> str:
    """Return the lines that a message shows."""
    return "\n".join(line.text for line in seen.lines if isinstance(line, Text | Code))


def kinds(seen: FixSeen) -> list[ActionKind]:
    """Return what can be pressed."""
    return [action.kind for action in seen.actions]


@pytest.mark.parametrize("state", FixState)
def test_each_state_has_words_of_its_own(state: FixState) -> None:
    """A few short sentences: where it stands first, and no word about what did not happen."""
    seen = fixes.seen(state)
    assert 1 <= len(seen.lines) <= 4
    assert all(len(line.text) <= 260 for line in seen.lines if isinstance(line, Text))
    assert isinstance(seen.lines[0], Text)
    assert seen.news.startswith(seen.headline)
    assert len(seen.news) <= 420
    others = {fixes.seen(other).headline for other in FixState if other is not state}
    assert seen.headline not in others


@pytest.mark.parametrize(
    ("state", "changes", "words"),
    [
        (FixState.WAITING, {}, "Waiting for approval until 2026-11-24 12:00 UTC; nothing is written before."),
        (FixState.APPLIED, {}, "It gives AcrPull on acr1 (the whole registry) for the system-assigned identity"),
        (FixState.PROPOSED, {}, "It would give AcrPull on acr1"),
        (FixState.REJECTED, {}, "It would have given AcrPull on acr1"),
        (FixState.UNDONE, {}, "It gave AcrPull on acr1"),
        (FixState.PROPOSED, {}, "Proposed only: nothing is written in this mode."),
        (FixState.PROPOSED, {}, f"python -m responders fix {fixes.INCIDENT} --dry-run"),
        (FixState.PROPOSED, {"mode": FixMode.AUTO}, "it is made by the policy in force"),
        (FixState.APPROVED, {}, "Approved by dana.weber (Slack) at 2026-11-23 12:03 UTC; it is being made."),
        (FixState.APPROVED, {"decision": fixes.decision(via=Via.POLICY)}, "Approved by the policy at"),
        (FixState.APPLIED, {}, "Made at 2026-11-23 12:04 UTC, approved by dana.weber (Slack)."),
        (FixState.APPLIED, {}, "checked again within ten minutes, told here within fifteen"),
        (FixState.APPLIED, {"created": False}, "It was there at 2026-11-23 12:04 UTC already: nothing was written."),
        (FixState.VERIFIED, {}, "Verified: the right counts (read again from Azure at 2026-11-23 12:06 UTC)."),
        (FixState.VERIFIED, {"proven_by_run": "r7"}, "Proven: run r7 completed since."),
        (FixState.VERIFIED, {"run_again_job": "j7"}, "The failed job was submitted again as j7."),
        (FixState.VERIFIED, {"run_again": "its code is gone."}, "The job was not submitted again: its code is gone."),
        (FixState.NOT_EFFECTIVE, {}, "It did not help: the right is there, and a run failed again after it."),
        (FixState.IN_DOUBT, {}, "Azure does not say whether it was made: tried 8 times: HTTP 503."),
        (FixState.IN_DOUBT, {}, "It may give AcrPull on acr1"),
        (FixState.REJECTED, {}, "Rejected by dana.weber (Slack) at 2026-11-23 12:03 UTC: nothing was written."),
        (FixState.EXPIRED, {}, "Nobody decided by 2026-11-24 12:00 UTC: nothing was written."),
        (FixState.STALE, {}, "since something changed after the plan: the registry changed its mode."),
        (FixState.FAILED, {}, "It could not be made: Azure refused it: the limit of role assignments is reached."),
        (FixState.UNDOING, {}, "Being taken back, as kim (the incident's page) asked at 2026-11-23 12:03 UTC."),
        (FixState.UNDONE, {}, "Taken back at 2026-11-23 12:20 UTC, as kim (the incident's page) asked"),
        (FixState.UNDO_FAILED, {}, "It could not be taken back: somebody changed the assignment since."),
        (FixState.UNDO_FAILED, {}, fixes.plan().assignment_id),
    ],
)
def test_where_it_stands_is_said_with_who_and_when(state: FixState, changes: dict[str, Any], words: str) -> None:
    """Times are UTC, names are those of whoever decided, and by which way."""
    assert words in said(fixes.seen(state, **changes))


def test_a_declined_fix_names_the_reason_the_right_and_the_command() -> None:
    """The command stands by itself, ready to be pasted; the sentence says whose right is missing."""
    seen = fixes.seen(FixState.DECLINED)
    assert seen.headline == "No fix is offered: the fixer lacks the right."
    assert "The fixer may not write role assignments on acr1: give it the right." in said(seen)
    (code,) = [line.text for line in seen.lines if isinstance(line, Code)]
    assert code.startswith("az role assignment create --assignee-object-id 5e5e")
    assert (seen.aloud, seen.actions, seen.next_step) == (False, (), "")


@pytest.mark.parametrize(
    ("why", "words", "command"),
    [
        (
            "it lacks X. Add it: az role assignment create --a 'b: c'",
            "It lacks X. Add it.",
            "az role assignment create",
        ),
        ("it lacks X:\naz role assignment create --a b", "It lacks X.", "az role assignment create --a b"),
        ("see az and python -m pip", "See az and python -m pip.", ""),
        ("Azure said no.", "Azure said no.", ""),
        ("", "", ""),
    ],
)
def test_a_command_in_a_reason_stands_by_itself(why: str, words: str, command: str) -> None:
    """Whoever is to paste it finds it whole, on a line of its own or behind a colon."""
    seen = fixes.seen(FixState.DECLINED, why=why)
    codes = [line.text for line in seen.lines if isinstance(line, Code)]
    assert ([code[: len(command)] for code in codes], len(codes)) == ([command] * bool(command), bool(command))
    assert [line.text for line in seen.lines if isinstance(line, Text)][1:] == ([words] if words else [])


def test_the_command_that_gives_the_fixer_its_right_is_shown_whole() -> None:
    """With its condition it is long; cut off it could not be pasted."""
    command = grant_right(fixes.REGISTRY, "5e5e0000-0000-0000-0000-000000000005")
    notice = told(FixState.DECLINED, why=f"the fixer lacks a role at acr1: it may not write. Add it: {command}")
    seen = fixes.seen(FixState.DECLINED, why=f"It lacks it: {command}")
    assert seen.lines[-1] == Code(command)
    assert command in "\n".join(html.unescape(text) for text in texts(slack.render(notice)["blocks"]))
    shown = [text.replace("\\", "") for text in teams_texts(teams.render(notice))]
    assert command in "\n".join(html.unescape(text) for text in shown)


def teams_texts(part: Any) -> list[str]:
    """Return every text of a card."""
    if isinstance(part, dict):
        own = [part["text"]] if isinstance(part.get("text"), str) else []
        return own + [text for value in part.values() for text in teams_texts(value)]
    return [text for value in part for text in teams_texts(value)] if isinstance(part, list) else []


@pytest.mark.parametrize("reason", NotFixed)
def test_each_named_reason_is_said_in_words(reason: NotFixed) -> None:
    """No reader is asked to understand the name that a log uses."""
    seen = fixes.seen(FixState.DECLINED, reason=reason.value, why="")
    assert seen.headline.startswith("No fix is offered: ")
    assert reason.value not in seen.headline
    assert seen.facts.reason == reason.value


@pytest.mark.parametrize("reason", [NotFixed.OFF, NotFixed.NOT_FIXABLE, NotFixed.NOT_CONFIRMED])
def test_what_was_never_offered_is_not_spoken_of(reason: NotFixed) -> None:
    """Most failures are none that a role repairs, and most teams have fixes off: their messages are what they were."""
    nothing = fixes.fix(FixState.DECLINED, reason=reason.value, plan=None)
    assert see(nothing, approvers=fixes.APPROVERS, page_url="") is None
    assert see(None, approvers=fixes.APPROVERS, page_url="") is None
    withdrawn = fixes.fix(FixState.DECLINED, reason=reason.value)
    assert see(withdrawn, approvers=fixes.APPROVERS, page_url="") is not None


def test_a_condition_is_said_with_the_plan() -> None:
    """Whoever approves knows how far the role reaches."""
    one = fixes.seen(plan=fixes.plan(condition=NAMED.format("Equals", "team/train"), repository="team/train"))
    many = fixes.seen(plan=fixes.plan(condition=NAMED.format("StartsWith", "team/"), repository="team/train"))
    other = fixes.seen(plan=fixes.plan(condition="(@Request[x] NumericEquals 1)", repository="team/train"))
    assert "AcrPull on acr1 (under a condition) for" in other.next_step
    assert "AcrPull on acr1 (repository team/train) for" in one.next_step
    assert "AcrPull on acr1 (repositories under team/) for" in many.next_step
    assert (one.facts.repository, many.facts.repository) == ("team/train", "team/")


@pytest.mark.parametrize("state", FixState)
def test_a_button_is_there_only_while_it_works(state: FixState) -> None:
    """Approval and refusal while they are awaited, undo while something of ours is there; for listed people alone."""
    decides = {FixState.WAITING: [ActionKind.APPROVE, ActionKind.REJECT]}
    written = (
        FixState.APPLIED,
        FixState.VERIFIED,
        FixState.NOT_EFFECTIVE,
        FixState.IN_DOUBT,
        FixState.UNDO_FAILED,
    )
    undoes = [ActionKind.UNDO] if state in written else []
    seen = fixes.seen(state)
    assert kinds(seen) == decides.get(state, undoes)
    assert all(action.offer == fixes.plan().digest for action in seen.actions)
    assert all("AcrPull on acr1" in action.question and "0f1e0f1e" in action.question for action in seen.actions)
    assert kinds(fixes.seen(state, approvers=NOBODY)) == []
    assert ActionKind.UNDO not in kinds(fixes.seen(state, created=False))


@pytest.mark.parametrize(
    ("approvers", "page", "ways"),
    [
        (fixes.APPROVERS, fixes.PAGE, "by a button in Slack or on the incident's page: AcrPull on acr1"),
        (fixes.APPROVERS, "", "by a button in Slack: AcrPull on acr1"),
        (NOBODY, fixes.PAGE, "on the incident's page: AcrPull on acr1"),
        (NOBODY, "", f"by python -m responders fix {fixes.INCIDENT}: AcrPull on acr1"),
    ],
)
def test_the_ways_to_decide_are_those_that_there_are(approvers: Approvers, page: str, ways: str) -> None:
    """Nobody is sent to a page or a button that is not there."""
    seen = see(fixes.fix(), approvers=approvers, page_url=page)
    assert seen is not None
    assert seen.next_step.startswith(f"Approve or reject the fix, {ways}")


# --- in a message -----------------------------------------------------------------------------------------


def incident(**changes: Any) -> Incident:
    """Return the incident of the missing role."""
    values: dict[str, Any] = {
        "id": fixes.INCIDENT,
        "fingerprint": "9f2c41d07be58a36",
        "serial": 1,
        "state": IncidentState.OPEN,
        "verdict": "pull-role-missing",
        "status": "confirmed",
        "symptom": "unauthorized",
        "target": "acr1|0f1e",
        "headline": "cpu-4's identity may not pull from acr1",
        "workspace_id": samples.WORKSPACE,
        "workspaces": (samples.WORKSPACE,),
        "run_id": "calm_net_7xk2",
        "root_run_id": "calm_net_7xk2",
        "evidence_key": "",
        "opened_at": samples.NOW,
        "failed_at": samples.NOW,
        "last_at": samples.NOW,
    }
    return Incident(**values | changes)


def told(
    state: FixState,
    kind: NoticeKind = NoticeKind.OPENED,
    *,
    edit: bool = False,
    about: dict[str, Any] | None = None,
    **changes: Any,
) -> Notice:
    """Return the notice of an incident whose fix is in ``state``."""
    wording = Wording(document=lambda _key: None, page=lambda name: f"https://app.example/api/incidents/{name}")
    seen = fixes.seen(state, **changes)
    story = Story(incident=incident(**about or {}), runs=("calm_net_7xk2",), fix=seen)
    report = wording.report(story, kind, Delivery(destination="x"), edit=edit)
    facts = notices.incident(id=fixes.INCIDENT, fix=seen.facts)
    return Notice(kind=kind, key="k", report=report, incident=facts, actions=seen.actions)


def block(notice: Notice, kind: Kind) -> Block | None:
    """Return the notice's block of ``kind``."""
    return next((one for one in notice.report.blocks if one.kind is kind), None)


def test_while_a_fix_is_under_way_the_next_step_is_its_own() -> None:
    """What was to be done by hand stays among the other ways out as long as it is one."""
    by_hand = told(FixState.FAILED).report.next_step.lines
    waiting = told(FixState.WAITING)
    (step,) = waiting.report.next_step.lines
    assert isinstance(step, Text)
    assert step.text == (
        "Approve or reject the fix, by a button in Slack or on the incident's page: AcrPull on acr1 (the whole registry) "
        "for the system-assigned identity of cpu-4."
    )
    ways = block(waiting, Kind.REMEDIES)
    assert ways is not None
    assert ways.lines == by_hand
    verified = told(FixState.VERIFIED)
    assert verified.report.next_step.lines == (Text("Run the job again: the right is there."),)
    assert block(verified, Kind.REMEDIES) is None
    assert [one.kind for one in verified.report.blocks][:2] == [Kind.STATE, Kind.FIX]


def test_as_a_message_of_its_own_a_fix_says_what_came_of_it_and_points_back() -> None:
    """Its headline is the outcome; the diagnosis is not told again."""
    notice = told(FixState.NOT_EFFECTIVE, NoticeKind.FIX)
    assert notice.report.headline.startswith("Fix did not help: AcrPull on acr1")
    assert notice.report.status is None
    assert {one.kind for one in notice.report.blocks} == {Kind.STATE, Kind.FIX, Kind.RUN}
    alone, whole = block(notice, Kind.FIX), block(told(FixState.NOT_EFFECTIVE), Kind.FIX)
    assert alone is not None
    assert whole is not None
    assert len(whole.lines) - len(alone.lines) == 1  # the plan, which stands in the headline
    edited = told(FixState.NOT_EFFECTIVE, NoticeKind.FIX, edit=True)
    assert edited.report.headline == "Confirmed: cpu-4's identity may not pull from acr1."


def test_a_resolved_incident_keeps_what_became_of_its_fix() -> None:
    """What was written stays on the record of the channel."""
    notice = told(FixState.VERIFIED, about={"state": IncidentState.RESOLVED, "resolution": "run c completed"})
    assert notice.report.headline == "Resolved: cpu-4's identity may not pull from acr1."
    assert block(notice, Kind.FIX) is not None


def test_room_for_the_fix_is_kept_longest() -> None:
    """Right after headline, next step and the incident's state."""
    order = sorted(Kind, key=lambda kind: Block(kind, ()).priority)
    assert order[:3] == [Kind.NEXT_STEP, Kind.STATE, Kind.FIX]


@pytest.mark.parametrize("kind", [NoticeKind.OPENED, NoticeKind.FIX])
def test_every_channel_shows_the_fix_and_the_way_to_the_incident(kind: NoticeKind) -> None:
    """The page is where somebody without a button decides."""
    notice = told(FixState.WAITING, kind)
    forms = [
        str(slack.render(notice)),
        str(slack.minimal(notice)),
        str(slack_bot.render(notice)),
        str(teams.render(notice)),
        str(teams.minimal(notice)),
        str(webhook.render(notice, now=samples.NOW)),
        apprise.render(notice, apprise.Room(title=0, body=2_000)).body,
    ]
    for form in forms:
        assert fixes.PAGE in form
        assert "Approve or reject the fix" in form


def test_teams_shows_the_fix_above_the_fold() -> None:
    """Nobody has to unfold anything to see that something waits for them."""
    payload: Any = teams.render(told(FixState.WAITING))
    body = payload["attachments"][0]["content"]["body"]
    seen = [part.get("text", "") for part in body if part["type"] == "TextBlock"]
    assert "Fix" in seen
    assert any(text.startswith("Waiting for approval until") for text in seen)


def test_machines_get_the_fix_as_facts() -> None:
    """Typed, without prose and without anybody's name; where there is no fix there is no member."""
    notice = told(FixState.VERIFIED, NoticeKind.FIX)
    facts: Any = webhook.render(notice, now=samples.NOW + timedelta(hours=1))
    assert facts["timestamp"] == "2026-11-23T12:00:00Z"
    assert facts["type"] == "incident.fix"
    assert facts["data"]["incident"]["fix"] == {
        "serial": 1,
        "state": "verified",
        "changed_at": "2026-11-23T12:00:00Z",
        "reason": "",
        "registry": fixes.REGISTRY,
        "principal": "0f1e0f1e-0f1e-0f1e-0f1e-0f1e0f1e0f1e",
        "role": "AcrPull",
        "repository": "",
        "assignment": fixes.plan().assignment_id,
    }
    assert "fix" not in webhook.render(notices.notice(), now=samples.NOW)["data"]["incident"]


_NAMES = samples.TEXTS
_PLANS = st.builds(
    fixes.plan,
    registry_name=_NAMES,
    principal_words=_NAMES,
    role_name=_NAMES,
    repository=_NAMES,
    condition=st.sampled_from(["", "c", NAMED.format("StartsWith", "<!channel>/")]),
)
_FIXES = st.builds(
    fixes.fix,
    st.sampled_from(FixState),
    plan=st.none() | _PLANS,
    why=_NAMES,
    reason=_NAMES,
    decision=st.none() | st.builds(fixes.decision, by=_NAMES, by_id=_NAMES, via=st.sampled_from(Via)),
    assignment_id=_NAMES,
    proven_by_run=_NAMES,
    run_again=_NAMES,
    run_again_job=_NAMES,
)


@given(fix=_FIXES, kind=st.sampled_from([NoticeKind.OPENED, NoticeKind.FIX, NoticeKind.REPEATED]))
def test_no_fix_whatever_breaks_a_limit_or_out_of_its_words(fix: Any, kind: NoticeKind) -> None:
    """Registries, identities and people have names that somebody chose, Azure's reasons are Azure's."""
    seen = see(fix, approvers=fixes.APPROVERS, page_url=fixes.PAGE)
    if seen is None:
        return
    story = Story(incident=incident(), runs=("calm_net_7xk2",), fix=seen)
    wording = Wording(document=lambda _key: None, page=lambda _name: fixes.PAGE)
    report = wording.report(story, kind, Delivery(destination="x"))
    facts = notices.incident(id=fixes.INCIDENT, fix=seen.facts)
    notice = Notice(kind=kind, key="k", report=report, incident=facts, actions=seen.actions, reply=seen.news)
    check_limits(slack.render(notice))
    check_limits(slack_bot.render(notice))
    assert teams.size(teams.render(notice)) <= teams.MAX_BYTES
    assert len(encode(webhook.render(notice, now=samples.NOW))) <= webhook.MAX_BYTES
    assert len(apprise.render(notice, apprise.Room(title=0, body=2_000)).body.encode("utf-8", "replace")) <= 2_000
    for text in dialog_texts(slack_bot.render(notice)):
        assert "<" not in text
        assert 0 < len(text.encode("utf-16-le")) // 2 <= 300
    for line in seen.lines:
        assert not isinstance(line, Pair)
        assert "\n" not in line.text or isinstance(line, Code)


def dialog_texts(payload: Any) -> list[str]:
    """Return what the dialogs of the buttons ask."""
    elements = [it for one in payload["blocks"] if one["type"] == "actions" for it in one["elements"]]
    return [it["confirm"][part]["text"] for it in elements if "confirm" in it for part in ("title", "text")]


def test_a_secret_in_a_reason_goes_nowhere() -> None:
    """Azure's error texts are redacted like everything else."""
    seen = fixes.seen(FixState.FAILED, why="refused: password=hunter2hunter2")
    assert "hunter2" not in seen.news + said(seen)


def test_slack_asks_before_it_sends_a_decision() -> None:
    """The dialog names who gets which role where; approval is the primary button, the others are marked as dangers."""
    payload = slack_bot.render(told(FixState.WAITING))
    elements = [it for one in payload["blocks"] if one["type"] == "actions" for it in one["elements"]]
    buttons = {it["action_id"]: it for it in elements}
    approve, reject = buttons["pullmedic_approve"], buttons["pullmedic_reject"]
    assert approve["value"] == f"{fixes.INCIDENT} {fixes.plan().digest}"
    assert approve["confirm"]["text"]["text"].startswith("Write this now? AcrPull on acr1 (the whole registry) for")
    assert (approve["style"], approve["confirm"]["style"], reject["style"]) == ("primary", "primary", "danger")
    assert approve["confirm"]["confirm"]["text"] == "Approve the fix"
    assert buttons["pullmedic_open_incident"]["url"] == fixes.PAGE
