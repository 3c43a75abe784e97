"""What the causes about the right to pull have in common: what they explain and need, and what is to be done."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._admin import relies_on_admin_user
from diagnostics.causes._commands import grant_bicep, grant_command
from diagnostics.causes._credentials import foreign_host, gone_identity, stored_connection, used_token
from diagnostics.model import Remedy
from diagnostics.permissions import Right
from diagnostics.pull_right import PullRight
from diagnostics.pull_roles import role_name
from diagnostics.pullers import PullerKind
from diagnostics.verdicts import Judgement, compatible, contradicted

__all__ = [
    "AUTH_SYMPTOMS",
    "RIGHT_FACTS",
    "grant_remedies",
    "no_right_needed",
    "set_aside",
]

_NOT_THE_COMPUTE = "it was an image build that was refused, and that does not pull as the compute"

AUTH_SYMPTOMS = frozenset(
    {"unauthorized", "forbidden", "identity-misconfigured", "insufficient-evidence", "admin-user-disabled"}
)
"""The last is what a client says that falls back to the admin user after the identity was refused."""

RIGHT_FACTS = (
    *("compute", "registry", "role-grants", "role-visibility", "pull-identities"),
    *("workspace-connections", "registry-token"),
)


def grant_remedies(right: PullRight, advice: str) -> tuple[Remedy, ...]:
    """Return how to grant the pull in the registry's own mode, or to run again where that has been done since."""
    if right.now is Right.GRANTED:
        return (Remedy(title="Run again: the right has been granted since"),)
    registry = right.registry
    role = role_name(abac=registry.abac)
    return (
        Remedy(
            title=f"Grant {role} on {registry.name} to {right.principal_id}",
            detail=(
                f"Portal: {registry.name} > Access control (IAM) > Add role assignment > {role} > Managed identity. "
                f"{advice}"
            ),
            command=grant_command(registry, right.principal_id),
            bicep=grant_bicep(registry, right.principal_id),
        ),
    )


def set_aside(case: Case, title: str) -> Judgement | None:
    """Return what there is to say without a look at any right: not the compute pulled, or no role counts for it."""
    if case.while_building:
        return compatible(title, _NOT_THE_COMPUTE)
    needless = no_right_needed(case)
    return contradicted(needless) if needless else None


def no_right_needed(case: Case) -> str | None:
    """Return why the pull needs no role at all, or why none could help, or ``None``."""
    if foreign_host(case):
        return f"{foreign_host(case)} is no Azure registry: Azure's roles do not count there"
    gone = gone_identity(case)
    if gone is not None:
        return f"the identity {gone.name} has been deleted, so no role could help it"
    if case.registry is not None and case.registry.anonymous_pull:
        return f"{case.registry.name} lets anybody pull without a credential"
    token = used_token(case)
    if token is not None:
        return f"the pull logs in with the registry's own token {token.name}, which no role helps"
    stored = stored_connection(case)
    if stored is not None and not case.captured("identity"):
        return f"the workspace's connection {stored.name} logs in at {stored.host}"
    if case.puller is not None and case.puller.kind is PullerKind.ADMIN_USER:
        return f"the pull relies on the admin user: {case.puller.reason}"
    relied_on = relies_on_admin_user(case)
    return f"the pull relies on the admin user: {relied_on}" if relied_on else None
