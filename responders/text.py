"""A report as plain text, for the command line and for logs."""

from __future__ import annotations

import textwrap

from responders.blocks import Block, Code, Line, Pair, Report, Text
from responders.wording import clean, one_line

__all__ = ["render_text"]

_NARROWEST = 40
_INDENT = "  "


def render_text(report: Report, width: int = 100) -> str:
    """Return ``report`` as lines of about ``width`` characters that end in a newline.

    Nothing is left out. Log lines and commands are not wrapped, so that they can be compared and pasted; no
    character that a terminal would obey is in the result.
    """
    width = max(width, _NARROWEST)
    parts = [
        _wrapped(report.headline, width, ""),
        *(_block(b, width) for b in (report.next_step, *report.blocks)),
    ]
    links = {"Open the run": report.run_url, "Open the incident": report.page_url}
    footer = [f"{title}: {one_line(url)}" for title, url in links.items() if url]
    if report.stored_as:
        footer.append(f"Evidence stored as: {one_line(report.stored_as)}")
    return "\n\n".join([*parts, "\n".join(footer)]).rstrip("\n") + "\n"


def _block(block: Block, width: int) -> str:
    return "\n".join([f"{block.title}:", *(_line(line, width) for line in block.lines)])


def _line(line: Line, width: int) -> str:
    match line:
        case Text(text):
            return _wrapped(text, width, _INDENT)
        case Pair(label, value):
            return _wrapped(f"{label}: {value}", width, _INDENT)
        case Code(text, caption):
            lead = [_wrapped(caption, width, _INDENT)] if caption else []
            return "\n".join([*lead, textwrap.indent(clean(text), _INDENT * 2)])


def _wrapped(text: str, width: int, indent: str) -> str:
    return textwrap.fill(
        one_line(text),
        width,
        initial_indent=indent,
        subsequent_indent=indent + _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
