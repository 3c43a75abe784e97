"""Slack: limits for any report, text that cannot break out, and what a reader sees."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import responder_samples as samples
from hypothesis import given
from slack_sdk.models.blocks import Block as SlackBlock

from responders.blocks import Code, Kind, Report
from responders.channels import Conversation, Options, Sent, slack
from responders.declarations import Secret
from responders.notices import Notice, NoticeKind
from responders.report import build_report
from responders.sending import Refused
from responders.wording import utf16_units
from sandbox import Sandbox, Scenario, parse_scenario

HOSTILE = "<!channel> <@U0123> <http://evil.example|click> & `x` ``` *b*"


def told(report: Report, **changes: Any) -> Notice:
    """Return the notice that opens an incident with ``report``."""
    values: dict[str, Any] = {"kind": NoticeKind.OPENED, "key": "inc-1", "report": report}
    return Notice(**values | changes)


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


@pytest.mark.slow
@given(samples.REPORTS)
def test_no_report_whatever_breaks_a_limit_of_slack(report: Report) -> None:
    """Any Unicode of any length gives a message that Slack takes, with headline and next step in it."""
    payload = slack.render(told(report))
    check_limits(payload)
    assert payload["blocks"][0]["type"] == "header"
    assert any("*Next step*" in text for text in texts(payload["blocks"]))


@pytest.mark.slow
@given(samples.REPORTS)
def test_no_report_can_write_a_mention_or_a_link(report: Report) -> None:
    """The only angle brackets in a message are those of our own links, to the run and to the incident."""
    for payload in (slack.render(told(report)), slack.minimal(told(report))):
        for text in texts(payload):
            assert (
                re.sub(r"^<https://[^<>|\s]+\|Open the (run|incident)>$", "", text, flags=re.MULTILINE).count("<") == 0
            )


@given(samples.REPORTS)
def test_the_minimal_message_is_small_and_not_empty(report: Report) -> None:
    """The last resort keeps far from every limit."""
    payload = slack.minimal(told(report))
    assert 0 < units(payload["text"]) <= 5_000
    assert "blocks" not in payload


def test_log_text_cannot_leave_its_code_block() -> None:
    """A quoted line with backticks and mentions stays text within one fence."""
    dirty = samples.symptom("a", HOSTILE, "b")
    payload = slack.render(told(build_report(samples.diagnosis(), samples.evidence(symptoms=(dirty,)))))
    quoted = next(text for text in texts(payload["blocks"]) if "evil.example" in text)
    assert quoted.count("```") == 2
    assert "`" not in quoted.removeprefix("```").removesuffix("```")
    assert "&lt;!channel&gt; &lt;@U0123&gt; &lt;http://evil.example|click&gt; &amp;" in quoted


def test_words_of_others_stand_where_slack_obeys_no_syntax() -> None:
    """Outside of code a name that somebody chose is plain text, and no block makes links by itself."""
    payload = slack.render(
        told(build_report(samples.diagnosis(), samples.evidence(run=samples.run(experiment=HOSTILE))))
    )
    for block in payload["blocks"]:
        for text in [block.get("text"), *block.get("fields", []), *block.get("elements", [])]:
            if text and text["type"] == "mrkdwn":
                assert text["verbatim"] is True
                assert "*b*" not in text["text"]
    assert payload["unfurl_links"] is False


def test_the_preview_tells_verdict_and_next_step() -> None:
    """Who sees the notification alone learns what is wrong and what to do."""
    payload = slack.render(told(build_report(samples.diagnosis(), samples.evidence())))
    assert payload["text"].startswith(
        "Confirmed: cpu-4's identity may not pull from acr1. Next: Give 0f1e the role AcrPull on acr1."
    )


def test_the_message_has_the_readers_order() -> None:
    """Headline, next step with its command, link, run, why, then the rest; nothing is announced where nothing is cut."""
    report = build_report(samples.diagnosis(), samples.evidence(), stored_as="ws/run/evidence.json")
    said = list(texts(slack.render(told(report))["blocks"]))
    order = [said.index(part) for part in ("*Next step*", "*Run*", "*Why*", "*Checked*", "*Other ways out*")]
    assert order == sorted(order)
    assert said[0] == report.headline
    assert said[3] == f"```\n{samples.COMMAND}\n```"
    assert said[-1] == "Evidence stored as ws/run/evidence.json"
    assert not any("Cut for length" in text for text in said)


def test_a_cut_is_announced_with_the_place_of_the_whole() -> None:
    """A message that had to leave something out says what, and where it is."""
    long = samples.diagnosis(checks=tuple(f"check {number}: " + "x" * 300 for number in range(90)))
    payload = slack.render(told(build_report(long, samples.evidence(), stored_as="k/1")))
    check_limits(payload)
    announced = next(text for text in texts(payload["blocks"]) if "Cut for length" in text)
    assert re.search(r"“Checked” shows \d+ of 91 lines", announced)
    assert "stored as k/1 and the run (link)" in announced


def test_a_long_headline_is_shown_whole_below_its_header() -> None:
    """A header holds 150 characters; the rest of the verdict is not lost with them."""
    headline = "Confirmed: " + "a very long name " * 20
    report = build_report(samples.diagnosis(findings=(samples.finding(headline=headline),)), samples.evidence())
    payload = slack.render(told(report))
    assert payload["blocks"][0]["text"]["text"].endswith("…")
    assert units(payload["blocks"][1]["text"]["text"]) > 300


def test_the_minimal_message_has_verdict_step_and_link() -> None:
    """What is sent after a refusal still says what is wrong, what to do, and where."""
    text = slack.minimal(told(build_report(samples.diagnosis(), samples.evidence())))["text"]
    assert "Confirmed: cpu-4's identity may not pull from acr1." in text
    assert samples.COMMAND in text
    assert "|Open the run>" in text


def served(**fault: Any) -> Scenario:
    """Return a world whose webhook answers as ``fault`` says, first."""
    faults = [{"call": {"host": "hooks.slack.com"}, **fault}] if fault else []
    return parse_scenario({"world": {"cloud": "AzureCloud"}, "faults": faults})


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Sandbox]]:
    """Give a function that starts a simulated Slack, which the process points at."""
    with ExitStack() as stack:

        def begin(**fault: Any) -> Sandbox:
            sandbox = stack.enter_context(Sandbox(served(**fault)))
            for name, value in sandbox.environment.items():
                monkeypatch.setenv(name, value)
            return sandbox

        yield begin


def conversation(sandbox: Sandbox) -> Conversation:
    """Return the conversation with the webhook's channel."""
    return slack.CHANNEL.connect(Options(secrets={"webhook_url": Secret(sandbox.slack_webhook_url)}))


