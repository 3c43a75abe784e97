"""The confirmation of a posted card: only who knows the secret can make one, and only for a day."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import notice_samples as notices
import pytest
import responder_samples as samples
from hypothesis import given
from hypothesis import strategies as st

from responders.channels import teams
from responders.declarations import Secret
from responders.sending import encode
from responders.teams_callback import LONGEST_CALLBACK, Delivered, Unproven, sign, verify

SECRET = Secret("correct horse battery staple")
JSON = {"content-type": "application/json; charset=utf-8"}
GOOD = sign("f1-1-teams", secret=SECRET, now=samples.NOW)


def problem(said: Any, *, headers: dict[str, str] = JSON, secret: Secret = SECRET, now: Any = samples.NOW) -> str:
    """Return why this proves nothing; empty where it does."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    result = verify(body, headers, secret, now)
    return result.problem if isinstance(result, Unproven) else ""


@pytest.mark.parametrize("after", [timedelta(0), timedelta(hours=23), timedelta(minutes=-4)])
def test_what_came_with_the_message_proves_it(after: timedelta) -> None:
    """The object itself, sent back within a day, names the notice and when it went out; headers are of any case."""
    proven = verify(json.dumps(GOOD).encode(), {"CONTENT-TYPE": "application/json"}, SECRET, samples.NOW + after)
    assert proven == Delivered("f1-1-teams", samples.NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"key": "f1-1-other"},
        {"sent_at": str(int(samples.NOW.timestamp()) + 1)},
        {"signature": "0" * 64},
    ],
)
def test_another_key_or_time_needs_another_signature(changed: dict[str, str]) -> None:
    """What one flow saw confirms that one message alone."""
    assert problem(GOOD | changed) == "its signature is not of this secret"


def test_the_secret_of_another_destination_proves_nothing() -> None:
    """So the one that does tells which destination it is."""
    assert problem(GOOD, secret=Secret("another secret of good length")) == "its signature is not of this secret"


@pytest.mark.parametrize("after", [timedelta(days=1, seconds=1), timedelta(minutes=-6)])
def test_an_old_confirmation_proves_nothing(after: timedelta) -> None:
    """A signature that leaks from a run history is of no use tomorrow."""
    assert problem(GOOD, now=samples.NOW + after) == "it is of another day"


def test_without_a_secret_nothing_is_proven() -> None:
    """An empty secret would make everybody's signature good."""
    empty = Secret("")
    assert problem(sign("k", secret=empty, now=samples.NOW), secret=empty) == "no secret is set that could prove it"


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}])
def test_only_json_is_read(headers: dict[str, str]) -> None:
    """A form that a browser sends from another page is not looked at."""
    assert problem(GOOD, headers=headers) == "its content type is not application/json"


@given(
    st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["key", "sent_at", "signature"]), inner),
        ).map(lambda value: json.dumps(value).encode()),
        st.just(b"[" * 4000),
        st.just(b"x" * 5000),
    )
)
def test_nothing_else_proves_anything(body: bytes) -> None:
    """Any bytes at all are answered with a problem, never with an error, and the problem shows none of them."""
    assert problem(body) in ("it is not the object that came with the message", "its signature is not of this secret")


def test_the_longest_callback_is_as_long_as_is_reserved_for_it() -> None:
    """A card within its limit stays within it with a callback beside it."""
    with_callback = len(encode({"a": 1, "callback": sign("a" * 64, secret=SECRET, now=samples.NOW)}))
    assert with_callback - len(encode({"a": 1})) <= LONGEST_CALLBACK


DOCUMENT = Path(__file__).parents[2] / "docs" / "teams.md"


def evaluated(expression: str, trigger: Any) -> Any:
    """Evaluate what the documented flow says of its trigger: ``triggerBody()`` and members, as Power Automate does."""
    found = re.fullmatch(r"@triggerBody\(\)((?:\?\[(?:'[^']+'|\d+)\])*)", expression)
    assert found, expression
    for name, place in re.findall(r"\?\[(?:'([^']+)'|(\d+))\]", found[1]):
        trigger = trigger[int(place)] if place else trigger[name]
    return trigger


def test_the_documented_flow_posts_the_card_and_proves_it() -> None:
    """The JSON of the document, done step by step: the card goes to Teams, and what is sent back proves the notice."""
    blocks = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    flow = next(made for made in map(json.loads, blocks) if "actions" in made)
    post, confirm = flow["actions"]["Post_card_in_a_chat_or_channel"], flow["actions"]["Confirm"]
    assert confirm["runAfter"] == {"Post_card_in_a_chat_or_channel": ["Succeeded"]}
    payload: Any = teams._signed(teams.render, SECRET, samples.NOW)(notices.notice())
    card = evaluated(post["inputs"]["parameters"]["body/messageBody"], payload)
    assert card == payload["attachments"][0]["content"]
    body = json.dumps(evaluated(confirm["inputs"]["body"], payload)).encode()
    proven = verify(body, confirm["inputs"]["headers"], SECRET, samples.NOW)
    assert proven == Delivered("f1-1-teams", samples.NOW)
