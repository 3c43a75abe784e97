"""What secrets look like: the tables behind :mod:`diagnostics.redaction`.

Patterns see UTF-8 bytes. They match whole runs of what they exclude, never a counted number of arbitrary
bytes, so no character is cut; and no newline, so lines keep their numbers.
"""

from __future__ import annotations

from collections.abc import Callable

from diagnostics.linear import BytesPattern, Match, bytes_pattern

__all__ = [
    "ASSIGNED",
    "CLOSING",
    "ENDS_ASSIGNED",
    "ENDS_WORD",
    "FLAG",
    "GUID",
    "MARK",
    "OPENING",
    "PEM",
    "PEM_LINE",
    "PROSE",
    "QUOTED_KEY",
    "SHAPES",
    "SPOKEN",
    "STRONG_COLON",
    "WEAK_COLON",
    "is_random",
]

MARK = b"[redacted]"

# Words that end the name of a secret. The weak ones are also words of prose ("fetch anonymous token: 401").
_STRONG = (
    rb"password[0-9]?|passwd|passphrase|pwd|(?:client|app|shared)[_-]?secret"
    rb"|(?:account|access|api|private|primary|secondary|subscription|functions?|storage|secret|signing|master"
    rb"|encryption|instance|host|system)[_-]?key|identity[_-]header|client[_-]?assertion"
    rb"|(?:access|refresh|id|auth|sas|bearer|registry|session|identity)[_-]?token"
)
_WEAK = rb"token|secret|credentials?|auth|sas"

_PARTS = {
    b"{strong}": rb"(?:" + _STRONG + rb")",
    b"{weak}": rb"(?:" + _WEAK + rb")",
    b"{name}": rb"(?:" + _STRONG + rb"|" + _WEAK + rb")",
    b"{quote}": rb"(?:\\*[\"'])",
    b"{equals}": rb"(?:=>|:=|=|%3D|%253D|\\+u003d|&#61;)",
    b"{slash}": rb"(?:\\*/|%2F|%252F|\\+u002f)",
    b"{rest}": rb"[^\s\"'<>`)\\]*(?:\\+[u/&][^\s\"'<>`)\\]*)*",  # of a URL, whose slashes may be escaped
}


def _compile(expression: bytes) -> BytesPattern:
    for name, part in _PARTS.items():
        expression = expression.replace(name, part)
    return bytes_pattern(rb"(?i)" + expression)


def _compile_exact(expression: bytes) -> BytesPattern:
    return bytes_pattern(expression)


# --- a name, after which a value follows ------------------------------------------------------------------

ASSIGNED = _compile(rb"(?:{name}|(?:\b|_|%26|%3F|u0026)sig|[?&]code|[?&]key){quote}?[ \t]*{equals}[ \t]*")
QUOTED_KEY = _compile(rb"{name}{quote}[ \t]*:[ \t]*")
STRONG_COLON = _compile(rb"{strong}[ \t]*:[ \t]*")
WEAK_COLON = _compile(rb"{weak}[ \t]*:[ \t]*")
FLAG = _compile(rb"(?:^|[\s\"'\[(,`])--?[a-z0-9-]*{name}(?:[ \t]+|\\*[\"'][ \t]*,?[ \t]*)")
SPOKEN = (
    _compile(rb"\blogin\b[^\n]*?[\s\"']-p(?:[ \t]+|=|\\*[\"'][ \t]*,[ \t]*)"),
    _compile(rb"\b(?:docker|podman|nerdctl|oras)[ \t]+login\b[^\n]*?[ \t]-p"),
    _compile(rb"\blogin[ \t]+\S+[ \t]+password[ \t]+"),
    _compile(rb"\bcurl\b[^\n]*?[\s\"'](?:-u|--user)[ \t=]*[\"']?[^\s:\"']+:"),
    _compile(rb"\b(?:ENV|ARG)[ \t]+[a-z0-9_]*{name}[ \t]+"),
)

# --- where the value ends, and what is none ---------------------------------------------------------------

ENDS_ASSIGNED = _compile(rb"[\s\"'`&;<>]|,(?:[\s\"']|[\w.\-]+[=:]|\z)|\\+u0026|\\+[nrt\"']|%26|%2526|%3B|&amp;")
ENDS_WORD = _compile(rb"[\s\"'`<>]|,(?:[\s\"']|[\w.\-]+[=:]|\z)|\\+[nrt\"']")
OPENING = _compile(rb"\\*[\"']")
CLOSING = {quote: _compile(b"[\n" + quote + b"]") for quote in (b'"', b"'")}
PROSE = _compile(rb"[a-z_]+[:.,]?|[a-z_]+:.*|AADSTS[0-9]+:?")
GUID = _compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

# --- shapes: secrets that are known by their own look -----------------------------------------------------

