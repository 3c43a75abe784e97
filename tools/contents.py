"""The list of all documents, from their own titles and first sentences: a new document cannot be left out of it."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["DocumentUnreadable", "contents"]

DOCS = Path(__file__).resolve().parent.parent / "docs"
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_SENTENCE = re.compile(r"(?:`[^`]*`|[^`])+?(?=\.(?:\s|$)|:$)")
_PROSE = re.compile(r"[A-Za-z*`\[]")


class DocumentUnreadable(ValueError):
    """A document has no title, or does not begin with a sentence; the message names it."""


def contents() -> str:
    """Return a table: each document, by file name, with the first sentence that it says."""
    listed = [path for path in sorted(DOCS.glob("*.md")) if path.stem != "README"]
    rows = [f"| [{path.name}]({path.name}) | {_row(path)} |" for path in listed]
    return "\n".join(["| document | begins with |", "|---|---|", *rows])


def _row(path: Path) -> str:
    text = _COMMENT.sub("", path.read_text(encoding="utf-8"))
    title = _TITLE.search(text)
    if title is None:
        raise DocumentUnreadable(f"docs/{path.name} has no title")
    return f"**{title[1]}**. {_first_sentence(text[title.end() :], path)}."


def _first_sentence(text: str, path: Path) -> str:
    for paragraph in re.split(r"\n\s*\n", text):
        plain = _LINK.sub(r"\1", " ".join(paragraph.split()))
        if not _PROSE.match(plain):
            continue
        if found := _SENTENCE.match(plain):
            return found[0]
    raise DocumentUnreadable(f"docs/{path.name} does not say in a first sentence what it is about")
