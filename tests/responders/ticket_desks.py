"""Trackers as a person sees them: a sandbox, a clock that stands still, and hands that close and decline tickets."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Protocol

import pytest
import requests
from ticket_samples import NOW

from responders.channels import Options
from responders.declarations import Secret
from responders.tickets import TicketQueue, Tracker, discover
from sandbox import Sandbox, parse_scenario

Json = dict[str, Any]


@dataclass
class Clock:
    """The time of the sandbox and of the caller alike."""

    now: datetime = NOW

    def pass_by(self, **time: float) -> datetime:
        """Let time pass; return what it is then."""
        self.now += timedelta(**time)
        return self.now

    def unix(self) -> float:
        """Return the time in seconds."""
        return self.now.timestamp()


class Hands(Protocol):
    """What a person does in a tracker's own interface."""

    @property
    def name(self) -> str:
        """The tracker's name."""

    @property
    def options(self) -> Mapping[str, str]:
        """Its fields that are no secrets."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of its secrets."""

    @property
    def create(self) -> Mapping[str, str]:
        """The call that creates a ticket."""

    def tickets(self, desk: Desk) -> list[str]:
        """Return the references of every ticket, oldest first."""

    def state(self, desk: Desk, ref: str) -> str:
        """Return ``open`` or ``closed``, as the product says it."""

    def text(self, desk: Desk, ref: str) -> str:
        """Return the ticket's first text."""

    def comments(self, desk: Desk, ref: str) -> list[str]:
        """Return what was written in it since."""

    def close(self, desk: Desk, ref: str) -> None:
        """Close it as done."""

    def decline(self, desk: Desk, ref: str) -> None:
        """Close it as something that will not be done."""


@dataclass
class Desk:
    """One sandbox with one tracker in it."""

    sandbox: Sandbox
    clock: Clock
    hands: Hands
    begun: list[datetime] = field(default_factory=list)
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def tracker(self) -> Tracker:
        """The tracker by its name."""
        return next(one for one in discover() if one.name == self.hands.name)

    def options(self, **changes: str) -> Options:
        """Return options that the sandbox accepts; every secret of it is the sentinel."""
        values = {one.name: one.default for one in self.tracker.fields if not one.secret}
        values |= {**self.hands.options, **changes}
        return Options(values=values, secrets={name: Secret(self.sandbox.sentinel) for name in self.hands.secrets})

    def queue(self, **changes: str) -> TicketQueue:
        """Return a queue as production makes it."""
        options = self.options(**changes)
        assert self.tracker.problems(options) == {}
        return self.tracker.connect(options)

    def call(self, method: str, url: str, body: object = None, **headers: str) -> Any:
        """Make one request as a person; it must succeed."""
        answer = self.session.request(method, url, json=body, headers=headers, timeout=20)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def written(self) -> list[str]:
        """Return method and path of each request that writes, in order."""
        made = [call for call in self.sandbox.calls if call.method in ("POST", "PATCH", "PUT")]
        reads = ("/search/jql", "/_apis/wit/wiql")
        return [f"{call.method} {call.path}" for call in made if not any(read in call.path for read in reads)]


Start = Callable[..., Desk]


