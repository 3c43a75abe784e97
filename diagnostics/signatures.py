"""What a symptom's file is made of: signatures, written in a small notation over RE2.

Patterns are RE2 syntax (github.com/google/re2, "Syntax"), case-insensitive and in multi-line mode, so the
time to match is linear in the text whatever the text is. Three additions make them readable:

* a blank stands for any white space, a line's end included, because texts arrive wrapped; a blank
  followed by ``?`` may be absent;
* ``%line%`` skips within a line, ``%near%`` over up to 4 line ends, ``%block%`` over up to 12 (all as little as
  possible); ``%acr%`` is a login server of Azure's, ``%api%`` that or a call of any registry's API, ``%q%`` an
  optional quotation mark, ``%status%`` what stands before a status code and never before a tag or a port;
* ``%image%`` and every other name of :data:`CAPTURES` is a group of that name with the shape given there.

A group named ``proof`` marks the place that proves the symptom where that is not the start of the match.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import cache

from diagnostics.discovery import members

__all__ = ["CAPTURES", "PROOF", "Ground", "Signature", "SymptomRule", "Weight", "expand", "published_rules", "rules"]

PROOF = "proof"
"""The group that marks the proving place; it is not handed on as a capture."""

_HOST = r"[\w*<][\w.*<>-]*[\w*>]"
_SIZE = r"\d[\d.,]*\s?[kmgt]?i?b(?:ytes?)?"

CAPTURES = {
    "address": r"[0-9a-z*<\[][0-9a-z.:*_<>-]*[0-9a-z*>\]]",
    "client": r"[^\s'\",;]*[\w>*]",
    "code": r"[\w.-]*\w",
    "digest": r"sha256:[0-9a-f]+",
    "host": _HOST,
    "identity": r"[0-9a-z*</](?:[0-9a-z*<>/._-]*[0-9a-z*>])?",
    "image": r"[^\s\"',;]*[\w>*]",
    "issuer": r"[^\"\n]*?",
    "limit": _SIZE,
    "mode": r"public|private|anonymous|msi|userIdentity|basic|\w+",
    "package": r"[^\s'\",;()]*[\w>\]*]",
    "platform": r"[a-z]+/[\w./-]*\w|windows|linux",
    "registry": _HOST + r"(?::\d+)?",
    "repository": r"[\w*<](?:[\w./*<>-]*[\w*>])?",
    "resolver": r"[\w.:\[\]*<>-]*[\w\]*>]",
    "step": r"[^\s,:;]+",
    "tag": r"[\w*<](?:[\w.*<>-]*[\w*>])?",
    "timeout": r"\d[\d.]*\s?(?:ms|s|m|h|sec|min)\w*",
    "total": _SIZE,
    "transferred": _SIZE,
    "usage": _SIZE,
}
"""The vocabulary of captures: what a group may be called and the shape of what it holds.

