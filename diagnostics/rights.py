"""``python -m diagnostics.rights``: the rights that reading needs, made from what the probes declare.

``--write`` writes ``infra/reader-role.json``, from which the deployment makes the custom role; ``--check`` tells by
its exit code (0 or 1) whether that file is current. ``--role NAME --scope SCOPE`` prints the role as ``az role
definition create`` and ``update`` take it.

Azure refuses a whole custom role for one action that no provider publishes (``InvalidActionOrNotAction``), so every
name here is one of Azure's permission reference (*Azure permissions for ...*) or of a probe's declaration.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from diagnostics.probing import Probe, all_probes
from diagnostics.serving import ACTIONS, READING_POST

__all__ = [
    "BLOCKS",
    "PULL",
    "ForbiddenAction",
    "Right",
    "Rights",
    "main",
    "refusal",
    "rights",
    "rights_of",
    "role_document",
]

DOCUMENT = Path(__file__).resolve().parent.parent / "infra" / "reader-role.json"
_COMMAND = "python -m diagnostics.rights --write"

PULL = "Microsoft.ContainerRegistry/registries/pull/read"
"""Reads images, not settings: AcrPull or Container Registry Repository Reader gives it, registry by registry."""

_WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
_RUN_HISTORY = "run history: why a run failed, its children, the links to its logs"
_UNDOCUMENTED = "run history; which of these actions it checks is not documented"

_INTAKE: Mapping[str, str] = {
    f"{_WORKSPACES}/read": "where a workspace's run history is, and its registry",
    f"{_WORKSPACES}/experiments/runs/read": _RUN_HISTORY,
    f"{_WORKSPACES}/experiments/read": _UNDOCUMENTED,
    f"{_WORKSPACES}/jobs/read": f"failed runs whose event never came; {_UNDOCUMENTED}",
    f"{_WORKSPACES}/metadata/artifacts/read": "the files of a run, its logs among them",
    "Microsoft.Authorization/permissions/read": "our own permissions: whether an empty list of assignments means none",
}
"""What is read of every failed run before any probe, and of ourselves."""

_NETWORK = (
    "Microsoft.Network/",
    "Microsoft.ResourceHealth/",
    "Microsoft.Insights/",
    f"{_WORKSPACES}/outboundRules/",
)
"""Beginnings of the actions that only the causes of network and outage need: a team may keep these back."""

_SERVING = (f"{_WORKSPACES}/onlineEndpoints/deployments/", f"{_WORKSPACES}/environments/versions/")
"""Beginnings of the actions that only failed deployments need: without them the sweep says that it is blind there."""

_DOCTOR: Mapping[str, str] = {
    "Microsoft.EventGrid/systemTopics/read": "whether a workspace has a system topic",
    "Microsoft.EventGrid/systemTopics/eventSubscriptions/read": "whether its failed runs are delivered to this app",
}
"""What only `python -m responders doctor` reads: no diagnosis needs it, so a team may keep it back."""

_READING_POSTS = frozenset({"Microsoft.ContainerRegistry/registries/runs/listLogSasUrl/action", READING_POST})
"""Actions that read, though Azure spells them as actions: the logs of an image's build and of a deployment."""

BLOCKS = ("core", "network", "serving", "doctor")
"""What the role can hold. The pull is never among it."""

_NAME = re.compile(r"Microsoft\.[A-Za-z]+(/[A-Za-z0-9]+)+")
_SECRET = re.compile(r"/(list[a-z]*keys?|[a-z]*credentials?|[a-z]*secrets?|[a-z]*accesstokens?)/", re.IGNORECASE)


class ForbiddenAction(ValueError):
    """A probe declares an action that a reader must not hold; the message names both."""


