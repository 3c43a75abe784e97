"""The triggers of the function app: wiring only, and light to import, since importing it is the cold start."""

from __future__ import annotations

import json
import logging
import os
import threading
from typing import TYPE_CHECKING, List  # noqa: UP035

import azure.functions as func

if TYPE_CHECKING:
    from diagnostics.intake import Event

FAILED = "failed-runs"
COMPLETED = "completed-runs"
NOTICES = "notices"
INTERACTIONS = "interactions"
FIXES = "fixes"
# Where the host has an account to itself, the queues are in the one that two apps share.
STORAGE = "PullmedicStorage" if "PullmedicStorage__queueServiceUri" in os.environ else "AzureWebJobsStorage"

Messages = List[str]  # noqa: UP006 - the worker takes no builtin alias for a list of queue messages

_LOG = logging.getLogger("pullmedic")

diagnosing = func.Blueprint()  # type: ignore[no-untyped-call]
fixing = func.Blueprint()  # type: ignore[no-untyped-call]


@diagnosing.function_name("on_run_status_changed")
@diagnosing.event_grid_trigger(arg_name="event")
@diagnosing.queue_output(arg_name="failed", queue_name=FAILED, connection=STORAGE)
@diagnosing.queue_output(arg_name="completed", queue_name=COMPLETED, connection=STORAGE)
@diagnosing.queue_output(arg_name="undeliverable", queue_name=f"{FAILED}-poison", connection=STORAGE)
def on_run_status_changed(
    event: func.EventGridEvent, failed: func.Out[str], completed: func.Out[str], undeliverable: func.Out[str]
) -> None:
    """Hand a run that ended to its queue; Event Grid waits, so nothing slow happens here."""
    from diagnostics.codec import to_json  # noqa: PLC0415 - off the cold start
    from diagnostics.intake import Dropped, MalformedEvent, ended_run  # noqa: PLC0415
    from diagnostics.model import CompletedRun  # noqa: PLC0415
    from responders.app import drill_received, in_scope, taking_in  # noqa: PLC0415
    from responders.drills import DRILL_PREFIX  # noqa: PLC0415

    try:
        run = ended_run(_read(event), in_scope=in_scope)
    except MalformedEvent as error:
        _LOG.error("an event could not be understood: %s", error)
        undeliverable.set(json.dumps({"undeliverable": str(error), "event": str(event.id)[:200]}))
        return
    if isinstance(run, Dropped):
        _LOG.info("event dropped: %s", run.reason)
        return
    with taking_in(run):
        if isinstance(run, CompletedRun):
            completed.set(to_json(run))
            return
        failed.set(to_json(run))
        if run.run_id.startswith(DRILL_PREFIX):
            drill_received(run)


@diagnosing.function_name("diagnose_failed_run")
@diagnosing.queue_trigger(arg_name="message", queue_name=FAILED, connection=STORAGE)
@diagnosing.queue_output(arg_name="notices", queue_name=NOTICES, connection=STORAGE)
@diagnosing.queue_output(arg_name="fixes", queue_name=FIXES, connection=STORAGE)
def diagnose_failed_run(message: func.QueueMessage, notices: func.Out[Messages], fixes: func.Out[Messages]) -> None:
    """Diagnose one failed run and count it to its incident; an error sends the message back to the queue."""
    from responders.app import diagnose, fixes_of  # noqa: PLC0415 - off the cold start

    news = diagnose(_text(message), queued_at=message.insertion_time)
    fixes.set(fixes_of(news))
    notices.set(news)


@diagnosing.function_name("resolve_completed_run")
@diagnosing.queue_trigger(arg_name="message", queue_name=COMPLETED, connection=STORAGE)
@diagnosing.queue_output(arg_name="notices", queue_name=NOTICES, connection=STORAGE)
@diagnosing.queue_output(arg_name="fixes", queue_name=FIXES, connection=STORAGE)
def resolve_completed_run(message: func.QueueMessage, notices: func.Out[Messages], fixes: func.Out[Messages]) -> None:
    """Resolve what a completed run proves to be over."""
    from responders.app import fixes_of, resolve  # noqa: PLC0415 - off the cold start

    news = resolve(_text(message))
    fixes.set(fixes_of(news))
    notices.set(news)


