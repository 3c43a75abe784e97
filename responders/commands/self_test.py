"""``self-test``: sends a failure that never was the whole way and says which stations held, or shows the last time."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from urllib.parse import quote, urlsplit

from diagnostics.codec import to_json
from diagnostics.intake import Event, MalformedEvent, workspace_id
from responders.commands.desk import Desk, add_settings
from responders.commands.exits import CommandFailed, Exit
from responders.commands.showing import shown
from responders.declarations import Secret

__all__ = ["KEY", "add_arguments", "run"]

KEY = "EVENTGRID_EXTENSION_KEY"
"""The environment variable with the app's system key of that name; a key in an argument is seen by everybody."""

_FUNCTION = "on_run_status_changed"
_BEAT = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``self-test`` takes."""
    parser.add_argument("--url", help=f"the app's address: deliver an event as Event Grid does, with the key in ${KEY}")
    parser.add_argument("--workspace", default="", metavar="RESOURCE_ID", help="the workspace that is really read")
    parser.add_argument("--wait", type=int, default=300, metavar="SECONDS", help="how long to wait for the end (300)")
    parser.add_argument("--last", action="store_true", help="show the newest self-test; the same as no option")
    parser.add_argument("--json", action="store_true", help="for machines")
    add_settings(parser)


def run(arguments: argparse.Namespace, desk: Desk) -> int:
    """Begin a self-test and wait for its end, or show the newest one."""
    if arguments.last and arguments.url:
        raise CommandFailed("--last shows, --url begins: give one of the two", Exit.USAGE)
    address = _address(arguments.url, desk) if arguments.url else None
    if arguments.workspace:
        try:
            workspace_id(arguments.workspace)
        except MalformedEvent:
            raise CommandFailed("--workspace is no workspace's resource id", Exit.USAGE) from None
    settings = desk.settings(arguments)
    with desk.store(settings) as opened:
        tests = opened.self_test(settings)
        drill = _begun(tests, address, arguments, desk) if address is not None else tests.last()
        if drill is None:
            raise CommandFailed("there was no self-test yet", Exit.NOT_THERE)
    print(_json(drill) if arguments.json else "\n".join(_lines(drill)))
    if not drill.over:
        return Exit.CANNOT_TELL
    return Exit.DONE if drill.passed else Exit.NO


def _address(url: str, desk: Desk) -> Secret:
    """Return where Event Grid would post to. Only a host on this machine is spoken to without TLS."""
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
    plain = parts.path in ("", "/") and not parts.query and not parts.fragment and "@" not in parts.netloc
    if not (parts.scheme == "https" or local) or not parts.hostname or not plain:
        raise CommandFailed("--url takes the app's address alone, such as https://APP.azurewebsites.net", Exit.USAGE)
    key = desk.environ.get(KEY, "").strip()
    if not key:
        ask = "az functionapp keys list --resource-group GROUP --name APP --query systemKeys.eventgrid_extension"
        raise CommandFailed(f"{KEY} is not set: `{ask} --output tsv` prints the key", Exit.USAGE)
    where = f"{parts.scheme}://{parts.netloc}/runtime/webhooks/EventGrid"
    return Secret(f"{where}?functionName={_FUNCTION}&code={quote(key, safe='')}")


def _begun(tests: Any, address: Secret, arguments: argparse.Namespace, desk: Desk) -> Any:
    sending = import_module("responders.sending")
    drill, event = tests.begin(by="the command", door="Event Grid's webhook", workspace_id=arguments.workspace)
    headers = {"aeg-event-type": Secret("Notification")}
    try:
        sending.call("POST", address, [_wire(event)], now=desk.now(), headers=headers)
    except sending.SendError as error:
        return tests.not_received(drill, f"the app's webhook did not take the event: {shown(error)}")
    for _ in range(max(1, round(arguments.wait / _BEAT))):
        present = tests.get(drill.id)
        if present is None or present.over:
            break
        desk.pause(_BEAT)
    return tests.get(drill.id) or drill


def _wire(event: Event) -> dict[str, Any]:
    """Return the event in Event Grid's own schema."""
    return {
        "id": event.id,
        "topic": event.source,
        "subject": event.subject,
        "eventType": event.type,
        "eventTime": event.time.isoformat() if event.time is not None else None,
        "dataVersion": "",
        "metadataVersion": "1",
        "data": event.data,
    }


def _lines(drill: Any) -> Iterator[str]:
    telling = import_module("responders.drills.telling")
    stations = import_module("responders.drills.record").Station
    yield f"self-test {drill.id}, begun by {drill.by} at {drill.started_at:%Y-%m-%d %H:%M:%S UTC}, through {drill.door}"
    yield from (shown(line) for line in telling.lines(drill))
    yield from (f"---- {station.value}: not reached" for station in stations if drill.passage(station) is None)
    if not drill.over:
        yield f"not over yet; by {drill.deadline_at:%H:%M:%S UTC} it counts as failed"
    elif drill.passed:
        yield f"PASSED in {(drill.finished_at - drill.started_at).total_seconds():.1f} s"
    else:
        yield shown(f"FAILED: {telling.why(drill)}")


def _json(drill: Any) -> str:
    plain = json.loads(to_json(drill))
    del plain["proof"], plain["partitions"], plain["schema"]
    for passage, found in zip(plain["passages"], drill.passages, strict=True):
        passage["seconds"] = drill.seconds(found.station)
    failed = drill.failed if drill.over else None
    return json.dumps({**plain, "passed": drill.passed, "failed": failed.value if failed else None}, indent=2)
