"""Slack: limits for any report, text that cannot break out, and what a reader sees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import responder_samples as samples
from hypothesis import given
from slack_sdk.models.blocks import Block as SlackBlock

from responders.blocks import Code, Kind, Report
from responders.channels import slack
from responders.report import build_report
from responders.wording import utf16_units

HOSTILE = "<!channel> <@U0123> <http://evil.example|click> & `x` ``` *b*"


def texts(value: Any) -> Iterator[str]:
    """Yield every string that Slack would show."""
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        for member in value.values():
            yield from texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from texts(member)


def units(text: str) -> int:
    """Return the length as Slack counts it."""
    return sum(map(utf16_units, text))


def check_limits(payload: Any) -> None:
    """Assert every limit of AZURE.md's list, and what slack_sdk's validators know."""
    assert slack.size(payload) <= 13_000
    assert 1 <= len(payload["blocks"]) <= 50
    for block in payload["blocks"]:
        SlackBlock.parse(block).validate_json()  # type: ignore[union-attr]
        limit = 150 if block["type"] == "header" else 3_000
        assert all(1 <= units(text) <= limit for text in texts(block))
        assert all(text.strip() for text in texts(block))
        assert len(block.get("fields", [])) <= 10
        assert all(units(field["text"]) <= 2_000 for field in block.get("fields", []))
        assert len(block.get("elements", [])) <= 10


@given(samples.REPORTS)
def test_no_report_whatever_breaks_a_limit_of_slack(report: Report) -> None:
    """Any Unicode of any length gives a message that Slack takes, with headline and next step in it."""
    payload = slack.render(report)
    check_limits(payload)
    assert payload["blocks"][0]["type"] == "header"
    assert any("*Next step*" in text for text in texts(payload["blocks"]))


@given(samples.REPORTS)
def test_no_report_can_write_a_mention_or_a_link(report: Report) -> None:
    """The only angle brackets in a message are those of our own link to the run."""
    for payload in (slack.render(report), slack.minimal(report)):
        for text in texts(payload):
            assert re.sub(r"^<https://[^<>|\s]+\|Open the run>$", "", text, flags=re.MULTILINE).count("<") == 0


@given(samples.REPORTS)
def test_the_minimal_message_is_small_and_not_empty(report: Report) -> None:
    """The last resort keeps far from every limit."""
    payload = slack.minimal(report)
    assert 0 < units(payload["text"]) <= 5_000
    assert "blocks" not in payload


def test_log_text_cannot_leave_its_code_block() -> None:
    """A quoted line with backticks and mentions stays text within one fence."""
    dirty = samples.symptom("a", HOSTILE, "b")
    payload = slack.render(build_report(samples.diagnosis(), samples.evidence(symptoms=(dirty,))))
    quoted = next(text for text in texts(payload["blocks"]) if "evil.example" in text)
    assert quoted.count("```") == 2
    assert "`" not in quoted.removeprefix("```").removesuffix("```")
    assert "&lt;!channel&gt; &lt;@U0123&gt; &lt;http://evil.example|click&gt; &amp;" in quoted


def test_words_of_others_stand_where_slack_obeys_no_syntax() -> None:
    """Outside of code a name that somebody chose is plain text, and no block makes links by itself."""
    payload = slack.render(build_report(samples.diagnosis(), samples.evidence(run=samples.run(experiment=HOSTILE))))
    for block in payload["blocks"]:
        for text in [block.get("text"), *block.get("fields", []), *block.get("elements", [])]:
            if text and text["type"] == "mrkdwn":
                assert text["verbatim"] is True
                assert "*b*" not in text["text"]
    assert payload["unfurl_links"] is False


def test_the_preview_tells_verdict_and_next_step() -> None:
    """Who sees the notification alone learns what is wrong and what to do."""
    payload = slack.render(build_report(samples.diagnosis(), samples.evidence()))
    assert payload["text"].startswith(
        "Confirmed: cpu-4's identity may not pull from acr1. Next: Give 0f1e the role AcrPull on acr1."
    )


def test_the_message_has_the_readers_order() -> None:
    """Headline, next step with its command, link, run, why, then the rest; nothing is announced where nothing is cut."""
    report = build_report(samples.diagnosis(), samples.evidence(), stored_as="ws/run/evidence.json")
    said = list(texts(slack.render(report)["blocks"]))
    order = [said.index(part) for part in ("*Next step*", "*Run*", "*Why*", "*Checked*", "*Other ways out*")]
    assert order == sorted(order)
    assert said[0] == report.headline
    assert said[3] == f"```\n{samples.COMMAND}\n```"
    assert said[-1] == "Evidence stored as ws/run/evidence.json"
    assert not any("Cut for length" in text for text in said)


def test_a_cut_is_announced_with_the_place_of_the_whole() -> None:
    """A message that had to leave something out says what, and where it is."""
    long = samples.diagnosis(checks=tuple(f"check {number}: " + "x" * 300 for number in range(90)))
    payload = slack.render(build_report(long, samples.evidence(), stored_as="k/1"))
    check_limits(payload)
    announced = next(text for text in texts(payload["blocks"]) if "Cut for length" in text)
    assert re.search(r"“Checked” shows \d+ of 91 lines", announced)
    assert "stored as k/1 and the run (link)" in announced


def test_a_long_headline_is_shown_whole_below_its_header() -> None:
    """A header holds 150 characters; the rest of the verdict is not lost with them."""
    headline = "Confirmed: " + "a very long name " * 20
    payload = slack.render(
        build_report(samples.diagnosis(findings=(samples.finding(headline=headline),)), samples.evidence())
    )
    assert payload["blocks"][0]["text"]["text"].endswith("…")
    assert units(payload["blocks"][1]["text"]["text"]) > 300


def test_the_minimal_message_has_verdict_step_and_link() -> None:
    """What is sent after a refusal still says what is wrong, what to do, and where."""
    text = slack.minimal(build_report(samples.diagnosis(), samples.evidence()))["text"]
    assert "Confirmed: cpu-4's identity may not pull from acr1." in text
    assert samples.COMMAND in text
    assert "|Open the run>" in text


@pytest.mark.parametrize(
    ("status", "body", "taken"),
    [(200, "ok", True), (200, "ok\n", True), (200, "invalid_token", False), (403, "ok", False)],
)
def test_success_is_the_word_ok(status: int, body: str, taken: bool) -> None:  # noqa: FBT001
    """Slack says ok; any other word in a 200 is no success."""
    assert slack.CHANNEL.accepted(status, body) is taken


def test_only_a_refused_form_is_worth_the_minimal_message() -> None:
    """invalid_blocks is a matter of form; a channel that is gone is not."""
    assert slack.CHANNEL.form_refused("invalid_blocks")
    assert slack.CHANNEL.form_refused("msg_blocks_too_long")
    assert not slack.CHANNEL.form_refused("channel_not_found")


def test_a_command_stays_what_it_is_for_slack_to_show() -> None:
    """Entities are Slack's own spelling of the three characters: nothing else in a command changes."""
    report = build_report(samples.diagnosis(), samples.evidence())
    assert Code(samples.COMMAND) in report.next_step.lines
    assert report.next_step.kind is Kind.NEXT_STEP
    assert slack.escape("a && b <c>") == "a &amp;&amp; b &lt;c&gt;"
