"""The settings, typed, from the environment that is passed in.

Wrong settings never stop loading: each is told as a :class:`Problem` with the name of the setting and what
runs instead, and the stated minimum runs. A secret's value is in no message. This module imports no HTTP
library and no Azure SDK, since the function app imports it at its start.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from responders.channels import Destination, address_problem, discover
from responders.clouds import Cloud
from responders.declarations import Problem, Secret, Setting

__all__ = ["AzureStore", "Settings", "SqliteStore", "declared_settings", "load_settings", "misspelt_settings"]

T = TypeVar("T")

STORE = Setting(
    name="PULLMEDIC_STORE",
    purpose="Where claims, records and evidence are kept: `azure` (the app's own storage) or `sqlite:///path`.",
    default="`azure` where the app's storage is set, else `sqlite:///pullmedic.sqlite`",
)
ACCOUNT = Setting(
    name="AzureWebJobsStorage__accountName",
    purpose="The app's storage account, reached with its managed identity (set by the deployment).",
)
CONNECTION = Setting(
    name="AzureWebJobsStorage",
    purpose="The app's storage as a connection string, where no managed identity is used.",
    secret=True,
)
WORKSPACES = Setting(
    name="PULLMEDIC_WORKSPACES",
    purpose="Resource ids of the workspaces in scope, separated by commas.",
    default="all",
)
REGISTRIES = Setting(
    name="PULLMEDIC_REGISTRY_ALLOWLIST",
    purpose="Hosts of registries to ask, without a credential, though Azure does not list them; `none` for none.",
    default="mcr.microsoft.com",
)
WEBHOOK_HOSTS = Setting(
    name="PULLMEDIC_WEBHOOK_HOSTS",
    purpose="Further hosts that a webhook may have, such as a relay's; `*.` stands for any subdomain.",
    default="none",
)
NOTIFY_NOT_REGISTRY = Setting(
    name="PULLMEDIC_NOTIFY_NOT_REGISTRY",
    purpose="Whether runs that failed on something other than their image are told, too.",
    default="false",
)
NOTIFY_INSUFFICIENT = Setting(
    name="PULLMEDIC_NOTIFY_INSUFFICIENT",
    purpose="Whether a registry failure without a provable cause is told, with what would settle it.",
    default="true",
)
CLIENT_ID = Setting(
    name="PULLMEDIC_CLIENT_ID",
    purpose="Client id of the user-assigned identity that reads.",
    default="the system-assigned identity",
)
CLOUD = Setting(
    name="PULLMEDIC_CLOUD",
    purpose="`AzureCloud`, `AzureUSGovernment` or `AzureChinaCloud`.",
    default="AzureCloud",
)
DEADLINE = Setting(
    name="PULLMEDIC_DEADLINE_SECONDS",
    purpose="Seconds in which one diagnosis gathers its facts, from 5 to 600.",
    default="45",
)
SIGNATURES = Setting(
    name="PULLMEDIC_SIGNATURES",
    purpose="A file with texts and causes of your own (`docs/own-signatures.md`), by a path that the app can read.",
    default="none",
)

_OWN = (
    STORE,
    ACCOUNT,
    CONNECTION,
    WORKSPACES,
    REGISTRIES,
    WEBHOOK_HOSTS,
    NOTIFY_NOT_REGISTRY,
    NOTIFY_INSUFFICIENT,
    CLIENT_ID,
    CLOUD,
    DEADLINE,
    SIGNATURES,
)

_PREFIX = "PULLMEDIC_"
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]{0,62}\.)+[a-z0-9-]{1,63}(:\d{1,5})?")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_WORKSPACE = re.compile(
    r"/subscriptions/[^/]+/resourcegroups/[^/]+/providers/microsoft\.machinelearningservices/workspaces/[^/]+/?",
    re.IGNORECASE,
)
_SQLITE = "sqlite:///"
_DEFAULT_FILE = Path("pullmedic.sqlite")
_YES = frozenset({"true", "1", "yes", "on"})
_NO = frozenset({"false", "0", "no", "off"})


@dataclass(frozen=True, slots=True)
class SqliteStore:
    """The embedded store: one file on this machine's own disk."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureStore:
    """Tables and blobs of a storage account, by identity (``account``) or by ``connection`` string."""

    account: str = ""
    connection: Secret | None = None
    cloud: Cloud = Cloud.PUBLIC
    client_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the responder runs with. ``workspaces`` is ``None`` for all; ``problems`` tells everything that is wrong."""

    store: SqliteStore | AzureStore
    destinations: tuple[Destination, ...] = ()
    fallbacks: tuple[Destination, ...] = ()
    workspaces: frozenset[str] | None = None
    registry_allowlist: tuple[str, ...] = ()
    notify_not_registry: bool = False
    notify_insufficient: bool = True
    client_id: str | None = None
    cloud: Cloud = Cloud.PUBLIC
    deadline: timedelta = timedelta(seconds=45)
    signatures: Path | None = None
    problems: tuple[Problem, ...] = ()

    def in_scope(self, workspace_id: str) -> bool:
        """Tell whether runs of this workspace are diagnosed; resource ids differ in case at will."""
        return self.workspaces is None or _normal(workspace_id) in self.workspaces


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings that ``environ`` asks for, with every problem at once. Never raises."""
    reader = _Reader(environ)
    cloud = reader.read(CLOUD, Cloud, Cloud.PUBLIC, "it is none of the three; AzureCloud is used")
    client_id = reader.read(CLIENT_ID, _guid, None, "it is no GUID; the system-assigned identity is used")
    more_hosts = reader.list(WEBHOOK_HOSTS, _HOST)
    return Settings(
        store=_store(reader, cloud, client_id),
        destinations=_destinations(reader, more_hosts, fallback=False),
        fallbacks=_destinations(reader, more_hosts, fallback=True),
        workspaces=_workspaces(reader),
        registry_allowlist=_registries(reader),
        notify_not_registry=reader.read(NOTIFY_NOT_REGISTRY, _truth, False, "it is not true or false; false is used"),
        notify_insufficient=reader.read(NOTIFY_INSUFFICIENT, _truth, True, "it is not true or false; true is used"),
        client_id=client_id,
        cloud=cloud,
        deadline=reader.read(DEADLINE, _seconds, timedelta(seconds=45), "it is not 5 to 600 seconds; 45 is used"),
        signatures=reader.read(SIGNATURES, _path, None, "it is no path; only the published signatures are used"),
        problems=tuple(reader.problems),
    )


