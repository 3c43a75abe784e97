"""The workspace connection that the pull uses holds a credential that is expired or refused."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.causes._credentials import connections_to, named_identity, registry_host, workspace_words
from diagnostics.credential_facts import Connection, RegistryToken
from diagnostics.facts import Registry
from diagnostics.model import PullStep, Remedy
from diagnostics.pullers import PullerKind
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("registry", "compute", "workspace-connections", "registry-token")
_PASSWORD_REFUSED = frozenset({"wrong-password", "password-words"})
"""Signatures of a registry's login that refuses a user name with its password: a stored pair is meant."""


class ConnectionCredentialWrong:
    """A secret is never read; its expiry is public, and a refused password is the registry's own statement."""

    id = "connection-credential-wrong"
    title = "The stored credential for the registry is expired, disabled or refused"
    step = PullStep.IDENTITY
    rank = 25
    masked = False
    explains = frozenset({"unauthorized", "forbidden"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where what the pull logs in with had expired, is disabled, or was refused.

        That is the registry's token which the run's definition names, else the one connection for the registry.
        """
        host = registry_host(case) or case.registry_words
        by_token = _by_token(case)
        if by_token is not None:
            return by_token
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


def _by_token(case: Case) -> Judgement | None:
    """Judge the repository-scoped token that the run's definition names, ``None`` where it names none."""
    details, registry = case.evidence.details, case.registry
    user = details.registry_username if details is not None else None
    token = case.value("registry-token", RegistryToken)
    if not user or (case.lookup is not None and registry is None) or (token is not None and not token.found):
        return None
    if token is None or registry is None:
        missed = case.unread("registry") if registry is None else case.unread("registry-token")
        return unread(ConnectionCredentialWrong.title, f"user {user} of {case.registry_words}", *missed)
    target = f"token {token.name} of {registry.login_server}"
    ended = [end for end in token.expiries if end is not None and end <= case.failed_at]
    over = bool(token.expiries) and len(ended) == len(token.expiries)
    if not token.enabled:
        what = f"The token {token.name} of {registry.name} is disabled"
        remedies = (*_enable_token(registry, token), *(_renew_token(registry, token) if over else ()))
        return proven(what, target, "the run's definition logs in with it", remedies=remedies)
    if over:
        what = f"Every password of the token {token.name} of {registry.name} has expired"
        said = f"the last one on {max(ended):%Y-%m-%d %H:%M} UTC, before the run failed"
        return proven(what, target, said, remedies=_renew_token(registry, token))
    image = case.image
    if image is not None and token.scope_map and not token.may_pull(image.repository):
        what = f"The token {token.name} of {registry.name} may not read {image.repository}"
        said = f"its scope map {token.scope_map} allows: {', '.join(token.actions[:5]) or 'nothing'}"
        return proven(what, target, said, remedies=_widen(registry, token, image.repository))
    return unread(
        ConnectionCredentialWrong.title,
        target,
        f"whether the run's definition has a password of the token {token.name} that still counts",
        remedies=_renew_token(registry, token),
    )


def _enable_token(registry: Registry, token: RegistryToken) -> tuple[Remedy, ...]:
    return (
        Remedy(
            title=f"Enable the token {token.name} of {registry.name}: its passwords then count again",
            detail=f"Portal: {registry.name} > Repository permissions > Tokens > {token.name} > Status.",
            command=az(
                "acr", "token", "update", "--registry", registry.name, "--name", token.name, "--status", "enabled"
            ),
        ),
    )


def _renew_token(registry: Registry, token: RegistryToken) -> tuple[Remedy, ...]:
    return (
        Remedy(
            title=f"Give the token {token.name} a new password, then put that where the run has it",
            detail=f"Portal: {registry.name} > Repository permissions > Tokens > {token.name}.",
            command=az(
                "acr", "token", "credential", "generate", "--registry", registry.name, "--name", token.name,
                "--password1",
            ),
        ),
    )  # fmt: skip


def _widen(registry: Registry, token: RegistryToken, repository: str) -> tuple[Remedy, ...]:
    scope_map = token.scope_map or ""
    return (
        Remedy(
            title=f"Let the scope map {scope_map} read {repository}",
            detail=f"Portal: {registry.name} > Repository permissions > Scope maps > {scope_map}.",
            command=az(
                "acr", "scope-map", "update", "--registry", registry.name, "--name", scope_map,
                "--add-repository", repository, "content/read", "metadata/read",
            ),
        ),
    )  # fmt: skip


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
