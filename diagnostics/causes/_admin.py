"""When a pull relies on the registry's admin user."""

from __future__ import annotations

from diagnostics.case import Case

__all__ = ["relies_on_admin_setting", "relies_on_admin_user"]

_NOTHING_ELSE = frozenset({"ContainerInstance", "ACI"})
"""Kinds of compute that pull with the admin user's credentials and can do nothing else (deployments to ACI)."""

_FALLBACK = "admin-off"
"""The signature of a client that tried the admin user last, after what it relied on was refused."""


def relies_on_admin_setting(case: Case) -> bool:
    """Return whether the run's own definition names the admin user: its name is always the registry's."""
    details, registry = case.evidence.details, case.registry
    if details is None or registry is None or not details.registry_username:
        return False
    return details.registry_username.lower() == registry.name.lower()


def relies_on_admin_user(case: Case) -> str | None:
    """Return why the pull relies on the admin user, or ``None``."""
    if relies_on_admin_setting(case):
        return "the run's definition logs in as the admin user"
    if case.compute is not None and case.compute.kind in _NOTHING_ELSE:
        return f"a compute of the kind {case.compute.kind} pulls with the admin user alone"
    if case.primary is not None and case.symptom == "admin-user-disabled" and case.primary.signature != _FALLBACK:
        return "the log says that the admin user was wanted"
    return None