@diagnosing.function_name("notify_people")
@diagnosing.queue_trigger(arg_name="message", queue_name=NOTICES, connection=STORAGE)
def notify_people(message: func.QueueMessage) -> None:
    """Bring one incident up to date wherever people are told of it."""
    from responders.app import notify  # noqa: PLC0415 - off the cold start

    notify(_text(message))


@diagnosing.function_name("on_undeliverable_run")
@diagnosing.queue_trigger(arg_name="message", queue_name=f"{FAILED}-poison", connection=STORAGE)
@diagnosing.queue_output(arg_name="notices", queue_name=NOTICES, connection=STORAGE)
def on_undeliverable_run(message: func.QueueMessage, notices: func.Out[Messages]) -> None:
    """Have people told that a run could not be diagnosed, and why."""
    from responders.app import tell_undeliverable  # noqa: PLC0415 - off the cold start

    notices.set(tell_undeliverable(_text(message)))


@diagnosing.function_name("on_lost_notice")
@diagnosing.queue_trigger(arg_name="message", queue_name=f"{NOTICES}-poison", connection=STORAGE)
def on_lost_notice(message: func.QueueMessage) -> None:
    """Say loudly that a notice is given up; an hour later the sweep makes it good."""
    from responders.app import lose  # noqa: PLC0415 - off the cold start

    lose(NOTICES, _text(message))


@diagnosing.function_name("on_lost_completion")
@diagnosing.queue_trigger(arg_name="message", queue_name=f"{COMPLETED}-poison", connection=STORAGE)
def on_lost_completion(message: func.QueueMessage) -> None:
    """Say loudly that a completed run could not be looked at; its incident is resolved by its facts, later."""
    from responders.app import lose  # noqa: PLC0415 - off the cold start

    lose(COMPLETED, _text(message))


