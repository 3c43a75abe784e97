"""Microsoft Teams: a Workflows webhook and an Adaptive Card 1.4.

Teams answers 202 before it posts, and drops a card that is too large or not valid afterwards in silence (the
flow's run history alone tells): so a card is kept to 20,000 bytes of final JSON, where about 28 KB are
possible, and uses only elements that Teams is known to render. The details are folded; headline, next step
and run are seen at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from responders.blocks import Block, Code, Kind, Pair, Report, Text
from responders.channels import Channel, Payload
from responders.clouds import is_plain_link
from responders.declarations import Setting
from responders.fitting import LineLimits, announcement, fit, shorten
from responders.sending import encode
from responders.wording import cut, one_line

__all__ = ["CHANNEL", "MAX_BYTES", "escape", "minimal", "render", "size"]

MAX_BYTES = 20_000

_ANNOUNCEMENT = 900
_URL = 2_000
_LIMITS = LineLimits(text=2_000, label=120, value=2_000, code=3_000, caption=400)
_MANDATORY = LineLimits(text=1_500, label=120, value=600, code=2_000, caption=300, code_lines=8)
_MANDATORY_LINES = 3
_COLOURS = {"confirmed": "Attention", "likely": "Warning", "possible": "Warning"}
_DETAILS = "details"

# Markdown that a TextBlock obeys (Adaptive Cards, "Text features"): emphasis, links, lists; HTML is not
# obeyed, but `<at>` is a mention. "://" is broken so that no client makes a link of a bare address.
_MARKED = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "\\": "\\\\",
    **{character: "\\" + character for character in "`*_[]~"},
}
_ESCAPES = str.maketrans(_MARKED)
_LINE_START = re.compile(r"^(\s*)(?:([-+=]+|#{1,6})|(\d{1,9})([.)]))(?=\s|$)")
_NO_BREAK = "\N{NO-BREAK SPACE}"

_Json = dict[str, Any]

_IN_SIGHT = frozenset({Kind.ALSO, Kind.SETTLE, Kind.RUN})
"""What stands above the fold: all that a reader has to act on."""


def escape(text: str) -> str:
    """Return one line of ``text`` such that a TextBlock shows it as it stands."""
    marked = text.translate(_ESCAPES).replace("://", "\\://")
    return _LINE_START.sub(_literal_start, marked)


def _literal_start(found: re.Match[str]) -> str:
    """Return a line's start such that it begins no list, heading or rule."""
    space, sign, number, dot = found.groups("")
    return f"{space}\\{sign}" if sign else f"{space}{number}\\{dot}"


def size(payload: Payload) -> int:
    """Return the bytes of the final JSON."""
    return len(encode(payload))


def render(report: Report) -> Payload:
    """Return the message: at most 20,000 bytes for any report, headline and next step included."""
    frame = _frame(report)
    reserved = "x" * _ANNOUNCEMENT

    def fits(blocks: tuple[Block, ...]) -> bool:
        return size(frame.around(blocks, reserved)) <= MAX_BYTES

    fitted = fit(report.blocks, _LIMITS, _cost, fits)
    said = announcement((*_first_losses(report), *fitted.losses), report)
    return frame.around(fitted.blocks, cut(one_line(said), _ANNOUNCEMENT, _cost).text)


def minimal(report: Report) -> Payload:
    """Return headline, next step and link alone, as the plainest card that there is."""
    frame = _frame(report)
    note = _text("Teams refused the full card; the whole is in the stored evidence and in the run.", isSubtle=True)
    return _message([*frame.first, note], frame.preview, list(frame.open_run))


@dataclass(frozen=True, slots=True)
class _Frame:
    """What every card has, made once a report."""

    preview: str
    first: tuple[_Json, ...]
    open_run: tuple[_Json, ...]
    stored: str

    def around(self, blocks: Sequence[Block], said: str) -> Payload:
        """Return the payload with ``blocks`` after the first words and ``said`` announced in sight."""
        seen = [part for block in blocks if block.kind in _IN_SIGHT for part in _block(block)]
        folded = [part for block in blocks if block.kind not in _IN_SIGHT for part in _block(block)]
        if self.stored:
            folded.append(_text(self.stored, isSubtle=True, size="Small"))
        loss = [_text(said, isSubtle=True)] if said else []
        details = [{"type": "Container", "id": _DETAILS, "isVisible": False, "items": folded}] if folded else []
        toggle = [{"type": "Action.ToggleVisibility", "title": "How we know", "targetElements": [_DETAILS]}]
        actions = [*(toggle if details else []), *self.open_run]
        return _message([*self.first, *seen, *loss, *details], self.preview, actions)


