"""Slack's app: it edits its one message, finds it again, says what to do where Slack refuses, and keeps every limit."""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responder_samples as samples
from hypothesis import given
from hypothesis import strategies as st
from slack_samples import ACTIONS, INCIDENT, conversation, notice, options, report, summary, texts, world
from slack_sdk.models.blocks import ActionsBlock, ButtonElement, StaticSelectElement
from slack_sdk.models.blocks import Block as SlackBlock

from responders.blocks import Report
from responders.channels import Options, Sent, slack, slack_bot
from responders.declarations import Secret
from responders.notices import Action, ActionKind, FixSummary, NoticeKind
from responders.sending import Receipt, Refused, TryLater, Unreachable
from responders.wording import one_line, utf16_units
from sandbox import Sandbox

Begin = Callable[..., Sandbox]


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Give a function that starts a simulated Slack with faults, which the process points at."""
    with ExitStack() as stack:

        def start(*faults: dict[str, Any]) -> Sandbox:
            sandbox = stack.enter_context(Sandbox(world(*faults)))
            for name, value in sandbox.environment.items():
                monkeypatch.setenv(name, value)
            return sandbox

        yield start


def methods(sandbox: Sandbox) -> list[str]:
    """Return the methods that were called, in order."""
    return [call.path.partition("?")[0].removeprefix("/api/") for call in sandbox.calls]


def now() -> datetime:
    """Return the time of the simulated Slack, which is the machine's."""
    return datetime.now(UTC)


# --- one message ------------------------------------------------------------------------------------------


def test_a_message_is_sent_once_and_then_edited_in_place(begin: Begin) -> None:
    """However often there is news, the channel holds one message, with the newest of it."""
    sandbox = begin()
    talk = conversation(sandbox)
    sent = talk.send(notice(), now=now())
    again = talk.edit(sent.ref, notice(kind=NoticeKind.REPEATED, report=report(headline="it went on")), now=now())
    (message,) = sandbox.slack_workspace.messages()
    assert (talk.edits, talk.finds) == (True, True)
    assert sent == Sent(ref=f"C0000000001:{message.ts}") == again
    assert message.edits == 1
    assert "it went on" in message.text
    assert message.metadata == {"event_type": "pullmedic_incident", "event_payload": {"key": f"inc-{INCIDENT}"}}
    assert not sandbox.refused
    assert not sandbox.violations


@pytest.mark.parametrize(
    ("kind", "headline", "said"),
    [
        (NoticeKind.RESOLVED, "Resolved: the role is there.", "Resolved: the role is there."),
        (NoticeKind.RESOLVED, "The role is there.", "Resolved: The role is there."),
        (NoticeKind.REOPENED, "Confirmed: no role.", "Failing again: Confirmed: no role."),
    ],
)
def test_a_change_of_state_is_also_said_in_the_thread(begin: Begin, kind: NoticeKind, headline: str, said: str) -> None:
    """An edit notifies nobody, so that an end, or a return, is one short reply, which no search takes for the message."""
    sandbox = begin()
    talk, start = conversation(sandbox), now()
    sent = talk.send(notice(), now=now())
    changed = Report(headline=headline, next_step=report().next_step, verdict="x")
    assert talk.edit(sent.ref, notice(kind=kind, report=changed), now=now()) == sent
    message, reply = sandbox.slack_workspace.messages()
    assert reply.thread_ts == message.ts
    assert list(texts(reply.blocks)) == [said]
    assert sandbox.messages[-1].payload.get("reply_broadcast", False) is False
    assert talk.find(f"inc-{INCIDENT}-{kind.value}", since=start, now=now()) is None


def test_what_became_of_a_fix_is_also_said_in_the_thread(begin: Begin) -> None:
    """Where the notice asks for it: one reply, each change with a key of its own; not again where it may be a repeat."""
    sandbox = begin()
    talk = conversation(sandbox)
    sent = talk.send(notice(), now=now())
    for serial, reply in ((1, "Fix verified: <!channel> & acr1."), (2, ""), (3, "Fix taken back.")):
        about = summary(fix=FixSummary(serial=serial, state="verified", changed_at=now()))
        talk.edit(sent.ref, notice(kind=NoticeKind.FIX, incident=about, reply=reply), now=now())
    talk.edit(sent.ref, notice(kind=NoticeKind.FIX, reply="Fix taken back.", possible_repeat=True), now=now())
    message, *replies = sandbox.slack_workspace.messages()
    assert message.edits == 4
    assert [it.text for it in replies] == ["Fix verified: &lt;!channel&gt; &amp; acr1.", "Fix taken back."]
    keys = [(it.metadata or {})["event_payload"]["key"] for it in replies]
    assert keys == [f"inc-{INCIDENT}-fix-1", f"inc-{INCIDENT}-fix-3"]
    assert not sandbox.refused


