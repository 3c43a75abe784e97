"""Slack: an app with a bot token, which edits its messages, finds them again, and has buttons.

Methods, errors and limits are those of Slack's reference of Web API methods (chat.postMessage, chat.update,
conversations.history, auth.test). Slack answers 200 to almost everything and says in the body what went wrong.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from diagnostics.redaction import redact
from responders.channels import Channel, Options, Payload, Sent
from responders.channels.slack import Json, compose, escape, form_refused, minimal, plain, section
from responders.clouds import is_plain_link
from responders.declarations import Field, Secret
from responders.notices import Notice, NoticeKind
from responders.sending import Refused, SendError, TryLater, call
from responders.slack_requests import OPEN_INCIDENT, OPEN_RUN, SIGNING_SECRET, controls
from responders.wording import cut, one_line

__all__ = ["CHANNEL", "EVENT_TYPE", "SlackRefused", "render"]

EVENT_TYPE = "pullmedic_incident"
"""``metadata.event_type`` of what the app sends; the payload's ``key`` is the notice's."""

TOKEN, CHANNEL_ID = "token", "channel_id"

_LOG = logging.getLogger(__name__)
_API = "https://slack.com/api/"
_BUTTON_URL = 3_000
_REPLY = 600
_NAME = 80
_WRITES = "chat:write"
_PAGE, _PAGES = 200, 5
_CLOCKS_DIFFER = timedelta(minutes=2)
_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(hours=6)
_SPOKEN = {NoticeKind.RESOLVED: "Resolved", NoticeKind.REOPENED: "Failing again"}
_CHANNEL = re.compile(r"[CG][A-Z0-9]{2,30}")
_TS = re.compile(r"\d{1,12}\.\d{1,9}")
_CODE = re.compile(r"[a-z0-9_]{1,60}")
_SCOPES = re.compile(r"[a-z0-9.:,_-]{1,100}")
_BOT_TOKEN = re.compile(r"xoxb-[0-9A-Za-z-]{8,250}")
_SIGNING = re.compile(r"[0-9A-Za-z]{16,128}")

_PASSING = frozenset(
    {
        "ratelimited",
        "rate_limited",
        "message_limit_exceeded",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
    }
)
_HALF_DONE = frozenset({"internal_error", "fatal_error"})
"""Slack: "It's possible some aspect of the operation succeeded before the error was raised." """

_FORM = frozenset(
    {
        "invalid_blocks_format",
        "invalid_attachments",
        "no_text",
        "too_many_attachments",
        "metadata_too_large",
        "invalid_metadata_format",
        "invalid_metadata_schema",
    }
)
_REFERENCE = "@Microsoft.KeyVault("
_UNRESOLVED = "the Key Vault reference was not resolved: check the app's identity and its right on the secret"
_REINSTALL = "make a new bot token (OAuth & Permissions, install again) and set it"
_ADVICE = {
    "invalid_auth": f"the token is not valid here: {_REINSTALL}",
    "not_authed": f"no token arrived: {_REINSTALL}",
    "token_revoked": f"the token was revoked: {_REINSTALL}",
    "token_expired": f"the token has expired: turn token rotation off, {_REINSTALL}",
    "account_inactive": f"the app was removed from the workspace: {_REINSTALL}",
    "not_allowed_token_type": "the token is none of a bot: set the one that starts with xoxb-",
    "channel_not_found": "no such channel for this app: check the id; into a private channel the app must be invited",
    "not_in_channel": "the app is not in the channel: invite it there (/invite @Pullmedic)",
    "is_archived": "the channel is archived: set another one, or restore it",
    "restricted_action": "the workspace's settings keep the app from posting there: ask its administrator",
    "restricted_action_read_only_channel": "only some may post in this channel: let the app, or set another channel",
    "access_denied": "the workspace's settings keep the app from this: ask its administrator",
    "ekm_access_denied": "an administrator has suspended posting: ask them",
    "org_login_required": "the workspace is moving into an organisation: try again when that is over",
    "two_factor_setup_required": "the workspace asks for two-factor authentication: ask its administrator",
    "message_not_found": "the message was deleted",
    "cant_update_message": "the message is none of this app's",
    "edit_window_closed": "the workspace lets nobody edit a message of that age",
    "too_many_messages": f"more than {_PAGE * _PAGES} messages came since: what was sent cannot be told",
    "wrong_reference": "this is no reference of a message of Slack",
}


_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "wrong_reference"})


class SlackRefused(Refused):
    """Slack refused for good. ``word`` is its bare code, ``missing_scope`` for instance; the text says what to do."""

    def __init__(self, code: str, advice: str = "") -> None:
        super().__init__(200, code)
        said = advice or _ADVICE.get(code, "see this code in Slack's reference of the method")
        self.args = (f"Slack refused ({code}): {said}",)

    @property
    def gone(self) -> bool:
        """Whether the message is deleted, another app's, or too old to be edited (Slack, "chat.update", "Errors")."""
        return self.word in _GONE


