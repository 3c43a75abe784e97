"""Whether a plan is pre-approved. Pure: the policy, the plan, what Azure says of the registry, and the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from responders.fixes.record import Decision, Via
from responders.fixes.values import Declined, FixMode, NotFixed, Plan, Policy

__all__ = ["agreed", "allowed", "within_ceilings"]

_DAY = timedelta(hours=24)


def allowed(policy: Policy, plan: Plan, *, tags: Mapping[str, str], now: datetime) -> Declined | None:
    """Return what in the policy stands against the plan, ``None`` where it is pre-approved.

    ``tags`` are those of the registry's own resource: what infrastructure code keeps is left to it.
    """
    if not policy.on:
        return Declined(NotFixed.OFF, "fixes are off")
    if policy.expires is None or now >= policy.expires:
        ended = f"ended on {policy.expires:%Y-%m-%d}" if policy.expires is not None else "has no end, so it never began"
        return Declined(NotFixed.EXPIRED, f"the pre-approval {ended}: renew `expires` in [fixes]")
    if plan.registry_id.lower() not in policy.registries:
        return Declined(NotFixed.NOT_IN_POLICY, f"{plan.registry_name} is not among the registries of [fixes]")
    if plan.role_id not in {role.id for role in policy.roles}:
        return Declined(NotFixed.NOT_IN_POLICY, f"{plan.role_name} is not among the roles of [fixes]")
    listed = plan.principal_id.lower() in policy.principals
    if not listed and plan.workspace_id.lower() not in policy.workspaces:
        why = "neither the identity is among the principals of [fixes] nor its workspace among the workspaces"
        return Declined(NotFixed.NOT_IN_POLICY, why)
    return _excluded(policy, plan, tags)


def agreed(policy: Policy, decision: Decision | None) -> bool:
    """Tell whether what was decided so may be written in the mode in force: without a person's word in `auto` alone."""
    if decision is None or decision.via is Via.POLICY:
        return policy.mode is FixMode.AUTO
    return policy.writes


def within_ceilings(policy: Policy, plan: Plan, made: Iterable[tuple[str, datetime]], now: datetime) -> Declined | None:
    """Return which ceiling is reached by what was ``made`` in the last 24 hours: registry ids with their times."""
    lately = [registry for registry, at in made if at > now - _DAY]
    here = sum(registry.lower() == plan.registry_id.lower() for registry in lately)
    if len(lately) >= policy.per_day:
        return Declined(
            NotFixed.CEILING, f"{len(lately)} fixes were made in the last 24 hours, {policy.per_day} may be"
        )
    if here >= policy.per_registry:
        why = f"{here} fixes were made at {plan.registry_name} in the last 24 hours, {policy.per_registry} may be"
        return Declined(NotFixed.CEILING, why)
    return None


def _excluded(policy: Policy, plan: Plan, tags: Mapping[str, str]) -> Declined | None:
    for name, pattern in policy.excluded.items():
        value = next((held for tag, held in tags.items() if tag.lower() == name.lower()), None)
        if value is not None and pattern.matches(value):
            why = (
                f"{plan.registry_name} carries the tag {name}: infrastructure code keeps it and would take the fix "
                "back; add the assignment there (the message has it as Bicep)"
            )
            return Declined(NotFixed.EXCLUDED, why)
    return None
