"""What the settings file may say: every key, declared once. Reader, document and JSON Schema are made from these."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum

from diagnostics.model import Status
from responders.durations import duration_text
from responders.rules import Pacing, Severity

__all__ = [
    "APPROVERS",
    "CHANNEL",
    "CLOSE",
    "COUNTS",
    "DAYS",
    "DEFAULTS",
    "DEFAULT_WORD",
    "FIXES",
    "INCIDENTS",
    "LARGEST_FILE",
    "MOST_DESTINATIONS",
    "MOST_ITEMS",
    "MOST_ROUTES",
    "MOST_SILENCES",
    "RESERVED",
    "ROUTE",
    "SECTIONS",
    "SILENCE",
    "STATUSES",
    "TRACKER",
    "WHEN",
    "Key",
    "Kind",
    "Section",
]

LARGEST_FILE = 256 * 1024
MOST_ROUTES = 200
MOST_SILENCES = 200
MOST_DESTINATIONS = 50
MOST_ITEMS = 100
COUNTS = (2, 1_000_000)

DEFAULT_WORD = "default"
"""Stands for the default destinations wherever destinations are named."""

RESERVED = frozenset({DEFAULT_WORD, "log", "nobody"})
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
STATUSES = (Status.CONFIRMED.value, Status.LIKELY.value)
"""A verdict has no other: what is only possible makes no verdict."""


class Kind(StrEnum):
    """What a value looks like; the words are those of the document."""

    TEXT = "text"
    TRUTH = "true or false"
    DURATION = "duration"
    COUNT = "number"
    COUNTS = "list of numbers"
    MOMENT = "time with offset"
    GLOBS = "list of patterns"
    CAUSES = "list of causes"
    STATUSES = "list of statuses"
    SEVERITIES = "list of severities"
    SEVERITY = "severity"
    DESTINATIONS = "list of destinations"
    TRACKERS = "list of trackers"
    TAGS = "table of patterns"
    HOURS = "times of day"
    DAYS = "list of days"
    ZONE = "time zone"
    WHEN = "condition"
    CHANNEL = "name of a channel"
    TRACKER = "name of a tracker"
    MODE = "mode"
    IDS = "list of ids"
    ROLES = "list of roles"
    WIDTH = "width"
    APPROVERS = "table of approvers"
    TAG_VALUES = "table of tags with one pattern each"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key: what it decides in one sentence, what its value looks like, and what holds where it is not there.

    ``least`` and ``most`` are bounds of a number, or of a duration in seconds.
    """

    name: str
    purpose: str
    kind: Kind
    default: str = ""
    required: bool = False
    least: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section: its header as it is written, what it is for, its keys."""

    header: str
    purpose: str
    keys: tuple[Key, ...]


_PACE = {member.name: member.default for member in fields(Pacing)}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def _span(name: str, purpose: str, least: int, most: int) -> Key:
    default = _PACE[name]
    assert isinstance(default, timedelta)  # noqa: S101 - a declaration that contradicts the value it speaks of
    return Key(name=name, purpose=purpose, kind=Kind.DURATION, default=duration_text(default), least=least, most=most)


INCIDENTS = (
    _span("edit_every", "At most this often a message that can be edited is.", 10, _DAY),
    Key(
        name="repeat_at",
        purpose="Counts of runs at which a place where nothing can be edited hears again, rising.",
        kind=Kind.COUNTS,
        default="[10, 100]",
        least=COUNTS[0],
        most=COUNTS[1],
    ),
    _span("repeat_every", "How often such a place hears between and beyond these counts.", _MINUTE, 30 * _DAY),
    Key(
        name="digest_above",
        purpose="New messages to one destination within `digest_window` above which further ones come as one digest.",
        kind=Kind.COUNT,
        default=str(_PACE["digest_above"]),
        least=1,
        most=1000,
    ),
    _span("digest_window", "The time in which new messages to one destination are counted.", _MINUTE, _DAY),
    _span(
        "reopen_within", "A cause that comes back this soon after its resolution reopens its incident.", 0, 90 * _DAY
    ),
    _span("resolve_stale_after", "An incident without any failure for this long counts as resolved.", _DAY, 365 * _DAY),
    _span("keep_for", "How long incidents, runs and evidence are kept after their last change.", _DAY, 3650 * _DAY),
    _span("ticket_reopen_within", "A ticket closed no longer than this ago is reopened, not replaced.", 0, 365 * _DAY),
    _span(
        "ticket_comment_every",
        "At most this often an open ticket gets a comment about further runs.",
        _MINUTE,
        30 * _DAY,
    ),
)

DEFAULTS = (
    Key(
        name="to",
        purpose="Who hears of what no route takes.",
        kind=Kind.DESTINATIONS,
        default="the environment's destinations; where there are none, all of this file",
    ),
    Key(
        name="tickets",
        purpose="Where tickets are opened for causes for which no route says where.",
        kind=Kind.TRACKERS,
        default="the environment's trackers",
    ),
    Key(
        name="fallback",
        purpose="Who hears of what could not be delivered or diagnosed, beside the environment's fallbacks.",
        kind=Kind.DESTINATIONS,
        default="none",
    ),
    Key(
        name="insufficient_evidence",
        purpose="Who hears of a registry failure without a provable cause, with what would settle it.",
        kind=Kind.DESTINATIONS,
        default='["default"]',
    ),
    Key(
        name="not_registry",
        purpose="Who hears of runs that failed on something other than their image.",
        kind=Kind.DESTINATIONS,
        default="[], nobody",
    ),
)

WHEN = (
    Key(
        name="workspaces",
        purpose="Names of workspaces, or resource ids where a pattern holds a `/`.",
        kind=Kind.GLOBS,
    ),
    Key(name="experiments", purpose="Names of experiments.", kind=Kind.GLOBS),
    Key(
        name="tags",
        purpose='Tags of the run by name, each with one pattern or a list: `{ team = "vision*" }`. Each has to match.',
        kind=Kind.TAGS,
    ),
    Key(
        name="causes",
        purpose="Ids of causes (docs/causes.md), of your own causes, or patterns of them. `insufficient-evidence`, "
        "`not-registry` and `undeliverable` count only where they are named as they are.",
        kind=Kind.CAUSES,
    ),
    Key(name="statuses", purpose="`confirmed`, `likely`.", kind=Kind.STATUSES),
    Key(
        name="severities",
        purpose="Severities, as an earlier route that goes on has set them, else by the verdict.",
        kind=Kind.SEVERITIES,
    ),
    Key(
        name="hours",
        purpose="Times of day, `08:00-18:00`. `22:00-06:00` is a night and belongs to the day on which it starts.",
        kind=Kind.HOURS,
        default="all day",
    ),
    Key(name="days", purpose="Days, `mon` to `sun`, or from one to another: `mon-fri`.", kind=Kind.DAYS, default="all"),
    Key(
        name="timezone",
        purpose="Whose clocks `hours` and `days` mean, by its IANA name: `Europe/Berlin`.",
        kind=Kind.ZONE,
        default="UTC",
    ),
)

ROUTE = (
    Key(name="name", purpose="What people call it.", kind=Kind.TEXT, default="its place, `routes[0]`"),
    Key(
        name="when", purpose="What has to be true, see below.", kind=Kind.WHEN, default="nothing: it takes every cause"
    ),
    Key(
        name="to",
        purpose="Who hears. `[]` is nobody, `default` the default destinations.",
        kind=Kind.DESTINATIONS,
        default="required, unless the route goes on",
    ),
    Key(
        name="tickets",
        purpose="Where tickets are opened. `[]` is nowhere.",
        kind=Kind.TRACKERS,
        default="as without it",
    ),
    Key(
        name="severity",
        purpose=f"How urgent it is: {', '.join(f'`{one}`' for one in Severity)}. The first route that says it decides.",
        kind=Kind.SEVERITY,
        default="`error`; `warning` for insufficient evidence, `info` for not-registry",
    ),
    Key(
        name="continue",
        purpose="Whether the routes behind this one are asked, too.",
        kind=Kind.TRUTH,
        default="false",
    ),
)

SILENCE = (
    Key(
        name="until",
        purpose="When it ends: date and time with an offset, `2026-12-01T18:00:00+01:00`, 90 days at most.",
        kind=Kind.MOMENT,
        required=True,
    ),
    Key(name="from", purpose="When it starts, likewise.", kind=Kind.MOMENT, default="now"),
    Key(name="reason", purpose="Why, for whoever wonders.", kind=Kind.TEXT, required=True),
    Key(
        name="when",
        purpose='What is silenced: at least one condition. `{ workspaces = ["*"] }` is everything.',
        kind=Kind.WHEN,
        required=True,
    ),
)

APPROVERS = (
    Key(name="slack", purpose="Slack members by their ids (`U0123456789`): they get buttons.", kind=Kind.IDS),
    Key(name="groups", purpose="Microsoft Entra groups by their object ids, for the incident's page.", kind=Kind.IDS),
    Key(name="app_roles", purpose="Values of app roles in the token, for the incident's page.", kind=Kind.IDS),
)

FIXES = (
    Key(
        name="mode",
        purpose="How far the app may go: `off`, `propose` (show the plan), `approve` (listed people decide), `auto`.",
        kind=Kind.MODE,
        default="off",
    ),
    Key(
        name="registries",
        purpose="Resource ids of the registries at which a pull role may be granted.",
        kind=Kind.IDS,
        default="none; required where the mode is not `off`",
    ),
    Key(
        name="workspaces",
        purpose="Resource ids of the workspaces whose compute may get the role.",
        kind=Kind.IDS,
        default="none; these or `principals` are required",
    ),
    Key(name="principals", purpose="Object ids of single identities that may get it.", kind=Kind.IDS, default="none"),
    Key(
        name="roles",
        purpose="`AcrPull`, and `Container Registry Repository Reader` for registries in ABAC mode.",
        kind=Kind.ROLES,
        default="both; which one is granted follows from the registry's mode",
    ),
    Key(
        name="repositories",
        purpose="What the condition of a repository role names: the `repository`, or its `prefix` (its first part).",
        kind=Kind.WIDTH,
        default="repository",
    ),
    Key(
        name="approvers",
        purpose="Who decides in the mode `approve`, see below.",
        kind=Kind.APPROVERS,
        default="nobody; required in the mode `approve`",
    ),
    Key(
        name="per_day",
        purpose="The most fixes in 24 hours.",
        kind=Kind.COUNT,
        default="5; required in the mode `auto`",
        least=1,
        most=100,
    ),
    Key(
        name="per_registry",
        purpose="The most fixes in 24 hours at one registry.",
        kind=Kind.COUNT,
        default="2, or `per_day` where that is less; required in the mode `auto`",
        least=1,
        most=100,
    ),
    Key(
        name="expires",
        purpose="When the pre-approval ends, a year ahead at most: date and time with an offset.",
        kind=Kind.MOMENT,
        default="required where the mode is not `off`",
    ),
    Key(
        name="excluded_tags",
        purpose="Tags of a registry, with a pattern of their value, that keep it from being fixed: infrastructure code "
        'would take the fix back. `{ "managed-by" = "terraform*" }`',
        kind=Kind.TAG_VALUES,
        default="`managed-by`, `managedBy`, `managed_by`, `provisioned-by`, `provisioner`, `iac`, `iac-tool`, "
        "`terraform`, `opentofu`, `bicep`, `pulumi`, `azd-env-name`, in any case and of any value",
    ),
    Key(
        name="approve_within",
        purpose="How long an offer is open.",
        kind=Kind.DURATION,
        default="24h",
        least=5 * _MINUTE,
        most=14 * _DAY,
    ),
    Key(
        name="run_again",
        purpose="Whether the failed job is submitted again, once, ten minutes after the fix, in the modes approve and "
        "auto.",
        kind=Kind.TRUTH,
        default="false",
    ),
)

CHANNEL = Key(name="channel", purpose="The kind of place.", kind=Kind.CHANNEL, required=True)
TRACKER = Key(name="tracker", purpose="The kind of ticket system.", kind=Kind.TRACKER, required=True)
CLOSE = Key(
    name="close_on_resolution",
    purpose="Whether a ticket is closed when its incident is resolved, or only commented.",
    kind=Kind.TRUTH,
    default="false",
)

SECTIONS = (
    Section(
        header="[destinations.NAME]",
        purpose="A place that hears, with the fields of its channel.",
        keys=(CHANNEL,),
    ),
    Section(
        header="[trackers.NAME]",
        purpose="A place for tickets, with the fields of its tracker.",
        keys=(TRACKER, CLOSE),
    ),
    Section(header="[defaults]", purpose="Who hears of what no route speaks of.", keys=DEFAULTS),
    Section(
        header="[[routes]]",
        purpose="Who hears of what. Routes are tried in their order; the first whose condition holds decides.",
        keys=ROUTE,
    ),
    Section(
        header="when",
        purpose="A condition of a route or a silence. All of it has to be true; of each list one item is enough.",
        keys=WHEN,
    ),
    Section(header="[[silences]]", purpose="What nobody is to hear of for a time.", keys=SILENCE),
    Section(header="[incidents]", purpose="How often people hear of one incident.", keys=INCIDENTS),
    Section(
        header="[fixes]",
        purpose="What is pre-approved to be repaired ([fixes.md](fixes.md)). Anything wrong in it switches it all off.",
        keys=FIXES,
    ),
    Section(header="[fixes.approvers]", purpose="Who decides on a fix.", keys=APPROVERS),
)
