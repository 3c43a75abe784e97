"""Fixes in every state, as the tests of messages share them: the samples' missing role, given back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import responder_samples as samples

from responders.fixes.record import Decision, Fix, FixState, Via
from responders.fixes.seen import FixSeen, see
from responders.fixes.values import Approvers, FixMode, Plan

INCIDENT = "9f2c41d07be58a36-1"
PAGE = f"https://app.example/api/incidents/{INCIDENT}"
REGISTRY = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/acr1"
APPROVERS = Approvers(slack=frozenset({"U0000000123"}))
NO_RIGHT = (
    "the fixer may not write role assignments on acr1: give it the right\n"
    "az role assignment create --assignee-object-id 5e5e --role 'Role Based Access Control Administrator' --scope acr1"
)
_WHY = {
    FixState.DECLINED: NO_RIGHT,
    FixState.IN_DOUBT: "tried 8 times: HTTP 503",
    FixState.NOT_EFFECTIVE: "the right is there, and a run failed again after it",
    FixState.STALE: "the registry changed its mode",
    FixState.FAILED: "Azure refused it: the limit of role assignments is reached",
    FixState.UNDO_FAILED: "somebody changed the assignment since",
}
_DECIDED = frozenset(FixState) - {FixState.DECLINED, FixState.PROPOSED, FixState.WAITING, FixState.EXPIRED}
_WRITTEN = _DECIDED - {FixState.APPROVED, FixState.REJECTED, FixState.STALE, FixState.FAILED}
_UNDONE = frozenset({FixState.UNDOING, FixState.UNDONE, FixState.UNDO_FAILED})


def decision(**changes: Any) -> Decision:
    """Return an approver's decision."""
    values: dict[str, Any] = {
        "by_id": "U0000000123",
        "by": "dana.weber",
        "via": Via.SLACK,
        "at": samples.NOW + timedelta(minutes=3),
    }
    return Decision(**values | changes)


def plan(**changes: Any) -> Plan:
    """Return the plan that gives cpu-4's identity its role."""
    values: dict[str, Any] = {
        "incident_id": INCIDENT,
        "cause": "pull-role-missing",
        "workspace_id": samples.WORKSPACE,
        "run_id": "calm_net_7xk2",
        "registry_id": REGISTRY,
        "registry_name": "acr1",
        "principal_id": "0f1e0f1e-0f1e-0f1e-0f1e-0f1e0f1e0f1e",
        "principal_words": "the system-assigned identity of cpu-4",
        "role_name": "AcrPull",
        "role_id": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    }
    return Plan(**values | changes)


def fix(state: FixState = FixState.WAITING, **changes: Any) -> Fix:
    """Return a fix in ``state``, with what its record holds by then."""
    written = state in _WRITTEN
    values: dict[str, Any] = {
        "incident_id": INCIDENT,
        "mode": FixMode.PROPOSE if state is FixState.PROPOSED else FixMode.APPROVE,
        "state": state,
        "planned_at": samples.NOW,
        "changed_at": samples.NOW,
        "plan": plan(),
        "reason": "fixer-lacks-the-right" if state is FixState.DECLINED else "",
        "why": _WHY.get(state, ""),
        "expires_at": samples.NOW + timedelta(hours=24),
        "decision": decision() if state in _DECIDED else None,
        "assignment_id": plan().assignment_id if written else "",
        "created": written,
        "applied_at": samples.NOW + timedelta(minutes=4) if written and state is not FixState.IN_DOUBT else None,
        "verified_at": samples.NOW + timedelta(minutes=6) if state is FixState.VERIFIED else None,
        "undo": decision(by="kim", via=Via.PAGE) if state in _UNDONE else None,
        "undone_at": samples.NOW + timedelta(minutes=20) if state is FixState.UNDONE else None,
    }
    return Fix(**values | changes)


def seen(state: FixState = FixState.WAITING, *, approvers: Approvers = APPROVERS, **changes: Any) -> FixSeen:
    """Return what a message shows of :func:`fix`."""
    shown = see(fix(state, **changes), approvers=approvers, page_url=PAGE)
    assert shown is not None
    return shown
