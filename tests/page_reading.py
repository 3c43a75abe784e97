"""Reads a page of the app strictly, as a browser would: elements, their text, the fields of forms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

__all__ = ["Element", "Read"]

_VOID = frozenset({"meta", "link", "input", "br"})


@dataclass
class Element:
    """An element with what is in it."""

    name: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text in it."""
        return "".join(it if isinstance(it, str) else it.text for it in self.children)

    def each(self, name: str) -> Iterator[Element]:
        """Yield the elements called ``name`` in it."""
        for it in self.children:
            if isinstance(it, Element):
                if it.name == name:
                    yield it
                yield from it.each(name)


class _Reader(HTMLParser):
    """Reads a page strictly: every element is closed where it was opened."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice in {tag}"
        made = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(made)
        if tag not in _VOID:
            self._open.append(made)

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].name == tag, f"{tag} ends within {self._open[-1].name}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)

    def whole(self) -> Element:
        assert self._open == [self.root], "an element is never closed"
        return self.root


class Read:
    """A page as it was read."""

    def __init__(self, html: str) -> None:
        reader = _Reader()
        reader.feed(html)
        reader.close()
        self.root = reader.whole()

    @property
    def text(self) -> str:
        """What people see, on one line."""
        (body,) = self.root.each("body")
        return " ".join(body.text.split())

    @property
    def forms(self) -> dict[str, dict[str, str]]:
        """The fields of each form, by what it asks for, with the box ticked."""
        found = {}
        for form in self.root.each("form"):
            fields = {it.attributes["name"]: it.attributes.get("value", "") for it in form.each("input")}
            found[fields["action"]] = fields
        return found

    def names(self) -> set[str]:
        """The names of all elements."""
        return {it.name for it in _all(self.root)}


def _all(element: Element) -> Iterator[Element]:
    for it in element.children:
        if isinstance(it, Element):
            yield it
            yield from _all(it)
