"""Azure DevOps work items: limits for any report, text that does nothing, and what only Azure DevOps does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from ticket_desks import AzureDevOpsHands, Start, desks
from ticket_reading import read_html
from ticket_samples import HOSTILE, KEY, KEYS, NOTICES, NOW, notice

from responders.channels import Options
from responders.declarations import Secret
from responders.notices import Notice, NoticeKind
from responders.sending import Refused, Unreachable
from responders.settings import load_settings
from responders.ticketing import TicketMemory, TicketRules, reconcile_ticket
from responders.tickets import Ticket, TicketState, azure_devops
from responders.tickets._content import Effect, mark_of

OLD = Ticket(ref="3", title="#3", state=TicketState.CLOSED, url="https://dev.azure.com/o/p/_workitems/edit/3")
HANDS = AzureDevOpsHands()


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Give a function that opens a desk."""
    with desks(monkeypatch) as begin:
        yield begin


@pytest.mark.slow
@given(NOTICES)
def test_no_notice_whatever_breaks_a_limit_or_its_markup(said: Notice) -> None:
    """Any Unicode of any length gives a work item that Azure DevOps takes, with our tags and links alone."""
    patch = azure_devops.new_item(said, previous=OLD, tags=("ml",), area_path="ML\\Ops")
    fields = {op["path"].removeprefix("/fields/"): op["value"] for op in patch}
    assert {op["op"] for op in patch} == {"add"}
    assert 0 < len(fields["System.Title"].encode("utf-16-le")) // 2 <= 255
    tags = fields["System.Tags"].split("; ")
    assert tags == [f"pullmedic-{said.key}", "ml"]
    steps = fields["Microsoft.VSTS.TCM.ReproSteps"]
    for text in (steps, azure_devops.comment_body(said), azure_devops.comment_body(said, Effect.REOPEN)):
        assert len(text) <= 1_048_576
        read = read_html(text)
        assert set(read.links) <= {said.report.run_url, said.report.page_url, OLD.url}
        assert text.endswith(f"<p>{mark_of(said)}</p>")
        assert azure_devops._mark_at_end(text)["key"] == said.key


@given(KEYS)
def test_a_query_holds_one_literal(key: str) -> None:
    """Nothing but the key stands between the quotes."""
    query = azure_devops.query_of(key)
    assert query.count("'") == 2
    assert re.findall(r"CONTAINS '([^']*)'", query) == [f"pullmedic-{key}"]


@pytest.mark.parametrize("key", ["", "a'b", "a;b", "a b", "' OR [System.Id] > 0 OR '", "a" * 65, "a\n"])
def test_what_is_no_key_makes_no_query(key: str) -> None:
    """A key is checked before a query or a tag is made of it."""
    for make in (azure_devops.query_of, azure_devops.tag_of):
        with pytest.raises(ValueError, match="64 characters"):
            make(key)


def test_a_quoted_mark_is_no_mark() -> None:
    """A hostile name that spells another event's mark cannot stand at the end, where marks count."""
    forged = "pullmedic-ticket other-key other-event"
    said = notice(report=replace(notice().report, headline=f"{HOSTILE} {forged}", stored_as=forged))
    assert azure_devops._mark_at_end(azure_devops.body(said))["key"] == KEY
    assert azure_devops._mark_at_end(azure_devops.body(said).removesuffix(f"<p>{mark_of(said)}</p>")) == {}
    assert azure_devops._mark_at_end("<div>people wrote this</div>") == {}


def test_words_of_others_stay_words() -> None:
    """Markup of a hostile name is shown as it was written."""
    body = azure_devops.body(notice(report=replace(notice().report, headline=HOSTILE)))
    read = read_html(body)
    assert HOSTILE in re.sub(r"\s+", " ", "".join(read.text))
    assert "data-vss-mention" not in body


def test_the_identitys_token_goes_to_azure_devops_alone(start: Start) -> None:
    """Asked for once a queue, for Azure DevOps' own resource; no token of Resource Manager goes there."""
    desk = start(HANDS)
    desk.queue().create(notice(), now=NOW)
    asked = [call.path for call in desk.sandbox.calls if call.host == "127.0.0.1"]
    assert len(asked) == 1
    assert "resource=499b84ac-1321-427f-aa17-267ca6975798&" in f"{asked[0]}&"
    assert desk.sandbox.violations == []


