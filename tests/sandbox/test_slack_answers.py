"""The simulated workspace of Slack, spoken to by Slack's own client: shapes, limits, errors, paging, addresses."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import pytest
from sandbox_client import Client, Start
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier

from sandbox.services.slack import BOT, Slack
from sandbox.slack_person import Person

CHANNEL = "C0000000001"
META = {"event_type": "x", "event_payload": {"key": "k"}}


@pytest.fixture
def client(start: Start) -> Client:
    """A sandbox of its own."""
    return start()


@pytest.fixture
def slack(client: Client) -> Slack:
    """Its workspace."""
    return client.azure.slack_workspace


@pytest.fixture
def web(client: Client, slack: Slack) -> Callable[..., WebClient]:
    """Give a function that opens Slack's own client, with the app's token unless told otherwise."""
    trusted = ssl.create_default_context(cafile=client.azure.environment["SSL_CERT_FILE"])

    def opened(token: str = "") -> WebClient:
        return WebClient(token=token or slack.token, proxy=client.azure.url, ssl=trusted, retry_handlers=[])

    return opened


def failure(call: Callable[[], Any]) -> str:
    """Return the code with which a call fails."""
    with pytest.raises(SlackApiError) as failed:
        call()
    return str(failed.value.response["error"])


def test_slacks_own_client_posts_edits_and_reads(slack: Slack, web: Callable[..., WebClient]) -> None:
    """One message through its life, a reply that the history leaves out, and metadata for who asks for it."""
    talk = web()
    assert talk.auth_test()["bot_id"] == BOT
    posted = talk.chat_postMessage(channel=CHANNEL, text="a", blocks=[_section()], metadata=META)
    talk.chat_postMessage(channel=CHANNEL, text="reply", thread_ts=posted["ts"])
    updated = talk.chat_update(channel=CHANNEL, ts=posted["ts"], text="b", blocks=[])
    assert (posted["channel"], updated["ts"], updated["message"]["text"]) == (CHANNEL, posted["ts"], "b")
    (seen,) = talk.conversations_history(channel=CHANNEL, include_all_metadata=True)["messages"]
    assert (seen["text"], seen["blocks"], seen["metadata"], seen["bot_id"]) == ("b", [], META, BOT)
    assert "metadata" not in talk.conversations_history(channel=CHANNEL)["messages"][0]
    assert [it.text for it in slack.messages()] == ["b", "reply"]


def test_history_comes_in_pages_newest_first(slack: Slack, web: Callable[..., WebClient]) -> None:
    """A cursor leads on; what is not newer than ``oldest`` is left out."""
    written = [slack.write(CHANNEL, str(number)) for number in range(5)]
    first = web().conversations_history(channel=CHANNEL, limit=2)
    second = web().conversations_history(
        channel=CHANNEL, limit=2, cursor=first["response_metadata"]["next_cursor"], oldest=written[1].ts
    )
    assert [it["text"] for it in first["messages"]] == ["4", "3"]
    assert [it["text"] for it in second["messages"]] == ["2"]
    assert (first["has_more"], second["has_more"]) == (True, False)


def test_errors_are_slacks_own(slack: Slack, web: Callable[..., WebClient]) -> None:
    """Each error by its code, as Slack's client reads it."""
    slack.channels |= {"C0000000008": "is_archived", "C0000000009": "not_in_channel"}
    theirs = slack.write(CHANNEL, "theirs")

    def post(**arguments: Any) -> Callable[[], Any]:
        return lambda: web().chat_postMessage(**{"channel": CHANNEL, "text": "x", **arguments})

    assert failure(lambda: web("xoxb-wrong").auth_test()) == "invalid_auth"
    assert failure(post(channel="C1")) == "channel_not_found"
    assert failure(post(channel="C0000000008")) == "is_archived"
    assert failure(post(channel="C0000000009")) == "not_in_channel"
    assert failure(lambda: web().api_call("chat.postMessage", json={"channel": CHANNEL})) == "no_text"
    assert failure(post(text="x" * 40_001)) == "msg_too_long"
    assert failure(post(blocks=[_section()] * 51)) == "invalid_blocks"
    assert failure(post(blocks=[_section(3_000)] * 5)) == "msg_blocks_too_long"
    assert failure(post(metadata={"event_type": "x"})) == "invalid_metadata_format"
    assert failure(post(metadata={"event_type": "x", "event_payload": {"k": "x" * 20_000}})) == "metadata_too_large"
    assert failure(lambda: web().chat_update(channel=CHANNEL, ts="1.1", text="x")) == "message_not_found"
    assert failure(lambda: web().chat_update(channel=CHANNEL, ts=theirs.ts, text="x")) == "cant_update_message"
    slack.scopes.clear()
    assert failure(post()) == "missing_scope"
    assert failure(lambda: web().conversations_history(channel=CHANNEL)) == "missing_scope"


