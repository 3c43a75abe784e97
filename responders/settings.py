"""The settings, typed, from the environment that is passed in and from the settings file that it names.

Wrong settings never stop loading: each is told as a :class:`Problem` with its place and what runs instead, and the
stated minimum runs: the environment's destinations, without any the app's log. A secret's value is in no message. This
module imports no HTTP library and no Azure SDK, since the function app imports it at its start.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TypeVar

from diagnostics.model import INSUFFICIENT_EVIDENCE, NOT_REGISTRY
from responders import channels, tickets
from responders.channels import Channel, Destination, Options
from responders.clouds import Cloud
from responders.declarations import Problem, Secret, Setting
from responders.fixes.values import FixMode, Policy
from responders.rules import Defaults, Pacing, Route, Silence
from responders.settings_file import DRILL as DRILL_NAME
from responders.settings_file import FileSettings, Surroundings, read_settings_file
from responders.settings_keys import LARGEST_FILE
from responders.settings_places import Document
from responders.settings_sweep import SETTINGS as SWEEP_SETTINGS
from responders.settings_sweep import Sweep, read_sweep
from responders.tickets import Tracker, TrackerDestination

__all__ = [
    "FILE",
    "AzureStore",
    "Document",
    "Settings",
    "SqliteStore",
    "Unread",
    "declared_settings",
    "known_causes",
    "load_settings",
    "misspelt_settings",
    "read_document",
]

T = TypeVar("T")

STORE = Setting(
    name="PULLMEDIC_STORE",
    purpose="Where claims, records and evidence are kept: `azure` (the app's own storage) or `sqlite:///path`.",
    default="`azure` where the app's storage is set, else `sqlite:///pullmedic.sqlite`",
)
ACCOUNT = Setting(
    name="AzureWebJobsStorage__accountName",
    purpose="The app's storage account by its name, reached with your log-in or the app's managed identity.",
)
HOST_BLOBS = Setting(
    name="AzureWebJobsStorage__blobServiceUri",
    purpose="Address of the blobs of the app's storage account, which names the account, too (set by the deployment).",
)
STATE_BLOBS = Setting(
    name="PullmedicStorage__blobServiceUri",
    purpose="The same of the account with the product's state, where the host of an app with the fixes alone has one "
    "to itself (set by the deployment).",
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
    purpose="Seconds in which one diagnosis gathers its facts, from 5 to 60: a message of the queue is tried for two "
    "minutes, within which a worker that died is to be followed by another.",
    default="45",
)
SIGNATURES = Setting(
    name="PULLMEDIC_SIGNATURES",
    purpose="A file with texts and causes of your own (`docs/own-signatures.md`), by a path that the app can read.",
    default="none",
)

FILE = Setting(
    name="PULLMEDIC_SETTINGS",
    purpose="The settings file (`docs/settings.md`): a path, or the address of a blob, which the app's identity reads "
    "once a minute.",
    default="none",
)

FIXER_CLIENT_ID = Setting(
    name="PULLMEDIC_FIXER_CLIENT_ID",
    purpose="Client id of the user-assigned identity that makes fixes (`docs/fixes.md`); without it none is made.",
    default="none",
)
PAGE_URL = Setting(
    name="PULLMEDIC_PAGE_URL",
    purpose="Address of the app that serves incidents' pages, such as `https://APP.azurewebsites.net`.",
    default="none: messages have no link to a page",
)
PAGE_KEY = Setting(
    name="PULLMEDIC_PAGE_KEY",
    purpose="Key that signs the forms of incidents' pages, at least 32 characters at random.",
    default="none: nothing can be decided on the page",
    secret=True,
)
DRILL = Setting(
    name=DRILL_NAME,
    purpose="Name of the destination that self-tests post to (`docs/self-test.md`); one that hears of no real failure.",
    default="none: there are no self-tests",
)
DRILL_EVERY = Setting(
    name="PULLMEDIC_DRILL_HOURS",
    purpose="Hours between two self-tests, from 1 to 168; there is one after each deployment anyway.",
    default="24",
)
PART = Setting(
    name="PULLMEDIC_PART",
    purpose="Which functions the app has: `all`, `diagnose` (all but the fixes and the page) or `fix` (these alone).",
    default="all",
)
WARM_UP = Setting(
    name="PULLMEDIC_WARM_UP",
    purpose="Whether a worker loads its libraries and logs in while the host still starts: `true` or `false`.",
    default="false",
)

_OWN = (
    FILE,
    STORE,
    ACCOUNT,
    HOST_BLOBS,
    STATE_BLOBS,
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
    FIXER_CLIENT_ID,
    PAGE_URL,
    PAGE_KEY,
    DRILL,
    DRILL_EVERY,
    PART,
    WARM_UP,
    *SWEEP_SETTINGS,
)

_PREFIX = "PULLMEDIC_"
_ALL, _DIAGNOSE, _FIX = "all", "diagnose", "fix"
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]{0,62}\.)+[a-z0-9-]{1,63}(:\d{1,5})?")
_PAGE = re.compile(r"https://[a-z0-9]([a-z0-9-]{0,62}\.)+[a-z0-9-]{1,63}(:[0-9]{1,5})?/?", re.IGNORECASE)
_SHORTEST_KEY = 32
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


@dataclass(frozen=True, slots=True)
class Unread:
    """A settings file that could not be read; ``why`` is one sentence without secrets."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the responder runs with. ``workspaces`` is ``None`` for all; ``problems`` tells everything that is wrong.

    ``destinations`` and ``trackers`` are all there are, by a unique name; who hears of what is decided by
    :func:`responders.routing.route` alone. ``fallbacks`` hear of what could not be delivered or diagnosed. ``file`` is
    the settings file's name, empty without one; ``origins`` says where what stands in it was set up
    (``destinations.NAME``), everything else is the environment's. ``variables`` are those that the file refers to.
    ``fixes`` is what is pre-approved, off unless the file says otherwise without a mistake; ``page_url`` is the address
    of the app that serves incidents' pages, empty where none does, ``page_key`` signs its forms. ``drill`` is where
    self-tests are posted, ``None`` where there are none; ``sweep`` says how what no event tells of is looked for.
    """

    store: SqliteStore | AzureStore
    destinations: tuple[Destination, ...] = ()
    fallbacks: tuple[Destination, ...] = ()
    trackers: tuple[TrackerDestination, ...] = ()
    defaults: Defaults = field(default_factory=Defaults)
    routes: tuple[Route, ...] = ()
    silences: tuple[Silence, ...] = ()
    pacing: Pacing = field(default_factory=Pacing)
    workspaces: frozenset[str] | None = None
    registry_allowlist: tuple[str, ...] = ()
    client_id: str | None = None
    cloud: Cloud = Cloud.PUBLIC
    deadline: timedelta = timedelta(seconds=45)
    signatures: Path | None = None
    fixes: Policy = field(default_factory=Policy)
    fixer_client_id: str | None = None
    page_url: str = ""
    page_key: Secret | None = None
    drill: Destination | None = None
    drill_every: timedelta = timedelta(hours=24)
    sweep: Sweep = field(default_factory=Sweep)
    file: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)
    variables: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()

    @property
    def notify_not_registry(self) -> bool:
        """Whether anybody may hear of runs that failed on something other than their image."""
        return self.defaults.not_registry is not None or self._routed(NOT_REGISTRY)

    @property
    def notify_insufficient(self) -> bool:
        """Whether anybody may hear of a registry failure without a provable cause."""
        return self.defaults.insufficient_evidence is not None or self._routed(INSUFFICIENT_EVIDENCE)

    def in_scope(self, workspace_id: str) -> bool:
        """Tell whether runs of this workspace are diagnosed; resource ids differ in case at will."""
        return self.workspaces is None or _normal(workspace_id) in self.workspaces

    def _routed(self, verdict: str) -> bool:
        return any(verdict in route.without_cause and route.to != () for route in self.routes)


def load_settings(
    environ: Mapping[str, str], *, now: datetime | None = None, document: Document | Unread | None = None
) -> Settings:
    """Return the settings that ``environ`` asks for, with every problem at once. Never raises.

    A settings file that is named by a path is read; one in a blob is handed over as ``document``
    (:mod:`responders.settings_source` does both). ``now`` decides which silences of the file have ended; the present
    where it is left out.
    """
    reader = _Reader(environ)
    settings = _environment(reader)
    found = document if document is not None else _named_document(reader)
    if isinstance(found, Unread):
        reader.wrong(FILE, f"{found.why}; only the environment's settings run")
    if not isinstance(found, Document):
        return replace(settings, drill=_drill(reader, settings), problems=tuple(reader.problems))
    around = Surroundings(
        environ=environ,
        destinations=settings.destinations,
        fallbacks=settings.fallbacks,
        trackers=settings.trackers,
        more_hosts=reader.list(WEBHOOK_HOSTS, _HOST, tell=False),
        client_id=settings.client_id or "",
        causes=lambda: known_causes(settings.signatures),
        now=now or datetime.now(UTC),
    )
    return _together(settings, read_settings_file(found, around), found.name, reader)


def read_document(path: Path) -> Document | Unread:
    """Return the settings file at ``path``, or why it cannot be read."""
    try:
        if not path.is_file():
            return Unread("there is no such file")
        with path.open("rb") as stream:
            raw = stream.read(LARGEST_FILE + 1)
        return Document(str(path), raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return Unread("the file is no UTF-8 text")
    except (OSError, ValueError) as error:
        return Unread(f"the file cannot be read ({getattr(error, 'strerror', None) or type(error).__name__})")


def _named_document(reader: _Reader) -> Document | Unread | None:
    named = reader.text(FILE)
    if not named or named.lower() == "none":
        return None
    if named.lower().startswith(("http:", "https:")):
        return Unread("the blob was not read")
    return read_document(Path(named))


def _environment(reader: _Reader) -> Settings:
    """Return what the environment alone sets."""
    cloud = reader.read(CLOUD, Cloud, Cloud.PUBLIC, "it is none of the three; AzureCloud is used")
    client_id = reader.read(CLIENT_ID, _guid, None, "it is no GUID; the system-assigned identity is used")
    reader.read(PART, _part, _ALL, "it is none of the three; the app has no function that makes a fix")
    common = Options(more_hosts=reader.list(WEBHOOK_HOSTS, _HOST), client_id=client_id or "")
    destinations = _destinations(reader, common, fallback=False)
    trackers = _trackers(reader, common)
    not_registry = reader.read(NOTIFY_NOT_REGISTRY, _truth, False, "it is not true or false; false is used")
    insufficient = reader.read(NOTIFY_INSUFFICIENT, _truth, True, "it is not true or false; true is used")
    return Settings(
        store=_store(reader, cloud, client_id),
        destinations=destinations,
        fallbacks=_destinations(reader, common, fallback=True),
        trackers=trackers,
        defaults=Defaults(
            to=destinations,
            tickets=trackers,
            insufficient_evidence=() if insufficient else None,
            not_registry=() if not_registry else None,
        ),
        workspaces=_workspaces(reader),
        registry_allowlist=_registries(reader),
        client_id=client_id,
        cloud=cloud,
        deadline=reader.read(DEADLINE, _seconds, timedelta(seconds=45), "it is not 5 to 60 seconds; 45 is used"),
        signatures=reader.read(SIGNATURES, _path, None, "it is no path; only the published signatures are used"),
        fixer_client_id=_fixer(reader, client_id),
        page_url=reader.read(PAGE_URL, _page_url, "", "it is no https address of a host; no page is linked"),
        drill_every=reader.read(DRILL_EVERY, _drill_hours, timedelta(hours=24), "it is not 1 to 168; 24 is used"),
        page_key=reader.read(PAGE_KEY, _page_key, None, "it has fewer than 32 characters; no page decides anything"),
        sweep=read_sweep(reader.read, _truth),
    )


def _together(settings: Settings, found: FileSettings, name: str, reader: _Reader) -> Settings:
    """Return the environment's settings with the file's added; where both speak of one thing the file decides."""
    usual = settings.defaults
    says = {NOTIFY_INSUFFICIENT: found.insufficient_evidence, NOTIFY_NOT_REGISTRY: found.not_registry}
    for setting, hear in says.items():
        if hear is not None and reader.text(setting):
            reader.warn(setting, f"it has no effect: {name} decides in its [defaults]")
    fallbacks = {one.name: one for one in (*settings.fallbacks, *found.fallbacks)}
    used = {problem for problem, names in reader.half.items() if names <= found.variables}
    together = replace(
        settings,
        destinations=(*settings.destinations, *found.destinations),
        fallbacks=tuple(fallbacks.values()),
        trackers=(*settings.trackers, *found.trackers),
        defaults=Defaults(
            to=found.default,
            tickets=usual.tickets if found.tickets is None else found.tickets,
            insufficient_evidence=_heard(found, "insufficient_evidence", usual.insufficient_evidence),
            not_registry=_heard(found, "not_registry", usual.not_registry),
        ),
        routes=found.routes,
        silences=found.silences,
        pacing=found.pacing,
        fixes=_with_fixer(found, settings, reader),
        file=name,
        origins=found.origins,
        variables=found.variables,
    )
    return replace(
        together,
        drill=_drill(reader, together),
        problems=(*(problem for problem in reader.problems if problem not in used), *found.problems),
    )


def _drill(reader: _Reader, settings: Settings) -> Destination | None:
    """Return the destination for drills. One that hears of real failures is refused: people stop to read what tests."""
    wanted = reader.text(DRILL)
    if not wanted or wanted.lower() == "none":
        return None
    by_name = {one.name: one for one in (*settings.destinations, *settings.fallbacks)}
    found = by_name.get(wanted)
    if found is None:
        there = ", ".join(by_name) or "none is set up"
        reader.wrong(DRILL, f"no destination is called that ({there}); there are no self-tests")
        return None
    usual = settings.defaults
    heard = [usual.to or settings.destinations, usual.insufficient_evidence or (), usual.not_registry or ()]
    heard += [one.to or () for one in settings.routes]
    if any(one.name == wanted for places in heard for one in places):
        reader.wrong(DRILL, "it hears of real failures: name a destination of its own; there are no self-tests")
        return None
    return found


def _with_fixer(found: FileSettings, settings: Settings, reader: _Reader) -> Policy:
    """Return the policy, off where nobody could carry it out: only a plan can be shown without a fixer.

    The first of two apps carries nothing out: fixer and page are the other one's, and it only shows what that one does.
    """
    policy = found.fixes
    if not policy.writes or reader.text(PART) == _DIAGNOSE:
        return policy
    if settings.fixer_client_id is None:
        reader.wrong(FIXER_CLIENT_ID, f"it is not set, and the mode of [fixes] is {policy.mode.value}: no fix is made")
        return Policy()
    by_page = bool(settings.page_url and settings.page_key)
    if policy.mode is FixMode.APPROVE and not policy.approvers.slack and not by_page:
        reader.wrong(
            PAGE_URL, f"only the page could decide on fixes, and it needs this and {PAGE_KEY.name}; none is made"
        )
        return Policy()
    pressed = any(_has_buttons(place) for place in (*settings.destinations, *found.destinations))
    if policy.mode is FixMode.APPROVE and policy.approvers.slack and not pressed and reader.text(PART) != _FIX:
        others = policy.approvers.groups or policy.approvers.app_roles
        what = (
            "members of Slack approve fixes, and no Slack app with a signing secret is set up, so there are no buttons"
        )
        if not (by_page and others):
            reader.wrong(FILE, f"{what}; no fix is made")
            return Policy()
        reader.warn(FILE, f"{what}: only the page decides")
    return policy


def _has_buttons(place: Destination) -> bool:
    """Tell whether messages there have buttons whose presses can be verified: a Slack app with its signing secret."""
    return place.channel.name == "slack_bot" and bool(place.options.secret("signing_secret").reveal())


def _heard(found: FileSettings, key: str, usual: tuple[Destination, ...] | None) -> tuple[Destination, ...] | None:
    """Return who hears, ``None`` for nobody: as the file says, else as the environment does."""
    said: tuple[Destination, ...] | None = getattr(found, key)
    if key in found.nobody:
        return None
    return usual if said is None else said


def known_causes(signatures: Path | None) -> frozenset[str]:
    """Return every id of a cause that can be a verdict, those of the team's own file among them."""
    from diagnostics import causes  # noqa: PLC0415 - all of the diagnosis, which only a file that names causes needs
    from diagnostics.catalogue import CATALOGUE  # noqa: PLC0415
    from diagnostics.discovery import members  # noqa: PLC0415
    from diagnostics.own_signatures import WrongSignatures, load_own_signatures  # noqa: PLC0415

    own: frozenset[str] = frozenset()
    if signatures is not None:
        try:
            own = frozenset(cause.id for cause in load_own_signatures(signatures).causes)
        except WrongSignatures:
            own = frozenset()  # whoever uses them says so
    return own | frozenset(CATALOGUE) | frozenset(cause.id for cause in members(causes, "CAUSE"))


