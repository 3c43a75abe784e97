"""From a failure's text to the symptoms that it shows, best first. Pure: no I/O, no clock.

A text is read in a plain form (:func:`_plain`: no colours, no JSON escapes), so that patterns need not
know how often it was wrapped; what is quoted is the original line. Signatures are looked for by
``re2.Set``, whose time is linear in the text, and only those that hit are matched for their captures.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from operator import itemgetter
from typing import Any

import re2 as untyped_re2

from diagnostics.build_log import is_build_log, is_of_build_place
from diagnostics.logs import attempt_of, is_user_log
from diagnostics.model import ImageReference, LogExcerpt, Symptom
from diagnostics.references import MalformedReference, parse, same_registry
from diagnostics.run_document import WARNINGS
from diagnostics.signatures import PROOF, Ground, Signature, Weight, expand, rules

__all__ = ["classify", "library"]

re2: Any = untyped_re2  # google-re2 has no types

_AROUND = 3
"""Lines quoted before and after the proving line."""
_MOST_CHARACTERS = 4_000
"""A quoted neighbour is left out beyond this; the proving line itself is always whole."""
_NEARBY = 3
"""Lines before and after in which a loose wording looks for words of registries."""
_MOST_HITS = 40
"""Matches of one signature looked at in one excerpt: the first decides, a few may be claimed away."""
_MOST_CLAIMS = 1_000
"""The same for a foreign signature, whose every match counts."""
_CLAIMED = 500
"""Bytes to both sides that a foreign word claims of its own line: all of it, unless a whole log came as one line."""
_MEMORY = 64 << 20
"""Ceiling for one set's automaton in bytes; far less is used."""
_IN_ONE_SET = 8
"""Signatures in one set. The states of an automaton multiply: one set of all took 7 s on 330 KB of text
made to confuse it, sets of 8 take 0.6 s, and on half a megabyte of ordinary failures the small ones are
faster, too."""

_ESCAPED = re2.compile(
    r"(?P<colour>\x1b\[[0-9;?]*[ -/]*[@-~]|\[[0-9]{1,3}(?:;[0-9]{1,3})*m)"
    r"|(?P<unicode>\\+u00(?:22|26|27|3[cCeE]|60))"
    r"|(?P<end>\\+[nr])"
    r"|(?P<tab>\\+t)"
    r"|\\+(?P<quote>[\"'/])"
    r"|(?P<entity>&(?:quot|apos|amp|lt|gt|#0?39|#34|nbsp);)"
    r"|(?P<margin>^\s*[>|\x{2502}] )"
)
_MARKS = ("\x1b", "[", "\\", "&", "`", "\x00")
_MARGINS = frozenset(">|")
_ENTITIES = {
    "&quot;": '"', "&#34;": '"', "&apos;": "'", "&#39;": "'", "&#039;": "'",
    "&amp;": "&", "&lt;": "<", "&gt;": ">", "&nbsp;": " ",
}  # fmt: skip
_ONE_BY_ONE = str.maketrans("\u2018\u2019`\u201c\u201d\x00\xa0\u200b\ufeff", "'''\"\"    ")
"""Typographic quotation marks, and what looks like nothing or breaks a terminal."""

_REGISTRY_WORDS = re2.compile(
    r"(?i)azurecr\.|mcr\.microsoft\.com|docker|containerd|kubelet|buildkit|podman|ghcr\.io|quay\.io|gcr\.io|harbor"
    r"|\bACR\b|from daemon|\bregistry\b|/v2/\S*[\"':]|/v2/\S*(?:manifests|blobs)|image manifest|manifests?/"
    r"|layer-sha256|ImagePull|ErrImage|pull(?:ing|ed)? (?:the )?image|image pull|pulling \S+[/:]\S|httpReadSeeker"
    r"|oauth2/exchange|failed to (?:do request|resolve reference|authorize)|(?:oauth|anonymous) token"
    r"|CONNECTIVITY_\w+_ERROR|\[manifests? |\bmanifest (?:is|sha256|tagged|unknown)|\bFROM \S+[/:]\S"
    r"|step \d+/\d+ :|acb_step|admin (?:user|login) credentials|adminUserEnabled"
)
_OTHER_REGISTRIES = re2.compile(
    r"(?i)(?:model|asset|assets|component|data|feature|prompt|schema|npm|package|windows|class|plugin|mlflow) registry"
)
_BUILD_WORDS = re2.compile(
    r"(?i)starting image build|azureml-environment-setup|20_image_build_log|step \d+/\d+ :|acb_step"
    r"|docker build|condaenv\.|buildkit"
)
_IMAGE_BUILD = re2.compile(
    r"(?i)(?:image|environment)\s?build|build(?:ing)? (?:the )?(?:docker |container |environment(?:'s)? )?image"
)
_AFTER_THE_PULL = frozenset({"architecture-mismatch"})
"""What an image can still do wrong once it has come and its process was started."""
_NOT_OF_A_PULL = _AFTER_THE_PULL | {"image-build-failed"}
_DOCKER_HUB = "docker.io"
"""The registry that clients call so, whichever of its hosts they ask."""
_MOST_ARRIVALS = 20
"""Images whose last arrival is looked at in one log and its attempts."""

