"""A team's own texts and causes, from a TOML file (``docs/own-signatures.md``): validated as a whole, or left out.

Patterns are RE2, so they match in linear time whatever a log holds; everything in the file is bounded. What a file says
is tried at the start: a pattern that does not compile, misses its own sample or hits any ordinary line is refused with
the file, the entry and what is wrong with it. A file with one wrong entry is left out altogether.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import re2 as untyped_re2

from diagnostics.case import Case
from diagnostics.catalogue import CATALOGUE
from diagnostics.model import PullStep, Remedy
from diagnostics.signatures import CAPTURES, PROOF, Ground, Signature, SymptomRule, expand, published_rules
from diagnostics.verdicts import Judgement, proven, unread

__all__ = ["OwnCause", "OwnSignatures", "WrongSignatures", "install", "installed", "load_own_signatures"]

re2: Any = untyped_re2  # google-re2 has no types

LARGEST = 256 * 1024
MOST_TEXTS = 200
MOST_CAUSES = 50
LONGEST_PATTERN = 1000
LONGEST_WORDS = 2000
_MOST_SAMPLES = 20
_MOST_PROBLEMS = 20
_MEMORY = 1 << 20
"""Bytes that one pattern's automaton may take: far more than any wording needs."""

_ORDINARY = (
    "2026-11-17 08:41:02 INFO starting",
    "epoch 3/10 loss 0.1234 accuracy 0.98",
    "Successfully pulled image contoso.azurecr.io/train:7",
    "Traceback (most recent call last):",
    'File "/app/train.py", line 12, in <module>',
    "Downloading https://example.org/data.csv 100%",
    "x",
)
"""Lines of runs in which nothing is wrong with an image; a pattern that hits one says nothing."""

_TEXT = {"symptom", "id", "pattern", "emitter", "names", "decisive", "accepts", "rejects"}
_CAUSE = {"id", "title", "step", "remedy", "detail", "command"}
_NOT_CHECKED = "no live check decides a cause of the team's own file"


class WrongSignatures(Exception):
    """A file that cannot be used; ``problems`` names each wrong entry, the text has one line a problem."""

    def __init__(self, path: str, problems: Sequence[str]) -> None:
        self.problems = tuple(f"{path}: {problem}" for problem in problems[:_MOST_PROBLEMS])
        super().__init__("\n".join(self.problems))


class OwnCause:
    """A cause that only its texts can name: *likely* by them, *confirmed* where one is a component's own statement."""

    masked = False
    needs: tuple[str, ...] = ()
    rank = 90

    def __init__(self, cause_id: str, title: str, step: PullStep, explains: frozenset[str], remedy: Remedy) -> None:
        self.id = cause_id
        self.title = title
        self.step = step
        self.explains = explains
        self._remedy = remedy

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the team's own component says so, *unread* where a text names it, else nothing."""
        if self.id in case.decisive and case.primary is not None:
            said = f"{case.primary.emitter} says so itself: {case.primary.text.strip()[:300]}"
            return proven(self.title, self._target(case), said, remedies=(self._remedy,))
        if self.id in case.named:
            return unread(self.title, self._target(case), _NOT_CHECKED, remedies=(self._remedy,))
        return None

    def _target(self, case: Case) -> str:
        groups = ("host", "registry", "address", "image", "package", "client")
        return next((found for group in groups if (found := case.captured(group))), self.id)


@dataclass(frozen=True, slots=True)
class OwnSignatures:
    """What a file adds: texts by the symptom that they belong to, and causes."""

    texts: Mapping[str, tuple[Signature, ...]] = field(default_factory=dict)
    causes: tuple[OwnCause, ...] = ()

    def added_to(self, rule: SymptomRule) -> SymptomRule:
        """Return a published rule with the file's texts behind its own."""
        return replace(rule, signatures=(*rule.signatures, *self.texts.get(rule.id, ())))


_installed = [OwnSignatures()]


def installed() -> OwnSignatures:
    """Return what this process adds to the published signatures and causes."""
    return _installed[0]


def install(own: OwnSignatures) -> None:
    """Add ``own`` to everything that this process reads and judges from now on, in place of what was added before."""
    from diagnostics import classification, judging, signatures  # noqa: PLC0415 - they ask here what is installed

    _installed[0] = own
    for made in (signatures.rules, classification.library, judging.all_causes):
        made.cache_clear()


def load_own_signatures(path: str | Path) -> OwnSignatures:
    """Return what the file at ``path`` adds; :class:`WrongSignatures` says everything that is wrong with it."""
    document = _parsed(Path(path))
    reading = _Reading(document)
    own = reading.read()
    if reading.problems:
        raise WrongSignatures(str(path), reading.problems)
    return own


