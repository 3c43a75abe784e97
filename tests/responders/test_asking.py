"""What people ask for in Slack is done once, recorded with who asked, and answered to them alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import fix_samples as fixes
import pytest
import responder_samples as samples
from slack_samples import INCIDENT, conversation, notice, summary, texts, world

from diagnostics.codec import to_json
from responders.asking import AskAgain, FixDesk, Incidents, handle_interaction
from responders.channels.slack_bot import CHANNEL
from responders.declarations import Secret
from responders.fixes.record import Decision, Fix, FixState, Via
from responders.fixes.values import Approvers, Policy
from responders.notices import IncidentSummary
from responders.settings import Settings, load_settings
from responders.slack_requests import answer
from responders.store import ClaimResult, RunOutcome, RunRecord, Store, StoreUnavailable, open_store
from sandbox import Sandbox
from sandbox.host import FunctionsHost
from sandbox.slack_person import Person, Signed, send, signed

RUN = "calm_net_7xk2"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An incident as the memory below keeps it."""

    id: str = INCIDENT
    state: str = "open"
    status: str = "confirmed"
    headline: str = "cpu-4's identity may not pull from acr1"
    workspaces: tuple[str, ...] = (samples.WORKSPACE,)
    opened_at: datetime = samples.NOW
    last_at: datetime = samples.NOW + timedelta(hours=1)
    resolved_at: datetime | None = None
    snoozed_until: datetime | None = None
    snoozed_by: str = ""


@dataclass(frozen=True)
class Ran:
    """A run that counts to an incident."""

    incident_id: str
    workspace_id: str


@dataclass(frozen=True)
class Tally:
    """How often a diagnosis was called right, and wrong."""

    right: int
    wrong: int


@dataclass
class Memory:
    """Incidents in memory: what the handler is promised of the real ones."""

    kept: dict[str, Kept] = field(default_factory=lambda: {INCIDENT: Kept()})
    runs: dict[str, tuple[Ran, ...]] = field(default_factory=dict)
    words: dict[tuple[str, str], bool] = field(default_factory=dict)

    def get(self, incident_id: str, /) -> Kept | None:
        return self.kept.get(incident_id)

    def open_ones(self) -> tuple[Kept, ...]:
        return tuple(it for it in self.kept.values() if it.state == "open")

    def of_run(self, run_id: str, /) -> tuple[Ran, ...]:
        return self.runs.get(run_id, ())

    def snooze(self, incident_id: str, /, until: datetime, by: str) -> Kept | None:
        if incident_id not in self.kept:
            return None
        self.kept[incident_id] = replace(self.kept[incident_id], snoozed_until=until, snoozed_by=by)
        return self.kept[incident_id]

    def record_feedback(self, incident_id: str, /, by: str, *, right: bool) -> None:
        self.words[incident_id, by] = right

    def feedback(self, incident_id: str, /) -> Tally:
        said = [right for (name, _), right in self.words.items() if name == incident_id]
        return Tally(sum(said), len(said) - sum(said))


@dataclass
class Fixes:
    """One fix in memory, with every decision on it: what the handler is promised of the real one."""

    fix: Fix | None = field(default_factory=fixes.fix)
    decided: list[tuple[str, str, Decision]] = field(default_factory=list)
    refused: list[tuple[str, Decision, str]] = field(default_factory=list)
    fails: int = 0

    def of(self, incident_id: str, /) -> Fix | None:
        return self.fix if self.fix is not None and self.fix.incident_id == incident_id else None

    def approve(self, incident_id: str, digest: str, by: Decision) -> str:
        return self._decide("approve", incident_id, digest, by)

    def reject(self, incident_id: str, digest: str, by: Decision) -> str:
        return self._decide("reject", incident_id, digest, by)

    def ask_undo(self, incident_id: str, by: Decision) -> str:
        return self._decide("undo", incident_id, "", by)

    def refuse(self, incident_id: str, by: Decision, why: str) -> None:
        self.refused.append((incident_id, by, why))

    def _decide(self, what: str, incident_id: str, digest: str, by: Decision) -> str:
        if self.fails:
            self.fails -= 1
            raise StoreUnavailable("the store does not answer")
        known = self.of(incident_id)
        if digest and (known is None or known.plan is None or known.plan.digest != digest):
            return "The plan has changed since it was shown to you."
        self.decided.append((what, digest, by))
        if known is not None:
            self.fix = replace(known, undo=by) if what == "undo" else replace(known, decision=by)
        return f"The fix: {what}."


