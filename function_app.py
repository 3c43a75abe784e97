"""The triggers of the function app: wiring only, and light to import, since importing it is the cold start."""

from __future__ import annotations

import json
import logging
import os

import azure.functions as func

from diagnostics.intake import Dropped, Event, MalformedEvent, failed_run

QUEUE = "failed-runs"
POISON = "failed-runs-poison"
STORAGE = "AzureWebJobsStorage"

_LOG = logging.getLogger("pullmedic")

app = func.FunctionApp()


@app.function_name("on_run_status_changed")
@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="failed", queue_name=QUEUE, connection=STORAGE)
@app.queue_output(arg_name="undeliverable", queue_name=POISON, connection=STORAGE)
def on_run_status_changed(event: func.EventGridEvent, failed: func.Out[str], undeliverable: func.Out[str]) -> None:
    """Hand a failed run to the queue; Event Grid waits, so nothing slow happens here."""
    from diagnostics.codec import to_json  # noqa: PLC0415 - off the cold start
    from responders.app import in_scope  # noqa: PLC0415

    try:
        run = failed_run(_read(event), in_scope=in_scope)
    except MalformedEvent as error:
        _LOG.error("an event could not be understood: %s", error)
        undeliverable.set(json.dumps({"undeliverable": str(error), "event": str(event.id)[:200]}))
        return
    if isinstance(run, Dropped):
        _LOG.info("event dropped: %s", run.reason)
        return
    failed.set(to_json(run))


@app.function_name("diagnose_failed_run")
@app.queue_trigger(arg_name="message", queue_name=QUEUE, connection=STORAGE)
def diagnose_failed_run(message: func.QueueMessage) -> None:
    """Diagnose one failed run and tell of it; an error sends the message back to the queue."""
    from responders.app import diagnose  # noqa: PLC0415 - off the cold start

    diagnose(message.get_body().decode("utf-8", "replace"))


@app.function_name("on_undeliverable_run")
@app.queue_trigger(arg_name="message", queue_name=POISON, connection=STORAGE)
def on_undeliverable_run(message: func.QueueMessage) -> None:
    """Say visibly that a run could not be diagnosed, and why."""
    from responders.app import tell_undeliverable  # noqa: PLC0415 - off the cold start

    tell_undeliverable(message.get_body().decode("utf-8", "replace"))


def _read(event: func.EventGridEvent | func.CloudEvent) -> Event:
    """Bring both schemas into one form: the worker hands over a ``CloudEvent`` whatever the annotation says."""
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


if not any(name.startswith("PULLMEDIC_") and name.endswith("_WEBHOOK_URL") for name in os.environ):
    _LOG.warning("No channel is configured: diagnoses go to this log only. Set PULLMEDIC_SLACK_WEBHOOK_URL or _TEAMS_.")
