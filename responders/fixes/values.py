"""What a team approves beforehand, what is planned from it, and the named reasons for which nothing is offered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from diagnostics.pull_roles import ACR_PULL, REPOSITORY_READER, PullRole
from responders.globs import Glob

__all__ = [
    "API_VERSION",
    "FIXABLE",
    "Approvers",
    "Declined",
    "FixMode",
    "NotFixed",
    "Plan",
    "Policy",
    "Repositories",
]

FIXABLE = frozenset({"pull-role-missing", "pull-role-ignored-in-abac-mode"})
"""The causes that a pull role repairs."""

API_VERSION = "2022-04-01"
"""Of ``Microsoft.Authorization/roleAssignments``."""


class FixMode(StrEnum):
    """How far the app may go by itself."""

    OFF = "off"
    PROPOSE = "propose"
    APPROVE = "approve"
    AUTO = "auto"


class NotFixed(StrEnum):
    """Why no fix is offered, or an offered one is not made; the value names it in log, record and metric."""

    OFF = "fixes-are-off"
    NOT_FIXABLE = "cause-is-none-that-a-role-repairs"
    NOT_CONFIRMED = "diagnosis-is-not-confirmed"
    NO_ANSWER = "azure-did-not-say-enough"
    NOT_IN_POLICY = "not-pre-approved"
    EXPIRED = "pre-approval-has-expired"
    EXCLUDED = "registry-is-kept-by-infrastructure-code"
    CEILING = "ceiling-of-the-day-is-reached"
    NO_RIGHT = "fixer-lacks-the-right"
    GRANTED_SINCE = "right-is-there-meanwhile"
    CHANGED = "world-changed-since-the-plan"


class Repositories(StrEnum):
    """What a role's condition names in a registry that is in ABAC mode."""

    REPOSITORY = "repository"
    PREFIX = "prefix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvers:
    """Who decides: Slack user ids (``U0123456789``); for the page, Entra group object ids and app roles."""

    slack: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    app_roles: frozenset[str] = frozenset()

    @property
    def anybody(self) -> bool:
        """Whether there is a way in which somebody can approve."""
        return bool(self.slack or self.groups or self.app_roles)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is pre-approved. Resource and object ids are in lower case.

    ``workspaces`` pre-approve the identity of their compute, ``principals`` single identities. ``per_day`` and
    ``per_registry`` are the most assignments in 24 hours, altogether and at one registry. ``expires`` ends the
    pre-approval. A registry that has one of the tags ``excluded`` (name to a pattern of its value) is left alone.
    An offer is open for ``approve_within``. ``run_again`` submits the failed job again once the fix is verified.
    """

    mode: FixMode = FixMode.OFF
    registries: frozenset[str] = frozenset()
    workspaces: frozenset[str] = frozenset()
    principals: frozenset[str] = frozenset()
    roles: frozenset[PullRole] = frozenset({ACR_PULL, REPOSITORY_READER})
    repositories: Repositories = Repositories.REPOSITORY
    approvers: Approvers = field(default_factory=Approvers)
    per_day: int = 5
    per_registry: int = 2
    expires: datetime | None = None
    excluded: Mapping[str, Glob] = field(default_factory=dict)
    approve_within: timedelta = timedelta(hours=24)
    run_again: bool = False

    @property
    def on(self) -> bool:
        """Whether anything at all may be planned."""
        return self.mode is not FixMode.OFF

    @property
    def writes(self) -> bool:
        """Whether anything may be written to Azure."""
        return self.mode in {FixMode.APPROVE, FixMode.AUTO}


@dataclass(frozen=True, slots=True)
class Declined:
    """No fix: the named reason, and in a sentence what stands in the way and what to do."""

    reason: NotFixed
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One role assignment, worked out from Azure's own answers alone; nothing in it comes from a log.

    ``registry_id`` is the scope, as Resource Manager writes it. ``principal_words`` say whose identity it is.
    ``condition`` is empty where the role counts for the whole registry. ``before`` and ``after`` say in words what
    reaches the identity.
    """

    incident_id: str
    cause: str
    workspace_id: str
    run_id: str
    registry_id: str
    registry_name: str
    principal_id: str
    principal_words: str
    role_name: str
    role_id: str
    condition: str = ""
    repository: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def assignment_name(self) -> str:
        """The same GUID for the same registry, identity, role and condition, so that a repeated write makes one."""
        parts = (self.registry_id.lower(), self.principal_id.lower(), self.role_id, self.condition)
        return str(uuid5(NAMESPACE_URL, "\n".join(("pullmedic-fix", *parts))))

    @property
    def assignment_id(self) -> str:
        """The resource id of what is written."""
        return f"{self.registry_id}/providers/Microsoft.Authorization/roleAssignments/{self.assignment_name}"

    @property
    def role_definition_id(self) -> str:
        """The role's id in the registry's subscription."""
        subscription = "/".join(self.registry_id.split("/")[:3])
        return f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{self.role_id}"

    @property
    def description(self) -> str:
        """What the assignment says of itself in Azure: by whom it was made, and for which incident."""
        return f"Pullmedic, incident {self.incident_id}"

    @property
    def body(self) -> dict[str, Any]:
        """The body of the request, by the contract of ``roleAssignments`` 2022-04-01.

        ``principalType`` is set, so that an identity that was made just now is not looked for in the directory.
        """
        properties: dict[str, Any] = {
            "principalId": self.principal_id,
            "principalType": "ServicePrincipal",
            "roleDefinitionId": self.role_definition_id,
            "description": self.description,
        }
        if self.condition:
            properties |= {"condition": self.condition, "conditionVersion": "2.0"}
        return {"properties": properties}

    @property
    def request(self) -> str:
        """The exact request, as a person reads it."""
        line = f"PUT {self.assignment_id}?api-version={API_VERSION}"
        return f"{line}\n\n{json.dumps(self.body, indent=2)}"

    @property
    def digest(self) -> str:
        """What an approval is given for: it changes with anything that would be written."""
        return hashlib.sha256(self.request.encode()).hexdigest()[:16]
