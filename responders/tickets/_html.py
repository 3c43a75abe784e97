"""A ticket's text as HTML, for the trackers that show HTML.

Nobody else's text becomes markup: ``&``, ``<``, ``>`` and quotes are entities, and a word that some product would make
a link, a mention, a reference or a picture of (``@team``, ``#12``, ``https://...``, ``:tada:``) stands in ``code``,
where none does, and where it can still be copied as it is. Each paragraph is one line with an empty line around it: so
a Markdown reader takes it for an HTML block (CommonMark 0.31, 4.6, conditions 1 and 6) and obeys no syntax within.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from responders.blocks import Block, Code, Line, Pair, Text
from responders.clouds import is_plain_link
from responders.tickets._content import EARLIER, Message
from responders.wording import clean, one_line, utf16_units

__all__ = ["cost", "escape", "html", "inert", "paragraph"]

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_ESCAPES = str.maketrans(_ENTITIES)
# "Autolinked references and URLs" and "Basic writing and formatting syntax" (GitHub); mathematics begins with $.
_OBEYED = re.compile(r"[@#$]|://|www\.|\bgh-\d|:[a-z+-][\w+-]*:|\b[0-9a-f]{7,40}\b|\b(?:ghsa|cve)-", re.IGNORECASE)


def escape(text: str) -> str:
    """Return ``text`` with the five characters that HTML obeys as entities."""
    return text.translate(_ESCAPES)


def inert(text: str) -> str:
    """Return one line of prose as HTML in which no word is more than a word."""
    return " ".join(_word(word) for word in one_line(text).split(" "))


@lru_cache(maxsize=4096)
def cost(character: str) -> int:
    """Return the UTF-16 units of a character after escaping."""
    return max(utf16_units(character), len(_ENTITIES.get(character, "")))


def paragraph(inner: str) -> str:
    """Return a paragraph of HTML that is escaped already."""
    return f"<p>{inner}</p>"


def html(message: Message, said: str) -> str:
    """Return the message; ``said`` announces what was left out. The mark is left to the tracker."""
    parts = [paragraph(f"<strong>{inert(message.headline)}</strong>")]
    parts += [part for block in message.first for part in _block(block, titled=message.titled)]
    if message.previous is not None:
        title, url = escape(one_line(message.previous.title)), message.previous.url
        parts.append(paragraph(f"{EARLIER} {_anchor(url, title) if is_plain_link(url) else title}"))
    parts += [part for block in message.blocks for part in _block(block, titled=message.titled)]
    if said:
        parts.append(paragraph(f"<em>{inert(said)}</em>"))
    if message.link:
        parts.append(paragraph(_anchor(message.link, "Open the run")))
    if message.page:
        parts.append(paragraph(_anchor(message.page, "Open the incident")))
    if message.stored:
        parts.append(paragraph(f"Evidence stored as {inert(message.stored)}"))
    return "\n\n".join(parts)


def _block(block: Block, *, titled: bool) -> Iterator[str]:
    if titled and block.lines:
        yield f"<h3>{escape(block.title)}</h3>"
    for line in block.lines:
        yield from _line(line)


def _line(line: Line) -> Iterator[str]:
    match line:
        case Text(text):
            yield paragraph(inert(text))
        case Pair(label, value):
            yield paragraph(f"<strong>{inert(label)}:</strong> {inert(value)}")
        case Code(text, caption):
            if caption.strip():
                yield paragraph(inert(caption))
            # The first line break after <pre> is dropped (HTML, 13.1.2.5); a blank first line would be lost.
            yield f"<pre>\n{escape(clean(text))}</pre>"


def _word(word: str) -> str:
    return f"<code>{escape(word)}</code>" if _OBEYED.search(word) else escape(word)


def _anchor(url: str, title: str) -> str:
    return f'<a href="{escape(url)}">{title}</a>'
