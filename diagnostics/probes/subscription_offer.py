"""The offer of the subscription that builds are run in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import Nonsense
from diagnostics.build_facts import SubscriptionOffer
from diagnostics.facts import Workspace
from diagnostics.model import Fact
from diagnostics.probes._shapes import text
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_API = "2022-12-01"


class SubscriptionOfferProbe:
    """Reads the subscription of the workspace's registry, where ACR Tasks would run (api-version 2022-12-01)."""

    name = "subscription-offer"
    title = "the subscription's offer"
    value_type: type = SubscriptionOffer
    needs: tuple[str, ...] = ("workspace",)
    actions: tuple[str, ...] = ("Microsoft.Resources/subscriptions/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return a :class:`SubscriptionOffer`; ``quota_id`` is ``None`` where Azure does not tell it."""
        workspace: Workspace = facts["workspace"]
        home = workspace.container_registry or subject.run.workspace_id
        subscription = resource_part(home, "subscriptions") or ""
        answer = reach.arm.get(f"/subscriptions/{subscription}", api_version=_API)
        if text(answer, "subscriptionId") is None:
            raise Nonsense("a subscription came without its id")
        offer = SubscriptionOffer(id=subscription, quota_id=text(answer, "subscriptionPolicies", "quotaId"))
        return control_plane(offer, "the subscription", reach)


PROBE = SubscriptionOfferProbe()
