"""What the settings say about incidents: how often people hear, who hears, what is silenced. Values; free of I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum

from diagnostics.model import INSUFFICIENT_EVIDENCE, NOT_REGISTRY
from responders.channels import Destination
from responders.globs import Glob
from responders.tickets import TrackerDestination

__all__ = [
    "LONGEST_SILENCE",
    "UNDELIVERABLE",
    "WITHOUT_CAUSE",
    "Condition",
    "Defaults",
    "Hours",
    "Pacing",
    "Route",
    "RouteFacts",
    "Severity",
    "Silence",
]

UNDELIVERABLE = "undeliverable"
"""The verdict of a run that ends without a diagnosis."""

WITHOUT_CAUSE = (INSUFFICIENT_EVIDENCE, NOT_REGISTRY, UNDELIVERABLE)
"""Verdicts that name no cause. A route takes them only where it names them as they are."""

LONGEST_SILENCE = timedelta(days=90)


class Severity(StrEnum):
    """How urgent a message is, in the words of paging services (PagerDuty Events API v2), the worst first."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How often people hear of one thing. ``repeat_at`` are counts of runs, for places where nothing can be edited.

    The last three, ``look_every`` and ``plan_patience`` are not to be set; the latter is how long a first message waits
    for the plan of a fix, so that one message has both.
    """

    edit_every: timedelta = timedelta(seconds=60)
    repeat_at: tuple[int, ...] = (10, 100)
    repeat_every: timedelta = timedelta(hours=1)
    digest_above: int = 20
    digest_window: timedelta = timedelta(minutes=10)
    reopen_within: timedelta = timedelta(days=7)
    resolve_stale_after: timedelta = timedelta(days=30)
    keep_for: timedelta = timedelta(days=90)
    ticket_reopen_within: timedelta = timedelta(days=7)
    ticket_comment_every: timedelta = timedelta(hours=24)
    look_every: timedelta = timedelta(seconds=60)
    plan_patience: timedelta = timedelta(seconds=20)
    pipeline_patience: timedelta = timedelta(hours=1)
    try_for: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFacts:
    """What is known of an incident or a run when it is decided who hears. ``None`` and empty texts are unknown.

    ``cause`` is the verdict, ``status`` how certain it is; ``at`` is the time of the first failure, which decides about
    hours and days, so that one incident does not move to others in the evening.
    """

    workspace_id: str
    cause: str
    at: datetime
    status: str = ""
    experiment: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Times of a week by the clocks of ``zone``; ``days`` count from Monday, 0. ``until`` before ``since``: overnight.

    A night belongs to the day on which it starts. ``until`` is ``None`` for midnight, the end of the day. ``words`` are
    those of the file.
    """

    since: time = time(0)
    until: time | None = None
    days: frozenset[int] = frozenset(range(7))
    zone: tzinfo = UTC
    words: str = ""

    def contain(self, at: datetime) -> bool:
        """Tell whether ``at`` (with an offset) lies in them."""
        local = at.astimezone(self.zone)
        clock, day = local.time(), local.weekday()
        if self.until is None or self.since < self.until:
            return day in self.days and self.since <= clock and (self.until is None or clock < self.until)
        if clock >= self.since:
            return day in self.days
        return clock < self.until and (day - 1) % 7 in self.days


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What has to be true together; within one member one match is enough, and an empty member asks for nothing.

    What is not known matches nothing. Case does not count. A pattern for workspaces with a ``/`` is compared with the
    whole resource id, another with the workspace's name.
    """

    workspaces: tuple[Glob, ...] = ()
    experiments: tuple[Glob, ...] = ()
    tags: Mapping[str, tuple[Glob, ...]] = field(default_factory=dict)
    causes: tuple[Glob, ...] = ()
    statuses: frozenset[str] = frozenset()
    severities: frozenset[Severity] = frozenset()
    hours: Hours | None = None

    @property
    def empty(self) -> bool:
        """Whether it asks for nothing, so that everything matches."""
        return self == Condition()

    def holds(self, facts: RouteFacts, severity: Severity) -> bool:
        """Tell whether all of it is true of ``facts``."""
        return (
            self._workspace_holds(facts.workspace_id)
            and _any(self.experiments, facts.experiment)
            and all(name in facts.tags and _any(globs, facts.tags[name]) for name, globs in self.tags.items())
            and _any(self.causes, facts.cause)
            and (not self.statuses or facts.status in self.statuses)
            and (not self.severities or severity in self.severities)
            and (self.hours is None or self.hours.contain(facts.at))
        )

    def _workspace_holds(self, workspace_id: str) -> bool:
        whole = workspace_id.strip().rstrip("/")
        name = whole.rpartition("/")[2]
        return not self.workspaces or any(
            glob.matches(whole if "/" in glob.text else name) for glob in self.workspaces if name
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Who hears of what. ``to`` and ``tickets`` are ``None`` where the route says nothing about them, empty for nobody.

    ``place`` is where it stands; ``without_cause`` are the verdicts without a cause that it names. ``wrong``: something
    in it cannot be read; it then matches by what can be, and the default destinations hear.
    """

    name: str
    place: str
    when: Condition = Condition()
    without_cause: frozenset[str] = frozenset()
    to: tuple[Destination, ...] | None = None
    tickets: tuple[TrackerDestination, ...] | None = None
    severity: Severity | None = None
    goes_on: bool = False
    wrong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """What nobody is to hear of until a time; ``id`` names it in the store, empty for one of the settings file."""

    until: datetime
    reason: str
    when: Condition
    place: str
    starts: datetime | None = None
    by: str = ""
    id: str = ""

    def active(self, now: datetime) -> bool:
        """Tell whether it silences now."""
        return (self.starts is None or self.starts <= now) and now < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """Who hears of what no route speaks of.

    An empty ``to`` is every destination; of the last two, ``None`` is nobody and an empty tuple is ``to``.
    """

    to: tuple[Destination, ...] = ()
    tickets: tuple[TrackerDestination, ...] = ()
    insufficient_evidence: tuple[Destination, ...] | None = ()
    not_registry: tuple[Destination, ...] | None = None


def _any(globs: tuple[Glob, ...], text: str | None) -> bool:
    return not globs or (bool(text) and any(glob.matches(text or "") for glob in globs))
