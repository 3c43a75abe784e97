"""The registry cannot use its customer-managed key, so it can read none of its images."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.causes._serving import at
from diagnostics.facts import Registry
from diagnostics.image_facts import EncryptionKey
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("registry", "encryption-key")


class EncryptionKeyUnreachable:
    """Source: *Encrypt registry with a customer-managed key*: without key or identity every data-plane call fails."""

    id = "encryption-key-unreachable"
    title = "The registry's customer-managed key or its identity is not usable"
    step = PullStep.NETWORK
    rank = 75
    masked = False
    everywhere = True
    explains = frozenset({"registry-unavailable", "forbidden"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the key, its vault or the identity that uses it is gone, disabled or expired."""
        registry, key = case.registry, case.value("encryption-key", EncryptionKey)
        if registry is None or (key is None and registry.encryption_key):
            return unread(self.title, case.registry_words, *case.unread(*_NEEDS), remedies=_remedies(registry, key))
        if key is None or not key.key_id:
            return contradicted(f"{registry.name} is encrypted with Microsoft's own key")
        target = f"encryption of {registry.id.lower()}"
        if not key.broken:
            open_ = (
                "the key and its identity are there; what the vault's firewall and access policies allow was not read"
            )
            return unread(self.title, target, open_, remedies=_remedies(registry, key))
        headline = f"{registry.name} cannot use its encryption key: {', '.join(key.broken)}"
        if key.changed_at is not None and key.changed_at > case.failed_at and key.identity in (None, "usable"):
            later = f"the key was changed on {at(key.changed_at)}, after the failure"
            return unread(headline, target, later, remedies=_remedies(registry, key))
        reasons = [f"{registry.name} is encrypted with {key.key_id}", *key.broken]
        return proven(headline, target, *reasons, remedies=_remedies(registry, key))


def _remedies(registry: Registry | None, key: EncryptionKey | None) -> tuple[Remedy, ...]:
    if registry is None or key is None or not key.key_id:
        return (Remedy(title="Restore the registry's encryption key, or the identity's access to it"),)
    vault = key.key_id.removeprefix("https://").split(".")[0]
    name, _, version = key.key_id.rstrip("/").split("/keys/")[-1].partition("/")
    remedies = []
    if key.vault_gone:
        command = az("keyvault", "recover", "--name", vault)
        remedies.append(Remedy(title=f"Recover the deleted key vault {vault}", command=command))
    elif key.key == "gone":
        command = az("keyvault", "key", "recover", "--vault-name", vault, "--name", name)
        remedies.append(Remedy(title=f"Recover the deleted key {name} in {vault}", command=command))
    elif key.key == "disabled":
        which = ("--name", name, *(("--version", version) if version else ()))
        command = az("keyvault", "key", "set-attributes", "--vault-name", vault, *which, "--enabled", "true")
        used = f"The registry is pinned to its version {version}." if version else ""
        remedies.append(Remedy(title=f"Enable the key {name} in {vault}", detail=used, command=command))
    elif key.key in ("expired", "not-yet-valid"):
        rotate = az("keyvault", "key", "rotate", "--vault-name", vault, "--name", name)
        remedies.append(Remedy(title=f"Rotate the key {name} in {vault}, and point the registry to it", command=rotate))
    if key.identity == "gone" or not remedies:
        show = az("acr", "encryption", "show", "--name", registry.name)
        title = f"Give {registry.name} an identity that exists and may get, wrap and unwrap the key {name} in {vault}"
        remedies.append(Remedy(title=title, detail=f"Portal: {registry.name} > Encryption.", command=show))
    return tuple(remedies)


CAUSE = EncryptionKeyUnreachable()
