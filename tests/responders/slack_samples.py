"""What the tests of Slack's app share: notices about an incident, and a conversation with the simulated workspace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import responder_samples as samples

from responders.blocks import Report
from responders.channels import Conversation, Options, slack_bot
from responders.declarations import Secret
from responders.notices import Action, ActionKind, IncidentSummary, Notice, NoticeKind
from responders.report import build_report
from sandbox import Sandbox, Scenario, parse_scenario

INCIDENT = "9f2c41d07be58a36-1"
ACTIONS = (
    Action(ActionKind.RIGHT, "Right diagnosis"),
    Action(ActionKind.WRONG, "Wrong diagnosis"),
    Action(ActionKind.SNOOZE, "Snooze"),
    Action(ActionKind.APPROVE, "Approve the fix", offer="0123456789abcdef", question="Write this now?"),
    Action(ActionKind.REJECT, "Reject", offer="0123456789abcdef", question="Nothing is written then."),
    Action(ActionKind.UNDO, "Undo the fix", offer="0123456789abcdef", question="Remove this again?"),
)


def summary(**changes: Any) -> IncidentSummary:
    """Return an open incident."""
    values: dict[str, Any] = {
        "id": INCIDENT,
        "fingerprint": "9f2c41d07be58a36",
        "state": "open",
        "cause": "pull-role-missing",
        "status": "confirmed",
        "target": "acr1|0f1e",
        "workspaces": (samples.WORKSPACE,),
        "count": 1,
        "opened_at": samples.NOW,
        "last_at": samples.NOW,
    }
    return IncidentSummary(**values | changes)


def report(**changes: Any) -> Report:
    """Return the report of the missing role; ``changes`` are the finding's."""
    found = samples.diagnosis(findings=(samples.finding(**changes),)) if changes else samples.diagnosis()
    return build_report(found, samples.evidence())


def notice(**changes: Any) -> Notice:
    """Return the notice that opens :func:`summary`, with every answer on offer."""
    values: dict[str, Any] = {
        "kind": NoticeKind.OPENED,
        "key": f"inc-{INCIDENT}",
        "report": changes.get("report") or report(),
        "incident": summary(),
        "actions": ACTIONS,
    }
    return Notice(**values | changes)


def world(*faults: Mapping[str, Any]) -> Scenario:
    """Return a world with nothing in it but ``faults`` of Slack's Web API."""
    stated = [{"call": {"host": "slack.com", **fault.get("call", {})}, **_without_call(fault)} for fault in faults]
    return parse_scenario({"world": {"cloud": "AzureCloud"}, "faults": stated})


def options(sandbox: Sandbox, **changes: str) -> Options:
    """Return what the app's destination is set up with; ``changes`` replace fields."""
    workspace = sandbox.slack_workspace
    values = {
        "token": workspace.token,
        "signing_secret": workspace.signing_secret,
        "channel_id": "C0000000001",
    } | changes
    secrets = {name: Secret(values[name]) for name in ("token", "signing_secret")}
    return Options(values={"channel_id": values["channel_id"]}, secrets=secrets)


def conversation(sandbox: Sandbox, **changes: str) -> Conversation:
    """Return the app's conversation in its channel."""
    return slack_bot.CHANNEL.connect(options(sandbox, **changes))


def texts(value: Any) -> Iterator[str]:
    """Yield every string that Slack would show."""
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        for member in value.values():
            yield from texts(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from texts(member)


def _without_call(fault: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fault.items() if key != "call"}
