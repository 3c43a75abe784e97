"""What the triggers of ``function_app`` call: everything that they need, made once per worker, on first use.

Nothing here is imported at start-up: cloud SDKs and HTTP libraries load with the first failed run.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING

from diagnostics.codec import EvidenceUnreadable, completed_run_from_json, failed_run_from_json, to_json
from diagnostics.model import CompletedRun, Evidence, FailedRun, RunDetails, Status
from diagnostics.redaction import RedactingFilter, redact
from diagnostics.work import WorkFilter, working
from responders.correlation import correlation_id
from responders.declarations import Secret
from responders.drills import DRILL_PREFIX
from responders.settings import Settings, declared_settings, misspelt_settings
from responders.settings_source import SettingsSource, open_source
from responders.subjects import FIXES, NOTICES, Subject
from responders.telemetry import count, span

if TYPE_CHECKING:
    from diagnostics.reach import Reach
    from responders.delivering import Delivering
    from responders.drills.record import Drill
    from responders.drills.running import SelfTest, Ticked
    from responders.fixes.fixing import Fixing
    from responders.fixes.seen import FixSeen, Pending
    from responders.handling import Handled, Handler
    from responders.health.serving import HealthDesk
    from responders.incidents import Incident, Incidents
    from responders.pages.serving import Answer
    from responders.resolving import Resolver
    from responders.rules import Silence
    from responders.slack_requests import HttpAnswer
    from responders.store import Store
    from responders.sweeping import MissedRuns
    from responders.telling import Wording
    from responders.wakeups import Wakeups

__all__ = [
    "Asked",
    "advance_fix",
    "diagnose",
    "do_interaction",
    "drill_received",
    "find_missed_runs",
    "fixes_of",
    "health",
    "in_scope",
    "lose",
    "notify",
    "resolve",
    "self_test",
    "show_incident_page",
    "sweep",
    "sweep_fixes",
    "take_slack_request",
    "take_teams_callback",
    "taking_in",
    "tell_undeliverable",
    "warm_up",
]

_CALLBACK_SECRET = "callback_secret"  # noqa: S105 - the name of a field
_GRACE = timedelta(minutes=2)
"""How late a wake-up may be before the sweep takes its message for lost."""

_SOON = timedelta(minutes=1)
"""When an incident is looked at whose news may have died with a worker."""

_AFTER_AN_OUTAGE = timedelta(hours=1)

_LOG = logging.getLogger(__name__)

clock: Callable[[], datetime] = partial(datetime.now, UTC)
"""The worker's clock."""


def in_scope(workspace_id: str) -> bool:
    """Return whether runs of this workspace are ours, by the settings."""
    return _settings().in_scope(workspace_id)


def diagnose(message: str, *, queued_at: datetime | None = None) -> list[str]:
    """Handle the failed run that a queue message carries; return what may have news, as messages for a queue."""
    run = failed_run_from_json(message)
    with working(correlation_id=correlation_id(run), run_id=run.run_id), span("diagnose"):
        if (drill := _drill_of(run)) is not None:
            return _self_test().diagnose(drill, run, queued_at=queued_at)
        return _told(f"run {run.run_id}", _handler().handle(run))


def resolve(message: str) -> list[str]:
    """Resolve what the completed run of a queue message proves to be over; return what may have news."""
    run = completed_run_from_json(message)
    with working(correlation_id=correlation_id(run), run_id=run.run_id), span("resolve"):
        return _told(f"completed run {run.run_id}", _resolver().on_completed(run))


def notify(message: str) -> str:
    """Bring what a queue message names up to date wherever people are told of it; return what was done."""
    subject = Subject.from_json(message)
    if subject.kind == "drill":
        return _self_test().notify(subject.id)
    if _wakeups().superseded(message):
        return f"{subject.kind} {subject.id} is looked at when it was asked for last"
    said = _delivering().bring_up_to_date(subject)
    _LOG.info("%s %s: %s", subject.kind, subject.id, said)
    return said


