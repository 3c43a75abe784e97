"""The workspace connection that the pull uses holds a credential that is expired or refused."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.causes._credentials import connections_to, named_identity, registry_host, workspace_words
from diagnostics.credential_facts import Connection
from diagnostics.model import PullStep, Remedy
from diagnostics.pullers import PullerKind
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("registry", "compute", "workspace-connections")
_PASSWORD_REFUSED = frozenset({"wrong-password", "password-words"})
"""Signatures of a registry's login that refuses a user name with its password: a stored pair is meant."""


class ConnectionCredentialWrong:
    """A secret is never read; its expiry is public, and a refused password is the registry's own statement."""

    id = "connection-credential-wrong"
    title = "The credential of the workspace connection for the registry is expired or refused"
    step = PullStep.IDENTITY
    rank = 25
    masked = False
    explains = frozenset({"unauthorized", "forbidden"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the one connection for the registry had expired, or its password was refused."""
        host = registry_host(case) or case.registry_words
        found = connections_to(case)
        if found is None:
            return unread(self.title, f"connection to {host}", *case.unread("workspace-connections"))
        stored = [it for it in found if it.has_secret]
        if not stored:
            return contradicted(f"the workspace has no connection with a stored credential for {host}")
        if _another_credential(case):
            return contradicted(f"the pull did not use the connection {stored[0].name}: {_another_credential(case)}")
        expired = [it for it in stored if it.expires_at is not None and it.expires_at <= case.failed_at]
        if len(expired) == len(stored):
            return _expired(case, expired[0])
        if len(stored) == 1 and _password_refused(case) and not _may_be_admin(case):
            return _refused(case, stored[0])
        unseen = f"whether {host} still takes the credential of the connection {stored[0].name}: Azure does not show it"
        return unread(self.title, _target(stored[0]), unseen, remedies=_renew(case, stored[0]))


def _target(connection: Connection) -> str:
    return f"connection {connection.name} to {connection.host}"


def _another_credential(case: Case) -> str | None:
    details, named = case.evidence.details, named_identity(case)
    if details is not None and details.registry_username:
        return "the run's definition has a user name of its own"
    return f"the log says that the identity {named} pulled" if named else None


def _may_be_admin(case: Case) -> bool:
    return case.puller is None or case.puller.kind is PullerKind.ADMIN_USER


def _password_refused(case: Case) -> bool:
    return case.primary is not None and case.primary.signature in _PASSWORD_REFUSED


def _expired(case: Case, connection: Connection) -> Judgement:
    when = f"{connection.expires_at:%Y-%m-%d %H:%M} UTC"
    return proven(
        f"The credential of the connection {connection.name} for {connection.host} expired on {when}",
        _target(connection),
        f"{connection.name} is the workspace's connection for {connection.host} ({connection.auth_type})",
        f"it expired on {when}, before the run failed",
        remedies=_renew(case, connection),
    )


def _refused(case: Case, connection: Connection) -> Judgement:
    said = case.primary.text.strip()[:200] if case.primary else ""
    return proven(
        f"{connection.host} refuses the credential of the connection {connection.name}",
        _target(connection),
        f"the registry's login says so itself: {said}",
        f"{connection.name} ({connection.auth_type}) is all that the workspace keeps for {connection.host}",
        remedies=_renew(case, connection),
    )


def _renew(case: Case, connection: Connection) -> tuple[Remedy, ...]:
    workspace, group = workspace_words(case)
    return (
        Remedy(
            title=f"Renew the credential of the connection {connection.name}",
            detail=(
                f"Studio: Settings > Connections > {connection.name} > Edit. For a repository-scoped token look first "
                "whether it is enabled and its password valid: the registry > Repository permissions > Tokens."
            ),
            command=az(
                "ml", "connection", "show", "--name", connection.name, "--workspace-name", workspace,
                "--resource-group", group,
            ),
        ),
    )  # fmt: skip


CAUSE = ConnectionCredentialWrong()
