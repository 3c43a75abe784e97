"""The messages in a real browser: every element known, the answer in sight, nothing cut off on a phone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import browser
import notice_samples as notices
import pytest
import responder_samples as samples
from test_teams import ALL_BACKSLASHES

from responders.blocks import Block, Code, Kind, Pair, Report, Text
from responders.channels import slack, teams
from responders.notices import Notice, NoticeKind
from responders.preview import Sample, page, slack_html
from sandbox.commands import preview as command

HOSTILE = "<at>Dana</at> [x](https://evil.example) <script>window.hacked=1</script> **b** \\_ &lt; </script><!--"
_LONG_WORD = "x" * 400

CHECKS = """
const seen = (element) => element.getClientRects().length > 0;
const beyond = (box) => {
  const edge = box.getBoundingClientRect().right + 1;
  return [...box.querySelectorAll('*')].filter((part) => seen(part)
    && (part.getBoundingClientRect().right > edge || part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0))
    .map((part) => `${part.className || part.tagName}: ${(part.textContent || '').slice(0, 60)}`);
};
return [...document.querySelectorAll('figure')].filter((figure) => figure.querySelector('.card')).map((figure) => {
  const box = figure.querySelector('.card');
  const before = {text: box.innerText, beyond: beyond(box)};
  const texts = [...box.querySelectorAll('.ac-textBlock')].filter(seen).map((part) => part.innerText);
  const button = [...box.querySelectorAll('button')].find((part) => part.innerText.trim() === 'Details');
  if (button) button.click();
  return {
    name: box.dataset.card, look: figure.className, problems: JSON.parse(box.dataset.problems), links:
    box.querySelectorAll('a, img, script').length, texts, before, folds: Boolean(button),
    after: {text: box.innerText, beyond: beyond(box)}, hacked: Boolean(window.hacked),
  };
});
"""


def hostile() -> Notice:
    """Return a notice whose every text means ill."""
    lines = (
        Text(HOSTILE),
        Pair(HOSTILE, HOSTILE),
        Pair("Image", _LONG_WORD),
        Code(f"  {HOSTILE}\n{_LONG_WORD}", HOSTILE),
    )
    report = Report(
        headline=f"Confirmed: {HOSTILE} {_LONG_WORD}",
        next_step=Block(Kind.NEXT_STEP, lines),
        verdict=HOSTILE,
        status="confirmed",
        blocks=tuple(Block(kind, lines) for kind in Kind),
        run_url="https://ml.azure.com/runs/a?wsid=/b",
        stored_as=HOSTILE,
    )
    return Notice(kind=NoticeKind.OPENED, key="k", report=report)


@pytest.fixture(scope="session")
def tools() -> tuple[str, str]:
    """Return the browser's path and the renderer's source."""
    return browser.needed()


@pytest.fixture(scope="session")
def shown(tools: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Return what a browser shows of the page that ``make preview`` writes, and of what means ill."""
    program, renderer = tools
    made = [
        *command.samples(),
        *(Sample(f"kind-{kind.value}", kind.value, notices.notice(kind, possible_repeat=True)) for kind in NoticeKind),
        Sample("hostile", HOSTILE, hostile()),
        Sample("backslashes", "backslashes", ALL_BACKSLASHES),
    ]
    found = browser.ask(program, page(made, renderer), CHECKS, tmp_path_factory.mktemp("page"))
    assert len(found) == 4 * len(made)
    return list(found)


@pytest.mark.slow
def test_the_renderer_knows_every_element_and_property(shown: list[dict[str, Any]]) -> None:
    """Microsoft's own renderer, told to know version 1.2 alone, has nothing to say about any card."""
    assert [(card["name"], card["problems"]) for card in shown if card["problems"]] == []


@pytest.mark.slow
def test_cause_and_next_step_are_seen_without_a_click(shown: list[dict[str, Any]]) -> None:
    """The headline is the first text, the next step comes before anything else but the state, the rest is folded."""
    for card in shown:
        if card["name"] in ("hostile", "backslashes"):
            continue
        assert re.match(
            r"(Confirmed|Likely|Not|Resolved|No diagnosis|3 incidents|This is a test|Fix (verified|did not help|taken back))",
            card["texts"][0],
        )
        assert "Next step" in card["texts"][1 : 9 if "digest" in card["name"] else 6]
        if card["folds"]:
            assert len(card["after"]["text"]) > len(card["before"]["text"])
    told = {card["name"]: card for card in shown if card["look"] == "light wide"}
    assert told["missing-pull-role"]["folds"]
    assert "az role assignment create" in told["missing-pull-role"]["before"]["text"]
    assert "Checked" not in told["missing-pull-role"]["before"]["text"]
    assert "Checked" in told["missing-pull-role"]["after"]["text"]


