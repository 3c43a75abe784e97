"""Slack: an incoming webhook and Block Kit.

Limits from Slack's reference of blocks and from slack_sdk's validators: 50 blocks, 3000 characters a section,
150 a header, 10 fields of 2000; the sum is limited too, without being documented (about 13,200 characters,
slackapi/bolt-js#2509). Somebody else's words stand in ``plain_text``, where Slack obeys no syntax; where they
must stand in ``mrkdwn``, as code, they cannot end it. Characters count as UTF-16 units of the final JSON, so
the sum is never above what Slack counts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from responders.blocks import Block, Code, Kind, Line, Pair, Report, Text
from responders.channels import Channel, Payload
from responders.channels._webhook import Webhook, webhook_field
from responders.clouds import is_plain_link
from responders.fitting import LineLimits, announcement, fit, shorten
from responders.notices import Notice
from responders.sending import encode
from responders.wording import cut, one_line, total, utf16_units

__all__ = [
    "CHANNEL",
    "MAX_BLOCKS",
    "MAX_TOTAL",
    "POSSIBLE_REPEAT",
    "Json",
    "compose",
    "escape",
    "form_refused",
    "minimal",
    "plain",
    "render",
    "section",
    "size",
]

MAX_BLOCKS = 50
MAX_TOTAL = 13_000
POSSIBLE_REPEAT = "This may be a repeat: no answer came to the first try."
"""Said in the short form alone: the report of the long one says it."""

_HEADER = 150
_SECTION = 2_900
_FIELDS_A_SECTION = 10
_PREVIEW = 600
_ANNOUNCEMENT = 700
_URL, _PAGE_URL = 1_500, 500
_LIMITS = LineLimits(text=1_200, label=80, value=1_200, code=1_800, caption=300)
_MANDATORY = LineLimits(text=1_200, label=80, value=600, code=1_500, caption=200)
_MANDATORY_LINES = 3
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ESCAPES = str.maketrans(_ENTITIES)
# A backtick would end the code around it. This one looks the same and means nothing to Slack.
_BACKTICK = "\N{MODIFIER LETTER GRAVE ACCENT}"

Json = dict[str, Any]
"""A part of a message."""

# No previews of pages that a text may name.
_QUIET = {"unfurl_links": False, "unfurl_media": False}


def escape(text: str) -> str:
    """Return ``text`` with the three characters that Slack obeys as entities ("Formatting text for app surfaces")."""
    return text.translate(_ESCAPES)


def size(payload: Payload) -> int:
    """Return the UTF-16 units of the final JSON."""
    return len(encode(payload).decode().encode("utf-16-le")) // 2


def render(notice: Notice) -> Payload:
    """Return the message: at most 50 blocks and 13,000 characters for any report, headline and next step included."""
    links = "\n".join(_links(notice.report))
    return compose(notice, [_markdown(links)] if links else [])


def compose(notice: Notice, beneath: Sequence[Json]) -> dict[str, Any]:
    """Return the message with the blocks ``beneath`` right after the next step, within the limits all the same."""
    report = notice.report
    frame = _frame(report, beneath)
    reserved = "x" * _ANNOUNCEMENT

    def fits(blocks: tuple[Block, ...]) -> bool:
        payload = frame.around(blocks, reserved)
        return size(payload) <= MAX_TOTAL and len(payload["blocks"]) <= MAX_BLOCKS

    fitted = fit(report.blocks, _LIMITS, _cost, fits)
    said = announcement((*_first_losses(report), *fitted.losses), report)
    return frame.around(fitted.blocks, cut(one_line(said), _ANNOUNCEMENT, _cost).text)


def minimal(notice: Notice) -> Payload:
    """Return headline, next step and link as text alone, for the case that Slack refuses the blocks."""
    report = notice.report
    step = " ".join(line.text for line in report.next_step.lines if isinstance(line, Text | Code))
    said = cut(one_line(f"{report.headline} Next: {step}"), _SECTION, _cost).text
    note = "Slack refused the full message; the whole is in the stored evidence and in the run."
    repeat = [POSSIBLE_REPEAT] if notice.possible_repeat else []
    # As code, since Slack makes links of what looks like an address everywhere else.
    return {"text": "\n".join([_fence(said), note, *repeat, *_links(report)]), **_QUIET}


@dataclass(frozen=True, slots=True)
class _Frame:
    """What every message has, made once a report."""

    preview: str
    first: tuple[Json, ...]
    last: tuple[Json, ...]

    def around(self, blocks: Sequence[Block], said: str) -> dict[str, Any]:
        """Return the payload with ``blocks`` in the middle and ``said`` announced."""
        rest = [part for block in blocks for part in _block(block)]
        loss = [_context(said)] if said else []
        return {"text": self.preview, "blocks": [*self.first, *rest, *loss, *self.last], **_QUIET}


def _frame(report: Report, beneath: Sequence[Json]) -> _Frame:
    stored = f"Evidence stored as {report.stored_as}" if report.stored_as else ""
    kept = cut(one_line(stored), _LIMITS.caption, _cost).text
    return _Frame(
        preview=escape(cut(one_line(report.preview) or "-", _PREVIEW, _cost).text),
        first=(*_first(report), *beneath),
        last=(_context(kept),) if kept else (),
    )


def _first(report: Report) -> list[Json]:
    """Return headline and next step, which every message has."""
    headline = one_line(report.headline) or "-"
    short = cut(headline, _HEADER, _cost)
    header = {"type": "header", "text": plain(short.text)}
    whole = [section(plain(cut(headline, _MANDATORY.text, _cost).text))] if short.was_cut else []
    step = Block(Kind.NEXT_STEP, report.next_step.lines[:_MANDATORY_LINES])
    return [header, *whole, *_block(shorten(step, _MANDATORY, _cost).block)]


def _first_losses(report: Report) -> list[str]:
    step = shorten(report.next_step, _MANDATORY, _cost)
    too_long = step.lines_cut or len(report.next_step.lines) > _MANDATORY_LINES
    headline = cut(one_line(report.headline), _MANDATORY.text, _cost)
    losses = ["the headline is shortened"] if headline.was_cut else []
    return [*losses, "the next step is shortened"] if too_long else losses


def _block(block: Block) -> list[Json]:
    """Return title and lines; neighbours of one kind share a section as far as its limit goes."""
    parts = [_markdown(f"*{escape(block.title)}*")]
    # The links of a chain bring their own arrows.
    several = block.kind is not Kind.CHAIN and sum(isinstance(line, Text) for line in block.lines) > 1
    for group in _groups(block.lines):
        parts.extend(_group(group, bullets=several))
    return parts


def _groups(lines: tuple[Line, ...]) -> list[list[Line]]:
    groups: list[list[Line]] = []
    for line in lines:
        if groups and type(groups[-1][0]) is type(line) and _joins(groups[-1], line):
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _joins(group: list[Line], line: Line) -> bool:
    match line:
        case Text():
            texts = [member.text for member in (*group, line) if isinstance(member, Text)]
            return total("\n• ".join(texts), _cost) + 4 <= _SECTION
        case Pair():
            return 2 * (len(group) + 1) <= _FIELDS_A_SECTION
        case Code():
            return False


def _group(group: list[Line], *, bullets: bool) -> list[Json]:
    match group[0]:
        case Text():
            lead = "• " if bullets else ""
            return [section(plain("\n".join(f"{lead}{line.text}" for line in group if isinstance(line, Text))))]
        case Pair():
            return [{"type": "section", "fields": [side for line in group for side in _pair(line)]}]
        case Code(text, caption):
            code = _markdown(_fence(text))
            return [_context(caption), code] if caption else [code]


def _pair(line: Line) -> list[Json]:
    if not isinstance(line, Pair):
        return []
    return [_mrkdwn(f"*{escape(line.label)}*"), plain(line.value)]


def _fence(text: str) -> str:
    return f"```\n{escape(text).replace('`', _BACKTICK)}\n```"


def plain(text: str) -> Json:
    """Return ``text`` where Slack obeys no syntax."""
    return {"type": "plain_text", "text": escape(text), "emoji": False}


def section(text: Json) -> Json:
    """Return a block with ``text`` in it."""
    return {"type": "section", "text": text}


def _mrkdwn(text: str) -> Json:
    # verbatim: Slack makes no links and no mentions of what only looks like one.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _markdown(text: str) -> Json:
    return section(_mrkdwn(text))


def _context(text: str) -> Json:
    return {"type": "context", "elements": [plain(text)]}


def _links(report: Report) -> list[str]:
    named = (("Open the run", report.run_url, _URL), ("Open the incident", report.page_url, _PAGE_URL))
    return [f"<{escape(url)}|{title}>" for title, url, most in named if is_plain_link(url) and len(escape(url)) <= most]


@lru_cache(maxsize=4096)
def _cost(character: str) -> int:
    """Return what a character costs at most: as an entity, and with JSON's own escape."""
    escaped = _ENTITIES.get(character, character)
    return max(utf16_units(character), len(escaped), len(json.dumps(escaped, ensure_ascii=False)) - 2)


def _accepted(status: int, body: str) -> bool:
    return status == 200 and body.strip() == "ok"


def form_refused(word: str) -> bool:
    """Tell by Slack's word that the form of a message is at fault, so that its short form is worth a try."""
    # Slack, "Sending messages using incoming webhooks", Handling errors; the last one is undocumented.
    return any(code in word for code in ("invalid_blocks", "invalid_payload", "msg_too_long", "msg_blocks_too_long"))


_WEBHOOK = Webhook(
    name="slack",
    hosts=("*.slack.com", "*.slack-gov.com"),
    retired={},
    render=render,
    minimal=minimal,
    accepted=_accepted,
    form_refused=form_refused,
)

CHANNEL = Channel(
    name="slack",
    title="Slack",
    fields=(webhook_field("Incoming webhook of the Slack channel"),),
    problems=_WEBHOOK.problems,
    connect=_WEBHOOK.connect,
    hosts=_WEBHOOK.hosts,
)