def test_news_of_an_open_incident_writes_no_reply(begin: Begin) -> None:
    """A further run of the same cause disturbs nobody."""
    sandbox = begin()
    talk = conversation(sandbox)
    sent = talk.send(notice(), now=now())
    talk.edit(sent.ref, notice(kind=NoticeKind.REPEATED), now=now())
    assert methods(sandbox) == ["chat.postMessage", "chat.update"]


def test_a_reply_is_sent_at_most_once(begin: Begin, caplog: pytest.LogCaptureFixture) -> None:
    """One that may be a repeat is not sent, one that fails is logged and dropped: the edit has succeeded."""
    sandbox = begin({"call": {"path": "/api/chat.postMessage"}, "status": 503, "times": 1})
    talk, workspace = conversation(sandbox), sandbox.slack_workspace
    message = workspace.write("C0000000001", "ours", bot_id="B0000000009")
    ref = f"C0000000001:{message.ts}"
    with caplog.at_level(logging.WARNING):
        assert talk.edit(ref, notice(kind=NoticeKind.RESOLVED), now=now()).ref == ref
    assert "reply" in caplog.text
    talk.edit(ref, notice(kind=NoticeKind.RESOLVED, possible_repeat=True), now=now())
    assert methods(sandbox) == ["chat.update", "chat.postMessage", "chat.update"]
    assert [it.edits for it in workspace.messages()] == [2]


def test_a_message_that_is_gone_is_refused_so_that_a_new_one_is_sent(begin: Begin) -> None:
    """Deleted, somebody else's, too old, no reference at all: each is told by Slack's own word."""
    sandbox = begin()
    talk, workspace = conversation(sandbox), sandbox.slack_workspace
    theirs = workspace.write("C0000000001", "theirs")
    ours = workspace.write("C0000000001", "ours", bot_id="B0000000009")
    gone = {
        "C0000000001:1700000000.000100": "message_not_found",
        f"C0000000001:{theirs.ts}": "cant_update_message",
        f"C0000000001:{ours.ts}": "edit_window_closed",
        "nonsense": "wrong_reference",
        "C0000000001:../../x": "wrong_reference",
        "": "wrong_reference",
    }
    workspace.edit_window_s = -1
    for ref, word in gone.items():
        with pytest.raises(Refused) as refused:
            talk.edit(ref, notice(kind=NoticeKind.RESOLVED), now=now())
        assert refused.value.word == word
    assert [it.text for it in workspace.messages()] == ["theirs", "ours"]


# --- finding ----------------------------------------------------------------------------------------------


def test_a_message_is_found_by_its_key_and_by_nothing_else(begin: Begin) -> None:
    """After a lost answer the app knows its own message again: not another key's, not another app's with the same key."""
    sandbox = begin()
    talk, workspace, start = conversation(sandbox), sandbox.slack_workspace, now()
    key = f"inc-{INCIDENT}"
    workspace.write(
        "C0000000001", "forged", metadata={"event_type": slack_bot.EVENT_TYPE, "event_payload": {"key": key}}
    )
    assert talk.find(key, since=start, now=now()) is None
    first = talk.send(notice(), now=now())
    talk.send(notice(key="inc-other-1"), now=now())
    for number in range(450):
        workspace.write("C0000000001", f"talk {number}")
    sandbox.reset()
    assert talk.find(key, since=start, now=now()) == first.ref
    assert methods(sandbox) == ["auth.test", *["conversations.history"] * 3]
    assert talk.find("inc-unknown-1", since=start, now=now()) is None
    assert talk.find(key, since=start + timedelta(hours=1), now=now()) is None


def test_where_history_may_not_be_read_it_says_that_it_cannot_tell(begin: Begin) -> None:
    """None would mean that nothing was sent; without the scope nobody knows."""
    sandbox = begin()
    sandbox.slack_workspace.scopes.discard("channels:history")
    with pytest.raises(Refused) as refused:
        conversation(sandbox).find("inc-1", since=now(), now=now())
    assert refused.value.word == "missing_scope"
    assert "channels:history" in str(refused.value)


def test_a_search_ends_after_a_thousand_messages_without_a_guess(begin: Begin) -> None:
    """A busy channel costs a bounded number of calls, and is never taken for one without the message."""
    sandbox = begin()
    talk, start = conversation(sandbox), now()
    talk.send(notice(), now=now())
    for number in range(1_000):
        sandbox.slack_workspace.write("C0000000001", f"talk {number}")
    sandbox.reset()
    with pytest.raises(Refused) as refused:
        talk.find(f"inc-{INCIDENT}", since=start, now=now())
    assert refused.value.word == "too_many_messages"
    assert len(sandbox.calls) == 6