def declared_settings() -> tuple[Setting, ...]:
    """Return every setting that is read here or declared by a channel or a tracker, as the documents list them."""
    placed = [channel.settings(fallback=fallback) for channel in channels.discover() for fallback in (False, True)]
    placed += [tracker.settings() for tracker in tickets.discover()]
    return (*_OWN, *(setting for settings in placed for setting in settings))


def misspelt_settings(
    environ: Mapping[str, str], declared: Iterable[Setting], *, used: Iterable[str] = ()
) -> tuple[Problem, ...]:
    """Return a problem for each ``PULLMEDIC_`` name that nobody declares; ``declared`` covers the whole product.

    ``used`` are further names, those that the settings file refers to (:attr:`Settings.variables`).
    """
    known = [*(setting.name for setting in declared), *used]
    unknown = sorted(name for name in environ if name.startswith(_PREFIX) and name not in known)
    return tuple(Problem(name, _suggestion(get_close_matches(name, known, n=1, cutoff=0.8))) for name in unknown)


class _Reader:
    """Reads one setting after the other and keeps what is wrong."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[Problem] = []
        self.half: dict[Problem, frozenset[str]] = {}
        """Of each place that is set up by half: what is set. It is none where the settings file uses all of that."""

    def text(self, setting: Setting) -> str:
        return self._environ.get(setting.name, "").strip()

    def wrong(self, setting: Setting, message: str) -> None:
        self.problems.append(Problem(setting.name, message))

    def warn(self, setting: Setting, message: str) -> None:
        self.problems.append(Problem(setting.name, message, warning=True))

    def read(self, setting: Setting, parse: Callable[[str], T], default: T, complaint: str) -> T:
        text = self.text(setting)
        if not text:
            return default
        try:
            return parse(text)
        except ValueError:
            self.wrong(setting, complaint)
            return default

    def list(self, setting: Setting, shape: re.Pattern[str], *, tell: bool = True) -> tuple[str, ...]:
        items = [item.strip().lower() for item in self.text(setting).split(",") if item.strip()]
        good = tuple(dict.fromkeys(item for item in items if shape.fullmatch(item)))
        for place, item in enumerate(items, start=1):
            if tell and not shape.fullmatch(item):
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


def _destinations(reader: _Reader, common: Options, *, fallback: bool) -> tuple[Destination, ...]:
    """Return the destinations that the channels' own variables set up."""
    found = []
    for channel in channels.discover():
        options = _options(reader, channel, channel.settings(fallback=fallback), common)
        if options is not None:
            name = f"fallback {channel.name}" if fallback else channel.name
            found.append(Destination(name=name, channel=channel, options=options))
    return tuple(found)