def render(notice: Notice, *, interactive: bool = True) -> dict[str, Any]:
    """Return the message, within the limits of a webhook's, with the run's link and the answers as buttons.

    Without ``interactive`` there are no answers, since nobody could verify that they come from Slack.
    """
    elements = [*_links(notice), *(controls(notice) if interactive else ())]
    return compose(notice, [{"type": "actions", "elements": elements}] if elements else [])


class _Bot:
    """A :class:`responders.channels.Conversation` in one channel. A reference is ``channel:ts``.

    A reply in the thread follows the edit that says that an incident was resolved or came back, or what became of its
    fix, since an edit notifies nobody. It is sent at most once: not where the edit may be a repeat, and where it fails
    it is logged and dropped.
    """

    edits = True
    finds = True

    def __init__(self, options: Options) -> None:
        self._token = options.secret(TOKEN)
        self._channel = options.text(CHANNEL_ID)
        self._interactive = bool(options.secret(SIGNING_SECRET).reveal())

    def send(self, notice: Notice, *, now: datetime) -> Sent:
        """See :class:`responders.channels.Conversation`."""
        answer, short = self._say("chat.postMessage", notice, {"channel": self._channel}, now)
        return Sent(ref=_reference(answer, self._channel), minimal=short)

    def edit(self, ref: str, notice: Notice, *, now: datetime) -> Sent:
        """See :class:`responders.channels.Conversation`."""
        channel, _, ts = ref.partition(":")
        if not _CHANNEL.fullmatch(channel) or not _TS.fullmatch(ts):
            raise SlackRefused("wrong_reference")
        _, short = self._say("chat.update", notice, {"channel": channel, "ts": ts}, now)
        said = notice.reply or _spoken(notice)
        if said and not notice.possible_repeat:
            self._reply(channel, ts, notice, said, now)
        return Sent(ref=ref, minimal=short)

    def find(self, key: str, *, since: datetime, now: datetime) -> str | None:
        """See :class:`responders.channels.Conversation`.

        Where the history may not be read this raises :class:`SlackRefused` with the word ``missing_scope``, and where
        it is too long with ``too_many_messages``: then it cannot be told whether the message was sent.
        """
        own = self._call("auth.test", {}, now)
        asked = {
            "channel": self._channel,
            "oldest": f"{(since - _CLOCKS_DIFFER).timestamp():.6f}",
            "limit": str(_PAGE),
            "include_all_metadata": "true",
        }
        for _ in range(_PAGES):
            page = self._call(f"conversations.history?{urlencode(asked)}", None, now)
            sent = [message["ts"] for message in _messages(page) if _is_ours(message, own, key)]
            if sent:
                return f"{self._channel}:{max(sent)}"
            asked["cursor"] = _next(page)
            if not asked["cursor"]:
                return None
        raise SlackRefused("too_many_messages")

    def _say(self, method: str, notice: Notice, where: Json, now: datetime) -> tuple[Json, bool]:
        """Say the whole, or the short form where Slack refuses it; return the answer and whether it was short."""
        meta = {"metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": notice.key}}}
        full = render(notice, interactive=self._interactive)
        try:
            return self._call(method, _fitting(method, full) | where | meta, now), False
        except SlackRefused as refused:
            if refused.word not in _FORM and not form_refused(refused.word):
                raise
            _LOG.warning("slack_bot refused the form (%s); the minimal message is sent", refused.word)
            kept = {} if "metadata" in refused.word else meta
        # The empty list takes the blocks of an earlier form away.
        return self._call(method, _fitting(method, {**minimal(notice), "blocks": []}) | where | kept, now), True

    def _reply(self, channel: str, ts: str, notice: Notice, words: str, now: datetime) -> None:
        said = cut(one_line(words), _REPLY).text
        payload = {
            "channel": channel,
            "thread_ts": ts,
            "text": escape(said),
            "blocks": [section(plain(said))],
            "unfurl_links": False,
            "unfurl_media": False,
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": f"{notice.key}-{_kind(notice)}"}},
        }
        try:
            self._call("chat.postMessage", payload, now)
        except SendError as error:
            _LOG.warning("slack_bot edited its message, and the reply in its thread was not taken: %s", error)

    def _call(self, method: str, payload: Payload | None, now: datetime) -> Json:
        return self.ask(method, payload, now)[0]

    def ask(self, method: str, payload: Payload | None, now: datetime) -> tuple[Json, Mapping[str, str]]:
        """Call a method of the Web API; return its answer where it says ``ok``, and the answer's headers."""
        receipt = call(
            "GET" if payload is None else "POST",
            Secret(_API + method),
            payload,
            now=now,
            accepted=lambda status, _: status == 200,
            headers={"Authorization": Secret(f"Bearer {self._token.reveal()}")},
        )
        answer = receipt.json()
        if not isinstance(answer, dict):
            raise TryLater("answered 200 with a body that is none of Slack's", taken=True)
        if answer.get("ok") is True:
            return answer, receipt.headers
        raise _failure(answer, receipt.headers)


