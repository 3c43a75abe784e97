"""What arrives from Slack: only what Slack signed just now is read, and nothing that anybody sends ever raises."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
import responder_samples as samples
from hypothesis import given
from hypothesis import strategies as st
from slack_samples import INCIDENT, notice, world

from responders.channels import slack_bot
from responders.declarations import Secret
from responders.settings import load_settings
from responders.slack_requests import (
    HELP,
    HttpAnswer,
    Interaction,
    InteractionKind,
    Malformed,
    answer,
    duration,
    interaction_from_json,
    interaction_to_json,
    may_answer_to,
    signing_secret,
)
from sandbox import Sandbox
from sandbox.services.slack import Posted, Slack
from sandbox.slack_person import Person, Signed, signed

NOW = samples.NOW
SECRET = Secret("8f742231b10e8888abcd99yyyzzz85a5")
# Slack's own example, "Verifying requests from Slack": secret, time, body and signature belong together.
EXAMPLE = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
EXAMPLE_SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


class Queue(list[str]):
    """The queue of interactions."""

    @property
    def asked(self) -> Interaction:
        """The one interaction that was queued."""
        (text,) = self
        return interaction_from_json(text)


@pytest.fixture(scope="module")
def slack() -> Iterator[Slack]:
    """A workspace whose clock stands at the samples' time."""
    with Sandbox(world()) as sandbox:
        sandbox.slack_workspace.now = NOW.timestamp
        yield sandbox.slack_workspace


@pytest.fixture
def queue() -> Queue:
    """An empty queue."""
    return Queue()


def message(slack: Slack) -> Posted:
    """Return a message of ours as it stands in the channel."""
    payload = slack_bot.render(notice())
    return Posted(channel="C0000000001", ts="1700000000.000100", text="x", blocks=tuple(payload["blocks"]))


def take(request: Signed, queue: Queue, secret: str, now: datetime = NOW) -> HttpAnswer:
    """Give a request to the app."""
    return answer(request.headers, request.body, secret=Secret(secret), now=now, enqueue=queue.append)


def test_slacks_own_example_is_verified(queue: Queue) -> None:
    """The signature that Slack's documentation works out is taken, and that of another body is not."""
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": EXAMPLE_SIGNATURE,
    }
    at = datetime.fromtimestamp(1531420618, UTC)
    said = answer(headers, EXAMPLE, secret=SECRET, now=at, enqueue=queue.append)
    assert (said.status, json.loads(said.body)) == (200, {"response_type": "ephemeral", "text": HELP})
    assert answer(headers, EXAMPLE + b"x", secret=SECRET, now=at, enqueue=queue.append).status == 401
    assert queue == []


# --- what is taken ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action_id", "option", "kind", "seconds"),
    [
        ("pullmedic_right", "", InteractionKind.RIGHT, 0),
        ("pullmedic_wrong", "", InteractionKind.WRONG, 0),
        ("pullmedic_snooze", "For 1 hour", InteractionKind.SNOOZE, 3_600),
        ("pullmedic_snooze", "For 1 day", InteractionKind.SNOOZE, 86_400),
        ("pullmedic_snooze", "For 1 week", InteractionKind.SNOOZE, 604_800),
    ],
)
def test_a_button_of_ours_becomes_an_interaction(
    slack: Slack, queue: Queue, action_id: str, option: str, kind: InteractionKind, seconds: int
) -> None:
    """Each button says what its words say, about the incident of its message, and is confirmed with nothing to show."""
    request = Person(slack).presses(message(slack), action_id, option)
    assert take(request, queue, slack.signing_secret) == HttpAnswer(status=200)
    asked = queue.asked
    assert (asked.kind, asked.subject, asked.seconds) == (kind, INCIDENT, seconds)
    assert (asked.user_id, asked.user_name, asked.channel) == ("U0000000123", "dana.weber", "C0000000001")
    assert asked.at == NOW
    assert asked.response_url.startswith("https://hooks.slack.com/actions/")
    assert asked.response_url not in repr(asked)


def test_the_link_to_the_run_is_confirmed_and_asks_for_nothing(slack: Slack, queue: Queue) -> None:
    """Slack reports the press of a link, too: without an answer it would show a warning."""
    request = Person(slack).presses(message(slack), "pullmedic_open_run")
    assert take(request, queue, slack.signing_secret) == HttpAnswer(status=200)
    assert queue == []


