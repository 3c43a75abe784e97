"""Azure Event Grid: each notice as a CloudEvent on a custom topic, for automation of a team's own.

The event's data are the incident's facts; its id is the same for each try, so that a subscriber drops a duplicate. The
topic takes CloudEvents 1.0 (``--input-schema cloudeventschemav1_0``), and the app's identity needs EventGrid Data
Sender on it. A token goes to a host of Event Grid in one of Azure's clouds and to no other.

The post is what azure-eventgrid 4.22.1 would send, by the helper that all channels share: the SDK's client drops the
options that would keep it from sleeping, from following redirects and from waiting for minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from diagnostics.azure.clouds import CLOUDS, Cloud
from diagnostics.azure.errors import ReadFailed, from_azure_core
from responders.channels import Channel, Conversation, Options, Payload, Sent, address_problem, host_matches
from responders.channels._facts import SCHEMA, iso, link, message_id, occurred_at, page, short, summary
from responders.declarations import Field, Secret
from responders.notices import Notice, NoticeKind
from responders.sending import TryLater, call, encode

__all__ = ["CHANNEL", "SOURCE", "TYPES", "publish", "render"]

ENDPOINT = "endpoint"
ACCESS_KEY = "access_key"
CLIENT_ID = "client_id"

SOURCE = "/pullmedic"

TYPES = {
    NoticeKind.OPENED: "Pullmedic.IncidentOpened",
    NoticeKind.REPEATED: "Pullmedic.IncidentUpdated",
    NoticeKind.RESOLVED: "Pullmedic.IncidentResolved",
    NoticeKind.REOPENED: "Pullmedic.IncidentReopened",
    NoticeKind.FIX: "Pullmedic.FixChanged",
    NoticeKind.DIGEST: "Pullmedic.Digest",
    NoticeKind.UNDELIVERABLE: "Pullmedic.RunUndeliverable",
    NoticeKind.TEST: "Pullmedic.Test",
}

_CLOUDS = {
    "*.eventgrid.azure.net": "AzureCloud",
    "*.eventgrid.azure.us": "AzureUSGovernment",
    "*.eventgrid.azure.cn": "AzureChinaCloud",
}
_PATH = "/api/events"
_VERSION = "2018-01-01"
_BATCH = Secret("application/cloudevents-batch+json; charset=utf-8")
_SCOPE = "https://eventgrid.azure.net/.default"  # in every cloud, as azure-eventgrid 4.22.1 has it


def render(notice: Notice) -> Payload:
    """Return the event's data, at most some 24,000 bytes of JSON for any notice: the incident's facts, and where the
    whole is to be seen. What tells of no incident has no facts.
    """
    report = notice.report
    facts = summary(notice.incident) if notice.incident else {}
    return {
        "schema": SCHEMA,
        "kind": notice.kind.value,
        "key": notice.key,
        "possible_repeat": notice.possible_repeat,
        "headline": short(report.headline),
        "run_url": link(report.run_url),
        **page(report),
        "evidence": short(report.stored_as),
        **facts,
    }


def _event(notice: Notice, now: datetime) -> Payload:
    """Return the CloudEvent 1.0."""
    return {
        "specversion": "1.0",
        "id": message_id(notice),
        "source": SOURCE,
        "type": TYPES[notice.kind],
        "time": iso(occurred_at(notice, now)),
        "subject": f"incidents/{short(notice.incident.id)}" if notice.incident else notice.kind.value,
        "datacontenttype": "application/json",
        "data": render(notice),
    }


def publish(options: Options, events: Sequence[Payload], *, now: datetime) -> None:
    """Publish CloudEvents in one request of at most 1 MB (Microsoft Learn, "Azure Event Grid quotas and limits").

    Raises :class:`responders.sending.SendError`.
    """
    endpoint = Secret(f"{options.text(ENDPOINT).rstrip('/')}?api-version={_VERSION}")
    headers = {"Content-Type": _BATCH, **_authorization(options)}
    call("POST", endpoint, encode(list(events)), now=now, headers=headers)


class _Conversation:
    """A :class:`responders.channels.Conversation` that publishes; subscribers drop what they have seen."""

    edits = False
    finds = False

    def __init__(self, options: Options) -> None:
        self._options = options

    def send(self, notice: Notice, *, now: datetime) -> Sent:
        """See :class:`responders.channels.Conversation`."""
        publish(self._options, [_event(notice, now)], now=now)
        return Sent()

    def edit(self, ref: str, notice: Notice, *, now: datetime) -> Sent:
        """Publish a new event: what was published stays published."""
        del ref
        return self.send(notice, now=now)

    def find(self, key: str, *, since: datetime, now: datetime) -> str | None:
        """Return ``None``: a publisher cannot read."""
        del key, since, now
        return None


def _authorization(options: Options) -> Mapping[str, Secret]:
    """Return the header with the topic's key, or with a token. Raises ``TryLater`` where there is none (yet)."""
    key = options.secret(ACCESS_KEY)
    if key.reveal():
        return {"aeg-sas-key": key}
    token = _token(_cloud(options.text(ENDPOINT)), options.text(CLIENT_ID) or options.client_id or None)
    if isinstance(token, ReadFailed):
        raise TryLater(str(token))
    return {"Authorization": token}


