"""Conditions of role assignments on a repository's name, or on what is assigned: read, and judged in three values.

Source: *Azure role assignment condition format and syntax* (version 2.0) and *rbac-abac-repository-permissions*
(2025-12-11). ``True`` and ``False`` are said only where the documents decide. An attribute, an operator or a form
that is not understood is ``None``, and stays so unless the rest decides without it (``true OR unknown``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from diagnostics.actions import matches
from diagnostics.linear import pattern

__all__ = ["Attributes", "admits", "holds"]

_LONGEST = 8 * 1024
"""Azure's own limit for a condition."""

_DEEPEST = 40
"""Nested parentheses and negations; conditions of the portal's editor have five."""

_NAME = ("request", "microsoft.containerregistry/registries/repositories:name")

Attributes = Mapping[tuple[str, str], str]
"""The values that are known, by source (``request``, ``resource``) and attribute, both in lower case."""

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'[^'\\]*')"
    r"|@(?P<source>[A-Za-z]+)\[(?P<attribute>[^\[\]']*)\]"
    r"|(?P<mark>&&|\|\||[(){},!])"
    r"|(?P<word>[A-Za-z0-9_][A-Za-z0-9_.:+-]*))"
)

_ANY_OF_ONE = {"foranyofanyvalues": any, "forallofanyvalues": any, "foranyofallvalues": all, "forallofallvalues": all}
"""Cross products, where the left side is one value: the second half alone says how the right side counts."""

_WORDS = {"and": "&&", "or": "||", "not": "!"}


