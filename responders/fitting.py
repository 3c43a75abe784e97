"""Making a report fit: what goes first when room is short, and saying so.

A channel measures its own final form; this module only chooses. Blocks are taken by priority, a block that
does not fit whole gives up lines from its end, and every loss is named, so that a channel can announce it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from responders.blocks import Block, Code, Line, Pair, Report, Text
from responders.wording import Cost, Cut, clean, cut, one_line

__all__ = ["Fitted", "LineLimits", "Shortened", "announcement", "fit", "shorten"]

_MOST_LINES = 200
_MOST_CHARACTERS = 20_000  # of one text, before it is looked at closer
_BLANK = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLimits:
    """How much one line may cost in the channel's final form; ``code_lines`` counts the lines of one piece of code."""

    text: int
    label: int
    value: int
    code: int
    caption: int
    code_lines: int = 40


@dataclass(frozen=True, slots=True)
class Shortened:
    """A block whose lines each keep the limits, and how many of them were cut."""

    block: Block
    lines_cut: int


@dataclass(frozen=True, slots=True)
class Fitted:
    """The blocks that fit, in the reader's order, and what was lost, in words."""

    blocks: tuple[Block, ...]
    losses: tuple[str, ...]


Fits = Callable[[tuple[Block, ...]], bool]
"""Whether these blocks, rendered in this order, keep the channel's limits with room for the announcement."""


def shorten(block: Block, limits: LineLimits, cost: Cost) -> Shortened:
    """Return ``block`` with each of its lines cut to ``limits``."""
    done = [_shorten_line(line, limits, cost) for line in block.lines[:_MOST_LINES]]
    return Shortened(replace(block, lines=tuple(line for line, _ in done)), sum(was_cut for _, was_cut in done))


def fit(blocks: Sequence[Block], limits: LineLimits, cost: Cost, fits: Fits) -> Fitted:
    """Return as much of ``blocks`` as ``fits`` lets through, by priority, and name what it did not."""
    shortened = [shorten(block, limits, cost) for block in blocks]
    whole = fits(tuple(it.block for it in shortened))  # of nearly every report
    kept: dict[int, Block] = {}
    losses: dict[int, str] = {}
    for place in sorted(range(len(blocks)), key=lambda index: (blocks[index].priority, index)):
        block = shortened[place].block
        count = len(block.lines) if whole else _most_lines(block, place, kept, fits)
        if count:
            kept[place] = replace(block, lines=block.lines[:count])
        loss = _loss(blocks[place], count, shortened[place].lines_cut)
        if loss:
            losses[place] = loss
    return Fitted(tuple(kept[place] for place in sorted(kept)), tuple(losses[place] for place in sorted(losses)))


def announcement(losses: Sequence[str], report: Report) -> str:
    """Say what was left out and where the whole is to be seen; empty where nothing was."""
    if not losses:
        return ""
    stored = f"the evidence stored as {report.stored_as}" if report.stored_as else ""
    links = ("the incident (link)" if report.page_url else "", "the run (link)" if report.run_url else "")
    whole = " and ".join(part for part in (stored, *links) if part)
    where = f" The whole is in {whole}." if whole else " The whole is in the responder's log."
    return f"Cut for length: {'; '.join(losses)}.{where}"


def _shorten_line(line: Line, limits: LineLimits, cost: Cost) -> tuple[Line, bool]:
    match line:
        case Text(text):
            said = _shorten_prose(text, limits.text, cost)
            return Text(said.text), said.was_cut
        case Pair(label, value):
            name = _shorten_prose(label, limits.label, cost)
            worth = _shorten_prose(value, limits.value, cost)
            return Pair(name.text, worth.text), name.was_cut or worth.was_cut
        case Code(text, caption):
            shown = _shorten_code(text, limits, cost)
            source = _shorten_prose(caption, limits.caption, cost) if caption.strip() else Cut("", was_cut=False)
            return Code(shown.text, source.text), shown.was_cut or source.was_cut


def _shorten_prose(text: str, limit: int, cost: Cost) -> Cut:
    said = cut(one_line(text[:_MOST_CHARACTERS]) or _BLANK, limit, cost)
    return Cut(said.text, said.was_cut or len(text) > _MOST_CHARACTERS)


def _shorten_code(text: str, limits: LineLimits, cost: Cost) -> Cut:
    lines = clean(text[:_MOST_CHARACTERS]).split("\n")
    code = "\n".join(lines[: limits.code_lines])
    shown = cut(code if code.strip() else _BLANK, limits.code, cost)
    more = len(lines) - limits.code_lines
    was_cut = shown.was_cut or more > 0 or len(text) > _MOST_CHARACTERS
    return Cut(f"{shown.text}\n({more} more lines)" if more > 0 else shown.text, was_cut)


def _most_lines(block: Block, place: int, kept: dict[int, Block], fits: Fits) -> int:
    def room_for(count: int) -> bool:
        trial = kept | {place: replace(block, lines=block.lines[:count])}
        return fits(tuple(trial[index] for index in sorted(trial)))

    if room_for(len(block.lines)):
        return len(block.lines)
    low, high = 0, len(block.lines)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if room_for(middle) else (low, middle)
    return low


def _loss(block: Block, kept: int, lines_cut: int) -> str:
    total = len(block.lines)
    if kept == 0 and total:
        return f"“{block.title}” is left out"
    if kept < total:
        return f"“{block.title}” shows {kept} of {total} lines"
    return f"“{block.title}” is shortened" if lines_cut else ""