def declared_settings() -> tuple[Setting, ...]:
    """Return every setting that is read here or declared by a channel, as the documents list them."""
    return (*_OWN, *(setting for channel in discover() for setting in channel.settings))


def misspelt_settings(environ: Mapping[str, str], declared: Iterable[Setting]) -> tuple[Problem, ...]:
    """Return a problem for each ``PULLMEDIC_`` name that nobody declares; ``declared`` covers the whole product."""
    known = [setting.name for setting in declared]
    unknown = sorted(name for name in environ if name.startswith(_PREFIX) and name not in known)
    return tuple(Problem(name, _suggestion(get_close_matches(name, known, n=1, cutoff=0.8))) for name in unknown)


class _Reader:
    """Reads one setting after the other and keeps what is wrong."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[Problem] = []

    def text(self, setting: Setting) -> str:
        return self._environ.get(setting.name, "").strip()

    def wrong(self, setting: Setting, message: str) -> None:
        self.problems.append(Problem(setting.name, message))

    def read(self, setting: Setting, parse: Callable[[str], T], default: T, complaint: str) -> T:
        text = self.text(setting)
        if not text:
            return default
        try:
            return parse(text)
        except ValueError:
            self.wrong(setting, complaint)
            return default

    def list(self, setting: Setting, shape: re.Pattern[str]) -> tuple[str, ...]:
        items = [item.strip().lower() for item in self.text(setting).split(",") if item.strip()]
        good = tuple(dict.fromkeys(item for item in items if shape.fullmatch(item)))
        for place, item in enumerate(items, start=1):
            if not shape.fullmatch(item):
                self.wrong(setting, f"entry {place} of {len(items)} has not the expected form and is left out")
        return good


def _registries(reader: _Reader) -> tuple[str, ...]:
    """By default Microsoft's own public registry alone: what is asked elsewhere tells a stranger an image's name."""
    return reader.list(REGISTRIES, _HOST) if reader.text(REGISTRIES) else (REGISTRIES.default,)


def _workspaces(reader: _Reader) -> frozenset[str] | None:
    if not reader.text(WORKSPACES):
        return None
    named = frozenset(_normal(item) for item in reader.list(WORKSPACES, _WORKSPACE))
    if not named:
        # The setting narrows the scope; a mistake in it must not widen it to everything.
        reader.wrong(WORKSPACES, "no entry is a workspace's resource id: no workspace is in scope")
    return named


def _destinations(reader: _Reader, more_hosts: tuple[str, ...], *, fallback: bool) -> tuple[Destination, ...]:
    found: list[Destination] = []
    for channel in discover():
        setting = channel.fallback_url if fallback else channel.url
        address = reader.text(setting)
        problem = address_problem(channel, address, more_hosts) if address else None
        if problem:
            reader.wrong(setting, f"{problem}; nothing is sent there")
        elif address:
            found.append(Destination(channel, Secret(address)))
    return tuple(found)


def _store(reader: _Reader, cloud: Cloud, client_id: str | None) -> SqliteStore | AzureStore:
    asked = reader.text(STORE)
    if asked.startswith(_SQLITE) and len(asked) > len(_SQLITE):
        return SqliteStore(Path(asked.removeprefix(_SQLITE)))
    azure = _azure_store(reader, cloud, client_id)
    instead = "the app's storage is used" if azure else f"{_SQLITE}{_DEFAULT_FILE} is used"
    if asked == "azure" and azure is None:
        reader.wrong(STORE, f"neither {ACCOUNT.name} nor {CONNECTION.name} is usable; {instead}")
    elif asked not in ("", "azure"):
        reader.wrong(STORE, f"it is neither azure nor {_SQLITE}path; {instead}")
    return azure or SqliteStore(_DEFAULT_FILE)


def _azure_store(reader: _Reader, cloud: Cloud, client_id: str | None) -> AzureStore | None:
    account = reader.read(ACCOUNT, _account, "", "it is no name of a storage account")
    if account:
        return AzureStore(account=account, cloud=cloud, client_id=client_id)
    connection = reader.text(CONNECTION)
    if not connection:
        return None
    if connection != "UseDevelopmentStorage=true" and "AccountName=" not in connection:
        reader.wrong(CONNECTION, "it is no connection string with an AccountName")
        return None
    return AzureStore(connection=Secret(connection), cloud=cloud)


def _suggestion(close: list[str]) -> str:
    return f"no such setting: is {close[0]} meant?" if close else "no such setting"


def _normal(resource_id: str) -> str:
    return resource_id.strip().rstrip("/").lower()


def _guid(text: str) -> str | None:
    if not _GUID.fullmatch(text):
        raise ValueError
    return text.lower()


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError
    return text


def _truth(text: str) -> bool:
    if text.lower() not in _YES | _NO:
        raise ValueError
    return text.lower() in _YES


def _path(text: str) -> Path | None:
    if "\0" in text:
        raise ValueError
    return None if text.lower() == "none" else Path(text)


def _seconds(text: str) -> timedelta:
    seconds = int(text)
    if not 5 <= seconds <= 600:
        raise ValueError
    return timedelta(seconds=seconds)
