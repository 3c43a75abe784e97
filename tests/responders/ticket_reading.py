"""What a reader's program makes of a ticket's HTML: its tags, its links, its words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

ALLOWED = {"p", "h3", "strong", "em", "code", "pre", "a"}


@dataclass
class Read(HTMLParser):
    """Tags, links, the words that stand in no code, and all text."""

    tags: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    attributes: set[str] = field(default_factory=set)
    prose: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.inside.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if not {"code", "pre", "a"} & set(self.inside):
            self.prose.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data.strip())


def read_html(text: str) -> Read:
    """Read ``text``; every tag is closed and allowed."""
    reader = Read()
    reader.feed(text)
    reader.close()
    assert reader.inside == []
    assert reader.tags <= ALLOWED
    assert reader.attributes <= {"href"}
    return reader


def outside_of_html_blocks(text: str) -> list[str]:
    """Return the lines that a Markdown reader would take for Markdown (CommonMark 0.31, 4.6)."""
    lines, end = [], ""
    for line in text.split("\n"):
        if not end:
            if re.match(r" {0,3}<(pre|script|style|textarea)(\s|>|$)", line, re.IGNORECASE):
                end = "</pre>"
            elif re.match(r" {0,3}<!--", line):
                end = "-->"
            elif re.match(r" {0,3}</?(p|h3)(\s|/?>|$)", line, re.IGNORECASE):
                end = "blank"
            elif line.strip():
                lines.append(line)
        if (end == "blank" and not line.strip()) or (end not in ("", "blank") and end in line):
            end = ""
    return lines