def _frame(report: Report) -> _Frame:
    url = report.run_url if len(report.run_url) <= _URL and is_plain_link(report.run_url) else ""
    stored = f"Evidence stored as {report.stored_as}" if report.stored_as else ""
    return _Frame(
        preview=cut(one_line(report.preview) or "-", _MANDATORY.value, _cost).text,
        first=tuple(_first(report)),
        open_run=({"type": "Action.OpenUrl", "title": "Open the run", "url": url},) if url else (),
        stored=cut(one_line(stored), _LIMITS.caption, _cost).text,
    )


def _message(body: list[_Json], preview: str, actions: list[_Json]) -> Payload:
    buttons = [{"type": "ActionSet", "actions": actions}] if actions else []
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": escape(preview),
        "msteams": {"width": "Full"},
        "body": [*body, *buttons],
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [content]}


def _first(report: Report) -> list[_Json]:
    headline = cut(one_line(report.headline) or "-", _MANDATORY.text, _cost).text
    colour = _COLOURS.get(report.status or "", "Default")
    title = _text(headline, weight="Bolder", size="Large", color=colour)
    step = Block(Kind.NEXT_STEP, report.next_step.lines[:_MANDATORY_LINES])
    return [title, *_block(shorten(step, _MANDATORY, _cost).block)]


def _first_losses(report: Report) -> list[str]:
    step = shorten(report.next_step, _MANDATORY, _cost)
    too_long = step.lines_cut or len(report.next_step.lines) > _MANDATORY_LINES
    headline = cut(one_line(report.headline), _MANDATORY.text, _cost)
    losses = ["the headline is shortened"] if headline.was_cut else []
    return [*losses, "the next step is shortened"] if too_long else losses


def _block(block: Block) -> list[_Json]:
    parts = [_text(block.title, weight="Bolder", spacing="Medium")]
    for line in block.lines:
        match line:
            case Text(text):
                parts.append(_text(text))
            case Pair(label, value):
                _add_fact(parts, {"title": escape(label), "value": escape(value)})
            case Code(text, caption):
                parts.extend([_text(caption, isSubtle=True, size="Small")] if caption else [])
                parts.extend(_code(text))
    return parts


def _add_fact(parts: list[_Json], fact: _Json) -> None:
    if parts[-1]["type"] != "FactSet":
        parts.append({"type": "FactSet", "facts": []})
    parts[-1]["facts"].append(fact)


def _code(text: str) -> list[_Json]:
    """Return a monospace block a line: Markdown would join them, and eat what stands indented."""
    lines = text.split("\n")
    return [_text(_indented(line), fontType="Monospace", spacing="None") for line in lines if line.strip()]


def _indented(line: str) -> str:
    body = line.lstrip(" ")
    return _NO_BREAK * (len(line) - len(body)) + body


def _text(text: str, **style: str | bool) -> _Json:
    return {"type": "TextBlock", "text": escape(text), "wrap": True, **style}


@lru_cache(maxsize=4096)
def _cost(character: str) -> int:
    """Return the bytes that a character takes at most in the final JSON; a colon may be the start of an address."""
    marked = "\\:" if character == ":" else _MARKED.get(character, character)
    return len(json.dumps(marked, ensure_ascii=False).encode("utf-8", "replace")) - 2


def _accepted(status: int, body: str) -> bool:
    del body  # 202 says "taken"; whether the flow posted is in its run history alone
    return status in (200, 202)


def _form_refused(word: str) -> bool:
    return "RequestEntityTooLarge" in word or "too large" in word.lower()


_RETIRED = (
    "Office 365 connectors are retired: make a Workflows webhook in the channel "
    "(template “Post to a channel when a webhook request is received”) and put its address here"
)

CHANNEL = Channel(
    name="teams",
    title="Microsoft Teams",
    url=Setting(
        name="PULLMEDIC_TEAMS_WEBHOOK_URL",
        purpose="Workflows webhook of the Teams channel that gets the diagnoses.",
        secret=True,
    ),
    fallback_url=Setting(
        name="PULLMEDIC_FALLBACK_TEAMS_WEBHOOK_URL",
        purpose="Workflows webhook that hears of what could not be delivered or diagnosed.",
        secret=True,
    ),
    hosts=(
        "*.logic.azure.com",
        "*.logic.azure.us",
        "*.logic.azure.cn",
        "*.powerplatform.com",
        "*.powerplatform.us",
    ),
    retired=dict.fromkeys(
        ("*.webhook.office.com", "*.webhook.office365.com", "outlook.office.com", "outlook.office365.com"),
        _RETIRED,
    ),
    render=render,
    minimal=minimal,
    accepted=_accepted,
    form_refused=_form_refused,
)