@diagnosing.function_name("slack_requests")
@diagnosing.route(route="slack/requests", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@diagnosing.queue_output(arg_name="asked", queue_name=INTERACTIONS, connection=STORAGE)
def slack_requests(req: func.HttpRequest, asked: func.Out[str]) -> func.HttpResponse:
    """Take a button or a command of Slack: verified by its signature, answered at once, done from the queue."""
    from responders.app import take_slack_request  # noqa: PLC0415 - off the cold start

    answer = take_slack_request(dict(req.headers), req.get_body(), asked.set)
    return func.HttpResponse(answer.body, status_code=answer.status, headers={"Content-Type": answer.content_type})


@diagnosing.function_name("teams_delivered")
@diagnosing.route(route="teams/delivered", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def teams_delivered(req: func.HttpRequest) -> func.HttpResponse:
    """Take a Teams flow's word that it posted a card: proven by the signature that came with the card."""
    from responders.app import take_teams_callback  # noqa: PLC0415 - off the cold start

    status, text = take_teams_callback(dict(req.headers), req.get_body())
    return func.HttpResponse(text, status_code=status, headers={"Content-Type": "text/plain; charset=utf-8"})


@diagnosing.function_name("health")
@diagnosing.route(route="health", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:
    """Say to anybody whether the app works: a word, a version and counts, no names."""
    del req
    return _health(whole=False)


@diagnosing.function_name("health_report")
@diagnosing.route(route="health/report", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
def health_report(req: func.HttpRequest) -> func.HttpResponse:
    """Say all that was found to who has a key of the function or of the host; the platform asks for it."""
    del req
    return _health(whole=True)


@diagnosing.function_name("do_what_was_asked")
@diagnosing.queue_trigger(arg_name="message", queue_name=INTERACTIONS, connection=STORAGE)
@diagnosing.queue_output(arg_name="notices", queue_name=NOTICES, connection=STORAGE)
@diagnosing.queue_output(arg_name="fixes", queue_name=FIXES, connection=STORAGE)
def do_what_was_asked(message: func.QueueMessage, notices: func.Out[Messages], fixes: func.Out[Messages]) -> None:
    """Snooze, note what somebody says of a diagnosis or decides of a fix, answer a command."""
    from responders.app import do_interaction  # noqa: PLC0415 - off the cold start

    asked = do_interaction(_text(message))
    fixes.set(asked.fixes)
    notices.set(asked.notices)


@diagnosing.function_name("on_lost_interaction")
@diagnosing.queue_trigger(arg_name="message", queue_name=f"{INTERACTIONS}-poison", connection=STORAGE)
def on_lost_interaction(message: func.QueueMessage) -> None:
    """Say loudly that what somebody asked for could not be done."""
    from responders.app import lose  # noqa: PLC0415 - off the cold start

    lose(INTERACTIONS, message.id or "")


@diagnosing.function_name("sweep")
@diagnosing.timer_trigger(schedule="0 */5 * * * *", arg_name="timer")
@diagnosing.queue_output(arg_name="notices", queue_name=NOTICES, connection=STORAGE)
def sweep(timer: func.TimerRequest, notices: func.Out[Messages]) -> None:
    """Do what only time brings: overdue wake-ups, incidents that are over, records that are old."""
    from responders.app import sweep as swept  # noqa: PLC0415 - off the cold start

    del timer
    notices.set(swept())


@diagnosing.function_name("self_test")
@diagnosing.timer_trigger(schedule="15 */5 * * * *", arg_name="timer")
@diagnosing.queue_output(arg_name="failed", queue_name=FAILED, connection=STORAGE)
@diagnosing.queue_output(arg_name="notices", queue_name=NOTICES, connection=STORAGE)
def self_test(timer: func.TimerRequest, failed: func.Out[str], notices: func.Out[Messages]) -> None:
    """Send a failure that never was the whole way, if one is due, and notice the one that did not come through."""
    from responders.app import self_test as ticked  # noqa: PLC0415 - off the cold start

    del timer
    due = ticked()
    if due.run:
        failed.set(due.run)
    notices.set(list(due.notices))


@diagnosing.function_name("find_missed_runs")
@diagnosing.timer_trigger(schedule="45 */5 * * * *", arg_name="timer")
@diagnosing.queue_output(arg_name="failed", queue_name=FAILED, connection=STORAGE)
@diagnosing.queue_output(arg_name="notices", queue_name=NOTICES, connection=STORAGE)
def find_missed_runs(timer: func.TimerRequest, failed: func.Out[Messages], notices: func.Out[Messages]) -> None:
    """Find what no event told of: failed runs, runs that wait for their image, failed endpoint deployments."""
    from responders.app import find_missed_runs as found  # noqa: PLC0415 - off the cold start

    del timer
    missed = found()
    failed.set(missed.failed)
    notices.set(missed.notices)


@fixing.function_name("advance_fix")
@fixing.queue_trigger(arg_name="message", queue_name=FIXES, connection=STORAGE)
@fixing.queue_output(arg_name="notices", queue_name=NOTICES, connection=STORAGE)
def advance_fix(message: func.QueueMessage, notices: func.Out[Messages]) -> None:
    """Plan, apply, verify or undo one fix, whichever is due; the only function that writes to Azure."""
    from responders.app import advance_fix as advanced  # noqa: PLC0415 - off the cold start

    notices.set(advanced(_text(message)))


@fixing.function_name("on_lost_fix")
@fixing.queue_trigger(arg_name="message", queue_name=f"{FIXES}-poison", connection=STORAGE)
def on_lost_fix(message: func.QueueMessage) -> None:
    """Say loudly that a step of a fix is given up; the sweep takes it up again."""
    from responders.app import lose  # noqa: PLC0415 - off the cold start

    lose(FIXES, _text(message))


@fixing.function_name("sweep_fixes")
@fixing.timer_trigger(schedule="30 */5 * * * *", arg_name="timer")
@fixing.queue_output(arg_name="fixes", queue_name=FIXES, connection=STORAGE)
def sweep_fixes(timer: func.TimerRequest, fixes: func.Out[Messages]) -> None:
    """Find the steps that only time brings, and those whose message was lost."""
    from responders.app import sweep_fixes as swept  # noqa: PLC0415 - off the cold start

    del timer
    fixes.set(swept())


@fixing.function_name("incident_page")
@fixing.route(route="incidents/{incident_id}", methods=["GET", "HEAD", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
@fixing.queue_output(arg_name="fixes", queue_name=FIXES, connection=STORAGE)
@fixing.queue_output(arg_name="notices", queue_name=NOTICES, connection=STORAGE)
def incident_page(req: func.HttpRequest, fixes: func.Out[Messages], notices: func.Out[Messages]) -> func.HttpResponse:
    """Show an incident, and take what people decide of its fix; the platform signs them in before."""
    from responders.app import show_incident_page  # noqa: PLC0415 - off the cold start

    incident = str(req.route_params.get("incident_id", ""))
    answer, asked = show_incident_page(req.method or "", incident, dict(req.headers), req.get_body())
    fixes.set(asked.fixes)
    notices.set(asked.notices)
    return func.HttpResponse(answer.body, status_code=answer.status, headers=dict(answer.headers))


def _health(*, whole: bool) -> func.HttpResponse:
    from responders.app import health as looked_at  # noqa: PLC0415 - off the cold start

    status, body = looked_at(whole=whole)
    headers = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}
    return func.HttpResponse(body, status_code=status, headers=headers)


def _text(message: func.QueueMessage) -> str:
    return message.get_body().decode("utf-8", "replace")


def _read(event: func.EventGridEvent | func.CloudEvent) -> Event:
    """Bring both schemas into one form: the worker hands over a ``CloudEvent`` whatever the annotation says."""
    from diagnostics.intake import Event  # noqa: PLC0415 - off the cold start

    if isinstance(event, func.CloudEvent):
        kind, source, time = event.type, event.source, event.time
    else:
        kind, source, time = event.event_type, event.topic, event.event_time
    return Event(
        id=str(event.id or ""),
        type=str(kind or ""),
        source=str(source or ""),
        subject=str(event.subject or ""),
        time=time,
        data=event.get_json(),
    )


def _functions(part: str) -> func.FunctionApp:
    """Return the app with the functions of its part: one app has all, a second one can have the fixes alone.

    A part that nobody knows writes nothing.
    """
    made = func.FunctionApp()
    if part != "fix":
        made.register_functions(diagnosing)
    if part in {"", "all", "fix"}:
        made.register_functions(fixing)
    return made


def _warm_up() -> None:
    from responders.app import warm_up  # noqa: PLC0415 - in its own thread, off the cold start

    warm_up()


_ADDRESSES = ("_URL", "_TOKEN", "_ENDPOINT")
"""How a setting ends that says where people are told; the settings themselves would load too much here."""

app = _functions(os.environ.get("PULLMEDIC_PART", ""))

if os.environ.get("PULLMEDIC_WARM_UP", "").strip().lower() == "true":
    threading.Thread(target=_warm_up, name="pullmedic-warm-up", daemon=True).start()

_OURS = [name for name in os.environ if name.startswith("PULLMEDIC_")]

if "PULLMEDIC_SETTINGS" not in _OURS and not any(name.endswith(_ADDRESSES) for name in _OURS):
    _LOG.warning("No channel is configured: diagnoses go to this log only. Set PULLMEDIC_SLACK_WEBHOOK_URL or _TEAMS_.")
