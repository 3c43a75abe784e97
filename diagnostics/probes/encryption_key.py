"""Whether the registry's customer-managed key, and the identity that uses it, are there and usable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import NotFound, NotPermitted, ReadFailed
from diagnostics.facts import Registry, RegistryLookup
from diagnostics.image_facts import EncryptionKey
from diagnostics.listing import subscriptions
from diagnostics.model import Fact
from diagnostics.probes._shapes import member, text
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_REGISTRY_API = "2025-11-01"
_IDENTITY_API = "2023-01-31"
_VAULT_API = "2023-07-01"


class EncryptionKeyProbe:
    """Reads the key and its identity as Resource Manager's resources; the vault itself is never contacted.

    Source: *Encrypt registry with a customer-managed key*; ``Microsoft.KeyVault/vaults/keys`` and its ``versions``
    api-version 2023-07-01, ``Microsoft.ManagedIdentity/userAssignedIdentities`` api-version 2023-01-31. A registry that
    names a version uses no other; without one it follows the newest. What the vault's firewall and access policies
    allow is not read, and nothing of a key that is no vault's (a managed HSM's).
    """

    name = "encryption-key"
    title = "the registry's encryption key"
    value_type: type = EncryptionKey
    needs: tuple[str, ...] = ("registry",)
    actions: tuple[str, ...] = (
        "Microsoft.KeyVault/vaults/read",
        "Microsoft.KeyVault/vaults/keys/read",
        "Microsoft.KeyVault/vaults/keys/versions/read",
        "Microsoft.KeyVault/deletedVaults/read",
        "Microsoft.KeyVault/checkNameAvailability/read",
        "Microsoft.ContainerRegistry/registries/read",
        "Microsoft.ManagedIdentity/userAssignedIdentities/read",
    )

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return an :class:`EncryptionKey`; a broken key is told though its identity is unread, and the reverse."""
        lookup: RegistryLookup = facts["registry"]
        if lookup.found is None:
            raise ReadFailed("there is no registry whose encryption could be read")
        key_id = lookup.found.encryption_key or ""
        value = _both(lookup.found, key_id, reach) if key_id else EncryptionKey(key_id="")
        return control_plane(value, "the registry's settings and its key vault", reach)


def _both(registry: Registry, key_id: str, reach: Reach) -> EncryptionKey:
    value, failed = EncryptionKey(key_id=key_id), []
    for part in (_key, _identity):
        try:
            value = part(value, registry, reach)
        except ReadFailed as error:
            failed.append(error)
    if failed and not value.broken:
        raise failed[0]
    return value


def _key(value: EncryptionKey, registry: Registry, reach: Reach) -> EncryptionKey:
    vault, name, version = _parts(value.key_id, reach.cloud.vault_suffix)
    found = next((it for it in _vaults(registry, reach) if (text(it, "name") or "").lower() == vault), None)
    where = text(found, "id")
    if where is None:
        if _vault_gone(registry, vault, reach):
            return replace(value, key="gone", vault_gone=True)
        raise ReadFailed(f"the key vault {vault} is in no subscription that we can list")
    path = f"{where}/keys/{quote(name, safe='')}" + (f"/versions/{quote(version, safe='')}" if version else "")
    try:
        key = reach.arm.get(path, api_version=_VAULT_API)
    except NotFound:
        return replace(value, key="gone")
    attributes = member(key, "properties", "attributes")
    return replace(value, key=_state(attributes, reach.now()), changed_at=_moment(member(attributes, "updated")))


def _parts(key_id: str, suffix: str) -> tuple[str, str, str]:
    """Return vault, key and version of ``https://VAULT.vault.azure.net/keys/KEY[/VERSION]``; no version is empty."""
    parts = urlsplit(key_id)
    folder, _, rest = parts.path.strip("/").partition("/")
    name, _, version = rest.partition("/")
    host = parts.hostname or ""
    vault = host.removesuffix(suffix)
    if not host.endswith(suffix) or not vault or "." in vault or folder != "keys" or not name or "/" in version:
        raise ReadFailed("the key's identifier is not that of a key vault")
    return vault, name, version


def _subscriptions(registry: Registry, reach: Reach) -> Iterator[str]:
    own = (resource_part(registry.id, "subscriptions") or "").lower()
    yield own
    try:
        others = subscriptions(reach)
    except NotPermitted:
        return
    yield from (found for found in others if found != own)


def _vaults(registry: Registry, reach: Reach) -> Iterator[Mapping[str, Any]]:
    for subscription in _subscriptions(registry, reach):
        path = f"/subscriptions/{subscription}/providers/Microsoft.KeyVault/vaults"
        yield from reach.arm.pages(path, api_version=_VAULT_API)


def _vault_gone(registry: Registry, vault: str, reach: Reach) -> bool:
    """Tell whether the vault is among the deleted ones, or its name is free, so that it is nowhere."""
    provider = f"/subscriptions/{resource_part(registry.id, 'subscriptions')}/providers/Microsoft.KeyVault"
    for deleted in reach.arm.pages(f"{provider}/deletedVaults", api_version=_VAULT_API):
        if (text(deleted, "name") or "").lower() == vault:
            return True
    asked = {"name": vault, "type": "Microsoft.KeyVault/vaults"}
    answer = reach.arm.post(f"{provider}/checkNameAvailability", api_version=_VAULT_API, body=asked)
    return member(answer, "nameAvailable") is True


def _state(attributes: Any, now: datetime) -> str:
    expires, starts = _moment(member(attributes, "exp")), _moment(member(attributes, "nbf"))
    if member(attributes, "enabled") is False:
        return "disabled"
    if expires is not None and expires <= now:
        return "expired"
    return "not-yet-valid" if starts is not None and starts > now else "usable"


def _moment(seconds: Any) -> datetime | None:
    """Read a time that Key Vault writes as seconds since 1970."""
    plain = isinstance(seconds, int) and not isinstance(seconds, bool) and 0 < seconds < 2**35
    return datetime.fromtimestamp(seconds, UTC) if plain else None


def _identity(value: EncryptionKey, registry: Registry, reach: Reach) -> EncryptionKey:
    """Tell whether the identity that uses the key still exists; a system-assigned one goes with the registry."""
    if not registry.encryption_identity:
        return replace(value, identity="usable")
    resource = reach.arm.get(registry.id, api_version=_REGISTRY_API)
    assigned = member(resource, "identity", "userAssignedIdentities")
    ids = dict(assigned) if isinstance(assigned, Mapping) else {}
    wanted = registry.encryption_identity.lower()
    named = [where for where, it in ids.items() if (text(it, "clientId") or "").lower() == wanted] or list(ids)
    if len(named) != 1:
        raise ReadFailed("which of the registry's identities uses the key could not be told")
    name = named[0].rsplit("/", 1)[-1]
    try:
        reach.arm.get(named[0], api_version=_IDENTITY_API)
    except NotFound:
        return replace(value, identity="gone", identity_name=name)
    return replace(value, identity="usable", identity_name=name)


PROBE = EncryptionKeyProbe()
