"""The tables of ``docs/rights.md``: what each right is for and what is lost without it, from code and templates."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from diagnostics.judging import all_causes
from diagnostics.probing import all_probes
from diagnostics.rights import Right, rights
from responders.fixes.right import ADMINISTRATOR, ADMINISTRATOR_ID

__all__ = ["ROLES", "Role", "UnexplainedRole", "assigned_roles", "reader", "roles"]

INFRA = Path(__file__).resolve().parent.parent / "infra"
_GUID = re.compile(r"'([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'")
_NAMED = 5
"""Up to so many causes are named; of more the number is said."""

_ALWAYS = {
    "Microsoft.MachineLearningServices/workspaces/read": "no diagnosis at all: it says where run history is",
    "Microsoft.MachineLearningServices/workspaces/experiments/runs/read": "no diagnosis at all: the run cannot be read",
    "Microsoft.MachineLearningServices/workspaces/experiments/read": "no diagnosis, if run history asks for it",
    "Microsoft.MachineLearningServices/workspaces/jobs/read": "no diagnosis, if run history asks for it",
    "Microsoft.MachineLearningServices/workspaces/metadata/artifacts/read": "the run's error alone, not its logs",
}
"""What intake needs, before any cause is judged."""


class UnexplainedRole(ValueError):
    """A template assigns a role that nobody explained; the message names both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A built-in role that a template assigns: its name, who gets it where, why, and what is lost without it."""

    name: str
    who: str
    scope: str
    why: str
    without: str


ROLES: Mapping[str, Role] = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": Role(
        name="Storage Blob Data Owner",
        who="reader, fix host",
        scope="the app's own storage account; with `separateFixApp` the second app's host at one that only it reaches",
        why="the host's locks and keys, the code's package; evidence and diagnoses",
        without="the app does not start",
    ),
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": Role(
        name="Storage Queue Data Contributor",
        who="reader",
        scope="the app's own storage account",
        why="the queues between the functions",
        without="events are refused, and Event Grid tries again for a day",
    ),
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": Role(
        name="Storage Table Data Contributor",
        who="reader",
        scope="the app's own storage account",
        why="claims, records, incidents, deliveries, the audit",
        without="every run ends in the poison queue",
    ),
    "3913510d-42f4-4e42-8a64-420c390055eb": Role(
        name="Monitoring Metrics Publisher",
        who="reader",
        scope="the app's own Application Insights",
        why="its log and its counters; the component takes no key",
        without="nothing is seen of how the app works",
    ),
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": Role(
        name="AcrPull",
        who="reader",
        scope="each registry of `pullRegistries`",
        why="manifests, tags and layers' heads: whether the image is there",
        without="an absent tag or repository is never *confirmed*",
    ),
    "b93aa761-3e63-49ed-ac28-beffa264f7ac": Role(
        name="Container Registry Repository Reader",
        who="reader",
        scope="each registry of `pullRegistries` in ABAC mode",
        why="the same, where the registry does not honour AcrPull",
        without="as above",
    ),
    "4633458b-17de-408a-b874-0445c86b69e6": Role(
        name="Key Vault Secrets User",
        who="reader",
        scope="each secret of `secretIds`, not the vault",
        why="settings that are Key Vault references: webhooks, tokens",
        without="that channel or tracker is left out; `validate` and the log say so",
    ),
    ADMINISTRATOR_ID: Role(
        name=ADMINISTRATOR,
        who="fixer",
        scope="each registry of `fixRegistryIds`, under a condition",
        why="grants and takes back the two pull roles, to service principals alone",
        without="nothing is repaired; the message says what to do",
    ),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": Role(
        name="Storage Blob Data Contributor",
        who="each topic's own identity",
        scope="the container for dead letters",
        why="events that could not be delivered",
        without="Event Grid drops them after a day",
    ),
}


def reader(block: str) -> str:
    """Return the table of one block of the reader's rights: ``core``, ``network``, ``doctor`` or ``pull``."""
    chosen: Iterable[Right] = getattr(rights(), block)
    rows = [f"| `{right.action}` | {right.reason} | {_lost(right.action)} |" for right in chosen]
    return "\n".join(["| action | read for | without it |", "|---|---|---|", *rows])


def roles() -> str:
    """Return the table of the built-in roles that the templates assign; :class:`UnexplainedRole` for an unknown one."""
    found = assigned_roles()
    rows = [
        f"| {role.who} | {role.name} | {role.scope} | {role.why} | {role.without} |"
        for guid, role in ROLES.items()
        if guid in found
    ]
    head = ["| who | role | scope | why | without it |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def assigned_roles() -> frozenset[str]:
    """Return the ids of the built-in roles that the templates assign."""
    found = set()
    for guid, place in _guids():
        if guid not in ROLES:
            raise UnexplainedRole(f"{place} assigns the role {guid}: explain it in tools/rights_tables.py")
        found.add(guid)
    return frozenset(found)


def _guids() -> Iterator[tuple[str, str]]:
    for path in sorted(INFRA.rglob("*.bicep")):
        for guid in _GUID.findall(path.read_text(encoding="utf-8")):
            yield guid, path.name
    condition = INFRA / "fixer-condition.json"
    yield json.loads(condition.read_text(encoding="utf-8"))["role"], condition.name


def _lost(action: str) -> str:
    if action in _ALWAYS:
        return _ALWAYS[action]
    leaning = sorted(cause.id for cause in all_causes() if action in _actions(frozenset(cause.needs)))
    if not leaning:
        return "nothing is judged otherwise"
    if len(leaning) <= _NAMED:
        return "unknown for " + ", ".join(f"[`{cause}`](causes.md#{cause})" for cause in leaning)
    return f"unknown for {len(leaning)} of {len(all_causes())} causes"


@cache
def _actions(facts: frozenset[str]) -> frozenset[str]:
    """Return the actions by which ``facts``, and what they need first, are read."""
    found: set[str] = set()
    for name in facts:
        probe = all_probes()[name]
        found |= {*probe.actions, *_actions(frozenset(probe.needs))}
    return frozenset(found)