def _trackers(reader: _Reader, common: Options) -> tuple[TrackerDestination, ...]:
    """Return the trackers that their own variables set up."""
    pairs = [(it, _options(reader, it, it.settings(), common)) for it in tickets.discover()]
    return tuple(TrackerDestination(name=it.name, tracker=it, options=made) for it, made in pairs if made is not None)


def _options(reader: _Reader, kind: Channel | Tracker, settings: Sequence[Setting], common: Options) -> Options | None:
    """Return what the environment sets of the kind's fields; ``None`` where it sets nothing, or something wrong."""
    triples = [(one, setting, reader.text(setting)) for one, setting in zip(kind.fields, settings, strict=True)]
    if not any(text for _, _, text in triples):
        return None
    missing = [setting for one, setting, text in triples if one.required and not text]
    for setting in missing:
        reader.wrong(setting, "it is missing, and others of the same place are set; nothing is sent there")
        reader.half[reader.problems[-1]] = frozenset(setting.name for _, setting, text in triples if text)
    if missing:
        return None
    options = replace(
        common,
        values={one.name: text or one.default for one, _, text in triples if not one.secret},
        secrets={one.name: Secret(text) for one, _, text in triples if one.secret and text},
    )
    problems = kind.problems(options)
    for one, setting, _ in triples:
        if one.name in problems:
            reader.wrong(setting, f"{problems[one.name]}; nothing is sent there")
    return None if problems else options