# --- what Slack refuses -----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["internal_error", "fatal_error", "service_unavailable", "request_timeout"])
def test_slacks_own_trouble_is_worth_another_try(begin: Begin, code: str) -> None:
    """An error of Slack's in a 200 is no refusal."""
    sandbox = begin({"status": 200, "code": code})
    with pytest.raises(TryLater) as later:
        conversation(sandbox).send(notice(), now=now())
    assert code in str(later.value)
    assert later.value.taken is (code in {"internal_error", "fatal_error"})


def test_reading_the_channel_takes_nothing(begin: Begin) -> None:
    """An error over what only looks says nothing of a message."""
    sandbox = begin({"call": {"path": "/api/conversations.history"}, "status": 504})
    with pytest.raises(TryLater) as later:
        conversation(sandbox).find("f1-1", since=now(), now=now())
    assert not later.value.taken


@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize(("asked", "wait"), [(17, 17), (99_999_999, 30), (None, 30)])
def test_a_rate_limit_is_handed_back_with_its_wait(begin: Begin, status: int, asked: int | None, wait: int) -> None:
    """Whether Slack says it by the status or in the body, it is another try after its wait, within reason."""
    fault: dict[str, Any] = {"status": status, "code": "ratelimited"} | (
        {} if asked is None else {"retry_after": asked}
    )
    with pytest.raises(TryLater) as later:
        conversation(begin(fault)).send(notice(), now=now())
    longest = {(429, 99_999_999): 6 * 3_600}
    assert later.value.after == timedelta(seconds=longest.get((status, asked or 0), wait))


def test_a_channel_takes_one_message_a_second(begin: Begin) -> None:
    """The simulated Slack keeps its own pace where a test wants it, and the second message is for later."""
    sandbox = begin()
    sandbox.slack_workspace.pace_s = 60
    conversation(sandbox).send(notice(), now=now())
    with pytest.raises(TryLater):
        conversation(sandbox).send(notice(), now=now())
    assert len(sandbox.slack_workspace.messages()) == 1


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("invalid_auth", "new bot token"),
        ("account_inactive", "removed"),
        ("token_revoked", "new bot token"),
        ("restricted_action", "administrator"),
        ("ekm_access_denied", "administrator"),
        ("something_new", "reference"),
    ],
)
def test_a_refusal_says_what_to_do(begin: Begin, code: str, advice: str) -> None:
    """Who reads the log gets Slack's word and the way out, and no try is wasted."""
    sandbox = begin({"status": 200, "code": code})
    with pytest.raises(Refused) as refused:
        conversation(sandbox).send(notice(), now=now())
    assert refused.value.word == code
    assert code in str(refused.value)
    assert advice in str(refused.value)
    assert len(sandbox.calls) == 1


@pytest.mark.parametrize(
    ("channel", "state", "advice"),
    [
        ("C0000000404", None, "invited"),
        ("C0000000001", "not_in_channel", "/invite"),
        ("C0000000001", "is_archived", "archived"),
    ],
)
def test_a_channel_that_is_closed_is_refused_with_the_way_in(
    begin: Begin, channel: str, state: str | None, advice: str
) -> None:
    """Unknown, not a member, archived: each has its own remedy."""
    sandbox = begin()
    if state:
        sandbox.slack_workspace.channels[channel] = state
    with pytest.raises(Refused, match=re.escape(advice)):
        conversation(sandbox, channel_id=channel).send(notice(), now=now())


def test_a_wrong_token_and_a_missing_scope_are_told_by_the_simulated_slack(begin: Begin) -> None:
    """The words that the conversation knows are those that the wire carries."""
    sandbox = begin()
    with pytest.raises(Refused, match="invalid_auth"):
        conversation(sandbox, token="xoxb-0000000000-wrong").send(notice(), now=now())
    sandbox.slack_workspace.scopes.clear()
    with pytest.raises(Refused, match="scope chat:write"):
        conversation(sandbox).send(notice(), now=now())