_NAMES = re2.compile(
    expand(
        r"(?:%acr%|mcr\.microsoft\.com|\b(?:[\w-]+\.)*(?:docker\.io|ghcr\.io|quay\.io|nvcr\.io|gcr\.io|docker\.pkg\.dev))"
        r"(?::\d+)?(?:/[^\s\"',;]*)?"
        r"|/v2/[^\s\"',;]+/(?:manifests|blobs)/[^\s\"',;]*"
        r"|\b(?:see|visit|refer to):? https?://github\.com/(?:Azure|containerd|docker|kubernetes|moby|opencontainers)/\S*"
    )
)
"""Names of registries, repositories and tags, and links for the reader: a foreign word in one is only a name."""

_REFERENCE = r"(?P<image>[^\s\"',;]*[/:][^\s\"',;]*[\w>*])"
_COMPANIONS = tuple(
    re2.compile(expand(pattern))
    for pattern in (
        r"https?://%registry%/v2/%repository%/(?:manifests|blobs)/(?:%digest%|%tag%)",
        rf"(?:imageName:|(?:pull|pulling|unpack)(?: docker| container)? image:?)[^\S\n]+[\"']?{_REFERENCE}",
        r"(?:run docker command to pull |authentication mode )%mode%\b",
        r"compute identity %identity%",
    )
)


@dataclass(frozen=True, slots=True)
class _Text:
    """One excerpt in plain form, as UTF-8; ``starts`` are the offsets of the excerpt's lines in it."""

    excerpt: LogExcerpt
    plain: bytes
    starts: tuple[int, ...]

    def line(self, offset: int) -> int:
        """Return the index of the excerpt's line that holds ``offset``."""
        return bisect.bisect_right(self.starts, offset) - 1

    def around(self, offset: int, lines: int) -> bytes:
        """Return the plain text of the line at ``offset`` and up to ``lines`` line ends to both sides."""
        first, last = offset, offset
        for _ in range(lines + 1):
            first = max(self.plain.rfind(b"\n", 0, first), 0)
            last = self.plain.find(b"\n", last) + 1 or len(self.plain)
        return self.plain[first:last]


@dataclass(frozen=True, slots=True)
class _Hit:
    """A signature's match in the excerpt number ``excerpt``; ``proof`` is the offset of what proves it."""

    signature: Signature
    symptom: str
    excerpt: int
    start: int
    end: int
    proof: int
    captured: tuple[tuple[str, str], ...]

    @property
    def rank(self) -> tuple[int, int, int, int, int]:
        """Best first: weight, then the order of the text, then whoever names more and saw more of it."""
        return (
            self.signature.weight,
            self.excerpt,
            self.proof,
            -len(self.signature.names),
            self.start - self.end,
        )


@dataclass(frozen=True, slots=True)
class _Library:
    """All signatures with their symptoms' ids: in sets, to find which ones hit, and one by one, for where."""

    entries: tuple[tuple[str, Signature], ...]
    sets: tuple[Any, ...]
    patterns: tuple[Any, ...]

    def hitting(self, plain: bytes) -> Iterator[int]:
        """Yield the indices of the signatures that match somewhere in ``plain``."""
        for number, signatures in enumerate(self.sets):
            for index in sorted(signatures.Match(plain) or ()):
                yield number * _IN_ONE_SET + index


