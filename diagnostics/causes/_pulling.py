"""What the causes about the right to pull have in common: what they explain and need, and what is to be done."""

from __future__ import annotations

from collections.abc import Callable

from diagnostics.case import Case
from diagnostics.causes._admin import relies_on_admin_user
from diagnostics.causes._commands import grant_bicep, grant_command
from diagnostics.causes._credentials import foreign_host, gone_identity, stored_connection, used_token
from diagnostics.describing import mode_words
from diagnostics.model import Remedy
from diagnostics.permissions import Right
from diagnostics.pull_right import PullRight, pull_right, right_unread
from diagnostics.pull_roles import role_name
from diagnostics.pullers import PullerKind
from diagnostics.verdicts import Judgement, Proof, compatible, contradicted, unread

__all__ = [
    "AUTH_SYMPTOMS",
    "RIGHT_FACTS",
    "UNDATED",
    "grant_remedies",
    "in_abac_mode",
    "mode_unsure",
    "no_right_needed",
    "right_needless",
    "set_aside",
]

_NOT_THE_COMPUTE = "it was an image build that was refused, and that does not pull as the compute"

UNDATED = "a role carries no time, so it may have come after the failure"
"""What is not known of a role that may be the one."""

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
    return right_needless(case, title)


def mode_unsure(case: Case) -> tuple[str, ...]:
    """Say that the registry's mode may have been the other one when the run failed; empty where nobody changed it."""
    registry, changed = case.registry, case.registry_changed
    if registry is None or changed is None:
        return ()
    return (f"{registry.name} works in the mode {mode_words(registry)} now, but {changed}",)


def in_abac_mode(case: Case, title: str, by_right: Callable[[Case, PullRight], Judgement]) -> Judgement:
    """Return what ``by_right`` says of the right that counts in the ABAC mode.

    Where the registry may have worked in the other mode when the run failed, that proves nothing.
    """
    right, unsure = pull_right(case, abac=True), mode_unsure(case)
    if right is None:
        return unread(title, case.registry_words, *unsure, *right_unread(case))
    said = by_right(case, right)
    if not unsure or said.proof is Proof.CONTRADICTED:
        return said
    now = case.registry is not None and case.registry.abac
    return unread(title, said.target, *unsure, remedies=said.remedies if now else ())


def right_needless(case: Case, title: str) -> Judgement | None:
    """Return that no role matters to the pull, or that none may, where only a registry changed since says so."""
    always, now = _never_needed(case), _not_needed_now(case)
    if always or not now:
        return contradicted(always) if always else None
    changed = case.registry_changed
    return unread(title, case.registry_words, f"{now} now, but {changed}") if changed else contradicted(now)


def no_right_needed(case: Case) -> str | None:
    """Return why the pull needs no role at all, or why none could help, or ``None``."""
    return _never_needed(case) or _not_needed_now(case)


def _never_needed(case: Case) -> str | None:
    if foreign_host(case):
        return f"{foreign_host(case)} is no Azure registry: Azure's roles do not count there"
    gone = gone_identity(case)
    if gone is not None:
        return f"the identity {gone.name} has been deleted, so no role could help it"
    token = used_token(case)
    if token is not None:
        return f"the pull logs in with the registry's own token {token.name}, which no role helps"
    stored = stored_connection(case)
    if stored is not None and not case.captured("identity"):
        return f"the workspace's connection {stored.name} logs in at {stored.host}"
    relied_on = relies_on_admin_user(case)
    return f"the pull relies on the admin user: {relied_on}" if relied_on else None


def _not_needed_now(case: Case) -> str | None:
    """Return what the registry's own settings make needless, as they were when we looked."""
    if case.registry is not None and case.registry.anonymous_pull:
        return f"{case.registry.name} lets anybody pull without a credential"
    if case.puller is not None and case.puller.kind is PullerKind.ADMIN_USER:
        return f"the pull relies on the admin user: {case.puller.reason}"
    return None