@dataclass(frozen=True, slots=True)
class Right:
    """One Azure action, and why it is needed, in words."""

    action: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """The reader's rights, by action: ``core``, the optional blocks, and ``pull``, which the role never holds.

    ``network`` is for causes of network and outage, ``serving`` for failed deployments of online endpoints, ``doctor``
    for whether events are delivered.
    """

    core: tuple[Right, ...]
    network: tuple[Right, ...]
    serving: tuple[Right, ...]
    doctor: tuple[Right, ...]
    pull: tuple[Right, ...]


def rights() -> Rights:
    """Return the rights that intake, log reading and every probe need."""
    return rights_of(all_probes().values())


def rights_of(probes: Iterable[Probe]) -> Rights:
    """Return the rights for ``probes``; :class:`ForbiddenAction` where one declares more than reading."""
    reasons = {action: [reason] for action, reason in (*_INTAKE.items(), *ACTIONS.items())}
    for probe in probes:
        for action in probe.actions:
            problem = refusal(action)
            if problem:
                raise ForbiddenAction(f"the probe {probe.name!r} declares {action!r}: {problem}")
            reasons.setdefault(action, []).append(probe.title)
    made = [Right(action, "; ".join(dict.fromkeys(reasons[action]))) for action in sorted(reasons, key=str.lower)]
    return Rights(
        core=tuple(right for right in made if not right.action.startswith((*_NETWORK, *_SERVING, PULL))),
        network=tuple(right for right in made if right.action.startswith(_NETWORK)),
        serving=tuple(right for right in made if right.action.startswith(_SERVING)),
        doctor=tuple(Right(action, reason) for action, reason in sorted(_DOCTOR.items())),
        pull=tuple(right for right in made if right.action == PULL),
    )


def refusal(action: str) -> str | None:
    """Say why a reader must not hold ``action``; ``None`` where it may."""
    if not _NAME.fullmatch(action):
        return "it is no single action's full name (wildcards are not allowed)"
    if _SECRET.search(action):
        return "it hands out secrets"
    if not action.endswith("/read") and action not in _READING_POSTS:
        return "it does more than read"
    return None


def _document() -> str:
    return json.dumps({"made by": _COMMAND, **asdict(rights())}, indent=2) + "\n"


def role_document(name: str, scopes: Sequence[str], blocks: Sequence[str]) -> str:
    """Return the custom role as the Azure CLI takes it (``az role definition create --role-definition``)."""
    made = rights()
    granted: list[Right] = [right for block in dict.fromkeys(blocks) for right in getattr(made, block)]
    return json.dumps(
        {
            "Name": name,
            "IsCustom": True,
            "Description": "Reads what decides why an Azure Machine Learning run could not pull its container image.",
            "Actions": [right.action for right in granted],
            "NotActions": [],
            "AssignableScopes": list(scopes),
        }
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print, write or check the file, 1 where it is not current; or print the role."""
    parser = argparse.ArgumentParser(prog="python -m diagnostics.rights", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help=f"write {DOCUMENT.name}")
    what.add_argument("--check", action="store_true", help=f"1 where {DOCUMENT.name} is not current")
    what.add_argument("--role", metavar="NAME", help="print the custom role for `az role definition create`")
    parser.add_argument("--scope", action="append", metavar="SCOPE", help="with --role: where it can be assigned")
    parser.add_argument("--block", action="append", choices=BLOCKS, help="with --role: what it holds (default: core)")
    arguments = parser.parse_args(argv)
    if arguments.role:
        if not arguments.scope:
            parser.error("--role needs a --scope, such as /subscriptions/ID")
        sys.stdout.write(role_document(arguments.role, arguments.scope, arguments.block or ("core",)) + "\n")
        return 0
    made = _document()
    if arguments.write:
        DOCUMENT.write_text(made, encoding="utf-8")
    elif not arguments.check:
        sys.stdout.write(made)
    elif not DOCUMENT.exists() or DOCUMENT.read_text(encoding="utf-8") != made:
        sys.stderr.write(f"infra/{DOCUMENT.name} is not what the code says: run `{_COMMAND}`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
