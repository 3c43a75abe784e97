"""The signed webhook: the specification's own vector, a receiver that checks, and a body within its limits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import notice_samples as notices
import pytest
import responder_samples as samples
from hypothesis import example, given
from test_teams import ALL_BACKSLASHES

from responders.channels import Options
from responders.channels import webhook as channel
from responders.channels._facts import message_id
from responders.channels.webhook import headers, render
from responders.declarations import Secret
from responders.notices import Notice, NoticeKind
from responders.sending import Refused, encode
from sandbox.playing import variables
from sandbox.server import Sandbox
from sandbox.services import webhook_receiver
from sandbox.world import Scenario

GOOD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "A" * 40
DOCUMENT = Path(__file__).parents[2] / "docs" / "other-channels.md"
ADDRESS = "https://hooks.contoso.example/pullmedic/x"


def options(url: str = ADDRESS, secret: str = GOOD) -> Options:
    """Return the options of a destination."""
    return Options(secrets={"url": Secret(url), "secret": Secret(secret)})


def test_the_signature_is_that_of_the_specification() -> None:
    """The vector that the specification's libraries are tested with comes out, byte for byte."""
    now = samples.NOW.fromtimestamp(1614265330, samples.NOW.tzinfo)
    made = headers("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', secret=Secret(GOOD), now=now)
    assert {name: value.reveal() for name, value in made.items()} == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_secrets_give_two_signatures() -> None:
    """While a receiver changes its secret, it can check with either."""
    both = headers("a", b"{}", secret=Secret(f"{GOOD} {OTHER}"), now=samples.NOW)["webhook-signature"].reveal()
    each = [
        headers("a", b"{}", secret=Secret(one), now=samples.NOW)["webhook-signature"].reveal() for one in (GOOD, OTHER)
    ]
    assert both.split(" ") == each
    assert each[0] != each[1]


@pytest.mark.slow
@given(notices.NOTICES)
@example(ALL_BACKSLASHES)
def test_no_notice_whatever_is_above_the_bytes(notice: Notice) -> None:
    """Any Unicode of any length gives at most 20,000 bytes of JSON with headline and next step."""
    payload = render(notice, now=samples.NOW)
    body = encode(payload)
    assert len(body) <= channel.MAX_BYTES
    assert json.loads(body) == payload
    assert payload["data"]["report"]["headline"]
    run_url = payload["data"]["report"]["run_url"]
    assert run_url in ("", notice.report.run_url)


@given(notices.NOTICES)
def test_the_id_can_stand_in_a_header_and_in_what_is_signed(notice: Notice) -> None:
    """It holds no full stop, which would let two messages have one signature."""
    made = headers(message_id(notice), b"{}", secret=Secret(GOOD), now=samples.NOW)
    assert all(c.isalnum() or c in "-_" for c in made["webhook-id"].reveal())


def test_each_try_has_the_same_id_and_each_thing_said_another() -> None:
    """A receiver can drop duplicates, and drops nothing else."""
    kinds = [notices.notice(kind) for kind in NoticeKind]
    ids = [message_id(notice) for notice in kinds]
    assert len(set(ids)) == len(ids)
    assert message_id(notices.notice(possible_repeat=True)) == message_id(notices.notice())
    more = notices.notice(NoticeKind.REPEATED, incident=notices.incident(count=18))
    assert message_id(more) not in ids
    later = replace(notices.fix_summary(), serial=2)
    assert message_id(notices.notice(NoticeKind.FIX, incident=notices.incident(fix=later))) not in ids


def test_the_body_is_what_the_document_says() -> None:
    """Type, time and schema on top; the incident's facts as they are stored; the report as plain blocks."""
    body: Any = render(notices.notice(NoticeKind.REPEATED), now=samples.NOW)
    assert (body["type"], body["timestamp"], body["schema"]) == ("incident.repeated", "2026-11-23T14:00:00Z", 1)
    assert body["data"]["key"] == "f1-1-teams"
    incident = body["data"]["incident"]
    assert (incident["cause"], incident["count"], incident["state"]) == ("pull-role-missing", 17, "open")
    assert len(incident["runs"]) == 10
    report = body["data"]["report"]
    assert report["headline"] == "Confirmed: cpu-4's identity may not pull from acr1."
    assert {"code": samples.COMMAND, "caption": ""} in report["next_step"]
    assert report["blocks"][0]["title"] == "Incident"
    assert report["cut"] == ""


def test_the_document_shows_the_fields_that_are_sent() -> None:
    """The example of the document has the very fields, at every level."""
    blocks = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    body: Any = render(notices.notice(), now=samples.NOW)
    shown = json.loads(blocks[0])
    assert shown.keys() == body.keys()
    assert shown["data"].keys() == body["data"].keys()
    for part in ("incident", "report"):
        assert shown["data"][part].keys() == body["data"][part].keys()


def test_a_cut_is_announced() -> None:
    """A receiver that shows the report can say what it lacks."""
    long = notices.report()
    long = type(long)(
        headline=long.headline,
        next_step=long.next_step,
        verdict=long.verdict,
        blocks=tuple(block for _ in range(40) for block in long.blocks),
    )
    body: Any = render(notices.notice(report=long), now=samples.NOW)
    assert "Cut for length" in body["data"]["report"]["cut"]


def test_a_secret_in_a_name_is_not_sent() -> None:
    """The facts of an incident are names that somebody chose, and pass the redactor."""
    facts = notices.incident(target="docker login -p hunter2hunter2 password=hunter2hunter2")
    assert b"hunter2hunter2" not in encode(render(notices.notice(incident=facts), now=samples.NOW))


@pytest.mark.parametrize(
    ("url", "secret", "wrong"),
    [
        (ADDRESS, GOOD, set()),
        (ADDRESS, f"{GOOD} {OTHER}", set()),
        ("http://hooks.contoso.example/x", GOOD, {"url"}),
        ("https://user:pw@hooks.contoso.example/x", GOOD, {"url"}),
        ("https://hooks.slack.com/services/a", GOOD, {"url"}),
        ("https://prod.westeurope.logic.azure.com/workflows/x?sig=a", GOOD, {"url"}),
        (ADDRESS, "", {"secret"}),
        (ADDRESS, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", {"secret"}),
        (ADDRESS, "whsec_c2hvcnQ=", {"secret"}),
        (ADDRESS, "whsec_not base64!", {"secret"}),
        (ADDRESS, f"{GOOD} whsec_x", {"secret"}),
    ],
)
def test_what_is_wrong_is_named_and_not_shown(url: str, secret: str, wrong: set[str]) -> None:
    """Any https host may be named; a secret that could be guessed may not."""
    found = channel.CHANNEL.problems(options(url, secret))
    assert set(found) == wrong
    assert "MfKQ" not in str(found)


EMPTY = Scenario(id="empty", source=None, world={})


@contextmanager
def simulated(scenario: Scenario = EMPTY) -> Iterator[Sandbox]:
    """Run a sandbox that this process is pointed at, at the samples' time."""
    with Sandbox(scenario, now=samples.NOW.timestamp) as azure, variables(azure.environment):
        yield azure


def test_a_receiver_that_checks_takes_it() -> None:
    """A receiver that knows the specification alone verifies the post over HTTPS and reads the body."""
    with simulated() as azure:
        there = options(webhook_receiver.webhook_url(azure._azure), webhook_receiver.secret(azure._azure))
        channel.CHANNEL.connect(there).send(notices.notice(), now=samples.NOW)
        assert [message.payload["type"] for message in azure.messages] == ["incident.opened"]


def test_a_receiver_with_another_secret_refuses_it() -> None:
    """And the refusal shows neither the address nor the secret."""
    with simulated() as azure:
        there = options(webhook_receiver.webhook_url(azure._azure), GOOD)
        with pytest.raises(Refused, match="refused with 401") as caught:
            channel.CHANNEL.connect(there).send(notices.notice(), now=samples.NOW)
        assert azure.messages == []
    assert azure.sentinel not in str(caught.value)
    assert "MfKQ" not in str(caught.value)
