"""What every tracker writes: the mark by which a ticket and an event are found again, and the words of a comment.

The mark is a line of our own, ``pullmedic-ticket KEY EVENT``. It counts only where nobody else's text can stand, which
is for each tracker to say: as an HTML comment, as the last paragraph, as a whole line.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from responders.blocks import Block, Kind, Text
from responders.clouds import is_plain_link
from responders.fitting import LineLimits, announcement, fit, shorten
from responders.notices import Notice, NoticeKind
from responders.tickets import Ticket, TicketState
from responders.wording import Cost, cut, one_line, utf16_units

__all__ = [
    "EARLIER",
    "MARK",
    "Effect",
    "Found",
    "Message",
    "Room",
    "checked_key",
    "choose",
    "comment_message",
    "event_of",
    "fitted",
    "mark_of",
    "ticket_message",
    "title_of",
    "units",
]

T = TypeVar("T")

MARK = re.compile(r"pullmedic-ticket (?P<key>[A-Za-z0-9-]{1,64}) (?P<event>[A-Za-z0-9-]{1,96})")
EARLIER = "An earlier ticket about the same:"

_KEY = re.compile(r"[A-Za-z0-9-]{1,64}")
_NOT_IN_EVENT = re.compile(r"[^A-Za-z0-9-]+")
_LONGEST_EVENT = 96
_FIRST = LineLimits(text=1_200, label=80, value=600, code=1_500, caption=200)
_REST = LineLimits(text=2_000, label=120, value=2_000, code=4_000, caption=400)
_REPEAT = "This may be a repeat: no answer came to the first try."


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much one text may hold in the tracker's final form, in UTF-16 units.

    ``limit`` is that of the whole; ``first`` those of headline and next step, which are never left out, ``rest`` those
    of any other line. Whatever the report, what is never left out has to fit into ``limit`` by these alone.
    """

    limit: int
    first: LineLimits = _FIRST
    rest: LineLimits = _REST
    first_lines: int = 3
    announcement: int = 700
    link: int = 1_500
    page: int = 500
    cost: Cost = utf16_units


class Effect:
    """What a comment is written with: a sentence of it says so."""

    COMMENT = ""
    REOPEN = "This ticket is opened again."
    CLOSE = "This ticket is closed."


