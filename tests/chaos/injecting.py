"""The remote parties, and the ways in which each of them fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

__all__ = ["KINDS", "PARTIES", "Kind", "Party", "applies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Whom the app speaks to: which calls are to it, and whether it is a place that people hear from.

    ``answers_anything``: a flow may answer whatever its maker wrote, so that no JSON of it is a wrong one.
    ``storage``: the part of the responder's own storage account that it is.
    """

    name: str
    call: Mapping[str, str] = field(default_factory=dict)
    channel: str = ""
    answers_anything: bool = False
    storage: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One way to fail. ``passes`` says that it is over after a while, ``refuses`` that it reads as a refusal for good;
    ``skew`` is the worker's clock's.
    """

    name: str
    fault: Mapping[str, Any] | None
    passes: bool = False
    refuses: bool = False
    skew: timedelta = timedelta(0)

    def faults_of(self, party: Party) -> tuple[Mapping[str, Any], ...]:
        """Return the scenario's fault by which ``party`` fails so; none where it is the worker's clock that does."""
        return () if self.fault is None else ({"call": dict(party.call), **self.fault},)


PARTIES = (
    Party(name="identity", call={"host": r"127\.0\.0\.1", "path": "/msi/token.*"}),
    Party(name="run history", call={"host": r".*\.api\.azureml\.ms"}),
    Party(name="Resource Manager", call={"host": r"management\.azure\.com"}),
    Party(name="registry", call={"host": r".*\.azurecr\.io"}),
    Party(name="log blobs", call={"host": r".*\.blob\.core\.windows\.net"}),
    Party(
        name="Slack",
        call={"host": r"hooks\.slack\.com", "path": "/services/T0000000000/B0000000001/.*"},
        channel="slack",
    ),
    Party(name="Slack app", call={"host": r"slack\.com"}, channel="slack_bot"),
    Party(
        name="Teams",
        call={"host": r".*\.(?:logic\.azure|api\.powerplatform)\.com"},
        channel="teams",
        answers_anything=True,
    ),
    Party(name="GitHub", call={"host": r"api\.github\.com"}, channel="github"),
    Party(name="Azure DevOps", call={"host": r"dev\.azure\.com"}, channel="azure_devops"),
    Party(name="Jira", call={"host": r".*\.atlassian\.net"}, channel="jira"),
    Party(name="ServiceNow", call={"host": r".*\.service-now\.com"}, channel="servicenow"),
    Party(name="tables", storage="Table", channel="slack_bot"),
    Party(name="evidence blobs", storage="Blob", channel="slack_bot"),
    Party(name="wake-up queue", storage="Queue", channel="slack_bot"),
)

_SHAPELESS = "JSON of another shape"
_UNTRUSTED = "certificate not trusted"

KINDS = (
    Kind(name="latency", fault={"latency_ms": 150}),
    Kind(name="429, then well", fault={"status": 429, "times": 2}, passes=True),
    Kind(name="429 for 1 s, then well", fault={"retry_after": 1, "times": 1}, passes=True),
    Kind(name="429 for an hour", fault={"retry_after": 3600}),
    Kind(name="500", fault={"status": 500}),
    Kind(name="503, then well", fault={"status": 503, "times": 2}, passes=True),
    Kind(name="cut connection", fault={"cut": True}),
    Kind(name="cut, then well", fault={"cut": True, "times": 1}, passes=True),
    Kind(name="half an answer", fault={"half": True}),
    Kind(name="half, then well", fault={"half": True, "times": 1}, passes=True),
    Kind(name="answer lost, then well", fault={"cut": True, "done_first": True, "times": 3}, passes=True),
    Kind(name="a page instead of JSON", fault={"body": "<html><body>Bad gateway</body></html>"}),
    Kind(name=_SHAPELESS, fault={"body": '{"value": 7, "ok": "yes", "error": []}'}),
    Kind(name="token expired", fault={"status": 401}),
    Kind(name="token expired, then well", fault={"status": 401, "times": 1}, passes=True, refuses=True),
    Kind(name=_UNTRUSTED, fault={"untrusted": True}),
    Kind(name="our clock 10 min ahead", fault=None, skew=timedelta(minutes=10)),
    Kind(name="our clock 10 min behind", fault=None, skew=-timedelta(minutes=10)),
)


def applies(kind: Kind, party: Party) -> bool:
    """Whether ``party`` can fail so: our own clock is nobody's fault and is tried once; the emulator of storage speaks
    HTTP, so there is no certificate.
    """
    if kind.fault is None:
        return party is PARTIES[0]
    if party.storage:
        return kind.name != _UNTRUSTED
    return not (party.answers_anything and kind.name == _SHAPELESS)