def classify(excerpts: Sequence[LogExcerpt], *, of_build: bool = False) -> tuple[Symptom, ...]:
    """Return what the excerpts say of a registry, best first; empty where nothing speaks of one.

    Pass the run's own error text first. A stated cause stands before a bare status code, that before a
    known echo, that before a wrapper; among equals the first in the text leads, because the second error
    is often the anonymous retry of the first. Texts about storage, vaults, git, package feeds and user
    code show nothing, and neither do a pull's errors that it overcame.

    With ``of_build`` the texts are of a run that builds an image: its script is the build.
    """
    texts = [_read(excerpt) for excerpt in excerpts]
    hits = [hit for number, text in enumerate(texts) for hit in _hits(number, text)]
    if not of_build and any(_ran(hit, texts[hit.excerpt]) for hit in hits):
        hits = [hit for hit in hits if hit.signature.foreign or hit.symptom in _AFTER_THE_PULL]
    claims = [_claims(text, hits, number) for number, text in enumerate(texts)]
    elsewhere = any(claims)
    believed = [
        hit
        for hit in hits
        if not (hit.signature.foreign or (hit.signature.weight is Weight.TRACE and elsewhere))
        and _believed(hit, texts[hit.excerpt], claims[hit.excerpt])
    ]
    believed = _without_overcome(believed, [hit for hit in hits if hit.signature.image_came], texts)
    if not any(_stopped_the_run(hit, texts[hit.excerpt]) for hit in believed):
        believed = [
            hit
            for hit in believed
            if not (hit.signature.ground is Ground.NOTICED or (elsewhere and _is_of_warning(texts[hit.excerpt])))
        ]
    return tuple(
        _symptom(hit, texts[hit.excerpt]) for hit in _distinct(sorted(believed, key=lambda hit: hit.rank), texts)
    )


@cache
def library() -> _Library:
    """Return all signatures, compiled once; what a team's own file adds is among them."""
    entries = tuple((rule.id, signature) for rule in rules() for signature in rule.signatures)
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    patterns = tuple(re2.compile(signature.expression, options) for _, signature in entries)
    expressions = [signature.expression for _, signature in entries]
    starts = range(0, len(expressions), _IN_ONE_SET)
    sets = tuple(_set(expressions[start : start + _IN_ONE_SET], options) for start in starts)
    return _Library(entries=entries, sets=sets, patterns=patterns)


def _set(expressions: Iterable[str], options: Any) -> Any:
    found = re2.Set.SearchSet(options)
    for expression in expressions:
        found.Add(expression)
    found.Compile()
    return found


def _read(excerpt: LogExcerpt) -> _Text:
    plain = [_plain(line).encode() for line in excerpt.lines]
    starts, offset = [], 0
    for line in plain:
        starts.append(offset)
        offset += len(line) + 1
    return _Text(excerpt=excerpt, plain=b"\n".join(plain), starts=tuple(starts))


def _plain(line: str) -> str:
    """Return ``line`` without colours, escapes and margins; an escaped line end becomes a real one."""
    if _is_plain(line):
        return line
    valid = line.encode(errors="replace").decode()
    return str(_ESCAPED.sub(_unescaped, valid.translate(_ONE_BY_ONE)))


def _is_plain(line: str) -> bool:
    """Tell of most lines, at a tenth of the cost, that nothing in them is to be rewritten."""
    return line.isascii() and line.lstrip()[:1] not in _MARGINS and not any(map(line.__contains__, _MARKS))


def _unescaped(match: Any) -> str:
    kind, text = match.lastgroup, match.group()
    if kind == "unicode":
        return chr(int(text[-2:], 16))
    if kind == "quote":
        return str(match.group("quote"))
    if kind == "entity":
        return _ENTITIES[text]
    return {"colour": "", "end": "\n", "tab": " ", "margin": ""}[kind]


def _hits(number: int, text: _Text) -> Iterator[_Hit]:
    compiled = library()
    for index in compiled.hitting(text.plain):
        symptom, signature = compiled.entries[index]
        most = _MOST_CLAIMS if signature.foreign else _MOST_HITS
        for match in islice(compiled.patterns[index].finditer(text.plain), most):
            yield _Hit(
                signature=signature,
                symptom=symptom,
                excerpt=number,
                start=match.start(),
                end=match.end(),
                proof=_proof(match),
                captured=tuple(_groups(match)),
            )


def _proof(match: Any) -> int:
    """Return where the proof starts: the group of that name, else the first word of the match."""
    marked = match.re.groupindex.get(PROOF)
    if marked is not None and match.group(marked) is not None:
        return int(match.start(marked))
    found: bytes = match.group()
    return int(match.start()) + len(found) - len(found.lstrip())


