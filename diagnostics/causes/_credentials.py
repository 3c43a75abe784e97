"""What the causes about credentials have in common: whose registry the image is in, and what could log in there."""

from __future__ import annotations

from diagnostics.azure.arm import resource_part
from diagnostics.case import Case
from diagnostics.credential_facts import Connection, Connections, NamedIdentity, PullIdentities, RegistryToken
from diagnostics.pullers import PullerKind
from diagnostics.references import registry_name, same_registry

__all__ = [
    "connections_to",
    "foreign_host",
    "gone_identity",
    "login_unseen",
    "named_identity",
    "registry_host",
    "stored_connection",
    "tried_anonymously",
    "used_token",
    "workspace_words",
]

_ANONYMOUS = frozenset({"public", "anonymous"})
_DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
"""Docker Hub's hosts: an image names the first, ``docker login`` the second, and the registry's API is at the third."""


def registry_host(case: Case) -> str | None:
    """Return the host that the image is pulled from, as a client would write it."""
    if case.image is not None:
        return case.image.registry.lower()
    return case.lookup.host if case.lookup is not None else None


def foreign_host(case: Case) -> str | None:
    """Return the host where it is none of Azure's container registries: no role and no identity counts there."""
    host = registry_host(case)
    listed = case.registry is not None
    return host if host is not None and not listed and registry_name(host) is None else None


def connections_to(case: Case) -> tuple[Connection, ...] | None:
    """Return the workspace's connections for the image's registry, ``None`` where they could not be read."""
    known, host = case.value("workspace-connections", Connections), registry_host(case)
    if known is None or host is None:
        return None
    login = case.registry.login_server if case.registry else host
    return tuple(it for it in known.connections if _plain(it.host) == _plain(host) or same_registry(it.host, login))


def _plain(host: str) -> str:
    """Return a registry's host in one spelling; another port is another registry, 443 is the one that is implied."""
    plain = host.lower().removesuffix(":443")
    return "docker.io" if plain in _DOCKER_HUB else plain


def stored_connection(case: Case) -> Connection | None:
    """Return a connection that logs in at the image's registry with something stored, where one is known."""
    return next((it for it in connections_to(case) or () if it.has_secret), None)


def named_identity(case: Case) -> str | None:
    """Return the identity that the log names, in lower case."""
    named = case.captured("identity")
    return named.lower() if named else None


def gone_identity(case: Case) -> NamedIdentity | None:
    """Return the identity that the pull relies on, where its own resource is gone."""
    known = case.value("pull-identities", PullIdentities)
    gone = [it for it in known.identities if not it.found] if known is not None else []
    wanted = {_relied_on(case), _resource_named(case)} - {""}
    return next((it for it in gone if it.resource_id.lower() in wanted), None)


def login_unseen(case: Case) -> tuple[str, ...]:
    """Say what was not seen of who logs in: a user-assigned identity that is deleted has no use for a role, and a
    connection may log in at a registry that is not the workspace's own, unless the log names the identity that did;
    so may a token whose name the run's definition has as its user, and an admin user that was on until somebody changed
    the registry.
    """
    lost_identity = case.value("pull-identities", PullIdentities) is None and bool(_relied_on(case))
    own = named_identity(case) is not None or (case.lookup is not None and case.lookup.attached)
    lost_connection = connections_to(case) is None and not own
    lost_token = case.value("registry-token", RegistryToken) is None and _may_use_token(case)
    lost = (
        ("pull-identities", lost_identity),
        ("workspace-connections", lost_connection),
        ("registry-token", lost_token),
    )
    unsure = (case.admin_unsure,) if case.admin_unsure else ()
    return (*case.unread(*(name for name, missed in lost if missed)), *unsure)


def used_token(case: Case) -> RegistryToken | None:
    """Return the registry's own token that the run's definition logs in with; ``None`` where it is not known to."""
    token = case.value("registry-token", RegistryToken)
    return token if token is not None and token.found and _may_use_token(case) else None


def _may_use_token(case: Case) -> bool:
    """Tell whether the run's definition has a user who is not the admin, and the log names no identity that pulled."""
    details = case.evidence.details
    user = details.registry_username if details is not None else None
    admin = case.registry is not None and (user or "").lower() == case.registry.name.lower()
    return bool(user) and not admin and named_identity(case) is None


def _relied_on(case: Case) -> str:
    """Return the resource id of the user-assigned identity that pulls, in lower case; empty where it is none."""
    puller = case.puller
    relied = puller.identity if puller is not None and puller.kind is PullerKind.IDENTITY else None
    return ((relied.resource_id if relied else None) or "").lower()


def _resource_named(case: Case) -> str:
    """Return the resource id of the identity that the log names by any of its ids, in lower case."""
    named, compute = named_identity(case) or "", case.compute
    for own in compute.identities if compute is not None else ():
        if named in {(it or "").lower() for it in (own.principal_id, own.client_id)} - {""}:
            return (own.resource_id or "").lower()
    return named


def tried_anonymously(case: Case) -> bool:
    """Return whether the log says that the pull was made without any credential, and by no other way."""
    modes = {s.captured["mode"].lower() for s in case.evidence.symptoms if s.captured.get("mode")}
    return bool(modes) and modes <= _ANONYMOUS


def workspace_words(case: Case) -> tuple[str, str]:
    """Return the workspace's name and resource group, for a command."""
    where = case.evidence.run.workspace_id
    return where.rsplit("/", 1)[-1], resource_part(where, "resourceGroups") or ""