def _token(cloud: Cloud, client_id: str | None) -> Secret | ReadFailed:
    """Return the header's value, or the error: raised in here it would carry the SDK's own, with the request in it."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - cloud SDKs load with the first notice

    from diagnostics.azure.credentials import open_credential  # noqa: PLC0415

    try:
        return Secret(f"Bearer {open_credential(cloud, client_id=client_id).get_token(_SCOPE).token}")
    except ReadFailed as error:
        return error
    except AzureError as error:
        return from_azure_core(error)


def _cloud(endpoint: str) -> Cloud:
    host = _host(endpoint)
    return next(CLOUDS[name] for pattern, name in _CLOUDS.items() if host_matches(host, pattern))


def _host(endpoint: str) -> str:
    return (urlsplit(endpoint).hostname or "").rstrip(".")


def _problems(options: Options) -> Mapping[str, str]:
    problem = _endpoint_problem(options.text(ENDPOINT))
    return {ENDPOINT: problem} if problem else {}


def _endpoint_problem(endpoint: str) -> str | None:
    """Say why this is no topic's endpoint. No setting allows another host: a token would go there."""
    problem = address_problem(endpoint)
    if problem:
        return problem
    if not any(host_matches(_host(endpoint), pattern) for pattern in _CLOUDS):
        return f"its host is none of {', '.join(_CLOUDS)}"
    parts = urlsplit(endpoint)
    if parts.path.rstrip("/") != _PATH or parts.query:
        return f"it is no custom topic's endpoint, which ends with {_PATH} (a namespace's topic is not supported)"
    return None


def _connect(options: Options) -> Conversation:
    return _Conversation(options)


def _check(options: Options, now: datetime) -> str:
    """Get what a post is authorised with, and reach the topic's host. No event is published."""
    _authorization(options)
    call("HEAD", Secret(f"https://{urlsplit(options.text(ENDPOINT)).hostname}/"), now=now, accepted=lambda *_: True)
    return "reachable, and there is a key or a token for it; whether it may publish only `send-test` tells"


CHANNEL = Channel(
    name="event_grid",
    title="an Event Grid topic",
    fields=(
        Field(name=ENDPOINT, purpose="Endpoint of the Event Grid custom topic that gets each notice as a CloudEvent."),
        Field(
            name=ACCESS_KEY, purpose="Access key of the topic, where no identity is used.", secret=True, required=False
        ),
        Field(
            name=CLIENT_ID,
            purpose="Client id of the user-assigned identity that publishes; empty: the app's (`PULLMEDIC_CLIENT_ID`).",
            required=False,
        ),
    ),
    problems=_problems,
    connect=_connect,
    check=_check,
)