def _groups(match: Any) -> Iterator[tuple[str, str]]:
    for name, group in match.groupdict().items():
        if group and name != PROOF:
            yield name, group.decode(errors="replace")


def _claims(text: _Text, hits: Iterable[_Hit], number: int) -> list[tuple[int, int]]:
    """Return the stretches that foreign words claim, in order and apart from each other."""
    foreign = [hit for hit in hits if hit.signature.foreign and hit.excerpt == number]
    names = [(name.start(), name.end()) for name in _NAMES.finditer(text.plain)] if foreign else []
    found: list[tuple[int, int]] = []
    for start, end in sorted(_claim(text, hit) for hit in foreign if not _within(hit, names)):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _within(hit: _Hit, stretches: Sequence[tuple[int, int]]) -> bool:
    """Tell whether one of ``stretches``, which are in order, holds all of a match."""
    before = bisect.bisect_right(stretches, hit.proof, key=itemgetter(0)) - 1
    return before >= 0 and hit.end <= stretches[before][1]


def _claim(text: _Text, hit: _Hit) -> tuple[int, int]:
    """Return the line around a foreign word, with the next where it ends in a colon."""
    start = max(text.plain.rfind(b"\n", 0, hit.proof) + 1, hit.proof - _CLAIMED)
    most = min(len(text.plain), hit.end + _CLAIMED)
    end = text.plain.find(b"\n", hit.end, most)
    while end >= 0 and text.plain[start:end].rstrip().endswith(b":"):
        end = text.plain.find(b"\n", end + 1, most)
    return start, most if end < 0 else end


def _believed(hit: _Hit, text: _Text, claims: Sequence[tuple[int, int]]) -> bool:
    if hit.signature.ground is Ground.OWN:
        return True
    before = bisect.bisect_right(claims, (hit.proof, len(text.plain))) - 1
    if before >= 0 and hit.proof < claims[before][1]:
        return False
    if is_user_log(text.excerpt.file) and not _BUILD_WORDS.search(text.plain):
        return False
    if hit.signature.ground is Ground.BUILT:
        return bool(is_build_log(text.excerpt) or _BUILD_WORDS.search(text.plain) or _IMAGE_BUILD.search(text.plain))
    if hit.signature.ground is not Ground.LOOSE:
        return True
    return bool(_REGISTRY_WORDS.search(_OTHER_REGISTRIES.sub(b"", text.around(hit.proof, _NEARBY))))


def _ran(hit: _Hit, text: _Text) -> bool:
    """Tell whether the run's own process ran, rather than that of a run which built its image."""
    return hit.signature.container_ran and not is_of_build_place(text.excerpt.file)


def _is_of_warning(text: _Text) -> bool:
    return text.excerpt.file.endswith(WARNINGS)


def _stopped_the_run(hit: _Hit, text: _Text) -> bool:
    """Tell whether a hit is of a failure itself, which notices and warnings may then explain."""
    signature = hit.signature
    return not (signature.ground is Ground.NOTICED or signature.weight is Weight.TRACE or _is_of_warning(text))


@dataclass(frozen=True, slots=True)
class _Told:
    """A hit in the order in which one log and its later attempts tell of it, with the image that it is about."""

    hit: _Hit
    order: tuple[int, int, int]
    image: ImageReference | None


def _without_overcome(hits: Sequence[_Hit], came: Sequence[_Hit], texts: Sequence[_Text]) -> list[_Hit]:
    """Return the hits without the errors of pulls that succeeded later, in the same log or in its later attempts.

    An image's arrival says nothing of another image: a pod pulls those of its helpers, too.
    """
    logs = defaultdict[str, tuple[list[_Told], list[_Told]]](lambda: ([], []))
    for hit in came:
        name, attempt = attempt_of(texts[hit.excerpt].excerpt.file)
        logs[name][0].append(_told(hit, attempt, dict(hit.captured)))
    for hit in hits:
        text = texts[hit.excerpt]
        name, attempt = attempt_of(text.excerpt.file)
        if name in logs and hit.symptom not in _NOT_OF_A_PULL:
            logs[name][1].append(_told(hit, attempt, {**_companions(text, hit), **dict(hit.captured)}))
    gone = {id(hit) for arrivals, errors in logs.values() for hit in _overcome(arrivals, errors)}
    return [hit for hit in hits if id(hit) not in gone]