``image`` is a reference as written, ``registry`` a host with its port, ``host`` any other host,
``address`` an address (the client's or the far side's), ``resolver`` the DNS server that was asked,
``identity`` a managed identity or principal, ``client`` who asked, ``mode`` how the pull authenticated
(``public``: nothing was sent), ``code`` a component's error code or action, ``issuer`` who signed the refused
certificate, ``platform`` what was wanted, ``package`` and ``step`` what failed in a build, ``timeout`` the
time that was given, ``transferred`` and ``total`` of a download, ``usage`` and ``limit`` of a quota.
"""

_SHORTHAND = {
    "acr": r"[\w.*<>-]*azurecr\.(?:io|us|cn|de)\b",
    "api": (
        r"(?:[\w.*<>-]*azurecr\.(?:io|us|cn|de)\b|\bmcr\.microsoft\.com|registry-1\.docker\.io|auth\.docker\.io"
        r"|\bghcr\.io|\bquay\.io|/v2/\S*(?:manifests|blobs|tags)/|/v2/_catalog|/v2/%q%:)"
    ).replace("%q%", "[\"']?"),
    "block": r"(?:[^\n]*\n){0,12}?[^\n]*?",
    "line": r"[^\n]*?",
    "near": r"(?:[^\n]*\n){0,4}?[^\n]*?",
    "q": r"[\"']?",
    "status": (
        r"(?:(?:/\S*|[\"'\])]): |[-=]> |(?:status|code|response|returned|answered)(?:[\"']:\s?|=\s?|:? )"
        r"|\bHTTP(?:/[\d.]+[\"']?)? )\(?"
    ),
}


class Weight(IntEnum):
    """What a match is worth; the lower one is the better answer."""

    CAUSE = 0
    """States a reason."""
    STATUS = 1
    """A bare refusal or status code: a reason only while the text says nothing more."""
    ECHO = 2
    """A known retry, fallback or blame that comes along with a reason said elsewhere."""
    WRAPPER = 3
    """Says only that an image failed to come or to be built."""
    TRACE = 4
    """Progress that stops: counts only where no foreign failure stands anywhere in the text."""


class Ground(Enum):
    """Who else uses a wording, and so what it takes to be believed."""

    OWN = "only components that pull, build or keep images say it"
    SHARED = "others say it too: void where a foreign signature claims the place, and in the user's own log"
    LOOSE = "anybody says it: as SHARED, and words of registries, images or builds must stand nearby"
    BUILT = "installers say it wherever they run: as SHARED, and its text must be of an image's build"
    NOTICED = "said of pulls that go well, too: as SHARED, and a text must tell of one that failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One shape of text, the component that emits it, and what the text is worth.

    ``names`` are the causes that the text itself names. ``decisive`` marks a component's own statement
    that only it can make; a 401 or a 403 never is. ``foreign`` claims the matched line for something
    that is no registry; ``container_ran`` says that the user's process ran, so that the image had come
    and whatever else the text quotes is that process's own. ``image_came`` says that a pull ended well, of
    the image that it captures if any: what its log says before of that image was overcome.

    ``accepts`` and ``rejects`` are sample texts of our own; the tests hold the
    pattern to them.
    """

    id: str
    pattern: str
    emitter: str
    weight: Weight = Weight.CAUSE
    ground: Ground = Ground.OWN
    names: tuple[str, ...] = ()
    decisive: bool = False
    foreign: bool = False
    container_ran: bool = False
    image_came: bool = False
    accepts: tuple[str, ...]
    rejects: tuple[str, ...]

    @property
    def expression(self) -> str:
        """The pattern as RE2 reads it."""
        return expand(self.pattern)


@dataclass(frozen=True, slots=True, kw_only=True)
class SymptomRule:
    """A symptom: its published id, its title and its signatures. A module gives it as ``SYMPTOM``."""

    id: str
    title: str
    signatures: tuple[Signature, ...]


def expand(pattern: str) -> str:
    """Return ``pattern`` with the notation written out; an unknown ``%name%`` raises :class:`KeyError`."""
    spelt_out = re.sub(r"%(\w+)%", _spelt_out, pattern)
    return "(?im)" + spelt_out.replace(" ?", r"\s*").replace(" ", r"\s+")


def _spelt_out(name: re.Match[str]) -> str:
    if name[1] in _SHORTHAND:
        return _SHORTHAND[name[1]]
    return f"(?P<{name[1]}>{CAPTURES[name[1]]})"


@cache
def rules() -> tuple[SymptomRule, ...]:
    """Return the published rules, each with the texts that a team's own file adds to it."""
    from diagnostics.own_signatures import installed  # noqa: PLC0415 - it reads what stands here

    own = installed()
    return tuple(own.added_to(rule) for rule in published_rules())


def published_rules() -> tuple[SymptomRule, ...]:
    """Return the rule of every file in ``diagnostics/symptoms``, by file name."""
    from diagnostics import symptoms  # noqa: PLC0415  the files there import this module

    return members(symptoms, "SYMPTOM")
