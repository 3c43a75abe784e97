"""Plays a story while somebody fails, and says whether it ended well, honestly weaker, or wrong."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from diagnostics.azure import arm
from responders.stores import azure_clients
from sandbox.playing import Outcome, play
from sandbox.scoring import Score, score
from sandbox.server import Sandbox
from sandbox.world import Scenario, load_scenario
from tests.chaos.injecting import Kind, Party
from tests.chaos.storage import failing_storage

__all__ = ["Ending", "ending", "impatient"]

_HOURS = (1, 6, 26)
_LATER = (timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=10), *(timedelta(hours=it) for it in _HOURS))
"""Time in which every try is made, up to the one that gives up after a day."""

_SILENT = "not-registry"
_UNDIAGNOSED = "undiagnosed"
_WORTH = {"confirmed": 3, "likely": 2, "possible": 1}
_TRACKERS = ("github", "azure_devops", "jira", "servicenow")
_CREATES = re.compile(r"(?:/issues|/workitems/\$[^/]+|/rest/api/3/issue|/api/now/table/incident)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a disturbed story ended: ``same``, ``weaker`` or ``undiagnosed`` (and told so), and all that is ``wrong``."""

    story: str
    party: str
    kind: str
    kept: str
    wrong: tuple[str, ...]
    seconds: float


def ending(story: Path, party: Party, kind: Kind) -> Ending:
    """Play ``story`` while ``party`` fails in the way of ``kind``, and hold it against the undisturbed one."""
    plain = load_scenario(story, complete=True)
    well = _undisturbed(story, party.channel)
    if party.storage:
        with failing_storage(party.storage, kind.fault or {}) as (through, direct):
            outcome = _played(plain, party.channel, kind.skew, through, direct)
    else:
        outcome = _played(replace(plain, faults=(*kind.faults_of(party), *plain.faults)), party.channel, kind.skew)
    before, after = score(well), score(outcome)
    kept, doubts = _verdicts(before, after, outcome)
    wrong = [*doubts, *_careless(after), *_lost(well, outcome, party, kind), *_twice(well, outcome)]
    return Ending(
        story=well.scenario.id, party=party.name, kind=kind.name, kept=kept, wrong=tuple(wrong), seconds=outcome.seconds
    )


@contextmanager
def impatient() -> Iterator[None]:
    """Let nobody wait between two tries: who waits how long is tested elsewhere."""
    patched: list[tuple[Any, Mapping[str, int]]] = [
        (arm.LIMITS, {"retry_backoff_factor": 0}),
        (azure_clients._TABLE_PATIENCE, {"retry_backoff_factor": 0}),
        (azure_clients.STORAGE_PATIENCE, {"initial_backoff": 0, "increment_base": 0, "random_jitter_range": 0}),
    ]
    before = [dict(options) for options, _ in patched]
    for options, values in patched:
        options.update(values)
    try:
        yield
    finally:
        for (options, _), kept in zip(patched, before, strict=True):
            options.clear()
            options.update(kept)


@cache
def _undisturbed(story: Path, channel: str) -> Outcome:
    return _played(load_scenario(story, complete=True), channel, timedelta(0))


def _played(scenario: Scenario, channel: str, skew: timedelta, through: str = "", direct: str = "") -> Outcome:
    places = tuple(dict.fromkeys((channel or "slack", *(["slack"] if channel in _TRACKERS else []))))

    def more(sandbox: Sandbox) -> Mapping[str, str]:
        kept = {"AzureWebJobsStorage": through} if through else {}
        if channel.startswith("slack"):
            return kept | {"PULLMEDIC_FALLBACK_TEAMS_WEBHOOK_URL": sandbox.teams_fallback_webhook_url}
        return kept | {"PULLMEDIC_FALLBACK_SLACK_WEBHOOK_URL": sandbox.slack_fallback_webhook_url}

    return play(scenario, channels=places, settings=more, skew=skew, later=_LATER, storage=direct)


