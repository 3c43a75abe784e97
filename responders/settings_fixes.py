"""The part of the settings that pre-approves fixes: ``[fixes]`` of the settings file. Anything doubtful reads as *off*.

Elsewhere a mistake costs what it stands in; here it switches everything off, since half a policy is another policy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from diagnostics.pull_roles import ACR_PULL, REPOSITORY_READER, PullRole
from responders.fixes.values import Approvers, FixMode, Policy, Repositories
from responders.globs import Glob
from responders.settings_keys import APPROVERS, FIXES, Key
from responders.settings_places import Place
from responders.settings_values import Values

__all__ = ["EXCLUDED", "LONGEST_APPROVAL", "read_fixes"]

T = TypeVar("T")

LONGEST_APPROVAL = timedelta(days=366)
"""A pre-approval ends: nobody remembers it for longer."""

EXCLUDED: Mapping[str, str] = {
    "managed-by": "*",
    "managedBy": "*",
    "managed_by": "*",
    "provisioned-by": "*",
    "provisioner": "*",
    "iac": "*",
    "iac-tool": "*",
    "terraform": "*",
    "opentofu": "*",
    "bicep": "*",
    "pulumi": "*",
    "azd-env-name": "*",
}
"""Tags by which teams mark what infrastructure code keeps; what is written beside it is taken back."""

_SECTION = "fixes"
_REGISTRY = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourcegroups/[^/*?#]{1,90}/providers/microsoft\.containerregistry/registries/"
    r"[a-z0-9]{5,50}/?",
    re.IGNORECASE,
)
_WORKSPACE = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourcegroups/[^/*?#]{1,90}/providers/microsoft\.machinelearningservices/workspaces/"
    r"[^/*?#]{1,64}/?",
    re.IGNORECASE,
)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,30}")
_APP_ROLE = re.compile(r"[A-Za-z0-9._:-]{1,120}")
_ROLES: Mapping[str, PullRole] = {role.name: role for role in (ACR_PULL, REPOSITORY_READER)}


def read_fixes(table: Mapping[str, Any], values: Values, now: datetime) -> Policy:
    """Return the policy that ``[fixes]`` states; the one that is off where anything in it is wrong."""
    before = values.mistakes
    policy = _Fixes(table, values).policy()
    if values.mistakes == before and policy.on:
        _check(policy, table, values, now)
    if values.mistakes == before:
        return policy
    values.wrong((_SECTION,), "something in it is wrong, so no fix is planned, offered or made")
    return Policy()


class _Fixes:
    """The section under validation."""

    def __init__(self, table: Mapping[str, Any], values: Values) -> None:
        self._table = table
        self._values = values

    def policy(self) -> Policy:
        self._values.keys(self._table, (_SECTION,), FIXES)
        usual = Policy()
        word = self._read("mode", lambda v, p: self._values.word(v, p, tuple(FixMode), "a mode"), FixMode.OFF.value)
        narrow = self._read(
            "repositories",
            lambda v, p: self._values.word(v, p, tuple(Repositories), "a width"),
            usual.repositories.value,
        )
        per_day = self._number("per_day", usual.per_day)
        return Policy(
            mode=FixMode(word),
            registries=self._ids("registries", _REGISTRY, "the resource id of a registry, without a pattern"),
            workspaces=self._ids("workspaces", _WORKSPACE, "the resource id of a workspace, without a pattern"),
            principals=self._ids("principals", _GUID, "an object id (a GUID)"),
            roles=self._roles(usual.roles),
            repositories=Repositories(narrow),
            approvers=self._approvers(),
            per_day=per_day,
            per_registry=self._number("per_registry", min(usual.per_registry, per_day)),
            expires=self._read("expires", self._values.moment, None),
            excluded=self._excluded(),
            approve_within=self._read(
                "approve_within", lambda v, p: self._values.span(v, p, _KEYS["approve_within"]), usual.approve_within
            ),
            run_again=self._read("run_again", self._values.truth, usual.run_again),
        )

    def _read(self, name: str, read: Callable[[Any, Place], T | None], default: T) -> T:
        """Return what a key says, ``default`` where it is not there, or wrong, which has been told then."""
        if name not in self._table:
            return default
        found = read(self._table[name], (_SECTION, name))
        return default if found is None else found

    def _number(self, name: str, default: int) -> int:
        return self._read(name, lambda v, p: self._values.number(v, p, _KEYS[name]), default)

    def _ids(
        self, name: str, shape: re.Pattern[str], what: str, within: Mapping[str, Any] | None = None
    ) -> frozenset[str]:
        return frozenset(one.rstrip("/").lower() for one in self._texts(name, shape, what, within))

    def _texts(
        self, name: str, shape: re.Pattern[str], what: str, within: Mapping[str, Any] | None = None
    ) -> tuple[str, ...]:
        table = self._table if within is None else within
        place: Place = (_SECTION, name) if within is None else (_SECTION, "approvers", name)

        def one(value: Any, at: Place) -> str | None:
            text = self._values.text(value, at)
            if text is not None and not shape.fullmatch(text):
                self._values.wrong(at, f"{what} is expected")
                return None
            return text

        read = self._values.items(table[name], place, one) if name in table else None
        return tuple(read.items) if read is not None else ()

    def _roles(self, default: frozenset[PullRole]) -> frozenset[PullRole]:
        def one(value: Any, at: Place) -> PullRole | None:
            word = self._values.word(value, at, tuple(_ROLES), "one of the two pull roles")
            return _ROLES[word] if word is not None else None

        if "roles" not in self._table:
            return default
        read = self._values.items(self._table["roles"], (_SECTION, "roles"), one)
        return frozenset(read.items) if read is not None else frozenset()

    def _approvers(self) -> Approvers:
        place: Place = (_SECTION, "approvers")
        table = self._values.table(self._table["approvers"], place) if "approvers" in self._table else {}
        if not table:
            return Approvers()
        self._values.keys(table, place, APPROVERS)
        return Approvers(
            slack=frozenset(self._texts("slack", _SLACK_USER, "a Slack member's id (U0123456789)", table)),
            groups=self._ids("groups", _GUID, "the object id of a group", table),
            app_roles=frozenset(self._texts("app_roles", _APP_ROLE, "the value of an app role", table)),
        )

    def _excluded(self) -> Mapping[str, Glob]:
        if "excluded_tags" not in self._table:
            return {name: Glob(text) for name, text in EXCLUDED.items()}
        place: Place = (_SECTION, "excluded_tags")
        table = self._values.table(self._table["excluded_tags"], place) or {}
        found = {str(name): self._values.glob(value, (*place, name)) for name, value in table.items()}
        return {name: glob for name, glob in found.items() if glob is not None}


def _check(policy: Policy, table: Mapping[str, Any], values: Values, now: datetime) -> None:
    """Tell what a policy that is on cannot be without."""
    for name, message in (*_lacks(policy), *_end(policy, now), *_ceilings(policy, table)):
        values.wrong((_SECTION, name), message)


def _lacks(policy: Policy) -> Iterator[tuple[str, str]]:
    if not policy.registries:
        yield "registries", "at least one registry has to be named"
    if not policy.workspaces and not policy.principals:
        yield "workspaces", "workspaces or principals have to be named: whose identity may get the role?"
    if not policy.roles:
        yield "roles", "no role may be granted: name one, or leave it out for both"
    if policy.mode is FixMode.APPROVE and not policy.approvers.anybody:
        yield "approvers", "nobody may approve: name members of Slack, groups or app roles"


def _end(policy: Policy, now: datetime) -> Iterator[tuple[str, str]]:
    if policy.expires is None:
        yield "expires", "a pre-approval has to end: name a time, a year ahead at most"
    elif policy.expires <= now:
        yield "expires", "the pre-approval has ended"
    elif policy.expires - now > LONGEST_APPROVAL:
        yield "expires", f"a pre-approval lasts {LONGEST_APPROVAL.days} days at most"


def _ceilings(policy: Policy, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for ceiling in ("per_day", "per_registry") if policy.mode is FixMode.AUTO else ():
        if ceiling not in table:
            yield ceiling, "nobody is asked in the mode auto, so this ceiling has to be named"
    if policy.per_registry > policy.per_day:
        yield "per_registry", "it is more than per_day"


_KEYS: Mapping[str, Key] = {key.name: key for key in FIXES}