def _store(reader: _Reader, cloud: Cloud, client_id: str | None) -> SqliteStore | AzureStore:
    asked = reader.text(STORE)
    if asked.startswith(_SQLITE) and len(asked) > len(_SQLITE):
        return SqliteStore(Path(asked.removeprefix(_SQLITE)))
    azure = _azure_store(reader, cloud, client_id)
    instead = "the app's storage is used" if azure else f"{_SQLITE}{_DEFAULT_FILE} is used"
    if asked == "azure" and azure is None:
        reader.wrong(STORE, f"neither {HOST_BLOBS.name} nor {ACCOUNT.name} nor {CONNECTION.name} is usable; {instead}")
    elif asked not in ("", "azure"):
        reader.wrong(STORE, f"it is neither azure nor {_SQLITE}path; {instead}")
    return azure or SqliteStore(_DEFAULT_FILE)


def _azure_store(reader: _Reader, cloud: Cloud, client_id: str | None) -> AzureStore | None:
    account = _account_named(reader, cloud)
    if account:
        return AzureStore(account=account, cloud=cloud, client_id=client_id)
    connection = reader.text(CONNECTION)
    if not connection:
        return None
    if connection != "UseDevelopmentStorage=true" and "AccountName=" not in connection:
        reader.wrong(CONNECTION, "it is no connection string with an AccountName")
        return None
    return AzureStore(connection=Secret(connection), cloud=cloud)


