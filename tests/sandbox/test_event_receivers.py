"""An Event Grid topic, a receiver of signed webhooks and Discord, as the sandbox answers for them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from sandbox_client import Client, Start

from sandbox.services import discord, event_grid, webhook_receiver

EVENT = {"specversion": "1.0", "id": "a", "source": "/b", "type": "c", "time": "2026-11-23T12:00:00Z", "data": {"d": 1}}
BATCH = "application/cloudevents-batch+json; charset=utf-8"


def publish(client: Client, events: Any, *, key: str | None = None, kind: str = BATCH) -> tuple[int, str]:
    """Publish with the topic's key; return status and the error's message."""
    headers = {"Content-Type": kind, "aeg-sas-key": client.azure.sentinel if key is None else key}
    url = f"{event_grid.ENDPOINT}?api-version=2018-01-01"
    answer = client.call("POST", url, data=json.dumps(events), headers=headers)
    return answer.status_code, answer.json()["error"]["message"] if answer.content else ""


def test_a_topic_takes_valid_events(start: Start) -> None:
    """Required attributes, optional ones and an extension; each event is recorded."""
    client = start()
    events = [EVENT, {**EVENT, "id": "e", "subject": "f", "dataschema": "https://g", "traceparent": "h"}]
    assert publish(client, events) == (200, "")
    assert [message.payload["id"] for message in client.azure.messages] == ["a", "e"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": ""}, "the attribute id is missing"),
        ({"source": None}, "the attribute source is missing"),
        ({"type": 3}, "the attribute type is missing"),
        ({"specversion": "0.3"}, "the specversion is not 1.0"),
        ({"time": "yesterday"}, "the time is not of RFC 3339"),
        ({"time": "2026-13-45T12:00:00Z"}, "the time is not of RFC 3339"),
        ({"subject": ""}, "the attribute subject is empty"),
        ({"Bad-Name": "x"}, "Bad-Name is no name of an extension"),
        ({"data_base64": "eA=="}, "an event has data twice"),
    ],
)
def test_a_topic_refuses_what_is_no_cloud_event(start: Start, changes: dict[str, Any], said: str) -> None:
    """One invalid event refuses the batch, and nothing of it is recorded."""
    client = start()
    assert publish(client, [EVENT, {**EVENT, **changes}]) == (400, said)
    assert client.azure.messages == []


def test_a_topic_refuses_other_forms_and_strangers(start: Start) -> None:
    """Event Grid's own schema, an empty batch, a wrong key, more than a megabyte."""
    client = start()
    assert publish(client, [EVENT], kind="application/json")[0] == 400
    assert publish(client, [])[0] == 400
    assert publish(client, [EVENT], key="wrong")[0] == 401
    assert publish(client, [{**EVENT, "data": "x" * 1024 * 1024}])[0] == 413


def test_a_token_for_another_service_is_no_way_in(start: Start) -> None:
    """A token for Resource Manager is refused, and that it was sent here is a violation."""
    client = start()
    token = client.token("https://management.azure.com/")
    url = f"{event_grid.ENDPOINT}?api-version=2018-01-01"
    headers = {"Content-Type": BATCH, "Authorization": f"Bearer {token}"}
    assert client.call("POST", url, data=json.dumps([EVENT]), headers=headers).status_code == 401
    assert len(client.azure.violations) == 1
    headers["Authorization"] = f"Bearer {client.token(event_grid.AUDIENCE)}"
    assert client.call("POST", url, data=json.dumps([EVENT]), headers=headers).status_code == 200
    assert len(client.azure.violations) == 1


def test_a_receiver_checks_signature_and_age(start: Start) -> None:
    """Right and fresh is taken; another body, another secret, an old time are not."""
    client = start()
    azure = client.azure._azure
    key = base64.b64decode(webhook_receiver.secret(azure).removeprefix("whsec_"))

    def post(body: bytes, *, signed: bytes | None = None, sent_at: int | None = None) -> int:
        at = str(int(time.time()) if sent_at is None else sent_at)
        mac = hmac.new(key, f"id.{at}.".encode() + (body if signed is None else signed), hashlib.sha256).digest()
        signature = "v1,AAAA v1," + base64.b64encode(mac).decode()
        headers = {"webhook-id": "id", "webhook-timestamp": at, "webhook-signature": signature}
        return client.call("POST", webhook_receiver.webhook_url(azure), data=body, headers=headers).status_code

    assert post(b"{}") == 204
    assert post(b"{}", signed=b"[]") == 401
    assert post(b"{}", sent_at=int(time.time()) - 301) == 401
    assert post(b"{") == 400
    assert len(client.azure.messages) == 1


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        ({"content": "x"}, 204),
        ({"content": "x" * 2000}, 204),
        ({"content": "x" * 2001}, 400),
        ({"content": " "}, 400),
        ([], 400),
    ],
)
def test_discord_takes_two_thousand_characters(start: Start, payload: Any, status: int) -> None:
    """As its documentation says."""
    client = start()
    name, token = discord.apprise_url(client.azure._azure, "discord").removeprefix("discord://").split("/")
    assert client.call("POST", f"https://discord.com/api/webhooks/{name}/{token}", json=payload).status_code == status
    assert client.call("POST", f"https://discord.com/api/webhooks/{name}/x", json=payload).status_code == 404