def _overcome(arrivals: Iterable[_Told], errors: Sequence[_Told]) -> Iterator[_Hit]:
    last: dict[ImageReference | None, _Told] = {}
    for arrival in sorted(arrivals, key=lambda told: told.order, reverse=True):
        last.setdefault(arrival.image, arrival)
    named = list({told.image: told.image for told in (*last.values(), *errors) if told.image})
    is_one = all(_is_same(named[0], image) for image in named)
    for arrival in islice(last.values(), _MOST_ARRIVALS):
        alike = [
            error
            for error in errors
            if (_is_same(arrival.image, error.image) if arrival.image and error.image else is_one)
        ]
        if all(error.order < arrival.order for error in alike):
            yield from (error.hit for error in alike)


def _told(hit: _Hit, attempt: int, captured: Mapping[str, str]) -> _Told:
    image = captured.get("image", "")
    if not image and "registry" in captured and "repository" in captured:
        tag = f":{captured['tag']}" if "tag" in captured else ""
        image = f"{captured['registry']}/{captured['repository']}{tag}"
    return _Told(hit=hit, order=(attempt, hit.excerpt, hit.proof), image=_reference(image) if image else None)


def _reference(image: str) -> ImageReference:
    """Return the image that is written so; what is no reference is like nothing but itself."""
    try:
        read = parse(image)
    except MalformedReference:
        return ImageReference(registry="none", repository=image)
    return replace(read, registry=_DOCKER_HUB) if read.registry.endswith(f".{_DOCKER_HUB}") else read


def _is_same(one: ImageReference, other: ImageReference) -> bool:
    tags = {image.tag for image in (one, other) if image.tag and not image.tag_implied}
    return same_registry(one.registry, other.registry) and one.repository == other.repository and len(tags) <= 1


def _distinct(hits: Iterable[_Hit], texts: Sequence[_Text]) -> Iterator[_Hit]:
    """Yield each signature once, and each symptom once a line: of several by the one that only its emitter can say."""
    kept: dict[tuple[str, int, int], _Hit] = {}
    for hit in hits:
        place = (hit.symptom, hit.excerpt, texts[hit.excerpt].line(hit.proof))
        first = kept.setdefault(place, hit)
        if hit.signature.decisive and not first.signature.decisive and hit.signature.weight is first.signature.weight:
            kept[place] = hit
    signatures = set()
    for hit in kept.values():
        if hit.signature.id not in signatures:
            yield hit
        signatures.add(hit.signature.id)


def _symptom(hit: _Hit, text: _Text) -> Symptom:
    index = text.line(hit.proof)
    return Symptom(
        id=hit.symptom,
        signature=hit.signature.id,
        emitter=hit.signature.emitter,
        excerpt=_window(text.excerpt, index),
        line=text.excerpt.number(index),
        captured={**_companions(text, hit), **dict(hit.captured)},
        names=hit.signature.names,
        decisive=hit.signature.decisive,
    )


def _companions(text: _Text, hit: _Hit) -> dict[str, str]:
    """Return what the lines around a match say of the same pull: image, manifest, mode, identity."""
    nearby = text.plain[hit.proof : hit.end] + text.around(hit.proof, 0) + b"\n" + text.around(hit.proof, _NEARBY)
    found: dict[str, str] = {}
    for pattern in _COMPANIONS:
        match = pattern.search(nearby)
        for name, group in (match.groupdict() if match else {}).items():
            if group:
                found.setdefault(name, group.decode(errors="replace"))
    return found


def _window(excerpt: LogExcerpt, index: int) -> LogExcerpt:
    """Return the lines around ``index``, the same strings, while they are not too long to quote."""
    first = last = index
    left = _MOST_CHARACTERS - len(excerpt.lines[index])
    for distance in range(1, _AROUND + 1):
        for neighbour in (index - distance, index + distance):
            adjoins = neighbour in (first - 1, last + 1) and 0 <= neighbour < len(excerpt.lines)
            if adjoins and len(excerpt.lines[neighbour]) <= left:
                left -= len(excerpt.lines[neighbour])
                first, last = min(first, neighbour), max(last, neighbour)
    return LogExcerpt(
        file=excerpt.file,
        first_line=excerpt.number(first),
        lines=excerpt.lines[first : last + 1],
        cut=excerpt.cut,
    )