class _NotUnderstoodError(Exception):
    """The condition's form is none that the documents define."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class _Value:
    """What an attribute is compared with: a text in quotes; GUIDs, numbers and truth values stand ``bare``."""

    text: str
    bare: bool


def holds(condition: str, *, action: str, repository: str | None) -> bool | None:
    """Return whether ``condition`` lets ``action`` through on ``repository``; ``None`` where it is not known.

    Linear in the length of the condition, which others wrote.
    """
    return admits(condition, action=action, attributes={_NAME: repository} if repository is not None else {})


def admits(condition: str, *, action: str, attributes: Attributes) -> bool | None:
    """Return whether ``condition`` lets ``action`` through where ``attributes`` have these values; ``None``: not known.

    Texts are compared by the string operators, GUIDs by ``GuidEquals`` and ``GuidNotEquals``.
    """
    if len(condition) > _LONGEST or not condition.isascii():
        return None
    try:
        return _Reader(_tokens(condition), action, attributes).whole()
    except _NotUnderstoodError:
        return None


def _tokens(condition: str) -> list[_Token]:
    found, at, end = [], 0, len(condition.rstrip())
    while at < end:
        match = _TOKEN.match(condition, at)
        if match is None:
            raise _NotUnderstoodError
        kind = match.lastgroup or ""
        if kind == "attribute":
            found.append(_Token("attribute", match["attribute"].strip().lower(), match["source"].lower()))
        elif kind == "text":
            found.append(_Token("text", match["text"][1:-1]))
        else:
            text = _WORDS.get(match[kind].lower(), match[kind])
            found.append(_Token("mark" if text in _WORDS.values() else kind, text))
        at = match.end()
    return found


class _Reader:
    """Reads by recursive descent and judges on the way: Kleene's three values, so order does not matter."""

    def __init__(self, tokens: list[_Token], action: str, attributes: Attributes) -> None:
        self._tokens, self._at = tokens, 0
        self._action, self._attributes = action, attributes

    def whole(self) -> bool | None:
        value = self._expression(0)
        if self._at != len(self._tokens):
            raise _NotUnderstoodError
        return value

    def _expression(self, depth: int) -> bool | None:
        """Operands joined by one kind of operator; one of the other kind is left over, and nothing takes it.

        Which of the two kinds binds closer is not documented.
        """
        values = [self._operand(depth)]
        joint = self._peek()
        while joint in {"&&", "||"} and self._take(joint):
            values.append(self._operand(depth))
        return _none_is_false(values) if joint != "||" else _negated(_none_is_false(_negated(it) for it in values))

    def _operand(self, depth: int) -> bool | None:
        if depth > _DEEPEST:
            raise _NotUnderstoodError
        if self._take("!"):
            return _negated(self._operand(depth + 1))
        if self._take("("):
            value = self._expression(depth + 1)
            self._need(")")
            return value
        return self._comparison()

    def _comparison(self) -> bool | None:
        token = self._next()
        if token.kind == "attribute":
            return self._compared(token)
        if token.kind != "word":
            raise _NotUnderstoodError
        word = token.text.lower()
        if word in {"actionmatches", "suboperationmatches"}:
            wanted = [one.text for one in self._values(braces=True) if not one.bare]
            return any(matches(one, self._action) for one in wanted) if word == "actionmatches" and wanted else None
        if word in {"exists", "notexists"} and self._next().kind == "attribute":
            return None
        raise _NotUnderstoodError

    def _compared(self, attribute: _Token) -> bool | None:
        operator = self._next()
        if operator.kind != "word":
            raise _NotUnderstoodError
        if self._kind() == "attribute":
            self._next()
            return None  # one attribute against another
        stated = self._values(braces=self._peek() == "{")
        value = self._attributes.get((attribute.source, attribute.text))
        bare = "guid" in operator.text.lower()
        if value is None or any(one.bare is not bare for one in stated):
            return None
        return self._judged(operator.text, [one.text for one in stated], value)

    @staticmethod
    def _judged(operator: str, values: list[str], held: str) -> bool | None:
        cross, _, plain = operator.lower().rpartition(":")
        test, joined = _test(plain), _ANY_OF_ONE.get(cross)
        if test is None or (joined is None and (cross or len(values) != 1)):
            return None
        return (joined or any)(test(held, value) for value in values)

    def _values(self, *, braces: bool) -> list[_Value]:
        if not braces:
            return [self._text()]
        self._need("{")
        values = [self._text()]
        while self._take(","):
            values.append(self._text())
        self._need("}")
        return values

    def _text(self) -> _Value:
        token = self._next()
        if token.kind in {"text", "word"}:
            return _Value(token.text, bare=token.kind == "word")
        raise _NotUnderstoodError

    def _kind(self) -> str:
        return self._tokens[self._at].kind if self._at < len(self._tokens) else ""

    def _peek(self) -> str:
        return self._tokens[self._at].text if self._kind() == "mark" else ""

    def _next(self) -> _Token:
        if self._at >= len(self._tokens):
            raise _NotUnderstoodError
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, mark: str) -> bool:
        taken = self._peek() == mark
        self._at += taken
        return taken

    def _need(self, mark: str) -> None:
        if not self._take(mark):
            raise _NotUnderstoodError


def _none_is_false(values: Iterable[bool | None]) -> bool | None:
    """All of them: false where one is, else unknown where one is."""
    seen = list(values)
    return False if False in seen else None if None in seen else True


def _negated(value: bool | None) -> bool | None:  # noqa: FBT001 - a truth value is all that it is about
    return None if value is None else not value


def _test(operator: str) -> Callable[[str, str], bool] | None:
    """Return the comparison of a string operator in lower case, or ``None`` for one that is not understood."""
    if operator in {"guidequals", "guidnotequals"}:
        return lambda left, right: (left.lower() == right.lower()) is (operator == "guidequals")
    base, ignoring = operator.removesuffix("ignorecase"), operator.endswith("ignorecase")
    negative = base.startswith("stringnot")
    plain = _PLAIN.get(base.replace("stringnot", "string"))
    if plain is None:
        return None

    def test(left: str, right: str) -> bool:
        if ignoring:
            left, right = left.lower(), right.lower()
        return plain(left, right) is not negative

    return test


def _like(left: str, right: str) -> bool:
    """``*`` stands for any run of characters, ``?`` for one."""
    pieces = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in right)
    return pattern("(?s)" + "".join(pieces)).fullmatch(left) is not None


_PLAIN: dict[str, Callable[[str, str], bool]] = {
    "stringequals": str.__eq__,
    "stringstartswith": str.startswith,
    "stringlike": _like,
}
