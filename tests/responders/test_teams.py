"""Teams: the bytes of the final card, text that cannot break out, and what a reader sees."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import responder_samples as samples
from hypothesis import example, given

from responders.blocks import Block, Code, Kind, Report, Text
from responders.channels import teams
from responders.report import build_report
from responders.sending import encode

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
ALL_BACKSLASHES = Report(
    headline="\\" * 9_000,
    next_step=Block(Kind.NEXT_STEP, tuple(Code("\n".join(["\\_" * 500] * 60), "\\" * 999) for _ in range(9))),
    verdict="x",
    blocks=tuple(Block(kind, (Text("://" * 4_000), Code("- \\" * 4_000))) for kind in Kind),
    run_url="https://ml.azure.com/" + "a" * 1_900,
    stored_as="\\" * 5_000,
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


@given(samples.REPORTS)
@example(ALL_BACKSLASHES)
def test_no_report_whatever_is_above_the_bytes(report: Report) -> None:
    """Any Unicode of any length gives at most 20,000 bytes on the wire, with headline and next step in sight."""
    payload = teams.render(report)
    assert len(encode(payload)) <= 20_000
    assert json.loads(encode(payload)) == payload
    assert {m["type"] for m in members(payload) if "type" in m} <= ALLOWED
    body = card(payload)["body"]
    assert body[0]["size"] == "Large"
    assert body[1]["text"] == "Next step"
    assert all(m["text"] for m in members(body) if m.get("type") == "TextBlock")


@given(samples.REPORTS)
@example(ALL_BACKSLASHES)
def test_no_report_can_write_a_link_or_a_mention(report: Report) -> None:
    """No unescaped bracket, angle bracket, emphasis or address is left in any text."""
    for payload in (teams.render(report), teams.minimal(report)):
        for text in shown(payload):
            plain = re.sub(r"\\[\\`*_\[\]~:\-+=#.)]", "", text)
            assert not re.search(r"[<>`*_\[\]~]|://", plain)


@given(samples.REPORTS)
@example(ALL_BACKSLASHES)
def test_the_minimal_card_is_smaller_still(report: Report) -> None:
    """The last resort keeps far from every limit."""
    assert len(encode(teams.minimal(report))) <= 18_000


def test_details_are_folded_and_the_answer_is_not() -> None:
    """Headline, next step and run are seen at once; why and the checks open on a click."""
    report = build_report(samples.diagnosis(), samples.evidence(), stored_as="ws/run/evidence.json")
    body = card(teams.render(report))["body"]
    seen = " ".join(shown(body[:-2]))
    assert "Confirmed: cpu-4's identity may not pull from acr1." in seen
    assert "az role assignment create" in seen
    assert "Dana Weber" in seen
    details, actions = body[-2], body[-1]
    assert details["id"] == "details"
    assert details["isVisible"] is False
    assert any("unauthorized: authentication required" in text for text in shown(details))
    assert "Evidence stored as ws/run/evidence.json" in shown(details)
    toggle, link = actions["actions"]
    assert toggle["targetElements"] == ["details"]
    assert link["url"] == report.run_url


def test_the_card_is_what_the_workflow_expects() -> None:
    """The message wraps one Adaptive Card 1.4 as the Workflows template reads it."""
    payload = teams.render(build_report(samples.diagnosis(), samples.evidence()))
    assert payload["type"] == "message"
    assert payload["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card(payload)["version"] == "1.4"
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
    assert teams.escape(text) == escaped


def test_code_is_monospace_a_line_each_with_its_indentation() -> None:
    """Log lines keep their lines and their indentation, which Markdown would eat."""
    dirty = samples.symptom("a", "    indented", "c")
    payload = teams.render(build_report(samples.diagnosis(), samples.evidence(symptoms=(dirty,))))
    lines = [m for m in members(payload) if m.get("fontType") == "Monospace"]
    assert any(line["text"].replace("\u00a0", " ").endswith("   41      indented") for line in lines)
    assert not any("\n" in line["text"] for line in lines)


def test_a_cut_is_announced_in_sight_with_the_place_of_the_whole() -> None:
    """The announcement is not folded away with what is left of the details."""
    long = samples.diagnosis(checks=tuple(f"check {number}: " + "x" * 900 for number in range(90)))
    body = card(teams.render(build_report(long, samples.evidence(), stored_as="k/1")))["body"]
    assert any("Cut for length" in text and "stored as k/1" in text for text in shown(body[:-2]))


def test_taken_is_200_or_202() -> None:
    """Workflows answer 202 before they post; that is all that can be known here."""
    assert teams.CHANNEL.accepted(202, "")
    assert not teams.CHANNEL.accepted(401, "")