def _spoken(notice: Notice) -> str:
    """Return what the reply to an edit says of the incident's state; empty where the edit is enough."""
    if notice.kind not in _SPOKEN:
        return ""
    lead, headline = f"{_SPOKEN[notice.kind]}: ", one_line(notice.report.headline)
    return headline if headline.startswith(lead) else lead + headline


def _kind(notice: Notice) -> str:
    fix = notice.incident.fix if notice.incident and notice.kind is NoticeKind.FIX else None
    return f"{notice.kind.value}-{fix.serial}" if fix is not None else notice.kind.value


def _fitting(method: str, payload: Payload) -> dict[str, Any]:
    """Return ``payload`` without what chat.update has no argument for."""
    return {key: value for key, value in payload.items() if method == "chat.postMessage" or key in ("text", "blocks")}


def _failure(answer: Json, headers: Mapping[str, str]) -> SendError:
    said = answer.get("error")
    code = said if isinstance(said, str) and _CODE.fullmatch(said) else "no_code"
    if code in _PASSING:
        wait = headers.get("retry-after", "").strip()
        asked = timedelta(seconds=int(wait)) if re.fullmatch(r"[0-9]{1,6}", wait) else _WAIT
        after = min(max(asked, timedelta(seconds=1)), _LONGEST_WAIT)
        return TryLater(f"Slack cannot take it now ({code})", after, taken=code in _HALF_DONE)
    if code != "missing_scope":
        return SlackRefused(code)
    needed = answer.get("needed")
    scope = needed if isinstance(needed, str) and _SCOPES.fullmatch(needed) else "of this method"
    return SlackRefused(
        code, f"the app lacks the scope {scope}: add it (OAuth & Permissions) and install the app again"
    )


def _reference(answer: Json, channel: str) -> str:
    """Return the reference of what was posted, empty where Slack did not tell it in a form that we know."""
    there, ts = answer.get("channel"), answer.get("ts")
    if not isinstance(ts, str) or not _TS.fullmatch(ts):
        return ""
    return f"{there if isinstance(there, str) and _CHANNEL.fullmatch(there) else channel}:{ts}"


def _messages(page: Json) -> Iterator[Json]:
    found = page.get("messages")
    for message in found if isinstance(found, list) else ():
        if isinstance(message, dict) and isinstance(message.get("ts"), str) and _TS.fullmatch(message["ts"]):
            yield message


