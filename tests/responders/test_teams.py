"""Teams: the bytes of the final card, text that cannot break out, and what a reader sees."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import notice_samples as notices
import pytest
import responder_samples as samples
from hypothesis import example, given

from responders.blocks import Block, Code, Kind, Report, Text
from responders.channels import Options
from responders.channels import teams as channel
from responders.declarations import Secret
from responders.notices import Notice, NoticeKind
from responders.report import build_report
from responders.sending import encode
from responders.teams_callback import Delivered, verify
from sandbox.playing import variables
from sandbox.server import Sandbox
from sandbox.services import teams as simulated
from sandbox.world import Scenario

ALLOWED = {
    "message",
    "AdaptiveCard",
    "TextBlock",
    "FactSet",
    "Container",
    "ActionSet",
    "Action.OpenUrl",
    "Action.ToggleVisibility",
}
SECRET = "s3cret-s3cret-s3cret"
ALL_BACKSLASHES = Notice(
    kind=NoticeKind.OPENED,
    key="a" * 64,
    report=Report(
        headline="\\" * 9_000,
        next_step=Block(Kind.NEXT_STEP, tuple(Code("\n".join(["\\_" * 500] * 60), "\\" * 999) for _ in range(9))),
        verdict="x",
        blocks=tuple(Block(kind, (Text("://" * 4_000), Code("- \\" * 4_000))) for kind in Kind),
        run_url="https://ml.azure.com/" + "a" * 1_900,
        page_url="https://app.example/" + "a" * 470,
        stored_as="\\" * 5_000,
    ),
    possible_repeat=True,
)


def members(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a card."""
    if isinstance(value, dict):
        yield value
        for member in value.values():
            yield from members(member)
    elif isinstance(value, list):
        for member in value:
            yield from members(member)


def shown(payload: Any) -> list[str]:
    """Return every text that a reader may see, in order."""
    return [text for m in members(payload) for key in ("text", "title", "value") if isinstance(text := m.get(key), str)]


def card(payload: Any) -> Any:
    """Return the card itself."""
    return payload["attachments"][0]["content"]


def in_sight(payload: Any) -> list[str]:
    """Return what is seen before anything is opened, in order."""
    return shown([part for part in card(payload)["body"] if part.get("isVisible") is not False])


def folded(payload: Any) -> list[str]:
    """Return what opens on a click."""
    return shown([part for part in card(payload)["body"] if part.get("isVisible") is False])


def told(report: Report, kind: NoticeKind = NoticeKind.OPENED) -> Any:
    """Return the message about ``report``."""
    return channel.render(Notice(kind=kind, key="k-1", report=report))


@pytest.mark.slow
@given(notices.NOTICES)
@example(ALL_BACKSLASHES)
def test_no_notice_whatever_is_above_the_bytes(notice: Notice) -> None:
    """Any Unicode of any length gives at most 20,000 bytes on the wire, with headline and next step in sight."""
    payload = channel._signed(channel.render, Secret(SECRET), samples.NOW)(notice)
    assert len(encode(payload)) <= channel.MAX_BYTES
    assert json.loads(encode(payload)) == payload
    assert {m["type"] for m in members(payload) if "type" in m} <= ALLOWED
    body = card(payload)["body"]
    assert body[0]["size"] == "Large"
    assert any(part.get("style") == "emphasis" and part["items"][0]["text"] == "Next step" for part in body)
    assert list(simulated._problems(payload, len(encode(payload)))) == []


@pytest.mark.slow
@given(notices.NOTICES)
@example(ALL_BACKSLASHES)
def test_no_notice_can_write_a_link_or_a_mention(notice: Notice) -> None:
    """No unescaped bracket, angle bracket, emphasis or address is left in any text; the one address is the run's."""
    for payload in (channel.render(notice), channel.minimal(notice)):
        for text in shown(payload):
            plain = re.sub(r"\\[\\`*_\[\]~:\-+=#.)]", "", text)
            assert not re.search(r"[<>`*_\[\]~]|://", plain)
        assert {m["url"] for m in members(payload) if "url" in m} <= {notice.report.run_url, notice.report.page_url}
        assert not any("entities" in m or "mention" in json.dumps(m.get("msteams", "")) for m in members(payload))


@given(notices.NOTICES)
@example(ALL_BACKSLASHES)
def test_the_minimal_card_is_smaller_still(notice: Notice) -> None:
    """The last resort keeps far from every limit."""
    payload = channel.minimal(notice)
    assert len(encode(payload)) <= 18_000
    assert list(simulated._problems(payload, len(encode(payload)))) == []


