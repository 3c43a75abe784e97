"""What secrets look like: the tables behind :mod:`diagnostics.redaction`.

Patterns see UTF-8 bytes. They match whole runs of what they exclude, never a counted number of arbitrary
bytes, so no character is cut; and no newline, so lines keep their numbers.
"""

from __future__ import annotations

from collections.abc import Callable

from diagnostics.linear import BytesPattern, Match, bytes_pattern

__all__ = [
    "APART",
    "ASSIGNED",
    "CLOSING",
    "ENDS_ASSIGNED",
    "ENDS_WORD",
    "FLAG",
    "GLUED",
    "GUID",
    "MARK",
    "OPENING",
    "OPTION",
    "PEM",
    "PEM_LINE",
    "PROSE",
    "QUOTED_KEY",
    "SHAPES",
    "SHORT_ASSIGNED",
    "SHORT_COLON",
    "SHORT_FLAG",
    "SPOKEN",
    "STATE",
    "STEP",
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
    rb"|(?:access|refresh|id|auth|sas|bearer|registry|session|identity)[_-]?token|(?:private|vault|job)[_-]token"
    rb"|passcode|x-jfrog-art-api"
)
_WEAK = rb"token|secret|credentials?|auth|sas"

_PARTS = {
    b"{any}": rb"(?:[\w.\-/]*(?:{name}|{owned})|(?:[\w.\-/]*[_.\-])?(?:pass|pat))",  # the whole name
    b"{short}": rb"(?:(?:\b|_)(?:pass|pat)|(?-i:\b[a-z]+(?:Pass|Pat))|{owned})",
    b"{owned}": rb"(?:acr|admin|db|docker|key|registry|root|ssh|store|user)pass",
    b"{strong}": rb"(?:" + _STRONG + rb")",
    b"{weak}": rb"(?:" + _WEAK + rb")",
    b"{name}": rb"(?:" + _STRONG + rb"|" + _WEAK + rb")",
    b"{next}": rb"(?:[ \t]+|\\*[\"'][ \t]*,[ \t]*)",  # between two words of a command, or of a list of them
    b"{gap}": rb"(?:\s|\\+[nrt])*,?(?:\s|\\+[nrt])*",  # between two members of an object
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

ASSIGNED = _compile(
    rb"(?:{name}|(?:\b|_|%26|%3F|u0026)sig|(?:x-(?:amz|goog)-|[?&]|%26|%3F|u0026|amp;)signature|[?&](?:code|key|verify))"
    rb"{quote}?[ \t]*{equals}[ \t]*"
)
QUOTED_KEY = _compile(rb"{name}{quote}[ \t]*:[ \t]*")
STRONG_COLON = _compile(rb"{strong}[ \t]*:[ \t]*")
WEAK_COLON = _compile(rb"{weak}[ \t]*:[ \t]*")
FLAG = _compile(rb"(?:^|[\s\"'\[(,`])--?[a-z0-9-]*{name}(?:[ \t]+|\\*[\"'][ \t]*,?[ \t]*)")
# Short names, which also end other words (bypass, compat), and which a count or a state follows as often.
SHORT_ASSIGNED = _compile(rb"{short}{quote}?[ \t]*(?:{equals}|{quote}[ \t]*:)[ \t]*")
SHORT_COLON = _compile(rb"{short}[ \t]*:[ \t]+")
SHORT_FLAG = _compile(
    rb"(?:(?:^|[\s\"'\[(,`])--?(?:[a-z0-9-]*-)?(?:pass|pat|{owned}){next}"
    rb"|(?-i:\b(?:ENV|ARG)[ \t]+(?:[A-Z0-9_]*_)?(?:PASS|PAT))[ \t]+)"
)
# {"name": "password", "value": "..."}, "password": {"value": "..."}; what may stand between them is no value.
APART = _compile(
    rb"(?:(?:name|key){quote}?[ \t]*[:=][ \t]*{quote}?{any}{quote}?{gap}|{name}{quote}[ \t]*:\s*\{{gap})"
    rb"(?:{quote}?\w+{quote}?[ \t]*:[ \t]*(?:null|none|true|false|[0-9]+){gap})*"
    rb"(?:{quote}\w+{quote}[ \t]*:[ \t]*{quote}[^\n\"']*{quote}{gap})*?"
    rb"{quote}?[a-z_]*value{quote}?[ \t]*[:=][ \t]*"
)
GLUED = _compile(rb"\b(?:mysql|mariadb)[a-z_-]*{next}(?:[^\n]*?[\s\"'])?(?-i:-p)")
SPOKEN = (
    _compile(rb"\blogin\b[^\n]*?[\s\"']-p(?:[ \t]+|=|\\*[\"'][ \t]*,[ \t]*)"),
    _compile(rb"\b(?:docker|podman|nerdctl|oras)[ \t]+login\b[^\n]*?[ \t]-p"),
    _compile(rb"\blogin[ \t]+\S+[ \t]+password[ \t]+"),
    _compile(rb"\bmachine\s+\S+\s+login\s+\S+\s+password[ \t]+"),
    _compile(rb"\bcurl\b[^\n]*?[\s\"'](?:-[a-z]*u|--(?:proxy-)?user)(?:[ \t=]*|{next})[\"']?[^\s:\"']+:"),
    _compile(rb"--(?:(?:src|dest)-)?creds(?:=|{next})[\"']?[^\s:\"']+:"),
    _compile(rb"\bsshpass{next}(?:[\"']?-[a-z]+{next})*[\"']?(?-i:-p)(?:{next}|=)?"),
    _compile(rb"--secret-build-arg(?:=|{next})[\"']?[\w.\-]+="),
    _compile(rb"\bpass(?:in|out)?{next}[\"']?pass:"),
    _compile(rb"\b(?:ENV|ARG)[ \t]+[a-z0-9_]*{name}[ \t]+"),
)

# --- where the value ends, and what is none ---------------------------------------------------------------

ENDS_ASSIGNED = _compile(rb"[\s\"'`&;<>]|,(?:[\s\"']|[\w.\-]+[=:]|\z)|\\+u0026|\\+[nrt\"']|%26|%2526|%3B|&amp;")
ENDS_WORD = _compile(rb"[\s\"'`<>]|,(?:[\s\"']|[\w.\-]+[=:]|\z)|\\+[nrt\"']")
OPENING = _compile(rb"\\*[\"']")
CLOSING = {quote: _compile(b"[\n" + quote + b"]") for quote in (b'"', b"'")}
PROSE = _compile(rb"[a-z_]+[:.,]?|[a-z_]+:.*|AADSTS[0-9]+:?")
STATE = _compile(
    rb"[0-9]{1,5}(?:[.,:/][0-9]+)*(?:%|[kx]|[num]?s|min|h|st|nd|rd|th)?"
    rb"|true|false|yes|no|on|off|ok|all|any|none|null|enabled|disabled|(?:pass|fail|skipp?|warn)(?:ed)?"
)
STEP = _compile(
    rb"(?:back|backward|by|compiler|fast|first|forward|full|fwd|last|max|min|multi|next|num|one|optimi[sz]ation|render|second"
    rb"|single|tests?|third|two)[_\- ]?pass[^a-z]*\z"
)
OPTION = _compile(rb"[0-9.:]*[0-9]:[0-9]+(?:/[a-z]+)?|ath|latform|ort|rotocol|ull")
TAG = _compile(rb"\w[\w.\-]*")
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


def _mixed(match: Match[bytes]) -> bytes:
    """Take a token for one if a digit and a capital are in it: images are named ``sk-proj-...`` too."""
    token = match.group(2)
    mixed = any(c in b"0123456789" for c in token) and token != token.lower()
    return match.group(1) + MARK if mixed else match.group()


def _url_password(match: Match[bytes]) -> bytes:
    """``https://user:password@host``, but not ``docker://image:tag@sha256:...``."""
    image = match.group(3) and TAG.fullmatch(match.group(2))
    return match.group() if image else match.group(1) + MARK + b"@" + (match.group(3) or b"")


def _before_its_name(match: Match[bytes]) -> bytes:
    """``{"value": "...", "name": "password"}``: the value's quotes stay."""
    if match.group(2).lower() in (b"null", b"none"):
        return match.group()
    opening = OPENING.match(match.group(2))
    quote = opening.group() if opening else b""
    return match.group(1) + quote + MARK + quote + match.group(3)


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
    (_compile(rb"(:\\*/\\*/[^\s/@:\"'<>?#]*:)([^\s/\"'<>]+)@(sha[0-9]+:)?"), _url_password),
    (  # with slashes inside; digits in front of the first one are a port
        _compile(
            rb"(:\\*/\\*/[^\s/@:\"'<>?#\[]*:)(?:[0-9]{6,}|[0-9]*[^\s/@\"'<>0-9\\,;)][^\s/@\"'<>]*)?/[^\s\"'<>@]*@"
            rb"(?:[^\s/\"'<>@]*@)*"
        ),
        _AFTER_FIRST + b"@",
    ),
    (_compile(rb"(:\\*/\\*/)([^\s/@:\"'<>?#]{20,})@"), _lone_user),
    (_compile_exact(rb"(\b[\w.\-]+\+[a-z0-9_\-]+:)[A-Z0-9]{40,}"), _AFTER_FIRST),  # a robot of quay
    # Headers.
    (
        _compile(
            rb"(\b(?:proxy-)?authorization{quote}?[ \t]*[:=][ \t]*{quote}?(?:bearer|basic|negotiate|digest"
            rb"|aws4-hmac-sha256|token|geniekey|splunk|sharedkey(?:lite)?|sharedaccesssignature)[ \t]+)[^\n\"'\\]+"
        ),
        _AFTER_FIRST,
    ),
    (_compile(rb"(\b(?:set-)?cookie{quote}?[ \t]*:[ \t]*{quote}?)[^\n\"']+"), _AFTER_FIRST),
    (_compile(rb"(\b(?:bearer|basic)(?:[ \t]+|%20|\+))([a-z0-9_\-.~+/=]{8,})"), _scheme),
    # Tokens with a prefix of their own.
    (_compile_exact(rb"(\b|_|%[0-9A-F]{2})eyJ[A-Za-z0-9_\-+/=]{8,}(?:\.[A-Za-z0-9_\-+/=]*)*"), _AFTER_FIRST),
    (
        _compile_exact(
            rb"(\b|_|%[0-9A-F]{2})(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}"
            rb"|gl(?:pat|ptt|dt|rtr?|oas|cbt|ft|imt|wt|soat|agent|ffct)-[\w\-.]{16,}|xox[abcdeoprs](?:\.xox[bp])?-[\w\-]{8,}|xapp-[\w\-]{8,}|dckr_(?:pat|oat|jti)[_\-][\w\-.]{8,}"
            rb"|npm_[A-Za-z0-9]{20,}|pypi-[\w\-]{16,}|(?:hf|api_org)_[A-Za-z0-9]{20,}|(?:AKIA|ASIA)[0-9A-Z]{16}"
            rb"|ATATT3[\w\-=]{20,}|AIza[\w\-]{35}|ya29\.[\w\-.]{20,}|GOCSPX-[\w\-]{20,}|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}"
            rb"|sk-or-v1-[0-9a-f]{32,}|sk-[A-Za-z0-9]{32,}|AKCp[A-Za-z0-9]{40,}|cmVmdGtu[A-Za-z0-9]{20,}"
            rb"|d(?:api|ose|sapi|kea)[0-9a-f]{32}(?:-[0-9]+)?|do[opr]_v1_[0-9a-f]{40,}"
            rb"|[A-Za-z0-9]{52}JQQJ9[9DH][A-Za-z0-9]{26,28}(?:==)?)"
        ),
        _AFTER_FIRST,
    ),
    (_compile_exact(rb"(\b|_|%[0-9A-F]{2})((?:sk-(?:proj|ant|admin|svcacct)-|nvapi-|hv[sbr]\.)[\w\-]{20,})"), _mixed),
    # Azure: Entra ID's client secrets, keys with a mark inside (ACR, storage, Service Bus), function keys.
    (_compile_exact(rb"[A-Za-z0-9_\-.~]{3}[78]Q~[A-Za-z0-9_\-.~]{31,}"), MARK),
    (_compile_exact(rb"[A-Za-z0-9+/]{33,76}\+A(?:CR|St|Sb|Eh|Rm|Ba|MC)[A-Za-z0-9+/]{5,6}={0,2}"), MARK),
    (_compile_exact(rb"[A-Za-z0-9_\-]{44}AzFu[A-Za-z0-9_\-]{6}(?:==)?"), MARK),
    (_compile_exact(rb"(^|[Ss][Hh][Aa]-?512-|[^A-Za-z0-9+/=])[A-Za-z0-9+/]{86}(?:==|%3D%3D)"), _storage_key),
    (_compile(rb"(<[\w.:\-]*{name}>)[^<\n]+"), _AFTER_FIRST),
    (
        _compile(
            rb"(value{quote}?[ \t]*[:=][ \t]*)"
            rb"(\"(?:[^\"\\\n]|\\[^\n])+\"|'(?:[^'\\\n]|\\[^\n])+'|\\+[\"'][^\"'\\\n]+\\+[\"']|[^\s\"'\\,;{\[]+)"
            rb"({gap}(?:{quote}\w+{quote}[ \t]*:[ \t]*{quote}?[^\s\"',]*{quote}?{gap}){0,2}"
            rb"{quote}?[a-z]*(?:name|key){quote}?[ \t]*[:=][ \t]*{quote}?{any}(?:{quote}|[\s,;/>}\]]|\z))"
        ),
        _before_its_name,
    ),
    (
        _compile(rb"(\becho[ \t]+)[^\n|]+?([ \t]*\|[ \t]*(?:sudo[ \t]+)?[a-z]+[ \t][^\n|]*--password-stdin)"),
        _AFTER_FIRST + rb"\2",
    ),
)
