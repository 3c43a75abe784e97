"""Shows payloads in a terminal roughly as Slack and Teams show them: what was sent, not what was meant."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.records import Message

__all__ = ["shown"]

_WIDTH = 100
_NAMES = {
    "slack": "Slack",
    "slack-bot": "Slack (app)",
    "slack-bot-edit": "Slack (app), edited",
    "slack-bot-thread": "Slack (app), in the thread",
    "slack-answer": "Slack, seen by who asked alone",
    "teams": "Microsoft Teams",
}
_LINK = re.compile(r"<(https?://[^|>]+)\|([^>]+)>")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!~:>|=])")


def shown(message: Message) -> str:
    """Return ``message`` as boxed text under its channel's name."""
    slack = message.channel.startswith("slack")
    lines = list(_slack(message.payload) if slack else _teams(message.payload))
    name = _NAMES.get(message.channel, message.channel)
    return _boxed(name, lines)


def _slack(payload: Mapping[str, Any]) -> Iterator[str]:
    for block in payload.get("blocks") or ():
        kind = block.get("type")
        if kind == "header":
            yield from _wrapped(html.unescape(block["text"]["text"]).upper())
        elif kind == "divider":
            yield "-" * 40
        for text in _slack_texts(block) if kind != "header" else ():
            yield from _wrapped(_plain_slack(text))
        for button in block.get("elements") or () if kind == "actions" else ():
            yield f"[ {button.get('text', button.get('placeholder'))['text']} ] {button.get('url', '')}"
        yield ""
    if not payload.get("blocks"):
        yield from _wrapped(_plain_slack(str(payload.get("text", ""))))


def _slack_texts(block: Mapping[str, Any]) -> Iterator[str]:
    if block.get("text"):
        yield block["text"]["text"]
    for field in block.get("fields") or ():
        yield field["text"].replace("\n", ": ", 1)
    if block.get("type") == "context":
        yield from (element.get("text", "") for element in block.get("elements") or ())


def _plain_slack(text: str) -> str:
    return html.unescape(_LINK.sub(r"\2 (\1)", text)).replace("```", "").replace("*", "")


def _teams(payload: Mapping[str, Any]) -> Iterator[str]:
    for attachment in payload.get("attachments") or ():
        content = attachment.get("content") or {}
        yield from _elements(content.get("body") or (), folded=False)
        for action in content.get("actions") or ():
            yield f"[ {action.get('title')} ] {action.get('url', '')}".rstrip()


def _elements(elements: Any, *, folded: bool) -> Iterator[str]:
    for element in elements:
        yield from _element(element, folded=folded or element.get("isVisible") is False)


def _element(element: Mapping[str, Any], *, folded: bool) -> Iterator[str]:
    kind = element.get("type")
    mark = "  : " if folded else ""
    if kind == "TextBlock":
        text = _plain_teams(str(element.get("text", "")))
        strong = element.get("size") in {"Large", "ExtraLarge", "large", "extraLarge"}
        yield from (mark + line for line in _wrapped(text.upper() if strong else text))
    elif kind == "FactSet":
        for fact in element.get("facts") or ():
            yield from (mark + line for line in _wrapped(_plain_teams(f"{fact['title']}: {fact['value']}")))
    elif kind == "ActionSet":
        yield mark + " ".join(f"[ {action.get('title')} ]" for action in element.get("actions") or ())
    for inner in ("items", "columns"):
        yield from _elements(element.get(inner) or (), folded=folded)


def _plain_teams(text: str) -> str:
    return html.unescape(_ESCAPED.sub(r"\1", text)).replace("**", "")


def _wrapped(text: str) -> Iterator[str]:
    for line in text.splitlines() or [""]:
        indent = " " * (len(line) - len(line.lstrip()))
        yield from textwrap.wrap(line, _WIDTH, subsequent_indent=indent + "  ", break_on_hyphens=False) or [""]


def _boxed(title: str, lines: list[str]) -> str:
    while lines and not lines[-1].strip():
        lines.pop()
    body = [f"| {line:<{_WIDTH}} |" for line in lines]
    top = f"+- {title} " + "-" * (_WIDTH - len(title) - 1) + "+"
    return "\n".join([top, *body, "+" + "-" * (_WIDTH + 2) + "+"])