@pytest.mark.parametrize(
    "element",
    [
        {"type": "button", "text": {"type": "plain_text", "text": "x" * 76}},
        {"type": "static_select", "placeholder": {"type": "plain_text", "text": "x"}, "options": []},
        {
            "type": "static_select",
            "placeholder": {"type": "plain_text", "text": "x"},
            "options": [{"text": {"type": "plain_text", "text": "x"}, "value": "v" * 151}],
        },
    ],
)
def test_what_can_be_pressed_has_limits(web: Callable[..., WebClient], element: dict[str, Any]) -> None:
    """Words of a button, options of a choice and their values; and no two of one name in a block."""
    block = {"type": "actions", "elements": [element]}
    assert failure(lambda: web().chat_postMessage(channel=CHANNEL, text="x", blocks=[block])) == "invalid_blocks"
    twice = [{"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "x"}}] * 2
    block = {"type": "actions", "elements": twice}
    assert failure(lambda: web().chat_postMessage(channel=CHANNEL, text="x", blocks=[block])) == "invalid_blocks"


def test_a_pace_and_an_edit_window_can_be_asked_for(slack: Slack, web: Callable[..., WebClient]) -> None:
    """The second message within the pace is 429 with its wait, and an old one cannot be edited."""
    clock = [1_700_000_000.0]
    slack.now, slack.pace_s, slack.edit_window_s = lambda: clock[0], 1, 60
    first = web().chat_postMessage(channel=CHANNEL, text="a")
    with pytest.raises(SlackApiError) as limited:
        web().chat_postMessage(channel=CHANNEL, text="b")
    assert (limited.value.response.status_code, limited.value.response.headers["Retry-After"]) == (429, "1")
    clock[0] += 61
    assert web().chat_postMessage(channel=CHANNEL, text="b")["ok"]
    assert failure(lambda: web().chat_update(channel=CHANNEL, ts=first["ts"], text="x")) == "edit_window_closed"


def test_an_address_for_answers_has_five_uses_and_half_an_hour(client: Client, slack: Slack) -> None:
    """Then it is gone, and so is one with a wrong secret."""
    clock = [1_700_000_000.0]
    slack.now = lambda: clock[0]
    url, other = slack.response_url(), slack.response_url("commands")
    said = [client.call("POST", url, json={"text": "x"}) for _ in range(6)]
    assert [answer.text for answer in said[:5]] == ["ok"] * 5
    assert (said[5].status_code, said[5].json()["error"]) == (404, "used_url")
    assert client.call("POST", f"{other}x", json={"text": "x"}).status_code == 404
    clock[0] += 1_801
    assert client.call("POST", other, json={"text": "x"}).json()["error"] == "expired_url"
    assert [it.channel for it in client.azure.messages] == ["slack-answer"] * 5


def test_what_a_person_sends_is_signed_as_slack_signs(slack: Slack) -> None:
    """Slack's own verifier takes it."""

    class Clock:
        def now(self) -> float:
            return slack.now()

    request = Person(slack).types("help")
    verifier = SignatureVerifier(slack.signing_secret, Clock())  # type: ignore[arg-type]
    assert verifier.is_valid_request(request.body, dict(request.headers))


def _section(length: int = 1) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": "x" * length}}
