"""What the tests of the settings share: an environment, a tracker that needs no service, and a way to load a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from textwrap import dedent

import pytest

from responders import tickets
from responders.channels import Options
from responders.declarations import Field
from responders.settings import Document, Settings, load_settings
from responders.tickets import TicketQueue, Tracker

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday
SENTINEL = "sentinel0wxyz0wxyz"
SLACK = f"https://hooks.slack.com/services/T0/B0/{SENTINEL}"
TEAMS = f"https://prod-1.westeurope.logic.azure.com/workflows/x/triggers/manual/paths/invoke?sig={SENTINEL}"
WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-ml"
    "/providers/Microsoft.MachineLearningServices/workspaces/ws-vision-1"
)
ENVIRONMENT = {
    "PULLMEDIC_SLACK_WEBHOOK_URL": SLACK,
    "PULLMEDIC_VISION_URL": SLACK,
    "PULLMEDIC_PAGER_URL": TEAMS,
    "PULLMEDIC_SUPPORT_TOKEN": SENTINEL,
}
PLACES = """
[destinations.vision]
channel = "slack"
webhook_url = { env = "PULLMEDIC_VISION_URL" }

[destinations.pager]
channel = "teams"
webhook_url = { env = "PULLMEDIC_PAGER_URL" }

[trackers.desk]
tracker = "desk"
token = { env = "PULLMEDIC_SUPPORT_TOKEN" }
queue = "ML"
"""

WHOLE = (
    PLACES
    + """
[defaults]
to = ["slack"]
tickets = ["desk"]
fallback = ["pager"]
insufficient_evidence = ["vision"]
not_registry = []

[[routes]]
name = "Vision by day"
when = { workspaces = ["ws-vision*"], hours = "08:00-18:00", days = ["mon-fri"], timezone = "Europe/Berlin" }
to = ["vision", "default"]
tickets = []
severity = "warning"
continue = true

[[routes]]
to = ["pager"]
[routes.when]
experiments = ["release-*"]
tags = { team = "vision", stage = ["prod", "pre?"] }
causes = ["pull-*", "tag-absent"]
statuses = ["confirmed"]
severities = ["warning", "error"]

[[silences]]
from = 2026-11-20T00:00:00Z
until = 2026-12-01T18:00:00+01:00
reason = "the registry moves"
when = { causes = ["tag-absent"] }

[incidents]
edit_every = "2min"
repeat_at = [5, 50]
repeat_every = "2 hours"
digest_above = 10
digest_window = "5 minutes"
reopen_within = "3d"
resolve_stale_after = "14d"
keep_for = "60 days"
ticket_reopen_within = "1d"
ticket_comment_every = "12h"
"""
)


def _no_queue(options: Options) -> TicketQueue:
    raise AssertionError("settings open no queue")


def _desk_problems(options: Options) -> Mapping[str, str]:
    return {} if options.text("queue").isupper() else {"queue": "a queue has a name in capitals"}


DESK = Tracker(
    name="desk",
    title="The desk",
    fields=(
        Field(name="token", purpose="Token of the desk.", secret=True),
        Field(name="queue", purpose="Name of the queue."),
        Field(name="label", purpose="A label.", required=False, default="pullmedic"),
    ),
    problems=_desk_problems,
    connect=_no_queue,
)


@pytest.fixture(autouse=True)
def _desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be one more tracker, as if its file were in the folder."""
    found = (*(tracker for tracker in tickets.discover() if tracker.name != "desk"), DESK)
    monkeypatch.setattr(tickets, "discover", lambda: found)


def load(text: str, environ: Mapping[str, str] | None = None, *, now: datetime = NOW) -> Settings:
    """Return the settings of the file ``text`` in an environment with one Slack channel."""
    document = Document("settings.toml", dedent(text))
    return load_settings(ENVIRONMENT if environ is None else environ, now=now, document=document)


def mistakes(settings: Settings) -> list[str]:
    """Return what is wrong, warnings left out."""
    return [str(problem) for problem in settings.problems if not problem.warning]


def warnings(settings: Settings) -> list[str]:
    """Return the warnings."""
    return [str(problem) for problem in settings.problems if problem.warning]


@dataclass(frozen=True)
class Entity:
    """An entity of a store."""

    key: str
    body: str
    version: str


@dataclass
class Shelf:
    """The entities of a store, in memory; ``meanwhile`` is what somebody else does before each replacement."""

    entities: dict[str, Entity] = field(default_factory=dict)
    writes: int = 0
    lost_answers: int = 0
    meanwhile: list[tuple[str, str]] = field(default_factory=list)

    def insert(self, partition: str, key: str, body: str, *, now: datetime) -> str | None:
        assert partition == "silences"
        if key in self.entities:
            return None
        version = self._write(key, body)
        if self.lost_answers:
            self.lost_answers -= 1
            return None
        return version

    def fetch(self, partition: str, key: str) -> Entity | None:
        return self.entities.get(key)

    def replace(self, partition: str, key: str, body: str, *, version: str, now: datetime) -> str | None:
        if self.meanwhile:
            self._write(*self.meanwhile.pop())
        if self.entities[key].version != version:
            return None
        return self._write(key, body)

    def scan(self, partition: str, *, after: str = "", limit: int = 1000) -> Sequence[Entity]:
        keys = sorted(key for key in self.entities if key > after)
        return [self.entities[key] for key in keys[:limit]]

    def _write(self, key: str, body: str) -> str:
        self.writes += 1
        self.entities[key] = Entity(key, body, str(self.writes))
        return str(self.writes)


@dataclass
class Clock:
    """A clock that goes on when it is told."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: float = 61) -> None:
        self.now += timedelta(seconds=seconds)