@dataclass
class Desk:
    """Everything that one interaction needs, and what came of it."""

    sandbox: Sandbox
    store: Store
    settings: Settings
    memory: Memory = field(default_factory=Memory)
    changed: list[str] = field(default_factory=list)
    fixes: Fixes | None = None
    advanced: list[str] = field(default_factory=list)
    late: timedelta = timedelta()

    @property
    def person(self) -> Person:
        return Person(self.sandbox.slack_workspace)

    def queued(self, request: Signed) -> str:
        """Return the message that a request of Slack puts into the queue."""
        queue: list[str] = []
        secret = Secret(self.sandbox.slack_workspace.signing_secret)
        said = answer(request.headers, request.body, secret=secret, now=now(), enqueue=queue.append)
        assert said.status == 200
        return queue[0]

    def handle(self, text: str) -> str:
        """Handle a message of the queue."""
        incidents: Incidents = self.memory
        desk: FixDesk | None = self.fixes
        return handle_interaction(
            text,
            incidents=incidents,
            store=self.store,
            settings=self.settings,
            now=now() + self.late,
            changed=self.changed.append,
            fixes=desk,
            advance=self.advanced.append,
        )

    def types(self, text: str, **members: str) -> str:
        """Type a command, let it be handled, and return what the person sees."""
        self.sandbox.reset()
        assert self.handle(self.queued(self.person.types(text, **members))) == "done and answered"
        return self.seen()

    def presses(self, action_id: str, option: str = "", person: Person | None = None) -> str:
        """Press a button of our newest message, let it be handled, and return what the person sees."""
        *_, message = self.sandbox.slack_workspace.messages()
        request = (person or self.person).presses(message, action_id, option)
        self.sandbox.reset()
        assert self.handle(self.queued(request)) == "done and answered"
        return self.seen()

    def seen(self) -> str:
        """Return the one answer, which its asker alone sees and which replaces nothing."""
        (message,) = self.sandbox.messages
        assert message.channel == "slack-answer"
        assert message.payload["response_type"] == "ephemeral"
        assert message.payload["replace_original"] is False
        return "\n".join(texts(message.payload["blocks"]))


def now() -> datetime:
    """Return the time of the simulated Slack, which is the machine's."""
    return datetime.now(UTC)


def settings_of(sandbox: Sandbox, **more: str) -> Settings:
    """Return settings with the app's channel."""
    workspace = sandbox.slack_workspace
    return load_settings(
        {
            "PULLMEDIC_SLACK_BOT_TOKEN": workspace.token,
            "PULLMEDIC_SLACK_BOT_CHANNEL_ID": "C0000000001",
            "PULLMEDIC_SLACK_BOT_SIGNING_SECRET": workspace.signing_secret,
            **more,
        }
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give an empty store."""
    with closing(open_store(load_settings({"PULLMEDIC_STORE": f"sqlite:///{tmp_path}/s.sqlite"}).store)) as opened:
        yield opened


def desk_with(sandbox: Sandbox, store: Store, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return a desk at a simulated Slack, which the process points at."""
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)
    return Desk(sandbox, store, settings_of(sandbox))