def test_a_user_assigned_identity_is_named(start: Start) -> None:
    """Where several identities are there, the one that was set is asked for."""
    desk = start(HANDS)
    desk.queue(identity_client_id="0f1e0000-0000-4000-8000-000000000001").find(KEY, now=NOW)
    asked = next(call.path for call in desk.sandbox.calls if call.host == "127.0.0.1")
    assert "client_id=0f1e0000-0000-4000-8000-000000000001" in asked


def test_the_apps_identity_is_asked_for_where_none_is_named(start: Start) -> None:
    """A deployed app has user-assigned identities alone: without a client id the platform knows none to give."""
    desk = start(HANDS)
    app = "0f1e0000-0000-4000-8000-000000000002"
    environ = {f"PULLMEDIC_AZURE_DEVOPS_{name.upper()}": value for name, value in desk.hands.options.items()}
    (tracker,) = load_settings({**environ, "PULLMEDIC_CLIENT_ID": app}).trackers
    tracker.tracker.connect(tracker.options).find(KEY, now=NOW)
    asked = next(call.path for call in desk.sandbox.calls if call.host == "127.0.0.1")
    assert f"client_id={app}" in asked


def test_without_a_token_nothing_was_sent(start: Start) -> None:
    """An identity that cannot be had is a matter for later, said without its own words."""
    desk = start(HANDS, {"call": {"host": "127.0.0.1"}, "status": 400, "message": "x-identity-header: SandboxSecret00"})
    with pytest.raises(Unreachable, match="no token for Azure DevOps") as none:
        desk.queue().find(KEY, now=NOW)
    assert none.value.sent is False
    assert "SandboxSecret" not in str(none.value)
    assert {call.host for call in desk.sandbox.calls} == {"127.0.0.1"}


def test_a_personal_access_token_is_used_where_one_is_set(start: Start) -> None:
    """Then no identity is asked."""
    desk = start(HANDS)
    options = replace(desk.options(), secrets={"pat": Secret(desk.sandbox.sentinel)})
    assert azure_devops.WorkItems(options).create(notice(), now=NOW).title == "#1"
    assert {call.host for call in desk.sandbox.calls} == {"dev.azure.com"}


def test_a_wrong_token_gets_a_page_with_a_status_of_success(start: Start) -> None:
    """The sign-in page in a 203 is a refusal, and it says what to do."""
    desk = start(HANDS)
    options = replace(desk.options(), secrets={"pat": Secret("expired")})
    with pytest.raises(Refused, match="renew the token") as refused:
        azure_devops.WorkItems(options).find(KEY, now=NOW)
    assert refused.value.status == 203


def test_the_older_host_serves_the_same(start: Start) -> None:
    """Organizations from before 2018 have a host of their own."""
    desk = start(HANDS)
    queue = desk.queue(host="halvorsen.visualstudio.com")
    made = queue.create(notice(), now=NOW)
    assert made.url == "https://halvorsen.visualstudio.com/ML%20Platform/_workitems/edit/1"
    assert desk.sandbox.violations == []


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        ("New", "New", TicketState.OPEN),
        ("Active", "Approved", TicketState.OPEN),
        ("Resolved", "Fixed", TicketState.CLOSED),
        ("Resolved", "As Designed", TicketState.DECLINED),
        ("Closed", "Fixed and verified", TicketState.CLOSED),
        ("Closed", "Cannot Reproduce", TicketState.CLOSED),
        ("Closed", "Won\N{RIGHT SINGLE QUOTATION MARK}t fix", TicketState.DECLINED),
        ("Closed", "Duplicate", TicketState.DECLINED),
    ],
)
def test_category_and_reason_decide(start: Start, state: str, reason: str, expected: TicketState) -> None:
    """Resolved is closed, declined is what people will not do; what could not be reproduced has been now."""
    desk = start(HANDS)
    made = desk.queue().create(notice(), now=NOW)
    desk.clock.pass_by(days=1)
    HANDS._set(desk, made.ref, state=state, reason=reason)
    found = desk.queue().find(KEY, now=NOW)
    assert found is not None
    assert found.state is expected
    assert found.closed_at == (None if expected is TicketState.OPEN or state == "New" else desk.clock.now)


