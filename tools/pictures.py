"""The README's pictures as SVG, for light and for dark ground: the way of the data, and a real message.

The message is what the product posts to Slack in a played story, so it cannot show what the product does not say.
GitHub shows the one or the other by ``<picture>``; fonts are the reader's own, so no line is filled to its end.
"""

from __future__ import annotations

import html
import logging
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.playing import play
from sandbox.world import load_scenario

__all__ = ["STORY", "THEMES", "Theme", "message", "message_text", "way"]

STORY = Path(__file__).resolve().parent.parent / "sandbox" / "scenarios" / "missing-pull-role.yaml"
_WIDTH = 860
_SANS = "-apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
_MONO = "ui-monospace, SFMono-Regular, Consolas, 'Liberation Mono', monospace"
_BIG = 76
_LETTERS = 100
_CODE = 100
_FIX = ("a second identity, which Azure", "bounds; approved, undone")
_SHOWN = ("Next step", "Why", "Identity, role, registry")
_TITLE = re.compile(r"\*([^*\n]+)\*")
_FENCED = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
_LINKED = re.compile(r"<(https://[^<>|\s]+)\|([^<>]+)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Colours on one ground."""

    ground: str
    box: str
    line: str
    text: str
    quiet: str
    accent: str
    red: str
    green: str
    code: str


THEMES: Mapping[str, Theme] = {
    "light": Theme(
        ground="#ffffff",
        box="#f6f8fa",
        line="#d0d7de",
        text="#1f2328",
        quiet="#59636e",
        accent="#0969da",
        red="#cf222e",
        green="#1a7f37",
        code="#f6f8fa",
    ),
    "dark": Theme(
        ground="#0d1117",
        box="#161b22",
        line="#3d444d",
        text="#e6edf3",
        quiet="#9198a1",
        accent="#4493f8",
        red="#f85149",
        green="#3fb950",
        code="#161b22",
    ),
}


# --- the way of the data ------------------------------------------------------------------------------------


def way(theme: Theme) -> str:
    """Return the picture of the way from a failed run to people."""
    parts = [
        *_box((20, 56, 160), "A run fails", ("its container image", "did not come"), theme, edge=theme.red),
        *_arrow((180, 98), (244, 98), theme),
        *_text(210, 88, "event", theme.quiet, size=11, anchor="middle"),
        *_box((244, 56, 316), "Pullmedic reads and judges", (), theme, edge=theme.accent, height=184),
        *_box((260, 92, 138), "The log", ("is it one of these", "failures, and which?"), theme, small=True),
        *_box((408, 92, 138), "Live resources", ("roles, registry, tags,", "rules, compute, build"), theme, small=True),
        *_box((260, 166, 286), "46 causes", ("confirmed by a fact alone, else said open",), theme, small=True),
        *_arrow((560, 98), (634, 98), theme),
        *_text(595, 88, "message", theme.quiet, size=11, anchor="middle"),
        *_box(
            (634, 56, 206),
            "Where the team talks",
            ("Slack, Teams, tickets:", "one incident, kept current"),
            theme,
        ),
        *_arrow((560, 198), (634, 198), theme, dashed=True),
        *_text(595, 188, "if agreed", theme.quiet, size=11, anchor="middle"),
        *_box((634, 156, 206), "The missing pull role", _FIX, theme, edge=theme.green),
        *_text(20, 34, "Reads with one identity, writes with another.", theme.quiet, size=12),
    ]
    title = "From a failed run to a message: an event, the log, live resources, 46 causes, and where the team talks."
    return _svg(title, 262, parts, theme)


# --- a message ----------------------------------------------------------------------------------------------


def message(theme: Theme) -> str:
    """Return the picture of what Slack shows of the story, shortened to what decides."""
    parts: list[str] = []
    y = 58
    for kind, text in _played():
        for line in _lines(kind, text):
            if kind == "code":
                parts.append(f'<rect x="60" y="{y - 14}" width="764" height="19" fill="{theme.code}"/>')
            parts += _written(kind, line, y, theme)
            y += 24 if kind == "headline" else 19
        y += {"title": 2, "code": 10, "headline": 6}.get(kind, 7)
    bar = f'<rect x="46" y="42" width="4" height="{y - 56}" rx="2" fill="{theme.red}"/>'
    who = [
        *_text(46, 26, "Pullmedic", theme.text, size=14, weight="bold"),
        *_text(126, 26, "APP", theme.quiet, size=10),
    ]
    return _svg("A message as Slack shows it; its text stands below the picture.", y + 2, [*who, bar, *parts], theme)


def message_text() -> str:
    """Return the same as text, for who cannot see the picture, and to search in."""
    shown = []
    for kind, text in _played():
        if kind == "code":
            shown += ["", *(f"    {line}" for line in _lines(kind, text)), ""]
        elif kind == "title":
            shown += ["", text.upper()]
        else:
            shown += _lines(kind, text)
    return "```text\n" + re.sub(r"\n{3,}", "\n\n", "\n".join(shown)).strip() + "\n```"


def _written(kind: str, line: str, y: int, theme: Theme) -> Iterator[str]:
    match kind:
        case "headline":
            yield from _text(60, y, line, theme.text, size=17, weight="bold")
        case "title":
            yield from _text(60, y, line, theme.text, size=14, weight="bold")
        case "code":
            yield from _text(68, y, line, theme.text, size=12, mono=True)
        case "quiet":
            yield from _text(60, y, line, theme.quiet, size=12)
        case "link":
            yield from _text(60, y, line, theme.accent, size=14)
        case _:
            yield from _text(60, y, line, theme.text, size=14)


def _lines(kind: str, text: str) -> Sequence[str]:
    if kind == "code":
        rows = textwrap.dedent(text).splitlines()
        return [part for row in rows for part in _wrapped(row, _CODE, "      ") or [""]]
    if kind == "headline":
        return _wrapped(text, _BIG, "")
    return [part for row in text.splitlines() for part in _wrapped(row, _LETTERS, "  " if row[:1] in "•→" else "")]


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)