@pytest.mark.parametrize("code", ["invalid_blocks", "msg_blocks_too_long", "invalid_metadata_format", "msg_too_long"])
@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
def test_where_the_form_is_refused_the_short_one_is_said(begin: Begin, code: str, method: str) -> None:
    """The diagnosis comes all the same, as text, and no block of an earlier form stays."""
    sandbox = begin({"call": {"path": f"/api/{method}"}, "status": 200, "code": code, "times": 1})
    talk, start = conversation(sandbox), now()
    sent = talk.send(notice(), now=now())
    after = sent if method == "chat.postMessage" else talk.edit(sent.ref, notice(kind=NoticeKind.REPEATED), now=now())
    assert after == Sent(ref=sent.ref, minimal=True)
    (message,) = sandbox.slack_workspace.messages()
    assert message.blocks == ()
    assert message.text == slack.minimal(notice())["text"]
    found = talk.find(f"inc-{INCIDENT}", since=start, now=now())
    assert found == (None if "metadata" in code and method == "chat.postMessage" else sent.ref)


def test_a_connection_that_breaks_is_unreachable_and_shows_no_token(begin: Begin) -> None:
    """A lost answer is for later, after a look; the token is in no error."""
    sandbox = begin({"cut": True})
    with pytest.raises(Unreachable) as unreachable:
        conversation(sandbox).send(notice(), now=now())
    assert sandbox.sentinel not in repr(unreachable.value)


