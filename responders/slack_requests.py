"""What Slack sends to the app: buttons and the slash command, verified, read, and handed to the queue.

Slack waits three seconds for an answer, and a cold worker may need them: :func:`answer` only verifies, reads and
queues. What was asked is done by :mod:`responders.asking`. Nothing heavy is imported here. Shapes and rules: Slack,
"Verifying requests from Slack", "Handling user interaction in your Slack apps", "Implementing slash commands".
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from responders.channels import Destination
from responders.declarations import Secret
from responders.notices import Action, ActionKind, Notice
from responders.wording import cut, one_line, utf16_units

__all__ = [
    "ABOUT_FIX",
    "HELP",
    "OPEN_INCIDENT",
    "OPEN_RUN",
    "SIGNING_SECRET",
    "HttpAnswer",
    "Interaction",
    "InteractionKind",
    "Malformed",
    "answer",
    "controls",
    "duration",
    "interaction_from_json",
    "interaction_to_json",
    "may_answer_to",
    "signing_secret",
]

SIGNING_SECRET = "signing_secret"  # noqa: S105 - the name of a field
OPEN_RUN = "pullmedic_open_run"
OPEN_INCIDENT = "pullmedic_open_incident"

HELP = (
    "/pullmedic why RUN: the diagnosis of a failed run, by its run id.\n"
    "/pullmedic status: the open incidents.\n"
    "/pullmedic snooze INCIDENT 2h: no messages about an incident for a while (30m, 2h, 1d, 1w; four weeks at most).\n"
    "/pullmedic help: this text.\n"
    "Only you see the answers."
)

_LOG = logging.getLogger(__name__)
_PREFIX = "pullmedic_"
_SNOOZES = (("For 1 hour", 3_600), ("For 1 day", 86_400), ("For 1 week", 604_800))
_SHORTEST, _LONGEST = timedelta(minutes=5), timedelta(weeks=4)
_OLDEST, _AHEAD = timedelta(minutes=5), timedelta(minutes=1)
_MOST_BYTES = 512 * 1024
_MOST_FIELDS = 100
_BUTTON_TEXT = 75
_DIALOG_TITLE, _DIALOG_TEXT, _DIALOG_BUTTON = 100, 300, 30
_NAME = 80
_ANSWERS_AT = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_INCIDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_OFFER = re.compile(r"[0-9a-f]{16}")
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_DURATION = re.compile(r"([0-9]{1,4})\s?([mhdw])[a-z]{0,6}", re.IGNORECASE)
_ID = re.compile(r"[A-Z0-9]{1,40}")
_STAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
_ADDRESS = re.compile(r"https://[A-Za-z0-9._~/%-]{1,500}")
_QUOTES = "`'\"<>\u201c\u201d\u2018\u2019"  # what people paste ids in


class InteractionKind(StrEnum):
    """What a person asks for."""

    SNOOZE = "snooze"
    RIGHT = "right"
    WRONG = "wrong"
    WHY = "why"
    STATUS = "status"
    APPROVE = "approve"
    REJECT = "reject"
    UNDO = "undo"


ABOUT_FIX = frozenset({InteractionKind.APPROVE, InteractionKind.REJECT, InteractionKind.UNDO})
"""What only those may ask for who decide on fixes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """What a person asked for, as the queue carries it. Every member was validated; names are somebody else's words.

    ``key`` is the same for the same request, however often it comes. ``subject`` is an incident's id, or a run's where
    ``kind`` is *why*; ``seconds`` is how long to snooze; ``offer`` is the digest of the plan that is decided on.
    ``response_url`` is a credential: whoever has it can write five messages within 30 minutes of ``at`` (UTC).
    """

    kind: InteractionKind
    key: str
    user_id: str
    user_name: str
    channel: str
    at: datetime
    subject: str = ""
    seconds: int = 0
    offer: str = ""
    response_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What goes back to whoever made the request."""

    status: int
    body: str = ""
    content_type: str = "text/plain; charset=utf-8"


class Malformed(ValueError):
    """A request, or a message of the queue, that is none of those which are offered; the text says why."""


def controls(notice: Notice) -> list[dict[str, Any]]:
    """Return the elements of an ``actions`` block for the notice's actions; what :func:`answer` understands.

    Empty where there is no incident to answer about.
    """
    incident = notice.incident.id if notice.incident else ""
    return [_control(one, incident) for one in notice.actions] if _INCIDENT.fullmatch(incident) else []


def answer(
    headers: Mapping[str, str], body: bytes, *, secret: Secret, now: datetime, enqueue: Callable[[str], None]
) -> HttpAnswer:
    """Verify one request of Slack, queue what it asks for, and return what to answer at once.

    ``enqueue`` takes a message for the queue ``interactions`` (:func:`interaction_from_json`). Whatever the request is,
    nothing is raised but by ``enqueue``; what is wrong with it is said with a status of 4xx. A repeat that Slack marks
    as such (``x-slack-retry-num``) is confirmed and not queued again.
    """
    known = {str(name).lower(): str(value) for name, value in headers.items()}
    refused = _not_from_slack(known, body, secret, now)
    if refused:
        return refused
    try:
        asked = _read(known, body, now)
    except Malformed as error:
        _LOG.warning("a request of Slack was not understood: %s", error)
        return HttpAnswer(status=400, body=str(error))
    if asked.interaction is not None and "x-slack-retry-num" in known:
        _LOG.info("a repeated request of Slack was confirmed and not queued again")
    elif asked.interaction is not None:
        enqueue(interaction_to_json(asked.interaction))
    return asked.answer


def signing_secret(destinations: Iterable[Destination]) -> Secret:
    """Return the secret that the app's requests are signed with, empty where none is set.

    There is one app: however many channels it sends to, they share the secret.
    """
    found = (place.options.secret(SIGNING_SECRET) for place in destinations if place.channel.name == "slack_bot")
    return next((secret for secret in found if secret.reveal()), Secret(""))


def interaction_to_json(interaction: Interaction) -> str:
    """Return the message that the queue carries."""
    return json.dumps(asdict(interaction) | {"at": interaction.at.isoformat()}, separators=(",", ":"))


def interaction_from_json(text: str) -> Interaction:
    """Return the interaction of a queue's message. Raises :class:`Malformed`, which shows nothing of it."""
    try:
        data = json.loads(text)
        made = Interaction(
            **data | {"kind": InteractionKind(data["kind"]), "at": datetime.fromisoformat(data["at"])},
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        made = None
    if made is None or made.at.tzinfo is None or not _is_sound(made):
        raise Malformed("a message of the queue of interactions cannot be read")
    return made


def may_answer_to(url: str) -> bool:
    """Tell whether ``url`` is an address at which Slack takes answers: no other ever gets one."""
    if not _ADDRESS.fullmatch(url):
        return False
    return urlsplit(url).netloc in _ANSWERS_AT


def duration(text: str) -> timedelta | None:
    """Return the time that ``2h``, ``30m``, ``1d`` or ``1w`` means, from five minutes to four weeks, else ``None``."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        return None
    asked = int(found[1]) * _UNITS[found[2].lower()]
    return asked if _SHORTEST <= asked <= _LONGEST else None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request is answered with at once, and what it asks for beyond that."""

    answer: HttpAnswer
    interaction: Interaction | None = None


def _control(action: Action, incident: str) -> dict[str, Any]:
    kind, name = action.kind, _plain(action.title, _BUTTON_TEXT)
    if kind is not ActionKind.SNOOZE:
        value = f"{incident} {action.offer}" if action.offer else incident
        button = {"type": "button", "action_id": _PREFIX + kind.value, "text": name, "value": value}
        return button | _dialog(action)
    options = [
        {"text": {"type": "plain_text", "text": words, "emoji": False}, "value": f"{incident} {seconds}"}
        for words, seconds in _SNOOZES
    ]
    return {"type": "static_select", "action_id": _PREFIX + kind.value, "placeholder": name, "options": options}


def _dialog(action: Action) -> dict[str, Any]:
    """Return what Slack asks before it sends a press ("Confirmation dialog object"), where something is asked."""
    if not action.question:
        return {}
    style = "primary" if action.kind is ActionKind.APPROVE else "danger"
    dialog = {
        "title": _plain(action.title, _DIALOG_TITLE),
        "text": _plain(action.question, _DIALOG_TEXT),
        "confirm": _plain(action.title, _DIALOG_BUTTON),
        "deny": _plain("Cancel", _DIALOG_BUTTON),
        "style": style,
    }
    return {"style": style, "confirm": dialog}


def _plain(text: str, limit: int) -> dict[str, Any]:
    from responders.channels.slack import escape  # noqa: PLC0415 - only who renders pays for it

    said = cut(one_line(text) or "-", limit, lambda character: max(utf16_units(character), len(escape(character)))).text
    return {"type": "plain_text", "text": escape(said), "emoji": False}


def _not_from_slack(headers: Mapping[str, str], body: bytes, secret: Secret, now: datetime) -> HttpAnswer | None:
    if not secret.reveal().strip():
        return HttpAnswer(status=403, body="Requests of Slack are not set up here: no signing secret is set.")
    if len(body) > _MOST_BYTES:
        return HttpAnswer(status=413, body="The request is too large.")
    stamp, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not _STAMP.fullmatch(stamp) or not _SIGNATURE.fullmatch(signature):
        return HttpAnswer(status=401, body="The request carries no signature of Slack.")
    age = now.timestamp() - int(stamp)
    if not -_AHEAD.total_seconds() <= age <= _OLDEST.total_seconds():
        return HttpAnswer(status=401, body="The request's time is not now: it is a replay, or a clock is wrong.")
    if not _is_signed(body, stamp, signature, secret, now):
        return HttpAnswer(status=401, body="The signature is not Slack's: is the signing secret this app's?")
    return None


def _is_signed(body: bytes, stamp: str, signature: str, secret: Secret, now: datetime) -> bool:
    from slack_sdk.signature import Clock, SignatureVerifier  # noqa: PLC0415 - only a request of Slack pays for it

    class Now(Clock):  # type: ignore[misc,unused-ignore]
        def now(self) -> float:
            return now.timestamp()

    try:
        return SignatureVerifier(secret.reveal(), Now()).is_valid(body, stamp, signature)
    except UnicodeDecodeError:  # Slack sends ASCII forms alone
        return False


def _form(headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Malformed("the request is no form (application/x-www-form-urlencoded)")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        pairs = []
    if not pairs:
        raise Malformed("the form cannot be read")
    return dict(pairs)


def _read(headers: Mapping[str, str], body: bytes, now: datetime) -> _Asked:
    form = _form(headers, body)
    if form.get("ssl_check") == "1":  # Slack looks at a command's certificate now and then
        return _Asked(HttpAnswer(status=200))
    if "payload" in form:
        return _pressed(_object(form["payload"]), headers, now)
    if "command" in form:
        return _commanded(form, headers, now)
    raise Malformed("the form carries neither a payload nor a command")


def _object(text: str) -> dict[str, Any]:
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise Malformed("the payload is no JSON object")
    return payload


def _pressed(payload: dict[str, Any], headers: Mapping[str, str], now: datetime) -> _Asked:
    if payload.get("type") != "block_actions":
        raise Malformed("the payload is of a type that this app does not offer")
    actions = payload.get("actions")
    action = actions[0] if isinstance(actions, list) and actions else None
    if not isinstance(action, dict):
        raise Malformed("the payload names no action")
    name = action.get("action_id")
    if name in (OPEN_RUN, OPEN_INCIDENT):  # a link, which the reader's own client follows
        return _Asked(HttpAnswer(status=200))
    user = _table(payload, "user")
    asked = _action(name, action) | {
        "user_id": user.get("id"),
        "user_name": user.get("username") or user.get("name"),
        "channel": _table(payload, "channel").get("id"),
        "response_url": payload.get("response_url"),
        "trigger": payload.get("trigger_id"),
    }
    return _Asked(HttpAnswer(status=200), _interaction(asked, headers, now))


def _action(name: object, action: Mapping[str, Any]) -> dict[str, Any]:
    if name in (_PREFIX + ActionKind.RIGHT.value, _PREFIX + ActionKind.WRONG.value):
        kind = InteractionKind(str(name).removeprefix(_PREFIX))
        return {"kind": kind, "subject": action.get("value")}
    if name == _PREFIX + ActionKind.SNOOZE.value:
        value = _table(action, "selected_option").get("value")
        incident, _, seconds = value.partition(" ") if isinstance(value, str) else ("", "", "")
        chosen = next((known for _, known in _SNOOZES if str(known) == seconds), 0)
        if not chosen:
            raise Malformed("the time to snooze is none that was offered")
        return {"kind": InteractionKind.SNOOZE, "subject": incident, "seconds": chosen}
    decision = next((kind for kind in ABOUT_FIX if name == _PREFIX + kind.value), None)
    if decision is not None:
        incident, _, offer = _text(action.get("value")).partition(" ")
        return {"kind": decision, "subject": incident, "offer": offer}
    raise Malformed("the action is none that this app offers")


def _commanded(form: Mapping[str, str], headers: Mapping[str, str], now: datetime) -> _Asked:
    asked = _words(form.get("text", ""))
    if isinstance(asked, str):
        return _Asked(_ephemeral(asked))
    about = {
        "user_id": form.get("user_id"),
        "user_name": form.get("user_name"),
        "channel": form.get("channel_id"),
        "response_url": form.get("response_url"),
        "trigger": form.get("trigger_id"),
    }
    return _Asked(_ephemeral("Looking …"), _interaction(asked | about, headers, now))


def _words(text: str) -> dict[str, Any] | str:
    """Return what the words after the command ask for, or what to say where they ask for nothing that is known."""
    words = [word.strip(_QUOTES) for word in text.split()]
    match [word if place else word.lower() for place, word in enumerate(words)]:
        case [] | ["help"]:
            return HELP
        case ["status"]:
            return {"kind": InteractionKind.STATUS}
        case ["why", run] if _RUN.fullmatch(run):
            return {"kind": InteractionKind.WHY, "subject": run}
        case ["snooze", incident, *rest] if _INCIDENT.fullmatch(incident) and (asked := duration(" ".join(rest))):
            return {"kind": InteractionKind.SNOOZE, "subject": incident, "seconds": int(asked.total_seconds())}
        case ["why", *_]:
            return "Say which run, by its run id alone: /pullmedic why calm_net_7xk2"
        case ["snooze", *_]:
            return "Say which incident, by its id, and for how long (5m to 4w): /pullmedic snooze INCIDENT 2h"
    return HELP


def _interaction(asked: Mapping[str, Any], headers: Mapping[str, str], now: datetime) -> Interaction:
    made = Interaction(
        kind=asked["kind"],
        key=_key(asked["trigger"], headers),
        user_id=_text(asked["user_id"]),
        user_name=cut(one_line(_text(asked["user_name"])), _NAME).text,
        channel=_text(asked["channel"]),
        at=now.astimezone(UTC),
        subject=_text(asked.get("subject", "")),
        seconds=asked.get("seconds", 0),
        offer=_text(asked.get("offer", "")),
        response_url=_text(asked["response_url"]),
    )
    if not _is_sound(made):
        raise Malformed("the request lacks a valid user, channel, subject or address for the answer")
    return made


def _is_sound(made: Interaction) -> bool:
    texts = (made.key, made.user_id, made.user_name, made.channel, made.subject, made.offer, made.response_url)
    if not all(isinstance(text, str) for text in texts) or not isinstance(made.seconds, int):
        return False
    subject = {InteractionKind.WHY: _RUN, InteractionKind.STATUS: re.compile("")}.get(made.kind, _INCIDENT)
    snoozes = made.kind is InteractionKind.SNOOZE
    return all(
        (
            _ID.fullmatch(made.user_id),
            _ID.fullmatch(made.channel),
            subject.fullmatch(made.subject),
            _OFFER.fullmatch(made.offer) if made.kind in ABOUT_FIX else not made.offer,
            may_answer_to(made.response_url),
            _SHORTEST.total_seconds() <= made.seconds <= _LONGEST.total_seconds() if snoozes else made.seconds == 0,
        )
    )


def _key(trigger: object, headers: Mapping[str, str]) -> str:
    """Return what is the same for each copy of one request: Slack gives each press and each command a trigger."""
    named = trigger if isinstance(trigger, str) and trigger else headers.get("x-slack-signature", "")
    return hashlib.sha256(named.encode("utf-8", "replace")).hexdigest()[:40]


def _table(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = holder.get(key)
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _ephemeral(text: str) -> HttpAnswer:
    said = {"response_type": "ephemeral", "text": text}
    return HttpAnswer(status=200, body=json.dumps(said), content_type="application/json; charset=utf-8")
