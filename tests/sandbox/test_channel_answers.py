"""Slack's and Teams' webhooks as the sandbox answers for them."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox_client import Start


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
    slack, teams = client.azure.slack_webhook_url, client.azure.teams_webhook_url
    assert client.call("POST", f"{slack}x", json={"text": "x"}).status_code == 404
    assert client.call("POST", f"{teams}x", json={"text": "x"}).status_code == 401
    assert client.call("POST", slack, data="{").text == "invalid_payload"
    assert client.call("POST", teams, data="{").status_code == 400
    assert client.azure.messages == []


def test_teams_limit(start: Start) -> None:
    """A workflow refuses a message beyond 28 KiB."""
    client = start()
    assert client.call("POST", client.azure.teams_webhook_url, data=b" " * (28 * 1024 + 1)).status_code == 413