@pytest.mark.parametrize("body", ["<html>", "[]", '"ok"', '{"ok":"true"}', '{"ok":false,"error":{"a":1}}'])
def test_an_answer_that_is_none_of_slacks_is_never_taken_for_success(
    monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    """A proxy's page, or JSON of another shape, is an error of some kind and no receipt."""
    monkeypatch.setattr(slack_bot, "call", lambda *_args, **_options: Receipt(status=200, body=body))
    talk = slack_bot.CHANNEL.connect(Options(values={"channel_id": "C0000000001"}, secrets={"token": Secret("xoxb-1")}))
    with pytest.raises((TryLater, Refused)):
        talk.send(notice(), now=now())


# --- what it looks like -----------------------------------------------------------------------------------


def actions_of(payload: Any) -> list[dict[str, Any]]:
    """Return the elements that can be pressed."""
    blocks = [block for block in payload["blocks"] if block["type"] == "actions"]
    return [element for block in blocks for element in block["elements"]]


def words_of(element: dict[str, Any]) -> str:
    """Return what stands on an element that can be pressed."""
    return str(element["text" if "text" in element else "placeholder"]["text"])


def test_the_buttons_stand_right_after_the_next_step() -> None:
    """A reader sees what is wrong, what to do, and then what can be pressed; the run is one of the buttons."""
    payload = slack_bot.render(notice())
    kinds = [block["type"] for block in payload["blocks"]]
    place = kinds.index("actions")
    assert "*Next step*" in str(payload["blocks"][:place])
    assert "*Why*" in str(payload["blocks"][place:])
    assert [words_of(element) for element in actions_of(payload)] == [
        "Open the run",
        "Right diagnosis",
        "Wrong diagnosis",
        "Snooze",
        "Approve the fix",
        "Reject",
        "Undo the fix",
    ]
    assert "|Open the run>" not in str(payload)
    (choice,) = [element for element in actions_of(payload) if element["type"] == "static_select"]
    assert [option["text"]["text"] for option in choice["options"]] == ["For 1 hour", "For 1 day", "For 1 week"]


@pytest.mark.parametrize(
    "changed",
    [
        {"interactive": False},
        {"incident": None},
        {"actions": ()},
        {"incident": summary(id="x y\n<!channel>")},
        {"incident": summary(id="x" * 200)},
    ],
)
def test_no_answer_is_offered_that_could_not_be_read_again(changed: dict[str, Any]) -> None:
    """Without a signing secret, an incident or a plain id of one, the link to the run is the only button."""
    interactive = changed.pop("interactive", True)
    payload = slack_bot.render(notice(**changed), interactive=interactive)
    assert [element["action_id"] for element in actions_of(payload)] == ["pullmedic_open_run"]


def test_without_a_signing_secret_the_conversation_offers_no_answers(begin: Begin) -> None:
    """Nobody could tell such an answer from a forged one."""
    sandbox = begin()
    conversation(sandbox, signing_secret="").send(notice(), now=now())
    assert [it["action_id"] for it in actions_of(sandbox.messages[0].payload)] == ["pullmedic_open_run"]


_ACTIONS = st.lists(
    st.builds(Action, st.sampled_from(ActionKind), samples.TEXTS), max_size=3, unique_by=lambda a: a.kind
)
_IDS = st.one_of(samples.TEXTS, st.just(INCIDENT))


@pytest.mark.slow
@given(samples.REPORTS, _ACTIONS.map(tuple), _IDS)
def test_no_notice_whatever_breaks_a_limit_of_slack(any_report: Report, actions: tuple[Action, ...], name: str) -> None:
    """Any Unicode of any length gives a message that Slack takes, with headline, next step and its buttons."""
    payload = slack_bot.render(notice(report=any_report, actions=actions, incident=summary(id=name)))
    assert slack.size(payload) <= slack.MAX_TOTAL
    assert 1 <= len(payload["blocks"]) <= slack.MAX_BLOCKS
    for block in payload["blocks"]:
        parsed = SlackBlock.parse(block)
        parsed.validate_json()  # type: ignore[union-attr]
        for element in parsed.elements if isinstance(parsed, ActionsBlock) else ():
            assert isinstance(element, ButtonElement | StaticSelectElement)
            element.validate_json()
        limit = 150 if block["type"] == "header" else 3_000
        assert all(1 <= sum(map(utf16_units, text)) <= limit for text in texts(block))
    assert payload["blocks"][0]["type"] == "header"
    headline = html.unescape(payload["blocks"][0]["text"]["text"])
    assert (one_line(any_report.headline) or "-").startswith(headline.removesuffix("…").rstrip())
    assert any("*Next step*" in text for text in texts(payload["blocks"]))
    if name == INCIDENT:
        assert len(actions_of(payload)) >= len(actions)


@pytest.mark.slow
@given(samples.REPORTS, _ACTIONS.map(tuple))
def test_no_notice_can_write_a_mention_or_a_link(any_report: Report, actions: tuple[Action, ...]) -> None:
    """Not one angle bracket in all that is shown: even the run's link is a button."""
    payload = slack_bot.render(notice(report=any_report, actions=actions))
    assert all("<" not in text for text in texts([block for block in payload["blocks"] if block["type"] != "actions"]))
    assert "<" not in payload["text"]


@given(st.builds(Action, st.sampled_from(ActionKind), samples.TEXTS))
def test_the_words_of_a_button_are_within_its_limit(action: Action) -> None:
    """A title of any length is one short line."""
    (element,) = [it for it in actions_of(slack_bot.render(notice(actions=(action,)))) if "url" not in it]
    text = words_of(element)
    assert 1 <= len(text) <= 75
    assert "\n" not in text


# --- set-up -----------------------------------------------------------------------------------------------


def problems(**values: str) -> dict[str, str]:
    """Return what is wrong with an otherwise good set-up."""
    good = {
        "token": "xoxb-123-456-abcDEF",
        "channel_id": "C0123456789",
        "signing_secret": "8f742231b10e8888abcd99yyyzzz85a5",
    }
    all_values = good | values
    secrets = {name: Secret(all_values[name]) for name in ("token", "signing_secret") if all_values[name]}
    return dict(slack_bot.CHANNEL.problems(Options(values={"channel_id": all_values["channel_id"]}, secrets=secrets)))


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"token": "xoxp-1-2-sentinel"}, "token", "person's token"),
        ({"token": "xapp-1-sentinel"}, "token", "app-level"),
        ({"token": "xoxe.xoxb-1-sentinel"}, "token", "rotation"),
        ({"token": "https://hooks.slack.com/services/T/B/sentinel"}, "token", "PULLMEDIC_SLACK_WEBHOOK_URL"),
        ({"token": "@Microsoft.KeyVault(SecretUri=sentinel)"}, "token", "Key Vault"),
        ({"token": "xoxb-1-2-senti\nnel"}, "token", "xoxb-"),
        ({"token": ""}, "token", "xoxb-"),
        ({"channel_id": "#ml-platform"}, "channel_id", "C0123456789"),
        ({"channel_id": "c0123"}, "channel_id", "C0123456789"),
        ({"channel_id": ""}, "channel_id", "C0123456789"),
        ({"signing_secret": "senti nel"}, "signing_secret", "Basic Information"),
        ({"signing_secret": "@Microsoft.KeyVault(sentinel)"}, "signing_secret", "Key Vault"),
    ],
)
def test_a_wrong_field_is_named_with_what_belongs_there(values: dict[str, str], field: str, said: str) -> None:
    """Each mistake that people make has its own sentence, and no sentence shows a secret."""
    found = problems(**values)
    assert list(found) == [field]
    assert said in found[field]
    assert "sentinel" not in found[field]


def test_a_good_set_up_has_no_problem_and_the_signing_secret_is_not_needed(begin: Begin) -> None:
    """The sandbox's own set-up is as good as a real one; without the signing secret messages come all the same."""
    assert problems() == problems(signing_secret="") == {}
    assert slack_bot.CHANNEL.problems(options(begin())) == {}
    assert [field.required for field in slack_bot.CHANNEL.fields] == [True, True, False]
    assert len(ACTIONS) == len(ActionKind)
