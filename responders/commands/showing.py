"""Settings as a person or a machine reads them: everything that is in force, secrets as stars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from diagnostics.redaction import redact
from responders.channels import Channel, Destination, Options
from responders.declarations import Problem
from responders.durations import duration_text
from responders.rules import Condition, Pacing, Route, Silence
from responders.settings import AzureStore, Settings, SqliteStore
from responders.tickets import Tracker, TrackerDestination
from responders.wording import one_line

__all__ = ["as_plain", "as_text", "plain_problem", "problem_line", "shown"]

_STARS = "****"
_HEARERS = ("to", "insufficient_evidence", "not_registry")
_NOT_TO_BE_SET = ("look_every", "pipeline_patience", "try_for")


def shown(text: object) -> str:
    """Return anything as one redacted line without what a terminal would obey."""
    return one_line(redact(str(text)))


def problem_line(problem: Problem) -> str:
    """Return a problem as one line."""
    return f"{'warning' if problem.warning else 'wrong'}: {shown(problem)}"


def plain_problem(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON has it."""
    return {"place": shown(problem.setting), "message": shown(problem.message), "warning": problem.warning}


def as_plain(settings: Settings, now: datetime) -> dict[str, Any]:
    """Return the settings in plain values, ready for JSON."""
    defaults = settings.defaults
    return {
        "file": settings.file or None,
        "store": _store(settings.store),
        "workspaces": "all" if settings.workspaces is None else sorted(settings.workspaces),
        "registry_allowlist": list(settings.registry_allowlist),
        "cloud": settings.cloud.value,
        "client_id": settings.client_id,
        "deadline": duration_text(settings.deadline),
        "signatures": str(settings.signatures) if settings.signatures else None,
        "destinations": [_place(one, one.channel, settings, "destinations") for one in settings.destinations],
        "trackers": [
            _place(one, one.tracker, settings, "trackers") | {"close_on_resolution": one.close_on_resolution}
            for one in settings.trackers
        ],
        "defaults": {
            "to": _names(defaults.to or settings.destinations),
            "tickets": _names(defaults.tickets),
            "fallback": _names(settings.fallbacks),
            "insufficient_evidence": _heard(defaults.insufficient_evidence, settings),
            "not_registry": _heard(defaults.not_registry, settings),
        },
        "routes": [_route(route) for route in settings.routes],
        "silences": [_silence(silence, now) for silence in settings.silences],
        "incidents": _pacing(settings.pacing),
        "fixes": _fixes(settings),
    }


def _fixes(settings: Settings) -> dict[str, Any]:
    policy = settings.fixes
    by = {
        "fixer_client_id": settings.fixer_client_id,
        "page_url": settings.page_url or None,
        "page_key": _STARS if settings.page_key else None,
    }
    if not policy.on:
        return {"mode": policy.mode.value, **by}
    return {
        "mode": policy.mode.value,
        "registries": sorted(policy.registries),
        "workspaces": sorted(policy.workspaces),
        "principals": sorted(policy.principals),
        "roles": sorted(role.name for role in policy.roles),
        "repositories": policy.repositories.value,
        "approvers": {
            "slack": sorted(policy.approvers.slack),
            "groups": sorted(policy.approvers.groups),
            "app_roles": sorted(policy.approvers.app_roles),
        },
        "per_day": policy.per_day,
        "per_registry": policy.per_registry,
        "expires": policy.expires.isoformat() if policy.expires else None,
        "excluded_tags": {name: glob.text for name, glob in policy.excluded.items()},
        "approve_within": duration_text(policy.approve_within),
        "run_again": policy.run_again,
        **by,
    }


def as_text(settings: Settings, now: datetime) -> str:
    """Return the settings as lines."""
    plain = as_plain(settings, now)
    if not settings.destinations:
        plain["defaults"] |= {"to": "the app's log, since no destination is set up"}
    return "\n".join(_lines(plain, ""))


def _lines(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, member in value.items():
        if member is None and indent:
            continue
        if isinstance(member, Mapping) and member:
            yield f"{indent}{key}:"
            yield from _lines(member, indent + "  ")
        elif isinstance(member, list) and member and isinstance(member[0], Mapping):
            yield f"{indent}{key}:"
            for entry in member:
                head, *rest = entry.items()
                yield f"{indent}  - {head[0]}: {_value(head[1])}"
                yield from _lines(dict(rest), indent + "    ")
        else:
            nobody = key in _HEARERS and member == []
            yield f"{indent}{key}: {'nobody' if nobody else _value(member)}"


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value == {} else shown(value)


def _store(store: SqliteStore | AzureStore) -> str:
    if isinstance(store, SqliteStore):
        return f"sqlite:///{store.path}"
    return f"azure, the account {store.account}" if store.account else f"azure, a connection string ({_STARS})"


def _place(
    one: Destination | TrackerDestination, kind: Channel | Tracker, settings: Settings, section: str
) -> dict[str, Any]:
    word = "channel" if section == "destinations" else "tracker"
    origin = settings.origins.get(f"{section}.{one.name}", "the environment")
    return {"name": one.name, word: kind.name, "from": origin, "fields": _fields(kind, one.options)}


def _fields(kind: Channel | Tracker, options: Options) -> dict[str, str]:
    found = {}
    for one in kind.fields:
        if one.secret and options.secret(one.name).reveal():
            found[one.name] = _STARS
        elif not one.secret and options.text(one.name):
            found[one.name] = shown(options.text(one.name))
    return found


def _names(places: Iterable[Destination | TrackerDestination]) -> list[str]:
    return [place.name for place in places]


def _heard(said: tuple[Destination, ...] | None, settings: Settings) -> list[str]:
    if said is None:
        return []
    return _names(said or settings.defaults.to or settings.destinations)


def _route(route: Route) -> dict[str, Any]:
    return {
        "name": shown(route.name),
        "place": route.place,
        "when": _condition(route.when),
        "to": None if route.to is None else _names(route.to),
        "tickets": None if route.tickets is None else _names(route.tickets),
        "severity": route.severity,
        "continue": route.goes_on,
        "wrong": route.wrong,
    }


def _silence(silence: Silence, now: datetime) -> dict[str, Any]:
    return {
        "place": silence.place,
        "from": silence.starts.isoformat() if silence.starts else None,
        "until": silence.until.isoformat(),
        "reason": shown(silence.reason),
        "when": _condition(silence.when),
        "active": silence.active(now),
    }


def _condition(when: Condition) -> dict[str, Any]:
    globs = {"workspaces": when.workspaces, "experiments": when.experiments, "causes": when.causes}
    found: dict[str, Any] = {key: [shown(glob.text) for glob in some] for key, some in globs.items() if some}
    if when.tags:
        found["tags"] = {shown(name): [shown(glob.text) for glob in some] for name, some in when.tags.items()}
    if when.statuses:
        found["statuses"] = sorted(when.statuses)
    if when.severities:
        found["severities"] = sorted(when.severities)
    if when.hours is not None:
        found["hours"] = when.hours.words
    return found


def _pacing(pacing: Pacing) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for member in fields(pacing):
        value = getattr(pacing, member.name)
        if member.name not in _NOT_TO_BE_SET:
            found[member.name] = duration_text(value) if isinstance(value, timedelta) else value
    return {key: list(value) if isinstance(value, tuple) else value for key, value in found.items()}
