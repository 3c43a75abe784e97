"""What the causes about credentials have in common: whose registry the image is in, and what could log in there."""

from __future__ import annotations

from diagnostics.azure.arm import resource_part
from diagnostics.case import Case
from diagnostics.credential_facts import Connection, Connections, NamedIdentity, PullIdentities
from diagnostics.pullers import PullerKind
from diagnostics.references import registry_name, same_registry

__all__ = [
    "connections_to",
    "foreign_host",
    "gone_identity",
    "named_identity",
    "registry_host",
    "stored_connection",
    "tried_anonymously",
    "workspace_words",
]

_ANONYMOUS = frozenset({"public", "anonymous"})


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
    return tuple(it for it in known.connections if it.host == host or same_registry(it.host, login))


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
    named, puller = named_identity(case), case.puller
    relied = puller.identity.resource_id if puller and puller.kind is PullerKind.IDENTITY and puller.identity else None
    wanted = {(relied or "").lower(), named or ""} - {""}
    return next((it for it in gone if it.resource_id.lower() in wanted), None)


def tried_anonymously(case: Case) -> bool:
    """Return whether the log says that the pull was made without any credential, and by no other way."""
    modes = {s.captured["mode"].lower() for s in case.evidence.symptoms if s.captured.get("mode")}
    return bool(modes) and modes <= _ANONYMOUS


def workspace_words(case: Case) -> tuple[str, str]:
    """Return the workspace's name and resource group, for a command."""
    where = case.evidence.run.workspace_id
    return where.rsplit("/", 1)[-1], resource_part(where, "resourceGroups") or ""