def take_slack_request(headers: Mapping[str, str], body: bytes, enqueue: Callable[[str], None]) -> HttpAnswer:
    """Verify and queue what Slack brings; return what to answer within its three seconds."""
    from responders.slack_requests import SIGNING_SECRET, answer  # noqa: PLC0415

    settings = _settings()
    places = (*settings.destinations, *settings.fallbacks)
    secrets = (place.options.secrets.get(SIGNING_SECRET) for place in places)
    secret = next((one for one in secrets if one is not None), Secret(""))
    return answer(headers, body, secret=secret, now=_now(), enqueue=enqueue)


def take_teams_callback(headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
    """Note that a Teams flow posted a card, where the request proves it; return status and text of the answer."""
    from responders.teams_callback import Delivered, verify  # noqa: PLC0415

    settings = _settings()
    problem = "no Teams destination has a callback secret"
    for place in (*settings.destinations, *settings.fallbacks):
        secret = place.options.secrets.get(_CALLBACK_SECRET)
        if secret is None:
            continue
        proof = verify(body, headers, secret, _now())
        if isinstance(proof, Delivered):
            known = _delivering().confirm(proof.key, place.name)
            return (200, "noted") if known else (404, "no such message is known here (any more)")
        problem = proof.problem
    _LOG.warning("a call that claims to come from a Teams flow was refused: %s", problem)
    return 401, problem


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of something that somebody asked for, as messages for the two queues."""

    notices: list[str]
    fixes: list[str]


def do_interaction(message: str) -> Asked:
    """Do what somebody asked for; return what may have news, and the fixes that have a step due."""
    from responders.asking import handle_interaction  # noqa: PLC0415

    changed: list[str] = []
    due: list[str] = []

    def note_change(incident_id: str) -> None:
        _expect_news(incident_id)
        changed.append(incident_id)

    handle_interaction(
        message,
        incidents=_incidents(),
        store=_store(),
        settings=_settings(),
        now=_now(),
        changed=note_change,
        fixes=_fixing(),
        advance=due.append,
    )
    return Asked(
        notices=[Subject("incident", incident).to_json() for incident in changed],
        fixes=[Subject("fix", incident).to_json() for incident in due],
    )


def fixes_of(notices: Iterable[str]) -> list[str]:
    """Return the fixes that may have a step due because of what has news, as messages for the queue of fixes."""
    if not _settings().fixes.on:
        return []
    from responders.fixes.values import FIXABLE  # noqa: PLC0415 - only where fixes are on

    subjects = (Subject.from_json(notice) for notice in notices)
    found = (_incidents().get(subject.id) for subject in subjects if subject.kind == "incident")
    return [Subject("fix", it.id).to_json() for it in found if it is not None and it.verdict in FIXABLE]


def advance_fix(message: str) -> list[str]:
    """Do what is due for the fix that a queue message names; return what may have news."""
    subject = Subject.from_json(message)
    if _fix_wakeups().superseded(message):
        return []
    _fix_wakeups().clear(subject)
    _expect_news(subject.id)
    advanced = _fixing().advance(subject.id)
    _LOG.info("fix of %s: %s", subject.id, advanced.said)
    if advanced.again is not None:
        _fix_wakeups().put(subject, advanced.again)
    _publish_audit()
    return [Subject("incident", subject.id).to_json()] if advanced.news else []


def sweep_fixes() -> list[str]:
    """Return the fixes that have a step due, and publish what of the audit was not published yet."""
    overdue = {subject.id for subject in _fix_wakeups().due(grace=_GRACE)}
    _publish_audit()
    return [Subject("fix", incident).to_json() for incident in sorted(overdue | set(_fixing().unfinished()))]


def sweep() -> list[str]:
    """Do what only time brings: overdue wake-ups, what is over, what is old. Return what may have news."""
    overdue = [subject.to_json() for subject in _wakeups().due(grace=_GRACE)]
    over = [subject.to_json() for subject in _resolver().sweep()]
    _purge_if_due()
    count("swept")
    return [*overdue, *over]


@dataclass(frozen=True, slots=True)
class Missed:
    """What the sweep found that no event told of, as messages for the two queues."""

    failed: list[str]
    notices: list[str]


def find_missed_runs() -> Missed:
    """Look for failed runs, runs that wait and failed deployments that no event told of."""
    found = _missed_runs().sweep()
    return Missed(
        failed=[to_json(run) for run in found.runs],
        notices=[subject.to_json() for subject in found.news],
    )


def show_incident_page(method: str, incident_id: str, headers: Mapping[str, str], body: bytes) -> tuple[Answer, Asked]:
    """Answer a request for an incident's page; return the answer, and what came of it for the two queues."""
    from responders.pages.desk import PageDesk  # noqa: PLC0415
    from responders.pages.serving import Request, serve  # noqa: PLC0415

    desk = PageDesk(
        environ=os.environ,
        settings=_settings(),
        store=_store(),
        incidents=_incidents(),
        fixing=_fixing(),
        wording=_wording(),
        fix_of=_fix_of,
        clock=_now,
    )
    answer = serve(Request(method=method, incident_id=incident_id, headers=headers, body=body), desk)
    asked = Asked(
        notices=[Subject("incident", incident).to_json() for incident in desk.due],
        fixes=[Subject("fix", incident).to_json() for incident in desk.due],
    )
    return answer, asked


@contextmanager
def taking_in(run: FailedRun | CompletedRun) -> Iterator[None]:
    """Name the run in what is said and traced while its event is handed on."""
    with working(correlation_id=correlation_id(run), run_id=run.run_id), span("intake"):
        _LOG.info("event taken: run %s %s", run.run_id, "failed" if isinstance(run, FailedRun) else "completed")
        yield


def drill_received(run: FailedRun) -> None:
    """Note that the event of a self-test came in; whatever is in the way of that, the run goes on."""
    from responders.store import StoreError  # noqa: PLC0415

    try:
        _self_test().received(run)
    except StoreError as error:
        _LOG.error("ALERT the self-test cannot be noted: %s", redact(str(error)))


def self_test() -> Ticked:
    """Do what is due of the self-tests: end, try again, begin."""
    if _settings().drill is None:
        from responders.drills.running import Ticked  # noqa: PLC0415

        return Ticked()
    return _self_test().tick()


def health(*, whole: bool) -> tuple[int, str]:
    """Return status and JSON of the health endpoint; ``whole`` is for who may see names. Never raises."""
    return _health().answer(whole=whole)


def tell_undeliverable(message: str) -> list[str]:
    """Count the run of a poison message as lost, so that people hear of it and why; return what has news.

    A run that another delivery of it has handled is not lost.
    """
    handler = _handler()
    try:
        run = failed_run_from_json(message)
    except EvidenceUnreadable:
        why, event_id = _why(message)
        return _told("poison message", handler.tell_undeliverable(None, why, kind="unreadable", event_id=event_id))
    if (drill := _drill_of(run)) is not None:
        _self_test().undeliverable(drill, "every try failed; the app's log holds the errors")
        return []
    with working(correlation_id=correlation_id(run), run_id=run.run_id):
        return _told("poison message", handler.give_up(run))


def lose(queue: str, message: str) -> None:
    """Say loudly that a message of ``queue`` is given up; what a notice was about is looked at an hour later."""
    _LOG.error("ALERT a message of %s is given up after every try: %s", queue, redact(message)[:500])
    count("lost", queue=queue)
    if queue != NOTICES:
        return
    try:
        subject = Subject.from_json(message)
    except ValueError:
        return  # nobody knows what it was about
    _wakeups().put(subject, _now() + _AFTER_AN_OUTAGE)


def _told(what: str, handled: Handled) -> list[str]:
    _LOG.info("%s: %s", what, handled.said)
    return [subject.to_json() for subject in handled.news]


def _settings() -> Settings:
    """Return the settings as they are now; what is wrong with them is said loudly, once."""
    return _source().current()


@cache
def _source() -> SettingsSource:
    for problem in misspelt_settings(os.environ, declared_settings()):
        _LOG.error("setting: %s", problem)
    for handler in logging.getLogger().handlers:
        if not any(isinstance(found, RedactingFilter) for found in handler.filters):
            handler.addFilter(WorkFilter())  # the redactor comes last: nothing is added behind it
            handler.addFilter(RedactingFilter())
    logging.getLogger("azure").setLevel(logging.WARNING)  # it logs every request at INFO
    return open_source(os.environ, now=_now)


def _silences(at: datetime) -> Iterable[Silence]:
    """Return the silences that people set in the store."""
    from responders.silences import Silences  # noqa: PLC0415

    return Silences(_store(), now=lambda: at).active()


@cache
def _store() -> Store:
    from responders.store import open_store  # noqa: PLC0415 - with the first failed run, not with the first event

    return open_store(_settings().store)


@cache
def _incidents() -> Incidents:
    from responders.incidents import Incidents  # noqa: PLC0415

    within = _settings().pacing.reopen_within
    return Incidents(_store(), now=_now, reopen_within=within, expect_news=_expect_news)


@cache
def _handler() -> Handler:
    from responders.handling import Handler  # noqa: PLC0415

    settings = _settings()
    _use_own_signatures(settings)
    return Handler(settings=settings, store=_store(), incidents=_incidents(), investigate=_investigate, now=_now)


@cache
def _resolver() -> Resolver:
    from responders.resolving import Resolver  # noqa: PLC0415

    _use_own_signatures(_settings())
    return Resolver(
        store=_store(),
        incidents=_incidents(),
        pacing=_settings().pacing,
        details=_details,
        read_again=_read_again,
        now=_now,
    )


@cache
def _missed_runs() -> MissedRuns:
    from responders.sweeping import MissedRuns  # noqa: PLC0415

    return MissedRuns(settings=_settings(), store=_store(), incidents=_incidents(), reach=_reach, now=_now)


@cache
def _delivering() -> Delivering:
    from responders.delivering import Delivering  # noqa: PLC0415
    from responders.directing import Directing  # noqa: PLC0415

    settings = _settings()
    return Delivering(
        store=_store(),
        incidents=_incidents(),
        wording=_wording(),
        direct=Directing(settings=_settings, silences=_silences).direct,
        wakeups=_wakeups(),
        pacing=settings.pacing,
        now=_now,
        fix_of=_fix_of,
    )


@cache
def _wording() -> Wording:
    from responders.telling import Wording  # noqa: PLC0415

    settings = _settings()
    _use_own_signatures(settings)
    return Wording(document=_store().get_document, cloud=settings.cloud, page=_page)


def _page(incident_id: str) -> str:
    from responders.pages.links import page_link  # noqa: PLC0415

    return page_link(_settings().page_url, incident_id)


def _fix_of(incident: Incident) -> FixSeen | Pending | None:
    """Return what people see of an incident's fix; while its plan is being made, that it is."""
    from responders.fixes.seen import Pending, see  # noqa: PLC0415
    from responders.fixes.values import FIXABLE  # noqa: PLC0415

    settings = _settings()
    policy, approvers = settings.fixes, settings.fixes.approvers
    if incident.verdict not in FIXABLE:
        return None
    fix = _fixing().of(incident.id)
    if fix is None:
        planned = policy.on and incident.open and incident.status == Status.CONFIRMED.value
        return Pending() if planned else None
    by_page = settings.page_key is not None and (approvers.groups or approvers.app_roles)
    return see(fix, approvers=approvers, page_url=_page(incident.id) if by_page else "")


@cache
def _fixing() -> Fixing:
    from responders.fixes.opening import open_fixing  # noqa: PLC0415

    _use_own_signatures(_settings())
    return open_fixing(settings=_settings, store=_store(), incidents=_incidents(), read_again=_read_again, now=_now)


def _drill_of(run: FailedRun) -> Drill | None:
    """Return the self-test that a run is part of, by the secret that its event alone carried."""
    return _self_test().of(run) if run.run_id.startswith(DRILL_PREFIX) else None


@cache
def _self_test() -> SelfTest:
    from responders.drills.build import build_id  # noqa: PLC0415
    from responders.drills.running import SelfTest  # noqa: PLC0415

    return SelfTest(settings=_settings, store=_store(), reach=_reach, build=build_id(), now=_now)


def _publish_audit() -> None:
    """Publish what was added to the audit; what cannot be published now is published by the next sweep."""
    from responders.fixes.publishing import publish_new  # noqa: PLC0415

    publish_new(_fixing().audit, _store(), _settings().destinations, _now())


def _expect_news(incident_id: str) -> None:
    """Have an incident looked at soon: its news are handed on before that, unless this worker dies."""
    _wakeups().put(Subject("incident", incident_id), _now() + _SOON)


@cache
def _wakeups() -> Wakeups:
    return _woken_by(NOTICES, "wakeups")


@cache
def _fix_wakeups() -> Wakeups:
    return _woken_by(FIXES, "wakeups-fixes")


def _woken_by(queue: str, partition: str) -> Wakeups:
    from responders.settings import AzureStore  # noqa: PLC0415
    from responders.wakeups import Wakeups  # noqa: PLC0415

    choice = _settings().store
    if not isinstance(choice, AzureStore):
        return Wakeups(_store(), now=_now, partition=partition)
    from responders.stores.azure_queue import AzureDelayedQueue  # noqa: PLC0415

    return Wakeups(_store(), now=_now, queue=AzureDelayedQueue(choice, queue), partition=partition)


def _purge_if_due() -> None:
    """Purge; where the store fails over that the next sweep does it, and what this one found is handed on."""
    from responders.store import StoreError  # noqa: PLC0415

    try:
        _purge()
    except StoreError as error:
        _LOG.error("what is old could not be purged, and is by the next sweep: %s", redact(str(error)))


def _purge() -> None:
    """Delete what is older than it is to be kept, once a day whoever sweeps."""
    from responders.store import ClaimResult  # noqa: PLC0415

    day = f"purge/{_now():%Y-%m-%d}"
    if _store().claim(day, "sweep", now=_now(), lease=timedelta(minutes=10)) is not ClaimResult.ACQUIRED:
        return
    purged = _store().purge(before=_now() - _settings().pacing.keep_for)
    _LOG.info("purged %s", purged)
    if not purged.more:
        _store().complete(day, "sweep", now=_now())


def _now() -> datetime:
    return clock()


def _use_own_signatures(settings: Settings) -> None:
    """Add a team's own texts and causes; a wrong file is said loudly and left out, and the app goes on without."""
    if settings.signatures is None:
        return
    from diagnostics.own_signatures import WrongSignatures, install, load_own_signatures  # noqa: PLC0415

    try:
        install(load_own_signatures(settings.signatures))
    except WrongSignatures as error:
        for problem in error.problems:
            _LOG.error("own signatures, left out: %s", redact(problem))


def _investigate(run: FailedRun) -> Evidence:
    from diagnostics.investigating import investigate  # noqa: PLC0415

    return investigate(run, _reach(), deadline=_settings().deadline)


def _details(run: CompletedRun) -> RunDetails:
    from diagnostics.investigating import details_of  # noqa: PLC0415

    asked = FailedRun(event_id="", workspace_id=run.workspace_id, run_id=run.run_id, failed_at=run.completed_at)
    return details_of(asked, _reach())


def _read_again(evidence: Evidence) -> Evidence:
    from diagnostics.investigating import read_again  # noqa: PLC0415

    return read_again(evidence, _reach(), deadline=_settings().deadline)


@cache
def _health() -> HealthDesk:
    from responders.health import discover  # noqa: PLC0415
    from responders.health.deployment import Deployment  # noqa: PLC0415
    from responders.health.serving import HealthDesk  # noqa: PLC0415

    def deployment() -> Deployment:
        return Deployment(environ=os.environ, settings=_settings(), now=_now, reach=_reach)

    return HealthDesk(deployment=deployment, checks=discover(), now=_now)


@cache
def _reach() -> Reach:
    """Return the worker's one way to Azure; a failed log-in raises and is not remembered."""
    from responders.reaching import open_reach  # noqa: PLC0415
    from responders.remembering import Remembered  # noqa: PLC0415

    return open_reach(_settings(), now=_now, places=Remembered(_store(), now=_now))


def warm_up() -> None:
    """Make what the first failed run needs before it comes: libraries, clients, the token. Never raises."""
    from diagnostics import investigating  # noqa: PLC0415

    try:
        _handler()
        _delivering()
        _fixing()
        investigating.warm_up(_reach())
    except Exception as error:  # noqa: BLE001 - whoever needs it next says what is wrong
        _LOG.info("not warmed up: %s", redact(str(error)))


def _why(message: str) -> tuple[str, str]:
    """Return the reason and the event's id that a rejected event carries, else that the message cannot be read."""
    try:
        said = json.loads(message)
        return redact(str(said["undeliverable"]))[:500], redact(str(said.get("event") or ""))[:200]
    except (ValueError, TypeError, KeyError, AttributeError):
        digest = hashlib.sha256(message.encode("utf-8", "replace")).hexdigest()[:12]
        return "its message in the queue could not be read", f"message {digest}"