def _verdicts(before: Score, after: Score, outcome: Outcome) -> tuple[str, list[str]]:
    """Return what of the verdict was kept, and what is said that must not be."""
    verdict = _verdict(after, outcome)
    sure = {cause for cause, status in before.causes if status == "confirmed"}
    invented = [cause for cause, status in after.causes if status == "confirmed" and cause not in sure]
    doubts = [f"{cause} is confirmed, and is not when all goes well" for cause in invented]
    if verdict == _UNDIAGNOSED:
        return verdict, doubts
    if (verdict, after.status) == (before.verdict, before.status):
        return "same", doubts
    if before.verdict == _SILENT:
        return "weaker", [*doubts, f"a run that failed on something else is told of as {verdict}"]
    if verdict == _SILENT:
        return "weaker", [*doubts, f"{before.verdict} became silence"]
    if _WORTH.get(after.status or "", 0) > _WORTH.get(before.status or "", 0):
        doubts.append(f"{verdict} is {after.status}, and {before.verdict} was {before.status}")
    return "weaker", doubts


def _verdict(told: Score, outcome: Outcome) -> str:
    undiagnosed = not outcome.diagnoses and any(it["outcome"] == "undeliverable" for it in outcome.records.values())
    return _UNDIAGNOSED if undiagnosed or not outcome.records else told.verdict


def _careless(told: Score) -> list[str]:
    """Return what no fault excuses: a secret that shows, a token that goes astray, an event that is refused."""
    return [it for it in told.failures if "secret" in it or "careful" in it or "Event Grid" in it]


def _lost(well: Outcome, outcome: Outcome, party: Party, kind: Kind) -> list[str]:
    """Return what nobody ever hears of."""
    found = []
    before, after = _shown(well), _shown(outcome)
    said = "ALERT" in outcome.said or any(place.endswith("-fallback") for place in after) or bool(outcome.poisoned)
    if well.messages and not outcome.messages and not said:
        found.append("nobody heard, and nothing says so")
    if before[party.channel] and not after[party.channel]:
        if not said:
            found.append(f"{party.channel} shows nothing, and nobody is told so")
        if kind.passes and not kind.refuses:
            found.append(f"{party.channel} came back, and shows nothing")
    return found


def _twice(well: Outcome, outcome: Outcome) -> list[str]:
    """Return what came more than once; a webhook may repeat once, if it says so."""
    found = []
    before, after = _shown(well), _shown(outcome)
    for place, number in after.items():
        repeats = _repeats(outcome, place) if place in {"slack", "teams", "slack-fallback", "teams-fallback"} else 0
        if place.endswith("-fallback"):
            continue
        if number - min(repeats, before[place] or 1) > max(before[place], 1):
            found.append(f"{number} in {place}, {before[place]} when all goes well, {repeats} said to be repeats")
    return found


def _shown(outcome: Outcome) -> Counter[str]:
    """Count what stands in each place: messages, and the calls by which tickets were opened."""
    found = Counter(
        message.channel.replace("-bot", "_bot") for message in outcome.messages if not _edits(message.payload)
    )
    hosts = {"api.github.com": "github", "dev.azure.com": "azure_devops"}
    for call in outcome.calls:
        ends = {".atlassian.net": "jira", ".service-now.com": "servicenow"}
        place = hosts.get(call.host) or next((name for end, name in ends.items() if call.host.endswith(end)), None)
        if place and call.method == "POST" and 200 <= call.status < 300:
            found[place] += bool(_CREATES.search(call.path.partition("?")[0]))
    return found


def _edits(payload: object) -> bool:
    return isinstance(payload, Mapping) and ("ts" in payload or "thread_ts" in payload)


def _repeats(outcome: Outcome, place: str) -> int:
    texts = [json.dumps(message.payload) for message in outcome.messages if message.channel == place]
    return sum("repeat" in text.lower() for text in texts)