def _parsed(path: Path) -> Mapping[str, Any]:
    try:
        if not path.is_file():
            raise WrongSignatures(str(path), ["there is no such file"])
        with path.open("rb") as stream:
            raw = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise WrongSignatures(str(path), [f"it cannot be read: {getattr(error, 'strerror', None) or error}"]) from None
    if len(raw) > LARGEST:
        raise WrongSignatures(str(path), [f"it is larger than {LARGEST // 1024} KiB"])
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise WrongSignatures(str(path), [f"it is no TOML: {reason[:200]}"]) from None


class _Reading:
    """One document under validation; every problem is noted, none ends it early."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._published = {rule.id: rule for rule in published_rules()}
        self._taken = {signature.id for rule in self._published.values() for signature in rule.signatures}
        self.problems: list[str] = []

    def read(self) -> OwnSignatures:
        """Return what could be read; it is of use only without problems."""
        self._keys("the file", self._document, {"text", "cause"})
        causes = {entry["id"]: entry for entry in self._causes()}
        texts = list(self._texts(frozenset(causes)))
        if not texts and not self.problems:
            self.problems.append("it has no [[text]]")
        by_symptom: dict[str, tuple[Signature, ...]] = {}
        for symptom, signature in texts:
            by_symptom[symptom] = (*by_symptom.get(symptom, ()), signature)
        made = tuple(cause for entry in causes.values() if (cause := self._cause(entry, texts)) is not None)
        return OwnSignatures(texts=by_symptom, causes=made)

    # --- causes ---

    def _causes(self) -> Iterator[Mapping[str, Any]]:
        seen: set[str] = set()
        for where, entry in self._entries("cause", MOST_CAUSES):
            self._keys(where, entry, _CAUSE)
            name = self._id(where, entry)
            if name in CATALOGUE or name in _judged_ids():
                self.problems.append(f"{where}: id: {name} is a published cause; name your own otherwise")
            elif name in seen:
                self.problems.append(f"{where}: id: {name} is there twice")
            seen.add(name)
            if name:
                yield {**entry, "id": name, "where": where}

    def _cause(self, entry: Mapping[str, Any], texts: Sequence[tuple[str, Signature]]) -> OwnCause | None:
        where, name = entry["where"], entry["id"]
        title, remedy = self._words(where, entry, "title"), self._words(where, entry, "remedy")
        detail, command = (self._words(where, entry, key, needed=False) for key in ("detail", "command"))
        step = self._words(where, entry, "step", needed=False) or PullStep.START.value
        if step not in set(PullStep):
            self.problems.append(f"{where}: step: {step!r} is none of {', '.join(PullStep)}")
            return None
        explains = frozenset(symptom for symptom, signature in texts if name in signature.names)
        if not explains and not self.problems:
            self.problems.append(f"{where}: no [[text]] names {name}, so it could never be found")
        made = Remedy(title=remedy, detail=detail, command=command)
        return OwnCause(name, title, PullStep(step), explains, made)

    # --- texts ---

    def _texts(self, own_causes: frozenset[str]) -> Iterator[tuple[str, Signature]]:
        for where, entry in self._entries("text", MOST_TEXTS):
            before = len(self.problems)
            self._keys(where, entry, _TEXT)
            symptom = self._symptom(where, entry)
            name = self._id(where, entry)
            if name in self._taken:
                self.problems.append(f"{where}: id: {name} is taken by another text")
            self._taken.add(name)
            signature = Signature(
                id=name,
                pattern=self._words(where, entry, "pattern", longest=LONGEST_PATTERN),
                emitter=self._words(where, entry, "emitter"),
                ground=Ground.SHARED,
                names=self._names(where, entry, own_causes),
                decisive=self._truth(where, entry, "decisive"),
                foreign=symptom == "not-registry",
                accepts=self._samples(where, entry, "accepts", needed=True),
                rejects=self._samples(where, entry, "rejects", needed=False),
            )
            if len(self.problems) == before:
                self.problems += [f"{where}: {problem}" for problem in _tried(signature)]
            yield symptom, signature

    def _symptom(self, where: str, entry: Mapping[str, Any]) -> str:
        symptom = self._words(where, entry, "symptom")
        if symptom and symptom not in self._published:
            self.problems.append(f"{where}: symptom: {symptom!r} is none{_meant(symptom, self._published)}")
        return symptom

    def _names(self, where: str, entry: Mapping[str, Any], own_causes: frozenset[str]) -> tuple[str, ...]:
        known = own_causes | set(CATALOGUE) | _judged_ids()
        named = self._list(where, entry, "names")
        for name in named:
            if name not in known:
                self.problems.append(f"{where}: names: there is no cause {name!r}{_meant(name, known)}")
        if entry.get("symptom") == "not-registry" and named:
            self.problems.append(f"{where}: names: a text that is no registry's names no cause")
        if entry.get("decisive") is True and not named:
            self.problems.append(f"{where}: decisive: it names no cause that it could decide")
        return named

    def _samples(self, where: str, entry: Mapping[str, Any], key: str, *, needed: bool) -> tuple[str, ...]:
        before = len(self.problems)
        found = self._list(where, entry, key)
        if needed and not found and len(self.problems) == before:
            self.problems.append(f"{where}: {key}: is required: at least one line that the pattern has to hit")
        return found

    # --- values ---

    def _entries(self, kind: str, most: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
        found = self._document.get(kind, [])
        if not isinstance(found, list) or not all(isinstance(entry, Mapping) for entry in found):
            self.problems.append(f"{kind}: expected [[{kind}]] tables")
            return
        if len(found) > most:
            self.problems.append(f"{kind}: {len(found)} entries, at most {most} are read")
        for number, entry in enumerate(found[:most], start=1):
            name = entry.get("id")
            label = f" ({_shown(name)})" if isinstance(name, str) and name else ""
            yield f"{kind} {number}{label}", entry

    def _keys(self, where: str, entry: Mapping[str, Any], known: set[str]) -> None:
        for key in sorted(set(entry) - known):
            self.problems.append(f"{where}: unknown key {_shown(key)!r}{_meant(key, known)}")

    def _id(self, where: str, entry: Mapping[str, Any]) -> str:
        name = self._words(where, entry, "id", longest=60)
        plain = name.replace("-", "")
        if name and not (name[0].isalpha() and plain.isascii() and plain.isalnum() and name == name.lower()):
            self.problems.append(f"{where}: id: lower-case letters, digits and hyphens only, a letter first")
        return name

    def _words(
        self, where: str, entry: Mapping[str, Any], key: str, *, needed: bool = True, longest: int = LONGEST_WORDS
    ) -> str:
        value = entry.get(key)
        if value is None:
            if needed:
                self.problems.append(f"{where}: {key}: is required")
            return ""
        if not isinstance(value, str) or not value.strip():
            self.problems.append(f"{where}: {key}: expected text")
        elif len(value) > longest:
            self.problems.append(f"{where}: {key}: {len(value)} characters, at most {longest} are read")
        elif not all(character.isprintable() or character in "\n\t" for character in value):
            self.problems.append(f"{where}: {key}: holds a control character")
        else:
            return value
        return ""

    def _list(self, where: str, entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
        value = entry.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self.problems.append(f"{where}: {key}: expected a list of texts")
            return ()
        if len(value) > _MOST_SAMPLES or any(len(item) > LONGEST_WORDS for item in value):
            self.problems.append(f"{where}: {key}: at most {_MOST_SAMPLES} texts of {LONGEST_WORDS} characters")
            return ()
        return tuple(value)

    def _truth(self, where: str, entry: Mapping[str, Any], key: str) -> bool:
        value = entry.get(key, False)
        if not isinstance(value, bool):
            self.problems.append(f"{where}: {key}: expected true or false")
        return value is True


def _tried(signature: Signature) -> Iterator[str]:
    """Yield what is wrong with a pattern, by trying it."""
    try:
        compiled = _compiled(signature)
    except KeyError as error:
        yield f"pattern: there is no %{error.args[0]}%{_meant(str(error.args[0]), CAPTURES)}"
        return
    except re2.error as error:
        said = error.args[0] if error.args else "it does not compile"
        yield f"pattern: {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"
        return
    for group in sorted(set(compiled.groupindex) - set(CAPTURES) - {PROOF}):
        yield f"pattern: a group may not be called {_shown(group)!r}{_meant(group, CAPTURES)}"
    if any(compiled.search(line) for line in ("", *_ORDINARY)):
        yield "pattern: it hits ordinary lines in which nothing is wrong; say more of the text"
        return
    for sample in signature.accepts:
        if not compiled.search(sample):
            yield f"accepts: the pattern does not hit {_shown(sample)!r}"
    for sample in signature.rejects:
        if compiled.search(sample):
            yield f"rejects: the pattern hits {_shown(sample)!r}"


def _compiled(signature: Signature) -> Any:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    return re2.compile(expand(signature.pattern), options)


def _judged_ids() -> frozenset[str]:
    from diagnostics import causes  # noqa: PLC0415 - the folder imports what this module imports
    from diagnostics.discovery import members  # noqa: PLC0415

    return frozenset(cause.id for cause in members(causes, "CAUSE"))


def _meant(word: str, known: Any) -> str:
    near = get_close_matches(word[:60], sorted(known), n=1, cutoff=0.7)
    return f"; is {near[0]} meant?" if near else ""


def _shown(text: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in text[:80])
