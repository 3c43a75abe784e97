"""The registry's own token behind a user name: its state, its passwords' expiry, what its scope map allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from diagnostics.azure.errors import NotFound, ReadFailed
from diagnostics.credential_facts import RegistryToken
from diagnostics.facts import RegistryLookup
from diagnostics.model import Fact
from diagnostics.probes._shapes import member, properties_of, text, when
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_API = "2025-11-01"


class RegistryTokenProbe:
    """Reads ``tokens`` and ``scopeMaps`` (api-version 2025-11-01). A password's value is in no answer of Azure's."""

    name = "registry-token"
    title = "the registry's token of that name"
    value_type: type = RegistryToken
    needs: tuple[str, ...] = ("registry",)
    actions: tuple[str, ...] = (
        "Microsoft.ContainerRegistry/registries/tokens/read",
        "Microsoft.ContainerRegistry/registries/scopeMaps/read",
    )

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return a :class:`RegistryToken`; that there is none of that name is an answer."""
        lookup: RegistryLookup = facts["registry"]
        name = subject.details.registry_username if subject.details else None
        if not name:
            return control_plane(RegistryToken(name="", found=False), "the run's definition", reach)
        if lookup.found is None:
            raise ReadFailed("there is no registry whose tokens could be read")
        try:
            token = reach.arm.get(f"{lookup.found.id}/tokens/{quote(name, safe='')}", api_version=_API)
        except NotFound:
            return control_plane(RegistryToken(name=name, found=False), "the registry's tokens", reach)
        properties = properties_of(token, "the token")
        scope_map = (text(properties, "scopeMapId") or "").rpartition("/")[2]
        listed = member(properties, "credentials", "passwords")
        value = RegistryToken(
            name=text(token, "name") or name,
            found=True,
            enabled=(text(properties, "status") or "enabled").lower() == "enabled",
            expiries=tuple(when(member(it, "expiry")) for it in listed) if isinstance(listed, list) else (),
            scope_map=scope_map or None,
            actions=_actions(lookup.found.id, scope_map, reach) if scope_map else (),
        )
        return control_plane(value, "the registry's tokens", reach)


def _actions(registry_id: str, scope_map: str, reach: Reach) -> tuple[str, ...]:
    found = reach.arm.get(f"{registry_id}/scopeMaps/{quote(scope_map, safe='')}", api_version=_API)
    listed = properties_of(found, "the scope map").get("actions")
    return tuple(it for it in listed if isinstance(it, str)) if isinstance(listed, list) else ()


PROBE = RegistryTokenProbe()