@pytest.mark.parametrize(
    ("text", "kind", "subject", "seconds"),
    [
        ("why calm_net_7xk2", InteractionKind.WHY, "calm_net_7xk2", 0),
        ("  WHY   `calm_net_7xk2` ", InteractionKind.WHY, "calm_net_7xk2", 0),
        ("status", InteractionKind.STATUS, "", 0),
        (f"snooze {INCIDENT} 2h", InteractionKind.SNOOZE, INCIDENT, 7_200),
        (f"snooze {INCIDENT} 30 min", InteractionKind.SNOOZE, INCIDENT, 1_800),
        (f"Snooze “{INCIDENT}” 1d", InteractionKind.SNOOZE, INCIDENT, 86_400),
    ],
)
def test_a_command_becomes_an_interaction_and_is_answered_at_once(
    slack: Slack, queue: Queue, text: str, kind: InteractionKind, subject: str, seconds: int
) -> None:
    """Who typed it sees at once that it is being looked at, and nobody else does."""
    said = take(Person(slack).types(text), queue, slack.signing_secret)
    assert (said.status, json.loads(said.body)["response_type"]) == (200, "ephemeral")
    assert said.content_type.startswith("application/json")
    asked = queue.asked
    assert (asked.kind, asked.subject, asked.seconds) == (kind, subject, seconds)
    assert asked.response_url.startswith("https://hooks.slack.com/commands/")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "/pullmedic why RUN"),
        ("help", "/pullmedic why RUN"),
        ("dance", "/pullmedic why RUN"),
        ("why", "Say which run"),
        ("why <!channel>!", "Say which run"),
        ("why a b", "Say which run"),
        ("snooze", "Say which incident"),
        (f"snooze {INCIDENT}", "Say which incident"),
        (f"snooze {INCIDENT} forever", "Say which incident"),
        (f"snooze {INCIDENT} 1m", "Say which incident"),
        (f"snooze {INCIDENT} 5w", "Say which incident"),
        (f"snooze ../{INCIDENT} 2h", "Say which incident"),
    ],
)
def test_a_command_that_asks_for_nothing_known_is_answered_with_how(
    slack: Slack, queue: Queue, text: str, said: str
) -> None:
    """Nothing is queued; the answer tells how to ask, and repeats none of what was typed."""
    told = take(Person(slack).types(text), queue, slack.signing_secret)
    assert told.status == 200
    assert said in json.loads(told.body)["text"]
    assert "<!" not in told.body
    assert queue == []


def test_a_look_at_the_certificate_is_confirmed(slack: Slack, queue: Queue) -> None:
    """Slack checks a command's address now and then (ssl_check)."""
    request = signed(slack.signing_secret, b"ssl_check=1&token=x", at=NOW.timestamp())
    assert take(request, queue, slack.signing_secret) == HttpAnswer(status=200)


# --- what comes twice -------------------------------------------------------------------------------------


def test_the_same_press_has_the_same_key_and_another_has_another(slack: Slack) -> None:
    """Whoever delivers a request again, however it is signed anew, gives the claim the same name."""
    person, keys = Person(slack), []
    first = person.presses(message(slack), "pullmedic_right")
    later = signed(slack.signing_secret, first.body, at=NOW.timestamp() + 9)
    other = person.presses(message(slack), "pullmedic_right")
    for request in (first, first, later, other):
        queue = Queue()
        take(request, queue, slack.signing_secret, NOW + timedelta(seconds=10))
        keys.append(queue.asked.key)
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_without_a_trigger_the_signature_names_the_request(slack: Slack) -> None:
    """A copy of it still has the same key."""
    request, keys = Person(slack).types("status", trigger_id=""), set()
    for _ in range(2):
        queue = Queue()
        take(request, queue, slack.signing_secret)
        keys.add(queue.asked.key)
    assert len(keys) == 1


