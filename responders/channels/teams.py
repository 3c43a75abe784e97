"""Microsoft Teams: a Workflows webhook and an Adaptive Card.

Teams answers 202 before it posts, and drops a card that is too large or not valid afterwards in silence (the
flow's run history alone tells): so a card is kept to 20,000 bytes of final JSON, where about 28 KB are
possible, and has only elements of Adaptive Cards 1.2, which Teams renders on desktops and phones alike. Headline,
state, next step and the reasons are seen at once; the rest is folded.

Where a flow can call back (docs/teams.md), the message carries what it sends back, beside the card: the notice's key
and a signature that nobody else can make.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Any
from urllib.parse import parse_qs, urlsplit

from responders.blocks import Block, Code, Kind, Line, Pair, Report, Text
from responders.channels import Channel, Conversation, Options, Payload, Sent, host_matches
from responders.channels._phrases import POSSIBLE_REPEAT
from responders.channels._webhook import URL, Webhook, WebhookConversation, webhook_field
from responders.clouds import is_plain_link
from responders.declarations import Field, Secret
from responders.fitting import LineLimits, announcement, fit, shorten
from responders.fixes.record import FixState
from responders.notices import Notice, NoticeKind
from responders.sending import encode
from responders.teams_callback import LONGEST_CALLBACK, SHORTEST_SECRET, sign
from responders.wording import cut, one_line

__all__ = ["CALLBACK_SECRET", "CHANNEL", "MAX_BYTES", "VERSION", "escape", "minimal", "render", "size"]

MAX_BYTES = 20_000
VERSION = "1.2"
"""Of Adaptive Cards: what every client of Teams renders, phones among them."""

CALLBACK_SECRET = "callback_secret"  # noqa: S105 - the field's name

_ANNOUNCEMENT = 900
_URL, _PAGE_URL = 2_000, 500
_LIMITS = LineLimits(text=2_000, label=120, value=2_000, code=3_000, caption=400)
_MANDATORY = LineLimits(text=1_500, label=120, value=600, code=2_000, caption=300, code_lines=8)
_MANDATORY_LINES = 3
_COLOURS = {"confirmed": "Attention", "likely": "Warning", "possible": "Warning"}
_FIX_COLOURS = {
    FixState.WAITING.value: "Warning",
    FixState.VERIFIED.value: "Good",
    FixState.NOT_EFFECTIVE.value: "Attention",
    FixState.IN_DOUBT.value: "Attention",
    FixState.FAILED.value: "Attention",
    FixState.UNDO_FAILED.value: "Attention",
}
_DETAILS = "details"
_LONGEST_FACT = 60
_LONGEST_WORD = 22

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

_IN_SIGHT = (Kind.FIX, Kind.ALSO, Kind.SETTLE, Kind.EVIDENCE, Kind.RUN)
"""What stands above the fold, in the order in which a reader asks: what of the fix, what else, how we know, whose."""

_PARTLY_IN_SIGHT: Mapping[Kind, tuple[type[Line], int]] = {
    Kind.FIX: (Text, 4),
    Kind.EVIDENCE: (Text, 2),
    Kind.RUN: (Pair, 3),
}
"""What of these stands above the fold: where the fix stands without a command, the reasons without the quotations, and
the run without its surroundings.
"""


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


def render(notice: Notice) -> Payload:
    """Return the message: at most 20,000 bytes for any report, headline and next step included."""
    report = notice.report
    frame = _frame(notice)
    reserved = "x" * _ANNOUNCEMENT

    def fits(blocks: tuple[Block, ...]) -> bool:
        return size(frame.around(blocks, reserved)) <= MAX_BYTES - LONGEST_CALLBACK

    fitted = fit(report.blocks, _LIMITS, _cost, fits)
    said = announcement((*_first_losses(report), *fitted.losses), report)
    return frame.around(fitted.blocks, cut(one_line(said), _ANNOUNCEMENT, _cost).text)


def minimal(notice: Notice) -> Payload:
    """Return headline, next step and link alone, as the plainest card that there is."""
    frame = _frame(notice)
    note = _text("Teams refused the full card; the whole is in the stored evidence and in the run.", isSubtle=True)
    return _message([frame.title, *frame.repeat, *frame.step, note, *_buttons((), frame.links)], frame.preview)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What every card has, made once a report."""

    preview: str
    title: _Json
    repeat: tuple[_Json, ...]
    step: tuple[_Json, ...]
    links: tuple[_Json, ...]
    stored: str

    def around(self, blocks: Sequence[Block], said: str) -> Payload:
        """Return the payload with ``blocks`` around the next step and ``said`` announced in sight."""
        state = [part for block in blocks if block.kind is Kind.STATE for part in _state(block)]
        parts = [_folding(block) for block in blocks]
        above = sorted((one for one, _ in parts if one), key=lambda block: _IN_SIGHT.index(block.kind))
        seen = [part for block in above for part in _block(block)]
        folded = [part for _, one in parts if one for part in _block(one)]
        stored = [_text(self.stored, isSubtle=True, size="Small")] if self.stored else []
        if folded:
            folded, stored = [*folded, *stored], []
        loss = [_text(said, isSubtle=True, size="Small")] if said else []
        details = [{"type": "Container", "id": _DETAILS, "isVisible": False, "items": folded}] if folded else []
        toggle = [{"type": "Action.ToggleVisibility", "title": "Details", "targetElements": [_DETAILS]}]
        buttons = _buttons(toggle if details else [], self.links)
        body = [self.title, *self.repeat, *state, _step(self.step), *seen, *loss, *stored, *buttons, *details]
        return _message(body, self.preview)


