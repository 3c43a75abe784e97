"""Whether registry and workspace belong to one tenant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import ReadFailed
from diagnostics.credential_facts import RegistryTenancy
from diagnostics.facts import RegistryLookup
from diagnostics.listing import subscription_documents
from diagnostics.model import Fact
from diagnostics.probes._shapes import text
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]


class RegistryTenantProbe:
    """Compares the tenants of the two subscriptions (``Microsoft.Resources/subscriptions``, api-version 2022-12-01).

    A subscription belongs to one tenant; ours may see another's through a delegation. Nothing is asked where
    both are in one subscription.
    """

    name = "registry-tenant"
    title = "the registry's tenant"
    value_type: type = RegistryTenancy
    needs: tuple[str, ...] = ("registry",)
    actions: tuple[str, ...] = ("Microsoft.Resources/subscriptions/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return a :class:`RegistryTenancy`."""
        lookup: RegistryLookup = facts["registry"]
        if lookup.found is None:
            raise ReadFailed("there is no registry in reach whose tenant could be read")
        theirs = (resource_part(lookup.found.id, "subscriptions") or "").lower()
        ours = (resource_part(subject.run.workspace_id, "subscriptions") or "").lower()
        if theirs == ours:
            value = RegistryTenancy(registry_tenant=None, workspace_tenant=None, one_subscription=True)
            return control_plane(value, "the resources' ids", reach)
        listed = {
            str(it.get("subscriptionId") or "").lower(): text(it, "tenantId") for it in subscription_documents(reach)
        }
        value = RegistryTenancy(registry_tenant=listed.get(theirs), workspace_tenant=listed.get(ours))
        return control_plane(value, "the subscriptions", reach)


PROBE = RegistryTenantProbe()