@given(notices.NOTICES)
def test_nothing_is_lost_between_what_is_seen_and_what_is_folded(notice: Notice) -> None:
    """Each line of a block that was kept stands either above the fold or below it, once."""
    for block in notice.report.blocks:
        above, below = channel._folding(block)
        kept = [line for part in (above, below) if part for line in part.lines]
        expected = () if block.kind is Kind.STATE else block.lines
        assert sorted(map(repr, kept)) == sorted(map(repr, expected))


def test_the_reader_sees_cause_then_step_then_reasons_and_folds_the_rest() -> None:
    """Headline, next step, the reasons and whose run it is are seen at once; quotations and checks open on a click."""
    payload = channel.render(notices.notice())
    seen = in_sight(payload)
    order = ["Confirmed: cpu-4's identity may not pull from acr1.", "Next step", "Why", "Run"]
    assert [text for text in seen if text in order] == order
    assert any("az role assignment create" in text for text in seen)
    assert "Dana Weber" in seen
    assert any(text.startswith("No role of 0f1e grants the pull") for text in seen)
    rest = folded(payload)
    assert any("unauthorized: authentication required" in text for text in rest)
    assert "Checked" in rest
    assert f"Evidence stored as {channel.escape(notices.STORED)}" in rest
    buttons = next(part for part in card(payload)["body"] if part["type"] == "ActionSet")
    toggle, link = buttons["actions"]
    assert toggle["targetElements"] == ["details"]
    assert link["url"] == notices.report().run_url


@pytest.mark.parametrize("kind", [NoticeKind.REPEATED, NoticeKind.RESOLVED, NoticeKind.REOPENED])
def test_a_later_message_points_back_right_below_its_headline(kind: NoticeKind) -> None:
    """A channel that cannot edit shows the incident's state, with the first message's time, before the next step."""
    seen = in_sight(channel.render(notices.notice(kind)))
    assert "message of 12:00 UTC" in seen[1]
    assert seen[2:4] == ["Incident", "f1-1"]
    assert seen[4] == "Next step"


def test_the_colour_of_the_headline_is_the_state() -> None:
    """A confirmed cause calls, a likely one warns, a resolved one is good news, a test is neither."""
    colours = {kind: card(channel.render(notices.notice(kind)))["body"][0]["color"] for kind in NoticeKind}
    assert colours[NoticeKind.OPENED] == "Attention"
    assert colours[NoticeKind.RESOLVED] == "Good"
    assert colours[NoticeKind.TEST] == "Default"


def test_a_possible_repeat_is_said_in_sight() -> None:
    """Who may see a message twice is told so."""
    for payload in (
        channel.render(notices.notice(possible_repeat=True)),
        channel.minimal(notices.notice(possible_repeat=True)),
    ):
        assert in_sight(payload)[1] == "This may be a repeat: no answer came to the first try."


def test_the_card_is_what_the_workflow_expects() -> None:
    """The message wraps one Adaptive Card as the Workflows template reads it, of the version that phones render."""
    payload: Any = channel.render(notices.notice())
    assert payload["type"] == "message"
    assert payload["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card(payload)["version"] == "1.2"
    assert card(payload)["msteams"] == {"width": "Full"}


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("[click](http://evil.example)", "\\[click\\](http\\://evil.example)"),
        ("<at>Dana</at>", "&lt;at&gt;Dana&lt;/at&gt;"),
        ("AZUREML_RUN_ID **b**", "AZUREML\\_RUN\\_ID \\*\\*b\\*\\*"),
        ("a\\b", "a\\\\b"),
        ("- item", "\\- item"),
        ("12. item", "12\\. item"),
        ("# head", "\\# head"),
        ("---", "\\---"),
        ("acr-1.azurecr.io/train:7", "acr-1.azurecr.io/train:7"),
        ("&lt;", "&amp;lt;"),
    ],
)
def test_text_shows_as_it_stands(text: str, escaped: str) -> None:
    """What Markdown would obey is escaped, and nothing else is touched."""
    assert channel.escape(text) == escaped


def test_code_is_monospace_a_line_each_with_its_indentation() -> None:
    """Log lines keep their lines and their indentation, which Markdown would eat."""
    dirty = samples.symptom("a", "    indented", "c")
    payload = told(build_report(samples.diagnosis(), samples.evidence(symptoms=(dirty,))))
    lines = [m for m in members(payload) if m.get("fontType") == "Monospace"]
    assert any(line["text"].replace("\u00a0", " ").endswith("   41      indented") for line in lines)
    assert not any("\n" in line["text"] for line in lines)


