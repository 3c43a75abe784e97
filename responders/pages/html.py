"""HTML from small builders: whatever is put in is text, cleaned and escaped, and cannot be anything else. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from responders.wording import clean, cut

__all__ = ["Html", "element", "joined", "text", "void"]

_LONGEST = 6_000
"""Characters of one piece of text."""


class Html(str):
    """Markup that is safe to be put in as it stands. Only the builders of this module make it."""

    __slots__ = ()


def text(words: str, limit: int = _LONGEST) -> Html:
    """Return ``words`` as text: cleaned of what controls a display, cut at ``limit`` with an ellipsis, escaped."""
    return Html(escape(cut(clean(words), limit).text, quote=True))


def element(name: str, /, *children: str, **attributes: str | bool) -> Html:
    """Return an element. A child that is no :class:`Html` is text.

    An attribute's ``_`` becomes ``-``, one at its end is left off (``class_``, ``for_``); ``True`` is an attribute
    without a value, ``False`` or an empty text none at all.
    """
    return Html(f"<{name}{_attributes(attributes)}>{joined(children)}</{name}>")


def void(name: str, /, **attributes: str | bool) -> Html:
    """Return an element that has no end tag."""
    return Html(f"<{name}{_attributes(attributes)}>")


def joined(children: Iterable[str]) -> Html:
    """Return ``children`` one after the other, what is no :class:`Html` as text."""
    return Html("".join(child if isinstance(child, Html) else text(child) for child in children))


def _attributes(attributes: dict[str, str | bool]) -> str:
    return "".join(_attribute(name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items())


def _attribute(name: str, value: str | bool) -> str:  # noqa: FBT001 - an attribute is there or has a value
    if value is True:
        return f" {name}"
    return f' {name}="{text(value)}"' if value else ""
