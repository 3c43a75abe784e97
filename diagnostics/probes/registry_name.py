"""Whether the registry's name is free in all of Azure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import ReadFailed
from diagnostics.facts import NameAvailability, RegistryLookup
from diagnostics.model import Fact
from diagnostics.probes._shapes import word
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach
from diagnostics.references import registry_name

__all__ = ["PROBE"]


class RegistryNameProbe:
    """Asks ``checkNameAvailability`` (azure-mgmt-containerregistry); a taken name is a plain answer, not an error.

    In azure-mgmt-containerregistry 15 the check has no scope of a domain name label, so it knows no host with a hash.
    """

    name = "registry-name"
    title = "whether the registry's name is free"
    value_type: type = NameAvailability
    needs: tuple[str, ...] = ("registry",)
    actions: tuple[str, ...] = ("Microsoft.ContainerRegistry/checkNameAvailability/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return a :class:`NameAvailability`; only a name with the cloud's own suffix can be asked about."""
        lookup: RegistryLookup = facts["registry"]
        if lookup.found is not None:
            taken = NameAvailability(name=lookup.found.name, available=False, reason="AlreadyExists")
            return control_plane(taken, "the registry's settings", reach)
        name = registry_name(lookup.host)
        if name is None or not lookup.host.endswith(reach.cloud.registry_suffix) or not name.isalnum():
            raise ReadFailed(f"{lookup.host} is not the login server of an Azure container registry")
        if "-" in lookup.host.partition(".")[0]:
            raise ReadFailed(
                f"{lookup.host} has the hash of a domain name label, which Azure's name check does not know"
            )
        subscription = resource_part(subject.run.workspace_id, "subscriptions") or ""
        answer = reach.registries(subscription).registries.check_name_availability(
            {"name": name, "type": "Microsoft.ContainerRegistry/registries"}
        )
        if answer.name_available is None:
            raise ReadFailed("the name check came back without an answer")
        value = NameAvailability(name=name, available=answer.name_available, reason=word(answer.reason))
        return control_plane(value, "Azure's registry name check", reach)


PROBE = RegistryNameProbe()