@cache
def _played() -> tuple[tuple[str, str], ...]:
    """Return the message's pieces, each with its kind: the headline, and the sections that decide."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        outcome = play(load_scenario(STORY), channels=("slack",))
    finally:
        logging.disable(before)
    found: list[tuple[str, str]] = []
    section = quoted = ""
    for kind, text in (piece for block in outcome.messages[0].payload["blocks"] for piece in _pieces(block)):
        section = text if kind == "title" else section
        if kind == "headline" or section in _SHOWN:
            if kind == "quiet" and quoted:
                section = ""  # one quotation of the log is enough
                continue
            quoted = text if kind == "quiet" else quoted
            found.append((kind, text))
    return tuple(found)


def _pieces(block: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if block["type"] == "header":
        yield "headline", html.unescape(block["text"]["text"])
    elif block["type"] == "context":
        yield "quiet", html.unescape(" ".join(element["text"] for element in block["elements"]))
    elif block["type"] == "section" and "text" in block:
        text = block["text"]["text"]
        if title := _TITLE.fullmatch(text):
            yield "title", html.unescape(title[1])
        elif code := _FENCED.fullmatch(text):
            yield "code", html.unescape(code[1])
        elif link := _LINKED.fullmatch(text):
            yield "link", html.unescape(link[2])
        else:
            yield "text", html.unescape(text)


# --- drawing ------------------------------------------------------------------------------------------------


def _svg(title: str, height: int, parts: Sequence[str], theme: Theme) -> str:
    ground = f'<rect width="{_WIDTH}" height="{height}" rx="8" fill="{theme.ground}" stroke="{theme.line}"/>'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img" aria-label="{html.escape(title)}">'
    )
    return "\n".join([head, f"<title>{html.escape(title)}</title>", ground, *parts, "</svg>"]) + "\n"


def _box(
    place: tuple[int, int, int],
    title: str,
    lines: Sequence[str],
    theme: Theme,
    *,
    edge: str = "",
    height: int = 0,
    small: bool = False,
) -> Iterator[str]:
    x, y, width = place
    tall = height or (64 if small else 84)
    fill = theme.ground if small else theme.box
    yield (
        f'<rect x="{x}" y="{y}" width="{width}" height="{tall}" rx="8" fill="{fill}" stroke="{edge or theme.line}"'
        f' stroke-width="{1 if small or not edge else 1.6}"/>'
    )
    yield from _text(x + 12, y + (20 if small else 26), title, theme.text, size=12 if small else 14, weight="bold")
    for number, line in enumerate(lines):
        yield from _text(x + 12, y + (38 if small else 48) + number * 17, line, theme.quiet, size=11 if small else 12)


def _arrow(start: tuple[int, int], end: tuple[int, int], theme: Theme, *, dashed: bool = False) -> Iterator[str]:
    (x, y), (to_x, to_y) = start, end
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    yield f'<path d="M{x + 4} {y}H{to_x - 10}" stroke="{theme.quiet}" stroke-width="1.6" fill="none"{dash}/>'
    yield f'<path d="M{to_x - 4} {to_y}l-8 -5v10z" fill="{theme.quiet}"/>'


def _text(
    x: int,
    y: int,
    text: str,
    colour: str,
    *,
    size: int,
    weight: str = "normal",
    anchor: str = "start",
    mono: bool = False,
) -> Iterator[str]:
    yield (
        f'<text x="{x}" y="{y}" fill="{colour}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" '
        f'font-family="{_MONO if mono else _SANS}" xml:space="preserve">{html.escape(text, quote=False)}</text>'
    )