def test_a_repeat_that_slack_marks_is_confirmed_and_not_queued(slack: Slack, queue: Queue) -> None:
    """Slack tries again where an answer came too late: it is the same request."""
    request = Person(slack).types("status")
    again = Signed({**request.headers, "X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}, request.body)
    assert take(again, queue, slack.signing_secret).status == 200
    assert queue == []


# --- what is refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "status"), [(-301, 401), (-300, 200), (0, 200), (60, 200), (61, 401)])
def test_only_a_request_of_now_is_taken(slack: Slack, queue: Queue, seconds: int, status: int) -> None:
    """Five minutes for the way, one for clocks that differ; a replay is refused although its signature is right."""
    request = signed(
        slack.signing_secret, Person(slack).form(message(slack), "pullmedic_right"), at=NOW.timestamp() + seconds
    )
    assert take(request, queue, slack.signing_secret).status == status
    assert len(queue) == (status == 200)


@pytest.mark.parametrize(
    "changed",
    [
        {"X-Slack-Signature": None},
        {"X-Slack-Request-Timestamp": None},
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": "v1=" + "0" * 64},
        {"X-Slack-Signature": "v0=é"},
        {"X-Slack-Signature": ""},
        {"X-Slack-Request-Timestamp": "soon"},
        {"X-Slack-Request-Timestamp": "-1"},
        {"X-Slack-Request-Timestamp": "1" * 400},
        {"X-Slack-Request-Timestamp": "١٢٣"},
        {"X-Slack-Request-Timestamp": str(int(NOW.timestamp()) + 1)},
    ],
)
def test_a_request_that_slack_did_not_sign_is_refused(
    slack: Slack, queue: Queue, changed: dict[str, str | None]
) -> None:
    """A header that is missing, malformed or of another request is 401, and nothing is read of the body."""
    request = Person(slack).presses(message(slack), "pullmedic_right")
    headers = {name: value for name, value in {**request.headers, **changed}.items() if value is not None}
    assert take(Signed(headers, request.body), queue, slack.signing_secret).status == 401
    assert queue == []


@pytest.mark.parametrize("secret", ["", "  ", "another"])
def test_without_the_apps_own_secret_nothing_is_taken(slack: Slack, queue: Queue, secret: str) -> None:
    """An empty secret would let anybody sign; a wrong one is told as such. Neither is shown."""
    request = signed(secret, Person(slack).form(message(slack), "pullmedic_right"), at=NOW.timestamp())
    refused = take(request, queue, secret if not secret.strip() else slack.signing_secret)
    assert refused.status in (401, 403)
    assert slack.azure.sentinel not in refused.body
    assert queue == []


def changed_form(slack: Slack, **changes: Any) -> bytes:
    """Return the form of a press whose payload is changed; ``...`` takes a member away."""
    payload = json.loads(parse_qs(Person(slack).form(message(slack), "pullmedic_right").decode())["payload"][0])
    kept = {key: value for key, value in {**payload, **changes}.items() if value is not ...}
    return urlencode({"payload": json.dumps(kept)}).encode()


def snoozed(value: Any) -> dict[str, Any]:
    """Return the action of a chosen time."""
    return {"action_id": "pullmedic_snooze", "selected_option": {"value": value}}


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "view_submission"},
        {"type": ...},
        {"actions": ...},
        {"actions": []},
        {"actions": [7]},
        {"actions": [{"action_id": "delete_everything", "value": INCIDENT}]},
        {"actions": [{"action_id": "pullmedic_right"}]},
        {"actions": [{"action_id": "pullmedic_right", "value": "<!channel> x"}]},
        {"actions": [{"action_id": "pullmedic_right", "value": {"a": 1}}]},
        {"actions": [{"action_id": ["pullmedic_right"], "value": INCIDENT}]},
        {"actions": [snoozed(f"{INCIDENT} 3601")]},
        {"actions": [snoozed(f"{INCIDENT} 0")]},
        {"actions": [snoozed("3600")]},
        {"actions": [snoozed(None)]},
        {"actions": [{"action_id": "pullmedic_snooze", "selected_option": []}]},
        {"user": {"id": "u1; drop"}},
        {"user": ...},
        {"channel": {"id": 7}},
        {"channel": ...},
        {"response_url": ...},
        {"response_url": "https://hooks.slack.com.evil.example/actions/T/1/x"},
        {"response_url": "http://hooks.slack.com/actions/T/1/x"},
        {"response_url": "https://hooks.slack.com:444/actions/T/1/x"},
        {"response_url": "https://hooks.slack.com@evil.example/x"},
    ],
)
def test_a_payload_that_this_app_does_not_offer_is_400(slack: Slack, queue: Queue, changes: dict[str, Any]) -> None:
    """Signed or not, what no button of ours sends is refused with a word about it, and nothing is queued."""
    request = signed(slack.signing_secret, changed_form(slack, **changes), at=NOW.timestamp())
    refused = take(request, queue, slack.signing_secret)
    assert refused.status == 400
    assert refused.body
    assert queue == []