def _frame(notice: Notice) -> _Frame:
    report = notice.report
    named = (("Open the run", report.run_url, _URL), ("Open the incident", report.page_url, _PAGE_URL))
    ours = {title: url for title, url, longest in named if len(url) <= longest and is_plain_link(url)}
    stored = f"Evidence stored as {report.stored_as}" if report.stored_as else ""
    step = Block(Kind.NEXT_STEP, report.next_step.lines[:_MANDATORY_LINES])
    return _Frame(
        preview=cut(one_line(report.preview) or "-", _MANDATORY.value, _cost).text,
        title=_title(notice),
        repeat=(_text(POSSIBLE_REPEAT, isSubtle=True),) if notice.possible_repeat else (),
        step=tuple(_block(shorten(step, _MANDATORY, _cost).block)),
        links=tuple({"type": "Action.OpenUrl", "title": title, "url": url} for title, url in ours.items()),
        stored=cut(one_line(stored), _LIMITS.caption, _cost).text,
    )


def _message(body: list[_Json], preview: str) -> Payload:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": VERSION,
        "fallbackText": escape(preview),
        "msteams": {"width": "Full"},
        "body": body,
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [content]}


def _buttons(toggle: Sequence[_Json], links: Sequence[_Json]) -> list[_Json]:
    """Return the buttons in rows that a phone shows whole: it cuts off what does not fit beside the others."""
    rows = [[*toggle, *links[:1]], *([link] for link in links[1:])]
    return [{"type": "ActionSet", "actions": row} for row in rows if row]


def _title(notice: Notice) -> _Json:
    headline = cut(one_line(notice.report.headline) or "-", _MANDATORY.text, _cost).text
    return _text(headline, weight="Bolder", size="Large", color=_colour(notice))


def _colour(notice: Notice) -> str:
    if notice.kind is NoticeKind.RESOLVED:
        return "Good"
    fix = notice.incident.fix if notice.incident and notice.kind is NoticeKind.FIX else None
    if fix is not None:
        return _FIX_COLOURS.get(fix.state, "Default")
    return _COLOURS.get(notice.report.status or "", "Default")


def _step(parts: Sequence[_Json]) -> _Json:
    """Return the next step, set off from the rest: it is what the reader came for."""
    return {"type": "Container", "style": "emphasis", "items": list(parts), "spacing": "Medium"}


def _state(block: Block) -> list[_Json]:
    """Return where the incident stands, right below the headline and without a title: what message this one follows."""
    small = {"isSubtle": True, "size": "Small", "spacing": "Small"}
    return [{**part, **small} if part["type"] == "TextBlock" else part for part in _block(block)[1:]]


def _folding(block: Block) -> tuple[Block | None, Block | None]:
    """Return what of ``block`` is seen at once, and what opens on a click."""
    if block.kind is Kind.STATE:
        return None, None
    if block.kind not in _IN_SIGHT:
        return None, block
    if block.kind not in _PARTLY_IN_SIGHT:
        return block, None
    wanted, count = _PARTLY_IN_SIGHT[block.kind]
    places = [place for place, line in enumerate(block.lines) if isinstance(line, wanted)][:count]
    seen = tuple(block.lines[place] for place in places)
    rest = tuple(line for place, line in enumerate(block.lines) if place not in places)
    return (replace(block, lines=seen) if seen else None), (replace(block, lines=rest) if rest else None)


def _first_losses(report: Report) -> list[str]:
    step = shorten(report.next_step, _MANDATORY, _cost)
    too_long = step.lines_cut or len(report.next_step.lines) > _MANDATORY_LINES
    headline = cut(one_line(report.headline), _MANDATORY.text, _cost)
    losses = ["the headline is shortened"] if headline.was_cut else []
    return [*losses, "the next step is shortened"] if too_long else losses


def _block(block: Block) -> list[_Json]:
    parts = [_text(block.title, weight="Bolder", spacing="Medium")]
    for kind, lines in groupby(block.lines, type):
        if kind is Pair:
            parts.extend(_pairs([line for line in lines if isinstance(line, Pair)]))
        else:
            parts.extend(part for line in lines for part in _line(line))
    return parts