def test_a_cut_is_announced_in_sight_with_the_place_of_the_whole() -> None:
    """The announcement is not folded away with what is left of the details."""
    long = samples.diagnosis(checks=tuple(f"check {number}: " + "x" * 900 for number in range(90)))
    seen = in_sight(told(build_report(long, samples.evidence(), stored_as="k/1")))
    assert any("Cut for length" in text and "stored as k/1" in text for text in seen)


def options(url: str, secret: str = "") -> Options:
    """Return the options of a destination."""
    secrets = {"webhook_url": Secret(url), **({"callback_secret": Secret(secret)} if secret else {})}
    return Options(secrets=secrets)


PATH = "/powerautomate/automations/direct/workflows/5eed/triggers/manual/paths/invoke"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://prod-1.westeurope.logic.azure.com:443/workflows/x/triggers/manual/paths/invoke?sig=z", None),
        ("https://prod-1.usgovtexas.logic.azure.us/workflows/x/triggers/manual/paths/invoke?sig=z", None),
        (f"https://default9876.73.environment.api.powerplatform.com:443{PATH}?api-version=1&sig=z", None),
        (f"https://9876.73.environment.api.gov.powerplatform.microsoft.us{PATH}?sig=z", None),
        (f"https://9876.73.environment.api.high.powerplatform.microsoft.us{PATH}?sig=z", None),
        (f"https://9876.73.environment.api.appsplatform.us{PATH}?sig=z", None),
        (f"https://9876.73.environment.api.powerplatform.partner.microsoftonline.cn{PATH}?sig=z", None),
        (f"https://9876.73.environment.api.powerplatform.com{PATH}?api-version=1", "has no sig"),
        ("https://evil.example/environment.api.powerplatform.com/x?sig=z", "its host is none of"),
        ("https://environment.api.powerplatform.com.evil.example/x?sig=z", "its host is none of"),
        ("https://contoso.webhook.office.com/webhookb2/x", "connectors are retired"),
    ],
)
def test_both_families_of_addresses_in_every_cloud_are_taken_and_no_other(url: str, problem: str | None) -> None:
    """Each cloud's own hosts are known; a flow that only the tenant's people could trigger is told as such."""
    found = channel.CHANNEL.problems(options(url)).get("webhook_url")
    assert (found is None) if problem is None else problem in str(found)
    assert "sig=z" not in str(found)


def test_a_relay_needs_no_signature() -> None:
    """A host that somebody allowed by setting has its own rules."""
    allowed = Options(secrets={"webhook_url": Secret("https://relay.example/x")}, more_hosts=("relay.example",))
    assert channel.CHANNEL.problems(allowed) == {}


def test_a_short_callback_secret_is_a_problem_that_does_not_show_it() -> None:
    """What could be guessed proves nothing."""
    found = channel.CHANNEL.problems(options(f"https://a.environment.api.powerplatform.com{PATH}?sig=z", "shorty"))
    assert "shorter than 16 characters" in found["callback_secret"]
    assert "shorty" not in str(found)


EMPTY = Scenario(id="empty", source=None, world={})


def posted(secret: str = "", notice: Notice | None = None) -> Any:
    """Return what a simulated flow got."""
    with Sandbox(EMPTY) as azure, variables(azure.environment):
        conversation = channel.CHANNEL.connect(options(azure.teams_webhook_url, secret))
        conversation.send(notice or notices.notice(), now=samples.NOW)
        assert azure.violations == []
        return azure.messages[0].payload


def test_without_a_secret_the_message_has_its_card_alone() -> None:
    """Nothing is sent that nobody asked for."""
    assert posted() == channel.render(notices.notice())


def test_with_a_secret_the_flow_can_prove_what_it_posted() -> None:
    """The callback travels beside the card, and what the flow sends back names the notice."""
    payload = posted(SECRET)
    assert payload == {**channel.render(notices.notice()), "callback": payload["callback"]}
    body = json.dumps(payload["callback"]).encode()
    proven = verify(body, {"Content-Type": "application/json"}, Secret(SECRET), samples.NOW)
    assert proven == Delivered("f1-1-teams", samples.NOW)


def test_taken_is_200_or_202() -> None:
    """Workflows answer 202 before they post; that is all that can be known here."""
    assert channel._accepted(202, "")
    assert not channel._accepted(401, "")