@pytest.fixture
def desk(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Give a desk where nothing goes wrong, with one message about one incident in the channel."""
    with Sandbox(world()) as sandbox:
        made = desk_with(sandbox, store, monkeypatch)
        conversation(sandbox).send(notice(), now=now())
        yield made


def keep(store: Store, *, workspace: str = samples.WORKSPACE, days: int = 0, **changes: Any) -> RunRecord:
    """Store a diagnosed run as the handler of failed runs does."""
    documents = {"evidence_key": to_json(samples.evidence()), "diagnosis_key": to_json(samples.diagnosis())}
    keys = {name: store.put_document(workspace, RUN, name, text) for name, text in documents.items()}
    record = RunRecord(
        workspace_id=workspace,
        run_id=RUN,
        root_run_id=RUN,
        outcome=RunOutcome.OPENED,
        failed_at=samples.NOW + timedelta(days=days),
        recorded_at=samples.NOW,
        **{**keys, **changes},
    )
    store.put_record(record)
    return record


# --- buttons ----------------------------------------------------------------------------------------------


def test_a_press_of_snooze_keeps_the_incident_quiet_and_says_who_wanted_it(desk: Desk) -> None:
    """The time runs from the press, and who pressed is kept by id and name."""
    before = now()
    seen = desk.presses("pullmedic_snooze", "For 1 day")
    kept = desk.memory.kept[INCIDENT]
    assert kept.snoozed_until is not None
    assert timedelta() <= kept.snoozed_until - before - timedelta(days=1) < timedelta(minutes=5)
    assert kept.snoozed_by == "dana.weber (U0000000123)"
    assert f"Incident {INCIDENT} is snoozed until {kept.snoozed_until:%Y-%m-%d %H:%M} UTC" in seen
    assert desk.changed == [INCIDENT]


def test_everybody_has_one_word_about_a_diagnosis_and_may_change_it(desk: Desk) -> None:
    """The last word of each person counts, whatever they call themselves."""
    workspace = desk.sandbox.slack_workspace
    dana, other = Person(workspace), Person(workspace, id="U0000000456", name="kim")
    assert "right: 1, wrong: 0" in desk.presses("pullmedic_right", person=dana)
    assert "right: 1, wrong: 1" in desk.presses("pullmedic_wrong", person=other)
    dana.name = "dana.the.second"
    seen = desk.presses("pullmedic_wrong", person=dana)
    assert "right: 0, wrong: 2" in seen
    assert "thread" in seen
    assert desk.changed == [INCIDENT] * 3


def test_a_name_is_redacted_and_kept_on_one_line(desk: Desk) -> None:
    """A name is somebody else's text: a secret in it goes nowhere, and neither does a line break."""
    person = Person(desk.sandbox.slack_workspace, name="x\npassword=hunter2hunter2")
    desk.presses("pullmedic_snooze", "For 1 hour", person=person)
    kept = desk.memory.kept[INCIDENT].snoozed_by
    assert "hunter2" not in kept
    assert "\n" not in kept


def test_what_is_delivered_twice_is_done_once(desk: Desk) -> None:
    """A message of the queue that comes again is claimed already; one that another worker holds comes back."""
    text = desk.queued(desk.person.types(f"snooze {INCIDENT} 2h"))
    assert desk.handle(text) == "done and answered"
    assert desk.handle(text) == "handled before"
    held = desk.queued(desk.person.types(f"snooze {INCIDENT} 3h"))
    key = f"interaction/{json.loads(held)['key']}"
    assert desk.store.claim(key, "another", now=now(), lease=timedelta(minutes=2)) is ClaimResult.ACQUIRED
    with pytest.raises(AskAgain):
        desk.handle(held)
    assert desk.changed == [INCIDENT]


def test_an_incident_that_is_gone_or_resolved_is_said_to_be(desk: Desk) -> None:
    """A button of an old message does nothing, and says so."""
    desk.memory.kept[INCIDENT] = Kept(state="resolved")
    assert "nothing to snooze" in desk.presses("pullmedic_snooze", "For 1 hour")
    desk.memory.kept.clear()
    assert "no incident" in desk.presses("pullmedic_right")
    assert desk.changed == []
    assert desk.memory.words == {}


# --- decisions on a fix -----------------------------------------------------------------------------------


@pytest.fixture
def deciding(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Give a desk with a message that offers a fix, on which U0000000123 may decide."""
    with Sandbox(world()) as sandbox:
        made = desk_with(sandbox, store, monkeypatch)
        made.settings = replace(made.settings, fixes=Policy(approvers=fixes.APPROVERS))
        made.fixes = Fixes()
        offer(made)
        yield made


def offer(desk: Desk, state: FixState = FixState.WAITING, **changes: Any) -> None:
    """Send a message with the buttons that a fix has in ``state``."""
    shown = fixes.seen(state, **changes)
    facts: IncidentSummary = replace(notice().incident or summary(), fix=shown.facts)
    conversation(desk.sandbox).send(notice(actions=shown.actions, incident=facts), now=now())


def decisions(desk: Desk) -> list[tuple[str, str, str, Via]]:
    """Return what was decided, on which plan, by whom."""
    assert desk.fixes is not None
    return [(what, digest, by.by, by.via) for what, digest, by in desk.fixes.decided]


def test_an_approver_approves_the_plan_that_the_button_carries(deciding: Desk) -> None:
    """What is approved is what stood in the message, by whom it was pressed; then the fix is carried on."""
    before = now()
    seen = deciding.presses("pullmedic_approve")
    assert decisions(deciding) == [("approve", fixes.plan().digest, "dana.weber", Via.SLACK)]
    assert seen == f"Incident {INCIDENT}: The fix: approve."
    assert (deciding.changed, deciding.advanced) == ([INCIDENT], [INCIDENT])
    assert deciding.fixes is not None
    (_, _, by) = deciding.fixes.decided[0]
    assert by.by_id == "U0000000123"
    assert abs(by.at - before) < timedelta(minutes=1)


def test_an_approver_rejects_and_undoes(deciding: Desk) -> None:
    """Each button is there in its own time alone."""
    deciding.presses("pullmedic_reject")
    deciding.fixes = Fixes(fixes.fix(FixState.VERIFIED))
    offer(deciding, FixState.VERIFIED)
    with pytest.raises(KeyError):
        deciding.presses("pullmedic_approve")
    assert "The fix: undo." in deciding.presses("pullmedic_undo")
    assert decisions(deciding) == [("undo", "", "dana.weber", Via.SLACK)]
    assert deciding.advanced == [INCIDENT] * 2


def test_who_is_not_listed_is_told_so_and_recorded(deciding: Desk) -> None:
    """Nothing happens to the fix; who tried, what and when is kept."""
    other = Person(deciding.sandbox.slack_workspace, id="U0000000456", name="kim")
    seen = deciding.presses("pullmedic_approve", person=other)
    assert "Only the people that the settings name as approvers" in seen
    assert "U0000000456" in seen
    assert decisions(deciding) == []
    assert deciding.fixes is not None
    ((incident, by, why),) = deciding.fixes.refused
    assert (incident, by.by_id, by.by, why) == (
        INCIDENT,
        "U0000000456",
        "kim",
        "approve: not one of the approvers in Slack",
    )
    assert (deciding.changed, deciding.advanced) == ([], [])


def test_with_nobody_listed_nobody_decides(deciding: Desk) -> None:
    """An old message's button does nothing once the list is empty."""
    deciding.settings = replace(deciding.settings, fixes=Policy(approvers=Approvers(groups=frozenset({"g"}))))
    assert "you are none of them" in deciding.presses("pullmedic_approve")
    assert decisions(deciding) == []


def test_a_name_like_an_approvers_id_makes_no_approver(deciding: Desk) -> None:
    """Ids decide; a name can be chosen."""
    forger = Person(deciding.sandbox.slack_workspace, id="U0000000456", name="U0000000123")
    assert "you are none of them" in deciding.presses("pullmedic_approve", person=forger)


def test_a_press_that_is_delivered_twice_decides_once(deciding: Desk) -> None:
    """The queue delivers at least once; so does Slack."""
    (message,) = deciding.sandbox.slack_workspace.messages()
    text = deciding.queued(deciding.person.presses(message, "pullmedic_approve"))
    assert deciding.handle(text) == "done and answered"
    assert deciding.handle(text) == "handled before"
    assert len(decisions(deciding)) == 1


def test_a_store_that_does_not_answer_costs_no_decision(deciding: Desk) -> None:
    """The message comes back, and the claim is free for it."""
    (message,) = deciding.sandbox.slack_workspace.messages()
    text = deciding.queued(deciding.person.presses(message, "pullmedic_approve"))
    deciding.fixes = Fixes(fails=1)
    with pytest.raises(StoreUnavailable):
        deciding.handle(text)
    assert deciding.handle(text) == "done and answered"
    assert len(decisions(deciding)) == 1


def test_an_answer_that_cannot_be_given_now_decides_nothing_twice(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message comes back, the decision is known to be theirs, and the fix is carried on all the same."""
    faults = {"call": {"host": "hooks.slack.com"}, "status": 503, "times": 1}
    with Sandbox(world(faults)) as sandbox:
        desk = desk_with(sandbox, store, monkeypatch)
        desk.settings = replace(desk.settings, fixes=Policy(approvers=fixes.APPROVERS))
        desk.fixes = Fixes()
        offer(desk)
        (message,) = sandbox.slack_workspace.messages()
        text = desk.queued(desk.person.presses(message, "pullmedic_approve"))
        with pytest.raises(AskAgain):
            desk.handle(text)
        sandbox.reset()
        assert desk.handle(text) == "done and answered"
        assert "Your decision is recorded." in desk.seen()
        assert len(decisions(desk)) == 1
        assert desk.advanced == [INCIDENT] * 2


def test_a_button_of_an_earlier_plan_decides_nothing(deciding: Desk) -> None:
    """What was shown is what is decided on: another plan than the one in the message is neither made nor undone."""
    changed = fixes.plan(principal_id="another")
    deciding.fixes = Fixes(fixes.fix(plan=changed))
    assert "changed since" in deciding.presses("pullmedic_approve")
    deciding.fixes = Fixes(fixes.fix(FixState.VERIFIED, plan=changed))
    offer(deciding, FixState.VERIFIED)
    assert "an earlier fix than the present one" in deciding.presses("pullmedic_undo")
    assert decisions(deciding) == []


def test_where_fixes_are_not_set_up_a_button_does_nothing(deciding: Desk) -> None:
    """Fixes may be taken out of the settings while a message still offers one."""
    deciding.fixes = None
    assert "not set up here" in deciding.presses("pullmedic_approve")
    assert deciding.advanced == []


@pytest.mark.parametrize("value", [INCIDENT, f"{INCIDENT} ", f"{INCIDENT} {'0' * 15}", f"{INCIDENT} {'G' * 16}", "x"])
def test_a_decision_on_no_plan_is_refused_at_the_door(deciding: Desk, value: str) -> None:
    """A button's value names incident and plan, or it is none of ours."""
    (message,) = deciding.sandbox.slack_workspace.messages()
    form = parse_qs(deciding.person.form(message, "pullmedic_approve").decode())
    payload = json.loads(form["payload"][0])
    payload["actions"][0]["value"] = value
    body = urlencode({"payload": json.dumps(payload)}).encode()
    workspace = deciding.sandbox.slack_workspace
    queue: list[str] = []
    request = signed(workspace.signing_secret, body, at=workspace.now())
    said = answer(
        request.headers, request.body, secret=Secret(workspace.signing_secret), now=now(), enqueue=queue.append
    )
    assert (said.status, queue) == (400, [])


# --- commands ---------------------------------------------------------------------------------------------


def test_why_shows_the_stored_diagnosis_as_the_channel_got_it(desk: Desk) -> None:
    """Headline, next step with its command, evidence, and the incident to snooze; found through the incident."""
    keep(desk.store)
    desk.memory.runs[RUN] = (Ran(INCIDENT, samples.WORKSPACE),)
    seen = desk.types(f"why {RUN}")
    assert seen.startswith("Confirmed: cpu-4's identity may not pull from acr1.")
    assert samples.COMMAND in seen
    assert "unauthorized: authentication required" in seen
    assert f"Incident {INCIDENT}, since 2026-11-23 12:00 UTC, last seen 2026-11-23 13:00 UTC." in seen


def test_why_finds_a_run_that_nobody_was_told_of_by_the_workspaces_in_scope(desk: Desk) -> None:
    """A silent run counts to no incident; its workspace is one of those that are set."""
    desk.memory.kept.clear()
    keep(desk.store)
    assert "is not known here" in desk.types(f"why {RUN}")
    desk.settings = settings_of(desk.sandbox, PULLMEDIC_WORKSPACES=samples.WORKSPACE)
    seen = desk.types(f"why {RUN}")
    assert seen.startswith("Confirmed:")
    assert "Incident" not in seen


def test_of_two_runs_with_one_id_the_newest_is_shown(desk: Desk) -> None:
    """Workspaces may share a run's id."""
    other = samples.WORKSPACE.replace("ws-ml", "ws-two")
    keep(desk.store, diagnosis_key="")
    keep(desk.store, workspace=other, days=1)
    desk.memory.runs[RUN] = (Ran(INCIDENT, samples.WORKSPACE), Ran(INCIDENT, other))
    assert desk.types(f"why {RUN}").startswith("Confirmed:")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"evidence_key": "", "reason": "the run could not be read: no such run"}, "could not be read: no such run"),
        ({"evidence_key": "gone/from/the/store.json"}, "no diagnosis"),
        ({"diagnosis_key": ""}, "no diagnosis"),
    ],
)
def test_a_run_without_a_diagnosis_says_why_and_how_to_get_one(desk: Desk, changes: dict[str, Any], said: str) -> None:
    """The command to diagnose it now carries its own names, ready to paste."""
    keep(desk.store, **changes)
    seen = desk.types(f"why {RUN}")
    assert said in seen
    assert f"python -m diagnostics run {RUN} --workspace {samples.WORKSPACE}" in seen