@pytest.mark.parametrize(
    "body",
    [b"", b"a=1", b"payload=", b"payload=7", b"payload=%7B", b"payload=" + b"%5B" * 9_000, b"\xff\xfe", b"&" * 300],
)
def test_a_form_that_cannot_be_read_is_400(slack: Slack, queue: Queue, body: bytes) -> None:
    """Broken JSON, nested without end, bytes that are no text: a word, and no exception."""
    refused = take(signed(slack.signing_secret, body, at=NOW.timestamp()), queue, slack.signing_secret)
    assert refused.status in (400, 401)
    assert queue == []


def test_a_body_that_is_no_form_or_too_large_is_refused(slack: Slack, queue: Queue) -> None:
    """JSON is not how buttons and commands come; half a mebibyte is far beyond both."""
    body = Person(slack).form(message(slack), "pullmedic_right")
    as_json = signed(slack.signing_secret, body, at=NOW.timestamp(), content_type="application/json")
    assert take(as_json, queue, slack.signing_secret).status == 400
    huge = signed(slack.signing_secret, b"a=" + b"x" * 600_000, at=NOW.timestamp())
    assert take(huge, queue, slack.signing_secret).status == 413


_HEADERS = st.dictionaries(
    st.one_of(
        st.sampled_from(["X-Slack-Signature", "x-slack-request-timestamp", "Content-Type", "X-Slack-Retry-Num"]),
        st.text(max_size=20),
    ),
    st.one_of(
        st.text(max_size=80),
        st.just(str(int(NOW.timestamp()))),
        st.just("v0=" + "a" * 64),
        st.just("application/x-www-form-urlencoded"),
    ),
    max_size=6,
)


@given(_HEADERS, st.binary(max_size=400))
def test_no_request_whatever_raises(headers: dict[str, str], body: bytes) -> None:
    """Arbitrary headers and bytes, from anybody: a status of 4xx, and nothing queued."""
    queue = Queue()
    assert 400 <= answer(headers, body, secret=SECRET, now=NOW, enqueue=queue.append).status < 500
    assert queue == []


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
_PART = st.sampled_from(["type", "actions", "user", "channel", "response_url", "trigger_id"])
_ACTION = st.fixed_dictionaries(
    {"action_id": st.one_of(_JSON, st.sampled_from(["pullmedic_right", "pullmedic_snooze", "pullmedic_open_run"]))},
    optional={"value": _JSON, "selected_option": st.one_of(_JSON, st.fixed_dictionaries({"value": _JSON}))},
)


@given(
    st.one_of(_JSON, st.dictionaries(_PART, st.one_of(_JSON, st.lists(_ACTION, max_size=2)), max_size=6)),
    st.binary(max_size=99),
)
def test_no_signed_request_whatever_raises_either(payload: Any, tail: bytes) -> None:
    """Even with a right signature a payload of any shape is read or refused, and what is queued can be read again."""
    form = urlencode({"payload": json.dumps(payload)}).encode()
    for body in (form, tail, form + b"&" + tail, b"command=x&text=" + tail):
        queue = Queue()
        request = signed(SECRET.reveal(), body, at=NOW.timestamp())
        assert take(request, queue, SECRET.reveal()).status in (200, 400, 401)
        assert all(interaction_from_json(text) for text in queue)


