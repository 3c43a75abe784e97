"""The long tail of services, through the library Apprise: one address a destination, one plain message a notice.

Apprise brings some 180 plugins. Those that are listed here send over TLS to a messaging, e-mail, push or on-call
service; the others reach this machine (``syslog``, ``dbus``, ``windows``), send in the clear, cost money a message, or
have a channel of their own here. A new plugin is usable once somebody has read it and listed it.

What Apprise does by itself and must not is switched off for each send: it sleeps between two posts and after a 429,
tries again, follows redirects, splits a long text into several messages, reads templates from files, logs addresses.
It tells of a failure with its log alone, so the status is read from there. Source: apprise 2.2.0.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

from responders.blocks import Block, Kind, Report
from responders.channels import Channel, Conversation, Options, Sent
from responders.channels._phrases import POSSIBLE_REPEAT
from responders.clouds import is_plain_link
from responders.declarations import Field, Secret
from responders.fitting import LineLimits, announcement, fit, shorten
from responders.notices import Notice, NoticeKind
from responders.sending import DEFAULT_TIMEOUTS, Refused, TryLater, Unreachable, unobserved
from responders.text import render_text
from responders.wording import Cost, cut, one_line, total

if TYPE_CHECKING:
    from apprise import NotifyBase

__all__ = ["CHANNEL", "SCHEMAS", "Room", "Words", "plain", "render"]

URL = "url"

SCHEMAS = frozenset(
    {
        # Chat
        *("cliq", "dingtalk", "discord", "feishu", "flock", "gchat", "humhubs", "lark", "line", "matrixs", "mmosts"),
        *(
            "nctalks",
            "rockets",
            "ryver",
            "synologys",
            "tgram",
            "twist",
            "webex",
            "wecombot",
            "wxteams",
            "zoom",
            "zulip",
        ),
        # On call
        *("betterstack", "firehydrant", "goalerts", "ilert", "incidentio", "opsgenie", "pagerduty", "pagertree"),
        *("signl4", "spike", "splunk", "squadcast", "victorops", "xmatters"),
        # Push
        *("chanify", "gotifys", "ntfys", "pbul", "pover"),
        # E-mail
        *(
            "azure",
            "brevo",
            "mailgun",
            "mailtos",
            "o365",
            "postmark",
            "resend",
            "sendgrid",
            "ses",
            "smtp2go",
            "sparkpost",
        ),
        # Another Apprise
        "apprises",
    }
)
"""What an address may begin with."""

_OWN = {
    "slack": "Slack has a channel of its own: set PULLMEDIC_SLACK_WEBHOOK_URL",
    "workflow": "Teams has a channel of its own: set PULLMEDIC_TEAMS_WEBHOOK_URL",
    "workflows": "Teams has a channel of its own: set PULLMEDIC_TEAMS_WEBHOOK_URL",
    "json": "use the channel webhook: its posts are signed",
    "jsons": "use the channel webhook: its posts are signed",
}
_SHAPE = re.compile(r"[\x21-\x7e]{1,4000}")
_SCHEMA = re.compile(r"([a-z][a-z0-9]{1,20})://[^/?#\s]")
_READS_FILES = re.compile(r"[?&](template|attach|config|keyfile|image_path)=")
_UNCHECKED = re.compile(r"[?&](?:verify=(?:no|false|off|0|disable|deny|never)|mode=insecure)\b")
_UNSAFE = "the address switches TLS off, or the check of the certificate"

_NEXT_STEP_LINES = 3
_ANNOUNCEMENT_SHARE = 6
_SHARES = (2, 4, 8, 16, 32)
"""Of the room, for one line of the next step: the largest with which all that has to be there is there."""

_WIDE = 100_000
_JOINER = "\N{WORD JOINER}"
# A mention ("@here", "<!channel>", "<@U1>"), an address, and what a client makes an address of. A digest ("a@sha256:")
# calls nobody and has to stay pasteable.
_LIVE = re.compile(r"@(?!sha256:)|<(?=[@!#/a-zA-Z])|:(?=//)|(?<![\w.])www(?=\.)", re.IGNORECASE)

_STATUS = re.compile(r"\berror\s*[=:]\s*(\d{3})\b")
_NO_ANSWER = re.compile(r"connection error|socket (exception|error)|timed? ?out", re.IGNORECASE)

_said: ContextVar[list[str] | None] = ContextVar("said", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What one service has room for: characters of ``title`` (0 for none) and of ``body``, as ``cost`` counts them."""

    title: int
    body: int
    cost: Cost = lambda character: len(character.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Words:
    """One message: its title, empty where the service has none, and its text."""

    title: str
    body: str


def plain(text: str) -> str:
    """Return ``text`` such that no client calls anybody or makes a link: an invisible joiner stands in between."""
    return _LIVE.sub(lambda found: f"{found[0]}{_JOINER}", text)


def render(notice: Notice, room: Room) -> Words:
    """Return the message within ``room``: headline and next step first, then what fits, every cut announced."""
    report = notice.report
    headline = plain(one_line(report.headline)) or "-"
    title = cut(headline, room.title, room.cost)
    first = "" if room.title and not title.was_cut else headline
    most = room.body // _ANNOUNCEMENT_SHARE
    reserved = "x" * most

    def size(composer: _Composer, *blocks: Block) -> int:
        return total(composer.around(blocks, reserved), room.cost)

    candidates = [_composer(notice, room, first, share) for share in _SHARES]
    composer = next((one for one in candidates if size(one) <= room.body), candidates[-1])
    limits = _limits(room.body // 3)
    fitted = fit(report.blocks, limits, room.cost, lambda blocks: size(composer, *blocks) <= room.body)
    said = announcement((*composer.losses, *fitted.losses), report)
    body = composer.around(fitted.blocks, cut(plain(one_line(said)), most, room.cost).text)
    return Words(title.text if room.title else "", cut(body, room.body, room.cost).text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Composer:
    """What every message has, made once a notice."""

    opening: tuple[str, ...]
    step: Block
    footer: tuple[str, ...]
    losses: tuple[str, ...]

    def around(self, blocks: tuple[Block, ...], said: str) -> str:
        """Return the text: the state right below the headline, then the next step, then the rest."""
        state = [_written(block) for block in blocks if block.kind is Kind.STATE]
        rest = [_written(block) for block in blocks if block.kind is not Kind.STATE]
        parts = (*self.opening, *state, _written(self.step), *rest, said, *self.footer)
        return "\n\n".join(part for part in parts if part)


def _composer(notice: Notice, room: Room, headline: str, share: int) -> _Composer:
    """Return what the message begins and ends with, each line of the next step within one ``share`` of the room."""
    report = notice.report
    opening = cut(headline, room.body // 5, room.cost)
    step = Block(Kind.NEXT_STEP, report.next_step.lines[:_NEXT_STEP_LINES])
    short = shorten(step, _limits(room.body // share), room.cost)
    missing = short.lines_cut or len(report.next_step.lines) > len(step.lines)
    return _Composer(
        opening=(opening.text, *((POSSIBLE_REPEAT,) if notice.possible_repeat else ())),
        step=short.block,
        footer=tuple(_footer(report, room)),
        losses=(
            *(("the headline is shortened",) if opening.was_cut else ()),
            *(("the next step is shortened",) if missing else ()),
        ),
    )


def _footer(report: Report, room: Room) -> Iterator[str]:
    for title, url in (("Open the run", report.run_url), ("Open the incident", report.page_url)):
        link = f"{title}: {url.replace('@', '%40')}" if is_plain_link(url) else ""
        if link and total(link, room.cost) <= room.body // 5:
            yield link
    if report.stored_as:
        yield cut(plain(one_line(f"Evidence stored as {report.stored_as}")), room.body // 20, room.cost).text


def _written(block: Block) -> str:
    """Return a block as text, its lines as they are: clients wrap by themselves."""
    alone = Report(headline="", next_step=block, verdict="")
    return plain(render_text(alone, width=_WIDE)).strip("\n")


def _limits(most: int) -> LineLimits:
    return LineLimits(text=most, label=most // 4, value=most, code=most, caption=most // 2, code_lines=20)


class _Conversation:
    """A :class:`responders.channels.Conversation` that can only post: each notice is a message of its own."""

    edits = False
    finds = False

    def __init__(self, url: Secret) -> None:
        self._url = url

    def send(self, notice: Notice, *, now: datetime) -> Sent:
        """See :class:`responders.channels.Conversation`."""
        del now
        with unobserved(), _overheard() as said:
            service = _service(self._url)
            words = _words(service, notice)
            taken = _post(service, words, notice.kind)
        if not taken:
            raise _failure(str(service.service_name), said)
        return Sent()

    def edit(self, ref: str, notice: Notice, *, now: datetime) -> Sent:
        """Send a new message: Apprise cannot edit."""
        del ref
        return self.send(notice, now=now)

    def find(self, key: str, *, since: datetime, now: datetime) -> str | None:
        """Return ``None``: Apprise cannot read."""
        del key, since, now
        return None


def _service(url: Secret) -> NotifyBase:
    """Return the plugin for one send, with what it does by itself switched off."""
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - 180 modules that only who uses it pays for

    asset = AppriseAsset(
        async_mode=False,
        secure_logging=True,
        http_redirects=False,
        allow_templates=False,
        storage_mode="memory",
        service_timeout=0,
        image_url_mask="",
        image_url_logo="",
        pgp_autogen=False,
        pem_autogen=False,
    )
    service = Apprise.instantiate(url.reveal(), asset=asset)
    if service is None:
        raise Refused(
            0, "Apprise cannot read the address: compare it with the service's page in Apprise's documentation"
        )
    unchecked = getattr(service, "secure_mode", "") == "insecure" or not service.verify_certificate
    _quieten(service)
    if len(service) != 1:
        # One of several targets may take the message and another not; a repeat would then reach the first one twice.
        raise Refused(0, f"the address names {len(service)} targets: make a destination of each")
    if unchecked:
        raise Refused(0, _UNSAFE)
    return service


def _no_pause(*_positional: object, **_named: object) -> None:
    """Take the place of a sleep: nobody sleeps here, a refused message goes back to its queue."""


_QUIET: Mapping[str, object] = {
    "request_rate_per_sec": 0,
    "throttle": _no_pause,
    "retry": 0,
    "wait": 0.0,
    "optional": False,
    "redirects": False,
    "overflow_mode": "upstream",
    "interpret_emojis": False,
    "socket_connect_timeout": DEFAULT_TIMEOUTS.connect,
    "socket_read_timeout": DEFAULT_TIMEOUTS.read,
}


def _quieten(service: NotifyBase) -> None:
    """Set what an address, or the plugin itself, could have set otherwise."""
    for name, value in _QUIET.items():
        setattr(service, name, value)


def _words(service: NotifyBase, notice: Notice) -> Words:
    """Return the message such that it fits as the plugin will write it.

    A plugin escapes by what stands around a character, which no cost of a character tells: what is over is left out.
    """
    room = _room(service)
    limit = room.body
    words = render(notice, room)
    while (over := _as_sent(service, words.body) - limit) > 0 and room.body > limit // 2:
        room = replace(room, body=room.body - over)
        words = render(notice, room)
    return words


def _as_sent(service: NotifyBase, body: str) -> int:
    from apprise import NotifyFormat  # noqa: PLC0415

    return len(service.dialect_convert(body, NotifyFormat.TEXT).encode("utf-8", "replace"))


def _room(service: NotifyBase) -> Room:
    """Return the room that ``service`` has, counted in the form that Apprise brings a plain text into."""
    formats = service.notify_format if isinstance(service.notify_format, tuple) else (service.notify_format,)
    names = tuple(sorted(str(getattr(one, "value", one)) for one in formats))
    # Where a plugin writes the title into the body, both share the body's room: the headline stands there anyway.
    title = 0 if service.overflow_amalgamate_title else int(service.title_maxlen)
    return Room(title=title, body=int(service.body_maxlen), cost=_cost_in(names))


@cache
def _cost_in(formats: tuple[str, ...]) -> Cost:
    from apprise.conversion import convert_between  # noqa: PLC0415

    @cache
    def cost(character: str) -> int:
        others = () if "text" in formats else formats
        forms = [str(convert_between("text", name, character)) for name in others]  # type: ignore[no-untyped-call]
        return max(len(form.encode("utf-8", "replace")) for form in (character, *forms))

    return cost


def _post(service: NotifyBase, words: Words, kind: NoticeKind) -> bool:
    from apprise import Apprise, NotifyFormat, NotifyType  # noqa: PLC0415

    types = {
        NoticeKind.RESOLVED: NotifyType.SUCCESS,
        NoticeKind.DIGEST: NotifyType.INFO,
        NoticeKind.FIX: NotifyType.INFO,
        NoticeKind.TEST: NotifyType.INFO,
    }
    sender = Apprise()
    sender.add(service)
    result = sender.notify(
        title=words.title,
        body=words.body,
        body_format=NotifyFormat.TEXT,
        notify_type=types.get(kind, NotifyType.WARNING),
        interpret_escapes=False,
    )
    return bool(result)


def _failure(name: str, said: list[str]) -> TryLater | Unreachable | Refused:
    """Return what Apprise's own words come to; none of them is repeated, since they may hold the address."""
    statuses = [int(found[1]) for text in said for found in _STATUS.finditer(text)]
    if statuses:
        status = statuses[-1]
        if status in (408, 429) or status >= 500:
            return TryLater(f"{name} answered {status}")
        return Refused(status, f"{name} refused it")
    if any(_NO_ANSWER.search(text) for text in said):
        return Unreachable(f"no answer from {name}")
    return TryLater(f"{name} did not take it, and Apprise does not say why")


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """Collect what Apprise says during one send, and keep it from every other handler."""
    logger = logging.getLogger("apprise")
    if _kept_back not in logger.filters:
        logger.addFilter(_kept_back)
    said: list[str] = []
    token = _said.set(said)
    try:
        yield said
    finally:
        _said.reset(token)


def _kept_back(record: logging.LogRecord) -> bool:
    said = _said.get()
    if said is None:
        return True
    if record.levelno >= logging.WARNING:
        said.append(record.getMessage())
    return False


def _problems(options: Options) -> Mapping[str, str]:
    problem = _problem(options.secret(URL).reveal())
    return {URL: problem} if problem else {}


def _problem(address: str) -> str | None:
    """Say what is wrong with an address as far as that is seen without Apprise, without showing it."""
    if address.startswith("@Microsoft.KeyVault("):
        return "the Key Vault reference was not resolved: check the app's identity and its right on the secret"
    found = _SCHEMA.match(address)
    if _SHAPE.fullmatch(address) is None or found is None:
        return "this is not one Apprise address, such as discord://ID/TOKEN (several are several destinations)"
    schema = found[1]
    if schema in _OWN:
        return _OWN[schema]
    if schema not in SCHEMAS:
        return f"{schema}:// is none of {', '.join(sorted(SCHEMAS))}"
    asked = unquote(address).lower()
    if forbidden := _READS_FILES.search(asked):
        return f"the address asks to read a file ({forbidden[1]}=)"
    return _UNSAFE if _UNCHECKED.search(asked) else None


def _connect(options: Options) -> Conversation:
    return _Conversation(options.secret(URL))


CHANNEL = Channel(
    name="apprise",
    title="a service behind Apprise",
    fields=(
        Field(name=URL, purpose="Apprise address of one target, for services without a channel here.", secret=True),
    ),
    problems=_problems,
    connect=_connect,
)