def _is_ours(message: Json, own: Json, key: str) -> bool:
    """Tell whether this app sent ``message`` under ``key``: any app can write the same metadata."""
    metadata = message.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE:
        return False
    payload = metadata.get("event_payload")
    ours = message.get("bot_id") is not None and message.get("bot_id") == own.get("bot_id")
    return ours and isinstance(payload, dict) and payload.get("key") == key


def _next(page: Json) -> str:
    described = page.get("response_metadata")
    cursor = described.get("next_cursor") if isinstance(described, dict) else None
    return cursor if isinstance(cursor, str) else ""


def _links(notice: Notice) -> list[Json]:
    report = notice.report
    ours = (
        (OPEN_RUN, "Open the run", report.run_url),
        (OPEN_INCIDENT, "Open the incident", report.page_url),
    )
    return [
        {"type": "button", "action_id": name, "text": plain(title), "url": url}
        for name, title, url in ours
        if is_plain_link(url) and len(url) <= _BUTTON_URL
    ]


def _problems(options: Options) -> Mapping[str, str]:
    found = {
        TOKEN: _token_problem(options.secret(TOKEN).reveal()),
        CHANNEL_ID: _channel_problem(options.text(CHANNEL_ID)),
        SIGNING_SECRET: _signing_problem(options.secret(SIGNING_SECRET).reveal()),
    }
    return {name: problem for name, problem in found.items() if problem}


def _token_problem(token: str) -> str:
    kinds = {
        _REFERENCE: _UNRESOLVED,
        "https://": "this is an address: a webhook belongs into PULLMEDIC_SLACK_WEBHOOK_URL",
        "xoxp-": "this is a person's token: the app needs the Bot User OAuth Token, which starts with xoxb-",
        "xapp-": "this is an app-level token: the app needs the Bot User OAuth Token, which starts with xoxb-",
        "xoxe": "this token expires: turn token rotation off, and set the token that starts with xoxb-",
    }
    if _BOT_TOKEN.fullmatch(token):
        return ""
    known = next((said for start, said in kinds.items() if token.startswith(start)), "")
    return known or "this is no Bot User OAuth Token, which starts with xoxb-"


def _channel_problem(channel: str) -> str:
    if _CHANNEL.fullmatch(channel):
        return ""
    return "this is no id of a channel, such as C0123456789 (the channel's details show it at their end)"


def _signing_problem(secret: str) -> str:
    if not secret or _SIGNING.fullmatch(secret):
        return ""
    if secret.startswith(_REFERENCE):
        return _UNRESOLVED
    return "this is no signing secret (Basic Information, App Credentials: letters and digits alone)"


def _check(options: Options, now: datetime) -> str:
    """Have Slack say whose the token is and what it may do, and read the newest message of the channel."""
    bot = _Bot(options)
    own, headers = bot.ask("auth.test", {}, now)
    scopes = {one.strip() for one in headers.get("x-oauth-scopes", "").split(",") if one.strip()}
    if scopes and _WRITES not in scopes:
        raise SlackRefused("missing_scope", f"the app lacks the scope {_WRITES}: add it, and install the app again")
    bot.ask(f"conversations.history?{urlencode({'channel': options.text(CHANNEL_ID), 'limit': '1'})}", None, now)
    names = [cut(one_line(redact(str(own.get(key) or ""))), _NAME).text for key in ("user", "team")]
    return f"the token is {names[0]}'s in {names[1]}, and the channel can be read"


CHANNEL = Channel(
    name="slack_bot",
    title="Slack (bot)",
    fields=(
        Field(name=TOKEN, purpose="Bot User OAuth Token of the Slack app (`xoxb-...`).", secret=True),
        Field(name=CHANNEL_ID, purpose="Id of the Slack channel that gets the diagnoses, such as `C0123456789`."),
        Field(
            name=SIGNING_SECRET,
            purpose="Signing secret of the Slack app: with it messages have buttons and the slash command is answered.",
            secret=True,
            required=False,
        ),
    ),
    problems=_problems,
    connect=_Bot,
    check=_check,
)