PEM = _compile_exact(rb"-----(BEGIN|END) [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
PEM_LINE = _compile_exact(rb"(?:[^\n]*[\s:|])?[A-Za-z0-9+/=]{40,}\s*|[A-Za-z0-9+/=]{4,}\s*")


def is_random(value: bytes) -> bool:
    """Tell a credential from a word: a digit, an inner capital or base64 padding."""
    return any(c in b"0123456789" for c in value) or value[1:] != value[1:].lower() or value.endswith(b"=")


def _scheme(match: Match[bytes]) -> bytes:
    """``Bearer <token>`` goes, ``Bearer realm=`` and ``Basic authentication`` stay."""
    return match.group(1) + MARK if is_random(match.group(2)) else match.group()


def _storage_key(match: Match[bytes]) -> bytes:
    """Take an 88-character base64 text for a storage key, unless it is spelt out as a checksum."""
    before = match.group(1)
    return match.group() if before.lower().startswith(b"sha") else before + MARK


def _lone_user(match: Match[bytes]) -> bytes:
    """``https://TOKEN@host`` carries a secret, ``https://organisation@host`` a name."""
    return match.group(1) + MARK + b"@" if is_random(match.group(2)) else match.group()


_AFTER_FIRST = rb"\1" + MARK

SHAPES: tuple[tuple[BytesPattern, bytes | Callable[[Match[bytes]], bytes]], ...] = (
    # Webhooks: host and kind stay, the rest is the secret.
    (
        _compile(rb"(hooks\.slack(?:-gov)?\.com{slash}(?:services|workflows|triggers){slash}){rest}"),
        _AFTER_FIRST,
    ),
    (
        _compile(
            rb"([\w-]\.(?:logic\.azure\.(?:com|us|cn)|environment\.api\.powerplatform\.[a-z.]+"
            rb"|webhook\.office(?:365)?\.com)(?:(?::|%3A)[0-9]+)?{slash}){rest}"
        ),
        _AFTER_FIRST,
    ),
    (
        _compile(
            rb"((?:outlook\.office(?:365)?\.com{slash}webhook|discord(?:app)?\.com{slash}api{slash}webhooks)"
            rb"{slash}){rest}"
        ),
        _AFTER_FIRST,
    ),
    # Users and passwords in URLs.
    (_compile(rb"(://[^\s/@:\"'<>?#]*:)[^\s/\"'<>]+@"), _AFTER_FIRST + b"@"),
    (_compile(rb"(://)([^\s/@:\"'<>?#]{20,})@"), _lone_user),
    # Headers.
    (
        _compile(
            rb"(\b(?:proxy-)?authorization{quote}?[ \t]*[:=][ \t]*{quote}?(?:bearer|basic|negotiate|digest"
            rb"|token|geniekey|splunk|sharedkey(?:lite)?|sharedaccesssignature)[ \t]+)[^\n\"'\\]+"
        ),
        _AFTER_FIRST,
    ),
    (_compile(rb"(\b(?:set-)?cookie{quote}?[ \t]*:[ \t]*{quote}?)[^\n\"']+"), _AFTER_FIRST),
    (_compile(rb"(\b(?:bearer|basic)(?:[ \t]+|%20|\+))([a-z0-9_\-.~+/=]{8,})"), _scheme),
    # Tokens with a prefix of their own.
    (_compile_exact(rb"(\b|_|%[0-9A-F]{2})eyJ[A-Za-z0-9_\-+/=]{8,}(?:\.[A-Za-z0-9_\-+/=]*)*"), _AFTER_FIRST),
    (
        _compile_exact(
            rb"(\b|_|%[0-9A-F]{2})(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|gl(?:pat|ptt|dt|rt)-[\w\-.]{16,}"
            rb"|xox[abceoprs](?:\.xox[bp])?-[\w\-]{8,}|xapp-[\w\-]{8,}|dckr_(?:pat|oat|jti)[_\-][\w\-.]{8,}"
            rb"|npm_[A-Za-z0-9]{20,}|pypi-[\w\-]{16,}|hf_[A-Za-z0-9]{20,}|(?:AKIA|ASIA)[0-9A-Z]{16}"
            rb"|ATATT3[\w\-=]{20,}|AIza[\w\-]{35}|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4})"
        ),
        _AFTER_FIRST,
    ),
    # Azure: Entra ID's client secrets, keys with a mark inside (ACR, storage, Service Bus), function keys.
    (_compile_exact(rb"[A-Za-z0-9_\-.~]{3}[78]Q~[A-Za-z0-9_\-.~]{31,}"), MARK),
    (_compile_exact(rb"[A-Za-z0-9+/]{33,76}\+A(?:CR|St|Sb|Eh|Rm|Ba|MC)[A-Za-z0-9+/]{5,6}={0,2}"), MARK),
    (_compile_exact(rb"[A-Za-z0-9_\-]{44}AzFu[A-Za-z0-9_\-]{6}(?:==)?"), MARK),
    (_compile_exact(rb"(^|[Ss][Hh][Aa]-?512-|[^A-Za-z0-9+/=])[A-Za-z0-9+/]{86}(?:==|%3D%3D)"), _storage_key),
    (_compile(rb"(<[\w.:\-]*{name}>)[^<\n]+"), _AFTER_FIRST),
    (
        _compile(rb"(\becho[ \t]+)[^\n|]+?([ \t]*\|[ \t]*(?:sudo[ \t]+)?[a-z]+[ \t][^\n|]*--password-stdin)"),
        _AFTER_FIRST + rb"\2",
    ),
)
