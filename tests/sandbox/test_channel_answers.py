"""Slack's and Teams' webhooks as the sandbox answers for them."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox_client import Start

from sandbox.services import teams


def section(length: int = 1) -> dict[str, Any]:
    """Make a section of that length."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": "x" * length}}


def test_messages_are_recorded_in_order(start: Start) -> None:
    """What the channels accept is recorded with the channel, first come first."""
    client = start()
    azure = client.azure
    urls = (
        azure.slack_webhook_url,
        azure.teams_webhook_url,
        azure.slack_fallback_webhook_url,
        azure.teams_fallback_webhook_url,
    )
    answers = [client.call("POST", url, json={"text": f"{it}"}) for it, url in enumerate(urls)]
    assert [(it.status_code, it.text) for it in answers] == [(200, "ok"), (202, ""), (200, "ok"), (202, "")]
    channels = ["slack", "teams", "slack-fallback", "teams-fallback"]
    assert [(it.channel, it.payload["text"]) for it in azure.messages] == [
        (name, f"{n}") for n, name in enumerate(channels)
    ]
    azure.reset()
    assert (azure.messages, azure.calls, azure.hosts) == ([], [], [])


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({}, "no_text"),
        ([], "invalid_payload"),
        ({"blocks": [section()] * 51}, "invalid_blocks"),
        ({"blocks": [section(3001)]}, "invalid_blocks"),
        (
            {"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]},
            "invalid_blocks",
        ),
        ({"blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]}, "invalid_blocks"),
        (
            {"blocks": [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}]},
            "invalid_blocks",
        ),
        (
            {"blocks": [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}]},
            "invalid_blocks",
        ),
        (
            {
                "blocks": [
                    {
                        "type": "actions",
                        "elements": [{"type": "button", "text": {"type": "plain_text", "text": "x" * 76}}],
                    }
                ]
            },
            "invalid_blocks",
        ),
        ({"blocks": [{"type": "nonsense"}]}, "invalid_blocks"),
        ({"blocks": [section(3000)] * 5}, "msg_blocks_too_long"),
        ({"text": "x" * 40_001}, "msg_too_long"),
    ],
)
def test_slack_limits(start: Start, payload: object, problem: str) -> None:
    """A message beyond Slack's limits is 400 with Slack's word for it, and is not recorded."""
    client = start()
    answer = client.call("POST", client.azure.slack_webhook_url, json=payload)
    assert (answer.status_code, answer.text) == (400, problem)
    assert client.azure.messages == []


def test_slack_accepts_what_is_within_the_limits(start: Start) -> None:
    """Every kind of block at its limit passes, as a form too."""
    client = start()
    button = {"type": "button", "text": {"type": "plain_text", "text": "x" * 75}, "value": "v" * 2000}
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "x" * 150}},
        section(3000),
        {"type": "divider"},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 10},
        {"type": "actions", "elements": [button]},
        {"type": "markdown", "text": "x"},
    ]
    assert client.call("POST", client.azure.slack_webhook_url, json={"blocks": blocks}).text == "ok"
    assert client.call("POST", client.azure.slack_webhook_url, data={"payload": '{"text": "x"}'}).text == "ok"


def test_wrong_addresses(start: Start) -> None:
    """A wrong secret is refused by either channel; a body that is no JSON too."""
    client = start()
    slack, flow = client.azure.slack_webhook_url, client.azure.teams_webhook_url
    assert client.call("POST", f"{slack}x", json={"text": "x"}).status_code == 404
    assert client.call("POST", f"{flow}x", json={"text": "x"}).status_code == 401
    assert client.call("POST", slack, data="{").text == "invalid_payload"
    assert client.call("POST", flow, data="{").status_code == 400
    assert client.azure.messages == []


def test_teams_limit(start: Start) -> None:
    """A workflow refuses a request beyond 256 KiB."""
    client = start()
    assert client.call("POST", client.azure.teams_webhook_url, data=b" " * (256 * 1024 + 1)).status_code == 413


def card(*body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Make a message with a card of these elements."""
    content = {"type": "AdaptiveCard", "version": "1.2", "body": list(body), **changes}
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": content}]}


TEXT = {"type": "TextBlock", "text": "x", "wrap": True}


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (card(TEXT), None),
        (card({"type": "Container", "items": [TEXT]}), None),
        ([], "no message with attachments"),
        ({"text": "x"}, "no message with attachments"),
        ({**card(TEXT), "attachments": [{"contentType": "text/html", "content": {}}]}, "no Adaptive Card"),
        (card(TEXT, version="2.0"), "a version"),
        (card({**TEXT, "text": "x" * 28 * 1024}), "bytes are more than"),
        (card({"type": "Input.Text", "id": "a"}), "Input.Text"),
        (
            card({"type": "Container", "items": [{"type": "ActionSet", "actions": [{"type": "Action.Submit"}]}]}),
            "Submit",
        ),
        (card({**TEXT, "colour": "Good"}), "no property colour"),
        (card({**TEXT, "text": " "}), "no text"),
        (card({"type": "FactSet", "facts": [{"title": "a", "value": ""}]}), "a fact"),
        (card(actions=[{"type": "Action.OpenUrl", "title": "x", "url": "javascript:x"}]), "opens no https"),
    ],
)
def test_teams_says_taken_and_drops_in_silence(start: Start, payload: object, problem: str | None) -> None:
    """The answer is 202 whatever comes after it; what nobody would see is a violation."""
    client = start()
    assert client.call("POST", client.azure.teams_webhook_url, json=payload).status_code == 202
    if problem is None:
        assert client.azure.violations == []
    else:
        assert problem in client.azure.violations[0].rule


def test_both_families_of_addresses_are_served(start: Start) -> None:
    """Power Automate's own address and the one of Azure Logic Apps lead to the same channel."""
    client = start()
    urls = [teams.webhook_url(client.azure._azure, "teams", host) for host in (teams.HOST, teams.LOGIC_APPS_HOST)]
    assert [client.call("POST", url, json=card(TEXT)).status_code for url in urls] == [202, 202]
    assert [message.channel for message in client.azure.messages] == ["teams", "teams"]