@pytest.mark.slow
def test_nothing_is_cut_off_on_a_phone_or_on_a_desktop(shown: list[dict[str, Any]]) -> None:
    """No part reaches beyond its card, folded or unfolded, whatever words stand in it."""
    cut = [(card["name"], card["look"], card[when]["beyond"]) for card in shown for when in ("before", "after")]
    assert [entry for entry in cut if entry[2]] == []


@pytest.mark.slow
def test_what_others_wrote_is_read_and_does_nothing(shown: list[dict[str, Any]]) -> None:
    """Markup and mentions are there as text; no card has a link, a picture or a script."""
    assert not any(card["links"] or card["hacked"] for card in shown)
    for card in shown:
        if card["name"] == "hostile":
            assert card["texts"][0].startswith(f"Confirmed: {HOSTILE}")
            assert HOSTILE in card["after"]["text"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("element", "problem"),
    [
        ({"type": "Nonsense"}, "Nonsense"),
        ({"type": "TextBlock", "text": "x", "style": "heading"}, "style"),
        ({"type": "Table", "columns": [], "rows": []}, "Table"),
    ],
)
def test_an_unknown_element_would_be_told(
    element: dict[str, Any],
    problem: str,
    tools: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The check can fail: what is unknown in version 1.2 is a problem."""
    payload: Any = teams.render(notices.notice())
    payload["attachments"][0]["content"]["body"].append(element)
    monkeypatch.setattr(teams, "render", lambda _: payload)
    program, renderer = tools
    found = browser.ask(program, page([Sample("x", "x", notices.notice())], renderer), CHECKS, tmp_path)
    assert problem in str(found[0]["problems"])


@pytest.mark.slow
def test_a_word_that_is_cut_off_would_be_told(
    tools: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check can fail: a long word in a fact reaches beyond the card."""
    payload: Any = teams.render(notices.notice())
    fact = {"type": "FactSet", "facts": [{"title": "Image", "value": _LONG_WORD}]}
    payload["attachments"][0]["content"]["body"].append(fact)
    monkeypatch.setattr(teams, "render", lambda _: payload)
    program, renderer = tools
    found = browser.ask(program, page([Sample("x", "x", notices.notice())], renderer), CHECKS, tmp_path)
    assert found[0]["before"]["beyond"]


def test_the_page_holds_no_markup_of_others() -> None:
    """Names that somebody chose stay text in titles, in JSON and in the approximation of Slack."""
    made = page([Sample(HOSTILE, HOSTILE, hostile())], "")
    assert "<script>window" not in made
    assert "</script><!--" not in made
    assert made.count("<script>") == 3


def test_without_the_renderer_the_page_says_so() -> None:
    """A machine without npm gets the page all the same."""
    made = page([Sample("x", "x", notices.notice())], "")
    assert "The renderer is not here" in made
    assert json.dumps("Confirmed: cpu-4's identity may not pull from acr1.")[1:-1] in made


def test_slack_is_drawn_from_what_slack_gets() -> None:
    """Header, sections, fields, code and our own link; entities read as the characters that they are."""
    drawn = slack_html(slack.render(notices.notice()))
    assert "<h3>Confirmed: cpu-4's identity may not pull from acr1.</h3>" in drawn
    assert "<b>Next step</b>" in drawn
    assert f"<pre>{samples.COMMAND}</pre>" in drawn
    assert '<a href="https://ml.azure.com/runs/calm_net_7xk2' in drawn
    assert slack_html({"text": "a &lt;b&gt; *c*"}) == "<p>a &lt;b&gt; <b>c</b></p>"
    assert slack_html({"blocks": [{"type": "<x>"}]}) == "<p>[a block of type &lt;x&gt;]</p>"
    button = {"type": "button", "text": {"type": "plain_text", "text": "Right"}}
    assert "Right" in slack_html({"blocks": [{"type": "divider"}, {"type": "actions", "elements": [button]}]})