def test_stored_evidence_that_cannot_be_read_is_no_reason_to_fail(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """A newer version's evidence is told as missing, and logged."""
    record = keep(desk.store)
    desk.store.put_document(samples.WORKSPACE, RUN, "evidence_key", '{"schema": 999}')
    assert record.evidence_key
    with caplog.at_level(logging.WARNING):
        assert "no diagnosis" in desk.types(f"why {RUN}")
    assert "newer version" in caplog.text


def test_an_unknown_run_is_said_to_be_unknown_with_the_way_to_diagnose_it(desk: Desk) -> None:
    """Nothing is made up about a run that was never seen."""
    seen = desk.types("why never_seen_1")
    assert "Run never_seen_1 is not known here" in seen
    assert "python -m diagnostics run never_seen_1 --workspace RESOURCE_ID" in seen


def test_status_lists_what_is_open_with_its_state(desk: Desk) -> None:
    """Cause, id to snooze by, since when; who keeps it quiet, only as long as that holds; the count of the rest."""
    later, before = now() + timedelta(days=1), now() - timedelta(days=1)
    desk.memory.kept = {
        "a-1": Kept(id="a-1", snoozed_until=later, snoozed_by="Kim (U2)"),
        "b-1": Kept(id="b-1", snoozed_until=before, snoozed_by="Lee (U3)", status="", headline="<!channel> it\nbroke"),
        "c-1": Kept(id="c-1", state="resolved"),
    } | {f"d-{number}": Kept(id=f"d-{number}") for number in range(10)}
    seen = desk.types("status")
    assert "Open incidents: 12" in seen
    assert "Confirmed: cpu-4's identity may not pull from acr1\nIncident a-1, since 2026-11-23 12:00 UTC" in seen
    assert f"snoozed until {later:%Y-%m-%d %H:%M} UTC by Kim (U2)" in seen
    assert "Lee" not in seen
    assert "&lt;!channel&gt; it broke" in seen
    assert "c-1" not in seen
    assert "2 older ones are not shown." in seen
    desk.memory.kept.clear()
    assert desk.types("status") == "No incident is open."


def test_a_command_snoozes_as_the_button_does(desk: Desk) -> None:
    """Any time, for who wants another one than those on offer."""
    assert "is snoozed until" in desk.types(f"snooze {INCIDENT} 2h")
    assert "no incident unknown-1" in desk.types("snooze unknown-1 2h")


def test_who_may_not_read_the_channel_gets_no_answer_from_it(desk: Desk) -> None:
    """Diagnoses are for the channels that get them: elsewhere in the workspace nothing is shown or done."""
    keep(desk.store)
    desk.memory.runs[RUN] = (Ran(INCIDENT, samples.WORKSPACE),)
    for asked in (f"why {RUN}", "status", f"snooze {INCIDENT} 2h"):
        assert (
            desk.types(asked, channel="C0000000002") == "This app answers only in the channels that get its messages."
        )
    assert desk.memory.kept[INCIDENT].snoozed_until is None


# --- the way back -----------------------------------------------------------------------------------------


def test_too_late_for_an_answer_it_is_done_all_the_same(desk: Desk) -> None:
    """Slack takes answers for half an hour; a queue may stand still for longer."""
    text = desk.queued(desk.person.types(f"snooze {INCIDENT} 2h"))
    desk.sandbox.reset()
    desk.late = timedelta(minutes=31)
    assert desk.handle(text) == "done; too late to answer"
    assert desk.memory.kept[INCIDENT].snoozed_until is not None
    assert desk.sandbox.calls == []


def test_an_answer_that_slack_cannot_take_now_is_given_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue brings it back; doing it again changes nothing, and the claim is free for it."""
    faults = {"call": {"host": "hooks.slack.com"}, "status": 503, "times": 1}
    with Sandbox(world(faults)) as sandbox:
        desk = desk_with(sandbox, store, monkeypatch)
        text = desk.queued(desk.person.types(f"snooze {INCIDENT} 2h"))
        with pytest.raises(AskAgain):
            desk.handle(text)
        until = desk.memory.kept[INCIDENT].snoozed_until
        assert desk.handle(text) == "done and answered"
        assert desk.memory.kept[INCIDENT].snoozed_until == until


def test_a_refused_form_is_answered_in_the_short_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asked for a diagnosis gets its headline and next step at least."""
    faults = {"call": {"host": "hooks.slack.com"}, "status": 400, "message": "invalid_blocks", "times": 1}
    with Sandbox(world(faults)) as sandbox:
        desk = desk_with(sandbox, store, monkeypatch)
        keep(store)
        desk.memory.runs[RUN] = (Ran(INCIDENT, samples.WORKSPACE),)
        assert desk.handle(desk.queued(desk.person.types(f"why {RUN}"))) == "done and answered"
        (message,) = sandbox.messages
        assert samples.COMMAND in message.payload["text"]


def test_an_address_that_is_used_up_ends_it_and_shows_nothing(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Refused for good: logged without the address, which is a credential, and not tried again."""
    person = desk.person
    text = desk.queued(person.types("status"))
    for number in range(5):
        assert desk.handle(json.dumps(json.loads(text) | {"key": f"again-{number}"})) == "done and answered"
    with caplog.at_level(logging.DEBUG):
        assert desk.handle(text) == "done; the answer was refused"
    assert "used_url" in caplog.text
    assert desk.sandbox.sentinel not in caplog.text


def test_a_message_that_cannot_be_read_is_dropped_loudly(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """No try can make it readable, and none of it is shown."""
    with caplog.at_level(logging.ERROR):
        assert desk.handle('{"kind": "delete", "secret": "hunter2"}') == "unreadable"
    assert "cannot be read" in caplog.text
    assert "hunter2" not in caplog.text


# --- the whole way ----------------------------------------------------------------------------------------

_APP = """
import azure.functions as func
from responders.slack_requests import answer
from responders.declarations import Secret
from datetime import UTC, datetime
import os

app = func.FunctionApp()


@app.function_name("on_slack")
@app.route(route="slack", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@app.queue_output(arg_name="asked", queue_name="interactions", connection="AzureWebJobsStorage")
def on_slack(req: func.HttpRequest, asked: func.Out[str]) -> func.HttpResponse:
    said = answer(
        req.headers,
        req.get_body(),
        secret=Secret(os.environ["PULLMEDIC_SLACK_BOT_SIGNING_SECRET"]),
        now=datetime.now(UTC),
        enqueue=asked.set,
    )
    return func.HttpResponse(said.body, status_code=said.status, headers={"Content-Type": said.content_type})
"""


def test_a_press_goes_the_whole_way(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the button, signed, over HTTP into a function and its queue, to what the person sees; a forgery ends there."""
    workspace = desk.sandbox.slack_workspace
    monkeypatch.setenv("PULLMEDIC_SLACK_BOT_SIGNING_SECRET", workspace.signing_secret)
    (tmp_path / "function_app.py").write_text(_APP, encoding="utf-8")
    (tmp_path / "host.json").write_text("{}", encoding="utf-8")
    (message,) = workspace.messages()
    with FunctionsHost(tmp_path / "function_app.py") as host:
        url = host.url("on_slack")
        pressed = desk.person.presses(message, "pullmedic_snooze", "For 1 hour")
        assert send(url, pressed) == (200, "")
        assert send(url, Signed(pressed.headers, pressed.body + b"x"))[0] == 401
        status, body = send(url, desk.person.types("help"))
        assert (status, json.loads(body)["response_type"]) == (200, "ephemeral")
        (queued,) = host.waiting("interactions")
        assert [invocation.error for invocation in host.invocations] == [None] * 3
    desk.sandbox.reset()
    assert desk.handle(queued) == "done and answered"
    assert "is snoozed until" in desk.seen()
    assert CHANNEL.name in {destination.channel.name for destination in desk.settings.destinations}