@given(samples.TEXTS, samples.TEXTS)
def test_whatever_is_typed_the_answer_is_one_of_ours(text: str, name: str) -> None:
    """Any words, any name: a plain answer that repeats none of them, and a name that is one clean short line."""
    queue = Queue()
    form = {"command": "/pullmedic", "text": text, "user_id": "U1", "user_name": name, "channel_id": "C1"}
    encoded = urlencode({**form, "response_url": "https://hooks.slack.com/commands/T/1/x"}, errors="replace").encode()
    said = take(signed(SECRET.reveal(), encoded, at=NOW.timestamp()), queue, SECRET.reveal())
    assert said.status == 200
    assert json.loads(said.body)["text"].startswith(("/pullmedic", "Say which", "Looking"))
    for queued in queue:
        asked = interaction_from_json(queued)
        assert len(asked.user_name) <= 80
        assert "\n" not in asked.user_name


# --- the queue's message ----------------------------------------------------------------------------------


def test_what_the_queue_carries_is_read_back_as_it_was(slack: Slack, queue: Queue) -> None:
    """Writing and reading are inverse, and the message is small."""
    take(Person(slack).types(f"snooze {INCIDENT} 2h"), queue, slack.signing_secret)
    (text,) = queue
    assert interaction_to_json(interaction_from_json(text)) == text
    assert len(text) < 2_000


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "delete"},
        {"kind": None},
        {"at": "soon"},
        {"at": "2026-11-23T12:00:00"},
        {"subject": "a b"},
        {"subject": 7},
        {"seconds": 1},
        {"seconds": "3600"},
        {"user_id": ""},
        {"response_url": "https://evil.example/x"},
        {"more": 1},
    ],
)
def test_a_message_that_nobody_wrote_here_is_malformed(slack: Slack, queue: Queue, changes: dict[str, Any]) -> None:
    """What stands in the queue is checked again: somebody could have put it there by hand."""
    take(Person(slack).types(f"snooze {INCIDENT} 2h"), queue, slack.signing_secret)
    with pytest.raises(Malformed):
        interaction_from_json(json.dumps(json.loads(queue[0]) | changes))


@given(st.one_of(st.text(max_size=80), _JSON.map(json.dumps)))
def test_no_message_whatever_raises_anything_but_malformed(text: str) -> None:
    """Any text is an interaction or malformed."""
    with pytest.raises(Malformed):
        interaction_from_json(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5m", 300), ("2h", 7_200), ("2 hours", 7_200), ("1D", 86_400), ("4w", 2_419_200), ("4m", None), ("29d", None)]
    + [(text, None) for text in ("", "h", "2", "-2h", "2h3m", "9999w", "٢h", "1y")],
)
def test_durations(text: str, seconds: int | None) -> None:
    """What people type for a time, within five minutes and four weeks."""
    asked = duration(text)
    assert (asked.total_seconds() if asked else None) == seconds


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://hooks.slack.com/actions/T0/1/abc", True),
        ("https://hooks.slack-gov.com/commands/T0/1/abc", True),
        ("https://HOOKS.slack.com/x", False),
        ("https://hooks.slack.com/x?y#z", False),
        ("https://hooks.slack.com\\@evil.example/x", False),
        ("https://evil.example/hooks.slack.com", False),
        ("", False),
    ],
)
def test_answers_go_to_slack_alone(url: str, may: bool) -> None:  # noqa: FBT001
    """The address for an answer comes in a request: no host but Slack's is ever posted to."""
    assert may_answer_to(url) is may


def test_the_apps_secret_is_that_of_any_of_its_channels() -> None:
    """One app sends to several channels; a webhook has no secret to verify with."""
    mine = {"PULLMEDIC_SLACK_BOT_TOKEN": "xoxb-1-2-abcdefgh", "PULLMEDIC_SLACK_BOT_CHANNEL_ID": "C0123456789"}
    hook = {"PULLMEDIC_SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/sentinelsentinel"}
    without, nothing = load_settings(mine | hook).destinations, load_settings(hook).destinations
    with_secret = load_settings(mine | {"PULLMEDIC_SLACK_BOT_SIGNING_SECRET": SECRET.reveal()}).destinations
    assert signing_secret((*nothing, *without, *with_secret)) == SECRET
    assert signing_secret(without) == signing_secret(nothing) == signing_secret(()) == Secret("")


def test_answering_imports_nothing_heavy() -> None:
    """Slack waits three seconds and a cold worker has to start: no SDK, no HTTP library, before a request is verified."""
    heavy = "('requests', 'azure', 'slack_sdk', 're2', 'msgspec', 'werkzeug')"
    code = f"import sys, responders.slack_requests; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
