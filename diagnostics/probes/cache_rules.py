"""The artifact cache rule that covers the image's repository: where the registry itself fetches it from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from diagnostics.azure.errors import NotFound, ReadFailed
from diagnostics.credential_facts import CacheRule, CacheRules
from diagnostics.facts import RegistryLookup
from diagnostics.model import Fact
from diagnostics.probes._shapes import member, properties_of, text
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_API = "2025-11-01"


class CacheRulesProbe:
    """Lists ``cacheRules`` and reads the credential set of the one that covers the repository (api-version 2025-11-01).

    A credential set names secrets in a key vault; neither their names nor their values are kept.
    """

    name = "cache-rules"
    title = "the registry's cache rules"
    value_type: type = CacheRules
    needs: tuple[str, ...] = ("registry",)
    actions: tuple[str, ...] = (
        "Microsoft.ContainerRegistry/registries/cacheRules/read",
        "Microsoft.ContainerRegistry/registries/credentialSets/read",
    )

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return :class:`CacheRules`; that no rule covers the repository is an answer."""
        lookup: RegistryLookup = facts["registry"]
        if lookup.found is None:
            raise ReadFailed("there is no registry whose cache rules could be read")
        if subject.image is None:
            raise ReadFailed("no repository is known that a cache rule could cover")
        where = lookup.found.id
        found = _covering(reach.arm.pages(f"{where}/cacheRules", api_version=_API), subject.image.repository)
        value = CacheRules(covering=_rule(where, found, reach) if found is not None else None)
        return control_plane(value, "the registry's cache rules", reach)


def _covering(rules: Iterable[Mapping[str, Any]], repository: str) -> Mapping[str, Any] | None:
    """Return the rule with the longest target that covers ``repository``; a target may end in ``*``."""
    covering = [rule for rule in rules if _covers(_target(rule), repository)]
    return max(covering, key=lambda rule: len(_target(rule)), default=None)


def _target(rule: Mapping[str, Any]) -> str:
    return text(rule, "properties", "targetRepository") or ""


def _covers(target: str, repository: str) -> bool:
    if target.endswith("*"):
        return repository.lower().startswith(target[:-1].lower())
    return bool(target) and target.lower() == repository.lower()


def _rule(registry_id: str, rule: Mapping[str, Any], reach: Reach) -> CacheRule:
    stored = (text(rule, "properties", "credentialSetResourceId") or "").rpartition("/")[2]
    health, error = _health(f"{registry_id}/credentialSets/{quote(stored, safe='')}", reach) if stored else ("", "")
    return CacheRule(
        name=text(rule, "name") or "a rule without a name",
        source=text(rule, "properties", "sourceRepository") or "",
        target=_target(rule),
        credential_set=stored or None,
        credential_health=health or None,
        credential_error=error or None,
    )


def _health(path: str, reach: Reach) -> tuple[str, str]:
    """Return what the registry says of the stored credential: ``Healthy``, ``Unhealthy``, or that it is gone."""
    try:
        found = properties_of(reach.arm.get(path, api_version=_API), "the credential set")
    except NotFound:
        return "Unhealthy", "the credential set does not exist (any more)"
    listed = found.get("authCredentials")
    shown = [member(it, "credentialHealth") for it in listed] if isinstance(listed, list) else []
    bad = next((it for it in shown if (text(it, "status") or "").lower() == "unhealthy"), None)
    if bad is None:
        return ("Healthy" if any(text(it, "status") for it in shown) else ""), ""
    return "Unhealthy", " ".join(part for part in (text(bad, "errorCode"), text(bad, "errorMessage")) if part)[:300]


PROBE = CacheRulesProbe()