@contextmanager
def desks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Give a function that opens a desk with faults, and points this process at it."""
    opened: list[Desk] = []

    def begin(hands: Hands, *faults: Json) -> Desk:
        clock = Clock()
        scenario = parse_scenario({"world": {"cloud": "AzureCloud"}, "faults": list(faults)})
        desk = Desk(Sandbox(scenario, now=clock.unix).start(), clock, hands)
        opened.append(desk)
        for name, value in desk.sandbox.environment.items():
            monkeypatch.setenv(name, value)
        return desk

    yield begin
    for desk in opened:
        desk.session.close()
        desk.sandbox.stop()


class GitHubHands:
    """github.com, as the member of a team uses it."""

    name = "github"
    options = MappingProxyType({"repository": "halvorsen/ml-platform"})
    secrets = ("token",)
    create = MappingProxyType({"host": "api.github.com", "path": "/repos/[^/]+/[^/]+/issues", "method": "POST"})
    _base = "https://api.github.com/repos/halvorsen/ml-platform/issues"

    def _ask(self, desk: Desk, method: str, path: str, body: object = None) -> Any:
        return desk.call(method, self._base + path, body, Authorization=f"Bearer {desk.sandbox.sentinel}")

    def tickets(self, desk: Desk) -> list[str]:
        return sorted(str(one["number"]) for one in self._ask(desk, "GET", "?state=all&per_page=100"))

    def state(self, desk: Desk, ref: str) -> str:
        return str(self._ask(desk, "GET", f"/{ref}")["state"])

    def text(self, desk: Desk, ref: str) -> str:
        return str(self._ask(desk, "GET", f"/{ref}")["body"])

    def comments(self, desk: Desk, ref: str) -> list[str]:
        return [one["body"] for one in self._ask(desk, "GET", f"/{ref}/comments?per_page=100")]

    def close(self, desk: Desk, ref: str) -> None:
        self._ask(desk, "PATCH", f"/{ref}", {"state": "closed", "state_reason": "completed"})

    def decline(self, desk: Desk, ref: str) -> None:
        self._ask(desk, "PATCH", f"/{ref}", {"state": "closed", "state_reason": "not_planned"})


class AzureDevOpsHands:
    """Azure Boards, as the member of a team uses it; the app itself comes by its managed identity."""

    name = "azure_devops"
    options = MappingProxyType({"organization": "halvorsen", "project": "ML Platform"})
    secrets: tuple[str, ...] = ()
    create = MappingProxyType({"host": "dev.azure.com", "path": r".*/_apis/wit/workitems/\$Bug", "method": "POST"})
    _base = "https://dev.azure.com/halvorsen/ML%20Platform/_apis/wit/workitems"

    def _ask(self, desk: Desk, method: str, path: str, body: object = None) -> Any:
        token = base64.b64encode(f":{desk.sandbox.sentinel}".encode()).decode()
        headers = {"Authorization": f"Basic {token}"}
        if body is not None:
            headers["Content-Type"] = "application/json-patch+json"
        return desk.call(method, f"{self._base}{path}{'&' if '?' in path else '?'}api-version=7.1", body, **headers)

    def _set(self, desk: Desk, ref: str, **fields: str) -> None:
        names = {"state": "System.State", "reason": "System.Reason", "steps": "Microsoft.VSTS.TCM.ReproSteps"}
        patch = [{"op": "add", "path": f"/fields/{names[name]}", "value": value} for name, value in fields.items()]
        self._ask(desk, "PATCH", f"/{ref}", patch)

    def tickets(self, desk: Desk) -> list[str]:
        ids = ",".join(map(str, range(1, 20)))
        return [str(one["id"]) for one in self._ask(desk, "GET", f"?ids={ids}")["value"] if one]

    def state(self, desk: Desk, ref: str) -> str:
        state = self._ask(desk, "GET", f"/{ref}")["fields"]["System.State"]
        return "closed" if state in ("Closed", "Resolved") else "open"

    def text(self, desk: Desk, ref: str) -> str:
        return str(self._ask(desk, "GET", f"/{ref}")["fields"]["Microsoft.VSTS.TCM.ReproSteps"])

    def comments(self, desk: Desk, ref: str) -> list[str]:
        return [one["text"] for one in reversed(self._ask(desk, "GET", f"/{ref}/comments")["comments"])]

    def close(self, desk: Desk, ref: str) -> None:
        self._set(desk, ref, state="Closed")

    def decline(self, desk: Desk, ref: str) -> None:
        self._set(desk, ref, state="Closed", reason="As Designed")


class JiraHands:
    """Jira, as the member of a team uses it."""

    name = "jira"
    options = MappingProxyType({"site": "halvorsen", "email": "pullmedic@halvorsen.example", "project": "OPS"})
    secrets = ("api_token",)
    create = MappingProxyType({"host": "halvorsen.atlassian.net", "path": "/rest/api/3/issue", "method": "POST"})
    _base = "https://halvorsen.atlassian.net/rest/api/3/issue"

    def _ask(self, desk: Desk, method: str, path: str, body: object = None) -> Any:
        pair = f"{self.options['email']}:{desk.sandbox.sentinel}"
        headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        return desk.call(method, f"{self._base}{path}", body, **headers)

    def tickets(self, desk: Desk) -> list[str]:
        found = []
        for number in range(10_001, 10_010):
            pair = f"{self.options['email']}:{desk.sandbox.sentinel}"
            headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
            answer = desk.session.get(f"{self._base}/{number}", headers=headers, timeout=20)
            found += [str(number)] if answer.ok else []
        return found

    def state(self, desk: Desk, ref: str) -> str:
        status = self._ask(desk, "GET", f"/{ref}?fields=status")["fields"]["status"]
        return "closed" if status["statusCategory"]["key"] == "done" else "open"

    def text(self, desk: Desk, ref: str) -> str:
        return json.dumps(self._ask(desk, "GET", f"/{ref}?fields=description"), ensure_ascii=False)

    def comments(self, desk: Desk, ref: str) -> list[str]:
        newest = self._ask(desk, "GET", f"/{ref}/comment")["comments"]
        return [" ".join(_texts(one["body"])) for one in reversed(newest)]

    def move(self, desk: Desk, ref: str, transition: str, resolution: str) -> None:
        """Take a transition with a resolution."""
        body = {"transition": {"id": transition}, "fields": {"resolution": {"name": resolution}}}
        self._ask(desk, "POST", f"/{ref}/transitions", body)

    def close(self, desk: Desk, ref: str) -> None:
        self.move(desk, ref, "31", "Done")

    def decline(self, desk: Desk, ref: str) -> None:
        self.move(desk, ref, "31", "Won't Do")


def _texts(node: Any) -> Iterator[str]:
    if node["type"] == "text":
        yield node["text"]
    for child in node.get("content", []):
        yield from _texts(child)


class ServiceNowHands:
    """ServiceNow, as the member of a team uses it."""

    name = "servicenow"
    options = MappingProxyType({"instance": "halvorsen", "user": "pullmedic"})
    secrets = ("password",)
    create = MappingProxyType(
        {"host": "halvorsen.service-now.com", "path": "/api/now/table/incident", "method": "POST"}
    )
    _base = "https://halvorsen.service-now.com/api/now/table/incident"

    def _ask(self, desk: Desk, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {desk.sandbox.sentinel}"}
        return desk.call(method, f"{self._base}{path}", body, **headers)["result"]

    def set(self, desk: Desk, ref: str, **fields: str) -> None:
        """Write fields of one incident."""
        self._ask(desk, "PATCH", f"/{ref}", fields)

    def tickets(self, desk: Desk) -> list[str]:
        return sorted(one["sys_id"] for one in self._ask(desk, "GET", ""))

    def state(self, desk: Desk, ref: str) -> str:
        return "closed" if self._ask(desk, "GET", f"/{ref}")["state"] in ("6", "7", "8") else "open"

    def text(self, desk: Desk, ref: str) -> str:
        return str(self._ask(desk, "GET", f"/{ref}")["description"])

    def comments(self, desk: Desk, ref: str) -> list[str]:
        notes = self._ask(desk, "GET", f"/{ref}?sysparm_display_value=true")["work_notes"]
        return [entry for entry in re.split(r"(?m)^\S+ \S+ - Pullmedic \(Work notes\)$", notes) if entry.strip()]

    def close(self, desk: Desk, ref: str) -> None:
        self.set(desk, ref, state="6", close_code="Solution provided", close_notes="done")

    def decline(self, desk: Desk, ref: str) -> None:
        self.set(desk, ref, state="8")


EVERY: tuple[Hands, ...] = (GitHubHands(), AzureDevOpsHands(), JiraHands(), ServiceNowHands())