def _line(line: Line) -> list[_Json]:
    match line:
        case Text(text):
            return [_text(text, spacing="Small")]
        case Pair():
            return _pairs([line])
        case Code(text, caption):
            return [*([_text(caption, isSubtle=True, size="Small")] if caption else []), *_code(text)]


def _pairs(pairs: Sequence[Pair]) -> list[_Json]:
    """Return facts side by side, or texts where one is too long for its half of a phone: a word would be cut off."""
    if any(len(pair.value) > _LONGEST_FACT or _longest_word(pair) > _LONGEST_WORD for pair in pairs):
        return [_text(f"{pair.label}: {pair.value}", spacing="Small") for pair in pairs]
    facts = [{"title": escape(pair.label), "value": escape(pair.value)} for pair in pairs]
    return [{"type": "FactSet", "facts": facts, "spacing": "Small"}]


def _longest_word(pair: Pair) -> int:
    return max(map(len, (*pair.label.split(), *pair.value.split())), default=0)


def _code(text: str) -> list[_Json]:
    """Return a monospace block a line: Markdown would join them, and eat what stands indented."""
    lines = text.split("\n")
    shown = [_text(_indented(line), fontType="Monospace", spacing="None") for line in lines if line.strip()]
    return [{**part, "spacing": "Small"} if place == 0 else part for place, part in enumerate(shown)]


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
    # 202 says "taken"; whether the flow posted is in its run history alone. A page is no flow's answer.
    return status in (200, 202) and not body.lstrip().startswith("<")


def _form_refused(word: str) -> bool:
    return "RequestEntityTooLarge" in word or "too large" in word.lower()


_RETIRED = (
    "Office 365 connectors are retired: make a Workflows webhook in the channel "
    "(template “Post to a channel when a webhook request is received”) and put its address here"
)
_UNSIGNED = (
    "the address has no sig: in the flow's trigger let Anyone trigger it, and copy the address again (docs/teams.md)"
)
_SHORT_SECRET = f"it is shorter than {SHORTEST_SECRET} characters: make a random one, such as by openssl rand -hex 32"

_WEBHOOK = Webhook(
    name="teams",
    # Azure Logic Apps, then Power Automate in each of its clouds (Power Automate, "IP address configuration"; flows
    # had addresses of the first form, too, until November 2025).
    hosts=(
        "*.logic.azure.com",
        "*.logic.azure.us",
        "*.logic.azure.cn",
        "*.environment.api.powerplatform.com",
        "*.environment.api.gov.powerplatform.microsoft.us",
        "*.environment.api.high.powerplatform.microsoft.us",
        "*.environment.api.appsplatform.us",
        "*.environment.api.powerplatform.partner.microsoftonline.cn",
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


class _CallingBack(WebhookConversation):
    """A conversation whose messages carry what the flow sends back once it has posted."""

    def __init__(self, options: Options) -> None:
        super().__init__(_WEBHOOK, options)
        self._options = options

    def send(self, notice: Notice, *, now: datetime) -> Sent:
        """See :class:`responders.channels.Conversation`."""
        secret = self._options.secret(CALLBACK_SECRET)
        signing = replace(_WEBHOOK, render=_signed(render, secret, now), minimal=_signed(minimal, secret, now))
        return WebhookConversation(signing, self._options).send(notice, now=now)


def _signed(form: Callable[[Notice], Payload], secret: Secret, now: datetime) -> Callable[[Notice], Payload]:
    """Return ``form`` with the callback beside its card, where a channel shows nothing of it."""
    return lambda notice: {**form(notice), "callback": sign(notice.key, secret=secret, now=now)}


def _problems(options: Options) -> Mapping[str, str]:
    """Say what is wrong with the options of a destination, without showing them."""
    found = dict(_WEBHOOK.problems(options))
    if not found and _unsigned(options.secret(URL)):
        found[URL] = _UNSIGNED
    if 0 < len(options.secret(CALLBACK_SECRET).reveal()) < SHORTEST_SECRET:
        found[CALLBACK_SECRET] = _SHORT_SECRET
    return found


def _unsigned(url: Secret) -> bool:
    """Tell an address of Microsoft's own without its signature: only people of the tenant could trigger that flow."""
    parts = urlsplit(url.reveal())
    host = (parts.hostname or "").rstrip(".")
    own = any(host_matches(host, pattern) for pattern in _WEBHOOK.hosts)
    return own and not any(parse_qs(parts.query).get("sig", ()))


def _connect(options: Options) -> Conversation:
    calls_back = bool(options.secret(CALLBACK_SECRET).reveal())
    return _CallingBack(options) if calls_back else _WEBHOOK.connect(options)


CHANNEL = Channel(
    name="teams",
    title="Microsoft Teams",
    fields=(
        webhook_field("Workflows webhook of the Teams channel"),
        Field(
            name=CALLBACK_SECRET,
            purpose="Secret that the flow's confirmation of a posted card is proven with (docs/teams.md).",
            secret=True,
            required=False,
        ),
    ),
    problems=_problems,
    connect=_connect,
    hosts=_WEBHOOK.hosts,
)