def test_a_webhook_posts_each_notice_as_a_message_of_its_own(serve: Callable[..., Sandbox]) -> None:
    """A webhook can neither edit nor find: an edit is a new message, and nothing is ever found."""
    sandbox = serve()
    talk, notice = conversation(sandbox), told(build_report(samples.diagnosis(), samples.evidence()))
    assert talk.send(notice, now=samples.NOW) == Sent()
    assert talk.edit("", notice, now=samples.NOW) == Sent()
    assert talk.find(notice.key, since=samples.NOW, now=samples.NOW) is None
    assert (talk.edits, talk.finds) == (False, False)
    assert [message.payload for message in sandbox.messages] == [slack.render(notice)] * 2


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 200, "message": "invalid_token"},
        {"status": 403, "message": "ok"},
        {"status": 404, "code": "no_service"},
    ],
)
def test_success_is_the_word_ok_in_a_200(serve: Callable[..., Sandbox], fault: dict[str, Any]) -> None:
    """Slack says ok; any other word, and any other status, is no success, and not a matter of form."""
    sandbox = serve(**fault)
    with pytest.raises(Refused) as refused:
        conversation(sandbox).send(told(build_report(samples.diagnosis(), samples.evidence())), now=samples.NOW)
    assert refused.value.word in fault.values()
    assert sandbox.messages == []


@pytest.mark.parametrize("word", ["invalid_blocks", "msg_blocks_too_long", "invalid_payload"])
def test_only_a_refused_form_is_worth_the_minimal_message(serve: Callable[..., Sandbox], word: str) -> None:
    """Where Slack refuses the form the diagnosis comes all the same, as text."""
    sandbox = serve(status=400, message=word, times=1)
    notice = told(build_report(samples.diagnosis(), samples.evidence()))
    assert conversation(sandbox).send(notice, now=samples.NOW) == Sent(minimal=True)
    assert [message.payload for message in sandbox.messages] == [slack.minimal(notice)]


def test_the_short_form_says_that_it_may_be_a_repeat() -> None:
    """The report says it in the long form; the short one, which leaves that out, says it itself."""
    report = build_report(samples.diagnosis(), samples.evidence())
    assert slack.POSSIBLE_REPEAT in slack.minimal(told(report, possible_repeat=True))["text"]
    assert slack.POSSIBLE_REPEAT not in slack.minimal(told(report))["text"]


def test_a_command_stays_what_it_is_for_slack_to_show() -> None:
    """Entities are Slack's own spelling of the three characters: nothing else in a command changes."""
    report = build_report(samples.diagnosis(), samples.evidence())
    assert Code(samples.COMMAND) in report.next_step.lines
    assert report.next_step.kind is Kind.NEXT_STEP
    assert slack.escape("a && b <c>") == "a &amp;&amp; b &lt;c&gt;"