def test_another_process_has_other_states(start: Start) -> None:
    """A Scrum item is closed as Done and opened again as Committed; Removed is declined."""
    desk = start(HANDS)
    queue = desk.queue(work_item_type="Product Backlog Item")
    made = queue.create(notice(), now=NOW)
    assert "<strong>" in HANDS._ask(desk, "GET", f"/{made.ref}")["fields"]["System.Description"]

    def state() -> str:
        return str(HANDS._ask(desk, "GET", f"/{made.ref}")["fields"]["System.State"])

    queue.close(made, notice(NoticeKind.RESOLVED), now=NOW)
    assert state() == "Done"
    queue.reopen(made, notice(NoticeKind.REOPENED, count=2), now=NOW)
    assert state() == "Committed"
    HANDS._set(desk, made.ref, state="Removed")
    found = queue.find(KEY, now=NOW)
    assert found is not None
    assert found.state is TicketState.DECLINED


def test_a_team_can_name_states_and_reasons(start: Start) -> None:
    """What a process was given for itself is set by name."""
    desk = start(HANDS)
    queue = desk.queue(closed_state="Resolved", reopened_state="New", declined_reasons="Fixed")
    made = queue.create(notice(), now=NOW)
    queue.close(made, notice(NoticeKind.RESOLVED), now=NOW)
    found = queue.find(KEY, now=NOW)
    assert found is not None
    assert found.state is TicketState.DECLINED
    queue.reopen(made, notice(NoticeKind.REOPENED, count=2), now=NOW)
    assert HANDS._ask(desk, "GET", f"/{made.ref}")["fields"]["System.State"] == "New"


def test_state_and_comment_are_one_change(start: Start) -> None:
    """A close whose answer was lost has its comment, and is not done over."""
    desk = start(HANDS, {"call": {"method": "PATCH"}, "cut": True, "done_first": True, "times": 1})
    rules = TicketRules(close_on_resolution=True)
    made = desk.queue().create(notice(), now=NOW)

    def resolve() -> bool:
        memory = TicketMemory(ref=made.ref)
        said = notice(NoticeKind.RESOLVED)
        return reconcile_ticket(desk.queue(), said, memory, rules, begin_create=desk.begun.append, now=NOW).wrote

    with pytest.raises(Unreachable):
        resolve()
    assert resolve() is False
    assert len(HANDS.comments(desk, made.ref)) == 1


def test_the_missing_right_to_make_tags_is_explained(start: Start) -> None:
    """Each key is a new tag: without that right nothing is created, and the error says so."""
    desk = start(HANDS, {"call": dict(HANDS.create), "status": 403})
    with pytest.raises(Refused, match=r"Create tag definition.*TF401289"):
        desk.queue().create(notice(), now=NOW)


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"organization": "halvorsen", "project": "ML Platform"}, set()),
        ({"organization": "halvorsen", "project": "ML Platform", "host": "HALVORSEN.visualstudio.com"}, set()),
        ({"organization": "halvorsen/x", "project": "P"}, {"organization"}),
        ({"organization": "halvorsen", "project": "a/b"}, {"project"}),
        ({"organization": "halvorsen", "project": ".."}, {"project"}),
        ({"organization": "halvorsen", "project": "P", "host": "evil.visualstudio.com"}, {"host"}),
        ({"organization": "halvorsen", "project": "P", "host": "tfs.example"}, {"host"}),
        ({"organization": "halvorsen", "project": "P", "tags": "a;b"}, {"tags"}),
        ({"organization": "halvorsen", "project": "P", "body_field": "Steps/../x"}, {"body_field"}),
        ({"organization": "halvorsen", "project": "P", "work_item_type": "Bug/x"}, {"work_item_type"}),
    ],
)
def test_wrong_settings_are_named(values: dict[str, str], wrong: set[str]) -> None:
    """What cannot work is said before anything is sent; the host is Azure DevOps' own, whatever is written."""
    assert set(azure_devops.TRACKER.problems(Options(values=values))) == wrong