def _account_named(reader: _Reader, cloud: Cloud) -> str:
    """Return the account with the state, empty where none is named; no account stands in for one that is wrong."""
    for setting in (STATE_BLOBS, ACCOUNT, HOST_BLOBS):
        if not reader.text(setting):
            continue
        if setting is ACCOUNT:
            return reader.read(setting, _account, "", "it is no name of a storage account")
        complaint = f"it is no address of an account's blobs in {cloud.value}"
        return reader.read(setting, partial(_account_of, cloud), "", complaint)
    return ""


def _suggestion(close: list[str]) -> str:
    return f"no such setting: is {close[0]} meant?" if close else "no such setting"


def _normal(resource_id: str) -> str:
    return resource_id.strip().rstrip("/").lower()


def _guid(text: str) -> str | None:
    if not _GUID.fullmatch(text):
        raise ValueError
    return text.lower()


def _fixer(reader: _Reader, client_id: str | None) -> str | None:
    """Return the fixer's identity, which is never the reader's: reading and repairing are two rights."""
    fixer = reader.read(FIXER_CLIENT_ID, _guid, None, "it is no GUID; no fix is made")
    if fixer is not None and fixer == client_id:
        reader.wrong(FIXER_CLIENT_ID, f"it is the identity of {CLIENT_ID.name}: give the fixer its own; no fix is made")
        return None
    return fixer


def _part(text: str) -> str:
    if text not in {_ALL, _DIAGNOSE, _FIX}:
        raise ValueError
    return text


def _page_url(text: str) -> str:
    if not _PAGE.fullmatch(text):
        raise ValueError
    return text.rstrip("/").lower()


def _page_key(text: str) -> Secret | None:
    if len(text) < _SHORTEST_KEY or text.startswith("@Microsoft.KeyVault("):
        raise ValueError
    return Secret(text)


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError
    return text


def _account_of(cloud: Cloud, address: str) -> str:
    """Return the account whose blobs have this address; a token goes to the cloud's own hosts alone."""
    start, end = "https://", f".blob.{cloud.storage_suffix}"
    plain = address.rstrip("/").lower()
    if not (plain.startswith(start) and plain.endswith(end)):
        raise ValueError
    return _account(plain[len(start) : -len(end)])


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
    if not 5 <= seconds <= 60:
        raise ValueError
    return timedelta(seconds=seconds)


def _drill_hours(text: str) -> timedelta:
    hours = int(text)
    if not 1 <= hours <= 168:
        raise ValueError
    return timedelta(hours=hours)