_HAPPENED = {
    NoticeKind.OPENED: "It happened again.",
    NoticeKind.REPEATED: "It happened again.",
    NoticeKind.REOPENED: "It is back.",
    NoticeKind.RESOLVED: "It is resolved.",
    NoticeKind.FIX: "News of the fix.",
    NoticeKind.TEST: "This is a test.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a ticket or a comment says, in the reader's order; a tracker renders it in its own format.

    ``first`` is never left out, ``blocks`` give way by priority, ``link`` is our own address or empty, ``page`` that of
    the incident's own page. Texts are within the room's limits, and still to be escaped; without ``titled`` blocks have
    no headings.
    """

    headline: str
    first: tuple[Block, ...]
    blocks: tuple[Block, ...]
    losses: tuple[str, ...]
    link: str
    mark: str
    page: str = ""
    titled: bool = True
    stored: str = ""
    previous: Ticket | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A ticket that carries the key, and when it was changed last; ``number`` rises with each new ticket."""

    ticket: Ticket
    number: int
    changed_at: datetime | None = None


def choose(found: Iterable[Found]) -> Ticket | None:
    """Return the one that counts: the oldest open one, so that two workers agree, else the one changed last."""
    every = list(found)
    opened = [one for one in every if one.ticket.state is TicketState.OPEN]
    if opened:
        return min(opened, key=lambda one: one.number).ticket
    last = max(every, key=lambda one: (one.changed_at.timestamp() if one.changed_at else 0.0, one.number), default=None)
    return last.ticket if last else None


def checked_key(key: str) -> str:
    """Return ``key`` where it is one: queries are made of keys. Raises :class:`ValueError`."""
    if not _KEY.fullmatch(key):
        raise ValueError("a ticket's key has 1 to 64 characters of letters, digits and -")
    return key


def event_of(notice: Notice) -> str:
    """Name what a notice tells: which incident, what became of it, at how many runs or which change of its fix.

    Equal facts, equal name.
    """
    incident = notice.incident
    said = f"{incident.id}-{notice.kind}-{incident.count}" if incident else f"{notice.key}-{notice.kind}"
    if notice.kind is NoticeKind.FIX and incident and incident.fix:
        said = f"{incident.id}-{notice.kind}-{incident.fix.serial}"
    name = _NOT_IN_EVENT.sub("-", said)
    return name if len(name) <= _LONGEST_EVENT else hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()


def mark_of(notice: Notice) -> str:
    """Return the mark of a text that tells ``notice``. Raises :class:`ValueError` for a wrong key."""
    return f"pullmedic-ticket {checked_key(notice.key)} {event_of(notice)}"


def title_of(notice: Notice, limit: int) -> str:
    """Return the headline on one line of at most ``limit`` UTF-16 units."""
    return cut(one_line(notice.report.headline) or "-", limit).text


def ticket_message(notice: Notice, previous: Ticket | None, room: Room) -> Message:
    """Return what a new ticket says."""
    report = notice.report
    step = Block(Kind.NEXT_STEP, report.next_step.lines[: room.first_lines])
    short = shorten(step, room.first, room.cost)
    headline = cut(one_line(report.headline) or "-", room.first.text, room.cost)
    losses = {
        "the headline is shortened": headline.was_cut,
        "the next step is shortened": short.lines_cut or len(report.next_step.lines) > room.first_lines,
    }
    repeat = Block(Kind.NOTES, (Text(_REPEAT),))
    return Message(
        headline=headline.text,
        first=(short.block, repeat) if notice.possible_repeat else (short.block,),
        blocks=report.blocks,
        losses=tuple(loss for loss, happened in losses.items() if happened),
        link=_ours(notice.report.run_url, room.link),
        page=_ours(notice.report.page_url, room.page),
        stored=cut(one_line(report.stored_as), room.first.value, room.cost).text,
        previous=previous,
        mark=mark_of(notice),
    )


def comment_message(notice: Notice, effect: str, room: Room) -> Message:
    """Return what a comment says: what happened, the headline, the incident's state."""
    headline = cut(one_line(notice.report.headline) or "-", room.first.text, room.cost)
    repeat = (Text(_REPEAT),) if notice.possible_repeat else ()
    return Message(
        headline=" ".join(part for part in (_HAPPENED.get(notice.kind, "News."), effect) if part),
        first=(Block(Kind.RUN, (Text(headline.text), *repeat)),),
        blocks=tuple(block for block in notice.report.blocks if block.kind in (Kind.STATE, Kind.FIX)),
        losses=("the headline is shortened",) if headline.was_cut else (),
        link=_ours(notice.report.run_url, room.link),
        page=_ours(notice.report.page_url, room.page),
        mark=mark_of(notice),
        titled=False,
    )


def fitted(
    notice: Notice, message: Message, room: Room, render: Callable[[Message, str], T], size: Callable[[T], int]
) -> T:
    """Return the fullest form of ``message`` that ``render(message, announcement)`` keeps within the room.

    What gives way are the blocks, by priority; every loss is announced.
    """
    reserved = "x" * room.announcement

    def fits(blocks: tuple[Block, ...]) -> bool:
        return size(render(replace(message, blocks=blocks), reserved)) <= room.limit

    done = fit(message.blocks, room.rest, room.cost, fits)
    said = announcement((*message.losses, *done.losses), notice.report)
    return render(replace(message, blocks=done.blocks), cut(one_line(said), room.announcement, room.cost).text)


def units(text: str) -> int:
    """Return the UTF-16 units of ``text``, which are never fewer than any service counts characters."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _ours(url: str, longest: int) -> str:
    return url if is_plain_link(url) and len(url) <= longest else ""
